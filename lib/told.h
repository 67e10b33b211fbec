/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Datagrams whose responder is told of the initiator: flows of UDP with FLOW_SHIFT. Each
 *            datagram of direction 0 gets a PROXY header of version 2 before its payload.
 * Layout     Nothing is kept for such a flow: the header follows from its tuple[0]. nexthop[0]
 *            stays 0, so that the hit path sends packets of direction 0 aside by a test that it
 *            makes anyway; those of direction 1 take the straight way.
 * Invariant  1. What the responder gets is the header and then the datagram; lengths and checksum
 *               are as right as the initiator's were, and no checksum stays none.
 *            2. A fragmented datagram has one header, in its first fragment, padded to a multiple
 *               of eight octets: the other fragments' offsets move on by that. Nothing is held
 *               back for it but what lib/frag.h holds.
 *            3. An ICMP error about such a datagram quotes what the initiator has sent, and the MTU
 *               that it says is less by the header.
 * Owner      The worker.
 * Limits     A datagram of more than 65535 octets with the header is TOO_BIG; so is one that does
 *            not fit the interface, unless it may be cut. A buffer without headroom: NO_BUFFER.
 * See        The PROXY protocol, version 2, section 2.2; docs/lb.md, "What a backend is told".
 */
#ifndef MR_TOLD_H
#define MR_TOLD_H

#include "pipeline.h"

/* told_is: of a flow. */
static inline bool
told_is(const struct flow *f)
{
	return (f->flags & FLOW_SHIFT) != 0 && f->proto == IPPROTO_L4_UDP;
}

/* told_forward: a packet of direction 0 of such a flow, counted already, to its end. */
void told_forward(struct worker *w, struct pkt *p);

/* told_later: a later fragment of direction 0 moves on. => false: it would end beyond 65535. */
bool told_later(const struct pkt *p);

/*
 * told_quote: an ICMP error about a datagram of direction 0, which it quotes as it was sent: l4 is
 * its UDP header, of which and of what follows size octets are quoted. The checksum of the message
 * is left as it was.
 */
void told_quote(const struct worker *w, struct pkt *p, flow_ref ref, uint8_t *l4, uint32_t size);

#endif
