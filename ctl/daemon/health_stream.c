/* SPDX-License-Identifier: Apache-2.0 */
/* Checks over TCP: connect, perhaps TLS and a question, and an answer read until it is clear. */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health_http.h"
#include "health_probe.h"

/* Contexts are few: one for each file of authorities that was ever named, and one for none. */
struct tls_context {
	struct tls_context *next;
	SSL_CTX *ctx;
	char ca_file[256]; /* "": the system's; "-": no certificate is checked */
};

static bool
is_http(const struct check *c)
{
	return c->type == CHECK_HTTP || c->type == CHECK_HTTPS;
}

static SSL_CTX *
context_make(const char *ca_file)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	if (ctx == NULL)
		return NULL;
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	int good = strcmp(ca_file, "-") == 0 ? 1 :
	           ca_file[0] == '\0' ? SSL_CTX_set_default_verify_paths(ctx) :
	           SSL_CTX_load_verify_locations(ctx, ca_file, NULL);
	if (good == 1)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

/* context_of: the context of a check; NULL and a reason when its file cannot be read. */
static SSL_CTX *
context_of(struct probe *p)
{
	struct tls_context **at = (struct tls_context **)&p->prober->tls, *c;
	const char *given = p->check->ca_file, *file = !p->check->verify ? "-" : given ?: "";
	for (c = *at; c != NULL; c = c->next)
		if (strcmp(c->ca_file, file) == 0)
			return c->ctx;
	SSL_CTX *ctx = context_make(file);
	c = ctx != NULL ? calloc(1, sizeof(*c)) : NULL;
	if (c == NULL) {
		ERR_clear_error();
		SSL_CTX_free(ctx);
		snprintf(p->reason, sizeof(p->reason), "tls: ca_file %.80s cannot be used", file);
		return NULL;
	}
	snprintf(c->ca_file, sizeof(c->ca_file), "%s", file);
	c->ctx = ctx;
	c->next = *at;
	*at = c;
	return ctx;
}

void
stream_fini(struct prober *pr)
{
	for (struct tls_context *c = pr->tls, *next; c != NULL; c = next) {
		next = c->next;
		SSL_CTX_free(c->ctx);
		free(c);
	}
	pr->tls = NULL;
}

static void
address_text(const struct probe *p, char *out, size_t size)
{
	inet_ntop(p->to.family == FAMILY_V4 ? AF_INET : AF_INET6, p->to.address.b, out,
	          (socklen_t)size);
}

/* tls_expect: whose certificate it must be. */
static void
tls_expect(const struct probe *p, SSL *ssl)
{
	char address[INET6_ADDRSTRLEN];
	if (p->check->host != NULL) {
		SSL_set_tlsext_host_name(ssl, p->check->host);
		SSL_set1_host(ssl, p->check->host);
	} else {
		address_text(p, address, sizeof(address));
		X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), address);
	}
	SSL_set_verify(ssl, p->check->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
}

/* request_send: what the check asks, if it asks. => false: connecting was all. */
static bool
request_send(struct probe *p)
{
	char text[HTTP_REQUEST], address[INET6_ADDRSTRLEN], host[INET6_ADDRSTRLEN + 2];
	const struct check *c = p->check;
	if (!is_http(c)) {
		bufferevent_write(p->bev, c->send.b, c->send.n);
		return c->send.n != 0 || c->expect.n != 0;
	}
	address_text(p, address, sizeof(address));
	snprintf(host, sizeof(host), p->to.family == FAMILY_V4 ? "%s" : "[%s]", address);
	size_t n = http_request(c, c->host != NULL ? c->host : host, text);
	return bufferevent_write(p->bev, text, n) == 0;
}

static enum judgement
judge(const struct probe *p, const char *text, size_t n, bool ended, char *why, size_t size)
{
	const struct check_bytes *e = &p->check->expect;
	if (is_http(p->check))
		return http_judge(p->check, text, n, ended, why, size);
	bool good = n != 0 && (e->n == 0 || memmem(text, n, e->b, e->n) != NULL);
	if (!good && !ended && n < HTTP_MAX)
		return JUDGE_MORE;
	snprintf(why, size, good ? "answered" : n == 0 ? "closed without an answer" :
	         "the answer is not as expected");
	return good ? JUDGE_GOOD : JUDGE_BAD;
}

