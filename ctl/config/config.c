/* SPDX-License-Identifier: Apache-2.0 */
/* Text to document, the check without compiling, and documents out of images. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "errors.h"
#include "model.h"
#include "walk.h"

enum { CONFIG_MAX_TEXT = 64 << 20 };

json_t *
config_parse(const char *text, size_t size, struct config_errors *errs)
{
	json_error_t e;
	if (size > CONFIG_MAX_TEXT) {
		config_error_add(errs, "", "the document has %zu bytes; expected %d at most", size,
		                 CONFIG_MAX_TEXT);
		return NULL;
	}
	json_t *doc = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
	if (doc == NULL && size == 0)
		config_error_add(errs, "", "the document is empty; expected a JSON object");
	else if (doc == NULL)
		config_error_add(errs, "", "line %d, column %d: %s", e.line, e.column, e.text);
	return doc;
}

/* file_read: whole. => malloc'ed, or NULL with errno. */
static char *
file_read(const char *file, size_t *size)
{
	FILE *f = fopen(file, "re");
	char *text = NULL;
	size_t room = 0;
	*size = 0;
	while (f != NULL && *size <= CONFIG_MAX_TEXT) {
		if (*size == room) {
			room = room == 0 ? 65536 : room * 2;
			char *more = realloc(text, room);
			if (more == NULL)
				break;
			text = more;
		}
		size_t n = fread(text + *size, 1, room - *size, f);
		*size += n;
		if (n != 0)
			continue;
		int failed = ferror(f);
		fclose(f);
		if (!failed)
			return text;
		free(text);
		return NULL;
	}
	if (f != NULL) {
		fclose(f);
		errno = *size > CONFIG_MAX_TEXT ? EFBIG : ENOMEM;
	}
	free(text);
	return NULL;
}

json_t *
config_load(const char *file, struct config_errors *errs)
{
	size_t size;
	char *text = file_read(file, &size);
	if (text == NULL) {
		config_error_add(errs, "", "%s: %s", file, strerror(errno));
		return NULL;
	}
	json_t *doc = config_parse(text, size, errs);
	free(text);
	return doc;
}

bool
config_check(const json_t *doc, struct config_errors *errs)
{
	struct model m;
	bool good = model_create(&m, doc, NULL, errs);
	model_destroy(&m);
	return good;
}

json_t *
config_filled(const json_t *doc)
{
	return walk_fill(doc);
}

json_t *
config_of_image(const struct image_header *h)
{
	uint32_t n;
	const char *text = image_rows(h, IMG_DOCUMENT, &n);
	return text == NULL ? NULL : json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
}
