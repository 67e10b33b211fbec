/* SPDX-License-Identifier: Apache-2.0 */
/* The clock of millrace: it follows the system's without a jump, and never goes back. */
#include "test.h"

#include <stdbool.h>

#include "ctl/dataplane/clock.h"
#include "ctl/dataplane/ratelimit.h"

#define SECOND ((uint64_t)1000000000)
#define START ((uint64_t)1700000000 * SECOND)

static void
cycles_become_nanoseconds(void)
{
	static const uint64_t hz[] = {1000000, 24000000, 1999999999, 2400000000, 5300000000};
	for (unsigned i = 0; i < sizeof(hz) / sizeof(hz[0]); i++) {
		struct clock_line c;
		clock_init(&c, hz[i], 12345, START);
		for (uint64_t s = 0; s < 100; s++) {
			uint64_t is = clock_at(&c, 12345 + s * hz[i]), want = START + s * SECOND;
			CU_ASSERT(is <= want && want - is <= 100 * (s + 1));
		}
		CU_ASSERT_EQUAL(clock_at(&c, 12000), START); /* behind another core's */
	}
}

/* A system clock that drifts, is stepped forth and back: followed, never backwards, never far off
 * the rate of real time. */
static void
the_system_is_followed_gently(void)
{
	struct clock_line c;
	const uint64_t hz = 2000000000;
	uint64_t cycles = 0, last = START;
	int64_t step = 0;
	clock_init(&c, hz, 0, START);
	for (unsigned s = 1; s <= 400; s++) {
		cycles += hz;
		if (s == 100)
			step = 500000000;
		if (s == 200)
			step = -500000000;
		uint64_t real = START + s * SECOND + s * 50000 + (uint64_t)step; /* 50 ppm fast */
		uint64_t is = clock_at(&c, cycles);
		CU_ASSERT(is > last && is - last > SECOND * 98 / 100 &&
		          is - last < SECOND * 102 / 100);
		int64_t off = (int64_t)(is - real);
		if ((s > 5 && s < 100) || (s > 160 && s < 200) || s > 320)
			CU_ASSERT(off > -1000000 && off < 1000000);
		clock_sync(&c, cycles, real);
		CU_ASSERT(clock_at(&c, cycles) == is); /* no jump */
		last = is;
	}
}

static void
tokens_come_at_their_rate(void)
{
	struct ratelimit r = {0};
	CU_ASSERT_FALSE(ratelimit_take(&r, START)); /* not set: none */
	ratelimit_set(&r, 100, 10);
	unsigned n = 0;
	while (n < 1000 && ratelimit_take(&r, START))
		n++;
	CU_ASSERT_EQUAL(n, 10);
	for (uint64_t t = START, i = 0; i < 1000; i++, t += SECOND / 1000)
		n += ratelimit_take(&r, t);
	CU_ASSERT(n >= 10 + 99 && n <= 10 + 101);
	CU_ASSERT_FALSE(ratelimit_take(&r, START)); /* time that goes back gives nothing */
	ratelimit_set(&r, 0, 10);
	CU_ASSERT_FALSE(ratelimit_take(&r, START + 100 * SECOND));
}

static const struct test_case cases[] = {
	{"cycles become nanoseconds", cycles_become_nanoseconds},
	{"the system is followed gently", the_system_is_followed_gently},
	{"tokens come at their rate", tokens_come_at_their_rate},
};

TEST_MAIN("clock", cases)
