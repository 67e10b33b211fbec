/* SPDX-License-Identifier: Apache-2.0 */
/* The SYN proxy's two handshakes. */
#include "synproxy.h"

#include "flow_index.h"
#include "made.h"
#include "rewrite.h"
#include "segment.h"
#include "shift.h"
#include "tx.h"

enum { MSS4_DEFAULT = 536, MSS6_DEFAULT = 1220 };

/* What a SYN asks for. */
struct asked {
	struct cookie o;
	bool has_time;
	uint32_t time;
};

static void
syn_read(const struct pkt *p, const struct tcp *t, struct asked *a)
{
	struct tcp_options o;
	tcp_options_read(t->h, t->header, &o);
	a->o.mss = o.mss != 0 ? be16toh(load16(t->h + o.mss + 2)) :
	           p->family == FAMILY_V4 ? MSS4_DEFAULT : MSS6_DEFAULT;
	a->o.scale = COOKIE_NO_SCALE;
	if (o.scale != 0) {
		uint8_t scale = t->h[o.scale + 2];
		a->o.scale = scale < TCP_MAX_SCALE ? scale : TCP_MAX_SCALE;
	}
	a->o.sack = o.sack_ok != 0;
	a->has_time = o.time != 0;
	a->time = o.time != 0 ? tcp_load(t->h, o.time + TIME_VALUE) : 0;
}

/* What both want: the initiator asked for it, and we offer it. */
static void
narrow(struct asked *a, const struct syn_offer *offer)
{
	if (offer->scale > TCP_MAX_SCALE)
		a->o.scale = COOKIE_NO_SCALE;
	a->o.sack &= offer->sack;
	a->has_time &= offer->time;
}

