/* SPDX-License-Identifier: Apache-2.0 */
/* Listings of the data plane, page by page, and what of it is at hand without asking. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

static int
query_failed(int rc, const struct reply *reply, struct rpc_error *err)
{
	if (rc == -ENOTCONN)
		rpc_fail(err, API_NOT_RUNNING, "the data plane is not running");
	else if (rc == -EINPROGRESS)
		rpc_fail(err, API_NOT_RUNNING, "the data plane is at another configuration");
	else if (rc == -ETIMEDOUT)
		rpc_fail(err, API_NOT_RUNNING, "the data plane does not answer");
	else if (rc == -ENOENT)
		rpc_fail(err, API_NOT_RUNNING, "the data plane has no configuration yet");
	else
		rpc_fail(err, API_REFUSED, "the data plane refused: %.*s", COMMAND_ERR - 1,
		         reply->err[0] != '\0' ? reply->err : strerror(-rc));
	return -1;
}

static int
query(struct api *api, const struct command *cmd, struct reply *reply, struct rpc_error *err)
{
	int rc = api->link.query(api->link.ctx, cmd, reply, api->buf, sizeof(api->buf));
	api->met_busy |= rc == -EINPROGRESS;
	if (rc == 0 && reply->status != 0)
		rc = reply->status;
	return rc != 0 ? query_failed(rc, reply, err) : 0;
}

/* query_page: one command. => records wanted by the row function, or -1 and err. */
static int
query_page(struct api *api, struct listing *l, uint32_t limit, struct rpc_error *err)
{
	struct command cmd = {.magic = COMMAND_MAGIC, .version = COMMAND_VERSION, .kind = l->kind,
	                      .limit = limit, .cursor = l->cursor, .filter = l->filter};
	struct reply reply = {0};
	if (query(api, &cmd, &reply, err) != 0)
		return -1;
	if (reply.count != 0 && (reply.record_size != l->row_size ||
	                         reply.count > sizeof(api->buf) / l->row_size)) {
		rpc_fail(err, API_REFUSED, "the data plane's answer has another format");
		return -1;
	}
	int kept = 0;
	for (uint32_t i = 0; i < reply.count; i++)
		kept += l->row(l->arg, (const char *)api->buf + (size_t)i * l->row_size);
	l->cursor = reply.cursor;
	return kept;
}

int
api_list(struct api *api, struct listing *l, struct rpc_error *err)
{
	uint32_t left = l->limit;
	for (unsigned i = 0; i < API_QUERIES; i++) {
		int kept = query_page(api, l, left, err);
		if (kept < 0)
			return -1;
		left -= (uint32_t)kept < left ? (uint32_t)kept : left;
		if (left == 0 || l->cursor == 0)
			break;
	}
	return 0;
}

int
api_list_all(struct api *api, struct listing *l, struct rpc_error *err)
{
	do {
		if (query_page(api, l, COMMAND_MAX_LIMIT, err) < 0)
			return -1;
	} while (l->cursor != 0);
	return 0;
}

int
api_count(struct api *api, struct listing *l, struct rpc_error *err)
{
	l->count = 0;
	for (unsigned i = 0; i < API_QUERIES; i++) {
		struct command cmd = {
			.magic = COMMAND_MAGIC, .version = COMMAND_VERSION, .kind = l->kind,
			.cursor = l->cursor, .filter = l->filter, .flags = CMD_COUNT,
		};
		struct reply reply = {0};
		if (query(api, &cmd, &reply, err) != 0)
			return -1;
		l->count += reply.count;
		l->cursor = reply.cursor;
		if (l->cursor == 0)
			break;
	}
	return 0;
}

uint64_t
api_command(struct api *api, uint32_t kind, uint64_t cursor, const struct cmd_filter *filter,
            struct rpc_error *err)
{
	struct command cmd = {.magic = COMMAND_MAGIC, .version = COMMAND_VERSION, .kind = kind,
	                      .cursor = cursor, .filter = *filter};
	struct reply reply = {0};
	return query(api, &cmd, &reply, err) == 0 ? reply.cursor : 0;
}

json_t *
api_cursor_put(json_t *object, uint64_t cursor)
{
	char text[24];
	snprintf(text, sizeof(text), "%llu", (unsigned long long)cursor);
	json_object_set_new(object, "cursor", cursor != 0 ? json_string(text) : json_null());
	return object;
}

json_t *
api_listing_result(const char *name, json_t *rows, uint64_t cursor)
{
	return api_cursor_put(json_pack("{s:o}", name, rows), cursor);
}

const struct image_header *
api_image(struct api *api, struct rpc_error *err)
{
	const struct image_header *h = api->link.image(api->link.ctx);
	if (h == NULL)
		rpc_fail(err, API_NOT_RUNNING, "the data plane is not running, or has no "
		         "configuration yet");
	return h;
}

const struct stats_segment *
api_statistics(struct api *api, struct rpc_error *err)
{
	const struct stats_segment *s = api->link.statistics(api->link.ctx);
	if (s == NULL)
		rpc_fail(err, API_NOT_RUNNING, "the data plane is not running");
	return s;
}

static void
index_backends(struct api *api, const struct image_header *h)
{
	uint32_t n;
	const struct img_lb_backend *b = image_rows(h, IMG_LB_BACKENDS, &n);
	memset(api->backend_row, 0, sizeof(api->backend_row));
	for (uint32_t i = 0; i < n && i < LB_MAX_BACKENDS; i++)
		if (b[i].id < LB_MAX_IDS)
			api->backend_row[b[i].id] = (uint16_t)(i + 1);
	memcpy(api->rows_digest, h->digest, sizeof(h->digest));
	api->rows_generation = h->generation;
}

const struct img_lb_backend *
api_backend_by_id(struct api *api, uint32_t id)
{
	const struct image_header *h = api->link.image(api->link.ctx);
	uint32_t n;
	if (h == NULL || id >= LB_MAX_IDS)
		return NULL;
	if (api->rows_generation != h->generation ||
	    memcmp(api->rows_digest, h->digest, sizeof(h->digest)) != 0)
		index_backends(api, h);
	const struct img_lb_backend *b = image_rows(h, IMG_LB_BACKENDS, &n);
	uint16_t row = api->backend_row[id];
	return row != 0 && row <= n ? &b[row - 1] : NULL;
}
