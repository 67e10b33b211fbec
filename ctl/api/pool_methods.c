/* SPDX-License-Identifier: Apache-2.0 */
/* pool.*: external addresses, how far they are used, and changes of their ranges. */
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "methods.h"
#include "nat/nat_filter.h"

struct pool_sum {
	uint64_t addresses, blocks, used, quarantined, ports[3];
};

struct pool_rows {
	struct api *api;
	struct pool_sum sum[NAT_MAX_POOLS];
	struct cmd_nat_filter filter;
	json_t *addresses; /* of pool `filter.pool`, or of all; NULL: only sums are wanted */
};

static json_t *
ports_json(uint64_t tcp, uint64_t udp, uint64_t icmp)
{
	return json_pack("{s:I, s:I, s:I}", "tcp", (json_int_t)tcp, "udp", (json_int_t)udp, "icmp",
	                 (json_int_t)icmp);
}

static bool
pool_row(void *arg, const void *data)
{
	struct pool_rows *p = arg;
	const struct cmd_pool_address *a = data;
	char address[API_NAME];
	struct nat_facts x = {
		.inside = p->filter.inside, .external = a->address, .pool = a->pool,
		.worker = (uint8_t)(a->worker != 0xffff ? a->worker : p->filter.worker - 1u),
		.realm = (uint8_t)(p->filter.realm - 1u),
	};
	if (a->pool >= NAT_MAX_POOLS || !nat_filter_wants(&p->filter, &x))
		return false;
	struct pool_sum *s = &p->sum[a->pool];
	s->addresses++;
	s->blocks += a->blocks;
	s->used += a->blocks_used;
	s->quarantined += a->blocks_quarantined;
	for (int i = 0; i < 3; i++)
		s->ports[i] += a->ports_used[i];
	if (p->addresses == NULL)
		return false;
	json_array_append_new(p->addresses, json_pack("{s:s, s:s, s:o, s:I, s:I, s:I, s:o}",
		"address", name_v4(a->address, address), "pool", nat_pool_name(p->api, a->pool),
		"worker",
		a->worker != 0xffff ? json_integer(a->worker) : json_null(), "blocks",
		(json_int_t)a->blocks, "blocks_used", (json_int_t)a->blocks_used,
		"blocks_quarantined", (json_int_t)a->blocks_quarantined, "ports_used",
		ports_json(a->ports_used[0], a->ports_used[1], a->ports_used[2])));
	return true;
}

static json_t *
pool_json(struct api *api, const struct img_nat_pool *p, const struct pool_sum *s)
{
	const struct stats_segment *seg = api->link.statistics(api->link.ctx);
	double wait = seg != NULL ? stats_ports_wait(seg) : 0;
	char ports[16];
	snprintf(ports, sizeof(ports), "%u-%u", p->port_first, p->port_last);
	json_t *o = json_pack("{s:s, s:I, s:s, s:i, s:i, s:I, s:I, s:I, s:o}", "name", p->name,
	                 "addresses", (json_int_t)p->addresses, "ports", ports, "block_size",
	                 p->block_size, "max_blocks", p->max_blocks, "blocks",
	                 (json_int_t)s->blocks, "blocks_used", (json_int_t)s->used,
	                 "blocks_quarantined", (json_int_t)s->quarantined, "ports_used",
	                 ports_json(s->ports[0], s->ports[1], s->ports[2]));
	if (wait > 0)
		json_object_set_new(o, "ports_wait", json_real(wait));
	return o;
}

static int
pool_query(struct api *api, struct pool_rows *p, struct rpc_error *err)
{
	struct listing l = {.kind = CMD_POOLS, .row_size = sizeof(struct cmd_pool_address),
	                    .row = pool_row, .arg = p};
	return api_list_all(api, &l, err);
}

json_t *
pool_rows(struct api *api, const struct cmd_nat_filter *f, bool addresses, struct rpc_error *err)
{
	struct pool_rows rows = {.api = api, .filter = *f,
	                         .addresses = addresses ? json_array() : NULL};
	const struct image_header *h = api_image(api, err);
	uint32_t n;
	if (h == NULL || pool_query(api, &rows, err) != 0) {
		json_decref(rows.addresses);
		return NULL;
	}
	if (addresses)
		return rows.addresses;
	const struct img_nat_pool *pool = image_rows(h, IMG_NAT_POOLS, &n);
	json_t *list = json_array();
	bool is_of_some = f->external_mask != 0 || f->worker != 0; /* of its addresses */
	for (uint32_t i = 0; i < n && i < NAT_MAX_POOLS; i++)
		if ((f->pool == 0 || f->pool == i + 1) &&
		    (!is_of_some || rows.sum[i].addresses != 0))
			json_array_append_new(list, pool_json(api, &pool[i], &rows.sum[i]));
	return list;
}

