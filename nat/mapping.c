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
mapping_find(const struct mapping_table *m, uint64_t hash, uint32_t subscriber, unsigned proto,
             be16 inside_port)
{
	struct index_search s;
	uint32_t ref = index_first(&s, m->index, hash);
	for (; ref != 0; ref = index_next(&s)) {
		const struct mapping *p = mapping_at(m, ref >> 1);
		if ((ref & 1) == 0 && p->inside_port == inside_port && p->proto == proto &&
		    mapping_block(m, p)->subscriber == subscriber)
			break;
	}
	return ref >> 1;
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

static uint64_t
external_hash(const struct mapping_table *m, const struct mapping *p)
{
	return mapping_hash(m, true, mapping_block(m, p)->slot, p->proto, p->port);
}

uint32_t
mapping_add(struct mapping_table *m, const struct mapping *from, uint64_t hash)
{
	uint32_t n = table_take(&m->t);
	if (n == 0)
		return 0;
	if (!index_add(m->index, hash, n << 1)) {
		table_give(&m->t, n);
		return 0;
	}
	if (!index_add(m->index, external_hash(m, from), n << 1 | 1)) {
		index_del(m->index, hash, n << 1);
		table_give(&m->t, n);
		return 0;
	}
	*mapping_at(m, n) = *from;
	return n;
}

void
mapping_del(struct mapping_table *m, uint32_t number)
{
	struct mapping *p = mapping_at(m, number);
	uint32_t subscriber = mapping_block(m, p)->subscriber;
	uint64_t hash = mapping_hash(m, false, subscriber, p->proto, p->inside_port);
	bool was = index_del(m->index, hash, number << 1) &&
	           index_del(m->index, external_hash(m, p), number << 1 | 1);
	assert(was && "a mapping is in the index under both its keys");
	(void)was;
	*p = (struct mapping){0};
	table_give(&m->t, number);
}
