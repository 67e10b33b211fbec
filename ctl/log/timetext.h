/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Moments as RFC 3339 text in UTC, and back.
 * Invariant  1. What time_put writes, time_parse reads as the same microsecond.
 *            2. time_parse reads to the end of the text: nothing may follow.
 * Owner      Values, no state.
 * Limits     Years 1970 to 2500.
 */
#ifndef MR_LOG_TIMETEXT_H
#define MR_LOG_TIMETEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TIME_TEXT = 28 }; /* "2026-11-20T17:00:00.123456Z" and its end */
enum { TIME_COMPACT = 16 }; /* "20261120T170000Z" */

/* time_put: => out. time_put_compact: "20261120T170000Z", for names of files. */
char *time_put(char out[TIME_TEXT], uint64_t ns);
char *time_put_compact(char out[TIME_TEXT], uint64_t ns);
/*
 * time_parse: "2026-11-20T17:00:00Z", also with a fraction of a second, with an offset such as
 * +01:00 instead of Z, with a space for the T.
 */
bool time_parse(const char *s, size_t size, uint64_t *ns);
/* time_parse_span: how long the moment is, by what it is told in: a second, a tenth of one, … */
bool time_parse_span(const char *s, size_t size, uint64_t *ns, uint64_t *span_ns);
/* time_parse_compact: what time_put_compact wrote, in front of whatever follows. */
bool time_parse_compact(const char *s, uint64_t *ns);

#endif
