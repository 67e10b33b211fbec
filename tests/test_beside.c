/* SPDX-License-Identifier: Apache-2.0 */
/* Who else asks the daemon, while a configuration of many services is compiled and given. */
#include <glob.h>
#include <stdatomic.h>
#include <time.h>

#include "daemon_world.h"

enum { SERVICES = 120, FEW = 40, BOUND_MS = 5000, POLLS = 5, ANSWER_MS = 60000 };

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

/* is_in_force: soon, and the next data plane was given something. */
static bool
is_in_force(const json_t *doc)
{
	bool is_so = false;
	wait_images(1);
	for (int i = 0; !is_so && i < WAIT_MS / STEP_MS; i++) {
		json_t *r = ask("config.get", "{}");
		is_so = json_equal(json_object_get(r, "config"), doc);
		json_decref(r);
		poll(NULL, 0, STEP_MS);
	}
	return is_so;
}

/* The data plane goes while an image is made: it is refused whole, and the old one given anew. Or
 * it has taken it just before, and then that is given to the next; or the next takes it itself. */
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
	CU_ASSERT(refused || generation_of(r) == 2 || generation_of(r) == 3);
	json_decref(r);
	json_t *doc = document(refused ? 0 : SERVICES, 1);
	CU_ASSERT(is_in_force(doc));
	json_decref(doc);
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
	for (int i = 0; i < WAIT_MS / STEP_MS && !json_equal(shown, doc); i++) {
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

/* hang: whoever writes this file waits, until somebody reads it. */
static void
hang(const char *name)
{
	CU_ASSERT_FATAL(mkfifo(in_dir(name), 0600) == 0);
}

/* unhang: who waits goes on, and is told that this is no file that can be synced. => what came. */
static json_t *
unhang(const char *name)
{
	static char text[1 << 16];
	size_t size = 0;
	int fd = open(in_dir(name), O_RDONLY);
	for (ssize_t n; (n = read(fd, text + size, sizeof(text) - size)) > 0;)
		size += (size_t)n;
	close(fd);
	return json_loadb(text, size, 0, NULL);
}

/* longest_of: of questions for a while. */
static uint64_t
longest_of(unsigned ms_long)
{
	uint64_t longest = 0, end = ms() + ms_long;
	while (ms() < end) {
		uint64_t from = ms();
		json_t *r = ask("version", "{}");
		CU_ASSERT(r != NULL);
		json_decref(r);
		longest = ms() - from > longest ? ms() - from : longest;
		poll(NULL, 0, STEP_MS);
	}
	return longest;
}

static int
send_weight(int weight)
{
	return send_call("backend.weight", json_pack("{s:s, s:s, s:i}", "service", "web", "address",
	                                             "10.0.0.7", "weight", weight));
}

static json_int_t
weight_of(const json_t *doc)
{
	const json_t *list = json_object_get(json_object_get(doc, "lb"), "services");
	const json_t *b = json_object_get(json_array_get(list, 0), "backends");
	return json_integer_value(json_object_get(json_array_get(b, 0), "weight"));
}

/* is_stored: or will be soon. */
static bool
is_stored(json_int_t weight)
{
	json_int_t have = -1;
	for (int i = 0; have != weight && i < WAIT_MS / STEP_MS; i++) {
		json_t *stored = json_load_file(in_dir("store.json"), 0, NULL);
		have = stored != NULL ? weight_of(stored) : -1;
		json_decref(stored);
		poll(NULL, 0, STEP_MS);
	}
	return have == weight;
}

/* The store's disk hangs: who changed something is told when it is there, or why it is not; the
 * others do not wait, either for that or while it is tried again. */
static void
store_hangs(void)
{
	begin_running();
	CU_ASSERT(is_stored(0));
	hang("store.json.new");
	int first = send_weight(7);
	CU_ASSERT(wait_generation(2));
	int second = send_weight(8);
	CU_ASSERT(longest_of(300) < BOUND_MS);
	CU_ASSERT(!is_answered(first) && !is_answered(second) && is_stored(0));
	json_t *doc = unhang("store.json.new"), *r = answer(first);
	CU_ASSERT_EQUAL(weight_of(doc), 7);
	CU_ASSERT_EQUAL(generation_of(r), 2);
	CU_ASSERT(json_is_false(json_object_get(json_object_get(r, "result"), "stored")));
	json_decref(doc);
	json_decref(r);
	r = answer(second);
	CU_ASSERT_EQUAL(generation_of(r), 3);
	CU_ASSERT(json_object_get(json_object_get(r, "result"), "stored") == NULL && is_stored(8));
	json_decref(r);
	/* It is told that it cannot be, and while it is tried again the disk hangs. */
	CU_ASSERT_FATAL(mkdir(in_dir("store.json.new"), 0700) == 0);
	r = answer(send_weight(9));
	CU_ASSERT(json_is_false(json_object_get(json_object_get(r, "result"), "stored")));
	json_decref(r);
	hang("other");
	CU_ASSERT(renameat2(AT_FDCWD, in_dir("other"), AT_FDCWD, in_dir("store.json.new"),
	                    RENAME_EXCHANGE) == 0);
	CU_ASSERT(rmdir(in_dir("other")) == 0);
	CU_ASSERT(longest_of(1500) < BOUND_MS && is_stored(8));
	json_decref(unhang("store.json.new"));
	CU_ASSERT(is_stored(9));
	end();
}

/* kept: configurations beside the log, as many as there are; the weights of the backend in them. */
static unsigned
kept(json_int_t weight[8])
{
	char pattern[128];
	glob_t found = {0};
	snprintf(pattern, sizeof(pattern), "%s/config-*.json", in_dir("log"));
	glob(pattern, 0, NULL, &found);
	unsigned n = found.gl_pathc < 8 ? (unsigned)found.gl_pathc : 8;
	for (unsigned i = 0; i < n; i++) {
		json_t *doc = json_load_file(found.gl_pathv[i], 0, NULL);
		weight[i] = weight_of(doc);
		json_decref(doc);
	}
	globfree(&found);
	return n;
}

/* is_certain: what the configuration says of a port at a moment; or soon, and nobody waits. */
static bool
is_certain(time_t at, unsigned wait_ms)
{
	struct tm utc;
	char moment[64], params[160];
	bool is_so;
	strftime(moment, sizeof(moment), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&at, &utc));
	snprintf(params, sizeof(params), "{\"external\":{\"address\":\"203.0.113.9\","
	         "\"port\":80},\"at\":\"%s\"}", moment);
	uint64_t end = ms() + wait_ms;
	do {
		json_t *r = ask("nat.whohad", params);
		const json_t *a = json_array_get(json_object_get(r, "answers"), 0);
		is_so = json_is_true(json_object_get(a, "certain"));
		CU_ASSERT(a != NULL);
		json_decref(r);
	} while (!is_so && ms() < end && longest_of(STEP_MS) < BOUND_MS);
	return is_so;
}

