/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The SYN proxy: SYNs are answered with cookies, without state; a flow is opened by the
 *            segment that acknowledges one, and the responder gets a SYN of ours.
 * Layout     Our SYN-ACK shuts the window, so that the initiator sends no data until the responder
 *            has answered; then it gets the responder's window. Lines of flows that wait stand in a
 *            queue for each try, which is in the order in which they are due.
 * Invariant  1. A SYN leaves no state: its SYN-ACK takes its buffer.
 *            2. The responder sees the initiator's own number; the numbers of the responder are
 *               shifted to the cookie, its timestamps to those we gave, windows to the scale we
 *               said.
 *            3. A responder that does not answer in SHIFT_QUEUES tries, or before its flow ends,
 *               is given up: RST to the initiator. The second try does not wait for its time
 *               where the responder was told to forget an older connection.
 * Owner      The worker.
 * Limits     lb.capacity.shifts flows; SYNPROXY_TURN flows a turn are tried again.
 * See        RFC 4987 section 3.6; lib/cookie.h, lib/shift.h; docs/lb.md, "SYN proxy".
 */
#ifndef MR_SYNPROXY_H
#define MR_SYNPROXY_H

#include "shift.h"
#include "shifted.h"

enum { SYNPROXY_FIRST_MS = 1000, SYNPROXY_TURN = 32 };

/* synproxy_answer: a SYN, to its end. */
void synproxy_answer(struct worker *w, struct pkt *p, const struct syn_offer *offer);

/*
 * synproxy_check: does the segment of a miss acknowledge a cookie of ours? => its options. Also
 * with the number before its first octet, as a probe of the shut window has it (the acknowledgement
 * itself was lost).
 */
bool synproxy_check(struct cookies *c, const struct miss *m, struct cookie *o);

/* synproxy_begin: fill the line of a flow that p, which synproxy_check knows, has opened. */
void synproxy_begin(struct worker *w, const struct pkt *p, struct shift *s,
                    const struct flow_spec *spec);

/* synproxy_wait: a packet of a flow whose responder has not answered, to its end. */
void synproxy_wait(struct passing *x);

/* synproxy_is_repeated: is it the responder's SYN-ACK once more? synproxy_answered: its SYN-ACK. */
bool synproxy_is_repeated(const struct passing *x);
void synproxy_answered(struct passing *x);

/* synproxy_give_up: the initiator of a flow that waits hears that nobody is there. */
void synproxy_give_up(struct worker *w, struct shift *s);

/* synproxy_turn: try again where it is due. */
void synproxy_turn(struct worker *w);

#endif
