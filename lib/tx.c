/* SPDX-License-Identifier: Apache-2.0 */
/* The ends of a packet, each with its counters: drop, punt, hand-off, transmission. */
#include "tx.h"

#include "fragment.h"

static void
dead_flush(struct worker *w)
{
	struct pipeline *pipe = w->pipe;
	if (pipe->n_dead != 0)
		w->shared->devs[0].ops->free(pipe->dead, pipe->n_dead);
	pipe->n_dead = 0;
}

void
buf_free(struct worker *w, struct rte_mbuf *m)
{
	struct pipeline *pipe = w->pipe;
	if (pipe->n_dead == BURST)
		dead_flush(w);
	pipe->dead[pipe->n_dead++] = m;
}

void
buf_drop(struct worker *w, struct rte_mbuf *m, uint8_t nic, unsigned reason)
{
	w->stats->dropped[reason]++;
	w->stats->nic[nic % MAX_NICS].dropped++;
	buf_free(w, m);
}

void
generated_drop(struct worker *w, struct rte_mbuf *m, uint8_t nic)
{
	w->stats->generated--;
	w->stats->generated_lost++;
	w->stats->nic[nic].generated--;
	buf_free(w, m);
}

void
pkt_punt(struct worker *w, const struct pkt *p, enum punt punt, unsigned drop, uint16_t arg)
{
	*buf_meta(p->m) = (struct buf_meta){
		.cause = HANDOFF_PUNT, .punt = (uint8_t)punt, .nic = p->nic, .loops = p->loops,
		.arg = arg, .drop = (uint8_t)drop,
	};
	if (rte_ring_enqueue(w->shared->punt, p->m) != 0) {
		pkt_drop(w, p, DROP_PUNT_FULL);
		return;
	}
	w->stats->handed_off++;
	w->stats->handoff[HANDOFF_PUNT]++;
}

static bool
is_generated(const struct buf_meta *meta)
{
	return meta->cause == HANDOFF_TX && meta->arg != 0;
}

/* What the ring to a worker did not take. */
static void
out_refused(struct worker *w, struct rte_mbuf *m)
{
	const struct buf_meta *meta = buf_meta(m);
	if (is_generated(meta))
		generated_drop(w, m, meta->nic);
	else
		buf_drop(w, m, meta->cause == HANDOFF_TX ? NIC_NONE : meta->nic, DROP_HANDOFF_FULL);
}

static void
out_flush(struct worker *w, uint16_t to)
{
	struct out_buf *out = &w->pipe->out[to];
	uint8_t cause[BURST];
	for (unsigned i = 0; i < out->n; i++) {
		const struct buf_meta *meta = buf_meta(out->buf[i]);
		cause[i] = is_generated(meta) ? HANDOFF_MAX : meta->cause;
	}
	unsigned sent = rte_ring_enqueue_burst(w->shared->in[to], (void **)out->buf, out->n, NULL);
	for (unsigned i = 0; i < sent; i++) {
		if (cause[i] == HANDOFF_MAX)
			continue;
		w->stats->handed_off++;
		w->stats->handoff[cause[i]]++;
	}
	for (unsigned i = sent; i < out->n; i++)
		out_refused(w, out->buf[i]);
	out->n = 0;
}

static void
out_put(struct worker *w, struct rte_mbuf *m, uint16_t to)
{
	struct out_buf *out = &w->pipe->out[to];
	if (out->n == BURST)
		out_flush(w, to);
	out->buf[out->n++] = m;
}

/* A packet that was set aside has one, and a stray. */
static bool
has_stage(enum handoff_cause cause)
{
	return cause == HANDOFF_STRAY || cause == HANDOFF_FRAGMENT || cause == HANDOFF_ICMP;
}

void
pkt_handoff(struct worker *w, const struct pkt *p, uint16_t to, enum handoff_cause cause)
{
	*buf_meta(p->m) = (struct buf_meta){
		.cause = (uint8_t)cause, .nic = p->nic, .loops = p->loops,
		.arg = has_stage(cause) ? p->stage : 0,
	};
	out_put(w, p->m, to);
}

/* What the device did not take. */
static void
tx_refused(struct worker *w, struct rte_mbuf *m)
{
	const struct buf_meta *meta = buf_meta(m);
	tx_count(w->stats, meta->nic, m->data_len, -1);
	if (is_generated(meta))
		generated_drop(w, m, meta->nic);
	else
		buf_drop(w, m, meta->from, DROP_TX_FULL);
}

/* Frames of a device on which another worker has the queue. */
static void
tx_flush_via(struct worker *w, struct tx_buf *t)
{
	for (unsigned i = 0; i < t->n; i++) {
		struct rte_mbuf *m = t->buf[i];
		if (t->via == w->id) {
			tx_refused(w, m);
			continue;
		}
		tx_count(w->stats, buf_meta(m)->nic, m->data_len, -1);
		m->port = t->dev->id;
		out_put(w, m, t->via);
	}
	t->n = t->made = 0;
}

void
tx_flush_dev(struct worker *w, struct tx_buf *t)
{
	if (t->queue == TX_NO_QUEUE) {
		tx_flush_via(w, t);
		return;
	}
	unsigned sent = t->dev->ops->tx(t->dev, t->queue, t->buf, t->n);
	unsigned made = t->made;
	for (unsigned i = sent; i < t->n; i++) {
		made -= is_generated(buf_meta(t->buf[i]));
		tx_refused(w, t->buf[i]);
	}
	w->stats->forwarded += sent - made;
	t->n = t->made = 0;
}

void
tx_take_over(struct worker *w, struct rte_mbuf *m)
{
	struct buf_meta meta = *buf_meta(m);
	bool generated = meta.arg != 0;
	w->stats->taken_over += !generated;
	const struct gen_nic *out = &w->gen->nic[meta.nic % MAX_NICS];
	if (!out->valid) {
		if (generated)
			generated_drop(w, m, meta.nic % MAX_NICS);
		else
			buf_drop(w, m, NIC_NONE, DROP_NIC_UNKNOWN);
		return;
	}
	struct tx_way way = {.nic = meta.nic, .made = generated};
	if (fragment_is_needed(m, out))
		fragment_frame(w, m, way);
	else
		tx_put(w, &w->pipe->tx[out->dev], m, way);
}

void
tx_flush(struct worker *w)
{
	for (unsigned i = 0; i < w->shared->n_devs; i++) {
		if (w->pipe->tx[i].n != 0)
			tx_flush_dev(w, &w->pipe->tx[i]);
	}
	for (uint16_t i = 0; i < w->shared->n_workers; i++) {
		if (w->pipe->out[i].n != 0)
			out_flush(w, i);
	}
	dead_flush(w);
}
