/* SPDX-License-Identifier: Apache-2.0 */
/* Fragments in any order, on any number of workers, and the bounds of what is held. */
#include "lib/frag.h"

#include "enginetest.h"

enum { SIZE = 4000, PIECE = 1000, PIECES = 5, L2 = 14 };

static uint8_t out[FRAME_MAX];

static struct world *
world_simple(uint16_t workers)
{
	struct world *w = world_create((struct world_options){.workers = workers});
	world_mac(w, WORLD_OUT, 4, addr4("192.0.2.254"));
	world_mac(w, WORLD_IN, 4, addr4("10.0.0.10"));
	world_mac(w, WORLD_IN, 4, addr4("10.0.0.77"));
	world_mac(w, WORLD_OUT, 6, addr6("2001:db8:2::10"));
	return w;
}

/* Piece number k (of PIECE bytes) of a datagram; size counts the transport header. */
static void
piece_arrive(struct world *w, uint8_t nic, const uint8_t *whole, size_t size, unsigned k)
{
	uint8_t frame[FRAME_MAX];
	size_t from = (size_t)k * PIECE, n = size - from < PIECE ? size - from : PIECE;
	size_t total = frame_cut(frame, whole, from, n, from + n == size);
	world_put(w, w->gen->nic[nic].dev, frame, total);
	world_poll(w);
}

static size_t
datagram(struct world *w, uint8_t *whole, struct frame f, uint8_t nic)
{
	f.payload_size = SIZE;
	memcpy(f.dmac, w->gen->nic[nic].mac, 6);
	return frame_make(whole, &f) - L2 - (f.family == 4 ? 20u : 40u);
}

/* Put what came out of a device together again. => bytes of payload, behind the header. */
static size_t
reassemble(struct world *w, uint8_t dev, uint8_t *whole, size_t header, bool ordered)
{
	size_t n, total = 0, next = 0;
	while ((n = world_take(w, dev, out)) != 0) {
		struct frame_view v;
		CU_ASSERT_TRUE_FATAL(frame_view(&v, out, n));
		CU_ASSERT_TRUE(v.ip_csum_right);
		CU_ASSERT_EQUAL(v.f.ttl, 63);
		size_t at = (v.f.frag & 0x1fff) * 8u, size = v.l3_size - (size_t)(v.l4 - v.l3);
		CU_ASSERT_TRUE(!ordered || at == next);
		memcpy(whole + L2, v.l3, header);
		memcpy(whole + L2 + header + at, v.l4, size);
		next = at + size;
		total += size;
	}
	return total;
}

static void
expect_whole(const uint8_t *got, struct frame f, size_t header)
{
	uint8_t wanted[FRAME_MAX + 1024];
	f.payload_size = SIZE;
	frame_ip(wanted, &f);
	CU_ASSERT_EQUAL(memcmp(got + L2 + header, wanted + header, 8 + SIZE), 0);
}

/* All orders of five pieces would be 120; these have the first early, in the middle and last. */
static const unsigned orders[][PIECES] = {
	{0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {1, 0, 2, 4, 3}, {2, 3, 0, 1, 4}, {1, 2, 3, 4, 0},
};

static void
one_order(uint16_t workers, const unsigned *order, struct frame f, struct frame translated)
{
	struct world *w = world_simple(workers);
	uint8_t whole[FRAME_MAX + 1024], got[FRAME_MAX + 1024];
	size_t size = datagram(w, whole, f, WORLD_IN), header = f.family == 4 ? 20 : 40;
	for (unsigned i = 0; i < PIECES; i++)
		piece_arrive(w, WORLD_IN, whole, size, order[i]);
	CU_ASSERT_EQUAL(reassemble(w, 1, got, header, order == orders[0]), size);
	expect_whole(got, translated, header);
	CU_ASSERT_EQUAL(WORLD_SUM(w, held), 0);
	CU_ASSERT_EQUAL(WORLD_SUM(w, forwarded), PIECES);
	CU_ASSERT_EQUAL(w->opened, 1);
	world_destroy(w);
}

static void
test_orders(void)
{
	struct frame f4 = world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17), t4 = f4;
	struct frame f6 = world_frame("2001:db8:1::10", 2000, "2001:db8:2::10", 53, 17);
	f4.id = t4.id = 99;
	t4.src = addr4("198.51.100.1");
	t4.sport = 3000;
	for (uint16_t workers = 1; workers <= 3; workers++) {
		for (unsigned i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
			one_order(workers, orders[i], f4, t4);
			one_order(workers, orders[i], f6, f6);
		}
	}
}

