/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Established flows under a flood of new tuples that get no flow: what a hit costs then (all
 * the time less that of the flood alone), against what it costs alone. The three are run in turn,
 * a round each, so that what the machine does to one it does to all.
 */
#include <arpa/inet.h>
#include <stdlib.h>

#include "cases.h"

/* A packet of the flood into buffer k. */
typedef void (*flood_put_fn)(struct bench *b, unsigned k);

static void
put_from(struct bench *b, unsigned k, uint64_t subscriber, uint64_t x)
{
	struct rte_mbuf *m = rig_buffer(b->rig, k);
	traffic_raw(m, htonl(TRAFFIC_SUBSCRIBERS + (uint32_t)subscriber),
	            htonl(0xc6130000u + (uint32_t)(x & 0xffff)),
	            htons((uint16_t)(2048 + (x >> 16 & 0x3fff))), htons(9), TCP_SYN);
	rig_put(b->rig, 0, 0, m);
}

/* To the balancer's service, from clients below or above 11.128.0.0 that have no flow. */
static void
put_client(struct bench *b, unsigned k, uint32_t above)
{
	uint64_t x = bench_random(&b->rnd);
	struct rte_mbuf *m = rig_buffer(b->rig, k);
	traffic_raw(m, htonl(0x0b700000u + above + (uint32_t)(x & 0xfffff)), htonl(0xc000020au),
	            htons((uint16_t)(1024 + (x >> 20 & 0x7fff))), htons(80), TCP_SYN);
	rig_put(b->rig, 1, 0, m);
}

static void
put_stranger(struct bench *b, unsigned k)
{
	put_client(b, k, 0);
}

static void
put_denied(struct bench *b, unsigned k)
{
	put_client(b, k, 1u << 23);
}

/* From any of 65536 inside addresses, with and without flows. */
static void
put_any(struct bench *b, unsigned k)
{
	uint64_t x = bench_random(&b->rnd);
	put_from(b, k, x >> 33 & 0xffff, x);
}

/* From an inside address whose block has all its ports in use. */
static void
put_full(struct bench *b, unsigned k)
{
	uint64_t x = bench_random(&b->rnd);
	put_from(b, k, bench_below(x, b->flows / b->traffic->per_subscriber), x);
}

/* Every second packet a hit, the others of the flood; or one of the two alone. => ticks. */
static uint64_t
round_run(struct bench *b, bool hits, flood_put_fn flood)
{
	for (unsigned k = 0; k < RIG_PACKETS; k++) {
		if (k % 2 == 0 && hits)
			bench_put_hit(b, k);
		else if (k % 2 != 0 && flood != NULL)
			flood(b, k);
	}
	return rig_run(b->rig, 0);
}

/* Ticks of each round of a group. */
struct flood_times {
	double *hits, *flood, *both;
};

/* => How much of their speed the hits keep: by medians, so a round that was broken off counts as
 * little as it should. */
static double
group_run(struct bench *b, flood_put_fn put, unsigned rounds, struct flood_times v,
          struct timing *alone)
{
	for (unsigned i = 0; i < rounds; i++) {
		v.hits[i] = (double)round_run(b, true, NULL);
		b->rig->counted = true;
		uint64_t flood = round_run(b, false, put);
		b->rig->counted = false;
		v.both[i] = (double)round_run(b, true, put);
		v.flood[i] = (double)flood;
		timing_add(alone, flood, BATCH);
	}
	double both = bench_median(v.both, rounds), flood = bench_median(v.flood, rounds);
	return bench_median(v.hits, rounds) / (both - flood);
}

