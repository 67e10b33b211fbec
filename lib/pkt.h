/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What the pipeline knows of a packet: a working record in the burst's array.
 * Layout     The first line holds all that an IPv4 packet needs; an IPv6 tuple runs into the
 *            second.
 * Invariant  1. l3 + l3_len lies inside the buffer's data; l3 + l4 inside the packet.
 *            2. key, hash and l4 are good unless flags has PKT_LATER or PKT_ERROR. With PKT_OTHER
 *               the ports of key are 0.
 * Owner      One worker, during one burst.
 */
#ifndef MR_PKT_H
#define MR_PKT_H

#include "flow.h"
#include "nic.h"
#include "wire.h"

enum pkt_flag {
	PKT_FIRST = 1 << 0,      /* first fragment of several */
	PKT_LATER = 1 << 1,      /* any other fragment */
	PKT_ERROR = 1 << 2,      /* ICMP error */
	PKT_TTL = 1 << 3,        /* TTL would reach 0 here */
	PKT_OTHER = 1 << 4,      /* transport protocol whose ports are not known */
	PKT_LINK_LOCAL = 1 << 5, /* IPv6 source is link-local: never forwarded */
	PKT_ASIDE = (1 << 6) - 1,
	PKT_REQUEST = 1 << 6,    /* ICMP echo request */
	PKT_CARE = 1 << 7,       /* more to rewrite than usual, or less: IPv4 that is a fragment,
	                          * has options or DF clear, or has re-entered; a SYN that
	                          * lib/mss.h is for */
};

struct pkt {
	struct rte_mbuf *m;
	uint8_t *l3;
	uint16_t l3_len; /* as the IP header says; what follows is padding */
	uint16_t l4;     /* offset of the transport header from l3 */
	uint8_t family;
	uint8_t proto;
	uint8_t nic;     /* of arrival */
	uint8_t realm;
	uint8_t flags;   /* enum pkt_flag */
	uint8_t event;   /* enum conn_event */
	uint8_t cause;   /* taken over with this HANDOFF_*; HANDOFF_MAX: received from a device */
	uint8_t loops;   /* times it has re-entered */
	uint64_t hash;   /* of key, for the flow table */
	flow_ref ref;
	uint8_t why;     /* enum drop_reason or enum punt, as parsing ended */
	uint8_t stage;   /* of HANDOFF_STRAY: which home was asked; aside: may be STAGE_ANSWER */
	uint16_t frag;   /* IPv6: offset of the fragment header from l3, or 0 */
	be16 ident;      /* a first fragment's, if it was renewed; else 0 */
	uint8_t is_routed; /* a first fragment's, if it went its way without a flow; else 0 */
	union {
		struct tuple4 t4;
		struct tuple6 t6;
	} key;
} __attribute__((aligned(64)));
static_assert(offsetof(struct pkt, key) + sizeof(struct tuple4) <= 64, "IPv4 in one line");
static_assert(sizeof(struct pkt) == 128, "IPv6 in two");

/* pkt_where: family to realm as one word; pkt_set_head: l3_len, l4 and that. */
static_assert(offsetof(struct pkt, l3_len) == 16 && offsetof(struct pkt, l4) == 18 &&
              offsetof(struct pkt, family) == 20 && offsetof(struct pkt, proto) == 21 &&
              offsetof(struct pkt, nic) == 22 && offsetof(struct pkt, realm) == 23,
              "two words, the lowest octet first");
static inline uint32_t
pkt_where(uint8_t family, uint8_t proto, uint8_t nic, uint8_t realm)
{
	return (uint32_t)realm << 24 | (uint32_t)nic << 16 | (uint32_t)proto << 8 | family;
}

static inline void
pkt_set_head(struct pkt *p, uint32_t l3_len, uint32_t l4, uint32_t where)
{
	store32((uint8_t *)p + offsetof(struct pkt, l3_len), l4 << 16 | l3_len);
	store32((uint8_t *)p + offsetof(struct pkt, family), where);
}

/* pkt_clear_frag: why, stage and frag, at once. */
static_assert(offsetof(struct pkt, why) == 44 && offsetof(struct pkt, stage) == 45 &&
              offsetof(struct pkt, frag) == 46, "one word");
static inline void
pkt_clear_frag(struct pkt *p)
{
	store32((uint8_t *)p + offsetof(struct pkt, why), 0);
}

