/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The memory of a worker's flow table, and how it becomes more while the worker runs.
 *            The slabs get memory behind what they have: flows and their references stay where
 *            they are. The index is replaced by a larger one, into which the worker moves what is
 *            in the old one, a few buckets a turn.
 * Layout     struct flow_offer goes to the worker and comes back: GROW_NONE -> the main lcore
 *            fills it in -> GROW_OFFERED -> the worker takes it -> GROW_MOVING -> the old index
 *            is empty and put into the offer -> GROW_DONE -> the main lcore frees it -> GROW_NONE.
 * Invariant  1. At every point each flow in use is found under both its tuples.
 *            2. Memory is there before the worker hears of it; what it still uses is not freed.
 *            3. A growth that has no memory changes nothing.
 * Owner      The main lcore: everything but flow_grow_turn, which is the worker's.
 * Limits     One growth at a time (-EAGAIN until the one before has ended); FLOWS_MOST of a family
 *            over all workers; a table never becomes smaller.
 * See        docs/design.md, "The tables".
 */
#ifndef MR_FLOW_GROW_H
#define MR_FLOW_GROW_H

#include <stdatomic.h>

#include "flow.h"
#include "mem.h"

enum {
	FLOWS_MOST = 200000000, /* of a family, all workers: addresses are reserved for so many */
	GROW_TURN = 16,         /* buckets moved in a worker's turn */
	FLOW_LOAD_MOST = 8,     /* the index is replaced when it would have more a bucket */
};

enum grow_state { GROW_NONE, GROW_OFFERED, GROW_MOVING, GROW_DONE };

struct flow_offer {
	struct index index; /* the new one, then the old one; no buckets: the index stays */
	uint32_t capacity4, capacity6;
};

struct flow_room {
	struct mem_range v4, v6;
	struct mem_range before4, before6; /* until the growth is offered */
	uint32_t capacity4, capacity6;     /* offered last */
	uint32_t buckets;                  /* of the index: the table's, or that on offer */
	int node;
	struct flow_offer offer;
	_Atomic(uint32_t) state;           /* enum grow_state */
};

/*
 * flow_room_open: memory for a table of such capacities that may grow to most4 and most6 (if these
 * are larger), and the table in it. => 0 or -ENOMEM. flow_room_close: of a table that nobody uses.
 */
int flow_room_open(struct flow_room *r, struct flow_table *t, uint32_t capacity4,
                   uint32_t capacity6, uint32_t most, uint64_t seed, int node);
void flow_room_close(struct flow_room *r, struct flow_table *t);

/*
 * flow_room_prepare: memory for capacities that are not smaller than now. => 0, -EAGAIN, -ENOMEM.
 * Then one of: flow_room_offer, the worker may have it; flow_room_cancel, all as before.
 */
int flow_room_prepare(struct flow_room *r, uint32_t capacity4, uint32_t capacity6);
void flow_room_offer(struct flow_room *r);
void flow_room_cancel(struct flow_room *r);

/* flow_room_settle: free what has come back. => is no growth under way? */
bool flow_room_settle(struct flow_room *r);

/* flow_room_more: bytes that flow_room_prepare would take for these capacities. */
size_t flow_room_more(const struct flow_room *r, uint32_t capacity4, uint32_t capacity6);

/* flow_grow_turn: between bursts: take what is offered, move so many buckets of the old index. */
void flow_grow_turn(struct flow_room *r, struct flow_table *t, uint32_t buckets);

#endif
