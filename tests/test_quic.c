/* SPDX-License-Identifier: Apache-2.0 */
/* Connection IDs of QUIC-LB: the draft's vectors, and what is unroutable. */
#include "lb/quic.h"

#include <string.h>

#include "test.h"

/* draft-ietf-quic-load-balancers-21, appendix B (its second plain vector lacks a digit). */
struct vector {
	struct img_lb_quic config;
	const char *server_id, *cid;
};

#define KEY {0x8f, 0x95, 0xf0, 0x92, 0x45, 0x76, 0x5f, 0x80, 0x25, 0x69, 0x34, 0xe5, 0x0c, 0x66, \
             0x20, 0x7f}

static const struct vector vectors[] = {
	{{.id = 0, .server_id = 3, .nonce = 4}, "c4605e", "07c4605e4504cc4f"},
	{{.id = 0, .server_id = 3, .nonce = 4, .has_key = 1, .key = KEY}, "ed793a",
	 "0720b1d07b359d3c"},
	{{.id = 1, .server_id = 10, .nonce = 5, .has_key = 1, .key = KEY}, "ed793a51d49b8f5fab65",
	 "2fcc381bc74cb4fbad2823a3d1f8fed2"},
	{{.id = 2, .server_id = 8, .nonce = 8, .has_key = 1, .key = KEY}, "ed793a51d49b8f5f",
	 "504dd2d05a7b0de9b2b9907afb5ecf8cc3"},
	{{.id = 0, .server_id = 9, .nonce = 9, .has_key = 1, .key = KEY}, "ed793a51d49b8f5fab",
	 "125779c9cc86beb3a3a4a3ca96fce4bfe0cdbc"},
	/* section 5.4.2 */
	{{.id = 0, .server_id = 3, .nonce = 4, .has_key = 1,
	  .key = {0xfd, 0xf7, 0x26, 0xa9, 0x89, 0x3e, 0xc0, 0x5c, 0x06, 0x32, 0xd3, 0x95, 0x66,
	          0x80, 0xba, 0xf0}}, "31441a", "0767947d29be054a"},
};
enum { VECTORS = sizeof(vectors) / sizeof(vectors[0]) };

static unsigned
hex(const char *text, uint8_t *out)
{
	unsigned n = 0, v;
	for (; sscanf(text + 2 * n, "%2x", &v) == 1; n++)
		out[n] = (uint8_t)v;
	return n;
}

static void
test_vectors(void)
{
	for (unsigned i = 0; i < VECTORS; i++) {
		const struct img_lb_quic *c = &vectors[i].config;
		uint8_t cid[32], id[32], out[QUIC_MAX_PLAIN];
		struct aes key;
		struct quic_cid q = {cid, hex(vectors[i].cid, cid)};
		unsigned n = hex(vectors[i].server_id, id);
		aes_init(&key, c->key);
		CU_ASSERT_EQUAL(n, c->server_id);
		CU_ASSERT_EQUAL(q.size, 1u + c->server_id + c->nonce);
		CU_ASSERT_EQUAL(quic_config_of(c, 1, q), 0);
		CU_ASSERT_TRUE(quic_server_id(c, &key, q, out));
		CU_ASSERT_EQUAL(memcmp(out, id, n), 0);
		q.size--;
		CU_ASSERT_FALSE(quic_server_id(c, &key, q, out));
	}
}

static void
test_configs(void)
{
	static const struct img_lb_quic c[] = {{.id = 3}, {.id = 0}, {.id = 6}};
	static const int expected[8] = {1, -1, -1, 0, -1, -1, 2, -1};
	for (unsigned i = 0; i < 8; i++) {
		uint8_t octet = (uint8_t)(i << 5 | (i * 7 & 31));
		CU_ASSERT_EQUAL(quic_config_of(c, 3, (struct quic_cid){&octet, 1}), expected[i]);
	}
}

