/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Ports in quarantine whose mapping somebody had asked for: the same inside endpoint,
 *            and nobody else, has one back before its time if it asks for it.
 * Layout     16 bytes, found by block, protocol and place. The quarantine's ring is not searched: a
 *            port that is given back leaves its entry there, which is counted as stale here and
 *            frees nothing when its turn comes. As the ring is in order, the entries of a port
 *            come out stale ones first.
 * Invariant  1. stale is how many entries of the port in the ring are; is_resting: there is one
 *               more, and the port is not mapped. One of both is not 0.
 *            2. While an entry of a port is in the ring, stale or not, the port's block is held:
 *               it is mapped, or rests.
 * Owner      One worker.
 * Limits     nat.capacity.leases, as there are so many mappings that were asked for; of what finds
 *            no room here the port rests for everybody. REST_STALE entries of a port in the ring:
 *            then it is not given back, or who asks and gives up in turn would fill the ring with
 *            it, and ports of others would leave early.
 * See        RFC 6888 REQ-8; RFC 6887, 15: to the same client a port may be given again.
 */
#ifndef MR_NAT_REST_H
#define MR_NAT_REST_H

#include "nat/mapping.h"

struct nat;

enum { REST_STALE = 7 };

struct rest {
	uint32_t next;
	uint32_t block : BLOCK_BITS;
	uint32_t proto : 2; /* enum nat_proto */
	uint32_t is_resting : 1;
	uint16_t place;
	be16 inside_port; /* of its last mapping */
	uint32_t stale;
};
static_assert(sizeof(struct rest) == 16, "four to a cache line");

struct rests {
	struct table t;
	uint64_t seed;
};

/* rest_begin: the port of a mapping that was asked for has come into the quarantine. */
void rest_begin(struct nat *n, const struct mapping *m);
/* rest_end: an entry has left it. => the port is nobody's; else it was given back before. */
bool rest_end(struct nat *n, struct quarantined e);
/* rest_recall: is it inside_port's that rests there? Then it rests no longer. */
bool rest_recall(struct nat *n, struct quarantined port, be16 inside_port);

#endif
