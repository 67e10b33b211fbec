/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       RSTs that are made here: for a connection that nobody takes, and for one that is not
 *            to go on. There is no state of sequence numbers to make them of, so each is made of a
 *            packet at hand.
 * Layout     A marked flow has NEXTHOP_RESET as its next hops, so that its packets leave the hit
 *            path by the test that is there already.
 * Invariant  1. The sender of a packet gets the RST of RFC 9293 3.10.7.1: SEQ = SEG.ACK, which is
 *               just what it expects next (RFC 5961 section 3), or SEQ = 0, ACK = SEG.SEQ+SEG.LEN.
 *            2. The other end of a marked flow gets SEQ = SEG.SEQ: what it expects next, if the
 *               packet was in order. If not, it is answered when it sends itself.
 *            3. No RST is answered; one of a marked flow is sent on.
 *            4. The packet itself ends under a reason; RSTs are generated.
 * Owner      The worker.
 * Limits     A flow that nobody sends on gets no RST: it goes after the timer of closed ones, and
 *            who sends then is answered by whoever gets the packet, or by reset_refuse. Whoever
 *            sent what has re-entered (a hairpin) is answered by the slow path, as by ICMP errors.
 *            No RST is made without a buffer; none to the other end of a marked flow whose next hop
 *            is not resolved, that has a way of its own, or whose address is one that translates.
 */
#ifndef MR_RESET_H
#define MR_RESET_H

#include "pipeline.h"

/* reset_mark: packets of the (TCP) flow are answered from now on. However long it has been idle, it
 * is kept for the whole timer of closed ones, counted from the first mark. */
static inline void
reset_mark(struct flow *f, uint32_t now_ms)
{
	if (f->nexthop[0] != NEXTHOP_RESET)
		f->seen_ms = now_ms;
	f->nexthop[0] = f->nexthop[1] = NEXTHOP_RESET;
	f->state = CONN_TCP_TRANS;
}

/* reset_flow: p is a packet of the marked flow p->ref: both ends hear of it. It ends here. */
void reset_flow(struct worker *w, struct pkt *p);

/* reset_refuse: p, TCP, is of no flow: its sender hears of it. It ends for this reason, here or, if
 * the way to its sender has to be found first, in the slow path. */
void reset_refuse(struct worker *w, struct pkt *p, unsigned reason);

/*
 * reset_answer: the RST that answers a packet of this tuple, whose TCP header and what follows are
 * size >= TCP_LEN bytes at l4, into m: from its IP header on.
 */
void reset_answer(struct rte_mbuf *m, const struct tuple *t, const uint8_t *l4, uint32_t size);

#endif