/* Many datagrams, so that meeting point and home are every pair of workers. */
static void
test_pairs(void)
{
	struct world *w = world_simple(3);
	for (uint16_t i = 0; i < 60; i++) {
		uint16_t port = (uint16_t)(2000 + i);
		struct frame f = world_frame("10.0.0.10", port, "8.8.8.8", 53, 17), t = f;
		uint8_t whole[FRAME_MAX + 1024], got[FRAME_MAX + 1024];
		f.id = t.id = (uint16_t)(i * 31);
		t.src = addr4("198.51.100.1");
		t.sport = (uint16_t)(f.sport + 1000);
		size_t size = datagram(w, whole, f, WORLD_IN);
		for (unsigned k = 0; k < PIECES; k++)
			piece_arrive(w, WORLD_IN, whole, size, orders[i % 5][k]);
		CU_ASSERT_EQUAL(reassemble(w, 1, got, 20, false), size);
		expect_whole(got, t, 20);
	}
	CU_ASSERT_EQUAL(WORLD_SUM(w, held), 0);
	CU_ASSERT_TRUE(WORLD_SUM(w, handoff[HANDOFF_FRAGMENT]) > 60);
	world_destroy(w);
}

/* Fragments for the pool address, and fragments that come back in a hairpin. */
static void
test_inbound_and_hairpin(void)
{
	for (uint16_t workers = 1; workers <= 3; workers++) {
		struct world *w = world_simple(workers);
		struct frame f = world_frame("8.8.8.8", 53, "198.51.100.1", 7001, 17), t = f;
		uint8_t whole[FRAME_MAX + 1024], got[FRAME_MAX + 1024];
		size_t size = datagram(w, whole, f, WORLD_OUT);
		for (unsigned k = 0; k < PIECES; k++)
			piece_arrive(w, WORLD_OUT, whole, size, orders[2][k]);
		t.dst = addr4("10.0.0.77");
		t.dport = 6001;
		CU_ASSERT_EQUAL(reassemble(w, 0, got, 20, false), size);
		expect_whole(got, t, 20);
		f = world_frame("10.0.0.10", 2002, "198.51.100.1", 7777, 17);
		size = datagram(w, whole, f, WORLD_IN);
		for (unsigned k = 0; k < PIECES; k++)
			piece_arrive(w, WORLD_IN, whole, size, orders[1][k]);
		f.src = addr4("198.51.100.1");
		f.dst = addr4("10.0.0.77");
		f.sport = 3002;
		f.dport = 6777;
		CU_ASSERT_EQUAL(reassemble(w, 0, got, 20, false), size);
		expect_whole(got, f, 20);
		world_destroy(w);
	}
}

static void
test_first_never_comes(void)
{
	struct world *w = world_simple(1);
	uint8_t whole[FRAME_MAX + 1024];
	struct frame f = world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17);
	size_t size = datagram(w, whole, f, WORLD_IN);
	piece_arrive(w, WORLD_IN, whole, size, 1);
	piece_arrive(w, WORLD_IN, whole, size, 2);
	CU_ASSERT_EQUAL(WORLD_SUM(w, held), 2);
	CU_ASSERT_EQUAL(w->worker[0]->stats->nic[WORLD_IN].held, 2);
	world_advance(w, FRAG_WAIT_MS);
	world_poll(w);
	CU_ASSERT_EQUAL(WORLD_SUM(w, held), 2);
	world_advance(w, 1);
	world_poll(w);
	CU_ASSERT_EQUAL(WORLD_SUM(w, held), 0);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_FRAG_NO_FIRST), 2);
	/* The first one, late, goes; so do those that come after it. */
	piece_arrive(w, WORLD_IN, whole, size, 0);
	piece_arrive(w, WORLD_IN, whole, size, 3);
	CU_ASSERT_EQUAL(WORLD_SUM(w, forwarded), 2);
	world_destroy(w);
}

