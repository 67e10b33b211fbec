/* SPDX-License-Identifier: Apache-2.0 */
/* Packets set aside: TTL, other protocols, link-local senders. */
#include "probe.h"

static void
test_ttl(void)
{
	struct world *w = probe_simple();
	struct frame f = world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17);
	f.ttl = 1;
	probe_arrive(w, WORLD_IN, f);
	probe_expect_punt(w, PUNT_TTL, DROP_TTL_EXCEEDED, 0);
	CU_ASSERT_TRUE(probe_view.f.ttl == 1 && probe_is_from("10.0.0.10", 2000));
	CU_ASSERT_EQUAL(w->opened, 0);
	f.ttl = 2;
	probe_arrive(w, WORLD_IN, f);
	CU_ASSERT_TRUE(probe_take(w, 1));
	CU_ASSERT_EQUAL(probe_view.f.ttl, 1);
	world_destroy(w);
}

/*
 * GRE: to us the slow path may have it; through us it goes by its addresses, where the policy opens
 * a flow, and nothing behind the IP header changes. Protocol 0 nobody has.
 */
static void
test_other_protocol(void)
{
	static const char *to[] = {"10.0.0.1", "8.8.8.8", "8.8.8.8"};
	struct world *w = probe_simple();
	for (unsigned i = 0; i < 3; i++) {
		struct frame gre = world_frame("10.0.0.10", 1, to[i], 1, 17);
		uint8_t frame[FRAME_MAX];
		memcpy(gre.dmac, w->devs[0].mac, 6);
		size_t n = frame_make(frame, &gre);
		frame[23] = i < 2 ? 47 : 0;
		frame[24] = frame[25] = 0;
		uint16_t sum = htobe16(sum16(frame + 14, 20, 0));
		memcpy(frame + 24, &sum, 2);
		world_put(w, 0, frame, n);
	}
	world_poll(w);
	probe_expect_punt(w, PUNT_LOCAL, DROP_LOCAL_UNWANTED, 0);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_IP_PROTOCOL), 1);
	CU_ASSERT_EQUAL(w->opened, 1);
	CU_ASSERT_TRUE(probe_take(w, 1));
	CU_ASSERT(probe_view.f.proto == 47 && probe_view.f.ttl == 63);
	CU_ASSERT(!probe_is_from("10.0.0.10", 1));
	/* What would be the source port. */
	CU_ASSERT_EQUAL(*(uint16_t *)(void *)(probe_frame + 34), htobe16(1));
	world_destroy(w);
}

static void
test_link_local(void)
{
	struct world *w = probe_simple();
	probe_arrive(w, WORLD_IN, world_frame("fe80::5", 1, "2001:db8:1::1", 1, 58));
	probe_expect_punt(w, PUNT_LOCAL, DROP_LOCAL_UNWANTED, 0);
	probe_arrive(w, WORLD_IN, world_frame("fe80::5", 1, "2001:db8:2::10", 1, 58));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_IP_SOURCE), 1);
	world_destroy(w);
}

/* What is set aside is not let in from an address of ours either: here TTL 1, and a fragment. */
static void
test_forged(void)
{
	struct world *w = probe_simple();
	struct frame f = world_frame("192.0.2.1", 2000, "198.51.100.1", 7001, 17);
	f.ttl = 1;
	probe_arrive(w, WORLD_OUT, f);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_IP_SOURCE), 1);
	f.ttl = 64;
	f.frag = 100;
	probe_arrive(w, WORLD_OUT, f);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_IP_SOURCE), 2);
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"TTL", test_ttl},
	{"other protocol", test_other_protocol},
	{"link-local sender", test_link_local},
	{"an address of ours as the source", test_forged},
};
TEST_MAIN("aside", cases)