/* look: at what has come. => is it decided? */
static bool
look(struct probe *p, bool ended)
{
	struct evbuffer *in = bufferevent_get_input(p->bev);
	size_t n = evbuffer_get_length(in);
	const char *text = n != 0 ? (const char *)evbuffer_pullup(in, -1) : "";
	char why[HEALTH_REASON - 10];
	enum judgement j = judge(p, text, n < HTTP_MAX ? n : HTTP_MAX, ended, why, sizeof(why));
	if (j == JUDGE_MORE)
		return false;
	probe_end(p, j == JUDGE_GOOD, "%s: %s", p->stage, why);
	return true;
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	look(arg, false);
}

static void
tls_failed(struct probe *p)
{
	long verify = SSL_get_verify_result(p->tls);
	unsigned long error = bufferevent_get_openssl_error(p->bev);
	if (p->check->verify && verify != X509_V_OK)
		probe_end(p, false, "tls: certificate: %s", X509_verify_cert_error_string(verify));
	else if (error != 0)
		probe_end(p, false, "tls: %s", ERR_reason_error_string(error) ?: "failed");
	else
		probe_end(p, false, "tls: closed by the backend");
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct probe *p = arg;
	int error = EVUTIL_SOCKET_ERROR();
	if ((what & BEV_EVENT_CONNECTED) != 0) { /* TLS stands */
		p->stage = check_type_name(p->check->type);
		request_send(p);
	} else if (strcmp(p->stage, "tls") == 0) {
		tls_failed(p);
	} else if ((what & BEV_EVENT_ERROR) != 0 && p->tls == NULL) {
		probe_end(p, false, "%s: %s", p->stage, error_word(error));
	} else if (!look(p, true)) {
		probe_end(p, false, "%s: ended too early", p->stage);
	}
}

/* talk: the connection stands. => 0, -1 and a reason. */
static int
talk(struct probe *p)
{
	if (p->check->type == CHECK_HTTPS) {
		SSL_CTX *ctx = context_of(p);
		SSL *ssl = ctx != NULL ? SSL_new(ctx) : NULL;
		if (ssl == NULL)
			return -1;
		tls_expect(p, ssl);
		p->stage = "tls";
		p->tls = ssl;
		p->bev = bufferevent_openssl_socket_new(p->prober->base, p->fd, ssl,
		                                        BUFFEREVENT_SSL_CONNECTING,
		                                        BEV_OPT_CLOSE_ON_FREE);
	} else {
		p->bev = bufferevent_socket_new(p->prober->base, p->fd, BEV_OPT_CLOSE_ON_FREE);
	}
	if (p->bev == NULL)
		return probe_fail(p, ENOMEM);
	p->fd = -1; /* the bufferevent's now */
	if (p->tls != NULL)
		bufferevent_openssl_set_allow_dirty_shutdown(p->bev, 1);
	bufferevent_setcb(p->bev, on_read, NULL, on_event, p);
	bufferevent_setwatermark(p->bev, EV_READ, 0, HTTP_MAX);
	bufferevent_enable(p->bev, EV_READ | EV_WRITE);
	return 0;
}

static void
on_connected(evutil_socket_t fd, short what, void *arg)
{
	struct probe *p = arg;
	const struct check *c = p->check;
	int error = 0;
	socklen_t size = sizeof(error);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	p->has_event = false;
	if (error != 0) {
		probe_end(p, false, "connect: %s", error_word(error));
		return;
	}
	p->stage = check_type_name(c->type);
	if (c->type == CHECK_TCP && c->send.n == 0 && c->expect.n == 0)
		probe_end(p, true, "connected");
	else if (talk(p) != 0)
		probe_end(p, false, "%s", p->reason);
	else if (p->tls == NULL)
		request_send(p);
}

int
stream_start(struct probe *p)
{
	p->stage = "connect";
	p->fd = probe_socket(p, SOCK_STREAM);
	if (p->fd < 0)
		return -1;
	probe_watch(p, EV_WRITE, on_connected);
	return 0;
}

void
stream_stop(struct probe *p)
{
	if (p->bev != NULL)
		bufferevent_free(p->bev); /* with its TLS */
	else
		SSL_free(p->tls);
	p->bev = NULL;
	p->tls = NULL;
}
