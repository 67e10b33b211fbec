/* SPDX-License-Identifier: Apache-2.0 */
/* Finding single objects in a copy of the document, so that methods can change them. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/config/model_pool.h"
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
		name_known(known, sizeof(known), have != NULL ? have : "?");
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
	char known[256] = "";
	json_array_foreach(array, i, b) {
		const char *have = json_string_value(json_object_get(b, "address"));
		name_known(known, sizeof(known), have != NULL ? have : "?");
		if (!same_backend(service, b, &a, family, port))
			continue;
		if (found != NULL)
			return rpc_fail(err, RPC_PARAMS, "port: service \"%s\" has several "
			                "backends at %s; which port?", name, address);
		found = b;
		*index = i;
	}
	if (found == NULL)
		rpc_fail(err, API_NOT_FOUND, "service \"%s\" has no backend %s%s; there is: %s",
		         name, address, port != 0 ? " with this port" : "", known);
	return found;
}

struct span {
	uint32_t first, last;
};

static int
span_compare(const void *x, const void *y)
{
	const struct span *a = x, *b = y;
	return a->first != b->first ? a->first < b->first ? -1 : 1
	       : a->last < b->last ? -1 : a->last > b->last;
}

/* list_holds: are all addresses of the span somewhere in the list? */
static bool
list_holds(const json_t *list, struct span want)
{
	size_t n = json_array_size(list), used = 0;
	struct span *all = calloc(n + 1, sizeof(*all));
	uint64_t at = want.first; /* the first that has not been seen */
	for (size_t i = 0; i < n && all != NULL; i++) {
		const char *s = json_string_value(json_array_get(list, i));
		used += s != NULL && range4_parse(s, &all[used].first, &all[used].last);
	}
	if (all != NULL)
		qsort(all, used, sizeof(*all), span_compare);
	for (size_t i = 0; i < used && all[i].first <= at; i++)
		at = all[i].last >= at ? all[i].last + 1ull : at;
	free(all);
	return at > want.last;
}

/* span_put: as text, a prefix if it is one; not where the ends of prefixes are left out. */
static void
span_put(json_t *list, struct span s, bool no_ends)
{
	char first[API_NAME], last[API_NAME], text[2 * API_NAME];
	uint32_t size = s.last - s.first + 1;
	name_v4(htonl(s.first), first);
	name_v4(htonl(s.last), last);
	if (size == 1)
		snprintf(text, sizeof(text), "%s", first);
	else if (!no_ends && (size & (size - 1)) == 0 && (s.first & (size - 1)) == 0)
		snprintf(text, sizeof(text), "%s/%u", first,
		         size == 0 ? 0 : (unsigned)__builtin_clz(size) + 1);
	else
		snprintf(text, sizeof(text), "%s-%s", first, last);
	json_array_append_new(list, json_string(text));
}

/* list_cut: without the addresses of the span; what it does not touch stays as it is written. */
static json_t *
list_cut(const json_t *list, struct span cut, bool no_ends)
{
	json_t *left = json_array(), *v;
	struct pool_cut ends = {.ends = no_ends};
	struct span s;
	size_t i;
	json_array_foreach((json_t *)list, i, v) {
		struct pool_run run = {0};
		if (!range4_parse(json_string_value(v), &s.first, &s.last) ||
		    s.last < cut.first || s.first > cut.last) {
			json_array_append(left, v);
			continue;
		}
		if (!pool_run_next(&ends, json_string_value(v), &run))
			continue;
		if (run.first < cut.first)
			span_put(left, (struct span){run.first, run.last < cut.first ? run.last :
			                             cut.first - 1}, no_ends);
		if (run.last > cut.last)
			span_put(left, (struct span){run.first > cut.last ? run.first :
			                             cut.last + 1, run.last}, no_ends);
	}
	return left;
}

bool
edit_holds(const json_t *list, const char *text)
{
	struct span want;
	return range4_parse(text, &want.first, &want.last) && list_holds(list, want);
}

static bool
has_host_bits(const char *text)
{
	struct prefix p, net;
	if (!prefix_parse(text, &p))
		return false;
	net = prefix_network(&p);
	return !prefix_equal(&p, &net);
}

int
edit_cut(json_t *pool, const char *name, const char *text, bool all, struct rpc_error *err)
{
	const json_t *list = json_object_get(pool, name);
	bool no_ends = strcmp(name, "addresses") == 0 &&
	               json_is_true(json_object_get(pool, "exclude_ends"));
	char known[256] = "";
	struct span cut;
	size_t i;
	json_t *v;
	if (!range4_parse(text, &cut.first, &cut.last) ||
	    has_host_bits(text)) {
		rpc_fail(err, RPC_PARAMS, "range: %.64s is no address, prefix or first-last", text);
		return -1;
	}
	if (!all || list_holds(list, cut)) {
		if (list != NULL)
			json_object_set_new(pool, name, list_cut(list, cut, no_ends));
		return 0;
	}
	json_array_foreach((json_t *)list, i, v)
		name_known(known, sizeof(known), json_string_value(v));
	rpc_fail(err, API_NOT_FOUND, "range: %s is not wholly in the pool's %s; there is: %s", text,
	         name, known[0] != '\0' ? known : "none");
	return -1;
}
