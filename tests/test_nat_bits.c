/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of bits against an array of bytes, for every place and length. */
#include <string.h>

#include "nat/bits.h"
#include "test.h"

enum { WORDS = 4, BITS = WORDS * 64 };

static uint64_t row[WORDS];
static uint8_t byte[BITS];

static void
randomize(uint64_t *rng)
{
	unsigned density = (unsigned)(test_random(rng) % 5);
	memset(row, 0, sizeof(row));
	for (unsigned i = 0; i < BITS; i++) {
		byte[i] = test_random(rng) % 4 < density;
		if (byte[i])
			bit_set(row, i);
	}
}

static bool
is_same(void)
{
	for (unsigned i = 0; i < BITS; i++)
		if (bit_is_set(row, i) != byte[i])
			return false;
	return true;
}

static void
test_single(void)
{
	uint64_t rng = test_seed();
	randomize(&rng);
	CU_ASSERT(is_same());
	for (unsigned i = 0; i < BITS; i += 3) {
		bit_clear(row, i);
		byte[i] = 0;
	}
	CU_ASSERT(is_same());
}

static void
test_ranges(void)
{
	uint64_t rng = test_seed();
	for (unsigned round = 0; round < 20000; round++) {
		uint32_t at = (uint32_t)(test_random(&rng) % BITS);
		uint32_t n = (uint32_t)(test_random(&rng) % (BITS - at + 1));
		randomize(&rng);
		bool any = false;
		for (uint32_t i = at; i < at + n; i++)
			any |= byte[i];
		CU_ASSERT_EQUAL_FATAL(bits_any(row, at, n), any);
		bool set = test_random(&rng) % 2;
		(set ? bits_set : bits_clear)(row, at, n);
		memset(byte + at, set, n);
		CU_ASSERT_FATAL(is_same());
	}
}

/* Each clear bit of the range has its number, and there is none after the last. */
static void
test_nth_clear(void)
{
	uint64_t rng = test_seed();
	for (unsigned round = 0; round < 2000; round++) {
		uint32_t at = (uint32_t)(test_random(&rng) % BITS), r = 0;
		uint32_t n = (uint32_t)(test_random(&rng) % (BITS - at + 1));
		randomize(&rng);
		for (uint32_t i = 0; i < n; i++)
			if (!byte[at + i])
				CU_ASSERT_EQUAL_FATAL(bits_nth_clear(row, at, n, r++), i);
		CU_ASSERT_EQUAL_FATAL(bits_nth_clear(row, at, n, r), UINT32_MAX);
	}
}

static const struct test_case cases[] = {
	{"single bits", test_single},
	{"ranges", test_ranges},
	{"nth clear bit", test_nth_clear},
};
TEST_MAIN("nat_bits", cases)
