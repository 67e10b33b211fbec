/* SPDX-License-Identifier: Apache-2.0 */
/* Newcomers of a burst: what is foretold of them comes true, or does no harm where it does not. */
#include "nat/warm.h"
#include "nat_world.h"

#define SERVER ip(198, 51, 100, 1)
enum { UDP = IPPROTO_L4_UDP, BLOCK = 64, FIRST = 1024, EACH = 4, MANY = 16, ROUNDS = 3000,
       WHO = 200 };

static struct nat_world *w;
static struct flow_spec spec;
static struct world_flow flow[MANY], other;
static struct miss burst[MANY];
static uint64_t seed;

static be32
host(unsigned who)
{
	return ip_add(ip(100, 64, 0, 0), who);
}

/* An address with so many blocks, whose slot an old subscriber keeps. */
static void
begin(unsigned blocks)
{
	w = world_new();
	w->conf.quarantine_ms = 0;
	world_pool(w, FIRST, FIRST + blocks * BLOCK - 1, BLOCK, 2);
	world_address(w, 0, ip(203, 0, 113, 1));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
	world_apply(w);
	CU_ASSERT_EQUAL(world_out(w, UDP, ip(100, 127, 0, 1), 1, SERVER, 80, &spec, &other),
	                VERDICT_OPEN);
}

static struct miss
miss_of(unsigned who, unsigned sport)
{
	return world_miss(w, W_INSIDE, UDP, host(who), port(sport), SERVER, port(80));
}

static void
warm(unsigned n)
{
	struct miss *all[MANY];
	for (unsigned i = 0; i < n; i++)
		all[i] = &burst[i];
	for (unsigned stage = 0; stage < WARM_STAGES; stage++)
		nat_policy.warm(w->state[0], all, n, stage);
}

static uint16_t
taken_port(void)
{
	return __builtin_bswap16(spec.reply.dport);
}

/* come: miss i opens. => Are its subscriber, its port and the hashes of its keys as foretold? */
static bool
come(unsigned i)
{
	const struct nat *n = world_nat(w);
	const struct miss *m = &burst[i];
	CU_ASSERT_EQUAL_FATAL(world_open(w, m, &spec, &flow[i]), VERDICT_OPEN);
	const struct mapping *map = mapping_at(&n->mappings, spec.owner);
	uint32_t who = mapping_block(&n->mappings, map)->subscriber;
	CU_ASSERT_EQUAL(subscriber_at(&n->subscribers, who)->address, m->tuple.src.w[0]);
	return m->hint[HINT_SUBSCRIBER] == who && (uint16_t)m->hint[HINT_PORT] == taken_port() &&
	       m->hint[HINT_FOUND] == mapping_hash_inside(&n->mappings, map) &&
	       m->hint[HINT_EXTERNAL] == mapping_hash_external(&n->mappings, map);
}

/* Four newcomers with four flows each, in one burst, one after another or in turn. */
static void
test_foretold(void)
{
	for (unsigned in_turn = 0; in_turn < 2; in_turn++) {
		unsigned right = 0;
		begin(256);
		for (unsigned i = 0; i < MANY; i++)
			burst[i] = miss_of(in_turn ? i % EACH : i / EACH, 1 + i);
		warm(MANY);
		for (unsigned i = 0; i < MANY; i++)
			right += come(i);
		CU_ASSERT(right >= MANY - 2); /* two of one may draw one port */
		world_free(w);
	}
}

/* They get numbers that were others' before, last given back first; some have something already. */
static void
test_numbers(void)
{
	unsigned right = 0, all = 0;
	seed = test_seed();
	begin(256);
	for (unsigned round = 0; round < ROUNDS / 10; round++) {
		unsigned n = 1 + (unsigned)(test_random(&seed) % MANY);
		for (unsigned i = 0; i < n; i++)
			burst[i] = miss_of((unsigned)(test_random(&seed) % 8), 1 + i);
		warm(n);
		for (unsigned i = 0; i < n; i++)
			right += come(i);
		all += n;
		for (unsigned i = 0; i < n; i++)
			world_end(w, &flow[round % 2 ? i : n - 1 - i]);
		CU_ASSERT_EQUAL_FATAL(world_nat(w)->subscribers.t.used, 1);
	}
	CU_ASSERT(right > all * 9 / 10);
	world_free(w);
}

