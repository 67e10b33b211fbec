/* SPDX-License-Identifier: Apache-2.0 */
/* millraced and millctl as processes, before a data plane that only keeps images. */
#include "daemon_world.h"

static void
killed_daemon(void)
{
	begin(fake_document);
	CU_ASSERT(wait_generation(1));
	struct stat st;
	CU_ASSERT(stat(in_dir("control.sock"), &st) == 0 && (st.st_mode & 0777) == 0660);
	json_t *r = ask("backend.drain", "{\"service\":\"web\",\"address\":\"10.0.0.7\"}");
	CU_ASSERT(json_integer_value(json_object_get(r, "generation")) == 2);
	json_decref(r);
	CU_ASSERT(WIFSIGNALED(daemon_stop(SIGKILL)));
	daemon_start(NULL);
	CU_ASSERT(wait_generation(2));
	r = ask("config.get", "{}");
	json_t *stored = json_load_file(in_dir("store.json"), 0, NULL);
	CU_ASSERT(json_equal(json_object_get(r, "config"), stored));
	CU_ASSERT(far.plane.applied == 2);
	json_decref(stored);
	json_decref(r);
	end();
}

static void
new_data_plane(void)
{
	begin(NULL);
	json_t *r = ask("config.get", "{}"), *doc = json_loads(fake_document, 0, NULL);
	CU_ASSERT(r == NULL); /* nothing to get yet */
	char params[4096];
	snprintf(params, sizeof(params), "{\"config\":%s}", fake_document);
	for (int i = 0; r == NULL && i < WAIT_MS / STEP_MS; i++)
		r = ask("config.apply", params);
	json_decref(r);
	CU_ASSERT(wait_generation(1));
	far_stop();
	far_start(); /* with nothing */
	CU_ASSERT(wait_generation(2));
	r = ask("config.get", "{}");
	CU_ASSERT(json_equal(json_object_get(r, "config"), doc));
	json_decref(r);
	CU_ASSERT(daemon_stop(SIGTERM) == 0);
	far_stop();
	far_start();
	daemon_start(NULL); /* both start anew: the store has it */
	CU_ASSERT(wait_generation(1));
	r = ask("config.get", "{}");
	CU_ASSERT(json_equal(json_object_get(r, "config"), doc));
	json_decref(r);
	json_decref(doc);
	end();
}

static void
hangup(void)
{
	begin(fake_document);
	CU_ASSERT(wait_generation(1));
	json_t *doc = json_loads(fake_document, 0, NULL);
	json_object_set_new(doc, "routes", json_array());
	json_dump_file(doc, in_dir("config.json"), 0);
	kill(daemon_pid, SIGHUP);
	CU_ASSERT(wait_generation(2));
	write_file("config.json", "{\"colour\":1}");
	kill(daemon_pid, SIGHUP);
	json_t *r = ask("config.get", "{}");
	CU_ASSERT(json_equal(json_object_get(r, "config"), doc));
	json_decref(r);
	json_decref(doc);
	end();
}

static void
lines(void)
{
	enum { N = 500 };
	begin(fake_document);
	int fd = client();
	put(fd, "nonsense\n\n{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"version\"}\r\n");
	json_t *r = take(fd);
	CU_ASSERT(json_object_get(r, "error") != NULL);
	json_decref(r);
	r = take(fd); /* an empty line is none, too */
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(json_object_get(r, "error"),
	                                                   "code")), -32700);
	json_decref(r);
	r = take(fd);
	CU_ASSERT(json_object_get(r, "result") != NULL);
	json_decref(r);
	for (int i = 0; i < N; i++) { /* none is read before all are sent */
		char line[96];
		snprintf(line, sizeof(line),
		         "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"version\"}\n", i);
		put(fd, line);
	}
	shutdown(fd, SHUT_WR);
	for (int i = 0; i < N; i++) {
		r = take(fd);
		CU_ASSERT(r != NULL && json_integer_value(json_object_get(r, "id")) == i);
		json_decref(r);
	}
	CU_ASSERT(take(fd) == NULL);
	close(fd);
	end();
}

