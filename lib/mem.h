/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Where tables get their memory: the largest pages the machine has, zeroed, at start.
 * Invariant  1. Memory is zeroed and aligned to at least 64 bytes.
 *            2. mem_alloc is called at start and when a generation is published, never on the
 *               packet path.
 * Owner      One thread (the main lcore) calls; whoever allocates frees, with the same size.
 * Limits     Falls back 1 GB pages -> 2 MB pages -> ordinary pages (with a transparent huge page
 *            hint); mem_pages tells what was got.
 */
#ifndef MR_MEM_H
#define MR_MEM_H

#include <stddef.h>

/* mem_alloc: zeroed memory on NUMA node (or -1 for any). => NULL when the machine has none. */
void *mem_alloc(size_t size, int node);
void mem_free(void *p, size_t size);

/* mem_use_huge: may huge pages be taken? (default true; replay and tests say false) */
void mem_use_huge(int yes);

struct mem_usage {
	size_t huge_1g, huge_2m, ordinary; /* bytes allocated from each kind of page */
};
struct mem_usage mem_usage(void);

#endif
