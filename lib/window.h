/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Whether a RST can be its sender's, by what its receiver has acknowledged: a number
 *            out of the receiver's window is not taken by it either (RFC 5961 section 3), so the
 *            connection goes on and must not be forgotten as one that was reset.
 * Layout     flow.acked: the upper 16 of 32 bits of the last acknowledgement of each direction, so
 *            windows are known to 64 kB. It is 0 before there was one: a SYN has none.
 * Invariant  1. A RST crosses, believed or not: its receiver judges it by all 32 bits.
 *            2. What a side acknowledges decides on the RSTs of the other side only, so who forges
 *               RSTs of one side cannot help himself by forging its acknowledgements too.
 *            3. Both are numbers as the receiver counts, also where the ends count differently
 *               (lib/shift.h).
 * Limits     A window is taken to be WINDOW_AHEAD at most, since scales are not kept: a RST behind
 *            more that is on its way unacknowledged leaves the connection its timer. One RST of 990
 *            with random numbers is believed. Believed are all where the initiator has sent no more
 *            than its SYN, those of a responder that answer a SYN, and all where only one end is
 *            heard: what its peer expects nobody says here, and what it sends itself who forges
 *            its RSTs could forge as well.
 * See        RFC 7857 section 2.2: whatever is believed is kept for 4 min more.
 */
#ifndef MR_WINDOW_H
#define MR_WINDOW_H

#include "flow.h"
#include "tcp.h"

/* In units of 64 kB. Behind: what crossed acknowledgements of ours on its way. */
enum { WINDOW_BEHIND = 1, WINDOW_AHEAD = 64 };

/* window_note: a TCP segment of a direction (of other protocols it is of no meaning). */
static inline void
window_note(struct flow *f, unsigned d, const uint8_t *l4)
{
	f->acked[d] = load16(l4 + TCP_ACKNO);
}

/*
 * window_answers: does this RST of the responder acknowledge what the responder has acknowledged
 * before, while the initiator has acknowledged nothing? Then a SYN has come twice, and it answers
 * the second one.
 */
static inline bool
window_answers(const struct flow *f, const uint8_t *l4)
{
	return f->acked[0] == 0 && (l4[TCP_FLAGS] & TCP_ACK) != 0 && f->acked[1] != 0 &&
	       load16(l4 + TCP_ACKNO) == f->acked[1];
}

/* window_has: would the receiver of this segment of direction d, with this number as the receiver
 * counts, take it? */
static inline bool
window_has(const struct flow *f, unsigned d, const uint8_t *l4, uint32_t seq)
{
	uint16_t acked = be16toh(f->acked[!d]);
	uint16_t ahead = (uint16_t)((seq >> 16) - acked + WINDOW_BEHIND);
	bool is_known = acked != 0 || flow_packets(f, !d) > d; /* a SYN that is answered, or ACKs */
	return !is_known || ahead <= WINDOW_BEHIND + WINDOW_AHEAD ||
	       (d == 1 && window_answers(f, l4));
}

#endif
