/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that give nothing more: what is left on them ends at the deadline, and not before. */
#include "nat/drain.h"
#include "nat_world.h"

#define HOST ip(100, 64, 0, 1)
#define SERVER ip(198, 51, 100, 1)
enum { UDP = IPPROTO_L4_UDP, GRE = 47, DEADLINE = 600 };

static struct nat_world *w;
static struct flow_spec spec;
static struct world_flow flow;

static void
begin(uint32_t deadline_s)
{
	w = world_new();
	w->conf.drain_ms = deadline_s * 1000;
	w->conf.quarantine_ms = 0;
	world_pool(w, 1024, 2047, 64, 4);
	world_address(w, 0, ip(203, 0, 113, 1));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0)->other = NAT_OTHER_PAIR;
	world_apply(w);
	world_tick(w, 1000);
	CU_ASSERT_EQUAL_FATAL(world_out(w, UDP, HOST, 5000, SERVER, 80, &spec, &flow),
	                      VERDICT_OPEN);
	world_address(w, 0, ip(203, 0, 113, 2));
	world_apply(w);
}

static struct flow4
as_kept(const struct world_flow *x)
{
	struct flow4 f = {.f = x->f};
	for (unsigned i = 0; i < 2; i++)
		f.tuple[i] = (struct tuple4){.src = x->t[i].src.w[0], .dst = x->t[i].dst.w[0],
			.sport = x->t[i].sport, .dport = x->t[i].dport};
	f.f.realm[0] = x->t[0].realm;
	return f;
}

static bool
ends(const struct world_flow *x)
{
	struct flow4 f = as_kept(x);
	return nat_policy.stale(w->state[0], NULL) != STALE_NOT &&
	       nat_policy.stale(w->state[0], &f.f) == STALE_ENDS;
}

static bool
lapsed(void)
{
	return nat_policy.lapsed(w->state[0]);
}

static bool
is_reached(void)
{
	struct world_flow in;
	enum verdict v = world_in(w, UDP, ip(9, 9, 9, 9), 7, ip(203, 0, 113, 1),
	                          flow.t[1].dport, &spec, &in);
	if (v == VERDICT_OPEN)
		world_end(w, &in);
	return v == VERDICT_OPEN;
}

static void
test_drain(void)
{
	begin(DEADLINE);
	CU_ASSERT_FALSE(lapsed());
	w->address[0].drain = 1;
	world_apply(w);
	world_tick(w, (DEADLINE - 1) * 1000);
	CU_ASSERT_FALSE(lapsed() || ends(&flow));
	CU_ASSERT_TRUE(is_reached());
	world_apply(w); /* another generation does not begin it anew */
	world_tick(w, 2000);
	CU_ASSERT_TRUE(lapsed());
	CU_ASSERT_FALSE(lapsed()); /* said once */
	CU_ASSERT_TRUE(ends(&flow));
	CU_ASSERT_FALSE(is_reached());
	/* Who came back for a port elsewhere stays. */
	struct world_flow other;
	CU_ASSERT_EQUAL(world_out(w, UDP, HOST, 5001, SERVER, 80, &spec, &other), VERDICT_OPEN);
	CU_ASSERT_EQUAL(spec.reply.dst.w[0], ip(203, 0, 113, 2));
	CU_ASSERT_FALSE(ends(&other));
	world_end(w, &flow);
	CU_ASSERT_EQUAL(world_nat(w)->pool.slots.used, 1);
	world_free(w);
}

