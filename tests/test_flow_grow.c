/* SPDX-License-Identifier: Apache-2.0 */
/* A flow table that becomes larger at any moment, against an array that is searched end to end. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "lib/flow_grow.h"
#include "tests/flow_model.h"

enum { MOST = 4000, NODE = -1 };
static const uint64_t SEED = 0x1234567890abcdefu;

static size_t
memory_used(void)
{
	struct mem_usage u = mem_usage();
	return u.huge_1g + u.huge_2m + u.ordinary;
}

static void
pair_of(uint32_t number, struct tuple pair[2])
{
	pair[0] = (struct tuple){.family = number % 4 == 0 ? FAMILY_V6 : FAMILY_V4,
	                         .proto = IPPROTO_L4_TCP, .sport = (be16)number, .dport = 80};
	pair[0].src.w[0] = number * 2654435761u;
	pair[1] = tuple_invert(&pair[0]);
	pair[1].dst.w[0] ^= 0x01010101;
}

static flow_ref
open_number(struct flow_table *t, uint32_t number)
{
	flow_ref ref = 0;
	uint8_t drop;
	struct tuple pair[2];
	pair_of(number, pair);
	return flow_open(t, &pair[0], &pair[1], &ref, &drop) != NULL ? ref : 0;
}

static bool
is_there(const struct flow_table *t, uint32_t number, flow_ref ref)
{
	struct tuple pair[2];
	pair_of(number, pair);
	return index_match(t, tuple_hash(&pair[0], t->seed)) != 0 &&
	       flow_find(t, &pair[0]) == ref && flow_find(t, &pair[1]) == (ref | 1);
}

/* Open, find, remove, expire; now and then a growth is offered, moves on, or ends. */
static void
random_growth(uint32_t capacity4, uint32_t capacity6, unsigned variety, unsigned n, uint64_t seed)
{
	struct flow_room r;
	struct flow_table t;
	struct model m = {.n = 0};
	uint64_t rng = seed;
	uint32_t now = 0xffffe000;
	unsigned growths = 0, during = 0;
	CU_ASSERT_EQUAL_FATAL(flow_room_open(&r, &t, capacity4, capacity6, MOST, SEED, NODE), 0);
	for (unsigned i = 0; i < n; i++) {
		now += test_random(&rng) % 16;
		try_any(&t, &m, &rng, variety, now);
		during += t.old.bucket != NULL;
		if (test_random(&rng) % 3 == 0)
			flow_grow_turn(&r, &t, test_random(&rng) % 3);
		if (atomic_load(&r.state) == GROW_DONE && r.offer.index.bucket != NULL)
			CU_ASSERT(index_is_empty(r.offer.index));
		if (i % 197 == 0)
			check_invariants(&t, &m);
		if (test_random(&rng) % 256 != 0 || r.capacity4 > MOST / 2)
			continue;
		bool settled = flow_room_settle(&r);
		int got = flow_room_prepare(&r, r.capacity4 + (uint32_t)test_random(&rng) % 64,
		                            r.capacity6 + (uint32_t)test_random(&rng) % 32);
		CU_ASSERT_EQUAL(got, settled ? 0 : -EAGAIN);
		if (got != 0)
			continue;
		if (test_random(&rng) % 4 == 0) {
			flow_room_cancel(&r);
			continue;
		}
		flow_room_offer(&r);
		growths++;
	}
	check_invariants(&t, &m);
	CU_ASSERT(growths > 3 && during > 30);
	while (m.n > 0)
		try_remove(&t, &m, &rng);
	flow_grow_turn(&r, &t, UINT32_MAX);
	check_empty(&t);
	flow_room_close(&r, &t);
	CU_ASSERT_EQUAL(memory_used(), 0);
}

static void
against_model(void)
{
	uint64_t seed = test_seed();
	random_growth(3, 1, 6, 20000, seed);
	random_growth(16, 8, 20, 20000, seed + 1);
	random_growth(100, 60, 60, 20000, seed + 2);
	random_growth(1, 1, 2000, 20000, seed + 3);
}

