/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Adding errors to a list, and paths in the document, grown and cut while walking.
 * Invariant  Paths and messages are valid UTF-8: what is too long ends with a whole character.
 * Limits     CONFIG_MAX_ERRORS; what comes after is counted in lost.
 */
#ifndef MR_CONFIG_ERRORS_H
#define MR_CONFIG_ERRORS_H

#include "config.h"

struct config_path {
	char text[sizeof(((struct config_error *)0)->path)];
};

/* config_error_add: one more, printf-like. */
void config_error_add(struct config_errors *errs, const char *path, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* path_key, path_index: lengthen a path. => its former length, for path_cut. */
size_t path_key(struct config_path *p, const char *key);
size_t path_index(struct config_path *p, size_t i);
void path_cut(struct config_path *p, size_t length);

/* path_make: printf-like. */
void path_make(struct config_path *p, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* text_mend: what was cut within a UTF-8 character is one of whole characters again, in place. */
void text_mend(char *s);

/* value_text: a JSON value as short text for messages; => out. */
const char *value_text(const json_t *value, char *out, size_t size);

#endif
