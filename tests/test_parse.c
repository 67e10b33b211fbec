/* SPDX-License-Identifier: Apache-2.0 */
/* parse.h: rows of packets and what becomes of them; truncation at every byte; random damage. */
#include "lib/parse_plain.h"

#include "lib/drop.h"
#include "packets.h"
#include "test.h"

static struct generation gen;
static struct dev dev = {.id = 0, .mac_filter = 1};
static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 1};

static void
setup(void)
{
	memset(&gen, 0, sizeof(gen));
	gen.nic[1] = (struct gen_nic){.valid = 1, .realm = 3};
	gen.nic[2] = (struct gen_nic){.valid = 1, .realm = 4, .vlan_be = htobe16(7)};
	memcpy(gen.nic[1].mac, our_mac, 6);
	memcpy(gen.nic[2].mac, our_mac, 6);
	pkt_arrivals(gen.arrival, false, false);
	gen.vlan_nic[0][0] = 1;
	gen.vlan_nic[0][7] = 2;
}

static unsigned n_plain, n_plain6, n_tagged;

/* The short way says the same as the long one, or nothing. */
static void
check_plain(struct rte_mbuf *m, const struct pkt *p, enum path path)
{
	enum { SEED = 99 };
	struct pkt q = {.m = m};
	const struct plain_burst burst = plain_burst_of(&gen, &dev, SEED);
	if (parse_plain(&q, &burst))
		n_plain++;
	else if (parse_plain6(&q, &burst))
		n_plain6++;
	else if (parse_tagged(&q, &burst))
		n_tagged++;
	else
		return;
	CU_ASSERT_EQUAL_FATAL(path, PATH_FLOW);
	CU_ASSERT_EQUAL(q.hash, pkt_hash(p, SEED));
	CU_ASSERT_EQUAL(q.cause, HANDOFF_MAX);
	q.hash = q.cause = 0;
	CU_ASSERT_EQUAL(memcmp(&q, p, sizeof(q)), 0);
}

/* The frame ends where its memory ends, so that sanitizers see every byte too many. */
static enum path
parse_bytes(struct pkt *p, const uint8_t *frame, size_t size)
{
	uint8_t *exact = malloc(size + (size == 0));
	struct rte_mbuf m = {.buf_addr = exact, .data_len = (uint16_t)size};
	memcpy(exact, frame, size);
	memset(p, 0, sizeof(*p));
	p->m = &m;
	enum path path = parse_frame(p, &gen, &dev);
	check_plain(&m, p, path);
	CU_ASSERT_EQUAL(memcmp(exact, frame, size), 0);
	free(exact);
	return path;
}

static struct frame
base(uint8_t family, uint8_t proto)
{
	struct frame f = {
		.family = family, .proto = proto, .sport = 1000, .dport = 80, .payload_size = 10,
		.src = family == 4 ? addr4("10.0.0.1") : addr6("2001:db8::1"),
		.dst = family == 4 ? addr4("192.0.2.1") : addr6("2001:db8::2"),
		.icmp_type = family == 4 ? 8 : 128, .frag = family == 4 ? 0x4000 : 0,
	};
	memcpy(f.dmac, our_mac, 6);
	return f;
}

/* One byte or two of a valid frame changed, counted from the IP header; checksum made right. */
struct row {
	const char *name;
	uint8_t family, proto;
	int at;
	uint8_t value;
	bool keep_csum;
	enum path path;
	unsigned why;
};

