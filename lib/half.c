/* SPDX-License-Identifier: Apache-2.0 */
/* Half-open flows: when they become connections. */
#include "half.h"

static void
settle(const struct worker *w, struct flow *f)
{
	const struct policy *pol = &w->policy[f->policy];
	f->flags &= (uint8_t)~FLOW_HALF;
	pol->ops->settled(pol->state, f);
}

void
half_answered(const struct worker *w, struct flow *f, unsigned event)
{
	bool is_syn = f->proto == IPPROTO_L4_TCP && conn_is_syn(event);
	if (!is_syn && event != EV_RST) {
		settle(w, f);
		return;
	}
	if (is_syn)
		f->state = CONN_ONE_SYN;
	f->nexthop[0] = NEXTHOP_NONE;
}

/* The state of both sides that the initiator's word, which was all that counted, comes to. */
static uint8_t
both_sides(uint8_t state)
{
	if (state == CONN_ONE_EST)
		return CONN_TCP_EST;
	return state == CONN_ONE_FIN ? CONN_TCP_FIN_I : state;
}

void
half_third(const struct worker *w, struct flow *f, unsigned event)
{
	bool is_one_sided = (f->flags & FLOW_WAY) != 0;
	bool is_heard = f->state == CONN_ONE_EST || f->state == CONN_ONE_FIN;
	if (is_one_sided ? !is_heard : (f->flags & FLOW_ANSWERED) == 0)
		return;
	if (event == EV_RST && !is_one_sided)
		f->state = CONN_TCP_TRANS;
	if (event != EV_OTHER && event != EV_FIN)
		return;
	if (!is_one_sided)
		f->state = both_sides(f->state);
	settle(w, f);
}
