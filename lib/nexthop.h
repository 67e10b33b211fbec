/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Resolved next hops: (interface, IP address) to a MAC address, by a small number that
 *            flows keep.
 * Layout     An array of 32-byte entries and an open-addressed hash of their numbers. MAC and state
 *            share one 8-byte word, so that a reader never sees half a change.
 * Invariant  1. Number 0 is none; number 1 is NEXTHOP_LOOP (hairpin: enter again as outside).
 *            2. An entry, once published, keeps its interface and address: only the word changes.
 *            3. Only resolved addresses get an entry (unresolved ones are the slow path's own), so
 *               an address scan of a connected network cannot fill the table.
 * Owner      The main lcore writes; workers read without locks (store-release, load-acquire).
 * Limits     NEXTHOP_MAX entries, never reused; nexthop_add says 0 when full.
 */
#ifndef MR_NEXTHOP_H
#define MR_NEXTHOP_H

#include <stdatomic.h>

#include "addr.h"

enum { NEXTHOP_NONE = 0, NEXTHOP_LOOP = 1, NEXTHOP_FIRST = 2, NEXTHOP_MAX = 65536 };
enum nexthop_state { NEXTHOP_DEAD = 0, NEXTHOP_UP = 1 };

struct nexthop {
	_Atomic uint64_t word; /* bytes 0..5 MAC in memory order, byte 6 enum nexthop_state */
	union addr address;
	uint8_t family;
	uint8_t nic;
	uint8_t zero[6];
};
static_assert(sizeof(struct nexthop) == 32, "two next hops a cache line");

struct nexthop_table {
	struct nexthop *entry;      /* NEXTHOP_MAX */
	_Atomic uint16_t *slot;     /* 2 * NEXTHOP_MAX, 0 is empty */
	uint32_t count;
};

size_t nexthop_memsize(void);
void nexthop_init(struct nexthop_table *t, void *mem);
/* nexthop_find: its number, or 0. Any thread. */
uint16_t nexthop_find(const struct nexthop_table *t, uint8_t nic, uint8_t family,
                      const union addr *a);
/* nexthop_set: add or change; => its number, 0 when the table is full. Main lcore only. */
uint16_t nexthop_set(struct nexthop_table *t, uint8_t nic, uint8_t family, const union addr *a,
                     const uint8_t mac[6], enum nexthop_state state);

static inline uint64_t
nexthop_word(const struct nexthop_table *t, uint16_t id)
{
	return atomic_load_explicit(&t->entry[id].word, memory_order_relaxed);
}

static inline bool
nexthop_word_is_up(uint64_t word)
{
	return (word >> 48 & 0xff) == NEXTHOP_UP;
}

#endif
