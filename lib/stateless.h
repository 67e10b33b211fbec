/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A packet that is translated without a flow: by a flow that stands on the stack for as
 *            long as the packet takes.
 * Invariant  1. The packet leaves as the first packet of a flow with this spec would.
 *            2. Nothing is remembered but a count.
 * Owner      The worker.
 * Limits     Later fragments have nothing to follow: a policy does not ask this of first ones.
 * See        lib/policy.h, VERDICT_STATELESS; docs/lb.md, "Defence".
 */
#ifndef MR_STATELESS_H
#define MR_STATELESS_H

#include "pipeline.h"

/* stateless_send: the packet's end. */
void stateless_send(struct worker *w, struct pkt *p, const struct flow_spec *spec);

#endif
