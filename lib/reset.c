/* SPDX-License-Identifier: Apache-2.0 */
/* RSTs made of the packet at hand. */
#include "reset.h"

#include "csum.h"
#include "encap.h"
#include "flow_index.h"
#include "hop.h"
#include "rewrite.h"
#include "tx.h"

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16, TTL = 64, FIELD_SEQ = 4, FIELD_ACK = 8,
       FIELD_OFFSET = 12, FIELD_FLAGS = 13 };

/* What a packet says of its connection, host order. */
struct segment {
	uint32_t seq, ack, size; /* size: of the sequence space it takes */
	uint8_t flags;
};

static struct segment
segment_of(const uint8_t *l4, uint32_t size)
{
	struct segment s = {.seq = be32toh(load32(l4 + FIELD_SEQ)),
		.ack = be32toh(load32(l4 + FIELD_ACK)), .flags = l4[FIELD_FLAGS]};
	uint32_t header = (l4[FIELD_OFFSET] >> 4) * 4u;
	s.size = (size > header ? size - header : 0) + ((s.flags & SYN) != 0) +
	         ((s.flags & FIN) != 0);
	return s;
}

static struct segment
segment_of_pkt(const struct pkt *p)
{
	return segment_of(p->l3 + p->l4, (uint32_t)p->l3_len - p->l4);
}

/* The IP header; => its length. */
static uint16_t
head_write(uint8_t *l3, const struct tuple *t)
{
	if (t->family == FAMILY_V4) {
		struct ip4 *h = (struct ip4 *)l3;
		*h = (struct ip4){.version_ihl = 0x45, .total = htobe16(IP4_LEN + TCP_LEN),
			.frag = htobe16(IP4_DF), .ttl = TTL, .proto = IPPROTO_L4_TCP,
			.src = t->src.w[0], .dst = t->dst.w[0]};
		h->csum = (be16)~csum_fold(csum_add(0, h, IP4_LEN));
		return IP4_LEN;
	}
	struct ip6 *h = (struct ip6 *)l3;
	memset(h, 0, sizeof(*h));
	l3[0] = 0x60;
	h->payload = htobe16(TCP_LEN);
	h->next = IPPROTO_L4_TCP;
	h->hops = TTL;
	h->src = t->src;
	h->dst = t->dst;
	return IP6_LEN;
}

static be16
tcp_csum(const uint8_t *l4, const struct tuple *t, const uint8_t *l3)
{
	uint64_t sum = csum_add(0, l4, TCP_LEN);
	sum = t->family == FAMILY_V4 ?
		csum_add_pseudo4(sum, t->src.w[0], t->dst.w[0], IPPROTO_L4_TCP, TCP_LEN) :
		csum_add_pseudo6(sum, l3 + 8, IPPROTO_L4_TCP, TCP_LEN);
	return (be16)~csum_fold(sum);
}

/* The whole packet. => its length. */
static uint16_t
packet_write(uint8_t *l3, const struct tuple *t, const struct segment *s)
{
	uint16_t head = head_write(l3, t);
	uint8_t *l4 = l3 + head;
	memset(l4, 0, TCP_LEN);
	store32(l4, ports_load(&t->sport));
	store32(l4 + FIELD_SEQ, htobe32(s->seq));
	store32(l4 + FIELD_ACK, (s->flags & ACK) != 0 ? htobe32(s->ack) : 0);
	l4[FIELD_OFFSET] = TCP_LEN / 4 << 4;
	l4[FIELD_FLAGS] = s->flags;
	store16(l4 + TCP_CSUM, tcp_csum(l4, t, l3));
	return (uint16_t)(head + TCP_LEN);
}

