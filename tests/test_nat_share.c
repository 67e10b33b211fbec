/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who gets what of pools: promised blocks, other addresses, other pools; and pools that grow,
 * shrink and change hands while subscribers come and go.
 */
#include "nat_world.h"

#define SERVER ip(198, 51, 100, 1)
enum { UDP = IPPROTO_L4_UDP, BLOCK = 16, SUBSCRIBERS = 24, PORTS = 64 };

static struct nat_world *w;
static struct flow_spec spec;
static struct world_flow flow[SUBSCRIBERS][PORTS];
static be32 external[SUBSCRIBERS][PORTS];
static be16 external_port[SUBSCRIBERS][PORTS];

static void
begin(unsigned blocks, unsigned max_blocks, unsigned addresses)
{
	memset(external, 0, sizeof(external));
	w = world_new();
	w->conf.quarantine_ms = 0;
	world_pool(w, 1024, 1023 + blocks * BLOCK, BLOCK, max_blocks);
	for (unsigned i = 0; i < addresses; i++)
		world_address(w, 0, ip(203, 0, 113, 1 + i));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
}

static bool
come(unsigned s, unsigned i)
{
	if (world_out(w, UDP, ip_add(ip(100, 64, 0, 0), s), 5000 + i, SERVER, 80, &spec,
	              &flow[s][i]) != VERDICT_OPEN)
		return false;
	external[s][i] = spec.reply.dst.w[0];
	external_port[s][i] = spec.reply.dport;
	return true;
}

static void
go(unsigned s, unsigned i)
{
	world_end(w, &flow[s][i]);
	external[s][i] = 0;
}

/* come for as many ports as it gets. => how many. */
static unsigned
come_all(unsigned s)
{
	unsigned n = 0;
	while (n < PORTS && come(s, n))
		n++;
	return n;
}

/* Ten blocks, two for each: the first takes what is not promised, the others have theirs. */
static void
test_reserve(void)
{
	begin(10, 4, 1);
	w->pool[0].reserve = 2;
	world_apply(w);
	for (unsigned s = 0; s < 4; s++)
		CU_ASSERT_TRUE(come(s, 0));
	CU_ASSERT_EQUAL(come_all(4), 4 * BLOCK > PORTS ? PORTS : 2 * BLOCK);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_NO_PORT);
	CU_ASSERT_FALSE(come(5, 0)); /* nothing could be promised to it */
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_NO_PORT);
	for (unsigned s = 0; s < 4; s++)
		for (unsigned i = 1; i < 2 * BLOCK; i++)
			CU_ASSERT_TRUE(come(s, i));
	CU_ASSERT_FALSE(come(0, 2 * BLOCK));
	for (unsigned i = 0; i < 2 * BLOCK; i++)
		go(3, i);
	CU_ASSERT_TRUE(come(5, 0));
	CU_ASSERT_FALSE(come(0, 2 * BLOCK)); /* what was freed is promised again */
	world_free(w);
}

/* Random life: whoever has fewer blocks than its reserve gets one, always. */
static void
test_reserve_random(void)
{
	uint64_t seed = test_seed();
	unsigned refused = 0;
	begin(12, 5, 3);
	w->pool[0].reserve = 2;
	world_apply(w);
	for (unsigned step = 0; step < 60000; step++) {
		unsigned s = (unsigned)(test_random(&seed) % SUBSCRIBERS);
		unsigned i = (unsigned)(test_random(&seed) % PORTS), held = 0;
		if (step % 1000 < 600 ? external[s][i] != 0 && i % 3 == 0 : external[s][i] != 0) {
			go(s, i);
			continue;
		}
		for (unsigned j = 0; j < PORTS; j++)
			held += external[s][j] != 0;
		if (external[s][i] != 0 || come(s, i))
			continue;
		refused++;
		CU_ASSERT_FATAL(held == 0 || held >= 2 * BLOCK);
	}
	CU_ASSERT(refused > 100);
	for (unsigned s = 0; s < SUBSCRIBERS; s++)
		for (unsigned i = 0; i < PORTS; i++)
			if (external[s][i] != 0)
				go(s, i);
	CU_ASSERT_EQUAL(world_nat(w)->pool.slots.used, 0);
	world_free(w);
}

/* A retired subscriber is owed nothing: what was kept for it goes to others. */
static void
test_reserve_retired(void)
{
	begin(4, 4, 1);
	world_pool(w, 1024, 1023 + 4 * BLOCK, BLOCK, 4);
	world_address(w, 1, ip(203, 0, 113, 99));
	w->pool[0].reserve = 3;
	world_apply(w);
	CU_ASSERT_TRUE(come(0, 0));
	CU_ASSERT_FALSE(come(1, 0));
	w->rule[0].pool = 1;
	world_apply(w);
	CU_ASSERT_TRUE(come(0, 1));
	CU_ASSERT_EQUAL(external[0][1], ip(203, 0, 113, 99));
	w->rule[0].pool = 0;
	w->pool[0].reserve = 0;
	world_apply(w);
	for (unsigned i = 0; i < 3 * BLOCK; i++)
		CU_ASSERT_TRUE(come(1, i));
	world_free(w);
}

