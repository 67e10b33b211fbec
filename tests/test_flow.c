/* SPDX-License-Identifier: Apache-2.0 */
/* The flow table against an array that is searched from end to end. */
#include "tests/flow_model.h"

static void *memory;

static void
table_make(struct flow_table *t, uint32_t capacity4, uint32_t capacity6)
{
	size_t size = flow_table_memsize(capacity4, capacity6);
	memory = aligned_alloc(64, (size + 63) / 64 * 64);
	memset(memory, 0, size);
	flow_table_init(t, memory, capacity4, capacity6, 0x1234567890abcdefu);
}

static void
table_free(void)
{
	free(memory);
}

static struct tuple
numbered_tuple(uint8_t family, uint32_t number)
{
	struct tuple t = {.family = family, .proto = IPPROTO_L4_UDP, .realm = 1};
	t.src.w[0] = number;
	t.dst.w[0] = 0x08080808;
	t.sport = (be16)(number * 7);
	t.dport = 53;
	return t;
}

static void
random_operations(uint32_t capacity4, uint32_t capacity6, unsigned variety, unsigned n,
                  uint64_t seed)
{
	struct flow_table t;
	struct model m = {.n = 0};
	uint64_t rng = seed;
	uint32_t now = 0xffffe000; /* so that the clock wraps on the way */
	table_make(&t, capacity4, capacity6);
	for (unsigned i = 0; i < n; i++) {
		now += test_random(&rng) % 16;
		try_any(&t, &m, &rng, variety, now);
		if (i % 997 == 0)
			check_invariants(&t, &m);
	}
	check_invariants(&t, &m);
	while (m.n > 0)
		try_remove(&t, &m, &rng);
	check_empty(&t);
	table_free();
}

static void
against_model(void)
{
	uint64_t seed = test_seed();
	random_operations(3, 1, 4, 20000, seed);
	random_operations(16, 8, 8, 30000, seed + 1);
	random_operations(100, 60, 50, 40000, seed + 2);
	random_operations(30, 30, 1000, 20000, seed + 3);
}

static void
count_ended(void *arg, const flow_ref *ref, const uint64_t (*hash)[2], uint32_t n)
{
	CU_ASSERT(n >= 1 && n <= EXPIRE_CHUNK);
	CU_ASSERT_EQUAL(ref[0] & 1, 0);
	*(unsigned *)arg += n;
}

/* Small steps see every entry once a round, of both slabs; what is in use stays. */
static void
hand_sees_all(void)
{
	enum { FLOWS = 100, STEPS = 7 };
	struct flow_table t;
	flow_ref ref;
	uint8_t drop;
	unsigned ended = 0, calls = 0;
	table_make(&t, FLOWS, FLOWS);
	CU_ASSERT_EQUAL(flow_expire(&t, timers, 5000, STEPS, count_ended, &ended), 0);
	for (uint32_t i = 0; i < FLOWS; i++) {
		struct tuple a = numbered_tuple(i % 2 ? FAMILY_V4 : FAMILY_V6, i);
		struct tuple b = tuple_invert(&a);
		struct flow *f = flow_open(&t, &a, &b, &ref, &drop);
		CU_ASSERT_PTR_NOT_NULL_FATAL(f);
		f->seen_ms = i < FLOWS / 2 ? 0 : 5000;
	}
	for (; calls * STEPS < FLOWS; calls++)
		flow_expire(&t, timers, 5000, STEPS, count_ended, &ended);
	CU_ASSERT_EQUAL(ended, FLOWS / 2);
	CU_ASSERT_EQUAL(t.used4 + t.used6, FLOWS / 2);
	for (calls = 0; calls * STEPS < FLOWS; calls++)
		flow_expire(&t, timers, 6001, STEPS, count_ended, &ended);
	CU_ASSERT_EQUAL(ended, FLOWS);
	check_empty(&t);
	table_free();
}

/* The table grows behind the hand: still, one call never sees an entry twice. */
static void
hand_outgrown(void)
{
	static const uint8_t opened[] = {FAMILY_V4, FAMILY_V6, FAMILY_V4, FAMILY_V6, FAMILY_V4};
	enum { OPENED = sizeof(opened) };
	for (unsigned plan = 0; plan < 1 << (2 * OPENED); plan++) {
		struct flow_table t;
		flow_ref ref;
		uint8_t drop;
		unsigned ended = 0;
		table_make(&t, OPENED, OPENED);
		for (uint32_t i = 0; i < OPENED; i++) {
			struct tuple a = numbered_tuple(opened[i], i), b = tuple_invert(&a);
			struct flow *f = flow_open(&t, &a, &b, &ref, &drop);
			CU_ASSERT_PTR_NOT_NULL_FATAL(f);
			f->seen_ms = 1000;
			flow_expire(&t, timers, 1000, plan >> (2 * i) & 3, count_ended, &ended);
		}
		CU_ASSERT_EQUAL_FATAL(ended, 0);
		flow_expire(&t, timers, 5000, 2 * OPENED, count_ended, &ended);
		CU_ASSERT_EQUAL_FATAL(ended, OPENED);
		check_empty(&t);
		table_free();
	}
}

