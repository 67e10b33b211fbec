/* SPDX-License-Identifier: Apache-2.0 */
/* Flows that end together: their policies are asked stage by stage, then told, once each. */
#include "probe.h"

#include "lib/ending.h"

enum { FLOWS = 100, MOST = 256 };

static struct policy_ops ops;
static unsigned staged[PARTING_STAGES], told, seen[MOST];

/* All flows of a chunk come to a stage before one comes to the next, or ends. */
static void
parting(void *state, struct leaving *const *all, unsigned n, unsigned stage)
{
	CU_ASSERT(n <= EXPIRE_CHUNK);
	for (unsigned i = 0; i < n; i++) {
		struct leaving *l = all[i];
		uint16_t port = be16toh(leaving_tuple(l, 0).sport);
		CU_ASSERT_EQUAL(l->hint[1], stage);
		CU_ASSERT(stage == 0 || l->hint[0] == port);
		CU_ASSERT(stage == 0 || staged[stage - 1] > staged[stage]);
		CU_ASSERT(stage == PARTING_STAGES - 1 || staged[stage + 1] == told);
		l->hint[0] = port;
		l->hint[1]++;
		staged[stage]++;
	}
}

static void
ended(void *state, const struct leaving *l, uint32_t now_ms)
{
	const struct tuple t[2] = {leaving_tuple(l, 0), leaving_tuple(l, 1)};
	CU_ASSERT_EQUAL(l->f->proto, t[0].proto);
	CU_ASSERT_EQUAL(l->hint[0], be16toh(t[0].sport));
	CU_ASSERT_EQUAL(be16toh(t[1].dport), be16toh(t[0].sport) + (t[0].family == 4 ? 1000 : 0));
	for (unsigned s = 0; s < PARTING_STAGES; s++)
		CU_ASSERT(staged[s] > told);
	seen[be16toh(t[0].sport) % MOST]++;
	told++;
}

static struct world *
watched(void)
{
	struct world *w = probe_simple();
	for (unsigned i = 0; i < FLOWS; i++)
		probe_arrive(w, WORLD_IN, i % 3 != 0 ?
		             world_frame("10.0.0.10", (uint16_t)(2048 + i), "8.8.8.8", 53, 17) :
		             world_frame("2001:db8:1::10", (uint16_t)(2048 + i), "2001:db8:2::10",
		                         53, 17));
	ops = *w->worker[0]->policy[0].ops;
	ops.parting = parting;
	ops.ended = ended;
	w->worker[0]->policy[0].ops = &ops;
	memset(staged, 0, sizeof(staged));
	memset(seen, 0, sizeof(seen));
	told = 0;
	return w;
}

static void
check_all(struct world *w)
{
	const struct worker *k = w->worker[0];
	CU_ASSERT_EQUAL(told, FLOWS);
	CU_ASSERT_EQUAL(k->stats->flows_ended, FLOWS);
	CU_ASSERT_EQUAL(k->flows.used4 + k->flows.used6, 0);
	for (unsigned i = 0; i < FLOWS; i++)
		CU_ASSERT_EQUAL(seen[i], 1);
	for (unsigned s = 0; s < PARTING_STAGES; s++)
		CU_ASSERT_EQUAL(staged[s], FLOWS);
	ops.ended = NULL;
	world_destroy(w);
}

static void
test_expiry(void)
{
	struct world *w = watched();
	world_advance(w, 100000);
	worker_sweep(w->worker[0], w->now_ns);
	check_all(w);
}

static enum stale
stale(void *state, const struct flow *f)
{
	return STALE_ENDS;
}

static void
test_purge(void)
{
	struct world *w = watched();
	ops.stale = stale;
	w->gen->number++;
	worker_purge(w->worker[0]);
	check_all(w);
}

/* A policy that wants to know nothing. */
static void
test_silent(void)
{
	struct world *w = watched();
	ops.parting = NULL;
	ops.ended = NULL;
	world_advance(w, 100000);
	worker_sweep(w->worker[0], w->now_ns);
	CU_ASSERT_EQUAL(w->worker[0]->stats->flows_ended, FLOWS);
	CU_ASSERT_EQUAL(w->worker[0]->flows.used4 + w->worker[0]->flows.used6, 0);
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"expiry", test_expiry},
	{"purge", test_purge},
	{"without words", test_silent},
};
TEST_MAIN("ending", cases)