static bool
is_plain_syn(const struct pkt *p, const struct tcp *t)
{
	return (t->h[TCP_FLAGS] & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN &&
	       (p->flags & PKT_FIRST) == 0 && tcp_is_right(p);
}

void
synproxy_answer(struct worker *w, struct pkt *p, const struct syn_offer *offer)
{
	struct tcp t;
	struct asked a;
	union addr src = pkt_src(p);
	if (!tcp_of(p, &t) || !is_plain_syn(p, &t)) {
		pkt_drop(w, p, DROP_LB_COOKIE);
		return;
	}
	struct hop hop = hop_find(w, p->realm, &src, p->family);
	if (!hop_admit(w, p, hop))
		return;
	syn_read(p, &t, &a);
	narrow(&a, offer);
	struct tuple asking = pkt_tuple(p), answer = tuple_invert(&asking);
	uint32_t isn = tcp_seq(t.h);
	struct segment s = {.flags = TCP_SYN | TCP_ACK, .ack = isn + 1, .mss = offer->mss,
		.seq = cookie_make(&w->cookies, &asking, isn, a.o, w->now_ns),
		.scale = a.o.scale != COOKIE_NO_SCALE ? offer->scale : SEGMENT_NO_SCALE,
		.sack_ok = a.o.sack, .has_time = a.has_time, .time = w->now_ms, .echo = a.time};
	segment_write(p, &answer, &s);
	w->stats->cookies_sent++;
	hop_send(w, p, hop);
}

bool
synproxy_check(struct cookies *c, const struct miss *m, struct cookie *o)
{
	enum { FLAGS = TCP_ACK | TCP_SYN | TCP_RST };
	const uint8_t *h = m->pkt->l3 + m->pkt->l4;
	if (m->has_frag || (h[TCP_FLAGS] & FLAGS) != TCP_ACK)
		return false;
	uint32_t seq = tcp_seq(h), cookie = tcp_ackno(h) - 1;
	return cookie_check(c, &m->tuple, seq - 1, cookie, m->now_ns, o) ||
	       cookie_check(c, &m->tuple, seq, cookie, m->now_ns, o);
}

/* Numbers, window and timestamps of a segment of the initiator. */
static void
note_initiator(struct shift *s, const struct tcp *t)
{
	struct tcp_options o;
	tcp_options_read(t->h, t->header, &o);
	s->window = tcp_window(t->h);
	if (o.time == 0)
		return;
	s->time_seen = tcp_load(t->h, o.time + TIME_VALUE);
	s->time_given = tcp_load(t->h, o.time + TIME_ECHO);
	s->offered |= OFFER_TIME;
}

/* The number that the cookie belongs to, once more: of the segment, or of the octet before it. */
static uint32_t
first_of(struct worker *w, const struct tuple *t, const struct tcp *tcp)
{
	struct cookie o;
	uint32_t seq = tcp_seq(tcp->h);
	return cookie_check(&w->cookies, t, seq - 1, tcp_ackno(tcp->h) - 1, w->now_ns, &o) ?
		seq : seq + 1;
}

void
synproxy_begin(struct worker *w, const struct pkt *p, struct shift *s,
               const struct flow_spec *spec)
{
	struct tcp t;
	struct tuple client = flow_tuple(&w->flows, s->ref, 0);
	uint8_t head[TELL_MAX];
	s->phase = SHIFT_WAIT;
	s->offered = OFFER_ISN | OFFER_OURS;
	s->mss = spec->cookie.mss;
	s->scales = (uint8_t)(spec->offer.scale & 15);
	if (spec->cookie.scale != COOKIE_NO_SCALE) {
		s->scales |= (uint8_t)(spec->cookie.scale << 4);
		s->offered |= OFFER_SCALE;
	}
	if (spec->cookie.sack)
		s->offered |= OFFER_SACK;
	s->head = (uint8_t)tell_header(head, spec->tell, &client);
	s->seq[0] = s->head;
	if (!tcp_of(p, &t))
		return; /* its first packet is then dropped for that, and so are all */
	note_initiator(s, &t);
	s->isn = tcp_ackno(t.h) - 1;
	s->first = first_of(w, &client, &t);
}

static unsigned
scale_of_initiator(const struct shift *s)
{
	return (s->offered & OFFER_SCALE) != 0 ? s->scales >> 4 : 0;
}

/* A window of the initiator without its scale. */
static uint16_t
whole_window(const struct shift *s)
{
	uint32_t w = (uint32_t)s->window << scale_of_initiator(s);
	return w < UINT16_MAX ? (uint16_t)w : UINT16_MAX;
}

static struct segment
syn_of(const struct shift *s)
{
	return (struct segment){.flags = TCP_SYN, .seq = s->first - 1, .window = whole_window(s),
		.mss = s->mss, .sack_ok = (s->offered & OFFER_SACK) != 0,
		.has_time = (s->offered & OFFER_TIME) != 0, .time = s->time_seen,
		.scale = (s->offered & OFFER_SCALE) != 0 ? s->scales >> 4 : SEGMENT_NO_SCALE};
}

/* A segment to the end that packets of direction d go to. */
static void
make(struct worker *w, struct shift *s, unsigned d, const struct segment *g)
{
	struct flow *f = flow_get(&w->flows, s->ref);
	struct tuple t = flow_tuple(&w->flows, s->ref, d);
	struct pkt q = {.cause = HANDOFF_MAX};
	struct hop hop = shifted_hop(w, f, s, d);
	if (!made_begin(w, &q, hop.nic))
		return;
	segment_write(&q, &t, g);
	rewrite_flow(&q, f, d);
	made_send(w, &q, hop);
}

/* The packet becomes a segment to the end that it was for. */
static void
turn_into(struct passing *x, const struct segment *g)
{
	struct tuple t = flow_tuple(&x->w->flows, x->s->ref, x->d);
	segment_write(x->p, &t, g);
	rewrite_flow(x->p, x->f, x->d);
	hop_send(x->w, x->p, x->hop);
}

static void
queue(struct worker *w, struct shift *s, unsigned n)
{
	s->due_ms = w->now_ms + (SYNPROXY_FIRST_MS << n);
	shift_wait(&w->shifts, s, n);
}

void
synproxy_give_up(struct worker *w, struct shift *s)
{
	struct segment g = {.flags = TCP_RST | TCP_ACK, .seq = s->isn + 1, .ack = s->first,
		.scale = SEGMENT_NO_SCALE};
	s->phase = SHIFT_RESET;
	make(w, s, 1, &g);
}

static void
try_again(struct worker *w, struct shift *s)
{
	unsigned n = s->tries; /* so many have been made */
	shift_unwait(&w->shifts, s);
	if (n == SHIFT_QUEUES) {
		synproxy_give_up(w, s);
		return;
	}
	struct segment g = syn_of(s);
	queue(w, s, n);
	make(w, s, 0, &g);
}

void
synproxy_turn(struct worker *w)
{
	struct shifts *t = &w->shifts;
	unsigned left = SYNPROXY_TURN;
	for (unsigned n = 0; n < SHIFT_QUEUES; n++)
		while (t->first[n] != 0 && left != 0) {
			struct shift *s = &t->line[t->first[n]];
			if ((int32_t)(w->now_ms - s->due_ms) < 0)
				break;
			try_again(w, s);
			left--;
		}
}

/* The responder gets what the third segment of its handshake is to say. */
static void
acknowledge(struct passing *x, uint32_t isn, bool has_time, uint32_t time)
{
	struct shift *s = x->s;
	struct tuple client = flow_tuple(&x->w->flows, s->ref, 0);
	struct segment g = {.flags = TCP_ACK, .seq = s->first, .ack = isn + 1,
		.window = s->scale[0] != 0 ? whole_window(s) : s->window,
		.scale = SEGMENT_NO_SCALE, .has_time = has_time, .time = s->time_seen,
		.echo = time};
	if (s->tell == TELL_TOA) {
		g.n_option = (uint8_t)tell_toa(g.option, s->kind, &client);
	} else if (s->head != 0 && !s->is_told) {
		g.n_payload = (uint8_t)tell_header(g.payload, s->tell, &client);
		g.flags |= TCP_PSH;
	} else {
		g.seq = s->first + s->head;
	}
	make(x->w, s, 0, &g);
}

/* The packet becomes what opens the window that our SYN-ACK had shut. */
static void
open_window(struct passing *x, uint16_t window, bool has_time, uint32_t time)
{
	const struct shift *s = x->s;
	unsigned ours = (s->offered & OFFER_SCALE) != 0 ? s->scales & 15 : 0;
	uint32_t room = window > s->head ? (uint32_t)window - s->head : 0;
	struct segment g = {.flags = TCP_ACK, .seq = s->isn + 1, .ack = s->first,
		.window = (uint16_t)((room + (1u << ours) - 1) >> ours),
		.scale = SEGMENT_NO_SCALE, .has_time = has_time, .time = time + s->time,
		.echo = s->time_seen};
	turn_into(x, &g);
}

/* How the responder's numbers are to be read from now on. */
static void
settle(struct shift *s, const struct tcp *t, const struct tcp_options *o)
{
	bool scales = (s->offered & OFFER_SCALE) != 0;
	int ours = scales ? s->scales & 15 : 0, theirs = 0;
	if (o->scale != 0 && scales)
		theirs = t->h[o->scale + 2] < TCP_MAX_SCALE ? t->h[o->scale + 2] : TCP_MAX_SCALE;
	s->seq[1] = s->isn - tcp_seq(t->h);
	s->scale[1] = (int8_t)(theirs - ours);
	s->scale[0] = (int8_t)(o->scale == 0 ? (int)scale_of_initiator(s) : 0);
	if (o->time != 0 && (s->offered & OFFER_TIME) != 0)
		s->time = s->time_given - tcp_load(t->h, o->time + TIME_VALUE);
	s->phase = SHIFT_OPEN;
}

void
synproxy_answered(struct passing *x)
{
	struct tcp_options o;
	struct shift *s = x->s;
	const uint8_t *h = x->t.h;
	tcp_options_read(h, x->t.header, &o);
	if (s->phase == SHIFT_WAIT) {
		shift_unwait(&x->w->shifts, s);
		settle(s, &x->t, &o);
	}
	bool has_time = o.time != 0 && (s->offered & OFFER_TIME) != 0;
	uint32_t time = has_time ? tcp_load(h, o.time + TIME_VALUE) : 0, isn = tcp_seq(h);
	uint16_t window = tcp_window(h);
	acknowledge(x, isn, has_time, time);
	open_window(x, window, has_time, time);
}

static bool
is_syn_ack(const struct passing *x)
{
	enum { FLAGS = TCP_SYN | TCP_ACK | TCP_RST };
	return (x->t.h[TCP_FLAGS] & FLAGS) == (TCP_SYN | TCP_ACK) &&
	       tcp_ackno(x->t.h) == x->s->first && (x->p->flags & PKT_FIRST) == 0 &&
	       tcp_is_right(x->p);
}

bool
synproxy_is_repeated(const struct passing *x)
{
	return (x->s->offered & OFFER_OURS) != 0 && is_syn_ack(x) &&
	       tcp_seq(x->t.h) + x->s->seq[1] == x->s->isn;
}

/* The responder refuses: as if it had been asked by the initiator. */
static void
refused(struct passing *x)
{
	struct shift *s = x->s;
	struct segment g = {.flags = TCP_RST | TCP_ACK, .seq = s->isn + 1, .ack = s->first,
		.scale = SEGMENT_NO_SCALE};
	shift_unwait(&x->w->shifts, s);
	s->phase = SHIFT_RESET;
	turn_into(x, &g);
}

/*
 * The responder remembers an older connection of these ends, in TIME-WAIT above all: RFC 9293,
 * 3.10.7.3. What it says makes it forget, so our SYN follows at once; once, or the two could go on
 * for ever.
 */
static void
contradict(struct passing *x)
{
	const uint8_t *h = x->t.h;
	struct segment g = {.flags = TCP_RST, .seq = tcp_ackno(h), .scale = SEGMENT_NO_SCALE};
	if ((h[TCP_FLAGS] & (TCP_ACK | TCP_RST)) == TCP_ACK && tcp_ackno(h) != x->s->first) {
		make(x->w, x->s, 0, &g);
		if (x->s->tries == 1)
			try_again(x->w, x->s);
	}
	pkt_drop(x->w, x->p, DROP_LB_WAITING);
}

static void
wait_for_responder(struct passing *x)
{
	uint8_t flags = x->t.h[TCP_FLAGS];
	if (is_syn_ack(x))
		synproxy_answered(x);
	else if ((flags & (TCP_RST | TCP_ACK)) == (TCP_RST | TCP_ACK) &&
	         tcp_ackno(x->t.h) == x->s->first && tcp_is_right(x->p))
		refused(x);
	else
		contradict(x);
}

/* The initiator gives up before the responder has answered. */
static void
withdrawn(struct passing *x)
{
	struct shift *s = x->s;
	struct segment g = {.flags = TCP_RST, .seq = s->first, .scale = SEGMENT_NO_SCALE};
	shift_unwait(&x->w->shifts, s);
	s->phase = SHIFT_RESET;
	turn_into(x, &g);
}

static void
wait_of_initiator(struct passing *x)
{
	struct shift *s = x->s;
	uint8_t flags = x->t.h[TCP_FLAGS];
	bool is_right = (x->p->flags & PKT_FIRST) == 0 && tcp_is_right(x->p);
	if (s->tries == 0) { /* its cookie was right, or it would not be here */
		struct segment g = syn_of(s);
		queue(x->w, s, 0);
		turn_into(x, &g);
	} else if (is_right && (flags & TCP_RST) != 0 && tcp_seq(x->t.h) == s->first) {
		withdrawn(x);
	} else {
		pkt_drop(x->w, x->p, DROP_LB_WAITING);
	}
}

void
synproxy_wait(struct passing *x)
{
	if (x->d == 0)
		wait_of_initiator(x);
	else
		wait_for_responder(x);
}
