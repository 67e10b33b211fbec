/* SPDX-License-Identifier: Apache-2.0 */
/* The index by itself: all slots of a small one, taken and given back in any order. */
#include "tests/flow_model.h"

enum { BUCKETS = 4, ENTRIES = BUCKETS * INDEX_SLOTS };

static struct index_bucket bucket[BUCKETS];
static const struct index_view view = {bucket, BUCKETS - 1};

static void
all_slots_once(void)
{
	uint64_t rng = test_seed();
	const struct flow_table t = {.bucket = bucket, .bucket_mask = BUCKETS - 1};
	for (unsigned round = 0; round < 300; round++) {
		uint32_t hash[ENTRIES];
		uint64_t gone = 0;
		for (unsigned i = 0; i < ENTRIES; i++) {
			hash[i] = (uint32_t)test_random(&rng) & (round % 2 ? ~0u : 0xffff0001u);
			CU_ASSERT(index_add(view, hash[i], (i + 1) << 1));
		}
		CU_ASSERT(!index_add(view, (uint32_t)test_random(&rng), 1000));
		CU_ASSERT_EQUAL(index_entries(view), ENTRIES);
		for (unsigned left = ENTRIES; left > 0;) {
			unsigned i = test_random(&rng) % ENTRIES;
			bool is_there = (gone >> i & 1) == 0;
			CU_ASSERT(!is_there || index_match(&t, hash[i]) != 0);
			CU_ASSERT_EQUAL(index_del(view, hash[i], (i + 1) << 1), is_there);
			gone |= (uint64_t)1 << i;
			left -= is_there;
		}
		CU_ASSERT_FATAL(index_is_empty(view));
	}
}

/* What the new index does not have is looked for in the old one. */
static void
old_after_new(void)
{
	static struct index_bucket old[BUCKETS];
	struct flow_table t = {.bucket = bucket, .bucket_mask = BUCKETS - 1};
	CU_ASSERT(index_add((struct index_view){old, BUCKETS - 1}, 0x12340001, 6));
	CU_ASSERT_EQUAL(index_match(&t, 0x12340001), 0);
	t.old_bucket = old;
	t.old_mask = BUCKETS - 1;
	CU_ASSERT_EQUAL(index_match(&t, 0x12340001), 6);
	CU_ASSERT_EQUAL(index_match(&t, 0x56780001), 0);
	CU_ASSERT(index_add(view, 0x12340001, 8));
	CU_ASSERT_EQUAL(index_match(&t, 0x12340001), 8);
	CU_ASSERT(index_del(view, 0x12340001, 8));
	CU_ASSERT(!index_del(view, 0x12340001, 6));
}

static const struct test_case cases[] = {
	{"all slots once", all_slots_once},
	{"old after new", old_after_new},
};

TEST_MAIN("flow_index", cases)
