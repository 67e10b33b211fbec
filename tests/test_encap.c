/* SPDX-License-Identifier: Apache-2.0 */
/* Ways: outer headers against the RFCs' text, random packets through every mode, and the limits. */
#include "lb/lb_way.h"
#include "lib/encap.h"
#include "probe.h"

enum { DF = 0x4000, MF = 0x2000, OWNER = 7, RANDOM = 3000, GUE_PORT = 6080, CLIENT_PORT = 2000 };

static struct way ways[OWNER + 1];

/* A world whose flows are carried to owner 7 as a service of this mode does it. */
static struct world *
carried(uint8_t mode, uint8_t inner, const char *to, struct img_lb_way row)
{
	struct world *w = probe_simple();
	struct img_lb_service s = {.mode = mode, .family = inner};
	struct img_lb_backend b = {.family = strchr(to, ':') != NULL ? 6 : 4};
	b.address = b.family == 4 ? addr4(to) : addr6(to);
	row.port = htobe16(GUE_PORT);
	if (row.source.q[0] == 0)
		row.source = b.family == 4 ? addr4("192.0.2.1") : addr6("2001:db8:2::1");
	world_mac(w, strncmp(to, "198.18.", 7) == 0 ? WORLD_SMALL : WORLD_OUT, b.family, b.address);
	lb_way_fill(&ways[OWNER], &row, &s, &b);
	w->gen->way = ways;
	w->gen->n_ways = OWNER + 1;
	w->extra_flags = FLOW_WAY;
	return w;
}

static struct frame
client_frame(uint8_t family)
{
	struct frame f = world_frame("10.0.0.10", CLIENT_PORT, "203.0.112.9", 80, 6);
	if (family == 6) {
		f.family = 6;
		f.src = addr6("2001:db8:1::10");
		f.dst = addr6("2001:db8:2::99");
	} else {
		f.frag = DF;
	}
	f.tcp_flags = 2;
	return f;
}

/* What a router makes of a packet: TTL one less, the header's checksum made anew. */
static size_t
expected(uint8_t *out, struct frame f)
{
	f.ttl = (uint8_t)((f.ttl != 0 ? f.ttl : 64) - 1);
	return frame_ip(out, &f);
}

/* inner_at: octets of outer header for a mode and family of it. */
static unsigned
overhead(uint8_t mode, uint8_t family)
{
	return (family == 4 ? 20u : 40u) + (mode == LB_MODE_GRE ? 4 : mode == LB_MODE_GUE ? 8 : 0);
}

static uint8_t
protocol(uint8_t mode, uint8_t inner)
{
	return mode == LB_MODE_GRE ? 47 : mode == LB_MODE_GUE ? 17 : inner == 4 ? 4 : 41;
}

static uint8_t
tos_of(const uint8_t *l3)
{
	return l3[0] >> 4 == 4 ? l3[1] : (uint8_t)(l3[0] << 4 | l3[1] >> 4);
}

/* The last frame's outer header, all fields but source and identification. */
static void
expect_outer(const struct way *y, uint8_t mode, uint8_t inner, const struct frame *f, size_t size)
{
	const uint8_t *o = probe_view.l3, *shim = probe_view.l4;
	uint16_t length;
	CU_ASSERT_TRUE(probe_view.ip_csum_right);
	CU_ASSERT_EQUAL(probe_view.f.family, y->family);
	CU_ASSERT_TRUE(addr_equal(&probe_view.f.dst, &y->to));
	CU_ASSERT_EQUAL(probe_view.f.ttl, 64);
	CU_ASSERT_EQUAL(tos_of(probe_view.l3), f->tos);
	CU_ASSERT_EQUAL(y->family == 4 ? o[9] : o[6], protocol(mode, inner));
	CU_ASSERT_EQUAL(probe_view.l3_size, overhead(mode, y->family) + size);
	if (mode == LB_MODE_GRE) {
		CU_ASSERT_EQUAL(memcmp(shim, inner == 4 ? "\0\0\x08\x00" : "\0\0\x86\xdd", 4), 0);
	} else if (mode == LB_MODE_GUE) {
		memcpy(&length, shim + 4, 2);
		CU_ASSERT_EQUAL(probe_view.f.dport, GUE_PORT);
		CU_ASSERT(probe_view.f.sport >= 0xc000);
		CU_ASSERT_EQUAL(be16toh(length), 8 + size);
		CU_ASSERT(shim[6] == 0 && shim[7] == 0);
	}
	if (y->family == 4) {
		bool df = inner == 6 || (f->frag & DF) != 0 || y->always_df;
		CU_ASSERT_EQUAL(probe_view.f.frag, df ? DF : 0);
		CU_ASSERT_EQUAL(probe_view.f.id == 0, df);
	}
}

