/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       millctl's conversation with the daemon: one request, one response.
 * Invariant  Exit statuses: 0 done, 1 the daemon says no, 2 wrong usage, 3 no daemon.
 * Owner      One thread.
 * See        docs/api.md.
 */
#ifndef MR_CLIENT_H
#define MR_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { EXIT_DONE = 0, EXIT_NO = 1, EXIT_USAGE = 2, EXIT_NO_DAEMON = 3 };

struct session {
	const char *path;   /* of the daemon's socket */
	bool json;          /* print results as they come */
	int timeout_ms;
	int fd;             /* -1: not connected yet */
	FILE *out, *err;
	int status;         /* of the last call, an EXIT_ */
};

/*
 * session_call: params is taken over. => the result, or NULL with s->status set after a message
 * to s->err ("error: path: message", one a line).
 */
json_t *session_call(struct session *s, const char *method, json_t *params);
/* session_list: the same of a method that answers in pages, until there are `limit` rows in its
 * list of that name: one result, in which each list goes on with that of the next page. */
enum { SESSION_PAGE = 1000, SESSION_ALL = INT32_MAX };
json_t *session_list(struct session *s, const char *method, json_t *params, const char *list,
                     json_int_t limit);
void session_close(struct session *s);

#endif
