/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Resolved next hops: (interface, IP address) to a MAC address, by a small number that
 *            flows keep.
 * Layout     An array of 32-byte entries and an open-addressed hash of their numbers. MAC and state
 *            share one 8-byte word, so that a reader never sees half a change.
 * Invariant  1. Number 0 is none; number 1 is NEXTHOP_LOOP (hairpin: enter again as outside);
 *               number 2 is NEXTHOP_RESET (packets of the flow are answered: lib/reset.h);
 *               number 3 NEXTHOP_WAY (the flow's owner has a way of its own: lib/encap.h).
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

enum { NEXTHOP_NONE = 0, NEXTHOP_LOOP = 1, NEXTHOP_RESET = 2, NEXTHOP_WAY = 3, NEXTHOP_FIRST = 4,
       NEXTHOP_MAX = 65536, NEXTHOP_SLOTS = 2 * NEXTHOP_MAX };
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
	_Atomic uint16_t *slot;     /* NEXTHOP_SLOTS, 0 is empty */
	uint32_t count;
};

size_t nexthop_memsize(void);
void nexthop_init(struct nexthop_table *t, void *mem);

static inline uint32_t
nexthop_slot(uint8_t nic, uint8_t family, const union addr *a)
{
	uint64_t h = (a->q[0] ^ nic ^ (uint64_t)family << 8) * 0x9e3779b97f4a7c15u;
	h = (h ^ h >> 29 ^ a->q[1]) * 0xbf58476d1ce4e5b9u;
	return (uint32_t)(h >> 32) & (NEXTHOP_SLOTS - 1);
}

/*
 * nexthop_probe: its slot if it is there, else the empty one where it belongs: never full, as half
 * is empty. *id: its number, or 0.
 */
static inline uint32_t
nexthop_probe(const struct nexthop_table *t, uint8_t nic, uint8_t family, const union addr *a,
              uint16_t *id)
{
	for (uint32_t s = nexthop_slot(nic, family, a);; s = (s + 1) & (NEXTHOP_SLOTS - 1)) {
		/* Acquire: the entry was whole before its number stood here. */
		*id = atomic_load_explicit(&t->slot[s], memory_order_acquire);
		const struct nexthop *n = &t->entry[*id];
		if (*id == NEXTHOP_NONE ||
		    (n->nic == nic && n->family == family && addr_equal(&n->address, a)))
			return s;
	}
}

/* nexthop_find: its number, or 0. Any thread. */
static inline uint16_t
nexthop_find(const struct nexthop_table *t, uint8_t nic, uint8_t family, const union addr *a)
{
	uint16_t id;
	nexthop_probe(t, nic, family, a, &id);
	return id;
}

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
	return (word >> 48 & NEXTHOP_UP) != 0;
}

#endif
