/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to backends that see packets as clients sent them: what the modes ask for, and tunnels. */
#include <arpa/inet.h>

#include "model.h"

enum { GRE_LEN = 4, UDP_LEN = 8, IP4_LEN = 20, IP6_LEN = 40, MIN_MTU6 = 1280, MIN_PLEN4 = 8 };

/* own_port: a backend sees the service's port, and can have no other. */
static void
own_port(struct model *m, const struct img_lb_service *s, size_t at, size_t i)
{
	const struct img_lb_backend *b = rows_at(&m->backends, s->first_backend + i);
	struct config_path path;
	if (b->port == 0 || (b->port == s->port && s->port == s->port_last))
		return;
	path_make(&path, "lb.services[%zu].backends[%zu].port", at, i);
	config_error_add(m->errs, path.text, "is %u; in mode %s backends listen on the service's "
	                 "port", ntohs(b->port), lb_mode_name(s->mode));
}

/* source_read: tunnel_source, if there is one. => false: it is not. */
static bool
source_read(struct model *m, const json_t *service, size_t at, struct prefix *p)
{
	const char *text = get_text(service, "tunnel_source");
	struct config_path path;
	if (text == NULL)
		return false;
	network_parse(text, p);
	path_make(&path, "lb.services[%zu].tunnel_source", at);
	if (!addr_is_unicast(&p->address, p->family) ||
	    (p->family == FAMILY_V4 && p->plen < MIN_PLEN4))
		config_error_add(m->errs, path.text, "%s holds addresses that no host can have; "
		                 "expected unicast", text);
	return true;
}

/* spread_of: the bits beyond a prefix's length; of IPv6 the last 64 at most. */
static union addr
spread_of(const struct prefix *p)
{
	union addr last = prefix_last(p), s = {.q = {0, 0}};
	if (p->family == FAMILY_V4)
		s.w[0] = last.w[0] ^ p->address.w[0];
	else
		s.q[1] = last.q[1] ^ p->address.q[1];
	return s;
}

/* dscp_read: each value says one address, to all backends. */
static uint8_t
dscp_read(struct model *m, const struct img_lb_service *s, const json_t *service, size_t at)
{
	const json_t *dscp = json_object_get(service, "dscp");
	struct config_path path;
	path_make(&path, "lb.services[%zu].dscp", at);
	if ((dscp != NULL) != (s->mode == LB_MODE_L3DSR))
		config_error_add(m->errs, path.text, dscp == NULL ?
		                 "missing; mode l3dsr tells backends by it which address is meant" :
		                 "is of no use in mode %s; expected mode l3dsr, or none of it",
		                 lb_mode_name(s->mode));
	if (dscp == NULL || s->mode != LB_MODE_L3DSR)
		return 0;
	path_make(&path, "lb.services[%zu].address", at);
	if (s->plen != addr_bits(s->family))
		config_error_add(m->errs, path.text, "is a prefix; in mode l3dsr a DSCP says one "
		                 "address");
	path_make(&path, "lb.services[%zu].dscp", at);
	uint8_t value = (uint8_t)json_integer_value(dscp);
	for (size_t i = 0; i < m->ways.n; i++) {
		const struct model_way *w = rows_at(&m->ways, i);
		const struct img_lb_service *o = rows_at(&m->services, w->service);
		if (o == s || w->r.dscp != value || o->family != s->family ||
		    addr_equal(&o->address, &s->address))
			continue;
		config_error_add(m->errs, path.text, "lb.services[%u] says %u for another "
		                 "address; expected one of its own", w->at, value);
		break;
	}
	return value;
}

/* mtu_read: 0 or as large as a link's. */
static uint16_t
mtu_read(struct model *m, const json_t *service, size_t at)
{
	uint16_t mtu = (uint16_t)get_int(service, "tunnel_mtu");
	struct config_path path;
	path_make(&path, "lb.services[%zu].tunnel_mtu", at);
	if (mtu != 0 && mtu < IMG_MIN_MTU)
		config_error_add(m->errs, path.text, "is %u; expected 0, or %d at least", mtu,
		                 IMG_MIN_MTU);
	return mtu;
}

