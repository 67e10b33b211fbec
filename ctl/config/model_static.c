/* SPDX-License-Identifier: Apache-2.0 */
/* Static mappings: entries of the document to intervals of endpoints, and what clashes. */
#include <endian.h>
#include <stdlib.h>

#include "model.h"
#include "nat/deterministic.h"
#include "nat/static.h"

/* An entry with its two sides, in numbers. */
struct entry {
	size_t number;
	uint32_t inside, outside, addresses; /* host order */
	uint16_t inside_port, outside_port, ports; /* 0 ports: all, as they are */
	uint8_t realm, nic, inbound;
};

static void
entry_path(struct config_path *path, size_t i, const char *key)
{
	path_make(path, "nat.static[%zu]", i);
	path_key(path, key);
}

/* One interval; the last one that fits is the last one that is made. */
static void
row_add(struct model *m, const struct entry *e, uint32_t n, uint32_t addresses, uint8_t proto,
        uint16_t ports)
{
	struct model_static *s = rows_add(m, &m->statics);
	if (s == NULL)
		return;
	be16 in = htobe16(ports != 0 ? e->inside_port : 0);
	be16 out = htobe16(ports != 0 ? e->outside_port : 0);
	uint64_t size = ports != 0 ? ports : proto == 0 ? (uint64_t)addresses << 24 : 65536;
	s->origin = e->number;
	s->r = (struct img_nat_static){
		.inside_first = static_key(e->realm, htobe32(e->inside + n), proto, in),
		.outside_first = static_key(0, htobe32(e->outside + n), proto, out),
		.nic = e->nic, .inbound = e->inbound,
	};
	s->r.inside_last = s->r.inside_first + size - 1;
}

static void
entry_rows(struct model *m, const struct entry *e, const char *protocol)
{
	static const struct { const char *word; uint8_t proto; } words[] = {
		{"icmp", 1}, {"tcp", 6}, {"udp", 17},
	};
	bool any = strcmp(protocol, "any") == 0;
	if (any && e->ports == 0) {
		row_add(m, e, 0, e->addresses, 0, 0);
		return;
	}
	for (uint32_t n = 0; n < e->addresses && !m->failed; n++)
		for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
			if (any ? words[k].proto != 1 : strcmp(words[k].word, protocol) == 0)
				row_add(m, e, n, 1, words[k].proto, e->ports);
}

/* Both sides have as many ports; the outside ones are the inside ones if nothing else is said. */
static bool
entry_ports(struct model *m, const json_t *o, struct entry *e, const char *protocol)
{
	const char *in = get_text(o, "inside_ports"), *out = get_text(o, "outside_ports");
	struct config_path path;
	uint16_t last, out_last;
	entry_path(&path, e->number, in == NULL ? "outside_ports" : "inside_ports");
	if (in == NULL && out == NULL)
		return true;
	if (in == NULL || strcmp(protocol, "icmp") == 0) {
		config_error_add(m->errs, path.text, in == NULL ?
		                 "stands alone; expected inside_ports beside it" :
		                 "is of no use for icmp; expected tcp, udp or any");
		return false;
	}
	ports_parse(in, &e->inside_port, &last);
	ports_parse(out != NULL ? out : in, &e->outside_port, &out_last);
	e->ports = (uint16_t)(last - e->inside_port + 1);
	entry_path(&path, e->number, "outside_ports");
	if (out_last - e->outside_port == last - e->inside_port)
		return true;
	config_error_add(m->errs, path.text, "%s has %u ports, inside_ports %u; expected as many",
	                 out, out_last - e->outside_port + 1u, e->ports);
	return false;
}

static bool
entry_unicast(struct model *m, const struct entry *e, const char *key, uint32_t first)
{
	union addr a = v4_from_host(first), b = v4_from_host(first + e->addresses - 1);
	struct config_path path;
	entry_path(&path, e->number, key);
	if (addr_is_unicast(&a, FAMILY_V4) && addr_is_unicast(&b, FAMILY_V4))
		return true;
	config_error_add(m->errs, path.text, "holds addresses that no host can have; expected "
	                 "unicast");
	return false;
}

