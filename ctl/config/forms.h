/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The forms of strings by option type: what the checker accepts, and the regular
 *            expression that says so in the schema.
 * Invariant  What form_check accepts without objection matches form_pattern.
 */
#ifndef MR_CONFIG_FORMS_H
#define MR_CONFIG_FORMS_H

#include "option.h"

/*
 * form_check: has s the form of the option? => false if not. => true with why empty if it is
 * right, or with a sentence in why about what a schema cannot see (host bits, unicast).
 */
bool form_check(const struct config_option *o, const char *s, char *why, size_t size);

/* status_read: "200" or "200-299" to first and last. => false if it is neither. */
bool status_read(const char *s, int *first, int *last);

/* form_pattern: ECMA 262 expression for the schema, or NULL for types without one. */
const char *form_pattern(enum config_type type);

#endif
