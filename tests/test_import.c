/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Set-ups of other balancers, and what must come of them: tests/import/NAME, NAME.json and
 * NAME.err. MR_REGENERATE=1 writes the last two anew, for review.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/client/commands.h"
#include "ctl/client/import.h"
#include "ctl/config/config.h"
#include "test.h"

static char *
file_text(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 20);
	size_t n = f != NULL ? fread(text, 1, (1 << 20) - 1, f) : 0;
	if (f != NULL)
		fclose(f);
	text[n] = '\0';
	return text;
}

static bool
is_ipvsadm(const char *name)
{
	return strstr(name, ".ipvsadm") != NULL;
}

/* import: => the document, NULL after an error; *said: what was said. */
static json_t *
import(const char *name, const char *text, char **said)
{
	struct import im;
	size_t size;
	FILE *err = open_memstream(said, &size);
	import_begin(&im, name, err);
	(is_ipvsadm(name) ? import_ipvsadm : import_keepalived)(&im, text);
	json_t *doc = im.errors == 0 ? import_result(&im) : NULL;
	import_end(&im);
	fclose(err);
	return doc;
}

/* is_valid: beside some interface and routes, the document is a configuration; but for who is no
 * neighbour, which is said of interfaces. */
static bool
is_valid(const json_t *lb)
{
	struct config_errors errs = {0};
	unsigned bad = 0;
	json_t *doc = json_pack("{s:[{s:s, s:s, s:[s, s]}], s:[{s:s, s:s}, {s:s, s:s}], s:O}",
	                        "nics", "name", "in", "device", "d", "addresses", "198.18.0.1/24",
	                        "2001:db8:ffff::1/64", "routes", "prefix", "0.0.0.0/0", "via",
	                        "198.18.0.2", "prefix", "::/0", "via", "2001:db8:ffff::2", "lb",
	                        json_object_get(lb, "lb"));
	config_check(doc, &errs);
	for (unsigned i = 0; i < errs.n; i++) {
		if (strstr(errs.e[i].message, "neighbour") != NULL)
			continue;
		printf("\n%s: %s", errs.e[i].path, errs.e[i].message);
		bad++;
	}
	json_decref(doc);
	return bad == 0;
}

static void
compare(const char *path, const char *made)
{
	char *have = file_text(path);
	if (getenv("MR_REGENERATE") != NULL) {
		FILE *f = fopen(path, "w");
		fputs(made, f);
		fclose(f);
	} else {
		CU_ASSERT_STRING_EQUAL(have, made);
		if (strcmp(have, made) != 0)
			printf("\n%s is not what comes now:\n%s", path, made);
	}
	free(have);
}

static bool
is_input(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot != NULL && (strcmp(dot, ".ipvsadm") == 0 || strcmp(dot, ".conf") == 0);
}

static void
test_files(void)
{
	DIR *d = opendir(MR_SOURCE_ROOT "/tests/import");
	unsigned n = 0;
	CU_ASSERT_FATAL(d != NULL);
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		char path[512], *said, *made = NULL;
		if (!is_input(e->d_name))
			continue;
		snprintf(path, sizeof(path), MR_SOURCE_ROOT "/tests/import/%s", e->d_name);
		char *text = file_text(path);
		json_t *doc = import(e->d_name, text, &said);
		CU_ASSERT(doc == NULL || is_valid(doc));
		if (doc != NULL)
			made = json_dumps(doc, JSON_INDENT(2));
		snprintf(path, sizeof(path), MR_SOURCE_ROOT "/tests/import/%s.json", e->d_name);
		compare(path, made != NULL ? made : "");
		snprintf(path, sizeof(path), MR_SOURCE_ROOT "/tests/import/%s.err", e->d_name);
		compare(path, said);
		json_decref(doc);
		free(text);
		free(said);
		free(made);
		n++;
	}
	closedir(d);
	CU_ASSERT(n >= 7);
}

/* Checks that the document has: the same ones stay the same, others have names of their own. */
static void
test_given(void)
{
	static const char text[] = "virtual_server 192.0.2.9 80 {\n real_server 10.0.0.1 80 {\n"
		"  TCP_CHECK {\n connect_timeout 1\n }\n }\n real_server 10.0.0.2 80 {\n"
		"  TCP_CHECK {\n connect_timeout 2\n }\n }\n}\n";
	json_t *checks = json_pack("[{s:s}, {s:s, s:s, s:i, s:i, s:i}, {}]", "name", "tcp-4",
	                           "name", "mine", "type", "tcp", "interval_ms", 60000,
	                           "timeout_ms", 1000, "rise", 1);
	struct import im;
	char *said;
	size_t size;
	FILE *err = open_memstream(&said, &size);
	import_begin(&im, "x", err);
	import_given(&im, checks);
	import_keepalived(&im, text);
	json_t *doc = import_result(&im), *lb = json_object_get(doc, "lb");
	const json_t *backends = json_object_get(json_array_get(json_object_get(lb, "services"),
	                                                        0), "backends");
	static const char *const names[] = {"mine", "tcp-5"};
	CU_ASSERT_EQUAL(json_array_size(json_object_get(lb, "checks")), 4);
	for (unsigned i = 0; i < 2; i++)
		CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(json_array_get(backends,
		                       i), "check")), names[i]);
	json_decref(doc);
	json_decref(checks);
	import_end(&im);
	fclose(err);
	free(said);
}

