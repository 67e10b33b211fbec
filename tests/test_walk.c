/* SPDX-License-Identifier: Apache-2.0 */
/* Walks over a worker's flows: each of the beginning once, a few at a time. */
#include "walk_kit.h"

#include "lib/walk.h"

static unsigned met;

/* Every third of each slab. */
static bool
is_third(const struct worker *w, struct flow *f)
{
	met++;
	return f->owner % 3 == 0;
}

static bool
is_any(const struct worker *w, struct flow *f)
{
	return true;
}

/* All are met once, whatever the steps; so many end as were chosen, and are counted. */
static void
test_steps(void)
{
	static const uint32_t steps[] = {1, 7, 16, 100, 119, 120, UINT32_MAX};
	static struct policy_ops ops;
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct world *w = walk_kit(120, &ops);
		struct worker *k = w->worker[0];
		struct walk walk;
		uint32_t ended = 0, turns = 0;
		walk_begin(k, &walk);
		for (met = 0; !walk_is_over(&walk); turns++) {
			ended += walk_on(k, &walk, steps[i], is_third);
			CU_ASSERT(met <= (uint64_t)(turns + 1) * steps[i]);
		}
		CU_ASSERT(met == 120 && ended == 40 && w->ended == 40);
		CU_ASSERT_EQUAL(k->flows.used4 + k->flows.used6, 80);
		CU_ASSERT_EQUAL(walk_on(k, &walk, 9, is_any), 0);
		walk_begin(k, &walk);
		CU_ASSERT_EQUAL(walk_on(k, &walk, UINT32_MAX, is_any), 80);
		CU_ASSERT_EQUAL(k->flows.used4 + k->flows.used6, 0);
		world_destroy(w);
	}
}

/* What is opened after the beginning is not met; nothing is nothing to walk over. */
static void
test_later(void)
{
	static struct policy_ops ops;
	struct world *w = walk_kit(0, &ops);
	struct worker *k = w->worker[0];
	struct walk walk;
	walk_begin(k, &walk);
	CU_ASSERT(walk_is_over(&walk));
	for (unsigned i = 0; i < 8; i++)
		walk_kit_arrive(w, i);
	CU_ASSERT_EQUAL(walk_on(k, &walk, 100, is_any), 0);
	CU_ASSERT_EQUAL(k->flows.used4 + k->flows.used6, 8);
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"each once", test_steps},
	{"later flows are not met", test_later},
};
TEST_MAIN("walk", cases)
