/* SPDX-License-Identifier: Apache-2.0 */
/* service.* and backend.list: what is balanced, with the flows that each backend has now. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "lb/state.h"
#include "methods.h"

void
backend_sum(const struct stats_segment *s, uint32_t id, struct backend_sum *sum)
{
	uint64_t ended = 0;
	memset(sum, 0, sizeof(*sum));
	for (uint32_t c = 0; s != NULL && id < STATS_BACKENDS && c < s->contexts; c++) {
		const struct stats_backend *b = &stats_backends(s, c)[id];
		sum->opened += b->opened;
		ended += b->ended;
		for (int d = 0; d < 2; d++) {
			sum->packets[d] += b->packets[d];
			sum->bytes[d] += b->bytes[d];
		}
	}
	sum->live = sum->opened > ended ? sum->opened - ended : 0;
}

struct lb_view {
	const struct health *health;
	const struct stats_segment *stats;
	const struct img_lb_service *service;
	const struct img_lb_backend *backend;
	uint32_t services, backends;
	uint64_t now_ns;
};

static int
lb_view(struct api *api, struct lb_view *v, struct rpc_error *err)
{
	const struct image_header *h = api_image(api, err);
	if (h == NULL)
		return -1;
	v->health = &api->health;
	v->now_ns = api_now(api);
	v->stats = api->link.statistics(api->link.ctx);
	v->service = image_rows(h, IMG_LB_SERVICES, &v->services);
	v->backend = image_rows(h, IMG_LB_BACKENDS, &v->backends);
	return 0;
}

/* share: of the service's new flows, in percent, by weight. */
static double
share(const struct lb_view *v, const struct img_lb_service *s, const struct img_lb_backend *b)
{
	uint64_t weights = 0;
	for (uint32_t i = 0; i < s->backends && s->first_backend + i < v->backends; i++)
		weights += lb_state_share(&v->backend[s->first_backend + i]);
	return weights != 0 ? 100.0 * lb_state_share(b) / (double)weights : 0;
}

static json_t *
backend_json(const struct lb_view *v, const struct img_lb_service *s,
             const struct img_lb_backend *b)
{
	char address[API_NAME];
	const struct health_target *t = health_by_row(v->health, (uint32_t)(b - v->backend),
	                                              b->id);
	struct backend_sum sum;
	backend_sum(v->stats, b->id, &sum);
	return json_pack("{s:s, s:s, s:i, s:I, s:s, s:s, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:s, "
	                 "s:i, s:o, s:o}",
	                 "service", s->name, "address",
	                 name_address(&b->address, b->family, address), "port", ntohs(b->port),
	                 "weight", (json_int_t)b->weight, "state",
	                 name_backend_state(t != NULL ? t->conf.configured : b->state),
	                 "health", t != NULL ? health_word(t) : "none",
	                 "share", share(v, s, b), "flows", (json_int_t)sum.live, "opened",
	                 (json_int_t)sum.opened, "packets_in", (json_int_t)sum.packets[0],
	                 "packets_out", (json_int_t)sum.packets[1], "bytes_in",
	                 (json_int_t)sum.bytes[0], "bytes_out", (json_int_t)sum.bytes[1],
	                 "serves_as", name_backend_state(b->state), "priority", b->priority,
	                 "drain", drain_json(t, sum.live, v->now_ns), "slow_start",
	                 slow_start_json(t, v->now_ns));
}

static json_t *
backends_json(const struct lb_view *v, const struct img_lb_service *s, json_t *list)
{
	for (uint32_t i = 0; i < s->backends && s->first_backend + i < v->backends; i++)
		json_array_append_new(list, backend_json(v, s, &v->backend[s->first_backend + i]));
	return list;
}

/* service_place: "192.0.2.1:80", "192.0.2.0/24", "[2001:db8::1]:1000-1999"; all ports: none. */
static json_t *
service_place(const struct img_lb_service *s)
{
	char address[API_NAME], text[2 * API_NAME];
	unsigned first = ntohs(s->port), last = ntohs(s->port_last);
	bool v6 = s->family == FAMILY_V6, all = first == 1 && last == 65535;
	int n = snprintf(text, sizeof(text), v6 && !all ? "[%.46s" : "%.46s",
	                 name_address(&s->address, s->family, address));
	if (s->plen != addr_bits(s->family))
		n += snprintf(text + n, sizeof(text) - (size_t)n, "/%u", s->plen);
	if (!all)
		n += snprintf(text + n, sizeof(text) - (size_t)n, v6 ? "]:%u" : ":%u", first);
	if (!all && last != first)
		snprintf(text + n, sizeof(text) - (size_t)n, "-%u", last);
	return json_string(text);
}

