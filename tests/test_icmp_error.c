/* SPDX-License-Identifier: Apache-2.0 */
/* ICMP errors: RFC 5508 REQ-3 to REQ-7 in both directions and families, and the broken ones. */
#include "enginetest.h"

enum { DF = 0x4000 };

static uint8_t out[FRAME_MAX], sent[FRAME_MAX];
static struct frame_view view, quoted;

static struct world *
world_simple(uint16_t workers)
{
	struct world *w = world_create((struct world_options){.workers = workers});
	world_mac(w, WORLD_OUT, 4, addr4("192.0.2.254"));
	world_mac(w, WORLD_IN, 4, addr4("10.0.0.10"));
	world_mac(w, WORLD_IN, 4, addr4("10.0.0.77"));
	world_mac(w, WORLD_IN, 6, addr6("2001:db8:1::10"));
	world_mac(w, WORLD_OUT, 6, addr6("2001:db8:2::10"));
	return w;
}

static bool
take(struct world *w, uint8_t dev, uint8_t *frame, struct frame_view *v)
{
	size_t n = world_take(w, dev, frame);
	if (n == 0 || !frame_view(v, frame, n))
		return false;
	CU_ASSERT_TRUE(v->ip_csum_right && v->l4_csum_right);
	return true;
}

static void
arrive(struct world *w, uint8_t nic, struct frame f)
{
	world_send(w, nic, &f);
	world_poll(w);
}

/* Send a packet through and keep what came out as `sent`: what an error will quote. */
static void
through(struct world *w, uint8_t nic, struct frame f)
{
	f.frag = f.family == 4 ? DF : 0; /* else it would get another identification */
	arrive(w, nic, f);
	CU_ASSERT_TRUE_FATAL(take(w, nic == WORLD_IN, sent, &quoted));
}

struct error {
	uint8_t nic, type, code;
	const char *src;
	size_t keep;   /* bytes of the packet that are quoted, 0: all */
	uint32_t word;
};

/* An error about `sent` to its source. */
static size_t
error_make(const struct world *w, uint8_t *frame, struct error e)
{
	struct frame f = {
		.family = quoted.f.family, .dst = quoted.f.src, .icmp_type = e.type,
		.icmp_code = e.code, .src = quoted.f.family == 4 ? addr4(e.src) : addr6(e.src),
	};
	memcpy(f.dmac, w->gen->nic[e.nic].mac, 6);
	return frame_error(frame, &f, quoted.l3, e.keep != 0 ? e.keep : quoted.l3_size, e.word);
}

static void
error_arrive(struct world *w, struct error e)
{
	uint8_t frame[FRAME_MAX];
	size_t n = error_make(w, frame, e);
	world_put(w, w->gen->nic[e.nic].dev, frame, n);
	world_poll(w);
}

/* Is what `out` quotes the packet that f describes, but for n hops? */
static void
expect_quoted(struct frame f, size_t keep, unsigned hops)
{
	uint8_t wanted[FRAME_MAX];
	f.ttl = (uint8_t)(64 - hops);
	f.frag = f.family == 4 ? DF : 0;
	size_t n = frame_ip(wanted, &f);
	n = keep != 0 ? keep : n;
	CU_ASSERT_EQUAL_FATAL(view.f.payload_size, n);
	CU_ASSERT_EQUAL(memcmp(view.f.payload, wanted, n), 0);
}

static bool
is_addr(const union addr *a, const char *text)
{
	union addr b = strchr(text, ':') != NULL ? addr6(text) : addr4(text);
	return addr_equal(a, &b);
}

/* From a router outside, about each protocol: the subscriber sees its own packet. */
static void
test_from_outside(void)
{
	static const uint8_t about[] = {6, 17, 1};
	static const size_t keeps[] = {0, 28, 40};
	for (unsigned i = 0; i < 9; i++) {
		struct world *w = world_simple(1);
		struct frame f = world_frame("10.0.0.10", 2000, "8.8.8.8", 53, about[i % 3]);
		through(w, WORLD_IN, f);
		size_t keep = keeps[i / 3];
		error_arrive(w, (struct error){WORLD_OUT, 3, 4, "9.9.9.9", keep, 1400});
		CU_ASSERT_TRUE_FATAL(take(w, 0, out, &view));
		CU_ASSERT_TRUE(is_addr(&view.f.src, "9.9.9.9"));
		CU_ASSERT_TRUE(is_addr(&view.f.dst, "10.0.0.10"));
		CU_ASSERT_EQUAL(view.f.icmp_type, 3);
		CU_ASSERT_EQUAL(view.f.icmp_code, 4);
		CU_ASSERT_EQUAL(view.f.dport, 1400);
		CU_ASSERT_EQUAL(view.f.ttl, 63);
		expect_quoted(f, keep, 1);
		world_destroy(w);
	}
}

