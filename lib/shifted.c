/* SPDX-License-Identifier: Apache-2.0 */
/* Shifted flows: what happens to their packets off the hit path. */
#include "shifted.h"

#include "flow_index.h"
#include "ident.h"
#include "made.h"
#include "rewrite.h"
#include "synproxy.h"
#include "tcp.h"
#include "tell.h"
#include "told.h"
#include "tx.h"
#include "window.h"

/* Kept beside the numbers, because the flow's own stays empty. */
struct hop
shifted_hop(const struct worker *w, struct flow *f, struct shift *s, unsigned d)
{
	if (hop_renew(w, f))
		s->hop[0] = s->hop[1] = NEXTHOP_NONE;
	if (s->hop[d] != NEXTHOP_NONE)
		return hop_of(w, s->hop[d]);
	uint8_t family = (s->ref & FLOW_REF_V6) != 0 ? FAMILY_V6 : FAMILY_V4;
	union addr to = flow_source(&w->flows, s->ref | !d);
	struct hop hop = hop_find(w, f->realm[!d], &to, family);
	s->hop[d] = hop.id;
	return hop;
}

static unsigned
header_of(const struct passing *x, uint8_t head[TELL_MAX])
{
	struct tuple t = flow_tuple(&x->w->flows, x->p->ref, 0);
	return tell_header(head, x->s->tell, &t);
}

/* The packet without what follows its TCP header. => false: it cannot be. */
static bool
cut_payload(struct passing *x)
{
	if ((x->p->flags & PKT_FIRST) != 0)
		return false;
	if (x->t.payload == 0 || !tcp_is_right(x->p))
		return true; /* what is not right stays so, and nobody takes it */
	rewrite_size(x->p, x->p->l4 + x->t.header);
	x->t.payload = 0;
	tcp_seal(x->p);
	return true;
}

/* A connection begins, perhaps on the flow of one that is over. */
static void
begin(struct passing *x)
{
	uint8_t head[TELL_MAX];
	struct shift *s = x->s;
	*s = (struct shift){.ref = s->ref, .tell = s->tell, .kind = s->kind,
		.hop = {s->hop[0], s->hop[1]}, .first = tcp_seq(x->t.h) + 1};
	s->head = (uint8_t)header_of(x, head);
	s->seq[0] = s->head;
	x->f->nexthop[1] = NEXTHOP_NONE;
}

/* The packet becomes the segment that has the header, acknowledging what it acknowledged. */
static void
put_header(const struct shift *s, struct pkt *p, struct tcp *t, const uint8_t *head)
{
	store32(t->h + TCP_SEQ, htobe32(s->first - s->seq[0]));
	t->h[TCP_FLAGS] = TCP_ACK | TCP_PSH;
	memcpy(t->h + t->header, head, s->head);
	shift_edit(s, 0, t);
	rewrite_size(p, p->l4 + t->header + s->head);
	tcp_seal(p);
}

static bool
has_room(const struct passing *x, unsigned octets)
{
	const struct rte_mbuf *m = x->p->m;
	return x->t.h + x->t.header + octets <= (uint8_t *)m->buf_addr + m->buf_len;
}

/* The header in a segment of its own, before the packet. */
static void
send_header(struct passing *x, const uint8_t *head)
{
	struct pkt q = *x->p;
	uint32_t size = x->p->l4 + x->t.header;
	if (size + x->s->head > MADE_MAX || !made_begin(x->w, &q, x->hop.nic))
		return;
	memcpy(q.l3, x->p->l3, size);
	struct tcp t = {.h = q.l3 + q.l4, .header = x->t.header};
	put_header(x->s, &q, &t, head);
	ident_renew(x->w, &q, x->f, 0);
	rewrite_flow(&q, x->f, 0);
	made_send(x->w, &q, x->hop);
}

/*
 * The responder has no header yet, as far as is known: nothing of the initiator may come to stand
 * where it belongs. => false: the packet may not pass.
 */
static bool
pass_untold(struct passing *x)
{
	uint8_t head[TELL_MAX], flags = x->t.h[TCP_FLAGS];
	uint32_t seq = tcp_seq(x->t.h);
	struct shift plain = *x->s;
	if ((flags & TCP_RST) != 0) {
		/* Exact only if the header is not there; if it is, the responder asks (RFC 5961)
		 * and so we learn of it. */
		plain.seq[0] = 0;
		shift_edit(&plain, 0, &x->t);
		return true;
	}
	if ((flags & TCP_SYN) != 0 || tcp_is_before(x->s->first, seq)) {
		shift_edit(x->s, 0, &x->t);
		return (flags & TCP_SYN) == 0 || cut_payload(x);
	}
	if ((flags & TCP_ACK) == 0 || (x->p->flags & PKT_FIRST) != 0 || !tcp_is_right(x->p))
		return false;
	header_of(x, head);
	bool has_more = x->t.payload != 0 || (flags & TCP_FIN) != 0;
	bool is_older = seq != x->s->first, fits = has_room(x, x->s->head);
	if (is_older && !fits)
		return false;
	if (is_older || (!has_more && fits)) {
		put_header(x->s, x->p, &x->t, head);
		return true;
	}
	send_header(x, head);
	shift_edit(x->s, 0, &x->t);
	return true;
}

