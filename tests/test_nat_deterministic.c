/* SPDX-License-Identifier: Apache-2.0 */
/* Deterministic ranges: the RFC's example, inverse for every port, and what a check refuses. */
#include "nat/deterministic.h"

#include <string.h>

#include "nat/block.h"
#include "test.h"

static uint64_t seed = 7422;

static be32
host(uint32_t a)
{
	return __builtin_bswap32(a);
}

/* RFC 7422 section 2.3 (figure): 14 hosts, one address, D = 2. */
static void
test_example(void)
{
	const struct img_nat_inside inside = {0xc6336401, 0xc633640e, 0};
	const struct img_nat_pool p = {.addresses = 1, .port_first = 1024, .port_last = 65535,
		.insides = 1, .range_ports = (65536 - 1024) / (14 + 2), .range_hosts = 14};
	struct det_range r;
	be32 back;
	CU_ASSERT_PTR_NULL(det_check(&p, &inside, 1));
	CU_ASSERT_EQUAL(p.range_ports, 4032);
	CU_ASSERT(det_forward(&p, &inside, 0, host(0xc6336401), &r) && r.first == 1024 &&
	          r.last == 5055);
	CU_ASSERT(det_forward(&p, &inside, 0, host(0xc6336402), &r) && r.first == 5056 &&
	          r.last == 9087);
	CU_ASSERT(det_forward(&p, &inside, 0, host(0xc633640e), &r) && r.first == 53440 &&
	          r.last == 57471);
	CU_ASSERT_EQUAL(det_dynamic(&p), 57472);
	CU_ASSERT_FALSE(det_forward(&p, &inside, 0, host(0xc633640f), &r));
	CU_ASSERT_FALSE(det_forward(&p, &inside, 1, host(0xc6336401), &r)); /* another realm's */
	CU_ASSERT_FALSE(det_reverse(&p, &inside, 0, 1023, &back));
	CU_ASSERT_FALSE(det_reverse(&p, &inside, 0, 57472, &back));
	CU_ASSERT(det_reverse(&p, &inside, 0, 57471, &back) && back == host(0xc633640e));
}

/* A pool at random that the check finds good. */
static void
random_pool(struct img_nat_pool *p, struct img_nat_inside in[4])
{
	uint32_t hosts = 0, at = 0x0a000000 + random_below(&seed, 1000);
	*p = (struct img_nat_pool){.first_address = random_below(&seed, 5), .first_inside = 1};
	p->insides = 1 + random_below(&seed, 3);
	for (uint32_t i = 0; i < p->insides; i++) {
		uint32_t n = 1 + random_below(&seed, 40);
		in[1 + i] = (struct img_nat_inside){at, at + n - 1, hosts};
		hosts += n;
		at += n + random_below(&seed, 20);
	}
	p->addresses = 1 + random_below(&seed, 9);
	p->range_hosts = (uint16_t)((hosts + p->addresses - 1) / p->addresses);
	p->port_first = (uint16_t)(1024 + 64 * random_below(&seed, 200));
	p->port_last = 65535;
	uint32_t each = (65536u - p->port_first) / (p->range_hosts + random_below(&seed, 4));
	each = each > NAT_MAX_RANGE ? NAT_MAX_RANGE : each;
	p->range_ports = (uint16_t)(each & ~(NAT_MIN_BLOCK - 1u));
}

/*
 * Every inside address has its own ports, forward says which, and reverse says so for each port of
 * each address; all other ports are nobody's.
 */
static void
test_inverse(void)
{
	static uint32_t owner[9][65536]; /* 1 + number of the inside address */
	for (unsigned round = 0; round < 12; round++) {
		struct img_nat_pool p;
		struct img_nat_inside in[4] = {{0}};
		struct det_range r;
		random_pool(&p, in);
		CU_ASSERT_PTR_NULL_FATAL(det_check(&p, in, 4));
		memset(owner, 0, sizeof(owner));
		for (uint32_t i = 1; i <= p.insides; i++)
			for (uint32_t a = in[i].first; a <= in[i].last; a++) {
				CU_ASSERT_FATAL(det_forward(&p, in, 0, host(a), &r));
				CU_ASSERT_EQUAL_FATAL(r.last - r.first + 1, p.range_ports);
				uint32_t row = r.row - p.first_address, wrong = 0;
				CU_ASSERT_FATAL(row < p.addresses && r.last <= 65535);
				for (uint32_t n = r.first; n <= r.last; n++) {
					wrong += owner[row][n] != 0 || n < p.port_first;
					owner[row][n] = a;
				}
				CU_ASSERT_EQUAL(wrong, 0);
			}
		uint32_t wrong = 0;
		for (uint32_t row = 0; row < p.addresses; row++)
			for (uint32_t n = 0; n < 65536; n++) {
				be32 back = 0;
				bool is = det_reverse(&p, in, p.first_address + row, (uint16_t)n,
				                      &back);
				wrong += is != (owner[row][n] != 0) ||
				         (is && back != host(owner[row][n]));
			}
		CU_ASSERT_EQUAL(wrong, 0);
	}
}

static void
test_check(void)
{
	struct img_nat_inside in[2] = {{10, 19, 0}, {30, 39, 10}};
	const struct img_nat_pool good = {.addresses = 2, .port_first = 1024, .port_last = 2047,
		.insides = 2, .range_ports = 96, .range_hosts = 10};
	struct img_nat_pool p = good;
	CU_ASSERT_PTR_NULL(det_check(&p, in, 2));
	CU_ASSERT_PTR_NOT_NULL(det_check(&p, in, 1));
	p.range_ports = 112;
	CU_ASSERT_PTR_NOT_NULL(det_check(&p, in, 2));
	p.range_ports = 90;
	CU_ASSERT_PTR_NOT_NULL(det_check(&p, in, 2));
	p = good;
	p.range_hosts = 0;
	CU_ASSERT_PTR_NOT_NULL(det_check(&p, in, 2));
	p.range_hosts = 9;
	CU_ASSERT_PTR_NOT_NULL(det_check(&p, in, 2));
	p = good;
	p.port_first = 1030;
	CU_ASSERT_PTR_NOT_NULL(det_check(&p, in, 2));
	p = good;
	p.insides = NAT_MAX_INSIDES + 1;
	CU_ASSERT_PTR_NOT_NULL(det_check(&p, in, 2));
	p = good;
	p.range_ports = 0;
	CU_ASSERT_PTR_NOT_NULL(det_check(&p, in, 2));
	in[1].before = 11;
	CU_ASSERT_PTR_NOT_NULL(det_check(&good, in, 2));
	in[1] = (struct img_nat_inside){19, 28, 10};
	CU_ASSERT_PTR_NOT_NULL(det_check(&good, in, 2));
	in[1] = (struct img_nat_inside){39, 30, 10};
	CU_ASSERT_PTR_NOT_NULL(det_check(&good, in, 2));
}

static const struct test_case cases[] = {
	{"the example of RFC 7422", test_example},
	{"inverse for every port", test_inverse},
	{"wrong rows", test_check},
};
TEST_MAIN("nat_deterministic", cases)
