/* SPDX-License-Identifier: Apache-2.0 */
/* Frames to struct pkt. Every packet is taken for hostile: lengths first, then what they cover. */
#include "parse.h"

#include "csum.h"
#include "drop.h"
#include "parse_plain.h"

static enum path
path_drop(struct pkt *p, unsigned reason)
{
	p->why = (uint8_t)reason;
	return PATH_DROP;
}

static enum path
path_punt(struct pkt *p, enum punt punt)
{
	p->why = (uint8_t)punt;
	return PATH_PUNT;
}

static inline enum path
path_of(const struct pkt *p)
{
	return (p->flags & PKT_ASIDE) != 0 ? PATH_ASIDE : PATH_FLOW;
}

/* Ports stand at the same place in the tuples of a family; sport and dport are neighbours. */
static inline void
key_set_ports(struct pkt *p, uint32_t ports)
{
	if (p->family == FAMILY_V4)
		store32(&p->key.t4.sport, ports);
	else
		store32(&p->key.t6.sport, ports);
}

static inline enum path
parse_ports(struct pkt *p, const uint8_t *l4)
{
	if (__builtin_expect(load16(l4) == 0 || load16(l4 + 2) == 0, 0))
		return path_drop(p, DROP_L4_PORT_ZERO);
	key_set_ports(p, load32(l4));
	return path_of(p);
}

/* A first fragment has to hold all that is rewritten: RFC 1858 section 3.2. */
static enum path
too_short(struct pkt *p)
{
	return path_drop(p, (p->flags & PKT_FIRST) != 0 ? DROP_FRAG_INVALID : DROP_L4_TRUNCATED);
}

static inline enum path
parse_tcp(struct pkt *p, const uint8_t *l4, uint32_t len)
{
	if (__builtin_expect(len < TCP_LEN, 0))
		return too_short(p);
	unsigned header = (l4[12] >> 4) * 4u;
	if (__builtin_expect(header < TCP_LEN, 0) ||
	    __builtin_expect(header > len && (p->flags & PKT_FIRST) == 0, 0))
		return path_drop(p, DROP_L4_TRUNCATED);
	p->event = (uint8_t)conn_event(l4[13]);
	return parse_ports(p, l4);
}

static inline enum path
parse_udp(struct pkt *p, const uint8_t *l4, uint32_t len)
{
	if (__builtin_expect(len < UDP_LEN, 0))
		return too_short(p);
	unsigned size = be16toh(load16(l4 + 4));
	if (__builtin_expect(size < UDP_LEN, 0) ||
	    __builtin_expect(size > len && (p->flags & PKT_FIRST) == 0, 0))
		return path_drop(p, DROP_L4_TRUNCATED);
	return parse_ports(p, l4);
}

static enum path
parse_echo(struct pkt *p, const uint8_t *l4, bool request)
{
	uint16_t ports[2] = {0, 0};
	ports[request ? 0 : 1] = load16(l4 + 4);
	key_set_ports(p, load32(ports));
	if (request)
		p->flags |= PKT_REQUEST;
	return path_of(p);
}

static enum path
parse_error(struct pkt *p)
{
	if ((p->flags & PKT_FIRST) != 0)
		return path_drop(p, DROP_ICMP_INNER);
	p->flags |= PKT_ERROR;
	return PATH_ASIDE;
}

/* Nothing to tell a flow by. */
static enum path
parse_other(struct pkt *p)
{
	p->flags |= PKT_OTHER;
	key_set_ports(p, 0);
	return PATH_ASIDE;
}

static __attribute__((noinline)) enum path
parse_icmp4(struct pkt *p, const uint8_t *l4, uint32_t len)
{
	if (len < ICMP_LEN)
		return too_short(p);
	switch (l4[0]) {
	case ICMP4_REQUEST:
	case ICMP4_REPLY:
		return parse_echo(p, l4, l4[0] == ICMP4_REQUEST);
	case ICMP4_UNREACHABLE:
	case ICMP4_TIME:
	case ICMP4_PARAM:
		return parse_error(p);
	default:
		return parse_other(p);
	}
}

