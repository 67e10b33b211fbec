/* SPDX-License-Identifier: Apache-2.0 */
/* The hit path: parse, find, forward, each a loop over the burst; then what was set aside. */
#include "pipeline.h"

#include "again.h"
#include "aside.h"
#include "encap_plain.h"
#include "ending.h"
#include "final.h"
#include "flow_index.h"
#include "half.h"
#include "hop.h"
#include "icmp_error.h"
#include "ident.h"
#include "miss.h"
#include "miss_burst.h"
#include "mss.h"
#include "parse_plain.h"
#include "reset.h"
#include "rewrite.h"
#include "shifted.h"
#include "tally.h"
#include "told.h"
#include "tx.h"
#include "window.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/*
 * Lines of the index are asked for in groups: a prefetch retires when its address is translated, on
 * a virtual machine by a walk that takes longer than the reorder buffer lasts, and a core walks for
 * several addresses at a time.
 */
enum { GROUP = 8 };

/* The first packet of direction 1, before anything of it is counted. */
static __attribute__((noinline)) void
answered(const struct worker *w, struct flow *f, unsigned event)
{
	const struct policy *pol = &w->policy[f->policy];
	uint64_t waited_ns = w->now_ns - flow_opened_ns(f);
	f->counts[1] = 0;
	f->flags |= FLOW_ANSWERED;
	if (pol->ops->answered != NULL)
		pol->ops->answered(pol->state, f, event, waited_ns);
	if (half_is(w, f))
		half_answered(w, f, event);
}

static inline bool
is_first_answer(const struct flow *f, unsigned d)
{
	return (d & ~(unsigned)(f->flags / FLOW_ANSWERED)) != 0;
}

static inline void
count(struct worker *w, struct flow *f, unsigned d, const struct pkt *p)
{
	f->seen_ms = (f->flags >> d & FLOW_REFRESH_0) != 0 ? w->now_ms : f->seen_ms;
	if (unlikely(flow_count(f, d, p->l3_len)))
		tally_take(&w->tally, f, d);
}

void
pipeline_count(struct worker *w, struct flow *f, unsigned d, const struct pkt *p)
{
	if (is_first_answer(f, d))
		answered(w, f, p->event);
	count(w, f, d, p);
}

/*
 * Does a RST change nothing, since its receiver does not take it? Where the ends may count
 * differently lib/shifted.h says; a call from here would cost each hit the registers that it takes.
 */
static __attribute__((noinline)) bool
is_doubted(struct worker *w, const struct flow *f, unsigned d, const struct pkt *p)
{
	const uint8_t *l4 = p->l3 + p->l4;
	if (!conn_is_established(f->state))
		return false;
	if ((f->flags & FLOW_SHIFT) != 0 && f->nexthop[d] == NEXTHOP_NONE)
		return true;
	bool is_out = !window_has(f, d, l4, tcp_seq(l4));
	w->stats->resets_doubted += is_out;
	return is_out;
}

/* Advance the state, stamp, count. */
static inline void
touch(struct worker *w, struct flow *f, unsigned d, const struct pkt *p)
{
	if (unlikely(is_first_answer(f, d)))
		answered(w, f, p->event);
	if (likely(p->event != EV_RST) || !is_doubted(w, f, d, p))
		f->state = conn_next[f->state][d][p->event];
	window_note(f, d, p->l3 + p->l4);
	count(w, f, d, p);
}

/* A packet of a flow whose next hop is not known, not up, a loop, a way, or has a small MTU; those
 * of flows that are reset, or shifted; PKT_CARE; TCP without ACK. */
static __attribute__((noinline)) void
send_special(struct worker *w, struct pkt *p, struct flow *f, unsigned d)
{
	bool lives_on = p->event == EV_RST && conn_is_established(f->state);
	if (w->gen->plane->reset_is_final && !w->policy[f->policy].ops->opens_again && !lives_on)
		final_seen(f, p->event);
	if (p->event == EV_OPEN && again_open(w, p))
		return;
	if (f->nexthop[d] == NEXTHOP_RESET) {
		reset_flow(w, p);
		return;
	}
	if (d == 0 && half_is(w, f))
		half_third(w, f, p->event);
	if ((f->flags & FLOW_WAY) != 0) {
		encap_send(w, p, f, d, p->hash);
		return;
	}
	if ((f->flags & FLOW_SHIFT) != 0 && (d == 0 || !told_is(f))) {
		shifted_forward(w, p);
		return;
	}
	hop_renew(w, f);
	struct hop hop;
	if (f->nexthop[d] != NEXTHOP_NONE) {
		hop = hop_of(w, f->nexthop[d]);
	} else {
		union addr to = flow_source(&w->flows, p->ref ^ 1);
		hop = hop_find(w, f->realm[!d], &to, p->family);
		f->nexthop[d] = d == 0 && half_waits(w, f) ? NEXTHOP_NONE : hop.id;
	}
	if (!hop_admit(w, p, hop))
		return;
	if (conn_is_syn(p->event))
		mss_clamp_pkt(w, p, hop);
	ident_renew(w, p, f, d);
	icmp_hide_way(p, f, d);
	rewrite_flow(p, f, d);
	hop_send(w, p, hop);
}

