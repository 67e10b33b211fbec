/* SPDX-License-Identifier: Apache-2.0 */
/* Two workers on two cores against one, beside how F itself scales on them in the same run. */
#include "cases.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include <rte_cycles.h>

#include "lib/mem.h"

enum { LINES_ROUND = 1 << 22, SAMPLES = 5 };

struct job {
	struct rig *rig;        /* NULL: random lines */
	struct traffic *traffic;
	uint64_t *mine;         /* flows of this worker */
	uint64_t n_mine, rnd;
	unsigned worker, rounds;
	uint8_t *lines;
	uint64_t n_lines;
	double ns, ns_min;      /* results, in ticks: a packet, a line; ns is the median */
};

static atomic_uint ready;

static void
pin(unsigned core)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(core, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static double
lines_run(struct job *j)
{
	uint64_t begin = rte_rdtsc();
	for (unsigned i = 0; i < LINES_ROUND / BURST; i++) {
		uint64_t *p[BURST];
		for (unsigned k = 0; k < BURST; k++) {
			uint64_t line = bench_below(bench_random(&j->rnd), j->n_lines);
			p[k] = (uint64_t *)(void *)(j->lines + 64 * line);
			__builtin_prefetch(p[k], 1, 3);
		}
		for (unsigned k = 0; k < BURST; k++)
			(*p[k])++;
	}
	return (double)(rte_rdtsc() - begin) / LINES_ROUND;
}

static double
packets_run(struct job *j)
{
	uint64_t ticks = 0;
	unsigned half = RIG_PACKETS / 2, base = j->worker * half;
	for (unsigned i = 0; i < j->rounds; i++) {
		for (unsigned k = 0; k < half; k++) {
			uint64_t x = bench_random(&j->rnd);
			uint64_t f = j->mine[bench_below(x, j->n_mine)];
			struct rte_mbuf *m = rig_buffer(j->rig, base + k);
			rig_put(j->rig, traffic_packet(j->traffic, f, x & 1, TCP_ACK, m), j->worker,
			        m);
		}
		ticks += rig_run(j->rig, j->worker);
	}
	return (double)ticks / ((double)j->rounds * half);
}

static void *
job_run(void *arg)
{
	struct job *j = arg;
	pin(j->worker);
	atomic_fetch_sub(&ready, 1);
	while (atomic_load(&ready) != 0)
		;
	double v[SAMPLES];
	for (unsigned i = 0; i < SAMPLES; i++)
		v[i] = j->rig != NULL ? packets_run(j) : lines_run(j);
	j->ns = bench_median(v, SAMPLES);
	j->ns_min = v[0];
	return NULL;
}

/* Both jobs at once, or the first alone. */
static void
jobs_run(struct job *j, unsigned n)
{
	pthread_t t[2];
	atomic_store(&ready, n);
	for (unsigned i = 0; i < n; i++)
		pthread_create(&t[i], NULL, job_run, &j[i]);
	for (unsigned i = 0; i < n; i++)
		pthread_join(t[i], NULL);
}

/* How much faster two are than one: 2 is perfect. */
static double
speedup(struct job *j)
{
	jobs_run(j, 1);
	double alone = j[0].ns;
	jobs_run(j, 2);
	return alone / j[0].ns + alone / j[1].ns;
}

static bool
jobs_create(struct bench *b, struct job *packets, struct job *lines)
{
	uint64_t flows = b->flows;
	for (unsigned w = 0; w < 2; w++) {
		packets[w] = (struct job){
			.rig = b->rig, .traffic = b->traffic, .worker = w, .rounds = b->rounds,
			.rnd = w + 1, .mine = mem_alloc(flows * sizeof(uint64_t), -1),
		};
		lines[w] = (struct job){
			.worker = w, .rnd = w + 1, .n_lines = flows / 2,
			.lines = mem_alloc(machine_memsize(flows / 2), -1),
		};
	}
	for (unsigned w = 0; w < 2; w++)
		if (packets[w].mine == NULL || lines[w].lines == NULL)
			return false;
	for (uint64_t i = 0; i < flows; i++) {
		struct job *o = &packets[bench_home(b, i)];
		o->mine[o->n_mine++] = i;
	}
	return true;
}

static void
jobs_destroy(struct bench *b, struct job *packets, struct job *lines)
{
	for (unsigned w = 0; w < 2; w++) {
		mem_free(packets[w].mine, b->flows * sizeof(uint64_t));
		mem_free(lines[w].lines, machine_memsize(b->flows / 2));
	}
}

void
case_scaling(struct bench *b, struct result *out)
{
	struct job packets[2], lines[2];
	if (jobs_create(b, packets, lines)) {
		double machine = speedup(lines), workers = speedup(packets);
		out->ns = packets[0].ns * b->tick_ns;
		out->ns_min = packets[0].ns_min * b->tick_ns;
		out->ratio = workers / machine;
		snprintf(out->note, sizeof(out->note),
		         "two workers %.2f of one, two cores' F %.2f", workers, machine);
	} else {
		out->failed = true;
		snprintf(out->note, sizeof(out->note), "no memory for the flows of each worker");
	}
	jobs_destroy(b, packets, lines);
}