/* Exactly as many flows as capacity, then full; all go, and the same again. */
static void
exhaustion(void)
{
	static const uint32_t sizes[] = {1, 3, 7, 64, 500, 5000, 26214};
	for (unsigned k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		struct flow_table t;
		flow_ref ref;
		uint8_t drop;
		table_make(&t, sizes[k], sizes[k]);
		for (unsigned round = 0; round < 2; round++) {
			for (uint32_t i = 0; i <= sizes[k]; i++)
				for (uint8_t family = FAMILY_V4; family <= FAMILY_V6; family += 2) {
					struct tuple a = numbered_tuple(family, i),
						     b = tuple_invert(&a);
					struct flow *f = flow_open(&t, &a, &b, &ref, &drop);
					CU_ASSERT_EQUAL(f != NULL, i < sizes[k]);
					CU_ASSERT(f != NULL || drop == DROP_FLOW_TABLE_FULL);
				}
			CU_ASSERT(t.used4 == sizes[k] && t.used6 == sizes[k]);
			for (uint32_t i = 0; i < sizes[k]; i++)
				for (uint8_t family = FAMILY_V4; family <= FAMILY_V6; family += 2) {
					struct tuple a = numbered_tuple(family, i);
					ref = flow_find(&t, &a);
					CU_ASSERT_NOT_EQUAL_FATAL(ref, 0);
					flow_remove(&t, ref);
				}
			check_empty(&t);
		}
		table_free();
	}
}

/* Tuples whose hashes share their tag and bucket: every lookup sees false candidates. */
static void
equal_tags(void)
{
	enum { ALIKE = 12 }; /* more than a bucket has slots */
	struct flow_table t;
	struct tuple alike[ALIKE];
	flow_ref ref[ALIKE];
	uint8_t drop;
	unsigned n = 0;
	table_make(&t, ALIKE, 1);
	for (uint32_t i = 0; n < ALIKE; i++) {
		struct tuple a = numbered_tuple(FAMILY_V4, i);
		uint64_t hash = tuple_hash(&a, t.seed);
		if (index_tag(hash) == 0x1235 && index_home(t.index, hash) == 0)
			alike[n++] = a;
	}
	for (unsigned i = 0; i < ALIKE; i++) {
		struct tuple b = tuple_invert(&alike[i]);
		CU_ASSERT_PTR_NOT_NULL(flow_open(&t, &alike[i], &b, &ref[i], &drop));
	}
	for (unsigned i = 0; i < ALIKE; i++)
		CU_ASSERT_EQUAL(flow_find(&t, &alike[i]), ref[i]);
	for (unsigned i = 0; i < ALIKE; i += 2)
		flow_remove(&t, ref[i]);
	for (unsigned i = 0; i < ALIKE; i++)
		CU_ASSERT_EQUAL(flow_find(&t, &alike[i]), i % 2 ? ref[i] : 0);
	for (unsigned i = 1; i < ALIKE; i += 2)
		flow_remove(&t, ref[i]);
	check_empty(&t);
	table_free();
}

/* Both directions the same key, a key of another flow, and keys that differ in one field only. */
static void
collisions(void)
{
	struct flow_table t;
	flow_ref ref;
	uint8_t drop;
	table_make(&t, 16, 16);
	struct tuple a = numbered_tuple(FAMILY_V4, 1), b = tuple_invert(&a), c = a;
	CU_ASSERT_PTR_NULL(flow_open(&t, &a, &a, &ref, &drop));
	CU_ASSERT_EQUAL(drop, DROP_FLOW_COLLISION);
	CU_ASSERT_PTR_NOT_NULL(flow_open(&t, &a, &b, &ref, &drop));
	c.realm = 0;
	struct tuple d = tuple_invert(&c);
	CU_ASSERT_PTR_NOT_NULL(flow_open(&t, &c, &d, &ref, &drop));
	struct tuple e = numbered_tuple(FAMILY_V4, 2);
	CU_ASSERT_PTR_NULL(flow_open(&t, &e, &b, &ref, &drop));
	CU_ASSERT_PTR_NULL(flow_open(&t, &b, &e, &ref, &drop));
	CU_ASSERT_EQUAL(flow_find(&t, &e), 0);
	a.proto = b.proto = IPPROTO_L4_TCP;
	CU_ASSERT_PTR_NOT_NULL(flow_open(&t, &a, &b, &ref, &drop));
	CU_ASSERT_EQUAL(t.used4, 3);
	table_free();
}

