/* SPDX-License-Identifier: Apache-2.0 */
/* Routes: connected networks, static ones, and a host route for each address of ours. */
#include <endian.h>
#include <stdlib.h>

#include "model.h"

struct img_route *
route_add(struct model *m, enum route_kind kind, const struct prefix *p, uint8_t nic,
          struct origin origin)
{
	struct model_route *r = rows_add(m, &m->routes);
	if (r == NULL)
		return NULL;
	r->origin = origin;
	r->r = (struct img_route){.prefix = p->address, .family = p->family, .plen = p->plen,
	                          .kind = (uint8_t)kind, .nic = nic};
	if (kind < ROUTE_SERVICE || kind == ROUTE_BROADCAST)
		r->r.realm = nic_realm(m, nic);
	struct img_route *c = kind == ROUTE_CONNECTED ? rows_add(m, &m->connected) : NULL;
	if (c != NULL)
		*c = r->r;
	return &r->r;
}

struct img_route *
route_host(struct model *m, enum route_kind kind, const union addr *a, uint8_t family, uint8_t nic,
           struct origin origin)
{
	struct prefix p = {*a, family, (uint8_t)addr_bits(family)};
	return route_add(m, kind, &p, nic, origin);
}

void
route_broadcast(struct model *m, const struct prefix *net, uint8_t nic, struct origin origin)
{
	if (net->family != FAMILY_V4 || net->plen == 0 || net->plen > 30)
		return;
	union addr last = addr_from_v4(net->address.w[0] | htobe32(0xffffffffu >> net->plen));
	route_host(m, ROUTE_BROADCAST, &last, FAMILY_V4, nic, origin);
}

uint8_t
nic_in(const struct model *m, uint8_t realm, const union addr *a, uint8_t family, uint8_t *other)
{
	const struct img_route *best = NULL, *rival = NULL;
	for (size_t i = 0; i < m->connected.n; i++) {
		const struct img_route *r = rows_at(&m->connected, i);
		if (r->family != family || !addr_in_prefix(a, &r->prefix, r->plen) ||
		    (realm != REALM_ALL && r->realm != realm))
			continue;
		if (best == NULL || r->plen > best->plen) {
			best = r;
			rival = NULL;
		} else if (r->plen == best->plen && r->realm != best->realm) {
			rival = r;
		}
	}
	if (other != NULL)
		*other = rival == NULL ? 0 : rival->nic;
	return best == NULL ? 0 : best->nic;
}

uint8_t
nic_of(const struct model *m, const union addr *a, uint8_t family)
{
	return nic_in(m, 0, a, family, NULL);
}

bool
nic_reaches(const struct model *m, uint8_t nic, const union addr *a, uint8_t family)
{
	if (addr_is_link_local(a, family))
		return true;
	for (size_t i = 0; i < m->connected.n; i++) {
		const struct img_route *r = rows_at(&m->connected, i);
		if (r->nic == nic && r->family == family && addr_in_prefix(a, &r->prefix, r->plen))
			return true;
	}
	return false;
}

/* neighbour_nic: the interface of a gateway or neighbour, by name or by its address. */
static uint8_t
neighbour_nic(struct model *m, const json_t *object, const char *key, const char *base)
{
	struct config_path path, nic_path;
	union addr a;
	uint8_t family, nic;
	const char *text = get_text(object, key), *name = get_text(object, "nic");
	addr_parse(text, &a, &family);
	path_make(&path, "%s.%s", base, key);
	path_make(&nic_path, "%s.nic", base);
	if (name == NULL) {
		uint8_t other = 0, realm = realm_of(m, object, NULL, REALM_ALL);
		nic = addr_is_link_local(&a, family) ? 0 : nic_in(m, realm, &a, family, &other);
		if (other != 0)
			config_error_add(m->errs, path.text, "%s is in networks of several realms; "
			                 "expected the interface in \"nic\"", text);
		if (nic == 0 && (m->pruned == NULL || !m->pruned->nics))
			config_error_add(m->errs, path.text, "%s is in no connected network; "
			                 "expected a neighbour, or the interface in \"nic\" if it "
			                 "is link-local", text);
		return nic;
	}
	nic = nic_find(m, name, nic_path.text);
	if (nic != 0 && !nic_reaches(m, nic, &a, family) &&
	    (m->pruned == NULL || !m->pruned->nics))
		config_error_add(m->errs, path.text, "%s is in no network of interface \"%s\"; "
		                 "expected a neighbour there", text, name);
	return nic;
}