/* The same: most of them are ordinary packets of a way. */
static __attribute__((noinline)) void
send_aside(struct worker *w, struct pkt *p, struct flow *f, unsigned d)
{
	bool is_way = f->nexthop[d] == NEXTHOP_WAY && (f->flags & FLOW_HALF) == 0;
	if (likely(is_way && !pkt_is_special(p)))
		encap_plain(w, p, f, d);
	else
		send_special(w, p, f, d);
}

/* The other tuple, inverted, into the packet; out. (The entries below NEXTHOP_FIRST are not up.) */
static inline __attribute__((always_inline)) void
send(struct worker *w, struct pkt *p, struct flow *f, unsigned d, uint8_t family)
{
	const struct generation *g = w->gen;
	const struct nexthop *hop = &w->shared->nexthops.entry[f->nexthop[d]];
	uint64_t word = atomic_load_explicit(&hop->word, memory_order_relaxed);
	uint8_t nic = hop->nic;
	if (unlikely(pkt_is_special(p) || f->route_gen != g->route_gen ||
	             !nexthop_word_is_up(word) || p->l3_len > g->nic[nic].mtu)) {
		send_aside(w, p, f, d);
		return;
	}
	if (family == FAMILY_V4) {
		rewrite_hop4(p, &((const struct flow4 *)f)->tuple[d ^ 1], true);
		tx_pkt(w, p, ETHER_IP4, nic, word);
	} else {
		rewrite_pkt6(p, &((const struct flow6 *)f)->tuple[d ^ 1]);
		tx_pkt(w, p, ETHER_IP6, nic, word);
	}
}

flow_ref
pipeline_find(struct worker *w, struct pkt *p)
{
	flow_ref ref = p->family == FAMILY_V4 ?
		flow_find4(&w->flows, &p->key.t4, p->proto, p->realm, p->hash) :
		flow_find6(&w->flows, &p->key.t6, p->proto, p->realm, p->hash);
	if (ref != 0 && flow_is_idle(flow_head(&w->flows, ref), w->pipe->timers, w->now_ms)) {
		flows_end(w, &ref, 1);
		return 0;
	}
	return ref;
}

void
pipeline_hit(struct worker *w, struct pkt *p)
{
	struct flow *f = flow_head(&w->flows, p->ref);
	touch(w, f, p->ref & 1, p);
	if (p->family == FAMILY_V4)
		send(w, p, f, p->ref & 1, FAMILY_V4);
	else
		send(w, p, f, p->ref & 1, FAMILY_V6);
}

flow_ref
pipeline_forward(struct worker *w, struct pkt *p)
{
	p->ref = pipeline_find(w, p);
	if (p->ref == 0)
		p->ref = miss_open(w, p);
	if (p->ref != 0)
		pipeline_hit(w, p);
	return p->ref;
}

/* Is the candidate that the index gave this packet's flow, alive? => no: NULL. */
static inline __attribute__((always_inline)) struct flow *
hit(const struct worker *w, const struct pkt *p, flow_ref ref, uint8_t family)
{
	const struct flow_table *t = &w->flows;
	struct flow *f;
	if (family == FAMILY_V4) {
		if (unlikely(!flow_is4(t, ref, &p->key.t4, p->proto, p->realm)))
			return NULL;
		f = &flow_ptr4(t, ref)->f;
	} else {
		if (unlikely(!flow_is6(t, ref, &p->key.t6, p->proto, p->realm)))
			return NULL;
		f = &flow_ptr6(t, ref)->f;
	}
	return likely(!flow_is_idle(f, w->pipe->timers, w->now_ms)) ? f : NULL;
}

/* Verify, advance, rewrite, send. Misses wait for the end of the burst: lib/miss_burst.h. */
static inline __attribute__((always_inline)) void
forward_as(struct worker *w, struct pkt *p, uint8_t family)
{
	flow_ref ref = p->ref;
	struct flow *f = hit(w, p, ref, family);
	if (unlikely(f == NULL)) {
		w->pipe->late[w->pipe->n_late++] = p;
		return;
	}
	touch(w, f, ref & 1, p);
	send(w, p, f, ref & 1, family);
}

