/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A port block that a subscriber holds, and the choice of a port within it.
 * Layout     32 bytes. Whether a port is taken is one bit of its address's row for the protocol
 *            (nat/pool.h): set while it is mapped, and while it is in quarantine after that.
 * Invariant  1. taken[i] is how many bits of the block are set for protocol i; mapped is how many
 *               mappings it has, of all protocols. So the difference is in quarantine.
 *            2. block_take_port finds a port exactly when one is not taken, each such port with
 *               equal chance. Ports that the pool leaves out have their bits set and are in neither
 *               taken nor usable.
 *            3. A block none of whose ports is taken is not held.
 *            4. Where a pool gives ports one by one a subscriber has a share of an address, which
 *               is a block of all ports that holds none of them but those that it has taken.
 * Owner      One worker.
 * See        RFC 6056 section 3.3, RFC 6888 REQ-8, REQ-15.
 */
#ifndef MR_NAT_BLOCK_H
#define MR_NAT_BLOCK_H

#include "lib/addr.h"
#include "lib/tuple.h"
#include "nat/bits.h"
#include "nat/nat_image.h"

enum nat_proto { NAT_TCP, NAT_UDP, NAT_ICMP, NAT_PROTOS };

struct block {
	uint32_t next;        /* block of the same subscriber, or of the free list */
	uint32_t subscriber;
	uint32_t slot;        /* of its pool address */
	uint16_t first, ports; /* host order; at the edge of a range fewer than the block size */
	uint32_t mapped;
	uint16_t taken[NAT_PROTOS];
	uint16_t usable;      /* of ports, those that the pool does not leave out */
	uint16_t turn;        /* place where ports that are given in turn go on */
	uint8_t flags;        /* of enum nat_pool_flag, those of NAT_PORT_FLAGS */
	uint8_t is_range;     /* 1: of a deterministic pool, nat/ranges.h */
};
static_assert(sizeof(struct block) == 32, "two blocks a cache line");

/* nat_proto: place of an IP protocol, NAT_PROTOS when it has none. */
static inline unsigned
nat_proto(uint8_t proto)
{
	return proto == IPPROTO_L4_TCP ? NAT_TCP : proto == IPPROTO_L4_UDP ? NAT_UDP :
	       proto == IPPROTO_L4_ICMP ? NAT_ICMP : NAT_PROTOS;
}

/* nat_ip_proto: the inverse. */
static inline uint8_t
nat_ip_proto(unsigned proto)
{
	return proto == NAT_TCP ? IPPROTO_L4_TCP : proto == NAT_UDP ? IPPROTO_L4_UDP :
	                                                              IPPROTO_L4_ICMP;
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
	return (b->taken[NAT_TCP] | b->taken[NAT_UDP] | b->taken[NAT_ICMP]) == 0;
}

static inline bool
block_is_share(const struct block *b)
{
	return (b->flags & NAT_SINGLE) != 0;
}

/* PORT_TRIES: draws after a first one that was taken, before the free ports are counted. */
enum { PORT_TRIES = 3 };

/* block_choose: the place of a free port, when the first draw was none. => There is one. */
uint32_t block_choose(const struct block *b, const uint64_t *row, uint32_t at,
                      enum nat_proto proto, uint64_t *random);

/*
 * block_take_port: choose a port of protocol proto and set its bit; the block's first port is bit
 * `at` of the row. hint is a port drawn earlier, with equal chance, or 0. => the port in host
 * order, 0 when there is none.
 */
static inline uint16_t
block_take_port(struct block *b, uint64_t *row, uint32_t at, enum nat_proto proto, uint16_t hint,
                uint64_t *random)
{
	if (b->taken[proto] == b->usable)
		return 0;
	uint32_t place = (uint32_t)hint - b->first;
	if (place >= b->ports)
		place = random_below(random, b->ports);
	if (bit_is_set(row, at + place))
		place = block_choose(b, row, at, proto, random);
	bit_set(row, at + place);
	b->taken[proto]++;
	b->mapped++;
	return (uint16_t)(b->first + place);
}

#endif