static const struct {
	uint8_t mode, inner;
	const char *to;
} combinations[] = {
	{LB_MODE_IPIP, 4, "192.0.2.20"}, {LB_MODE_IPIP, 6, "192.0.2.20"},
	{LB_MODE_IPIP, 4, "2001:db8:2::20"}, {LB_MODE_IPIP, 6, "2001:db8:2::20"},
	{LB_MODE_GRE, 4, "192.0.2.20"}, {LB_MODE_GRE, 6, "192.0.2.20"},
	{LB_MODE_GRE, 4, "2001:db8:2::20"}, {LB_MODE_GRE, 6, "2001:db8:2::20"},
	{LB_MODE_GUE, 4, "192.0.2.20"}, {LB_MODE_GUE, 6, "192.0.2.20"},
	{LB_MODE_GUE, 4, "2001:db8:2::20"}, {LB_MODE_GUE, 6, "2001:db8:2::20"},
	{LB_MODE_DSR, 4, "192.0.2.20"}, {LB_MODE_DSR, 6, "2001:db8:2::20"},
};
enum { COMBINATIONS = sizeof(combinations) / sizeof(combinations[0]) };

static bool
take(struct world *w)
{
	size_t n = world_take(w, 1, probe_frame);
	return n != 0 && frame_view(&probe_view, probe_frame, n);
}

/* A packet of random length, options, DS field, TTL, DF: inside it is the same, but for its TTL. */
static void
random_packet(struct world *w, unsigned c, uint64_t *seed)
{
	uint64_t x = test_random(seed);
	uint8_t mode = combinations[c].mode, inner = combinations[c].inner;
	const struct way *y = &ways[OWNER];
	uint8_t wanted[FRAME_MAX];
	struct frame f = client_frame(inner);
	f.sport = (uint16_t)(1024 + x % 1000);
	f.proto = x >> 10 & 1 ? 6 : 17;
	f.tcp_flags = x >> 11 & 1 ? 2 : 16;
	f.tos = (uint8_t)(x >> 12);
	f.ttl = (uint8_t)(2 + (x >> 20) % 254);
	f.payload_size = (uint16_t)((x >> 28) % 1360);
	f.no_udp_csum = inner == 4 && (x >> 40) % 8 == 0;
	if (inner == 4) {
		f.options = (uint8_t)((x >> 44) % 4 * 4);
		f.frag = x >> 48 & 1 ? DF : 0;
		f.id = (uint16_t)(x >> 49);
	}
	probe_arrive(w, WORLD_IN, f);
	size_t size = expected(wanted, f);
	if (!take(w)) {
		CU_FAIL("nothing was sent");
		return;
	}
	if (mode != LB_MODE_DSR)
		expect_outer(y, mode, inner, &f, size);
	const uint8_t *in = probe_view.l3 + (mode != LB_MODE_DSR ? overhead(mode, y->family) : 0);
	CU_ASSERT_EQUAL(memcmp(in, wanted, size), 0);
	CU_ASSERT_EQUAL(memcmp(probe_view.f.dmac + 2, y->to.b + (y->family == 4 ? 0 : 12), 4), 0);
	CU_ASSERT_FALSE(take(w));
}