/* From inside about an inbound packet: the pool address speaks; the peer's own answer too. */
static void
test_from_inside(void)
{
	static const char *senders[] = {"10.0.0.10", "10.0.0.200"};
	for (unsigned i = 0; i < 2; i++) {
		struct world *w = world_simple(1);
		through(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17));
		struct frame reply = world_frame("8.8.8.8", 53, "198.51.100.1", 3000, 17);
		through(w, WORLD_OUT, reply);
		error_arrive(w, (struct error){WORLD_IN, 3, 3, senders[i], 0, 0});
		CU_ASSERT_TRUE_FATAL(take(w, 1, out, &view));
		CU_ASSERT_TRUE(is_addr(&view.f.src, "198.51.100.1"));
		CU_ASSERT_TRUE(is_addr(&view.f.dst, "8.8.8.8"));
		expect_quoted(reply, 0, 1);
		world_destroy(w);
	}
}

static void
test_v6(void)
{
	static const uint8_t about[] = {6, 17, 58};
	for (unsigned i = 0; i < 3; i++) {
		struct world *w = world_simple(1);
		struct frame f =
			world_frame("2001:db8:1::10", 2000, "2001:db8:2::10", 53, about[i]);
		through(w, WORLD_IN, f);
		error_arrive(w, (struct error){WORLD_OUT, 2, 0, "2001:db8:2::99", 0, 1280});
		CU_ASSERT_TRUE_FATAL(take(w, 0, out, &view));
		CU_ASSERT_TRUE(is_addr(&view.f.dst, "2001:db8:1::10"));
		CU_ASSERT_TRUE(is_addr(&view.f.src, "2001:db8:2::99"));
		CU_ASSERT_EQUAL(view.f.dport, 1280);
		expect_quoted(f, 0, 1);
		world_destroy(w);
	}
}

/* Options in the quoted header are stepped over; UDP without checksum stays without. */
static void
test_inner_options(void)
{
	struct world *w = world_simple(1);
	struct frame f = world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17);
	f.options = 12;
	f.no_udp_csum = 1;
	through(w, WORLD_IN, f);
	error_arrive(w, (struct error){WORLD_OUT, 11, 0, "9.9.9.9", 0, 0});
	CU_ASSERT_TRUE_FATAL(take(w, 0, out, &view));
	expect_quoted(f, 0, 1);
	world_destroy(w);
}

/* RFC 4884: what follows the quoted packet passes as it is. */
static void
test_extension(void)
{
	struct world *w = world_simple(1);
	struct frame f = world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17);
	uint8_t long_quote[160], frame[FRAME_MAX];
	through(w, WORLD_IN, f);
	memset(long_quote, 0, sizeof(long_quote));
	memcpy(long_quote, quoted.l3, quoted.l3_size);
	memset(long_quote + 128, 0xa5, 32);
	struct frame e = {.family = 4, .src = addr4("9.9.9.9"), .dst = quoted.f.src,
	                  .icmp_type = 11};
	memcpy(e.dmac, w->devs[1].mac, 6);
	world_put(w, 1, frame, frame_error(frame, &e, long_quote, 160, 32u << 16));
	world_poll(w);
	CU_ASSERT_TRUE_FATAL(take(w, 0, out, &view));
	CU_ASSERT_EQUAL(view.f.payload_size, 160);
	CU_ASSERT_EQUAL(memcmp((const uint8_t *)view.f.payload + 128, long_quote + 128, 32), 0);
	CU_ASSERT_EQUAL(view.f.sport, 32);
	world_destroy(w);
}

static const uint8_t protos[] = {17, 6, 1};