/* gateway_is_host: not the network or broadcast address of one of the interface's networks? */
static bool
gateway_is_host(const struct model *m, const struct img_route *r)
{
	for (size_t i = 0; i < m->addresses.n && r->family == FAMILY_V4; i++) {
		const struct img_address *a = rows_at(&m->addresses, i);
		struct prefix p = {a->address, a->family, a->plen};
		struct prefix net = prefix_network(&p);
		union addr last = prefix_last(&p);
		if (a->nic == r->nic && a->family == FAMILY_V4 && a->plen < 31 &&
		    (addr_equal(&r->gateway, &net.address) || addr_equal(&r->gateway, &last)))
			return false;
	}
	return true;
}

static void
route_gateway(struct model *m, const json_t *route, size_t i, struct img_route *r)
{
	struct config_path path;
	uint8_t family;
	path_make(&path, "routes[%zu]", i);
	addr_parse(get_text(route, "via"), &r->gateway, &family);
	path_key(&path, "via");
	if (family != r->family) {
		config_error_add(m->errs, path.text, "%s and the prefix %s are of different "
		                 "families", get_text(route, "via"), get_text(route, "prefix"));
		return;
	}
	path_make(&path, "routes[%zu]", i);
	r->nic = neighbour_nic(m, route, "via", path.text);
	r->realm = nic_realm(m, r->nic);
	path_key(&path, "via");
	const struct claim *ours = claim_find(m, r->realm, &r->gateway, family);
	if (ours != NULL)
		config_error_add(m->errs, path.text, "%s is our own address (%s); expected a "
		                 "neighbour's", get_text(route, "via"),
		                 origin_text(m, ours->origin));
	if (!gateway_is_host(m, r))
		config_error_add(m->errs, path.text, "%s is the network or broadcast address of a "
		                 "connected network; expected a neighbour's",
		                 get_text(route, "via"));
}

/*
 * route_realm: a route is for packets of its interface's realm, and for those of the one that it
 * names too. One without an interface is for those alone.
 */
static void
route_realm(struct model *m, const json_t *route, size_t i, size_t row)
{
	struct config_path path;
	struct model_route *r = rows_at(&m->routes, row);
	path_make(&path, "routes[%zu]", i);
	uint8_t realm = realm_of(m, route, path.text, r->r.realm);
	if (realm == r->r.realm)
		return;
	if (r->r.kind == ROUTE_UNREACHABLE) {
		r->r.realm = realm;
		return;
	}
	struct model_route copy = *r, *leak = rows_add(m, &m->routes);
	if (leak == NULL)
		return;
	copy.r.realm = realm;
	*leak = copy;
}

/* static_route: one of via, nic alone, unreachable. gateways: those with via, or all others? */
static void
static_route(struct model *m, const json_t *route, size_t i, bool gateways)
{
	struct prefix p;
	struct config_path path;
	bool unreachable = json_is_true(json_object_get(route, "unreachable"));
	const char *via = get_text(route, "via"), *nic = get_text(route, "nic");
	path_make(&path, "routes[%zu]", i);
	if ((via != NULL) != gateways)
		return;
	if (unreachable ? via != NULL || nic != NULL : via == NULL && nic == NULL) {
		config_error_add(m->errs, path.text, "%s; expected via (with or without nic), nic "
		                 "alone, or unreachable",
		                 unreachable ? "is unreachable and has a next hop"
		                 : "says nothing of where to");
		return;
	}
	struct origin origin = {ORIGIN_ROUTE, (uint32_t)i, 0};
	network_parse(get_text(route, "prefix"), &p);
	path_key(&path, "nic");
	enum route_kind kind = unreachable ? ROUTE_UNREACHABLE
	                       : via != NULL ? ROUTE_VIA : ROUTE_CONNECTED;
	uint8_t row = kind == ROUTE_CONNECTED ? nic_find(m, nic, path.text) : 0;
	struct img_route *r = route_add(m, kind, &p, row, origin);
	if (r != NULL && via != NULL)
		route_gateway(m, route, i, r);
	if (r != NULL)
		route_realm(m, route, i, m->routes.n - 1);
}

