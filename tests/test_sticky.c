/* SPDX-License-Identifier: Apache-2.0 */
/* The table of persistence, against a plain list that remembers everything. */
#include <arpa/inet.h>
#include <stdlib.h>

#include "lb/sticky.h"
#include "test.h"

enum { CAPACITY = 100, SOURCES = 300, STEPS = 200000, TIMEOUT_S = 10, BACKENDS = 1000 };

static struct sticky table;

static struct sticky_key
key_of(uint32_t n)
{
	union addr a = addr_from_v4(htonl(0x0a000000 + n * 256));
	return sticky_key_make(n % 3, &a, FAMILY_V4, 32);
}

static void
test_mask(void)
{
	union addr a = {.w = {htonl(0x20010db8), htonl(0x12345678), htonl(0x9abcdef0), ~0u}};
	for (unsigned mask = 1; mask <= 128; mask++) {
		struct sticky_key k = sticky_key_make(7, &a, FAMILY_V6, (uint8_t)mask);
		CU_ASSERT_TRUE(addr_in_prefix(&a, &k.source, mask));
		for (unsigned bit = mask; bit < 128; bit++)
			CU_ASSERT_EQUAL(k.source.b[bit / 8] >> (7 - bit % 8) & 1, 0);
		CU_ASSERT_EQUAL(k.service, 7);
	}
	union addr b = addr_from_v4(htonl(0xc0000281));
	struct sticky_key k = sticky_key_make(7, &b, FAMILY_V4, 25);
	CU_ASSERT_EQUAL(k.source.w[0], htonl(0xc0000280));
}

/* Each entry is found until its time is over, with its backend; room comes back. */
static void
test_model(void)
{
	static struct { bool set; uint32_t backend, end; } model[SOURCES];
	uint64_t seed = test_seed();
	uint32_t now = UINT32_MAX - 40000, full = 0, found = 0; /* the clock wraps on the way */
	memset(model, 0, sizeof(model));
	CU_ASSERT_EQUAL_FATAL(sticky_init(&table, CAPACITY, seed, -1), 0);
	for (unsigned i = 0; i < STEPS; i++) {
		uint32_t n = (uint32_t)(test_random(&seed) % SOURCES);
		struct sticky_key k = key_of(n);
		now += (uint32_t)(test_random(&seed) % 60);
		bool holds = model[n].set && (int32_t)(model[n].end - now) > 0;
		const struct sticky_entry *e = sticky_find(&table, &k, now);
		CU_ASSERT_EQUAL_FATAL(e != NULL, holds);
		found += holds;
		if (holds)
			CU_ASSERT_EQUAL_FATAL(e->backend, model[n].backend);
		if (test_random(&seed) % 2)
			continue;
		bool set = sticky_set(&table, &k, i % BACKENDS, now, TIMEOUT_S);
		CU_ASSERT_FATAL(set || table.used == CAPACITY);
		full += !set;
		if (!set)
			continue;
		model[n].set = true;
		model[n].backend = i % BACKENDS;
		model[n].end = now + TIMEOUT_S * 1000;
		CU_ASSERT_FATAL(table.used <= CAPACITY);
	}
	printf("  %u times full, %u found", full, found);
	CU_ASSERT(full > 100 && found > STEPS / 10);
	sticky_fini(&table);
}

/* Exactly as many as there is room for; when their time is over, as many again. */
static void
test_exhaustion(void)
{
	CU_ASSERT_EQUAL_FATAL(sticky_init(&table, CAPACITY, 1, -1), 0);
	for (unsigned round = 0; round < 3; round++) {
		uint32_t now = round * (TIMEOUT_S * 1000 + 1), kept = 0;
		for (uint32_t n = 0; n < SOURCES; n++) {
			struct sticky_key k = key_of(n);
			kept += sticky_set(&table, &k, n, now, TIMEOUT_S);
		}
		if (round == 0)
			CU_ASSERT_EQUAL(kept, CAPACITY);
		/* The hand comes round while they try: some were refused before it did. */
		CU_ASSERT(kept > CAPACITY * 3 / 4);
	}
	sticky_fini(&table);
}

static void
test_none(void)
{
	struct sticky_key k = key_of(1);
	CU_ASSERT_EQUAL(sticky_memsize(0), 0);
	CU_ASSERT_EQUAL(sticky_init(&table, 0, 1, -1), 0);
	CU_ASSERT_PTR_NULL(sticky_find(&table, &k, 1));
	CU_ASSERT_FALSE(sticky_set(&table, &k, 1, 1, 1));
	sticky_fini(&table);
}

static const struct test_case cases[] = {
	{"masks", test_mask},
	{"random entries against a list", test_model},
	{"room for as many as was said", test_exhaustion},
	{"no capacity, no entries", test_none},
};

TEST_MAIN("sticky", cases)
