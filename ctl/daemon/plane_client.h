/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The daemon's end of the data plane's socket: commands, and what HELLO brings
 *            (statistics and records in shared memory, the image that runs).
 * Invariant  1. Connected means: HELLO was answered and what it brought passed its checks.
 *            2. Any failure on the socket, a late answer included, ends the connection, so that no
 *               answer is ever taken for another command's.
 *            3. A data plane that runs nothing shares nothing yet; its first image brings it.
 *            4. While an image is with the data plane (is_busy) no command is sent, and only its
 *               answer is read from the socket: by who gave it, who has left meanwhile.
 * Owner      One thread at a time.
 * Limits     PLANE_TIMEOUT_MS for an answer, PLANE_APPLY_MS for that to an image (the first one
 *            makes the data plane open its devices).
 * See        lib/command.h; docs/design.md, "Processes".
 */
#ifndef MR_PLANE_CLIENT_H
#define MR_PLANE_CLIENT_H

#include "ctl/api/api.h"

enum { PLANE_TIMEOUT_MS = 2000, PLANE_APPLY_MS = 60000 };

struct plane_client {
	const char *path;
	int fd;                      /* -1: not connected */
	struct stats_segment *stats; /* mapped, read-only */
	struct record_segment *records;
	size_t stats_size, records_size;
	struct image_header *image;  /* own copy of the one that runs, or NULL */
	struct api_aside aside;      /* around the wait for the answer to an image */
	bool is_busy;                /* it is waited for */
	uint64_t given_ns;           /* when the last one was given (CLOCK_REALTIME); 0: none */
};

void plane_client_init(struct plane_client *c, const char *path);
/* plane_client_connect: => 0, or -errno and one sentence in err. */
int plane_client_connect(struct plane_client *c, char *err, size_t err_size);
void plane_client_close(struct plane_client *c);
/* plane_client_link: the functions by which the API uses this connection. */
struct plane_link plane_client_link(struct plane_client *c);

#endif
