/* SPDX-License-Identifier: Apache-2.0 */
/* Documents with errors of form: what else is wrong is said, and nothing that follows from them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/config/config.h"
#include "test.h"

/* block_after: in docs/config.md, the first block of code after a heading; malloc'ed. */
static char *
block_after(const char *heading)
{
	static char text[1 << 18];
	FILE *f = fopen(MR_SOURCE_ROOT "/docs/config.md", "r");
	CU_ASSERT_FATAL(f != NULL);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	char *at = strstr(text, heading);
	at = at == NULL ? NULL : strstr(at, "```text\n");
	char *end = at == NULL ? NULL : strstr(at + 8, "```\n");
	return end == NULL ? NULL : strndup(at + 8, (size_t)(end - at) - 8);
}

/* All errors at once, of form and of reference, with the indexes of the whole document. */
static void
errors_of_the_manual(void)
{
	static const char document[] =
		"{\"nics\":[{\"name\":\"in\",\"device\":\"d0\",\"adresses\":[\"10.0.0.1/24\"]},"
		"{\"name\":\"out\",\"device\":\"d1\",\"addresses\":[\"198.51.100.2/24\"]}],"
		"\"routes\":[{\"prefix\":\"0.0.0.0/0\",\"via\":\"192.0.2.1\"},"
		"{\"prefix\":\"10.9.0.0/16\",\"via\":\"10.0.0.9\"}],"
		"\"nat\":{\"pools\":[{\"name\":\"main\",\"addresses\":[\"192.0.2.9\",7,"
		"\"203.0.113.0/28\"]},"
		"{\"name\":\"more\",\"block_size\":500,\"ports\":\"1024-1100\","
		"\"addresses\":[\"203.0.113.64/28\"]},"
		"{\"name\":\"last\",\"addresses\":[\"203.0.113.8/29\"]}],"
		"\"rules\":[{\"name\":\"home\",\"source\":\"100.64.0.0/10\",\"pool\":\"homes\"}]},"
		"\"lb\":{\"services\":[{\"name\":\"none\",\"port\":80},"
		"{\"name\":\"mail\",\"address\":\"192.0.2.10\",\"port\":25,"
		"\"mode\":\"fullnat\"}]}}";
	struct config_errors errs = {0};
	char lines[4096] = "";
	json_t *doc = config_parse(document, strlen(document), &errs);
	CU_ASSERT(!config_check(doc, &errs));
	for (unsigned i = 0; i < errs.n; i++)
		snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines), "%s: %s\n",
		         errs.e[i].path, errs.e[i].message);
	char *want = block_after("## Errors");
	CU_ASSERT_FATAL(want != NULL);
	CU_ASSERT_STRING_EQUAL(lines, want);
	if (strcmp(lines, want) != 0)
		printf("\n%s", lines);
	free(want);
	json_decref(doc);
}

/* What refers to something that is wrong itself is not judged: one error each. */
static void
no_consequences(void)
{
#define NIC "{\"name\":\"in\",\"device\":\"d\",\"addresses\":[\"10.0.0.1/24\"]}"
#define VIA "\"routes\":[{\"prefix\":\"0.0.0.0/0\",\"via\":\"10.0.0.9\"}]"
	static const char *const documents[] = {
		"{\"nics\":[{\"name\":\"a b\",\"device\":\"d\",\"addresses\":[\"10.0.0.1/24\"]}],"
		VIA "}",
		"{\"nics\":[{\"name\":\"in\",\"device\":\"d\",\"addresses\":[\"10.0.0.1\"]}],"
		VIA "}",
		"{\"nics\":[{\"name\":\"in\",\"device\":\"d\",\"adresses\":[\"10.0.0.1/24\"]}],"
		VIA "}",
		"{\"nics\":[{\"nam\":\"in\",\"device\":\"d\",\"addresses\":[\"10.0.0.1/24\"]}],"
		VIA "}",
		"{\"nics\":[{\"name\":\"in\",\"device\":\"d\",\"vlan\":-1},"
		"{\"name\":\"b\",\"device\":\"d\"}]}",
		"{\"nics\":[" NIC "],\"routes\":[{\"prefix\":\"0.0.0.0/0\",\"via\":3}]}",
		"{\"nics\":[" NIC "],\"nat\":{\"pools\":[{\"name\":\"p\",\"addresses\":[\"x\"]}],"
		"\"rules\":[{\"name\":\"r\",\"source\":\"10.0.0.0/8\",\"pool\":\"p\"}]}}",
		"{\"nics\":[" NIC "],\"nat\":{\"pools\":[{\"name\":3,"
		"\"addresses\":[\"192.0.2.1\"]}],"
		"\"rules\":[{\"name\":\"r\",\"source\":\"10.0.0.0/8\",\"pool\":\"p\"}]}}",
		"{\"nics\":[" NIC "],\"nat\":{\"pools\":[{\"name\":\"p\","
		"\"addresses\":[\"192.0.2.1\"]}],\"rules\":["
		"{\"name\":\"r\",\"source\":\"10.0.0.0/8\",\"pool\":\"p\",\"nic\":0},"
		"{\"name\":\"s\",\"source\":\"10.0.0.0/16\",\"pool\":\"p\"}]}}",
		"{\"nics\":[" NIC "],\"lb\":{\"services\":[{\"name\":\"s\","
		"\"address\":\"192.0.2.1\",\"port\":80,\"mode\":\"full\","
		"\"local_addresses\":[\"10.0.0.7\"]}]}}",
		"{\"nics\":[" NIC "],\"lb\":{\"services\":[{\"name\":\"s\","
		"\"address\":\"192.0.2.1\",\"port\":70000}]}}",
		"{\"nics\":[" NIC "],\"nat\":[],\"workers\":{\"count\":4,\"cores\":[1,2,3,4]}}",
	};
	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
		struct config_errors errs = {0};
		json_t *doc = config_parse(documents[i], strlen(documents[i]), &errs);
		CU_ASSERT_FATAL(doc != NULL);
		CU_ASSERT(!config_check(doc, &errs));
		CU_ASSERT_EQUAL(errs.n, 1);
		for (unsigned k = 0; k < errs.n && errs.n != 1; k++)
			printf("\n%zu: %s: %s", i, errs.e[k].path, errs.e[k].message);
		json_decref(doc);
	}
}

static const struct test_case cases[] = {
	{"errors as in the manual", errors_of_the_manual},
	{"no consequences", no_consequences},
};
TEST_MAIN("prune", cases)
