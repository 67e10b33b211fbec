/* SPDX-License-Identifier: Apache-2.0 */
/* Segments: options of any octets, fields at any offset, checksums. */
#include "lib/tcp.h"

#include <string.h>

#include "lib/rewrite.h"
#include "packets.h"
#include "test.h"

enum { ROUNDS = 50000 };

static void
test_options(void)
{
	static const uint8_t h[60] = {[20] = 2, 4, 5, 0xb4, 4, 2, 8, 10, [36] = 1, 3, 3, 7, 5, 18,
	                              [58] = 0};
	struct tcp_options o;
	tcp_options_read(h, 60, &o);
	CU_ASSERT_TRUE(o.mss == 20 && o.sack_ok == 24 && o.time == 26 && o.scale == 37);
	CU_ASSERT_TRUE(o.sack == 42 && o.blocks == 2);
	tcp_options_read(h, 56, &o); /* the blocks no longer fit */
	CU_ASSERT_TRUE(o.sack == 0 && o.blocks == 0 && o.scale == 37);
	tcp_options_read(h, 20, &o);
	CU_ASSERT_TRUE(o.mss == 0 && o.time == 0);
}

/* Any octets: what is found lies within the header. The buffer ends where the header does. */
static void
test_any_options(void)
{
	uint64_t seed = test_seed();
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint32_t header = 20 + (uint32_t)(test_random(&seed) % 11) * 4;
		uint8_t *h = malloc(header);
		for (unsigned j = 0; j < header; j++) {
			uint64_t r = test_random(&seed);
			h[j] = (uint8_t)(r % 4 == 0 ? r >> 8 : (r >> 8) % 12);
		}
		struct tcp_options o;
		tcp_options_read(h, header, &o);
		CU_ASSERT_TRUE(o.mss == 0 || o.mss + 4u <= header);
		CU_ASSERT_TRUE(o.scale == 0 || o.scale + 3u <= header);
		CU_ASSERT_TRUE(o.time == 0 || o.time + 10u <= header);
		CU_ASSERT_TRUE(o.blocks == 0 || o.sack + 8u * o.blocks <= header);
		free(h);
	}
}

/* A field changed at any offset, odd ones too: the checksum is still right. */
static void
test_put(void)
{
	uint64_t seed = test_seed();
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint8_t h[60];
		uint64_t diff = 0;
		for (unsigned j = 0; j < sizeof(h); j++)
			h[j] = (uint8_t)test_random(&seed);
		h[16] = h[17] = 0;
		uint16_t sum = sum16(h, sizeof(h), 0);
		h[16] = (uint8_t)(sum >> 8);
		h[17] = (uint8_t)sum;
		unsigned at = 20 + (unsigned)(test_random(&seed) % 37);
		uint32_t v = (uint32_t)test_random(&seed);
		tcp_put32(h, at, v, &diff);
		tcp_put16(h, 14, (uint16_t)test_random(&seed), &diff);
		store16(h + 16, csum_apply(load16(h + 16), diff));
		CU_ASSERT_EQUAL(sum16(h, sizeof(h), 0), 0);
		CU_ASSERT_EQUAL(tcp_load(h, at), v);
	}
}

/* A packet grows and shrinks; IP header, buffer and checksum follow. */
static void
test_resize(void)
{
	uint8_t frame[FRAME_MAX];
	for (unsigned family = 4; family <= 6; family += 2) {
		struct frame f = {.family = (uint8_t)family, .proto = 6, .sport = 1, .dport = 2,
			.src = family == 4 ? addr4("10.0.0.1") : addr6("2001:db8::1"),
			.dst = family == 4 ? addr4("10.0.0.2") : addr6("2001:db8::2"),
			.tcp_flags = TCP_ACK, .payload_size = 100};
		size_t size = frame_make(frame, &f);
		struct rte_mbuf m = {.buf_addr = frame, .buf_len = sizeof(frame)};
		struct pkt p = {.m = &m, .l3 = frame + 14, .family = (uint8_t)family, .proto = 6,
			.l4 = family == 4 ? 20 : 40, .l3_len = (uint16_t)(size - 14)};
		struct tcp t;
		struct frame_view v;
		CU_ASSERT_TRUE(tcp_of(&p, &t) && t.payload == 100 && t.header == 20);
		CU_ASSERT_TRUE(tcp_is_right(&p));
		for (unsigned n = 0; n < 300; n += 37) {
			rewrite_size(&p, p.l4 + 20 + n);
			tcp_seal(&p);
			CU_ASSERT_TRUE(tcp_is_right(&p));
			CU_ASSERT_TRUE(frame_view(&v, frame, m.data_len));
			CU_ASSERT_TRUE(v.ip_csum_right && v.l4_csum_right);
			CU_ASSERT_EQUAL(v.f.payload_size, n);
		}
		t.h[20] ^= 1;
		CU_ASSERT_FALSE(tcp_is_right(&p));
		t.h[12] = 15 << 4;
		rewrite_size(&p, p.l4 + 59u);
		CU_ASSERT_FALSE(tcp_of(&p, &t));
		t.h[12] = 4 << 4;
		CU_ASSERT_FALSE(tcp_of(&p, &t));
	}
}

static const struct test_case cases[] = {
	{"options", test_options},
	{"any options", test_any_options},
	{"fields", test_put},
	{"sizes", test_resize},
};
TEST_MAIN("tcp", cases)
