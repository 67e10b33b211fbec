/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A slab of entries of one size, numbered from 1, with an optional chained hash index.
 * Layout     Every entry begins with a uint32_t: the next entry of its chain, or of the free list.
 *            Entry 0 exists and is never used, so that number 0 is none.
 * Invariant  1. used entries + the free list + those above high = capacity.
 *            2. A free entry is zero but for its first word.
 * Owner      One worker writes; the main lcore may read entries up to high for listings.
 * Limits     table_take says 0 when full. Nothing is allocated after table_init.
 */
#ifndef MR_NAT_TABLE_H
#define MR_NAT_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table {
	uint8_t *entry;
	uint32_t *head;     /* of chains, by hash; NULL when not indexed */
	uint32_t mask;
	uint32_t entry_size;
	uint32_t capacity, used;
	uint32_t high;      /* numbers above were never used */
	uint32_t free;
};

/* table_memsize: bytes for capacity entries. => a multiple of 64. */
size_t table_memsize(uint32_t capacity, uint32_t entry_size, int indexed);
/* table_init: => mem is zeroed and aligned to 64 bytes. */
void table_init(struct table *t, void *mem, uint32_t capacity, uint32_t entry_size, int indexed);

/* table_give: an entry back to the free list. */
void table_give(struct table *t, uint32_t number);

/* table_link, table_unlink: to the end of the chain of hash, and out of it: who has been there for
 * longest is found first, and goes first as a rule. => linked at most once. */
void table_link(struct table *t, uint32_t number, uint64_t hash);
void table_unlink(struct table *t, uint32_t number, uint64_t hash);

static inline void *
table_at(const struct table *t, uint32_t number)
{
	return t->entry + (size_t)number * t->entry_size;
}

static inline uint32_t
table_next(const struct table *t, uint32_t number)
{
	return *(const uint32_t *)table_at(t, number);
}

/* table_take: an entry of zeros. => its number, 0 when full. */
static inline uint32_t
table_take(struct table *t)
{
	uint32_t n = t->free;
	if (n != 0)
		t->free = table_next(t, n);
	else if (t->high < t->capacity)
		n = ++t->high;
	else
		return 0;
	*(uint32_t *)table_at(t, n) = 0;
	t->used++;
	return n;
}

/* table_push: table_give of an entry that is zeros already. */
static inline void
table_push(struct table *t, uint32_t number)
{
	*(uint32_t *)table_at(t, number) = t->free;
	t->free = number;
	t->used--;
}

/* table_peek: the entry that table_take would give, 0 when full. */
static inline uint32_t
table_peek(const struct table *t)
{
	if (t->free != 0)
		return t->free;
	return t->high < t->capacity ? t->high + 1 : 0;
}

/* table_peek_after: the entry that it would give after number, which was peeked. */
static inline uint32_t
table_peek_after(const struct table *t, uint32_t number)
{
	if (number > t->high)
		return number < t->capacity ? number + 1 : 0;
	uint32_t next = table_next(t, number);
	return next != 0 || t->high == t->capacity ? next : t->high + 1;
}

/* table_head: where the chain of hash begins; table_first: its first entry, 0 when empty. */
static inline uint32_t *
table_head(const struct table *t, uint64_t hash)
{
	return &t->head[(uint32_t)(hash >> 32) & t->mask];
}

static inline uint32_t
table_first(const struct table *t, uint64_t hash)
{
	return *table_head(t, hash);
}

#endif
