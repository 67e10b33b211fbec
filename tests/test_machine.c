/* SPDX-License-Identifier: Apache-2.0 */
/* Pages: which ones tables and buffers may be in, that they are there at once, and what is said. */
#include <sys/mman.h>

#include "ctl/dataplane/machine.h"
#include "lib/mem.h"
#include "tests/plane_world.h"
#include "tests/test.h"

enum { MB = 1 << 20, PAGE = 4096, SIZE = 6 * MB };

/* => how many pages of it are there. */
static size_t
resident(void *p)
{
	static unsigned char there[SIZE / PAGE];
	size_t n = 0;
	CU_ASSERT_EQUAL(mincore(p, SIZE, there), 0);
	for (size_t i = 0; i < SIZE / PAGE; i++)
		n += there[i] & 1;
	return n;
}

/* No packet is to wait for a page, whatever its kind. */
static void
memory_is_there_before_it_is_used(void)
{
	mem_use_huge(0);
	void *p = mem_alloc(SIZE, -1);
	CU_ASSERT_EQUAL(resident(p), 0); /* but in tests */
	mem_free(p, SIZE);
	for (unsigned huge = 0; huge < 2; huge++) {
		size_t made_huge = mem_made_huge();
		if (huge != 0)
			mem_use_huge(1);
		else
			mem_use_ordinary();
		p = mem_alloc(SIZE, -1);
		CU_ASSERT_EQUAL(resident(p), SIZE / PAGE);
		CU_ASSERT(huge || mem_made_huge() == made_huge);
		CU_ASSERT(huge || mem_usage().ordinary == SIZE);
		mem_free(p, SIZE);
	}
	mem_use_huge(0);
}

static bool
has_arg(const struct eal_args *a, const char *arg)
{
	for (int i = 0; i < a->argc; i++)
		if (strcmp(a->argv[i], arg) == 0)
			return true;
	return false;
}

/* Too few huge pages for the buffers do not keep the tables from those that there are. */
static void
buffers_and_tables_are_two_things(void)
{
	static struct eal_args a;
	struct options o = {0};
	size_t size;
	struct image_header *image = world_compile(WORLD_JSON, NULL, 1, &size);
	CU_ASSERT_PTR_NOT_NULL_FATAL(image);
	uint32_t n;
	struct img_plane *plane = (struct img_plane *)(uintptr_t)image_rows(image, IMG_PLANE, &n);
	CU_ASSERT(machine_huge(&o, plane));
	plane->buffers = 1u << 31; /* for which no machine has pages */
	CU_ASSERT(machine_eal_args(&a, &o, image));
	CU_ASSERT(a.no_huge && has_arg(&a, "--no-huge") && !has_arg(&a, "--in-memory"));
	CU_ASSERT(machine_huge(&o, plane));
	plane->huge_pages = 0;
	CU_ASSERT(!machine_huge(&o, plane));
	plane->huge_pages = 1;
	o.no_huge = true;
	CU_ASSERT(!machine_huge(&o, plane));
	free(image);
}

static void
what_pages_cost_is_said(void)
{
	static const struct {
		struct mem_usage tables;
		size_t made_huge;
		bool is_allowed;
		const char *begins, *has; /* NULL: nothing is said; no such words */
	} rows[] = {
		{{1024 * (size_t)MB, 300 * MB, 2 * MB}, 0, true, NULL, NULL},
		{{0, 0, 200 * MB}, 0, true, "200 of 200 MB of tables are in ordinary pages, of "
		 "which the kernel has made 0 MB huge: in the others a packet of a known flow",
		 "vm.nr_hugepages=182"},
		{{0, 100 * MB, 200 * MB}, 100 * MB, true, "200 of 300 MB", "vm.nr_hugepages=232"},
		{{0, 0, 200 * MB}, 900 * (size_t)MB, true, "200 of 200 MB of tables are in "
		 "ordinary pages, of which the kernel has made 200 MB huge: they cost what huge",
		 NULL},
		{{0, 0, 200 * MB}, 0, false, "200 of 200 MB", NULL},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char line[512] = "";
		bool said = machine_pages(&rows[i].tables, rows[i].made_huge, 100 * MB,
		                          rows[i].is_allowed, line, sizeof(line));
		CU_ASSERT_EQUAL(said, rows[i].begins != NULL);
		if (said)
			CU_ASSERT_EQUAL(strncmp(line, rows[i].begins, strlen(rows[i].begins)), 0);
		CU_ASSERT(rows[i].has != NULL ? strstr(line, rows[i].has) != NULL :
		          strstr(line, "nr_hugepages") == NULL);
	}
}

static const struct test_case cases[] = {
	{"memory is there before it is used", memory_is_there_before_it_is_used},
	{"buffers and tables are two things", buffers_and_tables_are_two_things},
	{"what pages cost is said", what_pages_cost_is_said},
};

TEST_MAIN("machine", cases)
