/* SPDX-License-Identifier: Apache-2.0 */
/* RSTs made here: their numbers, to whom they go, and that the packet ends counted. */
#include "lib/reset.h"

#include "lib/purge.h"
#include "probe.h"

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

static struct policy_ops ops;
static bool refuses, refuses_loops;
static enum verdict (*open_as_ever)(void *state, const struct miss *m, struct flow_spec *spec);

static enum stale
stale(void *state, const struct flow *f)
{
	return STALE_RESET;
}

static enum verdict
open_or_refuse(void *state, const struct miss *m, struct flow_spec *spec)
{
	spec->drop = DROP_LB_NO_BACKEND;
	bool is_loop = m->nic == NIC_NONE;
	return refuses || (refuses_loops && is_loop) ? VERDICT_RESET : open_as_ever(state, m, spec);
}

static struct world *
begin(void)
{
	struct world *w = probe_simple();
	struct worker *k = w->worker[0];
	ops = *k->policy[0].ops;
	open_as_ever = ops.open;
	ops.stale = stale;
	ops.open = open_or_refuse;
	ops.opens_again = true;
	k->policy[0].ops = &ops;
	refuses = refuses_loops = false;
	return w;
}

struct ends {
	const char *client, *server, *outside; /* outside: the client as the server sees it */
	uint16_t port, seen_port;
};
static const struct ends v4 = {"10.0.0.10", "8.8.8.8", "198.51.100.1", 2000, 3000};
static const struct ends v6 = {"2001:db8:1::10", "2001:db8:2::10", "2001:db8:1::10", 2000, 2000};

static struct frame
out_frame(const struct ends *e, uint8_t flags, uint32_t seq, uint32_t ack, uint16_t size)
{
	struct frame f = world_frame(e->client, e->port, e->server, 80, 6);
	f.tcp_flags = flags;
	f.seq = seq;
	f.ack = ack;
	f.payload_size = size;
	return f;
}

static struct frame
in_frame(const struct ends *e, uint8_t flags, uint32_t seq, uint32_t ack, uint16_t size)
{
	struct frame f = world_frame(e->server, 80, e->outside, e->seen_port, 6);
	f.tcp_flags = flags;
	f.seq = seq;
	f.ack = ack;
	f.payload_size = size;
	return f;
}

/* An established connection whose flow has been marked. */
static struct world *
marked(const struct ends *e)
{
	struct world *w = begin();
	probe_arrive(w, WORLD_IN, out_frame(e, SYN, 99, 0, 0));
	probe_arrive(w, WORLD_OUT, in_frame(e, SYN | ACK, 499, 100, 0));
	world_drain(w);
	w->gen->number++;
	worker_purge(w->worker[0]);
	CU_ASSERT_EQUAL(w->ended, 0); /* it waits for a packet */
	return w;
}

static void
expect_rst(struct world *w, uint8_t dev, uint8_t flags, uint32_t seq, uint32_t ack)
{
	CU_ASSERT_TRUE_FATAL(probe_take(w, dev));
	CU_ASSERT_EQUAL(probe_view.f.tcp_flags, flags);
	CU_ASSERT_EQUAL(probe_view.f.seq, seq);
	CU_ASSERT_EQUAL(probe_view.f.ack, ack);
	CU_ASSERT_EQUAL(probe_view.f.payload_size, 0);
	CU_ASSERT_EQUAL(probe_view.f.ttl, 64);
}

/* A packet of either side: that side and the other one hear of it, each in its own addresses. */
static void
test_both_ends(void)
{
	static const struct ends *const ends[] = {&v4, &v6};
	for (unsigned i = 0; i < 2; i++) {
		const struct ends *e = ends[i];
		struct world *w = marked(e);
		probe_arrive(w, WORLD_IN, out_frame(e, PSH | ACK, 100, 500, 20));
		expect_rst(w, 0, RST, 500, 0);
		CU_ASSERT(probe_is_from(e->server, 80) && probe_is_to(e->client, e->port));
		expect_rst(w, 1, RST | ACK, 100, 500);
		CU_ASSERT(probe_is_from(e->outside, e->seen_port) && probe_is_to(e->server, 80));
		probe_arrive(w, WORLD_OUT, in_frame(e, PSH | ACK, 500, 100, 30));
		expect_rst(w, 1, RST, 100, 0);
		expect_rst(w, 0, RST | ACK, 500, 100);
		CU_ASSERT(probe_is_to(e->client, e->port));
		CU_ASSERT_FALSE(probe_take(w, 0) || probe_take(w, 1));
		CU_ASSERT_EQUAL(world_dropped(w, DROP_LB_RESET), 2);
		CU_ASSERT_EQUAL(WORLD_SUM(w, generated), 4);
		world_destroy(w);
	}
}

