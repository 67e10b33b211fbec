/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as a configuration: errors with a path, or an image that the data plane takes. Compiled
 * again it is the same image; compiled after itself it keeps its numbers
 * and brings no table.
 */
#include "ctl/config/config.h"
#include "fuzz.h"
#include "lb/lb_image.h"
#include "nat/nat_image.h"

enum { ERR = 256 };

static void
errors_are_good(const struct config_errors *errs)
{
	MUST(errs->n > 0 && errs->n <= CONFIG_MAX_ERRORS);
	for (unsigned i = 0; i < errs->n; i++) {
		MUST(memchr(errs->e[i].path, 0, sizeof(errs->e[i].path)) != NULL);
		MUST(memchr(errs->e[i].message, 0, sizeof(errs->e[i].message)) != NULL);
		MUST(errs->e[i].message[0] != 0);
	}
	json_t *list = config_errors_json(errs);
	MUST(json_array_size(list) >= errs->n);
	json_decref(list);
}

static void
image_is_good(const struct image_header *h, size_t size, const json_t *doc)
{
	char err[ERR] = "";
	int rc = image_check(h, size, err, sizeof(err));
	if (rc == 0)
		rc = lb_image_check(h, err, sizeof(err));
	if (rc == 0)
		rc = nat_image_check(h, err, sizeof(err));
	if (rc != 0)
		fprintf(stderr, "refused: %s\n", err);
	MUST(rc == 0);
	json_t *back = config_of_image(h);
	MUST(back != NULL && json_equal(back, doc));
	json_decref(back);
}

static void
compile_is_repeatable(const json_t *doc, const struct image_header *first, size_t size)
{
	struct config_errors errs = {.n = 0};
	size_t again_size = 0, next_size = 0;
	void *again = config_compile(doc, NULL, first->generation, &again_size, &errs);
	MUST(again != NULL && again_size == size && memcmp(again, first, size) == 0);
	free(again);
	void *next = config_compile(doc, first, first->generation, &next_size, &errs);
	uint32_t slots = 0;
	MUST(next != NULL && next_size <= image_lean_size(first, IMG_LB_SLOTS));
	image_rows(next, IMG_LB_SLOTS, &slots);
	MUST(slots == 0); /* all tables are those that run */
	MUST(config_restart_needed(first, next, &errs) == 0);
	free(next);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_errors errs = {.n = 0};
	json_t *doc = config_parse((const char *)data, size, &errs);
	if (doc == NULL) {
		errors_are_good(&errs);
		return 0;
	}
	MUST(errs.n == 0);
	bool good = config_check(doc, &errs);
	MUST(good == (errs.n == 0));
	size_t image_size = 0;
	struct config_errors compile_errs = {.n = 0};
	void *image = config_compile(doc, NULL, 7, &image_size, &compile_errs);
	MUST(good == (image != NULL));
	if (image != NULL) {
		image_is_good(image, image_size, doc);
		compile_is_repeatable(doc, image, image_size);
	} else {
		errors_are_good(&errs);
		errors_are_good(&compile_errs);
	}
	free(image);
	json_decref(doc);
	return 0;
}
