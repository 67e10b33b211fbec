/* SPDX-License-Identifier: Apache-2.0 */
/* The state behind the methods: the document in force, and how it becomes what the plane runs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "internal.h"

struct api *
api_create(const struct plane_link *link)
{
	struct api *api = calloc(1, sizeof(*api));
	if (api == NULL)
		return NULL;
	api->link = *link;
	api->log = calloc(API_LOG, sizeof(*api->log));
	if (api->log == NULL || !health_init(&api->health)) {
		free(api->log);
		free(api);
		return NULL;
	}
	return api;
}

void
api_destroy(struct api *api)
{
	if (api == NULL)
		return;
	json_decref(api->doc);
	json_decref(api->offer);
	health_fini(&api->health);
	free(api->log);
	free(api);
}

void
api_set_store(struct api *api, int (*save)(void *ctx), void *ctx)
{
	api->save = save;
	api->save_ctx = ctx;
}

void
api_set_log(struct api *api, struct log_link link)
{
	api->log_link = link;
}

const json_t *
api_document(const struct api *api)
{
	return api->doc;
}

uint64_t
api_changes(const struct api *api)
{
	return api->changes;
}

void
api_records(struct api *api, const struct record *rec, size_t n)
{
	for (size_t i = 0; i < n; i++)
		api->log[api->log_count++ % API_LOG] = rec[i];
}

/* api_adopt: this document (reference taken over) is in force from now on. */
static void
api_adopt(struct api *api, json_t *doc, uint64_t generation)
{
	if (api->doc == NULL || !json_equal(api->doc, doc))
		api->changes++;
	json_decref(api->doc);
	api->doc = doc;
	if (generation > api->generation)
		api->generation = generation;
}

static void
api_end_offer(struct api *api)
{
	json_decref(api->offer);
	api->offer = NULL;
}

void
api_offer(struct api *api, const json_t *doc, bool wins)
{
	api_end_offer(api);
	api->offer = json_deep_copy(doc);
	api->offer_wins = wins;
}

/* give: make the tables that the plane has not, and hand it the image. => 0, or -1 and err. */
static int
give(struct api *api, const struct image_header *running, struct image_header **image,
     uint64_t *generation, struct rpc_error *err)
{
	struct config_errors errs = {0};
	char text[COMMAND_ERR] = "";
	size_t size = 0;
	if (running != NULL && config_restart_needed(running, *image, &errs) != 0) {
		rpc_fail_config(err, API_REFUSED, &errs);
		return -1;
	}
	*image = config_tables(*image, running, &size, &errs);
	if (*image == NULL) {
		rpc_fail_config(err, API_CONFIG, &errs);
		return -1;
	}
	int rc = api->link.apply(api->link.ctx, *image, size, generation, text, sizeof(text));
	if (rc == 0)
		return 0;
	if (rc == -ENOTCONN)
		rpc_fail(err, API_NOT_RUNNING, "the data plane is not running");
	else if (rc == -ETIMEDOUT)
		rpc_fail(err, API_NOT_RUNNING, "the data plane does not answer");
	else
		rpc_fail(err, API_REFUSED, "the data plane refused: %s",
		         text[0] != '\0' ? text : strerror(-rc));
	return -1;
}

/* give_planned: an image with the health of its backends; their targets change if it is taken. */
static int
give_planned(struct api *api, const json_t *doc, const struct image_header *running,
             struct image_header **image, bool changed, uint64_t *generation,
             struct rpc_error *err)
{
	uint64_t now = api_now(api);
	if (!health_plan(&api->health, doc, *image, now) ||
	    (changed && health_patch(&api->health, true, now, *image) < 0)) {
		health_abort(&api->health);
		rpc_fail(err, RPC_INTERNAL, "memory ran out");
		return -1;
	}
	if (changed && give(api, running, image, generation, err) != 0) {
		health_abort(&api->health);
		return -1;
	}
	health_commit(&api->health);
	return 0;
}

int
health_apply(struct api *api, struct rpc_error *err)
{
	const struct image_header *running = api->link.image(api->link.ctx);
	uint64_t generation = 0, now = api_now(api);
	if (running == NULL || !api->health.dirty)
		return 0;
	health_advance(&api->health, now);
	struct image_header *image = malloc(image_lean_size(running, IMG_LB_SLOTS));
	if (image != NULL) {
		image_lean(running, IMG_LB_SLOTS, image);
		image->generation = (running->generation > api->generation ? running->generation :
		                     api->generation) + 1;
	}
	int n = image == NULL ? -ENOMEM : health_patch(&api->health, false, now, image);
	if (n > 0)
		n = give(api, running, &image, &generation, err) == 0 ? 1 : -1;
	else if (n < 0)
		rpc_fail(err, RPC_INTERNAL, "memory ran out");
	free(image);
	api->health.dirty = n < 0;
	if (generation > api->generation)
		api->generation = generation;
	return n < 0 ? -1 : n;
}

