/* SPDX-License-Identifier: Apache-2.0 */
/* Unsolicited SYNs: silence for six seconds, then an answer, unless the inside opens first. */
#include "lib/syn.h"

#include "probe.h"

enum { SYN = 2, ACK = 16, REPLY_PORT = 9500, HELD_PORT = 9000 };

static struct frame
syn_from(uint16_t sport, uint16_t dport)
{
	struct frame f = world_frame("8.8.8.8", sport, "198.51.100.1", dport, 6);
	f.tcp_flags = SYN;
	return f;
}

static void
test_answered_late(void)
{
	struct world *w = probe_simple();
	struct buf_meta meta;
	uint8_t frame[FRAME_MAX];
	size_t size;
	probe_arrive(w, WORLD_OUT, syn_from(80, HELD_PORT));
	CU_ASSERT_EQUAL(WORLD_SUM(w, held), 1);
	world_advance(w, 6000 - 1); /* RFC 5382 REQ-4: 6 s at least */
	world_poll(w);
	CU_ASSERT_FALSE(world_punted(w, &meta, frame, &size));
	world_advance(w, 1);
	world_poll(w);
	probe_expect_punt(w, PUNT_UNREACHABLE, DROP_NAT_NO_MAPPING, 3);
	CU_ASSERT_EQUAL(WORLD_SUM(w, held), 0);
	CU_ASSERT_EQUAL(w->worker[0]->syns->n, 0);
	world_destroy(w);
}

/* The inside opens the same connection: the held SYN goes, its sender's next one passes. */
static void
test_opened_from_inside(void)
{
	struct world *w = probe_simple();
	struct buf_meta meta;
	uint8_t frame[FRAME_MAX];
	size_t size;
	probe_arrive(w, WORLD_OUT, syn_from(80, REPLY_PORT));
	CU_ASSERT_EQUAL(WORLD_SUM(w, held), 1);
	struct frame out = world_frame("10.0.0.10", REPLY_PORT - 1000, "8.8.8.8", 80, 6);
	out.tcp_flags = SYN;
	probe_arrive(w, WORLD_IN, out);
	CU_ASSERT_TRUE(probe_take(w, 1));
	CU_ASSERT_EQUAL(WORLD_SUM(w, held), 0);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_NAT_NO_MAPPING), 1);
	world_advance(w, SYN_WAIT_MS + 1);
	world_poll(w);
	CU_ASSERT_FALSE(world_punted(w, &meta, frame, &size));
	probe_arrive(w, WORLD_OUT, syn_from(80, REPLY_PORT));
	CU_ASSERT_TRUE(probe_take(w, 0));
	CU_ASSERT_TRUE(probe_is_to("10.0.0.10", REPLY_PORT - 1000));
	world_destroy(w);
}

/* Of what is no bare SYN, or repeats one, nothing is held. */
static void
test_not_held(void)
{
	struct world *w = probe_simple();
	struct frame f = syn_from(80, HELD_PORT);
	f.tcp_flags = SYN | ACK;
	probe_arrive(w, WORLD_OUT, f);
	CU_ASSERT_EQUAL(WORLD_SUM(w, held), 0);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_NAT_NO_MAPPING), 1);
	probe_arrive(w, WORLD_OUT, world_frame("8.8.8.8", 80, "198.51.100.1", HELD_PORT, 17));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_NAT_NO_MAPPING), 2);
	probe_arrive(w, WORLD_OUT, syn_from(80, HELD_PORT));
	probe_arrive(w, WORLD_OUT, syn_from(80, HELD_PORT));
	CU_ASSERT_EQUAL(WORLD_SUM(w, held), 1);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_NAT_NO_MAPPING), 3);
	world_destroy(w);
}

/* A flood fills the table, the rest is dropped in silence; afterwards there is room again. */
static void
test_flood(void)
{
	struct world *w = probe_simple();
	enum { FLOOD = 4 * SYN_SLOTS };
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < FLOOD; i++)
			probe_arrive(w, WORLD_OUT, syn_from((uint16_t)(1024 + i), HELD_PORT));
		uint64_t held = WORLD_SUM(w, held);
		CU_ASSERT_TRUE(held > SYN_SLOTS / 2 && held <= SYN_SLOTS);
		CU_ASSERT_EQUAL(WORLD_SUM(w, dropped[DROP_NAT_NO_MAPPING]) + (round + 1) * held,
		                (round + 1) * FLOOD);
		world_advance(w, SYN_WAIT_MS);
		world_poll(w);
		CU_ASSERT_EQUAL(WORLD_SUM(w, held), 0);
		world_drain(w);
	}
	probe_arrive(w, WORLD_OUT, syn_from(80, HELD_PORT)); /* freed when the worker goes */
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"answered after six seconds", test_answered_late},
	{"opened from inside", test_opened_from_inside},
	{"not held", test_not_held},
	{"flood", test_flood},
};
TEST_MAIN("syn", cases)
