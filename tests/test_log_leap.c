/* SPDX-License-Identifier: Apache-2.0 */
/* A clock that is set while records are made: seen, and followed by their times. */
#include "ctl/daemon/log_clock.h"
#include "ctl/daemon/log_source.h"
#include "log_world.h"

static void
looks(void)
{
	static const struct { int64_t real_ms, boot_ms; bool set; } rows[] = {
		{1000000, 0, false}, {1000100, 100, false}, {1000300, 200, false}, /* slewed */
		{1003900, 300, true}, {1004000, 400, false}, {1003900, 500, false},
		{403900, 600, true}, {404000, 700, false}, {1404000, 1000700, false},
	};
	struct log_clock c = {0};
	uint64_t would;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t real = (uint64_t)rows[i].real_ms * 1000000;
		CU_ASSERT_EQUAL(log_clock_look(&c, real, (uint64_t)rows[i].boot_ms * 1000000,
		                               &would), rows[i].set);
		if (i != 0)
			CU_ASSERT_EQUAL(would, (uint64_t)(rows[i - 1].real_ms + rows[i].boot_ms -
			                                  rows[i - 1].boot_ms) * 1000000);
	}
}

static uint64_t last_ns;

static void
seen(void *arg, const struct record *rec, size_t n)
{
	last_ns = rec->time_ns;
}

/* The workers' clock stands for this test, the system's is set: times are the system's, and go back
 * only where that did. */
static void
shifted(void)
{
	static const struct { int64_t shift_ms; bool set; int64_t wanted_ms; } rows[] = {
		{0, false, 0}, {49, false, 0}, {3600000, true, 3600000},
		{3599990, false, 3600000}, /* the workers' clock catches up */
		{3600020, false, 3600020}, {-500000, true, -500000}, {-500100, false, -500000},
		{0, false, 0},
	};
	uint64_t size = (record_segment_size(1) + 63) / 64 * 64;
	struct record_segment *seg = aligned_alloc(64, size);
	struct log_source *s = calloc(1, sizeof(*s));
	CU_ASSERT_FATAL(seg != NULL && s != NULL);
	record_segment_init(seg, 1);
	log_source_begin(s, BEGIN_NS, NULL);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record r = block_record(RECORD_BLOCK_CREATE, BEGIN_NS, i + 1, 2, 1024);
		CU_ASSERT(record_put(&seg->ring[0], &r));
		log_source_shift(s, rows[i].shift_ms * 1000000, rows[i].set);
		log_source_drain(s, seg, BEGIN_NS, seen, NULL);
		CU_ASSERT_EQUAL((int64_t)(last_ns - BEGIN_NS), rows[i].wanted_ms * 1000000);
	}
	free(s);
	free(seg);
}

static const struct test_case cases[] = {
	{"whether it was set", looks},
	{"times are the system's", shifted},
};
TEST_MAIN("log_leap", cases)
