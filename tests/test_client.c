/* SPDX-License-Identifier: Apache-2.0 */
/* millctl without a daemon: the table of commands, words to parameters, tables, help. */
#include <jansson.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/client/commands.h"
#include "test.h"

static FILE *err; /* what commands say when they are misused */
static char *err_text;
static size_t err_size;

static void
err_begin(void)
{
	err = open_memstream(&err_text, &err_size);
}

/* err_end: does what was said contain `says`? */
static void
err_end(const char *says)
{
	CU_ASSERT_FATAL(fclose(err) == 0 && err_text != NULL);
	if (strstr(err_text, says) == NULL) {
		printf("\nwanted: %s\ngot: ", says);
		puts(err_text);
		CU_FAIL("says something else");
	}
	free(err_text);
}

enum { MAX_WORDS = 16 };

static int
split(char *line, char **argv)
{
	int n = 0;
	char *save = NULL;
	for (char *w = strtok_r(line, " ", &save); w != NULL && n < MAX_WORDS;
	     w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	return n;
}

/* parsed: a command line to its parameters. => NULL when it is refused. */
static json_t *
parsed(const char *command, const char **method)
{
	char line[512], *argv[MAX_WORDS];
	int used;
	snprintf(line, sizeof(line), "%s", command);
	int argc = split(line, argv);
	const struct command_row *row = command_find(argc, argv, &used, err);
	if (row == NULL)
		return NULL;
	*method = row->method;
	int status;
	return args_parse(row, argc - used, argv + used, err, &status);
}

static void
good_lines(void)
{
	static const struct { const char *line, *method, *params; } cases[] = {
		{"backend drain web 10.0.0.7", "backend.drain",
		 "{\"service\":\"web\",\"address\":\"10.0.0.7\"}"},
		{"backend drain web 10.0.0.7:81", "backend.drain",
		 "{\"service\":\"web\",\"address\":\"10.0.0.7\",\"port\":81}"},
		{"backend drain web [2001:db8::1]:81", "backend.drain",
		 "{\"service\":\"web\",\"address\":\"2001:db8::1\",\"port\":81}"},
		{"backend drain web [2001:db8::1]", "backend.drain",
		 "{\"service\":\"web\",\"address\":\"2001:db8::1\"}"},
		{"backend drain web 2001:db8::1 --port 81", "backend.drain",
		 "{\"service\":\"web\",\"address\":\"2001:db8::1\",\"port\":81}"},
		{"backend weight web 10.0.0.7 5", "backend.weight",
		 "{\"service\":\"web\",\"address\":\"10.0.0.7\",\"weight\":5}"},
		{"backend add web 10.0.0.9 --port 80 --weight=10", "backend.add",
		 "{\"service\":\"web\",\"backend\":{\"address\":\"10.0.0.9\",\"port\":80,"
		 "\"weight\":10}}"},
		{"pool add-range main 203.0.113.64/28", "pool.add_range",
		 "{\"pool\":\"main\",\"range\":\"203.0.113.64/28\"}"},
		{"nat whohad 203.0.113.9:40123 --at 2026-11-20T17:00:00Z --protocol tcp",
		 "nat.whohad", "{\"external\":{\"address\":\"203.0.113.9\",\"port\":40123},"
		 "\"at\":\"2026-11-20T17:00:00Z\",\"protocol\":\"tcp\"}"},
		{"flow list --address 100.64.0.2 --protocol tcp --limit 50", "flow.list",
		 "{\"filter\":{\"address\":\"100.64.0.2\",\"protocol\":\"tcp\"},\"limit\":50}"},
		{"flow list --source-port 53", "flow.list", "{\"filter\":{\"source_port\":53}}"},
		{"subscriber show 100.64.0.2", "subscriber.show", "{\"address\":\"100.64.0.2\"}"},
		{"service add {\"name\":\"x\"}", "service.add", "{\"service\":{\"name\":\"x\"}}"},
		{"config apply {} --dry-run", "config.apply", "{\"config\":{},\"dry_run\":true}"},
		{"backend list", "backend.list", "{}"},
		{"lb where web 203.0.113.9:40123", "lb.where",
		 "{\"service\":\"web\",\"client\":{\"address\":\"203.0.113.9\",\"port\":40123}}"},
		{"lb where six [2001:db8::9]:1 --destination 2001:db8:2::1", "lb.where",
		 "{\"service\":\"six\",\"client\":{\"address\":\"2001:db8::9\",\"port\":1},"
		 "\"destination\":\"2001:db8:2::1\"}"},
		{"lb", "lb.list", "{}"}, {"lb web", "lb.list", "{\"service\":\"web\"}"},
		{"lb table web", "lb.table", "{\"service\":\"web\"}"},
		{"backend list web", "backend.list", "{\"service\":\"web\"}"},
		{"stats --all", "stats", "{\"all\":true}"},
		{"stats --all=false", "stats", "{\"all\":false}"},
		{"drops", "stats", "{}"},
		{"generation", "generation.show", "{}"},
		{"generation show", "generation.show", "{}"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *method = "";
		err_begin();
		json_t *got = parsed(cases[i].line, &method);
		json_t *want = json_loads(cases[i].params, 0, NULL);
		CU_ASSERT(got != NULL && json_equal(got, want));
		CU_ASSERT_STRING_EQUAL(method, cases[i].method);
		json_decref(got);
		json_decref(want);
		err_end("");
	}
}

static void
bad_lines(void)
{
	static const struct { const char *line, *says; } cases[] = {
		{"frob", "no command \"frob\"; there are: service backend lb health"},
		{"servce list", "no command \"servce\"; did you mean \"service\"?"},
		{"--sokcet x", "no option --sokcet; "},
		{"service lst", "service: no \"lst\"; did you mean \"list\"?"},
		{"backend drian web", "backend: no \"drian\"; did you mean \"drain\"?"},
		{"nic drain", "nic: no \"drain\"; there are: list"},
		{"backend", "list show add remove weight drain maint ready up down auto"},
		{"backend frob web", "no \"frob\"; there are: list show add"},
		{"backend drain", "SERVICE is missing"},
		{"backend drain web", "ADDRESS is missing"},
		{"backend drain web 10.0.0.7 x", "too many: \"x\""},
		{"backend drain web 10.0.0.7 --weight 4", "no option --weight\nusage"},
		{"backend drain web 10.0.0.7 --dedline 4", "--dedline; did you mean --deadline?"},
		{"backend drain web 10.0.0.7 --addres 4", "no option --addres\nusage"},
		{"lb where web 192.0.2.1", "--port is missing"},
		{"config apply", "FILE is missing"},
		{"backend weight web 10.0.0.7 many", "wanted a number, not \"many\""},
		{"flow list --limit", "--limit wants a value"},
		{"flow list --limit 0", "limit: wanted 1 or more, not 0\nusage: millctl flow list"},
		{"nat show mapping --limit 0", "limit: wanted 1 or more, not 0\nusage"},
		{"mapping list --limit -3", "limit: wanted 1 or more, not -3"},
		{"backend drain web 10.0.0.7:81x", "port: wanted a number, not \"81x\""},
		{"backend drain web [2001:db8::1]:", "port: wanted a number, not \"\""},
		{"config apply {} --dry-run=yes", "dry_run: wanted true or false, not \"yes\""},
		{"config apply /no/such/file", "/no/such/file"},
		{"service add {", "error"},
		{"backend drain", "usage: millctl backend drain SERVICE ADDRESS[:PORT]"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *method;
		err_begin();
		CU_ASSERT(parsed(cases[i].line, &method) == NULL);
		err_end(cases[i].says);
	}
}

/* Every method has a command, and every command's words are parameters of its method. */
static void
table_whole(void)
{
	size_t methods, rows;
	const struct api_method *m = api_methods(&methods);
	const struct command_row *r = command_rows(&rows);
	for (size_t i = 0; i < methods; i++) {
		size_t found = 0;
		for (size_t j = 0; j < rows; j++)
			found += r[j].method != NULL && strcmp(r[j].method, m[i].name) == 0;
		if (found == 0)
			printf("\nno command for %s\n", m[i].name);
		CU_ASSERT(found > 0);
	}
	for (size_t j = 0; j < rows; j++) {
		CU_ASSERT(r[j].method == NULL || row_method(&r[j]) != NULL);
		CU_ASSERT(r[j].method != NULL || r[j].run != NULL);
		CU_ASSERT((r[j].run != NULL) == (r[j].local != NULL || r[j].extra != NULL));
		struct api_param_use use;
		size_t words = 0, args = r[j].args[0] != '\0';
		for (const char *p = r[j].args; *p != '\0'; p++)
			args += *p == ' ';
		for (const char *s = r[j].method != NULL ? row_method(&r[j])->params : "";
		     (s = api_param_next(s, &use)) != NULL;)
			words += row_is_arg(&r[j], use.name);
		CU_ASSERT(words == args);
	}
}

static const char result[] =
	"{\"flows\":7,\"rows\":[{\"name\":\"a\",\"n\":5,\"b\":1536,\"t\":1.25,\"up\":true,"
	"\"e\":{\"address\":\"10.0.0.7\",\"port\":80},\"list\":[\"x\",2]},"
	"{\"name\":\"longer\",\"n\":12345,\"b\":7,\"e\":{\"address\":\"::1\",\"port\":1}}]}";

static void
tables(void)
{
	static const struct view view = {"Rows", "rows", {
		{"NAME", "name", TEXT}, {"N", "n", NUMBER}, {"B", "b", BYTES}, {"T", "t", SECONDS},
		{"UP", "up", YES_NO}, {"END", "e.address", ENDPOINT}, {"LIST", "list", LIST}}};
	static const struct view lines = {NULL, "", {{"flows", "flows", NUMBER},
	                                             {"first one", "rows.0.name", TEXT}}};
	static const char want[] =
		"\nRows\n"
		"NAME        N       B      T  UP   END          LIST\n"
		"a           5  1.5 kB  1.2 s  yes  10.0.0.7:80  x, 2\n"
		"longer  12345     7 B      -  -    [::1]:1      -\n"
		"flows      7\n"
		"first one  a\n";
	json_t *r = json_loads(result, 0, NULL);
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	view_print(out, &view, r);
	view_print(out, &lines, r);
	fclose(out);
	CU_ASSERT_STRING_EQUAL(text, want);
	if (strcmp(text, want) != 0)
		printf("\n%s", text);
	free(text);
	json_decref(r);
}

static void
units(void)
{
	char text[CELL];
	text_si(1536000, "bit/s", text);
	CU_ASSERT_STRING_EQUAL(text, "1.54 Mbit/s");
	text_si(0, "pkt/s", text);
	CU_ASSERT_STRING_EQUAL(text, "0 pkt/s");
	text_bytes(999, text);
	CU_ASSERT_STRING_EQUAL(text, "999 B");
	json_t *o = json_pack("{s:f}", "t", 1700000000.5);
	cell_text(o, &(struct column){"T", "t", TIME}, text);
	CU_ASSERT_STRING_EQUAL(text, "2023-11-14 22:13:20.500");
	cell_text(o, &(struct column){"T", "t", DURATION}, text);
	CU_ASSERT_STRING_EQUAL(text, "19675 d 22:13:20");
	json_object_set_new(o, "t", json_real(1795917000.123));
	cell_text(o, &(struct column){"T", "t", TIME}, text);
	CU_ASSERT_STRING_EQUAL(text, "2026-11-29 01:50:00.123");
	json_object_set_new(o, "t", json_real(1795917005.76));
	cell_text(o, &(struct column){"T", "t", TIME}, text);
	CU_ASSERT_STRING_EQUAL(text, "2026-11-29 01:50:05.760");
	json_object_set_new(o, "t", json_real(3725.9));
	cell_text(o, &(struct column){"T", "t", DURATION}, text);
	CU_ASSERT_STRING_EQUAL(text, "01:02:05");
	json_decref(o);
}

static void
completion(void)
{
	static const struct { const char *line, *has, *hasnt; } cases[] = {
		{"", "\nbackend\n", "drain"}, {"", "\n--json\n", "drain"},
		{"backend", "\ndrain\n", "nic"}, {"--json backend", "\ndrain\n", "nic"},
		{"--socket x pool", "\nadd-range\n", "drain\n\n"},
		{"flow list", "\n--source-port\n", "filter"}, {"stats", "\n--all\n", "limit"},
		{"nat show mapping", "\n--cursor\n", "what"},
		{"nat whohad", "\n--directory\n", "DIR"},
		{"nat whohad", "\n--protocol\n", "address"},
		{"nat forward", "\n--config\n", "FILE"},
		{"top", "\n--interval\n", "FILE"}, {"lb list", "\n--rate\n", "service"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[128], *argv[MAX_WORDS], *text;
		size_t size;
		snprintf(line, sizeof(line), "%s", cases[i].line);
		int argc = split(line, argv);
		FILE *out = open_memstream(&text, &size);
		fputc('\n', out);
		complete(out, argc, argv);
		fclose(out);
		CU_ASSERT(strstr(text, cases[i].has) != NULL);
		CU_ASSERT(strstr(text, cases[i].hasnt) == NULL);
		free(text);
	}
}

/* What fits into the lines of a terminal: everything, or a part of each list in turn. */
static void
top_lines(void)
{
	static const size_t want[TOP_LISTS] = {2, 30, 10};
	for (size_t lines = 0; lines < 60; lines++) {
		size_t got[TOP_LISTS], used = 0, cut = 0;
		top_share(lines, want, got);
		for (unsigned i = 0; i < TOP_LISTS; i++) {
			CU_ASSERT(got[i] <= want[i]);
			used += got[i] != 0 ? got[i] + 2 : 0;
			cut += want[i] - got[i];
		}
		CU_ASSERT(used <= lines);
		CU_ASSERT(lines < 48 || cut == 0);
		CU_ASSERT(lines < 9 || (got[0] > 0 && got[1] > 0 && got[2] > 0));
		CU_ASSERT(lines < 9 || cut == 0 || used == lines);
	}
}

/* between: the part of a file between two marker lines; malloc'ed. */
static char *
between(const char *file, const char *first, const char *last)
{
	static char text[1 << 18];
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", MR_SOURCE_ROOT, file);
	FILE *f = fopen(path, "r");
	if (f == NULL)
		return NULL;
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	char *a = strstr(text, first), *b = strstr(text, last);
	if (a == NULL || b == NULL)
		return NULL;
	return strndup(a + strlen(first), (size_t)(b - a) - strlen(first));
}

static void
compare(const char *file, const char *first, const char *last, const char *want)
{
	char *have = between(file, first, last);
	bool same = have != NULL && strcmp(have, want) == 0;
	if (!same)
		printf("\nBetween its markers, %s should have:\n%s", file, want);
	CU_ASSERT(same);
	free(have);
}

static void
manual(void)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	help_man(out);
	fclose(out);
	compare("docs/man/millctl.1", ".\\\" commands begin: millctl help --man\n",
	        ".\\\" commands end\n", text);
	free(text);
	out = open_memstream(&text, &size);
	help_api(out);
	fclose(out);
	compare("docs/api.md", "<!-- begin: millctl help --api -->\n",
	        "<!-- end -->\n", text);
	free(text);
}

static void
help(void)
{
	size_t n;
	const struct command_row *r = command_rows(&n);
	for (size_t i = 0; i < n; i++) {
		char *text;
		size_t size;
		FILE *out = open_memstream(&text, &size);
		CU_ASSERT(help_noun(out, r[i].noun, NULL, stderr) == EXIT_DONE);
		fclose(out);
		CU_ASSERT(strstr(text, r[i].verb) != NULL);
		free(text);
	}
	err_begin();
	CU_ASSERT(help_noun(stdout, "frob", NULL, err) == EXIT_USAGE);
	err_end("no command \"frob\"");
	err_begin();
	CU_ASSERT(help_noun(stdout, "backend", "frob", err) == EXIT_USAGE);
	err_end("no command \"backend frob\"");
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	CU_ASSERT(help_noun(out, "backend", "drain", stderr) == EXIT_DONE);
	fclose(out); /* of this one alone */
	CU_ASSERT(strncmp(text, "millctl backend drain SERVICE", 29) == 0);
	CU_ASSERT(strstr(text, "backend list") == NULL);
	free(text);
}

/* What is said of one command holds each of these. */
static void
says(const char *noun, const char *verb, const char *const *wanted)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	CU_ASSERT(help_noun(out, noun, verb, stderr) == EXIT_DONE);
	fclose(out);
	for (; *wanted != NULL; wanted++) {
		CU_ASSERT_PTR_NOT_NULL(strstr(text, *wanted));
		if (strstr(text, *wanted) == NULL)
			printf("\nwanted: %s\ngot: %s", *wanted, text);
	}
	free(text);
}

/* Arguments that are no parameters of the API are explained too; a port stands by its address. */
static void
help_of_arguments(void)
{
	says("nat", "whohad", (const char *const[]){"whohad ADDRESS:PORT [--at",
	     "    --directory DIR ", NULL});
	says("nat", "reverse", (const char *const[]){"ADDRESS:PORT [--config", "    --config FILE ",
	     NULL});
	says("nat", "follow", (const char *const[]){"    KEY=VALUE... ", "inside_port", NULL});
	says("nat", "count", (const char *const[]){"    KEY=VALUE... ", NULL});
	says("backend", "show", (const char *const[]){"SERVICE ADDRESS[:PORT]\n", NULL});
	says("lb", "list", (const char *const[]){"    --stats ", "    --rate ", NULL});
	says("top", NULL, (const char *const[]){"    --interval S ", "    --count N ", NULL});
	says("config", "check", (const char *const[]){"    FILE ", NULL});
}

/* What a command asks of a daemon that answers with `answer`; or NULL, and `says` was said. */
static json_t *
asked(const char *command, const char *answer, const char *says)
{
	int fd[2], used;
	char line[512], got[1024], *argv[MAX_WORDS];
	FILE *out = fopen("/dev/null", "w");
	CU_ASSERT_FATAL(out != NULL && socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
	CU_ASSERT(write(fd[1], answer, strlen(answer)) == (ssize_t)strlen(answer));
	snprintf(line, sizeof(line), "%s", command);
	int argc = split(line, argv);
	err_begin();
	struct session s = {.path = "-", .fd = fd[0], .timeout_ms = 1000, .out = out, .err = err};
	const struct command_row *row = command_find(argc, argv, &used, err);
	CU_ASSERT_FATAL(row != NULL);
	command_run_row(&s, row, argc - used, argv + used);
	err_end(says);
	fclose(out);
	session_close(&s);
	ssize_t n = read(fd[1], got, sizeof(got));
	json_t *request = n > 0 ? json_loadb(got, (size_t)n, 0, NULL) : NULL;
	json_t *params = json_incref(json_object_get(request, "params"));
	json_decref(request);
	close(fd[1]);
	return params;
}

static void
filters(void)
{
	static const char answer[] = "{\"result\":{\"count\":1,\"cursor\":null}}\n";
	static const struct { const char *line, *filter, *says; } cases[] = {
		{"nat count mapping pool=a port=1-5", "pool=a port=1-5", ""},
		{"nat count mapping --filter pool=a", "pool=a", ""},
		{"nat count mapping pool=a --filter=port=5 realm=r", "pool=a port=5 realm=r", ""},
		{"nat count mapping --filter nonsense", "nonsense", ""},
		{"nat count mapping --filter", NULL, "--filter wants a value"},
		{"nat count mapping nonsense", NULL, "too many: \"nonsense\""},
		{"call nat.count {\"filter\":\"pool=a\"}", "pool=a", ""},
		{"call nat.count {\"filter\":\"pool=a\",\"filter\":\"\"}", NULL, "duplicate"},
		{"call nat.count {x", NULL, "parameters: column 2: "},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *params = asked(cases[i].line, answer, cases[i].says);
		const char *filter = json_string_value(json_object_get(params, "filter"));
		CU_ASSERT_FATAL((filter == NULL) == (cases[i].filter == NULL));
		if (filter != NULL)
			CU_ASSERT_STRING_EQUAL(filter, cases[i].filter);
		json_decref(params);
	}
}

/* A change that the daemon could not write to disk is not passed over in silence. */
static void
not_stored(void)
{
	json_decref(asked("pool add-range p 192.0.2.1", "{\"result\":{\"generation\":2,"
	                  "\"changed\":true,\"stored\":false,\"reason\":\"no room\"}}\n",
	                  "warning: in force, but not on disk: no room"));
}

/* A filter that is refused is no table: nothing but the reason is said. */
static void
follow_refused(void)
{
	int fd[2], used;
	char line[] = "nat follow port=x", *argv[MAX_WORDS], *text;
	static const char answer[] = "{\"error\":{\"message\":\"filter: no\"}}\n";
	size_t size;
	FILE *out = open_memstream(&text, &size);
	CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd) == 0);
	CU_ASSERT(write(fd[1], answer, strlen(answer)) > 0);
	int argc = split(line, argv);
	err_begin();
	struct session s = {.path = "-", .fd = fd[0], .timeout_ms = 100, .out = out, .err = err};
	const struct command_row *row = command_find(argc, argv, &used, err);
	CU_ASSERT_EQUAL(command_run_row(&s, row, argc - used, argv + used), EXIT_NO);
	err_end("filter: no");
	fclose(out);
	CU_ASSERT_STRING_EQUAL(text, "");
	free(text);
	session_close(&s);
	close(fd[1]);
}

/* As many rows as are wanted, in pages of what the daemon gives at once. */
static void
limits(void)
{
	static const struct { const char *line; int limit; } cases[] = {
		{"nat show mapping", 100}, {"nat show mapping --limit 7", 7},
		{"nat show mapping --limit 5000", 1000}, {"mapping list --limit=1", 1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *params = asked(cases[i].line, "{\"error\":{\"message\":\"no\"}}\n", "no");
		CU_ASSERT(json_integer_value(json_object_get(params, "limit")) == cases[i].limit);
		json_decref(params);
	}
}

/* What goes on until it is ended ends with who reads it, as `head` does. */
static void
nobody_reads(void)
{
	static const struct { const char *line; int calls; } cases[] = {
		{"nat follow", 1}, {"log follow", 1}, {"top --interval 0.1", 4},
	};
	static const char answer[] = "{\"result\":{\"records\":[{}],\"next\":1}}\n";
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd[2], used, calls = 0;
		char line[64], got[1024], *argv[MAX_WORDS];
		FILE *out = fopen("/dev/full", "w");
		CU_ASSERT_FATAL(out != NULL && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd) == 0);
		for (unsigned k = 0; k < 8; k++)
			CU_ASSERT(write(fd[1], answer, strlen(answer)) > 0);
		snprintf(line, sizeof(line), "%s", cases[i].line);
		int argc = split(line, argv);
		err_begin();
		struct session s = {.path = "-", .fd = fd[0], .timeout_ms = 100, .out = out,
		                    .err = err};
		const struct command_row *row = command_find(argc, argv, &used, err);
		CU_ASSERT_EQUAL(command_run_row(&s, row, argc - used, argv + used), EXIT_NO);
		err_end("");
		fclose(out);
		for (ssize_t n; (n = recv(fd[1], got, sizeof(got), MSG_DONTWAIT)) > 0;)
			calls += got[n - 1] == '\n';
		CU_ASSERT_EQUAL(calls, cases[i].calls);
		session_close(&s);
		close(fd[1]);
	}
}

static void
no_daemon(void)
{
	err_begin();
	struct session s = {.path = "/no/such/socket", .fd = -1, .timeout_ms = 100, .out = stdout,
	                    .err = err};
	CU_ASSERT(session_call(&s, "version", json_object()) == NULL);
	CU_ASSERT(s.status == EXIT_NO_DAEMON);
	session_close(&s);
	err_end("/no/such/socket");
}

static const struct test_case cases[] = {
	{"good command lines", good_lines},
	{"bad command lines say what is wrong", bad_lines},
	{"every method has a command", table_whole},
	{"tables", tables},
	{"units", units},
	{"completion", completion},
	{"top in few lines", top_lines},
	{"manual and docs/api.md are current", manual},
	{"help", help},
	{"help of arguments", help_of_arguments},
	{"follow with a filter that is refused", follow_refused},
	{"filters of the NAT", filters},
	{"limits of listings", limits},
	{"not on disk", not_stored},
	{"nobody reads", nobody_reads},
	{"no daemon", no_daemon},
};

TEST_MAIN("client", cases)
