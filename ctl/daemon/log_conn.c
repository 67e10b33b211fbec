/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to collectors, on libevent. */
#include "log_conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NS_A_MS 1000000ull

static void
address_take(struct log_conn *c, const json_t *conf)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&c->address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&c->address;
	uint16_t port = htons((uint16_t)json_integer_value(json_object_get(conf, "port")));
	const char *host = json_string_value(json_object_get(conf, "address"));
	snprintf(c->host, sizeof(c->host), "%s", host);
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = port;
		c->address_size = sizeof(*v4);
	} else {
		inet_pton(AF_INET6, host, &v6->sin6_addr);
		v6->sin6_family = AF_INET6;
		v6->sin6_port = port;
		c->address_size = sizeof(*v6);
	}
	snprintf(c->sink->target, sizeof(c->sink->target),
	         strchr(host, ':') != NULL ? "%s [%s]:%u" : "%s %s:%u",
	         json_string_value(json_object_get(conf, "transport")), host, ntohs(port));
}

void
conn_init(struct log_conn *c, struct log_sink *s, void (*begun)(struct log_sink *s))
{
	static const char *const transports[] = {"udp", "tcp", "tls"};
	const char *transport = json_string_value(json_object_get(s->conf, "transport"));
	memset(c, 0, sizeof(*c));
	c->sink = s;
	c->begun = begun;
	c->fd = -1;
	c->server_name = json_string_value(json_object_get(s->conf, "server_name"));
	for (unsigned i = 0; i < 3; i++)
		if (strcmp(transports[i], transport) == 0)
			c->transport = (enum conn_transport)i;
	address_take(c, s->conf);
}

static void
conn_close(struct log_conn *c)
{
	if (c->bev != NULL)
		bufferevent_free(c->bev);
	if (c->fd >= 0)
		close(c->fd);
	if (c->tls != NULL)
		SSL_CTX_free(c->tls);
	c->bev = NULL;
	c->tls = NULL;
	c->fd = -1;
	c->is_connected = false;
	c->sink->is_up = false;
}

void
conn_fini(struct log_conn *c)
{
	conn_close(c);
}

/* conn_broken: close, and try again later; what was on its way is sent again then. */
static void
conn_broken(struct log_conn *c, const char *why)
{
	log_sink_fail(c->sink, c->now_ns, "%s: %s", c->sink->target, why);
	log_sink_again(c->sink);
	conn_close(c);
	c->retry_ms = c->retry_ms == 0 ? CONN_RETRY_MIN_MS : c->retry_ms * 2;
	if (c->retry_ms > CONN_RETRY_MAX_MS)
		c->retry_ms = CONN_RETRY_MAX_MS;
	c->retry_ns = c->now_ns + c->retry_ms * NS_A_MS;
}

/* on_drained: the kernel has it all. */
static void
on_drained(struct bufferevent *bev, void *arg)
{
	struct log_conn *c = arg;
	if (!c->is_connected)
		return;
	if (c->sink->taken != c->sink->tail)
		c->retry_ms = 0;
	log_sink_arrived(c->sink);
	c->sink->ops->pump(c->sink, c->now_ns);
}

/* on_read: collectors have nothing to say. */
static void
on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	evbuffer_drain(in, evbuffer_get_length(in));
}

static void
say_why(struct log_conn *c, short what, char *out, size_t size)
{
	unsigned long e = c->transport == CONN_TLS && c->bev != NULL ?
	                  bufferevent_get_openssl_error(c->bev) : 0;
	SSL *ssl = c->transport == CONN_TLS ? bufferevent_openssl_get_ssl(c->bev) : NULL;
	long verified = ssl != NULL ? SSL_get_verify_result(ssl) : X509_V_OK;
	if ((what & BEV_EVENT_TIMEOUT) != 0)
		snprintf(out, size, "takes nothing any more");
	else if (verified != X509_V_OK)
		snprintf(out, size, "certificate: %s", X509_verify_cert_error_string(verified));
	else if (e != 0 && ERR_reason_error_string(e) != NULL)
		snprintf(out, size, "TLS: %s", ERR_reason_error_string(e));
	else if ((what & BEV_EVENT_EOF) != 0 || errno == 0)
		snprintf(out, size, "the collector closed the connection");
	else
		snprintf(out, size, "%s", strerror(errno));
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct log_conn *c = arg;
	char why[128];
	if ((what & BEV_EVENT_CONNECTED) != 0) {
		c->is_connected = true;
		c->sink->is_up = true;
		c->begun(c->sink);
		c->sink->ops->pump(c->sink, c->now_ns);
		return;
	}
	say_why(c, what, why, sizeof(why));
	conn_broken(c, why);
}