/* Whatever the first octet says beside its form, the ID is found; and never beyond the end. */
static void
test_find(void)
{
	struct quic_cid cid;
	uint8_t packet[64];
	for (unsigned first = 0; first < 128; first++) {
		packet[0] = (uint8_t)first;
		CU_ASSERT_TRUE(quic_cid_find(packet, sizeof(packet), &cid));
		CU_ASSERT_TRUE(cid.at == packet + 1 && cid.size == 63);
		packet[0] = (uint8_t)(first | 0x80);
		packet[5] = 8;
		CU_ASSERT_TRUE(quic_cid_find(packet, sizeof(packet), &cid));
		CU_ASSERT_TRUE(cid.at == packet + 6 && cid.size == 8);
	}
	for (unsigned size = 0; size < sizeof(packet); size++)
		for (unsigned length = 0; length < 256; length += 3) {
			packet[5] = (uint8_t)length;
			bool is_there = size > 6 && length != 0 && length <= size - 6;
			CU_ASSERT_EQUAL(quic_cid_find(packet, size, &cid), is_there);
		}
	packet[0] = 0x40;
	CU_ASSERT_FALSE(quic_cid_find(packet, 1, &cid));
	CU_ASSERT_TRUE(quic_cid_find(packet, 2, &cid));
}

/* A slow encoder, as a server has it: four passes over halves of nibbles. */
static void
encode(const struct img_lb_quic *c, const struct aes *key, uint8_t *plain)
{
	unsigned n = c->server_id + (unsigned)c->nonce;
	uint8_t half[2][32] = {{0}}; /* nibbles, n of each */
	for (unsigned i = 0; i < 2 * n; i++)
		half[i / n][i % n] = plain[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15;
	for (unsigned number = 1; number <= 4; number++) {
		unsigned from = number % 2 == 1 ? 0 : 1, to = !from;
		unsigned shift = n % 2; /* the right half begins in the middle of an octet */
		uint8_t block[16] = {0};
		for (unsigned i = 0; i < n; i++) {
			unsigned at = i + (from == 1 ? shift : 0);
			block[at / 2] |= (uint8_t)(half[from][i] << (at % 2 == 0 ? 4 : 0));
		}
		block[14] = (uint8_t)n;
		block[15] = (uint8_t)number;
		aes_encrypt(key, block);
		for (unsigned i = 0; i < n; i++) {
			unsigned at = i + (to == 1 ? shift : 0);
			half[to][i] ^= block[at / 2] >> (at % 2 == 0 ? 4 : 0) & 15;
		}
	}
	memset(plain, 0, n);
	for (unsigned i = 0; i < 2 * n; i++)
		plain[i / 2] |= (uint8_t)(half[i / n][i % n] << (i % 2 == 0 ? 4 : 0));
}

static void
test_all_lengths(void)
{
	uint64_t seed = test_seed();
	for (uint8_t id = 1; id <= QUIC_MAX_SERVER_ID; id++)
		for (uint8_t nonce = QUIC_MIN_NONCE; id + nonce <= QUIC_MAX_PLAIN; nonce++) {
			struct img_lb_quic c = {.server_id = id, .nonce = nonce, .has_key = 1};
			uint8_t cid[1 + QUIC_MAX_PLAIN + 4], plain[32], out[QUIC_MAX_PLAIN];
			struct aes key;
			for (unsigned i = 0; i < 16; i++)
				c.key[i] = (uint8_t)test_random(&seed);
			for (unsigned i = 0; i < sizeof(plain); i++)
				plain[i] = (uint8_t)test_random(&seed);
			aes_init(&key, c.key);
			memcpy(cid + 1, plain, QUIC_MAX_PLAIN);
			if (id + nonce == 16)
				aes_encrypt(&key, cid + 1);
			else
				encode(&c, &key, cid + 1);
			CU_ASSERT_TRUE(quic_server_id(&c, &key, (struct quic_cid){cid, 24}, out));
			CU_ASSERT_EQUAL(memcmp(out, plain, id), 0);
			CU_ASSERT_NOT_EQUAL(memcmp(cid + 1, plain, id + nonce), 0);
		}
}

static const struct test_case cases[] = {
	{"the draft's vectors", test_vectors},
	{"configurations", test_configs},
	{"where the ID is", test_find},
	{"all lengths", test_all_lengths},
};
TEST_MAIN("quic", cases)
