/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The deadline of pool addresses that give nothing more, because they drain or were
 *            removed: after it what is left on them ends.
 * Layout     For each slot, and for pairs for each stable id of an address, when its drain began,
 *            by the worker's clock; 0: it does not drain.
 * Invariant  1. A drain goes on over generations until the address gives again or is empty; its
 *               deadline is that of the generation in force.
 *            2. drain_due is never later than the next deadline.
 *            3. An address whose deadline has passed admits nothing more.
 * Owner      One worker.
 * See        docs/nat.md, "Pools"; lib/purge.h, by which its flows end.
 */
#ifndef MR_NAT_DRAIN_H
#define MR_NAT_DRAIN_H

#include "nat/state.h"

/* drain_reload: after pool_reload. */
void drain_reload(struct nat *n);

/* drain_is_over: of the address of a slot. */
bool drain_is_over(const struct nat *n, const struct pool_slot *slot);
/* drain_ends: does a pool address's flow that has no mapping end with it? */
bool drain_ends(const struct nat *n, be32 external);

/* drain_lapsed: has a deadline passed since this was last asked? */
bool drain_lapsed(struct nat *n);

#endif
