/* SPDX-License-Identifier: Apache-2.0 */
/* The worker: hits and misses both ways, next hops, MTU, TTL, VLAN, IPv6, hairpin, hand-off. */
#include "enginetest.h"

#include <arpa/inet.h>

static uint8_t out[FRAME_MAX];
static struct frame_view view;

static struct world *
world_with(struct world_options o)
{
	struct world *w = world_create(o);
	world_mac(w, WORLD_OUT, 4, addr4("192.0.2.254"));
	world_mac(w, WORLD_IN, 4, addr4("10.0.0.10"));
	world_mac(w, WORLD_IN, 4, addr4("10.0.0.77"));
	world_mac(w, WORLD_VIN, 4, addr4("10.5.0.10"));
	world_mac(w, WORLD_SMALL, 4, addr4("198.18.0.10"));
	world_mac(w, WORLD_IN, 6, addr6("2001:db8:1::10"));
	world_mac(w, WORLD_OUT, 6, addr6("2001:db8:2::10"));
	world_mac(w, WORLD_SMALL, 6, addr6("2001:db8:3::10"));
	return w;
}

static struct world *
world_simple(void)
{
	return world_with((struct world_options){.workers = 1});
}

/* The next frame sent on a device, right in all its checksums. */
static bool
take(struct world *w, uint8_t dev)
{
	size_t n = world_take(w, dev, out);
	if (n == 0 || !frame_view(&view, out, n))
		return false;
	CU_ASSERT_TRUE(view.ip_csum_right && view.l4_csum_right);
	return true;
}

static void
arrive(struct world *w, uint8_t nic, struct frame f)
{
	world_send(w, nic, &f);
	world_poll(w);
}

static bool
is_from(const char *src, uint16_t sport)
{
	union addr a = view.f.family == 4 ? addr4(src) : addr6(src);
	return addr_equal(&a, &view.f.src) && view.f.sport == sport;
}

static bool
is_to(const char *dst, uint16_t dport)
{
	union addr a = view.f.family == 4 ? addr4(dst) : addr6(dst);
	return addr_equal(&a, &view.f.dst) && view.f.dport == dport;
}

static void
test_both_directions(void)
{
	static const uint8_t protos[] = {6, 17};
	for (unsigned i = 0; i < 2; i++) {
		struct world *w = world_simple();
		arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, protos[i]));
		CU_ASSERT_TRUE(take(w, 1));
		CU_ASSERT_TRUE(is_from("198.51.100.1", 3000) && is_to("8.8.8.8", 53));
		CU_ASSERT_EQUAL(view.f.ttl, 63);
		CU_ASSERT_EQUAL(memcmp(out, "\x02\x00\xc0\x00\x02\xfe", 6), 0);
		CU_ASSERT_EQUAL(memcmp(out + 6, w->devs[1].mac, 6), 0);
		struct frame reply = world_frame("8.8.8.8", 53, "198.51.100.1", 3000, protos[i]);
		reply.tcp_flags = 0x12;
		arrive(w, WORLD_OUT, reply);
		CU_ASSERT_TRUE(take(w, 0));
		CU_ASSERT_TRUE(is_from("8.8.8.8", 53) && is_to("10.0.0.10", 2000));
		CU_ASSERT_EQUAL(w->opened, 1);
		CU_ASSERT_EQUAL(w->answered, 1);
		const struct flow *f = &w->worker[0]->flows.v4[1].f;
		CU_ASSERT_EQUAL(f->packets[0], 1);
		CU_ASSERT_EQUAL(f->packets[1], 1);
		CU_ASSERT_EQUAL(f->state, protos[i] == 6 ? CONN_TCP_EST : CONN_UDP_BOTH);
		CU_ASSERT_EQUAL(WORLD_SUM(w, forwarded), 2);
		world_destroy(w);
	}
}

