/* SPDX-License-Identifier: Apache-2.0 */
/* The hit path: both directions, families, VLAN, bursts, idle flows, refresh. */
#include "probe.h"

static void
test_both_directions(void)
{
	static const uint8_t protos[] = {6, 17};
	for (unsigned i = 0; i < 2; i++) {
		struct world *w = probe_simple();
		probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, protos[i]));
		CU_ASSERT_TRUE(probe_take(w, 1));
		CU_ASSERT_TRUE(probe_is_from("198.51.100.1", 3000) && probe_is_to("8.8.8.8", 53));
		CU_ASSERT_EQUAL(probe_view.f.ttl, 63);
		CU_ASSERT_EQUAL(memcmp(probe_frame, "\x02\x00\xc0\x00\x02\xfe", 6), 0);
		CU_ASSERT_EQUAL(memcmp(probe_frame + 6, w->devs[1].mac, 6), 0);
		struct frame reply = world_frame("8.8.8.8", 53, "198.51.100.1", 3000, protos[i]);
		reply.tcp_flags = 0x12;
		probe_arrive(w, WORLD_OUT, reply);
		CU_ASSERT_TRUE(probe_take(w, 0));
		CU_ASSERT_TRUE(probe_is_from("8.8.8.8", 53) && probe_is_to("10.0.0.10", 2000));
		CU_ASSERT_EQUAL(w->opened, 1);
		CU_ASSERT_EQUAL(w->answered, 1);
		const struct flow *f = &w->worker[0]->flows.v4[1].f;
		CU_ASSERT_EQUAL(flow_packets(f, 0), 1);
		CU_ASSERT_EQUAL(flow_packets(f, 1), 1);
		CU_ASSERT_EQUAL(f->state, protos[i] == 6 ? CONN_TCP_EST : CONN_UDP_BOTH);
		CU_ASSERT_EQUAL(WORLD_SUM(w, forwarded), 2);
		world_destroy(w);
	}
}

static void
test_echo(void)
{
	struct world *w = probe_simple();
	probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", 100, "8.8.8.8", 1, 1));
	CU_ASSERT_TRUE(probe_take(w, 1));
	CU_ASSERT_TRUE(probe_is_from("198.51.100.1", 1100));
	struct frame reply = world_frame("8.8.8.8", 1100, "198.51.100.1", 1, 1);
	reply.icmp_type = 0;
	probe_arrive(w, WORLD_OUT, reply);
	CU_ASSERT_TRUE(probe_take(w, 0));
	CU_ASSERT_TRUE(probe_is_to("10.0.0.10", 1) && probe_view.f.sport == 100);
	world_destroy(w);
}

/* A policy hears of the first answer: how long after the first packet, whatever came between. */
static void
test_answered(void)
{
	struct world *w = probe_simple();
	struct frame syn = world_frame("10.0.0.10", 2000, "8.8.8.8", 80, 6);
	struct frame reply = world_frame("8.8.8.8", 80, "198.51.100.1", 3000, 6);
	const struct flow *f = &w->worker[0]->flows.v4[1].f;
	syn.tcp_flags = 0x02;
	reply.tcp_flags = 0x12;
	probe_arrive(w, WORLD_IN, syn);
	world_advance(w, 1000);
	probe_arrive(w, WORLD_IN, syn);
	CU_ASSERT(flow_packets(f, 0) == 2 && flow_packets(f, 1) == 0 && flow_bytes(f, 1) == 0);
	world_advance(w, 234);
	CU_ASSERT_EQUAL(w->answered, 0);
	uint64_t opened_ns = flow_opened_ns(f);
	probe_arrive(w, WORLD_OUT, reply);
	CU_ASSERT_EQUAL(w->answered, 1);
	CU_ASSERT(w->answer == EV_SYN && w->answered_in == CONN_TCP_SYN);
	CU_ASSERT_EQUAL(w->waited_ns, w->worker[0]->now_ns - opened_ns);
	CU_ASSERT(w->waited_ns >= 1234000000 && w->waited_ns < 1235000000);
	CU_ASSERT(flow_packets(f, 1) == 1 && flow_bytes(f, 1) < 100);
	probe_arrive(w, WORLD_OUT, reply);
	CU_ASSERT(w->answered == 1 && flow_packets(f, 1) == 2);
	world_destroy(w);
}

/* A direction that runs over its counter goes on counting; when the flow ends its line is free. */
static void
test_tally(void)
{
	struct world *w = probe_simple();
	struct worker *k = w->worker[0];
	struct frame out = world_frame("10.0.0.10", 2000, "8.8.8.8", 80, 17);
	struct flow *f = &k->flows.v4[1].f;
	uint64_t all = (uint64_t)1 << (64 - FLOW_BYTES_BITS);
	probe_arrive(w, WORLD_IN, out);
	uint64_t each = flow_bytes(f, 0);
	f->counts[0] += (all - 3) * (((uint64_t)1 << FLOW_BYTES_BITS) + each);
	for (unsigned i = 0; i < 4; i++)
		probe_arrive(w, WORLD_IN, out);
	struct flow_totals sum = tally_totals(&k->tally, f, f);
	CU_ASSERT_EQUAL(sum.packets[0], all + 2);
	CU_ASSERT_EQUAL(sum.bytes[0], (all + 2) * each);
	CU_ASSERT_EQUAL(k->tally.used, 1);
	world_advance(w, 1000000);
	worker_sweep(k, w->now_ns);
	CU_ASSERT_EQUAL(k->tally.used, 0);
	world_destroy(w);
}

