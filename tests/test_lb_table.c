/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of services: who is in them, and in which of the two forms. */
#include "lb/lb_table.h"

#include <arpa/inet.h>

#include "lb/maglev.h"
#include "test.h"

enum { N = 40 };

static uint16_t table[3][MAGLEV_SIZE];
static struct img_lb_backend backend[N];

static void
backends_make(uint64_t *seed)
{
	for (unsigned i = 0; i < N; i++)
		backend[i] = (struct img_lb_backend){.address = addr_from_v4(htonl(0x0a000001 + i)),
			.family = FAMILY_V4, .port = htons(80), .id = i,
			.weight = (uint32_t)(test_random(seed) % 6),
			.state = test_random(seed) % 4 == 0 ? LB_DRAIN : LB_READY};
}

/* Whoever takes no new flows has no slot; everybody else has one, by each scheduler's table. */
static void
test_members(void)
{
	uint64_t seed = test_seed();
	for (unsigned scheduler = 0; scheduler < LB_SCHEDULERS; scheduler++) {
		struct img_lb_service s = {.backends = N};
		uint32_t count[N] = {0};
		s.choice.scheduler = (uint8_t)scheduler;
		backends_make(&seed);
		CU_ASSERT_EQUAL_FATAL(lb_table_make(&s, backend, table[0]), 0);
		for (unsigned i = 0; i < MAGLEV_SIZE; i++)
			count[table[0][i]]++;
		for (unsigned i = 0; i < N; i++)
			CU_ASSERT_EQUAL(count[i] != 0, lb_state_share(&backend[i]) != 0);
	}
}

/* Three that hash share one table, two that count share the other. */
static void
test_forms(void)
{
	uint64_t seed = test_seed();
	struct img_lb_service s = {.backends = N};
	struct maglev_backend m[N];
	backends_make(&seed);
	for (unsigned i = 0; i < N; i++)
		m[i] = (struct maglev_backend){maglev_key(&backend[i].address, FAMILY_V4,
			backend[i].port), lb_state_share(&backend[i])};
	CU_ASSERT_EQUAL(maglev_build(m, N, table[1]), 0);
	CU_ASSERT_EQUAL(maglev_order(m, N, table[2]), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(table[1], table[2], sizeof(table[1])), 0);
	for (unsigned scheduler = 0; scheduler < LB_SCHEDULERS; scheduler++) {
		bool order = scheduler == LB_ROUND_ROBIN || scheduler == LB_LEAST_CONNECTIONS;
		s.choice.scheduler = (uint8_t)scheduler;
		CU_ASSERT_EQUAL_FATAL(lb_table_make(&s, backend, table[0]), 0);
		CU_ASSERT_EQUAL(memcmp(table[0], table[1 + order], sizeof(table[0])), 0);
		CU_ASSERT_EQUAL(lb_table_is_order((uint8_t)scheduler), order);
	}
}

static void
test_nobody(void)
{
	struct img_lb_service s = {.backends = 0};
	CU_ASSERT_EQUAL_FATAL(lb_table_make(&s, NULL, table[0]), 0);
	for (unsigned i = 0; i < MAGLEV_SIZE; i++)
		CU_ASSERT_FATAL(table[0][i] == LB_NO_BACKEND);
}

static const struct test_case cases[] = {
	{"who takes new flows is in the table", test_members},
	{"the form follows from the scheduler", test_forms},
	{"a service without backends", test_nobody},
};

TEST_MAIN("lb_table", cases)
