/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Leases: mappings that a subscriber has asked for and keeps for a time, with or without
 *            flows (nat/pcp.h).
 * Layout     24 bytes, found by the number of its mapping. A hand goes over the table, some
 *            entries a millisecond, for those that are over.
 * Invariant  1. A mapping has one lease at most; mapping.leased says that it has one, and the lease
 *               counts in mapping.flows and out_flows like a flow from inside.
 *            2. A lease ends at its time (a turn of the hand later), by its owner's or by an
 *               operator's request, when its inside endpoint becomes static, and never for want
 *               of room.
 * Owner      One worker; the main lcore may look one up for listings.
 * Limits     nat.capacity.leases; lease_make says false when full. Lost at a restart, like all
 *            mappings: the epoch tells subscribers (RFC 6887, 8.5).
 */
#ifndef MR_NAT_LEASE_H
#define MR_NAT_LEASE_H

#include "nat/nat_filter.h"
#include "nat/table.h"

struct nat;

enum { LEASE_NONCE = 12 };

struct lease {
	uint32_t next;
	uint32_t mapping;
	uint8_t nonce[LEASE_NONCE]; /* of who made it: nobody else may change it */
	uint32_t until_s;           /* by lease_seconds */
};
static_assert(sizeof(struct lease) == 24, "leases are compact");

struct leases {
	struct table t;
	uint64_t seed;
	uint32_t hand;      /* the entry looked at last */
	uint32_t turned_ms; /* when it last moved */
};

/* lease_find: of a mapping, or NULL. */
struct lease *lease_find(const struct leases *l, uint32_t mapping);
/* lease_left: seconds that a mapping's lease lasts; 0: it has none. Any thread may ask. */
uint32_t lease_left(const struct nat *n, uint32_t mapping);

/* lease_make: => false: full, and nothing has changed. The mapping has none so far. */
bool lease_make(struct nat *n, uint32_t mapping, const uint8_t nonce[LEASE_NONCE],
                uint32_t seconds);
void lease_extend(const struct nat *n, struct lease *l, uint32_t seconds);
/* lease_end: the mapping goes too if it has no flow. */
void lease_end(struct nat *n, struct lease *l);

/* lease_turn: look at so many entries, once a millisecond. lease_cut: end those that a filter
 * wants, of so many entries from *at on. => true: there are no more. */
void lease_turn(struct nat *n, uint32_t steps);
bool lease_cut(struct nat *n, const struct cmd_nat_filter *what, uint32_t *at, uint32_t steps);

#endif
