/* SPDX-License-Identifier: Apache-2.0 */
/* Services, backends, local addresses. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "lb/state.h"
#include "model.h"
#include "service_place.h"

/* A service of the document and its place there; services are sorted before rows are made. */
struct named {
	struct img_lb_service row;
	const json_t *json;
	size_t at;
};

static int
service_compare(const void *x, const void *y)
{
	const struct named *na = x, *nb = y;
	int order = service_place_compare(&na->row, &nb->row);
	return order != 0 ? order : na->at < nb->at ? -1 : 1;
}

static uint8_t
fate_of(const json_t *json, const char *key)
{
	static const char *const words[LB_FATES] = {"move", "reset", "stay"};
	uint8_t fate = LB_FATE_MOVE;
	while (strcmp(words[fate], get_text(json, key)) != 0)
		fate++;
	return fate;
}

/* service_states: what becomes of flows when backends go. */
static void
service_states(struct img_lb_service *s, const json_t *json)
{
	static const char *const words[LB_NONES] = {"reject", "drop", "use-all"};
	s->dead = fate_of(json, "dead");
	s->over = fate_of(json_object_get(json, "drain"), "then");
	s->min_healthy = (uint16_t)get_int(json, "min_healthy");
	while (strcmp(words[s->when_none], get_text(json, "when_none")) != 0)
		s->when_none++;
}

static void
service_read(struct model *m, struct named *n, const json_t *json, size_t at)
{
	struct img_lb_service *s = &n->row;
	struct config_path path;
	memset(n, 0, sizeof(*n));
	n->json = json;
	n->at = at;
	snprintf(s->name, sizeof(s->name), "%s", get_text(json, "name"));
	service_place_read(m, json, at, s);
	while (strcmp(lb_mode_name(s->mode), get_text(json, "mode")) != 0)
		s->mode++;
	service_states(s, json);
	model_transport(m, s, json, at);
	path_make(&path, "lb.services[%zu].timeouts", at);
	s->timers = timers_row(m, json_object_get(json, "timeouts"), 1, path.text);
	model_choice(m, s, json, at);
}

static bool
backend_read(struct model *m, const struct named *n, size_t i, struct img_lb_backend *b)
{
	const json_t *json = json_array_get(json_object_get(n->json, "backends"), i);
	const json_t *port = json_object_get(json, "port");
	struct config_path path;
	addr_parse(get_text(json, "address"), &b->address, &b->family);
	b->port = port != NULL ? htons((uint16_t)json_integer_value(port)) :
	          n->row.port == n->row.port_last ? n->row.port : 0;
	b->weight = (uint32_t)get_int(json, "weight");
	b->max_flows = (uint32_t)get_int(json, "max_connections");
	b->state = (uint8_t)lb_state_of(get_text(json, "state"));
	b->priority = (uint8_t)get_int(json, "priority");
	path_make(&path, "lb.services[%zu].backends[%zu].server_id", n->at, i);
	model_server_id(m, &n->row, b, json, path.text);
	path_make(&path, "lb.services[%zu].backends[%zu].address", n->at, i);
	if (b->family == n->row.family || lb_mode_is_tunnel(n->row.mode))
		return true;
	config_error_add(m->errs, path.text, "%s and the service's address %s are of different "
	                 "families; expected IPv%u", get_text(json, "address"),
	                 get_text(n->json, "address"), n->row.family);
	return false;
}

static int
backend_compare(const void *x, const void *y)
{
	const struct img_lb_backend *a = x, *b = y;
	int order = addr_compare(&a->address, &b->address);
	return order != 0 ? order : memcmp(&a->port, &b->port, sizeof(a->port));
}

/* backends_unique: a sorted copy shows who is there twice. */
static void
backends_unique(struct model *m, const struct named *n, const struct img_lb_backend *rows, size_t k)
{
	struct config_path path;
	char text[ADDR_TEXT];
	struct img_lb_backend *sorted = calloc(k + 1, sizeof(*sorted));
	if (sorted == NULL) {
		m->failed = true;
		return;
	}
	memcpy(sorted, rows, k * sizeof(*sorted));
	qsort(sorted, k, sizeof(*sorted), backend_compare);
	path_make(&path, "lb.services[%zu].backends", n->at);
	for (size_t i = 1; i < k; i++)
		if (backend_compare(&sorted[i - 1], &sorted[i]) == 0)
			config_error_add(m->errs, path.text, "has %s port %u more than once; "
			                 "expected each address and port once",
			                 addr_put(text, &sorted[i].address, sorted[i].family),
			                 ntohs(sorted[i].port));
	free(sorted);
}

