/* SPDX-License-Identifier: Apache-2.0 */
/* flow.*: connections as the data plane has them. */
#include <arpa/inet.h>
#include <string.h>

#include "internal.h"
#include "lib/conn.h"
#include "methods.h"

struct flow_rows {
	struct api *api;
	json_t *rows;
	int realm; /* of either end, or -1: any */
};

/* A tuple that is a name of its flow is of the outside. */
static int
realm_of(const struct tuple *t)
{
	return t->realm < IMG_MAX_REALMS ? t->realm : 0;
}

static json_t *
view_json(struct api *api, const struct cmd_flow *f, int d)
{
	const struct tuple *t = &f->tuple[d];
	char src[API_NAME], dst[API_NAME];
	int realm = realm_of(t);
	json_t *o = json_pack("{s:s, s:i, s:s, s:i, s:i}", "source",
		name_address(&t->src, t->family, src), "source_port", ntohs(t->sport),
		"destination", name_address(&t->dst, t->family, dst), "destination_port",
		ntohs(t->dport), "realm", realm);
	return api_realm_put(api, o, (unsigned)realm);
}

static void
add_backend(struct api *api, json_t *row, uint32_t id)
{
	const struct image_header *h = api->link.image(api->link.ctx);
	const struct img_lb_backend *b = api_backend_by_id(api, id);
	char name[API_NAME];
	uint32_t n;
	if (b == NULL)
		return;
	const struct img_lb_service *s = image_rows(h, IMG_LB_SERVICES, &n);
	json_object_set_new(row, "backend",
	                    json_string(name_endpoint(&b->address, b->family, b->port, name)));
	if (b->service < n)
		json_object_set_new(row, "service", json_string(s[b->service].name));
}

static bool
flow_row(void *arg, const void *data)
{
	struct flow_rows *fr = arg;
	const struct cmd_flow *f = data;
	const char *policy = name_policy(f->policy);
	char proto[API_NAME];
	if (fr->realm >= 0 && realm_of(&f->tuple[0]) != fr->realm &&
	    realm_of(&f->tuple[1]) != fr->realm)
		return false;
	json_t *row = json_pack("{s:s, s:s, s:s, s:i, s:o, s:o, s:[I, I], s:[I, I], s:o, s:o}",
		"protocol", name_protocol(f->tuple[0].proto, proto), "state",
		conn_state_name(f->state), "policy", policy, "worker", f->worker, "original",
		view_json(fr->api, f, 0), "reply", view_json(fr->api, f, 1), "packets",
		(json_int_t)f->packets[0], (json_int_t)f->packets[1], "bytes",
		(json_int_t)f->bytes[0], (json_int_t)f->bytes[1], "idle",
		name_time(f->idle_ms * 1000000ull), "expires_in",
		name_time(f->left_ms * 1000000ull));
	if (strcmp(policy, "lb") == 0)
		add_backend(fr->api, row, f->owner);
	json_array_append_new(fr->rows, row);
	return true;
}

/* filter_words: the parts of a filter that are names. => 0, or -1 and err. */
static int
filter_words(const json_t *params, struct cmd_filter *f, struct rpc_error *err)
{
	const char *proto = param_string(params, "filter.protocol");
	const char *state = param_string(params, "filter.state");
	const char *policy = param_string(params, "filter.policy");
	int p = proto != NULL ? name_parse_protocol(proto) : 0;
	int s = state != NULL ? name_parse_state(state) : 0;
	int o = policy != NULL ? name_parse_policy(policy) : -1;
	if (p < 0)
		rpc_fail(err, RPC_PARAMS,
		         "filter.protocol: wanted tcp, udp, icmp, icmp6 or a number");
	else if (s < 0)
		rpc_fail(err, RPC_PARAMS, "filter.state: no state is called \"%.32s\"", state);
	else if (policy != NULL && o < 0)
		rpc_fail(err, RPC_PARAMS, "filter.policy: wanted nat or lb");
	if (err->code != 0)
		return -1;
	f->proto = (uint8_t)p;
	f->state = (uint8_t)s;
	f->policy = (uint8_t)(o + 1);
	return 0;
}

static int
filter_addresses(const json_t *params, struct cmd_filter *f, struct rpc_error *err)
{
	static const char *const names[] = {"filter.address", "filter.source",
	                                    "filter.destination"};
	union addr *const to[] = {&f->any, &f->src, &f->dst};
	uint8_t family = (uint8_t)param_integer(params, "filter.family", 0), seen;
	for (int i = 0; i < 3; i++) {
		if (!param_address(params, names[i], to[i], &seen))
			continue;
		if (family != 0 && family != seen) {
			rpc_fail(err, RPC_PARAMS, "%s: is of the other family", names[i]);
			return -1;
		}
		family = seen;
	}
	if (family == 5) {
		rpc_fail(err, RPC_PARAMS, "filter.family: wanted 4 or 6");
		return -1;
	}
	f->family = family;
	f->any_port = htons((uint16_t)param_integer(params, "filter.port", 0));
	f->sport = htons((uint16_t)param_integer(params, "filter.source_port", 0));
	f->dport = htons((uint16_t)param_integer(params, "filter.destination_port", 0));
	f->worker = (uint16_t)(param_integer(params, "filter.worker", -1) + 1);
	return 0;
}

