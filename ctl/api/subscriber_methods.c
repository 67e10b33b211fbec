/* SPDX-License-Identifier: Apache-2.0 */
/* subscriber.* and mapping.list: who is translated to what. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "methods.h"

enum { SHOW_MAPPINGS = API_PAGE_MAX };

/* What is asked of every row here as well, so that a listing holds what was asked for. */
struct nat_rows {
	struct api *api;
	json_t *rows;
	struct cmd_filter filter;
	const char *pool; /* name, or NULL */
	int realm;        /* number, or -1: any */
};

const char *
nat_pool_name(struct api *api, uint32_t pool)
{
	const struct image_header *h = api->link.image(api->link.ctx);
	uint32_t n = 0;
	const struct img_nat_pool *p = h != NULL ? image_rows(h, IMG_NAT_POOLS, &n) : NULL;
	return pool < n ? p[pool].name : "";
}

static bool
pool_wanted(const struct nat_rows *r, uint32_t pool)
{
	return r->pool == NULL || strcmp(r->pool, nat_pool_name(r->api, pool)) == 0;
}

static bool
wanted(uint32_t filter, uint32_t value)
{
	return filter == 0 || filter == value;
}

static bool
realm_wanted(const struct nat_rows *r, unsigned realm)
{
	return r->realm < 0 || (unsigned)r->realm == realm;
}

static bool
mapping_wanted(const struct nat_rows *r, const struct cmd_mapping *m)
{
	const struct cmd_filter *f = &r->filter;
	be32 any = f->any.w[0];
	return (any == 0 || any == m->inside || any == m->external) &&
	       (f->any_port == 0 || f->any_port == m->inside_port ||
	        f->any_port == m->external_port) &&
	       wanted(f->dst.w[0], m->external) && wanted(f->dport, m->external_port) &&
	       realm_wanted(r, m->realm) && wanted(f->proto, m->proto) &&
	       wanted(f->worker, m->worker + 1u) &&
	       pool_wanted(r, m->pool);
}

json_t *
nat_mapping_json(struct api *api, const struct cmd_mapping *m)
{
	char inside[API_NAME], external[API_NAME], proto[API_NAME];
	json_t *o = json_pack("{s:s, s:s, s:i, s:s, s:i, s:I, s:s, s:i, s:i}",
		"protocol", name_protocol(m->proto, proto), "inside", name_v4(m->inside, inside),
		"inside_port", ntohs(m->inside_port), "external", name_v4(m->external, external),
		"external_port", ntohs(m->external_port), "flows", (json_int_t)m->flows, "pool",
		nat_pool_name(api, m->pool), "realm", m->realm, "worker", m->worker);
	if (m->lease_s != 0)
		json_object_set_new(o, "lease_s", json_integer(m->lease_s));
	return api_realm_put(api, o, m->realm);
}

static bool
mapping_row(void *arg, const void *data)
{
	struct nat_rows *r = arg;
	const struct cmd_mapping *m = data;
	if (!mapping_wanted(r, m))
		return false;
	json_array_append_new(r->rows, nat_mapping_json(r->api, m));
	return true;
}

