/* SPDX-License-Identifier: Apache-2.0 */
/* Path MTU Discovery of ways, as the main lcore hears of it. */
#include "way_mtu_input.h"

#include "lib/way_index.h"

enum { MS = 1000000, QUOTED4 = IP4_LEN + 8, QUOTED6 = IP6_LEN + 8 };

static uint32_t
now_ms(const struct slow *s)
{
	return (uint32_t)(s->now_ns / MS);
}

/* Octets of the packet that is quoted, as its own header says. */
static uint32_t
size_of(const uint8_t *l3, uint8_t family)
{
	return family == FAMILY_V4 ? be16toh(((const struct ip4 *)l3)->total) :
	       IP6_LEN + be16toh(((const struct ip6 *)l3)->payload);
}

int
way_mtu_input(struct slow *s, struct rte_mbuf *m)
{
	struct packet p;
	if (!packet_view(m, &p))
		return DROP_IP_HEADER;
	uint32_t least = p.family == FAMILY_V4 ? QUOTED4 : QUOTED6;
	if (p.l4_size < ICMP_LEN + least)
		return DROP_ICMP_INNER;
	const uint8_t *quoted = p.l4 + ICMP_LEN;
	const struct way *y = way_by_outer(s->gen, quoted, p.l4_size - ICMP_LEN);
	uint32_t field = be32toh(load32(p.l4 + 4)), size = size_of(quoted, p.family);
	uint32_t mtu = way_mtu_said(p.family == FAMILY_V4 ? field & 0xffff : field, size);
	if (y == NULL || mtu >= size) {
		s->stats->way_mtus_ignored++;
		return DROP_ICMP_NO_FLOW;
	}
	s->stats->way_mtus_learnt += way_mtu_learn(&s->shared->way_mtus, &y->to, y->family, mtu,
	                                           now_ms(s));
	return SLOW_CONSUMED;
}

void
way_mtu_turn(struct slow *s)
{
	struct way_mtus *t = &s->shared->way_mtus;
	way_mtu_tick(t, now_ms(s));
	s->stats->way_mtus = t->used;
	s->stats->way_mtus_early = t->early;
}

uint64_t
way_mtu_due(const struct slow *s)
{
	const struct way_mtus *t = &s->shared->way_mtus;
	int32_t left = (int32_t)(t->due_ms - now_ms(s));
	return t->used == 0 ? UINT64_MAX : s->now_ns + (left > 0 ? (uint64_t)left * MS : 0);
}