static bool
entry_addresses(struct model *m, const json_t *o, struct entry *e)
{
	struct config_path path;
	struct prefix in, out;
	network_parse(get_text(o, "inside"), &in);
	network_parse(get_text(o, "outside"), &out);
	e->inside = host_from_v4(&in.address);
	e->outside = host_from_v4(&out.address);
	e->addresses = 1u << (32 - in.plen);
	entry_path(&path, e->number, "outside");
	if (in.plen != out.plen) {
		config_error_add(m->errs, path.text, "%s and inside %s have different lengths; "
		                 "expected as many addresses", get_text(o, "outside"),
		                 get_text(o, "inside"));
		return false;
	}
	if (in.plen < 16) {
		config_error_add(m->errs, path.text, "%s has more than 65536 addresses; expected a "
		                 "length of 16 at least", get_text(o, "outside"));
		return false;
	}
	return entry_unicast(m, e, "inside", e->inside) &
	       entry_unicast(m, e, "outside", e->outside);
}

/* The pool in which the whole of it is, or NULL. */
static const struct img_nat_pool *
pool_of(const struct model *m, const union addr *first, const union addr *last)
{
	for (size_t i = 0; i < m->claims.n; i++) {
		const struct claim *c = rows_at(&m->claims, i);
		if (c->origin.kind == ORIGIN_POOL && addr_compare(&c->first, first) <= 0 &&
		    addr_compare(last, &c->last) <= 0)
			return rows_at(&m->pools, c->origin.a);
	}
	return NULL;
}

/* Ports of a pool's address may not be of the ranges of a deterministic pool. */
static void
entry_ranges(struct model *m, const struct entry *e, const struct img_nat_pool *p)
{
	struct config_path path;
	uint32_t first = e->ports != 0 ? e->outside_port : 0;
	uint32_t last = e->ports != 0 ? first + e->ports - 1u : 65535;
	entry_path(&path, e->number, e->ports != 0 ? "outside_ports" : "protocol");
	if (det_is(p) && last >= p->port_first && first < det_dynamic(p))
		config_error_add(m->errs, path.text, "takes ports of the ranges %u-%u of the "
		                 "deterministic pool %s; expected others", p->port_first,
		                 det_dynamic(p) - 1, p->name);
}

/* The outside addresses: a pool's if only ports of them are mapped, else our own. */
static void
entry_claim(struct model *m, const struct entry *e, bool whole)
{
	union addr first = v4_from_host(e->outside);
	union addr last = v4_from_host(e->outside + e->addresses - 1);
	struct origin origin = {ORIGIN_STATIC, (uint32_t)e->number, 0};
	const struct img_nat_pool *pool = whole ? NULL : pool_of(m, &first, &last);
	if (pool != NULL) {
		entry_ranges(m, e, pool);
		return;
	}
	claim_add(m, &first, &last, FAMILY_V4, ORIGIN_STATIC, e->number, 0);
	for (uint32_t n = 0; n < e->addresses && !m->failed; n++) {
		union addr a = v4_from_host(e->outside + n);
		struct img_route *r = route_host(m, ROUTE_POOL, &a, FAMILY_V4,
		                                 nic_of(m, &a, FAMILY_V4), origin);
		if (r != NULL)
			r->arg = IMG_NO_POOL;
	}
}

/* The realm of the inside: what it says, and if it names an interface, that one's. */
static uint8_t
entry_realm(struct model *m, const json_t *o, size_t i, uint8_t nic)
{
	struct config_path path;
	uint8_t of_nic = nic_realm(m, nic);
	path_make(&path, "nat.static[%zu]", i);
	uint8_t realm = realm_of(m, o, path.text, of_nic);
	path_key(&path, "realm");
	if (nic != 0 && realm != of_nic)
		config_error_add(m->errs, path.text, "is not that of interface \"%s\"; expected "
		                 "one of them", get_text(o, "nic"));
	return realm;
}

/* How many rows an entry makes: whole addresses are one, else each stands for itself. */
static uint64_t
entry_size(const struct entry *e, bool any)
{
	if (any && e->ports == 0)
		return 1;
	return any ? 2 * (uint64_t)e->addresses : e->addresses;
}

static void
entry_make(struct model *m, const json_t *o, size_t i)
{
	struct entry e = {.number = i};
	struct config_path path;
	const char *nic = get_text(o, "nic"), *protocol = get_text(o, "protocol");
	bool good = entry_addresses(m, o, &e);
	if (!entry_ports(m, o, &e, protocol) || !good)
		return;
	entry_path(&path, i, "nic");
	e.nic = nic == NULL ? 0 : nic_find(m, nic, path.text);
	e.realm = entry_realm(m, o, i, e.nic);
	e.inbound = json_is_true(json_object_get(o, "inbound"));
	bool any = strcmp(protocol, "any") == 0;
	if (m->statics.n + entry_size(&e, any) > NAT_MAX_STATICS) {
		entry_path(&path, i, "outside");
		config_error_add(m->errs, path.text, "makes more than %u rows of all static "
		                 "mappings, one for each address and protocol; expected whole "
		                 "addresses, or fewer", (unsigned)NAT_MAX_STATICS);
		return;
	}
	entry_rows(m, &e, protocol);
	entry_claim(m, &e, e.ports == 0 && any);
}

