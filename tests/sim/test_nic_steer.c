/* SPDX-License-Identifier: Apache-2.0 */
/* Offers, probes, keys, tables and rules, each against a simulated NIC. */
#include "lib/nic_steer.h"

#include <unistd.h>

#include <rte_eal.h>

#include "sim_nic.h"
#include "tests/packets.h"
#include "tests/test.h"

#define TYPES_ALL (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP)
#define TYPES_IP (TYPES_ALL & ~(RTE_ETH_RSS_IPV6_EX | RTE_ETH_RSS_IPV6_TCP_EX | \
                                RTE_ETH_RSS_IPV6_UDP_EX))

static const struct sim_model able = {
	.name = "able", .rss_types = TYPES_ALL | RTE_ETH_RSS_L2_PAYLOAD, .key_size = 52,
	.reta_size = 128, .max_queues = 4, .rule_queue = 1, .rule_port = 1, .rule_rss = 1,
	.max_rules = 5};
static const struct sim_model dumb = {.name = "dumb", .max_queues = 2};
static const struct sim_model tcp_only = {
	.name = "tcp_only", .rss_types = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_IPV6,
	.key_size = 40, .reta_size = 64, .max_queues = 2};

static struct steer_setup setup;
static struct nic_steer state;

static struct sim_nic *
nic(const struct sim_model *model, struct dev *d)
{
	struct sim_nic *s = sim_nic_create(model);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	*d = (struct dev){.port_id = (uint16_t)s->port, .rx_queues = model->max_queues};
	d->reta_bits = 7;
	s->queues = model->max_queues;
	return s;
}

static void
offers(void)
{
	struct dev d;
	struct steer_offer o;
	struct sim_nic *s = nic(&able, &d);
	nic_steer_offer(&d, &o);
	CU_ASSERT(o.key_size == 52 && o.reta_size == 128 && o.hashes4 && o.hashes6);
	/* All of IP, pieces of datagrams too; nothing that looks into extension headers. */
	CU_ASSERT_EQUAL(o.rss_types, TYPES_IP);
	nic_steer_probe(&d, &o);
	CU_ASSERT(o.can[STEER_CAN_QUEUE] && o.can[STEER_CAN_PORT] && o.can[STEER_CAN_RSS]);
	CU_ASSERT(!o.can[STEER_CAN_SPARSE] && !o.can[STEER_CAN_ICMP]);
	CU_ASSERT_EQUAL(s->n_rules, 0); /* asked, not made */
	sim_nic_destroy(s);
	s = nic(&dumb, &d);
	nic_steer_offer(&d, &o);
	nic_steer_probe(&d, &o);
	CU_ASSERT(!o.hashes4 && !o.hashes6 && !o.can[STEER_CAN_QUEUE] && !o.can[STEER_CAN_RSS]);
	CU_ASSERT(nic_steer_hash(&d, &setup) < 0 && nic_steer_reta(&d, &setup) < 0);
	sim_nic_destroy(s);
	s = nic(&tcp_only, &d);
	nic_steer_offer(&d, &o);
	CU_ASSERT(!o.hashes4 && o.hashes6); /* UDP would not be steered */
	CU_ASSERT_EQUAL(o.rss_types, tcp_only.rss_types);
	sim_nic_destroy(s);
}

static void
key_and_table(void)
{
	struct dev d;
	struct steer_offer o;
	struct sim_nic *s = nic(&able, &d);
	nic_steer_offer(&d, &o);
	memset(&setup, 0, sizeof(setup));
	setup.key_size = 52;
	setup.reta_size = 128;
	setup.rss_types = o.rss_types;
	steer_key_make(setup.key_bytes, 52, STEER_KEY_OUTSIDE6, 7);
	for (unsigned i = 0; i < 128; i++)
		setup.reta[i] = (uint16_t)(i * 7 % 4);
	CU_ASSERT_EQUAL(nic_steer_hash(&d, &setup), 0);
	CU_ASSERT_EQUAL(nic_steer_reta(&d, &setup), 0);
	CU_ASSERT_EQUAL(memcmp(s->key, setup.key_bytes, 52), 0);
	CU_ASSERT_EQUAL(memcmp(s->reta, setup.reta, 128 * sizeof(uint16_t)), 0);
	setup.reta[5] = 4; /* a queue that is not there */
	CU_ASSERT(nic_steer_reta(&d, &setup) < 0);
	setup.key_size = 40;
	CU_ASSERT(nic_steer_hash(&d, &setup) < 0);
	sim_nic_destroy(s);
}

