/* SPDX-License-Identifier: Apache-2.0 */
/* The next-hop table: one writer publishes, workers look up without locks. */
#include "nexthop.h"

#include <stddef.h>

size_t
nexthop_memsize(void)
{
	return NEXTHOP_MAX * sizeof(struct nexthop) + NEXTHOP_SLOTS * sizeof(uint16_t);
}

void
nexthop_init(struct nexthop_table *t, void *mem)
{
	t->entry = mem;
	t->slot = (_Atomic uint16_t *)(void *)(t->entry + NEXTHOP_MAX);
	t->count = NEXTHOP_FIRST;
}

uint16_t
nexthop_set(struct nexthop_table *t, uint8_t nic, uint8_t family, const union addr *a,
            const uint8_t mac[6], enum nexthop_state state)
{
	uint64_t word = 0;
	memcpy(&word, mac, 6);
	word |= (uint64_t)state << 48;
	uint16_t id;
	uint32_t s = nexthop_probe(t, nic, family, a, &id);
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
