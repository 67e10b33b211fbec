/* SPDX-License-Identifier: Apache-2.0 */
/* Sums over the flows that live. */
#include "lb_live.h"

#include <stdlib.h>
#include <string.h>

struct lb_walk {
	struct lb_live *live;   /* by row of a backend */
	uint64_t cursor;        /* of the data plane */
	uint64_t ns;            /* when somebody was at it last */
	uint64_t generation;    /* of the image whose rows these are */
	uint8_t digest[16];
	bool is_begun, is_done;
};

struct adding {
	struct api *api;
	const struct lb_rows *rows;
	struct lb_live *live;
};

static bool
add(void *arg, const void *data)
{
	struct adding *a = arg;
	struct cmd_backend c;
	memcpy(&c, data, sizeof(c));
	const struct img_lb_backend *b = api_backend_by_id(a->api, c.owner);
	if (b == NULL)
		return true; /* it is gone from the document, and its flows go on */
	struct lb_live *to = &a->live[b - a->rows->backend];
	to->flows += c.flows;
	to->active += c.active;
	for (int d = 0; d < 2; d++) {
		to->packets[d] += c.packets[d];
		to->bytes[d] += c.bytes[d];
	}
	return true;
}

/* is_good: is there a walk that this page may go on with? */
static bool
is_good(const struct lb_walk *w, const struct image_header *h, uint64_t now_ns,
        enum lb_walk_part part)
{
	uint64_t age = now_ns - w->ns;
	if (!w->is_begun || part == LB_WALK_WHOLE || w->generation != h->generation ||
	    memcmp(w->digest, h->digest, sizeof(w->digest)) != 0)
		return false;
	if (w->is_done)
		return part == LB_WALK_ON && age < LB_WALK_KEPT_NS;
	return age < LB_WALK_LEFT_NS;
}

/* begin: => false: no memory. */
static bool
begin(struct lb_walk *w, const struct lb_rows *v, const struct image_header *h)
{
	free(w->live);
	w->live = calloc(v->backends + 1, sizeof(*w->live));
	w->is_begun = w->live != NULL;
	w->is_done = false;
	w->cursor = 0;
	w->generation = h->generation;
	memcpy(w->digest, h->digest, sizeof(w->digest));
	return w->is_begun;
}

const struct lb_live *
lb_live_get(struct api *api, const struct lb_rows *v, enum lb_walk_part part,
            struct rpc_error *err)
{
	const struct image_header *h = api_image(api, err);
	if (h == NULL)
		return NULL;
	struct lb_walk *w = api->walk ?: (api->walk = calloc(1, sizeof(*w)));
	if (w == NULL || (!is_good(w, h, v->now_ns, part) && !begin(w, v, h))) {
		rpc_fail(err, RPC_INTERNAL, "memory ran out");
		return NULL;
	}
	if (w->is_done)
		return w->live;
	struct adding a = {api, v, w->live};
	struct listing l = {.kind = CMD_BACKENDS, .row_size = sizeof(struct cmd_backend),
	                    .row = add, .arg = &a, .cursor = w->cursor, .limit = COMMAND_MAX_LIMIT};
	w->ns = v->now_ns;
	if ((part == LB_WALK_WHOLE ? api_list_all : api_list)(api, &l, err) != 0) {
		w->is_begun = false; /* a part of it may have been added */
		return NULL;
	}
	w->cursor = l.cursor;
	w->is_done = l.cursor == 0;
	return w->is_done ? w->live : NULL;
}

void
lb_walk_destroy(struct lb_walk *w)
{
	if (w != NULL)
		free(w->live);
	free(w);
}
