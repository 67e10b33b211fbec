/* SPDX-License-Identifier: Apache-2.0 */
/* Packets without a flow: policies' verdicts, our own addresses, homes, full tables. */
#include "lib/miss.h"
#include "probe.h"

static void
test_drops(void)
{
	struct world *w = probe_simple();
	probe_arrive(w, WORLD_OUT, world_frame("8.8.8.8", 53, "198.51.100.1", 3000, 17));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_NAT_NO_MAPPING), 1);
	probe_arrive(w, WORLD_OUT, world_frame("8.8.8.8", 53, "10.0.0.10", 3000, 17));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_NO_POLICY), 1);
	struct frame rst = world_frame("10.0.0.10", 2000, "8.8.8.8", 80, 6);
	rst.tcp_flags = 4;
	probe_arrive(w, WORLD_IN, rst);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_TCP_NOT_SYN), 1);
	CU_ASSERT_EQUAL(w->opened, 0);
	const struct stats *s = w->worker[0]->stats;
	CU_ASSERT_EQUAL(s->nic[WORLD_OUT].dropped, 2);
	CU_ASSERT_EQUAL(s->nic[WORLD_IN].rx_packets, 1);
	world_destroy(w);
}

/* What has neither SYN nor ACK opens nothing, whatever the policy; what has opens a flow here. */
static void
test_not_syn(void)
{
	enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };
	static const uint8_t none[] = {0, FIN, PSH, URG, FIN | PSH | URG, SYN | FIN, RST, RST | ACK,
	                               SYN | FIN | RST | PSH | URG};
	static const uint8_t some[] = {SYN, ACK, PSH | ACK, FIN | ACK, SYN | URG};
	struct world *w = probe_simple();
	for (unsigned i = 0; i < sizeof(none); i++) {
		struct frame f = world_frame("10.0.0.10", (uint16_t)(2000 + i), "8.8.8.8", 80, 6);
		f.tcp_flags = none[i];
		probe_arrive(w, WORLD_IN, f);
		CU_ASSERT_EQUAL(world_dropped(w, DROP_TCP_NOT_SYN), i + 1);
	}
	CU_ASSERT_EQUAL(w->opened, 0);
	for (unsigned i = 0; i < sizeof(some); i++) {
		struct frame f = world_frame("10.0.0.10", (uint16_t)(2000 + i), "8.8.8.8", 80, 6);
		f.tcp_flags = some[i];
		probe_arrive(w, WORLD_IN, f);
		CU_ASSERT_TRUE(probe_take(w, 1));
		CU_ASSERT_EQUAL(w->worker[0]->flows.v4[i + 1].f.state,
		                (some[i] & SYN) != 0 ? CONN_TCP_SYN : CONN_TCP_MID);
	}
	CU_ASSERT_EQUAL(w->opened, sizeof(some));
	world_destroy(w);
}

static void
test_echo_to_us(void)
{
	struct world *w = probe_simple();
	probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", 1, "10.0.0.1", 1, 1));
	probe_expect_punt(w, PUNT_LOCAL, DROP_LOCAL_UNWANTED, 0);
	probe_arrive(w, WORLD_OUT, world_frame("8.8.8.8", 1, "198.51.100.9", 1, 1));
	probe_expect_punt(w, PUNT_LOCAL, DROP_LOCAL_UNWANTED, 0);
	probe_arrive(w, WORLD_OUT, world_frame("8.8.8.8", 1, "198.51.100.9", 80, 6));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_NO_POLICY), 1);
	world_destroy(w);
}

static void
test_verdict_unreachable(void)
{
	struct world *w = probe_simple();
	probe_arrive(w, WORLD_OUT, world_frame("8.8.8.8", 53, "198.51.100.1", 9, 17));
	probe_expect_punt(w, PUNT_UNREACHABLE, DROP_NAT_NO_MAPPING, 1);
	world_destroy(w);
}

