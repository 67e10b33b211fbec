/* SPDX-License-Identifier: Apache-2.0 */
/* What takes long, and where it waits: beside the loop, if there is one (struct api_aside). */
#include <assert.h>
#include <string.h>

#include "internal.h"

/* Methods that compile a document or give an image. aside_leave holds this list to be whole. */
static const char *const long_methods[] = {
	"backend.add", "backend.auto", "backend.down", "backend.drain", "backend.maint",
	"backend.ready", "backend.remove", "backend.up", "backend.weight", "config.apply",
	"config.check", "pool.add_range", "pool.drain_range", "pool.ready_range",
	"pool.remove_range", "service.add", "service.remove",
};

bool
aside_is_long(const char *method)
{
	for (size_t i = 0; i < sizeof(long_methods) / sizeof(long_methods[0]); i++)
		if (strcmp(long_methods[i], method) == 0)
			return true;
	return false;
}

bool
api_takes_long(const json_t *request)
{
	bool is_long = false;
	size_t i;
	json_t *one;
	if (json_is_array(request)) {
		json_array_foreach((json_t *)request, i, one)
			is_long |= !json_is_array(one) && api_takes_long(one);
		return is_long;
	}
	const char *name = json_string_value(json_object_get(request, "method"));
	return name != NULL && aside_is_long(name);
}

void
api_set_aside(struct api *api, const struct api_aside *aside)
{
	api->aside = *aside;
}

void
aside_leave(struct api *api)
{
	assert(api->is_long && !api->is_away);
	api->is_away = true;
	api_leave(&api->aside);
}

void
aside_enter(struct api *api)
{
	api_enter(&api->aside);
	api->is_away = false;
}

bool
api_met_busy(struct api *api)
{
	bool met = api->met_busy;
	api->met_busy = false;
	return met;
}
