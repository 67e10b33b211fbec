/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The burst pipeline's arrays and its entrances.
 * Layout     Everything a burst writes is in one block of the worker's node: records of packets,
 *            what was set aside, transmit buffers, hand-off buffers.
 * Invariant  1. Between two worker_poll calls nothing is left in tx, out or dead.
 *            2. timers has 2 * MAX_TIMER_SETS rows whatever the generation has: a flow's number
 *               is always good.
 * Owner      The worker.
 * See        docs/design.md, "The hit path".
 */
#ifndef MR_PIPELINE_H
#define MR_PIPELINE_H

#include "pkt.h"
#include "way_hop.h"
#include "worker.h"

/* PREFETCH_AHEAD: so many frames before its turn a header is asked for. */
enum { PREFETCH_AHEAD = 4, IDENT_COUNTERS = 4096, ROUTE_HOPS = 64 };

/* The next hop that a route's gateway was found to be: numbers stay what they are. */
struct route_hop {
	const struct img_route *route; /* NULL: none */
	uint16_t id;
};

struct tx_buf {
	struct dev *dev;
	uint16_t n;
	uint16_t made;     /* of these n: generated here */
	uint16_t queue;
	uint16_t via;      /* worker that sends for us when queue is TX_NO_QUEUE */
	struct rte_mbuf *buf[BURST]; /* buf_meta: HANDOFF_TX */
} __attribute__((aligned(1024))); /* a power of two: found by a shift */
static_assert(sizeof(struct tx_buf) == 1024, "a power of two");
enum { TX_NO_QUEUE = 0xffff };

struct out_buf {
	uint16_t n;
	struct rte_mbuf *buf[BURST];
};

struct pipeline {
	struct pkt pkt[BURST];   /* to be looked up */
	struct pkt aside[BURST];
	uint16_t n_aside;
	struct pkt *late[BURST + 1]; /* of pkt: no flow found; lib/miss_burst.h */
	uint16_t n_late;
	bool is_mixed[MAX_DEVS + 1]; /* the last burst of a device, or ring, had misses (after a
	                              * mixed one: those without a candidate) */
	struct rte_mbuf *bufs[BURST + PREFETCH_AHEAD];
	struct tx_buf tx[MAX_DEVS];
	struct out_buf out[MAX_WORKERS];
	struct rte_mbuf *dead[BURST];
	uint16_t n_dead;
	uint8_t dev_nic[MAX_DEVS]; /* interface that counts for frames of no interface */
	struct timer_set timers[2 * MAX_TIMER_SETS]; /* upper half: lib/final.h */
	uint16_t ident[IDENT_COUNTERS]; /* lib/ident.h */
	struct way_hop way_hop[WAY_HOPS]; /* by owner; lib/encap.h */
	uint64_t way_now;        /* what these are of: generation, and epoch of shared.way_mtus */
	uint32_t way_stamp;      /* of the rows that are good */
	struct route_hop route_hop[ROUTE_HOPS]; /* of w->gen's routes; lib/hop.h */
	uint64_t gen_number;     /* of w->gen: an address may come again, a number does not */
};

/* pipeline_receive: 1 <= n <= BURST frames that a device received, to their ends. bufs has room for
 * PREFETCH_AHEAD more. */
void pipeline_receive(struct worker *w, const struct dev *d, struct rte_mbuf **bufs, uint16_t n);

/* pipeline_take_over: n <= BURST buffers from the worker's ring, to their ends. */
void pipeline_take_over(struct worker *w, struct rte_mbuf **bufs, uint16_t n);

/*
 * pipeline_forward: one packet with a tuple (p->hash set): find or open its flow, count, send.
 * => the flow, or 0 when the packet ended otherwise.
 */
flow_ref pipeline_forward(struct worker *w, struct pkt *p);

/* pipeline_hit: a packet of the flow p->ref: count, send. */
void pipeline_hit(struct worker *w, struct pkt *p);

/* pipeline_hits: packets whose candidate p->ref is found and asked for, to their ends. => Those
 * that prove misses stand in pipe->late. */
void pipeline_hits(struct worker *w, struct pkt **p, unsigned n);

/* pipeline_count: a packet of direction d counts for its flow and may keep it alive. */
void pipeline_count(struct worker *w, struct flow *f, unsigned d, const struct pkt *p);

/* pipeline_find: the flow of p's tuple, or 0. An idle one is ended first. */
flow_ref pipeline_find(struct worker *w, struct pkt *p);

#endif