/* As many new tuples as there are flows, at least. */
static void
flood_run(struct bench *b, flood_put_fn put, bool is_sent, struct result *out)
{
	double kept[TIMING_GROUPS];
	unsigned rounds = (unsigned)(b->flows / (2 * BATCH * TIMING_GROUPS)) + 1;
	rounds = rounds > b->rounds ? rounds : b->rounds;
	double *v = malloc(3 * rounds * sizeof(*v));
	bench_expect(out, "memory for the times", v != NULL, true);
	if (v == NULL)
		return;
	uint64_t drops = rig_drops(b->rig), sent = rig_sent(b->rig);
	struct timing alone = timing_of(b->machine, (uint64_t)TIMING_GROUPS * rounds * BATCH);
	struct flood_times times = {v, v + rounds, v + 2 * rounds};
	for (unsigned g = 0; g < TIMING_GROUPS; g++)
		kept[g] = group_run(b, put, rounds, times, &alone);
	free(v);
	result_time(out, &alone, b->tick_ns);
	out->ratio = bench_median(kept, TIMING_GROUPS);
	uint64_t flood = 2 * alone.done; /* alone, and with hits, of which there are as many */
	bench_expect(out, "sent", rig_sent(b->rig) - sent, is_sent ? 2 * flood : flood);
	bench_expect(out, "flood dropped", rig_drops(b->rig) - drops, is_sent ? 0 : flood);
}

void
case_syn_flood(struct bench *b, struct result *out)
{
	flood_run(b, put_any, false, out);
}

/* A flow for each of a batch of inside addresses that have none. => how many were opened. */
static uint64_t
strangers_open(struct bench *b, uint64_t first)
{
	uint64_t sent = rig_sent(b->rig);
	for (unsigned k = 0; k < BATCH; k++)
		put_from(b, k, first + k, 0);
	rig_run(b->rig, 0);
	return rig_sent(b->rig) - sent;
}

/* The pool's blocks are given away, one to each inside address that asks, until none is left. */
void
case_pool_full(struct bench *b, struct result *out)
{
	enum { REFUSED_ENOUGH = 16 };
	uint64_t next = b->flows / b->traffic->per_subscriber + 1;
	for (unsigned refused = 0; refused < REFUSED_ENOUGH; next += BATCH)
		refused = strangers_open(b, next) == 0 ? refused + 1 : 0;
	const struct flow_table *t = &b->rig->plane.worker[0]->flows;
	if (t->used4 == t->capacity4)
		bench_expect(out, "room for flows", 0, 1);
	flood_run(b, put_full, false, out);
}

/* Every flow with its whole handshake, so that none is half-open when the flood begins. */
static void
handshakes(struct bench *b, struct result *out)
{
	uint64_t sent = rig_sent(b->rig);
	unsigned n;
	for (uint64_t i = 0; i < b->flows; i += n) {
		n = bench_batch_size(i, b->flows);
		bench_batch(b, i, n, 0, TCP_SYN, true);
		bench_batch(b, i, n, 1, TCP_SYN | TCP_ACK, false);
		bench_batch(b, i, n, 0, TCP_ACK, false);
	}
	bench_expect(out, "handshakes sent", rig_sent(b->rig) - sent, 3 * b->flows);
}

/* What a flood leaves behind is its bound of half-open flows: each of them, and no more. */
void
case_lb_flood(struct bench *b, struct result *out)
{
	const struct flow_table *t = &b->rig->plane.worker[0]->flows;
	handshakes(b, out);
	bench_expect(out, "flows", t->used4, b->flows);
	flood_run(b, put_stranger, true, out);
	bench_expect(out, "flows under the flood", t->used4, b->flows + RIG_HALF_OPEN);
}

/* No service has a bound here but the table's own; what it has no room for is sent on. */
void
case_lb_full(struct bench *b, struct result *out)
{
	const struct flow_table *t = &b->rig->plane.worker[0]->flows;
	bench_expect(out, "flows in a full table", t->used4, t->capacity4);
	flood_run(b, put_stranger, true, out);
	bench_expect(out, "flows under the flood", t->used4, b->flows);
}

void
case_lb_denied(struct bench *b, struct result *out)
{
	const struct flow_table *t = &b->rig->plane.worker[0]->flows;
	handshakes(b, out);
	flood_run(b, put_denied, false, out);
	bench_expect(out, "flows under the flood", t->used4, b->flows);
}
