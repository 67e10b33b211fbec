/* SPDX-License-Identifier: Apache-2.0 */
/* nat show, count, clear: words of a filter, and answers that come in several requests. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

enum { FILTER_TEXT = 1024, WORDS = 64, POLL_MS = 20 };

/* Words "key=value" among argv become one, after the others: a filter as the API takes it. */
struct words {
	char *argv[WORDS];
	int argc;
	char filter[FILTER_TEXT];
};

/* words_part: one more of the filter's. => false: there is no room. */
static bool
words_part(struct words *w, const char *part)
{
	size_t n = strlen(w->filter), room = sizeof(w->filter) - n;
	return (size_t)snprintf(w->filter + n, room, "%s%s", n != 0 ? " " : "", part) < room;
}

/* filter_part: the part of the filter that begins here, as a word or as --filter. => or NULL. */
static const char *
filter_part(int argc, char **argv, int *used)
{
	static const char name[] = "--filter";
	size_t size = sizeof(name) - 1;
	bool is_named = strncmp(argv[0], name, size) == 0;
	*used = is_named && argv[0][size] == '\0' && argc > 1 ? 2 : 1;
	if (*used == 2)
		return argv[1];
	if (is_named && argv[0][size] == '=')
		return argv[0] + size + 1;
	return strncmp(argv[0], "--", 2) != 0 && strchr(argv[0], '=') != NULL ? argv[0] : NULL;
}

static bool
words_take(struct words *w, int argc, char **argv, FILE *err)
{
	*w = (struct words){.argc = 0};
	for (int i = 0, used; i < argc; i += used) {
		const char *part = filter_part(argc - i, argv + i, &used);
		if (part == NULL && w->argc < WORDS - 2)
			w->argv[w->argc++] = argv[i];
		else if (part == NULL || !words_part(w, part)) {
			fprintf(err, "error: too many words\n");
			return false;
		}
	}
	return true;
}

/* => parameters with the filter among them, or NULL and *status. */
static json_t *
words_parse(const struct command_row *row, int argc, char **argv, FILE *err, int *status)
{
	struct words w;
	*status = EXIT_USAGE;
	if (!words_take(&w, argc, argv, err))
		return NULL;
	char given[] = "--filter";
	if (w.filter[0] != '\0' && !row_is_arg(row, "filter"))
		w.argv[w.argc++] = given;
	if (w.filter[0] != '\0')
		w.argv[w.argc++] = w.filter;
	return args_parse(row, w.argc, w.argv, err, status);
}

/* What nat.show calls its list, and how that is printed. */
static const struct shown {
	const char *what, *list;
	const struct view *views;
} shown[] = {
	{"pool", "pools", view_pools}, {"address", "addresses", view_addresses},
	{"block", "blocks", view_blocks}, {"subscriber", "subscribers", view_subscribers},
	{"mapping", "mappings", view_mappings},
};

static const struct shown *
shown_find(const char *what)
{
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		if (strcmp(shown[i].what, what) == 0 || strcmp(shown[i].list, what) == 0)
			return &shown[i];
	return NULL;
}

int
run_nat_show(struct session *s, const struct command_row *row, int argc, char **argv)
{
	int status;
	json_t *params = words_parse(row, argc, argv, s->err, &status);
	if (params == NULL)
		return status;
	const struct shown *k = shown_find(json_string_value(json_object_get(params, "what")));
	struct command_row by = *row;
	by.list = k != NULL ? k->list : NULL;
	by.views = k != NULL ? k->views : NULL;
	json_t *result = k != NULL ? call_listing(s, &by, params) :
	                             session_call(s, row->method, params);
	if (result == NULL)
		return s->status;
	print_result(s, &by, result);
	json_decref(result);
	return EXIT_DONE;
}

/* One number, counted in as many requests as it takes. */
int
run_nat_count(struct session *s, const struct command_row *row, int argc, char **argv)
{
	int status;
	json_int_t count = 0;
	json_t *params = words_parse(row, argc, argv, s->err, &status);
	if (params == NULL)
		return status;
	for (bool more = true; more;) {
		json_t *page = session_call(s, row->method, json_deep_copy(params));
		json_t *cursor = json_object_get(page, "cursor");
		count += json_integer_value(json_object_get(page, "count"));
		more = json_is_string(cursor);
		if (more)
			json_object_set(params, "cursor", cursor);
		status = page != NULL ? EXIT_DONE : s->status;
		json_decref(page);
	}
	json_decref(params);
	if (status == EXIT_DONE)
		fprintf(s->out, s->json ? "{\"count\": %lld}\n" : "%lld\n", (long long)count);
	return status;
}

static int
cleared_say(struct session *s, const json_t *result)
{
	if (s->json) {
		json_dumpf(result, s->out, JSON_INDENT(2));
		fputc('\n', s->out);
	} else {
		fprintf(s->out, "%lld flows ended\n",
		        (long long)json_integer_value(json_object_get(result, "flows")));
	}
	if (!json_is_true(json_object_get(result, "short")))
		return EXIT_DONE;
	fprintf(s->err, "error: another configuration came before the end; say it again\n");
	return EXIT_NO;
}

int
run_nat_clear(struct session *s, const struct command_row *row, int argc, char **argv)
{
	int status;
	json_t *params = words_parse(row, argc, argv, s->err, &status);
	if (params == NULL)
		return status;
	json_t *began = session_call(s, row->method, params), *result;
	if (began == NULL)
		return s->status;
	json_int_t number = json_integer_value(json_object_get(began, "number"));
	json_decref(began);
	while ((result = session_call(s, "nat.cleared", json_object())) != NULL) {
		if (json_integer_value(json_object_get(result, "number")) != number) {
			fprintf(s->err, "error: another nat clear came after it, or the data plane "
			        "was started anew\n");
			json_decref(result);
			return EXIT_NO;
		}
		if (json_is_true(json_object_get(result, "done")))
			break;
		json_decref(result);
		poll(NULL, 0, POLL_MS);
	}
	status = result != NULL ? cleared_say(s, result) : s->status;
	json_decref(result);
	return status;
}

json_t *
filter_words(const struct command_row *row, int argc, char **argv, FILE *err)
{
	struct words w;
	if (!words_take(&w, argc, argv, err))
		return NULL;
	if (w.argc == 0)
		return json_string(w.filter);
	fprintf(err, "error: \"%s\": wanted key=value\nusage: millctl ", w.argv[0]);
	help_row(err, row);
	return NULL;
}
