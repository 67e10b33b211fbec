/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Internet checksums: whole, and by difference (RFC 1624, equation 3). Sums are taken
 *            over words in memory order, so nothing is swapped.
 * Invariant  1. csum_apply of the difference of all changed words equals the checksum made anew.
 *            2. A difference is a sum of (~old + new); several may be added up before use.
 * Limits     A sum is 64 bits wide: 2^32 words of 32 bits fit.
 * See        RFC 1071, RFC 1624, RFC 768.
 */
#ifndef MR_CSUM_H
#define MR_CSUM_H

#include <endian.h>
#include <stddef.h>

#include "wire.h"

/* csum_fold: the one's-complement sum in 16 bits. */
static inline uint16_t
csum_fold(uint64_t sum)
{
	uint32_t low = (uint32_t)sum, s = low + (uint32_t)(sum >> 32);
	s += s < low;
	/* The halves added both ways round: the carry of the one is the other's. */
	return (uint16_t)((s + (s >> 16 | s << 16)) >> 16);
}

static inline uint64_t
csum_diff16(be16 before, be16 after)
{
	return (uint64_t)(uint16_t)~before + after;
}

static inline uint64_t
csum_diff32(be32 before, be32 after)
{
	return (uint64_t)(uint32_t)~before + after;
}

/* csum_diff64: the same of eight octets. => below 2^18. */
static inline uint32_t
csum_diff64(uint64_t before, uint64_t after)
{
	uint64_t sum;
	sum = __builtin_add_overflow(~before, after, &sum) ? sum + 1 : sum;
	sum = (uint32_t)sum + (sum >> 32);
	return (uint32_t)((uint16_t)sum + (sum >> 16));
}

static inline uint64_t
csum_diff_addr(const union addr *before, const union addr *after)
{
	return csum_diff32(before->w[0], after->w[0]) + csum_diff32(before->w[1], after->w[1]) +
	       csum_diff32(before->w[2], after->w[2]) + csum_diff32(before->w[3], after->w[3]);
}

/* csum_diff_ttl: what one hop takes off the word of TTL and protocol. */
static inline uint64_t
csum_diff_ttl(void)
{
	return (uint16_t)~htobe16(0x0100);
}

/* csum_apply: HC' = ~(~HC + ~m + m'). */
static inline be16
csum_apply(be16 csum, uint64_t diff)
{
	return (be16)~csum_fold((uint16_t)~csum + diff);
}

/* csum_apply32: the same for a difference below 2^32 - 2^16. */
static inline be16
csum_apply32(be16 csum, uint32_t diff)
{
	uint32_t s = (uint16_t)~csum + diff;
	return (be16)~((s + (s >> 16 | s << 16)) >> 16);
}

/* csum_apply_udp: 0 means that there is none and stays; a result of 0 is written as ffff. */
static inline be16
csum_apply_udp(be16 csum, uint64_t diff)
{
	be16 r = csum_apply(csum, diff);
	return csum == 0 ? 0 : r != 0 ? r : 0xffff;
}

/* csum_ip4_is_right: over a whole IPv4 header; => bytes is a multiple of 4, 20 at least. */
static inline bool
csum_ip4_is_right(const void *header, unsigned bytes)
{
	const uint8_t *p = header;
	uint64_t a, b, sum;
	uint32_t v;
	memcpy(&a, p, sizeof(a));
	memcpy(&b, p + 8, sizeof(b));
	memcpy(&v, p + 16, sizeof(v));
	sum = (uint32_t)a + (a >> 32) + (uint32_t)b + (b >> 32) + v;
	for (unsigned i = 20; __builtin_expect(i < bytes, 0); i += 4) {
		memcpy(&v, p + i, sizeof(v));
		sum += v;
	}
	return csum_fold(sum) == 0xffff;
}

/* csum_ip4_seal: the checksum of a whole IPv4 header, made anew. */
void csum_ip4_seal(struct ip4 *h);

/* csum_add: sum plus that of so many bytes; an odd last byte is followed by zero. */
uint64_t csum_add(uint64_t sum, const void *data, size_t size);

/* csum_add_pseudo4, csum_add_pseudo6: sum plus that of the pseudo-header; addresses: 32 bytes. */
uint64_t csum_add_pseudo4(uint64_t sum, be32 src, be32 dst, uint8_t proto, uint16_t size);
uint64_t csum_add_pseudo6(uint64_t sum, const void *addresses, uint8_t proto, uint32_t size);

#endif
