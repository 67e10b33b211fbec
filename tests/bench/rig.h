/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The production data plane over a NIC in memory whose cost is next to nothing: packets
 *            are made before the clock starts, and a sent packet stays where it is to be looked at.
 * Layout     RIG_PACKETS buffers at the stride of a real pool. Devices 0 (inside, farm) and 1
 *            (outside), one queue pair a worker.
 * Invariant  1. Between rig_begin and the end of rig_run nothing but worker_poll runs.
 *            2. Every packet put is sent, dropped or handed off: rig_run counts what was sent.
 */
#ifndef MR_BENCH_RIG_H
#define MR_BENCH_RIG_H

#include "ctl/dataplane/plane.h"
#include "machine.h"

enum { RIG_PACKETS = 256, RIG_STRIDE = 2432, RIG_DEVS = 2 };

struct rig_options {
	uint64_t flows;       /* capacity */
	unsigned workers;
	unsigned pool_prefix; /* length of the pool's prefix: 22 is 1024 addresses */
	unsigned subscribers;
	unsigned idle_s;      /* TCP timers, all of them */
};

struct rig_queue {
	struct rte_mbuf *buf[RIG_PACKETS];
	unsigned head, count;
	uint64_t sent, lost;
	uint8_t pad[64];
};

struct rig {
	struct plane plane;
	struct rig_queue queue[RIG_DEVS][MAX_WORKERS];
	uint8_t *buffers;
	struct machine machine;
	uint64_t tsc_base;
	uint64_t tsc_end;    /* of the last run: the clock stands still while packets are made */
	uint64_t skipped_ns; /* simulated time that was jumped over */
	int cold;            /* flush headers from the caches before the clock starts */
};

/* rig_create: plane, configuration, devices. => NULL and a sentence on stderr. */
struct rig *rig_create(const struct rig_options *o, const struct machine *m);
void rig_destroy(struct rig *r);

/* rig_now: the rig's clock: TSC in ns while it runs, plus what was skipped. */
uint64_t rig_now(const struct rig *r);

/* rig_buffer: packet i's buffer, emptied to its headroom. */
struct rte_mbuf *rig_buffer(struct rig *r, unsigned i);
/* rig_buffer_at: packet i's buffer as it was left. */
struct rte_mbuf *rig_buffer_at(struct rig *r, unsigned i);
/* rig_put: it will be received from dev by worker w. */
void rig_put(struct rig *r, unsigned dev, unsigned w, struct rte_mbuf *m);
/* rig_run: poll worker w until what was put is done. => ticks of the TSC. */
uint64_t rig_run(struct rig *r, unsigned w);
/* rig_sent: packets sent so far, all queues. rig_drops: dropped so far, all contexts, and those
 * that the slow path (which does not run here) is to refuse. */
uint64_t rig_sent(const struct rig *r);
uint64_t rig_drops(const struct rig *r);

#endif
