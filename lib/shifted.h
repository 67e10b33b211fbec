/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Packets of shifted flows (lib/shift.h) on their way: numbers, the PROXY header, TOA.
 *            (Datagrams have no numbers: lib/told.h.)
 * Layout     Such a flow has no next hop of its own (flow.nexthop stays 0), so that the hit path
 *            sends it aside by a test that it makes anyway.
 * Invariant  1. The PROXY header is a segment in front of the initiator's first octet. It stands in
 *               for the third segment of the handshake, so that the responder asks for it until it
 *               has it (by its SYN-ACK); it is made again before, or in place of, each segment at
 *               the first octet until the responder acknowledges it. Nothing of the stream is held.
 *            2. TOA stands in every segment of the initiator that has room, from the third segment
 *               of the handshake until either end acknowledges the other's data. Then packets of
 *               direction 1 take the straight way.
 *               An option of that kind from the initiator itself becomes no-operations.
 *            3. Until then no octet of the initiator reaches the responder at a number of the
 *               header: data in a SYN is cut off (its sender repeats it), what claims to be older
 *               than the first octet is dropped, or has its place taken by the header.
 *            4. A RST of an established flow without a next hop ends it only if its receiver, as
 *               that counts, takes it (lib/window.h).
 * Owner      The worker.
 * See        docs/lb.md, "What a backend is told".
 */
#ifndef MR_SHIFTED_H
#define MR_SHIFTED_H

#include "hop.h"
#include "policy.h"
#include "tcp.h"

/* A packet, its flow, and where it goes. */
struct passing {
	struct worker *w;
	struct pkt *p;
	struct flow *f;
	struct shift *s;
	struct tcp t;
	struct hop hop;
	unsigned d;
};

/* shifted_forward: a packet of a flow with FLOW_SHIFT: counted already; to its end. (Datagrams, of
 * direction 0 alone, are lib/told.h's.) */
void shifted_forward(struct worker *w, struct pkt *p);

/* shifted_is_wanted: has the flow of this spec to be shifted? Its policy says so. */
static inline bool
shifted_is_wanted(const struct flow_spec *spec)
{
	return (spec->flags & FLOW_SHIFT) != 0 && spec->reply.proto == IPPROTO_L4_TCP;
}

/* shifted_add: a line for a new flow that wants one, opened by p. => There is room. */
void shifted_add(struct worker *w, const struct pkt *p, flow_ref ref,
                 const struct flow_spec *spec);

/* shifted_hop: the next hop of packets of direction d. */
struct hop shifted_hop(const struct worker *w, struct flow *f, struct shift *s, unsigned d);

/* shifted_ended: the flow has FLOW_SHIFT. Datagrams leave nothing. */
void shifted_ended(struct worker *w, flow_ref ref);

/* shifted_quote: of h, size octets of a TCP segment that we sent and that was of direction d. */
void shifted_quote(const struct worker *w, flow_ref ref, unsigned d, uint8_t *h, uint32_t size);

#endif