static void
test_echo(void)
{
	struct world *w = world_simple();
	arrive(w, WORLD_IN, world_frame("10.0.0.10", 100, "8.8.8.8", 1, 1));
	CU_ASSERT_TRUE(take(w, 1));
	CU_ASSERT_TRUE(is_from("198.51.100.1", 1100));
	struct frame reply = world_frame("8.8.8.8", 1100, "198.51.100.1", 1, 1);
	reply.icmp_type = 0;
	arrive(w, WORLD_OUT, reply);
	CU_ASSERT_TRUE(take(w, 0));
	CU_ASSERT_TRUE(is_to("10.0.0.10", 1) && view.f.sport == 100);
	world_destroy(w);
}

/* A burst with several packets of one new flow opens it once; order stays. */
static void
test_burst(void)
{
	struct world *w = world_simple();
	for (uint16_t i = 0; i < 40; i++) {
		struct frame f = world_frame("10.0.0.10", (uint16_t)(2000 + i % 4), "8.8.8.8", 53, 17);
		f.payload_size = i;
		f.no_udp_csum = i % 2;
		world_send(w, WORLD_IN, &f);
	}
	world_poll(w);
	for (unsigned i = 0; i < 40; i++) {
		CU_ASSERT_TRUE(take(w, 1));
		CU_ASSERT_EQUAL(view.f.payload_size, i);
		CU_ASSERT_EQUAL(view.f.sport, 3000 + i % 4);
	}
	CU_ASSERT_EQUAL(w->opened, 4);
	world_destroy(w);
}

static void
test_drops(void)
{
	struct world *w = world_simple();
	arrive(w, WORLD_OUT, world_frame("8.8.8.8", 53, "198.51.100.1", 3000, 17));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_NAT_NO_MAPPING), 1);
	arrive(w, WORLD_OUT, world_frame("8.8.8.8", 53, "10.0.0.10", 3000, 17));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_NO_POLICY), 1);
	struct frame rst = world_frame("10.0.0.10", 2000, "8.8.8.8", 80, 6);
	rst.tcp_flags = 4;
	arrive(w, WORLD_IN, rst);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_TCP_NOT_SYN), 1);
	CU_ASSERT_EQUAL(w->opened, 0);
	const struct stats *s = w->worker[0]->stats;
	CU_ASSERT_EQUAL(s->nic[WORLD_OUT].dropped, 2);
	CU_ASSERT_EQUAL(s->nic[WORLD_IN].rx_packets, 1);
	world_destroy(w);
}

static void
expect_punt(struct world *w, enum punt punt, unsigned drop, uint16_t arg)
{
	struct buf_meta meta = {0};
	size_t n;
	CU_ASSERT_TRUE(world_punted(w, &meta, out, &n));
	CU_ASSERT_EQUAL(meta.cause, HANDOFF_PUNT);
	CU_ASSERT_EQUAL(meta.punt, punt);
	CU_ASSERT_EQUAL(meta.drop, drop);
	CU_ASSERT_EQUAL(meta.arg, arg);
	memset(&view, 0, sizeof(view));
	frame_view(&view, out, n);
}

static void
test_local(void)
{
	struct world *w = world_simple();
	arrive(w, WORLD_IN, world_frame("10.0.0.10", 1, "10.0.0.1", 1, 1));
	expect_punt(w, PUNT_LOCAL, DROP_LOCAL_UNWANTED, 0);
	arrive(w, WORLD_OUT, world_frame("8.8.8.8", 1, "198.51.100.9", 1, 1));
	expect_punt(w, PUNT_LOCAL, DROP_LOCAL_UNWANTED, 0);
	struct frame ttl1 = world_frame("10.0.0.10", 1, "10.0.0.1", 1, 1);
	ttl1.ttl = 1;
	arrive(w, WORLD_IN, ttl1);
	expect_punt(w, PUNT_LOCAL, DROP_LOCAL_UNWANTED, 0);
	arrive(w, WORLD_OUT, world_frame("8.8.8.8", 1, "198.51.100.9", 80, 6));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_NO_POLICY), 1);
	struct frame gre = world_frame("10.0.0.10", 1, "10.0.0.1", 1, 17);
	uint8_t frame[FRAME_MAX];
	memcpy(gre.dmac, w->devs[0].mac, 6);
	size_t n = frame_make(frame, &gre);
	frame[23] = 47;
	frame[24] = frame[25] = 0;
	uint16_t sum = htons(sum16(frame + 14, 20, 0));
	memcpy(frame + 24, &sum, 2);
	world_put(w, 0, frame, n);
	world_poll(w);
	expect_punt(w, PUNT_LOCAL, DROP_LOCAL_UNWANTED, 0);
	world_destroy(w);
}

