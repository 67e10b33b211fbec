/* SPDX-License-Identifier: Apache-2.0 */
/* The state behind the methods, and what time brings. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "internal.h"
#include "lb_live.h"

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
	lb_walk_destroy(api->walk);
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
	for (size_t i = 0; i < n; i++) {
		struct record *kept = &api->log[api->log_count++ % API_LOG];
		*kept = rec[i];
		kept->pool = log_pool_number(api, rec[i].pool);
	}
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

void
api_stop(struct api *api)
{
	atomic_store_explicit(&api->stop, true, memory_order_relaxed);
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
