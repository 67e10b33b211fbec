/* SPDX-License-Identifier: Apache-2.0 */
/* Steering against DPDK's own Toeplitz: what the software says is what a NIC with the keys does. */
#include <string.h>

#include <rte_thash.h>

#include "lib/steer.h"
#include "tests/test.h"

enum { INPUT_V4 = 3, INPUT_V6 = 9, ROUNDS = 2000 };

static union addr
random_addr(uint64_t *rng, uint8_t family)
{
	union addr a = addr_from_v4((be32)test_random(rng));
	if (family == FAMILY_V6) {
		a.q[0] = test_random(rng);
		a.q[1] = test_random(rng);
	}
	return a;
}

/* The hash input of a NIC: source, destination, ports, as host-order words. */
static uint32_t
nic_hash(const uint8_t *key, const union addr *src, const union addr *dst, uint32_t ports,
         uint8_t family, bool with_ports)
{
	uint32_t input[INPUT_V6], n = addr_bits(family) / 32;
	for (uint32_t i = 0; i < n; i++) {
		input[i] = __builtin_bswap32(src->w[i]);
		input[n + i] = __builtin_bswap32(dst->w[i]);
	}
	input[2 * n] = ports;
	return rte_softrss(input, 2 * n + with_ports, key);
}

static void
nic_agrees(uint8_t family, unsigned reta_bits)
{
	uint8_t inside[STEER_KEY + 4] = {0}, outside[STEER_KEY + 4] = {0};
	uint64_t rng = test_seed() + family + reta_bits;
	uint32_t mask = (1u << reta_bits) - 1;
	unsigned shift = reta_bits < STEER_RETA_BITS ? STEER_RETA_BITS - reta_bits : 0;
	steer_key_inside(inside, reta_bits);
	steer_key_outside(outside, family, reta_bits);
	for (unsigned i = 0; i < ROUNDS; i++) {
		union addr near = random_addr(&rng, family), far = random_addr(&rng, family);
		uint32_t ports = (uint32_t)test_random(&rng), want = steer_bucket(&near, family);
		for (unsigned with_ports = 0; with_ports < 2; with_ports++) {
			uint32_t in =
				nic_hash(inside, &near, &far, ports, family, with_ports) & mask;
			uint32_t out =
				nic_hash(outside, &far, &near, ports, family, with_ports) & mask;
			CU_ASSERT_EQUAL(in & (STEER_RETA - 1), want >> shift);
			CU_ASSERT_EQUAL(out & (STEER_RETA - 1), want >> shift);
		}
	}
}

static void
nic_computes_the_same(void)
{
	/* A table of 2048 sees more bits of the hash; its workers repeat every 512. */
	for (unsigned reta_bits = 1; reta_bits <= 12; reta_bits++) {
		nic_agrees(FAMILY_V4, reta_bits);
		nic_agrees(FAMILY_V6, reta_bits);
	}
}

static void
sequential_addresses_spread(void)
{
	unsigned count[STEER_RETA] = {0};
	for (uint32_t i = 0; i < 65536; i++) {
		union addr a = addr_from_v4(__builtin_bswap32(0x64400000 + i));
		count[steer_bucket(&a, FAMILY_V4)]++;
	}
	for (unsigned b = 0; b < STEER_RETA; b++)
		CU_ASSERT_EQUAL(count[b], 65536 / STEER_RETA);
}

/* Steps of any power of two, as subscribers on networks of their own have them. */
static void
strides_spread(void)
{
	for (unsigned shift = 0; shift <= 32 - STEER_RETA_BITS; shift++) {
		uint8_t seen[STEER_RETA] = {0};
		for (uint32_t i = 0; i < STEER_RETA; i++) {
			union addr a = addr_from_v4(__builtin_bswap32(i << shift));
			seen[steer_bucket(&a, FAMILY_V4)]++;
		}
		for (unsigned b = 0; b < STEER_RETA; b++)
			CU_ASSERT_EQUAL(seen[b], 1);
	}
}

/* 2^k aligned neighbours stand in 2^k classes. */
static void
small_pools_have_all_classes(void)
{
	for (uint8_t k = 0; k <= STEER_RETA_BITS; k++) {
		struct steer s;
		uint8_t seen[STEER_RETA] = {0};
		steer_init(&s, 1, k, 0, 0);
		for (uint32_t i = 0; i < 1u << k; i++) {
			union addr a = addr_from_v4(__builtin_bswap32(0xcb007000 + i));
			uint16_t class = steer_class(&s, &a, FAMILY_V4);
			CU_ASSERT_FATAL(class < 1u << k);
			CU_ASSERT_EQUAL(seen[class]++, 0);
		}
	}
}

/* Invariant 2, equal classes share a worker, and every worker has work. */
static void
workers(void)
{
	uint64_t rng = test_seed();
	for (uint16_t n = 1; n <= 64; n++) {
		struct steer s;
		unsigned load[64] = {0};
		int16_t worker_of_class[STEER_RETA];
		memset(worker_of_class, 0xff, sizeof(worker_of_class));
		steer_init(&s, n, 7, 0, 0);
		for (unsigned i = 0; i < 6400; i++) {
			uint8_t family = i % 2 ? FAMILY_V4 : FAMILY_V6;
			union addr a = random_addr(&rng, family);
			uint16_t w = steer_worker(&s, &a, family), c = steer_class(&s, &a, family);
			CU_ASSERT_FATAL(w < n && c < 128);
			CU_ASSERT(worker_of_class[c] < 0 || worker_of_class[c] == w);
			worker_of_class[c] = (int16_t)w;
			load[w]++;
			CU_ASSERT_EQUAL(steer_worker_port(&s, &a, family, (uint16_t)i), w);
		}
		for (unsigned w = 0; w < n; w++)
			CU_ASSERT(load[w] > 6400u / n / 3);
	}
}

static void
split_blocks(void)
{
	struct steer s;
	union addr a = addr_from_v4(0x01020304);
	steer_init(&s, 3, 0, 1, 6);
	for (unsigned port = 0; port < 65536; port++)
		CU_ASSERT_EQUAL(steer_worker_port(&s, &a, FAMILY_V4, (uint16_t)port),
		                port / 64 % 3);
	unsigned seen = 0;
	for (unsigned b = 0; b < STEER_RETA; b++)
		seen |= 1u << s.worker[b];
	CU_ASSERT_EQUAL(seen, 7);
}

static void
reta(void)
{
	struct steer s;
	steer_init(&s, 4, 9, 0, 0);
	for (unsigned e = 0; e < 2048; e++)
		CU_ASSERT_EQUAL(steer_reta(&s, e, 11), s.worker[e % STEER_RETA]);
	for (unsigned e = 0; e < 128; e++)
		CU_ASSERT_EQUAL(steer_reta(&s, e, 7), s.worker[e * 4]);
}

static const struct test_case cases[] = {
	{"a NIC computes the same", nic_computes_the_same},
	{"sequential addresses spread", sequential_addresses_spread},
	{"strides spread", strides_spread},
	{"small pools have all classes", small_pools_have_all_classes},
	{"workers", workers},
	{"split blocks", split_blocks},
	{"tables of NICs", reta},
};
TEST_MAIN("steer", cases)