/* A RST as t says. => false: its next hop is not resolved; without any way nothing is done. */
static bool
emit(struct worker *w, const struct tuple *t, const struct segment *s)
{
	struct hop hop = hop_find(w, &t->dst, t->family);
	uint64_t word = hop.id != 0 ? nexthop_word(&w->shared->nexthops, hop.id) : 0;
	const struct gen_nic *out = &w->gen->nic[hop.nic];
	if (hop.kind != HOP_NIC || !out->valid)
		return true;
	if (!nexthop_word_is_up(word))
		return false;
	struct dev *d = w->pipe->tx[out->dev].dev;
	struct rte_mbuf *m = d->ops->alloc(d);
	if (m == NULL)
		return true;
	m->data_off = BUF_HEADROOM;
	struct pkt p = {.m = m, .l3 = buf_data(m), .family = t->family};
	p.l3_len = packet_write(p.l3, t, s);
	tx_header(&p, out, t->family == FAMILY_V4 ? ETHER_IP4 : ETHER_IP6, word);
	w->stats->generated++;
	w->stats->nic[hop.nic].generated++;
	tx_put(w, &w->pipe->tx[out->dev], m, (struct tx_way){.nic = hop.nic, .made = true});
	return true;
}

/* RFC 9293 3.10.7.1. */
static struct segment
answer_of(const struct segment *s)
{
	return (s->flags & ACK) != 0 ?
		(struct segment){.seq = s->ack, .flags = RST} :
		(struct segment){.ack = s->seq + s->size, .flags = RST | ACK};
}

uint16_t
reset_answer(uint8_t *out, const struct tuple *t, const uint8_t *l4, uint32_t size)
{
	struct tuple back = tuple_invert(t);
	struct segment s = segment_of(l4, size), rst = answer_of(&s);
	return packet_write(out, &back, &rst);
}

/* => false: the next hop is not resolved. */
static bool
answer_sender(struct worker *w, const struct pkt *p, const struct segment *s)
{
	struct tuple t = pkt_tuple(p);
	t = tuple_invert(&t);
	struct segment rst = answer_of(s);
	return emit(w, &t, &rst);
}

/* As if the sender had reset instead of what it sent. Not where the other end has a way of its own:
 * a plain packet from the client to the service would go wherever the routes say. */
static void
tell_other(struct worker *w, const struct pkt *p, const struct segment *s)
{
	struct tuple t = flow_tuple(&w->flows, p->ref, !(p->ref & 1));
	t = tuple_invert(&t);
	emit(w, &t, &(struct segment){.seq = s->seq, .ack = s->ack,
	                              .flags = (uint8_t)(RST | (s->flags & ACK))});
}

/* A RST of one of the ends goes to the other. */
static void
pass(struct worker *w, struct pkt *p)
{
	const struct flow *f = flow_head(&w->flows, p->ref);
	if ((f->flags & FLOW_WAY) != 0) {
		encap_send(w, p, f, p->ref & 1, p->hash);
		return;
	}
	union addr to = flow_source(&w->flows, p->ref ^ 1);
	struct hop hop = hop_find(w, &to, p->family);
	if (!hop_admit(w, p, hop))
		return;
	rewrite_flow(p, f, p->ref & 1);
	hop_send(w, p, hop);
}

void
reset_flow(struct worker *w, struct pkt *p)
{
	struct flow *f = flow_head(&w->flows, p->ref);
	f->state = CONN_TCP_TRANS;
	if (p->event == EV_RST) {
		pass(w, p);
		return;
	}
	bool is_way = (f->flags & FLOW_WAY) != 0;
	if (is_way && (p->ref & 1) != 0) {
		encap_back(w, p);
		return;
	}
	struct segment s = segment_of_pkt(p);
	bool answered = p->loops != 0 || answer_sender(w, p, &s);
	if (p->loops == 0 && !is_way)
		tell_other(w, p, &s);
	if (answered)
		pkt_drop(w, p, DROP_LB_RESET);
	else
		pkt_punt(w, p, PUNT_RESET, DROP_LB_RESET, 0);
}

void
reset_refuse(struct worker *w, struct pkt *p, unsigned reason)
{
	struct segment s = segment_of_pkt(p);
	if (p->loops == 0 && p->event != EV_RST && !answer_sender(w, p, &s))
		pkt_punt(w, p, PUNT_RESET, reason, 0);
	else
		pkt_drop(w, p, reason);
}
