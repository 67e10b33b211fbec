/* SPDX-License-Identifier: Apache-2.0 */
/* nat.forward, nat.reverse: what the configuration alone says, of a running plane or of a file. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "methods.h"
#include "nat/deterministic.h"
#include "nat/static.h"

/* Rows of an image that answers come from. */
struct fixed {
	const struct image_header *h;
	struct statics statics;
	const struct img_nic *nics;
	const struct img_nat_pool *pools;
	const struct img_nat_address *addresses;
	const struct img_nat_rule *rules;
	const struct img_nat_inside *insides;
	uint32_t n_nics, n_pools, n_addresses, n_rules;
};

static struct fixed
fixed_of(const struct image_header *h)
{
	uint32_t n;
	struct fixed f = {.h = h, .statics = statics_of(h)};
	f.nics = image_rows(h, IMG_NICS, &f.n_nics);
	f.pools = image_rows(h, IMG_NAT_POOLS, &f.n_pools);
	f.addresses = image_rows(h, IMG_NAT_ADDRESSES, &f.n_addresses);
	f.rules = image_rows(h, IMG_NAT_RULES, &f.n_rules);
	f.insides = image_rows(h, IMG_NAT_INSIDE, &n);
	return f;
}

static json_t *
protocol_json(uint8_t proto)
{
	char text[API_NAME];
	return json_string(proto == 0 ? "any" : name_protocol(proto, text));
}

/* Is the row of whole addresses, whatever the protocol, or of all ports of one? */
static bool
has_ports(const struct img_nat_static *r)
{
	return r->inside_last - r->inside_first < 65535;
}

/* What a row says of one of its inside addresses. */
static json_t *
static_forward(const struct fixed *f, const struct img_nat_static *r, be32 inside)
{
	char external[API_NAME];
	uint64_t skip = (static_key(static_realm(r->inside_first), inside, 0, 0) -
	                 (r->inside_first & ~(uint64_t)0xffffff));
	uint64_t outside = r->outside_first + skip, size = r->inside_last - r->inside_first;
	json_t *o = json_pack("{s:s, s:i, s:s, s:o}", "kind", "static", "realm",
	                      (int)static_realm(r->inside_first), "external",
	                      name_v4(static_address(outside), external), "protocol",
	                      protocol_json(static_proto(r->inside_first)));
	name_realm_put(f->h, o, static_realm(r->inside_first));
	if (!has_ports(r))
		return o;
	json_object_update_new(o, json_pack("{s:i, s:i, s:i, s:i}",
		"inside_port_first", (int)(uint16_t)r->inside_first,
		"inside_port_last", (int)(uint16_t)r->inside_last,
		"port_first", (int)(uint16_t)r->outside_first,
		"port_last", (int)(uint16_t)(r->outside_first + size)));
	return o;
}

static void
forward_statics(const struct fixed *f, unsigned realm, be32 inside, json_t *answers)
{
	for (uint32_t i = 0; i < f->statics.n; i++) {
		const struct img_nat_static *r = &f->statics.row[i];
		uint32_t first = ntohl(static_address(r->inside_first));
		uint32_t last = ntohl(static_address(r->inside_last));
		if (static_realm(r->inside_first) == realm && first <= ntohl(inside) &&
		    ntohl(inside) <= last)
			json_array_append_new(answers, static_forward(f, r, inside));
	}
}

static_assert(IMG_MAX_NICS <= 64, "a set of interfaces is a word");

/* The interfaces of a realm, a bit each. => 0: it has none. */
static uint64_t
nics_of(const struct fixed *f, unsigned realm)
{
	uint64_t set = 0;
	for (uint32_t i = 1; i < f->n_nics; i++)
		if (f->nics[i].name[0] != '\0' && f->nics[i].realm == realm)
			set |= 1ull << i;
	return set;
}

/* Those of `all` that a row with this interface of arrival is for; 0 is any. */
static uint64_t
nics_for(uint64_t all, uint8_t nic)
{
	return nic != 0 ? all & 1ull << nic : all;
}

static json_t *
rule_forward(const struct fixed *f, const struct img_nat_rule *rule, unsigned realm, be32 inside)
{
	char external[API_NAME];
	struct det_range range;
	const struct img_nat_pool *p = &f->pools[rule->pool];
	bool is_fixed = det_forward(p, f->insides, (uint8_t)realm, inside, &range);
	json_t *o = json_pack("{s:s, s:i, s:s, s:s}", "kind",
	                      is_fixed ? "deterministic" : "dynamic", "realm",
	                      (int)realm, "pool", p->name, "rule", rule->name);
	name_realm_put(f->h, o, realm);
	if (rule->destination_plen != 0) {
		char destination[API_NAME + 4];
		snprintf(destination, sizeof(destination), "%s/%u",
		         name_v4(rule->destination, external), rule->destination_plen);
		json_object_set_new(o, "destination", json_string(destination));
	}
	if (is_fixed)
		json_object_update_new(o, json_pack("{s:s, s:i, s:i}", "external",
			name_v4(f->addresses[range.row].address, external), "port_first",
			(int)range.first, "port_last", (int)range.last));
	return o;
}

/* Does it match whatever the destination? */
static bool
takes_all(const struct img_nat_rule *r)
{
	return r->destination_plen == 0 && (r->action == NAT_TRANSLATE ||
	       (r->proto == 0 && r->first == 0 && r->last == UINT16_MAX));
}

/*
 * The rules that may translate what comes by the interfaces `all`: each takes something, or
 * everything, of what those before it have left of an interface.
 */
