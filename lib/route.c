/* SPDX-License-Identifier: Apache-2.0 */
/* Routes: IPv4 prefixes laid out as intervals, IPv6 by length. */
#include "route.h"

#include <errno.h>
#include <stdlib.h>

#include "mem.h"

enum { DEPTH = 33 /* prefixes around one address, one of each length */ };

/* A prefix as a number that sorts by address, shorter ones first. */
static uint64_t
key_of(const struct img_route *r, uint32_t row)
{
	return (uint64_t)__builtin_bswap32(r->prefix.w[0]) << 32 | (uint64_t)r->plen << 26 | row;
}

static int
key_compare(const void *pa, const void *pb)
{
	const uint64_t *a = pa, *b = pb;
	return (*a > *b) - (*a < *b);
}

/* The addresses from..to-1 have this entry. => Called in ascending order. */
static void
span_add(struct route_table *t, uint64_t from, uint64_t to, uint32_t entry)
{
	while (from < to) {
		uint32_t *top = &t->top[from >> 16];
		uint64_t end = ((from >> 16) + 1) << 16;
		if (end - from == ROUTE_TOP && end <= to) {
			*top = entry;
		} else {
			uint32_t i = t->n_intervals++;
			if ((from & 0xffff) == 0)
				*top = ROUTE_WINDOW | i;
			else
				t->low[*top & ~ROUTE_WINDOW]++;
			t->low[i] = (uint16_t)from;
			t->row[i] = entry;
		}
		from = end < to ? end : to;
	}
}

/* Prefixes that are open at a place: each inside the one before it. */
struct nest {
	uint64_t at;
	unsigned depth;
	struct { uint64_t end; uint32_t entry; } open[DEPTH];
};

/* What the innermost open prefixes say, up to `to`. */
static void
nest_advance(struct route_table *t, struct nest *s, uint64_t to)
{
	while (s->depth > 0 && s->open[s->depth - 1].end <= to) {
		s->depth--;
		span_add(t, s->at, s->open[s->depth].end, s->open[s->depth].entry);
		s->at = s->open[s->depth].end;
	}
	span_add(t, s->at, to, s->depth > 0 ? s->open[s->depth - 1].entry : 0);
	s->at = to;
}

static void
intervals_fill(struct route_table *t, const uint64_t *key, uint32_t n)
{
	struct nest s = {0};
	for (uint32_t i = 0; i < n; i++) {
		uint64_t from = key[i] >> 32;
		unsigned plen = key[i] >> 26 & 63;
		nest_advance(t, &s, from);
		s.open[s.depth].end = from + (1ull << (32 - plen));
		s.open[s.depth++].entry = (uint32_t)(key[i] & (ROUTES_MAX - 1)) + 1;
	}
	nest_advance(t, &s, 1ull << 32);
}

static void
lengths_fill(struct route_table *t, uint32_t first, uint32_t n)
{
	for (uint32_t i = first; i < n; i++) {
		if (i == first || t->rows[i - 1].plen != t->rows[i].plen) {
			t->length6[t->n_lengths6].plen = t->rows[i].plen;
			t->length6[t->n_lengths6++].first = i;
		}
		t->length6[t->n_lengths6 - 1].n++;
	}
}

int
route_table_init(struct route_table *t, const struct img_route *rows, uint32_t n)
{
	uint32_t n4 = 0;
	while (n4 < n && rows[n4].family == FAMILY_V4)
		n4++;
	/* A prefix begins and ends an interval; each may make another at the border of a /16. */
	size_t most = 4 * (size_t)n4 + 2, scratch = ((size_t)n4 + 1) * sizeof(uint64_t);
	*t = (struct route_table){.rows = rows};
	t->size = (ROUTE_TOP + most) * sizeof(uint32_t) + most * sizeof(uint16_t);
	uint64_t *key = mem_alloc(scratch, -1);
	t->top = mem_alloc(t->size, -1);
	if (key == NULL || t->top == NULL) {
		if (key != NULL)
			mem_free(key, scratch);
		route_table_fini(t);
		return -ENOMEM;
	}
	t->row = t->top + ROUTE_TOP;
	t->low = (uint16_t *)(t->row + most);
	for (uint32_t i = 0; i < n4; i++)
		key[i] = key_of(&rows[i], i);
	qsort(key, n4, sizeof(*key), key_compare);
	intervals_fill(t, key, n4);
	mem_free(key, scratch);
	lengths_fill(t, n4, n);
	return 0;
}

void
route_table_fini(struct route_table *t)
{
	if (t->top != NULL)
		mem_free(t->top, t->size);
}

/* An address as a number that orders as its bytes do: the high or the low half of it. */
static inline uint64_t
half_of(const union addr *a, unsigned q)
{
	return __builtin_bswap64(a->q[q]);
}

/* The row of this prefix among n sorted ones, or NULL; without a branch a step. */
static const struct img_route *
prefix_search(const struct img_route *r, uint32_t n, const union addr *prefix)
{
	uint64_t high = half_of(prefix, 0), low = half_of(prefix, 1);
	while (n > 1) {
		uint32_t half = n / 2;
		uint64_t h = half_of(&r[half].prefix, 0);
		bool below = h < high || (h == high && half_of(&r[half].prefix, 1) <= low);
		r += below ? half : 0;
		n -= half;
	}
	return n == 1 && addr_equal(&r->prefix, prefix) ? r : NULL;
}

const struct img_route *
route_find6(const struct route_table *t, const union addr *a)
{
	for (uint32_t i = 0; i < t->n_lengths6; i++) {
		union addr prefix = addr_masked(a, t->length6[i].plen);
		const struct img_route *r = prefix_search(t->rows + t->length6[i].first,
		                                          t->length6[i].n, &prefix);
		if (r != NULL)
			return r;
	}
	return NULL;
}