int
api_health_apply(struct api *api, char *err, size_t err_size)
{
	struct rpc_error e = {0};
	int rc = health_apply(api, &e);
	json_decref(e.errors);
	if (rc < 0)
		snprintf(err, err_size, "%s", e.message);
	return rc;
}

void
api_turn(struct api *api)
{
	uint64_t now = api_now(api);
	bool sampled = pace_turn(api, now);
	passive_turn(api, sampled, now);
	drain_turn(api, now);
}

uint64_t
api_next_turn(const struct api *api)
{
	uint64_t passive = passive_next(&api->health), drain = drain_next(api, api_now(api));
	return passive < drain ? passive : drain;
}

struct health *
api_health(struct api *api)
{
	return &api->health;
}

void
api_set_clock(struct api *api, uint64_t (*clock)(void *ctx), void *ctx)
{
	api->clock = clock;
	api->clock_ctx = ctx;
}

uint64_t
api_now(const struct api *api)
{
	struct timespec t;
	if (api->clock != NULL)
		return api->clock(api->clock_ctx);
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static json_t *
applied(uint64_t generation, bool changed)
{
	return json_pack("{s:I, s:b}", "generation", (json_int_t)generation, "changed", changed);
}

/* adopted: what was given is in force; and on disk, or the answer says why not. */
static json_t *
adopted(struct api *api, const json_t *doc, uint64_t generation, bool changed)
{
	json_t *result = applied(generation, changed);
	api_adopt(api, json_deep_copy(doc), generation);
	api_end_offer(api);
	int rc = api->save != NULL ? api->save(api->save_ctx) : 0;
	if (rc != 0)
		json_object_update_new(result, json_pack("{s:b, s:s}", "stored", 0, "reason",
		                                         strerror(-rc)));
	return result;
}

json_t *
api_apply(struct api *api, const json_t *doc, bool dry_run, struct rpc_error *err)
{
	struct config_errors errs = {0};
	const struct image_header *running = api->link.image(api->link.ctx);
	uint64_t generation = running != NULL ? running->generation : 0;
	uint64_t next = (generation > api->generation ? generation : api->generation) + 1;
	size_t size;
	struct image_header *image = config_rows(doc, running, next, &size, &errs);
	if (image == NULL)
		return rpc_fail_config(err, API_CONFIG, &errs);
	bool changed = running == NULL ||
	               memcmp(running->digest, image->digest, sizeof(image->digest)) != 0;
	bool failed = false;
	if (changed && dry_run)
		failed = running != NULL && config_restart_needed(running, image, &errs) != 0 &&
		         rpc_fail_config(err, API_REFUSED, &errs) == NULL;
	else if (!dry_run)
		failed = give_planned(api, doc, running, &image, changed, &generation, err) != 0;
	free(image);
	if (failed)
		return NULL;
	return dry_run ? applied(generation, changed) : adopted(api, doc, generation, changed);
}

static int
apply_or_say(struct api *api, const json_t *doc, char *err, size_t err_size)
{
	struct rpc_error e = {0};
	json_t *result = api_apply(api, doc, false, &e);
	json_decref(e.errors);
	if (result == NULL) {
		snprintf(err, err_size, "%s", e.message);
		return e.code == API_NOT_RUNNING ? -ENOTCONN : -EINVAL;
	}
	json_decref(result);
	return 0;
}

int
api_link_changed(struct api *api, char *err, size_t err_size)
{
	const struct image_header *running = api->link.image(api->link.ctx);
	json_t *doc = running != NULL ? config_of_image(running) : NULL;
	if (doc != NULL)
		api_adopt(api, doc, running->generation);
	if (doc != NULL && health_plan(&api->health, doc, running, api_now(api)))
		health_commit(&api->health);
	if (api->offer != NULL && (running == NULL || api->offer_wins)) {
		json_t *offer = json_incref(api->offer);
		int rc = apply_or_say(api, offer, err, err_size);
		json_decref(offer);
		return rc;
	}
	if (running != NULL) {
		api_end_offer(api);
		return 0;
	}
	return api->doc != NULL ? apply_or_say(api, api->doc, err, err_size) : 0;
}
