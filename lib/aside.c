/* SPDX-License-Identifier: Apache-2.0 */
/* Packets set aside: each flag to its handler, in the order in which they exclude each other. */
#include "aside.h"

#include "frag.h"
#include "icmp_error.h"
#include "miss.h"
#include "routed.h"
#include "tx.h"

/* Not to be forwarded, whatever it is: only an address of ours may want it. */
static void
local_only(struct worker *w, struct pkt *p, const struct img_route *route, unsigned reason)
{
	if (route != NULL && route->kind == ROUTE_LOCAL)
		pkt_punt(w, p, PUNT_LOCAL, DROP_LOCAL_UNWANTED, 0);
	else
		pkt_drop(w, p, reason);
}

/* TTL runs out here, unless the packet is for us. No error about errors and later fragments. */
static void
ttl_exceeded(struct worker *w, struct pkt *p, const struct img_route *route)
{
	if (miss_is_local(w, p, route))
		pkt_punt(w, p, PUNT_LOCAL, DROP_LOCAL_UNWANTED, 0);
	else if ((p->flags & (PKT_LATER | PKT_ERROR)) != 0)
		pkt_drop(w, p, DROP_TTL_EXCEEDED);
	else
		pkt_punt(w, p, PUNT_TTL, DROP_TTL_EXCEEDED, 0);
}

/* By its addresses alone, the long way, where a policy wants it. */
static void
other_protocol(struct worker *w, struct pkt *p)
{
	if ((p->flags & PKT_FIRST) != 0) {
		frag_handle(w, p);
	} else {
		p->flags |= PKT_CARE;
		pipeline_forward(w, p);
	}
}

void
aside_handle(struct worker *w, struct pkt *p)
{
	union addr dst = pkt_dst(p);
	const struct img_route *route = route_from(w->gen, p->realm, &dst, p->family);
	bool for_us = route != NULL && route->kind == ROUTE_LOCAL;
	p->stage = p->cause == HANDOFF_MAX ? 0 : p->stage;
	if (miss_is_forged(w, p) && (for_us || !miss_is_answer(w, p)))
		pkt_drop(w, p, DROP_IP_SOURCE);
	else if ((p->flags & PKT_OTHER) != 0 && for_us && pkt_is_icmp(p))
		pkt_drop(w, p, DROP_ICMP_TYPE);
	else if ((p->flags & PKT_OTHER) != 0 && for_us)
		pkt_punt(w, p, PUNT_LOCAL, DROP_LOCAL_UNWANTED, 0);
	else if ((p->flags & PKT_LINK_LOCAL) != 0)
		local_only(w, p, route, DROP_IP_SOURCE);
	else if ((p->flags & PKT_TTL) != 0 && !((p->flags & PKT_ERROR) != 0 && for_us))
		ttl_exceeded(w, p, route);
	else if (pkt_is_flowless(p) && (p->flags & PKT_FIRST) == 0)
		routed_flowless(w, p);
	else if (pkt_is_flowless(p))
		frag_handle(w, p);
	else if ((p->flags & PKT_OTHER) != 0)
		other_protocol(w, p);
	else if ((p->flags & PKT_ERROR) != 0)
		icmp_error_handle(w, p);
	else if (for_us)
		pkt_punt(w, p, PUNT_LOCAL, DROP_LOCAL_UNWANTED, 0);
	else
		frag_handle(w, p);
}
