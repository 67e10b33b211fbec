/* SPDX-License-Identifier: Apache-2.0 */
/* RSTs made of the packet at hand. */
#include "reset.h"

#include "encap.h"
#include "flow_index.h"
#include "made.h"
#include "rewrite.h"
#include "segment.h"
#include "tx.h"

/* What a packet says of its connection, host order. */
struct said {
	uint32_t seq, ack, size; /* size: of the sequence space it takes */
	uint8_t flags;
};

static struct said
said_by(const uint8_t *l4, uint32_t size)
{
	struct said s = {.seq = tcp_seq(l4), .ack = tcp_ackno(l4), .flags = l4[TCP_FLAGS]};
	uint32_t header = (l4[TCP_OFFSET] >> 4) * 4u;
	s.size = (size > header ? size - header : 0) + ((s.flags & TCP_SYN) != 0) +
	         ((s.flags & TCP_FIN) != 0);
	return s;
}

static struct said
said_by_pkt(const struct pkt *p)
{
	return said_by(p->l3 + p->l4, (uint32_t)p->l3_len - p->l4);
}

/* A RST as t says. => false: its next hop is not resolved; without any way nothing is done. */
static bool
emit(struct worker *w, const struct tuple *t, const struct segment *s)
{
	struct hop hop = hop_find(w, t->realm, &t->dst, t->family);
	uint64_t word = hop.id != 0 ? nexthop_word(&w->shared->nexthops, hop.id) : 0;
	struct pkt q = {.cause = HANDOFF_MAX};
	if (hop.kind != HOP_NIC || !w->gen->nic[hop.nic].valid)
		return true;
	if (!nexthop_word_is_up(word))
		return false;
	if (made_begin(w, &q, hop.nic)) {
		segment_write(&q, t, s);
		made_send(w, &q, hop);
	}
	return true;
}

/* RFC 9293 3.10.7.1. */
static struct segment
answer_of(const struct said *s)
{
	return (s->flags & TCP_ACK) != 0 ?
		(struct segment){.seq = s->ack, .flags = TCP_RST, .scale = SEGMENT_NO_SCALE} :
		(struct segment){.ack = s->seq + s->size, .flags = TCP_RST | TCP_ACK,
		                 .scale = SEGMENT_NO_SCALE};
}

void
reset_answer(struct rte_mbuf *m, const struct tuple *t, const uint8_t *l4, uint32_t size)
{
	struct tuple back = tuple_invert(t);
	struct said s = said_by(l4, size);
	struct segment rst = answer_of(&s);
	struct pkt q = {.m = m, .l3 = buf_data(m)};
	segment_write(&q, &back, &rst);
}

/* => false: the next hop is not resolved, or its sender's address is one that translates. */
static bool
answer_sender(struct worker *w, const struct pkt *p, const struct said *s)
{
	struct tuple t = pkt_tuple(p);
	t = tuple_invert(&t);
	struct segment rst = answer_of(s);
	return p->loops == 0 && emit(w, &t, &rst);
}

/* As if the sender had reset instead of what it sent. Not where the other end has a way of its own:
 * a plain packet from the client to the service would go wherever the routes say. */
static void
tell_other(struct worker *w, const struct pkt *p, const struct said *s)
{
	struct tuple t = flow_tuple(&w->flows, p->ref, !(p->ref & 1));
	bool has_ack = (s->flags & TCP_ACK) != 0;
	t = tuple_invert(&t);
	emit(w, &t, &(struct segment){.seq = s->seq, .ack = has_ack ? s->ack : 0,
	                              .flags = has_ack ? TCP_RST | TCP_ACK : TCP_RST,
	                              .scale = SEGMENT_NO_SCALE});
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
	struct hop hop = hop_find(w, f->realm[!(p->ref & 1)], &to, p->family);
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
		pkt_drop(w, p, DROP_IP_SOURCE);
		return;
	}
	struct said s = said_by_pkt(p);
	bool answered = answer_sender(w, p, &s);
	if (!is_way)
		tell_other(w, p, &s);
	if (answered)
		pkt_drop(w, p, DROP_LB_RESET);
	else
		pkt_punt(w, p, PUNT_RESET, DROP_LB_RESET, 0);
}

void
reset_refuse(struct worker *w, struct pkt *p, unsigned reason)
{
	struct said s = said_by_pkt(p);
	if (p->event != EV_RST && !answer_sender(w, p, &s))
		pkt_punt(w, p, PUNT_RESET, reason, 0);
	else
		pkt_drop(w, p, reason);
}
