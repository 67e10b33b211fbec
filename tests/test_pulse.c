/* SPDX-License-Identifier: Apache-2.0 */
/* A worker that stands still is told of once, and once when it goes on. */
#include "ctl/dataplane/pulse.h"

#include <stdlib.h>

#include "tests/test.h"

enum { WORKERS = 3 };
#define SECOND ((uint64_t)1000000000)

static void
stands_and_goes_on(void)
{
	struct pulse p = {0};
	uint64_t now = 1700000000 * SECOND;
	size_t size = stats_segment_size(1 + WORKERS);
	struct stats_segment *s = aligned_alloc(64, (size + 63) / 64 * 64);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	memset(s, 0, size);
	stats_segment_init(s, 1 + WORKERS);
	CU_ASSERT_EQUAL(pulse_watch(&p, s, WORKERS, now), 0); /* none has begun */
	for (unsigned second = 0; second < 20; second++, now += SECOND) {
		bool stands = second >= 5 && second < 12;
		for (unsigned i = 0; i < WORKERS; i++)
			if (i != 1 || !stands)
				stats_context(s, 1 + i)->now_ns = now;
		/* Its clock is that of second 4: more than two seconds behind from 7 on. */
		uint64_t want = second == 7 || second == 12 ? 1u << 1 : 0;
		CU_ASSERT_EQUAL(pulse_watch(&p, s, WORKERS, now), want);
		CU_ASSERT_EQUAL(p.late, second >= 7 && second < 12 ? 1u << 1 : 0);
	}
	free(s);
}

static const struct test_case cases[] = {
	{"stands and goes on", stands_and_goes_on},
};

int
main(void)
{
	return test_main("pulse", cases, sizeof(cases) / sizeof(cases[0]));
}
