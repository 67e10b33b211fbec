/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A whole data plane without its threads: devices, workers, slow path, generations,
 *            statistics, and the execution of commands. millrace runs it on lcores, millrace-replay
 *            in a loop of its own; neither EAL nor ethdev is needed here.
 * Invariant  1. plane_apply publishes an image whole or changes nothing.
 *            2. What every worker has left behind (rte_rcu_qsbr) is freed by plane_poll.
 *            3. What is sized at start is the same in every image that is published.
 * Limits     MAX_RETIRED generations wait for the workers; then plane_apply says -EAGAIN.
 * Owner      The main lcore calls everything here; worker threads only call worker_poll.
 */
#ifndef MR_PLANE_H
#define MR_PLANE_H

#include "lib/command.h"
#include "lib/worker.h"

struct slow;

enum { MAX_RETIRED = 4 };

struct plane {
	struct shared shared;
	struct worker *worker[MAX_WORKERS];
	struct dev devs[MAX_DEVS];
	struct cmd_steering steering[MAX_DEVS]; /* what is said of each; counters are not in it */
	uint16_t n_steering;
	uint16_t n_devs, n_workers;
	struct slow *slow;
	struct generation *gen;       /* published */
	struct {
		struct generation *gen;
		uint64_t token;       /* of rte_rcu_qsbr_start */
	} retired[MAX_RETIRED];       /* wait for the workers, oldest first */
	unsigned n_retired;
	int stats_fd, records_fd;     /* memfds, or -1 in replay */
	uint64_t memory_limit;        /* of growing, in bytes; 0: what the machine has */
	uint8_t derive_mac;           /* replay: next hops get a MAC derived from the address */
};

/*
 * plane_open: devices and derive_mac are set, the rest of *p is zero; make workers, rings, tables
 * for the first image (of first->size bytes). share: put statistics and records into memfds.
 * => 0 or -errno and err, and nothing is left open.
 */
int plane_open(struct plane *p, const struct image_header *first, uint64_t seed, bool share,
               uint64_t now_ns, char *err, size_t err_size);
void plane_close(struct plane *p);

/*
 * plane_apply: check, copy, publish. => 0 or -errno and a sentence in err: -EINVAL a bad image,
 * -EBUSY a start-time setting differs (flow capacities may be raised: lib/flow_grow.h), -EAGAIN the
 * workers have not yet left the generations before, or still grow, -ENOMEM.
 */
int plane_apply(struct plane *p, const void *image, size_t size, uint64_t now_ns, char *err,
                size_t err_size);

/* plane_poll: one turn of the slow path: punted packets, neighbours, retirement. => work done. */
uint32_t plane_poll(struct plane *p, uint64_t now_ns);

/*
 * plane_next_timer: when the slow path next has something to do by itself (a neighbour's retry, a
 * held packet's end), for a simulated clock. => ns, or UINT64_MAX.
 */
uint64_t plane_next_timer(const struct plane *p);

/* plane_missteered: packets that a device brought to the wrong worker, by all workers' counters. */
void plane_missteered(const struct plane *p, uint16_t dev, uint64_t *missteered,
                      uint64_t *mishashed);

/* plane_command: execute one command (not APPLY's file descriptor). Fills reply and records. */
void plane_command(struct plane *p, const struct command *cmd, uint64_t now_ns,
                   struct reply *reply, void *out, size_t room);

#endif
