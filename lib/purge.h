/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The end of flows that a policy does not want to go on under a new generation: those
 *            of a backend that is down, or whose drain is over. They end, or are marked for reset.
 *            Flows of a realm that no interface has any more end too, whoever's they are.
 * Layout     A walk (lib/walk.h) over what was in use when the generation was picked up: later
 *            flows are of its making.
 * Invariant  1. While no policy says that it has such flows, and no realm is gone, nothing is
 *               walked, but once in 64 changes of routes: a flow's next hops are never taken for
 *               those of a route generation 256 later.
 *            2. A walk that a further generation comes upon goes on to its end, whatever that
 *               changes, and then, if that wants one, is made again: so generations that come
 *               faster than a walk ends keep no flow from being seen.
 * Owner      The worker.
 * Limits     PURGE_TURN entries a turn; four million flows are seen in 120 k turns.
 * See        lib/policy.h, stale.
 */
#ifndef MR_PURGE_H
#define MR_PURGE_H

#include "worker.h"

enum { PURGE_TURN = 32 };

/* purge_start: a generation was picked up. */
void purge_start(struct worker *w);
/* purge_turn: look at so many entries. */
void purge_turn(struct worker *w, uint32_t steps);

#endif