static void
test_inner_unchanged(void)
{
	uint64_t seed = test_seed();
	for (unsigned c = 0; c < COMBINATIONS; c++) {
		struct world *w = carried(combinations[c].mode, combinations[c].inner,
		                          combinations[c].to, (struct img_lb_way){.mtu = 0});
		for (unsigned i = 0; i < RANDOM / COMBINATIONS; i++) {
			random_packet(w, c, &seed);
			if (i % 64 == 0)
				world_drain(w);
		}
		world_destroy(w);
	}
}

/* RFC 6040 section 4.1, normal mode, and RFC 2983: all values of the field go out as they are. */
static void
test_ecn_and_dscp(void)
{
	for (unsigned c = 0; c < 12; c += 3) {
		struct world *w = carried(combinations[c].mode, combinations[c].inner,
		                          combinations[c].to, (struct img_lb_way){.mtu = 0});
		for (unsigned tos = 0; tos < 256; tos++) {
			struct frame f = client_frame(combinations[c].inner);
			f.tos = (uint8_t)tos;
			probe_arrive(w, WORLD_IN, f);
			CU_ASSERT_TRUE_FATAL(take(w));
			CU_ASSERT_EQUAL(tos_of(probe_view.l3), tos);
		}
		world_destroy(w);
	}
}

/* RFC 6864: without DF identifications differ, with it the field is free; `set` has always DF. */
static void
test_identification(void)
{
	struct world *w = carried(LB_MODE_IPIP, 4, "192.0.2.20", (struct img_lb_way){.mtu = 0});
	struct frame f = client_frame(4);
	uint8_t seen[65536 / 8] = {0};
	f.frag = 0;
	for (unsigned i = 0; i < 2000; i++) {
		f.id = 5; /* the inner one says nothing of the outer one */
		probe_arrive(w, WORLD_IN, f);
		CU_ASSERT_TRUE_FATAL(take(w));
		uint16_t id = probe_view.f.id;
		CU_ASSERT(id != 0 && (seen[id / 8] >> id % 8 & 1) == 0);
		seen[id / 8] |= (uint8_t)(1 << id % 8);
	}
	ways[OWNER].always_df = 1;
	probe_arrive(w, WORLD_IN, f);
	CU_ASSERT_TRUE_FATAL(take(w));
	CU_ASSERT(probe_view.f.frag == DF && probe_view.f.id == 0);
	world_destroy(w);
}

/* Source, port and label: of a connection always the same, of many many. */
static void
test_entropy(void)
{
	struct img_lb_way row = {.source = addr4("10.99.0.0"), .spread = addr4("0.0.255.255")};
	struct world *w = carried(LB_MODE_GUE, 4, "192.0.2.20", row);
	unsigned addresses = 0, ports = 0;
	uint32_t last_address = 0;
	uint16_t last_port = 0;
	for (unsigned i = 0; i < 200; i++) {
		struct frame f = client_frame(4);
		f.sport = (uint16_t)(3000 + i);
		for (unsigned j = 0; j < 3; j++) {
			probe_arrive(w, WORLD_IN, f);
			CU_ASSERT_TRUE_FATAL(take(w));
			CU_ASSERT_TRUE(probe_view.ip_csum_right);
			CU_ASSERT_EQUAL(memcmp(&probe_view.f.src, &row.source, 2), 0);
			CU_ASSERT(j == 0 || probe_view.f.src.w[0] == last_address);
			CU_ASSERT(j == 0 || probe_view.f.sport == last_port);
			addresses += j == 0 && probe_view.f.src.w[0] != last_address;
			ports += j == 0 && probe_view.f.sport != last_port;
			last_address = probe_view.f.src.w[0];
			last_port = probe_view.f.sport;
		}
	}
	CU_ASSERT(addresses > 190 && ports > 190);
	world_destroy(w);
}

static void
expect_too_big(struct world *w, struct frame f, uint16_t mtu)
{
	probe_arrive(w, WORLD_IN, f);
	CU_ASSERT_FALSE(take(w));
	probe_expect_punt(w, PUNT_TOO_BIG, DROP_TOO_BIG, mtu);
}