static void
test_ttl(void)
{
	struct world *w = world_simple();
	struct frame f = world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17);
	f.ttl = 1;
	arrive(w, WORLD_IN, f);
	expect_punt(w, PUNT_TTL, DROP_TTL_EXCEEDED, 0);
	CU_ASSERT_TRUE(view.f.ttl == 1 && is_from("10.0.0.10", 2000));
	CU_ASSERT_EQUAL(w->opened, 0);
	f.ttl = 2;
	arrive(w, WORLD_IN, f);
	CU_ASSERT_TRUE(take(w, 1));
	CU_ASSERT_EQUAL(view.f.ttl, 1);
	world_destroy(w);
}

static void
test_verdict_unreachable(void)
{
	struct world *w = world_simple();
	arrive(w, WORLD_OUT, world_frame("8.8.8.8", 53, "198.51.100.1", 9, 17));
	expect_punt(w, PUNT_UNREACHABLE, DROP_NAT_NO_MAPPING, 1);
	world_destroy(w);
}

static void
test_no_route_and_neighbour(void)
{
	struct world *w = world_simple();
	arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "203.0.113.5", 53, 17));
	expect_punt(w, PUNT_NO_ROUTE, DROP_NO_ROUTE, 0);
	CU_ASSERT_TRUE(is_from("10.0.0.10", 2000));
	arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "192.0.2.7", 53, 17));
	expect_punt(w, PUNT_NEIGHBOUR, DROP_NO_NEIGHBOUR, WORLD_OUT);
	CU_ASSERT_TRUE(is_from("198.51.100.1", 3000) && view.l4_csum_right && view.ip_csum_right);
	CU_ASSERT_EQUAL(view.f.ttl, 63);
	world_mac(w, WORLD_OUT, 4, addr4("192.0.2.7"));
	arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "192.0.2.7", 53, 17));
	CU_ASSERT_TRUE(take(w, 1));
	union addr a = addr4("192.0.2.7");
	uint8_t mac[6] = {0};
	nexthop_set(&w->shared.nexthops, WORLD_OUT, 4, &a, mac, NEXTHOP_DEAD);
	arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "192.0.2.7", 53, 17));
	expect_punt(w, PUNT_NEIGHBOUR, DROP_NO_NEIGHBOUR, WORLD_OUT);
	world_destroy(w);
}

static void
test_mtu(void)
{
	struct world *w = world_simple();
	struct frame f = world_frame("10.0.0.10", 2000, "198.18.0.10", 53, 17);
	f.payload_size = 1400;
	f.frag = 0x4000;
	arrive(w, WORLD_IN, f);
	expect_punt(w, PUNT_TOO_BIG, DROP_TOO_BIG, 600);
	CU_ASSERT_TRUE(is_from("10.0.0.10", 2000) && view.f.ttl == 64);
	struct frame f6 = world_frame("2001:db8:1::10", 2000, "2001:db8:3::10", 53, 17);
	f6.payload_size = 1400;
	arrive(w, WORLD_IN, f6);
	expect_punt(w, PUNT_TOO_BIG, DROP_TOO_BIG, 600);
	world_destroy(w);
}

