/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Internet checksums: whole, and by difference (RFC 1624, equation 3). Sums are taken
 *            over words in memory order, so nothing is swapped.
 * Invariant  1. csum_apply of the difference of all changed words equals the checksum made anew.
 *            2. A difference is a sum of (~old + new). Several may be added up before use: those of
 *               16 and 32 bits as words of 64, those that fill their word by csum_add32, 64.
 * Limits     A sum is 64 bits wide: 2^32 words of 32 bits fit.
 * See        RFC 1071, RFC 1624, RFC 768.
 */
#ifndef MR_CSUM_H
#define MR_CSUM_H

#include <endian.h>
#include <stddef.h>

#include "wire.h"

/* csum_add32, csum_add64: one's-complement sums of 32 and 64 bits. */
static inline uint32_t
csum_add32(uint32_t a, uint32_t b)
{
	uint32_t sum;
	return __builtin_add_overflow(a, b, &sum) ? sum + 1 : sum;
}

static inline uint64_t
csum_add64(uint64_t a, uint64_t b)
{
	uint64_t sum;
	return __builtin_add_overflow(a, b, &sum) ? sum + 1 : sum;
}

/* csum_fold32, csum_fold: the one's-complement sum in 16 bits; 0 only if all was 0. csum_half: of
 * 64 bits in 32. */
static inline uint16_t
csum_fold32(uint32_t s)
{
	/* The halves added both ways round: the carry of the one is the other's. */
	return (uint16_t)((s + (s >> 16 | s << 16)) >> 16);
}

static inline uint32_t
csum_half(uint64_t sum)
{
	return csum_add32((uint32_t)sum, (uint32_t)(sum >> 32));
}

static inline uint16_t
csum_fold(uint64_t sum)
{
	return csum_fold32(csum_half(sum));
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

/* csum_diff64: the same of eight octets, in 32 bits. */
static inline uint32_t
csum_diff64(uint64_t before, uint64_t after)
{
	return csum_half(csum_add64(~before, after));
}

/* csum_diff_addr: the same of an address, in 64 bits: to be added up by csum_add64. */
static inline uint64_t
csum_diff_addr(const union addr *before, const union addr *after)
{
	return csum_add64(csum_add64(~before->q[0], after->q[0]),
	                  csum_add64(~before->q[1], after->q[1]));
}

/* csum_diff_ttl: what one hop takes off the word of TTL and protocol. */
static inline uint32_t
csum_diff_ttl(void)
{
	return (uint16_t)~htobe16(0x0100);
}

/* csum_take: HC' = ~(~HC + diff), which is HC - diff with the borrow taken off as well. */
static inline be16
csum_take(be16 csum, uint16_t diff)
{
	be16 left;
	return __builtin_sub_overflow(csum, diff, &left) ? left - 1 : left;
}

/* csum_apply, csum_apply32: HC' = ~(~HC + ~m + m'). */
static inline be16
csum_apply(be16 csum, uint64_t diff)
{
	return csum_take(csum, csum_fold(diff));
}

static inline be16
csum_apply32(be16 csum, uint32_t diff)
{
	return csum_take(csum, csum_fold32(diff));
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
	uint64_t sum = csum_add64(csum_add64(load64(p), load64(p + 8)), load32(p + 16));
	for (unsigned i = IP4_LEN; __builtin_expect(i < bytes, 0); i += 4)
		sum = csum_add64(sum, load32(p + i));
	return csum_fold(sum) == 0xffff;
}

/* csum_ip4_seal: the checksum of a whole IPv4 header, made anew. */
void csum_ip4_seal(struct ip4 *h);

/* csum_add: sum plus that of so many bytes; an odd last byte is followed by zero. */
uint64_t csum_add(uint64_t sum, const void *data, size_t size);

/* csum_add_pseudo4, csum_add_pseudo6: sum plus that of the pseudo-header; addresses: 32 bytes. */
uint64_t csum_add_pseudo4(uint64_t sum, be32 src, be32 dst, uint8_t proto, uint16_t size);
uint64_t csum_add_pseudo6(uint64_t sum, const void *addresses, uint8_t proto, uint32_t size);

/* csum_udp4: of a UDP datagram with its pseudo-header; all ones when folded, or it was damaged.
 * csum_udp4_seal: its checksum made anew. */
uint64_t csum_udp4(const struct ip4 *h, const uint8_t *udp, uint16_t size);
void csum_udp4_seal(const struct ip4 *h, uint8_t *udp, uint16_t size);

#endif
