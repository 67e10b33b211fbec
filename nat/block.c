/* SPDX-License-Identifier: Apache-2.0 */
/* Ports of a block: a few random tries, then the exact choice among those that are free. */
#include "nat/block.h"

enum { RANDOM_TRIES = 4 };

static bool
is_free(uint32_t entry, const struct nat_clock *now)
{
	return entry == 0 || ((entry & MARK_BIT) != 0 && mark_is_over(entry, now));
}

/* The r-th free port, counted from 0. => r is below the number of free ones. */
static uint32_t
nth_free(const uint32_t *entry, uint32_t r, const struct nat_clock *now)
{
	for (uint32_t i = 0;; i++)
		if (is_free(entry[i], now) && r-- == 0)
			return i;
}

/* How many are free; if none is, full_until remembers when the first quarantine ends. */
static uint32_t
count_free(struct block *b, const uint32_t *entry, enum nat_proto proto,
           const struct nat_clock *now)
{
	uint32_t n = 0, first = 0;
	for (uint32_t i = 0; i < b->ports; i++) {
		if (is_free(entry[i], now))
			n++;
		else if ((entry[i] & MARK_BIT) != 0 &&
		         (first == 0 || mark_is_before(entry[i], first)))
			first = entry[i];
	}
	b->full_until[proto] = n == 0 ? first : 0;
	return n;
}

static uint32_t
choose(struct block *b, const uint32_t *entry, enum nat_proto proto, const struct nat_clock *now,
       uint64_t *random)
{
	for (unsigned i = 0; i < RANDOM_TRIES; i++) {
		uint32_t at = random_below(random, b->ports);
		if (is_free(entry[at], now))
			return at;
	}
	uint32_t n = count_free(b, entry, proto, now);
	return n == 0 ? b->ports : nth_free(entry, random_below(random, n), now);
}

uint16_t
block_take_port(struct block *b, uint32_t *entry, enum nat_proto proto, uint32_t mapping,
                const struct nat_clock *now, uint64_t *random)
{
	if (b->used[proto] == b->ports)
		return 0;
	if (b->full_until[proto] != 0 && !mark_is_over(b->full_until[proto], now))
		return 0;
	uint32_t at = choose(b, entry, proto, now, random);
	if (at == b->ports)
		return 0;
	entry[at] = mapping;
	b->used[proto]++;
	return (uint16_t)(b->first + at);
}

void
block_give_port(struct block *b, uint32_t *entry, enum nat_proto proto, uint16_t port,
                uint32_t mark)
{
	assert(b->used[proto] != 0);
	entry[port - b->first] = mark;
	b->used[proto]--;
	if (mark == 0 || (b->full_until[proto] != 0 && mark_is_before(mark, b->full_until[proto])))
		b->full_until[proto] = mark;
	if (mark != 0 && (b->until == 0 || mark_is_before(b->until, mark)))
		b->until = mark;
}
