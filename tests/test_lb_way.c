/* SPDX-License-Identifier: Apache-2.0 */
/* Modes in which nothing is translated: outer headers octet by octet, flows, guesses, echo. */
#include "lb/lb_way.h"
#include "lb_world.h"

static struct lb_world *w;
static void *lb;

static void
setup(void)
{
	w = world_new();
	world_way(w, W_NAT, LB_MODE_GUE);
	world_way(w, W_UDP, LB_MODE_DSR);
	world_way(w, W_NAT6, LB_MODE_IPIP);
	world_build(w, 1, false);
	lb = world_policy(w, 0);
}

static void
teardown(void)
{
	lb_destroy(lb);
	world_free(w);
}

/* RFC 791, 8200, 2784, 768 and the numbers of IANA, written out: 10.9.0.1 to 10.1.0.1 and so on. */
static const struct {
	uint8_t mode, inner, outer, size;
	const char *octets; /* without what packets say */
} headers[] = {
	{LB_MODE_IPIP, 4, 4, 20, "\x45\0\0\0\0\0\0\0\x40\x04\x66\xef\x0a\x09\0\x01\x0a\x01\0\x01"},
	{LB_MODE_IPIP, 6, 4, 20, "\x45\0\0\0\0\0\0\0\x40\x29\x66\xca\x0a\x09\0\x01\x0a\x01\0\x01"},
	{LB_MODE_GRE, 4, 4, 24, "\x45\0\0\0\0\0\0\0\x40\x2f\x66\xc4\x0a\x09\0\x01\x0a\x01\0\x01"
	                        "\0\0\x08\0"},
	{LB_MODE_GRE, 6, 4, 24, "\x45\0\0\0\0\0\0\0\x40\x2f\x66\xc4\x0a\x09\0\x01\x0a\x01\0\x01"
	                        "\0\0\x86\xdd"},
	{LB_MODE_GUE, 6, 4, 28, "\x45\0\0\0\0\0\0\0\x40\x11\x66\xe2\x0a\x09\0\x01\x0a\x01\0\x01"
	                        "\0\0\x17\xc0\0\0\0\0"},
	{LB_MODE_IPIP, 4, 6, 40, "\x60\0\0\0\0\0\x04\x40"},
	{LB_MODE_IPIP, 6, 6, 40, "\x60\0\0\0\0\0\x29\x40"},
	{LB_MODE_GRE, 6, 6, 44, "\x60\0\0\0\0\0\x2f\x40"},
	{LB_MODE_GUE, 4, 6, 48, "\x60\0\0\0\0\0\x11\x40"},
	{LB_MODE_DSR, 4, 4, 0, ""},
	{LB_MODE_L3DSR, 6, 6, 0, ""},
};

static void
test_headers(void)
{
	for (unsigned i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		uint8_t family = headers[i].outer, mode = headers[i].mode;
		const char *text = family == 4 ? "10.1.0.1" : "2001:db8:1::1";
		struct img_lb_service s = {.mode = mode, .family = headers[i].inner};
		struct img_lb_backend b = {.family = family, .address = world_addr(text, family)};
		struct img_lb_way row = {.port = htons(6080), .mtu = 1400, .dscp = 3,
			.source = world_addr(family == 4 ? "10.9.0.1" : "2001:db8:9::1", family)};
		struct way y;
		lb_way_fill(&y, &row, &s, &b);
		CU_ASSERT(y.overhead == headers[i].size && y.family == family && y.mtu == 1400);
		CU_ASSERT_EQUAL(memcmp(y.header, headers[i].octets,
		                       family == 4 || y.overhead == 0 ? y.overhead : 8), 0);
		if (family == 6 && y.overhead != 0) {
			CU_ASSERT_EQUAL(memcmp(y.header + 8, &row.source, 16), 0);
			CU_ASSERT_EQUAL(memcmp(y.header + 24, &b.address, 16), 0);
		}
		if (family == 6 && mode == LB_MODE_GUE)
			CU_ASSERT_EQUAL(memcmp(y.header + 40, "\0\0\x17\xc0\0\0\0\0", 8), 0);
	}
}

