/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, hitting, missing: the cases that run packets through one worker; see cases.h. */
#include "cases.h"

#include <arpa/inet.h>
#include <stdio.h>

#include <rte_cycles.h>

#include "lib/flow_index.h"

enum { GROUPS = 9, BATCH = RIG_PACKETS / 2 };

static void
fail(struct result *out, const char *what, uint64_t got, uint64_t want)
{
	out->failed = true;
	snprintf(out->note, sizeof(out->note), "%s: %llu of %llu", what, (unsigned long long)got,
	         (unsigned long long)want);
}

/* The worker that a NIC that steers would give flow i to. */
static unsigned
home(const struct bench *b, uint64_t i)
{
	return b->rig->plane.n_workers == 1 ? 0 : traffic_home(b->traffic, b->rig, i);
}

static uint64_t
run_all(struct rig *r)
{
	uint64_t ticks = 0;
	for (unsigned w = 0; w < r->plane.n_workers; w++)
		ticks += rig_run(r, w);
	return ticks;
}

/* A batch of packets of flows from, from+1, … in one direction, run and (dir 0, SYN) learnt. */
static uint64_t
batch_run(struct bench *b, uint64_t from, unsigned n, unsigned dir, uint8_t flags, bool learn)
{
	struct rig *r = b->rig;
	for (unsigned k = 0; k < n; k++) {
		struct rte_mbuf *m = rig_buffer(r, k);
		unsigned dev = traffic_packet(b->traffic, from + k, dir, flags, m);
		rig_put(r, dev, home(b, from + k), m);
	}
	uint64_t ticks = run_all(r);
	for (unsigned k = 0; learn && k < n; k++)
		traffic_learn(b->traffic, from + k, rig_buffer_at(r, k));
	return ticks;
}

double
bench_fill(struct bench *b)
{
	uint64_t ticks = 0, before = rig_sent(b->rig);
	for (uint64_t i = 0; i < b->flows; i += BATCH) {
		unsigned n = (unsigned)(b->flows - i < BATCH ? b->flows - i : BATCH);
		ticks += batch_run(b, i, n, 0, TCP_SYN, true);
	}
	for (uint64_t i = 0; i < b->flows; i += BATCH) {
		unsigned n = (unsigned)(b->flows - i < BATCH ? b->flows - i : BATCH);
		batch_run(b, i, n, 1, TCP_SYN | TCP_ACK, false);
	}
	if (rig_sent(b->rig) - before != 2 * b->flows)
		return -1;
	return (double)ticks * b->rig->machine.tick_ns / (double)b->flows;
}

/* One round of random packets of random flows, both directions. => ticks. */
static uint64_t
hit_round(struct bench *b)
{
	for (unsigned k = 0; k < RIG_PACKETS; k++) {
		uint64_t r = bench_random(&b->rnd);
		uint64_t i = (uint64_t)(((unsigned __int128)r * b->flows) >> 64);
		struct rte_mbuf *m = rig_buffer(b->rig, k);
		rig_put(b->rig, traffic_packet(b->traffic, i, r & 1, TCP_ACK, m), 0, m);
	}
	return rig_run(b->rig, 0);
}

static double
hit_ns(struct bench *b)
{
	double v[GROUPS];
	hit_round(b);
	for (unsigned g = 0; g < GROUPS; g++) {
		uint64_t ticks = 0;
		for (unsigned i = 0; i < b->rounds; i++)
			ticks += hit_round(b);
		v[g] = (double)ticks * b->rig->machine.tick_ns / ((double)b->rounds * RIG_PACKETS);
	}
	return bench_median(v, GROUPS);
}

void
case_hit(struct bench *b, struct result *out)
{
	uint64_t before = rig_sent(b->rig), want = (uint64_t)(GROUPS * b->rounds + 1) * RIG_PACKETS;
	out->ns = hit_ns(b);
	if (rig_sent(b->rig) - before != want)
		fail(out, "sent", rig_sent(b->rig) - before, want);
	b->rig->cold = 1;
	out->cold_ns = hit_ns(b);
	b->rig->cold = 0;
	out->bytes_per_flow = (double)b->memory / (double)b->flows;
}

/* The index and flow lookup alone, in bursts of 32 as the pipeline does it. */
static uint64_t
lookup_burst(const struct flow_table *t, const struct tuple4 *key)
{
	uint64_t hash[BURST];
	flow_ref ref[BURST];
	uint64_t found = 0;
	for (unsigned k = 0; k < BURST; k++) {
		hash[k] = tuple4_hash(&key[k], IPPROTO_L4_TCP, 0, t->seed);
		index_prefetch(t, hash[k]);
	}
	for (unsigned k = 0; k < BURST; k++) {
		ref[k] = index_match(t, hash[k]);
		flow_prefetch(t, ref[k]);
	}
	for (unsigned k = 0; k < BURST; k++) {
		if (ref[k] == 0 || !flow_is4(t, ref[k], &key[k], IPPROTO_L4_TCP, 0))
			ref[k] = flow_find4(t, &key[k], IPPROTO_L4_TCP, 0, hash[k]);
		if (ref[k] != 0) {
			flow_ptr4(t, ref[k])->f.seen_ms++;
			found++;
		}
	}
	return found;
}

