/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The state of a connection, for every protocol, as a table of rows:
 *            next = conn_next[state][direction][event]. The hit path does one lookup.
 * Layout     One byte a cell, rows of 8; the whole table is below 512 bytes and stays in the core's
 *            cache.
 * Invariant  1. CONN_FREE is 0 and never follows from a packet.
 *            2. Every cell of an event holds a valid state.
 *            3. A SYN alone of the initiator leaves a connection that is over as it is: whether it
 *               opens another one is not the table's to say (lib/again.h).
 * See        RFC 7857 section 2, RFC 6146 section 3.5.2, RFC 5382 REQ-5, RFC 4787 REQ-5;
 *            docs/design.md, "Connection states".
 */
#ifndef MR_CONN_H
#define MR_CONN_H

#include <assert.h>
#include <stdbool.h>
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
	/* The same where only the initiator is heard (FLOW_WAY): */
	CONN_ONE_SYN,     /* SYN, or one packet since MID */
	CONN_ONE_EST,
	CONN_ONE_FIN,     /* the initiator has closed: how far the other side is nobody knows */
	CONN_ONE_MID,     /* picked up in mid-stream, or reset: the next packet may be the last */
	CONN_OTHER,       /* of a transport without ports that are known */
	CONN_MAX
};

/*
 * EV_ALONE: without ACK. Of a SYN it is the beginning of a connection (EV_OPEN). Anything else
 * without ACK, but a RST, is of no connection: no end takes it (RFC 9293 section 3.10.7.4), so it
 * changes nothing and opens nothing; so is a SYN with FIN and no ACK.
 */
enum { EV_ALONE = 4 };
enum conn_event {
	EV_OTHER, EV_SYN, EV_FIN, EV_RST,
	EV_NULL = EV_OTHER | EV_ALONE, EV_OPEN = EV_SYN | EV_ALONE,
	EV_FIN_ALONE = EV_FIN | EV_ALONE,
	EV_MAX = 8
};

extern const uint8_t conn_next[CONN_MAX][2][EV_MAX];

/* conn_is_over: both sides have closed, or one has reset it. Where the only one heard has closed,
 * the other may be sending still: whether a SYN then opens another one is its peer's to judge. */
static inline bool
conn_is_over(unsigned state)
{
	return state == CONN_TCP_CLOSING || state == CONN_TCP_TRANS || state == CONN_ONE_MID;
}

/* conn_is_established: have both sides spoken, and not both closed? */
static inline bool
conn_is_established(unsigned state)
{
	return state >= CONN_TCP_EST && state <= CONN_TCP_FIN_R;
}

/* conn_opens_none: is it a RST, or a segment that no end takes? */
static inline bool
conn_opens_none(unsigned event)
{
	enum { NONE = 1 << EV_RST | 1 << EV_NULL | 1 << EV_FIN_ALONE };
	return (NONE >> event & 1) != 0;
}

/* conn_is_syn: is an event a SYN, alone or with ACK? */
static inline bool
conn_is_syn(unsigned event)
{
	return (event & ~(unsigned)EV_ALONE) == EV_SYN;
}

/* Idle timers, in milliseconds by state; a flow names its set by a small number (flow.timers). */
enum { MAX_TIMER_SETS = 64 };
struct timer_set {
	uint32_t idle_ms[16];
};
static_assert(CONN_MAX <= 16, "timer_set has a slot for every state");

/* conn_state_name: "established", … as shown to people and in JSON. */
const char *conn_state_name(unsigned state);

/* Of a TCP header; PSH, which stands between, is of no meaning here. */
enum { FIN_SYN_RST_ACK = 0x17 };

/* conn_event: what a TCP flags byte means to the table. RST wins over FIN, FIN over SYN. */
static inline unsigned
conn_event(uint8_t tcp_flags)
{
	/* By ACK, RST, SYN, FIN. */
	static const uint8_t event[FIN_SYN_RST_ACK + 1] = {
		EV_NULL, EV_FIN_ALONE, EV_OPEN, EV_FIN_ALONE, EV_RST, EV_RST, EV_RST, EV_RST,
		[0x10] = EV_OTHER, EV_FIN, EV_SYN, EV_FIN, EV_RST, EV_RST, EV_RST, EV_RST,
	};
	return event[tcp_flags & FIN_SYN_RST_ACK];
}

#endif