static const struct row rows[] = {
	{"version", 4, 17, 0, 0x55, 0, PATH_DROP, DROP_IP_HEADER},
	{"header length 4", 4, 17, 0, 0x44, 0, PATH_DROP, DROP_IP_HEADER},
	{"total length below header", 4, 17, 3, 19, 0, PATH_DROP, DROP_IP_HEADER},
	{"total length above frame", 4, 17, 3, 200, 0, PATH_DROP, DROP_IP_TRUNCATED},
	{"IP checksum", 4, 17, 10, 0x11, 1, PATH_DROP, DROP_IP_CHECKSUM},
	{"source 0/8", 4, 17, 12, 0, 0, PATH_DROP, DROP_IP_SOURCE},
	{"source 127/8", 4, 17, 12, 127, 0, PATH_DROP, DROP_IP_SOURCE},
	{"source multicast", 4, 17, 12, 224, 0, PATH_DROP, DROP_IP_SOURCE},
	{"source 240/4", 4, 17, 12, 255, 0, PATH_DROP, DROP_IP_SOURCE},
	{"source 223/8 is fine", 4, 17, 12, 223, 0, PATH_FLOW, 0},
	{"source 1/8 is fine", 4, 17, 12, 1, 0, PATH_FLOW, 0},
	{"destination multicast", 4, 17, 16, 239, 0, PATH_DROP, DROP_IP_DESTINATION},
	{"destination 0/8", 4, 17, 16, 0, 0, PATH_DROP, DROP_IP_DESTINATION},
	{"destination 127/8", 4, 17, 16, 127, 0, PATH_DROP, DROP_IP_DESTINATION},
	{"protocol GRE", 4, 17, 9, 47, 0, PATH_ASIDE, PKT_OTHER},
	{"ICMPv6 in IPv4", 4, 17, 9, 58, 0, PATH_ASIDE, PKT_OTHER},
	{"TTL 1", 4, 17, 8, 1, 0, PATH_ASIDE, PKT_TTL},
	{"TTL 0", 4, 17, 8, 0, 0, PATH_ASIDE, PKT_TTL},
	{"TTL 2", 4, 17, 8, 2, 0, PATH_FLOW, 0},
	{"DF", 4, 17, 6, 0x40, 0, PATH_FLOW, 0},
	{"UDP length below 8", 4, 17, 25, 7, 0, PATH_DROP, DROP_L4_TRUNCATED},
	{"UDP length above packet", 4, 17, 25, 19, 0, PATH_DROP, DROP_L4_TRUNCATED},
	{"TCP data offset 4", 4, 6, 32, 0x40, 0, PATH_DROP, DROP_L4_TRUNCATED},
	{"TCP data offset beyond", 4, 6, 32, 0xf0, 0, PATH_DROP, DROP_L4_TRUNCATED},
	{"ICMP echo request", 4, 1, 20, 8, 0, PATH_FLOW, 0},
	{"ICMP echo reply", 4, 1, 20, 0, 0, PATH_FLOW, 0},
	{"ICMP unreachable", 4, 1, 20, 3, 0, PATH_ASIDE, PKT_ERROR},
	{"ICMP source quench", 4, 1, 20, 4, 0, PATH_ASIDE, PKT_OTHER},
	{"ICMP redirect", 4, 1, 20, 5, 0, PATH_ASIDE, PKT_OTHER},
	{"ICMP time exceeded", 4, 1, 20, 11, 0, PATH_ASIDE, PKT_ERROR},
	{"ICMP parameter problem", 4, 1, 20, 12, 0, PATH_ASIDE, PKT_ERROR},
	{"ICMP timestamp", 4, 1, 20, 13, 0, PATH_ASIDE, PKT_OTHER},
	{"first fragment", 4, 17, 6, 0x20, 0, PATH_DROP, DROP_FRAG_INVALID /* 18 bytes */},
	{"last fragment", 4, 17, 7, 5, 0, PATH_ASIDE, PKT_LATER},
	{"TCP fragment into the header", 4, 6, 7, 2, 0, PATH_DROP, DROP_FRAG_INVALID},
	{"version 6", 6, 17, 0, 0x40, 1, PATH_DROP, DROP_IP_HEADER},
	{"payload above frame", 6, 17, 5, 200, 1, PATH_DROP, DROP_IP_TRUNCATED},
	{"source multicast 6", 6, 17, 8, 0xff, 1, PATH_DROP, DROP_IP_SOURCE},
	{"destination multicast 6", 6, 17, 24, 0xff, 1, PATH_DROP, DROP_IP_DESTINATION},
	{"hop limit 1", 6, 17, 7, 1, 1, PATH_ASIDE, PKT_TTL},
	{"no next header", 6, 17, 6, 59, 1, PATH_ASIDE, PKT_OTHER},
	{"ESP", 6, 17, 6, 50, 1, PATH_ASIDE, PKT_OTHER},
	{"ICMPv4 in IPv6", 6, 17, 6, 1, 1, PATH_ASIDE, PKT_OTHER},
	{"echo request 6", 6, 58, 40, 128, 1, PATH_FLOW, 0},
	{"echo reply 6", 6, 58, 40, 129, 1, PATH_FLOW, 0},
	{"packet too big 6", 6, 58, 40, 2, 1, PATH_ASIDE, PKT_ERROR},
	{"error 5 does not exist", 6, 58, 40, 5, 1, PATH_ASIDE, PKT_OTHER},
	{"router solicitation", 6, 58, 40, 133, 1, PATH_PUNT, PUNT_LOCAL},
	{"neighbour solicitation", 6, 58, 40, 135, 1, PATH_PUNT, PUNT_LOCAL},
	{"MLD report", 6, 58, 40, 143, 1, PATH_ASIDE, PKT_OTHER},
};