void
model_static_routes(struct model *m)
{
	const json_t *routes = json_object_get(m->doc, "routes");
	for (size_t i = 0; i < json_array_size(routes); i++)
		static_route(m, json_array_get(routes, i), i, false);
	for (size_t i = 0; i < json_array_size(routes); i++)
		static_route(m, json_array_get(routes, i), i, true);
}

void
model_neighbours(struct model *m)
{
	const json_t *list = json_object_get(m->doc, "neighbours"), *o;
	struct config_path path;
	size_t i;
	json_array_foreach((json_t *)list, i, o) {
		struct img_neighbour *n = rows_add(m, &m->neighbours);
		if (n == NULL)
			return;
		path_make(&path, "neighbours[%zu]", i);
		addr_parse(get_text(o, "address"), &n->address, &n->family);
		mac_parse(get_text(o, "mac"), n->mac);
		n->nic = neighbour_nic(m, o, "address", path.text);
		path_key(&path, "address");
		if (claim_find(m, nic_realm(m, n->nic), &n->address, n->family) != NULL)
			config_error_add(m->errs, path.text, "%s is our own address; expected a "
			                 "neighbour's", get_text(o, "address"));
		for (size_t j = 0; j < i; j++) {
			const struct img_neighbour *other = rows_at(&m->neighbours, j);
			if (other->nic == n->nic && other->family == n->family && n->nic != 0 &&
			    addr_equal(&other->address, &n->address))
				config_error_add(m->errs, path.text, "%s is neighbours[%zu] too; "
				                 "expected each neighbour once",
				                 get_text(o, "address"), j);
		}
	}
}

static int
route_compare(const void *x, const void *y)
{
	const struct model_route *a = x, *b = y;
	if (a->r.realm != b->r.realm)
		return a->r.realm < b->r.realm ? -1 : 1;
	if (a->r.family != b->r.family)
		return a->r.family < b->r.family ? -1 : 1;
	if (a->r.plen != b->r.plen)
		return a->r.plen > b->r.plen ? -1 : 1;
	int order = addr_compare(&a->r.prefix, &b->r.prefix);
	if (order != 0)
		return order;
	if ((a->r.kind == ROUTE_BROADCAST) != (b->r.kind == ROUTE_BROADCAST))
		return a->r.kind == ROUTE_BROADCAST ? 1 : -1;
	if (a->origin.kind != b->origin.kind)
		return a->origin.kind < b->origin.kind ? -1 : 1;
	return a->origin.a < b->origin.a ? -1 : a->origin.a > b->origin.a;
}

/* route_same: the same prefix; an interface may have several addresses in one network. */
static bool
route_same(struct model *m, const struct model_route *a, const struct model_route *b)
{
	struct config_path path, other;
	if (a->r.realm != b->r.realm || a->r.family != b->r.family || a->r.plen != b->r.plen ||
	    !addr_equal(&a->r.prefix, &b->r.prefix))
		return false;
	if (b->r.kind == ROUTE_BROADCAST) /* whatever else the document has there */
		return true;
	if (a->r.kind == b->r.kind && a->r.nic == b->r.nic && a->origin.kind == ORIGIN_NIC &&
	    b->origin.kind == ORIGIN_NIC)
		return true;
	if (a->r.kind == b->r.kind && a->r.nic == b->r.nic && a->r.kind == ROUTE_CONNECTED)
		return true; /* a network of ours that another realm gets too */
	/* Two addresses of ours: model_claims has said so. */
	if (a->origin.kind != ORIGIN_ROUTE && b->origin.kind != ORIGIN_ROUTE &&
	    b->r.kind != ROUTE_CONNECTED)
		return true;
	origin_path(a->origin, &other);
	origin_path(b->origin, &path);
	config_error_add(m->errs, path.text, "%.50s leads elsewhere than %s (%.50s); expected one "
	                 "route to a network", origin_text(m, b->origin), other.text,
	                 origin_text(m, a->origin));
	return true;
}

/* model_routes: sort, and keep the first of each prefix. */
void
model_routes(struct model *m)
{
	size_t kept = 0;
	if (m->routes.n > 1)
		qsort(m->routes.data, m->routes.n, m->routes.size, route_compare);
	for (size_t i = 0; i < m->routes.n; i++) {
		struct model_route *r = rows_at(&m->routes, i);
		if (kept > 0 && route_same(m, rows_at(&m->routes, kept - 1), r))
			continue;
		*(struct model_route *)rows_at(&m->routes, kept++) = *r;
	}
	m->routes.n = kept;
}
