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

/* hop_on: the next hop of a destination on its route, NULL: it has none. */
struct hop hop_on(const struct worker *w, const struct img_route *r, const union addr *dst,
                  uint8_t family);

/* hop_find: the next hop of a destination under the generation in force. */
static inline struct hop
hop_find(const struct worker *w, const union addr *dst, uint8_t family)
{
	return hop_on(w, route_find(w->gen, dst, family), dst, family);
}

/* hop_of: the hop that a flow remembers. => id is at least NEXTHOP_LOOP. */
struct hop hop_of(const struct worker *w, uint16_t id);

bool hop_admit(struct worker *w, const struct pkt *p, struct hop hop);
void hop_send(struct worker *w, struct pkt *p, struct hop hop);

#endif
