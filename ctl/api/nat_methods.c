/* SPDX-License-Identifier: Apache-2.0 */
/* nat.show, nat.count, nat.clear, nat.cleared: what the NAT has, by one filter. */
#include <string.h>

#include "internal.h"
#include "methods.h"
#include "nat_filter.h"

struct rows {
	struct api *api;
	json_t *rows;
	json_t *(*json)(struct api *api, const void *row);
};

static json_t *
mapping_json(struct api *api, const void *row)
{
	return nat_mapping_json(api, row);
}

static json_t *
subscriber_json(struct api *api, const void *row)
{
	return nat_subscriber_json(api, row);
}

static json_t *
block_json(struct api *api, const void *row)
{
	const struct cmd_block *b = row;
	char subscriber[API_NAME], external[API_NAME];
	json_t *o = json_pack("{s:s, s:s, s:i, s:i, s:i, s:I, s:{s:i, s:i, s:i}, s:s, s:i, s:i}",
		"subscriber", name_v4(b->subscriber, subscriber), "external",
		name_v4(b->external, external), "port_first", b->first, "port_last",
		b->first + b->ports - 1, "ports", b->usable, "mappings", (json_int_t)b->mapped,
		"taken", "tcp", b->taken[0], "udp", b->taken[1], "icmp", b->taken[2], "pool",
		nat_pool_name(api, b->pool), "realm", b->realm, "worker", b->worker);
	return api_realm_put(api, o, b->realm);
}

/* What there is to see. Pools and addresses are few: they come whole. */
static const struct kind {
	const char *name, *list;
	uint32_t kind, row_size; /* kind 0: pools or their addresses */
	json_t *(*json)(struct api *api, const void *row);
} kinds[] = {
	{"pool", "pools", 0, 0, NULL},
	{"address", "addresses", 0, 0, NULL},
	{"block", "blocks", CMD_BLOCKS, sizeof(struct cmd_block), block_json},
	{"subscriber", "subscribers", CMD_SUBSCRIBERS, sizeof(struct cmd_subscriber),
	 subscriber_json},
	{"mapping", "mappings", CMD_MAPPINGS, sizeof(struct cmd_mapping), mapping_json},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static const struct kind *
kind_of(const json_t *params, struct rpc_error *err)
{
	const char *what = param_string(params, "what");
	for (int i = 0; i < KINDS; i++)
		if (strcmp(kinds[i].name, what) == 0 || strcmp(kinds[i].list, what) == 0)
			return &kinds[i];
	rpc_fail(err, RPC_PARAMS, "what: wanted pool, address, block, subscriber or mapping");
	return NULL;
}

static bool
row_add(void *arg, const void *row)
{
	struct rows *r = arg;
	json_array_append_new(r->rows, r->json(r->api, row));
	return true;
}

/* few: pools or addresses. => new array, or NULL and err. */
static json_t *
few(struct api *api, const struct kind *k, const struct cmd_nat_filter *f, struct rpc_error *err)
{
	return pool_rows(api, f, strcmp(k->name, "address") == 0, err);
}

json_t *
nat_show_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	const struct kind *k = kind_of(params, err);
	struct rows r = {.api = api};
	struct listing l = {.row = row_add, .arg = &r,
	                    .limit = (uint32_t)param_integer(params, "limit", API_PAGE)};
	if (k == NULL || param_cursor(params, &l.cursor, err) != 0 ||
	    nat_filter_parse(api, param_string(params, "filter"), &l.filter.nat, err) != 0)
		return NULL;
	if (k->kind == 0) {
		json_t *list = few(api, k, &l.filter.nat, err);
		return list != NULL ? api_listing_result(k->list, list, 0) : NULL;
	}
	l.kind = k->kind;
	l.row_size = k->row_size;
	r.json = k->json;
	r.rows = json_array();
	if (api_list(api, &l, err) == 0)
		return api_listing_result(k->list, r.rows, l.cursor);
	json_decref(r.rows);
	return NULL;
}

json_t *
nat_count_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	const struct kind *k = kind_of(params, err);
	struct listing l = {.count = 0};
	if (k == NULL || param_cursor(params, &l.cursor, err) != 0 ||
	    nat_filter_parse(api, param_string(params, "filter"), &l.filter.nat, err) != 0)
		return NULL;
	l.kind = k->kind;
	if (k->kind != 0 && api_count(api, &l, err) != 0)
		return NULL;
	if (k->kind == 0) {
		json_t *list = few(api, k, &l.filter.nat, err);
		if (list == NULL)
			return NULL;
		l.count = json_array_size(list);
		json_decref(list);
	}
	return api_listing_result("count", json_integer((json_int_t)l.count), l.cursor);
}

json_t *
nat_clear_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	struct cmd_filter f = {.family = 0};
	const char *text = param_string(params, "filter");
	const struct image_header *h = api_image(api, err);
	if (h == NULL || nat_filter_parse(api, text, &f.nat, err) != 0)
		return NULL;
	if (strspn(text, " ") == strlen(text))
		return rpc_fail(err, RPC_PARAMS, "filter: empty; to clear everything, say "
		                "subscriber=0.0.0.0/0");
	uint64_t number = api_command(api, CMD_CUT, h->generation, &f, err);
	return number != 0 ? json_pack("{s:I}", "number", (json_int_t)number) : NULL;
}

static bool
cut_row(void *arg, const void *row)
{
	memcpy(arg, row, sizeof(struct cmd_cut));
	return true;
}

json_t *
nat_cleared_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	struct cmd_cut cut = {0};
	struct listing l = {.kind = CMD_CUT_SHOW, .row_size = sizeof(cut), .row = cut_row,
	                    .arg = &cut, .limit = 1};
	if (api_list(api, &l, err) != 0)
		return NULL;
	return json_pack("{s:I, s:I, s:i, s:i, s:b, s:b}",
		"number", (json_int_t)cut.number, "flows", (json_int_t)cut.flows,
		"workers", (int)cut.workers, "busy", (int)cut.busy, "done", cut.busy == 0,
		"short", cut.is_short != 0);
}
