/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Which server a QUIC packet is for, as its connection ID says: QUIC-LB.
 * Layout     A connection ID is an octet, whose upper three bits name a configuration, then server
 *            ID and nonce: plain, or encrypted as one AES block where they are 16 octets together,
 *            else by four passes of a Feistel network over its halves (of an odd number of octets
 *            the middle one is shared, four bits each).
 * Invariant  1. No octet outside the datagram is read.
 *            2. Of the packet's first octet only the header form is looked at: the rest is the
 *               version's own (RFC 8999).
 * Owner      Constant, part of a generation.
 * Limits     What is too short, of an unknown configuration, or names no server is unroutable:
 *            no error, the flow table and the hash decide as for any datagram.
 * See        draft-ietf-quic-load-balancers-21, sections 3 to 5; docs/lb.md, "QUIC".
 */
#ifndef MR_QUIC_H
#define MR_QUIC_H

#include <stdbool.h>

#include "aes.h"
#include "lb_image.h"

/* The destination's ID: octets that are there, perhaps more than it has (short headers). */
struct quic_cid {
	const uint8_t *at;
	uint32_t size;
};

/* quic_cid_find: of a datagram's payload. => false: there is none. */
bool quic_cid_find(const uint8_t *payload, uint32_t size, struct quic_cid *cid);

/* quic_config_of: which of n configurations is it of? => its number, or -1. */
int quic_config_of(const struct img_lb_quic *c, unsigned n, struct quic_cid cid);

/*
 * quic_server_id: decode with the configuration's key, if it has one. => false: too short. Out are
 * server_id octets (and more of no meaning).
 */
bool quic_server_id(const struct img_lb_quic *c, const struct aes *key, struct quic_cid cid,
                    uint8_t out[QUIC_MAX_PLAIN]);

#endif
