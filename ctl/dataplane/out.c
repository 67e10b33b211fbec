/* SPDX-License-Identifier: Apache-2.0 */
/* Frames leave the slow path: header, ring, count. */
#include "out.h"

#include "own.h"

struct rte_mbuf *
out_alloc(struct slow *s, uint8_t nic)
{
	const struct gen_nic *n = &s->gen->nic[nic];
	struct dev *d = n->valid ? &s->shared->devs[n->dev] : NULL;
	struct rte_mbuf *m = d != NULL ? d->ops->alloc(d) : NULL;
	if (m == NULL) {
		s->stats->generated_lost++;
		return NULL;
	}
	m->port = d->id;
	m->data_off = BUF_HEADROOM + 32;
	m->data_len = 0;
	m->pkt_len = 0;
	*buf_meta(m) = (struct buf_meta){.nic = nic};
	return m;
}

void
out_free(struct slow *s, struct rte_mbuf *m)
{
	unsigned dev = m->port < s->shared->n_devs ? m->port : 0;
	s->shared->devs[dev].ops->free(&m, 1);
}

void
out_lost(struct slow *s, struct rte_mbuf *m)
{
	s->stats->generated_lost++;
	out_free(s, m);
}

/* The Ethernet header of an interface before m's data; of any type, which the workers' is not. */
static void
l2_write(struct rte_mbuf *m, const struct gen_nic *n, const uint8_t mac[6], uint16_t type)
{
	uint16_t size = n->l2_len;
	m->data_off = (uint16_t)(m->data_off - size);
	m->data_len = (uint16_t)(m->data_len + size);
	m->pkt_len = m->data_len;
	uint8_t *d = buf_data(m);
	memcpy(d, mac, 6);
	memcpy(d + 6, n->mac, 6);
	store16(d + size - 2, htobe16(type));
	if (n->vlan_be == 0)
		return;
	store16(d + 12, htobe16(ETHER_VLAN));
	store16(d + 14, n->vlan_be);
}

/* Packets to one station take one worker's queue, so that they stay in order. */
static unsigned
worker_for(const struct slow *s, const uint8_t mac[6])
{
	return (unsigned)(mac[4] ^ mac[5]) % s->shared->n_workers;
}

bool
out_frame(struct slow *s, struct rte_mbuf *m, uint8_t nic, const uint8_t mac[6],
          uint16_t ether_type, bool made_here)
{
	const struct gen_nic *n = &s->gen->nic[nic];
	if (nic >= MAX_NICS || !n->valid || m->data_off < ETHER_LEN + VLAN_LEN)
		return false;
	struct buf_meta meta = *buf_meta(m);
	uint16_t off = m->data_off, size = m->data_len, port = m->port;
	l2_write(m, n, mac, ether_type);
	m->port = n->dev;
	*buf_meta(m) = (struct buf_meta){.cause = HANDOFF_TX, .nic = nic, .arg = made_here};
	if (rte_ring_mp_enqueue(s->shared->in[worker_for(s, mac)], m) != 0) {
		*buf_meta(m) = meta;
		m->port = port;
		m->data_off = off;
		m->data_len = size;
		m->pkt_len = size;
		return false;
	}
	if (made_here) {
		s->stats->generated++;
		s->stats->nic[nic].generated++;
	} else {
		s->stats->handed_off++;
		s->stats->handoff[HANDOFF_TX]++;
	}
	return true;
}

void
out_made(struct slow *s, struct rte_mbuf *m, uint8_t nic, const uint8_t mac[6],
         uint16_t ether_type)
{
	if (!out_frame(s, m, nic, mac, ether_type, true))
		out_lost(s, m);
}

/* A frame made here, to a worker as if it had come to us. */
static void
enter(struct slow *s, struct rte_mbuf *m, struct buf_meta meta)
{
	*buf_meta(m) = meta;
	if (rte_ring_mp_enqueue(s->shared->in[worker_for(s, buf_data(m))], m) != 0) {
		out_lost(s, m);
		return;
	}
	s->stats->received++;
	s->stats->handed_off++;
	s->stats->handoff[meta.cause]++;
}

void
out_enter(struct slow *s, struct rte_mbuf *m, uint8_t nic, uint8_t family)
{
	const struct gen_nic *n = &s->gen->nic[nic];
	l2_write(m, n, n->mac, family == FAMILY_V4 ? ETHER_IP4 : ETHER_IP6);
	m->port = n->dev;
	enter(s, m, (struct buf_meta){.cause = HANDOFF_HOME, .nic = nic});
}

void
out_loop(struct slow *s, struct rte_mbuf *m, uint8_t nic, uint8_t family)
{
	l2_write(m, &s->gen->nic[nic], s->gen->nic[nic].mac,
	         family == FAMILY_V4 ? ETHER_IP4 : ETHER_IP6);
	enter(s, m, (struct buf_meta){.cause = HANDOFF_HAIRPIN, .nic = NIC_NONE, .loops = 1});
}

uint8_t
out_route(const struct slow *s, uint8_t realm, const union addr *dst, uint8_t family,
          union addr *hop)
{
	const struct img_route *r = route_find(s->gen, realm, dst, family);
	uint8_t nic = route_nic(r);
	if (nic != NIC_NONE)
		*hop = r->kind == ROUTE_VIA ? r->gateway : *dst;
	return nic;
}

void
out_packet(struct slow *s, struct rte_mbuf *m, uint8_t family, const union addr *dst)
{
	union addr hop = *dst;
	bool on_link = family == FAMILY_V6 && addr_is_link_local(dst);
	uint8_t from = buf_meta(m)->nic, realm = s->gen->nic[from % MAX_NICS].realm;
	uint8_t nic = on_link ? from : out_route(s, realm, dst, family, &hop);
	if (nic == NIC_NONE || m->data_len > s->gen->nic[nic].mtu ||
	    neighbour_output(s, m, nic, family, &hop, true) != SLOW_TAKEN)
		out_lost(s, m);
}
