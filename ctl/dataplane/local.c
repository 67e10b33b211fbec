/* SPDX-License-Identifier: Apache-2.0 */
/* Packets to our own addresses. */
#include "local.h"

#include <rte_tcp.h>

#include "icmp_make.h"
#include "lib/csum.h"
#include "nd.h"
#include "out.h"
#include "own.h"

/* The request becomes its reply in place; options and extension headers are left behind. */
static void
echo_turn(const struct packet *p)
{
	bool v4 = p->family == FAMILY_V4;
	uint8_t *l4 = p->l4, *l3 = l4 - packet_ip_size(p->family);
	struct ip4 *h = (struct ip4 *)l3;
	uint32_t id_frag = load32(p->l3 + offsetof(struct ip4, id));
	packet_ip_write(l3, p->family, &p->dst, &p->src, p->proto, PACKET_TTL, p->tos, p->l4_size);
	l4[0] = v4 ? ICMP4_REPLY : ICMP6_REPLY;
	packet_l4_seal(l4, p->l4_size, p->family, &p->dst, &p->src, p->proto);
	if (v4) { /* the asker's identifier is unique between the two of us, as is our answer's */
		store32(&h->id, id_frag);
		csum_ip4_seal(h);
	}
	struct rte_mbuf *m = p->m;
	m->data_off = (uint16_t)(m->data_off + (l3 - p->l2));
	m->data_len = (uint16_t)(p->l4_size + (l4 - l3));
	m->pkt_len = m->data_len;
}

static int
icmp_input(struct slow *s, const struct packet *p)
{
	uint8_t type = p->l4[0], echo = p->family == FAMILY_V4 ? ICMP4_REQUEST : ICMP6_REQUEST;
	if (p->l4_size < 8)
		return DROP_L4_TRUNCATED;
	if (type != echo || p->l4[1] != 0)
		return DROP_LOCAL_UNWANTED;
	if (!packet_l4_valid(p))
		return DROP_ICMP_CHECKSUM;
	if (!icmp_may_answer(s, p))
		return DROP_IP_SOURCE;
	echo_turn(p);
	out_packet(s, p->m, p->family, &p->src);
	return SLOW_ANSWERED;
}

/* RST as the closed state sends it (RFC 9293, 3.10.7.1). */
static void
tcp_refuse(struct slow *s, const struct packet *p)
{
	const struct rte_tcp_hdr *in = (const void *)p->l4;
	unsigned head = p->l4_size >= sizeof(*in) ? (in->data_off >> 4) * 4u : 0;
	if (head < sizeof(*in) || head > p->l4_size || (in->tcp_flags & RTE_TCP_RST_FLAG) != 0 ||
	    !icmp_may_answer(s, p) || !packet_l4_valid(p) || !ratelimit_take(&s->icmp, s->now_ns))
		return;
	struct rte_mbuf *m = out_alloc(s, buf_meta(p->m)->nic);
	if (m == NULL)
		return;
	uint32_t taken = p->l4_size - head + ((in->tcp_flags & RTE_TCP_SYN_FLAG) != 0) +
	                 ((in->tcp_flags & RTE_TCP_FIN_FLAG) != 0);
	bool acked = (in->tcp_flags & RTE_TCP_ACK_FLAG) != 0;
	struct rte_tcp_hdr rst = {.src_port = in->dst_port, .dst_port = in->src_port,
	                          .data_off = 5 << 4};
	rst.tcp_flags = acked ? RTE_TCP_RST_FLAG : RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG;
	rst.sent_seq = acked ? in->recv_ack : 0;
	rst.recv_ack = acked ? 0 : htobe32(be32toh(in->sent_seq) + taken);
	uint8_t *l3 = buf_data(m);
	uint16_t ip = packet_ip_write(l3, p->family, &p->dst, &p->src, IPPROTO_L4_TCP, PACKET_TTL,
	                              0, sizeof(rst));
	memcpy(l3 + ip, &rst, sizeof(rst));
	packet_l4_seal(l3 + ip, sizeof(rst), p->family, &p->dst, &p->src, IPPROTO_L4_TCP);
	m->data_len = (uint16_t)(ip + sizeof(rst));
	out_packet(s, m, p->family, &p->src);
}

static int
nd_or_group(struct slow *s, const struct packet *p)
{
	if (p->l4[0] == ICMP6_NEIGHBOUR_SOLICIT || p->l4[0] == ICMP6_NEIGHBOUR_ADVERT)
		return nd_input(s, p);
	return p->multicast_l2 ? DROP_L2_MULTICAST : DROP_LOCAL_UNWANTED;
}

int
local_input(struct slow *s, struct rte_mbuf *m)
{
	struct packet p;
	if (!packet_view(m, &p))
		return DROP_IP_HEADER;
	if (p.fragment)
		return DROP_LOCAL_UNWANTED;
	bool icmp6 = p.family == FAMILY_V6 && p.proto == IPPROTO_L4_ICMP6;
	if (icmp6 && p.l4_size >= 4 && p.l4[0] >= ICMP6_ND_FIRST && p.l4[0] <= ICMP6_ND_LAST)
		return nd_or_group(s, &p);
	if (p.multicast_l2)
		return DROP_L2_MULTICAST;
	if (p.family == FAMILY_V6 && addr_is_link_local(&p.dst) &&
	    own_kind(s->gen, buf_meta(m)->nic, FAMILY_V6, &p.dst) == 0)
		return DROP_LOCAL_UNWANTED;
	if (icmp6 || (p.family == FAMILY_V4 && p.proto == IPPROTO_L4_ICMP))
		return p.l4_size >= 4 ? icmp_input(s, &p) : DROP_L4_TRUNCATED;
	if (p.proto == IPPROTO_L4_TCP)
		tcp_refuse(s, &p);
	else
		icmp_make_unreachable(s, &p, p.proto == IPPROTO_L4_UDP ? UNREACH_PORT :
		                      UNREACH_PROTOCOL);
	return DROP_LOCAL_UNWANTED;
}
