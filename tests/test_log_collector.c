/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to collectors that do not behave: time is an argument, so nobody waits for it. */
#include "ctl/daemon/log_conn.h"
#include "ctl/daemon/log_ipfix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "log_world.h"

enum { ROOM = 64, STALL_MS = CONN_STALL_S * 1000 };

static struct log_bus bus;
static struct log_sink sink;
static struct log_conn conn;
static int listener;
static unsigned begun;

static void
on_begun(struct log_sink *s)
{
	begun++;
}

static void
pump(struct log_sink *s, uint64_t now_ns)
{
	conn_tick(&conn, now_ns);
}

static const struct log_sink_ops ops = {"test", pump, NULL, NULL, false};

/* begin: a sink with this transport, and a socket (SOCK_*, or 0) where it connects to. */
static void
begin(const char *transport, int type)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(a);
	listener = socket(AF_INET, (type != 0 ? type : SOCK_DGRAM) | SOCK_NONBLOCK, 0);
	CU_ASSERT_FATAL(bind(listener, (struct sockaddr *)&a, size) == 0);
	getsockname(listener, (struct sockaddr *)&a, &size);
	if (type == SOCK_STREAM)
		listen(listener, 8);
	if (type == 0) {
		close(listener);
		listener = -1;
	}
	json_t *conf = json_pack("{s:s, s:s, s:i, s:s}", "name", "c", "address", "127.0.0.1",
	                         "port", ntohs(a.sin_port), "transport", transport);
	bus = (struct log_bus){.base = event_base_new()};
	CU_ASSERT_FATAL(log_sink_init(&sink, &bus, &ops, "c", conf, ROOM) == 0);
	json_decref(conf);
	conn_init(&conn, &sink, on_begun);
	begun = 0;
}

static void
end(void)
{
	conn_fini(&conn);
	log_sink_fini(&sink);
	event_base_free(bus.base);
	if (listener >= 0)
		close(listener);
}

static void
turn(uint64_t ms)
{
	log_bus_pump(&bus, ms * 1000000);
	event_base_loop(bus.base, EVLOOP_NONBLOCK);
}

/* accepted: a connection has come. => its socket, or -1. */
static int
accepted(uint64_t ms)
{
	for (unsigned i = 0; i < 200; i++) {
		int fd = accept(listener, NULL, NULL);
		if (fd >= 0)
			return fd;
		turn(ms);
		poll(NULL, 0, 1);
	}
	return -1;
}

/* A collector that accepts and never says a word of the handshake is given up, and tried again. */
static void
test_silent(void)
{
	begin("tls", SOCK_STREAM);
	turn(1000);
	int first = accepted(1000);
	CU_ASSERT_FATAL(first >= 0);
	for (unsigned i = 0; i < 20; i++)
		turn(1000 + STALL_MS);
	CU_ASSERT(!sink.is_up && conn.bev != NULL && sink.error[0] == '\0' && begun == 0);
	turn(1001 + STALL_MS);
	CU_ASSERT(conn.bev == NULL && conn.tls == NULL);
	CU_ASSERT_PTR_NOT_NULL(strstr(sink.error, ": does not answer"));
	turn(1001 + STALL_MS + CONN_RETRY_MIN_MS);
	CU_ASSERT_PTR_NOT_NULL(conn.bev);
	int second = accepted(1001 + STALL_MS + CONN_RETRY_MIN_MS);
	CU_ASSERT(second >= 0);
	close(first);
	close(second);
	end();
}

static int
option(int level, int name)
{
	int value = -1;
	socklen_t size = sizeof(value);
	getsockopt(bufferevent_getfd(conn.bev), level, name, &value, &size);
	return value;
}

/* The kernel notices that a collector's host is gone as soon as we would. */
static void
test_gone(void)
{
	begin("tcp", SOCK_STREAM);
	turn(1000);
	int fd = accepted(1000);
	for (unsigned i = 0; i < 200 && !sink.is_up; i++, poll(NULL, 0, 1))
		turn(1000);
	CU_ASSERT_FATAL(fd >= 0 && sink.is_up && begun == 1);
	CU_ASSERT_EQUAL(option(IPPROTO_TCP, TCP_USER_TIMEOUT), STALL_MS);
	CU_ASSERT(option(SOL_SOCKET, SO_KEEPALIVE) == 1);
	CU_ASSERT(option(IPPROTO_TCP, TCP_KEEPIDLE) + 3 * option(IPPROTO_TCP, TCP_KEEPINTVL) <=
	          CONN_STALL_S);
	turn(1001 + STALL_MS); /* one that is there has all the time of the world */
	CU_ASSERT(sink.is_up && sink.error[0] == '\0');
	close(fd);
	end();
}

/* take: so many records are on their way. */
static void
take(unsigned n)
{
	struct record r = block_record(RECORD_BLOCK_CREATE, SECOND, 1, 1, 1024);
	for (unsigned i = 0; i < n; i++) {
		log_bus_put(&bus, &r);
		log_sink_take(&sink);
	}
}

