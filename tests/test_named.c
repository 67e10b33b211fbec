/* SPDX-License-Identifier: Apache-2.0 */
/* Flows that each packet asks for: by name, by owner, and when names go to others. */
#include "lib/named.h"

#include "probe.h"

/* Each packet asks the policy: it goes by the flow of that name, and replies find theirs. */
static void
test_named(void)
{
	struct world *w = probe_simple();
	w->names = 3;
	for (unsigned i = 0; i < 9; i++) {
		probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17));
		CU_ASSERT_TRUE_FATAL(probe_take(w, 1));
		CU_ASSERT_EQUAL(probe_view.f.sport, 3000 + i % 3 * 100);
	}
	CU_ASSERT_EQUAL(w->opened, 3);
	CU_ASSERT_EQUAL(w->undone, 6);
	for (uint16_t port = 3000; port <= 3200; port += 100) {
		probe_arrive(w, WORLD_OUT, world_frame("8.8.8.8", 53, "198.51.100.1", port, 17));
		CU_ASSERT_TRUE_FATAL(probe_take(w, 0));
		CU_ASSERT_EQUAL(probe_view.f.dport, 2000);
	}
	w->owner = 50; /* the names are others' now: their flows go */
	for (unsigned i = 0; i < 6; i++)
		probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17));
	CU_ASSERT_EQUAL(w->ended, 3);
	CU_ASSERT_EQUAL(w->opened, 6);
	CU_ASSERT_EQUAL(w->worker[0]->flows.used4, 3);
	w->now_ns += 3600 * (uint64_t)1000000000; /* idle, and not swept: another in its place */
	probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17));
	CU_ASSERT_EQUAL(w->opened, 7);
	CU_ASSERT_EQUAL(WORLD_SUM(w, forwarded), 9 + 3 + 6 + 1);
	world_destroy(w);
}

/* Names shift under living flows, as rows do when one before them goes or comes: each owner keeps
 * its flow, found by its reply or, where that is another each time, by the other names. */
static void
test_names_shift(void)
{
	static const struct {
		int first;
		unsigned names;
		bool fresh;
	} then[] = {{1, 2, false}, {-1, 4, false}, {1, 2, true}};
	for (unsigned c = 0; c < 3; c++) {
		struct world *w = probe_simple();
		unsigned more = then[c].first < 0, n = 3 + 3 * then[c].names;
		w->names = 3;
		w->owner = 50;
		for (unsigned i = 0; i < n; i++) {
			if (i == 3) {
				w->names = then[c].names;
				w->first_row = then[c].first;
				w->fresh_ports = then[c].fresh;
				w->asked = 0;
			}
			int k = i < 3 ? (int)i : (int)((i - 3) % w->names) + w->first_row;
			probe_arrive(w, WORLD_IN,
			             world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17));
			CU_ASSERT_TRUE_FATAL(probe_take(w, 1));
			CU_ASSERT_EQUAL(probe_view.f.sport, 3000 + k * 100);
		}
		CU_ASSERT_EQUAL(w->opened, 3 + more);
		CU_ASSERT_EQUAL(w->undone, n - 3 - more);
		CU_ASSERT_EQUAL(w->ended, 0);
		world_destroy(w);
	}
}

/* A name stands where a realm would, and is not one that is gone. */
static void
test_is_no_realm(void)
{
	struct world *w = probe_simple();
	w->names = 3;
	for (unsigned i = 0; i < 3; i++)
		probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17));
	struct worker *k = w->worker[0];
	k->realms |= 8;
	w->gen->number++;
	worker_purge(k);
	CU_ASSERT_EQUAL(k->realms, w->gen->realms);
	CU_ASSERT_EQUAL(w->ended, 0);
	CU_ASSERT_EQUAL(k->flows.used4, 3);
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"flows by name", test_named},
	{"names shift", test_names_shift},
	{"a name is no realm", test_is_no_realm},
};
TEST_MAIN("named", cases)