void
service_ways(struct model *m, const struct img_lb_service *s, const json_t *service, size_t at)
{
	struct prefix source = {.family = 0};
	struct config_path path;
	bool tunnel = lb_mode_is_tunnel(s->mode), given = source_read(m, service, at, &source);
	path_make(&path, "lb.services[%zu].tunnel_source", at);
	if (given && !tunnel)
		config_error_add(m->errs, path.text, "is of no use in mode %s; expected mode ipip, "
		                 "gre or gue, or none of it", lb_mode_name(s->mode));
	path_make(&path, "lb.services[%zu].schedule", at);
	if (lb_mode_is_way(s->mode) && s->choice.per_packet)
		config_error_add(m->errs, path.text, "is packet; mode %s expects flow: answers do "
		                 "not say whose they are", lb_mode_name(s->mode));
	uint8_t dscp = dscp_read(m, s, service, at);
	uint16_t mtu = mtu_read(m, service, at);
	for (size_t i = 0; i < s->backends && lb_mode_is_way(s->mode); i++) {
		struct model_way *w = rows_add(m, &m->ways);
		if (w == NULL)
			return;
		own_port(m, s, at, i);
		*w = (struct model_way){.service = (uint32_t)m->services.n - 1,
			.at = (uint32_t)at, .backend_at = (uint32_t)i,
			.has_source = given && tunnel, .family = source.family};
		w->r = (struct img_lb_way){.backend = s->first_backend + (uint32_t)i,
			.dscp = dscp, .port = htons((uint16_t)get_int(service, "tunnel_port")),
			.mtu = tunnel ? mtu : 0,
			.always_df = strcmp(get_text(service, "tunnel_df"), "set") == 0};
		if (!w->has_source)
			continue;
		w->r.source = source.address;
		w->r.spread = spread_of(&source);
	}
}

/* route_best: of the outside's sorted routes the longest that has the address, or NULL. */
static const struct img_route *
route_best(const struct model *m, const union addr *a, uint8_t family)
{
	for (unsigned plen = addr_bits(family) + 1; plen-- > 0;) {
		struct prefix p = {*a, family, (uint8_t)plen};
		struct prefix net = prefix_network(&p);
		size_t low = 0, high = m->routes.n;
		while (low < high) {
			size_t mid = (low + high) / 2;
			const struct img_route *r =
				&((const struct model_route *)rows_at(&m->routes, mid))->r;
			bool before = r->realm != 0 ? false :
			              r->family != family ? r->family < family :
			              r->plen != plen ? r->plen > plen :
			              addr_compare(&r->prefix, &net.address) < 0;
			low = before ? mid + 1 : low;
			high = before ? high : mid;
		}
		const struct model_route *r = low < m->routes.n ? rows_at(&m->routes, low) : NULL;
		if (r != NULL && r->r.family == family && r->r.plen == plen &&
		    addr_equal(&r->r.prefix, &net.address))
			return &r->r;
	}
	return NULL;
}

/* source_of: an address of the interface, for who names none. */
static bool
source_of(const struct model *m, uint8_t nic, uint8_t family, union addr *out)
{
	for (size_t i = 0; i < m->addresses.n; i++) {
		const struct img_address *a = rows_at(&m->addresses, i);
		if (a->nic != nic || a->family != family)
			continue;
		*out = a->address;
		return true;
	}
	return false;
}

