/* SPDX-License-Identifier: Apache-2.0 */
/* Every drop reason has a name of its own, fit for JSON, and a help text. */
#include <string.h>

#include "lib/drop.h"
#include "tests/test.h"

static void
names_are_unique(void)
{
	for (unsigned i = 0; i < DROP_MAX; i++)
		for (unsigned j = 0; j < i; j++)
			CU_ASSERT_STRING_NOT_EQUAL(drop_name(i), drop_name(j));
}

static void
names_are_words(void)
{
	for (unsigned i = 0; i < DROP_MAX; i++) {
		const char *name = drop_name(i);
		CU_ASSERT(strlen(name) > 2);
		CU_ASSERT_EQUAL(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_"),
		                strlen(name));
		CU_ASSERT(strlen(drop_help(i)) > 8);
	}
}

static void
out_of_range_is_said(void)
{
	CU_ASSERT_STRING_EQUAL(drop_name(DROP_MAX), "?");
	CU_ASSERT_STRING_EQUAL(drop_help(UINT32_MAX), "?");
}

static const struct test_case cases[] = {
	{"names are unique", names_are_unique},
	{"names are words", names_are_words},
	{"out of range", out_of_range_is_said},
};
TEST_MAIN("drop", cases)
