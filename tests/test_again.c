/* SPDX-License-Identifier: Apache-2.0 */
/* SYN and RST in the middle of a connection, and a SYN after its end. */
#include "lib/again.h"

#include "tcp_kit.h"

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

/* A connection of a policy that is asked for another one, or not; established. */
static struct world *
established(bool opens_again)
{
	struct world *w = probe_simple();
	kit_opens_again(w, opens_again);
	return w;
}

static const struct flow *
flow_of(const struct world *w)
{
	return &w->worker[0]->flows.v4[1].f;
}

static void
handshake(struct world *w)
{
	out(w, SYN);
	in(w, SYN | ACK);
	out(w, ACK);
	CU_ASSERT_EQUAL(flow_of(w)->state, CONN_TCP_EST);
}

/* In a connection: SYNs of both sides, alone and not, change nothing; nobody is asked. */
static void
test_mid_flow(void)
{
	for (unsigned again = 0; again < 2; again++) {
		struct world *w = established(again != 0);
		handshake(w);
		out(w, SYN);
		in(w, SYN);
		out(w, SYN | ACK);
		out(w, FIN | ACK); /* half closed is not over */
		out(w, SYN);
		CU_ASSERT_EQUAL(flow_of(w)->state, CONN_TCP_FIN_I);
		CU_ASSERT_EQUAL(w->opened, 1);
		CU_ASSERT_EQUAL(w->ended, 0);
		CU_ASSERT_EQUAL(flow_packets(flow_of(w), 0), 6);
		world_destroy(w);
	}
}

/* A SYN that is sent once more is no other connection. */
static void
test_retransmitted(void)
{
	struct world *w = established(true);
	out(w, SYN);
	out(w, SYN);
	CU_ASSERT_EQUAL(w->opened, 1);
	CU_ASSERT_EQUAL(w->ended, 0);
	CU_ASSERT_EQUAL(flow_packets(flow_of(w), 0), 2);
	world_destroy(w);
}

/* A RST does not forget the flow: what follows goes on in it. */
static void
test_rst(void)
{
	static const uint8_t rst_from[2][2] = {{RST, 0}, {0, RST}};
	for (unsigned i = 0; i < 2; i++) {
		struct world *w = established(true);
		handshake(w);
		if (rst_from[i][0] != 0)
			out(w, RST);
		else
			in(w, RST);
		CU_ASSERT_EQUAL(flow_of(w)->state, CONN_TCP_TRANS);
		in(w, ACK);
		CU_ASSERT_EQUAL(flow_of(w)->state, CONN_TCP_EST);
		out(w, SYN); /* it was not over */
		CU_ASSERT_EQUAL(flow_of(w)->state, CONN_TCP_EST);
		CU_ASSERT_EQUAL(w->opened, 1);
		CU_ASSERT_EQUAL(w->ended, 0);
		world_destroy(w);
	}
}

static void
finish(struct world *w, bool by_rst)
{
	handshake(w);
	if (by_rst) {
		in(w, RST);
		return;
	}
	out(w, FIN | ACK);
	in(w, FIN | ACK);
	CU_ASSERT_EQUAL(flow_of(w)->state, CONN_TCP_CLOSING);
}

/* Another connection: the old one ends with its own counters, the SYN counts for the new one. */
static void
test_another(void)
{
	for (unsigned by_rst = 0; by_rst < 2; by_rst++) {
		struct world *w = established(true);
		finish(w, by_rst != 0);
		out(w, SYN);
		CU_ASSERT_EQUAL(w->opened, 2);
		CU_ASSERT_EQUAL(w->ended, 1);
		CU_ASSERT_EQUAL(w->worker[0]->flows.used4, 1);
		CU_ASSERT_EQUAL(flow_of(w)->state, CONN_TCP_SYN);
		CU_ASSERT_EQUAL(flow_packets(flow_of(w), 0), 1);
		CU_ASSERT_EQUAL(flow_packets(flow_of(w), 1), 0);
		CU_ASSERT_EQUAL(flow_of(w)->flags & FLOW_ANSWERED, 0);
		in(w, SYN | ACK);
		CU_ASSERT_EQUAL(flow_of(w)->state, CONN_TCP_EST);
		CU_ASSERT_EQUAL(w->answered, 2);
		world_destroy(w);
	}
}

