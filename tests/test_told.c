/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams with PROXY headers: whole, in pieces, and quoted. */
#include "lib/told.h"

#include "told_kit.h"

enum { ROUNDS = 400, SIZE = 3000, PIECE = 1000, PIECES = 4 };

/* What went out last is f, told. */
static void
expect_told(const struct frame *f)
{
	uint8_t head[64];
	const uint8_t *got = probe_view.f.payload;
	size_t n = head_make(head, f, false);
	CU_ASSERT_EQUAL_FATAL(probe_view.f.payload_size, n + f->payload_size);
	CU_ASSERT_EQUAL(probe_view.l4[4] * 256u + probe_view.l4[5], UDP + n + f->payload_size);
	CU_ASSERT_EQUAL(memcmp(got, head, n), 0);
	for (unsigned i = 0; i < f->payload_size; i++)
		if (got[n + i] != (uint8_t)(i * 7 + 3))
			CU_FAIL("the payload has changed");
	struct frame t = translated(*f);
	CU_ASSERT_TRUE(addr_equal(&probe_view.f.src, &t.src) && probe_view.f.sport == t.sport);
	CU_ASSERT_TRUE(addr_equal(&probe_view.f.dst, &t.dst) && probe_view.f.dport == t.dport);
	CU_ASSERT_EQUAL(probe_view.f.ttl, 63);
}

/* An answer comes back as it was sent. */
static void
answer(struct world *w, const struct frame *f)
{
	struct frame t = translated(*f), a = t;
	a.src = t.dst;
	a.dst = t.src;
	a.sport = t.dport;
	a.dport = t.sport;
	a.payload_size = 77;
	probe_arrive(w, WORLD_OUT, a);
	CU_ASSERT_TRUE_FATAL(probe_take(w, 0));
	CU_ASSERT_EQUAL(probe_view.f.payload_size, 77);
	CU_ASSERT_TRUE(addr_equal(&probe_view.f.dst, &f->src) && probe_view.f.dport == f->sport);
}

/* Invariant 1, for all lengths, options, tags, with and without checksum. */
static void
test_each(void)
{
	uint64_t seed = test_seed();
	struct world *w = told_world(1);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct frame f = question(i % 2 != 0 ? 6 : 4, (uint16_t)(2000 + i % 90));
		f.payload_size = (uint16_t)(test_random(&seed) % 1390);
		bool is_v4 = f.family == 4, is_tagged = is_v4 && test_random(&seed) % 2 != 0;
		f.no_udp_csum = is_v4 && test_random(&seed) % 4 == 0;
		f.options = is_v4 ? (uint8_t)(test_random(&seed) % 11 * 4) : 0;
		if (is_tagged) {
			f.src = addr4("10.5.0.10");
			f.dport = 54; /* else the two clients would be one outside */
		}
		probe_arrive(w, is_tagged ? WORLD_VIN : WORLD_IN, f);
		CU_ASSERT_TRUE_FATAL(probe_take(w, 1));
		expect_told(&f);
		CU_ASSERT_EQUAL(probe_view.l4[6] + probe_view.l4[7] == 0, f.no_udp_csum);
		if (!is_tagged)
			answer(w, &f);
	}
	CU_ASSERT_EQUAL(WORLD_SUM(w, forwarded), WORLD_SUM(w, received));
	CU_ASSERT_EQUAL(w->worker[0]->shifts.used, 0);
	world_destroy(w);
}

/* Answers take the straight way; under other routes both are looked for anew. No table bounds
 * these flows, and none of them leaves anything behind. */
static void
test_way(void)
{
	struct world *w = told_world(1);
	struct flow *f = &w->worker[0]->flows.v4[1].f;
	struct frame q = question(4, 2000);
	for (unsigned i = 0; i < 3; i++) {
		probe_arrive(w, WORLD_IN, q);
		CU_ASSERT_TRUE(probe_take(w, 1));
		CU_ASSERT_EQUAL(f->nexthop[0], NEXTHOP_NONE);
		CU_ASSERT_EQUAL(f->nexthop[1] != NEXTHOP_NONE, i != 2);
		answer(w, &q);
		CU_ASSERT_EQUAL(f->nexthop[0], NEXTHOP_NONE);
		CU_ASSERT_NOT_EQUAL(f->nexthop[1], NEXTHOP_NONE);
		f->route_gen += i == 1;
	}
	f->route_gen++;
	answer(w, &q);
	CU_ASSERT_EQUAL(f->route_gen, w->gen->route_gen);
	for (unsigned i = 0; i <= WORLD_SHIFTS; i++, q.sport++)
		probe_arrive(w, WORLD_IN, q);
	CU_ASSERT_EQUAL(w->opened, WORLD_SHIFTS + 1);
	world_advance(w, WORLD_IDLE_MS + 1);
	worker_sweep(w->worker[0], w->now_ns);
	CU_ASSERT_EQUAL(w->ended, WORLD_SHIFTS + 1);
	world_destroy(w);
}

