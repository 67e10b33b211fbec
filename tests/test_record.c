/* SPDX-License-Identifier: Apache-2.0 */
/* The log ring: first in first out, full at RECORD_RING, unharmed by a reader gone wrong. */
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/record.h"
#include "tests/test.h"

static struct record_segment *
segment_make(uint32_t rings)
{
	uint64_t size = (record_segment_size(rings) + 63) / 64 * 64;
	struct record_segment *s = aligned_alloc(64, size);
	memset(s, 0, size);
	record_segment_init(s, rings);
	return s;
}

static void
segment(void)
{
	struct record_segment *s = segment_make(3);
	CU_ASSERT_EQUAL(s->rings, 3);
	CU_ASSERT_EQUAL(s->size, record_segment_size(3));
	CU_ASSERT_EQUAL((uint8_t *)&s->ring[3] - (uint8_t *)s, (ptrdiff_t)s->size);
	CU_ASSERT_EQUAL((uintptr_t)&s->ring[1] % 64, 0);
	free(s);
}

static void
full_and_empty(void)
{
	struct record_segment *s = segment_make(1);
	struct record_ring *r = &s->ring[0];
	struct record out[100];
	for (unsigned round = 0; round < 3; round++) {
		for (uint64_t i = 0; i <= RECORD_RING; i++)
			CU_ASSERT_EQUAL(record_put(r, &(struct record){.sequence = i}),
			                i < RECORD_RING);
		for (uint64_t next = 0; next < RECORD_RING;) {
			uint32_t n = record_take(r, out, 100);
			CU_ASSERT_FATAL(n > 0);
			for (uint32_t i = 0; i < n; i++)
				CU_ASSERT_EQUAL(out[i].sequence, next++);
		}
		CU_ASSERT_EQUAL(record_take(r, out, 100), 0);
		CU_ASSERT_EQUAL(atomic_load(&r->lost), round + 1);
		CU_ASSERT_EQUAL(record_room(r), RECORD_RING);
	}
	free(s);
}

/* "A wrong tail can lose records, never more." */
static void
wrong_tail(void)
{
	static const uint64_t tails[] = {1, 1000, RECORD_RING + 5, UINT64_MAX, UINT64_MAX / 2};
	struct record out[4];
	for (unsigned i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		struct record_segment *s = segment_make(1);
		struct record_ring *r = &s->ring[0];
		atomic_store(&r->tail, tails[i]);
		for (unsigned k = 0; k < 10; k++)
			record_put(r, &(struct record){.sequence = k});
		uint32_t n = record_take(r, out, 4);
		CU_ASSERT(n <= 4);
		while (record_take(r, out, 4) != 0)
			;
		CU_ASSERT_TRUE(record_put(r, &(struct record){.sequence = 77}));
		CU_ASSERT_EQUAL(record_take(r, out, 4), 1);
		CU_ASSERT_EQUAL(out[0].sequence, 77);
		free(s);
	}
}

enum { THREAD_RECORDS = 200000 };

static void *
producer(void *arg)
{
	struct record_ring *r = arg;
	for (uint64_t i = 0; i < THREAD_RECORDS;)
		i += record_put(r, &(struct record){.sequence = i, .spare = {~i},
		                                    .time_ns = i * 3});
	return NULL;
}

/* Invariant 1: what the reader sees is whole and in order, while the other side writes. */
static void
two_threads(void)
{
	struct record_segment *s = segment_make(1);
	struct record out[64];
	pthread_t thread;
	uint64_t next = 0, broken = 0;
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, producer, &s->ring[0]), 0);
	while (next < THREAD_RECORDS) {
		uint32_t n = record_take(&s->ring[0], out, 64);
		for (uint32_t i = 0; i < n; i++, next++)
			broken += out[i].sequence != next || out[i].spare[0] != ~next ||
			          out[i].time_ns != next * 3;
	}
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(broken, 0);
	free(s);
}

static void
names(void)
{
	CU_ASSERT_STRING_EQUAL(record_event_name(RECORD_BLOCK_CREATE), "block_create");
	CU_ASSERT_STRING_EQUAL(record_event_name(0), "?");
	for (unsigned i = 0; i < 256; i++) {
		const char *name = record_event_name(i);
		unsigned number = record_event_number(name, strlen(name));
		CU_ASSERT_EQUAL(number, strcmp(name, "?") != 0 ? i : 0);
	}
}

static const struct test_case cases[] = {
	{"segment", segment},
	{"full and empty", full_and_empty},
	{"wrong tail", wrong_tail},
	{"two threads", two_threads},
	{"names", names},
};
TEST_MAIN("record", cases)