/* LB-MTU-1: what fits goes, one octet more is answered with what is left inside. */
static void
test_too_big(void)
{
	for (unsigned c = 0; c < COMBINATIONS; c++) {
		uint8_t mode = combinations[c].mode, inner = combinations[c].inner;
		for (unsigned limit = 0; limit <= 1300; limit += 1300) {
			struct img_lb_way row = {.mtu = (uint16_t)limit};
			struct world *w = carried(mode, inner, combinations[c].to, row);
			unsigned left = (limit != 0 ? limit : 1500) - ways[OWNER].overhead;
			struct frame f = client_frame(inner);
			f.payload_size = (uint16_t)(left - (inner == 4 ? 40 : 60));
			probe_arrive(w, WORLD_IN, f);
			CU_ASSERT_TRUE(take(w));
			f.payload_size++;
			expect_too_big(w, f, (uint16_t)left);
			world_destroy(w);
		}
	}
}

/* Without DF: pieces, each in a header of its own, that together are the packet. */
static void
test_cut_before(void)
{
	struct world *w = carried(LB_MODE_GUE, 4, "198.18.0.10", (struct img_lb_way){.mtu = 0});
	struct frame f = client_frame(4);
	uint8_t whole[FRAME_MAX], wanted[FRAME_MAX];
	unsigned at = 0, pieces = 0;
	uint16_t port = 0;
	f.proto = 17;
	f.frag = 0;
	f.id = 77;
	f.payload_size = 1400;
	probe_arrive(w, WORLD_IN, f);
	for (; take(w); pieces++) {
		const uint8_t *in = probe_view.l3 + 28;
		CU_ASSERT(probe_view.ip_csum_right && probe_view.l3_size <= 600);
		CU_ASSERT(port == 0 || probe_view.f.sport == port);
		port = probe_view.f.sport;
		CU_ASSERT_EQUAL(sum16(in, 20, 0), 0);
		CU_ASSERT(in[8] == 63 && in[4] == 0 && in[5] == 77);
		CU_ASSERT_EQUAL(((in[6] & 0x1f) << 8 | in[7]) * 8u, at);
		size_t size = probe_view.l3_size - 48;
		memcpy(whole + at, in + 20, size);
		at += (unsigned)size;
		CU_ASSERT_EQUAL((in[6] & 0x20) != 0, at < 1408);
	}
	size_t n = expected(wanted, f);
	CU_ASSERT_EQUAL_FATAL(at, n - 20);
	CU_ASSERT_EQUAL(memcmp(whole, wanted + 20, at), 0);
	CU_ASSERT(pieces == 3 && WORLD_SUM(w, forwarded) == 1 && WORLD_SUM(w, generated) == 2);
	world_destroy(w);
}

/* RFC 1624: the transport checksum follows the new destination; ECN stays. */
static void
test_dscp(void)
{
	for (unsigned family = 4; family <= 6; family += 2) {
		const char *to = family == 4 ? "192.0.2.20" : "2001:db8:2::20";
		struct world *w = carried(LB_MODE_L3DSR, (uint8_t)family, to,
		                          (struct img_lb_way){.dscp = 11});
		for (unsigned i = 0; i < 8; i++) {
			struct frame f = client_frame((uint8_t)family);
			f.proto = i & 4 ? 17 : 6;
			f.tos = (uint8_t)(0xb8 | (i & 3));
			f.payload_size = 33;
			probe_arrive(w, WORLD_IN, f);
			CU_ASSERT_TRUE_FATAL(take(w));
			CU_ASSERT_TRUE(probe_view.ip_csum_right && probe_view.l4_csum_right);
			CU_ASSERT_TRUE(addr_equal(&probe_view.f.dst, &ways[OWNER].to));
			CU_ASSERT_TRUE(addr_equal(&probe_view.f.src, &f.src));
			CU_ASSERT_EQUAL(tos_of(probe_view.l3), 11 << 2 | (i & 3));
			CU_ASSERT_EQUAL(probe_view.f.ttl, 63);
		}
		world_destroy(w);
	}
}

static struct frame
answer_to(struct frame f)
{
	struct frame back = f;
	back.src = f.dst;
	back.dst = f.src;
	back.sport = f.dport;
	back.dport = f.sport;
	return back;
}

