/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Static mappings: address to address, port to port, and ranges of both.
 * Layout     An endpoint is a number: realm (8 bits), address (32), protocol (8), port (16). An
 *            address with all it has is an interval of 2^24 numbers, a block of addresses one of
 *            more, a range of ports one of few. A mapping moves an interval: offset stays offset.
 *            So one binary search among rows finds what a packet wants, whatever the form.
 * Invariant  1. static_out and static_in are inverse to each other.
 *            2. Address and protocol of an endpoint never depend on its port, nor its protocol on
 *               the address: rows keep protocols (statics_check).
 * Owner      Rows of an image: constant.
 * Limits     NAT_MAX_STATICS rows.
 * See        docs/nat.md, "Static mappings". No DPDK here: the daemon and the client ask too.
 */
#ifndef MR_NAT_STATIC_H
#define MR_NAT_STATIC_H

#include <endian.h>

#include "nat/nat_image.h"

struct statics {
	const struct img_nat_static *row; /* sorted by inside_first */
	const uint32_t *out;              /* their numbers, sorted by outside_first */
	uint32_t n;
};

enum { STATIC_PORT_BITS = 16, STATIC_ADDRESS_SHIFT = 24, STATIC_REALM_SHIFT = 56,
       STATIC_WHOLE = 1 << STATIC_ADDRESS_SHIFT /* endpoints of an address */ };

static inline uint64_t
static_key(uint8_t realm, be32 address, uint8_t proto, be16 port)
{
	return (uint64_t)realm << STATIC_REALM_SHIFT |
	       (uint64_t)be32toh(address) << STATIC_ADDRESS_SHIFT |
	       (uint64_t)proto << STATIC_PORT_BITS | be16toh(port);
}

static inline be32
static_address(uint64_t key)
{
	return htobe32((uint32_t)(key >> STATIC_ADDRESS_SHIFT));
}

static inline uint8_t
static_proto(uint64_t key)
{
	return (uint8_t)(key >> STATIC_PORT_BITS);
}

static inline be16
static_port(uint64_t key)
{
	return htobe16((uint16_t)key);
}

static inline uint8_t
static_realm(uint64_t key)
{
	return (uint8_t)(key >> STATIC_REALM_SHIFT);
}

static inline uint64_t
static_outside_last(const struct img_nat_static *r)
{
	return r->outside_first + (r->inside_last - r->inside_first);
}

/* statics_of: those of an image. => It was checked. */
struct statics statics_of(const struct image_header *h);

/* static_out, static_in: the row of an inside (outside) endpoint and where it leads, or NULL. */
const struct img_nat_static *static_out(const struct statics *s, uint64_t inside,
                                        uint64_t *outside);
const struct img_nat_static *static_in(const struct statics *s, uint64_t outside,
                                       uint64_t *inside);

/* statics_hold: is one of ports first..last of an outside address a static mapping's? */
bool statics_hold(const struct statics *s, be32 address, uint16_t first, uint16_t last);

/* statics_check: rows of an image that nobody has checked. => NULL, or what is wrong with *row. */
const char *statics_check(const struct image_header *h, uint32_t n_nics, uint32_t *row);

#endif
