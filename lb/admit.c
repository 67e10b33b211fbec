/* SPDX-License-Identifier: Apache-2.0 */
/* New connections under a guard. */
#include "admit.h"

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
	return m->tuple.proto == IPPROTO_L4_TCP && m->event != EV_OPEN;
}

/* An answer without a flow goes to no realm. */
static bool
can_be_answered(const struct img_lb_service *s, const struct tuple *t)
{
	return t->realm == 0 || lb_mode_is_way(s->mode);
}

/* Beyond a bound: can the packet be forwarded without a flow? */
static bool
can_go_on(const struct img_lb_service *s, const struct lb_guard *g, const struct miss *m)
{
	bool may = m->is_full ? s->stateless : g->is_stateless;
	return may && !m->has_frag && can_be_answered(s, &m->tuple);
}

/* Has the service all that it may have here, without a word on what the table has? */
static bool
is_over(const struct lb_limits *l, const struct img_lb_service *s, const struct lb_guard *g,
        const struct miss *m, bool is_answered)
{
	if (g == NULL || is_answered)
		return g != NULL && l->gauge[s->id].flows >= g->flows;
	return g->is_bounded && lb_is_over(l, g, s->id, is_third(m));
}

enum verdict
lb_admit(struct lb_limits *l, const struct img_lb_service *s, const struct lb_guard *g,
         const struct miss *m, struct flow_spec *spec)
{
	bool over = m->is_full || is_over(l, s, g, m, spec->is_answered);
	if (over && (spec->is_answered || !can_go_on(s, g, m)))
		return verdict_drop(spec, m->is_full ? DROP_FLOW_TABLE_FULL : DROP_LB_OVERFLOW);
	if (m->is_full)
		lb_note_full(l, m->now_ms);
	if (over && is_third(m))
		return VERDICT_STATELESS;
	if (g != NULL && !lb_source_admit(l, g, s->id, &m->tuple, m->now_ns))
		return verdict_drop(spec, DROP_LB_RATE_SOURCE);
	if (g != NULL && !lb_service_admit(l, g, s->id, m->now_ns))
		return verdict_drop(spec, DROP_LB_RATE_SERVICE);
	return over ? VERDICT_STATELESS : VERDICT_OPEN;
}

/* The client of a SYN that was forwarded without a flow may want nothing of its answer: so the
 * bound of SYNs counts, not that of third packets. */
bool
lb_admit_rst(const struct lb_limits *l, const struct img_lb_service *s, const struct lb_guard *g,
             const struct miss *m)
{
	if (m->has_frag || !can_be_answered(s, &m->tuple) || s->syn_mode != LB_SYN_OFF)
		return false;
	if (g != NULL && g->is_bounded && g->is_stateless && lb_is_over(l, g, s->id, false))
		return true;
	return s->stateless && (m->is_full || lb_was_full(l, m->now_ms));
}

/*
 * The backend that a packet of no flow is from, if it may be about what its service has forwarded
 * without one: at any time beyond its own bounds, or a while ago since the flow table was full.
 */
static const struct img_lb_backend *
replier(const struct lb_view *v, const struct lb_limits *l, const struct miss *m)
{
	const struct img_lb_backend *b = lb_view_endpoint_of(v, &m->tuple);
	const struct img_lb_service *s = b != NULL ? &v->services[b->service] : NULL;
	const struct lb_guard *g = s != NULL ? lb_view_guard(v, s) : NULL;
	bool may = (g != NULL && g->is_bounded && g->is_stateless) ||
	           (s != NULL && s->stateless && lb_was_full(l, m->now_ms));
	return may ? b : NULL;
}

static void
reply_fill(const struct lb_view *v, const struct img_lb_backend *b, const struct tuple *t,
           struct flow_spec *spec)
{
	const struct img_lb_service *s = &v->services[b->service];
	spec->reply = (struct tuple){.src = t->dst, .sport = t->dport, .dst = s->address,
		.dport = b->port != 0 ? s->port : t->sport, .family = t->family,
		.proto = t->proto};
	spec->flags = FLOW_HIDE_0;
	spec->owner = b->id;
}

enum verdict
lb_admit_reply(const struct lb_view *v, const struct lb_limits *l, const struct miss *m,
               struct flow_spec *spec)
{
	const struct img_lb_backend *b = replier(v, l, m);
	if (b == NULL || m->has_frag) /* a reply to nothing */
		return verdict_drop(spec, m->event == EV_RST ? DROP_TCP_NOT_SYN : DROP_NO_POLICY);
	reply_fill(v, b, &m->tuple, spec);
	return VERDICT_STATELESS;
}

bool
lb_guess_reply(const struct lb_view *v, const struct lb_limits *l, const struct miss *m,
               struct flow_spec *spec)
{
	const struct img_lb_backend *b = replier(v, l, m);
	if (b != NULL)
		reply_fill(v, b, &m->tuple, spec);
	return b != NULL;
}
