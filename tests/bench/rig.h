/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The production data plane over a NIC in memory whose cost is next to nothing: packets
 *            are made before the clock starts, and a sent packet stays where it is to be looked at.
 * Layout     RIG_PACKETS buffers, as many as a NIC's ring holds, at the stride of a real pool: with
 *            fewer each round would pay for what making its packets put out of the caches. Devices
 *            0 (inside, farm) and 1 (outside), one queue pair a worker.
 * Invariant  1. Between the two looks at the clock of a run nothing but the turn runs.
 *            2. Every packet put is sent, dropped or handed off: rig_run counts what was sent.
 *            3. While `counted` is set every turn is below rig_counted_turn, so callgrind can tell
 *               what is measured from what prepares it.
 */
#ifndef MR_BENCH_RIG_H
#define MR_BENCH_RIG_H

#include "ctl/dataplane/memory.h"
#include "machine.h"

enum { RIG_HALF_OPEN = 1024 };
enum { RIG_PACKETS = 1024, RIG_STRIDE = 2432, RIG_DEVS = 2 };

struct rig_options {
	uint64_t flows;       /* capacity */
	uint64_t grown;       /* of the flow table alone, after a growth; 0: flows */
	unsigned workers;
	unsigned pool_prefix; /* length of the pool's prefix: 22 is 1024 addresses */
	unsigned subscribers;
	unsigned idle_s;      /* TCP timers, all of them */
	const char *mode;     /* of the balancer's service; NULL: nat */
	unsigned backends;    /* of the service; 0: three, which are neighbours */
	bool v6;              /* the balancer's service in IPv6, and nothing else */
	bool guard;           /* the balancer: RIG_HALF_OPEN, and 11.128.0.0/9 is denied */
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
	uint64_t step_ns;    /* of it, each turn: all the time there is when the clock stands */
	uint64_t start_ticks; /* of the TSC, that compiling and opening took */
	int counted;
	int cold;            /* flush headers from the caches before the clock starts */
};

/* rig_create: plane, configuration, devices. => NULL and a sentence on stderr. */
struct rig *rig_create(const struct rig_options *o, const struct machine *m);
void rig_destroy(struct rig *r);
/* rig_apply: the same configuration as another generation. => false and a sentence on stderr. */
bool rig_apply(struct rig *r, const struct rig_options *o);
/* rig_need: what its tables would take. => false and a sentence on stderr. */
bool rig_need(const struct rig_options *o, struct memory_need *out);

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
/* rig_run_with: the same with another turn than worker_poll. rig_turn: one turn, whatever waits. */
typedef uint32_t (*rig_turn_fn)(struct worker *w, uint64_t now_ns);
uint64_t rig_run_with(struct rig *r, unsigned w, rig_turn_fn turn);
uint64_t rig_turn(struct rig *r, unsigned w);
/* rig_counted_turn: what --callgrind counts. */
uint32_t rig_counted_turn(rig_turn_fn turn, struct worker *w, uint64_t now_ns);
/* rig_sent: packets sent so far, all queues. rig_drops: dropped so far, all contexts, and those
 * that are to be refused: by the slow path (which does not run here), or later (lib/syn.h). */
uint64_t rig_sent(const struct rig *r);
uint64_t rig_drops(const struct rig *r);

#endif