void
case_lookup(struct bench *b, struct result *out)
{
	struct flow_table *t = &b->rig->plane.worker[0]->flows;
	struct tuple4 key[BURST];
	double v[GROUPS];
	uint64_t found = 0, n = 0;
	for (unsigned g = 0; g < GROUPS; g++) {
		uint64_t ticks = 0;
		for (unsigned i = 0; i < b->rounds * (RIG_PACKETS / BURST); i++) {
			for (unsigned k = 0; k < BURST; k++) {
				uint64_t x = bench_random(&b->rnd);
				uint64_t f = (uint64_t)(((unsigned __int128)x * b->flows) >> 64);
				key[k] = traffic_tuple(b->traffic, f, x & 1);
			}
			uint64_t begin = rte_rdtsc();
			found += lookup_burst(t, key);
			ticks += rte_rdtsc() - begin;
			n += BURST;
		}
		v[g] = (double)ticks * b->rig->machine.tick_ns / ((double)b->rounds * RIG_PACKETS);
	}
	out->ns = bench_median(v, GROUPS);
	if (found != n)
		fail(out, "found", found, n);
}

void
case_open(struct bench *b, struct result *out)
{
	out->ns = bench_fill(b);
	if (out->ns < 0)
		fail(out, "opened and answered", rig_sent(b->rig), 2 * b->flows);
	out->bytes_per_flow = (double)b->memory / (double)b->flows;
}

/* Flows that live 10 s, and on average half a sweep longer, at a standing number: each round opens
 * some, speaks both ways, and time goes on so that as many of the oldest end. */
void
case_life(struct bench *b, struct result *out)
{
	struct rig *r = b->rig;
	uint64_t step_ns = (uint64_t)(12e9 * BATCH / (double)b->flows), ticks = 0, done = 0;
	uint64_t sent = rig_sent(r), total = 2 * b->flows;
	for (uint64_t i = 0; done < total; i = (i + BATCH) % b->flows) {
		unsigned n = (unsigned)(b->flows - i < BATCH ? b->flows - i : BATCH);
		uint64_t t = batch_run(b, i, n, 0, TCP_SYN, true);
		t += batch_run(b, i, n, 1, TCP_SYN | TCP_ACK, false);
		t += batch_run(b, i, n, 0, TCP_RST, false);
		r->skipped_ns += step_ns;
		done += n;
		if (done > b->flows)
			ticks += t;
		if (i + BATCH >= b->flows)
			b->traffic->first += b->flows;
	}
	out->ns = (double)ticks * r->machine.tick_ns / (double)b->flows;
	if (rig_sent(r) - sent < 3 * done)
		fail(out, "sent", rig_sent(r) - sent, 3 * done);
}

void
case_expire(struct bench *b, struct result *out)
{
	struct worker *w = b->rig->plane.worker[0];
	uint64_t had = w->flows.used4;
	b->rig->skipped_ns += 8000ull * 1000000000;
	uint64_t begin = rte_rdtsc();
	worker_sweep(w, rig_now(b->rig));
	uint64_t ticks = rte_rdtsc() - begin;
	out->ns = (double)ticks * b->rig->machine.tick_ns / (double)(had > 0 ? had : 1);
	if (had == 0 || w->flows.used4 != 0)
		fail(out, "left", w->flows.used4, had);
}

/* Packets of strangers to random mappings: endpoint-independent filtering opens a flow each. */
void
case_inbound_mapping(struct bench *b, struct result *out)
{
	struct rig *r = b->rig;
	uint64_t ticks = 0, n = 0, sent = rig_sent(r);
	uint64_t room = b->rig->plane.gen->plane->flows_v4 - b->rig->plane.worker[0]->flows.used4;
	uint64_t want = room / 2 < 200000 ? room / 2 : 200000;
	while (n < want) {
		for (unsigned k = 0; k < BATCH; k++) {
			uint64_t x = bench_random(&b->rnd);
			uint64_t f = (uint64_t)(((unsigned __int128)x * b->flows) >> 64);
			const struct traffic_end *e = &b->traffic->end[f];
			struct rte_mbuf *m = rig_buffer(r, k);
			traffic_raw(m, htonl(0xc6130000u + (uint32_t)(n + k) % 65000), e->addr,
			            htons((uint16_t)(1024 + (x & 0x3fff))), e->port, TCP_SYN);
			rig_put(r, 1, 0, m);
		}
		ticks += rig_run(r, 0);
		n += BATCH;
	}
	out->ns = (double)ticks * r->machine.tick_ns / (double)(n > 0 ? n : 1);
	if (n == 0 || rig_sent(r) - sent < n * 99 / 100)
		fail(out, "sent", rig_sent(r) - sent, n);
}

