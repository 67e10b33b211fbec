/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to the owners of flows: what goes in front of a packet, and where it is sent. */
#include "encap_plain.h"

#include "csum.h"
#include "fragment.h"
#include "hop.h"
#include "ident.h"
#include "rewrite.h"
#include "tx.h"

#define unlikely(x) __builtin_expect(!!(x), 0)

enum { FLOW_LABEL = 0xfffff, ECN = 3, GRE_LEN = 4 };

/* Where a packet and its pieces go. */
struct course {
	const struct way *way;
	const struct gen_nic *out;
	uint64_t word;   /* of the next hop; not up: its MAC is not known */
	uint64_t spread;
	uint16_t owner, mtu;
	uint8_t nic;
};

/* What of a packet its outer header depends on. */
struct inner {
	uint16_t size;
	uint8_t tos; /* DS field and ECN */
	bool df;     /* or IPv6 */
};

/* What follows the outer IP header, if anything does. */
static inline void
shim_write(uint8_t *o, const uint8_t *template, const struct way *y, uint32_t inner,
           uint64_t spread)
{
	if (y->kind == WAY_GRE) {
		memcpy(o, template, GRE_LEN);
	} else if (y->kind == WAY_GUE) {
		memcpy(o, template, UDP_LEN);
		store16(o, encap_port(spread));
		store16(o + 4, htobe16((uint16_t)(inner + UDP_LEN)));
	}
}

static inline void
outer4_write(struct worker *w, uint8_t *o, const struct way *y, const struct inner *in,
             uint64_t spread)
{
	struct ip4 *h = (struct ip4 *)o;
	uint32_t bits = (uint32_t)spread & y->spread.w[0];
	be16 total = htobe16((uint16_t)(in->size + y->overhead));
	be16 frag = htobe16(IP4_DF), id = 0;
	memcpy(o, y->header, IP4_LEN);
	h->src |= bits;
	if (unlikely(!in->df && !y->always_df)) {
		frag = 0;
		id = ident_next(w, h->src, h->dst, h->proto, true);
	}
	h->tos = in->tos;
	h->total = total;
	h->id = id;
	h->frag = frag;
	h->csum = csum_apply32(h->csum, ((uint32_t)in->tos << 8) + total + id + frag +
	                                (bits & 0xffff) + (bits >> 16));
	shim_write(o + IP4_LEN, y->header + IP4_LEN, y, in->size, spread);
}

static inline void
outer6_write(uint8_t *o, const struct way *y, const struct inner *in, uint64_t spread)
{
	struct ip6 *h = (struct ip6 *)o;
	uint32_t label = (uint32_t)(spread >> 20) & FLOW_LABEL;
	memcpy(o, y->header, IP6_LEN);
	h->version_class_flow = htobe32(6u << 28 | (uint32_t)in->tos << 20 | label);
	h->payload = htobe16((uint16_t)(in->size + y->overhead - IP6_LEN));
	h->src.q[1] |= spread & y->spread.q[1];
	shim_write(o + IP6_LEN, y->header + IP6_LEN, y, in->size, spread);
}

/* The outer header right in front of l3. */
static inline __attribute__((always_inline)) void
outer_write(struct worker *w, uint8_t *l3, const struct way *y, const struct inner *in,
            uint64_t spread)
{
	uint8_t *o = l3 - y->overhead;
	if (y->family == FAMILY_V4)
		outer4_write(w, o, y, in, spread);
	else
		outer6_write(o, y, in, spread);
}

/* The transport checksum takes part where it sums addresses; later fragments have none. */
static void
l4_readdress(const struct pkt *p, uint64_t diff)
{
	uint8_t *l4 = p->l3 + p->l4;
	if ((p->flags & PKT_LATER) != 0)
		return;
	if (p->proto == IPPROTO_L4_UDP)
		store16(l4 + UDP_CSUM, csum_apply_udp(load16(l4 + UDP_CSUM), diff));
	else if (p->proto == IPPROTO_L4_TCP)
		store16(l4 + TCP_CSUM, csum_apply(load16(l4 + TCP_CSUM), diff));
	else if (p->proto == IPPROTO_L4_ICMP6)
		store16(l4 + ICMP_CSUM, csum_apply(load16(l4 + ICMP_CSUM), diff));
}

/* WAY_DSCP: another destination, and in the DS field which one it was; ECN stays. */
static void
readdress(const struct pkt *p, const struct way *y)
{
	uint64_t diff;
	if (p->family == FAMILY_V4) {
		struct ip4 *h = pkt_ip4(p);
		be16 first = load16(h);
		diff = csum_diff32(h->dst, y->to.w[0]);
		h->dst = y->to.w[0];
		h->tos = (uint8_t)(y->dscp << 2 | (h->tos & ECN));
		h->csum = csum_apply(h->csum, diff + csum_diff16(first, load16(h)));
	} else {
		struct ip6 *h = pkt_ip6(p);
		uint32_t word = be32toh(h->version_class_flow);
		union addr old = h->dst;
		diff = csum_diff_addr(&old, &y->to);
		h->dst = y->to;
		h->version_class_flow = htobe32((word & ~(0xfcu << 20)) |
		                                (uint32_t)y->dscp << 22);
	}
	l4_readdress(p, diff);
}

