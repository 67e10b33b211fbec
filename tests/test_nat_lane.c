/* SPDX-License-Identifier: Apache-2.0 */
/* Pools by destination: one mapping for all destinations of a rule, whatever else changes. */
#include "nat_world.h"

enum { UDP = IPPROTO_L4_UDP, HOSTS = 5, PORTS = 6, KINDS = 3, FLOWS = 400 };

static struct nat_world *w;
static struct flow_spec spec;
static struct world_flow flow;

/* Destinations of rule i, and host n of them. Those of kind 0 have no rule of their own. */
static be32
server(unsigned kind, unsigned n)
{
	return ip(198, 18 + kind, 0, 1 + n);
}

static struct img_nat_rule *
rule_toward(unsigned kind, uint16_t pool)
{
	struct img_nat_rule *r = world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF,
	                                    pool);
	r->destination = ip(198, 18 + kind, 0, 0);
	r->destination_plen = 16;
	r->apart = 1;
	return r;
}

static void
begin(void)
{
	w = world_new();
	w->conf.quarantine_ms = 0;
	for (unsigned i = 0; i < KINDS; i++) {
		world_pool(w, 1024, 2047, 64, 4);
		world_address(w, (uint16_t)i, ip(203, 0, 113, 10 * i + 1));
		world_address(w, (uint16_t)i, ip(203, 0, 113, 10 * i + 2));
	}
	for (unsigned kind = 1; kind < KINDS; kind++)
		rule_toward(kind, (uint16_t)kind);
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
	world_apply(w);
}

static bool
go_out(unsigned host, unsigned sport, unsigned kind, unsigned n)
{
	return world_out(w, UDP, ip(100, 64, 0, 1 + host), 5000 + sport, server(kind, n), 80,
	                 &spec, &flow) == VERDICT_OPEN;
}

static unsigned
pool_of_reply(void)
{
	return (unsigned)(__builtin_bswap32(spec.reply.dst.w[0]) & 0xff) / 10;
}

static void
test_each_its_own(void)
{
	begin();
	be32 address[KINDS];
	be16 external[KINDS];
	for (unsigned kind = 0; kind < KINDS; kind++) {
		CU_ASSERT_TRUE_FATAL(go_out(0, 0, kind, 0));
		CU_ASSERT_EQUAL(pool_of_reply(), kind);
		address[kind] = spec.reply.dst.w[0];
		external[kind] = spec.reply.dport;
	}
	for (unsigned kind = 0; kind < KINDS; kind++) {
		CU_ASSERT_TRUE_FATAL(go_out(0, 0, kind, 1));
		CU_ASSERT(spec.reply.dst.w[0] == address[kind] &&
		          spec.reply.dport == external[kind]);
		CU_ASSERT_TRUE_FATAL(go_out(0, 1, kind, 1));
		CU_ASSERT_EQUAL(spec.reply.dst.w[0], address[kind]);
		/* From outside it does not matter whom the mapping was made for. */
		struct world_flow in;
		CU_ASSERT_EQUAL(world_in(w, UDP, ip(9, 9, 9, 9), 1, address[kind],
		                         external[kind], &spec, &in), VERDICT_OPEN);
		CU_ASSERT_EQUAL(spec.reply.src.w[0], ip(100, 64, 0, 1));
		CU_ASSERT_EQUAL(spec.reply.sport, port(5000));
	}
	CU_ASSERT_EQUAL(world_nat(w)->subscribers.t.used, KINDS);
	world_free(w);
}

/* A rule that does not stand apart shares the mapping of the one without a destination. */
static void
test_not_apart(void)
{
	begin();
	w->rule[0].pool = 0;
	w->rule[0].apart = 0;
	world_apply(w);
	CU_ASSERT_TRUE_FATAL(go_out(0, 0, 1, 0));
	be16 external = spec.reply.dport;
	CU_ASSERT_TRUE_FATAL(go_out(0, 0, 0, 0));
	CU_ASSERT_EQUAL(spec.reply.dport, external);
	CU_ASSERT_EQUAL(world_nat(w)->subscribers.t.used, 1);
	world_free(w);
}

/* Pools change their rows, with all that says so. */
static void
swap_pools(void)
{
	struct img_nat_pool p = w->pool[1];
	w->pool[1] = w->pool[2];
	w->pool[2] = p;
	for (unsigned i = 0; i < w->n_addresses; i++)
		if (w->address[i].pool != 0)
			w->address[i].pool ^= 3;
	for (unsigned i = 0; i < 2; i++) {
		struct img_nat_address a = w->address[2 + i];
		w->address[2 + i] = w->address[4 + i];
		w->address[4 + i] = a;
	}
	for (unsigned i = 0; i < w->n_rules; i++)
		if (w->rule[i].pool != 0)
			w->rule[i].pool ^= 3;
}

/* Rules change their places, those with destinations. */
static void
swap_rules(void)
{
	struct img_nat_rule r = w->rule[0];
	w->rule[0] = w->rule[1];
	w->rule[1] = r;
}

