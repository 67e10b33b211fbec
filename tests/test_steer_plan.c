/* SPDX-License-Identifier: Apache-2.0 */
/* What arrives where, which key is chosen, which rules are made, what is said of it. */
#include "ctl/dataplane/steer_plan.h"
#include "ctl/dataplane/steer_say.h"

#include "tests/plane_world.h"
#include "tests/test.h"

static struct world w;
static struct steer_plan plan;

static const struct steer_offer rss_only = {
	.driver = "test", .rss_types = 1, .hashes4 = 1, .hashes6 = 1, .key_size = 40,
	.reta_size = 128, .max_queues = 8, .rx_queues = 2};

#define BIT(t) (1u << STEER_##t)

static void
arrivals(void)
{
	struct steer_arrivals a;
	world_open(&w, WORLD_JSON, true);
	steer_arrivals_find(&a, w.plane.gen);
	CU_ASSERT_EQUAL(a.traffic[INSIDE], BIT(SUBSCRIBER));
	CU_ASSERT_EQUAL(a.traffic[OUTSIDE],
	                BIT(POOL) | BIT(CLIENT4) | BIT(CLIENT6) | BIT(REPLY6));
	CU_ASSERT_EQUAL(a.traffic[FARM], BIT(REPLY4));
	world_close(&w);
}

/* Replies to pool addresses come by every way out, not only by the default one. */
static void
ways_out(void)
{
	static const char json[] = "{" WORLD_WORKERS "," WORLD_NICS ", \"routes\": ["
		"{\"prefix\": \"0.0.0.0/0\", \"via\": \"198.51.100.1\"}, "
		"{\"prefix\": \"9.0.0.0/8\", \"via\": \"10.0.0.9\"}], " WORLD_NAT "}";
	struct steer_arrivals a;
	world_open(&w, json, true);
	steer_arrivals_find(&a, w.plane.gen);
	CU_ASSERT_EQUAL(a.traffic[INSIDE], BIT(SUBSCRIBER));
	CU_ASSERT(a.traffic[OUTSIDE] == BIT(POOL) && a.traffic[FARM] == BIT(POOL));
	world_close(&w);
}

static void
make(unsigned dev, const struct steer_offer *o)
{
	struct steer_arrivals a;
	steer_arrivals_find(&a, w.plane.gen);
	steer_plan_make(&plan, w.plane.gen, &a, dev, o);
	CU_ASSERT_EQUAL(plan.arrives, plan.by_rss | plan.by_rules | plan.left);
	CU_ASSERT_EQUAL(plan.by_rss & plan.by_rules, 0);
	CU_ASSERT_EQUAL((plan.by_rss | plan.by_rules) & plan.left, 0);
}

/* Everything is on device 1: pool and replies by destination weigh more than clients by source. */
static void
keys(void)
{
	uint8_t key[STEER_KEY];
	world_open(&w, WORLD_JSON, true);
	make(0, &rss_only);
	CU_ASSERT(plan.strength == STEER_BY_RSS && plan.setup.key == STEER_KEY_INSIDE);
	steer_key_inside(key, 7);
	CU_ASSERT_EQUAL(memcmp(plan.setup.key_bytes, key, sizeof(key)), 0);
	for (unsigned e = 0; e < 128; e++)
		CU_ASSERT_EQUAL(plan.setup.reta[e], steer_reta(&w.plane.gen->steer, e, 7));
	make(1, &rss_only);
	CU_ASSERT(plan.strength == STEER_BY_HANDOFF && plan.setup.key == STEER_KEY_OUTSIDE4);
	CU_ASSERT_EQUAL(plan.by_rss, BIT(POOL) | BIT(REPLY4));
	CU_ASSERT_EQUAL(plan.setup.n_rules, 0);
	world_close(&w);
}

