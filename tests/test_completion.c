/* SPDX-License-Identifier: Apache-2.0 */
/* Names of objects in the shell's completion: what is asked, and what is shown of the answer. */
#include <jansson.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/client/commands.h"
#include "test.h"

enum { MAX_WORDS = 16 };

/* completed: names after the words, from a daemon that answers so. => malloc'ed; *request: what it
 * was asked, or NULL. */
static char *
completed(const char *words, const char *answer, json_t **request)
{
	char line[256], got[512], *argv[MAX_WORDS], *text, *save = NULL;
	size_t size;
	int fd[2], argc = 0;
	snprintf(line, sizeof(line), "%s", words);
	for (char *w = strtok_r(line, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
	CU_ASSERT(write(fd[1], answer, strlen(answer)) == (ssize_t)strlen(answer));
	shutdown(fd[1], SHUT_WR);
	FILE *out = open_memstream(&text, &size);
	struct session s = {.path = "-", .fd = fd[0], .timeout_ms = 1000, .out = out,
	                    .err = stderr};
	complete_names(&s, argc, argv);
	fclose(out);
	session_close(&s);
	ssize_t n = read(fd[1], got, sizeof(got));
	*request = n > 0 ? json_loadb(got, (size_t)n, 0, NULL) : NULL;
	close(fd[1]);
	return text;
}

#define SERVICES "{\"result\":{\"services\":[{\"name\":\"web\"},{\"name\":\"dns\"}]}}\n"
#define POOLS "{\"result\":{\"pools\":[{\"name\":\"public\"}]}}\n"
#define BACKENDS "{\"result\":{\"backends\":[{\"address\":\"10.0.0.7\"}]}}\n"

static void
names(void)
{
	static const struct { const char *words, *answer, *method, *names; } cases[] = {
		{"backend drain", SERVICES, "service.list", "web\ndns\n"},
		{"--json service show", SERVICES, "service.list", "web\ndns\n"},
		{"--socket x lb table", SERVICES, "service.list", "web\ndns\n"},
		{"backend drain web", BACKENDS, "backend.list", "10.0.0.7\n"},
		{"backend drain web 10.0.0.7", BACKENDS, NULL, ""},
		{"backend weight web 10.0.0.7", BACKENDS, NULL, ""},
		{"pool show", POOLS, "pool.list", "public\n"},
		{"pool drain-range", POOLS, "pool.list", "public\n"},
		{"subscriber show", BACKENDS, NULL, ""},
		{"nic list", POOLS, NULL, ""}, {"frob", POOLS, NULL, ""}, {"", POOLS, NULL, ""},
		{"backend drain", "{\"error\":{\"message\":\"no\"}}\n", "service.list", ""},
		{"backend drain", "", "service.list", ""}, /* it dies: nothing is said */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *request;
		char *text = completed(cases[i].words, cases[i].answer, &request);
		const char *method = json_string_value(json_object_get(request, "method"));
		CU_ASSERT_STRING_EQUAL(text, cases[i].names);
		CU_ASSERT((method == NULL) == (cases[i].method == NULL));
		if (method != NULL && cases[i].method != NULL)
			CU_ASSERT_STRING_EQUAL(method, cases[i].method);
		if (strcmp(text, cases[i].names) != 0)
			printf("\n%s: %s\n", cases[i].words, text);
		json_decref(request);
		free(text);
	}
}

/* Whose backends they are is asked. */
static void
service_of(void)
{
	json_t *request;
	free(completed("backend weight web", BACKENDS, &request));
	const json_t *params = json_object_get(request, "params");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(params, "service")) ?: "", "web");
	json_decref(request);
}

static const struct test_case cases[] = {
	{"names of objects", names}, {"backends of a service", service_of},
};
TEST_MAIN("completion", cases)
