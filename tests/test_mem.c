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

static uint64_t
three_megabytes(void)
{
	return 3 << 20;
}

/* What is not there is refused, not filled until the kernel kills. */
static void
more_than_is_free(void)
{
	struct mem_range r;
	mem_use_ordinary();
	mem_ask(three_megabytes);
	void *p = mem_alloc(3 << 20, -1);
	CU_ASSERT_PTR_NOT_NULL(p);
	mem_free(p, 3 << 20);
	CU_ASSERT_PTR_NULL(mem_alloc((3 << 20) + 1, -1));
	CU_ASSERT_EQUAL_FATAL(mem_range_init(&r, 64 << 20), 0);
	CU_ASSERT_EQUAL(mem_range_grow(&r, 1 << 20, -1), 0);
	CU_ASSERT_EQUAL(mem_range_grow(&r, 32 << 20, -1), -ENOMEM);
	CU_ASSERT(r.backed >= 1 << 20 && r.backed < 2 << 20 && total() == r.backed);
	mem_ask(NULL);
	CU_ASSERT_EQUAL(mem_range_grow(&r, 32 << 20, -1), 0);
	mem_range_fini(&r);
	CU_ASSERT_EQUAL(total(), 0);
	mem_use_huge(0);
}

static const struct test_case cases[] = {
	{"more than is free", more_than_is_free},
	{"sizes", sizes},
	{"no huge pages when forbidden", no_huge_pages_when_forbidden},
	{"impossible", impossible},
};
TEST_MAIN("mem", cases)
