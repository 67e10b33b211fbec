/* SPDX-License-Identifier: Apache-2.0 */
/* Ports of one block: each exactly once, quarantine, equal chances. */
#include "nat/block.h"
#include "test.h"

enum { MAX_PORTS = 4096 };

static uint32_t entry[MAX_PORTS];
static struct nat_clock now;

static struct block
fresh(unsigned first, unsigned ports)
{
	memset(entry, 0, sizeof(entry));
	memset(&now, 0, sizeof(now));
	clock_set(&now, 5000, 0);
	return (struct block){.first = (uint16_t)first, .ports = (uint16_t)ports};
}

/* Every port once, then none; freed with quarantine: none until it is over, then every one. */
static void
exhaust(unsigned first, unsigned ports, uint64_t *random)
{
	struct block b = fresh(first, ports);
	static uint8_t seen[65536];
	for (unsigned round = 0; round < 3; round++) {
		memset(seen, 0, sizeof(seen));
		for (unsigned i = 0; i < ports; i++) {
			uint16_t p = block_take_port(&b, entry, NAT_UDP, 1 + i, &now, random);
			CU_ASSERT_FATAL(p >= first && p < first + ports && seen[p] == 0);
			seen[p] = 1;
		}
		CU_ASSERT_EQUAL(block_take_port(&b, entry, NAT_UDP, 1, &now, random), 0);
		CU_ASSERT_EQUAL(b.used[NAT_UDP], ports);
		for (unsigned i = 0; i < ports; i++)
			block_give_port(&b, entry, NAT_UDP, (uint16_t)(first + i),
			                clock_mark(&now, 120000));
		CU_ASSERT_TRUE(block_is_unused(&b));
		CU_ASSERT_EQUAL(block_take_port(&b, entry, NAT_UDP, 1, &now, random), 0);
		clock_set(&now, (uint32_t)now.ms + 120000, 0);
		CU_ASSERT_EQUAL(block_take_port(&b, entry, NAT_UDP, 1, &now, random), 0);
		clock_set(&now, (uint32_t)now.ms + 256, 0);
	}
}

static void
test_exhaustion(void)
{
	uint64_t random = test_seed();
	static const struct {
		unsigned first, ports;
	} rows[] = {{1, 15}, {1024, 512}, {1000, 24}, {64512, 1024}, {65535, 1}, {40000, 4096}};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		exhaust(rows[i].first, rows[i].ports, &random);
}

/* The last free port is found wherever it is, and an earlier mark is not overlooked. */
static void
test_last_port(void)
{
	uint64_t random = test_seed();
	struct block b = fresh(2048, 256);
	for (unsigned i = 0; i < 256; i++)
		block_take_port(&b, entry, NAT_TCP, 1 + i, &now, &random);
	for (unsigned i = 0; i < 256; i++) {
		block_give_port(&b, entry, NAT_TCP, (uint16_t)(2048 + i), 0);
		CU_ASSERT_EQUAL(block_take_port(&b, entry, NAT_TCP, 9, &now, &random), 2048 + i);
	}
	block_give_port(&b, entry, NAT_TCP, 2050, clock_mark(&now, 60000));
	CU_ASSERT_EQUAL(block_take_port(&b, entry, NAT_TCP, 9, &now, &random), 0);
	block_give_port(&b, entry, NAT_TCP, 2051, clock_mark(&now, 1000));
	CU_ASSERT_EQUAL(block_take_port(&b, entry, NAT_TCP, 9, &now, &random), 0);
	clock_set(&now, 5000 + 1256, 0);
	CU_ASSERT_EQUAL(block_take_port(&b, entry, NAT_TCP, 9, &now, &random), 2051);
}

/* Chi-square of 64 ports against the uniform one, the lower half taken or not: 63 or 31 degrees. */
static double
chi_square(unsigned taken, uint64_t *random)
{
	enum { PORTS = 64, DRAWS = 64000 };
	unsigned count[PORTS] = {0};
	struct block b = fresh(1024, PORTS);
	for (unsigned i = 0; i < taken; i++)
		entry[i] = 1;
	b.used[NAT_UDP] = (uint16_t)taken;
	for (unsigned i = 0; i < DRAWS; i++) {
		uint16_t p = block_take_port(&b, entry, NAT_UDP, 1, &now, random);
		CU_ASSERT_FATAL(p >= 1024 + taken && p < 1024 + PORTS);
		count[p - 1024]++;
		block_give_port(&b, entry, NAT_UDP, p, 0);
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
		uint16_t p = block_take_port(&b, entry, NAT_UDP, 1, &now, &random);
		near += last != 0 && (p - last + 2u) < 5u;
		last = p;
	}
	CU_ASSERT(near < 15);
}

static void
test_marks(void)
{
	struct nat_clock c = {0};
	clock_set(&c, 0xfffffff0u, 0);
	for (unsigned i = 0; i < 2000; i++) {
		uint32_t q = i * 37, mark = clock_mark(&c, q);
		struct nat_clock later = c;
		clock_set_ms(&later, (uint32_t)c.ms + q);
		CU_ASSERT_FALSE(mark_is_over(mark, &later));
		clock_set_ms(&later, (uint32_t)later.ms + 256);
		CU_ASSERT_TRUE(mark_is_over(mark, &later));
		later.ms += (uint64_t)8 * 365 * 86400 * 1000;
		CU_ASSERT_TRUE(mark_is_over(mark, &later));
		CU_ASSERT_TRUE(mark_is_before(mark, clock_mark(&c, q + 256)));
		CU_ASSERT_FALSE(mark_is_before(mark, mark));
		clock_set_ms(&c, (uint32_t)c.ms + 131);
	}
	CU_ASSERT_EQUAL(c.ns, (uint64_t)2000 * 131 * 1000000);
}

static const struct test_case cases[] = {
	{"each port exactly once, then quarantine", test_exhaustion},
	{"the last free port", test_last_port},
	{"uniform", test_uniform},
	{"no sequence", test_no_sequence},
	{"marks", test_marks},
};
TEST_MAIN("nat_block", cases)
