/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The state of a connection, for every protocol, as a table of rows:
 *            next = conn_next[state][direction][event]. The hit path does one lookup.
 * Layout     One byte a cell; the whole table is below 512 bytes and stays in the core's cache.
 * Invariant  1. CONN_FREE is 0 and never follows from a packet.
 *            2. Every cell holds a valid state.
 * See        RFC 7857 section 2, RFC 6146 section 3.5.2, RFC 5382 REQ-5, RFC 4787 REQ-5;
 *            docs/design.md, "Connection states".
 */
#ifndef MR_CONN_H
#define MR_CONN_H

#include <assert.h>
#include <stdint.h>

enum conn_state {
	CONN_FREE,        /* the flow entry is not in use */
	CONN_UDP_NEW,     /* only the initiator has spoken */
	CONN_UDP_BOTH,
	CONN_ICMP,        /* echo, answered or not */
	CONN_TCP_SYN,     /* INIT: SYN of the initiator */
	CONN_TCP_MID,     /* picked up in mid-stream, peer not yet heard */
	CONN_TCP_EST,
	CONN_TCP_FIN_I,   /* FIN of the initiator (direction 0) seen */
	CONN_TCP_FIN_R,   /* FIN of the responder seen */
	CONN_TCP_CLOSING, /* both */
	CONN_TCP_TRANS,   /* RST seen */
	CONN_MAX
};

enum conn_event { EV_OTHER, EV_SYN, EV_FIN, EV_RST, EV_MAX };

extern const uint8_t conn_next[CONN_MAX][2][EV_MAX];

/* Idle timers, in milliseconds by state; a flow names its set by a small number (flow.timers). */
enum { MAX_TIMER_SETS = 64 };
struct timer_set {
	uint32_t idle_ms[16];
};
static_assert(CONN_MAX <= 16, "timer_set has a slot for every state");

/* conn_state_name: "established", … as shown to people and in JSON. */
const char *conn_state_name(unsigned state);

/* conn_event: what a TCP flags byte means to the table. RST wins over FIN, FIN over SYN. */
static inline unsigned
conn_event(uint8_t tcp_flags)
{
	/* By RST, SYN, FIN. */
	static const uint8_t event[8] = {EV_OTHER, EV_FIN, EV_SYN, EV_FIN,
	                                 EV_RST,   EV_RST, EV_RST, EV_RST};
	return event[tcp_flags & 7];
}

#endif
