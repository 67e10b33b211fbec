/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that are ours, each for one purpose: interfaces, pools, services, local addresses. */
#include <stdlib.h>

#include "model.h"

void
claim_add(struct model *m, const union addr *first, const union addr *last, uint8_t family,
          enum origin_kind kind, size_t a, size_t b)
{
	struct claim *c = rows_add(m, &m->claims);
	if (c != NULL)
		*c = (struct claim){.first = *first, .last = *last, .family = family,
			.realm = REALM_ALL, .origin = {kind, (uint32_t)a, (uint32_t)b}};
}

void
claim_nic(struct model *m, uint8_t realm, const union addr *a, uint8_t family, size_t nic, size_t i)
{
	claim_add(m, a, a, family, ORIGIN_NIC, nic, i);
	if (!m->failed)
		((struct claim *)rows_at(&m->claims, m->claims.n - 1))->realm = realm;
}

static bool
claim_is_in(const struct claim *c, uint8_t realm)
{
	return c->realm == realm || c->realm == REALM_ALL;
}

void
origin_path(struct origin o, struct config_path *path)
{
	static const char *const formats[] = {
		[ORIGIN_NIC] = "nics[%u].addresses[%u]",
		[ORIGIN_ROUTE] = "routes[%u].prefix",
		[ORIGIN_POOL] = "nat.pools[%u].addresses[%u]",
		[ORIGIN_SERVICE] = "lb.services[%u].address",
		[ORIGIN_LOCAL] = "lb.services[%u].local_addresses[%u]",
		[ORIGIN_STATIC] = "nat.static[%u].outside",
	};
	path_make(path, formats[o.kind], o.a, o.b);
}

const char *
origin_text(const struct model *m, struct origin o)
{
	const json_t *object;
	switch (o.kind) {
	case ORIGIN_NIC:
		object = json_array_get(json_object_get(m->doc, "nics"), o.a);
		return json_string_value(json_array_get(json_object_get(object, "addresses"), o.b));
	case ORIGIN_ROUTE:
		return get_text(json_array_get(json_object_get(m->doc, "routes"), o.a), "prefix");
	case ORIGIN_POOL:
		object = json_array_get(model_get(m, "nat", "pools"), o.a);
		return json_string_value(json_array_get(json_object_get(object, "addresses"), o.b));
	case ORIGIN_SERVICE:
		return get_text(json_array_get(model_get(m, "lb", "services"), o.a), "address");
	case ORIGIN_STATIC:
		return get_text(json_array_get(model_get(m, "nat", "static"), o.a), "outside");
	default:
		object = json_array_get(model_get(m, "lb", "services"), o.a);
		return json_string_value(json_array_get(json_object_get(object, "local_addresses"),
		                                        o.b));
	}
}

static int
origin_compare(const struct origin *a, const struct origin *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->a != b->a)
		return a->a < b->a ? -1 : 1;
	return a->b < b->b ? -1 : a->b > b->b;
}

static int
claim_compare(const void *x, const void *y)
{
	const struct claim *a = x, *b = y;
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	int order = addr_compare(&a->first, &b->first);
	if (order == 0) /* the wider one goes before what lies within it */
		order = addr_compare(&b->last, &a->last);
	return order != 0 ? order : origin_compare(&a->origin, &b->origin);
}

/* claim_clash: name the later of the two in the document, and say what the other is. */
static void
claim_clash(struct model *m, const struct claim *x, const struct claim *y)
{
	static const char *const purpose[] = {
		[ORIGIN_NIC] = "an address belongs to one interface",
		[ORIGIN_POOL] = "an address belongs to one pool",
		[ORIGIN_SERVICE] = "services share addresses with services only",
		[ORIGIN_LOCAL] = "services share whole lists of local addresses or none",
		[ORIGIN_STATIC] = "an endpoint has one mapping",
	};
	const struct claim *late = x, *early = y;
	struct config_path late_path, early_path;
	if (origin_compare(&x->origin, &y->origin) < 0) {
		late = y;
		early = x;
	}
	origin_path(late->origin, &late_path);
	origin_path(early->origin, &early_path);
	config_error_add(m->errs, late_path.text, "%.50s overlaps %s (%.50s); %s",
	                 origin_text(m, late->origin), early_path.text,
	                 origin_text(m, early->origin),
	                 late->origin.kind == early->origin.kind ? purpose[late->origin.kind]
	                 : "each address has one purpose");
}

/* Does the address, or the end of a range that begins no earlier, lie within? */
static bool
claim_reaches(const struct claim *c, const union addr *a, uint8_t family)
{
	return c->family == family && addr_compare(a, &c->last) <= 0;
}

/* claims_nest: prefixes of services lie within each other. */
static void
claims_nest(struct model *m)
{
	for (size_t i = 1; i < m->claims.n; i++) {
		struct claim *c = rows_at(&m->claims, i);
		c->around = (uint32_t)i;
		while (c->around != 0) {
			const struct claim *o = rows_at(&m->claims, c->around - 1);
			if (claim_reaches(o, &c->last, c->family))
				break;
			c->around = o->around;
		}
	}
}

/* may_share: of services, and of static mappings, which are compared port by port elsewhere. */
static bool
may_share(enum origin_kind a, enum origin_kind b)
{
	return a == b && (a == ORIGIN_SERVICE || a == ORIGIN_STATIC);
}

/*
 * What clashes in a realm: whoever begins before the one before him has ended. What is ours in all
 * realms clashes with its like once, not in each.
 */
static void
claims_of_realm(struct model *m, uint8_t realm)
{
	const struct claim *reach = NULL;
	for (size_t i = 0; i < m->claims.n; i++) {
		const struct claim *c = rows_at(&m->claims, i);
		if (!claim_is_in(c, realm))
			continue;
		bool is_new = realm == 0 || c->realm == realm ||
		              (reach != NULL && reach->realm == realm);
		if (is_new && reach != NULL && reach->family == c->family &&
		    addr_compare(&c->first, &reach->last) <= 0 &&
		    !may_share(c->origin.kind, reach->origin.kind))
			claim_clash(m, c, reach);
		if (reach == NULL || reach->family != c->family ||
		    addr_compare(&reach->last, &c->last) < 0)
			reach = c;
	}
}

void
model_claims(struct model *m)
{
	if (m->claims.n > 1)
		qsort(m->claims.data, m->claims.n, m->claims.size, claim_compare);
	for (size_t i = 0; i < m->realms.n; i++)
		claims_of_realm(m, (uint8_t)i);
	claims_nest(m);
}

const struct claim *
claim_find(const struct model *m, uint8_t realm, const union addr *a, uint8_t family)
{
	size_t low = 0, high = m->claims.n;
	while (low < high) { /* find the first that begins behind a */
		size_t mid = (low + high) / 2;
		const struct claim *c = rows_at(&m->claims, mid);
		if (c->family < family || (c->family == family && addr_compare(&c->first, a) <= 0))
			low = mid + 1;
		else
			high = mid;
	}
	while (low != 0) {
		const struct claim *c = rows_at(&m->claims, low - 1);
		if (claim_reaches(c, a, family) && claim_is_in(c, realm))
			return c;
		low = c->around;
	}
	return NULL;
}
