/* SPDX-License-Identifier: Apache-2.0 */
/* Who else asks the daemon, while a configuration of many services is compiled and given. */
#include <stdatomic.h>
#include <time.h>

#include "daemon_world.h"

enum { SERVICES = 120, FEW = 40, BOUND_MS = 1000, POLLS = 5, ANSWER_MS = 60000 };

static uint64_t
ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* document: n services with two backends each; another seed, other tables. */
static json_t *
document(unsigned n, unsigned seed)
{
	json_t *doc = json_loads(fake_document, 0, NULL);
	json_t *list = json_object_get(json_object_get(doc, "lb"), "services");
	for (unsigned i = 0; i < n; i++) {
		char name[32], address[32], one[32], two[32];
		snprintf(name, sizeof(name), "s%u", i);
		snprintf(address, sizeof(address), "198.18.%u.%u", i / 200, 1 + i % 200);
		snprintf(one, sizeof(one), "10.%u.%u.%u", 1 + seed, i / 200, 1 + i % 200);
		snprintf(two, sizeof(two), "10.%u.%u.%u", 1 + seed, i / 200, 51 + i % 200);
		json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:[{s:s}, {s:s}]}",
			"name", name, "address", address, "port", 80, "backends",
			"address", one, "address", two));
	}
	return doc;
}

/* send_call: a request; its answer is not waited for. => the connection. */
static int
send_call(const char *method, json_t *params)
{
	json_t *call = json_pack("{s:s, s:i, s:s, s:o}", "jsonrpc", "2.0", "id", 1, "method",
	                         method, "params", params);
	char *text = json_dumps(call, JSON_COMPACT);
	size_t size = strlen(text), done = 0;
	int fd = client();
	text[size++] = '\n';
	while (done < size) {
		ssize_t n = send(fd, text + done, size - done, MSG_NOSIGNAL);
		CU_ASSERT_FATAL(n > 0);
		done += (size_t)n;
	}
	free(text);
	json_decref(call);
	return fd;
}

static int
send_apply(json_t *doc)
{
	return send_call("config.apply", json_pack("{s:o}", "config", doc));
}

static bool
is_answered_in(int fd, int wait_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, wait_ms) > 0;
}

static bool
is_answered(int fd)
{
	return is_answered_in(fd, 0);
}

/* answer: of a connection, however long it takes; which is closed. */
static json_t *
answer(int fd)
{
	CU_ASSERT(is_answered_in(fd, ANSWER_MS));
	json_t *r = take(fd);
	close(fd);
	return r;
}

static json_int_t
generation_of(const json_t *response)
{
	const json_t *result = json_object_get(response, "result");
	return json_integer_value(json_object_get(result, "generation"));
}

/* longest_wait: of one who asks all the time until the call is answered; *n times. */
static uint64_t
longest_wait(int apply, const char *method, unsigned *n)
{
	uint64_t longest = 0;
	char line[128];
	int fd = client();
	snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"%s\"}\n", method);
	for (*n = 0; !is_answered(apply); ++*n) {
		uint64_t from = ms();
		put(fd, line);
		json_t *r = take(fd);
		CU_ASSERT(json_object_get(r, "result") != NULL);
		json_decref(r);
		longest = ms() - from > longest ? ms() - from : longest;
		poll(NULL, 0, 2);
	}
	close(fd);
	return longest;
}

static void
begin_running(void)
{
	begin(fake_document);
	CU_ASSERT(wait_generation(1));
}

/* So many records have come, or soon will: their timer may have been late by a turn. */
static bool
is_drained(unsigned n)
{
	size_t have = 0;
	for (int i = 0; have != n && i < WAIT_MS / STEP_MS; i++) {
		json_t *r = ask("log.list", "{}");
		have = json_array_size(json_object_get(r, "records"));
		json_decref(r);
		poll(NULL, 0, have != n ? STEP_MS : 0);
	}
	return have == n;
}

static void
others_go_on(void)
{
	struct record rec = {.event = RECORD_BLOCK_CREATE, .sequence = 1, .subscriber = 0x02004064,
	                     .external = 0x017100cb, .port_first = 1024, .port_last = 1535};
	static const char *const methods[] = {"version", "stats"};
	begin_running();
	for (unsigned i = 0; i < 2; i++) {
		unsigned n;
		int apply = send_apply(document(SERVICES, i));
		rec.sequence = i + 1;
		CU_ASSERT(record_put(&far.records->ring[0], &rec));
		uint64_t longest = longest_wait(apply, methods[i], &n);
		printf("%s: %u answers meanwhile, the latest after %u ms; ", methods[i], n,
		       (unsigned)longest);
		CU_ASSERT(n >= POLLS);
		CU_ASSERT(longest < BOUND_MS);
		json_t *r = answer(apply);
		CU_ASSERT(generation_of(r) == 2 + i);
		json_decref(r);
		CU_ASSERT(is_drained(1 + i));
	}
	end();
}

