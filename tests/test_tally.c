/* SPDX-License-Identifier: Apache-2.0 */
/* What flows have carried, their own counters run over again and again, against plain sums. */
#include "lib/tally.h"

#include <string.h>

#include "test.h"

enum { FLOWS = 100, ROUNDS = 200000 };
#define WRAP ((uint64_t)1 << (64 - FLOW_BYTES_BITS))

struct bench {
	struct tally t;
	struct flow4 flow[FLOWS];
	struct flow_totals want[FLOWS];
	bool has_line[FLOWS], is_short[FLOWS]; /* it has one; it wanted one in vain */
};

static struct bench *
setup(void)
{
	size_t size = (tally_memsize(0) + 63) / 64 * 64;
	struct bench *b = aligned_alloc(64, (sizeof(*b) + 63) / 64 * 64);
	void *mem = aligned_alloc(64, size);
	memset(b, 0, sizeof(*b));
	memset(mem, 0, size);
	tally_init(&b->t, mem, 0);
	for (unsigned i = 0; i < FLOWS; i++)
		b->flow[i].f.flags = FLOW_ANSWERED;
	return b;
}

static void
teardown(struct bench *b)
{
	free(b->t.index.bucket);
	free(b);
}

/* One packet; where `jump` says so, as many before it as bring the counter to its end. */
static void
carry(struct bench *b, unsigned i, unsigned d, uint32_t size, bool jump)
{
	struct flow *f = &b->flow[i].f;
	if (jump) {
		uint64_t more = WRAP - 1 - flow_packets(f, d);
		f->counts[d] += more << FLOW_BYTES_BITS;
		b->want[i].packets[d] += more;
	}
	b->want[i].packets[d]++;
	b->want[i].bytes[d] += size;
	if (!flow_count(f, d, size))
		return;
	CU_ASSERT_TRUE(jump);
	uint64_t lost = b->t.lost;
	tally_take(&b->t, f, d);
	b->is_short[i] |= b->t.lost != lost;
	b->has_line[i] |= b->t.lost == lost;
}

static void
check(const struct bench *b, unsigned i)
{
	const struct flow *f = &b->flow[i].f;
	struct flow copy = *f;
	struct flow_totals sum = tally_totals(&b->t, f, &copy);
	if (!b->is_short[i])
		CU_ASSERT_EQUAL(memcmp(&sum, &b->want[i], sizeof(sum)), 0);
}

static unsigned
lines(const struct bench *b)
{
	unsigned n = 0;
	for (unsigned i = 0; i < FLOWS; i++)
		n += b->has_line[i];
	return n;
}

/* Flows that come, carry and end: each keeps its own sums; without a line left it is counted. */
static void
test_sums(void)
{
	struct bench *b = setup();
	uint64_t rng = test_seed();
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t x = test_random(&rng);
		unsigned i = (unsigned)(x % FLOWS);
		carry(b, i, x >> 32 & 1, x >> 33 & 0xffff, (x >> 50) % 8 == 0);
		check(b, i);
		if ((x >> 54) % 64 == 0) {
			tally_end(&b->t, &b->flow[i].f);
			b->flow[i].f.counts[0] = b->flow[i].f.counts[1] = 0;
			b->want[i] = (struct flow_totals){{0}, {0}};
			b->has_line[i] = b->is_short[i] = false;
		}
		CU_ASSERT_EQUAL(b->t.used, lines(b));
		CU_ASSERT_TRUE(b->t.used <= TALLY_LEAST);
	}
	CU_ASSERT_TRUE(b->t.lost > 0);
	CU_ASSERT_EQUAL(lines(b), TALLY_LEAST);
	teardown(b);
}

/* The last packet taken back is as if it had not come, also where it was the one that ran over. */
static void
test_uncount(void)
{
	struct bench *b = setup();
	for (unsigned i = 0; i < 2; i++) {
		carry(b, i, 0, 1500, i == 1);
		carry(b, i, 0, 40, i == 1);
		tally_uncount(&b->t, &b->flow[i].f, 0, 40);
		b->want[i].packets[0]--;
		b->want[i].bytes[0] -= 40;
		check(b, i);
	}
	carry(b, 1, 0, 700, true);
	tally_uncount(&b->t, &b->flow[1].f, 0, 700);
	b->want[1].packets[0]--;
	b->want[1].bytes[0] -= 700;
	check(b, 1);
	teardown(b);
}

/* The largest packets fill the octets' field last: none is counted as a packet. */
static void
test_largest(void)
{
	struct flow f = {.flags = FLOW_ANSWERED};
	bool over = false;
	uint64_t n = 0;
	for (; !over; n++)
		over = flow_count(&f, 0, 65535);
	CU_ASSERT_EQUAL(n, WRAP);
	CU_ASSERT_EQUAL(f.counts[0], WRAP * 65535);
}

static const struct test_case cases[] = {
	{"sums", test_sums},
	{"taken back", test_uncount},
	{"the largest packets", test_largest},
};
TEST_MAIN("tally", cases)
