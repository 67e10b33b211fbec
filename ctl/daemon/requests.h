/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Lines of clients to answers: at once in the loop; or in turn beside it, if they take
 *            long (changes of the configuration, long lines) or have to wait for the data plane,
 *            which is at an image.
 * Invariant  1. Of one client lines are answered in order.
 *            2. Changes, of whichever clients, are made one after the other, as they came.
 * Owner      The loop's thread.
 * Limits     REQUESTS_LINE bytes of a line are looked at in the loop; a client has one line that
 *            waits.
 */
#ifndef MR_REQUESTS_H
#define MR_REQUESTS_H

#include "changer.h"
#include "ctl/api/api.h"
#include "server.h"

enum { REQUESTS_LINE = 32 << 10 };

struct requests {
	struct api *api;
	struct changer *changer;
	struct server *server;
	/* after: each line, before its answer; job: it may have changed something, and there is
	 * time to wait for the disk. */
	void (*after)(void *ctx, bool job);
	void *ctx;
};

/* requests_line: a server_line_fn of a struct requests. */
json_t *requests_line(void *arg, const char *line, size_t size);

#endif
