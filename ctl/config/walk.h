/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The check that needs nothing but the option table: types, ranges, forms, unknown and
 *            missing keys, names that occur twice; and the document with its defaults filled in.
 * Invariant  A document that passes walk_check is valid under config_schema(), and the reverse but
 *            for what a schema cannot say (host bits, unicast, unique names).
 * Owner      Values, no state.
 */
#ifndef MR_CONFIG_WALK_H
#define MR_CONFIG_WALK_H

#include "config.h"
#include "option.h"

/* walk_check: => true, or false and errors; bad (an object) gets the paths of wrong values. */
bool walk_check(const json_t *doc, struct config_errors *errs, json_t *bad);

/* walk_meant: the row of an object's key; of a misspelt one, that which it would be right for. */
const struct config_option *walk_meant(const struct config_option *parent, const json_t *object,
                                       const char *key);

/*
 * walk_fill: a copy in which every object exists, every array that may be empty, and every option
 * with a default has a value; comments are left out. It passes walk_check too. => doc passed
 * walk_check. NULL when memory runs out.
 */
json_t *walk_fill(const json_t *doc);

/* walk_int: an integer, also one written as 1.0 or 1e3. => false if it is none. */
bool walk_int(const json_t *value, int64_t *out);

#endif