/* Alone, one gets what he would have got without. */
static void
test_same(void)
{
	uint16_t got[2][WHO];
	for (unsigned with = 0; with < 2; with++) {
		begin(512);
		for (unsigned i = 0; i < WHO; i++) {
			burst[0] = miss_of(i, 5);
			warm(with);
			CU_ASSERT_EQUAL(world_open(w, &burst[0], &spec, &flow[0]), VERDICT_OPEN);
			got[with][i] = taken_port();
		}
		world_free(w);
	}
	CU_ASSERT_EQUAL(memcmp(got[0], got[1], sizeof(got[0])), 0);
}

/* Drawn ahead or not, each free block has the same chance. */
static void
test_chances(void)
{
	enum { BLOCKS = 16 };
	unsigned count[BLOCKS] = {0};
	begin(BLOCKS);
	unsigned held = (taken_port() - (unsigned)FIRST) / BLOCK;
	for (unsigned i = 0; i < ROUNDS; i++) {
		burst[0] = miss_of(i % 50, 5);
		warm(1);
		CU_ASSERT_EQUAL_FATAL(world_open(w, &burst[0], &spec, &flow[0]), VERDICT_OPEN);
		count[(taken_port() - (unsigned)FIRST) / BLOCK]++;
		world_end(w, &flow[0]);
	}
	CU_ASSERT_EQUAL(count[held], 0);
	for (unsigned i = 0; i < BLOCKS; i++) /* 200 each; a sixth of it is three deviations */
		CU_ASSERT(i == held || (count[i] > 130 && count[i] < 270));
	world_free(w);
}

/* More than there are blocks: each gets one that nobody has, until there is none. */
static void
test_scarce(void)
{
	enum { BLOCKS = 10 };
	bool held[BLOCKS] = {false};
	begin(BLOCKS);
	held[(taken_port() - (unsigned)FIRST) / BLOCK] = true;
	for (unsigned i = 0; i < MANY; i++)
		burst[i] = miss_of(i, 5);
	warm(MANY);
	for (unsigned i = 0; i < MANY; i++) {
		enum verdict v = world_open(w, &burst[i], &spec, &flow[i]);
		CU_ASSERT_EQUAL_FATAL(v, i < BLOCKS - 1 ? VERDICT_OPEN : VERDICT_UNREACHABLE);
		if (v != VERDICT_OPEN)
			continue;
		unsigned b = (taken_port() - (unsigned)FIRST) / BLOCK;
		CU_ASSERT_FALSE(held[b]);
		held[b] = true;
	}
	CU_ASSERT_EQUAL(world_nat(w)->pool.blocks.used, BLOCKS);
	world_free(w);
}

/* Nothing is foretold of who no rule is for, of wishes, of a table that is full; nor of rows that
 * are read under another generation than the pool's. */
static void
test_nothing(void)
{
	begin(256);
	burst[0] = world_miss(w, W_OTHER, UDP, host(1), port(1), SERVER, port(80));
	warm(1);
	CU_ASSERT(burst[0].hint[HINT_SUBSCRIBER] == 0 && burst[0].hint[HINT_PORT] == 0);
	world_nat(w)->pool.rules = NULL;
	burst[0] = miss_of(1, 1);
	warm(1);
	CU_ASSERT(burst[0].hint[HINT_SUBSCRIBER] != 0 && burst[0].hint[HINT_PORT] == 0);
	w->pool[0].flags = NAT_KEEP_PORT;
	world_apply(w);
	burst[0] = miss_of(1, 1);
	warm(1);
	CU_ASSERT(burst[0].hint[HINT_SUBSCRIBER] != 0 && burst[0].hint[HINT_PORT] == 0);
	struct table *t = &world_nat(w)->subscribers.t;
	t->capacity = t->used;
	burst[0] = miss_of(1, 1);
	warm(1);
	CU_ASSERT(burst[0].hint[HINT_SUBSCRIBER] == 0 && burst[0].hint[HINT_PORT] == 0);
	CU_ASSERT_EQUAL(world_open(w, &burst[0], &spec, &flow[0]), VERDICT_UNREACHABLE);
	world_free(w);
}

static const struct test_case cases[] = {
	{"foretold", test_foretold},
	{"numbers", test_numbers},
	{"the same alone", test_same},
	{"chances", test_chances},
	{"scarce", test_scarce},
	{"nothing", test_nothing},
};
TEST_MAIN("nat_newcomer", cases)
