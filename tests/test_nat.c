/* SPDX-License-Identifier: Apache-2.0 */
/* The policy as the engine sees it: homes, tuples, flags, filtering, hairpin, undo. */
#include "nat_world.h"

#define SERVER ip(198, 51, 100, 1)
#define SUBSCRIBER ip(100, 64, 0, 7)
enum { TCP = IPPROTO_L4_TCP, UDP = IPPROTO_L4_UDP, ICMP = IPPROTO_L4_ICMP };

static struct nat_world *w;
static struct flow_spec spec;
static struct world_flow flow, other;

static void
begin(uint8_t filtering)
{
	w = world_new();
	world_pool(w, 1024, 65535, 512, 4);
	for (unsigned i = 0; i < 4; i++)
		world_address(w, 0, ip(203, 0, 113, 8 + i));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, filtering, 0);
	world_apply(w);
}

static void
test_outbound_tuple(void)
{
	begin(NAT_FILTER_EIF);
	enum verdict v = world_out(w, UDP, SUBSCRIBER, 5000, SERVER, 53, &spec, &flow);
	CU_ASSERT_EQUAL_FATAL(v, VERDICT_OPEN);
	CU_ASSERT_EQUAL(spec.reply.src.w[0], SERVER);
	CU_ASSERT_EQUAL(spec.reply.sport, port(53));
	uint32_t external = __builtin_bswap32(spec.reply.dst.w[0]);
	CU_ASSERT(external >= 0xcb007108 && external < 0xcb00710c);
	CU_ASSERT(__builtin_bswap16(spec.reply.dport) >= 1024);
	CU_ASSERT_EQUAL(spec.reply.realm, 0);
	CU_ASSERT_EQUAL(spec.reply.proto, UDP);
	CU_ASSERT_EQUAL(spec.reply.family, FAMILY_V4);
	CU_ASSERT_EQUAL(spec.flags, FLOW_REFRESH_0 | FLOW_HIDE_0);
	CU_ASSERT_EQUAL(spec.timers, 1);
	CU_ASSERT_EQUAL(w->stats[0].mappings, 1);
	CU_ASSERT_EQUAL(w->stats[0].subscribers, 1);
	CU_ASSERT_EQUAL(w->stats[0].blocks, 1);
	world_end(w, &flow);
	CU_ASSERT_EQUAL(w->stats[0].mappings, 0);
	CU_ASSERT_EQUAL(w->stats[0].mappings_freed, 1);
	world_free(w);
}

/* RFC 4787 REQ-1, REQ-2; RFC 7857 section 5: by protocol. */
static void
test_endpoint_independent(void)
{
	begin(NAT_FILTER_EIF);
	static const uint8_t protos[] = {TCP, UDP, ICMP};
	be32 address = 0;
	for (unsigned p = 0; p < 3; p++) {
		be16 first = 0;
		for (unsigned i = 0; i < 50; i++) {
			unsigned dport = protos[p] == ICMP ? 0 : 1 + i;
			enum verdict v = world_out(w, protos[p], SUBSCRIBER, 5000,
			                           ip_add(SERVER, i), dport, &spec, &flow);
			CU_ASSERT_EQUAL_FATAL(v, VERDICT_OPEN);
			if (first == 0)
				first = spec.reply.dport;
			if (address == 0)
				address = spec.reply.dst.w[0];
			CU_ASSERT_EQUAL(spec.reply.dport, first);
			CU_ASSERT_EQUAL(spec.reply.dst.w[0], address);
		}
	}
	CU_ASSERT_EQUAL(w->stats[0].mappings, 3);
	CU_ASSERT_EQUAL(world_out(w, ICMP, SUBSCRIBER, 0, SERVER, 9, &spec, &flow), VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_NO_POLICY);
	world_free(w);
}

