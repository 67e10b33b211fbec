/* SPDX-License-Identifier: Apache-2.0 */
/* Records: numbered, lost ones counted; a bound on events. */
#include "nat/log.h"
#include "test.h"

static struct record_ring ring;
static struct stats stats;

static struct nat_recorder
fresh(void)
{
	memset(&stats, 0, sizeof(stats));
	memset(&ring, 0, sizeof(ring));
	return (struct nat_recorder){.ring = &ring, .stats = &stats, .worker = 3};
}

static void
test_put(void)
{
	struct nat_recorder l = fresh();
	struct nat_clock now = {0};
	struct record out;
	clock_set(&now, 1000, 77);
	for (unsigned i = 0; i < RECORD_RING + 10; i++) {
		struct record rec = {.event = RECORD_BLOCK_CREATE, .port_first = (uint16_t)i};
		log_put(&l, &rec, &now);
	}
	CU_ASSERT_EQUAL(stats.log_records, RECORD_RING + 10);
	CU_ASSERT_EQUAL(stats.log_lost, 10);
	for (unsigned i = 0; i < RECORD_RING; i++) {
		CU_ASSERT_EQUAL_FATAL(record_take(&ring, &out, 1), 1);
		CU_ASSERT(out.sequence == i + 1 && out.port_first == (uint16_t)i);
		CU_ASSERT(out.worker == 3 && out.time_ns == 77);
	}
	struct record rec = {.event = RECORD_BLOCK_DELETE};
	log_put(&l, &rec, &now);
	CU_ASSERT_EQUAL(record_take(&ring, &out, 1), 1);
	CU_ASSERT_EQUAL(out.sequence, RECORD_RING + 11);
}

/* So many a second, and not one more; the next second begins with the next event. */
static void
test_pace(void)
{
	struct log_pace pace = {0};
	struct nat_clock now = {0};
	unsigned put = 0;
	for (unsigned ms = 0; ms < 5000; ms += 10) {
		clock_set(&now, 0xfffffff0u + ms, 0);
		for (unsigned i = 0; i < 2; i++)
			put += log_pace_take(&pace, &now, 7);
		CU_ASSERT_EQUAL_FATAL(put, ms / 1000 * 7 + (ms % 1000 >= 30 ? 7 :
		                                             ms % 1000 / 10 * 2 + 2));
	}
}

static void
test_no_ring(void)
{
	struct nat_recorder l = fresh();
	struct nat_clock now = {0};
	struct record rec = {.event = RECORD_MAPPING_CREATE};
	l.ring = NULL;
	log_put(&l, &rec, &now);
	CU_ASSERT_EQUAL(stats.log_lost, 1);
}

static const struct test_case cases[] = {
	{"numbered, lost ones counted", test_put},
	{"so many a second", test_pace},
	{"nobody listens", test_no_ring},
};
TEST_MAIN("nat_log", cases)
