/* SPDX-License-Identifier: Apache-2.0 */
/* The next-hop table: one writer publishes, workers look up without locks. */
#include "nexthop.h"

#include <stddef.h>

enum { SLOTS = 2 * NEXTHOP_MAX };

size_t
nexthop_memsize(void)
{
	return NEXTHOP_MAX * sizeof(struct nexthop) + SLOTS * sizeof(uint16_t);
}

void
nexthop_init(struct nexthop_table *t, void *mem)
{
	t->entry = mem;
	t->slot = (_Atomic uint16_t *)(void *)(t->entry + NEXTHOP_MAX);
	t->count = NEXTHOP_FIRST;
}

static uint32_t
slot_of(uint8_t nic, uint8_t family, const union addr *a)
{
	uint64_t h = (a->q[0] ^ nic ^ (uint64_t)family << 8) * 0x9e3779b97f4a7c15u;
	h = (h ^ h >> 29 ^ a->q[1]) * 0xbf58476d1ce4e5b9u;
	return (uint32_t)(h >> 32) & (SLOTS - 1);
}

/* Its slot if it is there, else the empty one where it belongs: never full, as half is empty. */
static uint32_t
probe(const struct nexthop_table *t, uint8_t nic, uint8_t family, const union addr *a, uint16_t *id)
{
	for (uint32_t s = slot_of(nic, family, a);; s = (s + 1) & (SLOTS - 1)) {
		/* Acquire: the entry was whole before its number stood here. */
		*id = atomic_load_explicit(&t->slot[s], memory_order_acquire);
		const struct nexthop *n = &t->entry[*id];
		if (*id == NEXTHOP_NONE ||
		    (n->nic == nic && n->family == family && addr_equal(&n->address, a)))
			return s;
	}
}

uint16_t
nexthop_find(const struct nexthop_table *t, uint8_t nic, uint8_t family, const union addr *a)
{
	uint16_t id;
	probe(t, nic, family, a, &id);
	return id;
}

uint16_t
nexthop_set(struct nexthop_table *t, uint8_t nic, uint8_t family, const union addr *a,
            const uint8_t mac[6], enum nexthop_state state)
{
	uint64_t word = 0;
	memcpy(&word, mac, 6);
	word |= (uint64_t)state << 48;
	uint16_t id;
	uint32_t s = probe(t, nic, family, a, &id);
	bool is_new = id == NEXTHOP_NONE;
	if (is_new && t->count == NEXTHOP_MAX)
		return NEXTHOP_NONE;
	if (is_new) {
		id = (uint16_t)t->count++;
		t->entry[id].address = *a;
		t->entry[id].family = family;
		t->entry[id].nic = nic;
	}
	atomic_store_explicit(&t->entry[id].word, word, memory_order_release);
	if (is_new)
		atomic_store_explicit(&t->slot[s], id, memory_order_release);
	return id;
}
