/* SPDX-License-Identifier: Apache-2.0 */
/* The balancer's policy where TCP and QUIC matter: telling, the SYN proxy, connection IDs. */
#include "lb/lb_syn.h"
#include "lb_world.h"
#include "lib/synproxy.h"

static struct lb_world *w;
static void *lb;

static void
setup(void)
{
	world_build(w, 1, false);
	lb = world_policy(w, 0);
}

static void
teardown(void)
{
	lb_destroy(lb);
	world_free(w);
}

static struct miss
tcp_miss(unsigned row, uint32_t n, uint8_t l4[20], uint8_t event)
{
	static struct pkt p;
	struct miss m = world_client(w, row, n);
	p = (struct pkt){.l3 = l4, .l3_len = 20};
	m.pkt = &p;
	m.event = event;
	return m;
}

/* What is told goes along with flows that begin with a SYN; others are not opened. */
static void
test_tell(void)
{
	static uint8_t syn[20] = {[13] = TCP_SYN}, ack[20] = {[13] = TCP_ACK};
	struct flow_spec spec = {.owner = 0};
	w = world_new();
	w->plane.shifts = 10;
	w->service[W_FULLNAT].tell = TELL_TOA;
	w->service[W_FULLNAT].toa_kind = 200;
	setup();
	struct miss m = tcp_miss(W_FULLNAT, 1, syn, EV_OPEN);
	CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_OPEN);
	CU_ASSERT_TRUE(spec.tell == TELL_TOA && spec.toa_kind == 200 && !spec.is_answered);
	m = tcp_miss(W_FULLNAT, 2, ack, EV_OTHER);
	CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_TCP_NOT_SYN);
	teardown();
}

/* The service translates sources too, and tells. */
static void
tells(unsigned row, uint8_t proto, uint8_t tell)
{
	struct img_lb_service *s = &w->service[row];
	s->mode = LB_MODE_FULLNAT;
	s->locals = 2;
	s->proto = proto;
	s->tell = tell;
	s->toa_kind = TELL_TOA_KIND;
}

/* Of datagrams each may be the first; of segments of a service of both none but a SYN. */
static void
test_tell_datagrams(void)
{
	static uint8_t ack[20] = {[13] = TCP_ACK};
	struct flow_spec spec = {.owner = 0};
	w = world_new();
	w->plane.shifts = 10;
	tells(W_NAT, LB_PROTO_ANY, TELL_PROXY2);
	tells(W_UDP, IPPROTO_L4_UDP, TELL_PROXY2);
	setup();
	for (unsigned i = 0; i < 2; i++) {
		struct miss m = tcp_miss(i == 0 ? W_NAT : W_UDP, 1 + i, ack, EV_OPEN);
		m.tuple.proto = IPPROTO_L4_UDP;
		spec = (struct flow_spec){.owner = 0};
		CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_OPEN);
		CU_ASSERT_TRUE(spec.tell == TELL_PROXY2 && (spec.flags & FLOW_SHIFT) != 0);
	}
	struct miss m = tcp_miss(W_NAT, 3, ack, EV_OTHER);
	m.tuple.proto = IPPROTO_L4_TCP;
	CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_TCP_NOT_SYN);
	teardown();
}

static void
put32(uint8_t *p, uint32_t v)
{
	v = htonl(v);
	memcpy(p, &v, 4);
}

