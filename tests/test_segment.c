/* SPDX-License-Identifier: Apache-2.0 */
/* Segments from nothing are whole, with every mixture of options. */
#include "lib/segment.h"

#include <arpa/inet.h>
#include <string.h>

#include "packets.h"
#include "test.h"

static void
test_mixtures(void)
{
	for (unsigned i = 0; i < 64; i++) {
		static uint8_t frame[FRAME_MAX];
		bool v4 = i % 2 == 0;
		struct rte_mbuf m = {.buf_addr = frame, .buf_len = sizeof(frame)};
		struct pkt p = {.m = &m, .l3 = frame + 14, .flags = 0xff, .l4 = 99};
		struct tuple t = {.src = v4 ? addr4("10.0.0.1") : addr6("2001:db8::1"),
			.dst = v4 ? addr4("10.0.0.2") : addr6("2001:db8::2"), .sport = htons(1000),
			.dport = htons(80), .family = v4 ? 4 : 6, .proto = 6};
		struct segment s = {.seq = 0x01020304, .ack = 0x05060708, .window = 777,
			.flags = TCP_ACK | TCP_PSH, .mss = i & 2 ? 1460 : 0, .sack_ok = i & 4,
			.has_time = i & 8, .time = 11, .echo = 22,
			.scale = i & 16 ? 9 : SEGMENT_NO_SCALE, .n_payload = i & 32 ? 107 : 0};
		struct frame_view v;
		struct tcp tcp;
		struct tcp_options o;
		memset(frame, 0xaa, sizeof(frame));
		frame[12] = v4 ? 8 : 0x86;
		frame[13] = v4 ? 0 : 0xdd;
		memset(s.payload, 'x', sizeof(s.payload));
		segment_write(&p, &t, &s);
		CU_ASSERT_TRUE(frame_view(&v, frame, m.data_len));
		CU_ASSERT_TRUE(v.ip_csum_right && v.l4_csum_right);
		CU_ASSERT_TRUE(addr_equal(&v.f.src, &t.src) && addr_equal(&v.f.dst, &t.dst));
		CU_ASSERT_TRUE(v.f.sport == 1000 && v.f.dport == 80 && v.f.ttl == SEGMENT_TTL);
		CU_ASSERT_TRUE(p.flags == 0 && p.l4 == (v4 ? 20 : 40));
		CU_ASSERT_TRUE(tcp_of(&p, &tcp));
		CU_ASSERT_EQUAL(tcp.payload, s.n_payload);
		CU_ASSERT_TRUE(tcp_seq(tcp.h) == s.seq && tcp_ackno(tcp.h) == s.ack);
		CU_ASSERT_TRUE(tcp_window(tcp.h) == 777 && tcp.h[TCP_FLAGS] == s.flags);
		tcp_options_read(tcp.h, tcp.header, &o);
		CU_ASSERT_TRUE((o.mss != 0) == (s.mss != 0) && (o.sack_ok != 0) == s.sack_ok);
		CU_ASSERT_TRUE((o.time != 0) == s.has_time && (o.scale != 0) == (s.scale == 9));
		if (s.has_time)
			CU_ASSERT_TRUE(tcp_load(tcp.h, o.time + TIME_VALUE) == 11 &&
			               tcp_load(tcp.h, o.time + TIME_ECHO) == 22);
	}
}

static const struct test_case cases[] = {
	{"mixtures of options", test_mixtures},
};
TEST_MAIN("segment", cases)
