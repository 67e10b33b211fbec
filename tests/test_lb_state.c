/* SPDX-License-Identifier: Apache-2.0 */
/* States of backends: groups, all of them when there is none, weights while they start. */
#include <string.h>

#include "lb/state.h"
#include "test.h"

enum { N = 12 };
static struct img_lb_service service;
static struct img_lb_backend row[N];

static void
setup(uint32_t n)
{
	service = (struct img_lb_service){.backends = n, .min_healthy = 1};
	memset(row, 0, sizeof(row));
	for (uint32_t i = 0; i < n; i++)
		row[i] = (struct img_lb_backend){.family = FAMILY_V4, .weight = 1, .id = i,
			.address.b = {10, 0, 0, (uint8_t)(i + 1)}, .port = 80};
}

/* states: a letter a row: r, d(rain), x down, m, s(tandby), o(ver). */
static void
states(const char *letters)
{
	for (unsigned i = 0; letters[i] != 0; i++)
		row[i].state = (uint8_t)(strchr("rdxmso", letters[i]) - "rdxmso");
}

static void
groups(const char *digits)
{
	for (unsigned i = 0; digits[i] != 0; i++)
		row[i].priority = (uint8_t)(digits[i] - '0');
}

static const struct {
	uint16_t min_healthy;
	uint8_t when_none;
	const char *priority, *wanted, *settled, *why;
} cases_of[] = {
	{1, 0, "000", "rrr", "rrr", "one group"},
	{1, 0, "001", "rrr", "rrs", "the second stands by"},
	{1, 0, "001", "xrr", "xrs", "one of the first is enough"},
	{1, 0, "001", "xxr", "xxr", "none of the first is left"},
	{1, 0, "001", "xxs", "xxr", "the same, from what stood by"},
	{1, 0, "001", "rrs", "rrs", "it stands by on"},
	{2, 0, "001", "xrr", "xrr", "one of two is not enough: both groups together"},
	{2, 0, "0012", "rxrr", "rxrs", "two groups have two together"},
	{3, 0, "0012", "rxrr", "rxrr", "two do not have three"},
	{9, 0, "0012", "rrrr", "rrrr", "never as many as wanted: all are used"},
	{1, 0, "001", "ddr", "ddr", "a drained one is not healthy"},
	{1, 0, "001", "mmr", "mmr", "nor one in maintenance"},
	{1, 0, "001", "oor", "oor", "nor one whose drain is over"},
	{1, 0, "210", "rrr", "ssr", "order of rows does not matter"},
	{0, 0, "01", "rr", "rs", "0 is as 1"},
	{1, LB_NONE_REJECT, "00", "xx", "xx", "none is left"},
	{1, LB_NONE_DROP, "00", "xx", "xx", "none is left"},
	{1, LB_NONE_USE_ALL, "00", "xx", "rr", "none is left: all"},
	{1, LB_NONE_USE_ALL, "001", "xxx", "rrr", "of all groups"},
	{1, LB_NONE_USE_ALL, "0000", "xmdo", "rmdo", "not those that were taken out by request"},
	{1, LB_NONE_USE_ALL, "00", "xr", "xr", "one is left"},
	{1, LB_NONE_USE_ALL, "01", "xr", "xr", "one is left in a later group"},
};

static void
test_table(void)
{
	for (unsigned i = 0; i < sizeof(cases_of) / sizeof(cases_of[0]); i++) {
		uint32_t n = (uint32_t)strlen(cases_of[i].wanted);
		char got[N + 1] = "";
		setup(n);
		service.min_healthy = cases_of[i].min_healthy;
		service.when_none = cases_of[i].when_none;
		groups(cases_of[i].priority);
		states(cases_of[i].wanted);
		lb_state_settle(&service, row);
		for (uint32_t k = 0; k < n; k++)
			got[k] = "rdxmso"[row[k].state];
		if (strcmp(got, cases_of[i].settled) != 0)
			printf("  %s: %s, expected %s\n", cases_of[i].why, got,
			       cases_of[i].settled);
		CU_ASSERT_STRING_EQUAL(got, cases_of[i].settled);
	}
}