/* To another client of ours: it enters again with its header. */
static void
test_hairpin(void)
{
	uint8_t head[64];
	struct world *w = told_world(2);
	struct frame f = question(4, 2000);
	f.dst = addr4("198.51.100.1");
	f.dport = 7777;
	probe_arrive(w, WORLD_IN, f);
	CU_ASSERT_TRUE_FATAL(probe_take(w, 0));
	CU_ASSERT_TRUE(probe_is_from("198.51.100.1", 3000) && probe_is_to("10.0.0.77", 6777));
	CU_ASSERT_EQUAL(probe_view.f.payload_size, HEAD4 + 16);
	CU_ASSERT_EQUAL(memcmp(probe_view.f.payload, head, head_make(head, &f, false)), 0);
	world_destroy(w);
}

/* What fits, and what is said of what does not. */
static void
test_room(void)
{
	struct world *w = told_world(1);
	struct frame f = question(4, 2000), g = question(6, 2000);
	f.payload_size = 1500 - IP4 - UDP - HEAD4;
	g.payload_size = 1500 - IP6 - UDP - HEAD6;
	probe_arrive(w, WORLD_IN, f);
	CU_ASSERT_TRUE_FATAL(probe_take(w, 1));
	CU_ASSERT_EQUAL(probe_view.l3_size, 1500);
	expect_told(&f);
	probe_arrive(w, WORLD_IN, g);
	CU_ASSERT_TRUE_FATAL(probe_take(w, 1));
	CU_ASSERT_EQUAL(probe_view.l3_size, 1500);
	expect_told(&g);
	f.payload_size++;
	probe_arrive(w, WORLD_IN, f);
	CU_ASSERT_FALSE(probe_take(w, 1));
	probe_expect_punt(w, PUNT_TOO_BIG, DROP_TOO_BIG, 1500 - HEAD4);
	CU_ASSERT_TRUE(probe_is_from("10.0.0.10", 2000));
	CU_ASSERT_EQUAL(probe_view.f.payload_size, f.payload_size);
	g.payload_size++;
	probe_arrive(w, WORLD_IN, g);
	CU_ASSERT_FALSE(probe_take(w, 1));
	probe_expect_punt(w, PUNT_TOO_BIG, DROP_TOO_BIG, 1500 - HEAD6);
	CU_ASSERT_EQUAL(probe_view.f.payload_size, g.payload_size);
	world_destroy(w);
}

/* Put together what went out. => octets behind the IP header. */
static size_t
reassemble(struct world *w, uint8_t *l4, unsigned *pieces)
{
	size_t total = 0;
	uint16_t id = 0;
	*pieces = 0;
	while (probe_take(w, 1)) {
		size_t at = (probe_view.f.frag & OFFSET) * 8u;
		size_t n = probe_view.l3_size - (size_t)(probe_view.l4 - probe_view.l3);
		CU_ASSERT_TRUE_FATAL(at + n <= FRAME_MAX);
		CU_ASSERT_TRUE(*pieces == 0 || probe_view.f.id == id);
		CU_ASSERT_TRUE((probe_view.f.frag & MF) == 0 || n % 8 == 0);
		id = probe_view.f.id;
		memcpy(l4 + at, probe_view.l4, n);
		total += n;
		++*pieces;
	}
	return total;
}

/* The whole of it is f with a header: checksum included. */
static void
expect_whole(const uint8_t *l4, size_t total, struct frame f, bool is_padded)
{
	uint8_t payload[FRAME_MAX], wanted[FRAME_MAX];
	size_t n = head_make(payload, &f, is_padded), ip = f.family == 4 ? IP4 : IP6;
	for (unsigned i = 0; i < f.payload_size; i++)
		payload[n + i] = (uint8_t)(i * 7 + 3);
	f = translated(f);
	f.payload = payload;
	f.payload_size = (uint16_t)(n + f.payload_size);
	CU_ASSERT_EQUAL_FATAL(total, UDP + (size_t)f.payload_size);
	frame_ip(wanted, &f);
	CU_ASSERT_EQUAL(memcmp(l4, wanted + ip, total), 0);
}

/* Without DF it is cut here. */
static void
test_cut(void)
{
	uint8_t l4[FRAME_MAX];
	unsigned pieces;
	struct world *w = told_world(1);
	struct frame f = question(4, 2000);
	f.frag = 0;
	f.payload_size = 1500 - IP4 - UDP;
	probe_arrive(w, WORLD_IN, f);
	size_t total = reassemble(w, l4, &pieces);
	CU_ASSERT_EQUAL(pieces, 2);
	expect_whole(l4, total, f, false);
	world_destroy(w);
}

static void
piece_arrive(struct world *w, const uint8_t *whole, size_t size, unsigned k)
{
	uint8_t frame[FRAME_MAX];
	size_t from = (size_t)k * PIECE, n = size - from < PIECE ? size - from : PIECE;
	world_put(w, 0, frame, frame_cut(frame, whole, from, n, from + n == size));
	world_poll(w);
}