static int
compare_inside(const void *x, const void *y)
{
	const struct model_static *a = x, *b = y;
	return (a->r.inside_first > b->r.inside_first) - (a->r.inside_first < b->r.inside_first);
}

/* By the outside: a row and its number. */
struct by_outside {
	const struct model_static *s;
	uint32_t number;
};

static int
compare_outside(const void *x, const void *y)
{
	const struct by_outside *a = x, *b = y;
	uint64_t p = a->s->r.outside_first, q = b->s->r.outside_first;
	return (p > q) - (p < q);
}

/* Two entries that want the same endpoint: named where the later one stands. */
static void
clash(struct model *m, const struct model_static *a, const struct model_static *b, const char *key)
{
	const struct model_static *late = a->origin > b->origin ? a : b, *early = late == a ? b : a;
	const json_t *list = model_get(m, "nat", "static");
	struct config_path path;
	entry_path(&path, late->origin, key);
	config_error_add(m->errs, path.text, "%s with its protocol and ports overlaps "
	                 "nat.static[%zu]; an endpoint has one mapping",
	                 get_text(json_array_get(list, late->origin), key), early->origin);
}

static void
clashes_inside(struct model *m)
{
	for (size_t i = 1; i < m->statics.n; i++) {
		const struct model_static *a = rows_at(&m->statics, i - 1), *b = a + 1;
		if (a->r.inside_last >= b->r.inside_first) {
			clash(m, a, b, "inside");
			return;
		}
	}
}

static void
statics_outside(struct model *m)
{
	struct by_outside *v = calloc(m->statics.n, sizeof(*v));
	m->failed |= v == NULL;
	if (v == NULL)
		return;
	for (uint32_t i = 0; i < m->statics.n; i++)
		v[i] = (struct by_outside){rows_at(&m->statics, i), i};
	qsort(v, m->statics.n, sizeof(*v), compare_outside);
	bool clashed = false;
	for (size_t i = 0; i < m->statics.n; i++) {
		uint32_t *number = rows_add(m, &m->statics_out);
		if (number != NULL)
			*number = v[i].number;
		if (i == 0 || clashed || static_outside_last(&v[i - 1].s->r) <
		                         v[i].s->r.outside_first)
			continue;
		clash(m, v[i - 1].s, v[i].s, "outside");
		clashed = true;
	}
	free(v);
}

/*
 * inside_holder: of sorted rows one whose inside, in the outside's realm, holds something of these
 * addresses: the last one that begins before they end reaches furthest. => or NULL.
 */
static const struct model_static *
inside_holder(const struct model *m, be32 first, be32 last)
{
	uint64_t from = static_key(0, first, 0, 0), to = static_key(0, last, 255, 0xffff);
	size_t low = 0, high = m->statics.n;
	while (low < high) {
		size_t mid = (low + high) / 2;
		const struct model_static *s = rows_at(&m->statics, mid);
		if (s->r.inside_first <= to)
			low = mid + 1;
		else
			high = mid;
	}
	const struct model_static *s = low != 0 ? rows_at(&m->statics, low - 1) : NULL;
	return s != NULL && s->r.inside_last >= from ? s : NULL;
}

/* outsides_apart: an outside address is ours, so nobody may have it inside, in its realm. */
static void
outsides_apart(struct model *m)
{
	const json_t *list = model_get(m, "nat", "static");
	struct config_path path;
	for (size_t i = 0; i < m->statics.n; i++) {
		const struct model_static *s = rows_at(&m->statics, i), *at =
			inside_holder(m, static_address(s->r.outside_first),
			              static_address(static_outside_last(&s->r)));
		if (at == NULL)
			continue;
		entry_path(&path, s->origin, "outside");
		config_error_add(m->errs, path.text, "%s is inside too, in nat.static[%zu]; "
		                 "expected addresses that nobody inside has",
		                 get_text(json_array_get(list, s->origin), "outside"), at->origin);
		return;
	}
}

void
model_static(struct model *m)
{
	const json_t *list = model_get(m, "nat", "static");
	for (size_t i = 0; i < json_array_size(list) && !m->failed; i++)
		entry_make(m, json_array_get(list, i), i);
	if (m->statics.n == 0 || m->failed)
		return;
	qsort(m->statics.data, m->statics.n, m->statics.size, compare_inside);
	clashes_inside(m);
	outsides_apart(m);
	statics_outside(m);
}
