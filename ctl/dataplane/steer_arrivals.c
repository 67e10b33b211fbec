/* SPDX-License-Identifier: Apache-2.0 */
/* Where subscribers, clients, and replies to us arrive. */
#include "steer_arrivals.h"

#include "lb/lb_image.h"
#include "nat/nat_image.h"

/* Sets of interfaces. */
struct ways {
	uint64_t default4, default6; /* that default routes lead to */
	uint64_t via4, via6;         /* that lead to gateways */
	uint64_t link4, link6;       /* with a network of their own */
};

static uint64_t
bit(uint8_t nic)
{
	return nic < MAX_NICS && nic != NIC_NONE ? 1ull << nic : 0;
}

static void
ways_find(struct ways *w, const struct generation *g)
{
	*w = (struct ways){0};
	for (uint32_t i = 0; i < g->n_routes; i++) {
		const struct img_route *r = &g->routes[i];
		bool v4 = r->family == FAMILY_V4;
		if (!route_leads(r))
			continue;
		if (r->plen == 0)
			*(v4 ? &w->default4 : &w->default6) |= bit(r->nic);
		if (r->kind == ROUTE_VIA)
			*(v4 ? &w->via4 : &w->via6) |= bit(r->nic);
		else
			*(v4 ? &w->link4 : &w->link6) |= bit(r->nic);
	}
}

static void
mark(struct steer_arrivals *a, uint64_t nics, enum steer_traffic traffic)
{
	for (unsigned i = 1; i < MAX_NICS; i++)
		if ((nics >> i & 1) != 0)
			a->traffic[i] |= (uint16_t)(1u << traffic);
}

uint8_t
steer_nic_of(const struct generation *g, const union addr *address, uint8_t family)
{
	const struct img_route *r = route_find(g, 0, address, family);
	return route_nic(r);
}

/* The interfaces behind which the sources of a rule that names none are. */
static uint64_t
rule_nics(const struct generation *g, const struct ways *w, const struct img_nat_rule *rule)
{
	union addr source = addr_from_v4(rule->source);
	uint64_t nics = 0;
	for (uint32_t i = 0; i < g->n_routes; i++) {
		const struct img_route *r = &g->routes[i];
		if (r->family != FAMILY_V4 || r->plen == 0 || !route_leads(r))
			continue;
		unsigned common = r->plen < rule->plen ? r->plen : rule->plen;
		if (addr_in_prefix(&source, &r->prefix, common))
			nics |= bit(r->nic);
	}
	return nics != 0 ? nics : w->default4;
}

static uint64_t
subscribers(const struct generation *g, const struct ways *w)
{
	uint32_t n;
	const struct img_nat_rule *rule = image_rows(g->image, IMG_NAT_RULES, &n);
	uint64_t nics = 0;
	for (uint32_t i = 0; i < n; i++)
		nics |= rule[i].nic != NIC_NONE ? bit(rule[i].nic) : rule_nics(g, w, &rule[i]);
	return nics;
}

/* The first set that has any. */
static uint64_t
first_of(uint64_t a, uint64_t b, uint64_t c)
{
	return a != 0 ? a : b != 0 ? b : c;
}

struct farm {
	uint64_t reply[2], local[2]; /* interfaces towards backends of both modes, by family */
	uint64_t silent[2];          /* towards those that answer past us */
	bool has_service[2];
};

static void
farm_find(struct farm *f, const struct generation *g)
{
	uint32_t n;
	const struct img_lb_service *s = image_rows(g->image, IMG_LB_SERVICES, &n);
	const struct img_lb_backend *b = image_rows(g->image, IMG_LB_BACKENDS, &n);
	*f = (struct farm){{0}, {0}, {0}, {0}};
	for (uint32_t i = 0; i < n; i++) {
		unsigned v6 = b[i].family == FAMILY_V6;
		uint64_t nic = bit(steer_nic_of(g, &b[i].address, b[i].family));
		uint8_t mode = s[b[i].service].mode;
		*(lb_mode_is_way(mode) ? &f->silent[v6] :
		  mode == LB_MODE_FULLNAT ? &f->local[v6] : &f->reply[v6]) |= nic;
		f->has_service[s[b[i].service].family == FAMILY_V6] = true;
	}
}

/* Clients come by the ways out; without any, by networks of our own other than the backends'. */
static uint64_t
clients(const struct farm *f, unsigned v6, uint64_t def, uint64_t via, uint64_t link)
{
	uint64_t farm = f->reply[v6] | f->local[v6] | f->silent[v6];
	return def | (via & ~farm) | (def == 0 && (via & ~farm) == 0 ?
	                              first_of(link & ~farm, link, 0) : 0);
}

void
steer_arrivals_find(struct steer_arrivals *a, const struct generation *g)
{
	struct ways w;
	struct farm f;
	uint32_t pools;
	*a = (struct steer_arrivals){{0}};
	ways_find(&w, g);
	farm_find(&f, g);
	uint64_t inside = subscribers(g, &w);
	image_rows(g->image, IMG_NAT_ADDRESSES, &pools);
	mark(a, inside, STEER_SUBSCRIBER);
	if (pools != 0)
		mark(a, first_of(w.default4 | (w.via4 & ~inside), w.link4 & ~inside, w.link4),
		     STEER_POOL);
	for (unsigned v6 = 0; v6 < 2; v6++) {
		mark(a, f.reply[v6], v6 ? STEER_REPLY6 : STEER_REPLY4);
		mark(a, f.local[v6], v6 ? STEER_LOCAL6 : STEER_LOCAL4);
	}
	if (f.has_service[0])
		mark(a, clients(&f, 0, w.default4, w.via4 & ~inside, w.link4 & ~inside),
		     STEER_CLIENT4);
	if (f.has_service[1])
		mark(a, clients(&f, 1, w.default6, w.via6, w.link6), STEER_CLIENT6);
}
