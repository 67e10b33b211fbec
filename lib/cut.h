/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Flows that an operator wants ended: the main lcore says which, each worker walks over
 *            its own, asks the policy, and ends those. They end like any other: counted, logged,
 *            ports to the quarantine.
 * Layout     struct cut_order in struct shared: what is wanted; struct cutting in each worker: how
 *            far its walk (lib/walk.h) is.
 * Invariant  1. There is one at a time: cut_post refuses while a worker is at the last one.
 *            2. what and policy are written before number is (store-release), and not again before
 *               every worker has said that it is done.
 *            3. Where a worker has another generation in force the cut ends: `what` may have
 *               another meaning there.
 * Owner      The main lcore: struct cut_order. The worker: its struct cutting, of which others read
 *            number, done and flows.
 * Limits     CUT_TURN entries a turn, and as many of what the policy has beside flows. Flows that
 *            are opened meanwhile may stay.
 * See        lib/policy.h, chosen.
 */
#ifndef MR_CUT_H
#define MR_CUT_H

#include "worker.h"

enum { CUT_TURN = 32 };

/*
 * cut_post: end the flows of a policy that are chosen by `what`, whose numbers are those of a
 * generation. => number, 0: one is under way.
 */
uint64_t cut_post(struct shared *s, struct worker *const *workers, uint8_t policy,
                  uint64_t generation, const void *what, size_t size);
/* cut_is_short: did a worker leave off, since another generation came? */
bool cut_is_short(const struct shared *s, struct worker *const *workers);
/* cut_busy: workers that are at the latest one; *flows: what was ended by it. */
uint32_t cut_busy(const struct shared *s, struct worker *const *workers, uint64_t *flows);
/* cut_turn: look at so many entries, if anything is wanted. */
void cut_turn(struct worker *w, uint32_t steps);

#endif
