/* SPDX-License-Identifier: Apache-2.0 */
/* Finding single objects in a copy of the document, so that methods can change them. */
#include <stdio.h>
#include <string.h>

#include "internal.h"

json_t *
edit_copy(struct api *api, struct rpc_error *err)
{
	if (api->doc != NULL)
		return json_deep_copy(api->doc);
	return rpc_fail(err, API_NOT_RUNNING, "there is no configuration yet; see config.apply");
}

json_t *
edit_apply(struct api *api, json_t *doc, struct rpc_error *err)
{
	json_t *result = api_apply(api, doc, false, err);
	json_decref(doc);
	return result;
}

json_t *
edit_array(json_t *doc, const char *section, const char *name, bool create)
{
	json_t *s = json_object_get(doc, section);
	if (s == NULL && create && json_object_set_new(doc, section, json_object()) == 0)
		s = json_object_get(doc, section);
	json_t *a = json_object_get(s, name);
	if (a == NULL && create && json_object_set_new(s, name, json_array()) == 0)
		a = json_object_get(s, name);
	return a;
}

/* find_named: the object of this name; when there is none, err says which there are. */
static json_t *
find_named(json_t *array, const char *kind, const char *name, size_t *index,
           struct rpc_error *err)
{
	char known[256] = "";
	json_t *o;
	size_t i;
	json_array_foreach(array, i, o) {
		*index = i;
		const char *have = json_string_value(json_object_get(o, "name"));
		if (have != NULL && strcmp(have, name) == 0)
			return o;
		size_t used = strlen(known);
		snprintf(known + used, sizeof(known) - used, "%s%s", used != 0 ? ", " : "",
		         have != NULL ? have : "?");
	}
	return rpc_fail(err, API_NOT_FOUND, "no %s \"%s\"; there is: %s", kind, name,
	                known[0] != '\0' ? known : "none");
}

json_t *
edit_service(json_t *doc, const char *name, size_t *index, struct rpc_error *err)
{
	return find_named(edit_array(doc, "lb", "services", false), "service", name, index, err);
}

json_t *
edit_pool(json_t *doc, const char *name, struct rpc_error *err)
{
	size_t index;
	return find_named(edit_array(doc, "nat", "pools", false), "pool", name, &index, err);
}

static bool
same_backend(const json_t *service, const json_t *backend, const union addr *a, uint8_t family,
             long long port)
{
	union addr have;
	uint8_t have_family;
	const char *s = json_string_value(json_object_get(backend, "address"));
	const json_t *p = json_object_get(backend, "port") ?: json_object_get(service, "port");
	return s != NULL && addr_parse(s, &have, &have_family) && have_family == family &&
	       addr_equal(&have, a) && (port == 0 || json_integer_value(p) == port);
}

json_t *
edit_backend(json_t *service, const json_t *params, size_t *index, struct rpc_error *err)
{
	json_t *array = json_object_get(service, "backends"), *b, *found = NULL;
	const char *name = json_string_value(json_object_get(service, "name"));
	const char *address = param_string(params, "address");
	long long port = param_integer(params, "port", 0);
	union addr a;
	uint8_t family;
	size_t i;
	param_address(params, "address", &a, &family);
	json_array_foreach(array, i, b) {
		if (!same_backend(service, b, &a, family, port))
			continue;
		if (found != NULL)
			return rpc_fail(err, RPC_PARAMS, "port: service \"%s\" has several "
			                "backends at %s; which port?", name, address);
		found = b;
		*index = i;
	}
	if (found == NULL)
		rpc_fail(err, API_NOT_FOUND, "service \"%s\" has no backend %s%s", name,
		         address, port != 0 ? " with this port" : "");
	return found;
}

int
edit_range(const json_t *pool, const char *list, const char *text, size_t *index,
           struct rpc_error *err)
{
	const json_t *array = json_object_get(pool, list), *v;
	char known[256] = "";
	uint32_t f, l, first, last;
	bool range = range4_parse(text, &first, &last);
	size_t i;
	json_array_foreach((json_t *)array, i, v) {
		*index = i;
		const char *s = json_string_value(v);
		if (s == NULL)
			continue;
		if (strcmp(s, text) == 0 ||
		    (range && range4_parse(s, &f, &l) && f == first && l == last))
			return 0;
		size_t used = strlen(known);
		snprintf(known + used, sizeof(known) - used, "%s%s", used != 0 ? ", " : "", s);
	}
	rpc_fail(err, API_NOT_FOUND, "range: no %s in the pool's %s; there is: %s", text,
	         list, known[0] != '\0' ? known : "none");
	return -1;
}
