/* SPDX-License-Identifier: Apache-2.0 */
/* Sums over the flows that live. */
#include "lb_live.h"

#include <stdlib.h>
#include <string.h>

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

struct lb_live *
lb_live_get(struct api *api, const struct lb_rows *v, struct rpc_error *err)
{
	struct adding a = {api, v, calloc(v->backends + 1, sizeof(struct lb_live))};
	struct listing l = {.kind = CMD_BACKENDS, .row_size = sizeof(struct cmd_backend),
	                    .row = add, .arg = &a};
	if (a.live == NULL) {
		rpc_fail(err, RPC_INTERNAL, "memory ran out");
		return NULL;
	}
	if (api_list_all(api, &l, err) == 0)
		return a.live;
	free(a.live);
	return NULL;
}
