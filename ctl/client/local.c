/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that are no single request: files checked here, logs followed, raw calls, help. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "ctl/config/config.h"
#include "ctl/config/warnings.h"

int
run_config_check(struct session *s, const struct command_row *row, int argc, char **argv)
{
	struct config_errors errs = {0}, warned = {0};
	size_t size;
	if (argc != 1 || strncmp(argv[0], "--", 2) == 0)
		return help_usage(s->err, row);
	json_t *doc = config_load(strcmp(argv[0], "-") == 0 ? "/dev/stdin" : argv[0], &errs);
	void *image = doc != NULL ? config_compile(doc, NULL, 1, &size, &errs) : NULL;
	bool ok = image != NULL;
	free(image);
	if (ok)
		config_warnings(doc, &warned);
	json_t *warnings = config_errors_json(&warned);
	json_decref(doc);
	if (s->json) {
		json_t *r = json_pack("{s:b, s:o, s:O}", "ok", ok, "errors",
		                      config_errors_json(&errs), "warnings", warnings);
		json_dumpf(r, s->out, JSON_INDENT(2));
		fputc('\n', s->out);
		json_decref(r);
	} else if (ok) {
		fprintf(s->out, "%s: good\n", argv[0]);
		print_warnings(s->err, warnings);
	} else {
		print_config_errors(s->err, &errs);
	}
	json_decref(warnings);
	return ok ? EXIT_DONE : EXIT_NO;
}

int
run_config_get(struct session *s, const struct command_row *row, int argc, char **argv)
{
	if (argc != 0)
		return help_usage(s->err, row);
	json_t *r = session_call(s, row->method, json_object());
	if (r == NULL)
		return s->status;
	json_dumpf(s->json ? r : json_object_get(r, "config"), s->out, JSON_INDENT(2));
	fputc('\n', s->out);
	json_decref(r);
	return EXIT_DONE;
}

static void
print_record(struct session *s, const json_t *rec)
{
	if (s->json) {
		json_dumpf(rec, s->out, JSON_COMPACT);
		fputc('\n', s->out);
		return;
	}
	for (const struct column *c = view_log[0].column; c->header != NULL; c++) {
		char cell[CELL];
		cell_text(rec, c, cell);
		fprintf(s->out, "%s%s", cell, c[1].header != NULL ? " " : "\n");
	}
}

static void
print_record_header(struct session *s)
{
	for (const struct column *c = view_log[0].column; !s->json && c->header != NULL; c++)
		fprintf(s->out, "%s%s", c->header, c[1].header != NULL ? " " : "\n");
}

int
run_log_follow(struct session *s, const struct command_row *row, int argc, char **argv)
{
	json_t *filter = filter_words(row, argc, argv, s->err), *r;
	if (filter == NULL)
		return EXIT_USAGE;
	json_t *params = json_pack("{s:i, s:O}", "limit", 10, "filter", filter);
	bool is_heard = true; /* false: who read it is gone, as after `| head` */
	bool is_begun = false;
	while (is_heard && (r = session_call(s, "log.list", params)) != NULL) {
		const json_t *records = json_object_get(r, "records"), *rec;
		size_t i;
		if (!is_begun)
			print_record_header(s);
		is_begun = true;
		json_array_foreach((json_t *)records, i, rec)
			print_record(s, rec);
		is_heard = fflush(s->out) == 0;
		params = json_pack("{s:i, s:O, s:O}", "limit", 1000, "since",
		                   json_object_get(r, "next"), "filter", filter);
		if (json_array_size(records) == 0 && is_heard)
			poll(NULL, 0, 500);
		json_decref(r);
	}
	if (!is_heard)
		json_decref(params);
	json_decref(filter);
	return is_heard ? s->status : EXIT_NO;
}

int
run_call(struct session *s, const struct command_row *row, int argc, char **argv)
{
	json_error_t je;
	if (argc < 1 || argc > 2)
		return help_usage(s->err, row);
	json_t *params = argc > 1 ? json_loads(argv[1], JSON_REJECT_DUPLICATES, &je) :
	                           json_object();
	if (params == NULL) {
		fprintf(s->err, "error: parameters: column %d: %s\n", je.column, je.text);
		return EXIT_USAGE;
	}
	json_t *r = session_call(s, argv[0], params);
	if (r == NULL)
		return s->status;
	json_dumpf(r, s->out, JSON_INDENT(2) | JSON_ENCODE_ANY);
	fputc('\n', s->out);
	json_decref(r);
	return EXIT_DONE;
}

int
run_help(struct session *s, const struct command_row *row, int argc, char **argv)
{
	if (argc == 1 && strcmp(argv[0], "--man") == 0)
		help_man(s->out);
	else if (argc == 1 && strcmp(argv[0], "--api") == 0)
		help_api(s->out);
	else if (argc == 0)
		help_all(s->out);
	else if (argc > 2)
		return help_usage(s->err, row);
	else
		return help_noun(s->out, argv[0], argc > 1 ? argv[1] : NULL, s->err);
	return EXIT_DONE;
}

int
run_complete(struct session *s, const struct command_row *row, int argc, char **argv)
{
	complete(s->out, argc, argv);
	complete_names(s, argc, argv);
	return EXIT_DONE;
}
