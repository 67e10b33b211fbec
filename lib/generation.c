/* SPDX-License-Identifier: Apache-2.0 */
/* Generations: the data plane's copy of an image, and what it derives from it. */
#include "generation.h"

#include "mem.h"
#include "pkt.h"

static_assert((int)IMG_MAX_DEVS == (int)MAX_DEVS, "image.h repeats nic.h");
static_assert((int)IMG_MAX_NICS == (int)MAX_NICS, "image.h repeats nic.h");
static_assert((int)IMG_MAX_WORKERS == (int)MAX_WORKERS, "image.h repeats nic.h");

enum { IMAGE_ALIGN = 64 };

static size_t
own_size(void)
{
	return (sizeof(struct generation) + IMAGE_ALIGN - 1) / IMAGE_ALIGN * IMAGE_ALIGN;
}

static bool
devices_exist(const struct image_header *image, uint16_t n_devs)
{
	uint32_t n;
	const struct img_nic *nics = image_rows(image, IMG_NICS, &n);
	for (uint32_t i = 1; i < n; i++)
		if (nics[i].name[0] != 0 && nics[i].dev >= n_devs)
			return false;
	return true;
}

static void
derive_nics(struct generation *g, const struct dev *devs)
{
	bool has_limit = false;
	g->realms = 1; /* the outside is always there */
	for (unsigned i = 1; i < g->n_nics; i++) {
		const struct img_nic *n = &g->nics[i];
		struct gen_nic *out = &g->nic[i];
		if (n->name[0] == 0)
			continue; /* unused */
		memcpy(out->mac, (n->flags & IMG_NIC_MAC) != 0 ? n->mac : devs[n->dev].mac, 6);
		out->vlan_be = __builtin_bswap16(n->vlan);
		out->l2_len = n->vlan != 0 ? ETHER_LEN + VLAN_LEN : ETHER_LEN;
		out->mtu = n->mtu;
		out->dev = n->dev;
		out->realm = n->realm;
		out->valid = 1;
		g->vlan_nic[n->dev][n->vlan] = (uint8_t)i;
		g->has_realms |= n->realm != 0;
		g->realms |= 1ull << (n->realm % IMG_MAX_REALMS);
		has_limit |= n->mss[0] != 0 || n->mss[1] != 0;
	}
	pkt_arrivals(g->arrival, has_limit, g->plane->reset_is_final != 0);
}

static bool
section_equal(const struct image_header *a, const struct image_header *b, uint32_t kind,
              size_t row_size)
{
	uint32_t na, nb;
	const void *ra = image_rows(a, kind, &na), *rb = image_rows(b, kind, &nb);
	return na == nb && (na == 0 || memcmp(ra, rb, na * row_size) == 0);
}

/* Addresses of services and pools are routes too, so these sections say where packets go. */
static bool
next_hops_equal(const struct image_header *a, const struct image_header *b)
{
	return section_equal(a, b, IMG_ROUTES, sizeof(struct img_route)) &&
	       section_equal(a, b, IMG_NICS, sizeof(struct img_nic)) &&
	       section_equal(a, b, IMG_ADDRESSES, sizeof(struct img_address)) &&
	       section_equal(a, b, IMG_NEIGHBOURS, sizeof(struct img_neighbour));
}

static uint8_t
next_route_gen(const struct image_header *image, const struct generation *previous)
{
	if (previous == NULL)
		return 1;
	if (next_hops_equal(image, previous->image))
		return previous->route_gen;
	return (uint8_t)(previous->route_gen + 1);
}

static void
find_sections(struct generation *g)
{
	uint32_t n;
	g->plane = image_rows(g->image, IMG_PLANE, &n);
	g->nics = image_rows(g->image, IMG_NICS, &n);
	g->n_nics = (uint8_t)n;
	g->routes = image_rows(g->image, IMG_ROUTES, &g->n_routes);
	g->addresses = image_rows(g->image, IMG_ADDRESSES, &g->n_addresses);
	g->timers = image_rows(g->image, IMG_TIMERS, &g->n_timers);
}

/* Homes as fine as the smallest redirection table among the devices can tell them. */
static void
derive_steer(struct generation *g, const struct dev *devs, uint16_t n_devs)
{
	steer_init(&g->steer, g->plane->workers, g->plane->steer_class_bits,
	           g->plane->steer_split_blocks, g->plane->steer_block_shift);
	for (uint16_t i = 0; i < n_devs; i++)
		if (devs[i].reta_bits != 0)
			steer_coarsen(&g->steer, devs[i].reta_bits);
}

/* A table for each realm: routes are sorted by it. The outside has one, if an empty one. */
static bool
derive_routes(struct generation *g)
{
	uint32_t n = 0;
	while (n < g->n_routes && g->routes[n].realm == 0)
		n++;
	if (route_table_init(&g->route[0], g->routes, n) != 0)
		return false;
	for (uint32_t i = n; i < g->n_routes; i += n) {
		uint8_t realm = g->routes[i].realm;
		for (n = 1; i + n < g->n_routes && g->routes[i + n].realm == realm;)
			n++;
		if (route_table_init(&g->route[realm], g->routes + i, n) != 0)
			return false;
	}
	return true;
}

const struct img_route *
route_inside(const struct generation *g, uint8_t realm, const union addr *a, uint8_t family)
{
	const struct route_table *t = &g->route[realm < IMG_MAX_REALMS ? realm : 0];
	return t->top != NULL ? route_among(t, a, family) : NULL;
}

const struct img_route *
route_other(const struct generation *g, uint8_t realm, const union addr *a, uint8_t family,
            bool is_back)
{
	enum { SHARED = 1u << ROUTE_SERVICE | 1u << ROUTE_POOL | 1u << ROUTE_LB_LOCAL };
	const struct img_route *own = route_inside(g, realm, a, family);
	if (own != NULL && own->plen == addr_bits(family))
		return own;
	const struct img_route *outside = route_find(g, 0, a, family);
	if (outside != NULL && (SHARED >> outside->kind & 1) != 0 &&
	    (own == NULL || outside->plen >= own->plen))
		return outside;
	return own != NULL || is_back ? own : outside;
}

struct generation *
generation_create(const struct image_header *image, const struct dev *devs, uint16_t n_devs,
                  const struct generation *previous)
{
	if (!devices_exist(image, n_devs))
		return NULL;
	struct generation *g = mem_alloc(own_size() + image_lean_size(image, IMG_LB_SLOTS), -1);
	if (g == NULL)
		return NULL;
	g->image = image_lean(image, IMG_LB_SLOTS, (uint8_t *)g + own_size());
	g->source = image;
	g->number = image->generation;
	g->route_gen = next_route_gen(image, previous);
	g->previous = previous;
	find_sections(g);
	if (!derive_routes(g)) {
		generation_destroy(g);
		return NULL;
	}
	derive_nics(g, devs);
	derive_steer(g, devs, n_devs);
	return g;
}

void
generation_destroy(struct generation *g)
{
	if (g == NULL)
		return;
	for (unsigned i = 0; i < IMG_MAX_REALMS; i++)
		route_table_fini(&g->route[i]);
	mem_free(g, own_size() + g->image->size);
}
