/* SPDX-License-Identifier: Apache-2.0 */
/* config.*, generation.show and version: the document, and which of them runs. */
#include <string.h>

#include "ctl/config/warnings.h"
#include "internal.h"
#include "methods.h"

static json_t *
warnings_json(const json_t *doc)
{
	struct config_errors w = {0};
	config_warnings(doc, &w);
	return config_errors_json(&w);
}

json_t *
config_check_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	struct config_errors errs = {0};
	const json_t *doc = json_object_get(params, "config");
	aside_leave(api);
	bool ok = config_check(doc, &errs);
	json_t *warnings = ok ? warnings_json(doc) : json_array();
	aside_enter(api);
	json_t *r = json_pack("{s:b, s:o}", "ok", ok, "errors",
	                      ok ? json_array() : config_errors_json(&errs));
	json_object_set_new(r, "warnings", warnings);
	return r;
}

/* is_from: was the document made from the one in force, as far as it says? => false and err. */
static bool
is_from(struct api *api, const char *digest, struct rpc_error *err)
{
	char running[33];
	const struct image_header *h = digest != NULL ? api_image(api, err) : NULL;
	if (digest == NULL || h == NULL)
		return digest == NULL;
	name_digest(h, running);
	if (strcmp(running, digest) == 0)
		return true;
	rpc_fail(err, API_CHANGED, "digest: %.32s is not of the document in force, which is %s; "
	         "get that one and change it", digest, running);
	return false;
}

json_t *
config_apply_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	if (!is_from(api, param_string(params, "digest"), err))
		return NULL;
	const json_t *doc = json_object_get(params, "config");
	json_t *r = api_apply(api, doc, param_bool(params, "dry_run"), err);
	if (r == NULL)
		return NULL;
	aside_leave(api);
	json_t *warnings = warnings_json(doc);
	aside_enter(api);
	json_object_set_new(r, "warnings", warnings);
	return r;
}

static json_t *
digest_json(const struct image_header *h)
{
	char digest[33];
	if (h == NULL)
		return json_null();
	name_digest(h, digest);
	return json_string(digest);
}

json_t *
config_get_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	const struct image_header *h = api->link.image(api->link.ctx);
	if (api->doc == NULL)
		return rpc_fail(err, API_NOT_RUNNING,
		                "there is no configuration yet; see config.apply");
	return json_pack("{s:I, s:o, s:o}", "generation",
	                 (json_int_t)(h != NULL ? h->generation : 0), "digest", digest_json(h),
	                 "config", json_deep_copy(api->doc));
}

json_t *
config_schema_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	return config_schema();
}

json_t *
generation_show_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	const struct image_header *h = api->link.image(api->link.ctx);
	const struct stats_segment *s = api->link.statistics(api->link.ctx);
	json_t *r = json_pack("{s:b, s:I, s:o}", "connected", s != NULL, "running",
	                      (json_int_t)(h != NULL ? h->generation : 0), "digest",
	                      digest_json(h));
	if (s == NULL)
		return r;
	json_t *workers = json_array();
	uint64_t now = 0;
	for (uint32_t i = 0; i < s->contexts; i++) {
		const struct stats *c = stats_context(s, i);
		now = c->now_ns > now ? c->now_ns : now;
		if (i != 0)
			json_array_append_new(workers, json_integer((json_int_t)c->generation));
	}
	json_object_set_new(r, "workers", workers);
	json_object_set_new(r, "pid", json_integer((json_int_t)s->pid));
	json_object_set_new(r, "uptime",
	                    name_time(now > s->start_time_ns ? now - s->start_time_ns : 0));
	return r;
}

json_t *
version_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	return json_pack("{s:s, s:i, s:i}", "version", MILLRACE_VERSION, "image", IMAGE_VERSION,
	                 "command", COMMAND_VERSION);
}
