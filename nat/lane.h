/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Pools by destination: an inside address that matches rules of different pools is a
 *            subscriber of its own for each of them, in a lane.
 * Layout     Lane 0 is that of all rules without a destination. A rule that has one and stands
 *            apart (nat_image.h) is in the lane of its pool.
 * Invariant  1. A pool keeps its lane while it has its name and rules that stand apart, whatever
 *               else changes between generations. So an inside endpoint has one mapping for all
 *               destinations of a lane (RFC 4787 REQ-1).
 *            2. In a generation two pools never share a lane.
 * Owner      One worker; workers need not agree.
 * Limits     NAT_MAX_LANES pools of rules that stand apart.
 */
#ifndef MR_NAT_LANE_H
#define MR_NAT_LANE_H

#include "nat/state.h"

/* lane_reload: after threshold_reload, which names the pools. */
void lane_reload(struct nat *n);

/* lane_side: where a rule's subscribers of a realm are. */
static inline uint32_t
lane_side(const struct nat *n, const struct img_nat_rule *rule, uint8_t realm)
{
	if (!rule->apart)
		return realm;
	return realm | (uint32_t)n->pool.use[rule->pool].lane << 8;
}

#endif
