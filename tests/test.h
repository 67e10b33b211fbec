/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The frame of a CUnit test program: a table of tests and TEST_MAIN. Seeds are printed
 *            and can be given (MR_SEED), so that a failure can be repeated.
 */
#ifndef MR_TEST_H
#define MR_TEST_H

#include <CUnit/Basic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* TEST_IS_SANITIZED: freed memory is kept for a while, and all takes longer. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { TEST_IS_SANITIZED = 1 };
#else
enum { TEST_IS_SANITIZED = 0 };
#endif

struct test_case {
	const char *name;
	void (*run)(void);
};

/* test_seed: MR_SEED, or a fixed number; printed. */
static inline uint64_t
test_seed(void)
{
	const char *s = getenv("MR_SEED");
	uint64_t seed = s != NULL ? strtoull(s, NULL, 0) : 20261121;
	printf("seed %llu (MR_SEED)\n", (unsigned long long)seed);
	return seed;
}

/* test_part: MR_PART, or 1: of what is repeated with other numbers every so manyth only, where a
 * sanitizer makes it slow. */
static inline unsigned
test_part(void)
{
	const char *s = getenv("MR_PART");
	return s != NULL ? (unsigned)strtoul(s, NULL, 0) : 1;
}

/* test_random: splitmix64. */
static inline uint64_t
test_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static inline int
test_main(const char *suite, const struct test_case *cases, size_t n)
{
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	CU_pSuite s = CU_add_suite(suite, NULL, NULL);
	for (size_t i = 0; s != NULL && i < n; i++)
		CU_add_test(s, cases[i].name, cases[i].run);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	unsigned failed = CU_get_number_of_failures() + CU_get_number_of_suites_failed();
	CU_cleanup_registry();
	return failed != 0;
}

#define TEST_MAIN(suite, cases)                                                                \
	int main(void)                                                                         \
	{                                                                                      \
		return test_main(suite, cases, sizeof(cases) / sizeof((cases)[0]));            \
	}

#endif
