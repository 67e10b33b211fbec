/* SPDX-License-Identifier: Apache-2.0 */
/* Who is named when many are refused: each subscriber, each pool, within bounds. */
#include "nat_world.h"

#define SERVER ip(198, 51, 100, 1)
#define SUBSCRIBER ip(100, 64, 0, 7)
enum { UDP = IPPROTO_L4_UDP, MANY = 300, BLOCK = 32, STEPS = 60000 };

static struct nat_world *w;
static struct flow_spec spec;
static struct world_flow flow, other;

static void
begin(unsigned pools)
{
	w = world_new();
	w->conf.log = NAT_LOG_BLOCKS;
	for (unsigned i = 0; i < pools; i++) {
		world_pool(w, 1024, 65535, BLOCK, 1);
		world_address(w, (uint16_t)i, ip(203, 0, 113, 1 + i));
	}
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
}

static enum verdict
open_flow(be32 src, unsigned sport, unsigned dport)
{
	return world_out(w, UDP, src, sport, SERVER, dport, &spec, &flow);
}

/* records: how many of a kind there are since the last time; which subscribers they name. */
static unsigned
records(uint8_t event, uint8_t *named)
{
	struct record r;
	unsigned n = 0;
	while (record_take(&w->ring[0], &r, 1) == 1) {
		uint32_t who = __builtin_bswap32(r.subscriber) - __builtin_bswap32(SUBSCRIBER);
		if (r.event != event)
			continue;
		n++;
		CU_ASSERT_FATAL(who < MANY && r.realm == 1);
		if (named != NULL)
			named[who]++;
	}
	return n;
}

/* All n subscribers want one port more than they may have. */
static void
all_refused(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		CU_ASSERT_EQUAL_FATAL(open_flow(ip_add(SUBSCRIBER, i), 9999, 1),
		                      VERDICT_UNREACHABLE);
		CU_ASSERT_EQUAL_FATAL(spec.drop, DROP_NAT_LIMIT);
	}
}

static void
all_at_limit(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < BLOCK; k++)
			CU_ASSERT_EQUAL_FATAL(open_flow(ip_add(SUBSCRIBER, i), 1 + k, 1),
			                      VERDICT_OPEN);
	records(0, NULL);
}

static void
test_each(void)
{
	uint8_t named[MANY] = {0};
	begin(1);
	world_apply(w);
	all_at_limit(50);
	for (unsigned round = 0; round < 5; round++, w->ms += 7000)
		all_refused(50);
	CU_ASSERT_EQUAL(records(RECORD_QUOTA_EXCEEDED, named), 50);
	for (unsigned i = 0; i < 50; i++)
		CU_ASSERT_EQUAL(named[i], 1);
	w->ms += (REFUSAL_EVERY_S - 35) * 1000u - 1000;
	all_refused(50);
	CU_ASSERT_EQUAL(records(RECORD_QUOTA_EXCEEDED, NULL), 0);
	w->ms += 1000;
	all_refused(50);
	CU_ASSERT_EQUAL(records(RECORD_QUOTA_EXCEEDED, named), 50);
	for (unsigned i = 0; i < 50; i++)
		CU_ASSERT_EQUAL(named[i], 2);
	CU_ASSERT_EQUAL(w->stats[0].refusals_unsaid, 0);
	world_free(w);
}

/* More than may be named in a second: the rest in those that follow, and counted meanwhile. */
static void
test_bound(void)
{
	uint8_t named[MANY] = {0};
	begin(1);
	w->plane.mappings = MANY * BLOCK;
	world_apply(w);
	all_at_limit(MANY);
	all_refused(MANY);
	all_refused(MANY);
	CU_ASSERT_EQUAL(records(RECORD_QUOTA_EXCEEDED, named), REFUSALS_SECOND);
	CU_ASSERT_EQUAL(w->stats[0].refusals_unsaid, 2 * (MANY - REFUSALS_SECOND));
	for (unsigned second = 1; second < 3; second++) {
		w->ms += 1000;
		all_refused(MANY);
		CU_ASSERT_EQUAL(records(RECORD_QUOTA_EXCEEDED, named), REFUSALS_SECOND);
	}
	for (unsigned i = 0; i < MANY; i++)
		CU_ASSERT_EQUAL(named[i], 1);
	world_free(w);
}