/* Without DF: fragments, in order, that together are the packet. */
static void
test_fragmentation(void)
{
	struct world *w = world_simple();
	struct frame f = world_frame("10.0.0.10", 2000, "198.18.0.10", 53, 17);
	uint8_t whole[FRAME_MAX];
	size_t at = 0, n;
	f.payload_size = 1400;
	f.options = 4;
	f.id = 77;
	arrive(w, WORLD_IN, f);
	while ((n = world_take(w, 1, out)) != 0) {
		CU_ASSERT_TRUE(frame_view(&view, out, n) && view.ip_csum_right);
		CU_ASSERT_EQUAL(view.f.vlan, 9);
		CU_ASSERT_TRUE(view.l3_size <= 600 && view.f.id == 77);
		CU_ASSERT_EQUAL((view.f.frag & 0x1fff) * 8u, at);
		size_t size = view.l3_size - (size_t)(view.l4 - view.l3);
		memcpy(whole + 34 + at, view.l4, size);
		at += size;
		CU_ASSERT_EQUAL((view.f.frag & 0x2000) != 0, at < 1408);
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

static void
test_vlan(void)
{
	struct world *w = world_simple();
	arrive(w, WORLD_VIN, world_frame("10.5.0.10", 2000, "8.8.8.8", 53, 17));
	CU_ASSERT_TRUE(take(w, 1) && view.f.vlan == 0);
	arrive(w, WORLD_OUT, world_frame("8.8.8.8", 53, "198.51.100.1", 3000, 17));
	CU_ASSERT_TRUE(take(w, 0) && view.f.vlan == 5);
	CU_ASSERT_TRUE(is_to("10.5.0.10", 2000));
	CU_ASSERT_EQUAL(w->worker[0]->stats->nic[WORLD_VIN].tx_packets, 1);
	world_destroy(w);
}

static void
test_v6(void)
{
	static const uint8_t protos[] = {6, 17, 58};
	for (unsigned i = 0; i < 3; i++) {
		struct world *w = world_simple();
		uint16_t seq = protos[i] == 58 ? 1 : 53;
		arrive(w, WORLD_IN, world_frame("2001:db8:1::10", 2000, "2001:db8:2::10", seq, protos[i]));
		CU_ASSERT_TRUE(take(w, 1) && is_from("2001:db8:1::10", 2000) && view.f.ttl == 63);
		struct frame f = world_frame("2001:db8:2::10", 53, "2001:db8:1::10", 2000, protos[i]);
		if (protos[i] == 58) {
			f.icmp_type = 129;
			f.sport = 2000;
		}
		arrive(w, WORLD_OUT, f);
		CU_ASSERT_TRUE(take(w, 0) && view.f.ttl == 63);
		CU_ASSERT_EQUAL(w->opened, 1);
		CU_ASSERT_EQUAL(w->answered, 1);
		world_destroy(w);
	}
}

/* A subscriber to another's pool address: TTL down once, seen from outside. */
static void
hairpin(uint16_t workers)
{
	struct world *w = world_with((struct world_options){.workers = workers});
	arrive(w, WORLD_IN, world_frame("10.0.0.10", 2001, "198.51.100.1", 7777, 17));
	CU_ASSERT_TRUE(take(w, 0));
	CU_ASSERT_TRUE(is_from("198.51.100.1", 3001) && is_to("10.0.0.77", 6777));
	CU_ASSERT_EQUAL(view.f.ttl, 63);
	arrive(w, WORLD_IN, world_frame("10.0.0.77", 6777, "198.51.100.1", 3001, 17));
	CU_ASSERT_TRUE(take(w, 0));
	CU_ASSERT_TRUE(is_from("198.51.100.1", 7777) && is_to("10.0.0.10", 2001));
	CU_ASSERT_EQUAL(view.f.ttl, 63);
	CU_ASSERT_EQUAL(w->opened, 2);
	CU_ASSERT_EQUAL(w->answered, 2);
	world_destroy(w);
}

static void
test_hairpin(void)
{
	hairpin(1);
	hairpin(2);
	hairpin(3);
}

/* Frames arrive on worker 0's queue only; flows live where the policy says. */
static void
test_handoff(void)
{
	struct world *w = world_with((struct world_options){.workers = 3});
	for (uint16_t i = 0; i < 30; i++) {
		struct frame f = world_frame("10.0.0.10", (uint16_t)(2000 + i), "8.8.8.8", 53, 17);
		world_send(w, WORLD_IN, &f);
	}
	world_poll(w);
	unsigned seen = 0;
	for (; take(w, 1); seen++)
		arrive(w, WORLD_OUT, world_frame("8.8.8.8", 53, "198.51.100.1", view.f.sport, 17));
	CU_ASSERT_EQUAL(seen, 30);
	for (seen = 0; take(w, 0); seen++)
		CU_ASSERT_TRUE(view.f.dport >= 2000 && view.f.dport < 2030);
	CU_ASSERT_EQUAL(seen, 30);
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(w->worker[i]->flows.used4, 10);
	CU_ASSERT_EQUAL(w->worker[0]->stats->handoff[HANDOFF_HOME], 40);
	CU_ASSERT_EQUAL(WORLD_SUM(w, forwarded), 60);
	world_destroy(w);
}

/* One transmit queue for two workers. */
static void
test_no_queue(void)
{
	struct world *w = world_with((struct world_options){.workers = 2, .queues = 1});
	struct frame f = world_frame("10.0.0.10", 2001, "198.18.0.10", 53, 17);
	f.payload_size = 1000;
	arrive(w, WORLD_IN, f);
	CU_ASSERT_TRUE(take(w, 1) && take(w, 1));
	CU_ASSERT_EQUAL(w->worker[1]->stats->handoff[HANDOFF_TX], 1);
	CU_ASSERT_EQUAL(w->worker[0]->stats->forwarded, 1);
	CU_ASSERT_EQUAL(WORLD_SUM(w, generated), 1);
	CU_ASSERT_EQUAL(w->worker[0]->stats->nic[WORLD_SMALL].tx_packets, 2);
	world_destroy(w);
}

static void
test_idle_on_hit(void)
{
	struct world *w = world_simple();
	arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17));
	world_advance(w, WORLD_IDLE_MS);
	arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17));
	CU_ASSERT_EQUAL(w->ended, 0);
	world_advance(w, WORLD_IDLE_MS + 1);
	/* Direction 1 finds it dead, whatever the hand has seen. */
	arrive(w, WORLD_OUT, world_frame("8.8.8.8", 53, "198.51.100.1", 3000, 17));
	CU_ASSERT_EQUAL(w->ended, 1);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_NAT_NO_MAPPING), 1);
	CU_ASSERT_EQUAL(WORLD_SUM(w, flows_opened), 1);
	CU_ASSERT_EQUAL(WORLD_SUM(w, flows_ended), 1);
	CU_ASSERT_EQUAL(WORLD_SUM(w, flows_v4), 0);
	world_destroy(w);
}

