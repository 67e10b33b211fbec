/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A flow table's model for tests: an array that is searched from end to end, and random
 *            operations on both that have to come to the same.
 * Limits     MODEL_MAX flows.
 */
#ifndef MR_FLOW_MODEL_H
#define MR_FLOW_MODEL_H

#include <stdlib.h>
#include <string.h>

#include "lib/drop.h"
#include "lib/flow_index.h"
#include "tests/index_kit.h"
#include "tests/test.h"

enum { MODEL_MAX = 4096 };

static struct timer_set timers[MAX_TIMER_SETS];

/* A tuple out of few, so that equal ones come up often. */
static inline struct tuple
random_tuple(uint64_t *rng, uint8_t family, uint8_t proto, unsigned variety)
{
	struct tuple t = {.family = family, .proto = proto};
	t.src.w[0] = (be32)(test_random(rng) % variety);
	t.dst.w[0] = (be32)(test_random(rng) % 3);
	if (family == FAMILY_V6) {
		t.src.w[3] = (be32)(test_random(rng) % 2);
		t.dst.w[2] = (be32)(test_random(rng) % 2);
	}
	t.sport = (be16)(test_random(rng) % variety);
	t.dport = (be16)(test_random(rng) % 2);
	t.realm = (uint8_t)(test_random(rng) % 2);
	return t;
}

static inline bool
tuple_same(const struct tuple *a, const struct tuple *b)
{
	return addr_equal(&a->src, &b->src) && addr_equal(&a->dst, &b->dst) &&
	       a->sport == b->sport && a->dport == b->dport && a->family == b->family &&
	       a->proto == b->proto && a->realm == b->realm;
}

/* The model: what flows there are, in no order. */
struct model {
	struct model_flow {
		struct tuple tuple[2];
		flow_ref ref;
		uint32_t seen_ms;
	} flow[MODEL_MAX];
	unsigned n;
};

static inline flow_ref
model_find(const struct model *m, const struct tuple *key)
{
	for (unsigned i = 0; i < m->n; i++)
		for (unsigned dir = 0; dir < 2; dir++)
			if (tuple_same(&m->flow[i].tuple[dir], key))
				return m->flow[i].ref | dir;
	return 0;
}

static inline unsigned
model_count(const struct model *m, uint8_t family)
{
	unsigned n = 0;
	for (unsigned i = 0; i < m->n; i++)
		n += m->flow[i].tuple[0].family == family;
	return n;
}

static inline void
try_open(struct flow_table *t, struct model *m, uint64_t *rng, unsigned variety, uint32_t now)
{
	static const uint8_t protos[] = {IPPROTO_L4_TCP, IPPROTO_L4_UDP, IPPROTO_L4_ICMP};
	uint8_t family = test_random(rng) % 3 == 0 ? FAMILY_V6 : FAMILY_V4;
	uint8_t proto = protos[test_random(rng) % 3];
	struct tuple a = random_tuple(rng, family, proto, variety);
	struct tuple b = random_tuple(rng, family, proto, variety);
	uint32_t capacity = family == FAMILY_V4 ? t->capacity4 : t->capacity6;
	bool full = model_count(m, family) == capacity;
	bool taken = model_find(m, &a) != 0 || model_find(m, &b) != 0 || tuple_same(&a, &b);
	flow_ref ref = 0;
	uint8_t drop = DROP_MAX;
	struct flow *f = flow_open(t, &a, &b, &ref, &drop);
	CU_ASSERT_EQUAL(f != NULL, !full && !taken);
	if (f == NULL) {
		CU_ASSERT_EQUAL(drop, full ? DROP_FLOW_TABLE_FULL : DROP_FLOW_COLLISION);
		return;
	}
	CU_ASSERT((ref & ~FLOW_REF_V6) > 1 && (ref & 1) == 0);
	CU_ASSERT_EQUAL((ref & FLOW_REF_V6) != 0, family == FAMILY_V6);
	CU_ASSERT_NOT_EQUAL(f->state, CONN_FREE);
	f->seen_ms = now;
	m->flow[m->n++] = (struct model_flow){{a, b}, ref, now};
}

static inline void
try_find(const struct flow_table *t, const struct model *m, uint64_t *rng, unsigned variety)
{
	struct tuple key =
		random_tuple(rng, test_random(rng) % 2 ? FAMILY_V4 : FAMILY_V6,
	                     test_random(rng) % 2 ? IPPROTO_L4_TCP : IPPROTO_L4_UDP, variety);
	if (m->n != 0 && test_random(rng) % 2)
		key = m->flow[test_random(rng) % m->n].tuple[test_random(rng) % 2];
	flow_ref want = model_find(m, &key), candidate = index_match(t, tuple_hash(&key, t->seed));
	CU_ASSERT_EQUAL(flow_find(t, &key), want);
	CU_ASSERT(want == 0 || candidate != 0);
	if (want == 0)
		return;
	struct tuple got = flow_tuple(t, want, want & 1);
	CU_ASSERT(tuple_same(&got, &key));
	CU_ASSERT_PTR_EQUAL(flow_get(t, want), flow_get(t, want ^ 1));
}

