/* SPDX-License-Identifier: Apache-2.0 */
/* ARP (RFC 826, RFC 5227). */
#include "arp.h"

#include <rte_arp.h>
#include "out.h"
#include "own.h"

static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* One ARP packet out of an interface, from its own MAC. */
static void
arp_send(struct slow *s, uint8_t nic, uint16_t op, const uint8_t l2_dst[6], be32 spa,
         const uint8_t tha[6], be32 tpa)
{
	struct rte_mbuf *m = out_alloc(s, nic);
	if (m == NULL)
		return;
	struct rte_arp_hdr a = {
		.arp_hardware = htobe16(RTE_ARP_HRD_ETHER),
		.arp_protocol = htobe16(ETHER_IP4),
		.arp_hlen = 6, .arp_plen = 4, .arp_opcode = htobe16(op),
		.arp_data = {.arp_sip = spa, .arp_tip = tpa},
	};
	memcpy(&a.arp_data.arp_sha, s->gen->nic[nic].mac, 6);
	memcpy(&a.arp_data.arp_tha, tha, 6);
	memcpy(buf_data(m), &a, sizeof(a));
	m->data_len = sizeof(a);
	out_made(s, m, nic, l2_dst, ETHER_ARP);
}

void
arp_request(struct slow *s, uint8_t nic, const union addr *target, const uint8_t *mac)
{
	static const uint8_t unknown[6];
	union addr from = {0};
	own_source(s->gen, nic, FAMILY_V4, target, &from);
	arp_send(s, nic, RTE_ARP_OP_REQUEST, mac != NULL ? mac : broadcast, from.w[0], unknown,
	         target->w[0]);
}

void
arp_announce(struct slow *s, uint8_t nic, const union addr *address)
{
	static const uint8_t unknown[6];
	arp_send(s, nic, RTE_ARP_OP_REQUEST, broadcast, address->w[0], unknown, address->w[0]);
}

static bool
arp_parse(const struct rte_mbuf *m, struct rte_arp_hdr *a)
{
	uint16_t l2 = packet_l2_size(m);
	if (l2 == 0 || m->data_len < l2 + sizeof(*a))
		return false;
	memcpy(a, buf_data(m) + l2, sizeof(*a));
	static const uint8_t zero[6];
	const uint8_t *sha = a->arp_data.arp_sha.addr_bytes;
	uint8_t first = (uint8_t)a->arp_data.arp_sip;
	return a->arp_hardware == htobe16(RTE_ARP_HRD_ETHER) &&
	       a->arp_protocol == htobe16(ETHER_IP4) &&
	       a->arp_hlen == 6 && a->arp_plen == 4 && (sha[0] & 1) == 0 &&
	       memcmp(sha, zero, 6) != 0 && first < 224 && first != 127;
}

int
arp_input(struct slow *s, struct rte_mbuf *m)
{
	struct rte_arp_hdr a;
	uint8_t nic = buf_meta(m)->nic;
	if (nic >= MAX_NICS || !s->gen->nic[nic].valid)
		return DROP_NIC_UNKNOWN;
	if (!arp_parse(m, &a))
		return DROP_ARP_INVALID;
	uint16_t op = be16toh(a.arp_opcode);
	if (op != RTE_ARP_OP_REQUEST && op != RTE_ARP_OP_REPLY)
		return DROP_ARP_INVALID;
	const uint8_t *sha = a.arp_data.arp_sha.addr_bytes;
	union addr sender = addr_from_v4(a.arp_data.arp_sip);
	union addr target = addr_from_v4(a.arp_data.arp_tip);
	if (memcmp(sha, s->gen->nic[nic].mac, 6) == 0)
		return DROP_ARP_INVALID; /* our own, come back */
	if (own_kind(s->gen, nic, FAMILY_V4, &sender) != 0) {
		announce_defend(s, nic, &sender);
		return DROP_ARP_INVALID;
	}
	bool asked = op == RTE_ARP_OP_REQUEST && !addr_equal(&sender, &target) &&
	             own_kind(s->gen, nic, FAMILY_V4, &target) != 0;
	bool known = sender.w[0] != 0 && neighbour_learn(s, nic, FAMILY_V4, &sender, sha, asked);
	if (asked)
		arp_send(s, nic, RTE_ARP_OP_REPLY, sha, target.w[0], sha, sender.w[0]);
	return asked || known ? SLOW_CONSUMED : DROP_ARP_INVALID;
}
