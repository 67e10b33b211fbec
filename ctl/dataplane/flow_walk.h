/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A page's worth of the workers' flow tables, read while they write: whole flows, those
 *            that are over left out.
 * Layout     The cursor is the worker, and an entry of its table: IPv4 entries, then IPv6 ones.
 * Invariant  1. A snapshot was read twice alike.
 *            2. The walk ends at COMMAND_STEPS entries or when the page is full; pg->next says
 *               where the next one begins.
 * Owner      The main lcore reads.
 * See        command_exec.h.
 */
#ifndef MR_FLOW_WALK_H
#define MR_FLOW_WALK_H

#include "command_exec.h"
#include "lib/tally.h"

/* A flow as it stood at one moment. */
struct snapshot {
	struct flow f;
	struct tuple tuple[2];
	struct flow_totals sum;
	uint32_t idle_ms, left_ms; /* since it was seen; until it is over */
	uint8_t worker;
};

/* flow_walk: `take` adds what it wants of each flow to the page. */
void flow_walk(struct page *pg, void (*take)(struct page *pg, const struct snapshot *s));

#endif
