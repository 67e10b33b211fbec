/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Connections that a RST has ended for good, where the configuration wants that
 *            (img_plane.reset_is_final): what comes after the RST crosses, but only a SYN alone
 *            makes the connection more than one that was reset. Else the first packet that is no
 *            RST does (lib/conn.h, RFC 7857 section 2.2).
 * Layout     Such a flow's number of timers has FINAL_BIT: the upper half of pipeline.timers, in
 *            which a connection lives no longer than after a RST. The connection table, and with
 *            it the hit path, know nothing of it.
 * Invariant  1. No flow of a policy that opens_again has the bit: it has another connection then.
 * Owner      The worker. Parsing marks RSTs PKT_CARE, so that they come by here.
 * See        lib/pkt.h, pkt_arrivals.
 */
#ifndef MR_FINAL_H
#define MR_FINAL_H

#include "flow.h"

enum { FINAL_BIT = MAX_TIMER_SETS };
static_assert(2 * MAX_TIMER_SETS <= 256, "flow.timers is a byte");

/* final_timers: of a set, for what was reset. */
static inline struct timer_set
final_timers(const struct timer_set *set)
{
	static const uint8_t longer[] = {CONN_TCP_SYN, CONN_TCP_MID, CONN_TCP_EST, CONN_TCP_FIN_I,
	                                 CONN_TCP_FIN_R};
	struct timer_set t = *set;
	for (unsigned i = 0; i < sizeof(longer) / sizeof(longer[0]); i++)
		t.idle_ms[longer[i]] = t.idle_ms[CONN_TCP_TRANS];
	return t;
}

/* final_idle_ms: the timer of a flow by sets[0..n-1], without the upper half. */
static inline uint32_t
final_idle_ms(const struct timer_set *sets, uint32_t n, const struct flow *f)
{
	uint32_t number = f->timers % MAX_TIMER_SETS;
	if (number >= n)
		return 0;
	struct timer_set final = final_timers(&sets[number]);
	return (f->timers & FINAL_BIT) != 0 ? final.idle_ms[f->state & 15] :
	                                      sets[number].idle_ms[f->state & 15];
}

/* final_seen: a TCP packet of this event was counted for the flow. */
static inline void
final_seen(struct flow *f, unsigned event)
{
	if (event == EV_RST) {
		f->timers |= FINAL_BIT;
	} else if (event == EV_OPEN && (f->timers & FINAL_BIT) != 0) {
		f->timers &= (uint8_t)~FINAL_BIT;
		f->state = CONN_TCP_SYN;
	}
}

#endif
