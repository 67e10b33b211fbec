/* SPDX-License-Identifier: Apache-2.0 */
/* Ports in quarantine: in order, long enough, not too long; and the clock that it goes by. */
#include <stdlib.h>

#include "nat/clock.h"
#include "nat/quarantine.h"
#include "test.h"

enum { CAPACITY = 7, SLACK_MS = 256 };

static struct quarantined entry[CAPACITY];

static struct quarantined
port(uint32_t i)
{
	return (struct quarantined){.block = i % (1u << BLOCK_BITS), .proto = i % 3,
		.place = i * 7 % 32768};
}

/* What goes in comes out, first in first out, whatever stands in the ring between. */
static void
test_order(void)
{
	struct quarantine q = {.entry = entry, .capacity = CAPACITY};
	uint64_t rng = test_seed();
	uint32_t in = 0, out = 0;
	for (unsigned i = 0; i < 20000; i++) {
		if (test_random(&rng) % 2 && q.count < CAPACITY) {
			quarantine_put(&q, port(in++ * 2654435761u), i);
		} else if (q.count != 0) {
			struct quarantined e = quarantine_take(&q);
			struct quarantined want = port(out++ * 2654435761u);
			CU_ASSERT(e.block == want.block && e.proto == want.proto);
			CU_ASSERT_EQUAL(e.place, want.place);
		}
		CU_ASSERT_EQUAL_FATAL(q.count, in - out);
	}
}

/* At every moment and for every duration: not before it is over, and soon after. */
static void
test_duration(void)
{
	struct quarantine q = {.entry = entry, .capacity = CAPACITY};
	uint64_t rng = test_seed();
	CU_ASSERT_FALSE(quarantine_is_due(&q, 0, 1));
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t now = test_random(&rng) >> (test_random(&rng) % 60);
		uint32_t q_ms = 1 + (uint32_t)(test_random(&rng) >> (test_random(&rng) % 60)) %
		                NAT_MAX_QUARANTINE_MS;
		quarantine_put(&q, port(i), now);
		CU_ASSERT_FALSE(quarantine_is_due(&q, q_ms, now));
		CU_ASSERT_FALSE(quarantine_is_due(&q, q_ms, now + q_ms));
		CU_ASSERT_TRUE(quarantine_is_due(&q, q_ms, now + q_ms + SLACK_MS));
		CU_ASSERT_TRUE(quarantine_is_due(&q, q_ms, now + q_ms + 3600 * 1000));
		CU_ASSERT_FALSE(quarantine_is_due(&q, q_ms, now > 1000 ? now - 1000 : 0));
		quarantine_take(&q);
	}
}

/* The 32-bit clock wraps, 64 bits of it go on. */
static void
test_clock(void)
{
	struct nat_clock c = {0};
	clock_set(&c, 0xfffffff0u, 0);
	uint64_t begin = c.ms;
	for (unsigned i = 0; i < 2000; i++)
		clock_set_ms(&c, (uint32_t)c.ms + 131);
	CU_ASSERT_EQUAL(c.ns, (uint64_t)2000 * 131 * 1000000);
	CU_ASSERT_EQUAL(c.ms - begin, 2000 * 131);
	clock_set_ms(&c, (uint32_t)c.ms - 5);
	CU_ASSERT_EQUAL(c.ms - begin, 2000 * 131 - 5);
}

static const struct test_case cases[] = {
	{"first in, first out", test_order},
	{"duration", test_duration},
	{"clock", test_clock},
};
TEST_MAIN("nat_quarantine", cases)
