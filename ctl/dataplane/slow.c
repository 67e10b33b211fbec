/* SPDX-License-Identifier: Apache-2.0 */
/* The slow path's turn: take what was punted, share out, count each packet's one end. */
#include "slow.h"

#include <stdlib.h>

#include "arp.h"
#include "icmp_make.h"
#include "local.h"
#include "out.h"
#include "reset_make.h"
#include "way_mtu_input.h"

struct slow *
slow_create(struct shared *shared, uint8_t derive_mac)
{
	struct slow *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->shared = shared;
	s->stats = stats_context(shared->stats, 0);
	s->derive_mac = derive_mac;
	s->neighbours = neighbours_create();
	s->announce.list = calloc(ANNOUNCE_MAX, sizeof(*s->announce.list));
	if (s->neighbours != NULL && s->announce.list != NULL)
		return s;
	slow_destroy(s);
	return NULL;
}

void
slow_destroy(struct slow *s)
{
	if (s == NULL)
		return;
	neighbours_destroy(s);
	free(s->announce.list);
	free(s);
}

void
slow_reload(struct slow *s, const struct generation *gen, uint64_t now_ns)
{
	const struct generation *previous = s->gen;
	s->gen = gen;
	s->now_ns = now_ns;
	ratelimit_set(&s->icmp, gen->plane->icmp_rate_pps, gen->plane->icmp_burst);
	neighbours_reload(s, previous);
	announce_reload(s, previous);
	pcp_announce_reload(s);
	s->stats->generation = gen->number;
}

void
slow_drop(struct slow *s, struct rte_mbuf *m, unsigned reason)
{
	s->stats->dropped[reason]++;
	s->stats->nic[buf_meta(m)->nic].dropped++;
	out_free(s, m);
}

/* A packet that a worker could not forward: tell its sender. => the reason it is dropped for. */
static int
input_error(struct slow *s, struct rte_mbuf *m, const struct buf_meta *meta)
{
	struct packet p;
	if (!packet_view(m, &p))
		return DROP_IP_HEADER;
	switch (meta->punt) {
	case PUNT_TTL:
		icmp_make_time_exceeded(s, &p);
		break;
	case PUNT_TOO_BIG:
		icmp_make_too_big(s, &p, meta->arg);
		break;
	case PUNT_RESET:
		reset_make(s, &p);
		break;
	case PUNT_NO_ROUTE:
		icmp_make_unreachable(s, &p, UNREACH_NET);
		break;
	default:
		icmp_make_unreachable(s, &p, (uint8_t)meta->arg);
	}
	return meta->drop < DROP_MAX ? meta->drop : DROP_NO_ROUTE;
}

/* A packet whose next hop nobody knows yet, on the interface that its worker named. */
static int
input_neighbour(struct slow *s, struct rte_mbuf *m)
{
	struct packet p;
	union addr hop;
	if (!packet_view(m, &p))
		return DROP_IP_HEADER;
	uint16_t out = buf_meta(m)->arg;
	uint8_t realm = s->gen->nic[out % MAX_NICS].realm;
	uint8_t nic = out_route(s, realm, &p.dst, p.family, &hop);
	if (nic == NIC_NONE)
		return DROP_NO_ROUTE;
	packet_pull(&p);
	return neighbour_output(s, m, nic, p.family, &hop, false);
}

/* The same of a flow with a way of its own, which the frame does not say. */
static int
input_way(struct slow *s, struct rte_mbuf *m, uint16_t owner)
{
	const struct way *y = way_find(s->gen, owner);
	struct packet p;
	union addr hop;
	if (y == NULL || !packet_view(m, &p))
		return DROP_NO_NEIGHBOUR;
	uint8_t nic = out_route(s, 0, &y->to, y->family, &hop);
	if (nic == NIC_NONE)
		return DROP_NO_ROUTE;
	packet_pull(&p);
	return neighbour_output(s, m, nic, y->family, &hop, false);
}

static int
input(struct slow *s, struct rte_mbuf *m, const struct buf_meta *meta)
{
	switch (meta->punt) {
	case PUNT_ARP:
		return arp_input(s, m);
	case PUNT_LOCAL:
		return local_input(s, m);
	case PUNT_NEIGHBOUR:
		return input_neighbour(s, m);
	case PUNT_WAY:
		return input_way(s, m, meta->arg);
	case PUNT_WAY_MTU:
		return way_mtu_input(s, m);
	default:
		return input_error(s, m, meta);
	}
}

static void
input_count(struct slow *s, struct rte_mbuf *m)
{
	struct buf_meta meta = *buf_meta(m);
	s->stats->taken_over++;
	int end = input(s, m, &meta);
	if (end == SLOW_TAKEN)
		return;
	if (end >= 0) {
		slow_drop(s, m, (unsigned)end);
		return;
	}
	s->stats->consumed++;
	s->stats->nic[meta.nic].consumed++;
	if (end == SLOW_CONSUMED)
		out_free(s, m);
}

uint32_t
slow_poll(struct slow *s, uint64_t now_ns)
{
	struct rte_mbuf *m[SLOW_BURST];
	s->now_ns = now_ns;
	s->stats->now_ns = now_ns;
	unsigned n = rte_ring_sc_dequeue_burst(s->shared->punt, (void **)m, SLOW_BURST, NULL);
	for (unsigned i = 0; i < n; i++)
		input_count(s, m[i]);
	neighbour_tick(s);
	way_mtu_turn(s);
	return n + announce_tick(s) + pcp_announce_tick(s);
}

uint64_t
slow_next_timer(const struct slow *s)
{
	uint64_t due[] = {
		neighbour_due(s), announce_due(s), way_mtu_due(s), pcp_announce_due(s),
	};
	uint64_t first = UINT64_MAX;
	for (unsigned i = 0; i < sizeof(due) / sizeof(due[0]); i++)
		first = due[i] < first ? due[i] : first;
	return first;
}