/* Only FLOW_REFRESH_d lets packets of direction d keep a flow. */
static void
test_refresh(void)
{
	for (unsigned both = 0; both < 2; both++) {
		struct world *w = world_simple();
		w->extra_flags = both ? FLOW_REFRESH_1 : 0;
		arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17));
		world_advance(w, WORLD_IDLE_MS - 1);
		arrive(w, WORLD_OUT, world_frame("8.8.8.8", 53, "198.51.100.1", 3000, 17));
		world_advance(w, WORLD_IDLE_MS - 1);
		arrive(w, WORLD_OUT, world_frame("8.8.8.8", 53, "198.51.100.1", 3000, 17));
		CU_ASSERT_EQUAL(WORLD_SUM(w, flows_v4), both);
		world_destroy(w);
	}
}

static void
test_sweep(void)
{
	struct world *w = world_simple();
	for (uint16_t i = 0; i < 100; i++)
		arrive(w, WORLD_IN, world_frame("10.0.0.10", (uint16_t)(2000 + i), "8.8.8.8", 53, 17));
	world_advance(w, WORLD_IDLE_MS + 1);
	worker_sweep(w->worker[0], w->now_ns);
	CU_ASSERT_EQUAL(w->ended, 100);
	CU_ASSERT_EQUAL(w->worker[0]->stats->flows_v4, 0);
	/* And by the hand alone, within SWEEP_MS. */
	for (uint16_t i = 0; i < 100; i++)
		arrive(w, WORLD_IN, world_frame("10.0.0.10", (uint16_t)(2000 + i), "8.8.8.8", 53, 17));
	world_advance(w, WORLD_IDLE_MS + 1);
	for (unsigned ms = 0; ms < SWEEP_MS + 200; ms += 20) {
		world_poll(w);
		world_advance(w, 20);
	}
	CU_ASSERT_EQUAL(w->ended, 200);
	world_destroy(w);
}

