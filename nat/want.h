/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Which port a mapping gets where the pool wants more than any free one: the inside port
 *            itself, one as odd or even as it, or the next in turn.
 * Invariant  1. Wishes choose among free ports, they refuse none: a port is found exactly when
 *               one of the blocks has one.
 *            2. The inside port is kept if it is free in one of the blocks; else its parity, if
 *               any of them has such a port.
 * Owner      One worker.
 * See        RFC 4787 REQ-3, REQ-4; RFC 6056 section 3.3; RFC 7857 section 8.
 */
#ifndef MR_NAT_WANT_H
#define MR_NAT_WANT_H

#include "nat/pool.h"

/* A mapping to be: its protocol and inside port, in host order. */
struct want {
	enum nat_proto proto;
	uint16_t inside_port;
};

/*
 * want_port: a port of one of a subscriber's blocks, beginning at `first`. => port and *block;
 * 0: none of them has one. *kept: all that the first block's pool wishes for came true.
 */
uint16_t want_port(struct pool *p, uint32_t first, struct want w, uint64_t *random,
                   uint32_t *block, bool *kept);

/* want_this: the port of that number, if it is free in a block. => port and *block, or 0. */
uint16_t want_this(struct pool *p, uint32_t first, struct want w, uint32_t *block);

#endif