/* An answer that comes by: from where the owner is it goes to the client as it came. */
static void
test_answers(void)
{
	struct world *w = carried(LB_MODE_DSR, 6, "2001:db8:2::20", (struct img_lb_way){.mtu = 0});
	struct frame f = client_frame(6), back = answer_to(f);
	world_mac(w, WORLD_IN, 6, f.src);
	probe_arrive(w, WORLD_IN, f);
	CU_ASSERT_TRUE(take(w));
	probe_arrive(w, WORLD_OUT, back);
	CU_ASSERT_TRUE_FATAL(probe_take(w, 0));
	CU_ASSERT_EQUAL(probe_view.f.ttl, 63);
	CU_ASSERT_TRUE(addr_equal(&probe_view.f.src, &back.src));
	CU_ASSERT_TRUE(addr_equal(&probe_view.f.dst, &back.dst));
	CU_ASSERT_TRUE(probe_view.f.sport == 80 && probe_view.f.dport == CLIENT_PORT);
	CU_ASSERT_TRUE(probe_view.l4_csum_right);
	probe_arrive(w, WORLD_SMALL, back); /* from elsewhere */
	CU_ASSERT_EQUAL(world_dropped(w, DROP_IP_SOURCE), 1);
	world_destroy(w);
}

/* Direction 1, no way, no route, no neighbour. */
static void
test_refusals(void)
{
	struct world *w = carried(LB_MODE_IPIP, 6, "192.0.2.20", (struct img_lb_way){.mtu = 0});
	struct frame f = client_frame(6), back = answer_to(f);
	probe_arrive(w, WORLD_IN, f);
	CU_ASSERT_TRUE(take(w));
	probe_arrive(w, WORLD_SMALL, back);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_IP_SOURCE), 1);
	w->gen->n_ways = OWNER;
	probe_arrive(w, WORLD_IN, f);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_NO_POLICY), 1);
	w->gen->n_ways = OWNER + 1;
	w->gen->number++; /* the next hop is not known from before */
	ways[OWNER].to = addr4("203.0.113.5");
	probe_arrive(w, WORLD_IN, f);
	probe_expect_punt(w, PUNT_NO_ROUTE, DROP_NO_ROUTE, 0);
	ways[OWNER].to = addr4("192.0.2.77");
	probe_arrive(w, WORLD_IN, f);
	probe_expect_punt(w, PUNT_WAY, DROP_NO_NEIGHBOUR, OWNER);
	CU_ASSERT_FALSE(take(w));
	world_destroy(w);
}

/* The slow path is given a whole frame, outer header and all. */
static void
test_punted_frame(void)
{
	struct world *w = carried(LB_MODE_GRE, 6, "192.0.2.20", (struct img_lb_way){.mtu = 0});
	struct buf_meta meta;
	uint8_t frame[FRAME_MAX], wanted[FRAME_MAX];
	struct frame f = client_frame(6);
	size_t n, size = expected(wanted, f);
	ways[OWNER].to = addr4("192.0.2.77");
	probe_arrive(w, WORLD_IN, f);
	CU_ASSERT_TRUE_FATAL(world_punted(w, &meta, frame, &n));
	CU_ASSERT(meta.punt == PUNT_WAY && meta.arg == OWNER && meta.nic == WORLD_IN);
	CU_ASSERT_TRUE(frame_view(&probe_view, frame, n) && probe_view.l3_size == 24 + size);
	CU_ASSERT_EQUAL(memcmp(probe_view.l3 + 24, wanted, size), 0);
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"the packet inside is unchanged", test_inner_unchanged},
	{"ECN and DSCP", test_ecn_and_dscp},
	{"identification and DF", test_identification},
	{"entropy", test_entropy},
	{"too big", test_too_big},
	{"cut before it is wrapped", test_cut_before},
	{"another destination with a DSCP", test_dscp},
	{"answers that come by", test_answers},
	{"refusals", test_refusals},
	{"to the slow path", test_punted_frame},
};

TEST_MAIN("encap", cases)
