/* SPDX-License-Identifier: Apache-2.0 */
/* IPv4 fragmentation: sizes, options, DF, and the limits. */
#include "lib/fragment.h"

#include "probe.h"

/* Without DF: fragments, in order, that together are the packet. */
static void
test_fragmentation(void)
{
	struct world *w = probe_simple();
	struct frame f = world_frame("10.0.0.10", 2000, "198.18.0.10", 53, 17);
	uint8_t whole[FRAME_MAX];
	size_t at = 0, n;
	uint16_t id = 0;
	f.payload_size = 1400;
	f.options = 4;
	f.id = 77;
	probe_arrive(w, WORLD_IN, f);
	while ((n = world_take(w, 1, probe_frame)) != 0) {
		CU_ASSERT_TRUE(frame_view(&probe_view, probe_frame, n) && probe_view.ip_csum_right);
		CU_ASSERT_EQUAL(probe_view.f.vlan, 9);
		CU_ASSERT_TRUE(probe_view.l3_size <= 600 && probe_view.f.id != 77);
		CU_ASSERT_TRUE(id == 0 || id == probe_view.f.id);
		id = probe_view.f.id;
		CU_ASSERT_EQUAL((probe_view.f.frag & 0x1fff) * 8u, at);
		size_t size = probe_view.l3_size - (size_t)(probe_view.l4 - probe_view.l3);
		memcpy(whole + 34 + at, probe_view.l4, size);
		at += size;
		CU_ASSERT_EQUAL((probe_view.f.frag & 0x2000) != 0, at < 1408);
	}
	CU_ASSERT_EQUAL(at, 1408);
	f.options = 0;
	f.src = addr4("198.51.100.1");
	f.sport = 3000;
	uint8_t wanted[FRAME_MAX];
	frame_make(wanted, &f);
	CU_ASSERT_EQUAL(memcmp(wanted + 34, whole + 34, 1408), 0);
	CU_ASSERT_EQUAL(WORLD_SUM(w, forwarded), 1);
	CU_ASSERT_EQUAL(WORLD_SUM(w, generated), 2);
	CU_ASSERT_EQUAL(w->worker[0]->stats->nic[WORLD_SMALL].tx_packets, 3);
	CU_ASSERT_EQUAL(w->worker[0]->stats->nic[WORLD_SMALL].generated, 2);
	world_destroy(w);
}

/* RFC 791: only options with the copied bit are in later fragments. */
static void
test_options(void)
{
	struct world *w = probe_simple();
	struct frame f = world_frame("10.0.0.10", 2000, "198.18.0.10", 53, 17);
	uint8_t frame[FRAME_MAX];
	f.payload_size = 1000;
	f.options = 8;
	memcpy(f.dmac, w->devs[0].mac, 6);
	size_t n = frame_make(frame, &f);
	/* An experiment (not copied, names nothing), 3 bytes; router alert (copied), 4; end. */
	memcpy(frame + 34, "\x1e\x03\x04\x94\x04\x00\x00\x00", 8);
	memset(frame + 24, 0, 2);
	uint16_t sum = htobe16(sum16(frame + 14, 28, 0));
	memcpy(frame + 24, &sum, 2);
	world_put(w, 0, frame, n);
	world_poll(w);
	CU_ASSERT_TRUE(probe_take(w, 1));
	CU_ASSERT_EQUAL(probe_view.l3[0], 0x47);
	CU_ASSERT_EQUAL(memcmp(probe_view.l3 + 20, frame + 34, 8), 0);
	CU_ASSERT_TRUE(probe_take(w, 1));
	CU_ASSERT_EQUAL(probe_view.l3[0], 0x46);
	CU_ASSERT_EQUAL(memcmp(probe_view.l3 + 20, "\x94\x04\x00\x00", 4), 0);
	world_destroy(w);
}

/* Whatever stood on the stack before. */
static __attribute__((noinline)) void
stack_soil(void)
{
	volatile uint8_t room[8192];
	for (size_t i = 0; i < sizeof(room); i++)
		room[i] = 0xa5;
}