/* An option of the kind that we give, from the initiator itself, would be believed. */
static void
blot_toa(const struct passing *x)
{
	uint8_t *h = x->t.h;
	uint64_t diff = 0;
	uint32_t size;
	for (uint32_t i = TCP_LEN; (size = tcp_option_size(h, x->t.header, i)) != 0; i += size) {
		bool is_ours = h[i] == x->s->kind;
		for (uint32_t j = i; is_ours && j < i + size; j++) {
			uint32_t at = j & ~1u;
			uint16_t word = be16toh(load16(h + at));
			word = j % 2 == 0 ? (uint16_t)((word & 0x00ff) | OPTION_NOP << 8) :
			                    (uint16_t)((word & 0xff00) | OPTION_NOP);
			tcp_put16(h, at, word, &diff);
		}
	}
	store16(h + TCP_SUM, csum_apply(load16(h + TCP_SUM), diff));
}

static bool
has_toa_room(const struct passing *x, unsigned n)
{
	const struct pkt *p = x->p;
	return x->hop.kind == HOP_NIC && x->t.header + n <= TCP_MAX_HEADER &&
	       p->l3_len + n <= x->w->gen->nic[x->hop.nic].mtu && p->m->data_off >= n + MADE_ROOM &&
	       (p->flags & PKT_FIRST) == 0;
}

/* The option in front of the others: what stands before it moves into the headroom. */
static void
put_toa(struct passing *x)
{
	uint8_t option[TELL_TOA_MAX];
	struct pkt *p = x->p;
	struct tuple client = flow_tuple(&x->w->flows, p->ref, 0);
	unsigned n = tell_toa(option, x->s->kind, &client);
	if (!has_toa_room(x, n))
		return;
	uint8_t *data = buf_data(p->m);
	uint32_t size = (uint32_t)p->l3_len - p->l4;
	memmove(data - n, data, (size_t)(p->l3 - data) + p->l4 + TCP_LEN);
	p->m->data_off = (uint16_t)(p->m->data_off - n);
	p->l3 -= n;
	x->t.h -= n;
	uint8_t *h = x->t.h;
	memcpy(h + TCP_LEN, option, n);
	uint16_t before = be16toh(load16(h + TCP_OFFSET));
	uint64_t diff = csum_add(0, option, n);
	diff += csum_diff16(htobe16((uint16_t)size), htobe16((uint16_t)(size + n)));
	tcp_put16(h, TCP_OFFSET, (uint16_t)(before + (n / 4 << 12)), &diff);
	store16(h + TCP_SUM, csum_apply(load16(h + TCP_SUM), diff));
	x->t.header += n;
	rewrite_size(p, p->l3_len + n);
}

static void
pass_toa(struct passing *x)
{
	const uint8_t *h = x->t.h;
	uint8_t flags = h[TCP_FLAGS];
	struct shift *s = x->s;
	if ((flags & TCP_ACK) != 0 && (s->offered & OFFER_ISN) != 0 &&
	    tcp_is_before(s->isn + 1, tcp_ackno(h)))
		s->is_told = true;
	shift_edit(s, 0, &x->t);
	blot_toa(x);
	if (!s->is_told && (flags & (TCP_ACK | TCP_RST | TCP_SYN)) == TCP_ACK)
		put_toa(x);
}

/* Does a SYN of the initiator begin another connection? TOA may be given once too often. */
static bool
is_begin(const struct passing *x)
{
	return (x->t.h[TCP_FLAGS] & TCP_SYN) != 0 &&
	       (x->f->state == CONN_TCP_SYN || x->s->phase == SHIFT_RESET ||
	        x->s->tell == TELL_TOA);
}

/* A RST, and not one that is doubted (lib/window.h). */
static bool
is_reset(const struct passing *x)
{
	return (x->t.h[TCP_FLAGS] & TCP_RST) != 0 && !conn_is_established(x->f->state);
}