static json_t *
blocks_json(const struct cmd_subscriber *s)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < s->blocks && i < NAT_MAX_BLOCKS; i++) {
		char text[24];
		snprintf(text, sizeof(text), "%u-%u", s->block_first[i],
		         s->block_last[i]);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

json_t *
nat_subscriber_json(struct api *api, const struct cmd_subscriber *s)
{
	char inside[API_NAME], external[API_NAME];
	json_t *o = json_pack("{s:s, s:s, s:s, s:o, s:I, s:I, s:I, s:i, s:i}", "address",
		name_v4(s->address, inside), "external", name_v4(s->external, external), "pool",
		nat_pool_name(api, s->pool), "blocks", blocks_json(s), "mappings",
		(json_int_t)s->mappings, "flows", (json_int_t)s->flows, "blocks_elsewhere",
		(json_int_t)s->elsewhere, "realm", s->realm, "worker", s->worker);
	return api_realm_put(api, o, s->realm);
}

static bool
subscriber_row(void *arg, const void *data)
{
	struct nat_rows *r = arg;
	const struct cmd_subscriber *s = data;
	be32 any = r->filter.any.w[0];
	if (!realm_wanted(r, s->realm) || !pool_wanted(r, s->pool) ||
	    (any != 0 && any != s->address && any != s->external))
		return false;
	json_array_append_new(r->rows, nat_subscriber_json(r->api, s));
	return true;
}

/* rows_filled: run a listing of either kind. => r->rows, or NULL and err. */
static json_t *
rows_filled(struct nat_rows *r, uint32_t kind, uint64_t *cursor, uint32_t limit,
            struct rpc_error *err)
{
	bool mappings = kind == CMD_MAPPINGS;
	struct listing l = {.kind = kind, .filter = r->filter, .arg = r, .limit = limit,
	                    .cursor = *cursor, .row = mappings ? mapping_row : subscriber_row,
	                    .row_size = mappings ? sizeof(struct cmd_mapping) :
	                                           sizeof(struct cmd_subscriber)};
	r->rows = json_array();
	if (api_list(r->api, &l, err) != 0) {
		json_decref(r->rows);
		return NULL;
	}
	*cursor = l.cursor;
	return r->rows;
}

static int
filter_v4(const json_t *params, const char *name, union addr *a, struct rpc_error *err)
{
	uint8_t family;
	if (!param_address(params, name, a, &family) || family == FAMILY_V4)
		return 0;
	rpc_fail(err, RPC_PARAMS, "%s: wanted an IPv4 address", name);
	return -1;
}

json_t *
mapping_list_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	struct nat_rows r = {.api = api, .pool = param_string(params, "filter.pool")};
	const char *proto = param_string(params, "filter.protocol");
	int p = proto != NULL ? name_parse_protocol(proto) : 0;
	uint64_t cursor;
	if (p < 0)
		return rpc_fail(err, RPC_PARAMS,
		                "filter.protocol: wanted tcp, udp, icmp or a number");
	if (!pool_is_known(api, r.pool, err) ||
	    api_param_realm(api, params, &r.realm, err) != 0 ||
	    filter_v4(params, "filter.address", &r.filter.any, err) != 0 ||
	    filter_v4(params, "filter.external", &r.filter.dst, err) != 0 ||
	    param_cursor(params, &cursor, err) != 0)
		return NULL;
	r.filter.proto = (uint8_t)p;
	r.filter.any_port = htons((uint16_t)param_integer(params, "filter.port", 0));
	r.filter.dport = htons((uint16_t)param_integer(params, "filter.external_port", 0));
	r.filter.worker = (uint16_t)(param_integer(params, "filter.worker", -1) + 1);
	if (rows_filled(&r, CMD_MAPPINGS, &cursor,
	                (uint32_t)param_integer(params, "limit", API_PAGE), err) == NULL)
		return NULL;
	return api_listing_result("mappings", r.rows, cursor);
}

json_t *
subscriber_list_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	struct nat_rows r = {.api = api, .pool = param_string(params, "pool")};
	uint64_t cursor;
	if (!pool_is_known(api, r.pool, err) ||
	    api_param_realm(api, params, &r.realm, err) != 0 ||
	    filter_v4(params, "address", &r.filter.any, err) != 0 ||
	    param_cursor(params, &cursor, err) != 0 ||
	    rows_filled(&r, CMD_SUBSCRIBERS, &cursor,
	                (uint32_t)param_integer(params, "limit", API_PAGE), err) == NULL)
		return NULL;
	return api_listing_result("subscribers", r.rows, cursor);
}

/* all_rows: page on until the listing ends or has limit rows. */
static json_t *
all_rows(struct nat_rows *r, uint32_t kind, uint32_t limit, struct rpc_error *err)
{
	json_t *all = json_array();
	uint64_t cursor = 0;
	do {
		json_t *page = rows_filled(r, kind, &cursor, limit, err);
		if (page == NULL) {
			json_decref(all);
			return NULL;
		}
		json_array_extend(all, page);
		json_decref(page);
	} while (cursor != 0 && json_array_size(all) < limit);
	return all;
}

static bool
is_of_one_realm(const json_t *rows)
{
	const json_t *first = json_object_get(json_array_get(rows, 0), "realm");
	for (size_t i = 1; i < json_array_size(rows); i++)
		if (!json_equal(first, json_object_get(json_array_get(rows, i), "realm")))
			return false;
	return true;
}

json_t *
subscriber_show_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	struct nat_rows r = {.api = api};
	const char *address = param_string(params, "address");
	if (api_param_realm(api, params, &r.realm, err) != 0 ||
	    filter_v4(params, "address", &r.filter.src, err) != 0)
		return NULL;
	json_t *found = all_rows(&r, CMD_SUBSCRIBERS, IMG_MAX_REALMS, err);
	if (found == NULL)
		return NULL;
	json_t *subscriber = json_incref(json_array_get(found, 0));
	bool is_one = is_of_one_realm(found);
	json_decref(found);
	if (subscriber == NULL)
		return rpc_fail(err, API_NOT_FOUND, "no subscriber %s holds anything now", address);
	r.realm = (int)json_integer_value(json_object_get(subscriber, "realm"));
	if (!is_one) {
		json_decref(subscriber);
		return rpc_fail(err, RPC_PARAMS, "realm: there is a subscriber %s in several; "
		                "wanted the name of one", address);
	}
	json_t *mappings = all_rows(&r, CMD_MAPPINGS, SHOW_MAPPINGS, err);
	if (mappings != NULL)
		return json_pack("{s:o, s:o}", "subscriber", subscriber, "mappings", mappings);
	json_decref(subscriber);
	return NULL;
}