static void
test_syn_proxy(void)
{
	uint8_t l4[20] = {[13] = TCP_SYN};
	struct flow_spec spec = {.owner = 0};
	w = world_new();
	w->plane.shifts = 10;
	struct img_lb_service *s = &w->service[W_NAT];
	s->syn_mode = LB_SYN_ALWAYS;
	s->syn_mss = 1400;
	s->syn_scale = 5;
	s->syn_flags = LB_SYN_SACK;
	setup();
	struct miss m = tcp_miss(W_NAT, 1, l4, EV_OPEN);
	CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_ANSWER);
	CU_ASSERT_TRUE(spec.offer.mss == 1400 && spec.offer.scale == 5 && spec.offer.sack &&
	               !spec.offer.time);
	struct cookie o = {.mss = 1300, .scale = 3, .sack = true};
	uint32_t cookie = cookie_make(&w->cookies, &m.tuple, 1000, o, 0);
	l4[13] = TCP_ACK;
	put32(l4 + 4, 1001);
	put32(l4 + 8, cookie + 1);
	m.event = EV_OTHER;
	spec = (struct flow_spec){.owner = 0};
	CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_OPEN);
	CU_ASSERT_TRUE(spec.is_answered && spec.cookie.mss == 1300 && spec.cookie.scale == 3);
	CU_ASSERT_EQUAL(w->stats.cookies_good, 1);
	put32(l4 + 8, cookie);
	spec = (struct flow_spec){.owner = 0};
	CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_LB_COOKIE);
	CU_ASSERT_EQUAL(w->stats.cookies_bad, 1);
	teardown();
}

/* Below the rate nothing is different; above it cookies, and a mid-stream segment needs one. */
static void
test_syn_proxy_auto(void)
{
	uint8_t syn[20] = {[13] = TCP_SYN}, ack[20] = {[13] = TCP_ACK};
	enum { RATE = 10 };
	w = world_new();
	w->plane.shifts = 10;
	w->service[W_NAT].syn_mode = LB_SYN_AUTO;
	w->service[W_NAT].syn_rate = RATE;
	w->service[W_NAT].syn_mss = 1460;
	setup();
	for (uint32_t n = 0; n < 2 * RATE; n++) {
		struct flow_spec spec = {.owner = 0};
		struct miss m = tcp_miss(W_NAT, n, syn, EV_OPEN);
		CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec),
		                n < RATE ? VERDICT_OPEN : VERDICT_ANSWER);
		m = tcp_miss(W_NAT, n, ack, EV_OTHER);
		spec = (struct flow_spec){.owner = 0};
		CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec),
		                n < RATE ? VERDICT_OPEN : VERDICT_DROP);
	}
	teardown();
}

static const struct img_lb_backend *
quic(const char *packet, unsigned n)
{
	const struct lb_view *v = w->gen->view[POLICY_LB];
	return lb_view_quic(v, &v->services[W_UDP], (const uint8_t *)packet, n);
}

static void
quic_world(struct img_lb_quic *config)
{
	static const uint8_t key[16] = {0x8f, 0x95, 0xf0, 0x92, 0x45, 0x76, 0x5f, 0x80, 0x25, 0x69,
	                                0x34, 0xe5, 0x0c, 0x66, 0x20, 0x7f};
	config[0] = (struct img_lb_quic){.id = 0, .server_id = 3, .nonce = 4};
	config[1] = (struct img_lb_quic){.id = 1, .server_id = 3, .nonce = 4, .has_key = 1};
	memcpy(config[1].key, key, 16);
	w = world_new();
	w->quic = config;
	w->n_quic = 2;
	w->service[W_UDP].quics = 2;
	memcpy(w->backend[5].server_id, "\xed\x79\x3a", 3);
	w->backend[5].server_id_size = 3;
	memcpy(w->backend[0].server_id, "\xc4\x60\x5e", 3); /* of another service */
	w->backend[0].server_id_size = 3;
}