/* What it was that refused a subscriber is another event; its realm makes it another one. */
static void
test_kinds(void)
{
	begin(1);
	w->rule[0].max_mappings = 3;
	w->rule[0].max_flows = 4;
	w->rule[1] = w->rule[0];
	w->rule[1].nic = W_OTHER;
	w->n_rules = 2;
	world_apply(w);
	for (unsigned i = 0; i < 3; i++)
		open_flow(SUBSCRIBER, 5000 + i, 1);
	records(0, NULL);
	open_flow(SUBSCRIBER, 6000, 1);
	CU_ASSERT_EQUAL(records(RECORD_QUOTA_EXCEEDED, NULL), 1);
	be16 external = spec.reply.dport;
	CU_ASSERT_EQUAL(open_flow(SUBSCRIBER, 5000, 2), VERDICT_OPEN);
	external = spec.reply.dport;
	CU_ASSERT_EQUAL(world_in(w, UDP, SERVER, 7, ip(203, 0, 113, 1), external, &spec, &other),
	                VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_FLOW_LIMIT);
	struct record r;
	CU_ASSERT(record_take(&w->ring[0], &r, 1) == 1 && r.event == RECORD_QUOTA_EXCEEDED);
	CU_ASSERT(r.subscriber == SUBSCRIBER && r.realm == 1 && r.limit == 4 && r.proto == UDP);
	CU_ASSERT(r.external == ip(203, 0, 113, 1) && r.pool == 0);
	open_flow(SUBSCRIBER, 5000, 3);
	CU_ASSERT_EQUAL(records(RECORD_QUOTA_EXCEEDED, NULL), 0);
	for (unsigned i = 0; i < 4; i++) {
		struct miss m = world_miss(w, W_OTHER, UDP, SUBSCRIBER, port(5000 + i), SERVER, 80);
		world_open(w, &m, &spec, &flow);
	}
	while (record_take(&w->ring[0], &r, 1) == 1 && r.event != RECORD_QUOTA_EXCEEDED)
		;
	CU_ASSERT(r.event == RECORD_QUOTA_EXCEEDED && r.realm == 2 && r.limit == 3);
	world_free(w);
}

/* Pools without addresses are named each, once a second; the part of an address by subscriber. */
static void
test_pools(void)
{
	unsigned of_pool[2] = {0, 0}, blocks = 0;
	struct record r;
	begin(2);
	for (unsigned i = 0; i < 2; i++)
		w->pool[i].port_last = 1023 + 2 * BLOCK;
	w->pool[0].max_blocks = 2;
	w->rule[0].plen = w->rule[1].plen = 24;
	world_rule(w, ip(100, 64, 1, 0), 24, W_INSIDE, NAT_FILTER_EIF, 1);
	world_apply(w);
	for (unsigned k = 0; k < 2 * BLOCK; k++)
		open_flow(ip_add(SUBSCRIBER, k / BLOCK), 1 + k % BLOCK, 1);
	for (unsigned k = 0; k < 2; k++)
		open_flow(ip(100, 64, 1, 7 + k), 1, 1);
	for (unsigned ms = 0; ms < 3000; ms += 100, w->ms += 100) {
		for (unsigned k = 0; k < 2; k++) {
			open_flow(ip(100, 64, k, 99), 1, 1);
			CU_ASSERT_EQUAL(spec.drop, DROP_NAT_NO_PORT);
			open_flow(ip_add(SUBSCRIBER, k), 9999, 1);
			CU_ASSERT_EQUAL(spec.drop, DROP_NAT_NO_PORT);
		}
	}
	while (record_take(&w->ring[0], &r, 1) == 1) {
		if (r.event == RECORD_ADDRESSES_EXHAUSTED)
			of_pool[r.pool]++;
		if (r.event == RECORD_PORTS_EXHAUSTED)
			blocks |= 1u << (__builtin_bswap32(r.subscriber) -
			                 __builtin_bswap32(SUBSCRIBER));
	}
	CU_ASSERT(of_pool[0] == 3 && of_pool[1] == 3);
	CU_ASSERT_EQUAL(blocks, 3);
	world_free(w);
}