static inline void
hop_down(const struct pkt *p)
{
	if (p->family == FAMILY_V4) {
		struct ip4 *h = pkt_ip4(p);
		h->ttl--;
		h->csum = csum_take(h->csum, (uint16_t)csum_diff_ttl());
	} else {
		pkt_ip6(p)->hops--;
	}
}

static inline struct inner
inner_of(const struct pkt *p)
{
	struct inner in = {.size = p->l3_len, .df = true};
	if (p->family == FAMILY_V4) {
		in.tos = pkt_ip4(p)->tos;
		in.df = (pkt_ip4(p)->frag & htobe16(IP4_DF)) != 0;
	} else {
		in.tos = (uint8_t)(be32toh(pkt_ip6(p)->version_class_flow) >> 20);
	}
	return in;
}

/* The outer header, if there is one, and that of the frame. may_cut: routers may, whatever the
 * packet inside says. */
static inline __attribute__((always_inline)) void
dress(struct worker *w, struct pkt *p, const struct way *y, const struct gen_nic *out,
      uint64_t word, uint64_t spread, bool may_cut)
{
	if (y->overhead != 0) {
		struct inner in = inner_of(p);
		in.df &= !may_cut;
		outer_write(w, p->l3, y, &in, spread);
		p->l3 -= y->overhead;
		p->l3_len = (uint16_t)(p->l3_len + y->overhead);
	}
	tx_header(p, out, y->family == FAMILY_V4 ? ETHER_IP4 : ETHER_IP6, word);
}

/* The MAC address is not known: the slow path holds the frame until it is. */
static void
wait(struct worker *w, const struct pkt *p, const struct course *c)
{
	pkt_punt(w, p, PUNT_WAY, DROP_NO_NEIGHBOUR, c->owner);
}

/* DF is clear: pieces, each in an outer header of its own. */
static __attribute__((noinline)) void
send_pieces(struct worker *w, struct pkt *p, const struct course *c)
{
	struct dev *dev = w->pipe->tx[c->out->dev].dev;
	unsigned l2 = (unsigned)(p->l3 - buf_data(p->m)), reason;
	struct rte_mbuf *piece[MAX_FRAGMENTS];
	unsigned n = fragment_cut(dev, p->m, l2, c->mtu - c->way->overhead, piece, &reason);
	if (n == 0) {
		pkt_drop(w, p, reason);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		struct pkt q = {.m = piece[i], .l3 = buf_data(piece[i]) + l2, .nic = p->nic,
		                .family = FAMILY_V4, .loops = p->loops};
		q.l3_len = be16toh(pkt_ip4(&q)->total);
		dress(w, &q, c->way, c->out, c->word, c->spread, false);
		if (nexthop_word_is_up(c->word))
			fragment_put(w, q.m, i, (struct tx_way){.nic = c->nic, .from = p->nic});
		else if (i == 0)
			wait(w, &q, c);
		else /* the rest of a datagram that is late anyway */
			buf_free(w, q.m);
	}
}

/* What leaves here may be so large, whatever happens to it on the way. */
static uint16_t
own_mtu(const struct way *y, const struct gen_nic *out)
{
	return y->mtu < out->mtu ? y->mtu : out->mtu;
}

static uint16_t
path_mtu(const struct worker *w, const struct way *y, const struct gen_nic *out)
{
	uint16_t mtu = own_mtu(y, out);
	uint16_t learnt = y->overhead == 0 ? (uint16_t)WAY_MTU_NONE :
		way_mtu_of(&w->shared->way_mtus, &y->to, y->family);
	return learnt < mtu ? learnt : mtu;
}

/* The next hop of a way, which is remembered. => false: there is no route. */
static bool
course_find(struct worker *w, struct course *c)
{
	struct hop hop = hop_find(w, 0, &c->way->to, c->way->family);
	if (hop.kind != HOP_NIC)
		return false;
	c->nic = hop.nic;
	c->word = hop.id != 0 ? nexthop_word(&w->shared->nexthops, hop.id) : 0;
	c->out = &w->gen->nic[c->nic];
	c->mtu = path_mtu(w, c->way, c->out);
	struct way_hop *h = &w->pipe->way_hop[c->owner % WAY_HOPS];
	*h = (struct way_hop){.owner = c->owner, .stamp = w->pipe->way_stamp, .id = hop.id,
		.nic = c->nic, .mtu = c->mtu};
	encap_plain_fill(h, c->way, c->out);
	return true;
}

