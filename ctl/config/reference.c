/* SPDX-License-Identifier: Apache-2.0 */
/* The reference table of docs/config.md, made from the option table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "option.h"

static void
reference_row(FILE *f, const struct config_option *o)
{
	char expected[128];
	option_expected(o, expected, sizeof(expected));
	fprintf(f, "| `%s` | %s | ", o->path, expected);
	if (o->fallback != NULL)
		fprintf(f, "`%s`", o->fallback);
	else if (o->flags & CONFIG_REQUIRED)
		fprintf(f, "required");
	fprintf(f, " | %s | %s |\n", o->flags & CONFIG_RESTART ? "restart" : "", o->help);
}

char *
config_reference(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	if (f == NULL)
		return NULL;
	fprintf(f, "| option | value | default | change | meaning |\n|---|---|---|---|---|\n");
	for (const struct config_option *o = option_root(); (o = option_next(o)) != NULL;)
		reference_row(f, o);
	fclose(f);
	return text;
}