/* Rules for 192.0.2.first and on, n of them. */
static void
want(unsigned first, unsigned n)
{
	memset(&setup, 0, sizeof(setup));
	for (unsigned i = 0; i < n; i++)
		setup.rule[i] = (struct steer_rule){
			.address = {.b = {192, 0, 2, (uint8_t)(first + i)}}, .family = FAMILY_V4,
			.plen = 32, .queue = (uint16_t)(i % 4), .traffic = STEER_POOL};
	setup.n_rules = n;
}

static void
rules_follow(void)
{
	struct dev d;
	struct sim_nic *s = nic(&able, &d);
	memset(&state, 0, sizeof(state));
	want(10, 4);
	nic_steer_rules(&d, &state, &setup);
	CU_ASSERT(state.n == 4 && s->n_rules == 4 && state.refused == 0);
	uint32_t validated = s->validated;
	CU_ASSERT(validated >= 4);
	nic_steer_rules(&d, &state, &setup); /* nothing new, nothing done */
	CU_ASSERT(s->validated == validated && s->destroyed == 0);
	want(10, 3);
	setup.rule[0].queue = 3; /* one differs, one goes, two stay */
	nic_steer_rules(&d, &state, &setup);
	CU_ASSERT(state.n == 3 && s->n_rules == 3 && s->destroyed == 2);
	/* Twice: while the old one with its pattern is there it is refused. */
	CU_ASSERT_EQUAL(s->validated, validated + 2);
	CU_ASSERT_EQUAL(state.refused, 0);
	want(10, 7); /* there is room for five */
	nic_steer_rules(&d, &state, &setup);
	CU_ASSERT(state.n == 5 && s->n_rules == 5 && state.refused == 2);
	CU_ASSERT_EQUAL(state.refused_traffic, 1u << STEER_POOL);
	CU_ASSERT_STRING_EQUAL(state.refusal, "no room");
	want(10, 2);
	setup.rule[1].port_mask = 0x0140; /* not contiguous: refused when validated */
	setup.rule[1].proto = 17;
	nic_steer_rules(&d, &state, &setup);
	CU_ASSERT(state.n == 1 && state.refused == 1);
	uint32_t destroyed = s->destroyed;
	nic_steer_rules_end(&d, &state);
	CU_ASSERT(state.n == 0 && s->n_rules == 0);
	CU_ASSERT_EQUAL(s->destroyed, destroyed + 1); /* one by one, before all that is left */
	sim_nic_destroy(s);
}

/* => by rule. A datagram to 192.0.2.10 from 198.51.100.7. */
static bool
goes_by_rule(struct sim_nic *s, uint16_t vlan)
{
	uint8_t bytes[FRAME_MAX];
	struct frame f = {.family = FAMILY_V4, .proto = 17, .vlan = vlan, .sport = 53,
	                  .dport = 2000, .src = {.b = {198, 51, 100, 7}},
	                  .dst = {.b = {192, 0, 2, 10}}};
	uint64_t before = s->by_rule;
	(void)sim_nic_queue(s, bytes, (uint32_t)frame_make(bytes, &f), NULL);
	return s->by_rule != before;
}

/* A rule is for the VLAN of its interface; and what the simulation says of rules that disagree. */
static void
rules_match(void)
{
	struct dev d;
	struct sim_nic *s = nic(&able, &d);
	memset(&state, 0, sizeof(state));
	want(10, 1);
	setup.rule[0].vlan = 7;
	nic_steer_rules(&d, &state, &setup);
	CU_ASSERT(goes_by_rule(s, 7) && !goes_by_rule(s, 8) && !goes_by_rule(s, 0));
	want(10, 2);
	setup.rule[1].address = (union addr){.b = {198, 51, 100, 0}};
	setup.rule[1].plen = 24;
	setup.rule[1].is_source = 1;
	nic_steer_rules(&d, &state, &setup);
	CU_ASSERT(state.n == 2 && s->ambiguous == 0);
	CU_ASSERT(goes_by_rule(s, 0) && s->ambiguous == 1);
	nic_steer_rules_end(&d, &state);
	sim_nic_destroy(s);
}

