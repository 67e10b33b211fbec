/* SPDX-License-Identifier: Apache-2.0 */
/* Two workers on two cores against one, beside how F itself scales on them in the same run. */
#include "scaling.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include <rte_cycles.h>

#include "lib/mem.h"

enum { LINES_ROUND = 1 << 22 };

struct job {
	struct rig *rig;        /* NULL: random lines */
	struct traffic *traffic;
	uint64_t *mine;         /* flows of this worker */
	uint64_t n_mine, rnd;
	unsigned worker, rounds;
	uint8_t *lines;
	uint64_t n_lines;
	double ns;              /* result: a packet, a line */
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
			uint64_t x = bench_random(&j->rnd);
			uint64_t line = (uint64_t)(((unsigned __int128)x * j->n_lines) >> 64);
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
			uint64_t f = j->mine[(uint64_t)(((unsigned __int128)x * j->n_mine) >> 64)];
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
	double v[5];
	for (unsigned i = 0; i < 5; i++)
		v[i] = j->rig != NULL ? packets_run(j) : lines_run(j);
	j->ns = bench_median(v, 5);
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

void
case_scaling(struct rig *r, struct traffic *t, unsigned rounds, struct result *out)
{
	struct job j[2] = {0}, l[2] = {0};
	uint64_t n_lines = t->flows;
	for (unsigned w = 0; w < 2; w++) {
		j[w] = (struct job){.rig = r, .traffic = t, .worker = w, .rounds = rounds,
		                    .rnd = w + 1,
		                    .mine = mem_alloc(t->flows * sizeof(uint64_t), -1)};
		l[w] = (struct job){.worker = w, .rnd = w + 1, .n_lines = n_lines / 2,
		                    .lines = mem_alloc(n_lines / 2 * 64, -1)};
		if (j[w].mine == NULL || l[w].lines == NULL) {
			out->failed = true;
			return;
		}
	}
	for (uint64_t i = 0; i < t->flows; i++) {
		struct job *o = &j[traffic_home(t, r, i)];
		o->mine[o->n_mine++] = i;
	}
	double machine = speedup(l);
	double workers = speedup(j);
	out->ns = j[0].ns * r->machine.tick_ns;
	out->ratio = workers / machine;
	snprintf(out->note, sizeof(out->note), "two workers %.2f of one, two cores' F %.2f",
	         workers, machine);
	for (unsigned w = 0; w < 2; w++) {
		mem_free(j[w].mine, t->flows * sizeof(uint64_t));
		mem_free(l[w].lines, n_lines / 2 * 64);
	}
}
