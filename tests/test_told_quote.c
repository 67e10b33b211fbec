/* SPDX-License-Identifier: Apache-2.0 */
/* ICMP errors about datagrams with PROXY headers: the client reads of what it has sent. */
#include "lib/told.h"

#include "told_kit.h"

enum { SAID = 1400, EXTENSION = 16, QUOTED = 128, FIELD = 4 };

static uint8_t sent[FRAME_MAX]; /* what a backend was sent, from its IP header on */
static size_t sent_size;

static void
send_told(struct world *w, const struct frame *f)
{
	probe_arrive(w, WORLD_IN, *f);
	CU_ASSERT_TRUE_FATAL(probe_take(w, 1));
	sent_size = probe_view.l3_size;
	memcpy(sent, probe_view.l3, sent_size);
}

/* A router on the way speaks of it, quoting so much; the client's copy is in probe_view. */
static void
error_arrive(struct world *w, const struct frame *f, bool is_too_big, size_t quoted, uint32_t word)
{
	uint8_t frame[FRAME_MAX];
	struct frame e = {.family = f->family, .smac = {2, 0, 0, 0, 0, 99}};
	bool v4 = f->family == 4;
	e.src = v4 ? addr4("192.0.2.77") : addr6("2001:db8:2::77");
	e.dst = translated(*f).src;
	e.icmp_type = v4 ? 3 : is_too_big ? 2 : 1;
	e.icmp_code = v4 && is_too_big ? 4 : 3;
	memcpy(e.dmac, w->devs[1].mac, 6);
	world_put(w, 1, frame, frame_error(frame, &e, sent, quoted, word));
	world_poll(w);
	CU_ASSERT_TRUE_FATAL(probe_take(w, 0));
	CU_ASSERT_TRUE(addr_equal(&probe_view.f.dst, &f->src));
}

static uint32_t
word_said(void)
{
	return (uint32_t)probe_view.f.sport << 16 | probe_view.f.dport;
}

/* The quote is n octets of what the client has sent, one hop on. */
static void
expect_quoted(struct frame f, size_t n)
{
	uint8_t wanted[FRAME_MAX];
	f.ttl = 63;
	CU_ASSERT_TRUE_FATAL(frame_ip(wanted, &f) >= n);
	CU_ASSERT_EQUAL(memcmp(probe_view.f.payload, wanted, n), 0);
}

/* However little of it is quoted. */
static void
test_lengths(void)
{
	for (uint8_t family = 4; family <= 6; family += 2) {
		struct world *w = told_world(1);
		struct frame f = question(family, 2000);
		size_t fixed = (family == 4 ? IP4 : IP6) + UDP, head = family == 4 ? HEAD4 : HEAD6;
		f.payload_size = 400;
		send_told(w, &f);
		for (size_t n = fixed; n <= sent_size; n += n < fixed + 70 ? 1 : 37) {
			size_t left = n > fixed + head ? n - head : fixed;
			error_arrive(w, &f, true, n, SAID);
			CU_ASSERT_EQUAL(probe_view.f.payload_size, left);
			expect_quoted(f, left);
			CU_ASSERT_EQUAL(word_said(), SAID - head);
			error_arrive(w, &f, false, n, 0);
			CU_ASSERT_EQUAL(probe_view.f.payload_size, left);
			expect_quoted(f, left);
			CU_ASSERT_EQUAL(word_said(), 0);
		}
		world_destroy(w);
	}
}

/* An MTU is not below what every host has to take; an old router says none. */
static void
test_mtus(void)
{
	static const uint32_t said[2][4][2] = {
		{{68, 68}, {95, 68}, {97, 69}, {0, 0}},
		{{1280, 1280}, {1300, 1280}, {1333, 1281}, {0, 0}},
	};
	for (unsigned i = 0; i < 8; i++) {
		struct world *w = told_world(1);
		struct frame f = question(i % 2 == 0 ? 4 : 6, 2000);
		send_told(w, &f);
		error_arrive(w, &f, true, sent_size, said[i % 2][i / 2][0]);
		CU_ASSERT_EQUAL(word_said(), said[i % 2][i / 2][1]);
		world_destroy(w);
	}
}

