/* SPDX-License-Identifier: Apache-2.0 */
/* The statistics segment: contexts stand apart, and a reader notices a broken one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/stats.h"
#include "tests/test.h"

static struct stats_segment *
segment_make(uint32_t contexts)
{
	uint64_t size = stats_segment_size(contexts);
	struct stats_segment *s = aligned_alloc(4096, size);
	memset(s, 0, size);
	stats_segment_init(s, contexts);
	return s;
}

static void
contexts_stand_apart(void)
{
	enum { CONTEXTS = 3 };
	struct stats_segment *s = segment_make(CONTEXTS);
	const uint8_t *end = (const uint8_t *)s + s->size;
	CU_ASSERT_EQUAL(s->size, stats_segment_size(CONTEXTS));
	for (uint32_t i = 0; i < CONTEXTS; i++) {
		CU_ASSERT_EQUAL((uintptr_t)stats_context(s, i) % 4096, 0);
		memset(stats_context(s, i), (int)i + 1, sizeof(struct stats));
		memset(stats_backends(s, i), (int)i + 0x41,
		       sizeof(struct stats_backend) * STATS_BACKENDS);
		CU_ASSERT((const uint8_t *)(stats_backends(s, i) + STATS_BACKENDS) <= end);
	}
	CU_ASSERT_EQUAL(stats_segment_check(s, s->size), 0);
	for (uint32_t i = 0; i < CONTEXTS; i++) {
		CU_ASSERT_EQUAL(((uint8_t *)stats_context(s, i))[0], i + 1);
		CU_ASSERT_EQUAL(((uint8_t *)(stats_context(s, i) + 1))[-1], i + 1);
		CU_ASSERT_EQUAL(((uint8_t *)stats_backends(s, i))[0], i + 0x41);
	}
	free(s);
}

static void
broken_is_noticed(void)
{
	struct stats_segment *s = segment_make(2), good = *s;
	uint64_t size = s->size;
	CU_ASSERT_EQUAL(stats_segment_check(s, size), 0);
	CU_ASSERT_EQUAL(stats_segment_check(s, size - 1), -EINVAL);
	CU_ASSERT_EQUAL(stats_segment_check(s, 8), -EINVAL);
	for (unsigned i = 0; i < 9; i++) {
		*s = good;
		switch (i) {
		case 0: s->magic++; break;
		case 1: s->version++; break;
		case 2: s->contexts = 0; break;
		case 3: s->contexts = 3; break;
		case 4: s->drop_reasons++; break;
		case 5: s->stats_offset = UINT64_MAX - 63; break;
		case 6: s->stats_stride = 64; break;
		case 7: s->backend_stride = 1ull << 63; break;
		default: s->backend_offset += 64; break;
		}
		CU_ASSERT_EQUAL(stats_segment_check(s, size), -EINVAL);
	}
	free(s);
}

static const struct test_case cases[] = {
	{"contexts stand apart", contexts_stand_apart},
	{"broken is noticed", broken_is_noticed},
};
TEST_MAIN("stats", cases)
