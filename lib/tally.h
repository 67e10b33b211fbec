/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What flows have carried beyond their own counters, which 2^24 packets of a direction
 *            fill: then they are taken to a line here and begin anew.
 * Layout     A line for each such flow, found by the flow's address through an index of line
 *            numbers (lib/index.h). Lines do not move; free ones are linked.
 * Invariant  1. In all = what the flow's own counters say + what its line says.
 *            2. A flow that has ended has no line.
 * Owner      The worker writes. The main lcore reads for listings: at the moment of a taking it
 *            may see a direction before or after, never in part of a number.
 * Limits     One flow of TALLY_ONE_OF, and TALLY_LEAST: each has carried 20 MB to 1 TB before it
 *            wants a line. What finds none is lost, and counted (stats.flow_counts_lost).
 * See        lib/flow.h.
 */
#ifndef MR_TALLY_H
#define MR_TALLY_H

#include "flow.h"

enum { TALLY_ONE_OF = 2048, TALLY_LEAST = 64 };

struct tally_line {
	const struct flow *f; /* NULL: free */
	uint64_t packets[2], bytes[2];
	uint32_t next;        /* of the free ones; 0: none */
};

struct tally {
	struct index index;
	struct tally_line *line; /* number 0 is not used */
	uint32_t capacity, used, free;
	uint64_t lost;           /* times that there was no line */
	size_t size;             /* of its memory, from index.bucket on */
};

struct flow_totals {
	uint64_t packets[2], bytes[2];
};

/* tally_memsize, tally_init: for a table of so many flows; mem is zeroed, 64-byte aligned. */
size_t tally_memsize(uint32_t flows);
void tally_init(struct tally *t, void *mem, uint32_t flows);

/* tally_take: flow_count said that the packets of this direction have run over. */
void tally_take(struct tally *t, struct flow *f, unsigned dir);

/* tally_uncount: the packet that was counted last was of another flow. */
void tally_uncount(struct tally *t, struct flow *f, unsigned dir, uint32_t bytes);

/* tally_add: what the line of the flow at this address says, if it has one, is added. */
void tally_add(const struct tally *t, const struct flow *at, struct flow_totals *sum);

/* tally_totals: what the flow at this address has carried; f: itself, or a copy. t: or NULL. */
static inline struct flow_totals
tally_totals(const struct tally *t, const struct flow *at, const struct flow *f)
{
	struct flow_totals sum = {.packets = {flow_packets(f, 0), flow_packets(f, 1)},
	                          .bytes = {flow_bytes(f, 0), flow_bytes(f, 1)}};
	if (t != NULL && t->used != 0)
		tally_add(t, at, &sum);
	return sum;
}

/* tally_end: the flow is over; its line, if it has one, is free. tally_drop: when there are any. */
void tally_drop(struct tally *t, const struct flow *f);

static inline void
tally_end(struct tally *t, const struct flow *f)
{
	if (t->used != 0)
		tally_drop(t, f);
}

#endif
