/* SPDX-License-Identifier: Apache-2.0 */
/* The table of shifted flows against a list, and numbers there and back. */
#include "lib/shift.h"

#include <string.h>

#include "lib/tcp.h"
#include "packets.h"
#include "test.h"

enum { CAPACITY = 50, KEYS = 120, ROUNDS = 40000 };

/* Random additions and removals: exactly those that are in are found, each with its own line. */
static void
test_table(void)
{
	struct shifts t;
	void *mem = aligned_alloc(64, (shift_memsize(CAPACITY) + 63) / 64 * 64);
	struct shift *in[KEYS] = {NULL};
	unsigned n = 0;
	uint64_t seed = test_seed();
	memset(mem, 0, shift_memsize(CAPACITY));
	shift_init(&t, mem, CAPACITY);
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned k = (unsigned)(test_random(&seed) % KEYS);
		flow_ref ref = (k + 1) << 1 | (k % 2 != 0 ? FLOW_REF_V6 : 0);
		CU_ASSERT_PTR_EQUAL(shift_find(&t, ref), in[k]);
		CU_ASSERT_PTR_EQUAL(shift_find(&t, ref | 1), in[k]);
		if (in[k] != NULL) {
			CU_ASSERT_EQUAL(in[k]->ref, ref);
			shift_del(&t, in[k]);
			in[k] = NULL;
			n--;
		} else {
			in[k] = shift_add(&t, ref | 1);
			CU_ASSERT_EQUAL(in[k] == NULL, n == CAPACITY);
			n += in[k] != NULL;
		}
		CU_ASSERT_TRUE(t.used == n && shift_left(&t) == CAPACITY - n);
	}
	free(mem);
}

/* Queues keep their order, and let go of any. */
static void
test_queues(void)
{
	struct shifts t;
	void *mem = aligned_alloc(64, (shift_memsize(CAPACITY) + 63) / 64 * 64);
	struct shift *s[5];
	memset(mem, 0, shift_memsize(CAPACITY));
	shift_init(&t, mem, CAPACITY);
	for (unsigned i = 0; i < 5; i++) {
		s[i] = shift_add(&t, (i + 1) << 1);
		shift_wait(&t, s[i], 1);
	}
	shift_unwait(&t, s[2]);
	shift_unwait(&t, s[2]);
	shift_del(&t, s[0]);
	shift_unwait(&t, s[4]);
	CU_ASSERT_TRUE(t.first[1] == shift_number(&t, s[1]) && t.last[1] == shift_number(&t, s[3]));
	CU_ASSERT_TRUE(s[1]->next == t.last[1] && s[3]->prev == t.first[1]);
	shift_wait(&t, s[1]->tries != 0 ? (shift_unwait(&t, s[1]), s[1]) : s[1], 2);
	shift_del(&t, s[3]);
	CU_ASSERT_TRUE(t.first[1] == 0 && t.last[1] == 0 && t.first[2] == shift_number(&t, s[1]));
	free(mem);
}

static void
put32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* What shift_edit does to a segment shift_quote undoes, and both keep the checksum. */
static void
test_quote(void)
{
	uint64_t seed = test_seed();
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t r = test_random(&seed);
		struct shift s = {.seq = {(uint32_t)r % 100, (uint32_t)(r >> 32)},
			.first = (uint32_t)test_random(&seed), .is_told = true};
		s.head = (uint8_t)s.seq[0];
		unsigned d = i % 2;
		uint8_t h[20] = {0, 80, 1, 2, [12] = 5 << 4, [13] = TCP_ACK}, old[20];
		put32(h + 4, d == 0 ? s.first + (uint32_t)(r >> 40) : (uint32_t)r);
		put32(h + 8, (uint32_t)test_random(&seed));
		uint16_t sum = sum16(h, 20, 0);
		h[16] = (uint8_t)(sum >> 8);
		h[17] = (uint8_t)sum;
		memcpy(old, h, 20);
		struct tcp t = {.h = h, .header = 20};
		shift_edit(&s, d, &t);
		CU_ASSERT_EQUAL(sum16(h, 20, 0), 0);
		CU_ASSERT_TRUE(memcmp(h, old, 20) != 0 || (s.seq[0] == 0 && s.seq[1] == 0));
		shift_quote(&s, d, h, 20);
		CU_ASSERT_EQUAL(memcmp(h, old, 16), 0);
		CU_ASSERT_EQUAL(sum16(h, 20, 0), 0);
	}
}

/* Acknowledgements of the header are of nothing to the initiator. */
static void
test_ack(void)
{
	struct shift s = {.seq = {28, 0}, .head = 28, .first = UINT32_MAX - 9};
	CU_ASSERT_EQUAL(shift_ack(&s, s.first - 1), s.first - 1);
	for (uint32_t n = 0; n <= 28; n++)
		CU_ASSERT_EQUAL(shift_ack(&s, s.first + n), s.first);
	CU_ASSERT_EQUAL(shift_ack(&s, s.first + 40), s.first + 12);
	s.is_told = true;
	CU_ASSERT_EQUAL(shift_ack(&s, s.first + 40), s.first + 12);
	CU_ASSERT_EQUAL(shift_ack(&s, s.first + 0x90000000u), s.first + 0x90000000u - 28);
}

static const struct test_case cases[] = {
	{"table", test_table},
	{"queues", test_queues},
	{"edit and quote", test_quote},
	{"acknowledgements", test_ack},
};
TEST_MAIN("shift", cases)