/* Is there room for what goes in front of it? */
static inline bool
has_headroom(const struct pkt *p, const struct way *y)
{
	size_t room = (size_t)(p->l3 - (const uint8_t *)p->m->buf_addr);
	return room >= (size_t)y->overhead + ETHER_LEN + VLAN_LEN;
}

static inline bool
is_cut(const struct pkt *p)
{
	return p->family == FAMILY_V4 && (pkt_ip4(p)->frag & htobe16(IP4_DF)) == 0;
}

/* TTL, and what else a mode changes. */
static inline void
touch_up(const struct pkt *p, const struct way *y)
{
	if (p->loops == 0)
		hop_down(p);
	if (unlikely(y->kind == WAY_DSCP))
		readdress(p, y);
}

/* For the packet inside. What is learnt of a path does not keep 1280 octets of IPv6 from it. */
static uint16_t
room_of(const struct pkt *p, const struct course *c)
{
	uint16_t overhead = c->way->overhead, room = (uint16_t)(c->mtu - overhead);
	uint16_t own = (uint16_t)(own_mtu(c->way, c->out) - overhead);
	if (p->family == FAMILY_V4 || room >= WAY_MTU_MIN6)
		return room;
	return own < WAY_MTU_MIN6 ? own : (uint16_t)WAY_MTU_MIN6;
}

/* A packet whose next hop is not known yet, or that is too big, or cannot be sent at all. */
static __attribute__((noinline)) void
send_with_care(struct worker *w, struct pkt *p, uint32_t owner, uint64_t hash)
{
	const struct way *y = way_find(w->gen, owner);
	struct course c = {.way = y, .owner = (uint16_t)owner, .spread = encap_spread(hash)};
	if (y == NULL) {
		pkt_drop(w, p, DROP_NO_POLICY);
		return;
	}
	if (!course_find(w, &c)) {
		hop_refuse(w, p, PUNT_NO_ROUTE, DROP_NO_ROUTE, 0);
		return;
	}
	uint16_t room = room_of(p, &c);
	bool too_big = p->l3_len > room;
	if (too_big && !is_cut(p)) {
		hop_refuse(w, p, PUNT_TOO_BIG, DROP_TOO_BIG, room);
		return;
	}
	if (!has_headroom(p, y)) {
		pkt_drop(w, p, DROP_NO_BUFFER);
		return;
	}
	touch_up(p, y);
	if (too_big) {
		send_pieces(w, p, &c);
		return;
	}
	/* IPv6 that everybody has to take, but whose path does not: in IPv4 it can be cut. */
	dress(w, p, y, c.out, c.word, c.spread, p->l3_len + y->overhead > c.mtu);
	if (!nexthop_word_is_up(c.word))
		wait(w, p, &c);
	else
		tx_put(w, &w->pipe->tx[c.out->dev], p->m,
		       (struct tx_way){.nic = c.nic, .from = p->nic});
}

void
encap_to(struct worker *w, struct pkt *p, uint32_t owner, uint64_t hash)
{
	const struct generation *g = w->gen;
	const struct way *y = way_find(g, owner);
	const struct way_hop *h = &w->pipe->way_hop[owner % WAY_HOPS];
	uint64_t word = nexthop_word(&w->shared->nexthops, h->id);
	const struct gen_nic *out = &g->nic[h->nic];
	if (unlikely(y == NULL || !way_hop_is(w->pipe, h, owner) ||
	             !nexthop_word_is_up(word) || !has_headroom(p, y) ||
	             p->l3_len + y->overhead > h->mtu)) {
		send_with_care(w, p, owner, hash);
		return;
	}
	touch_up(p, y);
	dress(w, p, y, out, word, encap_spread(hash), false);
	tx_put(w, &w->pipe->tx[out->dev], p->m, (struct tx_way){.nic = h->nic, .from = p->nic});
}

bool
encap_is_from_owner(const struct worker *w, const struct pkt *p, uint32_t owner)
{
	const struct way *y = way_find(w->gen, owner);
	struct hop hop = {.kind = HOP_NO_ROUTE};
	if (y != NULL && p->loops == 0)
		hop = hop_find(w, 0, &y->to, y->family);
	return hop.kind == HOP_NIC && hop.nic == p->nic;
}

void
encap_back(struct worker *w, struct pkt *p, const struct flow *f)
{
	union addr client = pkt_dst(p);
	if (!encap_is_from_owner(w, p, f->owner)) {
		pkt_drop(w, p, DROP_IP_SOURCE);
		return;
	}
	struct hop hop = hop_find(w, f->realm[0], &client, p->family);
	if (!hop_admit(w, p, hop))
		return;
	hop_down(p);
	hop_send(w, p, hop);
}
