/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       So many flows of one worker, a quarter of them IPv6, their owners numbered from 1 in
 *            each slab, for the tests of walks over them.
 */
#ifndef MR_WALK_KIT_H
#define MR_WALK_KIT_H

#include "probe.h"

/* walk_kit_arrive: flow i opens. */
static inline void
walk_kit_arrive(struct world *w, unsigned i)
{
	probe_arrive(w, WORLD_IN, i % 4 < 3 ?
	             world_frame("10.0.0.10", (uint16_t)(2000 + i), "8.8.8.8", 53, 17) :
	             world_frame("2001:db8:1::10", (uint16_t)(2000 + i), "2001:db8:2::10", 53, 17));
}

/* walk_kit: the world; its first policy's operations stand in ops, to be changed. */
static inline struct world *
walk_kit(unsigned flows, struct policy_ops *ops)
{
	struct world *w = probe_simple();
	for (unsigned i = 0; i < flows; i++)
		walk_kit_arrive(w, i);
	struct worker *k = w->worker[0];
	CU_ASSERT_EQUAL_FATAL(k->flows.used4 + k->flows.used6, flows);
	for (uint32_t i = 1; i <= k->flows.high4; i++)
		k->flows.v4[i].f.owner = i;
	for (uint32_t i = 1; i <= k->flows.high6; i++)
		k->flows.v6[i].f.owner = i;
	*ops = *k->policy[0].ops;
	k->policy[0].ops = ops;
	return w;
}

#endif