static void
test_flags(void)
{
	begin(NAT_FILTER_EIF);
	world_out(w, TCP, SUBSCRIBER, 5000, SERVER, 80, &spec, &flow);
	CU_ASSERT_EQUAL(spec.flags, FLOW_REFRESH_0 | FLOW_REFRESH_1 | FLOW_HIDE_0);
	world_out(w, ICMP, SUBSCRIBER, 5000, SERVER, 0, &spec, &flow);
	CU_ASSERT_EQUAL(spec.flags, FLOW_REFRESH_0 | FLOW_REFRESH_1 | FLOW_HIDE_0);
	w->conf.inbound_refresh = 1;
	world_apply(w);
	world_out(w, UDP, SUBSCRIBER, 5000, SERVER, 53, &spec, &flow);
	CU_ASSERT_EQUAL(spec.flags, FLOW_REFRESH_0 | FLOW_REFRESH_1 | FLOW_HIDE_0);
	be32 external = spec.reply.dst.w[0];
	be16 eport = spec.reply.dport;
	world_in(w, UDP, SERVER, 54, external, eport, &spec, &other);
	CU_ASSERT_EQUAL(spec.flags, FLOW_INBOUND | FLOW_REFRESH_0 | FLOW_REFRESH_1 | FLOW_HIDE_1);
	world_free(w);
}

/* What each kind of filtering lets in: same address other port, other address. RFC 4787 REQ-8. */
static void
filter_case(uint8_t filtering, uint8_t proto, bool same_address, bool other_address)
{
	begin(filtering);
	world_out(w, proto, SUBSCRIBER, 5000, SERVER, 80, &spec, &flow);
	be32 external = spec.reply.dst.w[0];
	be16 eport = spec.reply.dport;
	enum verdict v = world_in(w, proto, SERVER, 81, external, eport, &spec, &other);
	CU_ASSERT_EQUAL(v, same_address ? VERDICT_OPEN : VERDICT_DROP);
	if (v == VERDICT_OPEN) {
		CU_ASSERT_EQUAL(spec.reply.src.w[0], SUBSCRIBER);
		CU_ASSERT_EQUAL(spec.reply.sport, port(5000));
		CU_ASSERT_EQUAL(spec.reply.dst.w[0], SERVER);
		CU_ASSERT_EQUAL(spec.reply.dport, port(81));
		CU_ASSERT_EQUAL(spec.reply.realm, 1);
		CU_ASSERT_EQUAL(spec.owner, flow.f.owner);
		CU_ASSERT((spec.flags & FLOW_INBOUND) != 0 && (spec.flags & FLOW_HIDE_1) != 0);
		world_end(w, &other);
	} else {
		CU_ASSERT_EQUAL(spec.drop, DROP_NAT_FILTERED);
	}
	v = world_in(w, proto, ip_add(SERVER, 1), 80, external, eport, &spec, &other);
	CU_ASSERT_EQUAL(v, other_address ? VERDICT_OPEN : VERDICT_DROP);
	/* Nobody maps the next port. */
	be16 next = port(__builtin_bswap16(eport) ^ 1);
	v = world_in(w, proto, SERVER, 80, external, next, &spec, &other);
	CU_ASSERT(v == VERDICT_DROP && spec.drop == DROP_NAT_NO_MAPPING);
	world_free(w);
}

static void
test_filtering(void)
{
	for (unsigned i = 0; i < 2; i++) {
		uint8_t proto = i == 0 ? UDP : TCP;
		filter_case(NAT_FILTER_EIF, proto, true, true);
		filter_case(NAT_FILTER_ADF, proto, true, false);
		filter_case(NAT_FILTER_APDF, proto, false, false);
	}
}

/* May a stranger, and another port of the server, speak to the flow's mapping? */
static unsigned
admitted(const struct world_flow *f)
{
	static const struct { unsigned more, port; } who[] = {{1, 53}, {0, 54}};
	unsigned n = 0;
	for (unsigned i = 0; i < 2; i++) {
		struct world_flow in;
		if (world_in(w, UDP, ip_add(SERVER, who[i].more), who[i].port, f->t[1].dst.w[0],
		             f->t[1].dport, &spec, &in) != VERDICT_OPEN)
			continue;
		world_end(w, &in);
		n++;
	}
	return n;
}