/* No block is left of an address: of each protocol its subscriber is told of, once a minute. */
static void
test_protocols(void)
{
	static const uint8_t protos[] = {IPPROTO_L4_TCP, UDP, IPPROTO_L4_ICMP};
	unsigned of[256] = {0};
	struct record r;
	begin(1);
	w->pool[0].port_last = 1023 + BLOCK;
	w->pool[0].max_blocks = 2;
	world_apply(w);
	for (unsigned round = 0; round < 2; round++, w->ms += 30000)
		for (unsigned k = 0; k < sizeof(protos); k++)
			for (unsigned i = round * BLOCK; i <= BLOCK; i++)
				world_out(w, protos[k], SUBSCRIBER, 1 + i, SERVER,
				          protos[k] == IPPROTO_L4_ICMP ? 0 : 1, &spec, &flow);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_NO_PORT);
	while (record_take(&w->ring[0], &r, 1) == 1)
		of[r.proto] += r.event == RECORD_PORTS_EXHAUSTED &&
		               r.external == ip(203, 0, 113, 1);
	for (unsigned k = 0; k < sizeof(protos); k++)
		CU_ASSERT_EQUAL(of[protos[k]], 1);
	world_free(w);
}

/* A table that is full is named once a second, and whom it refused. */
static void
test_tables(void)
{
	unsigned said[QUOTA_FLOW_TABLE + 1] = {0};
	struct record r;
	begin(1);
	w->plane.mappings = 64;
	w->plane.subscribers = w->plane.permissions = 8;
	w->rule[0].filtering = NAT_FILTER_ADF;
	world_apply(w);
	struct nat *n = world_nat(w);
	uint32_t mappings = n->mappings.t.capacity, subscribers = n->subscribers.t.capacity;
	for (unsigned i = 0; i <= n->filter.t.capacity; i++)
		world_out(w, UDP, SUBSCRIBER, 1, ip_add(SERVER, i), 1, &spec, &flow);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_TABLE_FULL);
	w->rule[0].filtering = NAT_FILTER_EIF;
	world_apply(w);
	for (unsigned i = 0; i <= subscribers; i++)
		world_out(w, UDP, ip_add(SUBSCRIBER, i), 1, SERVER, 1, &spec, &flow);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_TABLE_FULL);
	struct miss m = world_miss(w, W_INSIDE, UDP, SUBSCRIBER, port(2), SERVER, 1);
	w->stats[0].capacity_v4 = 77; /* the engine's: that it is full the engine says */
	for (unsigned i = 0; i < 3; i++) {
		uint8_t code = 0;
		CU_ASSERT_TRUE(nat_policy.refused(n, &m, DROP_FLOW_TABLE_FULL, &code));
		CU_ASSERT_EQUAL(code, NAT_REFUSE_HOST);
	}
	for (unsigned ms = 0; ms < 2000; ms += 500, w->ms += 500) {
		for (unsigned i = 0; i < 2 * mappings; i++)
			world_out(w, UDP, ip_add(SUBSCRIBER, i % 4), 1 + i, SERVER, 1, &spec,
			          &flow);
		CU_ASSERT_EQUAL(spec.drop, DROP_NAT_TABLE_FULL);
		world_out(w, UDP, ip_add(SUBSCRIBER, 99), 1, SERVER, 1, &spec, &flow);
		CU_ASSERT_EQUAL(spec.drop, DROP_NAT_TABLE_FULL);
	}
	while (record_take(&w->ring[0], &r, 1) == 1) {
		if (r.event != RECORD_QUOTA_EXCEEDED)
			continue;
		said[r.quota]++;
		CU_ASSERT(r.subscriber != 0 && r.realm == 1);
		CU_ASSERT(r.quota != QUOTA_MAPPING_TABLE || r.limit == mappings);
		CU_ASSERT(r.quota != QUOTA_SUBSCRIBER_TABLE || r.limit == subscribers);
		CU_ASSERT(r.quota != QUOTA_FLOW_TABLE || r.limit == 77);
	}
	CU_ASSERT(said[QUOTA_MAPPING_TABLE] == 2 && said[QUOTA_FLOW_TABLE] == 1);
	CU_ASSERT(said[QUOTA_SUBSCRIBER_TABLE] == 1 && said[QUOTA_PERMISSION_TABLE] == 1);
	world_free(w);
}

