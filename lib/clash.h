/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A new flow whose reply's tuple another flow has: the responder could not tell the two
 *            apart, and neither could we. Either that one yields, or the policy has another reply.
 * Invariant  1. A flow yields if it is idle; and, in a policy that wants it so (opens_again), to a
 *               connection that begins if its own is over: as to a SYN on its own tuple
 *               (lib/again.h), for to the responder it is that.
 *            2. What lives goes on as it was.
 * Owner      The worker.
 * Limits     CLASH_TRIES replies; then the packet is dropped (FLOW_COLLISION, flow_spec.taken).
 * See        lib/policy.h, other; docs/lb.md, "Services that share backends".
 */
#ifndef MR_CLASH_H
#define MR_CLASH_H

#include "miss.h"

enum { CLASH_TRIES = 8 };

/* clash_solve: => true: spec's reply may be free now; *reply_hash is its hash. */
bool clash_solve(struct worker *w, const struct judged *j, struct flow_spec *spec,
                 uint64_t *reply_hash);

#endif