static __attribute__((noinline)) void
forward6(struct worker *w, struct pkt *p)
{
	forward_as(w, p, FAMILY_V6);
}

static inline __attribute__((always_inline)) void
forward(struct worker *w, struct pkt *p)
{
	if (likely(p->family == FAMILY_V4))
		forward_as(w, p, FAMILY_V4);
	else
		forward6(w, p);
}

/* The candidate by its tag; its flow is asked for. */
static inline void
find(const struct worker *w, struct pkt *p)
{
	p->ref = index_match(&w->flows, p->hash);
	flow_prefetch(&w->flows, p->ref);
}

/*
 * Stages 2 and 3: all flows are found, then all packets forwarded. The first loop is short, so that
 * the core has many lines on their way at a time; in the second, where to go on depends on nothing
 * that is loaded, so that it runs ahead of a line that is late.
 */
static __attribute__((noinline)) void
forward_burst(struct worker *w, unsigned n)
{
	struct pkt *p = w->pipe->pkt, *end = p + n;
	for (struct pkt *q = p; q < end; q++)
		find(w, q);
	for (; p < end; p++)
		forward(w, p);
}

/*
 * The same for a burst that is mixed of hits and misses, without a branch on what nobody could
 * foretell, in loops that are short: flows are asked for, then what may stand further on in the
 * index is looked for, then hits and misses are told apart.
 */
static inline void
find_first(const struct worker *w, struct pkt *p, const struct pkt *end)
{
	for (; p < end; p++) {
		p->ref = index_match_flat(&w->flows, p->hash);
		flow_prefetch(&w->flows, p->ref);
	}
}

/* => how many. */
static inline unsigned
list_further(const struct worker *w, unsigned n, struct pkt **list)
{
	unsigned count = 0;
	for (struct pkt *p = w->pipe->pkt, *end = p + n; p < end; p++) {
		list[count] = p;
		count += index_has_more(&w->flows, p->hash, p->ref == 0);
	}
	return count;
}

static inline void
find_further(const struct worker *w, struct pkt *const *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		p[i]->ref = index_match_on(&w->flows, p[i]->hash);
		flow_prefetch(&w->flows, p[i]->ref);
	}
}

/* Each to both lists, and one of them goes on. => the number of hits. */
static inline unsigned
tell_apart(struct pipeline *pipe, unsigned n, struct pkt **hits)
{
	unsigned n_hits = 0, n_late = 0;
	for (unsigned i = 0; i < n; i++) {
		bool is_hit = pipe->pkt[i].ref != 0;
		hits[n_hits] = pipe->late[n_late] = &pipe->pkt[i];
		n_hits += is_hit;
		n_late += !is_hit;
	}
	pipe->n_late = n_late;
	return n_hits;
}

static __attribute__((noinline)) bool
forward_mixed_burst(struct worker *w, unsigned n)
{
	struct pkt *some[BURST + 1];
	find_first(w, w->pipe->pkt, w->pipe->pkt + n);
	find_further(w, some, list_further(w, n, some));
	unsigned n_hits = tell_apart(w->pipe, n, some);
	miss_burst(w, some, n_hits);
	return n_hits < n;
}

void
pipeline_hits(struct worker *w, struct pkt **p, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		forward(w, p[i]);
}

static inline void
stats_received(struct stats *st, uint8_t nic, uint64_t packets, uint64_t bytes)
{
	st->nic[nic].rx_packets += packets;
	st->nic[nic].rx_bytes += bytes;
}

/* Everything that is not simply looked up. */
static __attribute__((noinline)) void
sort_out(struct worker *w, struct pkt *p, enum path path)
{
	if (path == PATH_DROP) {
		pkt_drop(w, p, p->why);
	} else if (path == PATH_PUNT) {
		unsigned drop = p->why == PUNT_ARP ? DROP_ARP_INVALID : DROP_LOCAL_UNWANTED;
		pkt_punt(w, p, p->why, drop, 0);
	} else {
		if ((p->flags & (PKT_FIRST | PKT_OTHER)) != 0)
			p->hash = pkt_hash(p, w->flows.seed);
		w->pipe->aside[w->pipe->n_aside++] = *p;
	}
}

/* To its place in the burst, if it is to be looked up. => the next place. */
static inline struct pkt *
sort(struct worker *w, struct pkt *p, enum path path)
{
	if (unlikely(path != PATH_FLOW)) {
		sort_out(w, p, path);
		return p;
	}
	p->hash = pkt_hash(p, w->flows.seed);
	return p + 1;
}

