/* SPDX-License-Identifier: Apache-2.0 */
/* Longest match against a linear search, over nested prefixes, at and beside their borders. */
#include "lib/mem.h"
#include "lib/route.h"
#include "tests/test.h"

enum { NESTED = 400, SETS = 60, MANY = 100000, LOOKUPS = 2000 };

static struct img_route rows[MANY];

static int
route_compare(const void *pa, const void *pb)
{
	const struct img_route *a = pa, *b = pb;
	if (a->family != b->family)
		return a->family - b->family;
	if (a->plen != b->plen)
		return b->plen - a->plen;
	return memcmp(&a->prefix, &b->prefix, sizeof(a->prefix));
}

/* An address whose bytes are often the same few, so that prefixes nest. */
static union addr
random_addr(uint64_t *rng, uint8_t family, bool nested)
{
	union addr a = {.w = {0}};
	for (unsigned i = 0; i < addr_bits(family) / 8; i++) {
		uint64_t r = test_random(rng);
		a.b[i] = (uint8_t)(!nested || r % 4 == 0 ? r >> 8 : r % 4 == 1 ? 255 : 0);
	}
	return a;
}

static unsigned
random_rows(uint64_t *rng, unsigned n, unsigned shortest, bool nested)
{
	for (unsigned i = 0; i < n; i++) {
		struct img_route *r = &rows[i];
		*r = (struct img_route){.family = !nested || i % 2 ? FAMILY_V4 : FAMILY_V6,
		                        .kind = ROUTE_CONNECTED, .nic = 1};
		unsigned bits = addr_bits(r->family);
		r->plen = (uint8_t)(shortest + test_random(rng) % (bits + 1 - shortest));
		r->prefix = random_addr(rng, r->family, nested);
		for (unsigned bit = r->plen; bit < bits; bit++)
			r->prefix.b[bit / 8] &= (uint8_t)~(0x80u >> bit % 8);
	}
	qsort(rows, n, sizeof(rows[0]), route_compare);
	unsigned kept = 0;
	for (unsigned i = 0; i < n; i++)
		if (kept == 0 || route_compare(&rows[kept - 1], &rows[i]) != 0)
			rows[kept++] = rows[i];
	return kept;
}

/* Rows stand in the order of their lengths: the first that fits is the longest. */
static const struct img_route *
slow_find(unsigned n, const union addr *a, uint8_t family)
{
	for (unsigned i = 0; i < n; i++)
		if (rows[i].family == family &&
		    addr_in_prefix(a, &rows[i].prefix, rows[i].plen))
			return &rows[i];
	return NULL;
}

static void
check(const struct route_table *t, unsigned n, const union addr *a, uint8_t family)
{
	const struct img_route *got = family == FAMILY_V4 ? route_find4(t, a->w[0]) :
	                                                    route_find6(t, a);
	CU_ASSERT_PTR_EQUAL(got, slow_find(n, a, family));
}

/* The first and the last address of a prefix, and those beside it. */
static void
check_borders(const struct route_table *t, unsigned n, const struct img_route *r)
{
	uint32_t first = __builtin_bswap32(r->prefix.w[0]);
	uint32_t last = first + (uint32_t)((1ull << (32 - r->plen)) - 1);
	const uint32_t at[] = {first - 1, first, last, last + 1};
	for (unsigned i = 0; i < 4; i++) {
		union addr a = addr_from_v4(__builtin_bswap32(at[i]));
		check(t, n, &a, FAMILY_V4);
	}
}

static void
test_nested(void)
{
	uint64_t rng = test_seed();
	for (unsigned set = 0; set < SETS; set++) {
		struct route_table t;
		unsigned shortest = set % 3 == 0 ? 0 : 1 + (unsigned)(test_random(&rng) % 24);
		unsigned n = random_rows(&rng, set < 3 ? set : NESTED, shortest, true);
		CU_ASSERT_EQUAL_FATAL(route_table_init(&t, rows, n), 0);
		for (unsigned i = 0; i < n; i++)
			if (rows[i].family == FAMILY_V4)
				check_borders(&t, n, &rows[i]);
		for (unsigned i = 0; i < LOOKUPS; i++) {
			uint8_t family = i % 2 ? FAMILY_V4 : FAMILY_V6;
			union addr a = random_addr(&rng, family, true);
			check(&t, n, &a, family);
		}
		route_table_fini(&t);
	}
}

/* Every host of a /16 by itself: the largest window there is. */
static void
test_full_window(void)
{
	struct route_table t;
	for (unsigned i = 0; i < ROUTE_TOP; i++)
		rows[i] = (struct img_route){
			.prefix = addr_from_v4(__builtin_bswap32(0x0a010000u + i)),
			.family = FAMILY_V4, .plen = 32, .kind = ROUTE_CONNECTED};
	CU_ASSERT_EQUAL_FATAL(route_table_init(&t, rows, ROUTE_TOP), 0);
	for (unsigned i = 0; i < ROUTE_TOP; i++)
		CU_ASSERT_PTR_EQUAL(route_find4(&t, rows[i].prefix.w[0]), &rows[i]);
	CU_ASSERT_PTR_NULL(route_find4(&t, __builtin_bswap32(0x0a00ffffu)));
	CU_ASSERT_PTR_NULL(route_find4(&t, __builtin_bswap32(0x0a020000u)));
	route_table_fini(&t);
}

static void
test_many(void)
{
	uint64_t rng = test_seed();
	struct route_table t;
	unsigned n = random_rows(&rng, MANY, 8, false);
	CU_ASSERT_EQUAL_FATAL(route_table_init(&t, rows, n), 0);
	for (unsigned i = 0; i < 100; i++) {
		union addr a = random_addr(&rng, FAMILY_V4, false);
		check(&t, n, &a, FAMILY_V4);
		check_borders(&t, n, &rows[test_random(&rng) % n]);
	}
	route_table_fini(&t);
}

static const struct test_case cases[] = {
	{"nested prefixes", test_nested},
	{"every host of a /16", test_full_window},
	{"many prefixes", test_many},
};

int
main(void)
{
	mem_use_huge(0);
	return test_main("route", cases, sizeof(cases) / sizeof(cases[0]));
}
