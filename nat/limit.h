/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       How many flows a subscriber may have, and how fast it may open them.
 * Layout     The rate is a bucket in one word: subscriber.due is when all that was opened would be
 *            paid for, flow_cost each; it may be flow_burst ahead of the clock.
 * Invariant  1. Flows opened in any time t are at most (t + flow_burst) / flow_cost.
 *            2. Nothing that lives is ended for a limit.
 * Owner      One worker.
 * Limits     Time in 1/64 ms wraps after 18 hours: a subscriber that opens its first flow for that
 *            long may find its bucket as it left it.
 * See        RFC 6888 REQ-4, REQ-5; RFC 4787 REQ-10 (c: no live mapping is given away).
 */
#ifndef MR_NAT_LIMIT_H
#define MR_NAT_LIMIT_H

#include "nat/state.h"

enum { LIMIT_SHIFT = 6 }; /* units of a millisecond */

/* limit_rate: take one flow's cost. => false: the bucket has not as much. */
static inline bool
limit_rate(struct subscriber *s, const struct img_nat_rule *rule, uint64_t now_ms)
{
	uint32_t now = (uint32_t)(now_ms << LIMIT_SHIFT);
	int32_t ahead = (int32_t)(s->due - now);
	if (ahead < 0 || (uint32_t)ahead > rule->flow_burst)
		ahead = 0;
	if ((uint32_t)ahead + rule->flow_cost > rule->flow_burst)
		return false;
	s->due = now + (uint32_t)ahead + rule->flow_cost;
	return true;
}

static inline bool
limit_is_set(const struct img_nat_rule *rule)
{
	return rule->limited != 0;
}

/*
 * limit_outbound: may the subscriber open a flow under this rule? => false and *drop.
 * limit_inbound: may one more from outside be opened to it, under the rule that limited it last?
 */
bool limit_outbound(struct nat *n, uint32_t subscriber, const struct wish *w, uint8_t *drop);
bool limit_inbound(const struct nat *n, const struct subscriber *s);

/* limit_rule: the rule that last limited a subscriber in this generation, or NULL. */
const struct img_nat_rule *limit_rule(const struct nat *n, const struct subscriber *s);

#endif
