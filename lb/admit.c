/* SPDX-License-Identifier: Apache-2.0 */
/* New connections under a guard. */
#include "admit.h"

static enum verdict
refuse(struct flow_spec *spec, enum drop_reason reason)
{
	spec->drop = (uint8_t)reason;
	return VERDICT_DROP;
}

static bool
list_has(const struct lb_view *v, uint16_t list, const struct tuple *t)
{
	return lb_list_has(&v->lists->list[list], &t->src, t->family);
}

bool
lb_is_denied(const struct lb_view *v, const struct lb_guard *g, const struct tuple *t)
{
	return (g->deny != LB_NO_LIST && list_has(v, g->deny, t)) ||
	       (g->allow != LB_NO_LIST && !list_has(v, g->allow, t));
}

/* Not the first packet of a handshake: of one that was forwarded without a flow, it may be. */
static bool
is_third(const struct miss *m)
{
	return m->tuple.proto == IPPROTO_L4_TCP && m->event != EV_SYN;
}

/* An answer without a flow goes to no realm. */
static bool
can_be_answered(const struct img_lb_service *s, const struct tuple *t)
{
	return t->realm == 0 || lb_mode_is_way(s->mode);
}

enum verdict
lb_admit(struct lb_limits *l, const struct img_lb_service *s, const struct lb_guard *g,
         const struct miss *m, struct flow_spec *spec)
{
	const struct tuple *t = &m->tuple;
	bool third = is_third(m);
	bool over = spec->is_answered ? l->gauge[s->id].flows >= g->flows :
	            g->is_bounded && lb_is_over(l, g, s->id, third);
	if (over && (!g->is_stateless || m->has_frag || spec->is_answered ||
	             !can_be_answered(s, t)))
		return refuse(spec, DROP_LB_OVERFLOW);
	if (over && third)
		return VERDICT_STATELESS;
	if (!lb_source_admit(l, g, s->id, t, m->now_ns))
		return refuse(spec, DROP_LB_RATE_SOURCE);
	if (!lb_service_admit(l, g, s->id, m->now_ns))
		return refuse(spec, DROP_LB_RATE_SERVICE);
	return over ? VERDICT_STATELESS : VERDICT_OPEN;
}

enum verdict
lb_admit_reply(const struct lb_view *v, const struct miss *m, struct flow_spec *spec)
{
	const struct tuple *t = &m->tuple;
	const struct img_lb_backend *b = lb_view_endpoint_of(v, t);
	const struct img_lb_service *s = b != NULL ? &v->services[b->service] : NULL;
	const struct lb_guard *g = s != NULL ? lb_view_guard(v, s) : NULL;
	if (g == NULL || !g->is_bounded || !g->is_stateless || m->has_frag)
		return refuse(spec, DROP_NO_POLICY); /* a reply to nothing */
	spec->reply = (struct tuple){.src = t->dst, .sport = t->dport, .dst = s->address,
		.dport = b->port != 0 ? s->port : t->sport, .family = t->family,
		.proto = t->proto};
	spec->flags = FLOW_HIDE_0;
	spec->owner = b->id;
	return VERDICT_STATELESS;
}
