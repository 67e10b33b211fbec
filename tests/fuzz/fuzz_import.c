/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as another balancer's set-up, in both formats: errors, or a document that is valid. */
#include "ctl/client/import.h"
#include "ctl/config/config.h"
#include "fuzz.h"

/* The network that an import gets into is not its own: backends that need a route may lack it. */
static bool
is_of_network(const struct config_errors *errs)
{
	for (unsigned i = 0; i < errs->n; i++) {
		if (strstr(errs->e[i].message, "no route leads to it") != NULL)
			continue;
		fprintf(stderr, "%s: %s\n", errs->e[i].path, errs->e[i].message);
		return false;
	}
	return errs->n != 0;
}

static void
document_is_good(const struct import *im)
{
	struct config_errors errs = {.n = 0};
	json_t *result = import_result(im);
	json_t *doc = json_pack("{s:[{s:s, s:s}], s:O}", "nics", "name", "in", "device", "d", "lb",
	                        json_object_get(result, "lb"));
	MUST(doc != NULL);
	MUST(config_check(doc, &errs) || is_of_network(&errs));
	json_decref(doc);
	json_decref(result);
}

static void
import(void (*reader)(struct import *im, const char *text), const char *text, FILE *nowhere)
{
	struct import im;
	import_begin(&im, "file", nowhere);
	reader(&im, text);
	if (im.errors == 0)
		document_is_good(&im);
	import_end(&im);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *nowhere;
	if (nowhere == NULL)
		nowhere = fopen("/dev/null", "w");
	char *text = malloc(size + 1);
	memcpy(text, data, size);
	import_clean(text, size);
	text[size] = '\0';
	import(import_ipvsadm, text, nowhere);
	import(import_keepalived, text, nowhere);
	free(text);
	return 0;
}
