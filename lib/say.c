/* SPDX-License-Identifier: Apache-2.0 */
/* UDP from nothing: of an address of ours, by route and next hop. */
#include "say.h"

#include "csum.h"
#include "tx.h"

enum { SPOKEN_TTL = 64 };
static_assert(IP4_LEN + UDP_LEN + SPOKEN_MAX == MADE_MAX, "what fits into a packet made here");

static bool
is_ours(const struct worker *w, const struct spoken *s)
{
	union addr from = addr_from_v4(s->src);
	const struct img_route *r = route_find(w->gen, s->realm, &from, FAMILY_V4);
	return r != NULL && r->kind == ROUTE_LOCAL;
}

static void
write_packet(struct pkt *q, const struct spoken *s)
{
	uint16_t udp_size = (uint16_t)(UDP_LEN + s->size);
	uint8_t *udp = q->l3 + IP4_LEN;
	*(struct ip4 *)q->l3 = (struct ip4){
		.version_ihl = 0x45, .total = htobe16((uint16_t)(IP4_LEN + udp_size)),
		.frag = htobe16(IP4_DF), .ttl = SPOKEN_TTL, .proto = IPPROTO_L4_UDP,
		.src = s->src, .dst = s->dst,
	};
	csum_ip4_seal(pkt_ip4(q));
	store16(udp, s->sport);
	store16(udp + 2, s->dport);
	store16(udp + 4, htobe16(udp_size));
	memcpy(udp + UDP_LEN, s->data, s->size);
	csum_udp4_seal(pkt_ip4(q), udp, udp_size);
	q->l3_len = (uint16_t)(IP4_LEN + udp_size);
}

/* To the slow path, which finds out the MAC address. */
static void
ask_first(struct worker *w, struct pkt *q, uint8_t nic)
{
	const struct gen_nic *out = &w->gen->nic[nic];
	tx_header(q, out, ETHER_IP4, 0);
	q->m->port = w->shared->devs[out->dev].id;
	w->stats->received++;
	pkt_punt(w, q, PUNT_NEIGHBOUR, DROP_NO_NEIGHBOUR, nic);
}

void
say(void *whose, const struct spoken *s)
{
	struct worker *w = whose;
	union addr to = addr_from_v4(s->dst);
	struct hop hop = hop_find(w, s->realm, &to, FAMILY_V4);
	struct pkt q = {.family = FAMILY_V4, .proto = IPPROTO_L4_UDP, .nic = hop.nic};
	assert(s->size <= SPOKEN_MAX);
	if (hop.kind != HOP_NIC || !is_ours(w, s)) {
		w->stats->generated_lost++;
		return;
	}
	if (!made_begin(w, &q, hop.nic))
		return;
	write_packet(&q, s);
	if (hop.id != 0 && nexthop_word_is_up(nexthop_word(&w->shared->nexthops, hop.id)))
		made_send(w, &q, hop);
	else
		ask_first(w, &q, hop.nic);
}
