/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON socket on libevent: lines in, answers out, bounds on what a client can make wait. */
#include "server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct client {
	struct server *server;
	struct client *next, **prev;
	struct bufferevent *bev;
	struct event *again;    /* lines are left after a turn */
	struct server_ticket *ticket; /* the answer to its last line comes later */
	size_t searched;        /* bytes of input known to hold no line end */
	bool ending;            /* no more input; close when the output is gone */
};

struct server_ticket {
	struct client *client; /* NULL: it has gone */
};

struct server {
	struct event_base *base;
	struct evconnlistener *listener;
	struct event *listen_again;
	struct client *clients;
	struct client *current; /* whose line is looked at */
	unsigned n_clients;
	server_line_fn *line;
	void *arg;
	char path[108];
};

static void
client_free(struct client *c)
{
	*c->prev = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	c->server->n_clients--;
	if (c->ticket != NULL)
		c->ticket->client = NULL;
	event_free(c->again);
	bufferevent_free(c->bev);
	free(c);
}

/* An event that is made active at once comes before what others have sent meanwhile. */
static const struct timeval soon = {0};

static size_t
pending(struct client *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev));
}

static int
append_text(const char *text, size_t size, void *arg)
{
	return evbuffer_add(arg, text, size);
}

/* answer_put: reference taken over; NULL: there is none. */
static void
answer_put(struct client *c, json_t *response)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	/* Some take longer than a client may stall, and the time that it has begins now. */
	event_base_update_cache_time(c->server->base);
	if (response == NULL)
		return;
	struct evbuffer *text = evbuffer_new();
	json_dump_callback(response, append_text, text, JSON_COMPACT);
	evbuffer_add(text, "\n", 1);
	evbuffer_add_buffer(out, text);
	evbuffer_free(text);
	json_decref(response);
}

static void
answer(struct client *c, const char *line, size_t size)
{
	struct server *s = c->server;
	s->current = c;
	json_t *response = s->line(s->arg, line, size);
	s->current = NULL;
	answer_put(c, response);
}

/* take_line: answer the first line of the input. => false when there is no whole line. */
static bool
take_line(struct client *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	struct evbuffer_ptr from, end;
	evbuffer_ptr_set(in, &from, c->searched, EVBUFFER_PTR_SET);
	end = evbuffer_search(in, "\n", 1, &from);
	if (end.pos < 0) {
		c->searched = evbuffer_get_length(in);
		return false;
	}
	size_t size = (size_t)end.pos;
	const char *line = (const char *)evbuffer_pullup(in, end.pos + 1);
	answer(c, line, size);
	evbuffer_drain(in, size + 1);
	c->searched = 0;
	return true;
}

static void
line_too_long(struct client *c)
{
	static const char text[] = "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,"
	                           "\"message\":\"a line has 16 MiB at most\"}}\n";
	evbuffer_add(bufferevent_get_output(c->bev), text, sizeof(text) - 1);
	evbuffer_drain(bufferevent_get_input(c->bev),
	               evbuffer_get_length(bufferevent_get_input(c->bev)));
	bufferevent_disable(c->bev, EV_READ);
	c->ending = true;
}

/* client_turn: some lines, as long as the client reads what it gets. */
static void
client_turn(struct client *c)
{
	int n = 0;
	while (n < SERVER_TURN && c->ticket == NULL && pending(c) < SERVER_PENDING && take_line(c))
		n++;
	if (c->ticket != NULL)
		return;
	size_t left = evbuffer_get_length(bufferevent_get_input(c->bev));
	if (pending(c) >= SERVER_PENDING)
		bufferevent_disable(c->bev, EV_READ);
	else if (n == SERVER_TURN)
		event_add(c->again, &soon);
	else if (left >= SERVER_LINE)
		line_too_long(c);
	else if (!c->ending)
		bufferevent_enable(c->bev, EV_READ);
	else if (pending(c) == 0)
		client_free(c);
}

struct server_ticket *
server_later(struct server *s)
{
	struct server_ticket *t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	t->client = s->current;
	s->current->ticket = t;
	return t;
}

void
server_answer(struct server_ticket *t, json_t *response)
{
	struct client *c = t->client;
	free(t);
	if (c == NULL) {
		json_decref(response);
		return;
	}
	c->ticket = NULL;
	answer_put(c, response);
	client_turn(c);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	client_turn(arg);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	client_turn(arg);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct client *c = arg;
	if ((what & (BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)) != 0) {
		client_free(c);
		return;
	}
	c->ending = true; /* it will send no more, but may still read */
	client_turn(c);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *a, int size,
          void *arg)
{
	struct server *s = arg;
	struct timeval stall = {.tv_sec = SERVER_STALL_S};
	struct client *c = s->n_clients < SERVER_CLIENTS ? calloc(1, sizeof(*c)) : NULL;
	if (c == NULL) {
		close(fd);
		return;
	}
	c->server = s;
	c->bev = bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);
	c->again = event_new(s->base, -1, 0, on_again, c);
	c->next = s->clients;
	c->prev = &s->clients;
	if (c->next != NULL)
		c->next->prev = &c->next;
	s->clients = c;
	s->n_clients++;
	bufferevent_setcb(c->bev, on_read, on_read, on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, SERVER_LINE);
	bufferevent_setwatermark(c->bev, EV_WRITE, 0, 0);
	bufferevent_set_timeouts(c->bev, NULL, &stall);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

/* on_refused: no descriptor, or no memory. Who waits would wake us all the time. */
static void
on_refused(struct evconnlistener *listener, void *arg)
{
	struct server *s = arg;
	struct timeval later = {.tv_usec = SERVER_LATER_MS * 1000};
	evconnlistener_disable(listener);
	event_add(s->listen_again, &later);
}

static void
on_listen_again(evutil_socket_t fd, short what, void *arg)
{
	evconnlistener_enable(((struct server *)arg)->listener);
}

/* listening: a socket at path; one that is left of a daemon that died is taken over. */
static int
listening(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(a.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 || errno == EAGAIN) {
		close(fd);
		errno = EADDRINUSE;
		return -1;
	}
	unlink(path);
	mode_t old = umask(0117);
	int rc = bind(fd, (struct sockaddr *)&a, sizeof(a));
	umask(old);
	if (rc != 0 || listen(fd, 512) != 0) {
		int e = errno;
		close(fd);
		errno = e;
		return -1;
	}
	return fd;
}

struct server *
server_create(struct event_base *base, const char *path, server_line_fn *line, void *arg)
{
	int fd = listening(path);
	struct server *s = fd >= 0 ? calloc(1, sizeof(*s)) : NULL;
	if (s == NULL)
		return NULL;
	s->base = base;
	s->line = line;
	s->arg = arg;
	snprintf(s->path, sizeof(s->path), "%s", path);
	s->listener = evconnlistener_new(base, on_accept, s, LEV_OPT_CLOSE_ON_FREE, 0, fd);
	s->listen_again = evtimer_new(base, on_listen_again, s);
	evconnlistener_set_error_cb(s->listener, on_refused);
	return s;
}

void
server_destroy(struct server *s)
{
	while (s->clients != NULL)
		client_free(s->clients);
	event_free(s->listen_again);
	evconnlistener_free(s->listener);
	unlink(s->path);
	free(s);
}
