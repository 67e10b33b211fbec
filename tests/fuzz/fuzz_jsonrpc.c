/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any lines on the JSON socket, before a data plane that takes every good image and answers every
 * command with records: each line has one well-formed answer or, for notifications, none.
 */
#include <errno.h>

#include "ctl/api/api.h"
#include "fuzz.h"
#include "lb/lb_image.h"
#include "nat/nat_image.h"

enum { MAX_LINES = 32, RECORDS = 3, CONTEXTS = 2 };

struct plane {
	struct image_header *image;
	struct stats_segment *stats;
	uint64_t commands;
};

static int
plane_apply(void *ctx, const void *image, size_t size, uint64_t *generation, char *err,
            size_t err_size)
{
	struct plane *p = ctx;
	if (image_check(image, size, err, err_size) != 0 ||
	    lb_image_check(image, err, err_size) != 0 ||
	    nat_image_check(image, err, err_size) != 0) {
		fprintf(stderr, "the data plane refuses: %s\n", err);
		abort();
	}
	free(p->image);
	p->image = aligned_alloc(64, (size + 63) / 64 * 64);
	MUST(p->image != NULL);
	memcpy(p->image, image, size);
	*generation = p->image->generation;
	return 0;
}

static size_t
record_size(uint32_t kind)
{
	static const size_t size[CMD_MAX] = {
		[CMD_FLOWS] = sizeof(struct cmd_flow),
		[CMD_MAPPINGS] = sizeof(struct cmd_mapping),
		[CMD_SUBSCRIBERS] = sizeof(struct cmd_subscriber),
		[CMD_POOLS] = sizeof(struct cmd_pool_address),
		[CMD_NEIGHBOURS] = sizeof(struct cmd_neighbour),
		[CMD_NICS] = sizeof(struct cmd_nic),
	};
	return kind < CMD_MAX ? size[kind] : 0;
}

/* record_fill: bytes of every kind, but names that end. */
static void
record_fill(uint32_t kind, uint8_t *rec, size_t size, uint64_t seed)
{
	for (size_t i = 0; i < size; i++)
		rec[i] = (uint8_t)((seed + i) * 0x9e3779b97f4a7c15u >> 56);
	if (kind != CMD_NICS)
		return;
	struct cmd_nic *nic = (struct cmd_nic *)(void *)rec;
	memset(nic->name, 0, sizeof(nic->name));
	memset(nic->device, 0, sizeof(nic->device));
	nic->name[0] = nic->device[0] = 'x';
}

static int
plane_query(void *ctx, const struct command *cmd, struct reply *reply, void *out, size_t room)
{
	struct plane *p = ctx;
	size_t size = record_size(cmd->kind);
	MUST(command_check(cmd, sizeof(*cmd)) == 0);
	*reply = (struct reply){.magic = COMMAND_MAGIC, .version = COMMAND_VERSION,
		.kind = cmd->kind, .record_size = (uint32_t)size};
	if (++p->commands % 16 == 0)
		return -ETIMEDOUT;
	reply->count = size == 0 ? 0 : cmd->limit < RECORDS ? cmd->limit : RECORDS;
	MUST(reply->count * size <= room);
	for (uint32_t i = 0; i < reply->count; i++)
		record_fill(cmd->kind, (uint8_t *)out + i * size, size, p->commands * 31 + i);
	reply->cursor = cmd->cursor < 3 ? cmd->cursor + 1 : 0;
	return 0;
}

static const struct image_header *
plane_image(void *ctx)
{
	return ((struct plane *)ctx)->image;
}

static const struct stats_segment *
plane_statistics(void *ctx)
{
	struct plane *p = ctx;
	return p->image != NULL ? p->stats : NULL;
}

static struct stats_segment *
stats_make(void)
{
	size_t size = stats_segment_size(CONTEXTS);
	struct stats_segment *s = aligned_alloc(4096, (size + 4095) / 4096 * 4096);
	MUST(s != NULL);
	memset(s, 0, size);
	stats_segment_init(s, CONTEXTS);
	return s;
}

static void
response_is_good(const json_t *response)
{
	if (response == NULL)
		return;
	char *text = json_dumps(response, JSON_COMPACT);
	MUST(text != NULL && strchr(text, '\n') == NULL);
	free(text);
	if (!json_is_object(response))
		return;
	MUST(strcmp(json_string_value(json_object_get(response, "jsonrpc")), "2.0") == 0);
	MUST((json_object_get(response, "result") != NULL) !=
	     (json_object_get(response, "error") != NULL));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct stats_segment *stats;
	if (stats == NULL)
		stats = stats_make();
	struct plane plane = {.stats = stats};
	struct plane_link link = {&plane, plane_apply, plane_query, plane_image, plane_statistics};
	struct api *api = api_create(&link);
	MUST(api != NULL);
	for (unsigned n = 0; n < MAX_LINES && size > 0; n++) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t line = end != NULL ? (size_t)(end - data) : size;
		json_t *response = api_call_text(api, (const char *)data, line);
		response_is_good(response);
		json_decref(response);
		size_t step = line + (end != NULL);
		data += step;
		size -= step;
	}
	api_destroy(api);
	free(plane.image);
	return 0;
}
