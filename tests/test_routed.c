/* SPDX-License-Identifier: Apache-2.0 */
/* routed.h: what the test policy does not claim is routed, with flows and without. */
#include "lib/routed.h"

#include "probe.h"

enum { IPV4 = 1, IPV6 = 2, MAX_STATES = 4 };

static void *states[MAX_STATES];

static void
unclaimed(struct world *w, uint8_t families)
{
	/* Its own copy: nobody else reads it. */
	((struct img_plane *)(uintptr_t)w->gen->plane)->routes_unclaimed = families;
}

static struct world *
routing(struct world_options o, uint8_t families)
{
	struct world *w = probe_world(o);
	for (uint16_t i = 0; i < w->n_workers; i++) {
		struct policy_env env = {.worker = i, .n_workers = w->n_workers, .node = -1,
		                         .plane = w->gen->plane, .stats = w->worker[i]->stats};
		states[i] = routed_create(&env);
		CU_ASSERT_PTR_NOT_NULL_FATAL(states[i]);
		worker_policy_add(w->worker[i], &routed_policy, states[i]);
	}
	unclaimed(w, families);
	return w;
}

static void
done(struct world *w)
{
	for (uint16_t i = 0; i < w->n_workers; i++)
		routed_destroy(states[i]);
	world_destroy(w);
}

static struct frame
from_outside(uint16_t sport, uint8_t proto)
{
	return world_frame("9.9.9.9", sport, "10.0.0.10", 80, proto);
}

/* Both families are told apart, and off means dropped. */
static void
test_switch(void)
{
	struct world *w = routing((struct world_options){.workers = 1}, IPV6);
	probe_arrive(w, WORLD_OUT, from_outside(7, 17));
	CU_ASSERT_FALSE(probe_take(w, 0));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_NO_POLICY), 1);
	unclaimed(w, IPV4);
	probe_arrive(w, WORLD_OUT, from_outside(7, 17));
	CU_ASSERT_TRUE_FATAL(probe_take(w, 0));
	CU_ASSERT_TRUE(probe_is_from("9.9.9.9", 7) && probe_is_to("10.0.0.10", 80));
	CU_ASSERT_EQUAL(probe_view.f.ttl, 63);
	CU_ASSERT_EQUAL(WORLD_SUM(w, flows_routed), 1);
	CU_ASSERT_EQUAL(w->opened, 0);
	done(w);
}

/* To what is ours nothing is routed: it is answered or dropped as before. */
static void
test_ours(void)
{
	static const char *const to[] = {"198.51.100.9", "10.0.255.255", "192.0.2.1"};
	struct world *w = routing((struct world_options){.workers = 1}, IPV4);
	for (unsigned i = 0; i < 3; i++)
		probe_arrive(w, WORLD_OUT, world_frame("9.9.9.9", 7, to[i], 80, 17));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_NO_POLICY), 1);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_IP_DESTINATION), 1);
	probe_expect_punt(w, PUNT_LOCAL, DROP_LOCAL_UNWANTED, 0);
	probe_arrive(w, WORLD_OUT, world_frame("9.9.9.9", 7, "203.0.113.3", 80, 17));
	probe_expect_punt(w, PUNT_NO_ROUTE, DROP_NO_ROUTE, 0);
	CU_ASSERT_EQUAL(WORLD_SUM(w, flows_routed), 0);
	done(w);
}

/* Without a flow too the fragments follow their first one, in whatever order they come. */
static void
fragments_without_flow(struct world *w, uint8_t proto, uint8_t type)
{
	enum { PIECES = 3, PIECE = 400 };
	static const unsigned order[][PIECES] = {{0, 1, 2}, {2, 0, 1}, {1, 2, 0}};
	for (unsigned i = 0; i < 3; i++) {
		struct frame f = from_outside(9000, proto);
		uint8_t whole[FRAME_MAX], piece[FRAME_MAX];
		f.icmp_type = type;
		f.payload_size = PIECES * PIECE - 8;
		f.id = (uint16_t)(7 + i);
		memcpy(f.dmac, w->devs[1].mac, 6);
		frame_make(whole, &f);
		for (unsigned k = 0; k < PIECES; k++) {
			unsigned n = order[i][k];
			world_put(w, 1, piece, frame_cut(piece, whole, n * PIECE, PIECE,
			                                 n == PIECES - 1));
			world_poll(w);
		}
		unsigned got = 0;
		for (; probe_take(w, 0); got++)
			CU_ASSERT(probe_view.f.ttl == 63 && probe_view.ip_csum_right &&
			          probe_view.f.id == f.id && probe_view.l3_size == 20 + PIECE);
		CU_ASSERT_EQUAL(got, PIECES);
	}
	CU_ASSERT_EQUAL(world_dropped(w, DROP_FRAG_NO_FIRST), 0);
}

