/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Subscribers: an inside address with its realm, the pool address it is paired with,
 *            the port blocks it holds.
 * Layout     32 bytes, two a cache line. due is when all flows that it has opened would have been
 *            paid for at the rate of its rule, in units of 1/64 ms (nat/limit.h).
 *            An inside address is a subscriber of its own in each lane (nat/lane.h).
 * Invariant  1. At most one subscriber of an (address, side), which is realm and lane, is current,
 *               that is in the index; retired ones (their pool address was taken away) only keep
 *               what they have.
 *            2. A subscriber holds at least one block; all its blocks are of one pool address,
 *               or, where pairing is soft, slot is that of the oldest.
 *            3. flows is the number of live flows of its mappings.
 *            4. rule is the row of the rule that last limited it, if is_limited and checked is the
 *               reload in force.
 * Owner      One worker.
 * Lifetime   From the first block to the release of the last.
 * See        RFC 4787 REQ-2, RFC 6888 REQ-2, REQ-4.
 */
#ifndef MR_NAT_SUBSCRIBER_H
#define MR_NAT_SUBSCRIBER_H

#include <stdbool.h>

#include "lib/tuple.h"
#include "nat/nat_image.h"
#include "nat/quarantine.h"
#include "nat/table.h"

enum {
	SLOT_BITS = 17, RULE_BITS = 10, LANE_BITS = 3,
	SLOT_MASK = (1 << SLOT_BITS) - 1, BLOCK_MASK = (1 << BLOCK_BITS) - 1,
};

struct subscriber {
	uint32_t next;
	be32 address;
	uint32_t slot : SLOT_BITS;   /* of the pool address, nat/pool.h */
	uint32_t blocks : 5;
	uint32_t rule : RULE_BITS;
	uint32_t block : BLOCK_BITS; /* first of its blocks, oldest first */
	uint32_t is_current : 1;
	uint32_t is_limited : 1;
	uint32_t is_high : 1;        /* it was said that it has many mappings */
	uint32_t reserve : 3;        /* blocks it was promised */
	uint32_t side : 8 + LANE_BITS; /* realm, and lane above it */
	uint32_t mappings : 21; /* the highest bits: one more is one addition */
	uint32_t checked;  /* reload at which its pool address was last found good */
	uint32_t flows;
	uint32_t due;
};
static_assert(NAT_MAX_RESERVE < 1 << 3, "a promise fits");
static_assert(NAT_MAX_BLOCKS < 1 << 5 && NAT_MAX_RULES <= 1 << RULE_BITS, "counts fit");
static_assert(NAT_MAX_LANES < 1 << LANE_BITS, "lanes fit");
static_assert(NAT_MAX_BLOCKS * 32768u * 3 < 1u << 21, "a port of each protocol is a mapping");
static_assert(NAT_MAX_SHARES * 65536u * 3 < 1u << 21, "and of each address with a share");
static_assert(sizeof(struct subscriber) == 32, "two subscribers a cache line");

struct subscriber_table {
	struct table t;
	uint64_t seed;
};

/* subscriber_add: a current one without blocks. => 0 when full. */
uint32_t subscriber_add(struct subscriber_table *s, be32 address, uint32_t side);
/* subscriber_retire: no longer found; lives on until its last block goes. */
void subscriber_retire(struct subscriber_table *s, uint32_t number);
void subscriber_del(struct subscriber_table *s, uint32_t number);

static inline struct subscriber *
subscriber_at(const struct subscriber_table *s, uint32_t number)
{
	return (struct subscriber *)(void *)s->t.entry + number;
}

static inline uint8_t
subscriber_realm(const struct subscriber *s)
{
	return s->side & 0xff;
}

static inline uint64_t
subscriber_hash(const struct subscriber_table *s, be32 address, uint32_t side)
{
	return mix64((((uint64_t)side << 32) | address) ^ s->seed, 0x9e3779b97f4a7c15u);
}

/* subscriber_is: is entry `number`, 0 or one that was in use at some time, the current one? */
static inline bool
subscriber_is(const struct subscriber_table *s, uint32_t number, be32 address, uint32_t side)
{
	const struct subscriber *sub = subscriber_at(s, number);
	return sub->address == address && sub->side == side && sub->is_current;
}

/* subscriber_from: the current one in the rest of a chain, beginning at first, or 0. */
static inline uint32_t
subscriber_from(const struct subscriber_table *s, uint32_t first, be32 address, uint32_t side)
{
	uint32_t n = first;
	while (n != 0 && !subscriber_is(s, n, address, side))
		n = table_next(&s->t, n);
	return n;
}

/* subscriber_find: the current one, or 0. */
static inline uint32_t
subscriber_find(const struct subscriber_table *s, be32 address, uint32_t side)
{
	uint32_t first = table_first(&s->t, subscriber_hash(s, address, side));
	return subscriber_from(s, first, address, side);
}

#endif
