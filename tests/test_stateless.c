/* SPDX-License-Identifier: Apache-2.0 */
/* Packets translated without a flow leave as those of a flow would, and leave nothing behind. */
#include "lib/stateless.h"

#include "probe.h"

enum { SYN = 2 };

static struct frame
some_frame(unsigned i)
{
	static const uint8_t protos[] = {6, 17, 1};
	struct frame f = world_frame("10.0.0.10", (uint16_t)(2000 + i), "8.8.8.8", 53,
	                             protos[i % 3]);
	f.tcp_flags = SYN;
	f.payload_size = (uint16_t)(i * 7 % 300);
	return f;
}

/* The same packet twice, with a flow and without: equal octet by octet. */
static void
test_equal(void)
{
	struct world *with = probe_simple(), *without = probe_simple();
	uint8_t a[FRAME_MAX], b[FRAME_MAX];
	without->stateless = true;
	for (unsigned i = 0; i < 200; i++) {
		struct frame f = some_frame(i);
		probe_arrive(with, WORLD_IN, f);
		probe_arrive(without, WORLD_IN, f);
		size_t size = world_take(with, 1, a);
		CU_ASSERT_FATAL(size != 0);
		CU_ASSERT_EQUAL_FATAL(world_take(without, 1, b), size);
		CU_ASSERT_EQUAL(memcmp(a, b, size), 0);
	}
	CU_ASSERT_EQUAL(with->opened, 200);
	CU_ASSERT_EQUAL(WORLD_SUM(with, stateless), 0);
	CU_ASSERT_EQUAL(without->opened, 0);
	CU_ASSERT_EQUAL(without->worker[0]->flows.used4, 0);
	CU_ASSERT_EQUAL(WORLD_SUM(without, stateless), 200);
	CU_ASSERT_EQUAL(WORLD_SUM(without, forwarded), 200);
	world_destroy(with);
	world_destroy(without);
}

static void
test_v6(void)
{
	struct world *w = probe_simple();
	w->stateless = true;
	world_mac(w, WORLD_OUT, FAMILY_V6, world_frame("2001:db8:1::10", 1, "2001:db8:2::9", 1, 6)
	          .dst);
	probe_arrive(w, WORLD_IN, world_frame("2001:db8:1::10", 2000, "2001:db8:2::9", 53, 17));
	CU_ASSERT_TRUE(probe_take(w, 1));
	CU_ASSERT_EQUAL(probe_view.f.ttl, 63);
	CU_ASSERT_EQUAL(w->worker[0]->flows.used6, 0);
	world_destroy(w);
}

/* Without a MAC of the next hop the slow path asks for it, as for others. */
static void
test_neighbour(void)
{
	struct world *w = probe_simple();
	w->stateless = true;
	probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "192.0.2.77", 53, 17));
	probe_expect_punt(w, PUNT_NEIGHBOUR, DROP_NO_NEIGHBOUR, WORLD_OUT);
	CU_ASSERT_EQUAL(w->worker[0]->flows.used4, 0);
	world_destroy(w);
}

/* A burst of one tuple: each packet for itself. */
static void
test_burst(void)
{
	struct world *w = probe_simple();
	w->stateless = true;
	for (unsigned i = 0; i < 32; i++) {
		struct frame f = some_frame(i % 3);
		world_send(w, WORLD_IN, &f);
	}
	world_poll(w);
	CU_ASSERT_EQUAL(WORLD_SUM(w, stateless), 32);
	CU_ASSERT_EQUAL(WORLD_SUM(w, forwarded), 32);
	world_drain(w);
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"as with a flow", test_equal},
	{"IPv6", test_v6},
	{"next hop unknown", test_neighbour},
	{"a burst of one tuple", test_burst},
};

TEST_MAIN("stateless", cases)