static inline void
try_remove(struct flow_table *t, struct model *m, uint64_t *rng)
{
	if (m->n == 0)
		return;
	unsigned i = test_random(rng) % m->n;
	flow_remove(t, m->flow[i].ref | (test_random(rng) & 1));
	m->flow[i] = m->flow[--m->n];
}

struct ended {
	const struct flow_table *t;
	struct model *m;
	uint32_t now, idle_ms;
	unsigned n;
};

static inline void
flow_ended(struct ended *e, flow_ref ref)
{
	struct model *m = e->m;
	for (unsigned i = 0; i < m->n; i++) {
		if (m->flow[i].ref != ref)
			continue;
		CU_ASSERT(e->now - m->flow[i].seen_ms > e->idle_ms);
		CU_ASSERT_EQUAL(flow_find(e->t, &m->flow[i].tuple[0]), ref);
		m->flow[i] = m->flow[--m->n];
		e->n++;
		return;
	}
	CU_FAIL("an ended flow is one that there was");
}

static inline void
flows_ended(void *arg, const flow_ref *ref, const uint64_t (*hash)[2], uint32_t n)
{
	const struct ended *e = arg;
	for (uint32_t i = 0; i < n; i++) {
		for (unsigned dir = 0; dir < 2; dir++)
			CU_ASSERT_EQUAL(hash[i][dir], flow_hash(e->t, ref[i], dir));
		flow_ended(arg, ref[i]);
	}
}

static inline void
try_expire(struct flow_table *t, struct model *m, uint32_t now, uint32_t steps)
{
	unsigned old = 0;
	for (unsigned i = 0; i < m->n; i++)
		old += now - m->flow[i].seen_ms > 1000;
	struct ended e = {t, m, now, 1000, 0};
	uint32_t all = t->high4 + t->high6;
	uint32_t looked = flow_expire(t, timers, now, steps, flows_ended, &e);
	CU_ASSERT_EQUAL(looked, steps < all ? steps : all);
	CU_ASSERT(looked < all ? e.n <= old : e.n == old);
}

static inline uint32_t
free_list_length(const struct flow_table *t, bool v6)
{
	uint32_t n = 0;
	for (uint32_t i = v6 ? t->free6 : t->free4; i != 0; n++) {
		const struct flow *f = v6 ? &t->v6[i].f : &t->v4[i].f;
		CU_ASSERT_EQUAL(f->state, CONN_FREE);
		i = f->owner;
	}
	return n;
}

/* flow.h, invariants 1, 3 and 4; flow_index.h, invariant 1. */
static inline void
check_invariants(const struct flow_table *t, const struct model *m)
{
	CU_ASSERT_EQUAL(t->used4, model_count(m, FAMILY_V4));
	CU_ASSERT_EQUAL(t->used6, model_count(m, FAMILY_V6));
	CU_ASSERT_EQUAL(t->used4 + free_list_length(t, false), t->high4);
	CU_ASSERT_EQUAL(t->used6 + free_list_length(t, true), t->high6);
	CU_ASSERT(t->high4 <= t->capacity4 && t->high6 <= t->capacity6);
	uint64_t now = index_entries(t->index), old = index_entries(t->old);
	CU_ASSERT_EQUAL(old, t->old.bucket != NULL ? t->old_left : 0);
	CU_ASSERT_EQUAL(now + old, 2 * (t->used4 + t->used6));
	for (unsigned i = 0; i < m->n; i++)
		for (unsigned dir = 0; dir < 2; dir++)
			CU_ASSERT_EQUAL(flow_find(t, &m->flow[i].tuple[dir]), m->flow[i].ref | dir);
}

static inline void
try_any(struct flow_table *t, struct model *m, uint64_t *rng, unsigned variety, uint32_t now)
{
	switch (test_random(rng) % 8) {
	case 0: case 1: case 2: try_open(t, m, rng, variety, now); break;
	case 3: case 4: case 5: try_find(t, m, rng, variety); break;
	case 6: try_remove(t, m, rng); break;
	default: try_expire(t, m, now, test_random(rng) % 40); break;
	}
}

static inline void
check_empty(const struct flow_table *t)
{
	CU_ASSERT(index_is_empty(t->index));
	CU_ASSERT_EQUAL(t->used4 + t->used6, 0);
}

#endif
