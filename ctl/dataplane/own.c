/* SPDX-License-Identifier: Apache-2.0 */
/* Our own addresses. */
#include "own.h"

#include <endian.h>

union addr
own_link_local(const struct gen_nic *n)
{
	return (union addr){.b = {0xfe, 0x80, [8] = n->mac[0] ^ 2, n->mac[1], n->mac[2], 0xff, 0xfe,
	                          n->mac[3], n->mac[4], n->mac[5]}};
}

unsigned
own_kind(const struct generation *g, uint8_t nic, uint8_t family, const union addr *a)
{
	if (family == FAMILY_V6 && addr_is_link_local(a)) {
		union addr own = own_link_local(&g->nic[nic]);
		if (addr_equal(a, &own))
			return ROUTE_LOCAL;
	}
	const struct img_route *r = route_from(g, g->nic[nic].realm, a, family);
	if (r == NULL || (r->plen != addr_bits(family) && r->kind != ROUTE_SERVICE))
		return 0;
	switch (r->kind) {
	case ROUTE_LOCAL:
		return r->nic == nic ? ROUTE_LOCAL : 0;
	case ROUTE_SERVICE:
	case ROUTE_POOL:
	case ROUTE_LB_LOCAL:
		return r->kind;
	default:
		return 0;
	}
}

bool
own_source(const struct generation *g, uint8_t nic, uint8_t family, const union addr *to,
           union addr *out)
{
	const struct img_address *best = NULL;
	for (uint32_t i = 0; i < g->n_addresses; i++) {
		const struct img_address *a = &g->addresses[i];
		if (a->nic != nic || a->family != family)
			continue;
		if (best == NULL || addr_in_prefix(to, &a->address, a->plen))
			best = a;
		if (addr_in_prefix(to, &a->address, a->plen))
			break;
	}
	bool link_local = family == FAMILY_V6 && (best == NULL || addr_is_link_local(to));
	if (best == NULL && !link_local)
		return false;
	*out = link_local ? own_link_local(&g->nic[nic]) : best->address;
	return true;
}

/* How close to an interface is another one? Other realms' addresses are nobody's business. */
static unsigned
closeness(const struct generation *g, uint8_t other, uint8_t nic)
{
	if (other == nic)
		return 3;
	return g->nic[other].realm == g->nic[nic].realm ? 2 : g->nic[other].realm == 0;
}

bool
own_any(const struct generation *g, uint8_t nic, uint8_t family, union addr *out)
{
	const struct img_address *found = NULL;
	for (uint32_t i = 0; i < g->n_addresses; i++) {
		const struct img_address *a = &g->addresses[i];
		if (a->family != family || closeness(g, a->nic, nic) == 0)
			continue;
		if (found == NULL || closeness(g, a->nic, nic) > closeness(g, found->nic, nic))
			found = a;
	}
	if (found != NULL)
		*out = found->address;
	return found != NULL;
}

uint8_t
own_first(const struct generation *g, uint8_t family)
{
	for (uint32_t i = 0; i < g->n_addresses; i++)
		if (g->addresses[i].family == family)
			return g->addresses[i].nic;
	return NIC_NONE;
}

uint8_t
own_link(const struct generation *g, uint8_t realm, uint8_t family, const union addr *a)
{
	const struct img_address *best = NULL;
	for (uint32_t i = 0; i < g->n_addresses; i++) {
		const struct img_address *o = &g->addresses[i];
		if (o->family == family && g->nic[o->nic].realm == realm &&
		    addr_in_prefix(a, &o->address, o->plen) &&
		    (best == NULL || o->plen > best->plen))
			best = o;
	}
	return best != NULL ? best->nic : NIC_NONE;
}

bool
own_is_broadcast(const struct generation *g, uint8_t realm, const union addr *a)
{
	if (a->w[0] == 0xffffffff)
		return true;
	for (uint32_t i = 0; i < g->n_addresses; i++) {
		const struct img_address *o = &g->addresses[i];
		if (o->family != FAMILY_V4 || o->plen > 30 || g->nic[o->nic].realm != realm)
			continue;
		be32 host = htobe32(o->plen != 0 ? 0xffffffffu >> o->plen : 0xffffffffu);
		if (((a->w[0] ^ o->address.w[0]) & ~host) == 0 && (a->w[0] & host) == host)
			return true;
	}
	return false;
}
