/* SPDX-License-Identifier: Apache-2.0 */
/* rewrite.h: after any rewrite the checksums are what an independent sum says. */
#include "lib/rewrite.h"

#include <arpa/inet.h>

#include "lib/parse.h"
#include "packets.h"
#include "test.h"

enum { ROUNDS = 4000, IP_AT = 14 };

static struct rte_mbuf buf;
static uint8_t frame[FRAME_MAX];

static union addr
random_addr(uint64_t *seed, uint8_t family)
{
	union addr a = {.q = {test_random(seed), test_random(seed)}};
	a.b[0] = family == FAMILY_V4 ? 10 : 0x20;
	if (family == FAMILY_V4)
		a = addr_from_v4(a.w[0]);
	return a;
}

static struct frame
random_frame(uint64_t *seed)
{
	static const uint8_t protos[] = {6, 17, 1};
	uint8_t family = test_random(seed) & 1 ? 4 : 6, proto = protos[test_random(seed) % 3];
	struct frame f = {
		.family = family, .proto = family == 6 && proto == 1 ? 58 : proto,
		.src = random_addr(seed, family), .dst = random_addr(seed, family),
		.sport = (uint16_t)(test_random(seed) | 1),
		.dport = (uint16_t)(test_random(seed) | 1),
		.icmp_type = family == 4 ? 8 : 128, .tcp_flags = 16,
		.payload_size = (uint16_t)(test_random(seed) % 64),
		.options = (uint8_t)(test_random(seed) % 3 * 4),
		.no_udp_csum = family == 4 && test_random(seed) % 4 == 0,
	};
	if (family == 6)
		f.options = 0;
	return f;
}

static void
parse(struct pkt *p, const struct frame *f)
{
	memset(p, 0, sizeof(*p));
	size_t n = frame_make(frame, f);
	p->m = &buf;
	p->l3 = frame + IP_AT;
	enum path path = parse_l3(p, f->family == 4 ? ETHER_IP4 : ETHER_IP6, (uint32_t)(n - IP_AT));
	CU_ASSERT_EQUAL_FATAL(path, PATH_FLOW);
}

static struct tuple
random_tuple(uint64_t *seed, const struct frame *f)
{
	struct tuple t = {.family = f->family, .proto = f->proto,
	                  .src = random_addr(seed, f->family),
	                  .dst = random_addr(seed, f->family),
	                  .sport = (be16)(test_random(seed) | 0x0101)};
	if (f->proto == 6 || f->proto == 17)
		t.dport = (be16)(test_random(seed) | 0x0101);
	return t;
}

/* Make the packet carry t. */
static void
rewrite_to(const struct pkt *p, const struct tuple *t)
{
	struct tuple other = tuple_invert(t);
	if (p->family == FAMILY_V4) {
		struct flow4 f = {.tuple[1] = tuple_to4(&other)};
		rewrite_flow(p, &f.f, 0);
	} else {
		struct flow6 f = {.tuple[1] = tuple_to6(&other)};
		rewrite_flow(p, &f.f, 0);
	}
}

static void
test_random_rewrites(void)
{
	uint64_t seed = test_seed();
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct frame f = random_frame(&seed);
		struct pkt p;
		struct frame_view v;
		parse(&p, &f);
		struct tuple to = random_tuple(&seed, &f);
		size_t size = IP_AT + p.l3_len;
		rewrite_to(&p, &to);
		CU_ASSERT_TRUE_FATAL(frame_view(&v, frame, size));
		CU_ASSERT_TRUE_FATAL(v.ip_csum_right && v.l4_csum_right);
		CU_ASSERT_TRUE(addr_equal(&v.f.src, &to.src) && addr_equal(&v.f.dst, &to.dst));
		CU_ASSERT_EQUAL(v.f.sport, ntohs(to.sport));
		CU_ASSERT_EQUAL(v.f.ttl, 63);
		if (f.no_udp_csum && f.proto == 17)
			CU_ASSERT_EQUAL(load16(v.l4 + 6), 0);
		if (f.proto == 6 || f.proto == 17)
			CU_ASSERT_EQUAL(v.f.dport, ntohs(to.dport));
	}
}

/* Invariant 1: what was wrong stays wrong by the same amount. */
static void
test_wrong_stays_wrong(void)
{
	uint64_t seed = test_seed();
	for (unsigned i = 0; i < 200; i++) {
		struct frame f = random_frame(&seed);
		struct pkt p;
		struct frame_view v;
		f.no_udp_csum = 0;
		f.payload_size = 16;
		parse(&p, &f);
		p.l3[p.l3_len - 1] ^= 0x40;
		struct tuple to = random_tuple(&seed, &f);
		rewrite_to(&p, &to);
		CU_ASSERT_TRUE(frame_view(&v, frame, IP_AT + p.l3_len));
		CU_ASSERT_FALSE(v.l4_csum_right);
		p.l3[p.l3_len - 1] ^= 0x40;
		CU_ASSERT_TRUE(frame_view(&v, frame, IP_AT + p.l3_len));
		CU_ASSERT_TRUE(v.l4_csum_right);
	}
}

/* There and back again: the same bytes but for two hops. */
static void
test_round_trip(void)
{
	uint64_t seed = test_seed();
	for (unsigned i = 0; i < 500; i++) {
		struct frame f = random_frame(&seed);
		struct pkt p;
		uint8_t before[FRAME_MAX];
		parse(&p, &f);
		p.loops = 1;
		memcpy(before, p.l3, p.l3_len);
		struct tuple to = random_tuple(&seed, &f), back = pkt_tuple(&p);
		rewrite_to(&p, &to);
		enum path path = parse_l3(&p, f.family == 4 ? ETHER_IP4 : ETHER_IP6, p.l3_len);
		CU_ASSERT_EQUAL_FATAL(path, PATH_FLOW);
		rewrite_to(&p, &back);
		CU_ASSERT_EQUAL(memcmp(before, p.l3, p.l3_len), 0);
	}
}

static void
test_addresses_only(void)
{
	struct frame f = {.family = 4, .proto = 17, .src = addr4("10.0.0.1"),
	                  .dst = addr4("10.0.0.2"), .sport = 5, .dport = 6, .payload_size = 24};
	uint8_t payload[32];
	struct pkt p;
	parse(&p, &f);
	memcpy(payload, p.l3 + 20, sizeof(payload));
	struct tuple to = {.family = 4, .src = addr4("192.0.2.9"), .dst = addr4("10.0.0.3")};
	rewrite_addresses(&p, &to);
	CU_ASSERT_TRUE(csum_ip4_is_right(p.l3, 20));
	CU_ASSERT_EQUAL(memcmp(payload, p.l3 + 20, sizeof(payload)), 0);
	CU_ASSERT_EQUAL(pkt_ip4(&p)->src, to.src.w[0]);
}

static const struct test_case cases[] = {
	{"random rewrites", test_random_rewrites},
	{"wrong checksums stay wrong", test_wrong_stays_wrong},
	{"round trip", test_round_trip},
	{"addresses only", test_addresses_only},
};
TEST_MAIN("rewrite", cases)
