/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The configuration: one JSON document, checked whole, compiled to a generation image.
 * Invariant  1. Nothing is applied in part: config_compile gives an image or errors, never both.
 *            2. Unknown keys are errors; several errors are reported at once, each with its path.
 *            3. The same document and the same previous image give the same one, byte for byte.
 *            4. Options are rows of one table (path, type, default, min, max, help), from which the
 *               parser, the JSON Schema and the reference in docs/config.md come.
 * Owner      Plain values, no global state.
 * See        docs/config.md; docs/adding.md, "An option". No DPDK here.
 */
#ifndef MR_CONFIG_H
#define MR_CONFIG_H

#include <jansson.h>
#include <stdatomic.h>

#include "lib/image.h"

enum { CONFIG_MAX_ERRORS = 64 };

struct config_error {
	char path[128];     /* "nat.pools[2].addresses[0]", "" for the document */
	char message[256];  /* what is wrong and what was expected */
};

struct config_errors {
	unsigned n, lost;   /* kept; beyond CONFIG_MAX_ERRORS */
	struct config_error e[CONFIG_MAX_ERRORS];
};

/* config_parse: JSON text to a document. => NULL and one error with line and column. */
json_t *config_parse(const char *text, size_t size, struct config_errors *errs);
json_t *config_load(const char *file, struct config_errors *errs);

/* config_check: is the document valid? => true, or false and errs. */
bool config_check(const json_t *doc, struct config_errors *errs);

/*
 * config_compile: document to image. previous (or NULL) is the image that runs: its stable ids are
 * kept, and so are tables of services that it has: they are not in the image.
 * => malloc'ed image and *size, or NULL and errs.
 */
void *config_compile(const json_t *doc, const struct image_header *previous, uint64_t generation,
                     size_t *size, struct config_errors *errs);

/*
 * The same in two steps, between which states of backends may be changed. config_rows: without
 * tables. config_tables: an image without tables (taken over) with those that the running one (or
 * NULL) has not; stop (or NULL): when it becomes true no more are made, and that is an error.
 * => malloc'ed image and *size, or NULL and errs.
 */
void *config_rows(const json_t *doc, const struct image_header *previous, uint64_t generation,
                  size_t *size, struct config_errors *errs);
void *config_tables(struct image_header *image, const struct image_header *running,
                    const atomic_bool *stop, size_t *size, struct config_errors *errs);

/* config_filled: a document that is valid, with its defaults filled in. New reference. */
json_t *config_filled(const json_t *doc);

/* config_number_realms: what the realms of a document have as numbers in an image (or NULL), said
 * where it does not say them. */
void config_number_realms(json_t *doc, const struct image_header *h);

/* config_of_image: the document inside an image (new reference), or NULL. */
json_t *config_of_image(const struct image_header *h);

/* config_restart_needed: which start-time settings differ? => count, errs names their paths. */
unsigned config_restart_needed(const struct image_header *running, const struct image_header *next,
                               struct config_errors *errs);

/* config_errors_json: [{"path":…,"message":…}, …]. */
json_t *config_errors_json(const struct config_errors *errs);

/* config_schema: the JSON Schema (draft 2020-12) made from the option table. New reference. */
json_t *config_schema(void);

#endif
