/* SPDX-License-Identifier: Apache-2.0 */
/* Half-open flows: when the policy hears that they are no more, and what the hit path sees. */
#include "lib/half.h"

#include "probe.h"

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

static struct world *w;

static const struct flow *
flow(void)
{
	return &w->worker[0]->flows.v4[1].f;
}

static void
begin(void)
{
	w = probe_simple();
	w->extra_flags = FLOW_HALF | FLOW_REFRESH_1;
}

static void
arrive(bool out, uint8_t proto, uint8_t flags)
{
	struct frame f = out ? world_frame("10.0.0.10", 2000, "8.8.8.8", 53, proto) :
	                       world_frame("8.8.8.8", 53, "198.51.100.1", 3000, proto);
	f.tcp_flags = flags;
	probe_arrive(w, out ? WORLD_IN : WORLD_OUT, f);
	CU_ASSERT_TRUE(probe_take(w, out ? 1 : 0));
}

static void
expect(unsigned settled, uint8_t state, bool half)
{
	CU_ASSERT_EQUAL(w->settled, settled);
	CU_ASSERT_EQUAL(flow()->state, state);
	CU_ASSERT_EQUAL((flow()->flags & FLOW_HALF) != 0, half);
}

/* The third packet settles, whatever is repeated before it; then all is as ever. */
static void
test_handshake(void)
{
	begin();
	arrive(true, 6, SYN);
	expect(0, CONN_TCP_SYN, true);
	arrive(true, 6, ACK); /* nobody has answered: a guess */
	expect(0, CONN_TCP_SYN, true);
	arrive(false, 6, SYN | ACK);
	expect(0, CONN_ONE_SYN, true);
	CU_ASSERT_EQUAL(flow()->nexthop[0], NEXTHOP_NONE);
	arrive(true, 6, SYN);
	arrive(false, 6, SYN | ACK);
	arrive(true, 6, 0);   /* it acknowledges nothing */
	arrive(true, 6, FIN);
	expect(0, CONN_ONE_SYN, true);
	CU_ASSERT_EQUAL(flow()->nexthop[0], NEXTHOP_NONE);
	arrive(true, 6, ACK);
	expect(1, CONN_TCP_EST, false);
	CU_ASSERT_NOT_EQUAL(flow()->nexthop[0], NEXTHOP_NONE);
	CU_ASSERT_TRUE((flow()->flags & FLOW_ANSWERED) != 0);
	arrive(false, 6, ACK);
	arrive(true, 6, FIN | ACK);
	expect(1, CONN_TCP_FIN_I, false);
	CU_ASSERT_EQUAL(w->opened, 1);
	world_destroy(w);
}

/* Its timer is that of an opening until the third packet, and it ends as half-open. */
static void
test_never_finished(void)
{
	begin();
	arrive(true, 6, SYN);
	arrive(false, 6, SYN | ACK);
	world_advance(w, WORLD_IDLE_MS + 1);
	worker_sweep(w->worker[0], w->now_ns);
	CU_ASSERT_EQUAL(w->ended, 1);
	CU_ASSERT_EQUAL(w->settled, 0);
	world_destroy(w);
}

/* A refusal does not settle; what comes after it may. */
static void
test_refused(void)
{
	begin();
	arrive(true, 6, SYN);
	arrive(false, 6, RST | ACK);
	expect(0, CONN_TCP_TRANS, true);
	arrive(true, 6, RST);
	expect(0, CONN_TCP_TRANS, true);
	arrive(true, 6, ACK);
	expect(1, CONN_TCP_EST, false);
	world_destroy(w);
}

/* Picked up by its third packet (its SYN had no flow): the responder's next packet settles. */
static void
test_mid(void)
{
	begin();
	arrive(true, 6, ACK);
	expect(0, CONN_TCP_MID, true);
	arrive(true, 6, ACK);
	expect(0, CONN_TCP_MID, true);
	arrive(false, 6, ACK);
	expect(1, CONN_TCP_EST, false);
	world_destroy(w);
}

static void
test_udp(void)
{
	begin();
	arrive(true, 17, 0);
	arrive(true, 17, 0);
	expect(0, CONN_UDP_NEW, true);
	arrive(false, 17, 0);
	expect(1, CONN_UDP_BOTH, false);
	arrive(false, 17, 0);
	expect(1, CONN_UDP_BOTH, false);
	CU_ASSERT_EQUAL(w->answered, 1);
	world_destroy(w);
}

/* Other routes come into force between the answer and the third packet. */
static void
test_routes_change(void)
{
	begin();
	arrive(true, 6, SYN);
	arrive(false, 6, SYN | ACK);
	w->worker[0]->flows.v4[1].f.route_gen++;
	arrive(true, 6, SYN);
	expect(0, CONN_ONE_SYN, true);
	arrive(true, 6, FIN | ACK);
	expect(1, CONN_TCP_FIN_I, false);
	world_destroy(w);
}

/* The initiator gives up after the answer. */
static void
test_given_up(void)
{
	begin();
	arrive(true, 6, SYN);
	arrive(false, 6, SYN | ACK);
	arrive(true, 6, RST);
	expect(0, CONN_TCP_TRANS, true);
	world_destroy(w);
}

/* A flow that is not counted never comes by here. */
static void
test_not_counted(void)
{
	w = probe_simple();
	arrive(true, 6, SYN);
	arrive(false, 6, SYN | ACK);
	expect(0, CONN_TCP_EST, false);
	CU_ASSERT_NOT_EQUAL(flow()->nexthop[0], NEXTHOP_NONE);
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"a handshake", test_handshake},
	{"a handshake that is not finished", test_never_finished},
	{"a connection that is refused", test_refused},
	{"picked up by its third packet", test_mid},
	{"UDP", test_udp},
	{"routes change in between", test_routes_change},
	{"given up", test_given_up},
	{"flows that are not counted", test_not_counted},
};

TEST_MAIN("half", cases)