static void
test_table_full(void)
{
	struct world *w = world_with((struct world_options){.flows = 8});
	for (uint16_t i = 0; i < 10; i++)
		arrive(w, WORLD_IN, world_frame("10.0.0.10", (uint16_t)(2000 + i), "8.8.8.8", 53, 17));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_FLOW_TABLE_FULL), 2);
	CU_ASSERT_EQUAL(w->undone, 2);
	world_destroy(w);
}

static void
test_collision(void)
{
	struct world *w = world_simple();
	arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17));
	arrive(w, WORLD_IN, world_frame("10.0.0.11", 2000, "8.8.8.8", 53, 17));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_FLOW_COLLISION), 1);
	CU_ASSERT_EQUAL(w->undone, 1);
	world_destroy(w);
}

static void
test_generation(void)
{
	struct world *w = world_simple();
	arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17));
	world_regenerate(w);
	CU_ASSERT_EQUAL(w->worker[0]->stats->generation, 2);
	arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17));
	CU_ASSERT_TRUE(take(w, 1) && take(w, 1));
	CU_ASSERT_EQUAL(w->opened, 1);
	w->gen->route_gen++;
	w->worker[0]->flows.v4[1].f.nexthop[1] = 9;
	arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17));
	CU_ASSERT_TRUE(take(w, 1));
	CU_ASSERT_EQUAL(w->worker[0]->flows.v4[1].f.nexthop[1], NEXTHOP_NONE);
	world_destroy(w);
}

static void
test_ring_full(void)
{
	struct world *w = world_with((struct world_options){.workers = 1});
	for (unsigned i = 0; i < 2; i++) {
		while (rte_ring_free_count(w->shared.punt) > 0)
			rte_ring_enqueue(w->shared.punt, w);
		arrive(w, WORLD_IN, world_frame("10.0.0.10", 1, "10.0.0.1", 1, 1));
	}
	CU_ASSERT_EQUAL(world_dropped(w, DROP_PUNT_FULL), 2);
	void *dummy;
	while (rte_ring_dequeue(w->shared.punt, &dummy) == 0)
		;
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"both directions", test_both_directions},
	{"echo", test_echo},
	{"burst", test_burst},
	{"drops", test_drops},
	{"local", test_local},
	{"TTL", test_ttl},
	{"policy says unreachable", test_verdict_unreachable},
	{"no route, no neighbour", test_no_route_and_neighbour},
	{"MTU", test_mtu},
	{"fragmentation", test_fragmentation},
	{"VLAN", test_vlan},
	{"IPv6", test_v6},
	{"hairpin", test_hairpin},
	{"hand-off", test_handoff},
	{"no transmit queue", test_no_queue},
	{"idle on a hit", test_idle_on_hit},
	{"refresh by direction", test_refresh},
	{"sweep", test_sweep},
	{"table full", test_table_full},
	{"collision", test_collision},
	{"generation", test_generation},
	{"ring full", test_ring_full},
};
TEST_MAIN("worker", cases)