/* A scan from outside: pool addresses, ports that nobody maps (below the pool's range). */
void
case_scan_miss(struct bench *b, struct result *out)
{
	struct rig *r = b->rig;
	uint64_t ticks = 0, drops = rig_drops(r), n = 0;
	for (unsigned i = 0; i < 8 * b->rounds; i++) {
		for (unsigned k = 0; k < BATCH; k++) {
			uint64_t x = bench_random(&b->rnd);
			struct rte_mbuf *m = rig_buffer(r, k);
			traffic_raw(m, htonl(0xc6130000u + (uint32_t)(x % 65000)),
			            htonl(0xcb000000u + (uint32_t)(x >> 32 & 0xff)),
			            htons((uint16_t)(1024 + (x >> 16 & 0x3fff))),
			            htons((uint16_t)(1 + (x >> 40 & 0x1ff))), TCP_SYN);
			rig_put(r, 1, 0, m);
		}
		ticks += rig_run(r, 0);
		n += BATCH;
	}
	out->ns = (double)ticks * r->machine.tick_ns / (double)n;
	if (rig_drops(r) - drops != n)
		fail(out, "dropped", rig_drops(r) - drops, n);
}

/* A SYN that would open a new flow; there is no room for one. */
static void
flood_put(struct bench *b, unsigned k)
{
	uint64_t x = bench_random(&b->rnd);
	struct rte_mbuf *m = rig_buffer(b->rig, k);
	traffic_raw(m, htonl(0x0a000000u + 256 + (uint32_t)(x >> 33 & 0xffff)),
	            htonl(0xc6130000u + (uint32_t)(x & 0xffff)),
	            htons((uint16_t)(1024 + (x >> 16 & 0x3fff))), htons(9), TCP_SYN);
	rig_put(b->rig, 0, 0, m);
}

/* Every second packet a hit, the others of the flood (or none of them). => ns in all. */
static double
flood_ns(struct bench *b, bool hits, bool flood, uint64_t rounds)
{
	uint64_t ticks = 0;
	for (uint64_t i = 0; i < rounds; i++) {
		for (unsigned k = 0; k < RIG_PACKETS; k++) {
			uint64_t x = bench_random(&b->rnd);
			uint64_t f = (uint64_t)(((unsigned __int128)x * b->flows) >> 64);
			struct rte_mbuf *m = rig_buffer(b->rig, k);
			if (k % 2 != 0 && flood)
				flood_put(b, k);
			else if (k % 2 == 0 && hits)
				rig_put(b->rig, traffic_packet(b->traffic, f, x & 1, TCP_ACK, m), 0,
				        m);
		}
		ticks += rig_run(b->rig, 0);
	}
	return (double)ticks * b->rig->machine.tick_ns;
}

/*
 * Established flows while SYNs of new tuples beat on a full table: what a hit costs then (all the
 * time less that of the flood alone), against what it costs alone.
 */
void
case_syn_flood(struct bench *b, struct result *out)
{
	double kept[GROUPS], syn[GROUPS];
	uint64_t rounds = b->rounds, n = rounds * RIG_PACKETS / 2;
	uint64_t drops = rig_drops(b->rig), sent = rig_sent(b->rig);
	for (unsigned g = 0; g < GROUPS; g++) {
		double hits = flood_ns(b, true, false, rounds);
		double flood = flood_ns(b, false, true, rounds);
		double both = flood_ns(b, true, true, rounds);
		kept[g] = hits / (both - flood);
		syn[g] = flood / (double)n;
	}
	out->ratio = bench_median(kept, GROUPS);
	out->ns = bench_median(syn, GROUPS);
	sent = rig_sent(b->rig) - sent;
	drops = rig_drops(b->rig) - drops;
	if (sent != 2 * GROUPS * n)
		fail(out, "hits sent", sent, 2 * GROUPS * n);
	else if (drops != 2 * GROUPS * n)
		fail(out, "flood dropped", drops, 2 * GROUPS * n);
}

/* Established flows whose packets all arrive at the wrong one of two workers. */
void
case_handoff(struct bench *b, struct result *out)
{
	struct rig *r = b->rig;
	uint64_t ticks = 0, n = (uint64_t)b->rounds * RIG_PACKETS, sent = rig_sent(r);
	for (unsigned i = 0; i < b->rounds; i++) {
		for (unsigned k = 0; k < RIG_PACKETS; k++) {
			uint64_t x = bench_random(&b->rnd);
			uint64_t f = (uint64_t)(((unsigned __int128)x * b->flows) >> 64);
			struct rte_mbuf *m = rig_buffer(r, k);
			unsigned dev = traffic_packet(b->traffic, f, x & 1, TCP_ACK, m);
			rig_put(r, dev, !home(b, f), m);
		}
		ticks += run_all(r);
		uint64_t begin = rte_rdtsc();
		for (unsigned w = 0; w < r->plane.n_workers; w++)
			while (worker_poll(r->plane.worker[w], rig_now(r)) != 0)
				;
		ticks += rte_rdtsc() - begin;
	}
	out->ns = (double)ticks * r->machine.tick_ns / (double)n;
	if (rig_sent(r) - sent != n)
		fail(out, "sent", rig_sent(r) - sent, n);
}
