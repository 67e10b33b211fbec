/* SPDX-License-Identifier: Apache-2.0 */
/* The table of connection states: what follows from a packet of a direction and an event. */
#include "conn.h"

/* A row whose state no packet of a direction changes. */
#define STAY(s) {(s), (s), (s), (s), [EV_OPEN] = (s), ACKLESS(s)}

/* No end takes these: so none of them changes what is known of both. */
#define ACKLESS(s) [EV_NULL] = (s), [EV_FIN_ALONE] = (s)

/*
 * Cells are [state][direction][event].
 */
const uint8_t conn_next[CONN_MAX][2][EV_MAX] = {
	/* No packet meets a free entry. */
	[CONN_FREE] = {STAY(CONN_FREE), STAY(CONN_FREE)},
	/* RFC 4787 section 4.3: a session is new until the peer has answered. */
	[CONN_UDP_NEW] = {STAY(CONN_UDP_NEW), STAY(CONN_UDP_BOTH)},
	[CONN_UDP_BOTH] = {STAY(CONN_UDP_BOTH), STAY(CONN_UDP_BOTH)},
	/* RFC 5508 REQ-2: one timer for queries. */
	[CONN_ICMP] = {STAY(CONN_ICMP), STAY(CONN_ICMP)},
	[CONN_OTHER] = {STAY(CONN_OTHER), STAY(CONN_OTHER)},
	[CONN_TCP_SYN] = {
		{
			/* Only the peer's word establishes: a retransmitted SYN or an early
			 * segment of the initiator leaves the opening timer. */
			[EV_OTHER] = CONN_TCP_SYN,
			[EV_SYN] = CONN_TCP_SYN,
			[EV_OPEN] = CONN_TCP_SYN,
			[EV_FIN] = CONN_TCP_SYN,
			/* The initiator gives up: RFC 7857 section 2.2, 4 min from here. */
			[EV_RST] = CONN_TCP_TRANS,
			ACKLESS(CONN_TCP_SYN),
		},
		{
			/* RFC 6146 3.5.2.2 INIT: a SYN of the other side, with ACK or without
			 * (simultaneous open, RFC 5382 REQ-2a), establishes. So does any other
			 * segment that is no RST: its SYN may have gone another way. */
			[EV_OTHER] = CONN_TCP_EST,
			[EV_SYN] = CONN_TCP_EST,
			[EV_OPEN] = CONN_TCP_EST,
			[EV_FIN] = CONN_TCP_FIN_R,
			/* The peer refuses. */
			[EV_RST] = CONN_TCP_TRANS,
			ACKLESS(CONN_TCP_SYN),
		},
	},
	[CONN_TCP_MID] = {
		{
			/* Picked up without its SYN: as INIT, the peer has to speak. */
			[EV_OTHER] = CONN_TCP_MID,
			[EV_SYN] = CONN_TCP_MID,
			[EV_OPEN] = CONN_TCP_MID,
			[EV_FIN] = CONN_TCP_MID,
			[EV_RST] = CONN_TCP_TRANS,
			ACKLESS(CONN_TCP_MID),
		},
		{
			[EV_OTHER] = CONN_TCP_EST,
			[EV_SYN] = CONN_TCP_EST,
			[EV_OPEN] = CONN_TCP_EST,
			[EV_FIN] = CONN_TCP_FIN_R,
			[EV_RST] = CONN_TCP_TRANS,
			ACKLESS(CONN_TCP_MID),
		},
	},
	[CONN_TCP_EST] = {
		{
			/* RFC 5961 section 4: a SYN inside a connection is answered by the host
			 * with a challenge ACK; nothing changes here. */
			[EV_OTHER] = CONN_TCP_EST,
			[EV_SYN] = CONN_TCP_EST,
			[EV_OPEN] = CONN_TCP_EST,
			/* RFC 6146 3.5.2.2 "V6 FIN RCV": the established timer goes on. */
			[EV_FIN] = CONN_TCP_FIN_I,
			/* RFC 7857 section 2.2: kept 4 min, the RST may be spoofed or lost. */
			[EV_RST] = CONN_TCP_TRANS,
			ACKLESS(CONN_TCP_EST),
		},
		{
			[EV_OTHER] = CONN_TCP_EST,
			[EV_SYN] = CONN_TCP_EST,
			[EV_OPEN] = CONN_TCP_EST,
			/* "V4 FIN RCV". */
			[EV_FIN] = CONN_TCP_FIN_R,
			[EV_RST] = CONN_TCP_TRANS,
			ACKLESS(CONN_TCP_EST),
		},
	},
	[CONN_TCP_FIN_I] = {
		{
			/* A repeated FIN is still the first side's. */
			[EV_OTHER] = CONN_TCP_FIN_I,
			[EV_SYN] = CONN_TCP_FIN_I,
			[EV_OPEN] = CONN_TCP_FIN_I,
			[EV_FIN] = CONN_TCP_FIN_I,
			[EV_RST] = CONN_TCP_TRANS,
			ACKLESS(CONN_TCP_FIN_I),
		},
		{
			/* Half-closed: the responder may send for as long as it likes. */
			[EV_OTHER] = CONN_TCP_FIN_I,
			[EV_SYN] = CONN_TCP_FIN_I,
			[EV_OPEN] = CONN_TCP_FIN_I,
			/* RFC 6146 "V4 FIN + V6 FIN RCV": both, now the transitory timer. */
			[EV_FIN] = CONN_TCP_CLOSING,
			[EV_RST] = CONN_TCP_TRANS,
			ACKLESS(CONN_TCP_FIN_I),
		},
	},
	[CONN_TCP_FIN_R] = {
		{
			[EV_OTHER] = CONN_TCP_FIN_R,
			[EV_SYN] = CONN_TCP_FIN_R,
			[EV_OPEN] = CONN_TCP_FIN_R,
			/* Both. */
			[EV_FIN] = CONN_TCP_CLOSING,
			[EV_RST] = CONN_TCP_TRANS,
			ACKLESS(CONN_TCP_FIN_R),
		},
		{
			[EV_OTHER] = CONN_TCP_FIN_R,
			[EV_SYN] = CONN_TCP_FIN_R,
			[EV_OPEN] = CONN_TCP_FIN_R,
			[EV_FIN] = CONN_TCP_FIN_R,
			[EV_RST] = CONN_TCP_TRANS,
			ACKLESS(CONN_TCP_FIN_R),
		},
	},
	[CONN_TCP_CLOSING] = {
		{
			/* RFC 6146 forwards everything until the timer ends; the last ACKs do
			 * not revive. */
			[EV_OTHER] = CONN_TCP_CLOSING,
			/* A SYN opens anew on the same tuple; else the new connection would die
			 * with the old one's timer. */
			[EV_SYN] = CONN_TCP_SYN,
			/* lib/again.h decides. */
			[EV_OPEN] = CONN_TCP_CLOSING,
			[EV_FIN] = CONN_TCP_CLOSING,
			/* An RST must not lengthen what is over: same timer, same end. */
			[EV_RST] = CONN_TCP_CLOSING,
			ACKLESS(CONN_TCP_CLOSING),
		},
		{
			[EV_OTHER] = CONN_TCP_CLOSING,
			/* The responder opens anew: its peer's answer makes it established. */
			[EV_SYN] = CONN_TCP_SYN,
			[EV_OPEN] = CONN_TCP_SYN,
			[EV_FIN] = CONN_TCP_CLOSING,
			[EV_RST] = CONN_TCP_CLOSING,
			ACKLESS(CONN_TCP_CLOSING),
		},
	},
	[CONN_TCP_TRANS] = {
		{
			/* RFC 6146 3.5.2.2 TRANS: any packet that is no RST re-establishes. */
			[EV_OTHER] = CONN_TCP_EST,
			[EV_SYN] = CONN_TCP_EST,
			/* lib/again.h decides. */
			[EV_OPEN] = CONN_TCP_TRANS,
			[EV_FIN] = CONN_TCP_EST,
			[EV_RST] = CONN_TCP_TRANS,
			ACKLESS(CONN_TCP_TRANS),
		},
		{
			[EV_OTHER] = CONN_TCP_EST,
			[EV_SYN] = CONN_TCP_EST,
			[EV_OPEN] = CONN_TCP_EST,
			[EV_FIN] = CONN_TCP_EST,
			[EV_RST] = CONN_TCP_TRANS,
			ACKLESS(CONN_TCP_TRANS),
		},
	},
	/* One-sided: the answers go past us, and nothing that says it is one changes anything. */
	[CONN_ONE_SYN] = {
		{
			/* Whoever acknowledges has heard the peer: RFC 9293, third packet. */
			[EV_OTHER] = CONN_ONE_EST,
			[EV_SYN] = CONN_ONE_SYN,
			[EV_OPEN] = CONN_ONE_SYN,
			[EV_FIN] = CONN_ONE_FIN,
			[EV_RST] = CONN_ONE_MID,
			ACKLESS(CONN_ONE_SYN),
		},
		STAY(CONN_ONE_SYN),
	},
	[CONN_ONE_EST] = {
		{
			[EV_OTHER] = CONN_ONE_EST,
			[EV_SYN] = CONN_ONE_EST,
			[EV_OPEN] = CONN_ONE_EST,
			[EV_FIN] = CONN_ONE_FIN,
			[EV_RST] = CONN_ONE_MID,
			ACKLESS(CONN_ONE_EST),
		},
		STAY(CONN_ONE_EST),
	},
	[CONN_ONE_FIN] = {
		{
			/* The closing timer, which each acknowledgement of what the peer still
			 * sends sets back: half-closed connections live while they carry data. */
			[EV_OTHER] = CONN_ONE_FIN,
			/* Opened anew, it must not live on the old one's timer. */
			[EV_SYN] = CONN_ONE_SYN,
			[EV_OPEN] = CONN_ONE_SYN,
			[EV_FIN] = CONN_ONE_FIN,
			[EV_RST] = CONN_ONE_FIN,
			ACKLESS(CONN_ONE_FIN),
		},
		STAY(CONN_ONE_FIN),
	},
	[CONN_ONE_MID] = {
		{
			/* One segment could be anybody's: two make a connection. An RST may be
			 * spoofed or lost, and whoever goes on comes by here too. */
			[EV_OTHER] = CONN_ONE_SYN,
			[EV_SYN] = CONN_ONE_SYN,
			[EV_OPEN] = CONN_ONE_MID,
			[EV_FIN] = CONN_ONE_FIN,
			[EV_RST] = CONN_ONE_MID,
			ACKLESS(CONN_ONE_MID),
		},
		STAY(CONN_ONE_MID),
	},
};

static const char *const state_name[CONN_MAX] = {
	[CONN_FREE] = "free",
	[CONN_UDP_NEW] = "udp_new",
	[CONN_UDP_BOTH] = "udp_answered",
	[CONN_ICMP] = "icmp",
	[CONN_TCP_SYN] = "syn",
	[CONN_TCP_MID] = "mid",
	[CONN_TCP_EST] = "established",
	[CONN_TCP_FIN_I] = "fin_initiator",
	[CONN_TCP_FIN_R] = "fin_responder",
	[CONN_TCP_CLOSING] = "closing",
	[CONN_TCP_TRANS] = "reset",
	[CONN_ONE_SYN] = "syn_one_way",
	[CONN_ONE_EST] = "established_one_way",
	[CONN_ONE_FIN] = "closing_one_way",
	[CONN_ONE_MID] = "mid_one_way",
	[CONN_OTHER] = "other",
};

const char *
conn_state_name(unsigned state)
{
	return state < CONN_MAX ? state_name[state] : "?";
}