/* Nothing goes, whatever is between the steps, and what was full takes exactly so many more. */
static void
every_step(void)
{
	enum { BEFORE = 1000, AFTER = 5000 };
	struct flow_room r;
	struct flow_table t;
	static flow_ref ref[AFTER];
	uint32_t n = 0, turns = 0;
	CU_ASSERT_EQUAL_FATAL(flow_room_open(&r, &t, BEFORE * 3 / 4, BEFORE / 4, AFTER, SEED, NODE),
	                      0);
	for (; n < BEFORE; n++)
		CU_ASSERT((ref[n] = open_number(&t, n)) != 0);
	CU_ASSERT_EQUAL(open_number(&t, n) | open_number(&t, n + 1), 0);
	CU_ASSERT_EQUAL_FATAL(flow_room_prepare(&r, AFTER * 3 / 4, AFTER / 4), 0);
	CU_ASSERT_EQUAL(open_number(&t, n), 0); /* the worker does not know yet */
	flow_room_offer(&r);
	for (; !flow_room_settle(&r); turns++) {
		flow_grow_turn(&r, &t, 1);
		for (uint32_t i = 0; i < n; i++)
			CU_ASSERT_FATAL(is_there(&t, i, ref[i]));
		if (n < AFTER)
			CU_ASSERT((ref[n] = open_number(&t, n)) != 0 && ++n);
	}
	CU_ASSERT(turns > 100 && t.old.bucket == NULL);
	for (; n < AFTER; n++)
		CU_ASSERT((ref[n] = open_number(&t, n)) != 0);
	CU_ASSERT_EQUAL(open_number(&t, n) | open_number(&t, n + 1), 0);
	for (uint32_t i = 0; i < n; i++) {
		CU_ASSERT(is_there(&t, i, ref[i]));
		flow_remove(&t, ref[i]);
	}
	check_empty(&t);
	flow_room_close(&r, &t);
	CU_ASSERT_EQUAL(memory_used(), 0);
}

/* The index is large enough already: only the capacity changes, at once. */
static void
little_more(void)
{
	struct flow_room r;
	struct flow_table t;
	CU_ASSERT_EQUAL_FATAL(flow_room_open(&r, &t, 1000, 10, MOST, SEED, NODE), 0);
	const struct index_bucket *bucket = t.index.bucket;
	CU_ASSERT_EQUAL_FATAL(flow_room_prepare(&r, 1010, 10), 0);
	flow_room_offer(&r);
	CU_ASSERT(!flow_room_settle(&r) && t.capacity4 == 1000);
	flow_grow_turn(&r, &t, 1);
	CU_ASSERT(flow_room_settle(&r) && t.capacity4 == 1010 && t.index.bucket == bucket);
	for (uint32_t size = 3000; size <= 3010; size += 10) { /* another index, then not */
		bucket = t.index.bucket;
		CU_ASSERT_EQUAL_FATAL(flow_room_prepare(&r, size, 10), 0);
		flow_room_offer(&r);
		flow_grow_turn(&r, &t, UINT32_MAX);
		CU_ASSERT(flow_room_settle(&r) && t.capacity4 == size);
		CU_ASSERT_EQUAL(t.index.bucket == bucket, size == 3010);
	}
	flow_room_close(&r, &t);
}

