/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The socket on which the control daemon speaks to this data plane: SEQPACKET, one
 *            request, one reply, file descriptors beside them.
 * Layout     A reply is struct reply, then its records. To CMD_HELLO three descriptors belong, in
 *            this order, as far as a generation runs: statistics (read-only), records, image.
 * Invariant  1. Nothing here waits: a peer that does not take its reply is cut off.
 *            2. Every request is answered once. A request that is none ends the connection.
 *            3. An image is read only from a memfd that nobody can change any more.
 * Owner      The main lcore.
 * Limits     LINK_PEERS connections; one more is closed at once.
 * See        lib/command.h, docs/design.md, "Processes".
 */
#ifndef MR_LINK_SERVER_H
#define MR_LINK_SERVER_H

#include <poll.h>

#include "plane.h"

enum { LINK_PEERS = 8, LINK_POLLFDS = LINK_PEERS + 1, LINK_FDS = 3 };

struct link_server;

/* Whom the server asks. */
struct link_owner {
	void *ctx;
	/* plane: what runs, or NULL while there is no generation yet. */
	struct plane *(*plane)(void *ctx);
	/* apply: run an image, the first or the next. => 0 or -errno and err. */
	int (*apply)(void *ctx, const void *image, size_t size, uint64_t now_ns, char *err,
	             size_t err_size);
};

/* link_server_create: listen at path. => NULL and a sentence when that is not possible. */
struct link_server *link_server_create(const char *path, const struct link_owner *owner, char *err,
                                       size_t err_size);
/* link_server_destroy: => the socket's file is gone. */
void link_server_destroy(struct link_server *l);

/* link_server_poll: accept, read, execute, answer, what is there. => how many requests. */
uint32_t link_server_poll(struct link_server *l, uint64_t now_ns);

/* link_server_pollfds: what to wait for. => how many of out[LINK_POLLFDS]. */
unsigned link_server_pollfds(const struct link_server *l, struct pollfd *out);

#endif