static void
run_row(const struct row *r)
{
	uint8_t frame[FRAME_MAX];
	struct frame f = base(r->family, r->proto);
	struct pkt p;
	size_t n = frame_make(frame, &f);
	frame[14 + r->at] = r->value;
	if (!r->keep_csum) {
		frame[24] = frame[25] = 0;
		uint16_t sum = htobe16(sum16(frame + 14, (frame[14] & 15) * 4u, 0));
		memcpy(frame + 24, &sum, 2);
	}
	enum path path = parse_bytes(&p, frame, n);
	unsigned why = path == PATH_ASIDE ? p.flags & PKT_ASIDE : path == PATH_FLOW ? 0 : p.why;
	if (path != r->path || why != r->why)
		printf("  %s: path %d why %u\n", r->name, path, why);
	CU_ASSERT_EQUAL(path, r->path);
	CU_ASSERT_EQUAL(why, r->why);
}

static void
test_rows(void)
{
	setup();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run_row(&rows[i]);
}

static void
test_tuples(void)
{
	setup();
	static const uint8_t protos[][2] = {{4, 6}, {4, 17}, {4, 1}, {6, 6}, {6, 17}, {6, 58}};
	for (unsigned i = 0; i < 6; i++) {
		uint8_t frame[FRAME_MAX];
		struct frame f = base(protos[i][0], protos[i][1]);
		struct pkt p;
		f.vlan = 7;
		f.tcp_flags = 0x12;
		size_t n = frame_make(frame, &f);
		memset(frame + n, 0xee, 20); /* padding */
		CU_ASSERT_EQUAL(parse_bytes(&p, frame, n + 20), PATH_FLOW);
		struct tuple t = pkt_tuple(&p);
		bool echo = f.proto == 1 || f.proto == 58;
		CU_ASSERT_TRUE(addr_equal(&t.src, &f.src) && addr_equal(&t.dst, &f.dst));
		CU_ASSERT_EQUAL(t.sport, htobe16(1000));
		CU_ASSERT_EQUAL(t.dport, echo ? 0 : htobe16(80));
		CU_ASSERT_EQUAL(t.realm, 4);
		CU_ASSERT_EQUAL(p.nic, 2);
		CU_ASSERT_EQUAL(p.l3_len, n - 18);
		CU_ASSERT_EQUAL(p.event, f.proto == 6 ? EV_SYN : EV_OTHER);
	}
}

static void
test_l2(void)
{
	setup();
	uint8_t frame[FRAME_MAX];
	struct frame f = base(4, 17);
	struct pkt p;
	f.vlan = 8;
	size_t n = frame_make(frame, &f);
	CU_ASSERT_EQUAL(parse_bytes(&p, frame, n), PATH_DROP);
	CU_ASSERT_EQUAL(p.why, DROP_VLAN_UNKNOWN);
	f.vlan = 0;
	n = frame_make(frame, &f);
	frame[5] ^= 1;
	CU_ASSERT_EQUAL(parse_bytes(&p, frame, n), PATH_DROP);
	CU_ASSERT_EQUAL(p.why, DROP_NOT_OUR_MAC);
	dev.mac_filter = 0;
	CU_ASSERT_EQUAL(parse_bytes(&p, frame, n), PATH_FLOW);
	dev.mac_filter = 1;
	memset(frame, 0xff, 6);
	CU_ASSERT_EQUAL(parse_bytes(&p, frame, n), PATH_DROP);
	CU_ASSERT_EQUAL(p.why, DROP_L2_MULTICAST);
	frame[12] = 0x08;
	frame[13] = 0x06;
	CU_ASSERT_EQUAL(parse_bytes(&p, frame, n), PATH_PUNT);
	CU_ASSERT_EQUAL(p.why, PUNT_ARP);
	memcpy(frame, our_mac, 6);
	frame[12] = 0x88;
	frame[13] = 0xcc;
	CU_ASSERT_EQUAL(parse_bytes(&p, frame, n), PATH_DROP);
	CU_ASSERT_EQUAL(p.why, DROP_ETHER_TYPE);
}

