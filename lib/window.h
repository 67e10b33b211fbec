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
 * Limits     A window is taken to be WINDOW_AHEAD at most, since scales are not kept: a RST behind
 *            more that is on its way unacknowledged leaves the connection its timer. One RST of 990
 *            with random numbers is believed. Believed are all where only one end is heard, or the
 *            initiator has sent no more than its SYN, and those of shifted flows (lib/shift.h),
 *            whose ends count differently.
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

/* window_has: would the receiver of this segment of direction d take its number? */
static inline bool
window_has(const struct flow *f, unsigned d, const uint8_t *l4)
{
	uint16_t acked = be16toh(f->acked[!d]);
	uint16_t ahead = (uint16_t)(be16toh(load16(l4 + TCP_SEQ)) - acked + WINDOW_BEHIND);
	bool is_known = acked != 0 || flow_packets(f, !d) > d; /* a SYN that is answered, or ACKs */
	return !is_known || (f->flags & FLOW_SHIFT) != 0 || ahead <= WINDOW_BEHIND + WINDOW_AHEAD;
}

#endif
