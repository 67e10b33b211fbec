/* SPDX-License-Identifier: Apache-2.0 */
/* millctl import: a file in, a document out, what is missing on standard error. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "ctl/config/config.h"
#include "import.h"

enum { FILE_MAX = 64 << 20 };

/* file_text: whole, clean, ending in '\0'; NULL and errno. */
static char *
file_text(const char *name)
{
	FILE *f = fopen(strcmp(name, "-") == 0 ? "/dev/stdin" : name, "re");
	char *text = f != NULL ? malloc(FILE_MAX + 1) : NULL;
	size_t n = text != NULL ? fread(text, 1, FILE_MAX, f) : 0;
	int failed = f == NULL || text == NULL ? errno : ferror(f) ? EIO : 0;
	if (f != NULL)
		fclose(f);
	if (failed != 0) {
		free(text);
		errno = failed;
		return NULL;
	}
	import_clean(text, n);
	text[n] = '\0';
	return text;
}

/* base_load: the document that it is to be part of. => new reference, NULL after an error. */
static json_t *
base_load(struct session *s, const char *file)
{
	struct config_errors errs = {0};
	json_t *doc = config_load(file, &errs);
	if (!json_is_object(doc)) {
		fprintf(s->err, "error: %s\n", errs.n != 0 ? errs.e[0].message : file);
		json_decref(doc);
		return NULL;
	}
	if (!json_is_object(json_object_get(doc, "lb")))
		json_object_set_new(doc, "lb", json_object());
	return doc;
}

/* into: what was read as part of a document; its checks are among those read. */
static void
into(json_t *doc, const json_t *result)
{
	json_t *lb = json_object_get(doc, "lb"), *from = json_object_get(result, "lb");
	json_t *have = json_object_get(lb, "services"), *more = json_object_get(from, "services");
	if (json_is_array(have))
		json_array_extend(have, more);
	else
		json_object_set(lb, "services", more);
	if (json_object_get(from, "checks") != NULL)
		json_object_set(lb, "checks", json_object_get(from, "checks"));
}

/* put: print the document. => is it a configuration, as far as it can be? */
static int
put(struct session *s, const json_t *doc, bool whole)
{
	struct config_errors errs = {0};
	json_dumpf(doc, s->out, JSON_INDENT(2));
	fputc('\n', s->out);
	if (!whole) {
		fprintf(s->err, "This is no whole configuration: nics and routes are missing; "
		        "--into CONFIG puts it into one.\n");
		return EXIT_DONE;
	}
	bool good = config_check(doc, &errs);
	for (unsigned i = 0; i < errs.n; i++)
		fprintf(s->err, "error: %s: %s\n", errs.e[i].path, errs.e[i].message);
	return good ? EXIT_DONE : EXIT_NO;
}

/* import_text: base: the document that it becomes a part of, or NULL. */
static int
import_text(struct session *s, const char *format, const char *file, const char *text,
            json_t *base)
{
	struct import im;
	int status = EXIT_NO;
	import_begin(&im, file, s->err);
	if (base != NULL)
		import_given(&im, json_object_get(json_object_get(base, "lb"), "checks"));
	(strcmp(format, "ipvsadm") == 0 ? import_ipvsadm : import_keepalived)(&im, text);
	if (im.errors == 0) {
		json_t *result = import_result(&im);
		if (base != NULL)
			into(base, result);
		status = put(s, base != NULL ? base : result, base != NULL);
		json_decref(result);
	}
	import_end(&im);
	return status;
}

int
run_import(struct session *s, const struct command_row *row, int argc, char **argv)
{
	const char *file = argc == 3 && strcmp(argv[1], "--into") == 0 ? argv[2] : NULL;
	if (argc != 1 && file == NULL)
		return help_usage(s->err, row);
	char *text = file_text(argv[0]);
	if (text == NULL) {
		fprintf(s->err, "error: %s: %s\n", argv[0], strerror(errno));
		return EXIT_NO;
	}
	json_t *base = file != NULL ? base_load(s, file) : NULL;
	int status = file != NULL && base == NULL ? EXIT_NO :
	             import_text(s, row->verb, argv[0], text, base);
	json_decref(base);
	free(text);
	return status;
}