static __attribute__((noinline)) enum path
parse_icmp6(struct pkt *p, const uint8_t *l4, uint32_t len)
{
	if (len < ICMP_LEN)
		return too_short(p);
	if (l4[0] == ICMP6_REQUEST || l4[0] == ICMP6_REPLY)
		return parse_echo(p, l4, l4[0] == ICMP6_REQUEST);
	if (l4[0] >= ICMP6_UNREACHABLE && l4[0] <= ICMP6_PARAM)
		return parse_error(p);
	return parse_other(p);
}

static inline __attribute__((always_inline)) enum path
parse_l4(struct pkt *p)
{
	const uint8_t *l4 = p->l3 + p->l4;
	uint32_t len = (uint32_t)p->l3_len - p->l4;
	if (p->proto == IPPROTO_L4_TCP)
		return parse_tcp(p, l4, len);
	if (p->proto == IPPROTO_L4_UDP)
		return parse_udp(p, l4, len);
	if (p->proto == IPPROTO_L4_ICMP && p->family == FAMILY_V4)
		return parse_icmp4(p, l4, len);
	if (p->proto == IPPROTO_L4_ICMP6 && p->family == FAMILY_V6)
		return parse_icmp6(p, l4, len);
	return parse_other(p);
}

/* Does the first fragment tell the flow, by ports, an identifier or the addresses alone? */
static bool
is_told_by_first(const struct pkt *p)
{
	return p->family == FAMILY_V4 || p->proto == IPPROTO_L4_TCP || p->proto == IPPROTO_L4_UDP ||
	       p->proto == IPPROTO_L4_ICMP6;
}

/* offset in bytes and MF of a fragment whose fragmentable part begins at p->l4. */
static __attribute__((noinline)) enum path
parse_fragment(struct pkt *p, uint32_t offset, bool more)
{
	uint32_t size = (uint32_t)p->l3_len - p->l4;
	if (size == 0 || (more && size % 8 != 0) || offset + size > 65535)
		return path_drop(p, DROP_FRAG_INVALID);
	p->ident = 0;
	p->is_routed = 0;
	if (offset == 0) {
		p->flags |= PKT_FIRST;
		return parse_l4(p);
	}
	/* RFC 3128: nothing may overwrite the flags of a TCP header. */
	if (p->proto == IPPROTO_L4_TCP && offset < TCP_LEN)
		return path_drop(p, DROP_FRAG_INVALID);
	p->flags |= is_told_by_first(p) ? PKT_LATER : PKT_LATER | PKT_OTHER;
	key_set_ports(p, 0);
	return PATH_ASIDE;
}

/* 0/8, 127/8, multicast, 240/4 with the broadcast address. */
static inline bool
is_martian4(be32 a)
{
	uint8_t first;
	memcpy(&first, &a, 1);
	return is_martian4_first(first) != 0;
}

static inline __attribute__((always_inline)) enum path
parse_ip4(struct pkt *p, uint32_t len)
{
	const struct ip4 *h = pkt_ip4(p);
	if (__builtin_expect(len < IP4_LEN, 0))
		return path_drop(p, DROP_IP_TRUNCATED);
	unsigned header = (h->version_ihl & 15) * 4u;
	unsigned total = be16toh(h->total);
	if (__builtin_expect(h->version_ihl >> 4 != 4 || header < IP4_LEN || total < header, 0))
		return path_drop(p, DROP_IP_HEADER);
	if (__builtin_expect(total > len, 0))
		return path_drop(p, DROP_IP_TRUNCATED);
	if (!is_checksum_known_good(p->m) && !csum_ip4_is_right(h, header))
		return path_drop(p, DROP_IP_CHECKSUM);
	if (__builtin_expect(is_martian4(h->src), 0))
		return path_drop(p, DROP_IP_SOURCE);
	if (__builtin_expect(is_martian4(h->dst), 0))
		return path_drop(p, DROP_IP_DESTINATION);
	p->l3_len = (uint16_t)total;
	p->l4 = (uint16_t)header;
	p->family = FAMILY_V4;
	p->proto = h->proto;
	p->flags = h->ttl <= 1 && p->loops == 0 ? PKT_TTL : 0;
	p->key.t4.src = h->src;
	p->key.t4.dst = h->dst;
	unsigned frag = be16toh(h->frag);
	if ((frag & (IP4_DF | IP4_MF | IP4_OFFSET)) != IP4_DF || p->loops != 0 || header != IP4_LEN)
		p->flags |= PKT_CARE;
	if (__builtin_expect((frag & (IP4_MF | IP4_OFFSET)) != 0, 0))
		return parse_fragment(p, (frag & IP4_OFFSET) * 8, (frag & IP4_MF) != 0);
	return parse_l4(p);
}

