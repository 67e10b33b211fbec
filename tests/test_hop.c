/* SPDX-License-Identifier: Apache-2.0 */
/* Next hops off the hit path: routes, neighbours, MTU, hairpin. */
#include "lib/pipeline.h"
#include "probe.h"

/* A subscriber to another's pool address: TTL down once, seen from outside. */
static void
hairpin(uint16_t workers)
{
	struct world *w = probe_world((struct world_options){.workers = workers});
	probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", 2001, "198.51.100.1", 7777, 17));
	CU_ASSERT_TRUE(probe_take(w, 0));
	CU_ASSERT_TRUE(probe_is_from("198.51.100.1", 3001) && probe_is_to("10.0.0.77", 6777));
	CU_ASSERT_EQUAL(probe_view.f.ttl, 63);
	probe_arrive(w, WORLD_IN, world_frame("10.0.0.77", 6777, "198.51.100.1", 3001, 17));
	CU_ASSERT_TRUE(probe_take(w, 0));
	CU_ASSERT_TRUE(probe_is_from("198.51.100.1", 7777) && probe_is_to("10.0.0.10", 2001));
	CU_ASSERT_EQUAL(probe_view.f.ttl, 63);
	CU_ASSERT_EQUAL(w->opened, 2);
	CU_ASSERT_EQUAL(w->answered, 2);
	world_destroy(w);
}

static void
test_no_route_and_neighbour(void)
{
	struct world *w = probe_simple();
	probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "203.0.113.5", 53, 17));
	probe_expect_punt(w, PUNT_NO_ROUTE, DROP_NO_ROUTE, 0);
	CU_ASSERT_TRUE(probe_is_from("10.0.0.10", 2000));
	probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "192.0.2.7", 53, 17));
	probe_expect_punt(w, PUNT_NEIGHBOUR, DROP_NO_NEIGHBOUR, WORLD_OUT);
	CU_ASSERT_TRUE(probe_is_from("198.51.100.1", 3000));
	CU_ASSERT_TRUE(probe_view.l4_csum_right && probe_view.ip_csum_right);
	CU_ASSERT_EQUAL(probe_view.f.ttl, 63);
	world_mac(w, WORLD_OUT, 4, addr4("192.0.2.7"));
	probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "192.0.2.7", 53, 17));
	CU_ASSERT_TRUE(probe_take(w, 1));
	union addr a = addr4("192.0.2.7");
	uint8_t mac[6] = {0};
	nexthop_set(&w->shared.nexthops, WORLD_OUT, 4, &a, mac, NEXTHOP_DEAD);
	probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "192.0.2.7", 53, 17));
	probe_expect_punt(w, PUNT_NEIGHBOUR, DROP_NO_NEIGHBOUR, WORLD_OUT);
	world_destroy(w);
}

static void
test_mtu(void)
{
	struct world *w = probe_simple();
	struct frame f = world_frame("10.0.0.10", 2000, "198.18.0.10", 53, 17);
	f.payload_size = 1400;
	f.frag = 0x4000;
	probe_arrive(w, WORLD_IN, f);
	probe_expect_punt(w, PUNT_TOO_BIG, DROP_TOO_BIG, 600);
	CU_ASSERT_TRUE(probe_is_from("10.0.0.10", 2000) && probe_view.f.ttl == 64);
	struct frame f6 = world_frame("2001:db8:1::10", 2000, "2001:db8:3::10", 53, 17);
	f6.payload_size = 1400;
	probe_arrive(w, WORLD_IN, f6);
	probe_expect_punt(w, PUNT_TOO_BIG, DROP_TOO_BIG, 600);
	world_destroy(w);
}

static void
test_hairpin(void)
{
	hairpin(1);
	hairpin(2);
	hairpin(3);
}

/* A packet that would go round more often than MAX_LOOPS. */
static void
test_loop(void)
{
	struct world *w = probe_simple();
	struct frame f = world_frame("8.8.8.8", 53, "198.51.100.1", 7001, 17);
	probe_arrive(w, WORLD_OUT, f);
	CU_ASSERT_TRUE(probe_take(w, 0));
	w->worker[0]->flows.v4[1].f.nexthop[0] = NEXTHOP_LOOP;
	world_advance(w, 1);
	for (unsigned i = 0; i < 3; i++) {
		struct flow4 *fl = &w->worker[0]->flows.v4[1];
		fl->tuple[1] = tuple4_invert(&fl->tuple[0]);
		fl->f.nexthop[0] = NEXTHOP_LOOP;
		probe_arrive(w, WORLD_OUT, f);
	}
	CU_ASSERT_EQUAL(world_dropped(w, DROP_LOOP), 3);
	CU_ASSERT_EQUAL(w->worker[0]->stats->handoff[HANDOFF_HAIRPIN], 3 * MAX_LOOPS);
	world_destroy(w);
}

static unsigned
remembered(const struct world *w)
{
	unsigned n = 0;
	for (unsigned i = 0; i < ROUTE_HOPS; i++)
		n += w->worker[0]->pipe->route_hop[i].route != NULL;
	return n;
}

/* A gateway's number is remembered once its MAC is known, until there is another generation. */
static void
test_gateway(void)
{
	struct world *w = world_create((struct world_options){.workers = 1});
	union addr gateway = addr4("192.0.2.254");
	probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17));
	probe_expect_punt(w, PUNT_NEIGHBOUR, DROP_NO_NEIGHBOUR, WORLD_OUT);
	CU_ASSERT_EQUAL(remembered(w), 0);
	world_mac(w, WORLD_OUT, 4, gateway);
	for (uint16_t port = 2001; port < 2003; port++) {
		probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", port, "8.8.8.8", 53, 17));
		CU_ASSERT_TRUE(probe_take(w, 1));
		CU_ASSERT_EQUAL(memcmp(probe_view.f.dmac + 2, &gateway, 4), 0);
		CU_ASSERT_EQUAL(remembered(w), 1);
	}
	world_regenerate(w);
	world_poll(w);
	CU_ASSERT_EQUAL(remembered(w), 0);
	probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", 2003, "8.8.8.8", 53, 17));
	CU_ASSERT_TRUE(probe_take(w, 1));
	CU_ASSERT_EQUAL(remembered(w), 1);
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"no route, no neighbour", test_no_route_and_neighbour},
	{"MTU", test_mtu},
	{"hairpin", test_hairpin},
	{"loop", test_loop},
	{"a gateway", test_gateway},
};
TEST_MAIN("hop", cases)
