/* SPDX-License-Identifier: Apache-2.0 */
/* Established flows whose packets all arrive at the wrong one of two workers. */
#include "cases.h"

static void
put_wrong(struct bench *b, unsigned k)
{
	uint64_t x = bench_random(&b->rnd), i = bench_below(x, b->flows);
	struct rte_mbuf *m = rig_buffer(b->rig, k);
	unsigned dev = traffic_packet(b->traffic, i, x & 1, TCP_ACK, m);
	rig_put(b->rig, dev, !bench_home(b, i), m);
}

void
case_handoff(struct bench *b, struct result *out)
{
	struct rig *r = b->rig;
	uint64_t sent = rig_sent(r);
	struct timing t = timing_of(b->machine, (uint64_t)TIMING_GROUPS * b->rounds * RIG_PACKETS);
	r->counted = true;
	while (t.done < t.total) {
		for (unsigned k = 0; k < RIG_PACKETS; k++)
			put_wrong(b, k);
		uint64_t ticks = bench_run_all(b), before;
		do {
			before = rig_sent(r);
			for (unsigned w = 0; w < r->plane.n_workers; w++)
				ticks += rig_turn(r, w);
		} while (rig_sent(r) != before);
		timing_add(&t, ticks, RIG_PACKETS);
	}
	result_time(out, &t, b->tick_ns);
	bench_expect(out, "sent", rig_sent(r) - sent, t.done);
}