static void
service_backends(struct model *m, const struct named *n, struct img_lb_service *s)
{
	size_t k = json_array_size(json_object_get(n->json, "backends"));
	s->first_backend = (uint32_t)m->backends.n;
	s->backends = (uint32_t)k;
	for (size_t i = 0; i < k; i++) {
		struct img_lb_backend *b = rows_add(m, &m->backends);
		if (b == NULL)
			return;
		b->service = (uint32_t)m->services.n - 1;
		backend_read(m, n, i, b);
	}
	if (k > 1)
		backends_unique(m, n, rows_at(&m->backends, s->first_backend), k);
}

/* All services in the order of their rows, and who was the first with a list of local addresses. */
struct all {
	struct named *named;
	json_t *locals; /* {the list and its ports as text: place in named} */
};

/* locals_first: the first service with this very list and ports, which may be the one itself. */
static const struct named *
locals_first(struct model *m, const struct all *all, const struct named *n)
{
	json_t *both = json_pack("[O,s]", json_object_get(n->json, "local_addresses"),
	                         get_text(n->json, "local_ports"));
	char *key = json_dumps(both, JSON_COMPACT);
	const json_t *first = json_object_get(all->locals, key);
	size_t at = first != NULL ? (size_t)json_integer_value(first) : (size_t)(n - all->named);
	if (first == NULL && json_object_set_new(all->locals, key, json_integer((int)at)) != 0)
		m->failed = true;
	free(key);
	json_decref(both);
	return &all->named[at];
}

/* local_range: an item of the list; an IPv6 address stands alone. => addresses, 0 if too many. */
static uint32_t
local_range(const char *text, union addr *first, union addr *last, uint8_t *family)
{
	uint32_t a, b;
	if (addr_parse(text, first, family) && *family == FAMILY_V6) {
		*last = *first;
		return 1;
	}
	range4_parse(text, &a, &b);
	*family = FAMILY_V4;
	*first = v4_from_host(a);
	*last = v4_from_host(b);
	return b - a < LB_MAX_LOCALS ? b - a + 1 : 0;
}

static void
local_add(struct model *m, const struct named *n, const union addr *a, uint8_t family, size_t i)
{
	struct origin origin = {ORIGIN_LOCAL, (uint32_t)n->at, (uint32_t)i};
	struct img_lb_local *l = rows_add(m, &m->locals);
	if (l == NULL)
		return;
	l->address = *a;
	l->family = family;
	ports_parse(get_text(n->json, "local_ports"), &l->port_first, &l->port_last);
	struct img_route *r = route_host(m, ROUTE_LB_LOCAL, a, family, nic_of(m, a, family),
	                                 origin);
	if (r != NULL)
		r->arg = (uint32_t)m->locals.n - 1;
}

static void
locals_add(struct model *m, const struct named *n, size_t i)
{
	struct config_path path;
	const json_t *list = json_object_get(n->json, "local_addresses");
	const char *text = json_string_value(json_array_get(list, i));
	union addr first, last;
	uint8_t family;
	uint32_t k = local_range(text, &first, &last, &family);
	path_make(&path, "lb.services[%zu].local_addresses[%zu]", n->at, i);
	if (family != n->row.family)
		config_error_add(m->errs, path.text, "%s and the service's address %s are of "
		                 "different families; expected IPv%u", text,
		                 get_text(n->json, "address"), n->row.family);
	claim_add(m, &first, &last, family, ORIGIN_LOCAL, n->at, i);
	if (k == 0 || m->locals.n + k > LB_MAX_LOCALS) {
		config_error_add(m->errs, path.text, "%s makes more than %d local addresses "
		                 "together; expected fewer", text, LB_MAX_LOCALS);
		return;
	}
	for (uint32_t j = 0; j < k && !m->failed; j++) {
		union addr a = k == 1 ? first : v4_from_host(host_from_v4(&first) + j);
		local_add(m, n, &a, family, i);
	}
}

static void
service_locals(struct model *m, const struct all *all, struct named *n)
{
	struct config_path path;
	size_t k = json_array_size(json_object_get(n->json, "local_addresses"));
	bool fullnat = n->row.mode == LB_MODE_FULLNAT;
	path_make(&path, "lb.services[%zu].local_addresses", n->at);
	if (fullnat != (k != 0))
		config_error_add(m->errs, path.text, fullnat ?
		                 "missing; fullnat needs one address at least" :
		                 "is of no use in mode %s; expected mode fullnat, or none of it",
		                 lb_mode_name(n->row.mode));
	if (!fullnat || k == 0)
		return;
	const struct named *shared = locals_first(m, all, n);
	if (shared != n && shared->row.locals != 0) {
		n->row.locals = shared->row.locals;
		n->row.first_local = shared->row.first_local;
		return;
	}
	n->row.first_local = (uint32_t)m->locals.n;
	for (size_t i = 0; i < k; i++)
		locals_add(m, n, i);
	n->row.locals = (uint32_t)m->locals.n - n->row.first_local;
}

