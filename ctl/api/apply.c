/* SPDX-License-Identifier: Apache-2.0 */
/* How a document becomes what the plane runs, and what the plane runs the document in force. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* api_adopt: this document (reference taken over) is in force from now on. */
static void
api_adopt(struct api *api, json_t *doc, bool is_other, uint64_t generation)
{
	api->changes += is_other;
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

/* running_copy: of the image that runs (NULL: none does), for what is computed beside. => false: no
 * memory. */
static bool
running_copy(struct api *api, struct image_header **copy)
{
	const struct image_header *running = api->link.image(api->link.ctx);
	*copy = running == NULL ? NULL : malloc(image_lean_size(running, IMG_LB_SLOTS));
	if (*copy != NULL)
		image_lean(running, IMG_LB_SLOTS, *copy);
	return *copy != NULL || running == NULL;
}

/* still_runs: does the plane run what it did when the copy was made? => false and err. */
static bool
still_runs(struct api *api, const struct image_header *copy, struct rpc_error *err)
{
	const struct image_header *running = api->link.image(api->link.ctx);
	if ((running == NULL && copy == NULL) ||
	    (running != NULL && copy != NULL && running->generation == copy->generation &&
	     memcmp(running->digest, copy->digest, sizeof(copy->digest)) == 0))
		return true;
	rpc_fail(err, API_NOT_RUNNING, running == NULL ? "the data plane is not running" :
	         "the data plane came back with another configuration meanwhile; say it again");
	return false;
}

/* give_failed: what the plane, or the way to it, said. => -1 */
static int
give_failed(int rc, const char *text, struct rpc_error *err)
{
	if (rc == -ENOTCONN)
		rpc_fail(err, API_NOT_RUNNING, "the data plane is not running");
	else if (rc == -ETIMEDOUT)
		rpc_fail(err, API_NOT_RUNNING, "the data plane does not answer");
	else
		rpc_fail(err, API_REFUSED, "the data plane refused: %s",
		         text[0] != '\0' ? text : strerror(-rc));
	return -1;
}

/* give: make the tables that the plane has not, and hand it the image. running: a copy.
 * => 0, or -1 and err. */
static int
give(struct api *api, const struct image_header *running, struct image_header **image,
     uint64_t *generation, struct rpc_error *err)
{
	struct config_errors errs = {0};
	char text[COMMAND_ERR] = "";
	size_t size = 0;
	aside_leave(api);
	bool restart = running != NULL && config_restart_needed(running, *image, &errs) != 0;
	if (!restart)
		*image = config_tables(*image, running, &api->stop, &size, &errs);
	aside_enter(api);
	if (restart || *image == NULL) {
		rpc_fail_config(err, restart ? API_REFUSED : API_CONFIG, &errs);
		return -1;
	}
	if (!still_runs(api, running, err))
		return -1;
	int rc = api->link.apply(api->link.ctx, *image, size, generation, text, sizeof(text));
	return rc == 0 ? 0 : give_failed(rc, text, err);
}

/* give_planned: an image with the health of its backends, which were planned; their targets change
 * if it is taken. */
static int
give_planned(struct api *api, const struct image_header *running, struct image_header **image,
             bool changed, uint64_t *generation, struct rpc_error *err)
{
	uint64_t now = api_now(api);
	health_plan_courses(&api->health, *image, now);
	if (changed && health_patch(&api->health, true, now, *image) < 0) {
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

/* health_give: an image with the health that is known, if it says something else than the one that
 * runs, of which this is a copy. => 1: given, 0, or -1 and err. */
static int
health_give(struct api *api, const struct image_header *running, struct rpc_error *err)
{
	uint64_t generation = 0;
	struct image_header *image = malloc(image_lean_size(running, IMG_LB_SLOTS));
	if (image != NULL) {
		image_lean(running, IMG_LB_SLOTS, image);
		image->generation = (running->generation > api->generation ? running->generation :
		                     api->generation) + 1;
	}
	int n = image == NULL ? -ENOMEM :
	        health_patch(&api->health, false, api_now(api), image);
	if (n > 0)
		n = give(api, running, &image, &generation, err) == 0 ? 1 : -1;
	else if (n < 0)
		rpc_fail(err, RPC_INTERNAL, "memory ran out");
	free(image);
	if (generation > api->generation)
		api->generation = generation;
	return n < 0 ? -1 : n;
}

/* What is heard of health while the image is made and given makes it dirty again. */
int
health_apply(struct api *api, struct rpc_error *err)
{
	struct image_header *running;
	if (api->link.image(api->link.ctx) == NULL || !api->health.dirty)
		return 0;
	if (!running_copy(api, &running)) {
		rpc_fail(err, RPC_INTERNAL, "memory ran out");
		return -1;
	}
	api->health.dirty = false;
	health_advance(&api->health, api_now(api));
	int n = health_give(api, running, err);
	api->health.dirty |= n < 0;
	free(running);
	return n;
}

int
api_health_apply(struct api *api, char *err, size_t err_size)
{
	struct rpc_error e = {0};
	api->is_long = true;
	int rc = health_apply(api, &e);
	api->is_long = false;
	json_decref(e.errors);
	if (rc < 0)
		snprintf(err, err_size, "%s", e.message);
	return rc;
}

static json_t *
applied(uint64_t generation, bool changed)
{
	return json_pack("{s:I, s:b}", "generation", (json_int_t)generation, "changed", changed);
}

/* A document on its way: what is made of it beside the loop. */
struct change {
	const json_t *doc;
	json_t *own;                   /* copy of doc, for when it is in force */
	bool is_other;                 /* than the document in force */
	bool is_kept;                  /* by the log at once: it says other things of ports */
	struct image_header *running;  /* copy, or NULL */
	struct image_header *image;    /* without tables at first */
	bool dry_run, planned;         /* planned: with the targets of health */
};

/* adopted: what was given is in force; and on disk, or the answer says why not. */
static json_t *
adopted(struct api *api, struct change *c, uint64_t generation, bool changed)
{
	json_t *result = applied(generation, changed);
	api_adopt(api, c->own, c->is_other, generation);
	c->own = NULL;
	if (c->is_kept && api->log_link.drain != NULL) /* however soon the next one comes */
		api->log_link.drain(api->log_link.ctx);
	api_end_offer(api);
	int rc = api->save != NULL ? api->save(api->save_ctx) : 0;
	if (rc != 0)
		json_object_update_new(result, json_pack("{s:b, s:s}", "stored", 0, "reason",
		                                         strerror(-rc)));
	return result;
}

/* has_other_ports: may a document say of ports what another one does not? The balancer's changes,
 * which may be many a second, are kept when the log looks next. */
static bool
has_other_ports(const json_t *a, const json_t *b)
{
	static const char *const parts[] = {"nat", "nics", "realms", "log"};
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const json_t *x = json_object_get(a, parts[i]), *y = json_object_get(b, parts[i]);
		if (x != y && !json_equal(x, y))
			return true;
	}
	return false;
}

/* change_make: the image and the plan, which only changes touch. => false and errs. */
static bool
change_make(struct api *api, struct change *c, uint64_t generation, struct config_errors *errs)
{
	size_t size;
	c->image = config_rows(c->doc, c->running, generation, &size, errs);
	if (c->image == NULL || c->dry_run)
		return c->image != NULL;
	c->own = json_deep_copy(c->doc);
	c->is_other = api->doc == NULL || !json_equal(api->doc, c->own);
	c->is_kept = c->is_other && has_other_ports(api->doc, c->own);
	c->planned = c->own != NULL && health_plan(&api->health, c->doc, c->image);
	return true;
}

/* change_give: => {generation, changed} or NULL and err. */
static json_t *
change_give(struct api *api, struct change *c, struct rpc_error *err)
{
	struct config_errors errs = {0};
	uint64_t generation = c->running != NULL ? c->running->generation : 0;
	bool changed = c->running == NULL ||
	               memcmp(c->running->digest, c->image->digest, sizeof(c->image->digest)) != 0;
	if (!still_runs(api, c->running, err))
		return NULL;
	if (c->dry_run && changed && c->running != NULL &&
	    config_restart_needed(c->running, c->image, &errs) != 0)
		return rpc_fail_config(err, API_REFUSED, &errs);
	if (c->dry_run)
		return applied(generation, changed);
	if (!c->planned)
		return rpc_fail(err, RPC_INTERNAL, "memory ran out");
	c->planned = false;
	if (give_planned(api, c->running, &c->image, changed, &generation, err) != 0)
		return NULL;
	return adopted(api, c, generation, changed);
}

json_t *
api_apply(struct api *api, const json_t *doc, bool dry_run, struct rpc_error *err)
{
	struct config_errors errs = {0};
	struct change c = {.doc = doc, .dry_run = dry_run};
	json_t *result = NULL;
	if (!running_copy(api, &c.running))
		return rpc_fail(err, RPC_INTERNAL, "memory ran out");
	uint64_t generation = c.running != NULL ? c.running->generation : 0;
	uint64_t next = (generation > api->generation ? generation : api->generation) + 1;
	aside_leave(api);
	bool good = change_make(api, &c, next, &errs);
	aside_enter(api);
	if (good)
		result = change_give(api, &c, err);
	else
		rpc_fail_config(err, API_CONFIG, &errs);
	if (c.planned)
		health_abort(&api->health);
	aside_leave(api); /* half a gigabyte takes its time */
	free(c.image);
	free(c.running);
	json_decref(c.own);
	aside_enter(api);
	return result;
}

static int
apply_or_say(struct api *api, const json_t *doc, char *err, size_t err_size)
{
	struct rpc_error e = {0};
	json_t *own = json_deep_copy(doc); /* others read it, and it may be replaced, meanwhile */
	api->is_long = true;
	json_t *result = api_apply(api, own, false, &e);
	api->is_long = false;
	json_decref(own);
	json_decref(e.errors);
	if (result == NULL) {
		snprintf(err, err_size, "%s", e.message);
		return e.code == API_NOT_RUNNING ? -ENOTCONN : -EINVAL;
	}
	json_decref(result);
	return 0;
}

/* take_running: what the plane runs is ours. => the copy, or NULL: it runs nothing, or *rc. */
static struct image_header *
take_running(struct api *api, int *rc)
{
	struct image_header *running;
	struct rpc_error e = {0};
	*rc = running_copy(api, &running) ? 0 : -ENOMEM;
	if (running == NULL)
		return NULL;
	api->is_long = true;
	aside_leave(api);
	json_t *doc = config_of_image(running);
	bool is_other = api->doc == NULL || !json_equal(api->doc, doc);
	bool planned = doc != NULL && health_plan(&api->health, doc, running);
	aside_enter(api);
	api->is_long = false;
	if (!still_runs(api, running, &e)) {
		if (planned)
			health_abort(&api->health);
		json_decref(doc);
		free(running);
		*rc = -ENOTCONN;
		return NULL;
	}
	if (doc != NULL)
		api_adopt(api, doc, is_other, running->generation);
	if (planned) {
		health_plan_courses(&api->health, running, api_now(api));
		health_commit(&api->health);
	}
	return running;
}

int
api_link_changed(struct api *api, char *err, size_t err_size)
{
	int rc;
	struct image_header *running = take_running(api, &rc);
	bool runs = running != NULL;
	free(running);
	if (rc != 0) {
		snprintf(err, err_size, "%s", strerror(-rc));
		return rc;
	}
	if (api->offer != NULL && (!runs || api->offer_wins)) {
		json_t *offer = json_incref(api->offer);
		rc = apply_or_say(api, offer, err, err_size);
		json_decref(offer);
		return rc;
	}
	if (runs) {
		api_end_offer(api);
		return 0;
	}
	return api->doc != NULL ? apply_or_say(api, api->doc, err, err_size) : 0;
}