/* Fragments that find no room: of whom a rule translates, by the bound that they met. */
static void
test_fragments(void)
{
	struct record r;
	begin(1);
	world_rule(w, ip(100, 64, 9, 0), 24, W_OTHER, NAT_FILTER_EIF, 0)->action = NAT_PASS;
	w->rule[1].last = UINT16_MAX;
	world_apply(w);
	struct nat *n = world_nat(w);
	struct miss m = world_miss(w, W_INSIDE, UDP, SUBSCRIBER, 0, SERVER, 0);
	for (unsigned i = 0; i < 3; i++)
		nat_policy.crowded(n, &m, 128, false);
	CU_ASSERT(record_take(&w->ring[0], &r, 1) == 1 && r.event == RECORD_QUOTA_EXCEEDED);
	CU_ASSERT(r.quota == QUOTA_FRAGMENTS && r.limit == 128 && r.subscriber == SUBSCRIBER);
	CU_ASSERT(r.realm == 1 && r.proto == UDP && r.pool == 0 && r.external == 0);
	m = world_miss(w, W_INSIDE, UDP, ip_add(SUBSCRIBER, 1), 0, SERVER, 0);
	nat_policy.crowded(n, &m, 1024, true);
	nat_policy.crowded(n, &m, 48, false);
	CU_ASSERT(record_take(&w->ring[0], &r, 1) == 1 && r.quota == QUOTA_FRAGMENT_TABLE);
	CU_ASSERT(r.limit == 1024 && r.subscriber == ip_add(SUBSCRIBER, 1));
	CU_ASSERT(record_take(&w->ring[0], &r, 1) == 1 && r.quota == QUOTA_FRAGMENTS);
	w->ms += 999;
	m = world_miss(w, W_INSIDE, UDP, SUBSCRIBER, 0, SERVER, 0);
	nat_policy.crowded(n, &m, 1024, true);
	CU_ASSERT_EQUAL(record_take(&w->ring[0], &r, 1), 0);
	m.now_ms++;
	nat_policy.crowded(n, &m, 1024, true);
	CU_ASSERT(record_take(&w->ring[0], &r, 1) == 1 && r.subscriber == SUBSCRIBER);
	/* Not of the outside, of a hairpin, of who passes, and of IPv6. */
	struct miss others[] = {
		world_miss(w, W_OUTSIDE, UDP, SERVER, 0, ip(203, 0, 113, 1), 0),
		world_miss(w, NIC_NONE, UDP, ip(203, 0, 113, 1), 0, ip(203, 0, 113, 1), 0),
		world_miss(w, W_OTHER, UDP, ip(100, 64, 9, 9), 0, SERVER, 0),
		world_miss(w, W_INSIDE, UDP, ip(100, 64, 0, 70), 0, SERVER, 0),
	};
	others[3].tuple.family = FAMILY_V6;
	for (unsigned i = 0; i < 4; i++)
		nat_policy.crowded(n, &others[i], 128, false);
	CU_ASSERT_EQUAL(record_take(&w->ring[0], &r, 1), 0);
	CU_ASSERT_EQUAL(w->stats[0].refusals_unsaid, 0);
	world_free(w);
}

