/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that let pass: what they match in both directions, and the flows that they open. */
#include "nat/pass.h"

#include "nat/unmapped.h"
#include "nat_world.h"

#define SERVER ip(198, 51, 100, 1)
#define SUBSCRIBER ip(100, 64, 0, 7)
enum { TCP = IPPROTO_L4_TCP, UDP = IPPROTO_L4_UDP, ICMP = IPPROTO_L4_ICMP, GRE = 47 };

static struct nat_world *w;
static struct flow_spec spec;
static struct world_flow flow;
/* Where packets from outside to a subscriber go. */
static const struct img_route to_inside = {.kind = ROUTE_CONNECTED, .nic = W_INSIDE};
static const struct img_route to_other = {.kind = ROUTE_CONNECTED, .nic = W_OTHER};

/* A rule that lets pass before one that translates. */
static struct img_nat_rule *
begin(void)
{
	w = world_new();
	world_pool(w, 1024, 65535, 512, 4);
	for (unsigned i = 0; i < 4; i++)
		world_address(w, 0, ip(203, 0, 113, 8 + i));
	struct img_nat_rule *r = world_rule(w, ip(100, 64, 0, 0), 16, W_INSIDE, NAT_FILTER_EIF, 0);
	r->action = NAT_PASS;
	r->last = 65535;
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
	return r;
}

/* => the row that lets pass (0), that translates (1), or 9. */
static unsigned
out(uint8_t proto, be32 src, be32 dst, unsigned dport)
{
	struct miss m = world_miss(w, W_INSIDE, proto, src, port(7), dst, port(dport));
	const struct img_nat_rule *r = rules_match(rules_of(w->gen), &m);
	return r == NULL ? 9 : (unsigned)(r - rules_of(w->gen)->rules);
}

static bool
back(uint8_t proto, be32 src, unsigned sport, be32 dst, const struct img_route *route)
{
	struct miss m = world_miss(w, W_OUTSIDE, proto, src, port(sport), dst, port(7));
	m.route = route;
	return rules_match_back(rules_of(w->gen), &m) != NULL;
}

static void
test_match(void)
{
	struct img_nat_rule *r = begin();
	r->destination = ip(198, 51, 100, 0);
	r->destination_plen = 24;
	r->proto = TCP;
	r->first = 80;
	r->last = 443;
	world_apply(w);
	CU_ASSERT_EQUAL(out(TCP, SUBSCRIBER, SERVER, 80), 0);
	CU_ASSERT_EQUAL(out(TCP, SUBSCRIBER, SERVER, 443), 0);
	CU_ASSERT_EQUAL(out(TCP, SUBSCRIBER, SERVER, 79), 1);
	CU_ASSERT_EQUAL(out(TCP, SUBSCRIBER, SERVER, 444), 1);
	CU_ASSERT_EQUAL(out(UDP, SUBSCRIBER, SERVER, 80), 1);
	CU_ASSERT_EQUAL(out(TCP, SUBSCRIBER, ip(198, 51, 101, 1), 80), 1);
	CU_ASSERT_EQUAL(out(TCP, ip(100, 65, 0, 7), SERVER, 80), 1);
	CU_ASSERT_EQUAL(out(TCP, ip(10, 0, 0, 7), SERVER, 80), 9);
	CU_ASSERT_TRUE(back(TCP, SERVER, 80, SUBSCRIBER, &to_inside));
	CU_ASSERT_FALSE(back(TCP, SERVER, 79, SUBSCRIBER, &to_inside));
	CU_ASSERT_FALSE(back(UDP, SERVER, 80, SUBSCRIBER, &to_inside));
	CU_ASSERT_FALSE(back(TCP, SERVER, 80, SUBSCRIBER, &to_other));
	CU_ASSERT_FALSE(back(TCP, SERVER, 80, SUBSCRIBER, NULL));
	CU_ASSERT_FALSE(back(TCP, SERVER, 80, ip(100, 65, 0, 7), &to_inside));
	world_free(w);
}

