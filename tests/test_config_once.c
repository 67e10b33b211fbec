/* SPDX-License-Identifier: Apache-2.0 */
/* One mistake is one error: what follows from it is not said again as another. */
#include <string.h>

#include "ctl/config/config.h"
#include "test.h"

#define CHECKED(place)                                                                         \
	"{\"nics\":[{\"name\":\"in\",\"device\":\"d\",\"addresses\":[\"10.1.0.1/24\"]}],"      \
	"\"lb\":{\"checks\":[{\"name\":\"c\"}],\"services\":[{\"name\":\"s\","                 \
	"\"address\":\"192.0.2.1\"," place "\"check\":\"c\","                                  \
	"\"backends\":[{\"address\":\"10.1.0.9\"},{\"address\":\"10.1.0.10\"}]}]}}"

static void
once(void)
{
	static const struct { const char *text, *says; } cases[] = {
		{"", "the document is empty; expected a JSON object"},
		{CHECKED("\"port\":80000,"), "80000; expected an integer from 1 to 65535"},
		{CHECKED(""), "missing; expected port or ports"}, /* and not: its check */
		{CHECKED("\"prot\":80,"), "unknown key"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config_errors errs = {0};
		json_t *doc = config_parse(cases[i].text, strlen(cases[i].text), &errs);
		CU_ASSERT(doc == NULL || !config_check(doc, &errs));
		CU_ASSERT(errs.n == 1 && strstr(errs.e[0].message, cases[i].says) != NULL);
		for (unsigned k = 0; errs.n != 1 && k < errs.n; k++)
			printf("\n%s: %s\n", errs.e[k].path, errs.e[k].message);
		json_decref(doc);
	}
}

static const struct test_case cases[] = {{"one mistake, one error", once}};
TEST_MAIN("config_once", cases)
