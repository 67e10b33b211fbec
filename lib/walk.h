/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A walk of a worker over its own flows, a few a turn, that ends some of them.
 * Layout     A hand over the slab (struct walk, in struct worker), from the beginning to what was
 *            in use when it began: what is opened meanwhile is not met.
 * Invariant  1. A flow that ends so is one that has ended like any other: counters, ports.
 * Owner      The worker.
 * See        lib/purge.h, lib/cut.h.
 */
#ifndef MR_WALK_H
#define MR_WALK_H

#include "worker.h"

/* walk_begin: at the first flow. */
void walk_begin(const struct worker *w, struct walk *k);

static inline bool
walk_is_over(const struct walk *k)
{
	return k->at4 >= k->end4 && k->at6 >= k->end6;
}

/* walk_on: at most so many entries further; flows that `goes` says yes of end. => how many did. */
uint32_t walk_on(struct worker *w, struct walk *k, uint32_t steps,
                 bool (*goes)(const struct worker *w, struct flow *f));

#endif
