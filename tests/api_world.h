/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       An API over a data plane that only keeps what it is given, and calls to it, for the
 *            tests of the methods.
 */
#ifndef MR_API_WORLD_H
#define MR_API_WORLD_H

#include <jansson.h>

#include "fake_plane.h"
#include "lb/lb_image.h"
#include "test.h"

static struct fake_plane plane;
static struct api *api;

static inline json_t *
call(const char *method, const char *params)
{
	char line[8192];
	snprintf(line, sizeof(line),
	         "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"%s\",\"params\":%s}", method, params);
	json_t *r = api_call_text(api, line, strlen(line));
	CU_ASSERT_FATAL(r != NULL);
	CU_ASSERT(json_integer_value(json_object_get(r, "id")) == 7);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(r, "jsonrpc")), "2.0");
	return r;
}

/* error_of: the code of a call that must fail; its message and paths contain `says`. */
static inline int
error_of(const char *method, const char *params, const char *says)
{
	json_t *r = call(method, params);
	const json_t *e = json_object_get(r, "error");
	int code = (int)json_integer_value(json_object_get(e, "code"));
	char *text = json_dumps(r, 0);
	if (strstr(text, says) == NULL) {
		printf("\n%s: %s\n", says, text);
		CU_FAIL("the error says something else");
	}
	free(text);
	json_decref(r);
	return code;
}

/* result_of: the result of a call that must succeed. */
static inline json_t *
result_of(const char *method, const char *params)
{
	json_t *r = call(method, params), *result = json_object_get(r, "result");
	if (result == NULL) {
		char *text = json_dumps(r, 0);
		printf("\n%s: %s\n", method, text);
		free(text);
	}
	CU_ASSERT_FATAL(result != NULL);
	json_incref(result);
	json_decref(r);
	return result;
}

static inline void
done(const char *method, const char *params)
{
	json_decref(result_of(method, params));
}

static inline void
begin_empty(void)
{
	fake_open(&plane);
	struct plane_link link = fake_link(&plane);
	api = api_create(&link);
}

static inline void
begin(void)
{
	char params[4096];
	begin_empty();
	snprintf(params, sizeof(params), "{\"config\":%s}", fake_document);
	done("config.apply", params);
}

/* begin_realms: a document in which the address of one interface is in two realms. */
static inline void
begin_realms(void)
{
	begin_empty();
	done("config.apply", "{\"config\":{\"realms\":[{\"name\":\"red\"},{\"name\":\"blue\"}],"
	     "\"nics\":[{\"name\":\"r\",\"device\":\"d\",\"vlan\":1,\"realm\":\"red\","
	     "\"addresses\":[\"100.64.0.1/10\"]},{\"name\":\"b\",\"device\":\"d\",\"vlan\":2,"
	     "\"realm\":\"blue\",\"addresses\":[\"100.64.0.1/10\"]},{\"name\":\"out\","
	     "\"device\":\"e\",\"addresses\":[\"198.51.100.2/24\"]}]}}");
}

static inline void
end(void)
{
	api_destroy(api);
	fake_close(&plane);
}

/* at: walk a result by a path of keys and numbers. */
static inline const json_t *
at(const json_t *v, const char *path)
{
	char key[64];
	for (int n; sscanf(path, "%63[^.]%n", key, &n) == 1; path += n + (path[n] == '.'))
		v = json_is_array(v) ? json_array_get(v, strtoul(key, NULL, 10)) :
		                       json_object_get(v, key);
	return v;
}

static inline long long
number(const json_t *v, const char *path)
{
	return (long long)json_integer_value(at(v, path));
}

static inline const char *
text(const json_t *v, const char *path)
{
	const char *s = json_string_value(at(v, path));
	return s != NULL ? s : "(none)";
}

static inline const struct img_lb_backend *
backend_row(unsigned i)
{
	uint32_t n;
	const struct img_lb_backend *b = image_rows(plane.image, IMG_LB_BACKENDS, &n);
	return i < n ? &b[i] : NULL;
}

#endif
