/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A way to a collector: UDP, TCP or TLS, made again when it breaks, for a sink.
 * Invariant  1. Nothing here blocks.
 *            2. Of a stream, records are on their way until the kernel has taken all their bytes;
 *               when it breaks before, they are sent again. What a collector had not read when it
 *               went away is lost, and nobody can know.
 *            3. Of what the collector has no room for the kernel holds CONN_UNSENT bytes: the rest
 *               waits in the sink's queue, where it is not lost with the connection, or is counted.
 *            4. A connection that takes nothing for CONN_STALL_S is given up and made again; so is
 *               one that is not made in that time, and one whose other end acknowledges nothing
 *               or, while there is nothing to be sent, answers no probe.
 *            5. Files of TLS are read for each connection: they may have been renewed.
 * Owner      One sink.
 * Limits     CONN_RETRY_MIN_MS, doubled up to CONN_RETRY_MAX_MS, between attempts.
 * See        docs/log.md, "Collectors".
 */
#ifndef MR_DAEMON_LOG_CONN_H
#define MR_DAEMON_LOG_CONN_H

#include <event2/bufferevent.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "log_bus.h"

enum { CONN_RETRY_MIN_MS = 500, CONN_RETRY_MAX_MS = 30000, CONN_STALL_S = 30,
       CONN_UNSENT = 1 << 16 };

enum conn_transport { CONN_UDP, CONN_TCP, CONN_TLS };

struct log_conn {
	struct log_sink *sink;
	void (*begun)(struct log_sink *s); /* a connection is there: what comes first is put now */
	enum conn_transport transport;
	struct sockaddr_storage address;
	socklen_t address_size;
	char host[64];
	const char *server_name; /* of the sink's conf, or NULL */
	SSL_CTX *tls;
	int fd;                  /* UDP; -1: none */
	struct bufferevent *bev; /* TCP, TLS; NULL: none */
	bool is_connected;
	uint64_t retry_ns;       /* not before */
	uint64_t began_ns;       /* when the connection was asked for */
	uint64_t told;           /* UDP: the sink's `sent` before its last datagram */
	unsigned retry_ms;
	uint64_t now_ns;         /* of the last conn_tick */
};

/* conn_init: conf is an item of log.syslog or log.ipfix, as the sink keeps it. */
void conn_init(struct log_conn *c, struct log_sink *s, void (*begun)(struct log_sink *s));
void conn_fini(struct log_conn *c);
/* conn_tick: connect when it is time. => true when something can be put now. */
bool conn_tick(struct log_conn *c, uint64_t now_ns);
/* conn_put: a datagram, or bytes of the stream. => false: not now. */
bool conn_put(struct log_conn *c, const void *data, size_t size);
static inline bool
conn_is_stream(const struct log_conn *c)
{
	return c->transport != CONN_UDP;
}

/* log_tls.c: what conf asks for. => NULL and a sentence in err. */
SSL_CTX *tls_context(const json_t *conf, char *err, size_t err_size);
/* tls_session: for one connection; checks the collector's certificate by name or address. */
SSL *tls_session(SSL_CTX *ctx, const char *server_name, const char *host);
/* tls_error: the latest one of the library's, as text. */
const char *tls_error(char *out, size_t size);

#endif