/* Frames arrive on worker 0's queue only; flows live where the policy says. */
static void
test_handoff(void)
{
	struct world *w = probe_world((struct world_options){.workers = 3});
	for (uint16_t i = 0; i < 30; i++) {
		struct frame f = world_frame("10.0.0.10", (uint16_t)(2000 + i), "8.8.8.8", 53, 17);
		world_send(w, WORLD_IN, &f);
	}
	world_poll(w);
	unsigned seen = 0;
	for (; probe_take(w, 1); seen++) {
		uint16_t port = probe_view.f.sport;
		probe_arrive(w, WORLD_OUT, world_frame("8.8.8.8", 53, "198.51.100.1", port, 17));
	}
	CU_ASSERT_EQUAL(seen, 30);
	for (seen = 0; probe_take(w, 0); seen++)
		CU_ASSERT_TRUE(probe_view.f.dport >= 2000 && probe_view.f.dport < 2030);
	CU_ASSERT_EQUAL(seen, 30);
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(w->worker[i]->flows.used4, 10);
	CU_ASSERT_EQUAL(w->worker[0]->stats->handoff[HANDOFF_HOME], 40);
	CU_ASSERT_EQUAL(WORLD_SUM(w, forwarded), 60);
	world_destroy(w);
}

/* What nobody claims is looked for at the homes of its destination and its source; then it ends. */
static void
test_stray(void)
{
	enum { SOURCES = 40 };
	unsigned moves = 0, handed_off = 0;
	struct world *w = probe_world((struct world_options){.workers = 3, .queues = 1});
	struct steer *s = &w->gen->steer;
	steer_init(s, 3, STEER_RETA_BITS, 0, 0);
	for (unsigned i = 0; i < SOURCES; i++) {
		char from[32];
		snprintf(from, sizeof(from), "8.8.8.%u", i);
		union addr src = addr4(from), dst = addr4("10.0.0.10");
		uint16_t to = steer_worker(s, &dst, FAMILY_V4);
		moves += (to != 0) + (steer_worker(s, &src, FAMILY_V4) != to);
		probe_arrive(w, WORLD_OUT, world_frame(from, 53, "10.0.0.10", 3000, 17));
		CU_ASSERT_EQUAL(world_dropped(w, DROP_NO_POLICY), i + 1);
	}
	for (unsigned i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(w->worker[i]->stats->handoff[HANDOFF_HOME], 0);
		handed_off += w->worker[i]->stats->handoff[HANDOFF_STRAY];
	}
	CU_ASSERT(moves > SOURCES / 3);
	CU_ASSERT_EQUAL(handed_off, moves);
	world_destroy(w);
}

static void
test_table_full(void)
{
	struct world *w = probe_world((struct world_options){.flows = 8});
	for (uint16_t port = 2000; port < 2010; port++)
		probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", port, "8.8.8.8", 53, 17));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_FLOW_TABLE_FULL), 2);
	CU_ASSERT_EQUAL(w->opened, 8);
	CU_ASSERT_EQUAL(w->undone, 0);
	world_destroy(w);
}

static unsigned refusals;

static bool
refused(void *state, const struct miss *m, unsigned drop, uint8_t *code)
{
	(void)state, (void)m, (void)code;
	refusals += drop == DROP_FLOW_TABLE_FULL;
	return false;
}

/* Beyond so many a millisecond the policy is not asked: they are dropped all the same. */
static void
test_told(void)
{
	struct world *w = probe_world((struct world_options){.flows = 8});
	struct policy_ops ops = *w->worker[0]->policy[0].ops;
	ops.refused = refused;
	w->worker[0]->policy[0].ops = &ops;
	refusals = 0;
	for (uint16_t port = 2000; port < 2040; port++)
		probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", port, "8.8.8.8", 53, 17));
	CU_ASSERT_EQUAL(refusals, TOLD_EACH_MS);
	world_advance(w, 1);
	for (uint16_t port = 2040; port < 2043; port++)
		probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", port, "8.8.8.8", 53, 17));
	CU_ASSERT_EQUAL(refusals, TOLD_EACH_MS + 3);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_FLOW_TABLE_FULL), 35);
	world_destroy(w);
}

static void
test_collision(void)
{
	struct world *w = probe_simple();
	probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17));
	probe_arrive(w, WORLD_IN, world_frame("10.0.0.11", 2000, "8.8.8.8", 53, 17));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_FLOW_COLLISION), 1);
	CU_ASSERT_EQUAL(w->undone, 1);
	world_destroy(w);
}

