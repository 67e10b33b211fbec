/* SPDX-License-Identifier: Apache-2.0 */
/* nic.list, neighbour.list, route.list and log.list. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "ctl/log/line.h"
#include "internal.h"
#include "methods.h"
#include "nat_filter.h"

struct rows {
	struct api *api;
	const struct image_header *image;
	struct stats *sum; /* or NULL */
	json_t *list;
};

static json_t *
nic_addresses(const struct image_header *h, uint32_t nic)
{
	uint32_t n;
	const struct img_address *a = image_rows(h, IMG_ADDRESSES, &n);
	json_t *list = json_array();
	char address[API_NAME], text[API_NAME + 8];
	for (uint32_t i = 0; i < n; i++) {
		if (a[i].nic != nic)
			continue;
		snprintf(text, sizeof(text), "%s/%u",
		         name_address(&a[i].address, a[i].family, address), a[i].plen);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

/* nic_number: an interface by name. => its row, or 0. */
static uint32_t
nic_number(const struct image_header *h, const char *name)
{
	uint32_t n;
	const struct img_nic *nic = image_rows(h, IMG_NICS, &n);
	for (uint32_t i = 1; i < n; i++)
		if (strcmp(nic[i].name, name) == 0)
			return i;
	return 0;
}

static const char *
nic_name(const struct image_header *h, uint32_t nic)
{
	uint32_t n;
	const struct img_nic *row = image_rows(h, IMG_NICS, &n);
	return nic != 0 && nic < n ? row[nic].name : "";
}

static unsigned
nic_realm(const struct image_header *h, uint32_t nic)
{
	uint32_t n;
	const struct img_nic *row = image_rows(h, IMG_NICS, &n);
	return nic < n ? row[nic].realm : 0;
}

static json_t *
realm_json(const struct image_header *h, unsigned realm)
{
	return name_realm_put(h, json_pack("{s:i}", "realm", (int)realm), realm);
}

static bool
nic_row(void *arg, const void *data)
{
	struct rows *r = arg;
	struct cmd_nic c;
	char mac[API_NAME];
	memcpy(&c, data, sizeof(c));
	c.name[sizeof(c.name) - 1] = c.device[sizeof(c.device) - 1] = '\0';
	uint32_t number = nic_number(r->image, c.name);
	json_t *o = json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:I, s:i, s:i, s:o}", "name",
		c.name, "device", c.device, "mac", name_mac(c.mac, mac), "vlan", c.vlan, "mtu",
		c.mtu, "link", c.link_up ? "up" : "down", "speed_mbps", (json_int_t)c.speed_mbps,
		"rx_queues", c.rx_queues, "tx_queues", c.tx_queues, "addresses",
		nic_addresses(r->image, number));
	json_object_update_new(o, realm_json(r->image, nic_realm(r->image, number)));
	if (r->sum != NULL && number < STATS_NICS)
		json_object_set_new(o, "counters", stats_nic_json(&r->sum->nic[number]));
	json_array_append_new(r->list, o);
	return true;
}

static json_t *
list_all(struct rows *r, uint32_t kind, uint32_t row_size, row_fn *row, const char *name,
         struct rpc_error *err)
{
	struct listing l = {.kind = kind, .row_size = row_size, .row = row, .arg = r};
	r->list = json_array();
	if (api_list_all(r->api, &l, err) == 0)
		return json_pack("{s:o}", name, r->list);
	json_decref(r->list);
	return NULL;
}

json_t *
nic_list_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	const struct stats_segment *seg = api->link.statistics(api->link.ctx);
	struct stats sum;
	struct rows r = {.api = api, .image = api_image(api, err)};
	if (r.image == NULL)
		return NULL;
	if (seg != NULL) {
		stats_total(seg, &sum);
		r.sum = &sum;
	}
	return list_all(&r, CMD_NICS, sizeof(struct cmd_nic), nic_row, "nics", err);
}

static bool
neighbour_row(void *arg, const void *data)
{
	static const char *const states[] = {"dead", "up", "resolving"};
	struct rows *r = arg;
	const struct cmd_neighbour *c = data;
	static const uint8_t no_mac[6];
	char address[API_NAME], mac[API_NAME];
	json_t *o = json_pack("{s:s, s:s, s:o, s:s, s:b, s:i, s:o}", "address",
		name_address(&c->address, c->family, address), "nic", nic_name(r->image, c->nic),
		"mac", memcmp(c->mac, no_mac, 6) != 0 ? json_string(name_mac(c->mac, mac)) :
		json_null(), "state", c->state < 3 ? states[c->state] : "?", "static",
		c->is_static, "queued", c->queued, "age", name_time(c->age_ms * 1000000ull));
	json_object_update_new(o, realm_json(r->image, nic_realm(r->image, c->nic)));
	json_array_append_new(r->list, o);
	return true;
}

