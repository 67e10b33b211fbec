/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A generation: a checked image in the data plane's memory with what is derived from
 *            it at publication (VLAN to interface, interface table, route table).
 * Invariant  1. Constant once published. 2. Freed only when every worker has passed a quiescent
 *            state after its successor was published (rte_rcu_qsbr).
 * Owner      The main lcore makes, publishes and frees; workers load the pointer between bursts.
 * Limits     see lib/image.h.
 */
#ifndef MR_GENERATION_H
#define MR_GENERATION_H

#include "image.h"
#include "nic.h"
#include "route.h"
#include "steer.h"
#include "way.h"

struct gen_nic { /* what the hit path wants of an interface; 16 bytes */
	uint8_t mac[6];
	uint16_t vlan_be; /* tag in wire order, 0 untagged */
	uint16_t mtu;
	uint8_t dev;
	uint8_t realm;
	uint8_t valid;
	uint8_t l2_len; /* of the header in front of an IP packet that leaves here */
	uint8_t zero[2];
};
static_assert(sizeof(struct gen_nic) == 16, "four interfaces a line");

struct generation {
	const struct image_header *image; /* own copy, without the tables of services */
	uint64_t number;
	uint8_t route_gen;  /* grows when the next hop of some address may have changed */
	uint8_t n_nics;
	bool has_realms;    /* some interface is not of the outside */
	uint64_t realms;    /* that interfaces have, a bit each, and the outside */
	/* By flags of a TCP packet: pkt.h, pkt_arrivals. SYNs are PKT_CARE where an interface
	 * limits segments, RSTs where they are final. */
	uint32_t arrival[FIN_SYN_RST_ACK + 1];
	const struct img_plane *plane;
	const struct img_nic *nics;
	struct gen_nic nic[MAX_NICS];
	uint8_t vlan_nic[MAX_DEVS][4096]; /* interface of (device, VLAN id); 0 untagged; NIC_NONE */
	const struct img_route *routes;
	uint32_t n_routes;
	struct route_table route[IMG_MAX_REALMS]; /* of the outside, and each realm that has any */
	const struct img_address *addresses;
	uint32_t n_addresses;
	const struct timer_set *timers;
	uint32_t n_timers;
	struct steer steer;
	/* Views that policies derive, by policy number. */
	void *view[8];
	/* Ways to the owners of flows with FLOW_WAY, by owner; of a view's memory. */
	const struct way *way;
	uint32_t n_ways;
	struct way_index way_index;
	const struct generation *previous; /* while views are made; then NULL */
	const struct image_header *source; /* the same; with the tables */
};

/*
 * generation_create: copy a checked image and derive. macs: the device's own for interfaces whose
 * configuration names none. => NULL when memory runs out or a device number has no device.
 */
struct generation *generation_create(const struct image_header *image, const struct dev *devs,
                                     uint16_t n_devs, const struct generation *previous);
void generation_destroy(struct generation *g);

/* way_find: to the owner of a flow, or NULL. */
static inline const struct way *
way_find(const struct generation *g, uint32_t owner)
{
	return owner < g->n_ways && g->way[owner].kind != WAY_NONE ? &g->way[owner] : NULL;
}

static inline const struct img_route *
route_among(const struct route_table *t, const union addr *a, uint8_t family)
{
	return family == FAMILY_V4 ? route_find4(t, a->w[0]) : route_find6(t, a);
}

/*
 * route_find: longest match among the routes of a realm, or NULL: where who is in the realm is
 * reached. A number that no interface has (REALM_NAMED) stands for the outside.
 */
const struct img_route *route_inside(const struct generation *g, uint8_t realm,
                                     const union addr *a, uint8_t family);
static inline const struct img_route *
route_find(const struct generation *g, uint8_t realm, const union addr *a, uint8_t family)
{
	return __builtin_expect(realm == 0, 1) ? route_among(&g->route[0], a, family) :
	                                         route_inside(g, realm, a, family);
}

/*
 * route_from: where a packet goes that arrived in a realm: addresses that are ours in all realms
 * (services, pools, local addresses of the balancer) first, then by the realm's own routes, then by
 * the outside's. route_back: the way back to its source: the same, but never by the outside's.
 */
const struct img_route *route_other(const struct generation *g, uint8_t realm,
                                    const union addr *a, uint8_t family, bool is_back);
static inline const struct img_route *
route_from(const struct generation *g, uint8_t realm, const union addr *a, uint8_t family)
{
	return __builtin_expect(realm == 0, 1) ? route_among(&g->route[0], a, family) :
	                                         route_other(g, realm, a, family, false);
}

static inline const struct img_route *
route_back(const struct generation *g, uint8_t realm, const union addr *a, uint8_t family)
{
	return __builtin_expect(realm == 0, 1) ? route_among(&g->route[0], a, family) :
	                                         route_other(g, realm, a, family, true);
}

/* route_leads: do packets of this route (NULL: none) leave by an interface? */
static inline bool
route_leads(const struct img_route *r)
{
	return r != NULL && (r->kind == ROUTE_VIA || r->kind == ROUTE_CONNECTED);
}

/* route_nic: by which one, or NIC_NONE. */
static inline uint8_t
route_nic(const struct img_route *r)
{
	return route_leads(r) ? r->nic : NIC_NONE;
}

/* route_realm: the realm that packets of this route (NULL: none) get into. */
static inline uint8_t
route_realm(const struct generation *g, const struct img_route *r)
{
	return route_leads(r) ? g->nic[r->nic].realm : 0;
}

#endif