static void
one_order(struct world *w, const unsigned *order, struct frame f)
{
	uint8_t whole[FRAME_MAX], l4[FRAME_MAX];
	unsigned pieces;
	f.payload_size = SIZE;
	f.frag = 0;
	memcpy(f.dmac, w->devs[0].mac, 6);
	size_t size = frame_make(whole, &f) - 14 - (f.family == 4 ? IP4 : IP6);
	for (unsigned i = 0; i < PIECES; i++)
		piece_arrive(w, whole, size, order[i]);
	size_t total = reassemble(w, l4, &pieces);
	CU_ASSERT_EQUAL(pieces, PIECES);
	expect_whole(l4, total, f, true);
}

/* Invariant 2: in whatever order they come, to whatever worker. */
static void
test_pieces(void)
{
	static const unsigned orders[][PIECES] = {
		{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 0, 3, 2}, {2, 3, 0, 1},
	};
	for (uint16_t workers = 1; workers <= 3; workers++) {
		struct world *w = told_world(workers);
		for (unsigned i = 0; i < 24; i++) {
			struct frame f = question(i % 2 != 0 ? 6 : 4, (uint16_t)(2000 + i));
			f.id = (uint16_t)(77 * i);
			one_order(w, orders[i % 4], f);
			world_advance(w, 31000); /* IPv6: the same identification again */
		}
		CU_ASSERT_EQUAL(WORLD_SUM(w, held), 0);
		world_destroy(w);
	}
}

/* A first fragment fits the way with its header, or is cut again; IPv6 is told what would fit. */
static void
test_large_pieces(void)
{
	uint8_t whole[FRAME_MAX], frame[FRAME_MAX], l4[FRAME_MAX];
	unsigned pieces;
	struct world *w = told_world(1);
	struct frame f = question(4, 2000), g = question(6, 2000);
	f.frag = 0;
	f.payload_size = g.payload_size = 1480 + 400 - UDP;
	memcpy(f.dmac, w->devs[0].mac, 6);
	memcpy(g.dmac, w->devs[0].mac, 6);
	frame_make(whole, &f);
	world_put(w, 0, frame, frame_cut(frame, whole, 0, 1480, false));
	world_put(w, 0, frame, frame_cut(frame, whole, 1480, 400, true));
	world_poll(w);
	size_t total = reassemble(w, l4, &pieces);
	CU_ASSERT_EQUAL(pieces, 3);
	expect_whole(l4, total, f, true);
	frame_make(whole, &g);
	world_put(w, 0, frame, frame_cut(frame, whole, 0, 1448, false));
	world_poll(w);
	CU_ASSERT_FALSE(probe_take(w, 1));
	probe_expect_punt(w, PUNT_TOO_BIG, DROP_TOO_BIG, 1500 - HEAD6 - PAD);
	world_destroy(w);
}

/* The first fragment of a datagram of so many octets, and one that ends it. */
static void
long_arrive(struct world *w, uint16_t id, unsigned size)
{
	uint8_t whole[FRAME_MAX], frame[FRAME_MAX];
	struct frame f = question(4, 2000);
	f.frag = 0;
	f.id = id;
	f.no_udp_csum = 1;
	f.payload_size = PIECE;
	memcpy(f.dmac, w->devs[0].mac, 6);
	frame_make(whole, &f);
	whole[14 + IP4 + 4] = (uint8_t)(size >> 8);
	whole[14 + IP4 + 5] = (uint8_t)size;
	world_put(w, 0, frame, frame_cut(frame, whole, 0, PIECE, false));
	unsigned at = size / 8 * 8 - 8;
	size_t n = frame_cut(frame, whole, 0, size - at, true);
	frame[14 + 6] = (uint8_t)(at / 8 >> 8);
	frame[14 + 7] = (uint8_t)(at / 8);
	frame[14 + 10] = frame[14 + 11] = 0;
	uint16_t sum = sum16(frame + 14, IP4, 0);
	frame[14 + 10] = (uint8_t)(sum >> 8);
	frame[14 + 11] = (uint8_t)sum;
	world_put(w, 0, frame, n);
	world_poll(w);
}

static void
test_too_long(void)
{
	enum { LONGEST = 65535 - IP4 - HEAD4 - PAD };
	struct world *w = told_world(1);
	long_arrive(w, 1, LONGEST);
	CU_ASSERT_EQUAL(WORLD_SUM(w, forwarded), 2);
	CU_ASSERT_TRUE_FATAL(probe_take(w, 1));
	CU_ASSERT_EQUAL(probe_view.l4[4] * 256u + probe_view.l4[5], 65535 - IP4);
	CU_ASSERT_TRUE_FATAL(probe_take(w, 1));
	unsigned end = (probe_view.f.frag & OFFSET) * 8u + (unsigned)probe_view.l3_size;
	CU_ASSERT_EQUAL(end, 65535);
	long_arrive(w, 2, LONGEST + 1);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_TOO_BIG), 2);
	CU_ASSERT_EQUAL(WORLD_SUM(w, forwarded), 2);
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"each has a header", test_each},
	{"the way", test_way},
	{"hairpin", test_hairpin},
	{"what fits", test_room},
	{"cut here", test_cut},
	{"fragments, any order", test_pieces},
	{"large fragments", test_large_pieces},
	{"longer than a datagram", test_too_long},
};
TEST_MAIN("told", cases)
