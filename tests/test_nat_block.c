/* SPDX-License-Identifier: Apache-2.0 */
/* Ports of one block: each exactly once, equal chances, hints. */
#include "nat/bits.h"
#include "nat/block.h"
#include "test.h"

enum { MAX_PORTS = 32768, AT = 37 }; /* the block begins somewhere in a word */

static uint64_t row[(AT + MAX_PORTS) / 64 + 1];

static struct block
fresh(unsigned first, unsigned ports)
{
	memset(row, 0, sizeof(row));
	return (struct block){.first = (uint16_t)first, .ports = (uint16_t)ports,
		.usable = (uint16_t)ports};
}

static uint16_t
take(struct block *b, enum nat_proto proto, uint64_t *random)
{
	return block_take_port(b, row, AT, proto, 0, random);
}

static void
give(struct block *b, enum nat_proto proto, uint16_t port)
{
	bit_clear(row, AT + port - b->first);
	b->taken[proto]--;
	b->mapped--;
}

/* Every port once, then none; all back, and the same again. No bit beside the block is touched. */
static void
exhaust(unsigned first, unsigned ports, uint64_t *random)
{
	struct block b = fresh(first, ports);
	static uint8_t seen[65536];
	for (unsigned round = 0; round < 3; round++) {
		memset(seen, 0, sizeof(seen));
		for (unsigned i = 0; i < ports; i++) {
			uint16_t p = take(&b, NAT_UDP, random);
			CU_ASSERT_FATAL(p >= first && p < first + ports && seen[p] == 0);
			seen[p] = 1;
		}
		CU_ASSERT_EQUAL(take(&b, NAT_UDP, random), 0);
		CU_ASSERT(b.taken[NAT_UDP] == ports && b.mapped == ports);
		CU_ASSERT_FALSE(bits_any(row, 0, AT));
		CU_ASSERT_FALSE(bits_any(row, AT + ports, MAX_PORTS - ports));
		for (unsigned i = 0; i < ports; i++)
			give(&b, NAT_UDP, (uint16_t)(first + i));
		CU_ASSERT_TRUE(block_is_unused(&b));
	}
}

static void
test_exhaustion(void)
{
	uint64_t random = test_seed();
	static const struct {
		unsigned first, ports;
	} rows[] = {{1, 15}, {1024, 512}, {1000, 24}, {64512, 1024}, {65535, 1}, {40000, 4096},
		{32768, 32768}};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		exhaust(rows[i].first, rows[i].ports, &random);
}

/* The last free port is found wherever it is. */
static void
test_last_port(void)
{
	uint64_t random = test_seed();
	struct block b = fresh(2048, 256);
	for (unsigned i = 0; i < 256; i++)
		take(&b, NAT_TCP, &random);
	for (unsigned i = 0; i < 256; i++) {
		give(&b, NAT_TCP, (uint16_t)(2048 + i));
		CU_ASSERT_EQUAL(take(&b, NAT_TCP, &random), 2048 + i);
	}
}

/* A hint is taken when it is one of the block's free ports, whatever else it is: another. */
static void
test_hint(void)
{
	uint64_t random = test_seed();
	struct block b = fresh(2048, 64);
	CU_ASSERT_EQUAL(block_take_port(&b, row, AT, NAT_TCP, 2050, &random), 2050);
	for (unsigned i = 1; i < 64; i++) {
		uint32_t hint = (uint32_t)test_random(&random) % 4096;
		bool good = hint >= 2048 && hint < 2112 && !bit_is_set(row, AT + hint - 2048);
		uint16_t p = block_take_port(&b, row, AT, NAT_TCP, hint, &random);
		CU_ASSERT(p >= 2048 && p < 2112 && (!good || p == hint));
	}
	CU_ASSERT_EQUAL(block_take_port(&b, row, AT, NAT_TCP, 2050, &random), 0);
}

/* Chi-square of the 64 ports against the uniform one, so many of them taken: 63 - taken degrees. */
static double
chi_square(unsigned taken, uint64_t *random)
{
	enum { PORTS = 64, DRAWS = 64000 };
	unsigned count[PORTS] = {0};
	struct block b = fresh(1024, PORTS);
	bits_set(row, AT, taken);
	b.taken[NAT_UDP] = (uint16_t)taken;
	for (unsigned i = 0; i < DRAWS; i++) {
		uint16_t p = take(&b, NAT_UDP, random);
		CU_ASSERT_FATAL(p >= 1024 + taken && p < 1024 + PORTS);
		count[p - 1024]++;
		give(&b, NAT_UDP, p);
	}
	double expected = (double)DRAWS / (PORTS - taken), sum = 0;
	for (unsigned i = taken; i < PORTS; i++)
		sum += (count[i] - expected) * (count[i] - expected) / expected;
	return sum;
}

static void
test_uniform(void)
{
	uint64_t random = test_seed();
	CU_ASSERT(chi_square(0, &random) < 120);
	CU_ASSERT(chi_square(32, &random) < 75);
	CU_ASSERT(chi_square(60, &random) < 20);
}

/* Successive ports do not follow each other. */
static void
test_no_sequence(void)
{
	uint64_t random = test_seed();
	struct block b = fresh(1024, 1024);
	unsigned near = 0, last = 0;
	for (unsigned i = 0; i < 500; i++) {
		uint16_t p = take(&b, NAT_UDP, &random);
		near += last != 0 && (p - last + 2u) < 5u;
		last = p;
	}
	CU_ASSERT(near < 15);
}

static void
test_protos(void)
{
	static const uint8_t protos[] = {IPPROTO_L4_TCP, IPPROTO_L4_UDP, IPPROTO_L4_ICMP};
	for (unsigned i = 0; i < NAT_PROTOS; i++)
		CU_ASSERT_EQUAL(nat_ip_proto(nat_proto(protos[i])), protos[i]);
	CU_ASSERT_EQUAL(nat_proto(47), NAT_PROTOS);
}

static const struct test_case cases[] = {
	{"each port exactly once", test_exhaustion},
	{"the last free port", test_last_port},
	{"hints", test_hint},
	{"uniform", test_uniform},
	{"no sequence", test_no_sequence},
	{"protocols", test_protos},
};
TEST_MAIN("nat_block", cases)
