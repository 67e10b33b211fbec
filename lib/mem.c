/* SPDX-License-Identifier: Apache-2.0 */
/* Memory by mmap: huge pages where the machine has them, ordinary ones otherwise. */
#include "mem.h"

#include <assert.h>
#include <errno.h>
#include <linux/mempolicy.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
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
static int huge_allowed = 1, filled = 1;
static mem_free_fn free_ordinary;

void
mem_use_huge(int yes)
{
	huge_allowed = filled = yes;
}

void
mem_use_ordinary(void)
{
	huge_allowed = 0;
	filled = 1;
}

int
mem_huge_used(void)
{
	return huge_allowed;
}

void
mem_ask(mem_free_fn fn)
{
	free_ordinary = fn;
}

struct mem_usage
mem_usage(void)
{
	return (struct mem_usage){used[PAGE_1G], used[PAGE_2M], used[PAGE_4K]};
}

size_t
mem_made_huge(void)
{
	char line[128];
	unsigned long kb = 0;
	FILE *f = fopen("/proc/self/smaps_rollup", "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL &&
	       sscanf(line, "AnonHugePages: %lu kB", &kb) != 1)
		;
	if (f != NULL)
		fclose(f);
	return (size_t)kb * 1024;
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

/* At `at`, which is ours, or anywhere when it is NULL. */
static void *
map_at(enum page_kind kind, void *at, size_t size)
{
	if (at == NULL && kind == PAGE_4K)
		return map_ordinary(size);
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | page[kind].flags | (at != NULL ? MAP_FIXED : 0);
	return mmap(at, size, PROT_READ | PROT_WRITE, flags, -1, 0);
}

/* Addresses without memory, in the place of what is there or anywhere. */
static void *
reserve_at(void *at, size_t size)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at != NULL ? MAP_FIXED : 0);
	return mmap(at, size, PROT_NONE, flags, -1, 0);
}

static bool
is_there(enum page_kind kind, size_t size)
{
	bool is_asked = kind == PAGE_4K && filled && size >= (size_t)1 << SHIFT_2M;
	return !is_asked || free_ordinary == NULL || size <= free_ordinary();
}

/*
 * Pages of this kind, present before the first packet needs them (huge or not), unless it was said
 * that memory may come as it is touched. => NULL when there are not enough; `at` is reserved as
 * before.
 */
static void *
map_pages(enum page_kind kind, void *at, size_t size, int node)
{
	if (!is_there(kind, size))
		return NULL;
	void *p = map_at(kind, at, size);
	if (p != MAP_FAILED) {
		if (!filled)
			return p;
		prefer_node(p, size, node);
		if (kind == PAGE_4K)
			madvise(p, size, huge_allowed ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
		/* A kernel before 5.14 says EINVAL; there the pages come at first use. */
		if (madvise(p, size, MADV_POPULATE_WRITE) == 0 || errno == EINVAL)
			return p;
	}
	if (at != NULL)
		reserve_at(at, size);
	else if (p != MAP_FAILED)
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
		a->p = map_pages(kind, NULL, a->mapped, node);
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

int
mem_range_init(struct mem_range *r, size_t most)
{
	size_t align = (size_t)1 << SHIFT_1G;
	*r = (struct mem_range){0};
	if (most == 0 || most > SIZE_MAX / 2)
		return -ENOMEM;
	size_t size = round_up(most, SHIFT_1G);
	uint8_t *p = reserve_at(NULL, size + align);
	if (p == MAP_FAILED)
		return -ENOMEM;
	size_t head = round_up((uintptr_t)p, SHIFT_1G) - (uintptr_t)p;
	if (head != 0)
		munmap(p, head);
	if (head != align)
		munmap(p + head + size, align - head);
	r->at = p + head;
	r->reserved = size;
	return 0;
}

/*
 * How many of `rest` bytes from `at` on are to be in pages of this kind: as far as to where larger
 * ones could begin. => 0 when they do not suit.
 */
static size_t
piece_of(enum page_kind kind, const uint8_t *at, size_t rest)
{
	unsigned shift = page[kind].shift, larger = kind == PAGE_4K ? SHIFT_2M : SHIFT_1G;
	size_t to_larger = round_up((uintptr_t)at, larger) - (uintptr_t)at;
	if (round_up((uintptr_t)at, shift) != (uintptr_t)at)
		return 0;
	if (kind == PAGE_1G && !suits(kind, rest))
		return rest >> shift << shift;
	if (!suits(kind, rest))
		return 0;
	if (to_larger != 0 && rest >= to_larger + ((size_t)1 << larger))
		return to_larger;
	return round_up(rest, shift);
}

static bool
range_extend(struct mem_range *r, size_t rest, int node)
{
	uint8_t *at = r->at + r->backed;
	for (unsigned kind = huge_allowed ? PAGE_1G : PAGE_4K; kind < PAGE_KINDS; kind++) {
		size_t n = piece_of(kind, at, rest);
		if (n == 0 || map_pages(kind, at, n, node) == NULL)
			continue;
		r->backed += n;
		r->pages[kind] += n;
		used[kind] += n;
		return true;
	}
	return false;
}

int
mem_range_grow(struct mem_range *r, size_t size, int node)
{
	struct mem_range before = *r;
	if (size > r->reserved)
		return -ENOMEM;
	while (r->backed < size) {
		if (range_extend(r, size - r->backed, node))
			continue;
		mem_range_undo(r, &before);
		return -ENOMEM;
	}
	return 0;
}

void
mem_range_undo(struct mem_range *r, const struct mem_range *before)
{
	if (r->backed == before->backed)
		return;
	reserve_at(r->at + before->backed, r->backed - before->backed);
	for (unsigned kind = 0; kind < PAGE_KINDS; kind++)
		used[kind] -= r->pages[kind] - before->pages[kind];
	*r = *before;
}

void
mem_range_fini(struct mem_range *r)
{
	if (r->at == NULL)
		return;
	for (unsigned kind = 0; kind < PAGE_KINDS; kind++)
		used[kind] -= r->pages[kind];
	munmap(r->at, r->reserved);
	*r = (struct mem_range){0};
}
