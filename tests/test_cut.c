/* SPDX-License-Identifier: Apache-2.0 */
/* Flows that an operator wants ended: a few entries a turn, one order at a time. */
#include "walk_kit.h"

#include "lib/cut.h"

static struct policy_ops ops;
static unsigned asked;

/* Those whose owner leaves this remainder by 3. */
static bool
chosen(void *state, const struct flow *f, const void *what)
{
	asked++;
	return f->owner % 3 == *(const uint8_t *)what;
}

static struct world *
world_of(unsigned flows)
{
	struct world *w = walk_kit(flows, &ops);
	ops.chosen = chosen;
	asked = 0;
	return w;
}

static uint64_t
post(struct world *w, uint8_t what, uint8_t policy)
{
	return cut_post(w->worker[0]->shared, w->worker, policy, w->gen->number, &what,
	                sizeof(what));
}

static void
test_turns(void)
{
	struct world *w = world_of(600);
	struct worker *k = w->worker[0];
	uint64_t flows;
	worker_poll(k, w->now_ns);
	CU_ASSERT_EQUAL(asked, 0);
	CU_ASSERT_EQUAL(post(w, 1, 0), 1);
	for (unsigned turn = 1; turn <= 600 / CUT_TURN + 1; turn++) {
		CU_ASSERT_EQUAL(cut_busy(k->shared, w->worker, &flows), 1);
		CU_ASSERT_EQUAL(post(w, 2, 0), 0); /* one at a time */
		worker_poll(k, w->now_ns);
		CU_ASSERT_EQUAL(asked, turn * CUT_TURN < 600 ? turn * CUT_TURN : 600);
	}
	CU_ASSERT_EQUAL(cut_busy(k->shared, w->worker, &flows), 0);
	CU_ASSERT(flows == 200 && w->ended == 200);
	CU_ASSERT_EQUAL(k->flows.used4 + k->flows.used6, 400);
	worker_poll(k, w->now_ns);
	CU_ASSERT_EQUAL(asked, 600);
	CU_ASSERT_EQUAL(post(w, 2, 0), 2);
	worker_purge(k);
	CU_ASSERT_EQUAL(cut_busy(k->shared, w->worker, &flows), 0);
	CU_ASSERT(flows == 200 && k->flows.used4 + k->flows.used6 == 200);
	world_destroy(w);
}

/* Flows of another policy are not asked for, later ones neither. */
static void
test_others(void)
{
	struct world *w = world_of(100);
	uint64_t flows;
	CU_ASSERT_EQUAL(post(w, 0, 1), 1);
	worker_purge(w->worker[0]);
	CU_ASSERT(cut_busy(w->worker[0]->shared, w->worker, &flows) == 0 && flows == 0);
	CU_ASSERT_EQUAL(asked, 0);
	CU_ASSERT_EQUAL(post(w, 0, 0), 2);
	for (unsigned turn = 0; turn <= 100 / CUT_TURN; turn++)
		worker_poll(w->worker[0], w->now_ns);
	CU_ASSERT(asked == 100 && cut_busy(w->worker[0]->shared, w->worker, &flows) == 0);
	walk_kit_arrive(w, 500);
	worker_purge(w->worker[0]);
	CU_ASSERT_EQUAL(asked, 100);
	world_destroy(w);
}

/* What it meant may mean something else under the next generation: it ends, and says so. */
static void
test_overtaken(void)
{
	struct world *w = world_of(600);
	struct shared *s = w->worker[0]->shared;
	uint64_t flows;
	CU_ASSERT_EQUAL(post(w, 1, 0), 1);
	worker_poll(w->worker[0], w->now_ns);
	w->gen->number++;
	worker_poll(w->worker[0], w->now_ns);
	CU_ASSERT(cut_busy(s, w->worker, &flows) == 0 && cut_is_short(s, w->worker));
	CU_ASSERT(asked == CUT_TURN && flows != 0 && flows < 200);
	CU_ASSERT_EQUAL(post(w, 1, 0), 2);
	worker_purge(w->worker[0]);
	CU_ASSERT(cut_busy(s, w->worker, &flows) == 0 && !cut_is_short(s, w->worker));
	CU_ASSERT_EQUAL(w->ended, 200);
	world_destroy(w);
}

/* What a policy has beside flows: so many steps in all. */
enum { BESIDE = 3 * CUT_TURN + 1 };

static bool
beside(void *state, const void *what, uint32_t *at, uint32_t steps)
{
	*at = steps < BESIDE - *at ? *at + steps : BESIDE;
	return *at == BESIDE;
}

/* It is over when that is, too: until then there is no other, and a generation ends both. */
static void
test_beside(void)
{
	struct world *w = world_of(30);
	struct worker *k = w->worker[0];
	uint64_t flows;
	ops.cut = beside;
	CU_ASSERT_EQUAL(post(w, 1, 0), 1);
	for (unsigned turn = 1; turn <= 4; turn++) {
		CU_ASSERT_EQUAL(post(w, 2, 0), 0);
		worker_poll(k, w->now_ns);
		CU_ASSERT_EQUAL(k->cutting.beside, turn < 4 ? turn * CUT_TURN : BESIDE);
		CU_ASSERT_EQUAL(cut_busy(k->shared, w->worker, &flows), turn < 4);
	}
	CU_ASSERT_EQUAL(flows, 11);
	CU_ASSERT_EQUAL(post(w, 2, 0), 2);
	worker_poll(k, w->now_ns);
	w->gen->number++;
	worker_poll(k, w->now_ns);
	CU_ASSERT(cut_busy(k->shared, w->worker, &flows) == 0 && flows == 10);
	CU_ASSERT(cut_is_short(k->shared, w->worker) && k->cutting.beside == CUT_TURN);
	CU_ASSERT_EQUAL(post(w, 0, 0), 3);
	worker_purge(k);
	CU_ASSERT(cut_busy(k->shared, w->worker, &flows) == 0 && flows == 9);
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"beside flows", test_beside},
	{"a few a turn", test_turns},
	{"others are left alone", test_others},
	{"overtaken by a generation", test_overtaken},
};
TEST_MAIN("cut", cases)
