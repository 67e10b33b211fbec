/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Ranges of bits in rows of 64-bit words.
 * Invariant  1. Only the n bits from `at` on are read for an answer, and only they are written.
 * Owner      Values in the caller's memory.
 */
#ifndef MR_NAT_BITS_H
#define MR_NAT_BITS_H

#include <stdbool.h>
#include <stdint.h>

static inline bool
bit_is_set(const uint64_t *row, uint32_t at)
{
	return (row[at / 64] >> at % 64 & 1) != 0;
}

static inline void
bit_set(uint64_t *row, uint32_t at)
{
	row[at / 64] |= (uint64_t)1 << at % 64;
}

static inline void
bit_clear(uint64_t *row, uint32_t at)
{
	row[at / 64] &= ~((uint64_t)1 << at % 64);
}

/* bits_part: those of at..at+n-1 that stand in the word of bit `at`; *took is how many. */
static inline uint64_t
bits_part(uint32_t at, uint32_t n, uint32_t *took)
{
	uint32_t room = 64 - at % 64;
	*took = n < room ? n : room;
	return (~(uint64_t)0 >> (64 - *took)) << at % 64;
}

static inline bool
bits_any(const uint64_t *row, uint32_t at, uint32_t n)
{
	uint64_t any = 0;
	for (uint32_t took; n > 0; at += took, n -= took)
		any |= row[at / 64] & bits_part(at, n, &took);
	return any != 0;
}

static inline void
bits_set(uint64_t *row, uint32_t at, uint32_t n)
{
	for (uint32_t took; n > 0; at += took, n -= took)
		row[at / 64] |= bits_part(at, n, &took);
}

static inline void
bits_clear(uint64_t *row, uint32_t at, uint32_t n)
{
	for (uint32_t took; n > 0; at += took, n -= took)
		row[at / 64] &= ~bits_part(at, n, &took);
}

/* bits_clear_count: bits that are 0, of those whose place in their word is in `among`. */
static inline uint32_t
bits_clear_count(const uint64_t *row, uint32_t at, uint32_t n, uint64_t among)
{
	uint32_t count = 0;
	for (uint32_t took; n > 0; at += took, n -= took) {
		uint64_t clear = ~row[at / 64] & among & bits_part(at, n, &took);
		count += (uint32_t)__builtin_popcountll(clear);
	}
	return count;
}

/* bits_nth_clear_of: place, counted from `at`, of the r-th of them. => there are more than r. */
static inline uint32_t
bits_nth_clear_of(const uint64_t *row, uint32_t at, uint32_t n, uint64_t among, uint32_t r)
{
	uint32_t first = at;
	for (uint32_t took; n > 0; at += took, n -= took) {
		uint64_t clear = ~row[at / 64] & among & bits_part(at, n, &took);
		uint32_t here = (uint32_t)__builtin_popcountll(clear);
		if (r >= here) {
			r -= here;
			continue;
		}
		while (r-- > 0)
			clear &= clear - 1;
		return at / 64 * 64 + (uint32_t)__builtin_ctzll(clear) - first;
	}
	return UINT32_MAX;
}

static inline uint32_t
bits_nth_clear(const uint64_t *row, uint32_t at, uint32_t n, uint32_t r)
{
	return bits_nth_clear_of(row, at, n, UINT64_MAX, r);
}

#endif
