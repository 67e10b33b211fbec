/* SPDX-License-Identifier: Apache-2.0 */
/* Next hops: found under their key only, changed in place, full at exactly NEXTHOP_MAX. */
#include <stdlib.h>
#include <string.h>

#include "lib/nexthop.h"
#include "tests/test.h"

static const uint8_t mac[6] = {2, 0, 0, 0x11, 0x22, 0x33};

static struct nexthop_table
table_make(void)
{
	struct nexthop_table t;
	nexthop_init(&t, calloc(1, nexthop_memsize()));
	return t;
}

static union addr
numbered(uint32_t i, uint8_t family)
{
	union addr a = addr_from_v4(i + 1);
	if (family == FAMILY_V6)
		a.w[3] = i * 77;
	return a;
}

static void
keys(void)
{
	struct nexthop_table t = table_make();
	union addr a = numbered(7, FAMILY_V4), b = numbered(8, FAMILY_V4);
	CU_ASSERT_EQUAL(nexthop_find(&t, 1, FAMILY_V4, &a), NEXTHOP_NONE);
	uint16_t id = nexthop_set(&t, 1, FAMILY_V4, &a, mac, NEXTHOP_UP);
	CU_ASSERT_EQUAL(id, NEXTHOP_FIRST);
	CU_ASSERT_EQUAL(nexthop_find(&t, 1, FAMILY_V4, &a), id);
	CU_ASSERT_EQUAL(nexthop_find(&t, 2, FAMILY_V4, &a), NEXTHOP_NONE);
	CU_ASSERT_EQUAL(nexthop_find(&t, 1, FAMILY_V6, &a), NEXTHOP_NONE);
	CU_ASSERT_EQUAL(nexthop_find(&t, 1, FAMILY_V4, &b), NEXTHOP_NONE);
	free(t.entry);
}

/* Invariant 2: the number stays, the word changes. */
static void
change_in_place(void)
{
	struct nexthop_table t = table_make();
	union addr a = numbered(7, FAMILY_V6);
	uint16_t id = nexthop_set(&t, 3, FAMILY_V6, &a, mac, NEXTHOP_UP);
	uint64_t word = nexthop_word(&t, id);
	CU_ASSERT_EQUAL(memcmp(&word, mac, 6), 0);
	CU_ASSERT_TRUE(nexthop_word_is_up(word));
	CU_ASSERT_EQUAL(nexthop_set(&t, 3, FAMILY_V6, &a, mac, NEXTHOP_DEAD), id);
	CU_ASSERT_FALSE(nexthop_word_is_up(nexthop_word(&t, id)));
	CU_ASSERT_EQUAL(t.count, NEXTHOP_FIRST + 1);
	free(t.entry);
}

static void
exhaustion(void)
{
	struct nexthop_table t = table_make();
	for (uint32_t i = NEXTHOP_FIRST; i < NEXTHOP_MAX; i++) {
		uint8_t family = i % 3 == 0 ? FAMILY_V6 : FAMILY_V4;
		union addr a = numbered(i, family);
		CU_ASSERT_EQUAL(nexthop_set(&t, i % 5, family, &a, mac, NEXTHOP_UP), i);
	}
	union addr more = numbered(NEXTHOP_MAX, FAMILY_V4), last = numbered(5, FAMILY_V4);
	CU_ASSERT_EQUAL(nexthop_set(&t, 0, FAMILY_V4, &more, mac, NEXTHOP_UP), NEXTHOP_NONE);
	CU_ASSERT_EQUAL(nexthop_set(&t, 0, FAMILY_V4, &last, mac, NEXTHOP_DEAD), 5);
	for (uint32_t i = NEXTHOP_FIRST; i < NEXTHOP_MAX; i++) {
		uint8_t family = i % 3 == 0 ? FAMILY_V6 : FAMILY_V4;
		union addr a = numbered(i, family);
		CU_ASSERT_EQUAL(nexthop_find(&t, i % 5, family, &a), i);
	}
	free(t.entry);
}

static const struct test_case cases[] = {
	{"keys", keys},
	{"change in place", change_in_place},
	{"exhaustion", exhaustion},
};
TEST_MAIN("nexthop", cases)