/* Where copied options leave a part of the last word, that is the end of options. */
static void
test_options_end(void)
{
	struct world *w = probe_simple();
	struct frame f = world_frame("10.0.0.10", 2000, "198.18.0.10", 53, 17);
	struct rte_mbuf *m = w->devs[1].ops->alloc(&w->devs[1]), *piece[MAX_FRAGMENTS];
	static const uint8_t route[8] = {0x83, 7, 4, 8, 8, 8, 8, 1};
	unsigned reason;
	f.payload_size = 1000;
	f.options = 8;
	m->data_len = (uint16_t)frame_make(buf_data(m), &f);
	memcpy(buf_data(m) + 34, route, sizeof(route));
	stack_soil();
	CU_ASSERT_EQUAL_FATAL(fragment_cut(&w->devs[1], m, 14, 600, piece, &reason), 2);
	const uint8_t *h = buf_data(piece[1]) + 14;
	CU_ASSERT_EQUAL(h[0], 0x47);
	CU_ASSERT_EQUAL(memcmp(h + 20, route, 7), 0);
	CU_ASSERT_EQUAL(h[27], 0);
	w->devs[1].ops->free(piece, 2);
	world_destroy(w);
}

/* A fragment that is too big itself: its pieces keep its place and its MF. */
static void
test_fragment_of_fragment(void)
{
	struct world *w = probe_simple();
	struct frame f = world_frame("10.0.0.10", 2000, "198.18.0.10", 53, 17);
	uint8_t whole[FRAME_MAX], frame[FRAME_MAX];
	static const unsigned wanted[] = {0x2000, 0x2000 | 72, 0x2000 | 100, 172};
	f.payload_size = 1592;
	memcpy(f.dmac, w->devs[0].mac, 6);
	frame_make(whole, &f);
	world_put(w, 0, frame, frame_cut(frame, whole, 0, 800, false));
	world_put(w, 0, frame, frame_cut(frame, whole, 800, 800, true));
	world_poll(w);
	for (unsigned i = 0; i < 4; i++) {
		CU_ASSERT_TRUE(probe_take(w, 1));
		CU_ASSERT_EQUAL(probe_view.f.frag, wanted[i]);
	}
	world_destroy(w);
}

/* A complete frame of the slow path that is too big: cut if it may be, else dropped. */
static void
test_frame_of_slow_path(void)
{
	for (unsigned df = 0; df < 2; df++) {
		struct world *w = probe_simple();
		struct frame f = world_frame("198.51.100.1", 2000, "198.18.0.10", 53, 17);
		struct rte_mbuf *m = w->devs[1].ops->alloc(&w->devs[1]);
		f.payload_size = 1000;
		f.vlan = 9;
		f.frag = df ? 0x4000 : 0;
		m->data_len = (uint16_t)frame_make(buf_data(m), &f);
		*buf_meta(m) = (struct buf_meta){.cause = HANDOFF_TX, .nic = WORLD_SMALL};
		rte_ring_enqueue(w->shared.in[0], m);
		world_poll(w);
		CU_ASSERT_EQUAL(WORLD_SUM(w, forwarded), !df);
		CU_ASSERT_EQUAL(WORLD_SUM(w, generated), !df);
		CU_ASSERT_EQUAL(world_dropped(w, DROP_TOO_BIG), df);
		CU_ASSERT_EQUAL(WORLD_SUM(w, taken_over), 1);
		world_destroy(w);
	}
}

static void
test_no_buffer(void)
{
	struct world *w = probe_simple();
	struct rte_mbuf *taken[WORLD_BUFFERS];
	struct frame f = world_frame("10.0.0.10", 2000, "198.18.0.10", 53, 17);
	uint16_t n = 0;
	f.payload_size = 1400;
	world_send(w, WORLD_IN, &f);
	while (n < WORLD_BUFFERS - 2)
		taken[n++] = w->devs[0].ops->alloc(&w->devs[0]);
	world_poll(w); /* two are wanted, one is there: none is sent */
	CU_ASSERT_EQUAL(world_dropped(w, DROP_NO_BUFFER), 1);
	CU_ASSERT_EQUAL(WORLD_SUM(w, generated), 0);
	w->devs[0].ops->free(taken, n);
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"fragments are the packet", test_fragmentation},
	{"options", test_options},
	{"the end of options", test_options_end},
	{"fragment of a fragment", test_fragment_of_fragment},
	{"frame of the slow path", test_frame_of_slow_path},
	{"no buffer", test_no_buffer},
};
TEST_MAIN("fragment", cases)
