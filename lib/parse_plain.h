/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The short way through parsing, for what most frames are: to the interface's own MAC
 *            address, at most one tag, IPv4 without options, DF set, not a fragment, TTL above 1,
 *            TCP or UDP, everything as it has to be.
 * Invariant  1. Where parse_plain says yes, parse_frame says PATH_FLOW with the same record; where
 *               it says no, nothing is decided and parse_frame has to be asked (a test holds both).
 *            2. No byte outside the buffer's data is read, and none is written.
 * See        docs/design.md, "The hit path"; parse.h.
 */
#ifndef MR_PARSE_PLAIN_H
#define MR_PARSE_PLAIN_H

#include "csum.h"
#include "parse.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words of headers are tested whole");

/* Octets 6, 7 and 0 of an IPv4 header: DF, MF and offset; version and length. */
#define PLAIN4_MASK  0x00ffff7fu
#define PLAIN4_VALUE 0x00450040u

/* is_martian4_first: is an address that begins with this octet in 0/8, 127/8, 224/3? */
static inline unsigned
is_martian4_first(uint8_t first)
{
	static const uint8_t is_martian[256] = {[0] = 1, [127] = 1, [224 ... 255] = 1};
	return is_martian[first];
}

/* What all frames of a burst from one device have in common. */
struct plain_burst {
	const struct generation *gen;
	uint64_t seed;
	uint16_t dev;
	uint8_t nic; /* of frames without a tag */
};

static inline struct plain_burst
plain_burst_of(const struct generation *g, const struct dev *d, uint64_t seed)
{
	return (struct plain_burst){g, seed, d->id, g->vlan_nic[d->id][0]};
}

/* is_checksum_known_good: has the device looked at the IPv4 header's? */
static inline bool
is_checksum_known_good(const struct rte_mbuf *m)
{
	return (m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD;
}

static inline bool
plain_checksum_is_right(const struct rte_mbuf *m, const uint8_t *l3)
{
	return __builtin_expect(is_checksum_known_good(m), 0) || csum_ip4_is_right(l3, IP4_LEN);
}

/* Arrival word of a whole transport header; => false: short, or a length that is wrong. */
static inline bool
plain_l4(const struct generation *g, const uint8_t *l4, uint8_t proto, uint32_t len,
         uint32_t *word)
{
	if (__builtin_expect(proto == IPPROTO_L4_TCP, 1)) {
		if (__builtin_expect(len < TCP_LEN, 0))
			return false;
		uint32_t header = l4[12] >> 2 & 0x3c;
		*word = g->arrival[l4[13] & FIN_SYN_RST_ACK];
		return header - TCP_LEN <= len - TCP_LEN;
	}
	uint32_t size = be16toh(load16(l4 + 4));
	*word = pkt_arrival(0, EV_OTHER);
	return proto == IPPROTO_L4_UDP && size >= UDP_LEN && size <= len;
}

/*
 * parse_plain: the frame of p->m into p, hash included. => false: ask parse_frame. Not set: ref.
 */
static inline __attribute__((always_inline)) bool
parse_plain(struct pkt *p, const struct plain_burst *b)
{
	const struct generation *g = b->gen;
	struct rte_mbuf *m = p->m;
	uint8_t *e = buf_data(m), *l3 = e + ETHER_LEN;
	uint32_t len = m->data_len;
	uint8_t nic = b->nic;
	if (__builtin_expect(len < ETHER_LEN + VLAN_LEN + IP4_LEN + UDP_LEN, 0))
		return false;
	uint16_t type = load16(e + 12);
	if (__builtin_expect(type == htobe16(ETHER_VLAN), 0)) {
		nic = g->vlan_nic[b->dev][be16toh(load16(e + 14)) & 0xfff];
		type = load16(e + 16);
		l3 += VLAN_LEN;
	}
	const struct gen_nic *gn = &g->nic[nic];
	uint64_t first = load64(l3);
	uint32_t total = be16toh((uint16_t)(first >> 16));
	uint32_t head = (uint32_t)(first << 16 | first >> 48);
	if (__builtin_expect(nic == NIC_NONE || type != htobe16(ETHER_IP4), 0) ||
	    __builtin_expect((load64(e) ^ load64(gn)) << 16 != 0, 0) ||
	    __builtin_expect((head & PLAIN4_MASK) != PLAIN4_VALUE, 0) ||
	    __builtin_expect(l3 + total > e + len || total < IP4_LEN + UDP_LEN, 0))
		return false;
	uint64_t addresses = load64(l3 + 12);
	uint8_t ttl = l3[8], proto = l3[9];
	if (__builtin_expect(ttl <= 1 || !plain_checksum_is_right(m, l3), 0) ||
	    __builtin_expect((is_martian4_first(l3[12]) | is_martian4_first(l3[16])) != 0, 0))
		return false;
	const uint8_t *l4 = l3 + IP4_LEN;
	uint32_t ports = load32(l4);
	uint32_t word;
	if (__builtin_expect(!plain_l4(g, l4, proto, total - IP4_LEN, &word), 0) ||
	    __builtin_expect(ports < 0x10000 || (uint16_t)ports == 0, 0))
		return false;
	p->l3 = l3;
	pkt_set_head(p, total, IP4_LEN, FAMILY_V4, proto, nic, gn->realm);
	pkt_set_arrival(p, word);
	p->frag = 0;
	store64(&p->key.t4, addresses);
	store32(&p->key.t4.sport, ports);
	p->hash = tuple4_hash_words(addresses, ports, proto, gn->realm, b->seed);
	return true;
}

#endif