/* A client that only sends is made to wait, and nobody else waits for it. */
static void
slow_reader(void)
{
	static const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"config.schema\"}\n";
	begin(fake_document);
	int fd = client();
	fcntl(fd, F_SETFL, O_NONBLOCK);
	bool waits = false;
	for (int i = 0; i < 100000 && !waits; i++) {
		ssize_t n = send(fd, line, sizeof(line) - 1, MSG_NOSIGNAL);
		struct pollfd p = {.fd = fd, .events = POLLOUT};
		waits = n < 0 && poll(&p, 1, 200) == 0;
	}
	json_t *r = ask("version", "{}");
	CU_ASSERT(r != NULL && waits);
	json_decref(r);
	close(fd);
	end();
}

static void
many_clients(void)
{
	enum { N = 300 };
	int fd[N];
	begin(fake_document);
	for (int i = 0; i < N; i++)
		fd[i] = client();
	for (int i = 0; i < N; i++)
		put(fd[i], "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"version\"}\n");
	for (int i = N; i-- > 0;) {
		json_t *r = take(fd[i]);
		CU_ASSERT(json_object_get(r, "result") != NULL);
		json_decref(r);
		close(fd[i]);
	}
	end();
}

static void
long_line(void)
{
	static char part[1 << 16];
	begin(fake_document);
	int fd = client();
	memset(part, ' ', sizeof(part));
	for (int i = 0; i < 257; i++)
		if (send(fd, part, sizeof(part), MSG_NOSIGNAL) < 0)
			break;
	json_t *r = take(fd);
	CU_ASSERT(json_object_get(r, "error") != NULL);
	json_decref(r);
	CU_ASSERT(take(fd) == NULL);
	close(fd);
	end();
}

static void
records(void)
{
	struct record rec = {.event = RECORD_BLOCK_CREATE, .sequence = 1, .subscriber = 0x02004064,
	                     .external = 0x017100cb, .port_first = 1024, .port_last = 1535};
	size_t n = 0;
	begin(fake_document);
	CU_ASSERT(wait_generation(1));
	CU_ASSERT(record_put(&far.records->ring[0], &rec));
	for (int i = 0; n == 0 && i < WAIT_MS / STEP_MS; i++) {
		json_t *r = ask("log.list", "{\"address\":\"100.64.0.2\"}");
		n = json_array_size(json_object_get(r, "records"));
		json_decref(r);
		poll(NULL, 0, STEP_MS);
	}
	CU_ASSERT(n == 1);
	json_t *logged = json_load_file(in_dir("nat.log"), 0, NULL);
	CU_ASSERT(json_integer_value(json_object_get(logged, "port_last")) == 1535);
	json_decref(logged);
	end();
}

static size_t
widest_line(const char *text)
{
	size_t widest = 0;
	for (; *text != '\0'; text += strspn(text, "\n")) {
		size_t n = strcspn(text, "\n");
		widest = n > widest ? n : widest;
		text += n;
	}
	return widest;
}

static void
client_program(void)
{
	static const struct { const char *words, *says; int status; } cases[] = {
		{"backend drain web 10.0.0.7", "generation  2\nchanged     yes\n", 0},
		{"backend list web", "web      10.0.0.7:80    drain", 0},
		{"service show web", "198.51.100.80:80", 0},
		{"backend drain web 10.0.0.77", "\"web\" has no backend 10.0.0.77", 1},
		{"service add '{\"name\":\"x\"}'", "error: lb.services[1]", 1},
		{"config apply /no/such/file", "/no/such/file", 1},
		{"frob", "no command \"frob\"", 2},
		{"stats --all", "nat_no_port", 0},
		{"--json stats", "\"difference\": 0", 0},
		{"top --once --interval 0.1", "SERVICES", 0},
		{"config get", "\"nics\": [", 0},
		{"--socket /no/such stats", "/no/such: No such file", 3},
	};
	char text[65536];
	begin(fake_document);
	CU_ASSERT(wait_generation(1));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status = millctl(cases[i].words, text, sizeof(text));
		if (status != cases[i].status || strstr(text, cases[i].says) == NULL)
			printf("\n%s: %d, %s", cases[i].words, status, text);
		CU_ASSERT(status == cases[i].status && strstr(text, cases[i].says) != NULL);
	}
	CU_ASSERT(millctl("top --once --interval 0.1", text, sizeof(text)) == 0);
	CU_ASSERT(strstr(text, "DROPS/S") != NULL && widest_line(text) <= 80);
	end();
}

