/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of errors, paths, and values as shown in messages. */
#include "errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* character_size: of the UTF-8 character that begins here; 0: none does, or not all of it. */
static size_t
character_size(const char *s)
{
	unsigned char c = (unsigned char)s[0];
	size_t size = c < 0x80 ? 1 : c < 0xc0 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	for (size_t i = 1; i < size; i++)
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 0;
	return size;
}

void
text_mend(char *s)
{
	char *to = s;
	for (size_t n; *s != '\0'; s += n != 0 ? n : 1) {
		n = character_size(s);
		memmove(to, s, n);
		to += n;
	}
	*to = '\0';
}

void
config_error_add(struct config_errors *errs, const char *path, const char *format, ...)
{
	if (errs->n == CONFIG_MAX_ERRORS) {
		errs->lost++;
		return;
	}
	struct config_error *e = &errs->e[errs->n++];
	snprintf(e->path, sizeof(e->path), "%s", path);
	text_mend(e->path);
	va_list args;
	va_start(args, format);
	vsnprintf(e->message, sizeof(e->message), format, args);
	va_end(args);
	text_mend(e->message);
}

size_t
path_key(struct config_path *p, const char *key)
{
	size_t length = strlen(p->text), room = sizeof(p->text) - length;
	snprintf(p->text + length, room, "%s%s", length == 0 ? "" : ".", key);
	text_mend(p->text);
	return length;
}

size_t
path_index(struct config_path *p, size_t i)
{
	size_t length = strlen(p->text);
	snprintf(p->text + length, sizeof(p->text) - length, "[%zu]", i);
	return length;
}

void
path_cut(struct config_path *p, size_t length)
{
	p->text[length] = '\0';
}

void
path_make(struct config_path *p, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(p->text, sizeof(p->text), format, args);
	va_end(args);
}

const char *
value_text(const json_t *value, char *out, size_t size)
{
	if (json_is_object(value) || json_is_array(value)) {
		snprintf(out, size, "%s", json_is_object(value) ? "an object" : "an array");
		return out;
	}
	char *s = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	int n = snprintf(out, size, "%s", s == NULL ? "?" : s);
	free(s);
	if (n >= (int)size && size > 4)
		memcpy(out + size - 4, "...", 4);
	return out;
}

json_t *
config_errors_json(const struct config_errors *errs)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < errs->n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "path", errs->e[i].path,
		                                      "message", errs->e[i].message));
	char more[64];
	snprintf(more, sizeof(more), "%u more errors are not listed", errs->lost);
	if (errs->lost != 0)
		json_array_append_new(list, json_pack("{s:s, s:s}", "path", "", "message", more));
	return list;
}
