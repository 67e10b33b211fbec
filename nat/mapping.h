/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Mappings: an inside endpoint (subscriber, protocol, port or echo identifier) and its
 *            external port on the subscriber's pool address.
 * Layout     32 bytes, two a cache line. Addresses stand in the subscriber and the block's slot.
 * Invariant  1. An inside endpoint of a current subscriber has one mapping at most, whatever the
 *               destination (RFC 4787 REQ-1), a mapping of its own for each protocol (RFC 7857 5).
 *            2. flows is the number of live flows that use it, at least 1; out_flows of them were
 *               opened or answered from inside.
 * Owner      One worker.
 * Lifetime   From the first flow to the end of the last.
 */
#ifndef MR_NAT_MAPPING_H
#define MR_NAT_MAPPING_H

#include "lib/addr.h"
#include "nat/table.h"

struct mapping {
	uint32_t next;
	uint32_t subscriber;
	uint32_t block;
	uint32_t flows;
	uint32_t out_flows;
	be16 inside_port;   /* or ICMP identifier */
	uint16_t port;      /* external, host order */
	uint8_t proto;
	uint8_t filtering;  /* enum nat_filtering, for life (RFC 4787 REQ-11) */
	uint8_t timers;     /* of the rule that last opened a flow with it */
	uint8_t zero;
	uint32_t spare;
};
static_assert(sizeof(struct mapping) == 32, "two mappings a cache line");

struct mapping_table {
	struct table t;
	uint64_t seed;
};

/* mapping_find: of an inside endpoint, or 0. */
uint32_t mapping_find(const struct mapping_table *m, uint32_t subscriber, uint8_t proto,
                      be16 inside_port);
/* mapping_add: without flows yet. => 0 when full. */
uint32_t mapping_add(struct mapping_table *m, uint32_t subscriber, uint8_t proto,
                     be16 inside_port);
void mapping_del(struct mapping_table *m, uint32_t number);

static inline struct mapping *
mapping_at(const struct mapping_table *m, uint32_t number)
{
	return table_at(&m->t, number);
}

#endif
