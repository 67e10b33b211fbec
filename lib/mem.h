/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Where tables get their memory: the largest pages the machine has, zeroed, at start. A
 *            range is memory that can be made larger later without moving.
 * Invariant  1. Memory is zeroed and aligned to at least 64 bytes.
 *            2. mem_alloc is called at start and when a generation is published, never on the
 *               packet path; ranges grow between the same points.
 * Owner      One thread (the main lcore) calls; whoever allocates frees, with the same size.
 * Limits     Falls back 1 GB pages -> 2 MB pages -> ordinary pages (with a transparent huge page
 *            hint); mem_usage tells what was got.
 */
#ifndef MR_MEM_H
#define MR_MEM_H

#include <stddef.h>
#include <stdint.h>

/* mem_alloc: zeroed memory on NUMA node (or -1 for any). => NULL when the machine has none. */
void *mem_alloc(size_t size, int node);
void mem_free(void *p, size_t size);

/* Addresses, of which the front is memory. What points into it stays good when it grows. */
struct mem_range {
	uint8_t *at;       /* starts at 1 GB, whatever pages follow */
	size_t reserved;   /* addresses */
	size_t backed;     /* of these, from the front, zeroed memory */
	size_t pages[3];   /* of that, by kind of page: 1 GB, 2 MB, ordinary */
};
/* mem_range_init: addresses for `most` bytes, no memory. => 0 or -ENOMEM. */
int mem_range_init(struct mem_range *r, size_t most);
void mem_range_fini(struct mem_range *r);
/* mem_range_grow: memory for `size` bytes from the front. => 0, or -ENOMEM and all as before. */
int mem_range_grow(struct mem_range *r, size_t size, int node);
/* mem_range_undo: back to a copy made before mem_range_grow; what was written behind it is lost. */
void mem_range_undo(struct mem_range *r, const struct mem_range *before);

/* mem_use_huge: may huge pages be taken? (default true). Replay and tests say false: then memory
 * comes as it is touched, too. mem_use_ordinary: none are taken, nor made by the kernel, but all is
 * there before it is used. mem_huge_used: may they be taken? */
void mem_use_huge(int yes);
void mem_use_ordinary(void);
int mem_huge_used(void);

/* mem_ask: who knows how many bytes of ordinary memory are free. Asked before 2 MB or more of them
 * are filled: of what is not there the kernel would refuse nothing, and kill who touches it. NULL
 * (the default): nobody is asked. */
typedef uint64_t (*mem_free_fn)(void);
void mem_ask(mem_free_fn free_ordinary);

struct mem_usage {
	size_t huge_1g, huge_2m, ordinary; /* bytes allocated from each kind of page */
};
struct mem_usage mem_usage(void);
/* mem_made_huge: bytes of the process's ordinary memory that the kernel made huge pages of. */
size_t mem_made_huge(void);

#endif