/* RFC 4787 REQ-11: the rule changes, but not for mappings that there are. */
static void
test_filtering_stays(void)
{
	static const unsigned admits[] = {
		[NAT_FILTER_EIF] = 2, [NAT_FILTER_ADF] = 1, [NAT_FILTER_APDF] = 0,
	};
	for (uint8_t old = NAT_FILTER_EIF; old <= NAT_FILTER_APDF; old++)
		for (uint8_t new = NAT_FILTER_EIF; new <= NAT_FILTER_APDF; new++) {
			begin(old);
			CU_ASSERT_EQUAL_FATAL(world_out(w, UDP, SUBSCRIBER, 5000, SERVER, 53, &spec,
			                                &flow), VERDICT_OPEN);
			w->rule[0].filtering = new;
			world_apply(w);
			CU_ASSERT_EQUAL_FATAL(world_out(w, UDP, SUBSCRIBER, 5001, SERVER, 53, &spec,
			                                &other), VERDICT_OPEN);
			CU_ASSERT_EQUAL(admitted(&flow), admits[old]);
			struct world_flow again; /* one more flow of the mapping of before */
			CU_ASSERT_EQUAL_FATAL(world_out(w, UDP, SUBSCRIBER, 5000, SERVER, 99, &spec,
			                                &again), VERDICT_OPEN);
			CU_ASSERT_EQUAL(admitted(&flow), admits[old]);
			CU_ASSERT_EQUAL(admitted(&other), admits[new]);
			world_free(w);
		}
}

/* Whoever begins, inside or outside, the flow has the timers of the mapping's rule. */
static void
test_timers(void)
{
	struct world_flow in;
	begin(NAT_FILTER_EIF);
	CU_ASSERT_EQUAL_FATAL(world_out(w, UDP, SUBSCRIBER, 5000, SERVER, 53, &spec, &flow),
	                      VERDICT_OPEN);
	CU_ASSERT_EQUAL(spec.timers, 1);
	CU_ASSERT_EQUAL_FATAL(world_in(w, UDP, ip_add(SERVER, 1), 53, flow.t[1].dst.w[0],
	                               flow.t[1].dport, &spec, &in), VERDICT_OPEN);
	CU_ASSERT_EQUAL(spec.timers, 1);
	world_free(w);
}

/* A permission goes with the last outbound flow to its address. */
static void
test_permission_ends(void)
{
	struct world_flow a, b;
	begin(NAT_FILTER_ADF);
	world_out(w, UDP, SUBSCRIBER, 5000, SERVER, 80, &spec, &a);
	world_out(w, UDP, SUBSCRIBER, 5000, ip_add(SERVER, 1), 80, &spec, &b);
	be32 external = spec.reply.dst.w[0];
	be16 eport = spec.reply.dport;
	world_end(w, &a);
	CU_ASSERT_EQUAL(world_in(w, UDP, SERVER, 81, external, eport, &spec, &flow), VERDICT_DROP);
	CU_ASSERT_EQUAL(world_in(w, UDP, ip_add(SERVER, 1), 81, external, eport, &spec, &flow),
	                VERDICT_OPEN);
	world_end(w, &flow);
	world_end(w, &b);
	CU_ASSERT_EQUAL(world_nat(w)->filter.t.used, 0);
	CU_ASSERT_EQUAL(world_in(w, UDP, SERVER, 81, external, eport, &spec, &flow), VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_NO_MAPPING);
	world_free(w);
}

/* Inbound flows alone do not open a mapping to more of them; answered ones do. */
static void
test_inbound_does_not_hold(void)
{
	struct world_flow out, in, more;
	begin(NAT_FILTER_EIF);
	world_out(w, UDP, SUBSCRIBER, 5000, SERVER, 80, &spec, &out);
	be32 external = spec.reply.dst.w[0];
	be16 eport = spec.reply.dport;
	world_in(w, UDP, SERVER, 81, external, eport, &spec, &in);
	world_end(w, &out);
	CU_ASSERT_EQUAL(w->stats[0].mappings, 1);
	CU_ASSERT_EQUAL(world_in(w, UDP, SERVER, 82, external, eport, &spec, &more), VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_FILTERED);
	world_answer(w, &in);
	CU_ASSERT_EQUAL(world_in(w, UDP, SERVER, 82, external, eport, &spec, &more), VERDICT_OPEN);
	world_end(w, &in);
	CU_ASSERT_EQUAL(world_in(w, UDP, SERVER, 83, external, eport, &spec, &flow), VERDICT_DROP);
	world_end(w, &more);
	CU_ASSERT_EQUAL(w->stats[0].mappings, 0);
	world_free(w);
}

