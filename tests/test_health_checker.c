/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks by the thousand over a data plane that only keeps images: when they run, what becomes of
 * a listener that closes, documents that change, a daemon that starts anew, and what it all costs.
 * MR_HEALTH_SECONDS: how long the costs are measured.
 */
#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api_world.h"
#include "ctl/daemon/health_checker.h"
#include "health_world.h"

enum { PORT_A = 8001, PORT_B = 8002, PORT_NONE = 8003 };

static struct event_base *base;
static struct checker *checker;
static volatile int never;
static char store[] = "/tmp/millrace-test-health.XXXXXX";

/* document: n backends from 10.0.0.1 on, even ones at port A, odd ones at B; 1000 a service. */
static json_t *
document(unsigned n, json_t *check)
{
	json_t *services = json_array();
	for (unsigned i = 0; i < n; i++) {
		char name[32], address[32];
		if (i % 1000 == 0) {
			snprintf(name, sizeof(name), "s%u", i / 1000);
			snprintf(address, sizeof(address), "192.0.2.%u", 1 + i / 1000);
			json_array_append_new(services, json_pack("{s:s, s:s, s:i, s:s, s:[]}",
				"name", name, "address", address, "port", 80, "check", "c",
				"backends"));
		}
		json_t *list = json_object_get(json_array_get(services, i / 1000), "backends");
		snprintf(address, sizeof(address), "10.0.%u.%u", (i + 1) / 256, (i + 1) % 256);
		json_array_append_new(list, json_pack("{s:s, s:i}", "address", address, "port",
		                                      i % 2 == 0 ? PORT_A : PORT_B));
	}
	json_object_set_new(check, "name", json_string("c"));
	return json_pack("{s:[{s:s, s:s, s:[s]}], s:{s:[o], s:o}}", "nics", "name", "in", "device",
	                 "d", "addresses", "172.16.0.1/24", "lb", "checks", check, "services",
	                 services);
}

static void
apply(unsigned n, json_t *check)
{
	json_t *request = json_pack("{s:s, s:i, s:s, s:{s:o}}", "jsonrpc", "2.0", "id", 1, "method",
	                            "config.apply", "params", "config", document(n, check));
	json_t *r = api_call(api, request);
	CU_ASSERT_FATAL(json_object_get(r, "result") != NULL);
	json_decref(r);
	json_decref(request);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	char err[256];
	CU_ASSERT(!checker_tick(checker) || checker_apply(checker, err, sizeof(err)) == 0);
}

static struct event *ticker;

static void
daemon_begin(void)
{
	struct timeval tick = {.tv_usec = 20000};
	struct plane_link link = fake_link(&plane);
	char err[256];
	api = api_create(&link);
	base = event_base_new();
	checker = checker_create(base, api, store);
	ticker = event_new(base, -1, EV_PERSIST, on_tick, NULL);
	event_add(ticker, &tick);
	CU_ASSERT(api_link_changed(api, err, sizeof(err)) == 0);
}

static void
daemon_end(void)
{
	event_free(ticker);
	checker_destroy(checker);
	api_destroy(api);
	event_base_free(base);
}

static void
on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *a, int size, void *arg)
{
	close(fd);
}

static void
run(double seconds)
{
	world_run(base, &never, seconds);
}

static unsigned
count(const char *word)
{
	const struct health *h = api_health(api);
	unsigned n = 0;
	for (size_t i = 0; i < h->n; i++)
		n += strcmp(health_word(h->target[i]), word) == 0;
	return n;
}

static unsigned
rows_down(void)
{
	unsigned n = 0;
	for (unsigned i = 0; backend_row(i) != NULL; i++)
		n += backend_row(i)->state == LB_DOWN;
	return n;
}

enum { PATIENT_S = 60 }; /* what is to come soon comes within it, however busy the machine is */

/* until: n backends are so, and the data plane knows who is down. */
static void
until(const char *word, unsigned n)
{
	double end = world_now() + PATIENT_S;
	while (count(word) != n && world_now() < end)
		run(0.01);
	CU_ASSERT_EQUAL(count(word), n);
	while (rows_down() != count("down") && world_now() < end)
		run(0.05);
}

static json_t *
quick(void)
{
	return json_pack("{s:i, s:i, s:i, s:i, s:{s:i}}", "interval_ms", 100, "timeout_ms", 5000,
	                 "rise", 2, "fall", 2, "damping", "changes", 0);
}

