/* SPDX-License-Identifier: Apache-2.0 */
/* Checksums over whole packets, for ICMP and for what is made here. */
#include "csum.h"

#include "tuple.h"

void
csum_ip4_seal(struct ip4 *h)
{
	h->csum = 0;
	h->csum = (be16)~csum_fold(csum_add(0, h, (h->version_ihl & 15) * 4u));
}

uint64_t
csum_add(uint64_t sum, const void *data, size_t size)
{
	const uint8_t *p = data;
	uint32_t v;
	for (; size >= sizeof(v); size -= sizeof(v), p += sizeof(v)) {
		memcpy(&v, p, sizeof(v));
		sum += v;
	}
	v = 0;
	memcpy(&v, p, size);
	return sum + v;
}

uint64_t
csum_add_pseudo4(uint64_t sum, be32 src, be32 dst, uint8_t proto, uint16_t size)
{
	return sum + src + dst + htobe16(proto) + htobe16(size);
}

uint64_t
csum_add_pseudo6(uint64_t sum, const void *addresses, uint8_t proto, uint32_t size)
{
	return csum_add(sum, addresses, 32) + htobe16(proto) + htobe32(size);
}

uint64_t
csum_udp4(const struct ip4 *h, const uint8_t *udp, uint16_t size)
{
	return csum_add_pseudo4(csum_add(0, udp, size), h->src, h->dst, IPPROTO_L4_UDP, size);
}

void
csum_udp4_seal(const struct ip4 *h, uint8_t *udp, uint16_t size)
{
	store16(udp + 6, 0);
	be16 sum = (be16)~csum_fold(csum_udp4(h, udp, size));
	store16(udp + 6, sum != 0 ? sum : 0xffff);
}