/* mutate: bytes changed, lines and pieces left out and doubled. */
static void
mutate(char *text, uint64_t *seed)
{
	static const char bytes[] = "{}\"\n -:.#!0129az[]";
	for (unsigned k = (unsigned)(test_random(seed) % 6); k > 0; k--) {
		size_t n = strlen(text), at = n > 0 ? test_random(seed) % n : 0;
		size_t cut = 1 + test_random(seed) % 30;
		if (n > at + cut && test_random(seed) % 3 == 0)
			memmove(text + at, text + at + cut, n - at - cut + 1);
		else if (n > at + cut && n + cut < (1 << 20) - 1 && test_random(seed) % 3 == 0)
			memmove(text + at + cut, text + at, n - at + 1);
		else if (n > 0)
			text[at] = bytes[test_random(seed) % (sizeof(bytes) - 1)];
	}
}

/* Texts that are nearly right: no crash, and what is put out is a configuration all the same. */
static void
test_mutated(void)
{
	static const char *const names[] = {"farm.ipvsadm", "hard.ipvsadm", "web.conf",
	                                    "groups.conf", "real.conf", "order.ipvsadm"};
	uint64_t seed = test_seed();
	unsigned good = 0, bad = 0;
	for (unsigned i = 0; i < 3000; i++) {
		char path[512], *said;
		const char *name = names[i % 6];
		snprintf(path, sizeof(path), MR_SOURCE_ROOT "/tests/import/%s", name);
		char *text = file_text(path);
		mutate(text, &seed);
		import_clean(text, strlen(text));
		json_t *doc = import(name, text, &said);
		if (doc != NULL && !is_valid(doc)) {
			CU_FAIL("not valid");
			printf("\n%s", text);
		}
		good += doc != NULL;
		bad += doc == NULL;
		CU_ASSERT(doc != NULL || strstr(said, ": error: ") != NULL);
		json_decref(doc);
		free(text);
		free(said);
	}
	CU_ASSERT(good > 300 && bad > 300);
}

static void
test_words(void)
{
	static const struct { const char *line, *words; } rows[] = {
		{"", "[]"}, {"  # x", "[]"}, {"a b", "[\"a\",\"b\"]"}, {"a\tb\nc", "[\"a\",\"b\"]"},
		{"a \"b c\" d", "[\"a\",\"b c\",\"d\"]"}, {"\"open", "[\"open\"]"},
		{"a \"\" b", "[\"a\",\"\",\"b\"]"}, {"a#b", "[\"a#b\"]"},
		{"\"a\"b", "[\"a\",\"b\"]"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *words = import_words(rows[i].line);
		char *text = json_dumps(words, JSON_COMPACT);
		CU_ASSERT_STRING_EQUAL(text, rows[i].words);
		free(text);
		json_decref(words);
	}
}

/* command: millctl import with these words. => its exit status, what it said in both texts. */
static int
command(int argc, char **argv, char **out, char **err)
{
	size_t sizes[2];
	struct session s = {.fd = -1, .out = open_memstream(out, &sizes[0]),
	                    .err = open_memstream(err, &sizes[1])};
	int used, status = EXIT_USAGE;
	const struct command_row *row = command_find(argc, argv, &used, s.err);
	if (row != NULL)
		status = command_run_row(&s, row, argc - used, argv + used);
	fclose(s.out);
	fclose(s.err);
	return status;
}

static void
test_command(void)
{
	static const struct {
		const char *argv[6];
		int status;
		const char *out, *err;
	} rows[] = {
		{{"import", "ipvsadm", "farm.ipvsadm"}, EXIT_DONE, "\"tcp-192.0.2.10-80\"",
		 "nics and routes are missing"},
		{{"import", "keepalived", "web.conf", "--into", "lb.json"}, EXIT_NO, "\"database\"",
		 "lb.services[3].port"},
		{{"import", "keepalived", "groups.conf", "--into", "lb.json"}, EXIT_DONE,
		 "\"script-4\"", "groups.conf:2: not taken over: static_routes"},
		{{"import", "keepalived", "broken.conf"}, EXIT_NO, "", "broken.conf:1: error: "},
		{{"import", "keepalived", "none.conf"}, EXIT_NO, "", "No such file"},
		{{"import", "keepalived", "web.conf", "--into", "none.json"}, EXIT_NO, "",
		 "No such file"},
		{{"import", "keepalived"}, EXIT_USAGE, "", "usage: millctl import keepalived"},
		{{"import", "nginx", "x"}, EXIT_USAGE, "", "there are: ipvsadm keepalived"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char path[2][512], *argv[6] = {NULL}, *out, *err;
		int argc = 0, paths = 0;
		for (; argc < 5 && rows[i].argv[argc] != NULL; argc++) {
			argv[argc] = (char *)(uintptr_t)rows[i].argv[argc];
			if (strchr(argv[argc], '.') == NULL)
				continue;
			bool base = argc == 4;
			snprintf(path[paths], 512, MR_SOURCE_ROOT "/%s/%s",
			         base ? "deploy/examples" : "tests/import", argv[argc]);
			argv[argc] = path[paths++];
		}
		CU_ASSERT_EQUAL(command(argc, argv, &out, &err), rows[i].status);
		CU_ASSERT(strstr(out, rows[i].out) != NULL && (rows[i].out[0] != '\0' ||
		                                               out[0] == '\0'));
		CU_ASSERT(strstr(err, rows[i].err) != NULL);
		if (strstr(err, rows[i].err) == NULL)
			printf("\nwanted %s, got %s", rows[i].err, err);
		free(out);
		free(err);
	}
}

static const struct test_case cases[] = {
	{"files", test_files},
	{"nearly right", test_mutated},
	{"into a document with checks", test_given},
	{"words", test_words},
	{"the command", test_command},
};
TEST_MAIN("import", cases)