/* checks_begun: by the daemon, in this life. */
static json_int_t
checks_begun(void)
{
	json_t *r = ask("health.list", "{\"limit\":1}");
	json_int_t n = json_integer_value(json_object_get(json_object_get(r, "load"), "started"));
	json_decref(r);
	return n;
}

/* Health is asked for all the time; nobody answers there, or the system says so at once. */
static void
health_goes_on(void)
{
	json_t *doc = json_loads(fake_document, 0, NULL);
	json_t *lb = json_object_get(doc, "lb");
	json_object_set_new(lb, "checks", json_pack("[{s:s, s:i, s:i}]", "name", "quick",
	                                            "interval_ms", 100, "timeout_ms", 50));
	json_object_set_new(json_array_get(json_object_get(lb, "services"), 0), "check",
	                    json_string("quick"));
	char *text = json_dumps(doc, JSON_COMPACT);
	begin(text);
	free(text);
	json_decref(doc);
	CU_ASSERT(wait_generation(1));
	for (int i = 0; checks_begun() == 0 && i < WAIT_MS / STEP_MS; i++)
		poll(NULL, 0, STEP_MS);
	int fd = send_apply(document(SERVICES, 1));
	json_int_t first = checks_begun(), latest = first;
	while (!is_answered(fd)) {
		json_int_t now = checks_begun();
		latest = is_answered(fd) ? latest : now;
	}
	CU_ASSERT(latest > first);
	json_decref(answer(fd));
	end();
}

/* wait_images: until so many have come to the data plane. */
static void
wait_images(unsigned n)
{
	for (int i = 0; atomic_load(&far.images) < n && i < ANSWER_MS / STEP_MS; i++)
		poll(NULL, 0, STEP_MS);
}

/* Three clients. The first one's image is with the data plane when the others ask; these see what
 * it did. */
static void
changes_in_order(void)
{
	begin_running();
	atomic_store(&far.apply_ms, 300);
	int first = send_apply(document(FEW, 1));
	wait_images(2);
	int second = send_call("backend.drain", json_pack("{s:s, s:s}", "service", "s3", "address",
	                                                  "10.2.0.4"));
	int third = send_call("service.remove", json_pack("{s:s}", "name", "s7"));
	json_t *r = answer(first);
	CU_ASSERT_EQUAL(generation_of(r), 2);
	json_decref(r);
	r = answer(second);
	json_int_t one = generation_of(r);
	json_decref(r);
	r = answer(third);
	json_int_t other = generation_of(r);
	json_decref(r);
	CU_ASSERT((one == 3 && other == 4) || (one == 4 && other == 3));
	json_t *stored = json_load_file(in_dir("store.json"), 0, NULL);
	json_t *list = json_object_get(json_object_get(stored, "lb"), "services");
	CU_ASSERT_EQUAL(json_array_size(list), FEW); /* and "web", without s7 */
	const json_t *drained = json_array_get(json_object_get(json_array_get(list, 4),
	                                                       "backends"), 0);
	const char *state = json_string_value(json_object_get(drained, "state"));
	CU_ASSERT(state != NULL && strcmp(state, "drain") == 0);
	json_decref(stored);
	end();
}

/* One client's lines: the answer to the apply comes before that to the question after it. */
static void
lines_in_order(void)
{
	begin_running();
	int fd = send_apply(document(FEW, 1));
	put(fd, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"generation.show\"}\n");
	shutdown(fd, SHUT_WR); /* and still it is answered */
	is_answered_in(fd, ANSWER_MS);
	json_t *r = take(fd);
	CU_ASSERT(json_integer_value(json_object_get(r, "id")) == 1 && generation_of(r) == 2);
	json_decref(r);
	r = take(fd);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(r, "id")), 7);
	const json_t *shown = json_object_get(r, "result");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(shown, "running")), 2);
	json_decref(r);
	CU_ASSERT_PTR_NULL(take(fd)); /* then the end */
	close(fd);
	end();
}

/* A client that has gone does not end what it asked for. */
static void
client_goes(void)
{
	begin_running();
	int fd = send_apply(document(FEW, 1));
	poll(NULL, 0, 20);
	close(fd);
	CU_ASSERT(wait_generation(2));
	end();
}