/* A flow of a protocol, answered, and a packet of it that errors are about. */
static struct world *
world_talking(uint8_t proto)
{
	enum { SYN = 2, ACK = 16 };
	struct world *w = world_simple(1);
	struct frame f = world_frame("10.0.0.10", 2000, "8.8.8.8", 53, proto);
	struct frame reply = world_frame("8.8.8.8", 53, "198.51.100.1", 3000, proto);
	if (proto == 1) {
		reply.sport = 3000;
		reply.icmp_type = 0;
		reply.dport = 53;
	}
	f.tcp_flags = SYN;
	reply.tcp_flags = SYN | ACK;
	through(w, WORLD_IN, f);
	arrive(w, WORLD_OUT, reply);
	CU_ASSERT_TRUE_FATAL(take(w, 0, out, &view) || proto == 1);
	f.tcp_flags = ACK;
	through(w, WORLD_IN, f);
	CU_ASSERT_EQUAL_FATAL(w->worker[0]->flows.used4, 1);
	return w;
}

/* Invariant 1: the flow is as it was. */
static void
test_flow_untouched(void)
{
	for (unsigned i = 0; i < sizeof(protos); i++) {
		struct world *w = world_talking(protos[i]);
		struct flow4 before = w->worker[0]->flows.v4[1];
		unsigned answered = w->answered;
		world_advance(w, (protos[i] == 6 ? WORLD_EST_MS : WORLD_IDLE_MS) - 1);
		error_arrive(w, (struct error){WORLD_OUT, 3, 3, "8.8.8.8", 0, 0});
		CU_ASSERT_TRUE(take(w, 0, out, &view));
		CU_ASSERT_EQUAL(memcmp(&before, &w->worker[0]->flows.v4[1], sizeof(before)), 0);
		CU_ASSERT_EQUAL(w->answered, answered);
		world_advance(w, 2);
		error_arrive(w, (struct error){WORLD_OUT, 3, 3, "8.8.8.8", 0, 0});
		CU_ASSERT_EQUAL(world_dropped(w, DROP_ICMP_NO_FLOW), 1);
		world_destroy(w);
	}
}

/* RFC 4787 REQ-12, RFC 5382 REQ-10: no message of ICMP, whatever its type and code, ends a flow,
 * keeps it alive or changes it. */
static void
test_no_type_ends(void)
{
	for (unsigned i = 0; i < sizeof(protos); i++) {
		struct world *w = world_talking(protos[i]);
		struct flow4 before = w->worker[0]->flows.v4[1];
		world_advance(w, 1000);
		for (unsigned type = 0; type < 256; type++)
			for (unsigned code = 0; code < 20; code++) {
				error_arrive(w, (struct error){WORLD_OUT, (uint8_t)type,
				                               (uint8_t)code, "8.8.8.8", 0, 0});
				world_drain(w);
			}
		CU_ASSERT_EQUAL(memcmp(&before, &w->worker[0]->flows.v4[1], sizeof(before)), 0);
		CU_ASSERT_EQUAL(w->ended, 0);
		through(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, protos[i]));
		CU_ASSERT_EQUAL(w->opened, 1);
		world_destroy(w);
	}
}

/* RFC 5508 REQ-3c: a checksum in the quote that is wrong is nobody's business here: it stays wrong
 * by as much, also where all that it covers is there. */
static void
test_wrong_quote(void)
{
	static const uint16_t at[] = {[6] = 16, [17] = 6, [1] = 2};
	for (unsigned i = 0; i < sizeof(protos); i++) {
		struct world *w = world_talking(protos[i]);
		unsigned sum = 20u + at[protos[i]];
		uint8_t whole[FRAME_MAX];
		error_arrive(w, (struct error){WORLD_OUT, 3, 3, "9.9.9.9", 0, 0});
		CU_ASSERT_TRUE_FATAL(take(w, 0, out, &view));
		memcpy(whole, view.f.payload, view.f.payload_size);
		uint8_t *quote = sent + (quoted.l3 - sent);
		quote[sum] ^= 0x55;
		error_arrive(w, (struct error){WORLD_OUT, 3, 3, "9.9.9.9", 0, 0});
		CU_ASSERT_TRUE_FATAL(take(w, 0, out, &view));
		const uint8_t *got = view.f.payload;
		CU_ASSERT_NOT_EQUAL(memcmp(got + sum, whole + sum, 2), 0);
		CU_ASSERT_EQUAL(memcmp(got, whole, sum), 0);
		CU_ASSERT_EQUAL(memcmp(got + sum + 2, whole + sum + 2,
		                       view.f.payload_size - sum - 2), 0);
		world_destroy(w);
	}
}

