/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The misses of a burst, opened together: what each step reads was asked for by the step
 *            before, over all of them, so that they wait for memory once and not each in turn. Many
 *            are opened in even parts, since the core's own cache holds only so much.
 * Layout     judge (generation and packet), warm (the policies' own stages), ask (the policy; then
 *            the reply's index line is asked for), make (flow and index), send. All on the stack.
 * Invariant  1. Packets of one flow keep their order: what may belong to a flow that was asked for
 *               before, in this part or an earlier one, waits until that is made and is looked
 *               for again.
 *            2. No more flows are asked for than the table has room for.
 *            3. Hits stand behind judging and the first stage of warming, which depend on the
 *               generation and the packet alone, and in front of all else. (A port that NAT draws
 *               ahead is another one if a hit opens a flow: then it was asked for in vain.)
 * Owner      The worker, once a burst.
 * See        lib/miss.h, lib/policy.h; docs/design.md, "The hit path".
 */
#ifndef MR_MISS_BURST_H
#define MR_MISS_BURST_H

#include "pipeline.h"

/*
 * miss_burst: the packets in pipe->late, to their ends; hits: those of the same burst that are not
 * forwarded yet, since their flows' lines were asked for just now: they go while others wait.
 */
void miss_burst(struct worker *w, struct pkt **hits, unsigned n_hits);

#endif
