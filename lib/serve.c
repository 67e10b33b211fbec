/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to ourselves, answered by policies. */
#include "serve.h"

#include "csum.h"
#include "hop.h"
#include "tx.h"

enum { ANSWER_TTL = 64 };

const struct policy *
serve_find(const struct worker *w, const struct pkt *p, const struct miss *m, int *home)
{
	bool is_plain = p->family == FAMILY_V4 && p->proto == IPPROTO_L4_UDP &&
	                p->l4 == IP4_LEN && (p->flags & PKT_ASIDE) == 0;
	const uint8_t *udp = p->l3 + p->l4;
	uint32_t size = is_plain ? be16toh(load16(udp + 4)) : 0;
	bool fits = size >= UDP_LEN && size <= (uint32_t)p->l3_len - p->l4; /* else: no answer */
	for (unsigned i = 0; is_plain && i < w->n_policies; i++) {
		const struct policy_ops *ops = w->policy[i].ops;
		*home = ops->serves != NULL ?
			ops->serves(w->gen, m, udp + UDP_LEN, fits ? size - UDP_LEN : 0) :
			HOME_NOT_MINE;
		if (*home != HOME_NOT_MINE)
			return &w->policy[i];
	}
	return NULL;
}

static bool
is_whole(const struct pkt *p, uint16_t size)
{
	const uint8_t *udp = p->l3 + p->l4;
	return size >= UDP_LEN && size <= p->l3_len - p->l4 &&
	       (load16(udp + 6) == 0 || csum_fold(csum_udp4(pkt_ip4(p), udp, size)) == 0xffff);
}

/* Back to where it came from, with so many octets behind the UDP header. */
static void
turn(struct pkt *p, uint16_t size)
{
	struct ip4 *h = pkt_ip4(p);
	uint8_t *udp = p->l3 + IP4_LEN;
	be32 src = h->dst;
	be16 sport = load16(udp + 2);
	size = (uint16_t)(size + UDP_LEN);
	p->l3_len = (uint16_t)(size + IP4_LEN);
	h->tos &= (uint8_t)~3;
	h->total = htobe16(p->l3_len);
	h->id = 0;
	h->frag = htobe16(IP4_DF);
	h->ttl = ANSWER_TTL;
	h->dst = h->src;
	h->src = src;
	csum_ip4_seal(h);
	store16(udp + 2, load16(udp));
	store16(udp, sport);
	store16(udp + 4, htobe16(size));
	csum_udp4_seal(h, udp, size);
}

void
serve_answer(struct worker *w, struct pkt *p, const struct policy *pol, const struct miss *m)
{
	uint8_t *udp = p->l3 + p->l4, *end = (uint8_t *)p->m->buf_addr + p->m->buf_len;
	uint16_t size = be16toh(load16(udp + 4));
	uint32_t n = 0;
	if (is_whole(p, size))
		n = pol->ops->serve(pol->state, m, udp + UDP_LEN, size - UDP_LEN,
		                    (uint32_t)(end - udp - UDP_LEN));
	if (n == 0) {
		pkt_drop(w, p, DROP_LOCAL_UNWANTED);
		return;
	}
	struct hop hop = hop_find(w, m->tuple.realm, &m->tuple.src, FAMILY_V4);
	turn(p, (uint16_t)n);
	p->m->data_len = (uint16_t)(p->l3 + p->l3_len - buf_data(p->m));
	p->m->pkt_len = p->m->data_len;
	if (hop.kind != HOP_NIC || p->l3_len > w->gen->nic[hop.nic].mtu)
		pkt_drop(w, p, DROP_NO_ROUTE);
	else
		hop_send(w, p, hop);
}
