/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The JSON socket: one object a line in, one a line out, in order, for many clients.
 * Invariant  1. A client that does not read gets no more answers made than SERVER_PENDING bytes and
 *               one answer; then its requests wait.
 *            2. No client waits for another's reading.
 *            3. Of a client whose answer comes later no further line is looked at before.
 * Owner      The event loop's thread.
 * Limits     SERVER_CLIENTS clients; SERVER_LINE bytes a line (then an error and the end);
 *            SERVER_LATER_MS until clients for whom there was no descriptor are tried again;
 *            SERVER_STALL_S seconds without reading while answers wait, then the end.
 */
#ifndef MR_SERVER_H
#define MR_SERVER_H

#include <event2/event.h>
#include <jansson.h>

enum { SERVER_CLIENTS = 900, SERVER_LINE = 16 << 20, SERVER_PENDING = 1 << 20,
       SERVER_TURN = 32 /* lines of one client before others get their turn */,
       SERVER_STALL_S = 30, SERVER_LATER_MS = 100 };

struct server;
/* server_line_fn: => the answer to a line (new reference), or NULL: none, or server_later. */
typedef json_t *server_line_fn(void *arg, const char *line, size_t size);

/* server_create: listen at path (mode 0660). => NULL and errno. */
struct server *server_create(struct event_base *base, const char *path, server_line_fn *line,
                             void *arg);
void server_destroy(struct server *s);

/* server_later: from within a line's function: its answer comes later, by server_answer, which is
 * to be called before server_destroy. => NULL: no memory. */
struct server_ticket;
struct server_ticket *server_later(struct server *s);
/* server_answer: response (reference taken over; NULL: none) goes to the client, if it is there. */
void server_answer(struct server_ticket *t, json_t *response);

#endif
