/* SPDX-License-Identifier: Apache-2.0 */
/* The short way to an owner against the long one, octet by octet, and what it does not take. */
#include "lb/lb_way.h"
#include "lib/encap_plain.h"
#include "probe.h"

enum { OWNER = 7, ROUNDS = 150, GUE_PORT = 6080 };

static struct way ways[OWNER + 1];

static const struct {
	uint8_t mode;
	const char *to, *spread;
	bool is_plain;
} combinations[] = {
	{LB_MODE_DSR, "192.0.2.20", NULL, true},
	{LB_MODE_DSR, "198.18.0.10", NULL, true}, /* behind a tag */
	{LB_MODE_IPIP, "192.0.2.20", NULL, true},
	{LB_MODE_IPIP, "192.0.2.20", "0.0.255.255", true},
	{LB_MODE_IPIP, "198.18.0.10", NULL, true},
	{LB_MODE_GRE, "192.0.2.20", NULL, true},
	{LB_MODE_GRE, "192.0.2.20", "0.0.0.63", true},
	{LB_MODE_GUE, "192.0.2.20", NULL, true},
	{LB_MODE_GUE, "192.0.2.20", "0.0.3.255", true},
	{LB_MODE_GUE, "198.18.0.10", NULL, true},
	{LB_MODE_L3DSR, "192.0.2.20", NULL, false},
	{LB_MODE_IPIP, "2001:db8:2::20", NULL, false},
	{LB_MODE_GUE, "2001:db8:2::20", NULL, false},
};
enum { COMBINATIONS = sizeof(combinations) / sizeof(combinations[0]) };

static struct world *
carried(unsigned c)
{
	struct world *w = probe_simple();
	bool is4 = strchr(combinations[c].to, ':') == NULL;
	struct img_lb_way row = {.port = htobe16(GUE_PORT), .dscp = 11};
	struct img_lb_service s = {.mode = combinations[c].mode, .family = 4};
	struct img_lb_backend b = {.family = is4 ? 4 : 6};
	b.address = is4 ? addr4(combinations[c].to) : addr6(combinations[c].to);
	row.source = is4 ? addr4("10.99.0.0") : addr6("2001:db8:2::1");
	if (combinations[c].spread != NULL)
		row.spread = addr4(combinations[c].spread);
	world_mac(w, combinations[c].to[0] == '1' && combinations[c].to[2] == '8' ? WORLD_SMALL :
	          WORLD_OUT, b.family, b.address);
	lb_way_fill(&ways[OWNER], &row, &s, &b);
	w->gen->way = ways;
	w->gen->n_ways = OWNER + 1;
	w->extra_flags = FLOW_WAY;
	return w;
}

static struct way_hop *
row_of(const struct world *w)
{
	return &w->worker[0]->pipe->way_hop[OWNER % WAY_HOPS];
}

static struct frame
random_frame(uint64_t *seed)
{
	uint64_t x = test_random(seed);
	struct frame f = world_frame("10.0.0.10", (uint16_t)(1024 + x % 8), "203.0.112.9", 80, 6);
	f.proto = x >> 10 & 1 ? 6 : 17;
	f.tcp_flags = 16;
	f.tos = (uint8_t)(x >> 12);
	f.ttl = (uint8_t)(2 + (x >> 20) % 254);
	f.payload_size = (uint16_t)((x >> 28) % (x >> 27 & 1 ? 64 : 1600));
	f.options = (uint8_t)(x >> 44 & 1 ? (x >> 45) % 4 * 4 : 0);
	f.frag = (x >> 48) % 8 != 0 ? 0x4000 : 0;
	f.id = (uint16_t)(x >> 51);
	return f;
}

/* All that a world sends for a frame. => its size. */
static size_t
answer(struct world *w, const struct frame *f, uint8_t *out, size_t room)
{
	size_t n, size = 0;
	probe_arrive(w, WORLD_IN, *f);
	for (; (n = world_take(w, 1, probe_frame)) != 0; size += n)
		if (size + n <= room)
			memcpy(out + size, probe_frame, n);
	return size;
}

static void
test_same(void)
{
	static uint8_t by_plain[4 * FRAME_MAX], by_long[4 * FRAME_MAX];
	uint64_t seed = test_seed();
	for (unsigned c = 0; c < COMBINATIONS; c++) {
		struct world *a = carried(c), *b = carried(c);
		unsigned sent = 0;
		for (unsigned i = 0; i < ROUNDS; i++) {
			struct frame f = random_frame(&seed);
			row_of(b)->plain = 0;
			size_t n = answer(a, &f, by_plain, sizeof(by_plain));
			CU_ASSERT_EQUAL_FATAL(answer(b, &f, by_long, sizeof(by_long)), n);
			CU_ASSERT_EQUAL(memcmp(by_plain, by_long, n), 0);
			sent += n != 0;
			CU_ASSERT(sent == 0 ||
			          (row_of(a)->plain != 0) == combinations[c].is_plain);
			world_drain(a);
			world_drain(b);
		}
		CU_ASSERT(sent > ROUNDS / 4);
		for (unsigned r = 0; r < DROP_MAX; r++)
			CU_ASSERT_EQUAL(world_dropped(a, r), world_dropped(b, r));
		world_destroy(a);
		world_destroy(b);
	}
}

static bool
is_sent(struct world *w, struct frame f)
{
	probe_arrive(w, WORLD_IN, f);
	return world_take(w, 1, probe_frame) != 0;
}

/* Invariant 2, and that what is not plain, or older than the generation, is asked about anew. */
static void
test_row(void)
{
	struct world *w = carried(7);
	struct frame f = world_frame("10.0.0.10", 2000, "203.0.112.9", 80, 17);
	f.frag = 0x4000;
	CU_ASSERT_TRUE(is_sent(w, f));
	ways[OWNER].kind = WAY_NONE;
	CU_ASSERT_TRUE(is_sent(w, f));
	f.frag = 0;
	CU_ASSERT_FALSE(is_sent(w, f));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_NO_POLICY), 1);
	f.frag = 0x4000;
	w->gen->number++;
	CU_ASSERT_FALSE(is_sent(w, f));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_NO_POLICY), 2);
	world_destroy(w);
}

/* What is learnt of a path goes for the next packet; a way that takes nothing is not plain. */
static void
test_path(void)
{
	struct world *w = carried(2);
	struct way_mtus *t = &w->shared.way_mtus;
	struct frame f = world_frame("10.0.0.10", 2000, "203.0.112.9", 80, 17);
	f.frag = 0x4000;
	f.payload_size = 900;
	CU_ASSERT_TRUE(is_sent(w, f));
	CU_ASSERT_EQUAL(row_of(w)->plain, 1480);
	CU_ASSERT_TRUE(way_mtu_learn(t, &ways[OWNER].to, 4, 800, 0));
	CU_ASSERT_FALSE(is_sent(w, f));
	probe_expect_punt(w, PUNT_TOO_BIG, DROP_TOO_BIG, 780);
	f.payload_size = 780 - 28;
	CU_ASSERT_TRUE(is_sent(w, f));
	CU_ASSERT_EQUAL(row_of(w)->plain, 780);
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"the same as the long way", test_same},
	{"a row is enough, while it is good", test_row},
	{"paths", test_path},
};

TEST_MAIN("encap_plain", cases)
