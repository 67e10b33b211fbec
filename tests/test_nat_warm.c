/* SPDX-License-Identifier: Apache-2.0 */
/* Asking for memory ahead: what is drawn is used, what is no longer so does no harm. */
#include "nat/warm.h"
#include "nat_world.h"

#define SERVER ip(198, 51, 100, 1)
#define SUBSCRIBER ip(100, 64, 0, 7)
enum { UDP = IPPROTO_L4_UDP, MANY = 16 };

static struct nat_world *w;
static struct flow_spec spec;
static struct world_flow flow[MANY + 1];

/* 32 ports, in blocks of so many, so many of them a subscriber. */
static void
begin_with(unsigned size, unsigned most)
{
	w = world_new();
	world_pool(w, 1024, 1055, size, most);
	world_address(w, 0, ip(203, 0, 113, 1));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
	world_apply(w);
}

static void
begin(void)
{
	begin_with(32, 1);
}

/* All stages over the first n misses of a burst. */
static void
warm(struct miss *m, unsigned n)
{
	struct miss *all[MANY];
	for (unsigned i = 0; i < n; i++)
		all[i] = &m[i];
	for (unsigned stage = 0; stage < WARM_STAGES; stage++)
		nat_policy.warm(w->state[0], all, n, stage);
}

static struct miss
warmed(unsigned sport)
{
	struct miss m = world_miss(w, W_INSIDE, UDP, SUBSCRIBER, port(sport), SERVER, port(80));
	warm(&m, 1);
	return m;
}

/* A burst of one subscriber, warmed as a whole: drawn ports are used unless one came before. */
static void
test_burst(void)
{
	begin();
	struct miss m = warmed(1);
	CU_ASSERT_EQUAL(m.hint[HINT_PORT], 0); /* nobody knows the subscriber yet */
	CU_ASSERT_EQUAL(world_open(w, &m, &spec, &flow[MANY]), VERDICT_OPEN);
	uint64_t seen = (uint64_t)1 << (__builtin_bswap16(spec.reply.dport) - 1024);
	struct miss burst[MANY];
	for (unsigned i = 0; i < MANY; i++)
		burst[i] = world_miss(w, W_INSIDE, UDP, SUBSCRIBER, port(2 + i), SERVER,
		                      port(80));
	warm(burst, MANY);
	for (unsigned i = 0; i < MANY; i++) {
		CU_ASSERT_EQUAL_FATAL(world_open(w, &burst[i], &spec, &flow[i]), VERDICT_OPEN);
		unsigned p = __builtin_bswap16(spec.reply.dport);
		unsigned hint = burst[i].hint[HINT_PORT] & 0xffff;
		CU_ASSERT_FATAL(p >= 1024 && p < 1056 && (seen >> (p - 1024) & 1) == 0);
		CU_ASSERT_FATAL(hint >= 1024 && hint < 1056);
		CU_ASSERT(p == hint || (seen >> (hint - 1024) & 1) != 0);
		seen |= (uint64_t)1 << (p - 1024);
	}
	world_free(w);
}

/* A packet alone gets the port that it would have got without. */
static void
test_same_port(void)
{
	be16 got[2][20];
	for (unsigned with = 0; with < 2; with++) {
		begin();
		for (unsigned i = 0; i < 20; i++) {
			struct miss m = world_miss(w, W_INSIDE, UDP, SUBSCRIBER, port(1 + i),
			                           SERVER, port(80));
			warm(&m, with);
			CU_ASSERT_EQUAL(world_open(w, &m, &spec, &flow[0]), VERDICT_OPEN);
			got[with][i] = spec.reply.dport;
		}
		world_free(w);
	}
	CU_ASSERT_EQUAL(memcmp(got[0], got[1], sizeof(got[0])), 0);
}

/* No port is drawn for a mapping that there is, or when there is none left. */
static void
test_no_draw(void)
{
	begin();
	for (unsigned i = 0; i < 32; i++) {
		struct world_flow f;
		CU_ASSERT_EQUAL(world_out(w, UDP, SUBSCRIBER, 1 + i, SERVER, 80, &spec, &f),
		                VERDICT_OPEN);
		CU_ASSERT_EQUAL(warmed(1 + i).hint[HINT_PORT], 0);
	}
	struct miss m = warmed(99);
	CU_ASSERT_EQUAL(m.hint[HINT_PORT], 0);
	CU_ASSERT_EQUAL(world_open(w, &m, &spec, &flow[0]), VERDICT_UNREACHABLE);
	world_free(w);
}