/* A frame that is not plain, or has a tag. => as sort. */
static __attribute__((noinline)) struct pkt *
parse_other(struct worker *w, const struct dev *d, const struct plain_burst *plain, struct pkt *p)
{
	if (parse_tagged(p, plain)) {
		stats_received(w->stats, p->nic, 1, p->m->data_len);
		return p + 1;
	}
	p->nic = w->pipe->dev_nic[d->id];
	p->cause = HANDOFF_MAX;
	p->loops = 0;
	enum path path = parse_frame(p, w->gen, d);
	stats_received(w->stats, p->nic, 1, p->m->data_len);
	return sort(w, p, path);
}

/* Index lines of the packets from `from` on, for one look at them or for more. => to. */
static inline struct pkt *
ask(const struct worker *w, struct pkt *from, struct pkt *to, bool once)
{
	struct index x = w->flows.index;
	if (likely(to == from + GROUP && once)) {
		for (unsigned i = 0; i < GROUP; i++)
			index_ask_once(x, from[i].hash);
		return to;
	}
	for (; from < to; from++)
		index_ask(x, from->hash);
	return to;
}

/* Stage 1: frames to records; their index lines are asked for. => how many are to be looked up. */
static unsigned
parse_burst(struct worker *w, const struct dev *d, struct rte_mbuf **bufs, unsigned n)
{
	const struct plain_burst plain = plain_burst_of(w->gen, d, w->flows.seed);
	struct pkt *first = w->pipe->pkt, *p = first, *asked = first;
	uint32_t packets = 0, bytes = 0;
	bool once = !w->pipe->is_mixed[d->id];
	for (unsigned i = 0; i < PREFETCH_AHEAD; i++) {
		bufs[n + i] = bufs[n - 1];
		prefetch_read(buf_data(bufs[i]));
	}
	for (unsigned i = 0; i < n; i++) {
		prefetch_read(buf_data(bufs[i + PREFETCH_AHEAD]));
		p->m = bufs[i];
		if (likely(parse_plain(p, &plain))) {
			packets++;
			bytes += p->m->data_len;
			p++;
		} else if (parse_plain6(p, &plain)) { /* one branch for both costs IPv4 two more */
			packets++;
			bytes += p->m->data_len;
			p++;
		} else {
			p = parse_other(w, d, &plain, p);
		}
		if (i % GROUP == GROUP - 1)
			asked = ask(w, asked, p, once);
	}
	stats_received(w->stats, w->gen->vlan_nic[d->id][0], packets, bytes);
	ask(w, asked, p, once);
	return (unsigned)(p - first);
}

static unsigned
parse_again_burst(struct worker *w, struct rte_mbuf **bufs, unsigned n)
{
	struct pkt *first = w->pipe->pkt, *p = first;
	for (unsigned i = 0; i < n; i++) {
		const struct buf_meta *meta = buf_meta(bufs[i]);
		if (meta->cause == HANDOFF_TX) {
			tx_take_over(w, bufs[i]);
			continue;
		}
		p->m = bufs[i];
		p->nic = meta->nic;
		p->cause = meta->cause;
		p->loops = meta->loops;
		p->stage = (uint8_t)meta->arg;
		w->stats->taken_over++;
		p = sort(w, p, parse_again(p, w->gen));
	}
	ask(w, first, p, false);
	return (unsigned)(p - first);
}

static void
finish_burst(struct worker *w, unsigned from, unsigned n)
{
	struct pipeline *pipe = w->pipe;
	if (likely(!pipe->is_mixed[from])) {
		forward_burst(w, n);
		pipe->is_mixed[from] = pipe->n_late != 0;
		if (unlikely(pipe->n_late != 0))
			miss_burst(w, NULL, 0);
	} else {
		pipe->is_mixed[from] = forward_mixed_burst(w, n);
	}
	for (unsigned i = 0; i < pipe->n_aside; i++)
		aside_handle(w, &pipe->aside[i]);
	pipe->n_aside = 0;
}

void
pipeline_receive(struct worker *w, const struct dev *d, struct rte_mbuf **bufs, uint16_t n)
{
	w->stats->received += n;
	finish_burst(w, d->id, parse_burst(w, d, bufs, n));
}

void
pipeline_take_over(struct worker *w, struct rte_mbuf **bufs, uint16_t n)
{
	finish_burst(w, MAX_DEVS, parse_again_burst(w, bufs, n));
}
