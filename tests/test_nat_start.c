/* SPDX-License-Identifier: Apache-2.0 */
/* After a start: no port that somebody may have had before it is given, where that is wanted. */
#include "nat_world.h"

#define SERVER ip(198, 51, 100, 1)
enum { UDP = IPPROTO_L4_UDP, TCP = IPPROTO_L4_TCP, WAIT = 120 };

static struct nat_world *w;
static struct flow_spec spec;
static struct world_flow flow;

static void
begin(bool waits, uint8_t flags)
{
	w = world_new();
	w->conf.start_waits = waits;
	w->conf.quarantine_ms = WAIT * 1000;
	world_pool(w, 1024, 2047, 64, 4);
	w->pool[0].flags = flags;
	world_address(w, 0, ip(203, 0, 113, 1));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
	world_static(w, static_key(1, ip(100, 64, 9, 9), TCP, port(80)),
	             static_key(0, ip(203, 0, 113, 1), TCP, port(80)), 1);
}

static bool
gives(unsigned host)
{
	spec.drop = 0;
	return world_out(w, UDP, ip_add(ip(100, 64, 0, 0), host), 5000, SERVER, 80, &spec,
	                 &flow) == VERDICT_OPEN;
}

/* For how long yet, as the statistics have it. */
static uint64_t
left_ms(void)
{
	uint64_t from = w->stats[0].ports_from_ns / 1000000;
	return from > w->ms ? from - w->ms : 0;
}

static void
waits(uint8_t flags)
{
	begin(true, flags);
	world_apply(w);
	CU_ASSERT_FALSE(gives(1)); /* before the first tick */
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_START);
	world_tick(w, 0);
	CU_ASSERT_FALSE(gives(1));
	CU_ASSERT_EQUAL(left_ms(), WAIT * 1000);
	world_tick(w, WAIT * 1000 - 1);
	world_apply(w); /* nor does another generation begin it anew */
	CU_ASSERT_FALSE(gives(1));
	CU_ASSERT_EQUAL(left_ms(), 1);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_START);
	CU_ASSERT_EQUAL(world_nat(w)->subscribers.t.used, 0);
	/* What is static was nobody else's before. */
	CU_ASSERT_EQUAL(world_out(w, TCP, ip(100, 64, 9, 9), 80, SERVER, 80, &spec, &flow),
	                VERDICT_OPEN);
	world_tick(w, 1);
	CU_ASSERT_TRUE(gives(1));
	world_tick(w, 1000);
	world_apply(w);
	CU_ASSERT_TRUE(gives(2));
	CU_ASSERT_EQUAL(left_ms(), 0);
	world_free(w);
}

static void
test_waits(void)
{
	waits(0);
	waits(NAT_SINGLE);
}

static void
test_not_wanted(void)
{
	begin(false, 0);
	world_apply(w);
	world_tick(w, 0);
	CU_ASSERT_TRUE(gives(1));
	CU_ASSERT_EQUAL(left_ms(), 0);
	/* Later on it is too late to be wanted. */
	world_tick(w, WAIT * 1000);
	w->conf.start_waits = 1;
	world_apply(w);
	CU_ASSERT_TRUE(gives(2));
	world_free(w);
}

/* It can be given up while it lasts, and follows the quarantine's duration. */
static void
test_given_up(void)
{
	begin(true, 0);
	world_apply(w);
	world_tick(w, 30000);
	CU_ASSERT_FALSE(gives(1));
	w->conf.quarantine_ms = 60000;
	world_apply(w);
	world_tick(w, 59999);
	CU_ASSERT_FALSE(gives(1));
	CU_ASSERT_EQUAL(left_ms(), 1);
	w->conf.start_waits = 0;
	world_apply(w);
	CU_ASSERT_TRUE(gives(1));
	CU_ASSERT_EQUAL(left_ms(), 0);
	w->conf.start_waits = 1;
	world_apply(w);
	CU_ASSERT_FALSE(gives(2));
	CU_ASSERT_TRUE(gives(1)); /* that one lives */
	world_tick(w, 1);
	CU_ASSERT_TRUE(gives(2));
	world_free(w);
}

/* A deterministic range is of the same subscriber before and after; what overflows is not. */
static void
test_ranges(void)
{
	begin(true, 0);
	w->n_statics = 0;
	struct img_nat_pool *p = &w->pool[0];
	p->insides = 1;
	p->inside_realm = 1;
	p->range_ports = 64;
	p->range_hosts = 8;
	w->inside = (struct img_nat_inside){.first = 0x64400000, .last = 0x64400007};
	world_apply(w);
	world_tick(w, 0);
	CU_ASSERT_TRUE(gives(1));
	CU_ASSERT_FALSE(gives(9));
	for (unsigned i = 1; i < 64; i++)
		CU_ASSERT_EQUAL(world_out(w, UDP, ip(100, 64, 0, 1), 5000 + i, SERVER, 80, &spec,
		                          &flow), VERDICT_OPEN);
	CU_ASSERT_EQUAL(world_out(w, UDP, ip(100, 64, 0, 1), 6000, SERVER, 80, &spec, &flow),
	                VERDICT_UNREACHABLE);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_START);
	world_tick(w, WAIT * 1000);
	CU_ASSERT_EQUAL(world_out(w, UDP, ip(100, 64, 0, 1), 6000, SERVER, 80, &spec, &flow),
	                VERDICT_OPEN);
	CU_ASSERT_TRUE(gives(9));
	world_free(w);
}

static const struct test_case cases[] = {
	{"all ports wait", test_waits},
	{"not where it is not wanted", test_not_wanted},
	{"given up, or shorter", test_given_up},
	{"ranges do not wait", test_ranges},
};
TEST_MAIN("nat_start", cases)
