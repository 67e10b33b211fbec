/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of flows that stand; the index and flow lookup alone. See cases.h. */
#include <rte_cycles.h>

#include "cases.h"
#include "lib/flow_grow.h"
#include "lib/flow_index.h"

enum { GROWN_LEAST = 10000000 };

/* One round of random packets of random flows, both directions. => ticks. */
static uint64_t
hit_round(struct bench *b)
{
	for (unsigned k = 0; k < RIG_PACKETS; k++)
		bench_put_hit(b, k);
	return rig_run(b->rig, 0);
}

static struct timing
hits(struct bench *b)
{
	uint64_t rounds = (uint64_t)TIMING_GROUPS * b->rounds;
	struct timing t = timing_of(b->machine, rounds * RIG_PACKETS);
	b->rig->counted = false;
	hit_round(b);
	b->rig->counted = b->rig->cold == 0;
	for (uint64_t i = 0; i < rounds; i++)
		timing_add(&t, hit_round(b), RIG_PACKETS);
	return t;
}

void
case_hit(struct bench *b, struct result *out)
{
	uint64_t before = rig_sent(b->rig), want = RIG_PACKETS;
	struct timing warm = hits(b);
	result_time(out, &warm, b->tick_ns);
	bench_expect(out, "sent", rig_sent(b->rig) - before, want + warm.done);
	b->rig->cold = 1;
	struct timing cold = hits(b);
	b->rig->cold = 0;
	out->cold_ns = timing_median(&cold) * b->tick_ns;
	bench_memory_parts(b, out);
}

uint64_t
bench_grown(uint64_t flows)
{
	return flows < GROWN_LEAST / 2 ? GROWN_LEAST : 2 * flows;
}

/* One configuration has room for more; another one comes while the worker moves its index. */
void
case_grow(struct bench *b, struct result *out)
{
	struct rig *r = b->rig;
	struct worker *w = r->plane.worker[0];
	struct rig_options more = b->rig_options;
	uint64_t sent = rig_sent(r), opened = w->stats->flows_opened;
	struct timing t = timing_of(b->machine, w->flows.index.buckets / GROW_TURN * BURST);
	more.grown = bench_grown(b->flows);
	uint64_t begin = rte_rdtsc();
	bench_expect(out, "applied", rig_apply(r, &more), true);
	double apply_s = (double)(rte_rdtsc() - begin) * b->tick_ns / 1e9;
	for (unsigned k = 0; plane_grow_settle(&r->plane) != 0 || k == 0; k++) {
		timing_add(&t, hit_round(b), RIG_PACKETS);
		if (k == 1)
			bench_expect(out, "applied", rig_apply(r, &more), true);
	}
	result_time(out, &t, b->tick_ns);
	bench_expect(out, "sent", rig_sent(r) - sent, t.done);
	bench_expect(out, "opened", w->stats->flows_opened - opened, 0);
	bench_expect(out, "room", w->flows.capacity4, more.grown);
	if (!out->failed)
		snprintf(out->note, sizeof(out->note), "room for %llu: %.2f s, %llu packets",
		         (unsigned long long)more.grown, apply_s, (unsigned long long)t.done);
}

/* The index and flow lookup alone, in bursts as the pipeline does it. => how many found. */
static uint64_t
lookup_burst(const struct flow_table *t, const struct tuple4 *key)
{
	uint64_t hash[BURST];
	flow_ref ref[BURST];
	uint64_t found = 0;
	for (unsigned k = 0; k < BURST; k++) {
		hash[k] = tuple4_hash(&key[k], IPPROTO_L4_TCP, 0, t->seed);
		index_ask_once(t->index, hash[k]);
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
	struct flow_table *table = &b->rig->plane.worker[0]->flows;
	struct tuple4 key[RIG_PACKETS];
	uint64_t found = 0;
	struct timing t = timing_of(b->machine, (uint64_t)TIMING_GROUPS * b->rounds * RIG_PACKETS);
	while (t.done < t.total) {
		for (unsigned k = 0; k < RIG_PACKETS; k++) {
			uint64_t x = bench_random(&b->rnd);
			key[k] = traffic_tuple(b->traffic, bench_below(x, b->flows), x & 1);
		}
		uint64_t begin = rte_rdtsc();
		for (unsigned k = 0; k < RIG_PACKETS; k += BURST)
			found += lookup_burst(table, &key[k]);
		timing_add(&t, rte_rdtsc() - begin, RIG_PACKETS);
	}
	result_time(out, &t, b->tick_ns);
	bench_expect(out, "found", found, t.done);
}
