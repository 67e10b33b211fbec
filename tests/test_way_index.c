/* SPDX-License-Identifier: Apache-2.0 */
/* Outer headers of ways are found again, as they are sent; what differs in a field is not. */
#include "lib/way_index.h"

#include <stdlib.h>

#include "lb/lb_way.h"
#include "lib/wire.h"
#include "test.h"

enum { WAYS = 600, KINDS = 7 };

static struct way ways[WAYS];
static struct generation gen;

static const struct {
	uint8_t mode, inner, outer;
} kinds[KINDS] = {
	{LB_MODE_IPIP, 4, 4}, {LB_MODE_IPIP, 6, 4}, {LB_MODE_GRE, 4, 6}, {LB_MODE_GUE, 4, 4},
	{LB_MODE_GUE, 6, 6}, {LB_MODE_DSR, 4, 4}, {LB_MODE_L3DSR, 6, 6},
};

static bool
is_tunnel(unsigned row)
{
	return row % KINDS < 5;
}

/* Backends with several services: every third way leads where the one before it does. */
static void
setup(void)
{
	uint32_t n = way_index_slots(WAYS);
	for (unsigned i = 0; i < WAYS; i++) {
		unsigned k = i % KINDS, to = i - i % 3;
		struct img_lb_service s = {.mode = kinds[k].mode, .family = kinds[k].inner};
		struct img_lb_backend b = {.family = kinds[k].outer};
		struct img_lb_way row = {.port = htobe16((uint16_t)(6080 + i % 2))};
		b.address = b.family == 4 ? addr_from_v4(htobe32(0x0a000000 + to)) :
			(union addr){.w = {htobe32(0x20010db8), 0, 0, htobe32(to)}};
		row.source = b.family == 4 ? addr_from_v4(htobe32(0x0a630000 + (i % 4 << 8))) :
			(union addr){.w = {htobe32(0x20010db8), 1, htobe32(i % 4), 0}};
		if (i % 4 == 3)
			row.spread = b.family == 4 ? addr_from_v4(htobe32(0xff)) :
				(union addr){.w = {0, 0, 0, 0xffffffff}};
		lb_way_fill(&ways[i], &row, &s, &b);
	}
	gen.way = ways;
	gen.n_ways = WAYS;
	gen.way_index = (struct way_index){calloc(n, sizeof(uint32_t)), n - 1};
	way_index_fill(&gen.way_index, ways, WAYS);
}

/* As lib/encap.h sends it: the header, some source of the prefix, eight octets and more behind. */
static uint32_t
outer(uint8_t *at, const struct way *y, uint32_t random)
{
	memset(at, 0xee, 80);
	memcpy(at, y->header, y->overhead);
	if (y->family == FAMILY_V4)
		((struct ip4 *)at)->src |= random & y->spread.w[0];
	else
		((struct ip6 *)at)->src.w[3] |= random & y->spread.w[3];
	return y->overhead + 28u;
}

static void
test_found(void)
{
	uint64_t seed = test_seed();
	uint8_t l3[80];
	setup();
	for (unsigned i = 0; i < WAYS; i++) {
		const struct way *y = &ways[i], *found;
		uint32_t size = outer(l3, y, (uint32_t)test_random(&seed));
		if (!is_tunnel(i))
			continue;
		found = way_by_outer(&gen, l3, size);
		CU_ASSERT_PTR_NOT_NULL_FATAL(found);
		CU_ASSERT(found->family == y->family && addr_equal(&found->to, &y->to));
		CU_ASSERT_EQUAL(memcmp(found->header, y->header, y->overhead), 0);
	}
	free(gen.way_index.slot);
}

/* One field is another one's: source, destination, protocol, port; too short. */
static void
test_others(void)
{
	uint8_t l3[80];
	setup();
	for (unsigned i = 0; i < WAYS; i++) {
		const struct way *y = &ways[i];
		bool v4 = y->family == FAMILY_V4;
		const unsigned at[] = {v4 ? 13 : 17, v4 ? 19 : 39, v4 ? 9 : 6, v4 ? 22 : 42};
		bool is_gue = kinds[i % KINDS].mode == LB_MODE_GUE;
		for (unsigned k = 0; k < (is_gue ? 4 : 3); k++) {
			uint32_t size = outer(l3, y, 0);
			l3[at[k]] ^= 0x80;
			CU_ASSERT_PTR_NULL(way_by_outer(&gen, l3, size));
		}
		outer(l3, y, 0);
		CU_ASSERT_PTR_NULL(way_by_outer(&gen, l3, v4 ? 20 : 40));
	}
	free(gen.way_index.slot);
	gen.way_index = (struct way_index){NULL, 0};
	CU_ASSERT_PTR_NULL(way_by_outer(&gen, l3, 80));
}

static const struct test_case cases[] = {
	{"what is sent is found", test_found},
	{"what is not", test_others},
};

TEST_MAIN("way_index", cases)
