/* SPDX-License-Identifier: Apache-2.0 */
/* AES-128 against the examples of FIPS 197, and there and back. */
#include "lb/aes.h"

#include <string.h>

#include "test.h"

struct example {
	uint8_t key[16], plain[16], cipher[16];
};

/* FIPS 197, appendix B and C.1. */
static const struct example examples[] = {
	{{0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f,
	  0x3c},
	 {0x32, 0x43, 0xf6, 0xa8, 0x88, 0x5a, 0x30, 0x8d, 0x31, 0x31, 0x98, 0xa2, 0xe0, 0x37, 0x07,
	  0x34},
	 {0x39, 0x25, 0x84, 0x1d, 0x02, 0xdc, 0x09, 0xfb, 0xdc, 0x11, 0x85, 0x97, 0x19, 0x6a, 0x0b,
	  0x32}},
	{{0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e,
	  0x0f},
	 {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee,
	  0xff},
	 {0x69, 0xc4, 0xe0, 0xd8, 0x6a, 0x7b, 0x04, 0x30, 0xd8, 0xcd, 0xb7, 0x80, 0x70, 0xb4, 0xc5,
	  0x5a}},
};

static void
test_examples(void)
{
	for (unsigned i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		const struct example *e = &examples[i];
		uint8_t block[16];
		struct aes a;
		aes_init(&a, e->key);
		memcpy(block, e->plain, 16);
		aes_encrypt(&a, block);
		CU_ASSERT_EQUAL(memcmp(block, e->cipher, 16), 0);
		aes_decrypt(&a, block);
		CU_ASSERT_EQUAL(memcmp(block, e->plain, 16), 0);
	}
}

static void
test_there_and_back(void)
{
	uint64_t seed = test_seed();
	for (unsigned i = 0; i < 2000; i++) {
		uint64_t key[2] = {test_random(&seed), test_random(&seed)};
		uint64_t block[2] = {test_random(&seed), test_random(&seed)}, old[2];
		struct aes a;
		memcpy(old, block, sizeof(old));
		aes_init(&a, (const uint8_t *)key);
		aes_encrypt(&a, (uint8_t *)block);
		CU_ASSERT_TRUE(block[0] != old[0] && block[1] != old[1]);
		aes_decrypt(&a, (uint8_t *)block);
		CU_ASSERT_TRUE(block[0] == old[0] && block[1] == old[1]);
	}
}

static const struct test_case cases[] = {
	{"examples of FIPS 197", test_examples},
	{"there and back", test_there_and_back},
};
TEST_MAIN("aes", cases)
