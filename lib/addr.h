/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Addresses and wire-order integers, for both families.
 * Layout     union addr is 16 bytes in wire order. An IPv4 address stands in w[0] and w[1..3] are
 *            zero, so that two addresses of one family compare as 16 bytes.
 * Invariant  1. An IPv4 union addr has w[1] = w[2] = w[3] = 0 (addr_from_v4 is the only maker).
 * Limits     Families are 4 and 6, never AF_INET and AF_INET6.
 */
#ifndef MR_ADDR_H
#define MR_ADDR_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef uint16_t be16; /* in wire order */
typedef uint32_t be32; /* in wire order */

enum { FAMILY_V4 = 4, FAMILY_V6 = 6 };

union addr {
	uint8_t b[16];
	be32 w[4];
	uint64_t q[2];
};
static_assert(sizeof(union addr) == 16, "an address is 16 bytes in both families");

static inline union addr
addr_from_v4(be32 a)
{
	return (union addr){.q = {a, 0}}; /* w[0]: this machine is little-endian */
}

static inline bool
addr_equal(const union addr *a, const union addr *b)
{
	return ((a->q[0] ^ b->q[0]) | (a->q[1] ^ b->q[1])) == 0;
}

/* addr_bits: how many bits an address of the family has (32 or 128). */
static inline unsigned
addr_bits(uint8_t family)
{
	return family == FAMILY_V4 ? 32 : 128;
}

/* addr_in_prefix: do the first plen bits of a and prefix agree? => plen <= addr_bits(family). */
static inline bool
addr_in_prefix(const union addr *a, const union addr *prefix, unsigned plen)
{
	unsigned bytes = plen / 8, rest = plen % 8;
	if (bytes != 0 && memcmp(a->b, prefix->b, bytes) != 0)
		return false;
	if (rest == 0)
		return true;
	uint8_t mask = (uint8_t)(0xff00u >> rest);
	return ((a->b[bytes] ^ prefix->b[bytes]) & mask) == 0;
}

/* addr_masked: the first plen bits of an address, the others zero. */
static inline union addr
addr_masked(const union addr *a, unsigned plen)
{
	union addr r = *a;
	for (unsigned q = 0; q < 2; q++) {
		unsigned bits = plen > 64 * q ? plen - 64 * q : 0;
		uint64_t mask = bits == 0 ? 0 : bits >= 64 ? ~0ull : ~(~0ull >> bits);
		r.q[q] &= __builtin_bswap64(mask);
	}
	return r;
}

#endif
