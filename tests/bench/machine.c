/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's own limits: random lines with and without prefetch, rte_hash. See machine.h. */
#include "machine.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>

#include "lib/mem.h"

enum { BURST_LINES = 32, ROUNDS = 9, ROUND_LINES = 1 << 20 };

struct line {
	uint64_t next;
	uint64_t value[7];
} __attribute__((aligned(64)));

static volatile uint64_t sink;

static int
double_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

double
bench_median(double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), double_order);
	return v[n / 2];
}

static double
tick_measure(void)
{
	struct timespec a, b;
	clock_gettime(CLOCK_MONOTONIC, &a);
	uint64_t t = rte_rdtsc();
	do
		clock_gettime(CLOCK_MONOTONIC, &b);
	while ((b.tv_sec - a.tv_sec) * 1000000000 + (b.tv_nsec - a.tv_nsec) < 100000000);
	t = rte_rdtsc() - t;
	return ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / (double)t;
}

/* One cycle through all lines in random order (Sattolo), so that a chase never closes early. */
static void
chain_make(struct line *l, uint64_t n, uint64_t *rnd)
{
	for (uint64_t i = 0; i < n; i++)
		l[i].next = i;
	for (uint64_t i = n - 1; i > 0; i--) {
		uint64_t j = (uint64_t)(((unsigned __int128)bench_random(rnd) * i) >> 64);
		uint64_t t = l[i].next;
		l[i].next = l[j].next;
		l[j].next = t;
	}
}

static double
prefetched_round(struct line *l, uint64_t n, uint64_t *rnd)
{
	uint64_t sum = 0, begin = rte_rdtsc();
	for (unsigned i = 0; i < ROUND_LINES / BURST_LINES; i++) {
		struct line *p[BURST_LINES];
		for (unsigned k = 0; k < BURST_LINES; k++) {
			p[k] = &l[(uint64_t)(((unsigned __int128)bench_random(rnd) * n) >> 64)];
			__builtin_prefetch(p[k], 1, 3);
		}
		for (unsigned k = 0; k < BURST_LINES; k++)
			sum += p[k]->value[0]++;
	}
	uint64_t end = rte_rdtsc();
	sink = sum;
	return (double)(end - begin) / ROUND_LINES;
}

static double
chase_round(const struct line *l, uint64_t *at)
{
	uint64_t begin = rte_rdtsc(), i = *at;
	for (unsigned k = 0; k < ROUND_LINES / 8; k++)
		i = l[i].next;
	*at = i;
	return (double)(rte_rdtsc() - begin) / (ROUND_LINES / 8);
}

int
machine_measure(struct machine *m, uint64_t lines)
{
	struct line *l = mem_alloc(lines * sizeof(*l), -1);
	if (l == NULL)
		return -ENOMEM;
	struct mem_usage usage = mem_usage();
	uint64_t rnd = 1, at = 0;
	m->huge = usage.huge_1g + usage.huge_2m >= lines * sizeof(*l);
	double f[ROUNDS], c[ROUNDS];
	m->tick_ns = tick_measure();
	chain_make(l, lines, &rnd);
	prefetched_round(l, lines, &rnd);
	for (unsigned i = 0; i < ROUNDS; i++) {
		f[i] = prefetched_round(l, lines, &rnd);
		c[i] = chase_round(l, &at);
	}
	m->f_ns = bench_median(f, ROUNDS) * m->tick_ns;
	m->chase_ns = bench_median(c, ROUNDS) * m->tick_ns;
	mem_free(l, lines * sizeof(*l));
	return 0;
}

struct key {
	uint64_t a, b;
};

static double
hash_round(const struct rte_hash *h, uint32_t keys, uint64_t *rnd)
{
	struct key k[BURST_LINES];
	const void *kp[BURST_LINES];
	void *data[BURST_LINES];
	uint64_t hits, sum = 0, begin = rte_rdtsc();
	for (unsigned i = 0; i < ROUND_LINES / BURST_LINES; i++) {
		for (unsigned j = 0; j < BURST_LINES; j++) {
			uint64_t v = ((bench_random(rnd) >> 32) * keys) >> 32;
			k[j] = (struct key){v, v ^ 0x5555};
			kp[j] = &k[j];
		}
		rte_hash_lookup_bulk_data(h, kp, BURST_LINES, &hits, data);
		sum += hits;
	}
	sink = sum;
	return (double)(rte_rdtsc() - begin) / ROUND_LINES;
}

int
machine_hash(struct machine *m, uint32_t keys)
{
	struct rte_hash_parameters p = {
		.name = "bench", .entries = keys + keys / 4, .key_len = sizeof(struct key),
		.hash_func = rte_hash_crc, .socket_id = 0,
	};
	struct rte_hash *h = rte_hash_create(&p);
	if (h == NULL)
		return -ENOMEM;
	for (uint64_t i = 0; i < keys; i++) {
		struct key k = {i, i ^ 0x5555};
		if (rte_hash_add_key_data(h, &k, (void *)(uintptr_t)i) < 0) {
			rte_hash_free(h);
			return -ENOSPC;
		}
	}
	uint64_t rnd = 2;
	double v[ROUNDS];
	for (unsigned i = 0; i < ROUNDS; i++)
		v[i] = hash_round(h, keys, &rnd);
	m->hash_ns = bench_median(v, ROUNDS) * m->tick_ns;
	rte_hash_free(h);
	return 0;
}