static bool
from_initiator(struct passing *x)
{
	struct shift *s = x->s;
	if (is_begin(x))
		begin(x);
	if (is_reset(x))
		s->phase = SHIFT_RESET;
	if (s->tell == TELL_TOA)
		pass_toa(x);
	else if (s->head != 0 && !s->is_told)
		return pass_untold(x);
	else
		shift_edit(s, 0, &x->t);
	return true;
}

/* The header takes room in the responder's window, which the initiator does not know of. */
static void
shrink_window(const struct passing *x)
{
	uint64_t diff = 0;
	uint8_t *h = x->t.h;
	uint16_t window = tcp_window(h), head = x->s->head;
	tcp_put16(h, TCP_WINDOW, window > head ? (uint16_t)(window - head) : 0, &diff);
	store16(h + TCP_SUM, csum_apply(load16(h + TCP_SUM), diff));
}

static void
from_responder(struct passing *x)
{
	struct shift *s = x->s;
	const uint8_t *h = x->t.h;
	uint8_t flags = h[TCP_FLAGS];
	if (is_reset(x))
		s->phase = SHIFT_RESET;
	bool has_ack = (flags & (TCP_ACK | TCP_RST)) == TCP_ACK;
	if ((flags & TCP_SYN) != 0 && (s->offered & OFFER_OURS) == 0) {
		s->isn = tcp_seq(h);
		s->offered |= OFFER_ISN;
		if (s->head != 0)
			shrink_window(x);
	}
	if (has_ack && !s->is_told)
		s->is_told = tcp_is_before(s->first, tcp_ackno(h)) &&
		             !tcp_is_before(tcp_ackno(h), s->first + s->head);
	shift_edit(s, 1, &x->t);
	if (s->tell == TELL_TOA && s->is_told && (s->offered & OFFER_OURS) == 0)
		x->f->nexthop[1] = x->hop.id;
}

/* A RST that the hit path has left to us, by its number as its receiver counts. */
static void
judge_reset(const struct passing *x)
{
	const uint8_t *l4 = x->p->l3 + x->p->l4;
	if (x->p->event != EV_RST || !conn_is_established(x->f->state))
		return;
	if (x->s->phase == SHIFT_WAIT ||
	    window_has(x->f, x->d, l4, tcp_seq(l4) + x->s->seq[x->d]))
		x->f->state = conn_next[x->f->state][x->d][EV_RST];
	else
		x->w->stats->resets_doubted++;
}

void
shifted_forward(struct worker *w, struct pkt *p)
{
	struct passing x = {.w = w, .p = p, .f = flow_head(&w->flows, p->ref), .d = p->ref & 1};
	if (told_is(x.f)) {
		told_forward(w, p);
		return;
	}
	x.s = shift_find(&w->shifts, p->ref);
	judge_reset(&x);
	x.hop = shifted_hop(w, x.f, x.s, x.d);
	if (!hop_admit(w, p, x.hop))
		return;
	if (!tcp_of(p, &x.t)) {
		pkt_drop(w, p, DROP_L4_TRUNCATED);
		return;
	}
	if (x.s->phase == SHIFT_WAIT) {
		synproxy_wait(&x);
		return;
	}
	if (x.d == 1 && synproxy_is_repeated(&x)) {
		synproxy_answered(&x);
		return;
	}
	if (x.d == 0 && !from_initiator(&x)) {
		pkt_drop(w, p, DROP_LB_EARLY_DATA);
		return;
	}
	if (x.d == 1)
		from_responder(&x);
	ident_renew(w, p, x.f, x.d);
	rewrite_flow(p, x.f, x.d);
	hop_send(w, p, x.hop);
}

void
shifted_add(struct worker *w, const struct pkt *p, flow_ref ref, const struct flow_spec *spec)
{
	struct shift *s = shift_add(&w->shifts, ref);
	struct flow *f = flow_get(&w->flows, ref);
	f->nexthop[0] = f->nexthop[1] = NEXTHOP_NONE;
	f->route_gen = w->gen->route_gen;
	s->tell = spec->tell;
	s->kind = spec->toa_kind;
	if (spec->is_answered)
		synproxy_begin(w, p, s, spec);
}

void
shifted_ended(struct worker *w, flow_ref ref)
{
	if (told_is(flow_get(&w->flows, ref)))
		return;
	struct shift *s = shift_find(&w->shifts, ref);
	if (s->phase == SHIFT_WAIT)
		synproxy_give_up(w, s);
	shift_del(&w->shifts, s);
}

void
shifted_quote(const struct worker *w, flow_ref ref, unsigned d, uint8_t *h, uint32_t size)
{
	const struct shift *s = shift_find(&w->shifts, ref);
	shift_quote(s, d, h, size);
}