static json_t *
service_json(const struct lb_view *v, const struct img_lb_service *s)
{
	char address[API_NAME], proto[API_NAME];
	uint64_t flows = 0, opened = 0;
	uint32_t ready = 0;
	for (uint32_t i = 0; i < s->backends && s->first_backend + i < v->backends; i++) {
		const struct img_lb_backend *b = &v->backend[s->first_backend + i];
		struct backend_sum sum;
		backend_sum(v->stats, b->id, &sum);
		flows += sum.live;
		opened += sum.opened;
		ready += b->state == LB_READY && b->weight != 0;
	}
	return json_pack("{s:s, s:s, s:i, s:i, s:i, s:o, s:s, s:s, s:s, s:I, s:I, s:I, s:I}",
	                 "name", s->name,
	                 "address", name_address(&s->address, s->family, address),
	                 "prefix_length", s->plen, "port", ntohs(s->port), "last_port",
	                 ntohs(s->port_last), "place", service_place(s), "protocol",
	                 name_protocol(s->proto, proto), "mode",
	                 lb_mode_name(s->mode), "scheduler",
	                 name_scheduler(s->choice.scheduler), "backends",
	                 (json_int_t)s->backends, "ready", (json_int_t)ready, "flows",
	                 (json_int_t)flows, "opened", (json_int_t)opened);
}

json_t *
service_list_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	struct lb_view v;
	if (lb_view(api, &v, err) != 0)
		return NULL;
	json_t *list = json_array();
	for (uint32_t i = 0; i < v.services; i++)
		json_array_append_new(list, service_json(&v, &v.service[i]));
	return json_pack("{s:o}", "services", list);
}

static const struct img_lb_service *
service_by_name(const struct lb_view *v, const char *name, struct rpc_error *err)
{
	for (uint32_t i = 0; i < v->services; i++)
		if (strcmp(v->service[i].name, name) == 0)
			return &v->service[i];
	rpc_fail(err, API_NOT_FOUND, "no service \"%s\"; service.list has them", name);
	return NULL;
}

json_t *
service_show_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	struct lb_view v;
	if (lb_view(api, &v, err) != 0)
		return NULL;
	const struct img_lb_service *s = service_by_name(&v, param_string(params, "name"), err);
	if (s == NULL)
		return NULL;
	return json_pack("{s:o, s:o}", "service", service_json(&v, s), "backends",
	                 backends_json(&v, s, json_array()));
}

json_t *
backend_list_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	const char *name = param_string(params, "service");
	const struct img_lb_service *only = NULL;
	struct lb_view v;
	if (lb_view(api, &v, err) != 0 ||
	    (name != NULL && (only = service_by_name(&v, name, err)) == NULL))
		return NULL;
	json_t *list = json_array();
	for (uint32_t i = 0; i < v.services; i++)
		if (only == NULL || only == &v.service[i])
			backends_json(&v, &v.service[i], list);
	return json_pack("{s:o}", "backends", list);
}

/* row_of: the backend that params name (address, port?) in a service of the image. */
static const struct img_lb_backend *
row_of(const struct lb_view *v, const struct img_lb_service *s, const json_t *params)
{
	const struct img_lb_backend *found = NULL;
	long long port = param_integer(params, "port", 0);
	union addr a;
	uint8_t family;
	param_address(params, "address", &a, &family);
	for (uint32_t i = 0; i < s->backends && s->first_backend + i < v->backends; i++) {
		const struct img_lb_backend *b = &v->backend[s->first_backend + i];
		if (b->family != family || !addr_equal(&b->address, &a) ||
		    (port != 0 && ntohs(b->port) != port))
			continue;
		if (found != NULL)
			return NULL;
		found = b;
	}
	return found;
}

json_t *
backend_show_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	struct lb_view v;
	if (lb_view(api, &v, err) != 0)
		return NULL;
	const struct img_lb_service *s = service_by_name(&v, param_string(params, "service"), err);
	if (s == NULL)
		return NULL;
	const struct img_lb_backend *b = row_of(&v, s, params);
	if (b == NULL)
		return rpc_fail(err, API_NOT_FOUND, "no backend, or more than one, of this "
		                "address; backend.list has them, a port says which");
	return json_pack("{s:o}", "backend", backend_json(&v, s, b));
}

json_t *
service_add_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	json_t *doc = edit_copy(api, err);
	if (doc == NULL)
		return NULL;
	json_array_append(edit_array(doc, "lb", "services", true),
	                  json_object_get(params, "service"));
	return edit_apply(api, doc, err);
}

json_t *
service_remove_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	json_t *doc = edit_copy(api, err);
	size_t i;
	if (doc == NULL)
		return NULL;
	if (edit_service(doc, param_string(params, "name"), &i, err) == NULL) {
		json_decref(doc);
		return NULL;
	}
	json_array_remove(edit_array(doc, "lb", "services", false), i);
	return edit_apply(api, doc, err);
}
