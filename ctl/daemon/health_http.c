/* SPDX-License-Identifier: Apache-2.0 */
/* Reading an HTTP answer, part by part, and judging it. */
#include "health_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CHUNKED = -1, TO_THE_END = -2 };

size_t
http_request(const struct check *c, const char *host, char out[HTTP_REQUEST])
{
	int n = snprintf(out, HTTP_REQUEST,
	                 "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: millraced\r\n"
	                 "Accept: */*\r\nConnection: close\r\n\r\n",
	                 c->method, c->path, host);
	return (size_t)n < HTTP_REQUEST ? (size_t)n : HTTP_REQUEST - 1;
}

/* line_end: a bare LF is one, too (RFC 9112, 2.2). => its bytes; 0: none is here, or not yet. */
static size_t
line_end(const char *p, const char *end)
{
	if (p < end && *p == '\n')
		return 1;
	return end - p >= 2 && p[0] == '\r' && p[1] == '\n' ? 2 : 0;
}

/* head_end: where the body begins, behind the first empty line; NULL: not there yet. */
static const char *
head_end(const char *text, size_t n)
{
	const char *end = text + n, *p = text;
	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		p++;
		size_t empty = line_end(p, end);
		if (empty != 0)
			return p + empty;
	}
	return NULL;
}

/* status_of: of a head that is whole. => 0: it is none. */
static int
status_of(const char *text, const char *end)
{
	int status = 0;
	if (end - text < 14 || strncmp(text, "HTTP/1.", 7) != 0 || text[8] != ' ')
		return 0;
	for (int i = 9; i < 12; i++) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		status = status * 10 + text[i] - '0';
	}
	return strchr(" \r\n", text[12]) != NULL && text[12] != '\0' ? status : 0;
}

/* field: the value of a header, up to its line end; NULL: there is none. */
static const char *
field(const char *text, const char *end, const char *name)
{
	size_t n = strlen(name);
	for (const char *line = memchr(text, '\n', (size_t)(end - text)); line != NULL;
	     line = memchr(line, '\n', (size_t)(end - line))) {
		line++;
		if ((size_t)(end - line) <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
			continue;
		line += n + 1;
		while (line < end && (*line == ' ' || *line == '\t'))
			line++;
		return line;
	}
	return NULL;
}

/* body_length: bytes, CHUNKED or TO_THE_END. */
static long
body_length(const char *text, const char *end)
{
	const char *v = field(text, end, "transfer-encoding");
	if (v != NULL && end - v > 7 && strncasecmp(v, "chunked", 7) == 0)
		return CHUNKED;
	v = field(text, end, "content-length");
	if (v == NULL || *v < '0' || *v > '9')
		return TO_THE_END;
	long n = 0;
	for (; *v >= '0' && *v <= '9'; v++)
		n = n < HTTP_MAX ? n * 10 + *v - '0' : n;
	return n;
}

/* chunk_size: => where its bytes begin, NULL: not there yet, or none (*size -1). */
static const char *
chunk_size(const char *p, const char *end, long *size)
{
	const char *line = memchr(p, '\n', (size_t)(end - p));
	char digits[9] = "", *stop;
	if (line == NULL)
		return NULL;
	size_t n = (size_t)(line - p) < sizeof(digits) - 1 ? (size_t)(line - p) :
	                                                     sizeof(digits) - 1;
	memcpy(digits, p, n);
	*size = strtol(digits, &stop, 16);
	if (stop == digits || *size < 0 || digits[0] == '-' || digits[0] == '+')
		*size = -1;
	return *size < 0 ? NULL : line + 1;
}

/* unchunk: the bytes of a chunked body to out. => true when the last chunk is there. */
static bool
unchunk(const char *p, const char *end, char *out, size_t *n)
{
	long size = 0;
	*n = 0;
	while ((p = chunk_size(p, end, &size)) != NULL && size != 0) {
		size_t have = (size_t)(end - p), take = (size_t)size < have ? (size_t)size : have;
		memcpy(out + *n, p, take);
		*n += take;
		p += take;
		size_t skip = line_end(p, end);
		if (skip == 0)
			return false;
		p += skip;
	}
	return p != NULL || size < 0;
}

static bool
status_is_good(const struct check *c, int status)
{
	for (unsigned i = 0; i < c->n_status; i++)
		if (status >= c->status[i][0] && status <= c->status[i][1])
			return true;
	return false;
}

/* status_wanted: "200-299 or 301". */
static void
status_wanted(const struct check *c, char *out, size_t size)
{
	size_t n = 0;
	for (unsigned i = 0; i < c->n_status && n < size; i++) {
		int last = c->status[i][1];
		n += (size_t)snprintf(out + n, size - n, "%s%u", i > 0 ? " or " : "",
		                      c->status[i][0]);
		if (last != c->status[i][0] && n < size)
			n += (size_t)snprintf(out + n, size - n, "-%d", last);
	}
}

/* body_matches: body has room for one byte behind it. */
static bool
body_matches(const struct check *c, char *body, size_t n)
{
	if (!c->has_regex)
		return memmem(body, n, c->body.b, c->body.n) != NULL;
	for (size_t i = 0; i < n; i++)
		body[i] = body[i] == '\0' ? ' ' : body[i];
	body[n] = '\0';
	return regexec(&c->regex, body, 0, NULL, 0) == 0;
}

static enum judgement
judge_body(const struct check *c, int status, const char *text, const char *head, size_t n,
           bool ended, char *reason, size_t size)
{
	size_t have = n - (size_t)(head - text), got = have;
	long length = body_length(text, head);
	char *body = malloc(have + 1);
	bool whole = ended || n >= HTTP_MAX;
	if (body == NULL)
		return JUDGE_MORE;
	if (length == CHUNKED)
		whole |= unchunk(head, text + n, body, &got);
	else
		memcpy(body, head, have);
	if (length >= 0) {
		whole |= have >= (size_t)length;
		got = have > (size_t)length ? (size_t)length : have;
	}
	bool good = (whole || !c->has_regex) && body_matches(c, body, got);
	free(body);
	if (!good && !whole)
		return JUDGE_MORE;
	snprintf(reason, size, "%d, %s as expected", status, good ? "body" : "but the body is not");
	return good ? JUDGE_GOOD : JUDGE_BAD;
}

enum judgement
http_judge(const struct check *c, const char *text, size_t n, bool ended, char *reason,
           size_t size)
{
	const char *head = head_end(text, n);
	char wanted[80];
	if (head == NULL) {
		bool wrong = n >= HTTP_MAX || (n >= 5 && strncmp(text, "HTTP/", 5) != 0);
		if (!wrong && !ended)
			return JUDGE_MORE;
		snprintf(reason, size, n == 0 ? "closed without an answer" : "no HTTP/1 answer");
		return JUDGE_BAD;
	}
	int status = status_of(text, head);
	if (status / 100 == 1 && status != 101)
		return http_judge(c, head, n - (size_t)(head - text), ended, reason, size);
	status_wanted(c, wanted, sizeof(wanted));
	if (status == 0)
		snprintf(reason, size, "no HTTP/1 answer");
	else if (!status_is_good(c, status))
		snprintf(reason, size, "%d, expected %s", status, wanted);
	else if (c->body.n != 0 || c->has_regex)
		return judge_body(c, status, text, head, n, ended, reason, size);
	else
		snprintf(reason, size, "%d", status);
	return status != 0 && status_is_good(c, status) ? JUDGE_GOOD : JUDGE_BAD;
}