/* RFC 7857 section 7: what the inside refuses by RST does not keep a mapping open. */
static void
test_reset_does_not_hold(void)
{
	struct world_flow out, in, more;
	begin(NAT_FILTER_EIF);
	world_out(w, TCP, SUBSCRIBER, 5000, SERVER, 80, &spec, &out);
	be32 external = spec.reply.dst.w[0];
	be16 eport = spec.reply.dport;
	world_in(w, TCP, SERVER, 81, external, eport, &spec, &in);
	in.f.flags |= FLOW_ANSWERED;
	nat_policy.answered(w->state[in.worker], &in.f, EV_RST, 0);
	CU_ASSERT_EQUAL(in.f.flags & (FLOW_REFRESH_0 | FLOW_REFRESH_1), FLOW_REFRESH_0);
	world_end(w, &out);
	CU_ASSERT_EQUAL(world_in(w, TCP, SERVER, 82, external, eport, &spec, &more), VERDICT_DROP);
	world_end(w, &in);
	CU_ASSERT_EQUAL(w->stats[0].mappings, 0);
	world_free(w);
}

static void
test_inbound_tcp_and_icmp(void)
{
	begin(NAT_FILTER_EIF);
	world_out(w, TCP, SUBSCRIBER, 5000, SERVER, 80, &spec, &flow);
	be32 external = spec.reply.dst.w[0];
	struct miss m = world_miss(w, W_OUTSIDE, TCP, SERVER, port(81), external, spec.reply.dport);
	static const uint8_t no_begin[] = {EV_OTHER, EV_FIN, EV_SYN};
	for (unsigned i = 0; i < sizeof(no_begin); i++) {
		m.event = no_begin[i];
		CU_ASSERT_EQUAL(world_open(w, &m, &spec, &other), VERDICT_DROP);
		CU_ASSERT_EQUAL(spec.drop, DROP_TCP_NOT_SYN);
	}
	world_out(w, ICMP, SUBSCRIBER, 77, SERVER, 0, &spec, &flow);
	be16 id = spec.reply.dport;
	/* An echo request to the address, a reply of a stranger: neither opens. */
	m = world_miss(w, W_OUTSIDE, ICMP, SERVER, id, external, 0);
	CU_ASSERT_EQUAL(world_open(w, &m, &spec, &other), VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_NO_MAPPING);
	m = world_miss(w, W_OUTSIDE, ICMP, ip_add(SERVER, 5), 0, external, id);
	CU_ASSERT_EQUAL(world_open(w, &m, &spec, &other), VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_FILTERED);
	world_free(w);
}

/* A connection may be picked up by what acknowledges something, but not by an answer to a SYN. */
static void
test_outbound_tcp(void)
{
	static const struct { uint8_t event; bool opens; } rows[] = {
		{EV_OPEN, true}, {EV_OTHER, true}, {EV_FIN, true}, {EV_SYN, false},
	};
	begin(NAT_FILTER_EIF);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct miss m = world_miss(w, W_INSIDE, TCP, SUBSCRIBER, port(5000 + i), SERVER,
		                           port(80));
		m.event = rows[i].event;
		enum verdict v = world_open(w, &m, &spec, &flow);
		CU_ASSERT_EQUAL(v, rows[i].opens ? VERDICT_OPEN : VERDICT_DROP);
		CU_ASSERT_TRUE(rows[i].opens || spec.drop == DROP_TCP_NOT_SYN);
	}
	CU_ASSERT_EQUAL(w->stats[0].mappings, 3);
	world_free(w);
}

/* RFC 6056 section 3.2: the ports of many subscribers are of the whole range; and who knows the
 * program and the packets, but not the seed, does not know them. */
static void
test_choice_of_ports(void)
{
	enum { SUBSCRIBERS = 480 };
	static uint16_t got[3][SUBSCRIBERS];
	for (unsigned run = 0; run < 3; run++) {
		w = world_new();
		w->seed = run / 2;
		world_pool(w, 1024, 65535, 512, 4);
		for (unsigned i = 0; i < 4; i++)
			world_address(w, 0, ip(203, 0, 113, 8 + i));
		world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
		world_apply(w);
		unsigned low = UINT16_MAX, high = 0;
		for (unsigned i = 0; i < SUBSCRIBERS; i++) {
			world_out(w, UDP, ip_add(SUBSCRIBER, i), 5000, SERVER, 53, &spec, &flow);
			unsigned port = __builtin_bswap16(spec.reply.dport);
			got[run][i] = (uint16_t)port;
			low = port < low ? port : low;
			high = port > high ? port : high;
		}
		CU_ASSERT(low >= 1024 && low < 1024 + 512 && high >= 65536 - 512);
		world_free(w);
	}
	unsigned same = 0;
	for (unsigned i = 0; i < SUBSCRIBERS; i++)
		same += got[1][i] == got[2][i];
	CU_ASSERT_EQUAL(memcmp(got[0], got[1], sizeof(got[0])), 0);
	CU_ASSERT(same < 5);
}

