/* SPDX-License-Identifier: Apache-2.0 */
/* Mappings by inside and by external endpoint. */
#include "nat/mapping.h"

static uint32_t
index_for(uint32_t capacity)
{
	return index_buckets(2 * (uint64_t)capacity, MAPPING_PAIR_LOAD);
}

size_t
mapping_memsize(uint32_t capacity)
{
	return table_memsize(capacity, sizeof(struct mapping), 0) + index_size(index_for(capacity));
}

void
mapping_init(struct mapping_table *m, void *mem, uint32_t capacity, uint64_t seed,
             const struct table *blocks)
{
	uint8_t *after = (uint8_t *)mem + table_memsize(capacity, sizeof(struct mapping), 0);
	table_init(&m->t, mem, capacity, sizeof(struct mapping), 0);
	m->index = (struct index){(struct index_bucket *)(void *)after, index_for(capacity)};
	m->blocks = blocks;
	m->seed = seed;
}

uint32_t
mapping_find_external(const struct mapping_table *m, uint32_t slot, unsigned proto, uint16_t port)
{
	struct index_search s;
	uint32_t ref = index_first(&s, m->index, mapping_hash(m, true, slot, proto, port));
	for (; ref != 0; ref = index_next(&s)) {
		const struct mapping *p = mapping_at(m, ref >> 1);
		if ((ref & 1) != 0 && p->port == port && p->proto == proto &&
		    mapping_block(m, p)->slot == slot)
			break;
	}
	return ref >> 1;
}