/* service_clashes: with those of the same prefix before it. */
static void
service_clashes(struct model *m, const struct named *all, const struct named *n)
{
	struct config_path path;
	path_make(&path, "lb.services[%zu].port", n->at);
	if (n > all && service_place_compare(&n[-1].row, &n->row) == 0)
		config_error_add(m->errs, path.text, "lb.services[%zu] has this address, port and "
		                 "protocol too; expected each once", n[-1].at);
	path_make(&path, "lb.services[%zu].ports", n->at);
	for (const struct named *o = n; o > all && service_same_prefix(&o[-1].row, &n->row); o--)
		if (service_places_clash(&o[-1].row, &n->row))
			config_error_add(m->errs, path.text, "%u-%u overlaps ports %u-%u of "
			                 "lb.services[%zu] in part; expected ranges apart, or one "
			                 "within the other", ntohs(n->row.port),
			                 ntohs(n->row.port_last), ntohs(o[-1].row.port),
			                 ntohs(o[-1].row.port_last), o[-1].at);
}

static void
service_add(struct model *m, const struct all *all, struct named *n)
{
	struct origin origin = {ORIGIN_SERVICE, (uint32_t)n->at, 0};
	struct img_lb_service *s = rows_add(m, &m->services);
	if (s == NULL)
		return;
	service_locals(m, all, n);
	service_backends(m, n, &n->row);
	if (!m->failed && n->row.backends != 0)
		lb_state_settle(&n->row, rows_at(&m->backends, n->row.first_backend));
	*s = n->row;
	service_ways(m, s, n->json, n->at);
	service_clashes(m, all->named, n);
	if (n == all->named || !service_same_prefix(&n[-1].row, &n->row))
		service_place_route(m, &n->row, origin);
}

/* As many as is said, or as the running millrace has, or as there can be fullnat flows. */
static void
endpoints_capacity(struct model *m, bool wanted)
{
	uint32_t n;
	struct img_plane *p = &m->plane;
	const struct img_plane *old = m->previous == NULL ? NULL
		: image_rows(m->previous, IMG_PLANE, &n);
	const json_t *capacity = model_get(m, "lb", "capacity");
	if (json_object_get(capacity, "endpoints") != NULL)
		p->endpoints = (uint32_t)get_int(capacity, "endpoints");
	else if (old != NULL && old->endpoints != 0)
		p->endpoints = old->endpoints;
	else
		p->endpoints = wanted ? p->flows_v4 + p->flows_v6 : 0;
	if (wanted && p->endpoints == 0)
		config_error_add(m->errs, "lb.capacity.endpoints", "is 0, but a service is "
		                 "fullnat; expected 1 at least");
}

/* services_add: all of them, in the order of the document, to rows in theirs. */
static void
services_add(struct model *m, const struct all *all, size_t n)
{
	const json_t *services = model_get(m, "lb", "services");
	bool fullnat = false, persistent = false;
	for (size_t i = 0; i < n; i++) {
		service_read(m, &all->named[i], json_array_get(services, i), i);
		fullnat |= all->named[i].row.mode == LB_MODE_FULLNAT;
		persistent |= all->named[i].row.choice.persistence_s != 0;
	}
	endpoints_capacity(m, fullnat);
	model_persistence(m, persistent);
	qsort(all->named, n, sizeof(*all->named), service_compare);
	for (size_t i = 0; i < n && !m->failed; i++)
		service_add(m, all, &all->named[i]);
}

void
model_lb(struct model *m)
{
	size_t n = json_array_size(model_get(m, "lb", "services"));
	struct all all = {calloc(n + 1, sizeof(struct named)), json_object()};
	m->failed |= all.named == NULL || all.locals == NULL;
	if (!m->failed) {
		services_add(m, &all, n);
		model_shifts(m);
	}
	if (m->backends.n > LB_MAX_BACKENDS)
		config_error_add(m->errs, "lb.services", "have %zu backends together; there may be "
		                 "%d", m->backends.n, LB_MAX_BACKENDS);
	free(all.named);
	json_decref(all.locals);
}

void
model_backends(struct model *m)
{
	const json_t *services = model_get(m, "lb", "services"), *service, *backend;
	struct config_path path;
	size_t i, j;
	json_array_foreach((json_t *)services, i, service) {
		json_array_foreach(json_object_get(service, "backends"), j, backend) {
			union addr a;
			uint8_t family;
			addr_parse(get_text(backend, "address"), &a, &family);
			const struct claim *ours = claim_find(m, 0, &a, family);
			if (ours == NULL)
				continue;
			path_make(&path, "lb.services[%zu].backends[%zu].address", i, j);
			config_error_add(m->errs, path.text, "%s is our own address (%s); expected "
			                 "that of another machine", get_text(backend, "address"),
			                 origin_text(m, ours->origin));
		}
	}
}