/* lb_way.h, invariants 1 and 2: rows of the image, and what there was before. */
static void
test_inherited(void)
{
	setup();
	static struct way before[600];
	struct generation *old = calloc(1, sizeof(*old));
	CU_ASSERT_PTR_NOT_NULL_FATAL(old);
	old->way = before;
	old->n_ways = 600;
	before[599] = (struct way){.kind = WAY_LINK, .mtu = 599};
	before[500] = (struct way){.kind = WAY_LINK, .mtu = 500};
	w->gen->previous = old;
	world_build(w, 1, false);
	w->gen->previous = NULL;
	free(old);
	CU_ASSERT_EQUAL_FATAL(w->gen->n_ways, 600);
	CU_ASSERT(way_find(w->gen, 599)->mtu == 599 && way_find(w->gen, 600) == NULL);
	CU_ASSERT_EQUAL(way_find(w->gen, w->backend[0].id)->kind, WAY_GUE);
	CU_ASSERT_EQUAL(way_find(w->gen, w->backend[5].id)->kind, WAY_LINK);
	CU_ASSERT_EQUAL(way_find(w->gen, w->backend[7].id)->kind, WAY_IPIP);
	CU_ASSERT_PTR_NULL(way_find(w->gen, w->backend[3].id)); /* fullnat */
	teardown();
}

/* The answer's tuple is the client's, inverted; the flow is one-sided and its backend's. */
static void
test_open(void)
{
	static const unsigned rows[] = {W_NAT, W_UDP, W_NAT6};
	setup();
	for (unsigned i = 0; i < 300; i++) {
		struct miss m = world_client(w, rows[i % 3], i);
		struct flow_spec spec = {0}, guess = {0};
		struct tuple reply = tuple_invert(&m.tuple);
		CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_OPEN);
		CU_ASSERT_EQUAL(memcmp(&spec.reply, &reply, sizeof(reply)), 0);
		CU_ASSERT_EQUAL(spec.flags, FLOW_REFRESH_0 | FLOW_WAY);
		CU_ASSERT_PTR_NOT_NULL(way_find(w->gen, spec.owner));
		CU_ASSERT_TRUE(lb_policy.guess(lb, &m, &guess));
		CU_ASSERT(guess.owner == spec.owner && guess.flags == spec.flags);
		CU_ASSERT_EQUAL(memcmp(&guess.reply, &reply, sizeof(reply)), 0);
	}
	teardown();
}

/* RFC 7690: in mode nat too; not for fullnat, nor where there is no service or backend. */
static void
test_guess(void)
{
	w = world_new();
	world_build(w, 1, false);
	lb = world_policy(w, 0);
	for (unsigned i = 0; i < 100; i++) {
		struct miss m = world_client(w, i % 2 ? W_NAT : W_NAT6, i);
		struct flow_spec spec = {0}, guess = {0};
		CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_OPEN);
		CU_ASSERT_TRUE(lb_policy.guess(lb, &m, &guess));
		CU_ASSERT_EQUAL(memcmp(&guess.reply, &spec.reply, sizeof(spec.reply)), 0);
		CU_ASSERT(guess.owner == spec.owner && guess.flags == spec.flags);
	}
	struct flow_spec spec;
	struct miss m = world_client(w, W_FULLNAT, 1);
	CU_ASSERT_FALSE(lb_policy.guess(lb, &m, &spec));
	m = world_client(w, W_EMPTY, 1);
	CU_ASSERT_FALSE(lb_policy.guess(lb, &m, &spec));
	m = world_client(w, W_NAT, 1);
	m.tuple.dport ^= 1;
	CU_ASSERT_FALSE(lb_policy.guess(lb, &m, &spec));
	m = world_client(w, W_NAT, 1);
	m.route = NULL;
	CU_ASSERT_FALSE(lb_policy.guess(lb, &m, &spec));
	teardown();
}