/* A backend without a weight is not one that counts. */
static void
test_weightless(void)
{
	setup(2);
	row[0].weight = 0;
	row[1].priority = 1;
	lb_state_settle(&service, row);
	CU_ASSERT(row[0].state == LB_READY && row[1].state == LB_READY);
	row[0].weight = 1;
	lb_state_settle(&service, row);
	CU_ASSERT(row[1].state == LB_STANDBY);
}

/* Random services: whoever takes flows is healthy, of the first groups, as few of them as do. */
static void
test_any(void)
{
	uint64_t seed = test_seed();
	for (unsigned round = 0; round < 20000; round++) {
		struct img_lb_backend before[N];
		uint32_t n = 1 + (uint32_t)(test_random(&seed) % N);
		uint32_t used = 0, fewer = 0, healthy = 0;
		unsigned last = 0;
		setup(n);
		service.min_healthy = (uint16_t)(test_random(&seed) % 5);
		for (uint32_t i = 0; i < n; i++) {
			row[i].state = (uint8_t)(test_random(&seed) % LB_STATES);
			row[i].priority = (uint8_t)(test_random(&seed) % 3 * 100);
		}
		memcpy(before, row, sizeof(before));
		lb_state_settle(&service, row);
		for (uint32_t i = 0; i < n; i++) {
			bool was = before[i].state == LB_READY || before[i].state == LB_STANDBY;
			bool is = lb_state_share(&row[i]) != 0;
			healthy += was;
			used += is;
			CU_ASSERT(was || (!is && row[i].state == before[i].state));
			last = is && row[i].priority > last ? row[i].priority : last;
		}
		for (uint32_t i = 0; i < n; i++) {
			fewer += lb_state_share(&row[i]) != 0 && row[i].priority < last;
			CU_ASSERT(row[i].state != LB_STANDBY || row[i].priority > last);
		}
		uint32_t wanted = service.min_healthy > 1 ? service.min_healthy : 1;
		CU_ASSERT(used == healthy || used >= wanted);
		CU_ASSERT(fewer < wanted);
	}
}

/* Shares while one starts slowly; weights that are too big for tenths; the table follows. */
static void
test_withheld(void)
{
	static uint16_t slots[MAGLEV_SIZE];
	struct maglev_backend p[N];
	for (unsigned step = 0; step < LB_TENTHS; step++) {
		unsigned got[3] = {0};
		setup(3);
		row[2].withheld = (uint8_t)(LB_TENTHS - 1 - step);
		lb_state_players(row, 3, p);
		CU_ASSERT_EQUAL_FATAL(maglev_build(p, 3, slots), 0);
		for (unsigned i = 0; i < MAGLEV_SIZE; i++)
			got[slots[i]]++;
		double want = (double)MAGLEV_SIZE * (step + 1) / (21 + step);
		CU_ASSERT(got[2] > want * 0.99 && got[2] < want * 1.01);
	}
	setup(2);
	row[0].weight = LB_MAX_WEIGHT;
	row[1].withheld = LB_TENTHS - 1;
	lb_state_players(row, 2, p);
	CU_ASSERT(p[0].weight == LB_MAX_WEIGHT && p[1].weight == 1);
	row[1].state = LB_DRAIN;
	lb_state_players(row, 2, p);
	CU_ASSERT(p[1].weight == 0);
}

static void
test_words(void)
{
	CU_ASSERT(lb_state_of("ready") == LB_READY && lb_state_of("drain") == LB_DRAIN &&
	          lb_state_of("maint") == LB_MAINT && lb_state_of("down") == LB_MAINT);
}

static const struct test_case cases[] = {
	{"groups, and all when there is none", test_table},
	{"a backend without weight", test_weightless},
	{"random services", test_any},
	{"a slow start", test_withheld},
	{"words", test_words},
};
TEST_MAIN("lb_state", cases)
