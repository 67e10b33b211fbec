/* SPDX-License-Identifier: Apache-2.0 */
/* service.* and backend.list: what is balanced, with the flows that each backend has now. */
#include <arpa/inet.h>
#include <string.h>

#include "lb_page.h"
#include "methods.h"

/* backend_json: weights: of all of the service's. */
static json_t *
backend_json(const struct lb_rows *v, const struct img_lb_service *s,
             const struct img_lb_backend *b, uint64_t weights)
{
	char address[API_NAME];
	const struct health_target *t = health_by_row(v->health, (uint32_t)(b - v->backend),
	                                              b->id);
	struct backend_sum sum;
	backend_sum(v->stats, b->id, &sum);
	return json_pack("{s:s, s:s, s:i, s:I, s:s, s:s, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:s, "
	                 "s:i, s:o, s:o, s:o}",
	                 "service", s->name, "address",
	                 name_address(&b->address, b->family, address), "port", ntohs(b->port),
	                 "weight", (json_int_t)b->weight, "state",
	                 name_backend_state(t != NULL ? t->conf.configured : b->state),
	                 "health", t != NULL ? health_word(t) : "none",
	                 "share", lb_rows_share(b, weights), "flows", (json_int_t)sum.live,
	                 "opened", (json_int_t)sum.opened, "packets_in", (json_int_t)sum.packets[0],
	                 "packets_out", (json_int_t)sum.packets[1], "bytes_in",
	                 (json_int_t)sum.bytes[0], "bytes_out", (json_int_t)sum.bytes[1],
	                 "serves_as", name_backend_state(b->state), "priority", b->priority,
	                 "drain", drain_json(t, sum.live, v->now_ns), "slow_start",
	                 slow_start_json(t, v->now_ns), "local_ports",
	                 lb_rows_ports(v, s, &sum));
}

/* backends_add: those of a service that are on the page. */
static void
backends_add(struct lb_page *p, const struct img_lb_service *s, json_t *list)
{
	const struct img_lb_backend *b;
	while ((b = lb_page_backend(p)) != NULL)
		json_array_append_new(list, backend_json(&p->v, s, b, p->weights));
}

static json_t *
service_json(const struct lb_rows *v, const struct img_lb_service *s)
{
	char address[API_NAME], proto[API_NAME];
	uint64_t flows = 0, opened = 0, half = 0, stateless = 0;
	uint32_t ready = 0;
	for (uint32_t i = 0; i < s->backends && s->first_backend + i < v->backends; i++) {
		const struct img_lb_backend *b = &v->backend[s->first_backend + i];
		struct backend_sum sum;
		backend_sum(v->stats, b->id, &sum);
		flows += sum.live;
		opened += sum.opened;
		half += sum.half;
		stateless += sum.stateless;
		ready += b->state == LB_READY && b->weight != 0;
	}
	return json_pack("{s:s, s:s, s:i, s:i, s:i, s:o, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, "
	                 "s:I}",
	                 "name", s->name,
	                 "address", name_address(&s->address, s->family, address),
	                 "prefix_length", s->plen, "port", ntohs(s->port), "last_port",
	                 ntohs(s->port_last), "place", lb_rows_place(s), "protocol",
	                 name_protocol(s->proto, proto), "mode",
	                 lb_mode_name(s->mode), "scheduler",
	                 name_scheduler(s->choice.scheduler), "backends",
	                 (json_int_t)s->backends, "ready", (json_int_t)ready, "flows",
	                 (json_int_t)flows, "half_open", (json_int_t)half, "stateless",
	                 (json_int_t)stateless, "opened", (json_int_t)opened);
}

json_t *
service_list_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	struct lb_page p;
	const struct img_lb_service *s;
	if (lb_page_begin(api, params, &p, err) != 0)
		return NULL;
	json_t *list = json_array();
	while ((s = lb_page_service(&p)) != NULL) {
		json_array_append_new(list, service_json(&p.v, s));
		lb_page_spend(&p, lb_page_sums(&p, s));
		lb_page_done(&p);
	}
	return lb_page_result(&p, json_pack("{s:o}", "services", list));
}

json_t *
service_show_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	struct lb_page p;
	const struct img_lb_service *s;
	if (lb_page_begin(api, params, &p, err) != 0)
		return NULL;
	json_t *list = json_array();
	while ((s = lb_page_service(&p)) != NULL)
		backends_add(&p, s, list);
	return lb_page_result(&p, json_pack("{s:o, s:o}", "service", service_json(&p.v, p.only),
	                                    "backends", list));
}

json_t *
backend_list_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	struct lb_page p;
	const struct img_lb_service *s;
	if (lb_page_begin(api, params, &p, err) != 0)
		return NULL;
	json_t *list = json_array();
	while ((s = lb_page_service(&p)) != NULL)
		backends_add(&p, s, list);
	return lb_page_result(&p, json_pack("{s:o}", "backends", list));
}

json_t *
backend_show_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	struct lb_rows v;
	if (lb_rows_get(api, &v, err) != 0)
		return NULL;
	const struct img_lb_service *s = lb_rows_service(&v, param_string(params, "service"), err);
	if (s == NULL)
		return NULL;
	const struct img_lb_backend *b = lb_rows_backend(&v, s, params, err);
	if (b == NULL)
		return NULL;
	return json_pack("{s:o}", "backend", backend_json(&v, s, b, lb_rows_weights(&v, s)));
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
