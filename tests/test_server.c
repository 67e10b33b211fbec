/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON socket when there are no descriptors left: nobody is served in vain, nobody is lost. */
#include "ctl/daemon/server.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "test.h"

enum { CLIENTS = 12, ROOM = 4, MS = 1000, TURNS = 1000 };

static struct event_base *base;
static struct server *server;
static char path[64];
static int client[CLIENTS];

/* An answer as long as the question. */
static json_t *
on_line(void *arg, const char *line, size_t size)
{
	return json_pack("{s:i}", "size", (int)size);
}

static void
begin(void)
{
	snprintf(path, sizeof(path), "/tmp/mr-server-%d.sock", getpid());
	base = event_base_new();
	server = server_create(base, path, on_line, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(server);
}

static void
end(void)
{
	server_destroy(server);
	event_base_free(base);
}

static void
connect_all(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	for (unsigned i = 0; i < CLIENTS; i++) {
		client[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		CU_ASSERT_FATAL(connect(client[i], (struct sockaddr *)&a, sizeof(a)) == 0);
		CU_ASSERT_EQUAL(write(client[i], "[]\n", 3), 3);
	}
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	event_base_loopbreak(arg);
}

static unsigned warnings;

static void
on_warning(int severity, const char *text)
{
	warnings++;
}

/* So long with the loop. */
static void
loop_for(unsigned ms)
{
	struct timeval t = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * MS};
	struct event *timer = evtimer_new(base, on_timer, base);
	evtimer_add(timer, &t);
	event_base_dispatch(base);
	event_free(timer);
}

/* waiting: clients that have something to read. */
static unsigned
waiting(void)
{
	unsigned n = 0;
	char byte;
	for (unsigned i = 0; i < CLIENTS; i++)
		n += client[i] >= 0 && recv(client[i], &byte, 1, MSG_PEEK) == 1;
	return n;
}

/* Clients that have an answer by now; their connections are closed. */
static unsigned
answered(void)
{
	char text[64];
	unsigned n = 0;
	for (unsigned i = 0; i < CLIENTS; i++) {
		if (client[i] < 0 || read(client[i], text, sizeof(text)) <= 0)
			continue;
		CU_ASSERT_EQUAL(strncmp(text, "{\"size\":2}", 10), 0);
		close(client[i]);
		client[i] = -1;
		n++;
	}
	return n;
}

/* The lowest number that a new descriptor would have. */
static unsigned
lowest(void)
{
	int fd = dup(0);
	close(fd);
	return (unsigned)fd;
}

static void
test_descriptors(void)
{
	struct rlimit before, tight;
	begin();
	connect_all();
	getrlimit(RLIMIT_NOFILE, &before);
	tight = before;
	tight.rlim_cur = lowest() + ROOM;
	setrlimit(RLIMIT_NOFILE, &tight);
	event_set_log_callback(on_warning);
	for (unsigned turn = 0; turn < TURNS && waiting() < ROOM; turn++)
		loop_for(5);
	loop_for(300);
	CU_ASSERT_EQUAL(warnings, 0); /* it waits, and does not ask all the time */
	event_set_log_callback(NULL);
	unsigned n = answered();
	CU_ASSERT_EQUAL(n, ROOM);
	for (unsigned turn = 0; turn < TURNS && n < CLIENTS; turn++) {
		loop_for(20);
		n += answered();
	}
	CU_ASSERT_EQUAL(n, CLIENTS);
	setrlimit(RLIMIT_NOFILE, &before);
	end();
}

/* first_gets: that many bytes at least, however long that takes; text ends there. => how many. */
static size_t
first_gets(char *text, size_t size, size_t wanted)
{
	size_t have = 0;
	for (unsigned turn = 0; turn < TURNS && have < wanted; turn++) {
		loop_for(1);
		ssize_t n = read(client[0], text + have, size - have - 1);
		have += n > 0 ? (size_t)n : 0;
	}
	text[have] = '\0';
	return have;
}

/* first_ended: nothing more comes, but the end. */
static bool
first_ended(void)
{
	char byte;
	ssize_t n = -1;
	for (unsigned turn = 0; turn < TURNS && n < 0; turn++) {
		loop_for(1);
		n = read(client[0], &byte, 1);
	}
	return n == 0;
}

/* Lines that come in pieces, many at once, and the last one without an end. */
static void
test_pieces(void)
{
	char text[4096] = "";
	begin();
	connect_all();
	CU_ASSERT_EQUAL(first_gets(text, sizeof(text), 11), 11);
	for (unsigned i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(write(client[0], "abcdef\n" + 2 * i, i < 2 ? 2 : 3), i < 2 ? 2 : 3);
		loop_for(5);
	}
	CU_ASSERT_EQUAL(first_gets(text, sizeof(text), 11), 11);
	CU_ASSERT_STRING_EQUAL(text, "{\"size\":6}\n");
	CU_ASSERT_EQUAL(write(client[0], "\n\r\n", 3), 3); /* empty ones have answers, too */
	CU_ASSERT_EQUAL(first_gets(text, sizeof(text), 22), 22);
	CU_ASSERT_STRING_EQUAL(text, "{\"size\":0}\n{\"size\":1}\n");
	char many[3 * 100 + 1] = "";
	for (unsigned i = 0; i < 100; i++)
		memcpy(many + 3 * i, "x\r\n", 3);
	CU_ASSERT_EQUAL(write(client[0], many, 300), 300);
	CU_ASSERT_EQUAL(write(client[0], "no end", 6), 6);
	shutdown(client[0], SHUT_WR);
	CU_ASSERT_EQUAL(first_gets(text, sizeof(text), 100 * 11), 100 * 11);
	CU_ASSERT(first_ended());
	for (unsigned i = 0; i < CLIENTS; i++)
		close(client[i]);
	loop_for(20);
	end();
}

static const struct test_case cases[] = {
	{"no descriptors left", test_descriptors},
	{"lines in pieces", test_pieces},
};
TEST_MAIN("server", cases)