/* Where nothing is logged nothing is left unsaid. */
static void
test_none(void)
{
	begin(1);
	w->conf.log = NAT_LOG_NONE;
	w->plane.mappings = MANY * BLOCK;
	world_apply(w);
	all_at_limit(MANY);
	all_refused(MANY);
	CU_ASSERT(w->stats[0].log_records == 0 && w->stats[0].refusals_unsaid == 0);
	world_free(w);
}

/* Where a full log refuses blocks, half of the ring is for ends and not for refusals. */
static void
test_reserve(void)
{
	begin(1);
	w->conf.log_refuses = 1;
	world_apply(w);
	all_at_limit(10);
	struct nat *n = world_nat(w);
	while (record_room(&w->ring[0]) > LOG_RESERVE + 4)
		log_put(&n->log, &(struct record){.event = RECORD_BLOCK_CREATE}, &n->clock);
	uint64_t before = w->stats[0].log_records;
	all_refused(10);
	CU_ASSERT_EQUAL(w->stats[0].log_records, before + 4);
	CU_ASSERT_EQUAL(w->stats[0].refusals_unsaid, 6);
	CU_ASSERT_EQUAL(record_room(&w->ring[0]), LOG_RESERVE);
	records(0, NULL);
	all_refused(10);
	CU_ASSERT_EQUAL(w->stats[0].log_records, before + 10);
	world_free(w);
}

/* Random refusals against a table that has a place for everybody. */
static void
test_model(void)
{
	static uint64_t until_s[8192];
	uint64_t seed = test_seed(), second = 0, in_second = 0, unsaid = 0, again = 0;
	uint64_t began_ms = 0;
	begin(1);
	world_apply(w);
	struct nat *n = world_nat(w);
	n->log_level = NAT_LOG_BLOCKS;
	for (unsigned i = 0; i < STEPS; i++) {
		uint32_t who = (uint32_t)(test_random(&seed) % 8192);
		uint64_t before = w->stats[0].log_records;
		clock_set_ms(&n->clock, (uint32_t)(w->ms += test_random(&seed) % 4));
		if (n->clock.ms >= began_ms + 1000)
			began_ms = second = in_second = 0;
		refusal_say(n, &(struct refusal){.kind = REFUSED_PORTS,
			.subscriber = ip_add(SUBSCRIBER, who), .realm = 1});
		bool is_said = w->stats[0].log_records != before;
		again += is_said && until_s[who] > n->clock.ms / 1000;
		if (is_said && in_second++ == 0)
			began_ms = n->clock.ms;
		if (!is_said && until_s[who] <= n->clock.ms / 1000)
			unsaid++;
		if (is_said)
			until_s[who] = n->clock.ms / 1000 + REFUSAL_EVERY_S;
		CU_ASSERT_FATAL(in_second <= REFUSALS_SECOND);
		CU_ASSERT_FATAL(w->stats[0].refusals_unsaid >= unsaid);
	}
	CU_ASSERT(unsaid > STEPS / 10 && again < STEPS / 100); /* of sets that were full */
	CU_ASSERT(w->stats[0].refusals_unsaid - unsaid < STEPS / 100);
	world_free(w);
}

static const struct test_case cases[] = {
	{"each subscriber at its limit", test_each},
	{"so many a second", test_bound},
	{"kinds of refusal, realms", test_kinds},
	{"pools", test_pools},
	{"ports of each protocol", test_protocols},
	{"tables", test_tables},
	{"fragments", test_fragments},
	{"no log", test_none},
	{"room for ends", test_reserve},
	{"against a model", test_model},
};
TEST_MAIN("nat_refusal", cases)
