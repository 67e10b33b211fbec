/* SPDX-License-Identifier: Apache-2.0 */
/* backend.*: changes of one backend, each an edited copy of the document that is applied whole. */
#include "internal.h"
#include "methods.h"

/* begin: a copy of the document and the service that params name in it. */
static json_t *
begin(struct api *api, const json_t *params, json_t **service, struct rpc_error *err)
{
	size_t i;
	json_t *doc = edit_copy(api, err);
	if (doc == NULL)
		return NULL;
	*service = edit_service(doc, param_string(params, "service"), &i, err);
	if (*service != NULL)
		return doc;
	json_decref(doc);
	return NULL;
}

json_t *
backend_add_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	json_t *service, *doc = begin(api, params, &service, err);
	if (doc == NULL)
		return NULL;
	json_t *list = json_object_get(service, "backends");
	if (list == NULL) {
		list = json_array();
		json_object_set_new(service, "backends", list);
	}
	json_array_append(list, json_object_get(params, "backend"));
	return edit_apply(api, doc, err);
}

json_t *
backend_remove_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	json_t *service, *doc = begin(api, params, &service, err);
	size_t i;
	if (doc == NULL)
		return NULL;
	if (edit_backend(service, params, &i, err) == NULL) {
		json_decref(doc);
		return NULL;
	}
	json_array_remove(json_object_get(service, "backends"), i);
	return edit_apply(api, doc, err);
}

static json_t *
backend_set(struct api *api, const json_t *params, const char *key, json_t *value,
            struct rpc_error *err)
{
	json_t *service, *doc = begin(api, params, &service, err);
	json_t *backend;
	size_t i;
	if (doc == NULL || (backend = edit_backend(service, params, &i, err)) == NULL) {
		json_decref(doc);
		json_decref(value);
		return NULL;
	}
	json_object_set_new(backend, key, value);
	return edit_apply(api, doc, err);
}

json_t *
backend_weight_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	return backend_set(api, params, "weight",
	                   json_integer(param_integer(params, "weight", 0)), err);
}

/* state_set: another state; a deadline is of the drain that it was given for. */
static json_t *
state_set(struct api *api, const json_t *params, const char *state, struct rpc_error *err)
{
	json_t *service, *doc = begin(api, params, &service, err);
	json_t *backend;
	size_t i;
	if (doc == NULL || (backend = edit_backend(service, params, &i, err)) == NULL) {
		json_decref(doc);
		return NULL;
	}
	json_object_set_new(backend, "state", json_string(state));
	json_object_del(backend, "deadline");
	if (param_get(params, "deadline") != NULL)
		json_object_set_new(backend, "deadline",
		                    json_integer(param_integer(params, "deadline", 0)));
	return edit_apply(api, doc, err);
}

json_t *
backend_drain_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	return state_set(api, params, "drain", err);
}

json_t *
backend_maint_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	return state_set(api, params, "maint", err);
}

json_t *
backend_ready_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	return state_set(api, params, "ready", err);
}
