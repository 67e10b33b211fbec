/* SPDX-License-Identifier: Apache-2.0 */
/* Ports by wish: in order, the same one, one of the same parity, any. */
#include "nat/want.h"

#include "nat/bits.h"
#include "nat/single.h"

#define EVERY UINT64_MAX
#define EVEN 0x5555555555555555u

/* The place of a free port among those of `among`, in turn or drawn. => UINT32_MAX: none. */
static uint32_t
choose(const struct block *b, const uint64_t *row, uint32_t at, uint64_t among, uint64_t *random)
{
	uint32_t n = bits_clear_count(row, at, b->ports, among);
	if (n == 0)
		return UINT32_MAX;
	uint32_t r = 0;
	if ((b->flags & NAT_PORTS_IN_TURN) == 0)
		r = random_below(random, n);
	else if (b->turn < b->ports && bits_clear_count(row, at, b->turn, among) < n)
		r = bits_clear_count(row, at, b->turn, among);
	return bits_nth_clear_of(row, at, b->ports, among, r);
}

/* Ports of the parity of a port, in a row where bit 0 is of an even one. */
static uint64_t
alike(uint16_t port)
{
	return (port & 1) != 0 ? EVEN << 1 : EVEN;
}

static bool
is_free(struct pool *p, const struct block *b, enum nat_proto proto, uint16_t port)
{
	uint32_t place = port - (uint32_t)b->first;
	return place < b->ports &&
	       !bit_is_set(pool_taken(p, b->slot, proto), pool_offset(p, b->first) + place);
}

static uint16_t
take(struct pool *p, uint32_t number, enum nat_proto proto, uint32_t place)
{
	struct block *b = block_at(p, number);
	b->turn = (uint16_t)(place + 1);
	return pool_take_place(p, number, proto, place);
}

/* Of the first block that has one among those. */
static uint16_t
take_among(struct pool *p, uint32_t first, enum nat_proto proto, uint64_t among, uint64_t *random,
           uint32_t *block)
{
	for (uint32_t n = first; n != 0; n = block_at(p, n)->next) {
		const struct block *b = block_at(p, n);
		uint32_t place = choose(b, pool_taken(p, b->slot, proto),
		                        pool_offset(p, b->first), among, random);
		if (place == UINT32_MAX)
			continue;
		*block = n;
		return take(p, n, proto, place);
	}
	return 0;
}

uint16_t
want_this(struct pool *p, uint32_t first, struct want w, uint32_t *block)
{
	for (uint32_t n = first; n != 0; n = block_at(p, n)->next) {
		const struct block *b = block_at(p, n);
		if (block_is_share(b)) {
			uint16_t port = single_this(p, n, w);
			*block = port != 0 ? n : *block;
			if (port != 0)
				return port;
			continue;
		}
		if (!is_free(p, b, w.proto, w.inside_port))
			continue;
		*block = n;
		return take(p, n, w.proto, w.inside_port - (uint32_t)b->first);
	}
	return 0;
}

/* Of the first share whose address has one. */
static uint16_t
take_single(struct pool *p, uint32_t first, struct want w, uint64_t *random, uint32_t *block)
{
	uint16_t port = 0;
	for (uint32_t n = first; n != 0 && port == 0; n = block_at(p, n)->next) {
		*block = n;
		port = single_take(p, n, w, random);
	}
	return port;
}

static uint16_t
take_wanted(struct pool *p, uint32_t first, struct want w, uint64_t *random, uint32_t *block)
{
	uint8_t flags = block_at(p, first)->flags;
	uint16_t port = 0;
	if ((flags & NAT_KEEP_PORT) != 0)
		port = want_this(p, first, w, block);
	if (port == 0 && (flags & NAT_KEEP_PARITY) != 0)
		port = take_among(p, first, w.proto, alike(w.inside_port), random, block);
	return port != 0 ? port : take_among(p, first, w.proto, EVERY, random, block);
}

uint16_t
want_port(struct pool *p, uint32_t first, struct want w, uint64_t *random, uint32_t *block,
          bool *kept)
{
	uint8_t flags = block_at(p, first)->flags;
	uint16_t port = (flags & NAT_SINGLE) != 0 ? take_single(p, first, w, random, block) :
	                                            take_wanted(p, first, w, random, block);
	*kept = ((flags & NAT_KEEP_PORT) == 0 || port == w.inside_port) &&
	        ((flags & NAT_KEEP_PARITY) == 0 || ((port ^ w.inside_port) & 1) == 0);
	return port;
}
