/* SPDX-License-Identifier: Apache-2.0 */
/* Two connections that would be one to their responder. */
#include "lib/clash.h"

#include <arpa/inet.h>

#include "probe.h"

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

static struct policy_ops ops;
static unsigned n_others; /* replies that the policy has left */

/* The next port of the pool's. */
static bool
other(void *state, const struct miss *m, struct flow_spec *spec)
{
	if (n_others == 0)
		return false;
	n_others--;
	spec->reply.dport = htons((uint16_t)(ntohs(spec->reply.dport) + 1));
	return true;
}

static struct world *
setup(bool opens_again)
{
	struct world *w = probe_simple();
	struct worker *k = w->worker[0];
	world_mac(w, WORLD_IN, 4, addr4("10.0.0.11"));
	ops = *k->policy[0].ops;
	ops.opens_again = opens_again;
	ops.other = other;
	n_others = 0;
	k->policy[0].ops = &ops;
	return w;
}

/* Of two hosts behind the translation, which keeps their port: => was it sent on? */
static bool
out(struct world *w, const char *host, uint8_t flags)
{
	struct frame f = world_frame(host, 2000, "8.8.8.8", 80, 6);
	f.tcp_flags = flags;
	probe_arrive(w, WORLD_IN, f);
	return probe_take(w, 1);
}

/* => does the answer come to that host? */
static bool
in(struct world *w, const char *host, uint16_t port, uint8_t flags)
{
	struct frame f = world_frame("8.8.8.8", 80, "198.51.100.1", port, 6);
	f.tcp_flags = flags;
	probe_arrive(w, WORLD_OUT, f);
	return probe_take(w, 0) && probe_is_to(host, 2000);
}

/* A connection of the first host, as far as it goes. */
static void
first(struct world *w, bool is_over)
{
	CU_ASSERT_TRUE(out(w, "10.0.0.10", SYN));
	CU_ASSERT_TRUE(in(w, "10.0.0.10", 3000, SYN | ACK));
	CU_ASSERT_TRUE(out(w, "10.0.0.10", FIN | ACK));
	if (is_over)
		CU_ASSERT_TRUE(in(w, "10.0.0.10", 3000, FIN | ACK));
}

/* The second one's first packet: what it is, and what the first has come to. */
static void
test_yields(void)
{
	static const struct {
		bool opens_again, is_over, is_idle;
		uint8_t flags;
		bool yields;
	} rows[] = {
		{true, true, false, SYN, true},
		{true, true, false, ACK, false}, /* of a connection that may be an old one */
		{true, false, false, SYN, false},
		{false, true, false, SYN, false},
		{false, false, true, ACK, true},
		{true, false, true, SYN, true},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = setup(rows[i].opens_again);
		first(w, rows[i].is_over);
		if (rows[i].is_idle) /* and not swept yet */
			w->now_ns += (WORLD_EST_MS + WORLD_IDLE_MS) * (uint64_t)1000000;
		CU_ASSERT_EQUAL(out(w, "10.0.0.11", rows[i].flags), rows[i].yields);
		CU_ASSERT_EQUAL(w->ended, rows[i].yields);
		CU_ASSERT_EQUAL(w->opened, 1 + rows[i].yields);
		CU_ASSERT_EQUAL(w->undone, !rows[i].yields);
		CU_ASSERT_EQUAL(world_dropped(w, DROP_FLOW_COLLISION), !rows[i].yields);
		CU_ASSERT_TRUE(in(w, rows[i].yields ? "10.0.0.11" : "10.0.0.10", 3000, ACK));
		CU_ASSERT_EQUAL(w->worker[0]->flows.used4, 1);
		world_destroy(w);
	}
}

/* A connection that the engine shook hands for begins with the segment that completes that. */
static void
test_answered(void)
{
	struct world *w = setup(true);
	first(w, true);
	w->has_proxy = true;
	w->offer = (struct syn_offer){.mss = 1460, .scale = 7};
	struct frame f = world_frame("10.0.0.11", 2000, "8.8.8.8", 80, 6);
	f.tcp_flags = SYN;
	f.seq = 1000;
	probe_arrive(w, WORLD_IN, f);
	CU_ASSERT_TRUE_FATAL(probe_take(w, 0));
	f.tcp_flags = ACK;
	f.seq = 1001;
	f.ack = probe_view.f.seq + 1;
	probe_arrive(w, WORLD_IN, f);
	CU_ASSERT_TRUE(probe_take(w, 1));
	CU_ASSERT_EQUAL(probe_view.f.tcp_flags, SYN);
	CU_ASSERT_EQUAL(w->ended, 1);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_FLOW_COLLISION), 0);
	world_destroy(w);
}

/* What lives stays, and the policy is asked for others, so often and no more. */
static void
test_other(void)
{
	struct world *w = setup(true);
	first(w, false);
	n_others = 1;
	CU_ASSERT_TRUE(out(w, "10.0.0.11", SYN));
	CU_ASSERT_EQUAL(probe_view.f.sport, 3001);
	CU_ASSERT_TRUE(in(w, "10.0.0.11", 3001, SYN | ACK));
	CU_ASSERT_TRUE(in(w, "10.0.0.10", 3000, ACK));
	CU_ASSERT_EQUAL(w->undone, 0);
	CU_ASSERT_EQUAL(w->ended, 0);
	for (uint16_t i = 1; i < CLASH_TRIES; i++) {
		struct frame f = world_frame("10.0.0.77", (uint16_t)(2001 + i), "8.8.8.8", 80, 6);
		probe_arrive(w, WORLD_IN, f);
		CU_ASSERT_TRUE(probe_take(w, 1));
	}
	n_others = CLASH_TRIES + 1;
	CU_ASSERT_FALSE(out(w, "10.0.0.12", SYN));
	CU_ASSERT_EQUAL(n_others, 1);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_FLOW_COLLISION), 1);
	CU_ASSERT_EQUAL(w->undone, 1);
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"yields", test_yields},
	{"of a connection that was answered by us", test_answered},
	{"another reply", test_other},
};
TEST_MAIN("clash", cases)