json_t *
pool_list_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	const struct image_header *h = api_image(api, err);
	static const struct cmd_nat_filter all;
	json_t *list = h != NULL ? pool_rows(api, &all, false, err) : NULL;
	return list != NULL ? json_pack("{s:o}", "pools", list) : NULL;
}

/* pool_number: row of a pool by name, or -1 and err. */
static int
pool_number(const struct image_header *h, const char *name, struct rpc_error *err)
{
	uint32_t n;
	const struct img_nat_pool *pool = image_rows(h, IMG_NAT_POOLS, &n);
	char known[256] = "";
	for (uint32_t i = 0; i < n && i < NAT_MAX_POOLS; i++) {
		if (strcmp(pool[i].name, name) == 0)
			return (int)i;
		name_known(known, sizeof(known), pool[i].name);
	}
	rpc_fail(err, API_NOT_FOUND, n != 0 ? "no pool \"%s\"; there is: %s" : "no pool \"%s\"%s; "
	         "there is none", name, known);
	return -1;
}

bool
pool_is_known(struct api *api, const char *name, struct rpc_error *err)
{
	const struct image_header *h = name != NULL ? api_image(api, err) : NULL;
	return name == NULL || (h != NULL && pool_number(h, name, err) >= 0);
}

json_t *
pool_show_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	const struct image_header *h = api_image(api, err);
	struct pool_rows rows = {.api = api};
	uint32_t n;
	int number = h != NULL ? pool_number(h, param_string(params, "name"), err) : -1;
	if (number < 0)
		return NULL;
	rows.filter.pool = (uint16_t)(number + 1);
	rows.addresses = json_array();
	if (pool_query(api, &rows, err) != 0) {
		json_decref(rows.addresses);
		return NULL;
	}
	const struct img_nat_pool *pool = image_rows(h, IMG_NAT_POOLS, &n);
	return json_pack("{s:o, s:o}", "pool", pool_json(api, &pool[number], &rows.sum[number]),
	                 "addresses", rows.addresses);
}

static json_t *
begin(struct api *api, const json_t *params, json_t **pool, struct rpc_error *err)
{
	json_t *doc = edit_copy(api, err);
	if (doc == NULL)
		return NULL;
	*pool = edit_pool(doc, param_string(params, "pool"), err);
	if (*pool != NULL)
		return doc;
	json_decref(doc);
	return NULL;
}

static json_t *
append_range(struct api *api, const json_t *params, const char *list, struct rpc_error *err)
{
	json_t *pool, *doc = begin(api, params, &pool, err);
	if (doc == NULL)
		return NULL;
	if (json_object_get(pool, list) == NULL)
		json_object_set_new(pool, list, json_array());
	json_array_append(json_object_get(pool, list), (json_t *)param_get(params, "range"));
	return edit_apply(api, doc, err);
}

static json_t *
remove_range(struct api *api, const json_t *params, const char *list, struct rpc_error *err)
{
	const char *range = param_string(params, "range");
	json_t *pool, *doc = begin(api, params, &pool, err);
	if (doc == NULL)
		return NULL;
	if (edit_cut(pool, list, range, true, err) != 0 ||
	    edit_cut(pool, "drain", range, false, err) != 0) {
		json_decref(doc);
		return NULL;
	}
	return edit_apply(api, doc, err);
}

json_t *
pool_add_range_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	return append_range(api, params, "addresses", err);
}

json_t *
pool_remove_range_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	return remove_range(api, params, "addresses", err);
}

/* What drains already is not written once more: said twice, it is one drain. */
json_t *
pool_drain_range_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	const char *range = param_string(params, "range");
	json_t *pool, *doc = begin(api, params, &pool, err);
	if (doc != NULL && edit_holds(json_object_get(pool, "drain"), range))
		return edit_apply(api, doc, err);
	json_decref(doc);
	return append_range(api, params, "drain", err);
}

json_t *
pool_ready_range_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	return remove_range(api, params, "drain", err);
}