/* And others hear of it at once, also those that had been refused since the reload. */
static void
test_reserve_passed_on(void)
{
	begin(4, 4, 1);
	world_pool(w, 1024, 1023 + 4 * BLOCK, BLOCK, 4);
	world_address(w, 1, ip(203, 0, 113, 99));
	w->pool[0].reserve = 3;
	w->rule[0].plen = 32; /* subscriber 0 */
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
	world_apply(w);
	CU_ASSERT_TRUE(come(0, 0));
	w->rule[0].pool = 1;
	world_apply(w);
	CU_ASSERT_FALSE(come(1, 0));
	CU_ASSERT_TRUE(come(0, 1));
	CU_ASSERT_TRUE(come(1, 0));
	world_free(w);
}

/* A promise from before pairing was soft goes along to the other address, and ends there. */
static void
test_reserve_follows(void)
{
	begin(4, 4, 2);
	w->pool[0].reserve = 3;
	w->pool[0].flags = NAT_BLOCKS_IN_TURN;
	world_apply(w);
	CU_ASSERT_TRUE(come(0, 0));
	w->pool[0].reserve = 0;
	w->pool[0].flags = NAT_PAIR_SOFT;
	w->pool[0].port_last = 1023 + 2 * BLOCK;
	world_apply(w);
	CU_ASSERT_TRUE(come(1, 0));
	CU_ASSERT_NOT_EQUAL(external[1][0], external[0][0]);
	for (unsigned i = 1; i < 3 * BLOCK; i++)
		CU_ASSERT_TRUE(come(0, i));
	CU_ASSERT_EQUAL(external[0][3 * BLOCK - 1], external[1][0]);
	for (unsigned i = 0; i < 3 * BLOCK; i++)
		go(0, i);
	for (unsigned s = 2; s < 5; s++)
		CU_ASSERT_TRUE(come(s, 0));
	world_free(w);
}

/* Hard: refused, while another address has blocks; soft: gets one of them. */
static void
test_pairing(void)
{
	for (unsigned soft = 0; soft < 2; soft++) {
		begin(2, 4, 2);
		w->pool[0].flags = soft ? NAT_PAIR_SOFT : 0;
		world_apply(w);
		CU_ASSERT_EQUAL(come_all(0), soft ? 4 * BLOCK : 2 * BLOCK);
		unsigned other = 0;
		for (unsigned i = 0; i < 4 * BLOCK; i++)
			other += external[0][i] != 0 && external[0][i] != external[0][0];
		CU_ASSERT_EQUAL(other, soft ? 2 * BLOCK : 0);
		struct cmd_filter all = {.family = 0};
		struct cmd_subscriber row;
		uint64_t cursor = 0;
		CU_ASSERT_EQUAL(nat_view_subscribers(w->state, 1, &all, &cursor, &row, 1), 1);
		CU_ASSERT(row.blocks == 2 && row.elsewhere == (soft ? 2 : 0));
		CU_ASSERT_EQUAL(row.flows, soft ? 4 * BLOCK : 2 * BLOCK);
		/* its first address goes first: the others are its own then, and it is found */
		for (unsigned i = 0; i < 4 * BLOCK && soft; i++)
			if (external[0][i] == row.external)
				go(0, i);
		CU_ASSERT_TRUE(!soft || come(0, 60));
		world_free(w);
	}
}

/* Pools in order: the second for whom the first has nothing; who has an address stays there. */
static void
test_fallback(void)
{
	begin(2, 2, 1);
	world_pool(w, 1024, 1023 + BLOCK, BLOCK, 1);
	world_address(w, 1, ip(203, 0, 113, 9));
	w->rule[0].fallbacks = 1;
	w->rule[0].fallback[0] = 1;
	world_apply(w);
	CU_ASSERT_TRUE(come(0, 0) && come(1, 0) && come(2, 0));
	CU_ASSERT(external[0][0] == ip(203, 0, 113, 1) && external[1][0] == external[0][0]);
	CU_ASSERT_EQUAL(external[2][0], ip(203, 0, 113, 9));
	CU_ASSERT_FALSE(come(3, 0));
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_NO_PORT);
	go(0, 0);
	world_apply(w);
	CU_ASSERT_EQUAL(come_all(2), BLOCK); /* max_blocks is that of its pool */
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_LIMIT);
	CU_ASSERT_EQUAL(external[2][5], ip(203, 0, 113, 9));
	CU_ASSERT_TRUE(come(3, 0));
	CU_ASSERT_EQUAL(external[3][0], ip(203, 0, 113, 1));
	world_free(w);
}

