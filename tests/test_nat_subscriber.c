/* SPDX-License-Identifier: Apache-2.0 */
/* Subscribers: found by address and realm, not after they are retired. */
#include "nat/subscriber.h"
#include "test.h"

enum { CAPACITY = 300 };

static struct subscriber_table table;
static void *memory;

static void
begin(void)
{
	size_t size = table_memsize(CAPACITY, sizeof(struct subscriber), 1);
	memory = aligned_alloc(64, size);
	memset(memory, 0, size);
	table_init(&table.t, memory, CAPACITY, sizeof(struct subscriber), 1);
	table.seed = test_seed();
}

static void
test_find(void)
{
	begin();
	uint32_t number[CAPACITY];
	for (uint32_t i = 0; i < CAPACITY; i++) {
		number[i] = subscriber_add(&table, i / 3, (uint8_t)(i % 3));
		CU_ASSERT_NOT_EQUAL(number[i], 0);
	}
	CU_ASSERT_EQUAL(subscriber_add(&table, 7777, 0), 0);
	for (uint32_t i = 0; i < CAPACITY; i++)
		CU_ASSERT_EQUAL(subscriber_find(&table, i / 3, (uint8_t)(i % 3)), number[i]);
	CU_ASSERT_EQUAL(subscriber_find(&table, 0, 3), 0);
	for (uint32_t i = 0; i < CAPACITY; i += 2)
		subscriber_del(&table, number[i]);
	for (uint32_t i = 0; i < CAPACITY; i++)
		CU_ASSERT_EQUAL(subscriber_find(&table, i / 3, (uint8_t)(i % 3)),
		                i % 2 == 0 ? 0 : number[i]);
	free(memory);
}

static void
test_retire(void)
{
	begin();
	uint32_t old = subscriber_add(&table, 5, 1);
	subscriber_retire(&table, old);
	subscriber_retire(&table, old);
	CU_ASSERT_EQUAL(subscriber_find(&table, 5, 1), 0);
	CU_ASSERT_EQUAL(subscriber_at(&table, old)->address, 5);
	uint32_t fresh = subscriber_add(&table, 5, 1);
	CU_ASSERT_NOT_EQUAL(fresh, old);
	subscriber_del(&table, old);
	CU_ASSERT_EQUAL(subscriber_find(&table, 5, 1), fresh);
	subscriber_del(&table, fresh);
	CU_ASSERT_EQUAL(table.t.used, 0);
	free(memory);
}

static const struct test_case cases[] = {
	{"find", test_find},
	{"retire", test_retire},
};
TEST_MAIN("nat_subscriber", cases)