/* The first is refused: the others are dropped with it, held or not. */
static void
test_first_refused(void)
{
	for (uint16_t workers = 1; workers <= 3; workers++) {
		struct world *w = world_simple(workers);
		uint8_t whole[FRAME_MAX + 1024];
		struct frame f = world_frame("8.8.8.8", 53, "198.51.100.1", 3000, 17);
		size_t size = datagram(w, whole, f, WORLD_OUT);
		piece_arrive(w, WORLD_OUT, whole, size, 1);
		piece_arrive(w, WORLD_OUT, whole, size, 0);
		piece_arrive(w, WORLD_OUT, whole, size, 2);
		CU_ASSERT_EQUAL(world_dropped(w, DROP_NAT_NO_MAPPING), 1);
		CU_ASSERT_EQUAL(world_dropped(w, DROP_FRAG_NO_FIRST), 2);
		CU_ASSERT_EQUAL(WORLD_SUM(w, held), 0);
		world_destroy(w);
	}
}

/* A flow that ended takes its fragments' entry with it. */
static void
test_flow_gone(void)
{
	struct world *w = world_simple(1);
	uint8_t whole[FRAME_MAX + 1024];
	struct frame f = world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17);
	size_t size = datagram(w, whole, f, WORLD_IN);
	piece_arrive(w, WORLD_IN, whole, size, 0);
	world_advance(w, WORLD_IDLE_MS + 1);
	worker_sweep(w->worker[0], w->now_ns);
	piece_arrive(w, WORLD_IN, whole, size, 1);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_FRAG_NO_FIRST), 1);
	world_destroy(w);
}

static void
later_arrive(struct world *w, unsigned host, uint16_t id, uint16_t offset)
{
	struct frame f = world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17);
	f.src.b[2] = (uint8_t)(host >> 8);
	f.src.b[3] = (uint8_t)host;
	f.id = id;
	f.frag = (uint16_t)(0x2000 | offset);
	world_send(w, WORLD_IN, &f);
	world_poll(w);
}

static void
test_bounds(void)
{
	struct world *w = world_simple(1);
	for (uint16_t i = 0; i < FRAG_HELD_EACH + 5; i++)
		later_arrive(w, 10, 1, (uint16_t)(i + 1));
	CU_ASSERT_EQUAL(WORLD_SUM(w, held), FRAG_HELD_EACH);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_FRAG_FULL), 5);
	CU_ASSERT(w->crowded[0] == 5 && w->crowded[1] == 0);
	for (uint16_t i = 0; i < FRAG_HELD_SOURCE; i++)
		later_arrive(w, 10, (uint16_t)(i + 2), 5);
	CU_ASSERT_EQUAL(WORLD_SUM(w, held), FRAG_HELD_SOURCE); /* one source has no more */
	CU_ASSERT(w->crowded[0] == 5 && w->crowded[1] == FRAG_HELD_EACH);
	union addr host = addr4("10.0.0.10");
	CU_ASSERT(addr_equal(&w->crowd.src, &host) && w->crowd.realm == 1 && w->crowd.sport == 0);
	struct frame f = world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17);
	f.id = 1;
	f.frag = 0x2000 | 5;
	world_send(w, WORLD_OUT, &f); /* who has its address in another realm is another source */
	world_poll(w);
	CU_ASSERT_EQUAL(WORLD_SUM(w, held), FRAG_HELD_SOURCE + 1);
	for (uint16_t i = 0; i < 2 * FRAG_HELD_MAX; i++)
		later_arrive(w, 11u + i % 1000, (uint16_t)(i + 2), 5);
	CU_ASSERT_EQUAL(WORLD_SUM(w, held), FRAG_HELD_MAX);
	CU_ASSERT(w->crowded[2] > FRAG_HELD_MAX);
	/* In-order datagrams still pass: a flood harms nobody else (RFC 4787 REQ-14a). */
	uint8_t whole[FRAME_MAX + 1024];
	f = world_frame("10.0.0.10", 2000, "8.8.4.4", 53, 17);
	size_t size = datagram(w, whole, f, WORLD_IN);
	for (unsigned k = 0; k < PIECES; k++)
		piece_arrive(w, WORLD_IN, whole, size, k);
	CU_ASSERT_EQUAL(WORLD_SUM(w, forwarded), PIECES);
	world_drain(w);
	world_advance(w, FRAG_WAIT_MS + 1);
	world_poll(w);
	CU_ASSERT_EQUAL(WORLD_SUM(w, held), 0);
	later_arrive(w, 10, 1, 5);
	CU_ASSERT_EQUAL(WORLD_SUM(w, held), 1);
	world_destroy(w); /* what is held is freed */
}

