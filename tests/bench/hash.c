/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DPDK's hash table on as many keys as there are flows, in a child process: EAL is started with the
 * memory that the keys take, and all of it is given back when the child ends. See machine.h.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>

#include "ctl/dataplane/memory.h"
#include "lib/mem.h"
#include "machine.h"
#include "timing.h"

enum { BURST_KEYS = 64, BATCH_KEYS = 256, ROUNDS = 9, ROUND_KEYS = 1 << 20, EAL_MB = 64 };

struct key {
	uint64_t a, b;
};

static uint64_t
entries_of(uint32_t keys)
{
	return (uint64_t)keys + keys / 4;
}

/* Buckets of 8 in a power of two, 32 bytes a key, a ring of free ones, and EAL's own. */
static uint64_t
hash_memsize(uint32_t keys)
{
	uint64_t entries = entries_of(keys), slots = 8;
	while (slots < entries)
		slots *= 2;
	return slots * 8 + slots * 4 + entries * 32 + ((uint64_t)EAL_MB << 20);
}

/* Keys are made before the clock goes on, as those of case_lookup. => ticks a key. */
static double
hash_round(const struct rte_hash *h, uint32_t keys, uint64_t *rnd, uint64_t *hits)
{
	struct key k[BATCH_KEYS];
	const void *kp[BATCH_KEYS];
	void *data[BURST_KEYS];
	uint64_t mask, ticks = 0;
	for (unsigned i = 0; i < ROUND_KEYS / BATCH_KEYS; i++) {
		for (unsigned j = 0; j < BATCH_KEYS; j++) {
			uint64_t v = bench_below(bench_random(rnd), keys);
			k[j] = (struct key){v, v ^ 0x5555};
			kp[j] = &k[j];
		}
		uint64_t begin = rte_rdtsc();
		for (unsigned j = 0; j < BATCH_KEYS; j += BURST_KEYS) {
			rte_hash_lookup_bulk_data(h, kp + j, BURST_KEYS, &mask, data);
			*hits += (unsigned)__builtin_popcountll(mask);
		}
		ticks += rte_rdtsc() - begin;
	}
	return (double)ticks / ROUND_KEYS;
}

/* => ticks a key, or 0 when the table could not be filled or read. */
static double
hash_ticks(uint32_t keys)
{
	struct rte_hash_parameters p = {
		.name = "bench", .entries = (uint32_t)entries_of(keys),
		.key_len = sizeof(struct key), .hash_func = rte_hash_crc,
		.socket_id = SOCKET_ID_ANY,
	};
	struct rte_hash *h = rte_hash_create(&p);
	if (h == NULL)
		return 0;
	for (uint64_t i = 0; i < keys; i++) {
		struct key k = {i, i ^ 0x5555};
		if (rte_hash_add_key_data(h, &k, (void *)(uintptr_t)i) < 0)
			return 0;
	}
	uint64_t rnd = 2, hits = 0;
	double v[ROUNDS];
	for (unsigned i = 0; i < ROUNDS; i++)
		v[i] = hash_round(h, keys, &rnd, &hits);
	return hits == (uint64_t)ROUNDS * ROUND_KEYS ? bench_median(v, ROUNDS) : 0;
}

/* Huge pages as they are wanted, or so much ordinary memory from the start. */
static bool
eal_start(uint32_t keys)
{
	char core[16], mb[16];
	snprintf(core, sizeof(core), "-l%d", sched_getcpu());
	snprintf(mb, sizeof(mb), "%llu", (unsigned long long)(hash_memsize(keys) >> 20));
	char *huge[] = {"millrace-bench", "--no-pci", "--no-telemetry", "--log-level=critical",
	                core, "--in-memory", NULL};
	char *ordinary[] = {"millrace-bench", "--no-pci", "--no-telemetry",
	                    "--log-level=critical", core, "--no-shconf", "--no-huge", "-m", mb,
	                    NULL};
	return (mem_huge_used() ? rte_eal_init(6, huge) : rte_eal_init(9, ordinary)) >= 0;
}

/* Never returns; what goes through the pipe are ticks a key. */
static void
child_run(int to, uint32_t keys)
{
	double ticks = eal_start(keys) ? hash_ticks(keys) : 0;
	ssize_t n = write(to, &ticks, sizeof(ticks));
	_exit(n == sizeof(ticks) ? 0 : 1);
}

static double
child_ask(uint32_t keys)
{
	int fd[2], status;
	double ticks = 0;
	if (pipe(fd) < 0)
		return 0;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		child_run(fd[1], keys);
	close(fd[1]);
	if (pid < 0 || read(fd[0], &ticks, sizeof(ticks)) != sizeof(ticks))
		ticks = 0;
	close(fd[0]);
	if (pid > 0)
		waitpid(pid, &status, 0);
	return ticks;
}

bool
machine_hash(struct machine *m, uint32_t keys)
{
	bool huge = mem_huge_used();
	uint64_t need = hash_memsize(keys);
	uint64_t there = huge ? memory_huge_free() : memory_free(false);
	m->hash_ns = need <= there ? child_ask(keys) * m->tick_ns : 0;
	if (m->hash_ns > 0)
		return true;
	fprintf(stderr, "millrace-bench: rte_hash is not measured: %u keys need about %.1f GB of "
	        "%s pages for EAL, %.1f GB are free\n", keys, (double)need / (1 << 30),
	        huge ? "huge" : "ordinary", (double)there / (1 << 30));
	return false;
}