/* Without protocol and ports a rule is for all; with ports not for what has none. */
static void
test_any(void)
{
	struct img_nat_rule *r = begin();
	world_apply(w);
	CU_ASSERT_EQUAL(out(TCP, SUBSCRIBER, SERVER, 80), 0);
	CU_ASSERT_EQUAL(out(ICMP, SUBSCRIBER, SERVER, 0), 0);
	CU_ASSERT_EQUAL(out(GRE, SUBSCRIBER, SERVER, 0), 0);
	/* Not to an address of ours: that is a hairpin. */
	CU_ASSERT_EQUAL(out(UDP, SUBSCRIBER, ip(203, 0, 113, 8), 5), 1);
	r->last = 100;
	world_apply(w);
	CU_ASSERT_EQUAL(out(UDP, SUBSCRIBER, SERVER, 80), 0);
	CU_ASSERT_EQUAL(out(ICMP, SUBSCRIBER, SERVER, 0), 1);
	CU_ASSERT_EQUAL(out(GRE, SUBSCRIBER, SERVER, 0), 1);
	world_free(w);
}

static void
test_flow(void)
{
	struct img_nat_rule *r = begin();
	world_apply(w);
	enum verdict v = world_out(w, TCP, SUBSCRIBER, 5000, SERVER, 80, &spec, &flow);
	CU_ASSERT_EQUAL(v, VERDICT_OPEN);
	struct tuple inverse = tuple_invert(&flow.t[0]);
	inverse.realm = 0;
	CU_ASSERT_EQUAL(memcmp(&spec.reply, &inverse, sizeof(inverse)), 0);
	CU_ASSERT_EQUAL(spec.flags, FLOW_REFRESH_0 | FLOW_REFRESH_1);
	CU_ASSERT_EQUAL(spec.owner, OWNER_PASS);
	CU_ASSERT_EQUAL(spec.timers, 1);
	CU_ASSERT_EQUAL(w->stats[0].mappings + w->stats[0].subscribers, 0);
	world_answer(w, &flow);
	world_end(w, &flow);
	/* From the other side only where the rule says so. */
	struct miss m = world_miss(w, W_OUTSIDE, TCP, SERVER, port(80), SUBSCRIBER, port(5001));
	m.route = &to_inside;
	CU_ASSERT_EQUAL(world_open(w, &m, &spec, &flow), VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_FILTERED);
	r->inbound = 1;
	world_apply(w);
	m.gen = w->gen;
	CU_ASSERT_EQUAL(world_open(w, &m, &spec, &flow), VERDICT_OPEN);
	CU_ASSERT_EQUAL(spec.flags, FLOW_REFRESH_0 | FLOW_REFRESH_1 | FLOW_INBOUND);
	world_answer(w, &flow);
	nat_policy.undo(w->state[0], &m, &spec);
	world_end(w, &flow);
	CU_ASSERT_EQUAL(w->stats[0].mappings + w->stats[0].mappings_freed, 0);
	world_free(w);
}

/* Both directions are at home where the subscriber is; what has no ports is routed or nobody's. */
static void
test_home(void)
{
	struct img_nat_rule *r = begin();
	w->plane.workers = 4;
	w->plane.steer_class_bits = 2;
	world_apply(w);
	for (unsigned i = 0; i < 64; i++) {
		be32 subscriber = ip_add(SUBSCRIBER, i);
		struct miss a = world_miss(w, W_INSIDE, UDP, subscriber, port(7), SERVER, port(9));
		struct miss b = world_miss(w, W_OUTSIDE, UDP, SERVER, port(9), subscriber, port(7));
		b.route = &to_inside;
		CU_ASSERT_EQUAL(nat_policy.home(w->gen, &a), nat_policy.home(w->gen, &b));
	}
	struct miss m = world_miss(w, W_INSIDE, GRE, SUBSCRIBER, 0, SERVER, 0);
	struct miss answer = world_miss(w, W_OUTSIDE, GRE, SERVER, 0, SUBSCRIBER, 0);
	m.is_flowless = answer.is_flowless = 1;
	answer.route = &to_inside;
	CU_ASSERT_EQUAL(nat_policy.home(w->gen, &m), HOME_ROUTE);
	CU_ASSERT_TRUE(nat_policy.home(w->gen, &answer) >= 0);
	r->inbound = 1;
	world_apply(w);
	m.gen = answer.gen = w->gen;
	CU_ASSERT_EQUAL(nat_policy.home(w->gen, &answer), HOME_ROUTE);
	/* A translated subscriber's is somebody's, so that it is not routed either. */
	m.tuple.src = addr_from_v4(ip(100, 65, 0, 7));
	CU_ASSERT_TRUE(nat_policy.home(w->gen, &m) >= 0);
	m.tuple.src = addr_from_v4(ip(10, 0, 0, 7));
	CU_ASSERT_EQUAL(nat_policy.home(w->gen, &m), HOME_NOT_MINE);
	world_free(w);
}