static void
rules(void)
{
	struct steer_offer o = rss_only;
	world_open(&w, WORLD_JSON, true);
	o.can[STEER_CAN_QUEUE] = 1;
	make(1, &o);
	/* Addresses of the pool to their queues, if the key is for clients. */
	bool for_clients = plan.setup.key == STEER_KEY_INSIDE;
	CU_ASSERT_EQUAL(plan.by_rules & BIT(POOL), for_clients ? BIT(POOL) : 0);
	o.can[STEER_CAN_RSS] = 1;
	make(1, &o);
	CU_ASSERT(plan.strength == STEER_BY_RULES && plan.left == 0);
	for (uint32_t i = 0; i + 1 < plan.setup.n_rules; i++)
		CU_ASSERT(memcmp(&plan.setup.rule[i], &plan.setup.rule[i + 1],
		                 sizeof(struct steer_rule)) < 0);
	for (uint32_t i = 0; i < plan.setup.n_rules; i++) {
		const struct steer_rule *r = &plan.setup.rule[i];
		CU_ASSERT(r->vlan == 7 || r->vlan == 8);
		CU_ASSERT(r->vlan == 7 || r->traffic == STEER_REPLY4);
	}
	steer_plan_refused(&plan, plan.by_rules);
	CU_ASSERT(plan.strength == STEER_BY_HANDOFF && plan.by_rules == 0 && plan.left != 0);
	world_close(&w);
}

/* Clients in IPv6 by the key; one rule, on each VLAN of the device, for all that comes in IPv4. */
static void
rule_for_a_family(void)
{
	static const char json[] = "{" WORLD_WORKERS "," WORLD_NICS "," WORLD_ROUTES "," WORLD_NAT
		", \"lb\": {\"services\": [{\"name\": \"web6\", \"address\": \"2001:db8:2::10\", "
		"\"port\": 80, \"protocol\": \"tcp\", "
		"\"backends\": [{\"address\": \"2001:db8:a::11\"}]}]}}";
	struct steer_offer o = rss_only;
	o.can[STEER_CAN_RSS] = 1;
	world_open(&w, json, true);
	make(1, &o);
	CU_ASSERT(plan.by_rss == BIT(CLIENT6) && plan.whole == BIT(POOL) && plan.left == 0);
	CU_ASSERT_EQUAL_FATAL(plan.setup.n_rules, 2);
	for (unsigned i = 0; i < 2; i++) {
		const struct steer_rule *r = &plan.setup.rule[i];
		CU_ASSERT(r->family == FAMILY_V4 && r->plen == 0 && r->key == STEER_KEY_OUTSIDE4);
		CU_ASSERT(r->vlan == 7 || r->vlan == 8);
	}
	CU_ASSERT(plan.setup.rule[0].vlan != plan.setup.rule[1].vlan);
	world_close(&w);
}

/* More addresses than a device gets rules: none of them, so that nothing is steered by halves. */
static void
too_many_rules(void)
{
	static const char json[] = "{" WORLD_WORKERS "," WORLD_NICS "," WORLD_ROUTES
		", \"nat\": {\"pools\": [{\"name\": \"p\", \"addresses\": [\"203.0.0.0/19\"]}], "
		"\"rules\": [{\"name\": \"r\", \"nic\": \"inside\", "
		"\"source\": \"100.64.0.0/10\", \"pool\": \"p\"}]}}";
	struct steer_offer o = rss_only;
	o.key_size = 0;
	o.can[STEER_CAN_QUEUE] = 1;
	world_open(&w, json, true);
	make(1, &o);
	CU_ASSERT(plan.arrives == BIT(POOL) && plan.left == BIT(POOL));
	CU_ASSERT(plan.crowded == BIT(POOL) && plan.setup.n_rules == 0);
	world_close(&w);
}

