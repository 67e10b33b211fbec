/* SPDX-License-Identifier: Apache-2.0 */
/* Mappings: one for each inside endpoint and protocol. */
#include "nat/mapping.h"
#include "test.h"

enum { CAPACITY = 600, SUBSCRIBERS = 5, PORTS = 40 };

static void
test_find(void)
{
	static const uint8_t proto[] = {1, 6, 17};
	size_t size = table_memsize(CAPACITY, sizeof(struct mapping), 1);
	void *memory = aligned_alloc(64, size);
	memset(memory, 0, size);
	struct mapping_table table = {.seed = test_seed()};
	table_init(&table.t, memory, CAPACITY, sizeof(struct mapping), 1);
	uint32_t number[SUBSCRIBERS][3][PORTS];
	for (uint32_t s = 0; s < SUBSCRIBERS; s++)
		for (unsigned p = 0; p < 3; p++)
			for (unsigned i = 0; i < PORTS; i++) {
				CU_ASSERT_EQUAL(mapping_find(&table, 1 + s, proto[p], (be16)i), 0);
				number[s][p][i] = mapping_add(&table, 1 + s, proto[p], (be16)i);
			}
	CU_ASSERT_EQUAL(table.t.used, CAPACITY);
	CU_ASSERT_EQUAL(mapping_add(&table, 99, 6, 1), 0);
	for (unsigned i = 0; i < PORTS; i++)
		mapping_del(&table, number[2][1][i]);
	for (uint32_t s = 0; s < SUBSCRIBERS; s++)
		for (unsigned p = 0; p < 3; p++)
			for (unsigned i = 0; i < PORTS; i++)
				CU_ASSERT_EQUAL(mapping_find(&table, 1 + s, proto[p], (be16)i),
				                s == 2 && p == 1 ? 0 : number[s][p][i]);
	free(memory);
}

static const struct test_case cases[] = {
	{"find", test_find},
};
TEST_MAIN("nat_mapping", cases)
