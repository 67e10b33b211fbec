/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       HTTP/1.1 as far as a check needs it: the request, and whether what has come so far is
 *            the answer that is expected. Pure functions of bytes.
 * Invariant  1. http_judge reads text[0..n) and nothing else, whatever is in it.
 *            2. It decides as soon as it can: on the head where no body is asked for.
 * Limits     HTTP_MAX bytes of an answer are looked at; a body that is longer is judged by them.
 * See        RFC 9112 sections 4, 6 and 7.1.
 */
#ifndef MR_HEALTH_HTTP_H
#define MR_HEALTH_HTTP_H

#include <stddef.h>

#include "ctl/config/checks.h"

enum { HTTP_MAX = 65536, HTTP_REQUEST = 1600 };

enum judgement { JUDGE_MORE, JUDGE_GOOD, JUDGE_BAD };

/* http_request: => length of the text in out. host: for the Host header. */
size_t http_request(const struct check *c, const char *host, char out[HTTP_REQUEST]);

/* http_judge: ended: nothing more will come. reason: set unless more is needed. */
enum judgement http_judge(const struct check *c, const char *text, size_t n, bool ended,
                          char *reason, size_t size);

#endif