static void
what_cannot_be(void)
{
	struct steer_offer o = rss_only;
	world_open(&w, WORLD_JSON, true);
	o.key_size = 16;
	make(0, &o);
	CU_ASSERT(plan.strength == STEER_BY_HANDOFF && plan.setup.key == STEER_KEY_NONE);
	o = rss_only;
	o.reta_size = 100;
	make(0, &o);
	CU_ASSERT_EQUAL(plan.setup.key, STEER_KEY_NONE);
	CU_ASSERT_EQUAL(steer_offer_reta_bits(&o, 2), 0);
	for (uint16_t workers = 1; workers <= MAX_WORKERS; workers++)
		for (unsigned bits = 1; bits <= 12; bits++) {
			o.reta_size = (uint16_t)(1u << bits);
			CU_ASSERT_EQUAL(steer_offer_reta_bits(&o, workers),
			                1u << bits >= workers ? bits : 0);
		}
	o = rss_only;
	o.hashes4 = 0;
	make(0, &o);
	CU_ASSERT(plan.left == BIT(SUBSCRIBER) && plan.strength == STEER_BY_HANDOFF);
	for (unsigned six = 0; six < 2; six++) {
		o = rss_only;
		o.only_key = STEER_KEY_INSIDE;
		o.hashes6 = (uint8_t)six;
		make(1, &o);
		CU_ASSERT((plan.arrives & BIT(CLIENT6)) != 0 && (plan.by_rss & BIT(CLIENT4)) != 0);
		CU_ASSERT_EQUAL((plan.by_rss & BIT(CLIENT6)) != 0, six);
		CU_ASSERT_EQUAL((plan.left & BIT(CLIENT6)) != 0, !six);
	}
	o = rss_only;
	o.rx_queues = 1;
	make(0, &o);
	CU_ASSERT(plan.left == BIT(SUBSCRIBER) && plan.setup.n_rules == 0);
	world_close(&w);
}

/* One rule stands for all of a family: refused for one kind, it serves none of them. */
static void
refused_for_a_family(void)
{
	uint16_t v4 = BIT(POOL) | BIT(REPLY4), v6 = BIT(REPLY6);
	struct steer_plan p = {.by_rules = v4 | v6, .whole = v4, .strength = STEER_BY_RULES};
	steer_plan_refused(&p, 0);
	CU_ASSERT(p.left == 0 && p.strength == STEER_BY_RULES);
	steer_plan_refused(&p, BIT(POOL));
	CU_ASSERT(p.left == v4 && p.by_rules == v6 && p.strength == STEER_BY_HANDOFF);
	steer_plan_refused(&p, v6 | BIT(CLIENT4)); /* of which there was no rule */
	CU_ASSERT(p.left == (v4 | v6) && p.by_rules == 0);
}

static void
words(void)
{
	struct cmd_steering s = {.strength = 9};
	struct steer_result r = {.refusal = ""};
	world_open(&w, WORLD_JSON, true);
	make(0, &rss_only);
	steer_say(&s, &plan, &rss_only, &r, 2);
	CU_ASSERT_STRING_EQUAL(s.choice, "1 (RSS): RSS by source, for both families");
	CU_ASSERT_STRING_EQUAL(s.reason, "the key brings home subscribers");
	CU_ASSERT_STRING_EQUAL(s.cost, "none in software");
	CU_ASSERT(s.strength == 1 && s.reta_size == 128 && s.rx_queues == 2);
	make(1, &rss_only);
	steer_say(&s, &plan, &rss_only, &r, 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(s.reason, "; not clients (IPv4), clients (IPv6) and"));
	CU_ASSERT_PTR_NOT_NULL(strstr(s.reason, "one key cannot serve all of it"));
	CU_ASSERT_STRING_EQUAL(s.key, "outside4");
	struct steer_offer tiny = rss_only;
	tiny.reta_size = 1;
	make(0, &tiny);
	steer_say(&s, &plan, &tiny, &r, 2);
	CU_ASSERT_STRING_EQUAL(s.reason, "subscribers: its table has fewer entries than there "
	                       "are workers");
	steer_say_lies(&s, 70, 70);
	CU_ASSERT(s.lies == 1 && strstr(s.cost, "70 packets") == s.cost);
	world_close(&w);
}

static const struct test_case cases[] = {
	{"arrivals", arrivals},
	{"ways out", ways_out},
	{"keys", keys},
	{"rules", rules},
	{"rule for a family", rule_for_a_family},
	{"too many rules", too_many_rules},
	{"what cannot be", what_cannot_be},
	{"refused for a family", refused_for_a_family},
	{"words", words},
};
TEST_MAIN("steer_plan", cases)
