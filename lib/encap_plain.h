/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The short way of lib/encap.h, for what most packets of a way are: IPv4 with DF that
 *            has not re-entered, by its station address or inside IPv4, and it fits.
 * Invariant  1. What it sends is what encap_to would send, to the octet (a test holds both); what
 *               it does not take it gives to encap_to.
 *            2. It reads of a way no line but the worker's own (lib/way_hop.h).
 * Owner      The worker.
 * Limits     A frame with less than WAY_PLAIN_ROOM octets in front of its IP header goes the long
 *            way.
 * See        docs/design.md, "Ways".
 */
#ifndef MR_ENCAP_PLAIN_H
#define MR_ENCAP_PLAIN_H

#include "encap.h"

enum { WAY_PLAIN_ROOM = WAY_PLAIN_MAX + ETHER_LEN + VLAN_LEN };

/* encap_plain4: an IPv4 packet of direction 0 without PKT_CARE, to its end. */
void encap_plain4(struct worker *w, struct pkt *p, uint32_t owner, uint64_t hash);

/* encap_plain: a packet of the flow that is not special (pkt_is_special), to its end. */
static inline void
encap_plain(struct worker *w, struct pkt *p, const struct flow *f, unsigned d)
{
	if (__builtin_expect(d == 0 && p->family == FAMILY_V4, 1))
		encap_plain4(w, p, f->owner, p->hash);
	else
		encap_send(w, p, f, d, p->hash);
}

/* encap_plain_fill: what of a row is for encap_plain4, when the rest of it is there. */
void encap_plain_fill(struct way_hop *h, const struct way *y, const struct gen_nic *out);

#endif