/* What follows the quote stays where it is (RFC 4884). */
static void
test_extension(void)
{
	static const uint8_t zero[HEAD4];
	struct world *w = told_world(1);
	struct frame f = question(4, 2000);
	f.payload_size = 200;
	send_told(w, &f);
	for (unsigned i = 0; i < EXTENSION; i++)
		sent[QUOTED + i] = (uint8_t)(0xe0 + i);
	error_arrive(w, &f, true, QUOTED + EXTENSION, QUOTED / 4 << 16 | SAID);
	const uint8_t *got = probe_view.f.payload;
	CU_ASSERT_EQUAL_FATAL(probe_view.f.payload_size, QUOTED + EXTENSION);
	expect_quoted(f, QUOTED - HEAD4);
	CU_ASSERT_EQUAL(memcmp(got + QUOTED - HEAD4, zero, HEAD4), 0);
	CU_ASSERT_EQUAL(memcmp(got + QUOTED, sent + QUOTED, EXTENSION), 0);
	CU_ASSERT_EQUAL(word_said(), QUOTED / 4 << 16 | (SAID - HEAD4));
	world_destroy(w);
}

/* A first fragment has the longer header, which a short quote does not show. */
static void
test_fragment(void)
{
	for (uint8_t family = 4; family <= 6; family += 2) {
		uint8_t whole[FRAME_MAX], frame[FRAME_MAX];
		struct world *w = told_world(1);
		struct frame f = question(family, 2000);
		size_t head = (family == 4 ? HEAD4 : HEAD6) + PAD;
		size_t fixed = family == 4 ? IP4 : IP6 + 8;
		f.frag = 0;
		f.payload_size = 1000;
		memcpy(f.dmac, w->devs[0].mac, 6);
		frame_make(whole, &f);
		size_t n = frame_cut(frame, whole, 0, 800, false);
		memcpy(whole, frame, n);
		world_put(w, 0, frame, n);
		world_poll(w);
		CU_ASSERT_TRUE_FATAL(probe_take(w, 1));
		sent_size = probe_view.l3_size;
		memcpy(sent, probe_view.l3, sent_size);
		for (size_t quoted = fixed + UDP; quoted <= fixed + 700; quoted += 14) {
			size_t past = quoted - fixed - UDP;
			error_arrive(w, &f, true, quoted, SAID);
			const uint8_t *got = probe_view.f.payload, *l4 = got + fixed;
			CU_ASSERT_EQUAL(word_said(), SAID - head);
			CU_ASSERT_EQUAL(probe_view.f.payload_size,
			                fixed + UDP + (past > head ? past - head : 0));
			CU_ASSERT_EQUAL(memcmp(l4, whole + 14 + fixed,
			                       probe_view.f.payload_size - fixed), 0);
			CU_ASSERT_EQUAL(family == 4 ? got[2] * 256u + got[3] :
			                IP6 + got[4] * 256u + got[5], n - 14);
			CU_ASSERT_TRUE(family == 6 || sum16(got, IP4, 0) == 0);
		}
		world_destroy(w);
	}
}

/* What quotes no header of ours, or an answer, is translated and no more. */
static void
test_others(void)
{
	struct world *w = told_world(1);
	struct frame f = question(4, 2000), a;
	f.payload_size = 60;
	send_told(w, &f);
	sent[IP4 + UDP + 20] ^= 1;
	error_arrive(w, &f, true, sent_size, SAID);
	CU_ASSERT_EQUAL(probe_view.f.payload_size, sent_size);
	CU_ASSERT_EQUAL(word_said(), SAID);
	/* The client's host refuses an answer. */
	a = translated(f);
	struct frame answer = {.family = 4, .proto = 17, .src = a.dst, .dst = a.src,
		.sport = a.dport, .dport = a.sport, .payload_size = 60, .frag = DF};
	probe_arrive(w, WORLD_OUT, answer);
	CU_ASSERT_TRUE_FATAL(probe_take(w, 0));
	uint8_t frame[FRAME_MAX], quoted[FRAME_MAX];
	size_t n = probe_view.l3_size;
	memcpy(quoted, probe_view.l3, n);
	struct frame e = {.family = 4, .src = f.src, .dst = f.dst, .icmp_type = 3, .icmp_code = 3};
	memcpy(e.dmac, w->devs[0].mac, 6);
	world_put(w, 0, frame, frame_error(frame, &e, quoted, n, 0));
	world_poll(w);
	CU_ASSERT_TRUE_FATAL(probe_take(w, 1));
	CU_ASSERT_EQUAL(probe_view.f.payload_size, n);
	expect_quoted(answer, n);
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"quotes of all lengths", test_lengths},
	{"MTUs", test_mtus},
	{"extensions", test_extension},
	{"quoted fragments", test_fragment},
	{"others are left alone", test_others},
};
TEST_MAIN("told_quote", cases)