/* A reset opens nothing and is routed; so is what finds no room. */
static void
test_without_flow(void)
{
	enum { ROOM = 64 };
	struct world *w = routing((struct world_options){.workers = 1, .flows = ROOM}, IPV4);
	struct frame rst = from_outside(7, 6);
	rst.tcp_flags = 4;
	probe_arrive(w, WORLD_OUT, rst);
	CU_ASSERT_TRUE(probe_take(w, 0));
	CU_ASSERT_EQUAL(WORLD_SUM(w, flows_opened), 0);
	for (uint16_t i = 0; i < ROOM + 5; i++) {
		probe_arrive(w, WORLD_OUT, from_outside((uint16_t)(1000 + i), 17));
		CU_ASSERT_TRUE(probe_take(w, 0));
		CU_ASSERT_TRUE(probe_is_from("9.9.9.9", (uint16_t)(1000 + i)));
	}
	CU_ASSERT_EQUAL(WORLD_SUM(w, flows_routed), ROOM);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_FLOW_TABLE_FULL), 0);
	fragments_without_flow(w, 17, 0);
	/* What is somebody's is dropped then. */
	probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_FLOW_TABLE_FULL), 1);
	done(w);
}

/* Protocol 47, which has a flow by its addresses, and a timestamp request, which has none: routed,
 * but not what is another policy's. */
static void
test_no_ports(void)
{
	static const struct { uint8_t nic, proto, type; bool out; } rows[] = {
		{WORLD_OUT, 47, 0, true}, {WORLD_OUT, 1, 13, true},
		{WORLD_IN, 47, 0, false}, {WORLD_IN, 1, 13, false},
	};
	struct world *w = routing((struct world_options){.workers = 1}, IPV4);
	for (unsigned i = 0; i < 4; i++) {
		struct frame f = rows[i].nic == WORLD_OUT ? from_outside(7, 1) :
			world_frame("10.0.0.10", 7, "8.8.8.8", 80, 1);
		uint8_t frame[FRAME_MAX];
		f.icmp_type = rows[i].type;
		memcpy(f.dmac, w->devs[rows[i].nic - 1].mac, 6);
		size_t n = frame_make(frame, &f);
		frame[14 + 9] = rows[i].proto;
		frame[24] = frame[25] = 0;
		uint16_t sum = htobe16(sum16(frame + 14, 20, 0));
		memcpy(frame + 24, &sum, 2);
		world_put(w, rows[i].nic - 1, frame, n);
		world_poll(w);
		CU_ASSERT_EQUAL(world_take(w, 0, frame) != 0, rows[i].out);
	}
	CU_ASSERT_EQUAL(world_dropped(w, DROP_ICMP_TYPE), 1);
	CU_ASSERT_EQUAL(WORLD_SUM(w, flows_routed), 1);
	CU_ASSERT_EQUAL(w->opened, 1);
	done(w);
}

/* An ICMP message that is neither echo nor error, cut: what follows goes with its beginning, and
 * where that is not let pass nothing is. */
static void
test_cut_message(void)
{
	for (uint16_t workers = 1; workers < 4; workers += 2) {
		struct world *w = routing((struct world_options){.workers = workers}, IPV4);
		fragments_without_flow(w, 1, 13);
		CU_ASSERT_EQUAL(WORLD_SUM(w, flows_opened), 0);
		unclaimed(w, 0);
		struct frame f = from_outside(1, 1);
		uint8_t whole[FRAME_MAX], piece[FRAME_MAX];
		f.icmp_type = 13;
		f.payload_size = 792;
		memcpy(f.dmac, w->devs[1].mac, 6);
		frame_make(whole, &f);
		for (unsigned k = 0; k < 2; k++) {
			world_put(w, 1, piece, frame_cut(piece, whole, k * 400, 400, k == 1));
			world_poll(w);
		}
		CU_ASSERT_FALSE(probe_take(w, 0));
		CU_ASSERT_EQUAL(world_dropped(w, DROP_ICMP_TYPE), 1);
		CU_ASSERT_EQUAL(world_dropped(w, DROP_FRAG_NO_FIRST), 1);
		world_drain(w);
		done(w);
	}
}

/* Many workers, and realms: a packet from the outside is at home where its destination is. */
static void
test_workers(void)
{
	struct world *w = routing((struct world_options){.workers = 4, .queues = 1}, IPV4);
	for (uint16_t i = 0; i < 32; i++) {
		probe_arrive(w, WORLD_OUT, from_outside((uint16_t)(100 + i), i % 2 ? 17 : 6));
		CU_ASSERT_TRUE(probe_take(w, 0));
	}
	CU_ASSERT_EQUAL(WORLD_SUM(w, flows_routed), 32);
	union addr to = addr4("10.0.0.10");
	uint16_t home = steer_worker(&w->gen->steer, &to, FAMILY_V4);
	CU_ASSERT_EQUAL(w->worker[home]->stats->flows_routed, 32);
	/* Without realms, at whoever gets it. */
	((struct generation *)w->gen)->has_realms = false;
	uint64_t before = w->worker[0]->stats->flows_routed;
	probe_arrive(w, WORLD_OUT, from_outside(99, 17));
	CU_ASSERT_EQUAL(w->worker[0]->stats->flows_routed, before + 1);
	world_drain(w);
	done(w);
}

static const struct test_case cases[] = {
	{"on and off by family", test_switch},
	{"addresses of ours", test_ours},
	{"resets, and a full table", test_without_flow},
	{"no ports", test_no_ports},
	{"an ICMP message in pieces", test_cut_message},
	{"four workers", test_workers},
};
TEST_MAIN("routed", cases)
