/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Half-open flows that a policy counts (FLOW_HALF): until a TCP handshake's third packet
 *            has come, or until anything else has been answered.
 * Layout     Nothing but the flag. When the responder has answered, the flow goes on as one-sided
 *            (CONN_ONE_SYN, under the timer of an opening), so that the responder's word does not
 *            establish it, and forgets its next hop of direction 0: so the third packet leaves
 *            the hit path, by the test for a next hop that is there anyway. Packets of flows whose
 *            answers go past us (FLOW_WAY) leave it each time: their state tells.
 * Invariant  1. The policy is told once by settled() that the flow is half-open no more, or by
 *               ended() of a flow that has the flag still.
 *            2. A packet of a flow without the flag costs what it would cost without this.
 *            3. A responder that refuses (RST) does not settle a flow: floods to a closed port are
 *               counted like others.
 * Owner      The worker.
 * Limits     Acknowledgement numbers are not looked at: who sends a SYN and, after the answer, a
 *            third packet without having seen it, settles a flow.
 * See        docs/lb.md, "Defence".
 */
#ifndef MR_HALF_H
#define MR_HALF_H

#include "worker.h"

/* half_is: is it half-open? The flag is another one's in flows of policies that do not count. */
static inline bool
half_is(const struct worker *w, const struct flow *f)
{
	return (f->flags & FLOW_HALF) != 0 && w->policy[f->policy].ops->settled != NULL;
}

/* half_waits: has it been answered, and waits for the third packet? */
static inline bool
half_waits(const struct worker *w, const struct flow *f)
{
	return (f->flags & FLOW_ANSWERED) != 0 && half_is(w, f);
}

/* half_answered: the first packet of direction 1, before it advances the state. => half_is. */
void half_answered(const struct worker *w, struct flow *f, unsigned event);

/* half_third: a packet of direction 0, which has advanced the state: the third? => half_is. */
void half_third(const struct worker *w, struct flow *f, unsigned event);

#endif
