/* SPDX-License-Identifier: Apache-2.0 */
/* When SYNs are answered with cookies. */
#include "lb/lb_syn.h"

#include "test.h"

static const uint64_t TICK_NS = 1ull << LB_SYN_TICK_BITS;
static struct lb_syn table[LB_SYN_SLOTS];

static void
test_fixed(void)
{
	struct img_lb_service off = {.id = 1}, on = {.id = 2, .syn_mode = LB_SYN_ALWAYS};
	for (unsigned i = 0; i < 100; i++) {
		CU_ASSERT_FALSE(lb_syn_gives(table, &off, 1, i * TICK_NS));
		CU_ASSERT_TRUE(lb_syn_gives(table, &on, 1, i * TICK_NS));
	}
	CU_ASSERT_TRUE(lb_syn_is_on(table, &on, 0) && lb_syn_takes(table, &on, 0));
	CU_ASSERT_FALSE(lb_syn_is_on(table, &off, 0) || lb_syn_takes(table, &off, 0));
}

/* Up to the rate plain, then cookies until it has been quiet for a while; they are taken longer. */
static void
test_auto(void)
{
	enum { RATE = 100, WORKERS = 2, SHARE = RATE / WORKERS };
	struct img_lb_service s = {.id = 3, .syn_mode = LB_SYN_AUTO, .syn_rate = RATE};
	uint64_t t = 1000 * TICK_NS;
	for (unsigned second = 0; second < 3; second++)
		for (unsigned i = 0; i < SHARE; i++)
			CU_ASSERT_FALSE(lb_syn_gives(table, &s, WORKERS, t + second * TICK_NS));
	CU_ASSERT_FALSE(lb_syn_takes(table, &s, t));
	t += 3 * TICK_NS;
	for (unsigned i = 0; i < SHARE; i++)
		CU_ASSERT_FALSE(lb_syn_gives(table, &s, WORKERS, t));
	CU_ASSERT_TRUE(lb_syn_gives(table, &s, WORKERS, t));
	CU_ASSERT_TRUE(lb_syn_is_on(table, &s, t + LB_SYN_HOLD * TICK_NS));
	CU_ASSERT_TRUE(lb_syn_gives(table, &s, WORKERS, t + LB_SYN_HOLD * TICK_NS));
	t += (1 + LB_SYN_HOLD) * TICK_NS;
	CU_ASSERT_FALSE(lb_syn_is_on(table, &s, t));
	CU_ASSERT_FALSE(lb_syn_gives(table, &s, WORKERS, t));
	CU_ASSERT_TRUE(lb_syn_takes(table, &s, t));
	CU_ASSERT_TRUE(lb_syn_takes(table, &s, t + (LB_SYN_TRUST - 1) * TICK_NS));
	CU_ASSERT_FALSE(lb_syn_takes(table, &s, t + LB_SYN_TRUST * TICK_NS));
}

static const struct test_case cases[] = {
	{"off and always", test_fixed},
	{"auto", test_auto},
};
TEST_MAIN("lb_syn", cases)