/* While an image is with the data plane, who asks it waits, others do not. */
static void
plane_is_busy(void)
{
	unsigned n;
	begin_running();
	atomic_store(&far.apply_ms, 600);
	int apply = send_call("backend.weight", json_pack("{s:s, s:s, s:i}", "service", "web",
	                      "address", "10.0.0.7", "weight", 7));
	wait_images(2);
	int asks = send_call("flow.list", json_object());
	uint64_t longest = longest_wait(apply, "stats", &n);
	CU_ASSERT(n >= POLLS && longest < BOUND_MS);
	json_t *r = answer(apply);
	CU_ASSERT_EQUAL(generation_of(r), 2);
	json_decref(r);
	r = answer(asks);
	CU_ASSERT(json_is_array(json_object_get(json_object_get(r, "result"), "flows")));
	json_decref(r);
	end();
}

/* The end comes while tables are made: at once, and what was kept is whole. */
static void
stop_meanwhile(void)
{
	begin_running();
	json_t *before = document(0, 0);
	int fd = send_apply(document(SERVICES, 1));
	poll(NULL, 0, 150);
	int other = send_apply(document(FEW, 1)); /* it waits, and is not begun */
	poll(NULL, 0, 20);
	CU_ASSERT_EQUAL(daemon_stop(SIGTERM), 0);
	json_t *stored = json_load_file(in_dir("store.json"), 0, NULL);
	json_t *whole = document(SERVICES, 1);
	json_t *next = document(FEW, 1);
	CU_ASSERT_EQUAL(far.plane.applied, json_equal(stored, before) ? 1 :
	                json_equal(stored, whole) ? 2 : json_equal(stored, next) ? 3 : 0);
	json_decref(whole);
	json_decref(next);
	json_decref(before);
	json_decref(stored);
	close(fd);
	close(other);
	daemon_start(NULL);
	CU_ASSERT(wait_generation((json_int_t)far.plane.image->generation));
	end();
}

/* The data plane goes while an image is made: it is refused whole, and the old one given anew. Or
 * it has taken it just before, and then that is given to the next. */
static void
plane_goes(void)
{
	begin_running();
	int fd = send_apply(document(SERVICES, 1));
	poll(NULL, 0, 50);
	far_stop();
	far_start();
	json_t *r = answer(fd);
	bool refused = json_object_get(r, "error") != NULL;
	CU_ASSERT(refused || generation_of(r) == 2);
	json_decref(r);
	json_int_t wanted = refused ? 2 : 3;
	CU_ASSERT(wait_generation(wanted) || wait_generation(wanted) || wait_generation(wanted));
	r = ask("config.get", "{}");
	json_t *doc = document(refused ? 0 : SERVICES, 1);
	CU_ASSERT(json_equal(json_object_get(r, "config"), doc));
	json_decref(doc);
	json_decref(r);
	end();
}

static void
write_document(json_t *doc)
{
	char *text = json_dumps(doc, JSON_COMPACT);
	write_file("config.json", text);
	free(text);
	json_decref(doc);
}

/* The file changes again while it is applied: the last one counts. */
static void
hangup_twice(void)
{
	json_t *doc = document(3, 1), *shown = NULL;
	begin_running();
	write_document(document(SERVICES, 1));
	kill(daemon_pid, SIGHUP);
	poll(NULL, 0, 100);
	write_document(json_deep_copy(doc));
	kill(daemon_pid, SIGHUP);
	for (int i = 0; i < 4 * WAIT_MS / STEP_MS && !json_equal(shown, doc); i++) {
		json_t *r = ask("config.get", "{}");
		json_decref(shown);
		shown = json_incref(json_object_get(r, "config"));
		json_decref(r);
		poll(NULL, 0, STEP_MS);
	}
	CU_ASSERT(json_equal(shown, doc));
	json_decref(shown);
	json_decref(doc);
	end();
}

static const struct test_case cases[] = {
	{"others go on", others_go_on},
	{"health goes on", health_goes_on},
	{"changes in order", changes_in_order},
	{"lines in order", lines_in_order},
	{"client goes", client_goes},
	{"plane is busy", plane_is_busy},
	{"stop meanwhile", stop_meanwhile},
	{"plane goes", plane_goes},
	{"hangup twice", hangup_twice},
};

int
main(void)
{
	return test_main("beside", cases, sizeof(cases) / sizeof(cases[0]));
}
