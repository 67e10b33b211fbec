/* SPDX-License-Identifier: Apache-2.0 */
/* Memory by mmap: huge pages where the machine has them, ordinary ones otherwise. */
#include "mem.h"

#include <assert.h>
#include <errno.h>
#include <linux/mempolicy.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum page_kind { PAGE_1G, PAGE_2M, PAGE_4K, PAGE_KINDS };
enum { SHIFT_1G = 30, SHIFT_2M = 21, SHIFT_4K = 12, HUGE_MIN_SHIFT = 20, WASTE_SHIFT = 3 };

static const struct {
	unsigned shift;
	int flags;
} page[PAGE_KINDS] = {
	[PAGE_1G] = {SHIFT_1G, MAP_HUGETLB | SHIFT_1G << MAP_HUGE_SHIFT},
	[PAGE_2M] = {SHIFT_2M, MAP_HUGETLB | SHIFT_2M << MAP_HUGE_SHIFT},
	[PAGE_4K] = {SHIFT_4K, 0},
};

/* What was mapped, so that mem_free knows how. */
struct area {
	struct area *next;
	void *p;
	size_t mapped;
	enum page_kind kind;
};

static struct area *areas;
static size_t used[PAGE_KINDS];
static int huge_allowed = 1;

void
mem_use_huge(int yes)
{
	huge_allowed = yes;
}

struct mem_usage
mem_usage(void)
{
	return (struct mem_usage){used[PAGE_1G], used[PAGE_2M], used[PAGE_4K]};
}

static size_t
round_up(size_t size, unsigned shift)
{
	size_t mask = ((size_t)1 << shift) - 1;
	return (size + mask) & ~mask;
}

/* Pages much larger than what is asked for are not taken: they are few. */
static int
suits(enum page_kind kind, size_t size)
{
	if (kind == PAGE_4K)
		return 1;
	if (kind == PAGE_2M)
		return size >= (size_t)1 << HUGE_MIN_SHIFT;
	return size >= (size_t)1 << SHIFT_1G &&
	       round_up(size, SHIFT_1G) - size <= size >> WASTE_SHIFT;
}

/*
 * On the node if there is room, on another if not. A machine of one node, or a kernel without
 * NUMA, refuses: then there is nothing to prefer.
 */
static void
prefer_node(void *p, size_t size, int node)
{
	unsigned long mask = 0;
	if (node < 0 || node >= (int)(8 * sizeof(mask)))
		return;
	mask = 1ul << node;
	(void)!syscall(SYS_mbind, p, size, MPOL_PREFERRED, &mask, 8 * sizeof(mask) + 1, 0);
}

/* Ordinary memory starts at 2 MB when it is that large, so that it can become huge pages. */
static void *
map_ordinary(size_t size)
{
	size_t align = size >= (size_t)1 << SHIFT_2M ? (size_t)1 << SHIFT_2M : 0;
	uint8_t *p = mmap(NULL, size + align, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	                  -1, 0);
	if (p == MAP_FAILED || align == 0)
		return p;
	size_t head = round_up((uintptr_t)p, SHIFT_2M) - (uintptr_t)p;
	if (head != 0)
		munmap(p, head);
	if (head != align)
		munmap(p + head + size, align - head);
	return p + head;
}

/*
 * Pages of this kind, present before the first packet needs them (huge or not), unless huge pages
 * are forbidden: then memory comes as it is touched. => NULL when there are not enough.
 */
static void *
map_pages(enum page_kind kind, size_t size, int node)
{
	void *p = kind == PAGE_4K ? map_ordinary(size)
	                          : mmap(NULL, size, PROT_READ | PROT_WRITE,
	                                 MAP_PRIVATE | MAP_ANONYMOUS | page[kind].flags, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	if (!huge_allowed)
		return p;
	prefer_node(p, size, node);
	if (kind == PAGE_4K)
		madvise(p, size, MADV_HUGEPAGE);
	/* A kernel before 5.14 says EINVAL; there the pages come at first use. */
	if (madvise(p, size, MADV_POPULATE_WRITE) == 0 || errno == EINVAL)
		return p;
	munmap(p, size);
	return NULL;
}

static void
area_add(struct area *a)
{
	a->next = areas;
	areas = a;
	used[a->kind] += a->mapped;
}

void *
mem_alloc(size_t size, int node)
{
	if (size == 0 || size > SIZE_MAX / 2)
		return NULL;
	struct area *a = malloc(sizeof(*a));
	if (a == NULL)
		return NULL;
	for (unsigned kind = huge_allowed ? PAGE_1G : PAGE_4K; kind < PAGE_KINDS; kind++) {
		if (!suits(kind, size))
			continue;
		a->kind = kind;
		a->mapped = round_up(size, page[kind].shift);
		a->p = map_pages(kind, a->mapped, node);
		if (a->p != NULL) {
			area_add(a);
			return a->p;
		}
	}
	free(a);
	return NULL;
}

void
mem_free(void *p, size_t size)
{
	if (p == NULL)
		return;
	struct area **at = &areas;
	while (*at != NULL && (*at)->p != p)
		at = &(*at)->next;
	struct area *a = *at;
	assert(a != NULL && size <= a->mapped);
	*at = a->next;
	used[a->kind] -= a->mapped;
	munmap(a->p, a->mapped);
	free(a);
}