/* When the first block is full the port is drawn in the next one that is not. */
static void
test_next_block(void)
{
	begin_with(16, 2);
	for (unsigned i = 0; i < 20; i++)
		CU_ASSERT_EQUAL(world_out(w, UDP, SUBSCRIBER, 1 + i, SERVER, 80, &spec, &flow[0]),
		                VERDICT_OPEN);
	unsigned last = __builtin_bswap16(spec.reply.dport);
	struct miss m = warmed(99);
	unsigned hint = m.hint[HINT_PORT] & 0xffff;
	CU_ASSERT_EQUAL(hint / 16, last / 16);
	CU_ASSERT_EQUAL(world_open(w, &m, &spec, &flow[0]), VERDICT_OPEN);
	CU_ASSERT_EQUAL(__builtin_bswap16(spec.reply.dport), hint);
	world_free(w);
}

/* Inbound, other protocols and families, and flows that end: nothing changes. */
static void
test_harmless(void)
{
	begin();
	CU_ASSERT_EQUAL(world_out(w, UDP, SUBSCRIBER, 1, SERVER, 80, &spec, &flow[0]),
	                VERDICT_OPEN);
	struct nat before = *world_nat(w);
	be32 external = spec.reply.dst.w[0];
	for (unsigned dport = 1020; dport < 1060; dport++)
		for (unsigned proto = 1; proto < 60; proto++) {
			struct miss m = world_miss(w, W_OUTSIDE, (uint8_t)proto, SERVER, port(80),
			                           external, port(dport));
			m.tuple.family = dport % 2 ? FAMILY_V4 : FAMILY_V6;
			warm(&m, 1);
		}
	union leaving_flow at;
	struct leaving l = leaving_from(&at, &flow[0].f, flow[0].t), *all[] = {&l};
	for (unsigned stage = 0; stage < PARTING_STAGES; stage++)
		nat_policy.parting(w->state[0], all, 1, stage);
	CU_ASSERT_EQUAL(memcmp(&before, world_nat(w), sizeof(before)), 0);
	world_end(w, &flow[0]);
	CU_ASSERT_EQUAL(w->stats[0].mappings, 0);
	world_free(w);
}

/* Flows that end together, of one block and of others, from inside and from outside: what each is
 * told are the hashes of its own mapping's keys. */
static void
test_parting(void)
{
	union leaving_flow at[MANY];
	struct leaving l[MANY], *all[MANY];
	begin_with(16, 1);
	for (unsigned i = 0; i < MANY; i++) {
		be32 who = ip_add(SUBSCRIBER, i / 4 % 2);
		if (i == 0 || i % 4 != 0) {
			CU_ASSERT_EQUAL(world_out(w, UDP, who, 1 + i, SERVER, 80, &spec, &flow[i]),
			                VERDICT_OPEN);
		} else {
			struct miss m = world_miss(w, W_OUTSIDE, UDP, SERVER, port(90 + i),
			                           spec.reply.dst.w[0], spec.reply.dport);
			CU_ASSERT_EQUAL(world_open(w, &m, &spec, &flow[i]), VERDICT_OPEN);
		}
		l[i] = leaving_from(&at[i], &flow[i].f, flow[i].t);
		all[i] = &l[i];
	}
	for (unsigned stage = 0; stage < PARTING_STAGES; stage++)
		nat_policy.parting(w->state[0], all, MANY, stage);
	for (unsigned i = 0; i < MANY; i++) {
		const struct mapping_table *t = &world_nat(w)->mappings;
		const struct mapping *m = mapping_at(t, flow[i].f.owner);
		bool is_last = m->flows == 1;
		CU_ASSERT_EQUAL(l[i].hint[PARTING_INSIDE],
		                is_last ? mapping_hash_inside(t, m) : 0);
		CU_ASSERT_EQUAL(l[i].hint[PARTING_EXTERNAL],
		                is_last ? mapping_hash_external(t, m) : 0);
	}
	for (unsigned i = 0; i < MANY; i++)
		world_end(w, &flow[i]);
	CU_ASSERT_EQUAL(w->stats[0].mappings, 0);
	world_free(w);
}

static const struct test_case cases[] = {
	{"a burst", test_burst},
	{"the same port", test_same_port},
	{"no draw", test_no_draw},
	{"the next block", test_next_block},
	{"harmless", test_harmless},
	{"parting", test_parting},
};
TEST_MAIN("nat_warm", cases)