/* A listener closes: its backends go down, in few generations; it opens: they come up. */
static void
test_down_and_up(void)
{
	fake_open(&plane);
	daemon_begin();
	struct evconnlistener *a = world_listen(base, AF_INET, PORT_A, on_accept, NULL);
	struct evconnlistener *b = world_listen(base, AF_INET, PORT_B, on_accept, NULL);
	apply(200, quick());
	until("up", 200);
	CU_ASSERT(rows_down() == 0 && plane.applied == 1);
	evconnlistener_free(b);
	until("down", 100);
	CU_ASSERT_EQUAL(rows_down(), 100);
	CU_ASSERT(plane.applied > 1 && plane.applied < 1 + 60); /* of 100 backends */
	b = world_listen(base, AF_INET, PORT_B, on_accept, NULL);
	until("up", 200);
	CU_ASSERT_EQUAL(rows_down(), 0);
	CU_ASSERT(access(store, F_OK) == 0); /* not only at the end */
	evconnlistener_free(a);
	evconnlistener_free(b);
	daemon_end();
	fake_close(&plane);
}

/* What ran and was due goes on under another document; who leaves it is asked no more. */
static void
test_documents(void)
{
	struct health_load before, after;
	unlink(store);
	fake_open(&plane);
	daemon_begin();
	struct evconnlistener *a = world_listen(base, AF_INET, PORT_A, on_accept, NULL);
	json_t *slow = json_pack("{s:i, s:i}", "interval_ms", 3600000, "jitter", 0);
	apply(50, quick());
	until("unchecked", 0);
	CU_ASSERT(count("up") == 25 && count("down") == 25);
	apply(50, json_deep_copy(slow));
	do { /* those that were due soon are, once; nobody else */
		before = api_health(api)->load;
		run(0.3);
	} while (api_health(api)->load.started != before.started);
	before = api_health(api)->load;
	apply(50, json_incref(slow));
	for (int i = 0; i < 5; i++) {
		json_object_set_new(slow, "rise", json_integer(2 + i));
		apply(50, json_deep_copy(slow));
	}
	run(0.3);
	after = api_health(api)->load;
	CU_ASSERT(after.started == before.started && after.backends == 50);
	CU_ASSERT(count("up") == 25 && count("down") == 25 && rows_down() == 25);
	apply(10, json_deep_copy(slow));
	after = api_health(api)->load;
	CU_ASSERT(after.backends == 10);
	apply(10, quick()); /* now an interval ends sooner */
	for (int i = 0; i < 20 * PATIENT_S && after.started < before.started + 10; i++) {
		run(0.05);
		after = api_health(api)->load;
	}
	CU_ASSERT(after.started >= before.started + 10);
	json_decref(slow);
	evconnlistener_free(a);
	daemon_end();
	fake_close(&plane);
}

/* A daemon that starts anew: the same verdicts, no event, no generation. */
static void
test_restart(void)
{
	unlink(store);
	fake_open(&plane);
	daemon_begin();
	struct evconnlistener *a = world_listen(base, AF_INET, PORT_A, on_accept, NULL);
	apply(100, quick());
	until("unchecked", 0);
	unsigned applied = plane.applied;
	CU_ASSERT(rows_down() == 50);
	evconnlistener_free(a);
	daemon_end();
	daemon_begin();
	a = world_listen(base, AF_INET, PORT_A, on_accept, NULL);
	CU_ASSERT(count("up") == 50 && count("down") == 50);
	run(0.5);
	CU_ASSERT(count("up") == 50 && count("down") == 50);
	CU_ASSERT(api_health(api)->events == 0 && plane.applied == applied);
	evconnlistener_free(a);
	daemon_end();
	fake_close(&plane);
	unlink(store);
}

/* Whenever the data plane knows of a change, the file does. */
static void
test_on_disk(void)
{
	unlink(store);
	fake_open(&plane);
	daemon_begin();
	apply(40, quick());
	for (double end = world_now() + PATIENT_S; rows_down() < 40 && world_now() < end;) {
		run(0.01);
		json_t *file = json_load_file(store, 0, NULL), *o;
		const char *key;
		unsigned down = 0;
		json_object_foreach(json_object_get(file, "backends"), key, o)
			down += strcmp(json_string_value(json_object_get(o, "verdict")),
			               "down") == 0;
		CU_ASSERT(down >= rows_down());
		json_decref(file);
	}
	CU_ASSERT_EQUAL(rows_down(), 40);
	daemon_end();
	fake_close(&plane);
	unlink(store);
}