/* An address that is removed outright; and one that comes back in time. */
static void
test_removed(void)
{
	begin(DEADLINE);
	struct img_nat_address a = w->address[0];
	w->address[0] = w->address[1];
	w->n_addresses = 1;
	world_apply(w);
	world_tick(w, DEADLINE * 1000 / 2);
	a.id = 2; /* the compiler gives it a new one */
	w->address[0] = a;
	world_apply(w);
	world_tick(w, DEADLINE * 1000);
	CU_ASSERT_FALSE(lapsed() || ends(&flow));
	CU_ASSERT_TRUE(is_reached());
	w->address[0] = (struct img_nat_address){.address = ip(203, 0, 113, 2), .id = 1};
	world_apply(w);
	world_tick(w, DEADLINE * 1000 - 1000);
	CU_ASSERT_FALSE(lapsed() || ends(&flow));
	world_tick(w, 2000);
	CU_ASSERT_TRUE(lapsed() && ends(&flow));
	world_end(w, &flow);
	CU_ASSERT_EQUAL(world_nat(w)->pool.slots.used, 0);
	world_free(w);
}

/* Without a deadline nothing ends; one that is set later counts from when the drain began. */
static void
test_deadline_later(void)
{
	begin(0);
	w->address[0].drain = 1;
	world_apply(w);
	world_tick(w, 100 * DEADLINE * 1000);
	CU_ASSERT_FALSE(lapsed() || ends(&flow));
	w->conf.drain_ms = DEADLINE * 1000;
	world_apply(w);
	CU_ASSERT_TRUE(ends(&flow));
	w->conf.drain_ms = 1000 * DEADLINE * 1000;
	world_apply(w);
	CU_ASSERT_FALSE(ends(&flow));
	w->address[0].drain = 0;
	world_apply(w);
	world_tick(w, 1000 * DEADLINE * 1000);
	CU_ASSERT_FALSE(lapsed() || ends(&flow));
	world_free(w);
}

/* Two addresses at different times; a pair of another protocol has its address's deadline. */
static void
test_each_its_own(void)
{
	begin(DEADLINE);
	struct world_flow pair, second;
	w->address[0].drain = 1;
	world_apply(w);
	CU_ASSERT_EQUAL_FATAL(world_out(w, UDP, HOST, 5001, SERVER, 80, &spec, &second),
	                      VERDICT_OPEN);
	CU_ASSERT_EQUAL_FATAL(world_out(w, GRE, HOST, 0, SERVER, 0, &spec, &pair), VERDICT_OPEN);
	CU_ASSERT_EQUAL_FATAL(spec.reply.dst.w[0], ip(203, 0, 113, 2));
	world_tick(w, 1000 * DEADLINE / 2);
	w->address[1].drain = 1;
	world_apply(w);
	world_tick(w, 1000 * DEADLINE / 2 + 1000);
	CU_ASSERT_TRUE(lapsed() && ends(&flow));
	CU_ASSERT_FALSE(ends(&second) || ends(&pair));
	world_tick(w, 1000 * DEADLINE / 2);
	CU_ASSERT_TRUE(lapsed() && ends(&second) && ends(&pair));
	world_free(w);
}

/* A mapping that was asked for and has no flow does not outlive its address either. */
static void
test_leases(void)
{
	static const uint8_t nonce[LEASE_NONCE];
	begin(DEADLINE);
	CU_ASSERT_TRUE_FATAL(lease_make(world_nat(w), flow.f.owner, nonce, 100 * DEADLINE));
	world_end(w, &flow);
	w->address[0].drain = 1;
	world_apply(w);
	world_tick(w, (DEADLINE - 1) * 1000);
	CU_ASSERT_EQUAL(world_nat(w)->mappings.t.used, 1);
	CU_ASSERT_TRUE(is_reached());
	world_tick(w, 2000);
	CU_ASSERT_TRUE(lapsed());
	world_tick(w, 1);
	CU_ASSERT_EQUAL(world_nat(w)->mappings.t.used, 0);
	CU_ASSERT_EQUAL(world_nat(w)->pool.slots.used, 0);
	world_free(w);
}

static const struct test_case cases[] = {
	{"a drain with a deadline", test_drain},
	{"removed, and back in time", test_removed},
	{"a deadline set later", test_deadline_later},
	{"each address its own", test_each_its_own},
	{"mappings that were asked for", test_leases},
};
TEST_MAIN("nat_drain", cases)
