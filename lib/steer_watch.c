/* SPDX-License-Identifier: Apache-2.0 */
/* Packets that the device should have brought home: which promise was it, and what did it hash? */
#include "steer_watch.h"

enum { NO_TRAFFIC = -1 };

static_assert((int)STATS_DEVS == (int)MAX_DEVS, "stats.h repeats nic.h");
static_assert((int)STEER_TRAFFICS <= 16, "dev.steered has a bit for each");

/* The kind of traffic, when its home leaves no doubt. */
static int
traffic_of(const struct miss *m, uint16_t home)
{
	const struct steer *s = &m->gen->steer;
	const struct tuple *t = &m->tuple;
	bool v6 = t->family == FAMILY_V6;
	uint8_t kind = m->route != NULL ? m->route->kind : 0;
	bool by_port = kind == ROUTE_POOL || kind == ROUTE_LB_LOCAL;
	uint16_t to = by_port ?
		steer_worker_port(s, &t->dst, t->family, __builtin_bswap16(t->dport)) :
		steer_worker(s, &t->dst, t->family);
	bool is_source = steer_worker(s, &t->src, t->family) == home;
	if (is_source == (to == home))
		return NO_TRAFFIC;
	if (is_source && kind == ROUTE_POOL)
		return NO_TRAFFIC; /* hairpin: a rule for the pool address may have taken it */
	if (is_source && kind == ROUTE_SERVICE)
		return v6 ? STEER_CLIENT6 : STEER_CLIENT4;
	if (is_source)
		return STEER_SUBSCRIBER;
	if (kind == ROUTE_POOL)
		return STEER_POOL;
	if (kind == ROUTE_LB_LOCAL)
		return v6 ? STEER_LOCAL6 : STEER_LOCAL4;
	return v6 ? STEER_REPLY6 : STEER_REPLY4;
}

/* Not what has options or extension headers: many a NIC does not look behind them. */
static bool
is_judged(const struct pkt *p)
{
	if (p->l4 != (p->family == FAMILY_V4 ? IP4_LEN : IP6_LEN))
		return false;
	return (p->proto == IPPROTO_L4_TCP || p->proto == IPPROTO_L4_UDP) &&
	       (p->flags & (PKT_FIRST | PKT_LATER)) == 0;
}

/* Does the hash that came with the packet lead to another worker than its home? */
static bool
hash_is_wrong(const struct dev *d, const struct pkt *p, const struct miss *m, uint16_t home)
{
	if (d->reta_bits == 0 || (p->m->ol_flags & RTE_MBUF_F_RX_RSS_HASH) == 0)
		return false;
	unsigned entry = p->m->hash.rss & ((1u << d->reta_bits) - 1);
	return steer_reta(&m->gen->steer, entry, d->reta_bits) != home;
}

void
steer_watch(struct worker *w, const struct pkt *p, const struct miss *m, uint16_t home)
{
	if (p->m->port >= w->shared->n_devs || !is_judged(p))
		return;
	const struct dev *d = &w->shared->devs[p->m->port];
	uint16_t steered = atomic_load_explicit(&d->steered, memory_order_relaxed);
	if (steered == 0 || d->rx_queues == 0 || home % d->rx_queues == w->id)
		return;
	int traffic = traffic_of(m, home);
	if (traffic == NO_TRAFFIC || (steered >> traffic & 1) == 0)
		return;
	w->stats->missteered[d->id]++;
	w->stats->mishashed[d->id] += hash_is_wrong(d, p, m, home);
}
