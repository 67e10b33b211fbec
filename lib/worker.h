/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       One worker: the burst pipeline and everything a core owns.
 *            rx -> parse -> find -> forward (hits) -> open (misses), each a loop over the burst;
 *            fragments, ICMP errors, TTL 1, options and packets to ourselves are set aside and
 *            handled after these.
 * Invariant  1. Between two worker_poll calls the accounting identity of stats.h holds.
 *            2. worker_poll is the only function that touches a worker's tables; `now_ns` is its
 *               only clock.
 * Owner      One thread. Others speak to it through `in` (buffers with buf_meta), gen_next and
 *            `room`.
 * See        docs/design.md, "The hit path".
 */
#ifndef MR_WORKER_H
#define MR_WORKER_H

#include <rte_ring.h>
#include <rte_rcu_qsbr.h>

#include "flow_grow.h"
#include "nexthop.h"
#include "policy.h"
#include "shift.h"
#include "tally.h"
#include "way_mtu.h"

enum { RING_SIZE = 4096, MAX_LOOPS = 2, MAX_EXPIRE_STEPS = 256, SWEEP_MS = 4000 };
/* Bursts that a turn takes out of the ring, beside one of each device: neither starves the other,
 * and what waits in a full ring is taken after RING_SIZE / (TAKE_BURSTS * BURST) turns. */
enum { TAKE_BURSTS = 2 };
/* So many steps of the hand, or a whole round, are made at a time: flows that end wait for memory
 * together. */
enum { LEAST_EXPIRE_STEPS = 128 };

struct frag_table;
struct syn_table;

/* Which flows are to be ended: lib/cut.h. */
struct cut_order {
	_Atomic uint64_t number; /* of cuts so far */
	uint64_t generation;     /* that `what` is meant for */
	uint8_t policy;
	uint8_t what[48] __attribute__((aligned(8))); /* the policy's */
};

/* What all workers of a data plane share; constant while they run, but for what is atomic. */
struct shared {
	struct dev *devs;
	uint16_t n_devs, n_workers;
	struct nexthop_table nexthops;
	struct rte_ring *in[MAX_WORKERS]; /* to each worker: HANDOFF_* buffers, multi-producer */
	struct rte_ring *punt;            /* to the slow path, multi-producer */
	struct rte_rcu_qsbr *qsbr;
	_Atomic(const struct generation *) gen; /* published */
	struct stats_segment *stats;
	struct record_segment *records;
	uint64_t seed;
	struct cut_order cut;                   /* lib/cut.h */
	struct way_mtus way_mtus;
	uint64_t secret[2]; /* of cookies; 0 in replay and tests, which have to repeat */
};

/* A walk over the flows that there were at its beginning: lib/walk.h. */
struct walk {
	uint32_t at4, at6, end4, end6;
};

/* How far a worker is with the cut: lib/cut.h. */
struct cutting {
	struct walk walk;
	uint32_t beside;  /* how far the policy is with what it has beside flows */
	bool beside_over;
	_Atomic uint64_t number, done, flows;
	_Atomic uint8_t is_short; /* another generation came before its end */
};

struct worker {
	uint16_t id;
	const struct generation *gen; /* in force here */
	struct shared *shared;
	struct flow_table flows;
	struct policy policy[MAX_POLICIES];
	unsigned n_policies;
	struct stats *stats;
	struct frag_table *frags;
	struct syn_table *syns;
	struct shifts shifts;
	struct tally tally;
	struct cookies cookies;
	uint32_t now_ms;
	uint64_t now_ns;
	uint64_t swept_ns;
	uint32_t told_ms, told; /* since when so many were told that their flow has no room */
	struct walk purge;     /* asks flows after a generation whether they go on: lib/purge.h */
	bool purge_again;      /* and once more, when it is over */
	uint8_t hops_aged;     /* route generation at which it began last */
	uint64_t realms;       /* of the generation that was walked for last, a bit each */
	struct cutting cutting;
	struct flow_room room; /* the main lcore's: memory of `flows`, and more of it */
	struct pipeline *pipe; /* burst arrays and transmit buffers; lib/pipeline.h */
};

/* worker_create: all memory of a worker, on its node. => NULL when the machine has too little. */
struct worker *worker_create(struct shared *s, uint16_t id, const struct img_plane *plane,
                             int node);
void worker_destroy(struct worker *w);
/* worker_policy_add: in the order in which they are asked. => its number. */
int worker_policy_add(struct worker *w, const struct policy_ops *ops, void *state);

/*
 * worker_poll: one turn: the clock, the generation, `in`, a burst of every device, expiry, the
 * quiescent report. now_ns must not go back. => packets received or taken over.
 */
uint32_t worker_poll(struct worker *w, uint64_t now_ns);

/* worker_purge: end what a generation or a cut has left over, all at once (replay, tests). */
void worker_purge(struct worker *w);

/* worker_sweep: expire everything that is idle at now_ns, all at once (replay, tests). */
void worker_sweep(struct worker *w, uint64_t now_ns);

/*
 * worker_grow_prepare: flow_room_prepare for its share of the plane's capacities; then
 * flow_room_offer or flow_room_cancel. worker_grow_memsize: bytes that this takes.
 */
int worker_grow_prepare(struct worker *w, const struct img_plane *plane);
size_t worker_grow_memsize(const struct worker *w, const struct img_plane *plane);

/*
 * worker_memsize: bytes of tables for this plane, all workers, without buffers (for reports).
 * worker_flows_memsize: of these, the flow tables.
 */
size_t worker_memsize(const struct img_plane *plane);
size_t worker_flows_memsize(const struct img_plane *plane);

#endif