static void
test_quic(void)
{
	static struct img_lb_quic config[2];
	quic_world(config);
	setup();
	const struct img_lb_backend *b =
		((const struct lb_view *)w->gen->view[POLICY_LB])->backends;
	CU_ASSERT_PTR_EQUAL(quic("\x40\x07\xed\x79\x3a\1\2\3\4", 9), &b[5]);
	CU_ASSERT_PTR_EQUAL(quic("\x40\x27\x20\xb1\xd0\x7b\x35\x9d\x3c", 9), &b[5]);
	CU_ASSERT_PTR_EQUAL(quic("\xc0\0\0\0\1\x08\x27\x20\xb1\xd0\x7b\x35\x9d\x3c", 14), &b[5]);
	CU_ASSERT_PTR_NULL(quic("\x40\x27\x20\xb1\xd0\x7b\x35\x9d\x3d", 9));
	CU_ASSERT_PTR_NULL(quic("\x40\x07\xc4\x60\x5e\1\2\3\4", 9));
	CU_ASSERT_PTR_NULL(quic("\x40\x47\xed\x79\x3a\1\2\3\4", 9));
	CU_ASSERT_PTR_NULL(quic("\x40\x07\xed\x79\x3a\1\2\3", 8));
	CU_ASSERT_PTR_NULL(quic("\xc0\0\0\0\1\x09\x07\xed\x79\x3a\1\2\3\4", 14));
	w->backend[5].state = LB_DRAIN;
	world_build(w, 1, false);
	CU_ASSERT_PTR_NOT_NULL(quic("\x40\x07\xed\x79\x3a\1\2\3\4", 9));
	w->backend[5].state = LB_DOWN;
	world_build(w, 1, false);
	CU_ASSERT_PTR_NULL(quic("\x40\x07\xed\x79\x3a\1\2\3\4", 9));
	teardown();
}

/* A wrong image: what is changed, and that it is refused. */
#define BAD(statement)                                                                         \
	do {                                                                                   \
		char err[256] = "";                                                            \
		static struct img_lb_quic config[2];                                           \
		quic_world(config);                                                            \
		w->plane.shifts = 10;                                                          \
		world_tables(w);                                                               \
		world_image(w);                                                                \
		CU_ASSERT_EQUAL(lb_image_check(w->image, err, sizeof(err)), 0);                \
		statement;                                                                     \
		world_image(w);                                                                \
		CU_ASSERT_NOT_EQUAL(lb_image_check(w->image, err, sizeof(err)), 0);            \
		CU_ASSERT_NOT_EQUAL(err[0], 0);                                                \
		world_free(w);                                                                 \
	} while (0)

static void
test_image(void)
{
	BAD(w->service[W_FULLNAT].tell = TELL_KINDS);
	BAD(w->service[W_NAT].tell = TELL_PROXY1);
	BAD(w->service[W_FULLNAT].tell = TELL_TOA; w->service[W_FULLNAT].toa_kind = 8);
	BAD(w->service[W_FULLNAT].tell = TELL_PROXY2; w->plane.shifts = 0);
	BAD(tells(W_NAT, LB_PROTO_ANY, TELL_PROXY2); w->plane.shifts = 0);
	BAD(tells(W_NAT, LB_PROTO_ANY, TELL_TOA));
	BAD(tells(W_UDP, IPPROTO_L4_UDP, TELL_PROXY1));
	BAD(w->service[W_UDP].syn_mode = LB_SYN_ALWAYS; w->service[W_UDP].syn_mss = 1460);
	BAD(w->service[W_NAT].syn_mode = LB_SYN_MODES; w->service[W_NAT].syn_mss = 1460);
	BAD(w->service[W_NAT].syn_mode = LB_SYN_AUTO; w->service[W_NAT].syn_mss = 100);
	BAD(w->service[W_NAT].syn_mode = LB_SYN_AUTO; w->service[W_NAT].syn_mss = 1460;
	    w->service[W_NAT].syn_scale = 16);
	BAD(w->service[W_NAT].syn_mode = LB_SYN_AUTO; w->service[W_NAT].syn_mss = 1460;
	    w->plane.shifts = 0);
	BAD(config[1].id = 7);
	BAD(config[1].id = 0);
	BAD(config[1].server_id = 0);
	BAD(config[1].server_id = 16);
	BAD(config[1].nonce = 3);
	BAD(config[1].nonce = 17);
	BAD(config[1].has_key = 2);
	BAD(w->service[W_UDP].quics = 3);
	BAD(w->service[W_UDP].first_quic = 1);
	BAD(w->service[W_NAT].quics = 1);
	BAD(w->backend[5].server_id_size = 16);
}

static const struct test_case cases[] = {
	{"telling", test_tell},
	{"telling by datagrams", test_tell_datagrams},
	{"SYN proxy", test_syn_proxy},
	{"SYN proxy by rate", test_syn_proxy_auto},
	{"connection IDs", test_quic},
	{"images", test_image},
};
TEST_MAIN("lb_transport", cases)