/* Without ACK there is nothing to take a number from: RFC 9293 3.10.7.1. */
static void
test_without_ack(void)
{
	struct world *w = marked(&v4);
	probe_arrive(w, WORLD_IN, out_frame(&v4, FIN, 100, 7, 20));
	expect_rst(w, 0, RST | ACK, 0, 121);
	expect_rst(w, 1, RST, 100, 0);
	world_destroy(w);
}

/* RSTs are not answered, but sent on; so they reach who has not heard yet. */
static void
test_rst_passes(void)
{
	struct world *w = marked(&v4);
	probe_arrive(w, WORLD_OUT, in_frame(&v4, RST, 500, 0, 0));
	CU_ASSERT_TRUE(probe_take(w, 0));
	CU_ASSERT(probe_is_to("10.0.0.10", 2000) && probe_view.f.tcp_flags == RST);
	CU_ASSERT_EQUAL(probe_view.f.seq, 500);
	CU_ASSERT_FALSE(probe_take(w, 1));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_LB_RESET), 0);
	world_destroy(w);
}

/* A marked flow stays so under later generations, and goes after the timer of closed ones. */
static void
test_end(void)
{
	struct world *w = marked(&v4);
	ops.stale = NULL;
	world_regenerate(w);
	world_poll(w);
	probe_arrive(w, WORLD_IN, out_frame(&v4, ACK, 100, 500, 0));
	expect_rst(w, 0, RST, 500, 0);
	const struct flow *f = &w->worker[0]->flows.v4[1].f;
	CU_ASSERT_EQUAL(f->state, CONN_TCP_TRANS);
	world_advance(w, WORLD_IDLE_MS + 1);
	worker_sweep(w->worker[0], w->now_ns);
	CU_ASSERT_EQUAL(w->ended, 1);
	world_destroy(w);
}

/* One that has been idle for longer than the timer of closed ones is kept for its next packet; the
 * timer begins with the first mark, not with each. */
static void
test_idle(void)
{
	for (unsigned late = 0; late < 2; late++) {
		struct world *w = begin();
		probe_arrive(w, WORLD_IN, out_frame(&v4, SYN, 99, 0, 0));
		probe_arrive(w, WORLD_OUT, in_frame(&v4, SYN | ACK, 499, 100, 0));
		world_drain(w);
		world_advance(w, WORLD_IDLE_MS + 1);
		for (unsigned i = 0; i < 2; i++) {
			world_poll(w);
			w->gen->number++;
			worker_purge(w->worker[0]);
			world_advance(w, WORLD_IDLE_MS / 2 + late);
		}
		worker_sweep(w->worker[0], w->now_ns);
		CU_ASSERT_EQUAL(w->ended, late);
		if (late == 0) {
			probe_arrive(w, WORLD_IN, out_frame(&v4, ACK, 100, 500, 0));
			expect_rst(w, 0, RST, 500, 0);
			CU_ASSERT_EQUAL(w->opened, 1);
		}
		world_destroy(w);
	}
}

/* The answers go past us: the owner of the flow is told nothing, since a plain packet to it would
 * be forged; and what comes back from a device is, as ever. */
static void
test_one_sided(void)
{
	struct world *w = begin();
	w->extra_flags = FLOW_WAY;
	probe_arrive(w, WORLD_IN, out_frame(&v4, SYN, 99, 0, 0));
	w->gen->number++;
	worker_purge(w->worker[0]);
	world_drain(w);
	probe_arrive(w, WORLD_IN, out_frame(&v4, PSH | ACK, 100, 500, 20));
	expect_rst(w, 0, RST, 500, 0);
	CU_ASSERT_FALSE(probe_take(w, 1));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_LB_RESET), 1);
	probe_arrive(w, WORLD_OUT, in_frame(&v4, PSH | ACK, 500, 100, 30));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_IP_SOURCE), 1);
	struct frame part = in_frame(&v4, PSH | ACK, 500, 100, 28);
	part.id = 7;
	part.frag = 0x2000;
	probe_arrive(w, WORLD_OUT, part);
	part.frag = 6;
	probe_arrive(w, WORLD_OUT, part);
	CU_ASSERT_FALSE(probe_take(w, 0) || probe_take(w, 1));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_LB_RESET), 1);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_IP_SOURCE), 3);
	CU_ASSERT_EQUAL(WORLD_SUM(w, generated), 1);
	world_destroy(w);
}

/* The way to the sender is not known: the slow path answers it; the other end hears at once. */
static void
test_marked_no_way(void)
{
	struct ends far = v4;
	far.client = "10.0.0.99"; /* no MAC address is known */
	struct world *w = begin();
	probe_arrive(w, WORLD_IN, out_frame(&far, SYN, 99, 0, 0));
	w->gen->number++;
	worker_purge(w->worker[0]);
	world_drain(w);
	probe_arrive(w, WORLD_IN, out_frame(&far, PSH | ACK, 100, 500, 20));
	CU_ASSERT_FALSE(probe_take(w, 0));
	expect_rst(w, 1, RST | ACK, 100, 500);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_LB_RESET), 0);
	probe_expect_punt(w, PUNT_RESET, DROP_LB_RESET, 0);
	world_destroy(w);
}

