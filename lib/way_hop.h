/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What a worker remembers of a way: its next hop, what its path takes, and all that an
 *            IPv4 packet needs to go by it under no header or an IPv4 one.
 * Layout     One line for the owners of one remainder by WAY_HOPS. The outer header stands at the
 *            end of `header`, so that one copy of fixed size puts any of them in front of a packet.
 * Invariant  1. A row is good for its owner while its stamp is the worker's, which changes with the
 *               generation and with what is known of paths (lib/encap.h, encap_turn).
 *            2. plain is 0 where lib/encap_plain.h will not do.
 *            3. The bits of spread are 0 in header; sum is that of header with DF, but for its
 *               first four octets and its checksum.
 * Owner      The worker.
 * See        lib/way.h, lib/encap_plain.h.
 */
#ifndef MR_WAY_HOP_H
#define MR_WAY_HOP_H

#include "addr.h"

enum { WAY_HOPS = 4096, WAY_PLAIN_MAX = 32 };

/* What of an outer header depends on the flow. */
enum way_vary { WAY_VARY_SOURCE = 1, WAY_VARY_PORT = 2 };

struct way_hop {
	uint32_t owner, stamp;
	uint64_t own;     /* of the interface, as tx_frame wants it */
	uint16_t id;      /* of the next hop */
	uint16_t mtu;     /* of the path, outer header and all */
	uint16_t plain;   /* octets that an IPv4 packet may have */
	uint8_t nic, dev;
	be32 spread;      /* bits of the outer source that a flow's hash fills */
	uint16_t sum;
	uint8_t overhead;
	uint8_t vary;     /* enum way_vary */
	uint8_t header[WAY_PLAIN_MAX];
} __attribute__((aligned(64)));
static_assert(sizeof(struct way_hop) == 64, "one line");

#endif