/* A packet of A to B's external endpoint enters again from nowhere. RFC 4787 REQ-9. */
static void
test_hairpin(void)
{
	be32 a = SUBSCRIBER, b = ip_add(SUBSCRIBER, 1);
	begin(NAT_FILTER_ADF);
	world_out(w, UDP, b, 6000, SERVER, 80, &spec, &flow);
	be32 xb = spec.reply.dst.w[0];
	be16 pb = spec.reply.dport;
	struct miss m = world_miss(w, W_INSIDE, UDP, a, port(5000), xb, pb);
	CU_ASSERT_EQUAL_FATAL(world_open(w, &m, &spec, &flow), VERDICT_OPEN);
	be32 xa = spec.reply.dst.w[0];
	be16 pa = spec.reply.dport;
	struct miss again = world_miss(w, NIC_NONE, UDP, xa, pa, xb, pb);
	CU_ASSERT_EQUAL(world_open(w, &again, &spec, &other), VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_FILTERED);
	/* Once B has spoken to A's address, A gets through. */
	m = world_miss(w, W_INSIDE, UDP, b, port(6000), xa, pa);
	CU_ASSERT_EQUAL(world_open(w, &m, &spec, &flow), VERDICT_OPEN);
	CU_ASSERT_EQUAL_FATAL(world_open(w, &again, &spec, &other), VERDICT_OPEN);
	CU_ASSERT_EQUAL(spec.reply.src.w[0], b);
	CU_ASSERT_EQUAL(spec.reply.sport, port(6000));
	CU_ASSERT_EQUAL(spec.reply.dst.w[0], xa);
	CU_ASSERT_EQUAL(spec.reply.realm, 1);
	world_free(w);
}

static void
test_undo(void)
{
	begin(NAT_FILTER_ADF);
	struct miss m = world_miss(w, W_INSIDE, UDP, SUBSCRIBER, port(5000), SERVER, port(80));
	CU_ASSERT_EQUAL(world_open(w, &m, &spec, &flow), VERDICT_OPEN);
	nat_policy.undo(w->state[0], &m, &spec);
	CU_ASSERT_EQUAL(w->stats[0].mappings, 0);
	CU_ASSERT_EQUAL(world_nat(w)->filter.t.used, 0);
	world_tick(w, 1);
	CU_ASSERT_EQUAL(w->stats[0].blocks, 0);
	CU_ASSERT_EQUAL(w->stats[0].subscribers, 0);
	world_out(w, UDP, SUBSCRIBER, 5000, SERVER, 80, &spec, &flow);
	m = world_miss(w, W_OUTSIDE, UDP, SERVER, port(81), spec.reply.dst.w[0], spec.reply.dport);
	CU_ASSERT_EQUAL(world_open(w, &m, &spec, &other), VERDICT_OPEN);
	nat_policy.undo(w->state[0], &m, &spec);
	CU_ASSERT_EQUAL(w->stats[0].mappings, 1);
	world_end(w, &flow);
	CU_ASSERT_EQUAL(w->stats[0].mappings, 0);
	world_free(w);
}

