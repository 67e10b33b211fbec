/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's own limits: random lines with and without prefetch. See machine.h. */
#include "machine.h"

#include <errno.h>
#include <time.h>

#include <rte_cycles.h>

#include "lib/mem.h"
#include "timing.h"

enum { BURST_LINES = 32, ROUNDS = 9, ROUND_LINES = 1 << 20, CHASE_LINES = ROUND_LINES / 8,
       BESIDE_LINES = ROUND_LINES / 4 };

struct machine_line {
	uint64_t next;
	uint64_t value[7];
} __attribute__((aligned(64)));

/* What the loops found goes here: without that the compiler leaves them out. */
static volatile uint64_t sink;

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
chain_make(struct machine_line *l, uint64_t n, uint64_t *rnd)
{
	for (uint64_t i = 0; i < n; i++)
		l[i].next = i;
	for (uint64_t i = n - 1; i > 0; i--) {
		uint64_t j = bench_below(bench_random(rnd), i), t = l[i].next;
		l[i].next = l[j].next;
		l[j].next = t;
	}
}

/* => ticks a line, over so many of them. */
static double
prefetched_round(struct machine *m, unsigned lines)
{
	uint64_t sum = 0, begin = rte_rdtsc();
	for (unsigned i = 0; i < lines / BURST_LINES; i++) {
		struct machine_line *p[BURST_LINES];
		for (unsigned k = 0; k < BURST_LINES; k++) {
			p[k] = &m->line[bench_below(bench_random(&m->rnd), m->lines)];
			__builtin_prefetch(p[k], 1, 3);
		}
		for (unsigned k = 0; k < BURST_LINES; k++)
			sum += p[k]->value[0]++;
	}
	uint64_t end = rte_rdtsc();
	sink = sum;
	return (double)(end - begin) / lines;
}

static double
chase_round(const struct machine_line *l, uint64_t *at)
{
	uint64_t begin = rte_rdtsc(), i = *at;
	for (unsigned k = 0; k < CHASE_LINES; k++)
		i = l[i].next;
	sink = *at = i;
	return (double)(rte_rdtsc() - begin) / CHASE_LINES;
}

size_t
machine_memsize(uint64_t lines)
{
	return lines * sizeof(struct machine_line);
}

/* Lines, and what pages they are on. => NULL when there is no memory. */
static struct machine_line *
lines_alloc(struct machine *m, uint64_t lines)
{
	size_t made_huge = mem_made_huge();
	struct mem_usage before = mem_usage();
	struct machine_line *l = mem_alloc(machine_memsize(lines), -1);
	struct mem_usage now = mem_usage();
	m->pages[0] = now.huge_1g - before.huge_1g;
	m->pages[1] = now.huge_2m - before.huge_2m;
	m->pages[2] = now.ordinary - before.ordinary;
	m->made_huge = mem_made_huge() - made_huge;
	return l;
}

int
machine_measure(struct machine *m, uint64_t lines)
{
	m->line = lines_alloc(m, lines);
	if (m->line == NULL)
		return -ENOMEM;
	m->lines = lines;
	m->rnd = 1;
	uint64_t at = 0;
	double f[ROUNDS], c[ROUNDS];
	m->tick_ns = tick_measure();
	chain_make(m->line, lines, &m->rnd);
	prefetched_round(m, ROUND_LINES);
	for (unsigned i = 0; i < ROUNDS; i++) {
		f[i] = prefetched_round(m, ROUND_LINES);
		c[i] = chase_round(m->line, &at);
	}
	m->f_ns = bench_median(f, ROUNDS) * m->tick_ns;
	m->chase_ns = bench_median(c, ROUNDS) * m->tick_ns;
	m->f_min_ns = f[0] * m->tick_ns;
	m->chase_min_ns = c[0] * m->tick_ns;
	return 0;
}

double
machine_beside(struct machine *m)
{
	if (m->line == NULL)
		return 0;
	/* The first look at pages long unused is dear where a hypervisor shadows page tables. */
	prefetched_round(m, BESIDE_LINES);
	return prefetched_round(m, BESIDE_LINES);
}

void
machine_end(struct machine *m)
{
	double f[ROUNDS];
	if (m->line == NULL)
		return;
	prefetched_round(m, ROUND_LINES);
	for (unsigned i = 0; i < ROUNDS; i++)
		f[i] = prefetched_round(m, ROUND_LINES);
	m->f_ns_end = bench_median(f, ROUNDS) * m->tick_ns;
	mem_free(m->line, machine_memsize(m->lines));
	m->line = NULL;
}

const char *
machine_doubt(const struct machine *m)
{
	if (m->tick_ns <= 0)
		return "a tick of the clock takes no time";
	if (m->f_min_ns < 0.1)
		return "a random line takes less than 0.1 ns";
	if (m->chase_min_ns < m->f_min_ns)
		return "a line that waits for the one before takes less than a prefetched one";
	return NULL;
}