/* A policy that does not want it so: the same mapping, as ever (RFC 7857, RFC 6146). */
static void
test_same_mapping(void)
{
	for (unsigned by_rst = 0; by_rst < 2; by_rst++) {
		struct world *w = established(false);
		finish(w, by_rst != 0);
		out(w, SYN);
		CU_ASSERT_EQUAL(w->opened, 1);
		CU_ASSERT_EQUAL(w->ended, 0);
		CU_ASSERT_EQUAL(flow_of(w)->state, by_rst != 0 ? CONN_TCP_EST : CONN_TCP_SYN);
		world_destroy(w);
	}
}

/*
 * Where only the initiator is heard its FIN ends nothing: a SYN goes on in the flow, and what it
 * opens is not on the closing timer. After its RST a SYN is another connection, as elsewhere.
 */
static void
test_one_sided(void)
{
	static struct way ways[8];
	struct world *w = established(true);
	ways[7] = (struct way){.kind = WAY_LINK, .family = FAMILY_V4, .mtu = 0xffff,
		.to = addr4("8.8.8.8")};
	w->gen->way = ways;
	w->gen->n_ways = 8;
	w->extra_flags = FLOW_WAY;
	out(w, SYN);
	out(w, ACK);
	out(w, FIN | ACK);
	CU_ASSERT_EQUAL(flow_of(w)->state, CONN_ONE_FIN);
	out(w, SYN);
	CU_ASSERT(w->opened == 1 && w->ended == 0);
	CU_ASSERT_EQUAL(flow_of(w)->state, CONN_ONE_SYN);
	out(w, ACK);
	CU_ASSERT_EQUAL(flow_of(w)->state, CONN_ONE_EST);
	out(w, RST);
	CU_ASSERT_EQUAL(flow_of(w)->state, CONN_ONE_MID);
	out(w, SYN);
	CU_ASSERT(w->opened == 2 && w->ended == 1);
	CU_ASSERT_EQUAL(flow_of(w)->state, CONN_ONE_SYN);
	world_destroy(w);
}

/* The responder's SYN on what is over opens anew within the flow: it is nobody's first packet. */
static void
test_responder(void)
{
	struct world *w = established(true);
	finish(w, false);
	in(w, SYN);
	CU_ASSERT_EQUAL(flow_of(w)->state, CONN_TCP_SYN);
	CU_ASSERT_EQUAL(w->opened, 1);
	CU_ASSERT_EQUAL(w->ended, 0);
	world_destroy(w);
}

/* All in one burst: old packets, the SYN, and the first of the new connection, in order. */
static void
test_one_burst(void)
{
	struct world *w = established(true);
	finish(w, false);
	static const uint8_t flags[] = {ACK, SYN, SYN, ACK, ACK};
	for (unsigned i = 0; i < sizeof(flags); i++) {
		struct frame f = world_frame("10.0.0.10", 2000, "8.8.8.8", 80, 6);
		f.tcp_flags = flags[i];
		world_send(w, WORLD_IN, &f);
	}
	world_poll(w);
	for (unsigned i = 0; i < sizeof(flags); i++) {
		CU_ASSERT_TRUE(probe_take(w, 1));
		CU_ASSERT_EQUAL(probe_view.f.tcp_flags, flags[i]);
	}
	CU_ASSERT_EQUAL(w->opened, 2);
	CU_ASSERT_EQUAL(w->ended, 1);
	CU_ASSERT_EQUAL(flow_packets(flow_of(w), 0), 4);
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"SYN in a connection", test_mid_flow},
	{"SYN sent once more", test_retransmitted},
	{"RST does not forget", test_rst},
	{"SYN after the end is another connection", test_another},
	{"or the same mapping", test_same_mapping},
	{"only the initiator is heard", test_one_sided},
	{"the responder's SYN", test_responder},
	{"one burst", test_one_burst},
};
TEST_MAIN("again", cases)
