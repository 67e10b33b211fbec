/* SPDX-License-Identifier: Apache-2.0 */
/* Making the rows of a document, part by part. */
#include "model.h"

#include <stdlib.h>

#include "guards.h"
#include "options.h"
#include "walk.h"

void *
rows_add(struct model *m, struct rows *r)
{
	if (r->n == r->room) {
		size_t room = r->room == 0 ? 16 : r->room * 2;
		void *data = realloc(r->data, room * r->size);
		if (data == NULL) {
			m->failed = true;
			return NULL;
		}
		r->data = data;
		r->room = room;
	}
	return memset(rows_at(r, r->n++), 0, r->size);
}

/* cores_given: the CPUs that the document names; each once. */
static void
cores_given(struct model *m, const json_t *cores)
{
	for (size_t i = 0; i < json_array_size(cores); i++) {
		m->plane.core[i] = (uint16_t)json_integer_value(json_array_get(cores, i));
		for (size_t j = 0; j < i; j++) {
			struct config_path path;
			path_make(&path, "workers.cores[%zu]", i);
			if (m->plane.core[i] == m->plane.core[j])
				config_error_add(m->errs, path.text, "CPU %u is workers.cores[%zu] "
				                 "too; each worker has its own", m->plane.core[i],
				                 j);
		}
	}
}

static void
model_cores(struct model *m, const json_t *workers)
{
	const json_t *cores = json_object_get(workers, "cores");
	const json_t *count = json_object_get(workers, "count");
	size_t n = json_array_size(cores);
	m->plane.workers = (uint16_t)(n != 0 ? n : 1);
	if (count != NULL)
		m->plane.workers = (uint16_t)json_integer_value(count);
	if (n != 0) {
		cores_given(m, cores);
		if (n != m->plane.workers)
			config_error_add(m->errs, "workers.cores", "names %zu CPUs, workers.count "
			                 "is %u; expected one CPU a worker", n, m->plane.workers);
		return;
	}
	for (unsigned i = 0; i < m->plane.workers; i++)
		m->plane.core[i] = (uint16_t)(m->plane.main_core + 1 + i);
	if (m->plane.main_core + m->plane.workers > CONFIG_MAX_CORE)
		config_error_add(m->errs, "workers.main_core", "the workers' CPUs, which follow "
		                 "it, are above %d; expected a lower one, or workers.cores",
		                 CONFIG_MAX_CORE);
}

static uint8_t
echo_read(const char *word)
{
	return strcmp(word, "never") == 0 ? IMG_ECHO_NEVER :
	       strcmp(word, "healthy") == 0 ? IMG_ECHO_HEALTHY : IMG_ECHO_ALWAYS;
}

static uint8_t
unclaimed_bit(const struct model *m, const char *family, uint8_t bit)
{
	const char *what = get_text(model_get(m, "routing", "unclaimed"), family);
	return strcmp(what, "route") == 0 ? bit : 0;
}

void
model_workers(struct model *m)
{
	const json_t *w = json_object_get(m->doc, "workers");
	const json_t *flows = json_object_get(w, "flows");
	const json_t *capacity = model_get(m, "nat", "capacity");
	struct img_plane *p = &m->plane;
	p->main_core = (uint16_t)get_int(w, "main_core");
	p->flows_v4 = (uint32_t)get_int(flows, "ipv4");
	p->flows_v6 = (uint32_t)get_int(flows, "ipv6");
	p->mappings = (uint32_t)get_int(capacity, "mappings");
	p->subscribers = (uint32_t)get_int(capacity, "subscribers");
	p->buffers = (uint32_t)get_int(w, "buffers");
	p->huge_pages = strcmp(get_text(w, "huge_pages"), "never") != 0;
	p->icmp_rate_pps = (uint32_t)get_int(w, "icmp_rate");
	p->icmp_burst = (uint32_t)get_int(w, "icmp_burst");
	p->idle_us = (uint32_t)get_int(w, "idle_us");
	p->pool_echo = json_is_true(model_get(m, "nat", "answer_echo"));
	p->reset_is_final = json_is_false(model_get(m, "nat", "reset_revives"));
	p->service_echo = echo_read(get_text(json_object_get(m->doc, "lb"), "answer_echo"));
	p->routes_unclaimed = unclaimed_bit(m, "ipv4", 1) | unclaimed_bit(m, "ipv6", 2);
	p->sources = (uint32_t)get_int(model_get(m, "lb", "capacity"), "sources");
	model_cores(m, w);
}

