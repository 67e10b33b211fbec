/* SPDX-License-Identifier: Apache-2.0 */
/* Flows of static mappings: both sides, homes, blocks around their ports, what a change cuts. */
#include "nat/unmapped.h"
#include "nat_world.h"

#define SERVER ip(198, 51, 100, 1)
#define HOST ip(100, 64, 0, 7)
enum { TCP = IPPROTO_L4_TCP, UDP = IPPROTO_L4_UDP };

static struct nat_world *w;
static struct flow_spec spec;
static struct world_flow flow;

static void
row(be32 inside, be32 outside, uint8_t proto, unsigned in_port, unsigned out_port, uint64_t size)
{
	world_static(w, static_key(1, inside, proto, port(in_port)),
	             static_key(0, outside, proto, port(out_port)), size);
}

static void
begin(void)
{
	w = world_new();
	world_pool(w, 1024, 65535, 512, 4);
	for (unsigned i = 0; i < 4; i++)
		world_address(w, 0, ip(203, 0, 113, 8 + i));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
}

/* A port of a pool's address, from both sides, with the realm of the inside. */
static void
test_flows(void)
{
	begin();
	be32 outside = ip(203, 0, 113, 8);
	row(HOST, outside, TCP, 80, 8080, 2);
	world_apply(w);
	CU_ASSERT_EQUAL_FATAL(world_in(w, TCP, SERVER, 4000, outside, port(8081), &spec, &flow),
	                      VERDICT_OPEN);
	CU_ASSERT_EQUAL(spec.reply.src.w[0], HOST);
	CU_ASSERT_EQUAL(spec.reply.sport, port(81));
	CU_ASSERT_EQUAL(spec.reply.realm, 1);
	CU_ASSERT((spec.flags & (FLOW_INBOUND | FLOW_HIDE_1)) == (FLOW_INBOUND | FLOW_HIDE_1));
	CU_ASSERT(!owner_is_mapping(spec.owner));
	world_answer(w, &flow);
	world_end(w, &flow);
	CU_ASSERT_EQUAL_FATAL(world_out(w, TCP, HOST, 80, SERVER, 443, &spec, &flow), VERDICT_OPEN);
	CU_ASSERT_EQUAL(spec.reply.dst.w[0], outside);
	CU_ASSERT_EQUAL(spec.reply.dport, port(8080));
	world_end(w, &flow);
	/* The next port, and the same one of UDP, are nobody's. */
	CU_ASSERT_EQUAL(world_in(w, TCP, SERVER, 4000, outside, port(8082), &spec, &flow),
	                VERDICT_DROP);
	CU_ASSERT_EQUAL(world_in(w, UDP, SERVER, 4000, outside, port(8080), &spec, &flow),
	                VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_NO_MAPPING);
	CU_ASSERT_EQUAL(w->stats[0].mappings_created, 0);
	/* From another realm the address is another host's. */
	struct miss m = world_miss(w, W_OTHER, TCP, HOST, port(80), SERVER, port(443));
	CU_ASSERT_EQUAL(world_open(w, &m, &spec, &flow), VERDICT_PASS);
	/* And its hosts do not come in as if they were outside. */
	m = world_miss(w, W_OTHER, TCP, SERVER, port(4000), outside, port(8080));
	CU_ASSERT_EQUAL(world_open(w, &m, &spec, &flow), VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_NO_POLICY);
	world_free(w);
}

/* By the interface that it names alone; and no echo reply that nobody has asked for. */
static void
test_interface(void)
{
	begin();
	be32 outside = ip(203, 0, 113, 8);
	row(HOST, outside, IPPROTO_L4_ICMP, 0, 0, 65536);
	world_apply(w);
	CU_ASSERT_EQUAL_FATAL(world_out(w, IPPROTO_L4_ICMP, HOST, 7, SERVER, 0, &spec, &flow),
	                      VERDICT_OPEN);
	CU_ASSERT(!owner_is_mapping(spec.owner));
	CU_ASSERT_EQUAL(world_out(w, IPPROTO_L4_ICMP, HOST, 0, SERVER, 7, &spec, &flow),
	                VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_NO_POLICY);
	CU_ASSERT_EQUAL(world_in(w, IPPROTO_L4_ICMP, SERVER, 0, outside, port(9), &spec, &flow),
	                VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_NO_MAPPING);
	w->statics[0].nic = W_OTHER;
	world_apply(w);
	CU_ASSERT_EQUAL_FATAL(world_out(w, IPPROTO_L4_ICMP, HOST, 7, SERVER, 0, &spec, &flow),
	                      VERDICT_OPEN);
	CU_ASSERT(owner_is_mapping(spec.owner)); /* by the rule, as if there were none */
	world_free(w);
}