struct chain6
parse_chain6(const uint8_t *h, uint32_t len)
{
	struct chain6 c = {.off = IP6_LEN, .next = h[6]};
	for (unsigned i = 0; i < MAX_EXTENSIONS; i++) {
		const uint8_t *e = h + c.off;
		bool is_fragment = c.next == EXT_FRAGMENT;
		bool is_known = c.next == EXT_ROUTING || c.next == EXT_DEST ||
		                (c.next == EXT_HOP && i == 0);
		if (!is_known && !is_fragment) {
			c.ok = c.next != EXT_HOP;
			return c;
		}
		if (len - c.off < 8 || (is_fragment && c.frag != 0))
			return c;
		uint32_t size = is_fragment ? FRAG6_LEN : (e[1] + 1u) * 8;
		if (len - c.off < size || (c.next == EXT_ROUTING && e[3] != 0))
			return c;
		if (is_fragment)
			c.frag = c.off;
		c.next = e[0];
		c.off = (uint16_t)(c.off + size);
		if (is_fragment && (be16toh(load16(e + 2)) & 0xfff8) != 0) {
			c.ok = true;
			return c;
		}
	}
	return c;
}

/* Most packets have no extension headers. */
static inline struct chain6
chain_of(const uint8_t *h, uint32_t len)
{
	if (__builtin_expect(h[6] == IPPROTO_L4_TCP || h[6] == IPPROTO_L4_UDP, 1))
		return (struct chain6){.off = IP6_LEN, .next = h[6], .ok = true};
	return parse_chain6(h, len);
}

