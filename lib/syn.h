/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       SYNs that nobody has asked for: held for SYN_WAIT_MS, then answered by Destination
 *            Unreachable, unless a flow is opened in the meantime whose reply each of them would
 *            have been: then it goes silently, and its sender's next SYN finds the flow.
 * Layout     SYN_SETS sets of SYN_WAYS slots by the tuple's hash, and a ring of slots in the order
 *            in which they end. All wait equally long, so that is the order in which they came.
 * Invariant  1. A slot is in the ring exactly while it is taken; one whose SYN has gone stays
 *               taken until its time is over.
 *            2. stats.held counts the buffers held.
 * Owner      The worker.
 * Limits     SYN_SETS * SYN_WAYS buffers; what finds its set full is dropped, without an answer.
 * See        RFC 5382 REQ-4, RFC 6146 section 3.5.2; lib/policy.h, VERDICT_HOLD.
 */
#ifndef MR_SYN_H
#define MR_SYN_H

#include "pipeline.h"

enum { SYN_SETS = 64, SYN_WAYS = 4, SYN_SLOTS = SYN_SETS * SYN_WAYS, SYN_WAIT_MS = 6000 };

struct syn_slot {
	uint64_t hash;      /* of the tuple under which it came */
	struct rte_mbuf *m; /* buf_meta: nic, cause; NULL: it has gone */
	uint32_t until_ms;
	uint8_t drop;       /* the reason that it ends under */
	bool is_taken;
};

struct syn_table {
	unsigned held;      /* slots with a buffer */
	unsigned first, n;  /* of ring */
	uint16_t ring[SYN_SLOTS];
	struct syn_slot slot[SYN_SLOTS];
};

/* syn_hold: the packet waits, or is dropped if it is no bare SYN, or there is no room. */
void syn_hold(struct worker *w, const struct pkt *p, uint8_t drop);

/* syn_forget: a flow is opened whose replies have this hash. */
void syn_forget(struct worker *w, uint64_t hash);

/* syn_expire: answer those that have waited. => bounded by what is held. */
void syn_expire(struct worker *w);

/* syn_fini: what is held is freed, uncounted. */
void syn_fini(struct worker *w);

#endif