/* way_fits: IPv6 inside needs 1280 octets (RFC 8200 section 5). */
static void
way_fits(struct model *m, const struct model_way *w, const struct img_route *r, uint8_t family)
{
	static const uint8_t shim[LB_MODE_MAX] = {[LB_MODE_GRE] = GRE_LEN,
	                                          [LB_MODE_GUE] = UDP_LEN};
	const struct img_lb_service *s = rows_at(&m->services, w->service);
	const struct img_nic *nic = rows_at(&m->nics, r->nic);
	unsigned mtu = w->r.mtu != 0 && w->r.mtu < nic->mtu ? w->r.mtu : nic->mtu;
	unsigned left = mtu - (family == FAMILY_V4 ? IP4_LEN : IP6_LEN) - shim[s->mode];
	struct config_path path;
	if (s->family != FAMILY_V6 || left >= MIN_MTU6)
		return;
	path_make(&path, "lb.services[%zu].tunnel_mtu", (size_t)w->at);
	config_error_add(m->errs, path.text, "leaves %u octets of the %u to \"%s\" for the packet "
	                 "inside; IPv6 needs %d", left, mtu, nic->name, MIN_MTU6);
}

static void
way_source(struct model *m, struct model_way *w, const struct img_route *r,
           const struct img_lb_backend *b)
{
	struct config_path path;
	path_make(&path, "lb.services[%zu].tunnel_source", (size_t)w->at);
	if (w->has_source && w->family != b->family)
		config_error_add(m->errs, path.text, "and lb.services[%u].backends[%u].address are "
		                 "of different families; expected IPv%u", w->at, w->backend_at,
		                 b->family);
	if (!w->has_source && !source_of(m, r->nic, b->family, &w->r.source) &&
	    (m->pruned == NULL || !m->pruned->nics))
		config_error_add(m->errs, path.text, "missing; interface \"%s\", which leads to "
		                 "lb.services[%u].backends[%u].address, has no IPv%u address",
		                 ((const struct img_nic *)rows_at(&m->nics, r->nic))->name, w->at,
		                 w->backend_at, b->family);
}

static void
way_finish(struct model *m, struct model_way *w)
{
	const struct img_lb_service *s = rows_at(&m->services, w->service);
	const struct img_lb_backend *b = rows_at(&m->backends, w->r.backend);
	const struct img_route *r = route_best(m, &b->address, b->family);
	struct config_path path;
	bool routed = r != NULL && (r->kind == ROUTE_VIA || r->kind == ROUTE_CONNECTED);
	path_make(&path, "lb.services[%zu].backends[%zu].address", (size_t)w->at,
	          (size_t)w->backend_at);
	if (m->pruned == NULL && !routed && claim_find(m, 0, &b->address, b->family) == NULL)
		config_error_add(m->errs, path.text, "no route leads to it; mode %s expects one",
		                 lb_mode_name(s->mode));
	else if (routed && s->mode == LB_MODE_DSR && r->kind == ROUTE_VIA && m->pruned == NULL)
		config_error_add(m->errs, path.text, "is behind a gateway; expected a neighbour, "
		                 "whose station address mode dsr writes");
	if (!routed || r->nic == 0 || !lb_mode_is_tunnel(s->mode))
		return;
	way_source(m, w, r, b);
	way_fits(m, w, r, b->family);
}

/* source_claimed: addresses of ours are for one purpose, but an interface's own may be this one. */
static void
source_claimed(struct model *m, const struct model_way *w)
{
	const struct img_lb_way *y = &w->r;
	union addr last = {.q = {y->source.q[0] | y->spread.q[0], y->source.q[1] | y->spread.q[1]}};
	struct config_path path, other;
	for (size_t i = 0; i < m->claims.n; i++) {
		const struct claim *c = rows_at(&m->claims, i);
		if (c->family != w->family || c->origin.kind == ORIGIN_NIC ||
		    addr_compare(&c->first, &last) > 0 || addr_compare(&c->last, &y->source) < 0)
			continue;
		path_make(&path, "lb.services[%zu].tunnel_source", (size_t)w->at);
		origin_path(c->origin, &other);
		config_error_add(m->errs, path.text, "overlaps %s (%.50s); each address has one "
		                 "purpose", other.text, origin_text(m, c->origin));
		return;
	}
}

void
model_ways(struct model *m)
{
	for (size_t i = 0; i < m->ways.n; i++) {
		struct model_way *w = rows_at(&m->ways, i);
		way_finish(m, w);
		if (w->has_source && w->backend_at == 0)
			source_claimed(m, w);
	}
}
