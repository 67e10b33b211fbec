/* SPDX-License-Identifier: Apache-2.0 */
/* What is left out of a pool that has none of it: a slip of the hand would give it to somebody. */
#include "warnings.h"

#include "addrtext.h"
#include "errors.h"

static bool
is_of_pool(const json_t *addresses, uint32_t first, uint32_t last)
{
	const json_t *entry;
	size_t i;
	json_array_foreach((json_t *)addresses, i, entry) {
		uint32_t low, high;
		if (range4_parse(json_string_value(entry), &low, &high) && first <= high &&
		    last >= low)
			return true;
	}
	return false;
}

static void
addresses_warn(const json_t *pool, size_t number, struct config_errors *w)
{
	const json_t *entry;
	size_t i;
	json_array_foreach(json_object_get(pool, "exclude"), i, entry) {
		uint32_t first, last;
		struct config_path path;
		const char *text = json_string_value(entry);
		if (!range4_parse(text, &first, &last) ||
		    is_of_pool(json_object_get(pool, "addresses"), first, last))
			continue;
		path_make(&path, "nat.pools[%zu].exclude[%zu]", number, i);
		config_error_add(w, path.text, "%.50s is not in the pool, so nothing is left out",
		                 text);
	}
}

static void
ports_warn(const json_t *pool, const char *ports, size_t number, struct config_errors *w)
{
	uint16_t low, high, first, last;
	const json_t *entry;
	size_t i;
	if (ports == NULL || !ports_parse(ports, &low, &high))
		return;
	json_array_foreach(json_object_get(pool, "exclude_ports"), i, entry) {
		struct config_path path;
		const char *text = json_string_value(entry);
		if (!ports_parse(text, &first, &last) || (first <= high && last >= low))
			continue;
		path_make(&path, "nat.pools[%zu].exclude_ports[%zu]", number, i);
		config_error_add(w, path.text, "%.50s are none of the pool's ports (%.50s), so "
		                 "nothing is left out", text, ports);
	}
}

unsigned
config_warnings(const json_t *doc, struct config_errors *warnings)
{
	json_t *filled = config_filled(doc);
	const json_t *pool;
	size_t i;
	json_array_foreach(json_object_get(json_object_get(filled, "nat"), "pools"), i, pool) {
		addresses_warn(pool, i, warnings);
		ports_warn(pool, json_string_value(json_object_get(pool, "ports")), i, warnings);
	}
	json_decref(filled);
	return warnings->n + warnings->lost;
}