static void
forward_rules(const struct fixed *f, unsigned realm, uint64_t all, be32 inside, json_t *answers)
{
	uint64_t taken = 0;
	union addr a = addr_from_v4(inside);
	for (uint32_t i = 0; i < f->n_rules; i++) {
		const struct img_nat_rule *rule = &f->rules[i];
		union addr source = addr_from_v4(rule->source);
		bool is_of_realm = rule->realm == 0 || rule->realm - 1u == realm;
		uint64_t own = is_of_realm ? nics_for(all, rule->nic) & ~taken : 0;
		if (!addr_in_prefix(&a, &source, rule->plen) || own == 0)
			continue;
		if (rule->action == NAT_TRANSLATE)
			json_array_append_new(answers, rule_forward(f, rule, realm, inside));
		if (takes_all(rule))
			taken |= own;
	}
}

json_t *
api_nat_forward(const struct image_header *h, int realm, be32 inside)
{
	char text[API_NAME];
	struct fixed f = fixed_of(h);
	json_t *answers = json_array();
	for (int i = 0; i < IMG_MAX_REALMS; i++) {
		uint64_t all = nics_of(&f, (unsigned)i);
		if (realm >= 0 ? i != realm : all == 0)
			continue;
		all = all != 0 ? all : 1; /* none yet: what is for any interface */
		forward_statics(&f, (unsigned)i, inside, answers);
		forward_rules(&f, (unsigned)i, all, inside, answers);
	}
	return json_pack("{s:s, s:o}", "inside", name_v4(inside, text), "answers", answers);
}

/* Static mappings of an external port, of each protocol; a whole address once. */
static void
reverse_statics(const struct fixed *f, be32 external, uint16_t port, json_t *answers)
{
	static const uint8_t protos[] = {6, 17, 1};
	const struct img_nat_static *last = NULL;
	for (unsigned i = 0; i < sizeof(protos); i++) {
		char subscriber[API_NAME];
		uint64_t inside;
		uint64_t key = static_key(0, external, protos[i], htons(port));
		const struct img_nat_static *r = static_in(&f->statics, key, &inside);
		if (r == NULL || r == last)
			continue;
		last = r;
		json_t *o = json_pack("{s:s, s:s, s:i, s:o, s:i, s:i, s:i}",
			"kind", "static", "subscriber",
			name_v4(static_address(inside), subscriber), "realm",
			(int)static_realm(inside), "protocol",
			protocol_json(static_proto(r->inside_first)), "inside_port",
			(int)(uint16_t)inside, "port_first", has_ports(r) ?
			(int)(uint16_t)r->outside_first : 0, "port_last", has_ports(r) ?
			(int)(uint16_t)static_outside_last(r) : 65535);
		json_array_append_new(answers, name_realm_put(f->h, o, static_realm(inside)));
	}
}

static json_t *
pool_reverse(const struct fixed *f, uint32_t row, uint16_t port)
{
	const struct img_nat_pool *p = &f->pools[f->addresses[row].pool];
	char subscriber[API_NAME];
	struct det_range range;
	be32 inside;
	if (!det_reverse(p, f->insides, row, port, &inside) ||
	    !det_forward(p, f->insides, p->inside_realm, inside, &range))
		return port < det_dynamic(p) || port > p->port_last ? NULL :
		       json_pack("{s:s, s:s, s:i, s:i}", "kind", "dynamic", "pool", p->name,
		                 "port_first", (int)det_dynamic(p), "port_last", p->port_last);
	json_t *o = json_pack("{s:s, s:s, s:i, s:s, s:s, s:i, s:i}", "kind", "deterministic",
	                      "subscriber", name_v4(inside, subscriber), "realm",
	                      p->inside_realm, "protocol", "any", "pool", p->name, "port_first",
	                      (int)range.first, "port_last", (int)range.last);
	return name_realm_put(f->h, o, p->inside_realm);
}

json_t *
api_nat_reverse(const struct image_header *h, be32 external, uint16_t port)
{
	char text[API_NAME];
	struct fixed f = fixed_of(h);
	json_t *answers = json_array();
	reverse_statics(&f, external, port, answers);
	for (uint32_t i = 0; i < f.n_addresses; i++) {
		json_t *o = f.addresses[i].address == external ? pool_reverse(&f, i, port) : NULL;
		if (o != NULL)
			json_array_append_new(answers, o);
	}
	return json_pack("{s:s, s:i, s:o}", "external", name_v4(external, text), "external_port",
	                 port, "answers", answers);
}

bool
api_nat_ask(const struct image_header *h, const json_t *params, json_t **result, char *text,
            size_t size)
{
	union addr a;
	uint8_t family;
	bool forward = param_get(params, "address") != NULL;
	param_address(params, forward ? "address" : "external.address", &a, &family);
	if (family != FAMILY_V4) {
		snprintf(text, size, "address: wanted an IPv4 address, others are not translated");
		return false;
	}
	const char *name = param_string(params, "realm");
	int realm = name != NULL ? name_parse_realm(h, name) : -1;
	if (name != NULL && realm < 0) {
		snprintf(text, size, "realm: there is no realm \"%.31s\"; wanted the name of one",
		         name);
		return false;
	}
	*result = forward ? api_nat_forward(h, realm, a.w[0]) :
	          api_nat_reverse(h, a.w[0], (uint16_t)param_integer(params, "external.port", 0));
	return true;
}

static json_t *
ask(struct api *api, const json_t *params, struct rpc_error *err)
{
	char text[128];
	json_t *result;
	const struct image_header *h = api_image(api, err);
	if (h == NULL)
		return NULL;
	return api_nat_ask(h, params, &result, text, sizeof(text)) ? result :
	       rpc_fail(err, RPC_PARAMS, "%s", text);
}

json_t *
nat_forward_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	return ask(api, params, err);
}

json_t *
nat_reverse_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	return ask(api, params, err);
}
