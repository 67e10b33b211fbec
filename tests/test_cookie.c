/* SPDX-License-Identifier: Apache-2.0 */
/* SYN cookies, and the hash that they stand on. */
#include "lib/cookie.h"

#include <arpa/inet.h>
#include <string.h>

#include "lib/siphash.h"
#include "packets.h"
#include "test.h"

enum { ROUNDS = 20000 };
static const uint64_t EPOCH_NS = 1ull << COOKIE_EPOCH_BITS;

/* SipHash-2-4 of 8 k octets 00 01 02 … under the key 00 01 … 0f: the paper's reference vectors. */
static void
test_siphash(void)
{
	static const uint64_t expected[] = {
		0x726fdb47dd0e0e31u, 0x93f5f5799a932462u, 0x3f2acc7f57c29bdbu, 0xb8ad50c6f649af94u,
	};
	static const uint64_t key[2] = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
	uint64_t word[4];
	for (unsigned i = 0; i < sizeof(word); i++)
		((uint8_t *)word)[i] = (uint8_t)i;
	for (unsigned n = 0; n < 4; n++)
		CU_ASSERT_EQUAL(siphash(key, word, n), expected[n]);
}

static struct tuple
client(unsigned n)
{
	return (struct tuple){.src = addr4("203.0.113.7"), .dst = addr4("192.0.2.1"),
		.sport = htons((uint16_t)(1024 + n)), .dport = htons(80), .family = 4, .proto = 6};
}

/* Each combination of options comes back, for two epochs and not for three. */
static void
test_there_and_back(void)
{
	static const uint64_t secret[2] = {1, 2};
	static const uint16_t size[][2] = {{1460, 1460}, {1459, 1440}, {65535, 8940}, {536, 536},
	                                   {1, 216}, {1400, 1380}};
	struct cookies c;
	uint64_t now = 5 * EPOCH_NS + 17;
	cookies_init(&c, secret);
	for (unsigned i = 0; i < 6 * 32; i++) {
		struct cookie o = {.mss = size[i % 6][0], .scale = (uint8_t)(i / 12),
			.sack = i / 6 % 2}, got;
		struct tuple t = client(i);
		uint32_t isn = i * 0x9e3779b9u, cookie = cookie_make(&c, &t, isn, o, now);
		CU_ASSERT_TRUE(cookie_check(&c, &t, isn, cookie, now, &got));
		CU_ASSERT_EQUAL(got.mss, size[i % 6][1]);
		CU_ASSERT_TRUE(got.scale == o.scale && got.sack == o.sack);
		CU_ASSERT_TRUE(cookie_check(&c, &t, isn, cookie, now + EPOCH_NS, &got));
		CU_ASSERT_FALSE(cookie_check(&c, &t, isn, cookie, now + 2 * EPOCH_NS, &got));
		CU_ASSERT_FALSE(cookie_check(&c, &t, isn + 1, cookie, now, &got));
		CU_ASSERT_FALSE(cookie_check(&c, &t, isn, cookie ^ 1u << 24, now, &got));
		t.sport ^= 1;
		CU_ASSERT_FALSE(cookie_check(&c, &t, isn, cookie, now, &got));
	}
}

/* Guesses fail; another secret makes others. */
static void
test_guesses(void)
{
	static const uint64_t secret[2] = {3, 4}, other[2] = {3, 5};
	struct cookies c, d;
	struct cookie o = {.mss = 1460, .scale = 7}, got;
	uint64_t seed = test_seed();
	unsigned right = 0, same = 0;
	cookies_init(&c, secret);
	cookies_init(&d, other);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct tuple t = client(i % 60000);
		right += cookie_check(&c, &t, 1, (uint32_t)test_random(&seed), EPOCH_NS, &got);
		same += cookie_make(&c, &t, 1, o, 0) == cookie_make(&d, &t, 1, o, 0);
	}
	CU_ASSERT_TRUE(right <= 2 && same <= 2);
}

static const struct test_case cases[] = {
	{"SipHash vectors", test_siphash},
	{"there and back", test_there_and_back},
	{"guesses", test_guesses},
};
TEST_MAIN("cookie", cases)
