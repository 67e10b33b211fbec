/* SPDX-License-Identifier: Apache-2.0 */
/* PROXY headers and TOA, octet by octet. */
#include "lib/tell.h"

#include <arpa/inet.h>
#include <string.h>

#include "packets.h"
#include "test.h"

static struct tuple
tuple_from(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	bool v6 = strchr(src, ':') != NULL;
	return (struct tuple){.src = v6 ? addr6(src) : addr4(src), .sport = htons(sport),
		.dst = v6 ? addr6(dst) : addr4(dst), .dport = htons(dport),
		.family = v6 ? 6 : 4, .proto = 6};
}

static const char *const texts[] = {
	"203.0.113.7", "0.0.0.1", "255.255.255.255", "10.20.30.40",
	"::1", "2001:db8::1", "2001:db8:0:1:1:1:1:1", "2001:0:0:1::1", "1::", "::1:2:3:4:5:6:7",
	"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe80::1:0:0:1", "2001:db8:1:2:3:4:5:0",
};
enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };

/* As the C library writes the addresses. */
static void
test_version1(void)
{
	for (unsigned i = 0; i < TEXTS; i++) {
		struct tuple t = tuple_from(texts[i], (uint16_t)(1 + i * 5461), texts[i], 65535);
		char a[64], expected[256];
		uint8_t out[TELL_MAX];
		inet_ntop(t.family == 4 ? AF_INET : AF_INET6, &t.src, a, sizeof(a));
		int n = snprintf(expected, sizeof(expected), "PROXY TCP%u %s %s %u 65535\r\n",
		                 t.family, a, a, 1 + i * 5461);
		CU_ASSERT_EQUAL(tell_header(out, TELL_PROXY1, &t), n);
		CU_ASSERT_EQUAL(memcmp(out, expected, (size_t)n), 0);
	}
}

static void
test_version2(void)
{
	static const uint8_t v4[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"
		"\xcb\0\x71\7\xc0\0\2\1\x9c\x40\0P";
	uint8_t out[TELL_MAX];
	struct tuple t = tuple_from("203.0.113.7", 40000, "192.0.2.1", 80);
	CU_ASSERT_EQUAL(tell_header(out, TELL_PROXY2, &t), 28);
	CU_ASSERT_EQUAL(memcmp(out, v4, 28), 0);
	t = tuple_from("2001:db8::7", 40000, "2001:db8::1", 80);
	CU_ASSERT_EQUAL(tell_header(out, TELL_PROXY2, &t), 52);
	CU_ASSERT_EQUAL(memcmp(out, v4, 13), 0);
	CU_ASSERT_TRUE(out[13] == 0x21 && out[14] == 0 && out[15] == 36);
	CU_ASSERT_EQUAL(memcmp(out + 16, &t.src, 16), 0);
	CU_ASSERT_EQUAL(memcmp(out + 32, &t.dst, 16), 0);
	CU_ASSERT_EQUAL(memcmp(out + 48, "\x9c\x40\0P", 4), 0);
	CU_ASSERT_EQUAL(tell_header(out, TELL_TOA, &t), 0);
	CU_ASSERT_EQUAL(tell_header(out, TELL_NONE, &t), 0);
}

/* Of datagrams: another transport, a no-operation where fragments follow. Version 1 has none. */
static void
test_datagrams(void)
{
	uint8_t out[TELL_MAX];
	struct tuple t = tuple_from("203.0.113.7", 40000, "192.0.2.1", 53);
	t.proto = 17;
	CU_ASSERT_EQUAL(tell_header(out, TELL_PROXY1, &t), 0);
	CU_ASSERT_EQUAL(tell_header(out, TELL_PROXY2, &t), 28);
	CU_ASSERT_EQUAL(memcmp(out + 12, "\x21\x12\0\x0c\xcb\0\x71\7", 8), 0);
	CU_ASSERT_FALSE(tell_is_padded(out, 4));
	CU_ASSERT_EQUAL(tell_pad(out, 28), 32);
	CU_ASSERT_EQUAL(memcmp(out + 14, "\0\x10\xcb\0\x71\7", 6), 0);
	CU_ASSERT_EQUAL(memcmp(out + 28, "\4\0\1\0", 4), 0);
	CU_ASSERT_TRUE(tell_is_padded(out, 4) && !tell_is_padded(out, 6));
	t = tuple_from("2001:db8::7", 40000, "2001:db8::1", 53);
	t.proto = 17;
	CU_ASSERT_EQUAL(tell_header(out, TELL_PROXY2, &t), 52);
	CU_ASSERT_TRUE(out[13] == 0x22 && out[14] == 0 && out[15] == 36);
	CU_ASSERT_EQUAL(tell_pad(out, 52), 56);
	CU_ASSERT_TRUE(out[15] == 40 && tell_is_padded(out, 6));
	CU_ASSERT_EQUAL(memcmp(out + 52, "\4\0\1\0", 4), 0);
}

static void
test_toa(void)
{
	uint8_t out[TELL_TOA_MAX];
	struct tuple t = tuple_from("203.0.113.7", 40000, "192.0.2.1", 80);
	CU_ASSERT_EQUAL(tell_toa(out, 254, &t), 8);
	CU_ASSERT_EQUAL(memcmp(out, "\xfe\x08\x9c\x40\xcb\0\x71\7", 8), 0);
	t = tuple_from("2001:db8::7", 1, "2001:db8::1", 80);
	CU_ASSERT_EQUAL(tell_toa(out, 200, &t), 20);
	CU_ASSERT_EQUAL(memcmp(out, "\xc8\x14\0\1", 4), 0);
	CU_ASSERT_EQUAL(memcmp(out + 4, &t.src, 16), 0);
}

static const struct test_case cases[] = {
	{"PROXY, version 1", test_version1},
	{"PROXY, version 2", test_version2},
	{"PROXY, datagrams", test_datagrams},
	{"TOA", test_toa},
};
TEST_MAIN("tell", cases)