/* A SYN on the tuple of a marked flow is another connection. */
static void
test_syn(void)
{
	struct world *w = marked(&v4);
	probe_arrive(w, WORLD_IN, out_frame(&v4, SYN, 9000, 0, 0));
	CU_ASSERT_TRUE(probe_take(w, 1));
	CU_ASSERT_EQUAL(probe_view.f.tcp_flags, SYN);
	CU_ASSERT_EQUAL(w->opened, 2);
	CU_ASSERT_EQUAL(w->ended, 1);
	probe_arrive(w, WORLD_OUT, in_frame(&v4, SYN | ACK, 1, 9001, 0));
	CU_ASSERT_TRUE(probe_take(w, 0));
	CU_ASSERT_EQUAL(probe_view.f.tcp_flags, SYN | ACK);
	world_destroy(w);
}

/* What is not TCP has no RST: it ends, and its next packet opens anew. */
static void
test_udp(void)
{
	struct world *w = begin();
	struct frame f = world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17);
	probe_arrive(w, WORLD_IN, f);
	w->gen->number++;
	worker_purge(w->worker[0]);
	CU_ASSERT_EQUAL(w->ended, 1);
	probe_arrive(w, WORLD_IN, f);
	CU_ASSERT_EQUAL(w->opened, 2);
	world_drain(w);
	world_destroy(w);
}

/* Nobody takes it: the sender alone hears of it. */
static void
test_refused(void)
{
	struct world *w = begin();
	refuses = true;
	probe_arrive(w, WORLD_IN, out_frame(&v4, SYN, 0xffffffff, 0, 0));
	expect_rst(w, 0, RST | ACK, 0, 0);
	CU_ASSERT(probe_is_from("8.8.8.8", 80) && probe_is_to("10.0.0.10", 2000));
	probe_arrive(w, WORLD_IN, out_frame(&v6, PSH | ACK, 77, 88, 9));
	expect_rst(w, 0, RST, 88, 0);
	probe_arrive(w, WORLD_IN, out_frame(&v4, RST | ACK, 77, 88, 0));
	CU_ASSERT_FALSE(probe_take(w, 0) || probe_take(w, 1));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_LB_NO_BACKEND), 2);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_TCP_NOT_SYN), 1);
	world_destroy(w);
}

/* The way to the sender has to be found: that is for the slow path. */
static void
test_no_way(void)
{
	struct world *w = begin();
	refuses = true;
	struct frame f = out_frame(&v4, SYN, 1, 0, 0);
	f.src = addr4("10.0.0.99"); /* no MAC address is known */
	probe_arrive(w, WORLD_IN, f);
	CU_ASSERT_FALSE(probe_take(w, 0) || probe_take(w, 1));
	CU_ASSERT_EQUAL(WORLD_SUM(w, generated), 0);
	probe_expect_punt(w, PUNT_RESET, DROP_LB_NO_BACKEND, 0);
	world_destroy(w);
}

/* What has re-entered has a source that is to be translated back: that is the slow path's. */
static void
test_hairpin(void)
{
	struct world *w = begin();
	struct frame f = world_frame("10.0.0.10", 2000, "198.51.100.1", 7001, 6);
	struct buf_meta meta;
	uint8_t frame[FRAME_MAX];
	size_t n;
	refuses_loops = true;
	f.tcp_flags = SYN;
	probe_arrive(w, WORLD_IN, f);
	CU_ASSERT_TRUE_FATAL(world_punted(w, &meta, frame, &n));
	CU_ASSERT(meta.punt == PUNT_RESET && meta.drop == DROP_LB_NO_BACKEND);
	CU_ASSERT(meta.loops == 1 && meta.nic == NIC_NONE);
	f.tcp_flags = RST;
	probe_arrive(w, WORLD_IN, f);
	CU_ASSERT_FALSE(world_punted(w, &meta, frame, &n));
	CU_ASSERT_FALSE(probe_take(w, 0) || probe_take(w, 1));
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"both ends", test_both_ends},
	{"a packet without ACK", test_without_ack},
	{"RSTs pass", test_rst_passes},
	{"how a marked flow ends", test_end},
	{"a marked flow that was idle", test_idle},
	{"only the initiator is heard", test_one_sided},
	{"the way to a marked flow's sender is not known", test_marked_no_way},
	{"SYN on a marked flow", test_syn},
	{"UDP ends", test_udp},
	{"refused", test_refused},
	{"the way back is not known", test_no_way},
	{"a hairpin", test_hairpin},
};
TEST_MAIN("reset", cases)