json_t *
neighbour_list_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	struct rows r = {.api = api, .image = api_image(api, err)};
	if (r.image == NULL)
		return NULL;
	return list_all(&r, CMD_NEIGHBOURS, sizeof(struct cmd_neighbour), neighbour_row,
	                "neighbours", err);
}

static json_t *
route_json(const struct image_header *h, const struct img_route *r)
{
	static const char *const kinds[] = {"?", "via", "connected", "local", "service", "pool",
	                                    "lb_local", "unreachable", "broadcast"};
	enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };
	_Static_assert((int)KINDS == (int)ROUTE_BROADCAST + 1, "each kind of route has a word");
	char address[API_NAME], prefix[API_NAME + 8];
	snprintf(prefix, sizeof(prefix), "%s/%u", name_address(&r->prefix, r->family, address),
	         r->plen);
	json_t *o = json_pack("{s:s, s:s}", "prefix", prefix, "kind",
	                      kinds[r->kind < KINDS ? r->kind : 0]);
	if (r->kind == ROUTE_VIA)
		json_object_set_new(o, "via",
		                    json_string(name_address(&r->gateway, r->family, address)));
	if (nic_name(h, r->nic)[0] != '\0')
		json_object_set_new(o, "nic", json_string(nic_name(h, r->nic)));
	json_object_update_new(o, realm_json(h, r->realm));
	return o;
}

json_t *
route_list_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	const struct image_header *h = api_image(api, err);
	uint32_t n;
	if (h == NULL)
		return NULL;
	const struct img_route *r = image_rows(h, IMG_ROUTES, &n);
	json_t *list = json_array();
	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(list, route_json(h, &r[i]));
	return json_pack("{s:o}", "routes", list);
}

/* gap_json: of records that name nobody. */
static json_t *
gap_json(const struct record *rec)
{
	json_t *o = json_pack("{s:o, s:s}", "time", name_time(rec->time_ns), "event",
	                      record_event_name(rec->event));
	if (rec->event == RECORD_CLOCK)
		json_object_set_new(o, "since", name_time(rec->since_ns));
	if (rec->event == RECORD_GAP)
		json_object_update_new(o, json_pack("{s:o, s:I, s:i}", "since",
			name_time(rec->since_ns), "lost", (json_int_t)rec->lost, "worker",
			rec->worker));
	return o;
}

/* session_set: what a record of a flow has beyond one of a mapping. */
static void
session_set(json_t *o, const struct record *rec)
{
	char far[API_NAME];
	json_object_update_new(o, json_pack("{s:s, s:i}", "far", name_v4(rec->far, far),
	                                    "far_port", rec->far_port));
	if (rec->event == RECORD_SESSION_DELETE)
		json_object_update_new(o, json_pack("{s:[I, I], s:[I, I]}",
			"packets", (json_int_t)rec->packets_out, (json_int_t)rec->packets_in,
			"bytes", (json_int_t)rec->bytes_out, (json_int_t)rec->bytes_in));
}

/* without: members that the event does not have. */
static void
without(json_t *o, const struct record *rec)
{
	static const char *const ports[] = {"port_first", "port_last"},
	                 *const whose[] = {"subscriber", "external", "realm"};
	bool has_subscriber = log_event_has_subscriber(rec);
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		if (rec->port_last == 0)
			json_object_del(o, ports[i]);
	for (size_t i = 0; i < sizeof(whose) / sizeof(whose[0]); i++)
		if (!has_subscriber)
			json_object_del(o, whose[i]);
	if (rec->external == 0)
		json_object_del(o, "external");
}

/* threshold_json: what is crossed. */
static void
threshold_json(json_t *o, const struct record *rec)
{
	json_object_update_new(o, json_pack("{s:s, s:I, s:I}", "threshold",
		log_threshold_name(rec->threshold), "used", (json_int_t)rec->used, "limit",
		(json_int_t)rec->limit));
}

/* limits_set: thresholds, and what a quota is. */
static void
limits_set(json_t *o, const struct record *rec)
{
	if (rec->event == RECORD_THRESHOLD)
		threshold_json(o, rec);
	if (rec->event == RECORD_QUOTA_EXCEEDED && log_quota_name(rec->quota) != NULL)
		json_object_set_new(o, "quota", json_string(log_quota_name(rec->quota)));
	if (rec->event == RECORD_QUOTA_EXCEEDED && rec->limit != 0)
		json_object_set_new(o, "limit", json_integer((json_int_t)rec->limit));
}

