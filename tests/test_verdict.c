/* SPDX-License-Identifier: Apache-2.0 */
/* From results to verdicts: rows of times and results, and what must have become of them. */
#include <string.h>

#include "ctl/api/verdict.h"
#include "test.h"

enum { MAX_RESULTS = 40 };
static const uint64_t SECOND = 1000000000, START = 1700000000ull * 1000000000;

static const struct check_rule plain = {.rise = 2, .fall = 3};
static const struct check_rule quick = {.rise = 1, .fall = 1};
static const struct check_rule damped = {.rise = 1, .fall = 1, .changes = 3, .period_s = 100,
                                         .hold_s = 20};
static const struct check_rule slow_damped = {.rise = 3, .fall = 2, .changes = 1, .period_s = 100,
                                              .hold_s = 5};

/*
 * results: one letter a second: + passed, - failed, . nothing. changes: what came of it: u rose,
 * d fell, h fell and is held, and a blank where nothing changed.
 */
static const struct {
	const char *what;
	const struct check_rule *rule;
	const char *results, *changes;
} rows[] = {
	{"the first result decides: up", &plain, "+", "u"},
	{"the first result decides: down", &plain, "-", "d"},
	{"three failures", &plain, "+---", "u  d"},
	{"a pass between them", &plain, "+--+--+-", "u       "},
	{"failures go on", &plain, "+-----", "u  d  "},
	{"two passes", &plain, "-++", "d u"},
	{"a failure between them", &plain, "-+-+-+", "d     "},
	{"down, and up, and down", &plain, "+---++---", "u  d u  d"},
	{"gaps mean nothing", &plain, "+..-..-..-..+..+", "u        d     u"},
	{"one is enough", &quick, "+-+-", "udud"},
	{"no damping, however often", &quick, "+-+-+-+-+-+-", "udududududud"},
	{"the third fall is held", &damped, "+-+-+-", "ududuh"},
	{"and stays so for 20 s", &damped,
	 "+-+-+-+++++++++++++++++++++", "ududuh                    u"},
	{"each failure begins anew", &damped, "+-+-+-++++++++++-+++++++++++++++++++++",
	 "ududuh                               u"},
	{"then its falls are forgotten", &damped, "+-+-+-+++++++++++++++++++++-+-",
	 "ududuh                    udud"},
	{"held, but rise counts too", &slow_damped, "+--++++++", "u h     u"},
	{"held without checks is not clean", &slow_damped, "+--........+++", "u h           "},
	{"the first failure is no fall", &slow_damped, "-+++", "d  u"},
};

static char
letter(enum health_change c)
{
	return " udh"[c];
}

static void
test_rows(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct health_state s = {0};
		char got[MAX_RESULTS] = "";
		size_t n = strlen(rows[i].results);
		for (size_t k = 0; k < n; k++) {
			struct health_step step = {s, HEALTH_SAME};
			if (rows[i].results[k] != '.')
				step = health_step(s, rows[i].rule, rows[i].results[k] == '+',
				                   START + k * SECOND);
			s = step.state;
			got[k] = letter(step.change);
		}
		bool same = strncmp(got, rows[i].changes, n) == 0;
		CU_ASSERT(same);
		if (!same)
			printf("\n%s: %s\n  wanted \"%s\"\n  got    \"%s\"\n", rows[i].what,
			       rows[i].results, rows[i].changes, got);
	}
}

/* Falls that lie further apart than the period never hold anybody. */
static void
test_period(void)
{
	struct health_state s = {0};
	uint64_t now = START;
	for (unsigned i = 0; i < 50; i++, now += 50 * SECOND) {
		struct health_step step = health_step(s, &damped, i % 2 == 0, now);
		CU_ASSERT(step.change != HEALTH_FELL_HELD && step.change != HEALTH_SAME);
		s = step.state;
	}
}

/* Who is held is held no longer than he was to be, nor do falls count for longer. */
static void
test_clock_set_back(void)
{
	struct health_state s = {0};
	uint64_t now = START;
	for (unsigned i = 0; i < 6; i++, now += SECOND)
		s = health_step(s, &damped, i % 2 == 0, now).state;
	CU_ASSERT(s.held);
	s = health_step(s, &damped, true, now).state;
	now -= 3600 * SECOND;
	unsigned waited = 0;
	while (s.held && waited < 100) {
		s = health_step(s, &damped, true, now).state;
		now += SECOND;
		waited++;
	}
	CU_ASSERT_EQUAL(waited, 21);
	struct check_rule often = damped;
	often.changes = CHECK_MAX_FALLS;
	s = (struct health_state){.verdict = HEALTH_UP, .falls = 2,
		.fell_ns = {START + 3600 * SECOND, START + 3600 * SECOND}};
	s = health_step(s, &often, false, START).state;
	CU_ASSERT_EQUAL(s.falls, 3);
	s = health_step(s, &often, true, START + SECOND).state;
	s = health_step(s, &often, false, START + 150 * SECOND).state;
	CU_ASSERT_EQUAL(s.falls, 1);
}

/* The verdict against a count that cannot be wrong, over random results and a clock that jumps. */
static void
test_random_results(void)
{
	uint64_t seed = test_seed(), now = START;
	struct health_state s = {0};
	unsigned run = 0, changes = 0;
	bool up = false, begun = false;
	for (unsigned i = 0; i < 100000; i++) {
		bool good = test_random(&seed) % 3 != 0;
		now += test_random(&seed) % 100 == 0 ? -(3 * SECOND) : test_random(&seed) % SECOND;
		struct health_step step = health_step(s, &plain, good, now);
		run = good != up ? run + 1 : 0;
		bool turns = !begun || run >= (up ? 3u : 2u);
		if (turns && (!begun || good != up)) {
			up = good;
			run = 0;
			CU_ASSERT_EQUAL(step.change, good ? HEALTH_ROSE : HEALTH_FELL);
			CU_ASSERT_EQUAL(step.state.since_ns, now);
			changes++;
		} else {
			CU_ASSERT_EQUAL(step.change, HEALTH_SAME);
			CU_ASSERT_EQUAL(step.state.since_ns, s.since_ns);
		}
		begun = true;
		s = step.state;
		CU_ASSERT_EQUAL(s.verdict == HEALTH_UP, up);
		CU_ASSERT_EQUAL(health_is_down(&s, &plain), !up);
	}
	CU_ASSERT(changes > 1000);
}

static void
test_start(void)
{
	struct health_state s = {0};
	struct check_rule rule = {.rise = 1, .fall = 1};
	CU_ASSERT(!health_is_down(&s, &rule));
	rule.start_down = true;
	CU_ASSERT(health_is_down(&s, &rule));
	CU_ASSERT(!health_is_down(&(struct health_state){.verdict = HEALTH_UP}, &rule));
}

static const struct test_case cases[] = {
	{"rows of results", test_rows},
	{"falls far apart", test_period},
	{"a clock that is set back", test_clock_set_back},
	{"random results", test_random_results},
	{"before the first result", test_start},
};
TEST_MAIN("verdict", cases)