/* An IPv4 tuple and an IPv6 one of the same bytes are two keys. */
static void
families_are_apart(void)
{
	struct flow_table t;
	flow_ref ref4, ref6;
	uint8_t drop;
	table_make(&t, 4, 4);
	struct tuple a = numbered_tuple(FAMILY_V4, 5), b = tuple_invert(&a);
	struct tuple a6 = a, b6 = b;
	a6.family = b6.family = FAMILY_V6;
	CU_ASSERT_PTR_NOT_NULL(flow_open(&t, &a, &b, &ref4, &drop));
	CU_ASSERT_EQUAL(flow_find(&t, &a6), 0);
	CU_ASSERT_PTR_NOT_NULL(flow_open(&t, &a6, &b6, &ref6, &drop));
	CU_ASSERT_EQUAL(flow_find(&t, &a), ref4);
	CU_ASSERT_EQUAL(flow_find(&t, &b6), ref6 | 1);
	struct tuple4 key4 = tuple_to4(&a);
	struct tuple6 key6 = tuple_to6(&a6);
	CU_ASSERT_FALSE(flow_is4(&t, ref6, &key4, a.proto, a.realm));
	CU_ASSERT_FALSE(flow_is6(&t, ref4, &key6, a.proto, a.realm));
	CU_ASSERT_FALSE(flow_is4(&t, ref4, &key4, a.proto, (uint8_t)(a.realm + 1)));
	table_free();
}

/* A flow is alive while now - seen <= idle, whatever the clock's wrap; never when now is before. */
static void
idleness(void)
{
	static const struct {
		uint32_t seen, now;
		bool idle;
	} rows[] = {
		{0, 1000, false},          {0, 1001, true},    {0xffffff00, 0x2e7, false},
		{0xffffff00, 0x2e9, true}, {1000, 999, false}, {5, 0xfffffff0, false},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct flow f = {.state = CONN_UDP_NEW, .seen_ms = rows[i].seen};
		CU_ASSERT_EQUAL(flow_is_idle(&f, timers, rows[i].now), rows[i].idle);
	}
}

/* tuple.h, invariants 1 and 2. */
static void
tuples(void)
{
	uint64_t rng = test_seed();
	for (unsigned i = 0; i < 10000; i++) {
		struct tuple t =
			random_tuple(&rng, i % 2 ? FAMILY_V4 : FAMILY_V6, IPPROTO_L4_UDP, 1u << 16);
		struct tuple once = tuple_invert(&t), twice = tuple_invert(&once);
		CU_ASSERT(tuple_same(&t, &twice));
		uint64_t seed = test_random(&rng);
		uint64_t hash = tuple_hash(&t, seed);
		struct tuple4 t4 = tuple_to4(&t), back = tuple4_invert(&t4);
		back = tuple4_invert(&back);
		CU_ASSERT(tuple4_equal(&t4, &back));
		struct tuple6 t6 = tuple_to6(&t);
		CU_ASSERT_EQUAL(hash, t.family == FAMILY_V4
		                          ? tuple4_hash(&t4, t.proto, t.realm, seed)
		                          : tuple6_hash(&t6, t.proto, t.realm, seed));
	}
}

/* Against two plain counters. */
static void
counts(void)
{
	struct flow f = {.flags = FLOW_ANSWERED};
	uint64_t rng = test_seed(), bytes[2] = {0}, packets[2] = {0};
	for (unsigned i = 0; i < 300000; i++) {
		unsigned dir = test_random(&rng) & 1;
		uint32_t size = (uint32_t)(test_random(&rng) & 0xffff);
		CU_ASSERT_FALSE(flow_count(&f, dir, size));
		bytes[dir] += size;
		packets[dir]++;
	}
	for (unsigned dir = 0; dir < 2; dir++) {
		CU_ASSERT_EQUAL(flow_bytes(&f, dir), bytes[dir]);
		CU_ASSERT_EQUAL(flow_packets(&f, dir), packets[dir]);
		CU_ASSERT(packets[dir] > 1 << 16 && bytes[dir] > 1ull << 32);
	}
}

static const struct test_case cases[] = {
	{"tuples", tuples},
	{"against a model", against_model},
	{"the hand sees all", hand_sees_all},
	{"the table grows behind the hand", hand_outgrown},
	{"exhaustion", exhaustion},
	{"equal tags", equal_tags},
	{"collisions", collisions},
	{"families are apart", families_are_apart},
	{"idleness", idleness},
	{"counts", counts},
};

int
main(void)
{
	for (unsigned s = 0; s < 16; s++)
		timers[0].idle_ms[s] = 1000;
	return test_main("flow", cases, sizeof(cases) / sizeof(cases[0]));
}