static inline bool
is_link_local(const union addr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* The unspecified address or the loopback. */
static inline bool
is_lowest6(const union addr *a)
{
	return a->q[0] == 0 && (be64toh(a->q[1]) & ~1ull) == 0;
}

static inline bool
is_discovery(const struct pkt *p)
{
	const uint8_t *l4 = p->l3 + p->l4;
	return p->proto == IPPROTO_L4_ICMP6 && p->l3_len > p->l4 && l4[0] >= ICMP6_ND_FIRST &&
	       l4[0] <= ICMP6_ND_LAST;
}

/* Addresses that are not simply forwarded. => PATH_FLOW to go on. */
static inline enum path
check_addresses6(struct pkt *p)
{
	const struct tuple6 *t = &p->key.t6;
	union addr src = t->src, dst = t->dst;
	if (__builtin_expect(src.b[0] == 0xff || is_lowest6(&src), 0))
		return path_drop(p, DROP_IP_SOURCE);
	if (__builtin_expect(dst.b[0] == 0xff || is_lowest6(&dst), 0))
		return path_drop(p, DROP_IP_DESTINATION);
	if (__builtin_expect(is_link_local(&dst), 0))
		return path_punt(p, PUNT_LOCAL);
	if (__builtin_expect(is_link_local(&src), 0))
		p->flags |= PKT_LINK_LOCAL;
	return PATH_FLOW;
}

static __attribute__((noinline)) enum path
parse_ip6(struct pkt *p, uint32_t len)
{
	const struct ip6 *h = pkt_ip6(p);
	if (len < IP6_LEN)
		return path_drop(p, DROP_IP_TRUNCATED);
	if (p->l3[0] >> 4 != 6)
		return path_drop(p, DROP_IP_HEADER);
	uint32_t total = IP6_LEN + be16toh(h->payload);
	if (total > len)
		return path_drop(p, DROP_IP_TRUNCATED);
	struct chain6 c = chain_of(p->l3, total);
	if (!c.ok)
		return path_drop(p, DROP_IP_EXTENSION);
	p->l3_len = (uint16_t)total;
	p->l4 = c.off;
	p->frag = c.frag;
	p->family = FAMILY_V6;
	p->proto = c.next;
	p->flags = h->hops <= 1 && p->loops == 0 ? PKT_TTL : 0;
	p->key.t6.src = h->src;
	p->key.t6.dst = h->dst;
	if (c.frag == 0 && is_discovery(p))
		return path_punt(p, PUNT_LOCAL);
	enum path path = check_addresses6(p);
	if (path != PATH_FLOW)
		return path;
	unsigned frag = c.frag != 0 ? be16toh(load16(p->l3 + c.frag + 2)) : 0;
	if (__builtin_expect((frag & 0xfff9) != 0, 0))
		return parse_fragment(p, frag & 0xfff8, (frag & 1) != 0);
	return parse_l4(p);
}

static inline __attribute__((always_inline)) enum path
parse_packet(struct pkt *p, uint16_t type, uint32_t len)
{
	p->event = EV_OTHER;
	p->frag = 0;
	if (__builtin_expect(type == ETHER_IP4, 1))
		return parse_ip4(p, len);
	if (type == ETHER_IP6)
		return parse_ip6(p, len);
	if (type == ETHER_ARP)
		return path_punt(p, PUNT_ARP);
	return path_drop(p, DROP_ETHER_TYPE);
}

enum path
parse_l3(struct pkt *p, uint16_t type, uint32_t len)
{
	return parse_packet(p, type, len);
}

/* A frame whose destination is not the interface's own MAC. */
static __attribute__((noinline)) enum path
parse_foreign(struct pkt *p, const struct dev *d, uint16_t type, uint32_t len)
{
	if ((buf_data(p->m)[0] & 1) == 0)
		return d->mac_filter != 0 ? path_drop(p, DROP_NOT_OUR_MAC) : parse_l3(p, type, len);
	if (type == ETHER_ARP || type == ETHER_IP6) {
		enum path path = parse_l3(p, type, len);
		if (path == PATH_PUNT)
			return path;
	}
	return path_drop(p, DROP_L2_MULTICAST);
}

static inline bool
is_tag(uint16_t type)
{
	return type == ETHER_VLAN || type == ETHER_QINQ;
}

/* A SYN is taken care of where an interface limits the size of segments. */
static inline enum path
marked(struct pkt *p, const struct generation *g, enum path path)
{
	enum { FLAGS_OF_SYN = 2, FLAGS_OF_RST = 4 };
	bool is_syn = conn_is_syn(p->event);
	if ((path == PATH_FLOW || path == PATH_ASIDE) && (is_syn || p->event == EV_RST))
		p->flags |= (uint8_t)g->arrival[is_syn ? FLAGS_OF_SYN : FLAGS_OF_RST];
	return path;
}

static inline __attribute__((always_inline)) enum path
frame(struct pkt *p, const struct generation *g, const struct dev *d)
{
	uint8_t *e = buf_data(p->m);
	uint32_t len = p->m->data_len, l2 = ETHER_LEN, vid = 0;
	if (__builtin_expect(len < ETHER_LEN, 0))
		return path_drop(p, DROP_ETHER_TRUNCATED);
	uint16_t type = be16toh(load16(e + 12));
	if (__builtin_expect(type == ETHER_VLAN, 0)) {
		if (len < ETHER_LEN + VLAN_LEN)
			return path_drop(p, DROP_ETHER_TRUNCATED);
		vid = be16toh(load16(e + 14)) & 0xfff;
		type = be16toh(load16(e + 16));
		l2 = ETHER_LEN + VLAN_LEN;
	}
	uint8_t nic = g->vlan_nic[d->id][vid];
	if (__builtin_expect(nic == NIC_NONE || is_tag(type), 0))
		return path_drop(p, DROP_VLAN_UNKNOWN);
	const struct gen_nic *gn = &g->nic[nic];
	p->nic = nic;
	p->realm = gn->realm;
	p->l3 = e + l2;
	if (__builtin_expect((load64(e) ^ load64(gn)) << 16 != 0, 0))
		return parse_foreign(p, d, type, len - l2);
	if (__builtin_expect(type != ETHER_IP4, 0))
		return parse_l3(p, type, len - l2);
	p->event = EV_OTHER;
	p->frag = 0;
	return parse_ip4(p, len - l2);
}

/* Is an address, by its first eight octets, surely none that check_addresses6 looks at? */
static inline bool
is_plain6(uint64_t first)
{
	return first != 0 && (uint8_t)first < 0xfe;
}

bool
parse_plain6(struct pkt *p, const struct plain_burst *b)
{
	uint8_t *e = buf_data(p->m), *l3 = e + ETHER_LEN, *l4 = l3 + IP6_LEN;
	int32_t room = p->m->data_len - ETHER_LEN;
	if (room < IP6_LEN + UDP_LEN || b->in.least == INT32_MAX ||
	    ((load64(e) ^ (uint64_t)_mm_cvtsi128_si64(b->in.head)) << 16) != 0 ||
	    load16(e + 12) != htobe16(ETHER_IP6) || (l3[0] & 0xf0) != 0x60)
		return false;
	int32_t size = be16toh(load16(l3 + 4));
	uint8_t proto = l3[6];
	uint64_t src = load64(l3 + 8), dst = load64(l3 + 24);
	uint32_t ports = load32(l4), word;
	if (size > room - IP6_LEN || l3[7] <= 1 || !is_plain6(src) || !is_plain6(dst) ||
	    !plain_l4(b->gen, l4, proto, size, &word) || ports < 0x10000 || (uint16_t)ports == 0)
		return false;
	p->l3 = l3;
	pkt_set_head(p, (uint32_t)size + IP6_LEN, IP6_LEN,
	             (b->in.where ^ FAMILY_V4 ^ FAMILY_V6) | (uint32_t)proto << 8);
	pkt_set_arrival(p, word);
	pkt_clear_frag(p);
	memcpy(&p->key.t6, l3 + 8, 2 * sizeof(union addr));
	store32(&p->key.t6.sport, ports);
	p->hash = tuple6_hash(&p->key.t6, proto, p->realm, b->seed);
	return true;
}

bool
parse_tagged(struct pkt *p, const struct plain_burst *b)
{
	enum { L2 = ETHER_LEN + VLAN_LEN };
	uint8_t *e = buf_data(p->m);
	int32_t room = p->m->data_len - L2;
	if (room < IP4_LEN + UDP_LEN || load16(e + 12) != htobe16(ETHER_VLAN))
		return false;
	uint8_t nic = b->gen->vlan_nic[b->dev][be16toh(load16(e + 14)) & 0xfff];
	const struct plain_nic in = plain_nic_of(b->gen, nic, b->seed);
	/* As if the tag were not there. */
	__m128i head = _mm_set_epi64x((long long)load64(e + L2 - 6), (long long)load64(e));
	return nic != NIC_NONE && plain_head_is(&in, head) && plain_ip4(p, b, &in, e + L2, room);
}

enum path
parse_frame(struct pkt *p, const struct generation *g, const struct dev *d)
{
	return marked(p, g, frame(p, g, d));
}

enum path
parse_again(struct pkt *p, const struct generation *g)
{
	uint8_t *e = buf_data(p->m);
	uint32_t len = p->m->data_len, l2 = ETHER_LEN;
	if (len < ETHER_LEN + VLAN_LEN)
		return path_drop(p, DROP_ETHER_TRUNCATED);
	if (p->nic >= MAX_NICS || (p->nic == NIC_NONE && p->loops == 0) ||
	    (p->nic != NIC_NONE && !g->nic[p->nic].valid))
		return path_drop(p, DROP_NIC_UNKNOWN);
	p->realm = p->nic == NIC_NONE ? 0 : g->nic[p->nic].realm;
	uint16_t type = be16toh(load16(e + 12));
	if (type == ETHER_VLAN) {
		type = be16toh(load16(e + 16));
		l2 = ETHER_LEN + VLAN_LEN;
	}
	p->l3 = e + l2;
	return marked(p, g, parse_l3(p, type, len - l2));
}
