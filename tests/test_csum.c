/* SPDX-License-Identifier: Apache-2.0 */
/* csum.h: differences against checksums made anew, RFC 1624's example, the odd cases of UDP. */
#include "lib/csum.h"

#include "packets.h"
#include "test.h"

enum { ROUNDS = 20000, WORDS = 20 };

static void
test_rfc1624_example(void)
{
	/* Section 4: equation 2 gives ffff here, the right answer is 0000. */
	be16 r = csum_apply(htobe16(0xdd2f), csum_diff16(htobe16(0x5555), htobe16(0x3285)));
	CU_ASSERT_EQUAL(r, 0);
}

static uint16_t
whole(const uint16_t *words, size_t n)
{
	return (uint16_t)~csum_fold(csum_add(0, words, n * 2));
}

static void
test_difference_is_whole(void)
{
	uint64_t seed = test_seed();
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint16_t words[WORDS];
		for (unsigned k = 0; k < WORDS; k++)
			words[k] = (uint16_t)test_random(&seed);
		uint16_t before = whole(words, WORDS);
		unsigned at = test_random(&seed) % WORDS, at32 = test_random(&seed) % (WORDS - 1);
		uint64_t diff = csum_diff16(words[at], 0);
		words[at] = 0;
		uint32_t old, new = (uint32_t)test_random(&seed);
		memcpy(&old, &words[at32], 4);
		memcpy(&words[at32], &new, 4);
		diff += csum_diff32(old, new);
		CU_ASSERT_EQUAL_FATAL(csum_apply(before, diff), whole(words, WORDS));
	}
}

static void
test_add_is_rfc1071(void)
{
	uint64_t seed = test_seed();
	uint8_t data[301];
	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)test_random(&seed);
	for (size_t n = 0; n <= sizeof(data); n++)
		CU_ASSERT_EQUAL((uint16_t)~csum_fold(csum_add(0, data, n)),
		                htobe16(sum16(data, n, 0)));
}

static void
test_pseudo(void)
{
	union addr a = addr6("2001:db8::1"), b = addr6("fe80::ffff");
	uint8_t flat[40] = {0};
	memcpy(flat, &a, 16);
	memcpy(flat + 16, &b, 16);
	flat[34] = 0x12;
	flat[35] = 0x34;
	flat[39] = 58;
	CU_ASSERT_EQUAL(csum_fold(csum_add_pseudo6(0, flat, 58, 0x1234)),
	                csum_fold(csum_add(0, flat, 40)));
	uint8_t flat4[12] = {10, 0, 0, 1, 192, 0, 2, 1, 0, 17, 5, 6};
	uint32_t src, dst;
	memcpy(&src, flat4, 4);
	memcpy(&dst, flat4 + 4, 4);
	CU_ASSERT_EQUAL(csum_fold(csum_add_pseudo4(0, src, dst, 17, 0x0506)),
	                csum_fold(csum_add(0, flat4, 12)));
}

/* The narrow forms of the hit path against the wide one, and sums that are 0 or ffff. */
static void
test_narrow(void)
{
	uint64_t seed = test_seed();
	for (unsigned i = 0; i < 100000; i++) {
		uint64_t a = test_random(&seed), b = test_random(&seed);
		be16 csum = (be16)test_random(&seed);
		b = i % 3 == 0 ? a : i % 3 == 1 ? a ^ 1ull << i % 64 : b;
		uint64_t wide = csum_diff32((be32)a, (be32)b) +
		                csum_diff32((be32)(a >> 32), (be32)(b >> 32));
		uint32_t narrow = csum_diff64(a, b);
		CU_ASSERT_EQUAL(csum_apply32(csum, narrow), csum_apply(csum, wide));
		CU_ASSERT_EQUAL(csum_apply(csum, narrow), csum_apply(csum, wide));
	}
}

static void
test_udp_zero(void)
{
	CU_ASSERT_EQUAL(csum_apply_udp(0, 0x12345), 0);
	/* The result would be 0: RFC 768 writes ffff. */
	uint64_t diff = csum_diff16(htobe16(0x5555), htobe16(0x3285));
	CU_ASSERT_EQUAL(csum_apply_udp(htobe16(0xdd2f), diff), 0xffff);
	/* ffff is an ordinary value on the way in. */
	CU_ASSERT_EQUAL(csum_apply_udp(0xffff, csum_diff16(htobe16(1), htobe16(2))),
	                csum_apply(0xffff, csum_diff16(htobe16(1), htobe16(2))));
	CU_ASSERT_EQUAL(csum_apply_udp(0xffff, csum_diff16(5, 5)), 0xffff);
}

static void
test_header(void)
{
	struct frame f = {.family = 4, .proto = 17, .src = addr4("10.0.0.1"),
	                  .dst = addr4("10.0.0.2"), .options = 8};
	uint8_t ip[FRAME_MAX];
	frame_ip(ip, &f);
	CU_ASSERT_TRUE(csum_ip4_is_right(ip, 28));
	ip[21] ^= 4;
	CU_ASSERT_FALSE(csum_ip4_is_right(ip, 28));
	ip[21] ^= 4;
	/* A hop: TTL down by one, checksum by difference. */
	uint16_t sum;
	memcpy(&sum, ip + 10, 2);
	sum = csum_apply(sum, csum_diff_ttl());
	memcpy(ip + 10, &sum, 2);
	ip[8]--;
	CU_ASSERT_TRUE(csum_ip4_is_right(ip, 28));
}

/* RFC 1624 section 3: with every identification, by difference as made anew; 0 comes, ffff not. */
static void
test_header_zero(void)
{
	struct frame f = {.family = 4, .proto = 17, .src = addr4("10.0.0.1"),
	                  .dst = addr4("10.0.0.2")};
	uint8_t ip[FRAME_MAX];
	unsigned zeros = 0;
	frame_ip(ip, &f);
	struct ip4 *h = (struct ip4 *)(void *)ip;
	csum_ip4_seal(h);
	for (uint32_t i = 0; i < 65536; i++) {
		be16 was = h->id, by_difference;
		h->id = htobe16((uint16_t)(i * 40503u)); /* all of them, in no order */
		by_difference = csum_apply(h->csum, csum_diff16(was, h->id));
		csum_ip4_seal(h);
		CU_ASSERT_FATAL(by_difference == h->csum && h->csum != 0xffff);
		zeros += h->csum == 0;
	}
	CU_ASSERT_EQUAL(zeros, 1);
}

static const struct test_case cases[] = {
	{"RFC 1624 section 4", test_rfc1624_example},
	{"difference equals whole", test_difference_is_whole},
	{"whole equals RFC 1071", test_add_is_rfc1071},
	{"pseudo-headers", test_pseudo},
	{"UDP without, with and near zero", test_udp_zero},
	{"IPv4 header", test_header},
	{"IPv4 headers whose checksum is 0", test_header_zero},
	{"narrow forms", test_narrow},
};
TEST_MAIN("csum", cases)
