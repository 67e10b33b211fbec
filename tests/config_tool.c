/* SPDX-License-Identifier: Apache-2.0 */
/* What scripts ask of the configuration: schema, reference, documents checked or compiled. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/config/config.h"
#include "ctl/config/option.h"

static int
print_schema(void)
{
	json_t *s = config_schema();
	int rc = json_dumpf(s, stdout, JSON_INDENT(1));
	printf("\n");
	json_decref(s);
	return rc;
}

static int
print_reference(void)
{
	char *text = config_reference();
	fputs(text, stdout);
	free(text);
	return 0;
}

/* check_lines: a document a line; a line of answer each: null, or the errors. */
static int
check_lines(void)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	while ((n = getline(&line, &room, stdin)) > 0) {
		struct config_errors errs = {0};
		json_t *doc = config_parse(line, (size_t)n, &errs);
		if (doc != NULL)
			config_check(doc, &errs);
		json_t *answer = config_errors_json(&errs);
		json_dumpf(answer, stdout, JSON_COMPACT);
		printf("\n");
		json_decref(answer);
		json_decref(doc);
	}
	free(line);
	return 0;
}

static int
compile_file(const char *file)
{
	struct config_errors errs = {0};
	size_t size = 0;
	json_t *doc = config_load(file, &errs);
	void *image = doc == NULL ? NULL : config_compile(doc, NULL, 1, &size, &errs);
	for (unsigned i = 0; i < errs.n; i++)
		printf("%s: %s: %s\n", file, errs.e[i].path, errs.e[i].message);
	if (image != NULL)
		printf("%s: an image of %zu bytes\n", file, size);
	free(image);
	json_decref(doc);
	return image == NULL;
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "schema") == 0)
		return print_schema();
	if (argc == 2 && strcmp(argv[1], "reference") == 0)
		return print_reference();
	if (argc == 2 && strcmp(argv[1], "check") == 0)
		return check_lines();
	if (argc < 3 || strcmp(argv[1], "compile") != 0) {
		fprintf(stderr, "usage: config_tool schema|reference|check|compile FILE...\n");
		return 2;
	}
	int failed = 0;
	for (int i = 2; i < argc; i++)
		failed |= compile_file(argv[i]);
	return failed;
}
