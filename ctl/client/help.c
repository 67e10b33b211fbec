/* SPDX-License-Identifier: Apache-2.0 */
/* Help, completion and the manual's reference, all made from the table of commands. */
#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "commands.h"

static const char *
row_help(const struct command_row *row)
{
	return row->help != NULL ? row->help : row_method(row)->help;
}

static void
upper(const char *param, char *out, size_t size)
{
	const char *dot = strrchr(param, '.');
	snprintf(out, size, "%s", dot != NULL ? dot + 1 : param);
	for (char *p = out; *p != '\0'; p++)
		*p = *p == '_' ? '-' : (char)toupper((unsigned char)*p);
}

static bool
param_find(const struct command_row *row, const char *name, struct api_param_use *use)
{
	for (const char *s = row_method(row)->params; (s = api_param_next(s, use)) != NULL;)
		if (strcmp(use->name, name) == 0)
			return true;
	return false;
}

/* port_beside: the port that an argument may have behind a colon (args.c). => false: none. */
static bool
port_beside(const struct command_row *row, const char *arg, struct api_param_use *use)
{
	static const char address[] = "address";
	char name[64];
	size_t n = strlen(arg), tail = sizeof(address) - 1;
	if (n < tail || strcmp(arg + n - tail, address) != 0)
		return false;
	snprintf(name, sizeof(name), "%.*sport", (int)(n - tail), arg);
	return param_find(row, name, use);
}

static bool
is_beside(const struct command_row *row, const char *param)
{
	char arg[48];
	struct api_param_use port;
	for (int i = 0; row_arg(row, i, arg, sizeof(arg)); i++)
		if (port_beside(row, arg, &port) && strcmp(port.name, param) == 0)
			return true;
	return false;
}

/* usage_args: words in the order of row->args, then options. */
static void
usage_args(FILE *out, const struct command_row *row)
{
	char word[64], arg[48];
	struct api_param_use use, port;
	for (int i = 0; row_arg(row, i, arg, sizeof(arg)) && param_find(row, arg, &use); i++) {
		upper(use.name, word, sizeof(word));
		fprintf(out, use.optional ? " [%s]" : " %s",
		        use.type == API_OBJECT ? "FILE" : word);
		if (port_beside(row, arg, &port))
			fputs(port.optional ? "[:PORT]" : ":PORT", out);
	}
	for (const char *s = row_method(row)->params; (s = api_param_next(s, &use)) != NULL;) {
		bool is_cursor = row->list != NULL && strcmp(use.name, "cursor") == 0;
		if (is_cursor || row_is_arg(row, use.name) || is_beside(row, use.name))
			continue;
		option_name(use.name, word, sizeof(word));
		fprintf(out, use.optional ? " [%s" : " %s", word);
		if (use.type != API_BOOL) {
			upper(use.name, word, sizeof(word));
			fprintf(out, " %s", word);
		}
		fputs(use.optional ? "]" : "", out);
	}
}

void
help_row(FILE *out, const struct command_row *row)
{
	fprintf(out, "%s%s%s", row->noun, row->verb[0] != '\0' ? " " : "", row->verb);
	if (row->local != NULL)
		fprintf(out, "%s%s", row->local[0] != '\0' ? " " : "", row->local);
	else
		usage_args(out, row);
	fprintf(out, "%s%s\n", row->extra != NULL ? " " : "", row->extra != NULL ? row->extra : "");
}

/* Arguments that are the client's own, as rows have them in `local` or `extra`. */
static const struct { const char *word, *help; } own_words[] = {
	{"--config FILE", "answer from this file; no daemon is needed"},
	{"--directory DIR", "search the segments of a log there; no daemon is needed"},
	{"--stats", "connections, packets and bytes since the start"},
	{"--rate", "the same, a second"},
	{"KEY=VALUE...", "the same filter, a word each: pool subscriber external port inside_port "
	 "protocol realm worker"},
	{"--interval S", "seconds between two looks"},
	{"--count N", "so many looks, and no more"},
	{"--once", "one look"},
	{"--into CONFIG", "a configuration that it is put into; else one by itself"},
	{"FILE", "a file's name, or - for the standard input"},
};

static void
help_own_words(FILE *out, const char *words)
{
	for (size_t i = 0; words != NULL && i < sizeof(own_words) / sizeof(own_words[0]); i++) {
		const char *word = own_words[i].word, *at = strstr(words, word);
		bool is_whole = at != NULL && (at == words || at[-1] == '[' || word[0] != 'F');
		if (is_whole)
			fprintf(out, "    %-20s %s\n", word, own_words[i].help);
	}
}

static void
help_options(FILE *out, const struct command_row *row)
{
	struct api_param_use use;
	char word[64];
	help_own_words(out, row->local);
	if (row->local != NULL)
		return;
	for (const char *s = row_method(row)->params; (s = api_param_next(s, &use)) != NULL;) {
		if (use.param == NULL || (row->list != NULL && strcmp(use.name, "cursor") == 0))
			continue;
		if (row_is_arg(row, use.name))
			upper(use.name, word, sizeof(word));
		else
			option_name(use.name, word, sizeof(word));
		fprintf(out, "    %-20s %s\n", word, use.param->help);
	}
	help_own_words(out, row->extra);
}

int
help_usage(FILE *err, const struct command_row *row)
{
	fprintf(err, "usage: millctl ");
	help_row(err, row);
	return EXIT_USAGE;
}

