/* SPDX-License-Identifier: Apache-2.0 */
/* health.list, health.events and the requests that force health; health into the data plane. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "methods.h"

static json_t *
time_or_null(uint64_t ns)
{
	return ns != 0 ? name_time(ns) : json_null();
}

static json_t *
target_json(const struct health_target *t)
{
	const struct health_conf *c = &t->conf;
	char address[API_NAME];
	bool checked = t->checked_ns != 0, timed = t->latency_ns != 0; /* not what was restored */
	bool passive = passive_is_down(&t->passive, &c->passive) && t->forced == HEALTH_AUTO;
	char lowered[HEALTH_REASON];
	passive_reason(&t->passive, lowered, sizeof(lowered));
	return json_pack("{s:s, s:s, s:i, s:s, s:o, s:s, s:o, s:o, s:o, s:o}", "service",
	                 c->service, "address", name_address(&c->address, c->family, address),
	                 "port", ntohs(c->port), "health", health_word(t), "check",
	                 c->check != NULL ? json_string(c->check->name) : json_null(), "state",
	                 name_backend_state(c->configured), "since",
	                 time_or_null(passive ? t->passive.down_ns : t->state.since_ns),
	                 "checked", time_or_null(t->checked_ns),
	                 "latency_ms",
	                 timed ? json_real((double)(t->latency_ns / 1000) / 1e3) : json_null(),
	                 "reason",
	                 passive ? json_string(lowered) :
	                 checked ? json_string(t->reason) : json_null());
}

/* known_service: is there a service of this name in the document? */
static bool
known_service(struct api *api, const char *name, struct rpc_error *err)
{
	size_t i;
	return name == NULL || edit_service(api->doc, name, &i, err) != NULL;
}

static json_t *
load_json(const struct health_load *l)
{
	double mean = l->started != 0 ? (double)l->late_ns / (double)l->started : 0;
	return json_pack("{s:I, s:I, s:I, s:I, s:f, s:f}", "backends", (json_int_t)l->backends,
	                 "running", (json_int_t)l->running, "waiting", (json_int_t)l->waiting,
	                 "started", (json_int_t)l->started, "late_ms_mean", mean / 1e6,
	                 "late_ms_max", (double)l->late_max_ns / 1e6);
}

json_t *
health_list_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	const char *service = param_string(params, "service");
	const struct health *h = &api->health;
	size_t limit = (size_t)param_integer(params, "limit", API_PAGE);
	uint64_t at;
	if (param_cursor(params, &at, err) != 0 || !known_service(api, service, err))
		return NULL;
	json_t *rows = json_array();
	for (; at < h->n && json_array_size(rows) < limit; at++)
		if (service == NULL || strcmp(h->target[at]->conf.service, service) == 0)
			json_array_append_new(rows, target_json(h->target[at]));
	json_t *result = api_listing_result("backends", rows, at < h->n ? at : 0);
	json_object_set_new(result, "load", load_json(&h->load));
	return result;
}

static json_t *
event_json(const struct health_event *e)
{
	char address[API_NAME];
	return json_pack("{s:I, s:o, s:s, s:s, s:i, s:s, s:s, s:o}", "number",
	                 (json_int_t)e->number, "time", name_time(e->time_ns), "service",
	                 e->service, "address", name_address(&e->address, e->family, address),
	                 "port", ntohs(e->port), "health", e->health, "was", e->was, "reason",
	                 json_string(e->reason));
}

json_t *
health_events_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	const struct health *h = &api->health;
	uint64_t limit = (uint64_t)param_integer(params, "limit", API_PAGE);
	uint64_t oldest = h->events > HEALTH_EVENTS ? h->events - HEALTH_EVENTS : 0;
	uint64_t first = h->events - oldest > limit ? h->events - limit : oldest, i;
	if (param_get(params, "since") != NULL) {
		first = (uint64_t)param_integer(params, "since", 0);
		if (first < oldest || first > h->events) /* of a daemon before this one */
			first = oldest;
	}
	json_t *list = json_array();
	for (i = first; i < h->events && json_array_size(list) < limit; i++)
		json_array_append_new(list, event_json(&h->event[i % HEALTH_EVENTS]));
	return json_pack("{s:o, s:I}", "events", list, "next", (json_int_t)i);
}

/* target_of: the target that params name, which edit_backend has found to be one. */
static struct health_target *
target_of(struct api *api, const json_t *params, const json_t *service, const json_t *backend)
{
	const json_t *port = json_object_get(backend, "port") ?: json_object_get(service, "port");
	const char *name = param_string(params, "service");
	union addr a;
	uint8_t family;
	param_address(params, "address", &a, &family);
	for (size_t i = 0; i < api->health.n; i++) {
		struct health_target *t = api->health.target[i];
		if (strcmp(t->conf.service, name) == 0 && t->conf.family == family &&
		    addr_equal(&t->conf.address, &a) &&
		    ntohs(t->conf.port) == json_integer_value(port))
			return t;
	}
	return NULL;
}

static json_t *
force(struct api *api, const json_t *params, enum health_forced forced, struct rpc_error *err)
{
	size_t i;
	const struct image_header *running = api_image(api, err);
	if (running == NULL)
		return NULL;
	json_t *service = edit_service(api->doc, param_string(params, "service"), &i, err);
	json_t *backend = service == NULL ? NULL : edit_backend(service, params, &i, err);
	if (backend == NULL)
		return NULL;
	struct health_target *t = target_of(api, params, service, backend);
	if (t == NULL)
		return rpc_fail(err, API_NOT_FOUND, "the data plane does not know this backend");
	enum health_forced before = t->forced;
	health_force(&api->health, t, forced, api_now(api));
	int changed = health_apply(api, err);
	running = api->link.image(api->link.ctx);
	if (changed < 0) {
		health_force(&api->health, t, before, api_now(api));
		return NULL;
	}
	return json_pack("{s:I, s:b}", "generation",
	                 (json_int_t)(running != NULL ? running->generation : 0), "changed",
	                 changed != 0);
}

json_t *
backend_up_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	return force(api, params, HEALTH_FORCED_UP, err);
}

json_t *
backend_down_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	return force(api, params, HEALTH_FORCED_DOWN, err);
}

json_t *
backend_auto_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	return force(api, params, HEALTH_AUTO, err);
}