/* Who is inside is translated first, and enters again with an external source (RFC 4787 REQ-9a). */
static void
test_hairpin(void)
{
	begin();
	be32 outside = ip(203, 0, 113, 8);
	row(HOST, outside, TCP, 80, 8080, 1);
	world_apply(w);
	CU_ASSERT_EQUAL_FATAL(world_out(w, TCP, ip_add(HOST, 1), 4000, outside, 8080, &spec, &flow),
	                      VERDICT_OPEN);
	CU_ASSERT_TRUE(owner_is_mapping(spec.owner));
	CU_ASSERT_EQUAL(spec.reply.src.w[0], outside);
	CU_ASSERT_EQUAL(spec.reply.sport, port(8080));
	struct miss again = world_miss(w, 0, TCP, spec.reply.dst.w[0], spec.reply.dport, outside,
	                               port(8080));
	CU_ASSERT_EQUAL_FATAL(world_open(w, &again, &spec, &flow), VERDICT_OPEN);
	CU_ASSERT_EQUAL(spec.reply.src.w[0], HOST);
	CU_ASSERT_EQUAL(spec.reply.sport, port(80));
	CU_ASSERT_EQUAL(spec.reply.dst.w[0], again.tuple.src.w[0]);
	world_free(w);
}

/* Both directions have one home, wherever the outside address is at home. */
static void
test_homes(void)
{
	w = world_new();
	w->plane.workers = 4;
	w->plane.steer_class_bits = 2;
	world_pool(w, 1024, 65535, 512, 4);
	for (unsigned i = 0; i < 4; i++)
		world_address(w, 0, ip(203, 0, 113, 8 + i));
	for (unsigned i = 0; i < W_STATICS; i++)
		row(ip_add(HOST, 5 * i), ip(203, 0, 113, 8 + i % 4), UDP, 500, 600 + i, 1);
	world_apply(w);
	unsigned apart = 0;
	for (unsigned i = 0; i < W_STATICS; i++) {
		be32 outside = ip(203, 0, 113, 8 + i % 4);
		struct miss out = world_miss(w, W_INSIDE, UDP, ip_add(HOST, 5 * i), port(500),
		                             SERVER, port(53));
		struct miss in = world_miss(w, W_OUTSIDE, UDP, SERVER, port(53), outside,
		                            port(600 + i));
		union addr u = addr_from_v4(outside);
		int home = nat_policy.home(w->gen, &out);
		CU_ASSERT_EQUAL(home, nat_policy.home(w->gen, &in));
		apart += home != steer_worker(&w->gen->steer, &u, FAMILY_V4);
	}
	CU_ASSERT(apart > 0);
	world_free(w);
}

/* Exhaustion around static ports: their block is never given, all others are. */
static void
test_blocks(void)
{
	w = world_new();
	world_pool(w, 1024, 1024 + 8 * 64 - 1, 64, 1);
	world_address(w, 0, ip(203, 0, 113, 8));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
	row(ip(100, 64, 1, 1), ip(203, 0, 113, 8), TCP, 80, 1024 + 3 * 64 + 63, 2); /* two blocks */
	world_apply(w);
	unsigned opened = 0;
	for (unsigned i = 0; i < 8; i++) {
		if (world_out(w, UDP, ip_add(HOST, i), 5000, SERVER, 53, &spec, &flow) !=
		    VERDICT_OPEN)
			continue;
		unsigned number = (__builtin_bswap16(spec.reply.dport) - 1024u) / 64;
		CU_ASSERT(number != 3 && number != 4);
		opened++;
	}
	CU_ASSERT_EQUAL(opened, 6);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_NO_PORT);
	world_free(w);
}

static bool
is_stale(const struct world_flow *f)
{
	struct flow4 f4 = {.f = f->f};
	f4.f.realm[0] = f->t[0].realm;
	f4.f.realm[1] = f->t[1].realm;
	f4.tuple[0] = tuple_to4(&f->t[0]);
	f4.tuple[1] = tuple_to4(&f->t[1]);
	return nat_policy.stale(w->state[0], &f4.f);
}

