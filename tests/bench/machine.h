/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The machine's own limits, measured in the same run and on the same kind of pages as
 *            the pipeline: what a random cache line costs, and what DPDK's own hash table costs.
 * Layout     As many 64-byte lines as there are flows, in mem_alloc memory.
 * Invariant  1. rte_hash stands in a process of its own, with as much EAL memory as its keys take.
 *            2. The lines stay until machine_end, so that F can be measured beside each group of a
 *               case: other users of the machine change it from one second to the next.
 */
#ifndef MR_BENCH_MACHINE_H
#define MR_BENCH_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct machine {
	double f_ns;      /* F: a random line, prefetched in bursts of 32 */
	double f_ns_end;  /* the same after the cases of this size: has the machine changed? */
	double chase_ns;  /* a random line that the next one's address depends on */
	double f_min_ns, chase_min_ns; /* the best rounds of these two */
	double hash_ns;   /* rte_hash_lookup_bulk_data, 16-byte keys, bursts of 64; or 0 */
	double tick_ns;   /* one tick of the TSC; 0: counting instructions, no clock */
	size_t pages[3];  /* bytes of the lines on pages of 1 GB, 2 MB, 4 kB */
	size_t made_huge; /* of the last, by the kernel */
	struct machine_line *line;  /* NULL: there are none */
	uint64_t lines, rnd;
};

/* machine_memsize: bytes that so many lines take. */
size_t machine_memsize(uint64_t lines);
/* machine_measure: F and chase over so many lines; medians of several rounds. => 0 or -ENOMEM. */
int machine_measure(struct machine *m, uint64_t lines);
/* machine_beside: F as it is now, in ticks; a few ms. => 0: there are no lines. */
double machine_beside(struct machine *m);
/* machine_end: fill m->f_ns_end, free the lines. */
void machine_end(struct machine *m);
/* machine_doubt: what cannot be in these figures (their best rounds), as a sentence; or NULL. */
const char *machine_doubt(const struct machine *m);

/* machine_hash: fill m->hash_ns with so many keys. => false and a sentence on stderr. */
bool machine_hash(struct machine *m, uint32_t keys);

static inline uint64_t
bench_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* bench_below: a random 64-bit number scaled to 0 … n-1. */
static inline uint64_t
bench_below(uint64_t random, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)random * n) >> 64);
}

#endif
