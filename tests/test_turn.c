/* SPDX-License-Identifier: Apache-2.0 */
/* Turns that took long are counted once, as the worker's own or the system's. */
#include "ctl/dataplane/turn.h"

#include "tests/test.h"

#define US ((uint64_t)1000)

static void
late_turns_are_counted(void)
{
	struct stats s = {0};
	struct turn_watch t = {.switches = turn_switches()};
	uint64_t now = TURN_WINDOW_NS;
	turn_begins(&t, &s, now); /* nothing came before it */
	CU_ASSERT_EQUAL(s.turn_longest_ns, 0);
	turn_begins(&t, &s, now += 90 * US);
	turn_begins(&t, &s, now += 30 * US);
	CU_ASSERT_EQUAL(s.turns_late, 0);
	turn_begins(&t, &s, now += TURN_LATE_NS);
	CU_ASSERT_EQUAL(s.turns_late + s.turns_preempted, 0);
	turn_sleeps(&t);
	turn_begins(&t, &s, now += 500 * US); /* it slept */
	CU_ASSERT_EQUAL(s.turns_late + s.turns_preempted, 0);
	turn_late(&t, &s, 300 * US, t.switches);
	CU_ASSERT_EQUAL(s.turns_late, 1);
	CU_ASSERT_EQUAL(s.turns_preempted, 0);
	turn_late(&t, &s, 700 * US, t.switches + 2);
	CU_ASSERT_EQUAL(s.turns_late, 1);
	CU_ASSERT_EQUAL(s.turns_preempted, 1);
	turn_late(&t, &s, 200 * US, t.switches);
	CU_ASSERT_EQUAL(s.turns_late, 2);
}

static void
longest_is_of_a_window(void)
{
	struct stats s = {0};
	struct turn_watch t = {.switches = turn_switches()};
	uint64_t now = 5 * TURN_WINDOW_NS;
	turn_begins(&t, &s, now);
	turn_begins(&t, &s, now += 40 * US);
	turn_late(&t, &s, 300 * US, t.switches);
	turn_late(&t, &s, 900 * US, t.switches + 1); /* not its own */
	turn_begins(&t, &s, now += 20 * US);
	CU_ASSERT_EQUAL(s.turn_longest_ns, 0); /* the window is not over */
	turn_sleeps(&t);
	turn_begins(&t, &s, now += TURN_WINDOW_NS);
	CU_ASSERT_EQUAL(s.turn_longest_ns, 300 * US);
	turn_sleeps(&t);
	turn_begins(&t, &s, now += TURN_WINDOW_NS);
	CU_ASSERT_EQUAL(s.turn_longest_ns, 0);
}

static const struct test_case cases[] = {
	{"late turns are counted", late_turns_are_counted},
	{"longest is of a window", longest_is_of_a_window},
};

int
main(void)
{
	return test_main("turn", cases, sizeof(cases) / sizeof(cases[0]));
}