void
help_all(FILE *out)
{
	size_t n;
	const struct command_row *rows = command_rows(&n);
	fprintf(out, "usage: millctl [--socket PATH] [--json] [--timeout S] "
	        "NOUN [VERB] [ARGUMENT...]\n\n");
	for (size_t i = 0; i < n; i++) {
		char name[40];
		snprintf(name, sizeof(name), "%s %s", rows[i].noun, rows[i].verb);
		fprintf(out, "  %-22s %s\n", name, row_help(&rows[i]));
	}
	fprintf(out, "\n`millctl help NOUN` has the arguments; millctl(1) has more.\n"
	        "Exit status: 0 done, 1 refused or not found, 2 usage, 3 no daemon.\n");
}

int
help_noun(FILE *out, const char *noun, const char *verb, FILE *err)
{
	size_t n, found = 0;
	const struct command_row *rows = command_rows(&n);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(rows[i].noun, noun) != 0 ||
		    (verb != NULL && rows[i].verb[0] != '\0' && strcmp(rows[i].verb, verb) != 0))
			continue;
		fprintf(out, "%smillctl ", found++ != 0 ? "\n" : "");
		help_row(out, &rows[i]);
		fprintf(out, "    %s\n", row_help(&rows[i]));
		help_options(out, &rows[i]);
	}
	if (found != 0)
		return EXIT_DONE;
	fprintf(err, "error: no command \"%s%s%s\"; `millctl help` lists them\n", noun,
	        verb != NULL ? " " : "", verb != NULL ? verb : "");
	return EXIT_USAGE;
}

void
help_man(FILE *out)
{
	size_t n;
	const struct command_row *rows = command_rows(&n);
	fprintf(out, ".Bl -tag -width Ds\n");
	for (size_t i = 0; i < n; i++) {
		fprintf(out, ".It Li ");
		help_row(out, &rows[i]);
		fprintf(out, "%s.\n", row_help(&rows[i]));
	}
	fprintf(out, ".El\n");
}

static void
help_api_params(FILE *out)
{
	static const char *const types[] = {"text", "IP address", "integer", "true or false"};
	size_t n;
	const struct api_param *p = api_params(&n);
	fprintf(out, "\n| parameter | is | meaning |\n|---|---|---|\n");
	for (size_t i = 0; i < n; i++) {
		fprintf(out, "| `%s` | %s", p[i].name, types[p[i].type]);
		if (p[i].type == API_INTEGER && p[i].max < INT64_MAX)
			fprintf(out, ", %lld to %lld", p[i].min, p[i].max);
		fprintf(out, " | %s |\n", p[i].help);
	}
}

void
help_api(FILE *out)
{
	size_t n;
	const struct api_method *m = api_methods(&n);
	fprintf(out, "| method | parameters | meaning |\n|---|---|---|\n");
	for (size_t i = 0; i < n; i++)
		fprintf(out, "| `%s` | %s%s%s | %s |\n", m[i].name, m[i].params[0] ? "`" : "",
		        m[i].params, m[i].params[0] ? "`" : "", m[i].help);
	help_api_params(out);
}

void
help_word(const struct command_row *row, const struct api_param_use *use, char *out, size_t size)
{
	if (!row_is_arg(row, use->name))
		option_name(use->name, out, size);
	else if (use->type == API_OBJECT)
		snprintf(out, size, "FILE");
	else
		upper(use->name, out, size);
}

/* Options among the client's own words. */
static void
complete_own_words(FILE *out, const char *words)
{
	for (size_t i = 0; words != NULL && i < sizeof(own_words) / sizeof(own_words[0]); i++)
		if (strncmp(own_words[i].word, "--", 2) == 0 &&
		    strstr(words, own_words[i].word) != NULL)
			fprintf(out, "%.*s\n", (int)strcspn(own_words[i].word, " "),
			        own_words[i].word);
}

static void
complete_options(FILE *out, const struct command_row *row)
{
	struct api_param_use use;
	char word[64];
	complete_own_words(out, row->local != NULL ? row->local : row->extra);
	if (row->method == NULL || row->local != NULL)
		return;
	for (const char *s = row_method(row)->params; (s = api_param_next(s, &use)) != NULL;) {
		option_name(use.name, word, sizeof(word));
		if (!row_is_arg(row, use.name))
			fprintf(out, "%s\n", word);
	}
}

void
complete(FILE *out, int argc, char **argv)
{
	static const char *const globals[] = {"--json", "--socket", "--timeout"};
	size_t n;
	const struct command_row *rows = command_rows(&n);
	while (argc > 0 && strncmp(argv[0], "--", 2) == 0) {
		int words = strcmp(argv[0], "--json") == 0 ? 1 : 2;
		argc -= words;
		argv += words;
	}
	if (argc < 0)
		return;
	for (size_t i = 0; argc == 0 && i < 3; i++)
		fprintf(out, "%s\n", globals[i]);
	for (size_t i = 0; i < n; i++) {
		bool alone = rows[i].verb[0] == '\0';
		if (argc == 0 && (i == 0 || strcmp(rows[i].noun, rows[i - 1].noun) != 0))
			fprintf(out, "%s\n", rows[i].noun);
		if (argc == 0 || strcmp(rows[i].noun, argv[0]) != 0)
			continue;
		if (argc == 1 && !alone)
			fprintf(out, "%s\n", rows[i].verb);
		else if (alone || strcmp(rows[i].verb, argv[1]) == 0)
			complete_options(out, &rows[i]);
	}
}
