/* SPDX-License-Identifier: Apache-2.0 */
/* Ports of a block: a few more random tries, then the exact choice among those that are free. */
#include "nat/block.h"

uint32_t
block_choose(const struct block *b, const uint64_t *row, uint32_t at, enum nat_proto proto,
             uint64_t *random)
{
	for (unsigned i = 0; i < PORT_TRIES; i++) {
		uint32_t place = random_below(random, b->ports);
		if (!bit_is_set(row, at + place))
			return place;
	}
	uint32_t n = b->usable - (uint32_t)b->taken[proto];
	return bits_nth_clear(row, at, b->ports, random_below(random, n));
}
