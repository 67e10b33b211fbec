/* SPDX-License-Identifier: Apache-2.0 */
/* The slow path's view of a buffer, and the headers that it writes. */
#include "packet.h"

#include "lib/csum.h"
#include "lib/parse.h"

uint16_t
packet_l2_size(const struct rte_mbuf *m)
{
	if (m->data_len < ETHER_LEN)
		return 0;
	if (load16(buf_data(m) + 12) != htobe16(ETHER_VLAN))
		return ETHER_LEN;
	return m->data_len < ETHER_LEN + VLAN_LEN ? 0 : ETHER_LEN + VLAN_LEN;
}

static bool
view_v4(struct packet *p, uint16_t room)
{
	const struct ip4 *h = (const void *)p->l3;
	if (room < IP4_LEN)
		return false;
	uint16_t head = (uint16_t)((h->version_ihl & 15) * 4), total = be16toh(h->total);
	if (head < IP4_LEN || total < head || total > room)
		return false;
	uint16_t frag = be16toh(h->frag);
	p->family = FAMILY_V4;
	p->proto = h->proto;
	p->proto_at = offsetof(struct ip4, proto);
	p->ttl = h->ttl;
	p->tos = h->tos;
	p->fragment = (frag & (IP4_MF | IP4_OFFSET)) != 0;
	p->later = (frag & IP4_OFFSET) != 0;
	p->src = addr_from_v4(h->src);
	p->dst = addr_from_v4(h->dst);
	p->l3_size = total;
	p->l4 = p->l3 + head;
	p->l4_size = (uint16_t)(total - head);
	return true;
}

/* Where the byte stands that names the protocol of the transport header. */
static uint16_t
proto_at6(const uint8_t *l3, const struct chain6 *c)
{
	uint16_t at = offsetof(struct ip6, next);
	for (uint16_t off = IP6_LEN; off < c->off;) {
		at = off;
		off = (uint16_t)(off + (off == c->frag ? FRAG6_LEN : (l3[off + 1] + 1) * 8));
	}
	return at;
}

static bool
view_v6(struct packet *p, uint16_t room)
{
	const struct ip6 *h = (const void *)p->l3;
	uint32_t total = room >= IP6_LEN ? (uint32_t)IP6_LEN + be16toh(h->payload) : UINT32_MAX;
	if (total > room)
		return false;
	struct chain6 c = parse_chain6(p->l3, total);
	if (!c.ok)
		return false;
	uint16_t frag = c.frag != 0 ? be16toh(load16(p->l3 + c.frag + 2)) : 0;
	p->family = FAMILY_V6;
	p->proto = c.next;
	p->proto_at = proto_at6(p->l3, &c);
	p->ttl = h->hops;
	p->tos = (uint8_t)(be32toh(h->version_class_flow) >> 20);
	p->fragment = (frag & 0xfff9) != 0;
	p->later = (frag & 0xfff8) != 0;
	p->src = h->src;
	p->dst = h->dst;
	p->l3_size = (uint16_t)total;
	p->l4 = p->l3 + c.off;
	p->l4_size = (uint16_t)(total - c.off);
	return true;
}

static bool
view_ip(struct packet *p, uint16_t room)
{
	if (room == 0)
		return false;
	switch (p->l3[0] >> 4) {
	case 4:
		return view_v4(p, room);
	case 6:
		return view_v6(p, room);
	default:
		return false;
	}
}

bool
packet_view(struct rte_mbuf *m, struct packet *p)
{
	uint16_t l2 = packet_l2_size(m);
	*p = (struct packet){.m = m, .l2 = buf_data(m)};
	if (l2 == 0)
		return false;
	p->l3 = p->l2 + l2;
	p->multicast_l2 = p->l2[0] & 1;
	return view_ip(p, (uint16_t)(m->data_len - l2));
}

bool
packet_view_pulled(struct rte_mbuf *m, struct packet *p)
{
	*p = (struct packet){.m = m, .l2 = buf_data(m), .l3 = buf_data(m)};
	return view_ip(p, m->data_len);
}

void
packet_pull(const struct packet *p)
{
	struct rte_mbuf *m = p->m;
	m->data_off = (uint16_t)(m->data_off + (p->l3 - p->l2));
	m->data_len = p->l3_size;
	m->pkt_len = p->l3_size;
}

/* Sum of a transport segment, with the pseudo header where its protocol has one. */
static uint16_t
l4_sum(const uint8_t *l4, uint16_t size, uint8_t family, const union addr *src,
       const union addr *dst, uint8_t proto)
{
	uint64_t sum = 0;
	if (family == FAMILY_V6) {
		union addr both[2] = {*src, *dst};
		sum = csum_add_pseudo6(0, both, proto, size);
	} else if (proto != IPPROTO_L4_ICMP) {
		sum = csum_add_pseudo4(0, src->w[0], dst->w[0], proto, size);
	}
	return csum_fold(csum_add(sum, l4, size));
}

bool
packet_l4_valid(const struct packet *p)
{
	return l4_sum(p->l4, p->l4_size, p->family, &p->src, &p->dst, p->proto) == 0xffff;
}

uint16_t
packet_ip_write(uint8_t *l3, uint8_t family, const union addr *src, const union addr *dst,
                uint8_t proto, uint8_t ttl, uint8_t tos, uint16_t size)
{
	if (family == FAMILY_V6) {
		*(struct ip6 *)l3 = (struct ip6){
			.version_class_flow = htobe32(6u << 28 | (uint32_t)tos << 20),
			.payload = htobe16(size), .next = proto, .hops = ttl,
			.src = *src, .dst = *dst,
		};
		return IP6_LEN;
	}
	struct ip4 *h = (struct ip4 *)l3;
	*h = (struct ip4){
		.version_ihl = 0x45, .tos = tos, .total = htobe16((uint16_t)(IP4_LEN + size)),
		.ttl = ttl, .proto = proto, .src = src->w[0], .dst = dst->w[0],
	};
	csum_ip4_seal(h);
	return IP4_LEN;
}

void
packet_l4_seal(uint8_t *l4, uint16_t size, uint8_t family, const union addr *src,
               const union addr *dst, uint8_t proto)
{
	unsigned at = proto == IPPROTO_L4_TCP ? 16 : 2;
	store16(l4 + at, 0);
	store16(l4 + at, (be16)~l4_sum(l4, size, family, src, dst, proto));
}