/* The address's row in the generation, or NULL. */
static const struct img_nat_address *
row_of(be32 address)
{
	for (uint32_t i = 0; i < w->n_addresses; i++)
		if (w->address[i].address == address)
			return &w->address[i];
	return NULL;
}

enum { ADDRESSES = 12 };

/* Which addresses there are, in which pool, and which drain: any, but one for each pool. */
static void
shuffle(uint64_t *seed)
{
	w->n_addresses = 0;
	for (uint16_t pool = 0; pool < 2; pool++)
		for (unsigned i = 0; i < ADDRESSES; i++) {
			uint64_t dice = test_random(seed);
			bool is_first = w->n_addresses == 0 ||
			                w->address[w->n_addresses - 1].pool != pool;
			if (pool == 1 && row_of(ip(203, 0, 113, 1 + i)) != NULL)
				continue;
			if (dice % 3 == 0 && !(is_first && i + 2 >= ADDRESSES))
				continue;
			world_address(w, pool, ip(203, 0, 113, 1 + i));
			struct img_nat_address *a = &w->address[w->n_addresses - 1];
			a->id = i; /* stable */
			a->drain = dice / 8 % 4 == 0;
		}
	w->pool[0].flags = test_random(seed) % 2 ? NAT_PAIR_SOFT : 0;
	world_apply(w);
}

/* A new mapping is from an address that gives, of the rule's pool, and nobody else's. */
static void
judge(unsigned s, unsigned i)
{
	const struct img_nat_address *a = row_of(external[s][i]);
	CU_ASSERT_FATAL(a != NULL && !a->drain && a->pool == 0);
	for (unsigned t = 0; t < SUBSCRIBERS; t++)
		for (unsigned j = 0; j < PORTS; j++)
			CU_ASSERT_FATAL((t == s && j == i) || external[t][j] != external[s][i] ||
			                external_port[t][j] != external_port[s][i]);
}

/*
 * Pools grow, shrink, drain and change hands while mappings come and go; what lives stays what it
 * is, nothing new is of an address that is gone, and in the end nothing is left.
 */
static void
test_moving(void)
{
	uint64_t seed = test_seed();
	begin(8, 4, 0);
	world_pool(w, 1024, 1023 + 8 * BLOCK, BLOCK, 4);
	w->plane.pool_addresses = W_ADDRESSES;
	shuffle(&seed);
	unsigned made = 0, kept = 0;
	for (unsigned step = 0; step < 40000; step++) {
		unsigned s = (unsigned)(test_random(&seed) % SUBSCRIBERS);
		unsigned i = (unsigned)(test_random(&seed) % PORTS);
		if (step % 400 == 0)
			shuffle(&seed);
		if (external[s][i] == 0) {
			if (!come(s, i))
				continue;
			judge(s, i);
			made++;
		} else if (test_random(&seed) % 2) {
			go(s, i);
		} else { /* still the same from inside, and from outside where it is ours */
			struct world_flow f;
			const struct img_nat_address *a = row_of(external[s][i]);
			be32 server = ip(198, 51, 100, 2 + (unsigned)(test_random(&seed) % 9));
			enum verdict v = a == NULL ? VERDICT_PASS :
				world_in(w, UDP, server, 9, external[s][i], external_port[s][i],
				         &spec, &f);
			CU_ASSERT_EQUAL_FATAL(v, a == NULL ? VERDICT_PASS : VERDICT_OPEN);
			if (v != VERDICT_OPEN)
				continue;
			CU_ASSERT_EQUAL_FATAL(spec.reply.src.w[0], ip_add(ip(100, 64, 0, 0), s));
			CU_ASSERT_EQUAL_FATAL(spec.reply.sport, port(5000 + i));
			world_end(w, &f);
			kept++;
		}
	}
	CU_ASSERT(made > 5000 && kept > 3000);
	for (unsigned s = 0; s < SUBSCRIBERS; s++)
		for (unsigned i = 0; i < PORTS; i++)
			if (external[s][i] != 0)
				go(s, i);
	CU_ASSERT_EQUAL(world_nat(w)->pool.slots.used, 0);
	CU_ASSERT_EQUAL(world_nat(w)->pool.blocks.used, 0);
	CU_ASSERT_EQUAL(world_nat(w)->subscribers.t.used, 0);
	world_free(w);
}

static const struct test_case cases[] = {
	{"a reserve is kept", test_reserve},
	{"a reserve, random life", test_reserve_random},
	{"a reserve ends with its subscriber", test_reserve_retired},
	{"a reserve is passed on at once", test_reserve_passed_on},
	{"a reserve goes along when pairing becomes soft", test_reserve_follows},
	{"hard and soft pairing", test_pairing},
	{"pools in order", test_fallback},
	{"pools that move under traffic", test_moving},
};
TEST_MAIN("nat_share", cases)
