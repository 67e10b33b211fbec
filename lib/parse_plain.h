/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The short way through parsing, for what most frames are: to the interface's own MAC
 *            address, IPv4 without options (at most one tag), DF set, not a fragment, or IPv6
 *            (without a tag), TTL above 1, TCP or UDP, everything as it has to be.
 * Invariant  1. Where parse_plain, parse_plain6 or parse_tagged says yes, parse_frame says
 *               PATH_FLOW with the same record; where all say no, nothing is decided and
 *               parse_frame has to be asked (a test holds it).
 *            2. No byte outside the buffer's data is read, and none is written.
 * See        docs/design.md, "The hit path"; parse.h.
 */
#ifndef MR_PARSE_PLAIN_H
#define MR_PARSE_PLAIN_H

#include "csum.h"
#include "parse.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words of headers are tested whole");

/* Octets 6 and 7 of an IPv4 header without the reserved bit. */
#define PLAIN_FRAG_MASK htobe16(0x7fff)

/* is_martian4_first: is an address that begins with this octet in 0/8, 127/8, 224/3? */
static inline unsigned
is_martian4_first(uint8_t first)
{
	static const uint8_t is_martian[256] = {[0] = 1, [127] = 1, [224 ... 255] = 1};
	return is_martian[first];
}

/* What all frames that come in by one interface have in common. */
struct plain_nic {
	__m128i head;   /* with plain_mask: MAC address, type, version and length of IPv4 */
	uint64_t hash;  /* tuple4_hash_base */
	uint32_t where; /* pkt_where without the protocol */
	int32_t least;  /* octets behind the L2 header; NIC_NONE: more than any frame has */
};

/* What all frames of a burst from one device have in common; `in`: of those without a tag. */
struct plain_burst {
	struct plain_nic in;
	const struct generation *gen;
	uint64_t seed;
	uint16_t dev;
};

static inline struct plain_nic
plain_nic_of(const struct generation *g, uint8_t nic, uint64_t seed)
{
	const struct gen_nic *n = &g->nic[nic];
	uint64_t rest = (uint64_t)htobe16(ETHER_IP4) << 32 | (uint64_t)0x45 << 48;
	return (struct plain_nic){
		_mm_set_epi64x((long long)rest, (long long)load64(n)),
		tuple4_hash_base(n->realm, seed), pkt_where(FAMILY_V4, 0, nic, n->realm),
		nic != NIC_NONE ? IP4_LEN + UDP_LEN : INT32_MAX,
	};
}

/* Octets 0 to 5 and 12 to 14 of a frame. */
static inline __m128i
plain_mask(void)
{
	return _mm_set_epi64x(0x00ffffff00000000, 0x0000ffffffffffff);
}

static inline bool
plain_head_is(const struct plain_nic *in, __m128i head)
{
	return _mm_testz_si128(_mm_xor_si128(head, in->head), plain_mask()) != 0;
}

static inline struct plain_burst
plain_burst_of(const struct generation *g, const struct dev *d, uint64_t seed)
{
	uint8_t nic = g->vlan_nic[d->id][0];
	return (struct plain_burst){plain_nic_of(g, nic, seed), g, seed, d->id};
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

/* Arrival word of a transport header; => false: short, or a length that is wrong. */
static inline bool
plain_l4(const struct generation *g, const uint8_t *l4, uint8_t proto, int32_t len, uint32_t *word)
{
	if (__builtin_expect(proto == IPPROTO_L4_TCP, 1)) {
		if (__builtin_expect(len < TCP_LEN, 0))
			return false;
		uint32_t header = l4[12] >> 2 & 0x3c;
		*word = g->arrival[l4[13] & FIN_SYN_RST_ACK];
		return header - TCP_LEN <= (uint32_t)len - TCP_LEN;
	}
	int32_t size = be16toh(load16(l4 + 4));
	*word = pkt_arrival(0, EV_OTHER);
	return proto == IPPROTO_L4_UDP && size >= UDP_LEN && size <= len;
}

/* The IPv4 packet at l3, of which `room` octets are there; its frame's head is in order. */
static inline __attribute__((always_inline)) bool
plain_ip4(struct pkt *p, const struct plain_burst *b, const struct plain_nic *in, uint8_t *l3,
          int32_t room)
{
	int32_t total = be16toh(load16(l3 + 2));
	uint8_t ttl = l3[8], proto = l3[9];
	if (__builtin_expect((load16(l3 + 6) & PLAIN_FRAG_MASK) != htobe16(IP4_DF), 0) ||
	    __builtin_expect(total > room || ttl <= 1 || !plain_checksum_is_right(p->m, l3), 0) ||
	    __builtin_expect((is_martian4_first(l3[12]) | is_martian4_first(l3[16])) != 0, 0))
		return false;
	const uint8_t *l4 = l3 + IP4_LEN;
	uint64_t addresses = load64(l3 + 12);
	uint32_t ports = load32(l4), word;
	if (__builtin_expect(!plain_l4(b->gen, l4, proto, total - IP4_LEN, &word), 0) ||
	    __builtin_expect(ports < 0x10000 || (uint16_t)ports == 0, 0))
		return false;
	p->l3 = l3;
	pkt_set_head(p, (uint32_t)total, IP4_LEN, in->where | (uint32_t)proto << 8);
	pkt_set_arrival(p, word);
	pkt_clear_frag(p);
	store64(&p->key.t4, addresses);
	store32(&p->key.t4.sport, ports);
	p->hash = tuple4_hash_words(addresses, ports, proto, in->hash, b->seed);
	return true;
}

/*
 * parse_plain, parse_plain6, parse_tagged: the frame of p->m, without or with a tag, into p, hash
 * included. => false: ask parse_frame. Not set: ref.
 */
static inline __attribute__((always_inline)) bool
parse_plain(struct pkt *p, const struct plain_burst *b)
{
	uint8_t *e = buf_data(p->m);
	int32_t room = p->m->data_len - ETHER_LEN;
	if (__builtin_expect(room < b->in.least, 0) ||
	    __builtin_expect(!plain_head_is(&b->in, _mm_loadu_si128((const __m128i *)e)), 0))
		return false;
	return plain_ip4(p, b, &b->in, e + ETHER_LEN, room);
}

bool parse_plain6(struct pkt *p, const struct plain_burst *b);
bool parse_tagged(struct pkt *p, const struct plain_burst *b);

#endif
