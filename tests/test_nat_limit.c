/* SPDX-License-Identifier: Apache-2.0 */
/* Flows of a subscriber: how many, and how fast. */
#include "nat/limit.h"
#include "nat_world.h"

#define SERVER ip(198, 51, 100, 1)
#define SUBSCRIBER ip(100, 64, 0, 7)
enum { UDP = IPPROTO_L4_UDP, FLOWS = 600, IDLE_MS = 67000000 /* 18.6 hours */ };

static struct nat_world *w;
static struct flow_spec spec;
static struct world_flow flow[FLOWS], other;

static void
begin(void)
{
	w = world_new();
	w->conf.log = NAT_LOG_BLOCKS;
	world_pool(w, 1024, 65535, 512, 4);
	world_address(w, 0, ip(203, 0, 113, 1));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
}

static enum verdict
open_flow(be32 src, unsigned sport, unsigned dport, struct world_flow *f)
{
	return world_out(w, UDP, src, sport, SERVER, dport, &spec, f);
}

/* The limit is of flows, not of mappings; from outside counts too; others are not touched. */
static void
test_flows(void)
{
	begin();
	w->rule[0].max_flows = 8;
	world_apply(w);
	for (unsigned i = 0; i < 7; i++)
		CU_ASSERT_EQUAL(open_flow(SUBSCRIBER, 5000, 1 + i, &flow[i]), VERDICT_OPEN);
	be16 external = spec.reply.dport;
	CU_ASSERT_EQUAL(world_in(w, UDP, SERVER, 99, ip(203, 0, 113, 1), external, &spec,
	                         &flow[7]), VERDICT_OPEN);
	CU_ASSERT_EQUAL(open_flow(SUBSCRIBER, 5000, 8, &other), VERDICT_UNREACHABLE);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_FLOW_LIMIT);
	CU_ASSERT_EQUAL(open_flow(SUBSCRIBER, 6000, 8, &other), VERDICT_UNREACHABLE);
	CU_ASSERT_EQUAL(world_in(w, UDP, SERVER, 98, ip(203, 0, 113, 1), external, &spec,
	                         &other), VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_FLOW_LIMIT);
	CU_ASSERT_EQUAL(open_flow(ip(100, 64, 0, 8), 5000, 1, &other), VERDICT_OPEN);
	CU_ASSERT_EQUAL(world_nat(w)->mappings.t.used, 2);
	world_end(w, &flow[3]);
	CU_ASSERT_EQUAL(open_flow(SUBSCRIBER, 6000, 8, &flow[3]), VERDICT_OPEN);
	CU_ASSERT_EQUAL(open_flow(SUBSCRIBER, 6000, 9, &other), VERDICT_UNREACHABLE);
	world_free(w);
}

/* The event names the subscriber. */
static void
test_event(void)
{
	struct record r;
	begin();
	w->rule[0].max_flows = 1;
	world_apply(w);
	open_flow(SUBSCRIBER, 5000, 1, &flow[0]);
	for (unsigned i = 0; i < 10; i++)
		open_flow(SUBSCRIBER, 5001 + i, 1, &other);
	CU_ASSERT(record_take(&w->ring[0], &r, 1) == 1 && r.event == RECORD_BLOCK_CREATE);
	CU_ASSERT(record_take(&w->ring[0], &r, 1) == 1 && r.event == RECORD_QUOTA_EXCEEDED);
	CU_ASSERT(r.subscriber == SUBSCRIBER && r.realm == 1 && r.proto == UDP);
	CU_ASSERT_EQUAL(record_take(&w->ring[0], &r, 1), 0);
	world_free(w);
}

