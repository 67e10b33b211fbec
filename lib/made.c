/* SPDX-License-Identifier: Apache-2.0 */
/* Segments made by a worker. */
#include "made.h"

#include "tx.h"

bool
made_begin(struct worker *w, struct pkt *q, uint8_t nic)
{
	const struct gen_nic *out = &w->gen->nic[nic];
	struct dev *d = out->valid ? &w->shared->devs[out->dev] : NULL;
	struct rte_mbuf *m = d != NULL ? d->ops->alloc(d) : NULL;
	if (m == NULL) {
		w->stats->generated_lost++;
		return false;
	}
	m->data_off = BUF_HEADROOM + MADE_ROOM;
	q->m = m;
	q->l3 = buf_data(m);
	return true;
}

void
made_send(struct worker *w, const struct pkt *q, struct hop hop)
{
	const struct gen_nic *out = &w->gen->nic[hop.nic];
	uint64_t word = hop.kind == HOP_NIC ? nexthop_word(&w->shared->nexthops, hop.id) : 0;
	if (hop.kind != HOP_NIC || !nexthop_word_is_up(word) || q->l3_len > out->mtu) {
		w->stats->generated_lost++;
		buf_free(w, q->m);
		return;
	}
	tx_header(q, out, q->family == FAMILY_V4 ? ETHER_IP4 : ETHER_IP6, word);
	w->stats->generated++;
	w->stats->nic[hop.nic].generated++;
	tx_put(w, &w->pipe->tx[out->dev], q->m, (struct tx_way){.nic = hop.nic, .made = true});
}
