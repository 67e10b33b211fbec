/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A TCP segment inside a packet: where its fields and options are, and how they are
 *            changed. For what is done off the hit path (lib/shift.h, lib/synproxy.h).
 * Invariant  1. No octet outside the segment is read or written, whatever its options say.
 *            2. tcp_put* keep a right checksum right and a wrong one wrong by the same amount;
 *               tcp_seal makes it anew.
 * Owner      The worker that holds the packet.
 * See        RFC 9293 section 3.1, RFC 7323, RFC 2018.
 */
#ifndef MR_TCP_H
#define MR_TCP_H

#include "csum.h"
#include "pkt.h"

enum {
	TCP_SEQ = 4, TCP_ACKNO = 8, TCP_OFFSET = 12, TCP_FLAGS = 13, TCP_WINDOW = 14, TCP_SUM = 16,
	TCP_MAX_HEADER = 60,
};
enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16 };
enum {
	OPTION_END = 0, OPTION_NOP = 1, OPTION_MSS = 2, OPTION_SCALE = 3, OPTION_SACK_OK = 4,
	OPTION_SACK = 5, OPTION_TIME = 8,
};
enum { TCP_MAX_SCALE = 14, TIME_OPTION = 10, TIME_VALUE = 2, TIME_ECHO = 6 };

struct tcp {
	uint8_t *h;
	uint32_t header, payload; /* octets */
};

/* tcp_of: the segment of a packet. => false: its header is not whole. */
bool tcp_of(const struct pkt *p, struct tcp *t);

/* Options by their offsets from the header's first octet; 0: not there, or of a wrong length. */
struct tcp_options {
	uint8_t mss, scale, sack_ok, time;
	uint8_t sack, blocks; /* the first block's; how many */
};
void tcp_options_read(const uint8_t *h, uint32_t header, struct tcp_options *o);

/* tcp_option_size: octets of the option at i, so many octets of header being there. => 0: there is
 * no more that could be read. */
static inline uint32_t
tcp_option_size(const uint8_t *h, uint32_t header, uint32_t i)
{
	if (i >= header || h[i] == OPTION_END)
		return 0;
	if (h[i] == OPTION_NOP)
		return 1;
	uint32_t size = i + 1 < header ? h[i + 1] : 0;
	return size > 1 && size <= header - i ? size : 0;
}

static inline uint32_t
tcp_load(const uint8_t *h, unsigned at)
{
	return be32toh(load32(h + at));
}

static inline uint32_t
tcp_seq(const uint8_t *h)
{
	return tcp_load(h, TCP_SEQ);
}

static inline uint32_t
tcp_ackno(const uint8_t *h)
{
	return tcp_load(h, TCP_ACKNO);
}

static inline uint16_t
tcp_window(const uint8_t *h)
{
	return be16toh(load16(h + TCP_WINDOW));
}

/* tcp_is_before: in the order of sequence numbers. */
static inline bool
tcp_is_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* tcp_put32, tcp_put16: a field (host order); what it changes is added to *diff (lib/csum.h). */
void tcp_put32(uint8_t *h, unsigned at, uint32_t value, uint64_t *diff);
void tcp_put16(uint8_t *h, unsigned at, uint16_t value, uint64_t *diff);

/* tcp_is_right: is the checksum of the whole segment? tcp_seal: make it so. */
bool tcp_is_right(const struct pkt *p);
void tcp_seal(const struct pkt *p);

#endif
