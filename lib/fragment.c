/* SPDX-License-Identifier: Apache-2.0 */
/* IPv4 fragmentation: the first piece stays in its buffer, the others are copied into new ones. */
#include "fragment.h"

#include "csum.h"
#include "tx.h"

enum { OPT_END = 0, OPT_NOP = 1, OPT_COPIED = 0x80, IP4_MAX_LEN = 60 };

/* What is cut: the frame's parts. */
struct cut {
	uint8_t *l2, *payload;
	unsigned l2_len, header, size; /* bytes: L2 header, IPv4 header, payload */
	unsigned step;                 /* payload of a fragment, a multiple of 8 */
	uint16_t frag;                 /* flags and offset of the packet, host order */
	uint8_t later[IP4_MAX_LEN];    /* header of the others */
	unsigned later_len;
};

/* The header of later fragments: that of the first with the copied options only. */
static void
later_header(struct cut *c, const uint8_t *h)
{
	memcpy(c->later, h, IP4_LEN);
	unsigned n = IP4_LEN;
	for (unsigned i = IP4_LEN; i < c->header && h[i] != OPT_END;) {
		unsigned size = h[i] == OPT_NOP ? 1 : i + 1 < c->header ? h[i + 1] : 0;
		if (size == 0 || i + size > c->header)
			break;
		if ((h[i] & OPT_COPIED) != 0) {
			memcpy(c->later + n, h + i, size);
			n += size;
		}
		i += size;
	}
	c->later_len = (n + 3) & ~3u;
	memset(c->later + n, OPT_END, c->later_len - n);
	c->later[0] = (uint8_t)(0x40 | c->later_len / 4);
}

/* => false: this packet cannot be cut. */
static bool
cut_plan(struct cut *c, struct rte_mbuf *m, unsigned l2_len, unsigned mtu)
{
	c->l2 = buf_data(m);
	c->l2_len = l2_len;
	const uint8_t *h = c->l2 + c->l2_len;
	if (m->data_len < c->l2_len + IP4_LEN || load16(h - 2) != htobe16(ETHER_IP4))
		return false;
	unsigned total = be16toh(load16(h + 2));
	c->header = (h[0] & 15) * 4u;
	c->frag = be16toh(load16(h + 6));
	if (c->header < IP4_LEN || total < c->header || total > m->data_len - c->l2_len ||
	    mtu < c->header + 8 || (c->frag & IP4_DF) != 0)
		return false;
	c->size = total - c->header;
	c->payload = c->l2 + c->l2_len + c->header;
	c->step = (mtu - c->header) & ~7u;
	later_header(c, h);
	return c->size <= c->step * MAX_FRAGMENTS;
}

/* Length, flags, offset and checksum of a fragment's header. */
static void
seal(const struct cut *c, uint8_t *h, unsigned header, unsigned from, unsigned size)
{
	unsigned frag = (c->frag & ~(unsigned)IP4_OFFSET) |
	                (((c->frag & IP4_OFFSET) + from / 8) & IP4_OFFSET);
	if (from + size < c->size)
		frag |= IP4_MF;
	store16(h + 2, htobe16((uint16_t)(header + size)));
	store16(h + 6, htobe16((uint16_t)frag));
	store16(h + 10, 0);
	store16(h + 10, (be16)~csum_fold(csum_add(0, h, header)));
}

static void
fill(const struct cut *c, struct rte_mbuf *m, unsigned from, unsigned size)
{
	m->data_off = BUF_HEADROOM;
	uint8_t *d = buf_data(m), *h = d + c->l2_len;
	memcpy(d, c->l2, c->l2_len);
	memcpy(h, c->later, c->later_len);
	seal(c, h, c->later_len, from, size);
	memcpy(h + c->later_len, c->payload + from, size);
	m->data_len = (uint16_t)(c->l2_len + c->later_len + size);
	m->pkt_len = m->data_len;
}

/* Buffers for n fragments, all or none. */
static bool
alloc_all(struct dev *d, struct rte_mbuf **bufs, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		bufs[i] = d->ops->alloc(d);
		if (bufs[i] == NULL) {
			if (i != 0)
				d->ops->free(bufs, (uint16_t)i);
			return false;
		}
	}
	return true;
}

static void
refuse(struct worker *w, struct rte_mbuf *m, struct tx_way way, unsigned reason)
{
	if (way.made)
		generated_drop(w, m, way.nic);
	else
		buf_drop(w, m, way.from, reason);
}

unsigned
fragment_cut(struct dev *d, struct rte_mbuf *m, unsigned l2_len, unsigned mtu,
             struct rte_mbuf *piece[MAX_FRAGMENTS], unsigned *reason)
{
	struct cut c;
	unsigned n = 1;
	*reason = DROP_TOO_BIG;
	if (!cut_plan(&c, m, l2_len, mtu))
		return 0;
	for (unsigned from = c.step; from < c.size; from += c.step)
		n++;
	*reason = DROP_NO_BUFFER;
	piece[0] = m;
	if (!alloc_all(d, piece + 1, n - 1))
		return 0;
	for (unsigned i = 1, from = c.step; i < n; i++, from += c.step)
		fill(&c, piece[i], from, c.size - from < c.step ? c.size - from : c.step);
	unsigned first = c.size < c.step ? c.size : c.step;
	seal(&c, c.l2 + c.l2_len, c.header, 0, first);
	m->data_len = (uint16_t)(c.l2_len + c.header + first);
	m->pkt_len = m->data_len;
	return n;
}

void
fragment_frame(struct worker *w, struct rte_mbuf *m, struct tx_way way)
{
	const struct gen_nic *out = &w->gen->nic[way.nic];
	struct tx_buf *t = &w->pipe->tx[out->dev];
	struct rte_mbuf *piece[MAX_FRAGMENTS];
	unsigned reason;
	unsigned n = fragment_cut(t->dev, m, out->l2_len, out->mtu, piece, &reason);
	if (n == 0) {
		refuse(w, m, way, reason);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		fragment_put(w, piece[i], i, way);
}

void
fragment_put(struct worker *w, struct rte_mbuf *m, unsigned i, struct tx_way way)
{
	if (i != 0) {
		w->stats->generated++;
		w->stats->nic[way.nic].generated++;
		way.made = true;
	}
	tx_put(w, &w->pipe->tx[w->gen->nic[way.nic].dev], m, way);
}
