/* SPDX-License-Identifier: Apache-2.0 */
/* Memory: zeroed, aligned, counted, and gone from the count when freed. */
#include "lib/mem.h"
#include "tests/test.h"

static size_t
total(void)
{
	struct mem_usage u = mem_usage();
	return u.huge_1g + u.huge_2m + u.ordinary;
}

static void
sizes(void)
{
	static const size_t size[] = {1, 64, 4096, 4097, 1 << 20, (2 << 20) + 1, 5 << 20};
	for (int huge = 0; huge < 2; huge++) {
		mem_use_huge(huge);
		for (unsigned i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
			unsigned char *p = mem_alloc(size[i], huge ? 0 : -1);
			CU_ASSERT_PTR_NOT_NULL_FATAL(p);
			CU_ASSERT_EQUAL((uintptr_t)p % 64, 0);
			CU_ASSERT(total() >= size[i]);
			unsigned char any = 0;
			for (size_t k = 0; k < size[i]; k++)
				any |= p[k];
			CU_ASSERT_EQUAL(any, 0);
			p[0] = p[size[i] - 1] = 1;
			mem_free(p, size[i]);
			CU_ASSERT_EQUAL(total(), 0);
		}
	}
	mem_use_huge(0);
}

static void
no_huge_pages_when_forbidden(void)
{
	mem_use_huge(0);
	void *p = mem_alloc(4 << 20, -1);
	struct mem_usage u = mem_usage();
	CU_ASSERT_EQUAL(u.huge_1g + u.huge_2m, 0);
	CU_ASSERT_EQUAL(u.ordinary, 4 << 20);
	mem_free(p, 4 << 20);
}

static void
impossible(void)
{
	CU_ASSERT_PTR_NULL(mem_alloc(0, -1));
	CU_ASSERT_PTR_NULL(mem_alloc((size_t)1 << 60, -1));
	CU_ASSERT_PTR_NULL(mem_alloc(SIZE_MAX, -1));
	CU_ASSERT_EQUAL(total(), 0);
	mem_free(NULL, 5);
}

static const struct test_case cases[] = {
	{"sizes", sizes},
	{"no huge pages when forbidden", no_huge_pages_when_forbidden},
	{"impossible", impossible},
};
TEST_MAIN("mem", cases)
