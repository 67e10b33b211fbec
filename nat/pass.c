/* SPDX-License-Identifier: Apache-2.0 */
/* Traffic that is not translated though its source is a subscriber's. */
#include "nat/pass.h"

#include "nat/answer.h"
#include "nat/nat_filter.h"
#include "nat/other.h"
#include "nat/unmapped.h"

static int
home_of(const struct generation *g, const union addr *subscriber)
{
	return steer_worker(&g->steer, subscriber, FAMILY_V4);
}

int
pass_home(const struct generation *g, const struct miss *m)
{
	const struct img_nat_rule *rule = rules_match(rules_of(g), m);
	if (rule != NULL && rule->action == NAT_PASS)
		return m->is_flowless ? HOME_ROUTE : home_of(g, &m->tuple.src);
	int home = m->is_flowless ? HOME_NOT_MINE : other_home(g, m);
	if (home != HOME_NOT_MINE)
		return home;
	if (rule != NULL || is_pool_route(m->route))
		return home_of(g, &m->tuple.src); /* to be dropped there: nobody else's */
	return pass_home_back(g, m);
}

int
pass_home_back(const struct generation *g, const struct miss *m)
{
	const struct img_nat_rule *rule = rules_match_back(rules_of(g), m);
	if (rule == NULL)
		return HOME_NOT_MINE;
	return m->is_flowless && rule->inbound ? HOME_ROUTE : home_of(g, &m->tuple.dst);
}

enum verdict
pass_open(const struct nat_rules *r, const struct miss *m, const struct img_nat_rule *rule,
          bool is_inbound, struct flow_spec *spec)
{
	if (is_inbound && !rule->inbound)
		return verdict_drop(spec, DROP_NAT_FILTERED);
	spec->reply = tuple_invert(&m->tuple);
	spec->reply.realm = route_realm(m->gen, m->route);
	spec->owner = OWNER_PASS;
	spec->timers = rules_timers(r, rule, &m->tuple);
	spec->flags = FLOW_REFRESH_0 | FLOW_REFRESH_1 | (is_inbound ? FLOW_INBOUND : 0);
	return VERDICT_OPEN;
}

/* It has no external endpoint and no pool: who asks for one of these does not mean it. */
bool
pass_chosen(const struct cmd_nat_filter *filter, const struct flow *f, uint16_t worker)
{
	unsigned inside = (f->flags & FLOW_INBOUND) != 0;
	const struct tuple4 *t = &((const struct flow4 *)f)->tuple[inside];
	struct nat_facts x = {
		.inside = t->src, .inside_port = __builtin_bswap16(t->sport), .proto = f->proto,
		.pool = UINT16_MAX, .realm = f->realm[inside], .worker = (uint8_t)worker,
	};
	return filter->external_mask == 0 && filter->port_last == 0 &&
	       nat_filter_wants(filter, &x);
}