/* From a device nobody has an address of ours; a hairpin has. */
static void
test_forged(void)
{
	static const char *ours[] = {"10.0.0.1", "10.5.0.1", "198.51.100.1", "198.51.100.9"};
	for (uint16_t workers = 1; workers < 4; workers += 2) {
		struct world *w = probe_world((struct world_options){.workers = workers});
		for (unsigned i = 0; i < 4; i++) {
			probe_arrive(w, WORLD_IN, world_frame(ours[i], 2000, "8.8.8.8", 53, 17));
			probe_arrive(w, WORLD_OUT,
			             world_frame(ours[i], 2000, "198.51.100.1", 7001, 17));
			probe_arrive(w, WORLD_IN, world_frame(ours[i], 1, "10.0.0.1", 1, 1));
		}
		probe_arrive(w, WORLD_OUT, world_frame("2001:db8:1::1", 1, "2001:db8:2::1", 1, 58));
		CU_ASSERT_EQUAL(world_dropped(w, DROP_IP_SOURCE), 13);
		/* The outside interface's own: nobody's in the realm of the inside. */
		probe_arrive(w, WORLD_OUT, world_frame("192.0.2.1", 1, "10.0.0.10", 1, 17));
		CU_ASSERT_EQUAL(world_dropped(w, DROP_IP_SOURCE), 14);
		CU_ASSERT_EQUAL(w->opened, 0);
		probe_arrive(w, WORLD_IN, world_frame("192.0.2.1", 9, "8.8.8.8", 1, 17));
		CU_ASSERT_TRUE(probe_take(w, 1));
		probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", 6100, "198.51.100.1", 7001, 17));
		CU_ASSERT_TRUE(probe_take(w, 0));
		CU_ASSERT_TRUE(probe_is_from("198.51.100.1", 7100));
		CU_ASSERT_TRUE(probe_is_to("10.0.0.77", 6001));
		CU_ASSERT_EQUAL(world_dropped(w, DROP_IP_SOURCE), 14);
		world_destroy(w);
	}
}

/* To and from the broadcast address of a network of ours: RFC 2644, RFC 1812 5.3.7. */
static void
test_broadcast(void)
{
	struct world *w = probe_simple();
	probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "10.0.255.255", 53, 17));
	probe_arrive(w, WORLD_OUT, world_frame("8.8.8.8", 2000, "10.0.255.255", 53, 17));
	probe_arrive(w, WORLD_OUT, world_frame("8.8.8.8", 1, "10.0.255.255", 1, 1));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_IP_DESTINATION), 3);
	probe_arrive(w, WORLD_IN, world_frame("10.0.255.255", 2000, "8.8.8.8", 53, 17));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_IP_SOURCE), 1);
	CU_ASSERT_EQUAL(w->opened, 0);
	world_destroy(w);
}

/* pkt_decided: of a packet's record no more than that changes. */
static void
test_decided(void)
{
	struct pkt p = {.realm = 7, .flags = PKT_FIRST | PKT_CARE, .event = EV_OPEN,
	                .cause = HANDOFF_STRAY, .loops = 3, .hash = UINT64_MAX};
	pkt_decided(&p);
	CU_ASSERT(p.event == EV_SYN && p.flags == (PKT_FIRST | PKT_CARE) && p.realm == 7);
	CU_ASSERT(p.cause == HANDOFF_STRAY && p.loops == 3 && p.hash == UINT64_MAX);
	p = (struct pkt){.event = EV_OPEN};
	CU_ASSERT(pkt_is_special(&p));
	pkt_decided(&p);
	CU_ASSERT_FALSE(pkt_is_special(&p));
}

static const struct test_case cases[] = {
	{"drops", test_drops},
	{"TCP without SYN and ACK", test_not_syn},
	{"a SYN is decided", test_decided},
	{"echo to us", test_echo_to_us},
	{"policy says unreachable", test_verdict_unreachable},
	{"hand-off", test_handoff},
	{"what nobody claims", test_stray},
	{"table full", test_table_full},
	{"so many are told", test_told},
	{"collision", test_collision},
	{"an address of ours as the source", test_forged},
	{"directed broadcast", test_broadcast},
};
TEST_MAIN("miss", cases)
