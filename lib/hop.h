/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Where a packet goes next, off the hit path: by route and next-hop table, with all that
 *            can be in the way (no route, MTU, no MAC yet, our own pool address).
 * Layout     Two steps around the rewrite: hop_admit sees the packet as its sender knows it, so an
 *            ICMP error quotes that; hop_send sees it translated.
 * Invariant  1. hop_admit says false exactly when it has ended the packet.
 *            2. hop_send ends the packet.
 *            3. No error is asked for about an ICMP error or a later fragment (RFC 1122 3.2.2).
 * See        docs/design.md, "The hit path"; RFC 1191, RFC 4787 REQ-13, RFC 4787 REQ-9.
 */
#ifndef MR_HOP_H
#define MR_HOP_H

#include "pipeline.h"

enum hop_kind { HOP_NO_ROUTE, HOP_LOOP, HOP_NIC };

struct hop {
	uint8_t kind;  /* enum hop_kind */
	uint8_t nic;   /* it leaves by, HOP_NIC */
	uint16_t id;   /* next hop, 0: no MAC known */
};

/* hop_via: the number of a route's gateway, which is remembered; 0: its MAC is not known. */
static inline uint16_t
hop_via(const struct worker *w, const struct img_route *r, uint8_t family)
{
	struct route_hop *known = &w->pipe->route_hop[(uintptr_t)r / sizeof(*r) % ROUTE_HOPS];
	if (__builtin_expect(known->route == r, 1))
		return known->id;
	uint16_t id = nexthop_find(&w->shared->nexthops, r->nic, family, &r->gateway);
	if (id != NEXTHOP_NONE)
		*known = (struct route_hop){r, id};
	return id;
}

/* hop_id: the number of the next hop of a destination on its route, as far as there is one. */
static inline uint16_t
hop_id(const struct worker *w, const struct img_route *r, const union addr *dst, uint8_t family)
{
	enum { LOOPS = 1u << ROUTE_POOL | 1u << ROUTE_SERVICE | 1u << ROUTE_LB_LOCAL };
	if (__builtin_expect(r != NULL && r->kind == ROUTE_VIA, 1))
		return hop_via(w, r, family);
	if (route_leads(r))
		return nexthop_find(&w->shared->nexthops, r->nic, family, dst);
	return r != NULL && (LOOPS >> r->kind & 1) != 0 ? NEXTHOP_LOOP : NEXTHOP_NONE;
}

/* hop_on: the next hop of a destination on its route, NULL: it has none. */
struct hop hop_on(const struct worker *w, const struct img_route *r, const union addr *dst,
                  uint8_t family);

/* hop_find: the next hop of a destination in a realm under the generation in force. */
static inline struct hop
hop_find(const struct worker *w, uint8_t realm, const union addr *dst, uint8_t family)
{
	return hop_on(w, route_find(w->gen, realm, dst, family), dst, family);
}

/* hop_renew: what a flow remembers is of the generation's routes now, or nothing. => true: it
 * forgot. */
static inline bool
hop_renew(const struct worker *w, struct flow *f)
{
	if (f->route_gen == w->gen->route_gen)
		return false;
	f->nexthop[0] = f->nexthop[1] = NEXTHOP_NONE;
	f->route_gen = w->gen->route_gen;
	return true;
}

/* hop_of: the hop that a flow remembers. => id is at least NEXTHOP_LOOP. */
struct hop hop_of(const struct worker *w, uint16_t id);

/* hop_refuse: the packet ends; its sender is told if that may be. => false. */
bool hop_refuse(struct worker *w, const struct pkt *p, enum punt punt, unsigned reason,
                uint16_t arg);

/* hop_admit_more: of a packet that grows by so many octets before it is sent. */
bool hop_admit_more(struct worker *w, const struct pkt *p, struct hop hop, unsigned more);
static inline bool
hop_admit(struct worker *w, const struct pkt *p, struct hop hop)
{
	return hop_admit_more(w, p, hop, 0);
}

void hop_send(struct worker *w, struct pkt *p, struct hop hop);

#endif
