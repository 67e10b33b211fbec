/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       How a responder is told who the initiator is when it cannot see it: the TCP option
 *            that IPVS and its like use (TOA), or the header of the PROXY protocol, of a stream
 *            or of a datagram as the tuple's protocol is.
 * Layout     TOA: kind, length, port, address: 8 octets over IPv4, 20 over IPv6.
 * Invariant  1. The octets follow from the two ends alone: made again they are the same.
 *            2. No header has more than TELL_MAX octets.
 *            3. Version 1 knows no datagrams.
 * See        The PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt), sections 2.1
 *            and 2.2; docs/lb.md, "What a backend is told".
 */
#ifndef MR_TELL_H
#define MR_TELL_H

#include "tuple.h"

enum tell { TELL_NONE, TELL_TOA, TELL_PROXY1, TELL_PROXY2, TELL_KINDS };

enum {
	TELL_MAX = 107,     /* the longest header of version 1 */
	TELL_PADDED4 = 32, TELL_PADDED6 = 56, /* of version 2, for fragments */
	TELL_TOA4 = 8, TELL_TOA6 = 20,
	TELL_TOA_MAX = TELL_TOA6,
	TELL_TOA_KIND = 254, /* of experiments (RFC 4727), and what servers look for */
	TELL_KIND_MIN = 128, /* kinds below are in use or may be */
};

/*
 * tell_header: that of a connection whose initiator sends as t. => octets; 0: tell has none.
 */
unsigned tell_header(uint8_t out[TELL_MAX], enum tell tell, const struct tuple *t);

/* tell_pad: a header of version 2, of n octets, gets a TLV that says nothing (PP2_TYPE_NOOP), so
 * that fragments behind it still begin at a multiple of eight. => its octets. */
unsigned tell_pad(uint8_t head[TELL_MAX], unsigned n);

/* tell_padded: those octets. tell_is_padded: has the header, of which 16 octets are there, it? */
static inline unsigned
tell_padded(uint8_t family)
{
	return family == FAMILY_V4 ? TELL_PADDED4 : TELL_PADDED6;
}

static inline bool
tell_is_padded(const uint8_t *head, uint8_t family)
{
	enum { SIZE = 14, FIXED = 16 };
	return ((unsigned)head[SIZE] << 8 | head[SIZE + 1]) + FIXED == tell_padded(family);
}

/* tell_toa: the option. => octets, a multiple of 4. */
unsigned tell_toa(uint8_t out[TELL_TOA_MAX], uint8_t kind, const struct tuple *t);

#endif