/* A limit that is lowered, or set, under flows that live ends none of them. */
static void
test_reload(void)
{
	begin();
	world_apply(w);
	for (unsigned i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(open_flow(SUBSCRIBER, 5000 + i, 1, &flow[i]), VERDICT_OPEN);
	w->rule[0].max_flows = 50;
	world_apply(w);
	CU_ASSERT_EQUAL(open_flow(SUBSCRIBER, 7000, 1, &other), VERDICT_UNREACHABLE);
	CU_ASSERT_EQUAL(world_nat(w)->mappings.t.used, 100);
	for (unsigned i = 0; i < 50; i++)
		world_end(w, &flow[i]);
	CU_ASSERT_EQUAL(open_flow(SUBSCRIBER, 7000, 1, &other), VERDICT_UNREACHABLE);
	world_end(w, &flow[50]);
	CU_ASSERT_EQUAL(open_flow(SUBSCRIBER, 7000, 1, &flow[50]), VERDICT_OPEN);
	w->rule[0].max_flows = 0;
	world_apply(w);
	for (unsigned i = 0; i < 50; i++)
		CU_ASSERT_EQUAL(open_flow(SUBSCRIBER, 5000 + i, 1, &flow[i]), VERDICT_OPEN);
	world_free(w);
}

/* Rules change places: a limit is that of the subscriber's rule, not of the row that it had. */
static void
test_rows(void)
{
	begin();
	w->rule[0].max_flows = 2;
	world_apply(w);
	CU_ASSERT_EQUAL(open_flow(SUBSCRIBER, 5000, 1, &flow[0]), VERDICT_OPEN);
	be16 external = spec.reply.dport;
	w->rule[0].source = ip(10, 0, 0, 0);
	w->rule[0].plen = 8;
	w->rule[0].max_flows = 1;
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
	world_apply(w);
	CU_ASSERT_EQUAL(open_flow(SUBSCRIBER, 5000, 2, &flow[1]), VERDICT_OPEN);
	CU_ASSERT_EQUAL(world_in(w, UDP, SERVER, 99, ip(203, 0, 113, 1), external, &spec,
	                         &flow[2]), VERDICT_OPEN);
	world_free(w);
}

/* Random opens against the sum that the rate allows over any time since the start. */
static void
test_rate(void)
{
	uint64_t seed = test_seed(), opened = 0, began;
	begin();
	w->rule[0].flow_cost = 64000 / 50; /* 50 a second */
	w->rule[0].flow_burst = 20 * w->rule[0].flow_cost;
	world_apply(w);
	began = w->ms;
	for (unsigned i = 0; i < 20; i++)
		CU_ASSERT_EQUAL(open_flow(SUBSCRIBER, 5000 + i, 1, &flow[i]), VERDICT_OPEN);
	CU_ASSERT_EQUAL(open_flow(SUBSCRIBER, 6000, 1, &other), VERDICT_UNREACHABLE);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_FLOW_RATE);
	CU_ASSERT_EQUAL(open_flow(ip(100, 64, 0, 8), 6000, 1, &other), VERDICT_OPEN);
	for (unsigned i = 0; i < 20; i++)
		world_end(w, &flow[i]);
	for (opened = 20; w->ms - began < 20000;) {
		w->ms += test_random(&seed) % 8;
		enum verdict v = open_flow(SUBSCRIBER, 5000, 1, &flow[0]);
		if (v == VERDICT_OPEN) {
			world_end(w, &flow[0]);
			opened++;
		}
		CU_ASSERT_FATAL(opened <= 20 + (w->ms - began) * 50 / 1000 + 1);
	}
	CU_ASSERT(opened >= 20000 * 50 / 1000 - 2);
	world_free(w);
}

/* Whatever the clock says, and however long it was quiet, one flow may always be opened then. */
static void
test_rate_wrap(void)
{
	struct img_nat_rule rule = {.flow_cost = 64, .flow_burst = 640};
	uint64_t seed = test_seed();
	for (unsigned i = 0; i < 100000; i++) {
		struct subscriber s = {0};
		uint64_t now = test_random(&seed) >> 20;
		s.due = (uint32_t)((now - test_random(&seed) % IDLE_MS) << LIMIT_SHIFT);
		unsigned n = 0;
		while (limit_rate(&s, &rule, now))
			n++;
		CU_ASSERT_EQUAL_FATAL(n, 10);
		CU_ASSERT_FALSE(limit_rate(&s, &rule, now));
		CU_ASSERT_TRUE(limit_rate(&s, &rule, now + 1));
	}
}

/* The count is what there is, after anything. */
static void
test_count(void)
{
	uint64_t seed = test_seed();
	bool live[FLOWS] = {false};
	uint32_t n = 0;
	begin();
	world_apply(w);
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = (unsigned)(test_random(&seed) % 64);
		if (live[i]) {
			world_end(w, &flow[i]);
			n--;
		} else if (open_flow(SUBSCRIBER, 5000 + i / 4, 1 + i, &flow[i]) == VERDICT_OPEN) {
			n++;
		}
		live[i] = !live[i];
		uint32_t s = subscriber_find(&world_nat(w)->subscribers, SUBSCRIBER, 1);
		CU_ASSERT_EQUAL_FATAL(s != 0 ? subscriber_at(&world_nat(w)->subscribers, s)->flows
		                             : 0, n);
	}
	world_free(w);
}

static const struct test_case cases[] = {
	{"flows of a subscriber", test_flows},
	{"the event", test_event},
	{"a limit that comes later", test_reload},
	{"a limit of another row", test_rows},
	{"rate", test_rate},
	{"the rate's clock", test_rate_wrap},
	{"count", test_count},
};
TEST_MAIN("nat_limit", cases)
