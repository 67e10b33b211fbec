/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Listings of a running data plane, a page at a time: from the tables that workers own,
 *            read while they write.
 * Layout     A listing walks its table on from pg->cursor, adds rows, and sets pg->next to where
 *            the following page begins (0: no more).
 * Invariant  1. A row is whole: it was read twice alike.
 *            2. What changes between pages may be missing or shown twice; nothing else is.
 * Owner      The main lcore reads, workers are not disturbed.
 * Limits     COMMAND_STEPS table entries are looked at for one page, which may then be short or
 *            empty and still not the last.
 */
#ifndef MR_COMMAND_EXEC_H
#define MR_COMMAND_EXEC_H

#include "plane.h"

enum { COMMAND_STEPS = 1 << 17, COMMAND_READS = 4 };

struct page {
	struct plane *plane;
	const struct cmd_filter *filter;
	uint32_t now_ms;
	uint64_t cursor, next;
	uint8_t *out;
	uint32_t record_size, room, count; /* room in records */
	bool counts;                       /* rows are counted only: out has no room */
};

static inline void
page_add(struct page *pg, const void *row)
{
	if (!pg->counts)
		memcpy(pg->out + (size_t)pg->count * pg->record_size, row, pg->record_size);
	pg->count++;
}

void list_flows(struct page *pg);
void list_mappings(struct page *pg);
void list_subscribers(struct page *pg);
void list_pools(struct page *pg);
void list_blocks(struct page *pg);
void list_backends(struct page *pg);

/* command_refuse: status and a sentence. */
void command_refuse(struct reply *r, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