static void
client_pages(void)
{
	enum { N = 2600 };
	static struct cmd_flow rows[N];
	static char text[4 << 20];
	begin(fake_document);
	CU_ASSERT(wait_generation(1));
	for (int i = 0; i < N; i++) {
		rows[i].tuple[0].family = rows[i].tuple[1].family = FAMILY_V4;
		rows[i].packets[0] = (uint64_t)i;
	}
	far.plane.answer[CMD_FLOWS].rows = rows;
	far.plane.answer[CMD_FLOWS].row_size = sizeof(rows[0]);
	far.plane.answer[CMD_FLOWS].n = N;
	CU_ASSERT(millctl("--json flow list --limit 2500", text, sizeof(text)) == 0);
	json_t *r = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL), *last;
	CU_ASSERT(json_array_size(json_object_get(r, "flows")) == 2500);
	last = json_array_get(json_object_get(r, "flows"), 2499);
	CU_ASSERT(json_integer_value(json_array_get(json_object_get(last, "packets"), 0)) == 2499);
	CU_ASSERT(json_is_string(json_object_get(r, "cursor")));
	json_decref(r);
	CU_ASSERT(millctl("flow list", text, sizeof(text)) == 0);
	CU_ASSERT(strstr(text, "There are more; see --limit, or go on with --cursor 100.") != NULL);
	end();
}

/* many_backends: a document with so many of one service, as text. */
static char *
many_backends(unsigned n)
{
	json_t *doc = json_loads(fake_document, 0, NULL), *list = json_array();
	char address[32];
	for (unsigned i = 0; i < n; i++) {
		snprintf(address, sizeof(address), "10.1.%u.%u", i / 200, 1 + i % 200);
		json_array_append_new(list, json_pack("{s:s}", "address", address));
	}
	json_object_set_new(json_array_get(json_object_get(json_object_get(doc, "lb"), "services"),
	                                   0), "backends", list);
	char *text = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	return text;
}

static unsigned
times(const char *text, const char *part)
{
	unsigned n = 0;
	while ((text = strstr(text, part)) != NULL) {
		text += strlen(part);
		n++;
	}
	return n;
}

/* What the daemon answers in pages comes whole from a command. */
static void
client_whole(void)
{
	enum { N = 2300 };
	static const struct { const char *words, *part; unsigned times; } rows[] = {
		{"backend list", "10.1.", N}, {"service show web", "10.1.", N},
		{"lb", "  -> 10.1.", N}, {"lb", "TCP  198.51.100.80:80", 1},
		{"lb --stats", "  -> 10.1.", N}, {"lb table web", "10.1.", N},
		{"lb handshakes web", "10.1.", N}, {"lb spread web", "10.1.", N},
		{"metrics", "millrace_backend_flows{", N}, {"--json lb", "\"10.1.", N},
		{"--json lb", "\"name\": \"web\"", 1},
		{"backend list --limit 5", "10.1.", 5},
		{"backend list --limit 1200", "10.1.", 1200},
		{"backend list --limit 5", "There are more", 1},
		{"backend list", "There are more", 0}, {"complete backend drain web", "10.1.", N},
	};
	static char text[1 << 22];
	char *doc = many_backends(N);
	begin(doc);
	CU_ASSERT(wait_generation(1));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CU_ASSERT(millctl(rows[i].words, text, sizeof(text)) == 0);
		CU_ASSERT_EQUAL(times(text, rows[i].part), rows[i].times);
		if (times(text, rows[i].part) != rows[i].times)
			printf("\n%s: %u of %s\n", rows[i].words, times(text, rows[i].part),
			       rows[i].part);
	}
	free(doc);
	end();
}

static const struct test_case cases[] = {
	{"killed daemon agrees again", killed_daemon},
	{"data plane starts anew", new_data_plane},
	{"SIGHUP reads the file again", hangup},
	{"lines, bad lines, pipelining", lines},
	{"slow reader", slow_reader},
	{"many clients", many_clients},
	{"line without end", long_line},
	{"log records", records},
	{"millctl: answers and statuses", client_program},
	{"millctl: pages", client_pages},
	{"millctl: all pages", client_whole},
};

TEST_MAIN("daemon", cases)