/* No memory, or no addresses: everything is as before, and a smaller growth still works. */
static void
too_much(void)
{
	struct flow_room r;
	struct flow_table t;
	CU_ASSERT_EQUAL_FATAL(flow_room_open(&r, &t, 100, 100, MOST, SEED, NODE), 0);
	flow_ref ref = open_number(&t, 1);
	size_t used = memory_used();
	CU_ASSERT_EQUAL(flow_room_prepare(&r, 1u << 27, 100), -ENOMEM);
	CU_ASSERT_EQUAL(flow_room_prepare(&r, MOST, 1u << 27), -ENOMEM);
	CU_ASSERT_EQUAL(memory_used(), used);
	CU_ASSERT(r.capacity4 == 100 && flow_room_settle(&r));
	CU_ASSERT(flow_room_more(&r, MOST, 100) > 0);
	CU_ASSERT_EQUAL(flow_room_prepare(&r, MOST, MOST), 0);
	CU_ASSERT(memory_used() > used);
	flow_room_cancel(&r);
	CU_ASSERT_EQUAL(memory_used(), used);
	CU_ASSERT(is_there(&t, 1, ref) && flow_room_settle(&r));
	flow_room_close(&r, &t);
	CU_ASSERT_EQUAL(memory_used(), 0);
}

/* A table may be closed at any point of a growth. */
static void
closed_meanwhile(void)
{
	for (unsigned point = 0; point < 4; point++) {
		struct flow_room r;
		struct flow_table t;
		CU_ASSERT_EQUAL_FATAL(flow_room_open(&r, &t, 100, 100, MOST, SEED, NODE), 0);
		for (uint32_t i = 0; i < 100; i++)
			CU_ASSERT(open_number(&t, i) != 0);
		CU_ASSERT_EQUAL_FATAL(flow_room_prepare(&r, MOST, MOST), 0);
		if (point > 0)
			flow_room_offer(&r);
		flow_grow_turn(&r, &t, point == 3 ? UINT32_MAX : point - 1);
		CU_ASSERT_EQUAL(t.old.bucket != NULL, point == 1 || point == 2);
		flow_room_close(&r, &t);
		CU_ASSERT_EQUAL(memory_used(), 0);
	}
}

struct worker_thread {
	struct flow_room *room;
	struct flow_table *table;
	_Atomic(int) stop;
	uint32_t opened, lost;
};

/* A worker's turns: fill the table up, look for what is there, take what is offered. */
static void *
worker_turns(void *arg)
{
	struct worker_thread *w = arg;
	static flow_ref ref[MOST];
	for (uint32_t turn = 0; atomic_load_explicit(&w->stop, memory_order_relaxed) == 0; turn++) {
		flow_grow_turn(w->room, w->table, 1);
		if (w->opened < MOST && (ref[w->opened] = open_number(w->table, w->opened)) != 0)
			w->opened++;
		uint32_t i = turn % w->opened;
		w->lost += !is_there(w->table, i, ref[i]);
		sched_yield();
	}
	return NULL;
}

/* The main lcore and a worker at once: also what ThreadSanitizer is to look at. */
static void
two_threads(void)
{
	struct flow_room r;
	struct flow_table t;
	pthread_t thread;
	CU_ASSERT_EQUAL_FATAL(flow_room_open(&r, &t, 60, 20, MOST, SEED, NODE), 0);
	struct worker_thread w = {.room = &r, .table = &t};
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, worker_turns, &w), 0);
	for (uint32_t size = 100; size < MOST / 2; size *= 2) {
		CU_ASSERT_EQUAL(flow_room_prepare(&r, size, size), 0);
		flow_room_offer(&r);
		while (!flow_room_settle(&r))
			sched_yield();
	}
	atomic_store(&w.stop, 1);
	pthread_join(thread, NULL);
	CU_ASSERT(w.opened >= 60 && w.lost == 0 && t.capacity4 == 1600);
	flow_room_close(&r, &t);
	CU_ASSERT_EQUAL(memory_used(), 0);
}

static const struct test_case cases[] = {
	{"against a model", against_model},
	{"every step", every_step},
	{"little more", little_more},
	{"too much", too_much},
	{"closed meanwhile", closed_meanwhile},
	{"two threads", two_threads},
};

int
main(void)
{
	mem_use_huge(0);
	for (unsigned i = 0; i < MAX_TIMER_SETS; i++)
		for (unsigned s = 0; s < 16; s++)
			timers[i].idle_ms[s] = 1000;
	return test_main("flow_grow", cases, sizeof(cases) / sizeof(cases[0]));
}
