/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to collectors: when they are tried again. */
#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/daemon/log_bus.h"
#include "ctl/daemon/log_syslog.h"
#include "test.h"

#define SECOND 1000000000ull
#define BEGIN_NS (1795536000ull * SECOND)

static struct log_bus bus;
static struct log_sink *sink;

/* A port of loopback at which nobody listens yet. */
static int
port_bind(unsigned *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&a, size), 0);
	getsockname(fd, (struct sockaddr *)&a, &size);
	*port = ntohs(a.sin_port);
	return fd;
}

static void
begin(unsigned port)
{
	json_t *conf = json_pack("{s:s, s:s, s:s, s:i, s:i, s:i}", "name", "far", "transport",
	                         "tcp", "address", "127.0.0.1", "port", (int)port, "facility", 16,
	                         "enterprise", 32473);
	bus = (struct log_bus){.base = event_base_new()};
	sink = log_syslog_create(&bus, conf, 16, BEGIN_NS);
	json_decref(conf);
	CU_ASSERT_PTR_NOT_NULL_FATAL(sink);
}

static void
end(int fd)
{
	sink->ops->destroy(sink);
	event_base_free(bus.base);
	close(fd);
}

/* At this time: what is tried then comes to its end. => is there a connection? */
static bool
tried(uint64_t now_ns)
{
	uint64_t was = sink->error_ns;
	log_bus_pump(&bus, now_ns);
	for (unsigned i = 0; i < 200 && !sink->is_up && sink->error_ns == was; i++)
		event_base_loop(bus.base, EVLOOP_NONBLOCK);
	return sink->is_up;
}

static void
test_retry(void)
{
	unsigned port;
	int fd = port_bind(&port);
	begin(port);
	CU_ASSERT(!tried(BEGIN_NS) && sink->error_ns == BEGIN_NS);
	CU_ASSERT_EQUAL(listen(fd, 1), 0);
	CU_ASSERT_FALSE(tried(BEGIN_NS + SECOND / 4)); /* not yet */
	CU_ASSERT_TRUE(tried(BEGIN_NS + SECOND / 2));
	end(fd);
}

/* Nobody waits until the clock is there again. */
static void
test_clock_set_back(void)
{
	unsigned port;
	int fd = port_bind(&port);
	begin(port);
	CU_ASSERT_FALSE(tried(BEGIN_NS));
	CU_ASSERT_EQUAL(listen(fd, 1), 0);
	CU_ASSERT_TRUE(tried(BEGIN_NS - 3600 * SECOND));
	end(fd);
}

static const struct test_case cases[] = {
	{"tried again", test_retry},
	{"a clock that is set back", test_clock_set_back},
};
TEST_MAIN("log_conn", cases)
