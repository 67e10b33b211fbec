/* SPDX-License-Identifier: Apache-2.0 */
/* Entries by number, with a free list and chains. */
#include "nat/table.h"

#include <assert.h>
#include <string.h>

static size_t
round64(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

static uint32_t
buckets(uint32_t capacity)
{
	uint32_t n = 16;
	while (n < capacity && n < 1u << 31)
		n *= 2;
	return n;
}

size_t
table_memsize(uint32_t capacity, uint32_t entry_size, int indexed)
{
	size_t heads = indexed ? (size_t)buckets(capacity) * sizeof(uint32_t) : 0;
	return round64(((size_t)capacity + 1) * entry_size) + round64(heads);
}

void
table_init(struct table *t, void *mem, uint32_t capacity, uint32_t entry_size, int indexed)
{
	memset(t, 0, sizeof(*t));
	t->entry = mem;
	t->entry_size = entry_size;
	t->capacity = capacity;
	if (!indexed)
		return;
	t->head = (uint32_t *)(void *)(t->entry + round64(((size_t)capacity + 1) * entry_size));
	t->mask = buckets(capacity) - 1;
}

void
table_give(struct table *t, uint32_t number)
{
	assert(number != 0 && number <= t->high && t->used != 0);
	memset(table_at(t, number), 0, t->entry_size);
	table_push(t, number);
}

void
table_link(struct table *t, uint32_t number, uint64_t hash)
{
	uint32_t *at = &t->head[(uint32_t)(hash >> 32) & t->mask];
	while (*at != 0)
		at = table_at(t, *at);
	*(uint32_t *)table_at(t, number) = 0;
	*at = number;
}

void
table_unlink(struct table *t, uint32_t number, uint64_t hash)
{
	uint32_t *at = &t->head[(uint32_t)(hash >> 32) & t->mask];
	while (*at != number) {
		assert(*at != 0);
		at = table_at(t, *at);
	}
	*at = table_next(t, number);
	*(uint32_t *)table_at(t, number) = 0;
}