/* One byte of the error changed, counted from the outer IP header. */
struct broken {
	const char *name;
	int at;
	uint8_t value;
	bool seal;     /* make the ICMP checksum right again */
	unsigned drop;
};

static void
test_broken(void)
{
	static const struct broken rows[] = {
		{"ICMP checksum", 22, 0x77, false, DROP_ICMP_CHECKSUM},
		{"inner version", 28, 0x65, true, DROP_ICMP_INNER},
		{"inner header length", 28, 0x4f, true, DROP_ICMP_INNER},
		{"inner checksum", 38, 0x77, true, DROP_ICMP_INNER},
		{"inner source is not the destination", 41, 0x77, true, DROP_ICMP_INNER},
		{"inner port", 48, 0x77, true, DROP_ICMP_NO_FLOW},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_simple(1);
		uint8_t frame[FRAME_MAX];
		through(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17));
		size_t n = error_make(w, frame, (struct error){WORLD_OUT, 3, 3, "8.8.8.8", 0, 0});
		frame[14 + rows[i].at] = rows[i].value;
		uint8_t *icmp = frame + 34;
		if (rows[i].seal) {
			icmp[2] = icmp[3] = 0;
			uint16_t sum = htobe16(sum16(icmp, n - 34, 0));
			memcpy(icmp + 2, &sum, 2);
		}
		world_put(w, 1, frame, n);
		world_poll(w);
		if (world_dropped(w, rows[i].drop) != 1)
			printf("  %s\n", rows[i].name);
		CU_ASSERT_EQUAL(world_dropped(w, rows[i].drop), 1);
		world_destroy(w);
	}
}

static void
test_error_about_error(void)
{
	struct world *w = world_simple(1);
	through(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17));
	uint8_t first[FRAME_MAX];
	error_make(w, first, (struct error){WORLD_OUT, 3, 3, "198.51.100.1", 0, 0});
	struct frame_view v;
	CU_ASSERT_TRUE(frame_view(&v, first, sizeof(first)));
	quoted = v;
	error_arrive(w, (struct error){WORLD_OUT, 3, 3, "8.8.8.8", 0, 0});
	CU_ASSERT_EQUAL(world_dropped(w, DROP_ICMP_INNER), 1);
	world_destroy(w);
}

static void
test_short_quote(void)
{
	struct world *w = world_simple(1);
	through(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 6));
	for (size_t keep = 1; keep < 28; keep++)
		error_arrive(w, (struct error){WORLD_OUT, 3, 3, "8.8.8.8", keep, 0});
	CU_ASSERT_EQUAL(world_dropped(w, DROP_ICMP_INNER), 27);
	for (size_t keep = 28; keep < 46; keep++) {
		error_arrive(w, (struct error){WORLD_OUT, 3, 3, "8.8.8.8", keep, 0});
		CU_ASSERT_TRUE(take(w, 0, out, &view));
	}
	world_destroy(w);
}

