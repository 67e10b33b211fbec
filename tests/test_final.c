/* SPDX-License-Identifier: Apache-2.0 */
/* What comes after a RST where a RST is final, and where it is not. */
#include "lib/final.h"

#include "lib/pkt.h"
#include "tcp_kit.h"

enum { SYN = 2, RST = 4, ACK = 16 };

/* A world in which a RST is final, or not, for a policy that is asked for another one, or not. */
static struct world *
world_of(bool is_final, bool opens_again)
{
	struct world *w = probe_simple();
	struct generation *g = w->gen;
	((struct img_plane *)(uintptr_t)g->plane)->reset_is_final = is_final;
	pkt_arrivals(g->arrival, false, is_final);
	kit_opens_again(w, opens_again);
	return w;
}

static void
handshake(struct world *w)
{
	out(w, SYN);
	in(w, SYN | ACK);
	out(w, ACK);
}

static const struct flow *
flow_of(const struct world *w)
{
	return &w->worker[0]->flows.v4[1].f;
}

/* Does it live longer than a connection that was reset? */
static bool
lives_on(struct world *w)
{
	world_advance(w, WORLD_IDLE_MS + 1);
	worker_sweep(w->worker[0], w->now_ns);
	return flow_of(w)->state != CONN_FREE;
}

/* All packets cross in any case; how long the connection lives after them is the question. */
static void
revival_case(bool is_final, bool opens_again, bool by_server)
{
	struct world *w = world_of(is_final, opens_again);
	handshake(w);
	if (by_server)
		in(w, RST);
	else
		out(w, RST | ACK);
	out(w, ACK);
	in(w, ACK);
	CU_ASSERT_EQUAL(lives_on(w), !is_final || opens_again);
	world_destroy(w);
}

static void
test_revival(void)
{
	for (unsigned i = 0; i < 8; i++)
		revival_case((i & 1) != 0, (i & 2) != 0, (i & 4) != 0);
}

/* A connection that nobody has reset has its own timer, a SYN opens another one that has too. */
static void
test_opened_anew(void)
{
	struct world *w = world_of(true, false);
	handshake(w);
	CU_ASSERT_TRUE(lives_on(w));
	in(w, RST);
	CU_ASSERT_EQUAL(flow_of(w)->timers & FINAL_BIT, FINAL_BIT);
	handshake(w);
	CU_ASSERT_EQUAL(flow_of(w)->timers & FINAL_BIT, 0);
	CU_ASSERT_EQUAL(flow_of(w)->state, CONN_TCP_EST);
	CU_ASSERT_TRUE(lives_on(w));
	world_destroy(w);
}

static void
test_idle_as_listed(void)
{
	struct timer_set set = {.idle_ms = {[CONN_TCP_EST] = 7000, [CONN_TCP_TRANS] = 200,
	                                    [CONN_TCP_CLOSING] = 100, [CONN_UDP_BOTH] = 300}};
	struct flow f = {.state = CONN_TCP_EST};
	CU_ASSERT_EQUAL(final_idle_ms(&set, 1, &f), 7000);
	f.timers = FINAL_BIT;
	CU_ASSERT_EQUAL(final_idle_ms(&set, 1, &f), 200);
	f.state = CONN_TCP_CLOSING; /* it must not live longer for a RST */
	CU_ASSERT_EQUAL(final_idle_ms(&set, 1, &f), 100);
	f.timers = 1;
	CU_ASSERT_EQUAL(final_idle_ms(&set, 1, &f), 0);
}

static const struct test_case cases[] = {
	{"what comes after a reset", test_revival},
	{"a SYN opens anew", test_opened_anew},
	{"the timer of a flow", test_idle_as_listed},
};
TEST_MAIN("final", cases)
