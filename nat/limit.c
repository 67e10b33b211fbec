/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of a subscriber's flows. */
#include "nat/limit.h"

const struct img_nat_rule *
limit_rule(const struct nat *n, const struct subscriber *s)
{
	const struct nat_rules *r = rules_of(n->gen);
	if (!s->is_limited || s->checked != n->reloads || s->rule >= r->n_rules)
		return NULL;
	return &r->rules[s->rule];
}

bool
limit_outbound(struct nat *n, uint32_t subscriber, const struct wish *w, uint8_t *drop)
{
	struct subscriber *s = subscriber_at(&n->subscribers, subscriber);
	const struct img_nat_rule *rule = w->rule;
	s->rule = (uint32_t)(rule - rules_of(w->miss->gen)->rules) & ((1u << RULE_BITS) - 1);
	s->is_limited = 1;
	*drop = DROP_NAT_FLOW_LIMIT;
	if (rule->max_flows != 0 && s->flows >= rule->max_flows)
		return false;
	*drop = DROP_NAT_FLOW_RATE;
	return rule->flow_cost == 0 || limit_rate(s, rule, n->clock.ms);
}

bool
limit_inbound(const struct nat *n, const struct subscriber *s)
{
	const struct img_nat_rule *rule = limit_rule(n, s);
	return rule == NULL || rule->max_flows == 0 || s->flows < rule->max_flows;
}
