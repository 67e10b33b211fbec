/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The control file: requests of the JSON socket, one object a line, each with the time
 *            `at` which it is made, in seconds since the first packet.
 * Invariant  1. Requests are made in order of `at`, those of equal time in order of the file.
 * Owner      One thread.
 * Limits     CONTROL_MAX_LINES requests.
 * See        ctl/api/api.h, docs/replay.md.
 */
#ifndef MR_REPLAY_CONTROL_H
#define MR_REPLAY_CONTROL_H

#include <jansson.h>
#include <stdint.h>

#include "ctl/api/api.h"

enum { CONTROL_MAX_LINES = 1000000 };

struct control_line {
	uint64_t at_ns; /* since the first packet */
	unsigned number;
	json_t *request;
};

struct control {
	struct control_line *line;
	size_t n, next;
};

/*
 * control_load: path may be NULL for none. workers: if not 0, what a whole configuration in a
 * request gets for workers.count, as --workers does to the first one.
 * => REPLAY_OK, or the exit status and a sentence on stderr that names the line.
 */
int control_load(struct control *c, const char *path, unsigned workers);
void control_free(struct control *c);
/* control_at: when the next request is due, since the first packet; UINT64_MAX at the end. */
uint64_t control_at(const struct control *c);
/* control_run: make the next request. => {"at", "line", "method", "response"}, a new reference. */
json_t *control_run(struct control *c, struct api *api);

/* workers_override: put a number of workers into a configuration document. */
void workers_override(json_t *document, unsigned workers);

#endif
