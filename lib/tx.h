/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The ends of a packet: sent, dropped, handed to another context. Each packet goes
 *            through exactly one of these, and nothing else counts an end.
 * Invariant  1. Who puts a frame on a device counts nic.tx_* (taken back when the device does not
 *               take it), and `forwarded` if it is a packet that came in. Who makes a packet
 *               counts `generated` and nic.generated; who then finds that it cannot be sent takes
 *               both back and counts generated_lost. So the sum over contexts, modulo 2^64, is
 *               always sent = forwarded + generated.
 *            2. A frame for a device on which this worker has no queue goes to another worker as
 *               HANDOFF_TX with buf_meta.nic the interface it leaves by: handed_off here,
 *               taken_over and forwarded there. buf_meta.arg = 1 says that it was made, not
 *               forwarded: then only 1 holds.
 *            3. Order among frames of one device, and among buffers for one worker, is kept.
 * Owner      The worker.
 * Limits     BURST frames wait for a device or worker; the next one flushes. What a device or a
 *            ring does not take is dropped (TX_FULL, HANDOFF_FULL, PUNT_FULL), never waited for.
 */
#ifndef MR_TX_H
#define MR_TX_H

#include "pipeline.h"

/* pkt_drop: the packet ends here under a reason. buf_drop: the same for a bare buffer. */
void buf_drop(struct worker *w, struct rte_mbuf *m, uint8_t nic, unsigned reason);
static inline void
pkt_drop(struct worker *w, const struct pkt *p, unsigned reason)
{
	buf_drop(w, p->m, p->nic, reason);
}

/* generated_drop: a frame that was made, not forwarded, and cannot leave by nic. */
void generated_drop(struct worker *w, struct rte_mbuf *m, uint8_t nic);

/* buf_free: give a buffer back, counted already. */
void buf_free(struct worker *w, struct rte_mbuf *m);

/* pkt_punt: to the slow path. drop: what it counts there if it ends undelivered. */
void pkt_punt(struct worker *w, const struct pkt *p, enum punt punt, unsigned drop, uint16_t arg);

/* pkt_handoff: to a worker's ring. => p->nic and p->loops travel with it. */
void pkt_handoff(struct worker *w, const struct pkt *p, uint16_t to, enum handoff_cause cause);

/* tx_take_over: a HANDOFF_TX buffer: fragment it if it has to be, and queue it. */
void tx_take_over(struct worker *w, struct rte_mbuf *m);

/* tx_flush: everything that waits in transmit and hand-off buffers, and the dead. */
void tx_flush(struct worker *w);

void tx_flush_dev(struct worker *w, struct tx_buf *t);

/* tx_count: a frame of so many octets leaves by nic, or (-1) does not after all. */
static inline void
tx_count(struct stats *st, uint8_t nic, uint16_t size, int n)
{
	st->nic[nic].tx_packets += (uint64_t)(int64_t)n;
	st->nic[nic].tx_bytes += (uint64_t)((int64_t)n * size);
}

/* Where a frame goes and where it came from (a drop counts there); made: here, not forwarded. */
struct tx_way {
	uint8_t nic, from;
	bool made;
};

/*
 * tx_put: queue a frame and count it; inline, because every packet ends so. What has to be known of
 * it if the device does not take it stands in its buf_meta.
 */
static inline void
tx_put(struct worker *w, struct tx_buf *t, struct rte_mbuf *m, struct tx_way way)
{
	__asm__("" : "+r"(t)); /* else gcc 12 works the address out again at each use */
	if (__builtin_expect(t->n == BURST, 0))
		tx_flush_dev(w, t);
	*buf_meta(m) = (struct buf_meta){
		.cause = HANDOFF_TX, .nic = way.nic, .arg = way.made, .from = way.from,
	};
	t->buf[t->n++] = m;
	t->made += way.made;
	tx_count(w->stats, way.nic, m->data_len, 1);
}

/* An IP packet in its buffer, and its type for the L2 header. */
struct tx_ip {
	uint8_t *l3;
	uint32_t size;
	uint16_t type;
};

/*
 * tx_frame: put the L2 header in front of the IP packet and cut what is behind it. own: the first
 * octets of the interface's gen_nic, its MAC address and above that its tag.
 */
static inline __attribute__((always_inline)) void
tx_frame(struct rte_mbuf *m, struct tx_ip ip, uint64_t own, uint64_t word)
{
	bool is_tagged = own >> 48 != 0;
	uint8_t *e = ip.l3 - ETHER_LEN;
	uint16_t size = (uint16_t)(ip.size + ETHER_LEN);
	if (__builtin_expect(is_tagged, 0)) {
		e -= VLAN_LEN;
		size += VLAN_LEN;
	}
	m->data_off = (uint16_t)(e - (uint8_t *)m->buf_addr);
	m->data_len = size;
	m->pkt_len = size;
	store64(e, word);
	if (__builtin_expect(is_tagged, 0)) {
		store64(e + 6, own);
		store16(e + 12, htobe16(ETHER_VLAN));
		store16(e + 14, (uint16_t)(own >> 48));
		store16(e + 16, htobe16(ip.type));
	} else {
		store64(e + 6, own | (uint64_t)htobe16(ip.type) << 48);
	}
}

static inline __attribute__((always_inline)) void
tx_header(const struct pkt *p, const struct gen_nic *out, uint16_t type, uint64_t word)
{
	tx_frame(p->m, (struct tx_ip){p->l3, p->l3_len, type}, load64(out), word);
}

/* tx_pkt: the IP packet, by interface nic to a next hop whose word was found up. */
static inline __attribute__((always_inline)) void
tx_pkt(struct worker *w, const struct pkt *p, uint16_t type, uint8_t nic, uint64_t word)
{
	const struct gen_nic *out = &w->gen->nic[nic];
	tx_header(p, out, type, word);
	tx_put(w, &w->pipe->tx[out->dev], p->m, (struct tx_way){.nic = nic, .from = p->nic});
}

#endif
