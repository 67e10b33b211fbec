/* SPDX-License-Identifier: Apache-2.0 */
/* What the documents show of the configuration: examples, manual, schema, reference. */
#include <dirent.h>

#include "config_kit.h"
#include "ctl/config/option.h"

static char *
file_text(const char *name)
{
	char path[512], *text = calloc(1, 1 << 20);
	snprintf(path, sizeof(path), "%s/%s", MR_SOURCE_ROOT, name);
	FILE *f = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT(fread(text, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	return text;
}

static void
test_examples(void)
{
	unsigned n = 0;
	DIR *d = opendir(MR_SOURCE_ROOT "/deploy/examples");
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		char name[300];
		if (strstr(e->d_name, ".json") == NULL)
			continue;
		snprintf(name, sizeof(name), "deploy/examples/%s", e->d_name);
		char *text = file_text(name);
		free(compile_document(text, NULL));
		free(text);
		n++;
	}
	closedir(d);
	CU_ASSERT(n >= 6);
	char *text = file_text("deploy/lab.json");
	free(compile_document(text, NULL));
	free(text);
}

/* Each block of JSON in the manual that is a whole document compiles. */
static void
test_manual(void)
{
	char *text = file_text("docs/config.md"), *at = text;
	unsigned documents = 0;
	while ((at = strstr(at, "```json\n{")) != NULL) {
		char *begin = at + 8, *end = strstr(begin, "```");
		CU_ASSERT_PTR_NOT_NULL_FATAL(end);
		*end = '\0';
		free(compile_document(begin, NULL));
		documents++;
		at = end + 1;
	}
	CU_ASSERT(documents >= 2);
	free(text);
}

/* An example of docs/nat.md in what it is a part of: a pool, members of `nat`, of the document. */
static void
compile_example(const char *text)
{
	static const char nics[] = "'nics':[{'name':'inside','device':'a','addresses':"
		"['100.64.0.1/10']},{'name':'outside','device':'b',"
		"'addresses':['198.51.100.2/26']}],";
	static const char pools[] = "'pools':[{'name':'public','addresses':['20.0.0.0/29']},"
		"{'name':'partners','addresses':['20.0.1.0/29']}],";
	char whole[4096];
	const char *nat = strstr(text, "\"nat\": {"), *after = nat != NULL ? nat + 8 : NULL;
	bool has_nics = strstr(text, "\"nics\"") != NULL;
	if (text[0] == '{')
		snprintf(whole, sizeof(whole), "{%s'nat':{'pools':[%s]}}", nics, text);
	else if (nat != NULL)
		snprintf(whole, sizeof(whole), "{%s%.*s%s%s}", has_nics ? "" : nics,
		         (int)(after - text), text, pools, after);
	else if (strncmp(text, "\"routing\"", 9) == 0)
		snprintf(whole, sizeof(whole), "{%s%s}", nics, text);
	else
		snprintf(whole, sizeof(whole), "{%s'nat':{%s%s}}", nics, pools, text);
	free(compile_document(whole, NULL));
}

static void
test_nat_manual(void)
{
	char *text = file_text("docs/nat.md"), *at = text;
	unsigned examples = 0;
	while ((at = strstr(at, "```json\n")) != NULL) {
		char *begin = at + 8, *end = strstr(begin, "```");
		CU_ASSERT_PTR_NOT_NULL_FATAL(end);
		*end = '\0';
		compile_example(begin);
		examples++;
		at = end + 1;
	}
	CU_ASSERT(examples >= 8);
	free(text);
}

static void
test_schema(void)
{
	char *text = file_text("docs/config.schema.json");
	json_t *have = json_loads(text, 0, NULL), *made = config_schema();
	CU_ASSERT(json_equal(have, made));
	if (!json_equal(have, made))
		printf("\nrun: BUILD/tests/config_tool schema > docs/config.schema.json\n");
	json_decref(have);
	json_decref(made);
	free(text);
}

static void
test_reference(void)
{
	static const char begin[] = "<!-- options: begin -->\n", end[] = "<!-- options: end -->\n";
	char *text = file_text("docs/config.md"), *made = config_reference();
	char *from = strstr(text, begin), *to = strstr(text, end);
	CU_ASSERT_FATAL(from != NULL && to != NULL && from < to);
	from += strlen(begin);
	bool same = strlen(made) == (size_t)(to - from) && memcmp(from, made, strlen(made)) == 0;
	CU_ASSERT(same);
	if (!same)
		printf("\nbetween the markers of docs/config.md belongs what this prints:\n"
		       "BUILD/tests/config_tool reference\n");
	free(made);
	free(text);
}

static const struct test_case cases[] = {
	{"examples compile", test_examples},
	{"documents in the manual compile", test_manual},
	{"examples of translation compile", test_nat_manual},
	{"the schema is current", test_schema},
	{"the reference is current", test_reference},
};
TEST_MAIN("config_docs", cases)