/* More than may run at once wait in line, and all get their turn. */
static void
test_line(void)
{
	struct health_load load;
	fake_open(&plane);
	daemon_begin();
	json_t *check = json_pack("{s:s, s:s, s:[s, s], s:i, s:i}", "type", "script", "script",
	                          "/bin/sh", "arguments", "-c", "sleep 0.1", "interval_ms", 100,
	                          "timeout_ms", 60000);
	apply(200, check);
	for (int i = 0; i < 100 * PATIENT_S && api_health(api)->load.waiting == 0; i++)
		run(0.01);
	load = api_health(api)->load;
	CU_ASSERT(load.running <= PROBE_SCRIPTS && load.waiting > 0);
	for (int i = 0; i < 20 * PATIENT_S && count("up") < 200; i++)
		run(0.05);
	CU_ASSERT(count("up") == 200);
	apply(20, quick()); /* while some run and others wait */
	load = api_health(api)->load;
	CU_ASSERT(load.running <= 20 && load.waiting <= 20);
	run(0.3);
	daemon_end();
	fake_close(&plane);
	unlink(store);
}

static double
cpu_seconds(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* farm_begin: the listeners in a process of their own, so that only checking is measured. */
static pid_t
farm_begin(void)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	struct event_base *farm = event_base_new();
	world_listen(farm, AF_INET, PORT_A, on_accept, NULL);
	world_listen(farm, AF_INET, PORT_B, on_accept, NULL);
	event_base_dispatch(farm);
	_exit(0);
}

static void
test_ten_thousand(void)
{
	enum { N = 10000, INTERVAL_MS = 2000 };
	const char *given = getenv("MR_HEALTH_SECONDS");
	double seconds = given != NULL ? strtod(given, NULL) : TEST_IS_SANITIZED ? 1 : 3;
	struct health_load before, after;
	pid_t farm = farm_begin();
	fake_open(&plane);
	daemon_begin();
	double began = world_now();
	apply(N, json_pack("{s:i, s:i, s:i}", "interval_ms", INTERVAL_MS, "timeout_ms", 60000,
	                   "fall", 1));
	double applied = world_now() - began;
	until("unchecked", 0);
	before = api_health(api)->load;
	double cpu = cpu_seconds();
	began = world_now();
	run(seconds);
	after = api_health(api)->load;
	cpu = cpu_seconds() - cpu;
	double took = world_now() - began, checks = (double)(after.started - before.started);
	double late = (double)(after.late_ns - before.late_ns) / 1e6 / (checks > 0 ? checks : 1);
	printf("%.0f checks/s of %u backends: %.1f %% of a CPU, %.0f us each; late by %.2f ms on "
	       "average, %.1f at most; a document of them applied in %.0f ms ", checks / took, N,
	       100 * cpu / took, 1e6 * cpu / checks, late, (double)after.late_max_ns / 1e6,
	       applied * 1e3);
	CU_ASSERT(checks > seconds * 1000 / INTERVAL_MS * N / 10); /* however busy it is */
	CU_ASSERT_EQUAL(count("up"), N);
	unsigned generations = plane.applied;
	kill(farm, SIGKILL);
	waitpid(farm, NULL, 0);
	began = world_now();
	while (rows_down() != N && world_now() - began < PATIENT_S)
		run(0.01);
	printf("farm dead: all down after %.2f s in %u generations ", world_now() - began,
	       plane.applied - generations);
	CU_ASSERT_EQUAL(rows_down(), N);
	CU_ASSERT(plane.applied - generations < N / 20);
	daemon_end();
	fake_close(&plane);
	unlink(store);
}

static const struct test_case cases[] = {
	{"a listener closes and opens", test_down_and_up},
	{"documents change", test_documents},
	{"a daemon starts anew", test_restart},
	{"on disk first", test_on_disk},
	{"who has to wait", test_line},
	{"ten thousand", test_ten_thousand},
};

int
main(void)
{
	if (world_enter() != 0) {
		printf("no network namespace of our own: not root?\n");
		return WORLD_SKIP;
	}
	close(mkstemp(store));
	unlink(store);
	signal(SIGPIPE, SIG_IGN);
	int status = test_main("health_checker", cases, sizeof(cases) / sizeof(cases[0]));
	libevent_global_shutdown();
	return status;
}
