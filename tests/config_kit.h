/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Documents for tests of the compiler: written with ' for ", compiled, and checked as
 *            the data plane checks them.
 * Owner      One test program.
 */
#ifndef MR_CONFIG_KIT_H
#define MR_CONFIG_KIT_H

#include <string.h>

#include "ctl/config/config.h"
#include "lb/lb_image.h"
#include "nat/nat_image.h"
#include "test.h"

static const char config_kit_nics[] =
	"'nics':[{'name':'in','device':'d0','addresses':['10.1.0.1/24']},"
	"{'name':'out','device':'d1','addresses':['198.51.100.2/24','2001:db8::2/64']}]";

/* compile: sections beside `nics`, with ' for ". => the image, which passes every check. */
static inline struct image_header *
compile_document(const char *document, const struct image_header *previous)
{
	struct config_errors errs = {0};
	size_t size = 0;
	char err[256] = "", text[16384];
	CU_ASSERT_FATAL(strlen(document) < sizeof(text));
	snprintf(text, sizeof(text), "%s", document);
	for (char *p = text; (p = strchr(p, '\'')) != NULL;)
		*p = '"';
	json_t *doc = config_parse(text, strlen(text), &errs);
	struct image_header *h = config_compile(doc, previous, 7, &size, &errs);
	for (unsigned i = 0; i < errs.n; i++)
		printf("%s: %s\n", errs.e[i].path, errs.e[i].message);
	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	int rc = image_check(h, size, err, sizeof(err));
	rc = rc != 0 ? rc : nat_image_check(h, err, sizeof(err));
	rc = rc != 0 ? rc : lb_image_check(h, err, sizeof(err));
	CU_ASSERT_EQUAL(rc, 0);
	if (rc != 0)
		printf("%s\n", err);
	CU_ASSERT_EQUAL(h->generation, 7);
	json_t *back = config_of_image(h);
	CU_ASSERT(json_equal(back, doc));
	json_decref(back);
	json_decref(doc);
	return h;
}

static inline struct image_header *
compile_after(const struct image_header *previous, const char *sections)
{
	char text[8192];
	snprintf(text, sizeof(text), "{%s%s%s}", config_kit_nics,
	         sections[0] == '\0' ? "" : ",", sections);
	return compile_document(text, previous);
}

static inline const void *
rows(const struct image_header *h, uint32_t kind, uint32_t expected)
{
	uint32_t n;
	const void *r = image_rows(h, kind, &n);
	CU_ASSERT_EQUAL_FATAL(n, expected);
	return r;
}

#endif
