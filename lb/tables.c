/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of services that outlive generations. */
#include "tables.h"

#include <errno.h>

#include "lib/mem.h"

enum { CHUNK_TABLES = 15 };

struct lb_chunk {
	struct lb_table table[CHUNK_TABLES];
	struct lb_shelf *shelf;
	struct lb_chunk *next, **link;
	uint32_t used;
};
static_assert(sizeof(struct lb_chunk) <= 2 << 20, "a chunk is a huge page");

struct lb_shelf {
	struct lb_chunk *chunks;
	uint32_t views;
};

static struct lb_chunk *
chunk_add(struct lb_shelf *s)
{
	struct lb_chunk *c = mem_alloc(sizeof(*c), -1);
	if (c == NULL)
		return NULL;
	c->shelf = s;
	c->next = s->chunks;
	c->link = &s->chunks;
	if (c->next != NULL)
		c->next->link = &c->next;
	s->chunks = c;
	return c;
}

static void
chunk_remove(struct lb_chunk *c)
{
	*c->link = c->next;
	if (c->next != NULL)
		c->next->link = c->link;
	mem_free(c, sizeof(*c));
}

/* table_new: one that nobody holds, held. => NULL when memory runs out. */
static struct lb_table *
table_new(struct lb_shelf *s, struct lb_chunk **from)
{
	struct lb_chunk *c = *from;
	while (c != NULL && c->used == CHUNK_TABLES)
		c = c->next;
	if (c == NULL)
		c = chunk_add(s);
	*from = c;
	for (uint32_t i = 0; c != NULL && i < CHUNK_TABLES; i++) {
		struct lb_table *t = &c->table[i];
		if (t->views != 0)
			continue;
		t->chunk = c;
		t->views = 1;
		c->used++;
		return t;
	}
	return NULL;
}

static void
table_put(struct lb_table *t)
{
	struct lb_chunk *c = t->chunk;
	if (--t->views == 0 && --c->used == 0)
		chunk_remove(c);
}

/* tables_open: room for n of them, on the shelf of the older ones. => 0 or -ENOMEM. */
static int
tables_open(struct lb_tables *t, uint32_t n, const struct lb_tables *old)
{
	*t = (struct lb_tables){.n = n, .table = mem_alloc((n + 1) * sizeof(*t->table), -1)};
	t->shelf = old != NULL ? old->shelf : mem_alloc(sizeof(*t->shelf), -1);
	if (t->shelf != NULL)
		t->shelf->views++;
	return t->shelf != NULL && t->table != NULL ? 0 : -ENOMEM;
}

/* table_kept: the older one's, held once more, or NULL. */
static struct lb_table *
table_kept(const struct img_lb_service *s, const struct lb_by_id *by_id,
           const struct img_lb_service *old_rows, const struct lb_tables *old)
{
	const struct img_lb_service *o = lb_table_known(by_id, s);
	if (o == NULL || old == NULL)
		return NULL;
	struct lb_table *t = old->table[o - old_rows];
	t->views++;
	return t;
}

int
lb_tables_take(struct lb_tables *t, const struct image_header *h,
               const struct image_header *old_image, const struct lb_tables *old)
{
	struct lb_by_id by_id;
	uint32_t n, n_old, n_slots;
	const struct img_lb_service *s = image_rows(h, IMG_LB_SERVICES, &n), *old_rows = NULL;
	const uint16_t *slots = image_rows(h, IMG_LB_SLOTS, &n_slots);
	lb_services_by_id(old_image, &by_id);
	if (old_image != NULL)
		old_rows = image_rows(old_image, IMG_LB_SERVICES, &n_old);
	if (tables_open(t, n, old) != 0)
		return -ENOMEM;
	struct lb_chunk *from = t->shelf->chunks;
	for (uint32_t i = 0; i < n; i++) {
		bool kept = s[i].slots == LB_SLOTS_KEPT;
		t->table[i] = kept ? table_kept(&s[i], &by_id, old_rows, old) :
			table_new(t->shelf, &from);
		if (t->table[i] == NULL)
			return kept ? -ESTALE : -ENOMEM;
		if (!kept)
			memcpy(t->table[i]->slot, slots + (size_t)s[i].slots * MAGLEV_SIZE,
			       sizeof(t->table[i]->slot));
	}
	return 0;
}

void
lb_tables_drop(struct lb_tables *t)
{
	for (uint32_t i = 0; t->table != NULL && i < t->n; i++)
		if (t->table[i] != NULL)
			table_put(t->table[i]);
	if (t->table != NULL)
		mem_free(t->table, (t->n + 1) * sizeof(*t->table));
	if (t->shelf != NULL && --t->shelf->views == 0)
		mem_free(t->shelf, sizeof(*t->shelf));
	*t = (struct lb_tables){0};
}

size_t
lb_tables_memory(const struct lb_tables *t)
{
	size_t size = 0;
	for (const struct lb_chunk *c = t->shelf->chunks; c != NULL; c = c->next)
		size += sizeof(*c);
	return size;
}
