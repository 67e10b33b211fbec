/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The tables of services (lb/lb_table.h) in the data plane: they outlive generations, so
 *            that a change of one service brings one table, not those of thousands.
 * Layout     Chunks of CHUNK_TABLES tables, which fill a huge page of 2 MB; each table is held by
 *            the views that go through it. A view has the number of each of its services' tables.
 * Invariant  1. A table is constant while a view holds it.
 *            2. What is kept is the table of the same service (by its stable number), made of the
 *               same backends (digest and count): so its slots name backends of the service.
 *            3. A chunk of which no table is held is given back.
 * Owner      The main lcore; workers read.
 * Limits     Memory: as many tables as were held at once, in the worst case as many chunks.
 * See        lb/lb_image.h.
 */
#ifndef MR_LB_TABLES_H
#define MR_LB_TABLES_H

#include "lb_image.h"

struct lb_table {
	uint16_t slot[MAGLEV_SIZE];
	struct lb_chunk *chunk;
	uint32_t views; /* that hold it */
};

struct lb_tables {
	struct lb_shelf *shelf;   /* what all views take tables from */
	struct lb_table **table;  /* by row of the service */
	uint32_t n;
};

/*
 * lb_tables_take: those of a checked image; what is to be kept from an older image and its tables
 * (or NULL). lb_tables_drop is due in any case. => 0, -ENOMEM; -ESTALE: the older one has it not.
 */
int lb_tables_take(struct lb_tables *t, const struct image_header *h,
                   const struct image_header *old_image, const struct lb_tables *old);
void lb_tables_drop(struct lb_tables *t);

/* lb_tables_slots: of a service's row. */
static inline const uint16_t *
lb_tables_slots(const struct lb_tables *t, uint32_t row)
{
	return t->table[row]->slot;
}

/* lb_tables_memory: bytes of all chunks. */
size_t lb_tables_memory(const struct lb_tables *t);

#endif