/* Whose share is full by what another host sends: of neighbours, those whose hash is the same. */
static void
shares_with(uint64_t seed)
{
	enum { NEIGHBOURS = 800 };
	struct world *w = world_simple(1);
	frag_init(w->worker[0]->frags, seed);
	for (uint16_t i = 0; i < FRAG_HELD_SOURCE; i++)
		later_arrive(w, 9, (uint16_t)(i + 1), 5);
	CU_ASSERT_EQUAL(WORLD_SUM(w, held), FRAG_HELD_SOURCE);
	for (uint16_t i = 0; i < NEIGHBOURS; i++)
		later_arrive(w, 10u + i, 1, 5);
	CU_ASSERT(world_dropped(w, DROP_FRAG_FULL) <= 4); /* one, most likely */
	for (uint16_t i = 0; i < NEIGHBOURS; i++)
		later_arrive(w, 10u + i, 2, 5);
	CU_ASSERT_EQUAL(WORLD_SUM(w, held), FRAG_HELD_MAX);
	world_destroy(w);
}

static void
test_shares(void)
{
	for (uint64_t seed = 0; seed < 8; seed++)
		shares_with(seed);
	shares_with(0x0123456789abcdef);
}

static void
test_invalid(void)
{
	struct world *w = world_simple(1);
	struct frame f = world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17);
	f.frag = 0x2000 | 8000;
	f.payload_size = 1400;
	world_send(w, WORLD_IN, &f); /* 64000 + 1408 fits */
	f.frag = 0x2000 | 8100;
	world_send(w, WORLD_IN, &f); /* beyond 65535 */
	f.frag = 0x2000 | 10;
	f.payload_size = 13;
	world_send(w, WORLD_IN, &f); /* not a multiple of 8 */
	world_poll(w);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_FRAG_INVALID), 2);
	CU_ASSERT_EQUAL(WORLD_SUM(w, held), 1);
	world_destroy(w);
}

static void
test_ttl_and_local(void)
{
	struct world *w = world_simple(1);
	struct frame f = world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17);
	f.frag = 5;
	f.ttl = 1;
	world_send(w, WORLD_IN, &f);
	world_poll(w);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_TTL_EXCEEDED), 1);
	f.ttl = 64;
	f.dst = addr4("10.0.0.1");
	world_send(w, WORLD_IN, &f);
	world_poll(w);
	CU_ASSERT_EQUAL(WORLD_SUM(w, handoff[HANDOFF_PUNT]), 1);
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"orders", test_orders},
	{"every pair of workers", test_pairs},
	{"inbound, hairpin", test_inbound_and_hairpin},
	{"first never comes", test_first_never_comes},
	{"first refused", test_first_refused},
	{"flow gone", test_flow_gone},
	{"bounds", test_bounds},
	{"shares of neighbours", test_shares},
	{"invalid", test_invalid},
	{"TTL, local", test_ttl_and_local},
};
TEST_MAIN("frag", cases)