static void
model_sizes(struct model *m)
{
	m->realms.size = sizeof(struct img_realm);
	m->devs.size = sizeof(struct img_dev);
	m->nics.size = sizeof(struct img_nic);
	m->addresses.size = sizeof(struct img_address);
	m->connected.size = sizeof(struct img_route);
	m->routes.size = sizeof(struct model_route);
	m->neighbours.size = sizeof(struct img_neighbour);
	m->timers.size = sizeof(struct timer_set);
	m->claims.size = sizeof(struct claim);
	m->pools.size = sizeof(struct img_nat_pool);
	m->pool_addresses.size = sizeof(struct img_nat_address);
	m->rules.size = sizeof(struct img_nat_rule);
	m->nat_ports.size = sizeof(struct img_nat_ports);
	m->holes.size = sizeof(struct img_nat_hole);
	m->insides.size = sizeof(struct img_nat_inside);
	m->statics.size = sizeof(struct model_static);
	m->statics_out.size = sizeof(uint32_t);
	m->services.size = sizeof(struct img_lb_service);
	m->backends.size = sizeof(struct img_lb_backend);
	m->locals.size = sizeof(struct img_lb_local);
	m->quics.size = sizeof(struct img_lb_quic);
	m->lists.size = sizeof(struct img_lb_list);
	m->ranges4.size = sizeof(struct img_lb_range4);
	m->ranges6.size = sizeof(struct img_lb_range6);
	m->guards.size = sizeof(struct img_lb_guard);
	m->askers.size = sizeof(struct img_lb_asker);
	m->ways.size = sizeof(struct model_way);
}

/* model_parts: all that a document without errors of form can have wrong, in its order. */
static void
model_parts(struct model *m)
{
	static void (*const parts[])(struct model *) = {
		model_workers, model_realms,
		model_nics, model_timers, model_nat, model_ranges, model_static,
		model_lb, model_lists, model_guards, model_checks, model_askers, model_claims,
		model_backends, model_askers_apart, model_static_routes,
		model_neighbours, model_routes, model_ways, model_steering, model_log,
	};
	m->failed = m->doc == NULL || !ids_init(&m->ids, m->previous);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !m->failed; i++)
		parts[i](m);
	if (m->failed)
		config_error_add(m->errs, "", "memory ran out");
}

/* model_rest: check what is sound in a document with errors of form. */
static void
model_rest(struct model *m, const json_t *doc, const json_t *bad)
{
	struct config_errors *errs = m->errs, found = {0};
	struct prune p;
	json_t *sound = prune_document(&p, doc, bad);
	if (sound != NULL) {
		m->doc = walk_fill(sound);
		m->errs = &found;
		m->pruned = &p;
		model_parts(m);
		prune_errors(&p, &found, errs);
	}
	m->errs = errs;
	m->pruned = NULL;
	json_decref(sound);
	prune_fini(&p);
}

bool
model_create(struct model *m, const json_t *doc, const struct image_header *previous,
             struct config_errors *errs)
{
	json_t *bad = json_object();
	*m = (struct model){.errs = errs, .previous = previous};
	model_sizes(m);
	if (walk_check(doc, errs, bad)) {
		m->doc = walk_fill(doc);
		model_parts(m);
	} else if (errs->lost == 0) {
		model_rest(m, doc, bad);
	}
	json_decref(bad);
	return errs->n == 0;
}

void
model_destroy(struct model *m)
{
	struct rows *all[] = {
		&m->quics, &m->realms,
		&m->devs, &m->nics, &m->addresses, &m->connected, &m->routes, &m->neighbours,
		&m->timers, &m->claims, &m->pools, &m->pool_addresses, &m->rules, &m->nat_ports,
		&m->holes, &m->insides, &m->statics, &m->statics_out, &m->services, &m->backends,
		&m->locals, &m->ways, &m->lists, &m->ranges4, &m->ranges6, &m->guards,
		&m->askers,
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		free(all[i]->data);
	id_space_fini(&m->timer_ids);
	ids_fini(&m->ids);
	json_decref(m->doc);
}
