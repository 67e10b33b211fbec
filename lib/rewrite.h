/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Writing a tuple into a packet: addresses, ports or identifier, TTL, checksums by
 *            difference. One function a family for all that NAT and the balancer do.
 * Invariant  1. A checksum that was right is right afterwards; a wrong one stays wrong by the same
 *               amount (nothing is repaired on the way).
 *            2. UDP without a checksum stays so; UDP never gets 0 for one that computes to 0.
 *            3. TTL goes down by one unless the packet has re-entered (p->loops).
 * Owner      The worker that holds the packet.
 * See        RFC 1624, RFC 768, RFC 3022 section 4.1; docs/design.md, "A flow is two tuples".
 */
#ifndef MR_REWRITE_H
#define MR_REWRITE_H

#include "csum.h"
#include "pkt.h"

enum { TCP_CSUM = 16, UDP_CSUM = 6, ICMP_CSUM = 2, ICMP_ID = 4 };

/* ports_load: source and destination port of a tuple as one word, as they stand in a header. */
static inline uint32_t
ports_load(const be16 *sport)
{
	return load32(sport);
}

/* ports_swap: those of the inverse tuple. */
static inline uint32_t
ports_swap(uint32_t ports)
{
	return ports << 16 | ports >> 16;
}

/*
 * rewrite_l4: the ports of a transport header of which `size` bytes are there, at least 8; diff is
 * that of the addresses. In a quoted packet the checksum may be cut off: then it is left out.
 */
static inline void
rewrite_l4(uint8_t *l4, uint8_t proto, uint32_t size, uint32_t from, uint32_t to, uint32_t diff)
{
	if (__builtin_expect(proto == IPPROTO_L4_TCP || proto == IPPROTO_L4_UDP, 1)) {
		diff = csum_add32(csum_add32(~from, to), diff);
		store32(l4, to);
		if (proto == IPPROTO_L4_UDP)
			store16(l4 + UDP_CSUM, csum_apply_udp(load16(l4 + UDP_CSUM), diff));
		else if (size >= TCP_CSUM + 2)
			store16(l4 + TCP_CSUM, csum_apply32(load16(l4 + TCP_CSUM), diff));
		return;
	}
	/* Echo: the identifier is in one of the two, the other is 0; ICMPv4 sums no addresses. */
	be16 id = (be16)(to | to >> 16);
	uint64_t sum = csum_diff16((be16)(from | from >> 16), id);
	sum += proto == IPPROTO_L4_ICMP6 ? diff : 0;
	store16(l4 + ICMP_ID, id);
	store16(l4 + ICMP_CSUM, csum_apply(load16(l4 + ICMP_CSUM), sum));
}

/* rewrite_addresses4: the IPv4 header alone. => the difference of the addresses. */
static inline uint32_t
rewrite_addresses4(struct ip4 *h, be32 src, be32 dst, bool hop)
{
	uint64_t to = (uint64_t)dst << 32 | src;
	uint32_t diff = csum_diff64(load64(&h->src), to), ttl = 0;
	store64(&h->src, to);
	if (__builtin_expect(hop, 1)) {
		h->ttl--;
		ttl = csum_diff_ttl();
	}
	h->csum = csum_apply32(h->csum, csum_add32(diff, ttl));
	return diff;
}

static inline uint32_t
rewrite_addresses6(struct ip6 *h, const union addr *src, const union addr *dst, bool hop)
{
	union addr old_src = h->src, old_dst = h->dst;
	h->src = *src;
	h->dst = *dst;
	h->hops -= hop;
	return csum_half(csum_add64(csum_diff_addr(&old_src, src), csum_diff_addr(&old_dst, dst)));
}

/*
 * rewrite_pkt4, rewrite_pkt6: make the packet carry the inverse of `other`, the tuple in which its
 * answer will come. => p->key is what it carries now and is left as it is. rewrite_hop4: where it
 * is known whether TTL goes down.
 */
static inline void
rewrite_hop4(const struct pkt *p, const struct tuple4 *other, bool hop)
{
	uint32_t from = ports_load(&p->key.t4.sport), to = ports_swap(ports_load(&other->sport));
	uint32_t diff = rewrite_addresses4(pkt_ip4(p), other->dst, other->src, hop);
	rewrite_l4(p->l3 + p->l4, p->proto, TCP_LEN, from, to, diff);
}

static inline void
rewrite_pkt4(const struct pkt *p, const struct tuple4 *other)
{
	rewrite_hop4(p, other, p->loops == 0);
}

static inline void
rewrite_pkt6(const struct pkt *p, const struct tuple6 *other)
{
	uint32_t from = ports_load(&p->key.t6.sport), to = ports_swap(ports_load(&other->sport));
	union addr src = other->dst, dst = other->src;
	uint32_t diff = rewrite_addresses6(pkt_ip6(p), &src, &dst, p->loops == 0);
	rewrite_l4(p->l3 + p->l4, p->proto, TCP_LEN, from, to, diff);
}

/* rewrite_other4: the same for a packet with PKT_OTHER. */
void rewrite_other4(const struct pkt *p, const struct tuple4 *other);

/* rewrite_flow: a packet of direction d of the flow: the other tuple is of its own family. */
static inline void
rewrite_flow(const struct pkt *p, const struct flow *f, unsigned d)
{
	if (__builtin_expect((p->flags & PKT_OTHER) != 0, 0))
		rewrite_other4(p, &((const struct flow4 *)f)->tuple[!d]);
	else if (p->family == FAMILY_V4)
		rewrite_pkt4(p, &((const struct flow4 *)f)->tuple[!d]);
	else
		rewrite_pkt6(p, &((const struct flow6 *)f)->tuple[!d]);
}

/* rewrite_addresses: source and destination of `to` as they are, and TTL: no transport header. */
void rewrite_addresses(const struct pkt *p, const struct tuple *to);

/* rewrite_length: of an IP header: all of an IPv4 packet, the payload of an IPv6 one. */
void rewrite_length(uint8_t *l3, uint8_t family, uint32_t length);

/* rewrite_size: the packet has so many octets from its IP header on now; that header's length and
 * the buffer's say so too. => What the transport sums is no longer right. */
void rewrite_size(struct pkt *p, uint32_t l3_len);

#endif