/* pkt_set_arrival: flags to loops of a packet that a device received. */
static_assert(offsetof(struct pkt, flags) == 24 && offsetof(struct pkt, event) == 25 &&
              offsetof(struct pkt, cause) == 26 && offsetof(struct pkt, loops) == 27,
              "one word, the lowest octet first");
static inline void
pkt_set_arrival(struct pkt *p, uint32_t word)
{
	store32((uint8_t *)p + offsetof(struct pkt, flags), word);
}

/* pkt_arrival: that word: flags, event, HANDOFF_MAX, no loops. */
static inline uint32_t
pkt_arrival(uint32_t flags, uint32_t event)
{
	return flags | event << 8 | (uint32_t)HANDOFF_MAX << 16;
}

/* pkt_arrivals: a word for all flags that conn_event() looks at; of SYNs and RSTs with PKT_CARE if
 * they are special. */
static inline void
pkt_arrivals(uint32_t word[FIN_SYN_RST_ACK + 1], bool is_syn_special, bool is_rst_special)
{
	for (unsigned i = 0; i <= FIN_SYN_RST_ACK; i++) {
		unsigned event = conn_event((uint8_t)i);
		bool is_special = (is_syn_special && conn_is_syn(event)) ||
		                  (is_rst_special && event == EV_RST);
		word[i] = pkt_arrival(is_special ? PKT_CARE : 0, event);
	}
}

/* pkt_is_special: has it PKT_CARE, or is it TCP without ACK (EV_ALONE)? Both by one test. */
static inline bool
pkt_is_special(const struct pkt *p)
{
	enum { SPECIAL = PKT_CARE | EV_ALONE << 8 };
	return (load32((const uint8_t *)p + offsetof(struct pkt, flags)) & SPECIAL) != 0;
}

/* pkt_decided: what TCP without ACK means has been: no EV_ALONE. By the word that
 * pkt_is_special reads next: an octet that was just written makes it wait. */
static inline void
pkt_decided(struct pkt *p)
{
	uint8_t *word = (uint8_t *)p + offsetof(struct pkt, flags);
	store32(word, load32(word) & ~((uint32_t)EV_ALONE << 8));
}

static inline struct ip4 *
pkt_ip4(const struct pkt *p)
{
	return (struct ip4 *)p->l3;
}

static inline struct ip6 *
pkt_ip6(const struct pkt *p)
{
	return (struct ip6 *)p->l3;
}

static inline bool
pkt_is_icmp(const struct pkt *p)
{
	return p->proto == (p->family == FAMILY_V4 ? IPPROTO_L4_ICMP : IPPROTO_L4_ICMP6);
}

/* pkt_is_flowless: is there nothing to tell a flow by? No flow has protocol 0. */
static inline bool
pkt_is_flowless(const struct pkt *p)
{
	return (p->flags & PKT_OTHER) != 0 &&
	       (p->family == FAMILY_V6 || p->proto == IPPROTO_L4_ICMP || p->proto == 0);
}

/* pkt_tuple: the key in the form that policies and tables outside the hit path take. */
static inline void
pkt_tuple_to(const struct pkt *p, struct tuple *t)
{
	if (p->family == FAMILY_V4)
		tuple_of4(t, &p->key.t4, p->proto, p->realm);
	else
		tuple_of6(t, &p->key.t6, p->proto, p->realm);
}

static inline struct tuple
pkt_tuple(const struct pkt *p)
{
	struct tuple t;
	pkt_tuple_to(p, &t);
	return t;
}

static inline union addr
pkt_dst(const struct pkt *p)
{
	return p->family == FAMILY_V4 ? addr_from_v4(pkt_ip4(p)->dst) : pkt_ip6(p)->dst;
}

static inline union addr
pkt_src(const struct pkt *p)
{
	return p->family == FAMILY_V4 ? addr_from_v4(pkt_ip4(p)->src) : pkt_ip6(p)->src;
}

static inline uint64_t
pkt_hash(const struct pkt *p, uint64_t seed)
{
	return p->family == FAMILY_V4 ? tuple4_hash(&p->key.t4, p->proto, p->realm, seed) :
	                                tuple6_hash(&p->key.t6, p->proto, p->realm, seed);
}

#endif
