/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Results for people: columns of a table, or lines of an object, as rows of data.
 * Invariant  Columns are as wide as their widest cell; numbers stand to the right.
 * Owner      Plain values.
 */
#ifndef MR_CLIENT_TABLE_H
#define MR_CLIENT_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum format {
	TEXT, NUMBER, SECONDS, PERCENT, YES_NO,
	BYTES,    /* 1.5 MB */
	DURATION, /* 3 d 04:05:06 */
	ENDPOINT, /* path and path_port: 10.0.0.7:80 */
	TIME,     /* seconds since 1970 as UTC */
	LIST,     /* of texts or numbers */
};

struct column {
	const char *header, *path; /* path: "original.source", "bytes.0" */
	enum format format;
};

enum { VIEW_COLUMNS = 32, CELL = 256 };

/* What is shown of a result: an array as a table, an object as lines. */
struct view {
	const char *title;  /* or NULL */
	const char *path;   /* in the result; "" is all of it */
	struct column column[VIEW_COLUMNS]; /* ends with a NULL header */
};

/* json_at: the value at a path, or NULL. */
const json_t *json_at(const json_t *v, const char *path);
/* cell_text: one cell as text. */
void cell_text(const json_t *row, const struct column *c, char out[CELL]);
/* text_bytes, text_si: 1536000 as "1.5 MB"; 1536000 with "bit/s" as "1.54 Mbit/s". */
void text_bytes(double bytes, char out[CELL]);
void text_si(double value, const char *unit, char out[CELL]);
void view_print(FILE *out, const struct view *v, const json_t *result);

#endif