/* A datagram that nobody was there for: all that was in it is lost, not one record. */
static void
test_refused(void)
{
	begin("udp", 0);
	turn(1000);
	CU_ASSERT(sink.is_up);
	take(5);
	CU_ASSERT_FATAL(conn_put(&conn, "five", 4));
	log_sink_arrived(&sink);
	CU_ASSERT(sink.sent == 5 && sink.lost == 0);
	take(2);
	CU_ASSERT_FALSE(conn_put(&conn, "two", 3));
	CU_ASSERT(sink.sent == 0 && sink.lost == 5 && !sink.is_up);
	CU_ASSERT(sink.head - sink.tail == 2 && sink.taken == sink.tail); /* sent again, later */
	end();
}

/* own_number: of the first message of domain 0 with data that comes. => -1: none. */
static int64_t
own_number(int fd)
{
	uint32_t head[5];
	while (recv(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head))
		if (ntohl(head[3]) == 0 && ntohl(head[4]) >> 16 > 255)
			return ntohl(head[2]);
	return -1;
}

/* Of IPFIX: names that never left, since nobody was there, are no data records that were lost. */
static void
test_refused_ipfix(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(a);
	struct record r = block_record(RECORD_BLOCK_CREATE, SECOND, 1, 1, 1024);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	CU_ASSERT_FATAL(bind(fd, (struct sockaddr *)&a, size) == 0);
	getsockname(fd, (struct sockaddr *)&a, &size);
	close(fd);
	bus = (struct log_bus){.base = event_base_new(), .pools = 1, .pool = {"main"}};
	json_t *conf = json_pack("{s:s, s:s, s:i, s:s, s:i}", "name", "c", "address", "127.0.0.1",
	                         "port", ntohs(a.sin_port), "transport", "udp",
	                         "template_seconds", 600);
	struct log_sink *s = log_ipfix_create(&bus, conf, ROOM, 0);
	log_bus_put(&bus, &r);
	uint64_t ms = 1000;
	for (unsigned i = 0; i < 5; i++, ms += CONN_RETRY_MAX_MS + 1)
		turn(ms);
	CU_ASSERT(s->sent == 0 && s->error_ns != 0 && s->head - s->tail == 1);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	CU_ASSERT_FATAL(bind(fd, (struct sockaddr *)&a, size) == 0);
	for (unsigned i = 0; i < 3; i++, ms += CONN_RETRY_MAX_MS + 1)
		turn(ms);
	CU_ASSERT(s->sent == 1 && own_number(fd) == 0);
	close(fd);
	json_decref(conf);
	s->ops->destroy(s);
	event_base_free(bus.base);
}

/* tells: has a datagram with templates come? => how many others were before it; -1: none has. */
static int
tells(int fd)
{
	uint32_t head[5];
	for (int before = 0; recv(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head); before++)
		if (ntohl(head[4]) >> 16 == 2)
			return before;
	return -1;
}

/*
 * Of IPFIX: a collector that died and came back while nothing was sent was not missed, and knows no
 * template. It hears them in time, before the next record; also where the clock was set.
 */
static void
test_templates_again(void)
{
	static const struct { uint64_t ms; bool told; } turns[] = {
		{1000, true}, {2000, false}, {5900, false}, {6000, true}, {7000, false},
		{500, true}, {600, false}, {5400, false}, {900000, true}, {900100, false},
	};
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	CU_ASSERT_FATAL(bind(fd, (struct sockaddr *)&a, size) == 0);
	getsockname(fd, (struct sockaddr *)&a, &size);
	bus = (struct log_bus){.base = event_base_new(), .pools = 1, .pool = {"main"}};
	json_t *conf = json_pack("{s:s, s:s, s:i, s:s, s:i}", "name", "c", "address", "127.0.0.1",
	                         "port", ntohs(a.sin_port), "transport", "udp",
	                         "template_seconds", 5);
	struct log_sink *s = log_ipfix_create(&bus, conf, ROOM, 0);
	for (unsigned i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
		struct record r = block_record(RECORD_BLOCK_CREATE, SECOND, i + 1, 1, 1024);
		close(fd); /* and another one in its place, who has heard of nothing */
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		CU_ASSERT_FATAL(bind(fd, (struct sockaddr *)&a, size) == 0);
		log_bus_put(&bus, &r);
		turn(turns[i].ms);
		CU_ASSERT_EQUAL(tells(fd), turns[i].told ? 0 : -1);
	}
	CU_ASSERT(s->sent == sizeof(turns) / sizeof(turns[0]) && s->lost == 0);
	close(fd);
	json_decref(conf);
	s->ops->destroy(s);
	event_base_free(bus.base);
}

static const struct test_case cases[] = {
	{"silent in the handshake", test_silent},
	{"gone without a word", test_gone},
	{"datagrams refused", test_refused},
	{"datagrams of IPFIX refused", test_refused_ipfix},
	{"templates are told again", test_templates_again},
};
TEST_MAIN("log_collector", cases)