/* A priority tag (VLAN 0) is no tag; two tags are one too many. */
static void
test_tags(void)
{
	setup();
	uint8_t frame[FRAME_MAX];
	struct frame f = base(4, 17);
	struct pkt p;
	f.vlan = 0x6000;
	size_t n = frame_make(frame, &f);
	CU_ASSERT_EQUAL(parse_bytes(&p, frame, n), PATH_FLOW);
	CU_ASSERT_EQUAL(p.nic, 1);
	f.vlan = 7;
	n = frame_make(frame, &f);
	memmove(frame + 16, frame + 12, n - 12);
	CU_ASSERT_EQUAL(parse_bytes(&p, frame, n + 4), PATH_DROP);
	CU_ASSERT_EQUAL(p.why, DROP_VLAN_UNKNOWN);
}

static void
test_neighbour_multicast(void)
{
	setup();
	uint8_t frame[FRAME_MAX];
	struct frame f = base(6, 58);
	struct pkt p;
	f.icmp_type = 135;
	f.src = addr6("::");
	f.dst = addr6("ff02::1:ff00:1");
	size_t n = frame_make(frame, &f);
	frame[0] = frame[1] = 0x33;
	CU_ASSERT_EQUAL(parse_bytes(&p, frame, n), PATH_PUNT);
	CU_ASSERT_EQUAL(p.why, PUNT_LOCAL);
	f.icmp_type = 128;
	n = frame_make(frame, &f);
	frame[0] = frame[1] = 0x33;
	CU_ASSERT_EQUAL(parse_bytes(&p, frame, n), PATH_DROP);
	CU_ASSERT_EQUAL(p.why, DROP_L2_MULTICAST);
}

static void
test_link_local(void)
{
	setup();
	uint8_t frame[FRAME_MAX];
	struct frame f = base(6, 17);
	struct pkt p;
	f.src = addr6("fe80::1");
	size_t n = frame_make(frame, &f);
	CU_ASSERT_EQUAL(parse_bytes(&p, frame, n), PATH_ASIDE);
	CU_ASSERT_EQUAL(p.flags & PKT_ASIDE, PKT_LINK_LOCAL);
	f.dst = addr6("fe80::2");
	n = frame_make(frame, &f);
	CU_ASSERT_EQUAL(parse_bytes(&p, frame, n), PATH_PUNT);
}

/* Extension headers in front of UDP: type, then bytes as given. */
static size_t
with_extensions(uint8_t *frame, const uint8_t *chain, unsigned headers)
{
	struct frame f = base(6, 17);
	size_t n = frame_make(frame, &f), add = headers * 8;
	memmove(frame + 54 + add, frame + 54, n - 54);
	frame[20] = chain[0];
	for (unsigned i = 0; i < headers; i++) {
		uint8_t *e = frame + 54 + i * 8;
		memset(e, 0, 8);
		e[0] = i + 1 < headers ? chain[i + 1] : 17;
	}
	uint16_t payload = htobe16((uint16_t)(n - 54 + add));
	memcpy(frame + 18, &payload, 2);
	return n + add;
}