/* An address speaks as long as one of its services has a backend for new flows. */
static void
test_echo(void)
{
	static const struct {
		uint8_t echo, nat, fullnat, udp; /* states of the backends of 192.0.2.1 */
		bool mute, mute_empty;
	} rows[] = {
		{IMG_ECHO_ALWAYS, LB_DOWN, LB_DOWN, LB_DOWN, false, false},
		{IMG_ECHO_NEVER, LB_READY, LB_READY, LB_READY, true, true},
		{IMG_ECHO_HEALTHY, LB_READY, LB_READY, LB_READY, false, true},
		{IMG_ECHO_HEALTHY, LB_DOWN, LB_DRAIN, LB_READY, false, true},
		{IMG_ECHO_HEALTHY, LB_READY, LB_DOWN, LB_DOWN, false, true},
		{IMG_ECHO_HEALTHY, LB_DRAIN, LB_DRAIN, LB_DOWN, true, true},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		w = world_new();
		w->plane.service_echo = rows[i].echo;
		for (unsigned b = 0; b < 6; b++)
			w->backend[b].state = b < 3 ? rows[i].nat : b < 5 ? rows[i].fullnat :
			                      rows[i].udp;
		world_build(w, 1, false);
		lb = world_policy(w, 0);
		union addr a = world_addr("192.0.2.1", 4), empty = world_addr("192.0.2.2", 4);
		union addr six = world_addr("2001:db8::1", 6), none = world_addr("192.0.2.9", 4);
		CU_ASSERT_EQUAL(lb_policy.is_mute(w->gen, &a, 4), rows[i].mute);
		CU_ASSERT_EQUAL(lb_policy.is_mute(w->gen, &empty, 4), rows[i].mute_empty);
		CU_ASSERT_EQUAL(lb_policy.is_mute(w->gen, &six, 6),
		                rows[i].echo == IMG_ECHO_NEVER);
		CU_ASSERT_EQUAL(lb_policy.is_mute(w->gen, &none, 4),
		                rows[i].echo != IMG_ECHO_ALWAYS);
		teardown();
	}
}

/* Echo that is not answered opens nothing, and is told nothing. */
static void
test_echo_dropped(void)
{
	setup();
	for (unsigned echo = IMG_ECHO_HEALTHY; echo <= IMG_ECHO_NEVER; echo++) {
		struct miss m = world_client(w, W_NAT, 1);
		struct flow_spec spec = {0};
		w->plane.service_echo = (uint8_t)echo;
		m.tuple.proto = IPPROTO_L4_ICMP;
		m.tuple.dport = 0;
		CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_DROP);
		CU_ASSERT_EQUAL(spec.drop, echo == IMG_ECHO_NEVER ? DROP_LOCAL_UNWANTED :
		                           DROP_LB_NO_BACKEND);
		m.tuple.dport = m.tuple.sport; /* a reply, which nobody asked for */
		m.tuple.sport = 0;
		CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_DROP);
		CU_ASSERT_EQUAL(spec.drop, DROP_LOCAL_UNWANTED);
	}
	/* A reply comes by here even where echo is answered always. */
	struct miss m = world_client(w, W_NAT, 1);
	struct flow_spec spec = {0};
	w->plane.service_echo = IMG_ECHO_ALWAYS;
	m.tuple.proto = IPPROTO_L4_ICMP;
	m.tuple.sport = 0;
	CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_LOCAL_UNWANTED);
	teardown();
}

static const struct test_case cases[] = {
	{"outer headers", test_headers},
	{"ways are inherited", test_inherited},
	{"flows", test_open},
	{"guesses", test_guess},
	{"echo", test_echo},
	{"echo that is not answered", test_echo_dropped},
};

TEST_MAIN("lb_way", cases)