/* is_kept: so many configurations are, or soon will be. */
static bool
is_kept(unsigned n, json_int_t weight[8])
{
	for (int i = 0; kept(weight) < n && i < WAIT_MS / STEP_MS; i++)
		poll(NULL, 0, STEP_MS);
	return kept(weight) == n;
}

/* The log's disk hangs: nobody waits, and what was in force meanwhile is kept when it answers, in
 * order. Until then what the configuration says of that time is not certain. */
static void
log_hangs(void)
{
	json_int_t weight[8];
	begin_running();
	CU_ASSERT(mkdir(in_dir("log"), 0700) == 0);
	hang("log/config.new");
	json_t *doc = document(0, 0);
	json_object_set_new(doc, "log", json_pack("{s:{s:s}}", "files", "directory",
	                                          in_dir("log")));
	json_object_set_new(json_object_get(doc, "nat"), "static",
		json_pack("[{s:s, s:s}]", "inside", "100.64.0.9", "outside", "203.0.113.9"));
	json_t *r = answer(send_apply(doc));
	CU_ASSERT_EQUAL(generation_of(r), 2);
	json_decref(r);
	CU_ASSERT(longest_of(300) < BOUND_MS); /* each is seen in a turn of its own */
	for (int i = 0; i < 3; i++) {
		r = answer(send_weight(21 + i));
		CU_ASSERT_EQUAL(generation_of(r), 3 + i);
		json_decref(r);
		CU_ASSERT(longest_of(300) < BOUND_MS);
	}
	CU_ASSERT_EQUAL(kept(weight), 0);
	json_decref(unhang("log/config.new"));
	CU_ASSERT_FATAL(is_kept(4, weight));
	CU_ASSERT(weight[0] == 0 && weight[1] == 21 && weight[2] == 22 && weight[3] == 23);
	CU_ASSERT(longest_of(1100) < BOUND_MS);
	time_t before = time(NULL);
	CU_ASSERT(longest_of(1100) < BOUND_MS && is_certain(before, WAIT_MS));
	hang("log/config.new");
	json_decref(answer(send_weight(24)));
	CU_ASSERT(longest_of(1100) < BOUND_MS);
	CU_ASSERT(!is_certain(time(NULL), 0) && is_certain(before, 0));
	json_decref(unhang("log/config.new"));
	CU_ASSERT(is_kept(5, weight));
	time_t after = time(NULL) + 1; /* what lasts a second is certain when all of it is */
	CU_ASSERT(longest_of(2100) < BOUND_MS && is_certain(after, WAIT_MS));
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
	{"store hangs", store_hangs},
	{"log hangs", log_hangs},
};
TEST_MAIN("beside", cases)
