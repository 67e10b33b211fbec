/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Longest match over the routes of an image.
 * Layout     IPv4: the address space cut into disjoint intervals. `top` has an entry for each
 *            value of the upper 16 bits: the row of the whole /16, or where its intervals are (a
 *            window): `low` their beginnings, `row` their rows. An interval is 6 bytes.
 *            IPv6: a binary search in the image's rows for each prefix length in use.
 * Invariant  1. route_find4 and route_find6 give the row of the longest prefix around the address.
 *            2. The intervals of a window ascend. The first begins at 0, so its place in `low`
 *               holds how many follow it.
 * Owner      Constant, part of a generation; any thread reads.
 * Lifetime   Rows are the image's.
 * Limits     ROUTES_MAX rows; 256 kB, and 24 bytes a route.
 * See        docs/design.md, "Generations".
 */
#ifndef MR_ROUTE_H
#define MR_ROUTE_H

#include "image.h"

enum { ROUTES_MAX = 1 << 26, ROUTE_TOP = 1 << 16 };
static_assert((int)IMG_MAX_ROUTES <= (int)ROUTES_MAX, "a row's number has 26 bits in a sort key");
#define ROUTE_WINDOW 0x80000000u

struct route_table {
	const struct img_route *rows;
	uint32_t *top; /* row + 1, 0: none; or ROUTE_WINDOW and the window's first interval */
	uint32_t *row; /* of an interval: row + 1, 0: none */
	uint16_t *low; /* of an interval: lower 16 bits of its first address */
	size_t size;   /* of the block that these are in */
	uint32_t n_intervals;
	struct { uint8_t plen; uint32_t first, n; } length6[129];
	uint32_t n_lengths6;
};

/* route_table_init: of checked rows, in the image's order. => 0 or -ENOMEM. */
int route_table_init(struct route_table *t, const struct img_route *rows, uint32_t n);
void route_table_fini(struct route_table *t);

/* route_in_window: the entry of an address that has the interval `at` first in its window. */
static inline uint32_t
route_in_window(const struct route_table *t, uint32_t at, uint16_t low)
{
	const uint16_t *begin = t->low + at;
	uint32_t i = 0;
	for (uint32_t n = begin[0] + 1u; n > 1;) {
		uint32_t half = n / 2;
		i += begin[i + half] <= low ? half : 0;
		n -= half;
	}
	return t->row[at + i];
}

/* route_find4, route_find6: the longest match, or NULL. */
static inline const struct img_route *
route_find4(const struct route_table *t, be32 address)
{
	uint32_t a = __builtin_bswap32(address), entry = t->top[a >> 16];
	if ((entry & ROUTE_WINDOW) != 0)
		entry = route_in_window(t, entry & ~ROUTE_WINDOW, (uint16_t)a);
	return entry != 0 ? &t->rows[entry - 1] : NULL;
}

const struct img_route *route_find6(const struct route_table *t, const union addr *a);

#endif