/* What both sets cover is never without a rule, if there is room; without it all comes too. */
static void
new_before_old(void)
{
	static const struct sim_model roomy = {
		.name = "roomy", .max_queues = 4, .rule_queue = 1, .max_rules = 8};
	struct dev d;
	struct sim_nic *s = nic(&roomy, &d);
	memset(&state, 0, sizeof(state));
	want(10, 4);
	nic_steer_rules(&d, &state, &setup);
	s->least_rules = UINT32_MAX;
	want(14, 4);
	nic_steer_rules(&d, &state, &setup);
	CU_ASSERT(state.n == 4 && s->n_rules == 4 && state.refused == 0);
	CU_ASSERT_EQUAL(s->least_rules, 4);
	want(20, 7);
	nic_steer_rules(&d, &state, &setup);
	CU_ASSERT(state.n == 7 && s->n_rules == 7 && state.refused == 0);
	nic_steer_rules_end(&d, &state);
	sim_nic_destroy(s);
}

/* A device that refuses the rest is not asked for thousands of them; all of them count. */
static void
full_early(void)
{
	struct dev d;
	struct sim_nic *s = nic(&able, &d);
	memset(&state, 0, sizeof(state));
	want(0, 250);
	nic_steer_rules(&d, &state, &setup);
	CU_ASSERT(state.n == 5 && state.refused == 245);
	CU_ASSERT_STRING_EQUAL(state.refusal, "no room");
	CU_ASSERT(s->asked <= 5 + 2 * STEER_GIVE_UP);
	nic_steer_rules_end(&d, &state);
	CU_ASSERT_EQUAL(s->n_rules, 0);
	sim_nic_destroy(s);
}

/* Rules of a process that was killed go at start; those that the device keeps go at the end. */
static void
left_behind(void)
{
	static const struct sim_model sticky = {
		.name = "sticky", .max_queues = 4, .rule_queue = 1, .keeps_rules = 1};
	struct dev d;
	struct sim_nic *s = nic(&sticky, &d);
	memset(&state, 0, sizeof(state));
	want(10, 4);
	nic_steer_rules(&d, &state, &setup);
	memset(&state, 0, sizeof(state)); /* killed */
	nic_steer_rules_begin(&d, &state);
	CU_ASSERT_EQUAL(s->n_rules, 0);
	want(10, 4);
	nic_steer_rules(&d, &state, &setup);
	CU_ASSERT(state.n == 4 && state.refused == 0 && s->n_rules == 4);
	want(12, 0);
	nic_steer_rules(&d, &state, &setup);
	CU_ASSERT(state.n == 0 && state.stuck == 4 && s->n_rules == 4);
	nic_steer_rules_end(&d, &state);
	CU_ASSERT(state.stuck == 0 && s->n_rules == 0);
	sim_nic_destroy(s);
}

static const struct test_case cases[] = {
	{"offers", offers},
	{"key and table", key_and_table},
	{"rules follow", rules_follow},
	{"rules match", rules_match},
	{"new before old", new_before_old},
	{"full early", full_early},
	{"left behind", left_behind},
};

int
main(void)
{
	char prefix[64];
	snprintf(prefix, sizeof(prefix), "--file-prefix=mr_nic_%d", getpid());
	char *argv[] = {"test_nic_steer", "--no-huge", "--no-shconf", "-m", "64", "--no-pci",
	                "--no-telemetry", "--log-level=error", "--iova-mode=va", "--lcores=0",
	                prefix, NULL};
	if (rte_eal_init(sizeof(argv) / sizeof(argv[0]) - 1, argv) < 0)
		return 77;
	int failed = test_main("nic_steer", cases, sizeof(cases) / sizeof(cases[0]));
	rte_eal_cleanup();
	return failed;
}
