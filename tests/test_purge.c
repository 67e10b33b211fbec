/* SPDX-License-Identifier: Apache-2.0 */
/* Flows that a generation leaves over: they end, a few a turn, and only when a policy says so. */
#include "walk_kit.h"

#include "lib/purge.h"
#include "lib/walk.h"

static struct policy_ops ops;
static bool is_any;
static unsigned asked;

/* Every other one. */
static enum stale
stale(void *state, const struct flow *f)
{
	if (f == NULL)
		return is_any ? STALE_ENDS : STALE_NOT;
	asked++;
	return (f->owner & 1) != 0 ? STALE_ENDS : STALE_NOT;
}

/* So many flows, half of them to be stale under the next generation. */
static struct world *
world_of(unsigned flows)
{
	struct world *w = walk_kit(flows, &ops);
	ops.stale = stale;
	asked = 0;
	return w;
}

/* The generation is picked up by one turn alone, and only PURGE_TURN entries are looked at. */
static void
test_turns(void)
{
	struct world *w = world_of(600);
	struct worker *k = w->worker[0];
	is_any = true;
	w->gen->number++;
	for (unsigned turn = 1; turn <= 600 / PURGE_TURN + 1; turn++) {
		worker_poll(k, w->now_ns);
		unsigned seen = turn * PURGE_TURN < 600 ? turn * PURGE_TURN : 600;
		CU_ASSERT_EQUAL(asked, seen);
	}
	CU_ASSERT_EQUAL(k->flows.used4 + k->flows.used6, 300);
	CU_ASSERT_EQUAL(w->ended, 300);
	CU_ASSERT_EQUAL(k->stats->flows_ended, 300);
	CU_ASSERT_EQUAL(k->stats->flows_v4 + k->stats->flows_v6, 300);
	worker_poll(k, w->now_ns);
	CU_ASSERT_EQUAL(asked, 600);
	world_destroy(w);
}

static void
test_none(void)
{
	struct world *w = world_of(100);
	is_any = false;
	w->gen->number++;
	worker_poll(w->worker[0], w->now_ns);
	worker_purge(w->worker[0]);
	CU_ASSERT_EQUAL(asked, 0);
	is_any = true; /* not before the next generation */
	worker_purge(w->worker[0]);
	CU_ASSERT_EQUAL(asked, 0);
	w->gen->number++;
	worker_purge(w->worker[0]);
	CU_ASSERT_EQUAL(asked, 100);
	CU_ASSERT_EQUAL(w->ended, 38 + 13);
	world_destroy(w);
}

/* What is opened after the generation is its own: a walk that has not come there stops before. */
static void
test_later(void)
{
	struct world *w = world_of(400);
	is_any = true;
	w->gen->number++;
	worker_poll(w->worker[0], w->now_ns);
	CU_ASSERT_EQUAL(asked, PURGE_TURN);
	uint32_t end = w->worker[0]->purge.end4;
	for (unsigned i = 0; i < 200; i++)
		probe_arrive(w, WORLD_IN,
		             world_frame("10.0.0.11", (uint16_t)(9000 + i), "8.8.8.8", 53, 17));
	CU_ASSERT(w->worker[0]->flows.high4 > end);
	CU_ASSERT_EQUAL(w->worker[0]->purge.at4, end);
	world_destroy(w);
}

/* A further generation that has nothing to end does not end the walk of the one before. */
static void
test_overtaken(void)
{
	struct world *w = world_of(600);
	is_any = true;
	w->gen->number++;
	worker_poll(w->worker[0], w->now_ns);
	CU_ASSERT_EQUAL(asked, PURGE_TURN);
	is_any = false;
	w->gen->number++;
	for (unsigned turn = 0; turn < 600 / PURGE_TURN + 2; turn++)
		worker_poll(w->worker[0], w->now_ns);
	CU_ASSERT_EQUAL(w->ended, 300);
	world_destroy(w);
}

/* Generations that come one a turn keep nobody from being asked, and the last one asks all. */
static void
test_often(void)
{
	struct world *w = world_of(600);
	struct worker *k = w->worker[0];
	is_any = true;
	unsigned turns = 600 / PURGE_TURN + 1;
	for (unsigned turn = 0; turn < turns; turn++) {
		w->gen->number++;
		worker_poll(k, w->now_ns);
	}
	CU_ASSERT_EQUAL(w->ended, 300);
	for (unsigned turn = 0; turn < turns; turn++)
		worker_poll(k, w->now_ns);
	CU_ASSERT_EQUAL(asked, 600 + 300);
	worker_poll(k, w->now_ns);
	CU_ASSERT(asked == 900 && walk_is_over(&k->purge) && !k->purge_again);
	w->gen->number++;
	worker_poll(k, w->now_ns);
	w->gen->number++;
	worker_purge(k); /* all at once: both */
	CU_ASSERT(asked == 1500 && walk_is_over(&k->purge));
	world_destroy(w);
}

/* The number of a route generation comes again after 256: next hops of then are not of now. */
static void
test_routes(void)
{
	struct world *w = world_of(3);
	struct worker *k = w->worker[0];
	struct flow *f = &k->flows.v4[1].f, *other = &k->flows.v4[2].f;
	is_any = false;
	f->owner = other->owner = 2; /* not stale */
	f->nexthop[1] = other->nexthop[1] = 9;
	for (unsigned i = 0; i < 256; i++) {
		w->gen->number++;
		w->gen->route_gen++;
		worker_poll(k, w->now_ns);
		other->route_gen = w->gen->route_gen;
	}
	walk_kit_arrive(w, 0);
	walk_kit_arrive(w, 1);
	CU_ASSERT_EQUAL(f->nexthop[1], NEXTHOP_NONE);
	CU_ASSERT_EQUAL(other->nexthop[1], 9);
	world_destroy(w);
}

/* Flows of a realm that has no interface any more end, without a policy that says so. */
static void
test_realm_gone(void)
{
	struct world *w = world_of(300);
	struct worker *k = w->worker[0];
	is_any = false;
	CU_ASSERT_EQUAL(k->realms, 3);
	w->gen->number++;
	w->gen->realms = 1 | 2 | 4; /* a new one takes nothing away */
	worker_purge(k);
	CU_ASSERT_EQUAL(w->ended, 0);
	w->gen->number++;
	w->gen->realms = 1 | 4;
	worker_purge(k);
	CU_ASSERT_EQUAL(w->ended, 300);
	CU_ASSERT_EQUAL(k->flows.used4 + k->flows.used6, 0);
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"a few a turn", test_turns},
	{"not without need", test_none},
	{"later flows are not asked", test_later},
	{"overtaken by a generation", test_overtaken},
	{"generations one a turn", test_often},
	{"routes of long ago", test_routes},
	{"a realm is gone", test_realm_gone},
};
TEST_MAIN("purge", cases)