/* filter_service: a service's flows are those whose initiator speaks to its address. */
static int
filter_service(const struct image_header *h, const char *name, struct cmd_filter *f, int *row,
               struct rpc_error *err)
{
	uint32_t n;
	const struct img_lb_service *s = image_rows(h, IMG_LB_SERVICES, &n);
	for (uint32_t i = 0; i < n; i++) {
		if (strcmp(s[i].name, name) != 0)
			continue;
		*row = (int)i;
		f->dst = s[i].address;
		f->dst_wide = (uint8_t)(addr_bits(s[i].family) - s[i].plen);
		f->dport = s[i].port;
		f->dport_last = s[i].port_last;
		f->proto = s[i].proto;
		f->family = s[i].family;
		f->policy = (uint8_t)(name_parse_policy("lb") + 1);
		return 0;
	}
	rpc_fail(err, API_NOT_FOUND, "filter.service: no service \"%.32s\"", name);
	return -1;
}

static int
filter_backend(const struct image_header *h, const char *name, int service,
               struct cmd_filter *f, struct rpc_error *err)
{
	uint32_t n;
	const struct img_lb_backend *b = image_rows(h, IMG_LB_BACKENDS, &n);
	char address[API_NAME], endpoint[API_NAME];
	for (uint32_t i = 0; i < n; i++) {
		if (service >= 0 && b[i].service != (uint32_t)service)
			continue;
		if (strcmp(name_address(&b[i].address, b[i].family, address), name) != 0 &&
		    strcmp(name_endpoint(&b[i].address, b[i].family, b[i].port, endpoint),
		           name) != 0)
			continue;
		if (f->owner != 0) {
			rpc_fail(err, RPC_PARAMS, "filter.backend: several backends are %.48s; add "
			         "its port or filter.service", name);
			return -1;
		}
		f->owner = b[i].id + 1;
		f->policy = (uint8_t)(name_parse_policy("lb") + 1);
	}
	if (f->owner != 0)
		return 0;
	rpc_fail(err, API_NOT_FOUND, "filter.backend: no backend %.48s", name);
	return -1;
}

static int
filter_balancer(struct api *api, const json_t *params, struct cmd_filter *f,
                struct rpc_error *err)
{
	const char *service = param_string(params, "filter.service");
	const char *backend = param_string(params, "filter.backend");
	int row = -1;
	if (service == NULL && backend == NULL)
		return 0;
	const struct image_header *h = api_image(api, err);
	if (h == NULL || (service != NULL && filter_service(h, service, f, &row, err) != 0))
		return -1;
	return backend != NULL ? filter_backend(h, backend, row, f, err) : 0;
}

json_t *
flow_list_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	struct flow_rows fr = {.api = api};
	struct listing l = {.kind = CMD_FLOWS, .row_size = sizeof(struct cmd_flow), .row = flow_row,
	                    .arg = &fr,
	                    .limit = (uint32_t)param_integer(params, "limit", API_PAGE)};
	if (api_param_realm(api, params, &fr.realm, err) != 0 ||
	    filter_words(params, &l.filter, err) != 0 ||
	    filter_addresses(params, &l.filter, err) != 0 ||
	    filter_balancer(api, params, &l.filter, err) != 0 ||
	    param_cursor(params, &l.cursor, err) != 0)
		return NULL;
	fr.rows = json_array();
	if (api_list(api, &l, err) == 0)
		return api_listing_result("flows", fr.rows, l.cursor);
	json_decref(fr.rows);
	return NULL;
}

json_t *
flow_count_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	const struct stats_segment *seg = api_statistics(api, err);
	if (seg == NULL)
		return NULL;
	struct stats sum;
	stats_total(seg, &sum);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
	                 "flows", (json_int_t)(sum.flows_v4 + sum.flows_v6),
	                 "ipv4", (json_int_t)sum.flows_v4, "ipv6", (json_int_t)sum.flows_v6,
	                 "opened", (json_int_t)sum.flows_opened,
	                 "ended", (json_int_t)sum.flows_ended,
	                 "capacity_ipv4", (json_int_t)sum.capacity_v4,
	                 "capacity_ipv6", (json_int_t)sum.capacity_v6);
}
