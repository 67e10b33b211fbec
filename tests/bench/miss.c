/* SPDX-License-Identifier: Apache-2.0 */
/* Flows that come and go, and packets that belong to none; see cases.h. */
#include <arpa/inet.h>

#include "cases.h"

enum { INBOUND_MOST = 200000, STRANGERS = 65000 };
static const uint32_t strangers = 0xc6130000u; /* 198.19.0.0 and on */

void
case_open(struct bench *b, struct result *out)
{
	struct timing t = timing_of(b->machine, b->flows);
	bool opened = bench_fill(b, &t);
	result_time(out, &t, b->tick_ns);
	if (!opened)
		bench_expect(out, "opened and answered", rig_sent(b->rig), 2 * b->flows);
}

/*
 * Flows that live 10 s, and on average half a sweep longer, at a standing number: each round opens
 * some, speaks both ways, and time goes on so that as many of the oldest end. The first pass over
 * all flows fills the table. A sweep meets the oldest flows all in one part of its way, so a group
 * is as long as a sweep. Time goes on from turn to turn, as the sweep's share of a turn is bounded.
 */
void
case_life(struct bench *b, struct result *out)
{
	enum { SWEEPS = 3 };
	struct rig *r = b->rig;
	struct timing t = timing_of(b->machine, TIMING_GROUPS * b->flows / SWEEPS);
	double flow_ns = SWEEPS * SWEEP_MS * 1e6 / (double)b->flows;
	uint64_t sent = rig_sent(r), done = 0, was_ns = r->step_ns;
	for (uint64_t i = 0; t.n < TIMING_GROUPS;) {
		unsigned n = bench_batch_size(i, b->flows);
		r->counted = done >= b->flows;
		uint64_t ticks = bench_batch(b, i, n, 0, TCP_SYN, true);
		ticks += bench_batch(b, i, n, 1, TCP_SYN | TCP_ACK, false);
		ticks += bench_batch(b, i, n, 0, TCP_RST, false);
		double left_ns = flow_ns * n - (double)ticks * b->tick_ns;
		unsigned turns = 3 * ((n + BURST - 1) / BURST);
		r->step_ns = left_ns > 0 ? (uint64_t)(left_ns / turns) : 0;
		done += n;
		if (r->counted)
			timing_add(&t, ticks, n);
		i += n;
		if (i == b->flows) {
			b->traffic->first += b->flows;
			i = 0;
		}
	}
	r->step_ns = was_ns;
	result_time(out, &t, b->tick_ns);
	bench_expect(out, "sent", rig_sent(r) - sent, 3 * done);
}

/* Turns without packets, each a whole sweep's time after the last, so that the hand goes as far in
 * each as it may. */
void
case_expire(struct bench *b, struct result *out)
{
	struct rig *r = b->rig;
	struct worker *w = r->plane.worker[0];
	uint64_t had = w->flows.used4;
	struct timing t = timing_of(b->machine, had);
	unsigned turns = (unsigned)(2 * had / MAX_EXPIRE_STEPS + 8);
	r->skipped_ns += 8000ull * 1000000000;
	r->counted = true;
	for (unsigned i = 0; i < turns && w->flows.used4 != 0; i++) {
		uint64_t before = w->flows.used4;
		uint64_t ticks = rig_turn(r, 0);
		timing_add(&t, ticks, before - w->flows.used4);
		r->skipped_ns += (uint64_t)SWEEP_MS * 1000000;
	}
	result_time(out, &t, b->tick_ns);
	bench_expect(out, "left", w->flows.used4, 0);
}

/* Packets of strangers to random mappings: endpoint-independent filtering opens a flow each. */
void
case_inbound_mapping(struct bench *b, struct result *out)
{
	struct rig *r = b->rig;
	uint64_t room = r->plane.gen->plane->flows_v4 - r->plane.worker[0]->flows.used4;
	uint64_t want = room / 2 < INBOUND_MOST ? room / 2 : INBOUND_MOST, sent = rig_sent(r);
	struct timing t = timing_of(b->machine, want);
	r->counted = true;
	while (t.done < want) {
		unsigned n = bench_batch_size(t.done, want);
		for (unsigned k = 0; k < n; k++) {
			uint64_t x = bench_random(&b->rnd);
			const struct traffic_end *e = &b->traffic->end[bench_below(x, b->flows)];
			struct rte_mbuf *m = rig_buffer(r, k);
			be32 from = htonl(strangers + (uint32_t)(t.done + k) % STRANGERS);
			traffic_raw(m, from, e->addr, htons((uint16_t)(1024 + (x & 0x3fff))),
			            e->port, TCP_SYN);
			rig_put(r, 1, 0, m);
		}
		timing_add(&t, rig_run(r, 0), n);
	}
	result_time(out, &t, b->tick_ns);
	bench_expect(out, "sent", rig_sent(r) - sent, t.done);
}

/* A scan from outside: pool addresses, ports that nobody maps (below the pool's range). */
void
case_scan_miss(struct bench *b, struct result *out)
{
	struct rig *r = b->rig;
	uint64_t drops = rig_drops(r);
	struct timing t = timing_of(b->machine, (uint64_t)TIMING_GROUPS * b->rounds * BATCH);
	r->counted = true;
	while (t.done < t.total) {
		for (unsigned k = 0; k < BATCH; k++) {
			uint64_t x = bench_random(&b->rnd);
			struct rte_mbuf *m = rig_buffer(r, k);
			traffic_raw(m, htonl(strangers + (uint32_t)(x % STRANGERS)),
			            htonl(0xcb000000u + (uint32_t)(x >> 32 & 0xff)),
			            htons((uint16_t)(1024 + (x >> 16 & 0x3fff))),
			            htons((uint16_t)(1 + (x >> 40 & 0x1ff))), TCP_SYN);
			rig_put(r, 1, 0, m);
		}
		timing_add(&t, rig_run(r, 0), BATCH);
	}
	result_time(out, &t, b->tick_ns);
	bench_expect(out, "dropped", rig_drops(r) - drops, t.done);
}
