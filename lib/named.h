/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Flows that are asked for by each packet (lib/policy.h, flow_spec.name): the one that a
 *            packet goes by, or the name of a new one.
 * Invariant  1. The name that a policy gives is where the search begins. Who has it may change
 *               while flows live, so an owner's flow is also found by its reply, and under other
 *               names.
 *            2. No flow of another owner ends for its name, but one whose reply's tuple the new one
 *               is to have: both cannot be.
 * Owner      The worker.
 * Limits     Without a free name the new flow collides, and its packet is dropped.
 */
#ifndef MR_NAMED_H
#define MR_NAMED_H

#include "miss.h"

/* named_find: => the flow; or 0, and *name, the tuple with spec->name, has one that is free. */
flow_ref named_find(struct worker *w, const struct judged *j, const struct flow_spec *spec,
                    struct tuple *name);

#endif
