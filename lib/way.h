/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       How packets get to an endpoint that sees them as they were sent: by its station
 *            address alone, under its own address with a DSCP, or inside another packet.
 * Layout     A row for each owner number of a policy's flows, in an array of the generation. A row
 *            holds the outer header as far as it is known beforehand (header), and is two lines.
 * Invariant  1. The bits of spread are 0 in the source address of header.
 *            2. IPv4: the checksum in header is that of header itself, in which tos, length,
 *               identification, flags and offset are 0.
 *            3. overhead is the size of what stands in header; 0 for WAY_LINK and WAY_DSCP.
 *            4. The family of `to` is that of the packets, unless overhead is above 0.
 * Owner      Constant, part of a generation; a policy's view_create fills it.
 * See        lib/encap.h; docs/lb.md, "Forwarding modes".
 */
#ifndef MR_WAY_H
#define MR_WAY_H

#include "addr.h"

enum way_kind {
	WAY_NONE,
	WAY_LINK, /* the frame goes to the station that has `to`; the packet stays as it is */
	WAY_DSCP, /* `to` becomes the destination, dscp says which it was */
	WAY_IPIP, /* RFC 2003, 4213, 2473 */
	WAY_GRE,  /* RFC 2784, without key, checksum and sequence */
	WAY_GUE,  /* variant 1: the packet behind a UDP header */
};

enum { WAY_HEADER_MAX = 48, WAY_TTL = 64 };

struct way {
	uint8_t kind;      /* enum way_kind */
	uint8_t family;    /* of `to` */
	uint8_t overhead;  /* octets that go in front of a packet */
	uint8_t dscp;      /* WAY_DSCP */
	uint8_t always_df; /* outer IPv4 headers have DF, whatever is inside */
	uint8_t zero;
	uint16_t mtu;      /* of the path to it; ffff: as large as the interface's */
	union addr to;
	union addr spread; /* bits of the outer source that a flow's hash fills; in q[1] (IPv6) */
	uint8_t header[WAY_HEADER_MAX];
} __attribute__((aligned(64)));
static_assert(sizeof(struct way) == 128, "two lines");

/* Ways by where they lead: lib/way_index.h. */
struct way_index {
	uint32_t *slot; /* row + 1; 0: empty. NULL: no way has an outer header */
	uint32_t mask;
};

#endif