static struct bufferevent *
bufferevent_make(struct log_conn *c)
{
	int options = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS;
	if (c->transport == CONN_TCP)
		return bufferevent_socket_new(c->sink->bus->base, -1, options);
	SSL *ssl = tls_session(c->tls, c->server_name, c->host);
	return ssl == NULL ? NULL : bufferevent_openssl_socket_new(
		c->sink->bus->base, -1, ssl, BUFFEREVENT_SSL_CONNECTING, options);
}

/* A collector whose host is gone says nothing: not that it has not got what the kernel sends. */
static void
stream_watch(int fd)
{
	static const struct { int level, name, value; } set[] = {
		{IPPROTO_TCP, TCP_NOTSENT_LOWAT, CONN_UNSENT},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, CONN_STALL_S * 1000},
		{SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, CONN_STALL_S / 2},
		{IPPROTO_TCP, TCP_KEEPINTVL, CONN_STALL_S / 6},
		{IPPROTO_TCP, TCP_KEEPCNT, 3},
	};
	for (size_t i = 0; i < sizeof(set) / sizeof(set[0]); i++)
		setsockopt(fd, set[i].level, set[i].name, &set[i].value, sizeof(set[i].value));
}

static void
stream_open(struct log_conn *c)
{
	struct timeval stall = {.tv_sec = CONN_STALL_S};
	c->bev = bufferevent_make(c);
	if (c->bev == NULL) {
		conn_broken(c, "no memory for a connection");
		return;
	}
	if (c->transport == CONN_TLS)
		bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
	bufferevent_setcb(c->bev, on_read, on_drained, on_event, c);
	bufferevent_set_timeouts(c->bev, NULL, &stall);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	int rc = bufferevent_socket_connect(c->bev, (struct sockaddr *)&c->address,
	                                    (int)c->address_size);
	if (rc != 0 && c->bev != NULL)
		conn_broken(c, strerror(errno));
	else if (c->bev != NULL)
		stream_watch(bufferevent_getfd(c->bev));
}

static void
udp_open(struct log_conn *c)
{
	c->fd = socket(c->address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&c->address, c->address_size) != 0) {
		conn_broken(c, strerror(errno));
		return;
	}
	c->is_connected = c->sink->is_up = true;
	c->told = c->sink->sent;
	c->begun(c->sink);
}

static void
conn_open(struct log_conn *c)
{
	char err[160];
	c->began_ns = c->now_ns;
	if (c->transport == CONN_TLS) {
		c->tls = tls_context(c->sink->conf, err, sizeof(err));
		if (c->tls == NULL) {
			conn_broken(c, err);
			return;
		}
	}
	if (c->transport == CONN_UDP)
		udp_open(c);
	else
		stream_open(c);
}

/* A clock that was set back makes it no longer than it was to be. */
static bool
is_waiting(const struct log_conn *c)
{
	return c->now_ns < c->retry_ns && c->retry_ns - c->now_ns <= c->retry_ms * NS_A_MS;
}

bool
conn_tick(struct log_conn *c, uint64_t now_ns)
{
	c->now_ns = now_ns;
	if (c->bev == NULL && c->fd < 0 && !is_waiting(c))
		conn_open(c);
	c->began_ns = c->began_ns < now_ns ? c->began_ns : now_ns; /* it was set back */
	if (c->bev != NULL && !c->is_connected &&
	    now_ns - c->began_ns > CONN_STALL_S * 1000 * NS_A_MS)
		conn_broken(c, "does not answer");
	if (!c->is_connected)
		return false;
	return c->fd >= 0 || evbuffer_get_length(bufferevent_get_output(c->bev)) == 0;
}

/* datagram_put: the error of a datagram is often that of the one before: nobody was there. */
static bool
datagram_put(struct log_conn *c, const void *data, size_t size)
{
	struct log_sink *s = c->sink;
	if (send(c->fd, data, size, MSG_NOSIGNAL) >= 0) {
		c->retry_ms = 0;
		c->told = s->sent;
		return true;
	}
	if (errno == EAGAIN || errno == ENOBUFS)
		return false;
	if (errno == ECONNREFUSED) {
		s->lost += s->sent - c->told;
		s->sent = c->told;
	}
	conn_broken(c, strerror(errno));
	return false;
}

bool
conn_put(struct log_conn *c, const void *data, size_t size)
{
	if (c->fd >= 0)
		return datagram_put(c, data, size);
	return bufferevent_write(c->bev, data, size) == 0;
}
