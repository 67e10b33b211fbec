/* SPDX-License-Identifier: Apache-2.0 */
/* Ways: IPv4 packets with DF, each from one line of what is known beforehand. */
#include "encap_plain.h"

#include "csum.h"
#include "tx.h"

#define unlikely(x) __builtin_expect(!!(x), 0)

/* The outer header right in front of l3, which has not been copied yet. => where it begins. */
static inline uint8_t *
outer_write(const struct way_hop *h, uint8_t *l3, uint32_t size, uint64_t hash)
{
	struct ip4 *o = (struct ip4 *)(l3 - h->overhead);
	uint32_t first = 0x45 + ((uint32_t)((const struct ip4 *)l3)->tos << 8);
	uint32_t sum = h->sum;
	memcpy(l3 - WAY_PLAIN_MAX, h->header, WAY_PLAIN_MAX);
	first += htobe32(size);
	if (h->vary != 0) {
		uint64_t spread = encap_spread(hash);
		if ((h->vary & WAY_VARY_PORT) != 0) {
			store16(l3 - UDP_LEN, encap_port(spread));
			store16(l3 - UDP_LEN + 4, htobe16((uint16_t)(size - IP4_LEN)));
		}
		if (unlikely((h->vary & WAY_VARY_SOURCE) != 0)) {
			uint32_t bits = (uint32_t)spread & h->spread;
			o->src |= bits;
			sum += (bits & 0xffff) + (bits >> 16);
		}
	}
	store32(o, first);
	o->csum = (be16)~csum_fold32(csum_add32(first, sum));
	return (uint8_t *)o;
}

void
encap_plain4(struct worker *w, struct pkt *p, uint32_t owner, uint64_t hash)
{
	struct pipeline *pipe = w->pipe;
	const struct way_hop *h = &pipe->way_hop[owner % WAY_HOPS];
	struct rte_mbuf *m = p->m;
	uint64_t word = nexthop_word(&w->shared->nexthops, h->id);
	uint8_t *l3 = p->l3;
	uint32_t size = p->l3_len;
	if (unlikely(!way_hop_is(pipe, h, owner) || !nexthop_word_is_up(word) || size > h->plain ||
	             l3 - (const uint8_t *)m->buf_addr < WAY_PLAIN_ROOM)) {
		encap_to(w, p, owner, hash);
		return;
	}
	struct ip4 *in = (struct ip4 *)l3;
	in->ttl--;
	in->csum = csum_take(in->csum, (uint16_t)csum_diff_ttl());
	if (h->overhead != 0) {
		size += h->overhead;
		l3 = outer_write(h, l3, size, hash);
	}
	tx_frame(m, (struct tx_ip){l3, size, ETHER_IP4}, h->own, word);
	tx_put(w, &pipe->tx[h->dev], m, (struct tx_way){.nic = h->nic, .from = p->nic});
}

void
encap_plain_fill(struct way_hop *h, const struct way *y, const struct gen_nic *out)
{
	bool is_plain = y->family == FAMILY_V4 && y->kind != WAY_DSCP;
	h->own = load64(out);
	h->dev = out->dev;
	h->overhead = y->overhead;
	h->plain = is_plain && h->mtu > y->overhead ? (uint16_t)(h->mtu - y->overhead) : 0;
	if (!is_plain || y->overhead == 0)
		return;
	uint8_t *o = h->header + WAY_PLAIN_MAX - y->overhead;
	memcpy(o, y->header, y->overhead);
	struct ip4 *ip = (struct ip4 *)o;
	ip->frag = htobe16(IP4_DF);
	ip->csum = 0;
	h->sum = csum_fold(csum_add(0, o + 4, IP4_LEN - 4));
	h->spread = y->spread.w[0];
	h->vary = (h->spread != 0 ? WAY_VARY_SOURCE : 0) | (y->kind == WAY_GUE ? WAY_VARY_PORT : 0);
}
