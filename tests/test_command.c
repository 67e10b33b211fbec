/* SPDX-License-Identifier: Apache-2.0 */
/* Commands: what may be executed, and what not. */
#include <errno.h>

#include "lib/command.h"
#include "tests/test.h"

static const struct command good = {
	.magic = COMMAND_MAGIC, .version = COMMAND_VERSION, .kind = CMD_FLOWS, .limit = 100,
};

static void
every_kind(void)
{
	for (uint32_t kind = 0; kind <= CMD_MAX + 1; kind++) {
		struct command c = good;
		c.kind = kind;
		c.size = sizeof(struct image_header);
		CU_ASSERT_EQUAL(command_check(&c, sizeof(c)),
		                kind >= CMD_HELLO && kind < CMD_MAX ? 0 : -EINVAL);
	}
}

static void
every_length(void)
{
	for (size_t n = 0; n < sizeof(good) + 8; n++)
		if (n != sizeof(good))
			CU_ASSERT_EQUAL(command_check(&good, n), -EINVAL);
}

static void
bent_is_refused(void)
{
	for (unsigned i = 0; i < 7; i++) {
		struct command c = good;
		switch (i) {
		case 0: c.magic ^= 1; break;
		case 1: c.version++; break;
		case 2: c.limit = UINT32_MAX; break;
		case 3: c.kind = CMD_APPLY; c.size = 10; break;
		case 4: c.kind = CMD_APPLY; c.size = UINT64_MAX; break;
		case 5: c.filter.family = 5; break;
		default: c.filter.state = CONN_MAX; break;
		}
		CU_ASSERT_EQUAL(command_check(&c, sizeof(c)), -EINVAL);
	}
}

/* From a buffer that is aligned to nothing. */
static void
unaligned(void)
{
	char buffer[sizeof(good) + 1];
	memcpy(buffer + 1, &good, sizeof(good));
	CU_ASSERT_EQUAL(command_check(buffer + 1, sizeof(good)), 0);
}

static const struct test_case cases[] = {
	{"every kind", every_kind},
	{"every length", every_length},
	{"what is bent is refused", bent_is_refused},
	{"unaligned", unaligned},
};
TEST_MAIN("command", cases)
