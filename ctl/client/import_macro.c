/* SPDX-License-Identifier: Apache-2.0 */
/* Definitions of a keepalived.conf: $NAME=value on a line of its own; $NAME and ${NAME} below. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "import_tree.h"

enum { MACRO_NAME = 64, MACRO_TEXT = 64 << 20 };

static size_t
name_length(const char *at)
{
	size_t n = 0;
	while (isalnum((unsigned char)at[n]) || at[n] == '_')
		n++;
	return n < MACRO_NAME ? n : 0;
}

/* definition: is the line one? => its value, of n characters. */
static const char *
definition(const char *line, size_t length, char name[MACRO_NAME], size_t *n)
{
	size_t at = strspn(line, " \t"), k = line[at] == '$' ? name_length(line + at + 1) : 0;
	if (k == 0 || line[at + 1 + k] != '=')
		return NULL;
	memcpy(name, line + at + 1, k);
	name[k] = '\0';
	at += k + 2;
	*n = length - at;
	while (*n > 0 && strchr(" \t", line[at + *n - 1]) != NULL)
		(*n)--;
	return line + at;
}

/* used: "$NAME" or "${NAME}" of a definition. => its value, *n characters are it. */
static const char *
used(const json_t *values, const char *at, size_t *n)
{
	char name[MACRO_NAME];
	bool braced = at[1] == '{';
	size_t k = name_length(at + 1 + braced);
	if (k == 0 || (braced && at[2 + k] != '}'))
		return NULL;
	memcpy(name, at + 1 + braced, k);
	name[k] = '\0';
	*n = k + 1 + 2 * braced;
	return json_string_value(json_object_get(values, name));
}

static void
line_expand(FILE *to, const json_t *values, const char *line, size_t length)
{
	for (size_t i = 0, n; i < length; i += n) {
		const char *value = line[i] == '$' ? used(values, line + i, &n) : NULL;
		if (value == NULL) {
			fputc(line[i], to);
			n = 1;
		} else if (ftell(to) < MACRO_TEXT) {
			fputs(value, to);
		}
	}
}

char *
macros_expand(struct import *im, const char *text)
{
	char *out = NULL, name[MACRO_NAME];
	size_t size, n;
	unsigned number = 1;
	FILE *to = open_memstream(&out, &size);
	json_t *values = json_object();
	for (const char *at = text; *at != '\0' && to != NULL; number++) {
		size_t length = strcspn(at, "\n");
		const char *value = definition(at, length, name, &n);
		if (value == NULL)
			line_expand(to, values, at, length);
		else if (n > 0 && value[n - 1] == '\\')
			import_note(im, number, "$%s: a definition of several lines", name);
		else
			json_object_set_new(values, name, json_stringn(value, n));
		at += length;
		if (*at == '\n') {
			fputc('\n', to);
			at++;
		}
	}
	json_decref(values);
	if (to != NULL)
		fclose(to);
	return out;
}