static void
test_extensions(void)
{
	setup();
	static const uint8_t good[] = {0, 60, 43, 44, 60}, late_hop[] = {60, 0}, two[] = {44, 44};
	static const uint8_t nine[] = {60, 60, 60, 60, 60, 60, 60, 60, 60};
	uint8_t frame[FRAME_MAX];
	struct pkt p;
	size_t n = with_extensions(frame, good, 5);
	CU_ASSERT_EQUAL(parse_bytes(&p, frame, n), PATH_FLOW);
	CU_ASSERT_EQUAL(p.l4, 80);
	CU_ASSERT_EQUAL(p.frag, 64);
	for (size_t cut = 0; cut < n; cut++)
		CU_ASSERT_EQUAL(parse_bytes(&p, frame, cut), PATH_DROP);
	frame[54 + 16 + 3] = 1; /* segments left */
	CU_ASSERT_EQUAL(parse_bytes(&p, frame, n), PATH_DROP);
	CU_ASSERT_EQUAL(p.why, DROP_IP_EXTENSION);
	n = with_extensions(frame, late_hop, 2);
	CU_ASSERT_EQUAL(parse_bytes(&p, frame, n), PATH_DROP);
	n = with_extensions(frame, two, 2);
	CU_ASSERT_EQUAL(parse_bytes(&p, frame, n), PATH_DROP);
	n = with_extensions(frame, nine, 9);
	CU_ASSERT_EQUAL(parse_bytes(&p, frame, n), PATH_DROP);
	n = with_extensions(frame, nine, 7);
	CU_ASSERT_EQUAL(parse_bytes(&p, frame, n), PATH_FLOW);
	frame[55] = 255; /* longer than the packet */
	CU_ASSERT_EQUAL(parse_bytes(&p, frame, n), PATH_DROP);
}

/* Cut off anywhere, a packet is dropped, and nothing beyond the cut is read. */
static void
test_truncation(void)
{
	setup();
	static const uint8_t protos[][2] = {{4, 6}, {4, 17}, {4, 1}, {6, 6}, {6, 17}, {6, 58}};
	for (unsigned i = 0; i < 6; i++) {
		uint8_t frame[FRAME_MAX];
		struct frame f = base(protos[i][0], protos[i][1]);
		struct pkt p;
		size_t n = frame_make(frame, &f);
		for (size_t cut = 0; cut < n; cut++)
			CU_ASSERT_EQUAL(parse_bytes(&p, frame, cut), PATH_DROP);
	}
}

static void
test_random_damage(void)
{
	setup();
	uint64_t seed = test_seed();
	static const uint8_t protos[][2] = {{4, 6}, {4, 17}, {4, 1}, {6, 6}, {6, 17}, {6, 58}};
	unsigned count[4] = {0};
	for (unsigned i = 0; i < 50000; i++) {
		uint8_t frame[FRAME_MAX];
		unsigned k = test_random(&seed) % 6;
		struct frame f = base(protos[k][0], protos[k][1]);
		struct pkt p;
		f.vlan = i % 3 == 0 ? 7 : 0;
		size_t n = frame_make(frame, &f), l3 = f.vlan != 0 ? 18 : 14;
		for (unsigned c = test_random(&seed) % 4; c > 0; c--)
			frame[test_random(&seed) % n] = (uint8_t)test_random(&seed);
		uint16_t sum = sum16(frame + l3, 10, 0xffffu & ~sum16(frame + l3 + 12, 8, 0));
		sum = htobe16(sum);
		if (f.family == 4 && test_random(&seed) % 2)
			memcpy(frame + l3 + 10, &sum, 2);
		enum path path = parse_bytes(&p, frame, n);
		CU_ASSERT_TRUE_FATAL(path <= PATH_PUNT);
		if (path == PATH_FLOW)
			CU_ASSERT_TRUE(p.l4 + 8u <= p.l3_len && p.l3_len <= n - 14);
		count[path]++;
	}
	CU_ASSERT_TRUE(count[PATH_FLOW] > 1000 && count[PATH_DROP] > 1000);
	CU_ASSERT_TRUE(n_plain > 500 && n_plain6 > 250 && n_tagged > 250);
}

static void
test_port_zero(void)
{
	setup();
	uint8_t frame[FRAME_MAX];
	struct frame f = base(4, 17);
	struct pkt p;
	f.dport = 0;
	size_t n = frame_make(frame, &f);
	CU_ASSERT_EQUAL(parse_bytes(&p, frame, n), PATH_DROP);
	CU_ASSERT_EQUAL(p.why, DROP_L4_PORT_ZERO);
}

static const struct test_case cases[] = {
	{"rows", test_rows},
	{"tuples", test_tuples},
	{"Ethernet", test_l2},
	{"tags", test_tags},
	{"neighbour discovery", test_neighbour_multicast},
	{"link-local addresses", test_link_local},
	{"extension headers", test_extensions},
	{"truncation", test_truncation},
	{"random damage", test_random_damage},
	{"port zero", test_port_zero},
};
TEST_MAIN("parse", cases)
