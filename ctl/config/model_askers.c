/* SPDX-License-Identifier: Apache-2.0 */
/* Where checks come from that ask for services' addresses, and which checks can. */
#include <stdio.h>

#include "checks.h"
#include "model.h"

static void
asker_add(struct model *m, const char *text)
{
	struct img_lb_asker *a = rows_add(m, &m->askers);
	if (a != NULL)
		addr_parse(text, &a->address, &a->family);
}

static bool
asker_has(const struct model *m, uint8_t family)
{
	for (size_t i = 0; i < m->askers.n; i++)
		if (((struct img_lb_asker *)rows_at(&m->askers, i))->family == family)
			return true;
	return false;
}

/* target_check: what the check insists on, can it be? path: where the check is named. */
static void
target_check(struct model *m, const json_t *check, const struct img_lb_service *s,
             const char *path)
{
	const char *target = get_text(check, "target");
	if (target == NULL || strcmp(target, "service") != 0)
		return;
	enum check_type type = check_type_of(get_text(check, "type"));
	const char *why = check_asks_not(type, (uint16_t)get_int(check, "port"), s,
	                                 asker_has(m, s->family));
	if (why != NULL)
		config_error_add(m->errs, path, "check \"%s\" has the target \"service\", but %s; "
		                 "expected a check of the backend", get_text(check, "name"), why);
}

/* row_of: of a service of the document, by its name. */
static const struct img_lb_service *
row_of(const struct model *m, const json_t *rows, const char *name)
{
	const json_t *row = json_object_get(rows, name);
	return row != NULL ? rows_at(&m->services, (size_t)json_integer_value(row)) : NULL;
}

static void
targets_check(struct model *m, const json_t *checks, const json_t *rows)
{
	const json_t *services = model_get(m, "lb", "services");
	struct config_path path;
	for (size_t i = 0; i < json_array_size(services); i++) {
		const json_t *service = json_array_get(services, i);
		const json_t *backends = json_object_get(service, "backends");
		const struct img_lb_service *s = row_of(m, rows, get_text(service, "name"));
		path_make(&path, "lb.services[%zu].check", i);
		if (s != NULL && get_text(service, "check") != NULL)
			target_check(m, json_object_get(checks, get_text(service, "check")), s,
			             path.text);
		for (size_t j = 0; s != NULL && j < json_array_size(backends); j++) {
			const char *own = get_text(json_array_get(backends, j), "check");
			path_make(&path, "lb.services[%zu].backends[%zu].check", i, j);
			if (own != NULL)
				target_check(m, json_object_get(checks, own), s, path.text);
		}
	}
}

void
model_askers(struct model *m)
{
	const json_t *list = model_get(m, "lb", "check_sources");
	const json_t *checks = model_get(m, "lb", "checks");
	json_t *names = json_object(), *rows = json_object();
	for (size_t i = 0; i < json_array_size(list); i++)
		asker_add(m, json_string_value(json_array_get(list, i)));
	for (size_t i = 0; i < json_array_size(checks); i++) {
		json_t *check = json_array_get(checks, i);
		json_object_set(names, get_text(check, "name"), check);
	}
	for (size_t i = 0; i < m->services.n; i++) {
		const struct img_lb_service *s = rows_at(&m->services, i);
		json_object_set_new(rows, s->name, json_integer((json_int_t)i));
	}
	targets_check(m, names, rows);
	json_decref(names);
	json_decref(rows);
}

void
model_askers_apart(struct model *m)
{
	struct config_path path;
	for (size_t i = 0; i < m->askers.n; i++) {
		const struct img_lb_asker *a = rows_at(&m->askers, i);
		const struct claim *ours = claim_find(m, 0, &a->address, a->family);
		const json_t *list = model_get(m, "lb", "check_sources");
		if (ours == NULL)
			continue;
		path_make(&path, "lb.check_sources[%zu]", i);
		config_error_add(m->errs, path.text, "%s is our own address (%s); expected that of "
		                 "a machine with a daemon",
		                 json_string_value(json_array_get(list, i)),
		                 origin_text(m, ours->origin));
	}
}
