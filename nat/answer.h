/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Parts of the policy's answers that every way to open a flow has in common.
 * Owner      One worker.
 */
#ifndef MR_NAT_ANSWER_H
#define MR_NAT_ANSWER_H

#include "nat/state.h"

/* refuse_inbound: from outside, to nobody that it may speak to. */
static inline enum verdict
refuse_inbound(const struct miss *m, struct flow_spec *spec, enum drop_reason drop)
{
	spec->drop = (uint8_t)drop;
	return m->event == EV_OPEN && rules_of(m->gen)->conf.answer_syn ? VERDICT_HOLD :
	                                                                  VERDICT_DROP;
}

static inline uint8_t
refresh_flags(const struct nat *n, uint8_t proto, uint8_t inside, uint8_t outside)
{
	bool both = proto != IPPROTO_L4_UDP || n->inbound_refresh;
	return both ? inside | outside : inside;
}

static inline bool
is_pool_route(const struct img_route *route)
{
	return route != NULL && route->kind == ROUTE_POOL;
}

/*
 * is_foreign: from a host that the outside does not know under this address and in this realm. It
 * may speak to pool addresses by a mapping of its own only: else it would be taken for whoever has
 * that address outside, whom a filter may let in.
 */
static inline bool
is_foreign(const struct miss *m)
{
	const struct tuple *t = &m->tuple;
	return t->realm != 0 &&
	       route_realm(m->gen, route_find(m->gen, 0, &t->src, t->family)) != t->realm;
}

#endif