/* A burst with several packets of one new flow opens it once; order stays. */
static void
test_burst(void)
{
	struct world *w = probe_simple();
	for (uint16_t i = 0; i < 40; i++) {
		uint16_t port = (uint16_t)(2000 + i % 4);
		struct frame f = world_frame("10.0.0.10", port, "8.8.8.8", 53, 17);
		f.payload_size = i;
		f.no_udp_csum = i % 2;
		world_send(w, WORLD_IN, &f);
	}
	world_poll(w);
	for (unsigned i = 0; i < 40; i++) {
		CU_ASSERT_TRUE(probe_take(w, 1));
		CU_ASSERT_EQUAL(probe_view.f.payload_size, i);
		CU_ASSERT_EQUAL(probe_view.f.sport, 3000 + i % 4);
	}
	CU_ASSERT_EQUAL(w->opened, 4);
	world_destroy(w);
}

static void
test_vlan(void)
{
	struct world *w = probe_simple();
	probe_arrive(w, WORLD_VIN, world_frame("10.5.0.10", 2000, "8.8.8.8", 53, 17));
	CU_ASSERT_TRUE(probe_take(w, 1) && probe_view.f.vlan == 0);
	probe_arrive(w, WORLD_OUT, world_frame("8.8.8.8", 53, "198.51.100.1", 3000, 17));
	CU_ASSERT_TRUE(probe_take(w, 0) && probe_view.f.vlan == 5);
	CU_ASSERT_TRUE(probe_is_to("10.5.0.10", 2000));
	CU_ASSERT_EQUAL(w->worker[0]->stats->nic[WORLD_VIN].tx_packets, 1);
	world_destroy(w);
}

static void
test_v6(void)
{
	static const uint8_t protos[] = {6, 17, 58};
	for (unsigned i = 0; i < 3; i++) {
		struct world *w = probe_simple();
		uint16_t seq = protos[i] == 58 ? 1 : 53;
		static const char *a = "2001:db8:1::10", *b = "2001:db8:2::10";
		probe_arrive(w, WORLD_IN, world_frame(a, 2000, b, seq, protos[i]));
		CU_ASSERT_TRUE(probe_take(w, 1) && probe_is_from(a, 2000));
		CU_ASSERT_EQUAL(probe_view.f.ttl, 63);
		struct frame f = world_frame(b, 53, a, 2000, protos[i]);
		if (protos[i] == 58) {
			f.icmp_type = 129;
			f.sport = 2000;
		}
		probe_arrive(w, WORLD_OUT, f);
		CU_ASSERT_TRUE(probe_take(w, 0) && probe_view.f.ttl == 63);
		CU_ASSERT_EQUAL(w->opened, 1);
		CU_ASSERT_EQUAL(w->answered, 1);
		world_destroy(w);
	}
}

static void
test_idle_on_hit(void)
{
	struct world *w = probe_simple();
	probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17));
	world_advance(w, WORLD_IDLE_MS);
	probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17));
	CU_ASSERT_EQUAL(w->ended, 0);
	world_advance(w, WORLD_IDLE_MS + 1);
	/* Direction 1 finds it dead, whatever the hand has seen. */
	probe_arrive(w, WORLD_OUT, world_frame("8.8.8.8", 53, "198.51.100.1", 3000, 17));
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
		struct world *w = probe_simple();
		w->extra_flags = both ? FLOW_REFRESH_1 : 0;
		probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17));
		world_advance(w, WORLD_IDLE_MS - 1);
		probe_arrive(w, WORLD_OUT, world_frame("8.8.8.8", 53, "198.51.100.1", 3000, 17));
		world_advance(w, WORLD_IDLE_MS - 1);
		probe_arrive(w, WORLD_OUT, world_frame("8.8.8.8", 53, "198.51.100.1", 3000, 17));
		CU_ASSERT_EQUAL(WORLD_SUM(w, flows_v4), both);
		world_destroy(w);
	}
}

static const struct test_case cases[] = {
	{"both directions", test_both_directions},
	{"answered", test_answered},
	{"more than a counter holds", test_tally},
	{"echo", test_echo},
	{"burst", test_burst},
	{"VLAN", test_vlan},
	{"IPv6", test_v6},
	{"idle on a hit", test_idle_on_hit},
	{"refresh by direction", test_refresh},
};
TEST_MAIN("pipeline", cases)
