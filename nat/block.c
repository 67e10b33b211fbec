/* SPDX-License-Identifier: Apache-2.0 */
/* Ports of a block: a few random tries, then the exact choice among those that are free. */
#include "nat/block.h"

#include "nat/bits.h"

enum { RANDOM_TRIES = 4 };

/* => the place of a free port in the block. There is one. A hint stands for the first draw. */
static uint32_t
choose(const struct block *b, const uint64_t *row, uint32_t at, enum nat_proto proto,
       uint32_t hint, uint64_t *random)
{
	uint32_t hinted = hint - b->first;
	for (unsigned i = 0; i < RANDOM_TRIES; i++) {
		uint32_t place = random_below(random, b->ports);
		if (i == 0 && hinted < b->ports)
			place = hinted;
		if (!bit_is_set(row, at + place))
			return place;
	}
	uint32_t n = b->ports - (uint32_t)b->taken[proto];
	return bits_nth_clear(row, at, b->ports, random_below(random, n));
}

uint16_t
block_take_port(struct block *b, uint64_t *row, uint32_t at, enum nat_proto proto, uint32_t hint,
                uint64_t *random)
{
	if (b->taken[proto] == b->ports)
		return 0;
	uint32_t place = choose(b, row, at, proto, hint, random);
	bit_set(row, at + place);
	b->taken[proto]++;
	b->mapped++;
	return (uint16_t)(b->first + place);
}
