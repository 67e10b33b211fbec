/* SPDX-License-Identifier: Apache-2.0 */
/* mss.h: options as rows, hostile ones too; the way of a SYN through the engine. */
#include "lib/mss.h"

#include "probe.h"

enum { HEADER = 20, MOST = 1000, CSUM_AT = 16, ROUNDS = 20000 };

/* Options as they stand, padded to a header, and what they are to be afterwards; NULL: the same. */
static const struct {
	const char *what;
	uint8_t size; /* of the options */
	uint8_t before[24];
	uint8_t after[24];
	bool changes;
} rows[] = {
	{"lowered", 4, {2, 4, 5, 180}, {2, 4, 3, 232}, true},
	{"equal", 4, {2, 4, 3, 232}, {2, 4, 3, 232}, false},
	{"below, not raised", 4, {2, 4, 2, 0}, {2, 4, 2, 0}, false},
	{"none, none added", 4, {1, 1, 1, 0}, {1, 1, 1, 0}, false},
	{"after others", 12, {1, 3, 3, 7, 4, 2, 2, 4, 255, 255, 1, 0},
	 {1, 3, 3, 7, 4, 2, 2, 4, 3, 232, 1, 0}, true},
	{"at an odd place", 8, {1, 2, 4, 5, 180, 1, 1, 0}, {1, 2, 4, 3, 232, 1, 1, 0}, true},
	{"twice", 8, {2, 4, 5, 180, 2, 4, 5, 181}, {2, 4, 3, 232, 2, 4, 3, 232}, true},
	{"behind the end", 8, {0, 0, 0, 0, 2, 4, 5, 180}, {0, 0, 0, 0, 2, 4, 5, 180}, false},
	{"wrong length", 8, {2, 5, 5, 180, 9, 1, 1, 0}, {2, 5, 5, 180, 9, 1, 1, 0}, false},
	{"length 0", 8, {8, 0, 2, 4, 5, 180, 0, 0}, {8, 0, 2, 4, 5, 180, 0, 0}, false},
	{"length 1", 8, {8, 1, 2, 4, 5, 180, 0, 0}, {8, 1, 2, 4, 5, 180, 0, 0}, false},
	{"beyond the header", 4, {1, 1, 2, 4}, {1, 1, 2, 4}, false},
	{"only a kind is left", 4, {1, 1, 1, 2}, {1, 1, 1, 2}, false},
};

static void
test_rows(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t size = HEADER + rows[i].size;
		uint8_t *tcp = calloc(1, size); /* sanitizers see what is read behind it */
		tcp[12] = (uint8_t)(size / 4 << 4);
		tcp[13] = 2;
		memcpy(tcp + HEADER, rows[i].before, rows[i].size);
		uint16_t sum = sum16(tcp, size, 0);
		memcpy(tcp + CSUM_AT, &(uint16_t){__builtin_bswap16(sum)}, 2);
		CU_ASSERT_EQUAL(sum16(tcp, size, 0), 0);
		bool changed = mss_clamp(tcp, (uint32_t)size, MOST);
		if (changed != rows[i].changes ||
		    memcmp(tcp + HEADER, rows[i].after, rows[i].size) != 0)
			printf("  %s\n", rows[i].what);
		CU_ASSERT_EQUAL(changed, rows[i].changes);
		CU_ASSERT_EQUAL(memcmp(tcp + HEADER, rows[i].after, rows[i].size), 0);
		CU_ASSERT_EQUAL(sum16(tcp, size, 0), 0);
		free(tcp);
	}
}

/* Any octets, any length of what is there: the sum stays what it was, the length too. */
static void
test_hostile(void)
{
	uint64_t seed = 11;
	unsigned lowered = 0;
	for (unsigned i = 0; i < ROUNDS; i++) {
		size_t size = 12 + test_random(&seed) % 60;
		uint8_t *tcp = malloc(size), before[80];
		for (size_t k = 0; k < size; k++)
			tcp[k] = (uint8_t)(test_random(&seed) % 6);
		if (size > 12)
			tcp[12] = (uint8_t)(test_random(&seed) << 4);
		memcpy(before, tcp, size);
		uint16_t sum = sum16(tcp, size, 0);
		bool changed = mss_clamp(tcp, (uint32_t)size, 3);
		lowered += changed;
		CU_ASSERT_EQUAL(changed, memcmp(before, tcp, size) != 0);
		/* 0 and ffff are the same number. */
		CU_ASSERT_EQUAL(sum16(tcp, size, 0) % 0xffff, sum % 0xffff);
		free(tcp);
	}
	CU_ASSERT_TRUE(lowered > ROUNDS / 100);
}

static const struct test_case cases[] = {
	{"options and what becomes of them", test_rows},
	{"random headers", test_hostile},
};
TEST_MAIN("mss", cases)
