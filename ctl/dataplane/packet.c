/* SPDX-License-Identifier: Apache-2.0 */
/* The slow path's view of a buffer, and the headers that it writes. */
#include "packet.h"

#include <rte_byteorder.h>

uint16_t
packet_l2_size(const struct rte_mbuf *m)
{
	const uint8_t *d = buf_data(m);
	if (m->data_len < 14)
		return 0;
	if (d[12] != 0x81 || d[13] != 0x00)
		return 14;
	return m->data_len < 18 ? 0 : 18;
}

static bool
view_v4(struct packet *p, uint16_t room)
{
	const struct rte_ipv4_hdr *h = (const void *)p->l3;
	if (room < sizeof(*h))
		return false;
	uint16_t head = (uint16_t)((p->l3[0] & 15) * 4), total = rte_be_to_cpu_16(h->total_length);
	if (head < sizeof(*h) || total < head || total > room)
		return false;
	uint16_t frag = rte_be_to_cpu_16(h->fragment_offset);
	p->family = FAMILY_V4;
	p->proto_at = 9;
	p->proto = h->next_proto_id;
	p->ttl = h->time_to_live;
	p->tos = h->type_of_service;
	p->fragment = (frag & 0x3fff) != 0;
	p->later = (frag & 0x1fff) != 0;
	p->src = addr_from_v4(h->src_addr);
	p->dst = addr_from_v4(h->dst_addr);
	p->l3_size = total;
	p->l4 = p->l3 + head;
	p->l4_size = (uint16_t)(total - head);
	return true;
}

/* Steps over extension headers; p->l4 ends at what is none. */
static bool
view_extensions(struct packet *p, uint8_t next)
{
	for (unsigned i = 0; i < PACKET_EXTENSIONS; i++) {
		bool frag = next == IPPROTO_FRAGMENT;
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS &&
		    !frag) {
			p->proto = next;
			return true;
		}
		if (p->l4_size < 8)
			return false;
		uint16_t size = frag ? 8 : (uint16_t)((p->l4[1] + 1) * 8);
		if (size > p->l4_size)
			return false;
		uint16_t offset = frag ? (uint16_t)(p->l4[2] << 8 | p->l4[3]) : 0;
		p->fragment |= (offset & 0xfff9) != 0;
		p->later |= (offset & 0xfff8) != 0;
		next = p->l4[0];
		p->proto_at = (uint16_t)(p->l4 - p->l3);
		p->l4 += size;
		p->l4_size = (uint16_t)(p->l4_size - size);
		if (p->later) {
			p->proto = next;
			return true;
		}
	}
	return false;
}

static bool
view_v6(struct packet *p, uint16_t room)
{
	const struct rte_ipv6_hdr *h = (const void *)p->l3;
	if (room < sizeof(*h))
		return false;
	uint32_t total = sizeof(*h) + rte_be_to_cpu_16(h->payload_len);
	if (total > room)
		return false;
	p->family = FAMILY_V6;
	p->proto_at = 6;
	p->ttl = h->hop_limits;
	p->tos = (uint8_t)(rte_be_to_cpu_32(h->vtc_flow) >> 20);
	memcpy(&p->src, h->src_addr, 16);
	memcpy(&p->dst, h->dst_addr, 16);
	p->l3_size = (uint16_t)total;
	p->l4 = p->l3 + sizeof(*h);
	p->l4_size = (uint16_t)(total - sizeof(*h));
	return view_extensions(p, h->proto);
}

bool
packet_view(struct rte_mbuf *m, struct packet *p)
{
	uint16_t l2 = packet_l2_size(m);
	*p = (struct packet){.m = m, .l2 = buf_data(m)};
	if (l2 == 0 || m->data_len <= l2)
		return false;
	p->l3 = p->l2 + l2;
	p->multicast_l2 = p->l2[0] & 1;
	uint16_t room = (uint16_t)(m->data_len - l2);
	switch (p->l3[0] >> 4) {
	case 4:
		return view_v4(p, room);
	case 6:
		return view_v6(p, room);
	default:
		return false;
	}
}

void
packet_pull(const struct packet *p)
{
	struct rte_mbuf *m = p->m;
	m->data_off = (uint16_t)(m->data_off + (p->l3 - p->l2));
	m->data_len = p->l3_size;
	m->pkt_len = p->l3_size;
}

uint32_t
packet_sum(const void *data, size_t size, uint32_t sum)
{
	const uint8_t *d = data;
	uint64_t s = sum;
	for (; size >= 2; size -= 2, d += 2)
		s += (uint32_t)(d[0] << 8 | d[1]);
	if (size == 1)
		s += (uint32_t)(d[0] << 8);
	s = (s & 0xffffffff) + (s >> 32);
	return (uint32_t)((s & 0xffff) + (s >> 16 & 0xffff) + (s >> 32));
}

uint16_t
packet_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return rte_cpu_to_be_16((uint16_t)~sum);
}

uint32_t
packet_sum_pseudo(uint8_t family, const union addr *src, const union addr *dst, uint8_t proto,
                  uint16_t l4_size)
{
	size_t n = addr_bits(family) / 8;
	return packet_sum(dst, n, packet_sum(src, n, (uint32_t)proto + l4_size));
}

/* Sum of a transport segment, with the pseudo header where its protocol has one. */
static uint32_t
l4_sum(const uint8_t *l4, uint16_t size, uint8_t family, const union addr *src,
       const union addr *dst, uint8_t proto)
{
	uint32_t sum = proto == IPPROTO_L4_ICMP ? 0 :
	               packet_sum_pseudo(family, src, dst, proto, size);
	return packet_sum(l4, size, sum);
}

bool
packet_l4_valid(const struct packet *p)
{
	return packet_fold(l4_sum(p->l4, p->l4_size, p->family, &p->src, &p->dst, p->proto)) == 0;
}

uint16_t
packet_ip_write(uint8_t *l3, uint8_t family, const union addr *src, const union addr *dst,
                uint8_t proto, uint8_t ttl, uint8_t tos, uint16_t size)
{
	if (family == FAMILY_V6) {
		struct rte_ipv6_hdr h = {.proto = proto, .hop_limits = ttl};
		h.vtc_flow = rte_cpu_to_be_32(6u << 28 | (uint32_t)tos << 20);
		h.payload_len = rte_cpu_to_be_16(size);
		memcpy(h.src_addr, src, 16);
		memcpy(h.dst_addr, dst, 16);
		memcpy(l3, &h, sizeof(h));
		return sizeof(h);
	}
	struct rte_ipv4_hdr h = {.version_ihl = 0x45, .type_of_service = tos, .next_proto_id = proto};
	h.total_length = rte_cpu_to_be_16((uint16_t)(sizeof(h) + size));
	h.time_to_live = ttl;
	h.src_addr = src->w[0];
	h.dst_addr = dst->w[0];
	h.hdr_checksum = packet_fold(packet_sum(&h, sizeof(h), 0));
	memcpy(l3, &h, sizeof(h));
	return sizeof(h);
}

void
packet_l4_seal(uint8_t *l4, uint16_t size, uint8_t family, const union addr *src,
               const union addr *dst, uint8_t proto)
{
	unsigned at = proto == IPPROTO_L4_TCP ? 16 : proto == IPPROTO_L4_UDP ? 6 : 2;
	memset(l4 + at, 0, 2);
	uint16_t sum = packet_fold(l4_sum(l4, size, family, src, dst, proto));
	memcpy(l4 + at, &sum, 2);
}
