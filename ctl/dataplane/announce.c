/* SPDX-License-Identifier: Apache-2.0 */
/* Gratuitous ARP and unsolicited advertisements for addresses that are new here. */
#include "announce.h"

#include "arp.h"
#include "nd.h"
#include "own.h"
#include "slow.h"

#define TICK_NS ((uint64_t)ANNOUNCE_BURST * 1000000000 / ANNOUNCE_RATE)
#define DEFEND_NS ((uint64_t)10000000000) /* DEFEND_INTERVAL of RFC 5227 */

static bool
is_new(const struct slow *s, const struct generation *previous, uint8_t nic, uint8_t family,
       const union addr *a)
{
	return previous == NULL || own_kind(previous, nic, family, a) == 0 ||
	       memcmp(&previous->nic[nic], &s->gen->nic[nic], sizeof(struct gen_nic)) != 0;
}

static void
list_add(struct slow *s, const struct generation *previous, uint8_t nic, uint8_t family,
         const union addr *a)
{
	struct announce *an = &s->announce;
	if (nic == NIC_NONE || an->n == ANNOUNCE_MAX || !is_new(s, previous, nic, family, a))
		return;
	an->list[an->n++] = (struct announcement){.address = *a, .family = family, .nic = nic};
}

void
announce_reload(struct slow *s, const struct generation *previous)
{
	const struct generation *g = s->gen;
	s->announce.n = s->announce.next = 0;
	s->announce.due_ns = s->now_ns;
	for (uint32_t i = 0; i < g->n_routes; i++) {
		const struct img_route *r = &g->routes[i];
		if (r->plen != addr_bits(r->family) || r->kind < ROUTE_LOCAL ||
		    r->kind > ROUTE_LB_LOCAL)
			continue;
		uint8_t nic = r->kind == ROUTE_LOCAL ? r->nic :
			own_link(g, 0, r->family, &r->prefix);
		list_add(s, previous, nic, r->family, &r->prefix);
	}
}

uint32_t
announce_tick(struct slow *s)
{
	struct announce *an = &s->announce;
	uint32_t sent = 0;
	if (s->derive_mac || s->now_ns < announce_due(s))
		return 0;
	for (; sent < ANNOUNCE_BURST && an->next < an->n; sent++, an->next++) {
		const struct announcement *a = &an->list[an->next];
		if (a->family == FAMILY_V4)
			arp_announce(s, a->nic, &a->address);
		else
			nd_announce(s, a->nic, &a->address);
	}
	an->due_ns = s->now_ns + TICK_NS;
	return sent;
}

uint64_t
announce_due(const struct slow *s)
{
	return s->derive_mac || s->announce.next == s->announce.n ? UINT64_MAX : s->announce.due_ns;
}

void
announce_defend(struct slow *s, uint8_t nic, const union addr *a)
{
	if (s->derive_mac || s->now_ns < s->announce.defend_ns)
		return;
	s->announce.defend_ns = s->now_ns + DEFEND_NS;
	arp_announce(s, nic, a);
}
