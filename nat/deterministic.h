/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Deterministic translation (RFC 7422): from an inside address to its pool address and
 *            range of ports and back, by arithmetic alone.
 * Layout     The pool's inside addresses are numbered in the order in which they stand, and so are
 *            its own. Number i has range i % hosts of address i / hosts, where hosts is how many
 *            share an address. Ranges follow each other from the pool's first port on, with
 *            equally many ports each; what is left behind them is for dynamic blocks. All inside
 *            addresses are in one realm.
 * Invariant  1. det_forward and det_reverse are inverse to each other for every port of a range.
 *            2. Ranges are whole granules of NAT_MIN_BLOCK ports and disjoint.
 * Owner      Rows of an image: constant. Data plane, daemon and client call the same functions.
 * Limits     NAT_MAX_INSIDES ranges of inside addresses a pool, NAT_MAX_RANGE ports a range.
 * See        RFC 7422 section 2; docs/nat.md, "Deterministic pools". No DPDK here.
 */
#ifndef MR_NAT_DETERMINISTIC_H
#define MR_NAT_DETERMINISTIC_H

#include "nat/nat_image.h"

struct det_range {
	uint32_t row;          /* of the pool address, in IMG_NAT_ADDRESSES */
	uint32_t first, last;  /* ports, host order */
};

static inline bool
det_is(const struct img_nat_pool *pool)
{
	return pool->range_ports != 0;
}

/* det_dynamic: the first port for dynamic blocks; behind port_last: there is none. */
static inline uint32_t
det_dynamic(const struct img_nat_pool *pool)
{
	return pool->port_first + (uint32_t)pool->range_ports * pool->range_hosts;
}

/* det_forward: the range of an inside address of a realm. inside: all rows of the image. => false:
 * none. */
bool det_forward(const struct img_nat_pool *pool, const struct img_nat_inside *inside,
                 uint8_t realm, be32 address, struct det_range *out);
/* det_reverse: the inside address (in pool->inside_realm) of a port of a pool's address. => false:
 * none. */
bool det_reverse(const struct img_nat_pool *pool, const struct img_nat_inside *inside,
                 uint32_t row, uint16_t port, be32 *address);

/* det_check: a pool of an image that nobody has checked. => NULL, or what is wrong. */
const char *det_check(const struct img_nat_pool *pool, const struct img_nat_inside *inside,
                      uint32_t n_inside);

#endif
