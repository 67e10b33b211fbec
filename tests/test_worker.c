/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's turn: expiry, generations. */
#include "probe.h"

static void
test_sweep(void)
{
	struct world *w = probe_simple();
	for (uint16_t port = 2000; port < 2100; port++)
		probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", port, "8.8.8.8", 53, 17));
	world_advance(w, WORLD_IDLE_MS + 1);
	worker_sweep(w->worker[0], w->now_ns);
	CU_ASSERT_EQUAL(w->ended, 100);
	CU_ASSERT_EQUAL(w->worker[0]->stats->flows_v4, 0);
	/* And by the hand alone, within SWEEP_MS. */
	for (uint16_t port = 2000; port < 2100; port++)
		probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", port, "8.8.8.8", 53, 17));
	world_advance(w, WORLD_IDLE_MS + 1);
	for (unsigned ms = 0; ms < SWEEP_MS + 200; ms += 20) {
		world_poll(w);
		world_advance(w, 20);
	}
	CU_ASSERT_EQUAL(w->ended, 200);
	world_destroy(w);
}

/* However often it has its turn, a whole round takes SWEEP_MS, and flows end many at a time. */
static void
test_round(void)
{
	enum { FLOWS = 700 };
	for (unsigned step_ms = 1; step_ms <= 31; step_ms += 5) {
		struct world *w = probe_simple();
		for (unsigned i = 0; i < FLOWS; i++) {
			probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", (uint16_t)(2000 + i),
			                                      "8.8.8.8", 53, 17));
			world_drain(w);
		}
		worker_sweep(w->worker[0], w->now_ns);
		world_poll(w);
		world_advance(w, WORLD_IDLE_MS + 1);
		unsigned turns = 0, before = w->ended;
		for (unsigned ms = 0; ms < SWEEP_MS + SWEEP_MS / 4; ms += step_ms) {
			world_advance(w, step_ms);
			world_poll(w);
			turns += w->ended != before;
			CU_ASSERT(w->ended - before <= MAX_EXPIRE_STEPS);
			before = w->ended;
		}
		CU_ASSERT_EQUAL(w->ended, FLOWS);
		CU_ASSERT(turns <= FLOWS / LEAST_EXPIRE_STEPS + 2);
		world_destroy(w);
	}
}

static void
test_generation(void)
{
	struct world *w = probe_simple();
	probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17));
	world_regenerate(w);
	CU_ASSERT_EQUAL(w->worker[0]->stats->generation, 2);
	probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17));
	CU_ASSERT_TRUE(probe_take(w, 1) && probe_take(w, 1));
	CU_ASSERT_EQUAL(w->opened, 1);
	w->gen->route_gen++;
	w->worker[0]->flows.v4[1].f.nexthop[1] = 9;
	probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17));
	CU_ASSERT_TRUE(probe_take(w, 1));
	CU_ASSERT_EQUAL(w->worker[0]->flows.v4[1].f.nexthop[1], NEXTHOP_NONE);
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"sweep", test_sweep},
	{"a round", test_round},
	{"generation", test_generation},
};
TEST_MAIN("worker", cases)