/* What a new generation cuts: dynamic flows on static ports, and static ones that are no more. */
static void
test_stale(void)
{
	struct world_flow dynamic, neighbour, in, out;
	begin();
	row(HOST, ip(203, 0, 113, 8), TCP, 80, 80, 1);
	world_apply(w);
	CU_ASSERT_TRUE(nat_policy.stale(w->state[0], NULL));
	world_in(w, TCP, SERVER, 4000, ip(203, 0, 113, 8), port(80), &spec, &in);
	world_out(w, TCP, HOST, 80, SERVER, 443, &spec, &out);
	world_out(w, UDP, HOST, 5001, SERVER, 53, &spec, &neighbour);
	world_out(w, UDP, HOST, 5000, SERVER, 53, &spec, &dynamic);
	be32 external = spec.reply.dst.w[0];
	unsigned eport = __builtin_bswap16(spec.reply.dport);
	world_apply(w);
	CU_ASSERT_FALSE(nat_policy.stale(w->state[0], NULL)); /* the same ones */
	CU_ASSERT(!is_stale(&in) && !is_stale(&out) && !is_stale(&dynamic));
	row(ip_add(HOST, 1), external, UDP, 1, eport, 1);
	world_apply(w);
	CU_ASSERT_TRUE(nat_policy.stale(w->state[0], NULL));
	CU_ASSERT(!is_stale(&in) && !is_stale(&out) && is_stale(&dynamic) && !is_stale(&neighbour));
	/* The subscriber goes on with other blocks. */
	world_out(w, UDP, HOST, 5000, SERVER, 54, &spec, &flow);
	CU_ASSERT(__builtin_bswap16(spec.reply.dport) / 512 != eport / 512);
	w->n_statics = 0;
	world_apply(w);
	CU_ASSERT_TRUE(nat_policy.stale(w->state[0], NULL));
	CU_ASSERT(is_stale(&in) && is_stale(&out) && !is_stale(&neighbour));
	world_apply(w);
	CU_ASSERT_FALSE(nat_policy.stale(w->state[0], NULL));
	world_free(w);
}

/* A mapping that nobody may speak to from outside any more: what was opened from there ends. */
/* An inside endpoint that becomes static loses its dynamic mapping, and no other does. */
static void
test_stale_inside(void)
{
	struct world_flow out, in, other, neighbour;
	begin();
	world_apply(w);
	world_out(w, UDP, HOST, 5000, SERVER, 53, &spec, &out);
	world_in(w, UDP, ip_add(SERVER, 9), 7, spec.reply.dst.w[0], spec.reply.dport, &spec, &in);
	world_out(w, UDP, HOST, 5001, SERVER, 53, &spec, &other);
	world_out(w, UDP, ip_add(HOST, 1), 5000, SERVER, 53, &spec, &neighbour);
	row(HOST, ip(203, 0, 113, 8), UDP, 5000, 6000, 1);
	world_apply(w);
	CU_ASSERT_TRUE(nat_policy.stale(w->state[0], NULL));
	CU_ASSERT(is_stale(&out) && is_stale(&in) && !is_stale(&other) && !is_stale(&neighbour));
	world_end(w, &out);
	world_end(w, &in);
	world_out(w, UDP, HOST, 5000, SERVER, 53, &spec, &out);
	CU_ASSERT_EQUAL(spec.reply.dst.w[0], ip(203, 0, 113, 8));
	CU_ASSERT_FALSE(is_stale(&out));
	world_free(w);
}

static void
test_stale_inbound(void)
{
	struct world_flow in, out;
	begin();
	row(HOST, ip(203, 0, 113, 8), TCP, 80, 80, 1);
	world_apply(w);
	world_in(w, TCP, SERVER, 4000, ip(203, 0, 113, 8), port(80), &spec, &in);
	world_out(w, TCP, HOST, 80, SERVER, 443, &spec, &out);
	w->statics[0].inbound = 0;
	world_apply(w);
	CU_ASSERT_TRUE(nat_policy.stale(w->state[0], NULL));
	CU_ASSERT(is_stale(&in) && !is_stale(&out));
	world_free(w);
}

static const struct test_case cases[] = {
	{"flows from both sides", test_flows},
	{"an interface, and echo", test_interface},
	{"hairpin", test_hairpin},
	{"one home", test_homes},
	{"blocks around static ports", test_blocks},
	{"what a generation cuts", test_stale},
	{"an inside endpoint that becomes static", test_stale_inside},
	{"closed to those outside", test_stale_inbound},
};
TEST_MAIN("nat_unmapped", cases)
