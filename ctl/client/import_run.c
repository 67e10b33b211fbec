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

/* into: what was read as part of a document that is there. => new reference, or NULL. */
static json_t *
into(struct session *s, const char *file, const json_t *result)
{
	static const char *const lists[] = {"services", "checks"};
	struct config_errors errs = {0};
	json_t *doc = config_load(file, &errs), *from = json_object_get(result, "lb");
	if (!json_is_object(doc)) {
		fprintf(s->err, "error: %s\n", errs.n != 0 ? errs.e[0].message : file);
		json_decref(doc);
		return NULL;
	}
	if (!json_is_object(json_object_get(doc, "lb")))
		json_object_set_new(doc, "lb", json_object());
	json_t *lb = json_object_get(doc, "lb");
	for (int i = 0; i < 2; i++) {
		json_t *have = json_object_get(lb, lists[i]);
		json_t *more = json_object_get(from, lists[i]);
		if (json_is_array(have))
			json_array_extend(have, more);
		else if (more != NULL)
			json_object_set(lb, lists[i], more);
	}
	return doc;
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

static int
import_text(struct session *s, const char *format, const char *file, const char *text,
            const char *base)
{
	struct import im;
	int status = EXIT_NO;
	import_begin(&im, file, s->err);
	(strcmp(format, "ipvsadm") == 0 ? import_ipvsadm : import_keepalived)(&im, text);
	if (im.errors == 0) {
		json_t *result = import_result(&im), *doc = base == NULL ? json_incref(result) :
		                                                           into(s, base, result);
		if (doc != NULL)
			status = put(s, doc, base != NULL);
		json_decref(doc);
		json_decref(result);
	}
	import_end(&im);
	return status;
}

int
run_import(struct session *s, const struct command_row *row, int argc, char **argv)
{
	const char *base = argc == 3 && strcmp(argv[1], "--into") == 0 ? argv[2] : NULL;
	if (argc != 1 && base == NULL) {
		fprintf(s->err, "usage: millctl ");
		help_row(s->err, row);
		return EXIT_USAGE;
	}
	char *text = file_text(argv[0]);
	if (text == NULL) {
		fprintf(s->err, "error: %s: %s\n", argv[0], strerror(errno));
		return EXIT_NO;
	}
	int status = import_text(s, row->verb, argv[0], text, base);
	free(text);
	return status;
}