/* IPv6, behind destination options: as much as the ports take, or nothing. */
static void
test_short_chain(void)
{
	enum { HEAD = 40, CHAIN = HEAD + 8, ALL = CHAIN + 8 };
	struct world *w = world_simple(1);
	uint8_t quote[ALL] = {0};
	through(w, WORLD_IN, world_frame("2001:db8:1::10", 2000, "2001:db8:2::10", 53, 17));
	memcpy(quote, quoted.l3, HEAD);
	memcpy(quote + CHAIN, quoted.l4, 8);
	quote[HEAD] = quote[6];
	quote[6] = 60;
	quote[HEAD + 2] = 1; /* PadN of the other six octets */
	quote[HEAD + 3] = 4;
	quoted.l3 = quote;
	for (size_t keep = HEAD; keep < ALL; keep++)
		error_arrive(w, (struct error){WORLD_OUT, 1, 4, "2001:db8:2::10", keep, 0});
	CU_ASSERT_EQUAL(world_dropped(w, DROP_ICMP_INNER), 16);
	CU_ASSERT_FALSE(take(w, 0, out, &view));
	error_arrive(w, (struct error){WORLD_OUT, 1, 4, "2001:db8:2::10", ALL, 0});
	CU_ASSERT_TRUE(take(w, 0, out, &view));
	quote[HEAD + 1] = 1; /* longer options than there is room for */
	error_arrive(w, (struct error){WORLD_OUT, 1, 4, "2001:db8:2::10", ALL, 0});
	CU_ASSERT_EQUAL(world_dropped(w, DROP_ICMP_INNER), 17);
	world_destroy(w);
}

static void
test_ttl_and_local(void)
{
	struct world *w = world_simple(1);
	uint8_t frame[FRAME_MAX];
	through(w, WORLD_IN, world_frame("10.0.0.10", 2000, "8.8.8.8", 53, 17));
	struct frame e = {.family = 4, .src = addr4("9.9.9.9"), .dst = quoted.f.src, .icmp_type = 3,
	                  .ttl = 1};
	memcpy(e.dmac, w->devs[1].mac, 6);
	world_put(w, 1, frame, frame_error(frame, &e, quoted.l3, quoted.l3_size, 0));
	world_poll(w);
	/* No error about an error. */
	CU_ASSERT_EQUAL(world_dropped(w, DROP_TTL_EXCEEDED), 1);
	CU_ASSERT_EQUAL(WORLD_SUM(w, handed_off), 0);
	world_destroy(w);
}

/* The error reaches a worker that does not have the flow. */
static void
test_handoff(void)
{
	for (uint16_t port = 2000; port < 2003; port++) {
		struct world *w = world_simple(3);
		struct frame f = world_frame("10.0.0.10", port, "8.8.8.8", 53, 17);
		through(w, WORLD_IN, f);
		error_arrive(w, (struct error){WORLD_OUT, 3, 3, "9.9.9.9", 0, 0});
		CU_ASSERT_TRUE_FATAL(take(w, 0, out, &view));
		expect_quoted(f, 0, 1);
		CU_ASSERT_EQUAL(w->worker[0]->stats->handoff[HANDOFF_ICMP], port % 3 != 0);
		world_destroy(w);
	}
}

/* B refuses a hairpinned packet of A: the error goes back through both flows (REQ-7). */
static void
hairpin(uint16_t workers)
{
	struct world *w = world_simple(workers);
	struct frame f = world_frame("10.0.0.10", 2001, "198.51.100.1", 7777, 17);
	f.frag = DF;
	arrive(w, WORLD_IN, f);
	CU_ASSERT_TRUE_FATAL(take(w, 0, sent, &quoted));
	error_arrive(w, (struct error){WORLD_IN, 3, 3, "10.0.0.77", 0, 0});
	CU_ASSERT_TRUE_FATAL(take(w, 0, out, &view));
	CU_ASSERT_TRUE(is_addr(&view.f.src, "198.51.100.1") && is_addr(&view.f.dst, "10.0.0.10"));
	CU_ASSERT_EQUAL(view.f.ttl, 63);
	expect_quoted(f, 0, 1);
	world_destroy(w);
}

static void
test_hairpin(void)
{
	hairpin(1);
	hairpin(2);
	hairpin(3);
}

static const struct test_case cases[] = {
	{"from outside", test_from_outside},
	{"from inside", test_from_inside},
	{"IPv6", test_v6},
	{"quoted options", test_inner_options},
	{"RFC 4884 extension", test_extension},
	{"flow untouched", test_flow_untouched},
	{"no type and code ends a flow", test_no_type_ends},
	{"a wrong quoted checksum", test_wrong_quote},
	{"broken", test_broken},
	{"error about an error", test_error_about_error},
	{"short quote", test_short_quote},
	{"short quote behind options", test_short_chain},
	{"TTL", test_ttl_and_local},
	{"hand-off", test_handoff},
	{"hairpin", test_hairpin},
};
TEST_MAIN("icmp_error", cases)