/* Whatever the number of workers: replies come home, and addresses do not depend on it. */
static void
homes_case(uint16_t workers, bool split, be32 chosen[200])
{
	w = world_new();
	w->plane.workers = workers;
	w->plane.steer_class_bits = split ? 0 : 3;
	w->plane.steer_split_blocks = split;
	w->plane.steer_block_shift = 9;
	world_pool(w, 1024, 65535, 512, 4);
	for (unsigned i = 0; i < 16; i++)
		world_address(w, 0, ip(203, 0, 113, 16 + i));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
	world_apply(w);
	for (unsigned i = 0; i < 200; i++) {
		be32 src = ip_add(ip(100, 64, 3, 0), i * 37);
		CU_ASSERT_EQUAL_FATAL(world_out(w, UDP, src, 5000 + i, SERVER, 80, &spec, &flow),
		                      VERDICT_OPEN);
		be32 x = spec.reply.dst.w[0];
		if (chosen[i] == 0)
			chosen[i] = x;
		CU_ASSERT_EQUAL(chosen[i], x);
		struct miss m = world_miss(w, W_OUTSIDE, UDP, SERVER, port(81), x,
		                           spec.reply.dport);
		CU_ASSERT_EQUAL(nat_policy.home(w->gen, &m), flow.worker);
		CU_ASSERT_EQUAL(world_open(w, &m, &spec, &other), VERDICT_OPEN);
		CU_ASSERT_EQUAL(spec.reply.src.w[0], src);
		world_end(w, &other);
		world_end(w, &flow);
	}
	world_free(w);
}

static void
test_homes(void)
{
	be32 chosen[200] = {0}, split[200] = {0};
	for (uint16_t n = 1; n <= W_WORKERS; n++) {
		homes_case(n, false, chosen);
		homes_case(n, true, split);
	}
}

static void
test_not_mine(void)
{
	begin(NAT_FILTER_EIF);
	enum verdict v = world_out(w, UDP, ip(10, 0, 0, 1), 5000, SERVER, 53, &spec, &flow);
	CU_ASSERT_EQUAL(v, VERDICT_PASS);
	/* A subscriber's, though it cannot be translated: nobody else may have it. */
	CU_ASSERT_EQUAL(world_out(w, 47, SUBSCRIBER, 5000, SERVER, 53, &spec, &flow), VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_IP_PROTOCOL);
	struct miss m = world_miss(w, W_OTHER, UDP, SUBSCRIBER, port(1), SERVER, port(2));
	CU_ASSERT_EQUAL(nat_policy.home(w->gen, &m), HOME_NOT_MINE);
	CU_ASSERT_EQUAL(nat_policy.open(w->state[0], &m, &spec), VERDICT_PASS);
	m.nic = W_INSIDE;
	m.tuple.family = FAMILY_V6;
	CU_ASSERT_EQUAL(nat_policy.home(w->gen, &m), HOME_NOT_MINE);
	CU_ASSERT_EQUAL(nat_policy.open(w->state[0], &m, &spec), VERDICT_PASS);
	world_free(w);
}

/* Who is in a realm of its own and has no rule is not taken for whoever is outside. */
static void
test_foreign(void)
{
	static const uint8_t kinds[] = {NAT_FILTER_EIF, NAT_FILTER_ADF};
	for (unsigned i = 0; i < 2; i++) {
		begin(kinds[i]);
		world_out(w, UDP, SUBSCRIBER, 5000, SERVER, 80, &spec, &flow);
		be32 external = spec.reply.dst.w[0];
		be16 eport = spec.reply.dport;
		struct miss m = world_miss(w, W_OTHER, UDP, SERVER, port(81), external, eport);
		CU_ASSERT_EQUAL(world_open(w, &m, &spec, &other), VERDICT_DROP);
		CU_ASSERT_EQUAL(spec.drop, DROP_NO_POLICY);
		CU_ASSERT_EQUAL(world_in(w, UDP, SERVER, 81, external, eport, &spec, &other),
		                VERDICT_OPEN);
		world_free(w);
	}
}

static const struct test_case cases[] = {
	{"the tuple of an outbound flow", test_outbound_tuple},
	{"endpoint-independent, by protocol, one address", test_endpoint_independent},
	{"refresh and hide flags", test_flags},
	{"filtering", test_filtering},
	{"a mapping keeps its filtering", test_filtering_stays},
	{"timers of the rule, both ways", test_timers},
	{"a permission ends with its flows", test_permission_ends},
	{"inbound traffic does not hold a mapping", test_inbound_does_not_hold},
	{"a reset does not hold a mapping", test_reset_does_not_hold},
	{"inbound TCP and ICMP", test_inbound_tcp_and_icmp},
	{"what may open a TCP flow from inside", test_outbound_tcp},
	{"the whole range, by a secret", test_choice_of_ports},
	{"hairpin", test_hairpin},
	{"undo", test_undo},
	{"homes", test_homes},
	{"not mine", test_not_mine},
	{"from another realm", test_foreign},
};
TEST_MAIN("nat", cases)
