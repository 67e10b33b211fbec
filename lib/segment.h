/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A TCP segment written from nothing into a packet's place: IP header, TCP header,
 *            options, a few octets of payload.
 * Invariant  What is written is whole: lengths and checksums right, no IP options or extensions,
 *            IPv4 with DF. The link's header before it stays where it is.
 * Owner      The worker that holds the packet.
 * Limits     SEGMENT_MAX octets from the IP header on: any buffer has that room.
 * See        RFC 9293, RFC 7323.
 */
#ifndef MR_SEGMENT_H
#define MR_SEGMENT_H

#include "tcp.h"
#include "tell.h"

struct segment {
	uint32_t seq, ack;
	uint16_t window;
	uint8_t flags;
	bool has_time, sack_ok;
	uint16_t mss;        /* 0: no option */
	uint8_t scale;       /* above TCP_MAX_SCALE: no option */
	uint8_t n_option, n_payload;
	uint32_t time, echo;
	uint8_t option[TELL_TOA_MAX]; /* one more */
	uint8_t payload[TELL_MAX];
};
enum { SEGMENT_NO_SCALE = 15, SEGMENT_TTL = 64 };
enum { SEGMENT_MAX = IP6_LEN + TCP_MAX_HEADER + TELL_MAX };

/* segment_write: from t.src to t.dst. => p's record is that of the new packet. */
void segment_write(struct pkt *p, const struct tuple *t, const struct segment *s);

#endif