/* record_json: pool: its name, or "". */
static json_t *
record_json(struct api *api, const struct record *rec, const char *pool)
{
	char inside[API_NAME], external[API_NAME], proto[API_NAME], far[API_NAME];
	if (log_event_is_of_all(rec->event))
		return gap_json(rec);
	json_t *o = json_pack("{s:o, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:I}", "time",
		name_time(rec->time_ns), "event", record_event_name(rec->event), "subscriber",
		name_v4(rec->subscriber, inside), "external", name_v4(rec->external, external),
		"port_first", rec->port_first, "port_last", rec->port_last, "realm", rec->realm,
		"worker", rec->worker, "sequence", (json_int_t)rec->sequence);
	api_realm_put(api, o, rec->realm);
	if (pool[0] != '\0')
		json_object_set_new(o, "pool", json_string(pool));
	if (rec->proto != 0)
		json_object_set_new(o, "protocol", json_string(name_protocol(rec->proto, proto)));
	if (rec->inside_port != 0)
		json_object_set_new(o, "inside_port", json_integer(rec->inside_port));
	if (log_event_is_session(rec->event))
		session_set(o, rec);
	else if (rec->far != 0) /* a pair of addresses */
		json_object_set_new(o, "far", json_string(name_v4(rec->far, far)));
	limits_set(o, rec);
	without(o, rec);
	return o;
}

json_t *
api_record_json(struct api *api, const struct record *rec)
{
	return record_json(api, rec, nat_pool_name(api, rec->pool));
}

/* By what number a name is kept; it is, if there is room. */
static uint16_t
log_pool_named(struct api *api, const char *name)
{
	uint32_t i = 0;
	while (i < api->log_pools && strcmp(api->log_pool[i], name) != 0)
		i++;
	if (i == api->log_pools && i < API_LOG_POOLS)
		snprintf(api->log_pool[api->log_pools++], IMAGE_NAME, "%s", name);
	return (uint16_t)i;
}

uint16_t
log_pool_number(struct api *api, uint16_t row)
{
	const char *name = nat_pool_name(api, row);
	if (name[0] == '\0' || row >= NAT_MAX_POOLS)
		return API_LOG_POOLS;
	uint16_t *number = &api->log_pool_of[row];
	if (*number >= api->log_pools || strcmp(api->log_pool[*number], name) != 0)
		*number = log_pool_named(api, name);
	return *number;
}

static json_t *
kept_json(struct api *api, const struct record *rec)
{
	return record_json(api, rec, rec->pool < api->log_pools ? api->log_pool[rec->pool] : "");
}

/* What a listing of records wants. */
struct log_wish {
	struct cmd_nat_filter filter;
	be32 address; /* anybody's, if 0 */
};

static bool
log_wants(const struct log_wish *w, const struct record *rec)
{
	be32 a = w->address;
	return nat_filter_wants_record(&w->filter, rec) &&
	       (a == 0 || rec->subscriber == a || rec->external == a || rec->far == a);
}

/*
 * log_first: where a listing begins: at `since`, else so that the latest `limit` that are wanted
 * are in it. A number that has not been yet is one of a daemon before this one: from the oldest.
 */
static uint64_t
log_first(const struct api *api, const struct log_wish *w, const json_t *params, uint64_t limit)
{
	uint64_t oldest = api->log_count > API_LOG ? api->log_count - API_LOG : 0;
	uint64_t i = api->log_count;
	if (param_get(params, "since") != NULL) {
		uint64_t since = (uint64_t)param_integer(params, "since", 0);
		return since > oldest && since <= api->log_count ? since : oldest;
	}
	for (uint64_t n = 0; i > oldest && n < limit; i--)
		n += log_wants(w, &api->log[(i - 1) % API_LOG]);
	return i;
}

json_t *
log_list_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	uint64_t limit = (uint64_t)param_integer(params, "limit", API_PAGE), i;
	union addr a = {0};
	uint8_t family = FAMILY_V4;
	struct log_wish w;
	param_address(params, "address", &a, &family);
	w.address = a.w[0];
	if (family != FAMILY_V4)
		return rpc_fail(err, RPC_PARAMS, "address: wanted an IPv4 address");
	if (nat_filter_parse(api, param_string(params, "filter"), &w.filter, err) != 0)
		return NULL;
	if (w.filter.pool != 0)
		w.filter.pool = log_pool_number(api, (uint16_t)(w.filter.pool - 1)) + 1u;
	json_t *list = json_array();
	for (i = log_first(api, &w, params, limit); i < api->log_count; i++) {
		const struct record *rec = &api->log[i % API_LOG];
		if (json_array_size(list) == limit)
			break;
		if (log_wants(&w, rec))
			json_array_append_new(list, kept_json(api, rec));
	}
	return json_pack("{s:o, s:I}", "records", list, "next", (json_int_t)i);
}