/* Random life under generations that mean the same: mappings stay, in each lane one. */
static void
test_random_life(void)
{
	static struct world_flow open[FLOWS];
	static unsigned live[HOSTS][PORTS][KINDS], whose[FLOWS];
	static be32 address[HOSTS][PORTS][KINDS];
	static be16 external[HOSTS][PORTS][KINDS];
	uint64_t seed = test_seed();
	unsigned found = 0;
	memset(live, 0, sizeof(live));
	memset(whose, 0xff, sizeof(whose));
	begin();
	for (unsigned step = 0; step < 40000; step++) {
		uint64_t r = test_random(&seed);
		unsigned at = (unsigned)(r % FLOWS);
		unsigned h = r / FLOWS % HOSTS, p = r / 4096 / HOSTS % PORTS, k = r >> 32 & 1023;
		if (step % 500 == 0)
			r >> 60 & 1 ? swap_pools() : swap_rules();
		if (step % 500 == 0)
			world_apply(w);
		if (whose[at] != UINT32_MAX) {
			world_end(w, &open[at]);
			(&live[0][0][0])[whose[at]]--;
			whose[at] = UINT32_MAX;
			continue;
		}
		k %= KINDS;
		CU_ASSERT_TRUE_FATAL(go_out(h, p, k, (unsigned)(r >> 44 & 63)));
		CU_ASSERT_EQUAL_FATAL(pool_of_reply(), k);
		if (live[h][p][k]++ != 0) {
			found++;
			CU_ASSERT_FATAL(spec.reply.dst.w[0] == address[h][p][k] &&
			                spec.reply.dport == external[h][p][k]);
		}
		address[h][p][k] = spec.reply.dst.w[0];
		external[h][p][k] = spec.reply.dport;
		open[at] = flow;
		whose[at] = (h * PORTS + p) * KINDS + k;
	}
	CU_ASSERT(found > 1000);
	for (unsigned i = 0; i < FLOWS; i++)
		if (whose[i] != UINT32_MAX)
			world_end(w, &open[i]);
	CU_ASSERT_EQUAL(world_nat(w)->subscribers.t.used, 0);
	CU_ASSERT_EQUAL(world_nat(w)->mappings.t.used, 0);
	world_free(w);
}

/* Lanes are given again: a pool that comes for one that went finds nothing of it. */
static void
test_lanes_come_and_go(void)
{
	begin();
	for (unsigned round = 0; round < 3 * NAT_MAX_LANES; round++) {
		CU_ASSERT_TRUE_FATAL(go_out(0, 0, 1, 0));
		CU_ASSERT_EQUAL(pool_of_reply(), 1);
		CU_ASSERT_TRUE_FATAL(go_out(0, 0, 2, 0));
		CU_ASSERT_EQUAL(pool_of_reply(), 2);
		snprintf(w->pool[1 + round % 2].name, IMAGE_NAME, "anew%u", round);
		world_apply(w);
		const struct pool_use *u = world_nat(w)->pool.use;
		CU_ASSERT(u[0].lane == 0 && u[1].lane != 0 && u[2].lane != 0);
		CU_ASSERT_NOT_EQUAL(u[1].lane, u[2].lane);
	}
	world_free(w);
}

/* At 100 % of one pool the others give, and it gives again when something has ended. */
static void
test_full(void)
{
	static struct world_flow all[1024];
	begin();
	w->pool[1].port_last = 1024 + 63;
	w->address[3] = w->address[4];
	w->address[4] = w->address[5];
	w->n_addresses = 5;
	world_apply(w);
	unsigned n = 0;
	for (; go_out(0, n, 1, 0); n++)
		all[n] = flow;
	CU_ASSERT_EQUAL(n, 64);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_NO_PORT);
	CU_ASSERT_TRUE(go_out(0, n, 2, 0));
	CU_ASSERT_TRUE(go_out(0, n, 0, 0));
	CU_ASSERT_FALSE(go_out(1, 0, 1, 0));
	for (unsigned i = 0; i < n; i++)
		world_end(w, &all[i]);
	CU_ASSERT_TRUE(go_out(1, 0, 1, 0));
	CU_ASSERT_EQUAL(pool_of_reply(), 1);
	world_free(w);
}

/* A pair of another protocol goes by the pool of its destination too. */
static void
test_pairs(void)
{
	begin();
	for (unsigned i = 0; i < w->n_rules; i++)
		w->rule[i].other = NAT_OTHER_PAIR;
	world_apply(w);
	for (unsigned kind = 0; kind < KINDS; kind++) {
		CU_ASSERT_TRUE_FATAL(go_out(0, 0, kind, 0));
		be32 address = spec.reply.dst.w[0];
		CU_ASSERT_EQUAL_FATAL(world_out(w, 47, ip(100, 64, 0, 1), 0, server(kind, 0), 0,
		                                &spec, &flow), VERDICT_OPEN);
		CU_ASSERT_EQUAL(spec.reply.dst.w[0], address);
		struct flow4 f = {.f = flow.f};
		f.tuple[0] = (struct tuple4){.src = ip(100, 64, 0, 1), .dst = server(kind, 0)};
		f.tuple[1] = (struct tuple4){.src = server(kind, 0), .dst = address};
		f.f.realm[0] = 1;
		CU_ASSERT_EQUAL(nat_policy.stale(w->state[0], &f.f), STALE_NOT);
		f.tuple[0].dst = f.tuple[1].src = server((kind + 1) % KINDS, 0);
		CU_ASSERT_EQUAL(nat_policy.stale(w->state[0], &f.f),
		                kind == 0 ? STALE_NOT : STALE_ENDS); /* by another interface */
	}
	world_free(w);
}

static const struct test_case cases[] = {
	{"each destination its pool", test_each_its_own},
	{"a rule that does not stand apart", test_not_apart},
	{"random life, rows that move", test_random_life},
	{"lanes come and go", test_lanes_come_and_go},
	{"one pool full", test_full},
	{"pairs", test_pairs},
};
TEST_MAIN("nat_lane", cases)