/* => why a packet from outside to an inside address is dropped, or 0: it is nobody's. */
static unsigned
arrives(uint8_t proto, be32 dst, unsigned dport)
{
	struct miss m = world_miss(w, W_OUTSIDE, proto, SERVER, port(9), dst, port(dport));
	m.route = &to_inside;
	m.event = proto == TCP ? EV_OPEN : EV_OTHER;
	spec = (struct flow_spec){0};
	int home = nat_policy.home(w->gen, &m);
	enum verdict v = nat_policy.open(w->state[home >= 0 ? home : 0], &m, &spec);
	CU_ASSERT_EQUAL(v == VERDICT_PASS, home == HOME_NOT_MINE);
	return v == VERDICT_DROP ? spec.drop : 0;
}

/* Where what nobody claims is routed, a translated subscriber's own address is claimed. */
static void
test_hidden(void)
{
	be32 passed = SUBSCRIBER, translated = ip(100, 65, 0, 7), other = ip(10, 0, 0, 7);
	be32 fixed = ip(10, 0, 0, 8);
	begin();
	world_static(w, static_key(1, fixed, TCP, port(80)),
	             static_key(0, ip(203, 0, 113, 8), TCP, port(80)), 1);
	for (uint8_t routed = 0; routed < 4; routed++) {
		unsigned to_hidden = (routed & 1) != 0 ? DROP_NAT_FILTERED : 0;
		w->plane.routes_unclaimed = routed;
		world_apply(w);
		CU_ASSERT_EQUAL(arrives(TCP, translated, 80), to_hidden);
		CU_ASSERT_EQUAL(arrives(UDP, translated, 80), to_hidden);
		CU_ASSERT_EQUAL(arrives(TCP, fixed, 80), to_hidden);
		CU_ASSERT_EQUAL(arrives(TCP, fixed, 81), 0);
		CU_ASSERT_EQUAL(arrives(UDP, other, 80), 0);
		CU_ASSERT_EQUAL(arrives(UDP, passed, 80), DROP_NAT_FILTERED); /* no inbound */
	}
	world_free(w);
}

/* What is cut: by subscriber, port inside and protocol, never by what such a flow does not have. */
static void
test_chosen(void)
{
	struct flow4 f = {.f = {.proto = TCP, .realm = {1, 0}}};
	f.tuple[0] = (struct tuple4){SUBSCRIBER, SERVER, port(5000), port(80)};
	f.tuple[1] = tuple4_invert(&f.tuple[0]);
	struct cmd_nat_filter want = {.inside = SUBSCRIBER, .inside_mask = 0xffffffff};
	CU_ASSERT_TRUE(pass_chosen(&want, &f.f, 0));
	want.proto = UDP;
	CU_ASSERT_FALSE(pass_chosen(&want, &f.f, 0));
	want.proto = TCP;
	want.pool = 1;
	CU_ASSERT_FALSE(pass_chosen(&want, &f.f, 0));
	want.pool = 0;
	want.port_first = want.port_last = 5000;
	CU_ASSERT_FALSE(pass_chosen(&want, &f.f, 0));
	want.port_first = want.port_last = 0;
	f.f.flags = FLOW_INBOUND;
	CU_ASSERT_FALSE(pass_chosen(&want, &f.f, 0));
	want.inside = SERVER;
	CU_ASSERT_TRUE(pass_chosen(&want, &f.f, 0));
}

static const struct test_case cases[] = {
	{"prefix, protocol and ports, both ways", test_match},
	{"any protocol", test_any},
	{"flows without a mapping", test_flow},
	{"homes", test_home},
	{"inside addresses, from outside", test_hidden},
	{"flows that are cut", test_chosen},
};
TEST_MAIN("nat_pass", cases)
