/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A port block that a subscriber holds, and the choice of a port within it.
 * Layout     48 bytes. The ports themselves are entries of the direct index (nat/pool.h), a row of
 *            `ports` consecutive ones for each protocol: 0 free, a mapping number, or a mark with
 *            MARK_BIT until which the port is in quarantine.
 * Invariant  1. used[i] is how many ports of protocol i have a mapping.
 *            2. block_take_port finds a port exactly when one is neither mapped nor in quarantine,
 *               each such port with equal chance.
 *            3. A block without mappings is idle: queued for release, not before `until`.
 * Owner      One worker.
 * See        RFC 6056 section 3.3, RFC 6888 REQ-8, REQ-15.
 */
#ifndef MR_NAT_BLOCK_H
#define MR_NAT_BLOCK_H

#include "lib/addr.h"
#include "lib/tuple.h"
#include "nat/clock.h"

enum nat_proto { NAT_TCP, NAT_UDP, NAT_ICMP, NAT_PROTOS };

struct block {
	uint32_t next;        /* block of the same subscriber, or of the free list */
	uint32_t subscriber;
	uint32_t slot;        /* of its pool address */
	uint16_t first, ports; /* host order; at the edge of a range fewer than the block size */
	uint16_t used[NAT_PROTOS];
	uint16_t is_idle;
	uint32_t full_until[NAT_PROTOS]; /* mark: no port comes out of quarantine before; 0: none */
	uint32_t until;       /* mark: the last quarantine of a port ends; 0: none */
	uint32_t idle_prev, idle_next;
};
static_assert(sizeof(struct block) == 48, "blocks of 16 ports cost a quarter of their index");

/* nat_proto: place of an IP protocol, NAT_PROTOS when it has none. */
static inline unsigned
nat_proto(uint8_t proto)
{
	return proto == IPPROTO_L4_TCP ? NAT_TCP : proto == IPPROTO_L4_UDP ? NAT_UDP :
	       proto == IPPROTO_L4_ICMP ? NAT_ICMP : NAT_PROTOS;
}

/* nat_random: the next number of a generator; random_below: uniform in 0..n-1. */
static inline uint64_t
nat_random(uint64_t *state)
{
	*state += 0x9e3779b97f4a7c15u;
	return mix64(*state ^ 0xe7037ed1a0b428dbu, *state | 0xa0761d6478bd642fu);
}

static inline uint32_t
random_below(uint64_t *state, uint32_t n)
{
	return (uint32_t)((uint64_t)(uint32_t)(nat_random(state) >> 16) * n >> 32);
}

static inline bool
block_is_unused(const struct block *b)
{
	return (b->used[NAT_TCP] | b->used[NAT_UDP] | b->used[NAT_ICMP]) == 0;
}

/*
 * block_take_port: choose a port of protocol proto and enter mapping; entry is the protocol's row.
 * => the port in host order, 0 when there is none.
 */
uint16_t block_take_port(struct block *b, uint32_t *entry, enum nat_proto proto, uint32_t mapping,
                         const struct nat_clock *now, uint64_t *random);

/* block_give_port: its mapping is gone. => mark (of clock_mark), or 0 for no quarantine. */
void block_give_port(struct block *b, uint32_t *entry, enum nat_proto proto, uint16_t port,
                     uint32_t mark);

#endif
