/* SPDX-License-Identifier: Apache-2.0 */
/* The flow table's index while it grows: the new one is asked first, then the old one. */
#include "tests/flow_model.h"

enum { BUCKETS = 4 };
#define HERE  0x12345678000000ffu /* two hashes of one home */
#define OTHER 0x12345678000000eeu

static void
old_after_new(void)
{
	static struct index_bucket new[BUCKETS], old[BUCKETS];
	struct flow_table t = {.index = {new, BUCKETS}};
	CU_ASSERT(index_add((struct index){old, BUCKETS}, HERE, 6));
	CU_ASSERT_EQUAL(index_match(&t, HERE), 0);
	t.old = (struct index){old, BUCKETS};
	CU_ASSERT_EQUAL(index_match(&t, HERE), 6);
	CU_ASSERT_EQUAL(index_match(&t, OTHER), 0);
	CU_ASSERT(index_add(t.index, HERE, 8));
	CU_ASSERT_EQUAL(index_match(&t, HERE), 8);
	CU_ASSERT(index_del(t.index, HERE, 8));
	CU_ASSERT(!index_del(t.index, HERE, 6));
}

/* An entry that stands further on in its path is matched too. */
static void
further_on(void)
{
	static struct index_bucket bucket[BUCKETS];
	struct flow_table t = {.index = {bucket, BUCKETS}};
	for (uint32_t i = 0; i < 2 * INDEX_SLOTS; i++)
		CU_ASSERT(index_add(t.index, OTHER, 2 + 2 * i));
	CU_ASSERT(index_add(t.index, HERE, 100));
	CU_ASSERT_EQUAL(index_match(&t, HERE), 100);
	CU_ASSERT(index_del(t.index, HERE, 100));
	CU_ASSERT_EQUAL(index_match(&t, HERE), 0);
}

static const struct test_case cases[] = {
	{"old after new", old_after_new},
	{"further on", further_on},
};

TEST_MAIN("flow_index", cases)
