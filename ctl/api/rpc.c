/* SPDX-License-Identifier: Apache-2.0 */
/* JSON-RPC 2.0: requests, batches, errors, and the way from a method's name to its function. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl/config/errors.h"
#include "internal.h"
#include "methods.h"

static const struct api_method method_table[] = {
#define X(fn, name, params, help) {name, params, help},
	API_METHODS(X)
#undef X
};

static method_fn *const method_run[] = {
#define X(fn, name, params, help) fn,
	API_METHODS(X)
#undef X
};

enum { METHODS = sizeof(method_table) / sizeof(method_table[0]) };

const struct api_method *
api_methods(size_t *n)
{
	*n = METHODS;
	return method_table;
}

json_t *
rpc_fail(struct rpc_error *err, int code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	err->code = code;
	vsnprintf(err->message, sizeof(err->message), fmt, ap);
	va_end(ap);
	text_mend(err->message);
	return NULL;
}

json_t *
rpc_fail_config(struct rpc_error *err, int code, const struct config_errors *errs)
{
	const struct config_error *e = &errs->e[0];
	if (errs->n == 0)
		return rpc_fail(err, code, "the configuration is not valid");
	err->errors = config_errors_json(errs);
	const char *colon = e->path[0] != '\0' ? ": " : "";
	if (errs->n + errs->lost > 1)
		return rpc_fail(err, code, "%s%s%s (and %u more)", e->path, colon, e->message,
		                errs->n + errs->lost - 1);
	return rpc_fail(err, code, "%s%s%s", e->path, colon, e->message);
}

static json_t *
error_response(const json_t *id, struct rpc_error *err)
{
	json_t *e = json_pack("{s:i, s:s}", "code", err->code, "message", err->message);
	if (err->errors != NULL)
		json_object_set_new(e, "data", json_pack("{s:o}", "errors", err->errors));
	return json_pack("{s:s, s:O?, s:o}", "jsonrpc", "2.0", "id",
	                 id != NULL ? id : json_null(), "error", e);
}

static int
method_find(const char *name)
{
	for (int i = 0; i < METHODS; i++)
		if (strcmp(method_table[i].name, name) == 0)
			return i;
	return -1;
}

static json_t *
method_call(struct api *api, const json_t *request, struct rpc_error *err)
{
	const char *name = json_string_value(json_object_get(request, "method"));
	const json_t *params = json_object_get(request, "params");
	int m = method_find(name);
	if (m < 0)
		return rpc_fail(err, RPC_METHOD, "no method \"%s\"; rpc.methods lists them", name);
	if (params_check(method_table[m].params, params, err) != 0)
		return NULL;
	bool was_long = api->is_long; /* of one that has left */
	api->is_long = aside_is_long(name);
	json_t *result = method_run[m](api, params, err);
	api->is_long = was_long;
	if (result == NULL && err->code == 0)
		return rpc_fail(err, RPC_INTERNAL, "out of memory");
	return result;
}

static json_t *
call_one(struct api *api, const json_t *request)
{
	struct rpc_error err = {0};
	const json_t *id = json_object_get(request, "id");
	const char *version = json_string_value(json_object_get(request, "jsonrpc"));
	bool bad_id = json_is_object(id) || json_is_array(id) || json_is_boolean(id);
	if (bad_id)
		id = json_null();
	if (bad_id || !json_is_object(request) || version == NULL || strcmp(version, "2.0") != 0 ||
	    !json_is_string(json_object_get(request, "method"))) {
		rpc_fail(&err, RPC_REQUEST,
		         "not a request: wanted {\"jsonrpc\":\"2.0\",\"id\":…,\"method\":…}");
		return error_response(id, &err);
	}
	json_t *result = method_call(api, request, &err);
	if (id == NULL) {
		json_decref(result);
		json_decref(err.errors);
		return NULL;
	}
	if (result == NULL)
		return error_response(id, &err);
	return json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", id, "result", result);
}

static json_t *
call_batch(struct api *api, const json_t *requests)
{
	size_t n = json_array_size(requests);
	if (n == 0 || n > API_BATCH_MAX) {
		struct rpc_error err = {0};
		rpc_fail(&err, RPC_REQUEST, "a batch has 1 to %d requests", API_BATCH_MAX);
		return error_response(NULL, &err);
	}
	json_t *responses = json_array();
	for (size_t i = 0; i < n; i++) {
		json_t *r = call_one(api, json_array_get(requests, i));
		if (r != NULL)
			json_array_append_new(responses, r);
	}
	if (json_array_size(responses) != 0)
		return responses;
	json_decref(responses);
	return NULL;
}

json_t *
api_call(struct api *api, const json_t *request)
{
	return json_is_array(request) ? call_batch(api, request) : call_one(api, request);
}

static bool
is_blank(const char *line, size_t size)
{
	while (size > 0 && strchr(" \t\r\n", line[size - 1]) != NULL && line[size - 1] != '\0')
		size--;
	return size == 0;
}

json_t *
api_parse(const char *line, size_t size, json_t **response)
{
	json_error_t je;
	json_t *request = json_loadb(line, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &je);
	if (request == NULL) {
		struct rpc_error err = {0};
		if (is_blank(line, size))
			rpc_fail(&err, RPC_PARSE, "an empty line; wanted a request");
		else
			rpc_fail(&err, RPC_PARSE, "not JSON: %s (column %d)", je.text, je.column);
		*response = error_response(NULL, &err);
	}
	return request;
}

json_t *
api_call_text(struct api *api, const char *line, size_t size)
{
	json_t *response = NULL;
	json_t *request = api_parse(line, size, &response);
	if (request == NULL)
		return response;
	response = api_call(api, request);
	json_decref(request);
	return response;
}

json_t *
rpc_methods_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	json_t *list = json_array();
	for (size_t i = 0; i < METHODS; i++) {
		const struct api_method *m = &method_table[i];
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", m->name, "params",
		                                      m->params, "help", m->help));
	}
	return json_pack("{s:o}", "methods", list);
}
