/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The machine's own limits, measured in the same run and on the same pages as the
 *            pipeline: what a random cache line costs, and what DPDK's own hash table costs.
 * Layout     As many 64-byte lines as there are flows, in mem_alloc memory.
 * Limits     machine_hash needs EAL (the caller has started it).
 */
#ifndef MR_BENCH_MACHINE_H
#define MR_BENCH_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

struct machine {
	double f_ns;      /* F: a random line, prefetched in bursts of 32 */
	double chase_ns;  /* a random line that the next one's address depends on */
	double hash_ns;   /* rte_hash_lookup_bulk_data, 16-byte keys, bursts of 32; or 0 */
	double tick_ns;   /* one tick of the TSC */
	bool huge;        /* the lines were on huge pages */
};

/* machine_measure: F and chase over so many lines; medians of several rounds. => 0 or -ENOMEM. */
int machine_measure(struct machine *m, uint64_t lines);
/* machine_hash: fill m->hash_ns with so many keys. => 0 or -errno. */
int machine_hash(struct machine *m, uint32_t keys);

/* bench_median: of n values, which are sorted in place. */
double bench_median(double *v, unsigned n);

static inline uint64_t
bench_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

#endif
