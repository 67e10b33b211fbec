/* SPDX-License-Identifier: Apache-2.0 */
/* Entries: each number exactly once, chains that lose nothing. */
#include <string.h>

#include "nat/table.h"
#include "test.h"

enum { CAPACITY = 500, STEPS = 20000 };

struct row {
	uint32_t next, value;
};

static struct table table;
static void *memory;

static void
begin(int indexed)
{
	size_t size = table_memsize(CAPACITY, sizeof(struct row), indexed);
	CU_ASSERT_EQUAL(size % 64, 0);
	memory = aligned_alloc(64, size);
	memset(memory, 0, size);
	table_init(&table, memory, CAPACITY, sizeof(struct row), indexed);
}

static void
test_exhaustion(void)
{
	begin(0);
	for (unsigned round = 0; round < 3; round++) {
		uint8_t seen[CAPACITY + 1] = {0};
		for (unsigned i = 0; i < CAPACITY; i++) {
			uint32_t n = table_take(&table);
			CU_ASSERT_FATAL(n >= 1 && n <= CAPACITY && !seen[n]);
			struct row *r = table_at(&table, n);
			CU_ASSERT(r->next == 0 && r->value == 0);
			r->value = n;
			seen[n] = 1;
		}
		CU_ASSERT_EQUAL(table_take(&table), 0);
		for (uint32_t n = 1; n <= CAPACITY; n++)
			table_give(&table, n);
		CU_ASSERT_EQUAL(table.used, 0);
	}
	free(memory);
}

static uint64_t
hash(uint32_t value)
{
	return (uint64_t)(value % 7) << 32; /* few chains, long ones */
}

static uint32_t
find(uint32_t value)
{
	uint32_t n = table_first(&table, hash(value));
	while (n != 0 && ((struct row *)table_at(&table, n))->value != value)
		n = table_next(&table, n);
	return n;
}

static void
test_chains(void)
{
	static uint32_t number[200];
	uint64_t seed = test_seed();
	begin(1);
	memset(number, 0, sizeof(number));
	for (unsigned step = 0; step < STEPS; step++) {
		uint32_t value = (uint32_t)(test_random(&seed) % 200);
		CU_ASSERT_EQUAL_FATAL(find(value), number[value]);
		if (number[value] == 0) {
			uint32_t n = table_take(&table);
			((struct row *)table_at(&table, n))->value = value;
			table_link(&table, n, hash(value));
			number[value] = n;
		} else {
			table_unlink(&table, number[value], hash(value));
			table_give(&table, number[value]);
			number[value] = 0;
		}
	}
	uint32_t live = 0;
	for (unsigned i = 0; i < 200; i++)
		live += number[i] != 0;
	CU_ASSERT_EQUAL(table.used, live);
	free(memory);
}

/* Who came first is found first, whoever goes. */
static void
test_order(void)
{
	uint32_t n[3];
	begin(1);
	for (unsigned i = 0; i < 3; i++)
		table_link(&table, n[i] = table_take(&table), hash(0));
	CU_ASSERT_EQUAL(table_first(&table, hash(0)), n[0]);
	CU_ASSERT_EQUAL(table_next(&table, n[0]), n[1]);
	table_unlink(&table, n[1], hash(0));
	table_link(&table, n[1], hash(0));
	table_unlink(&table, n[0], hash(0));
	CU_ASSERT_EQUAL(table_first(&table, hash(0)), n[2]);
	CU_ASSERT_EQUAL(table_next(&table, n[2]), n[1]);
	CU_ASSERT_EQUAL(table_next(&table, n[1]), 0);
	free(memory);
}

static void
test_no_capacity(void)
{
	struct table t;
	_Alignas(64) uint8_t room[256] = {0};
	CU_ASSERT_FATAL(table_memsize(0, sizeof(struct row), 1) <= sizeof(room));
	table_init(&t, room, 0, sizeof(struct row), 1);
	CU_ASSERT_EQUAL(table_take(&t), 0);
	CU_ASSERT_EQUAL(table_first(&t, 12345), 0);
}

static const struct test_case cases[] = {
	{"each entry exactly once", test_exhaustion},
	{"chains", test_chains},
	{"the order of a chain", test_order},
	{"no capacity", test_no_capacity},
};
TEST_MAIN("nat_table", cases)
