/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The misses of a burst, opened together: what each step reads was asked for by the step
 *            before, over all of them, so that they wait for memory once and not each in turn.
 * Layout     judge (generation and packet), warm (the policies' own stages), ask (the policy; then
 *            the reply's index line is asked for), make (flow and index), send. All on the stack.
 * Invariant  1. Packets of one flow keep their order: what may belong to a flow that is asked for
 *               but not made yet waits until it is, and so does all that follows of the same tuple.
 *            2. No more flows are asked for than the table has room for.
 * Owner      The worker, once a burst, after the hits.
 * See        lib/miss.h, lib/policy.h; docs/design.md, "The hit path".
 */
#ifndef MR_MISS_BURST_H
#define MR_MISS_BURST_H

#include "pipeline.h"

/* miss_burst: the packets in pipe->late, to their ends. */
void miss_burst(struct worker *w);

#endif
