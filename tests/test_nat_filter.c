/* SPDX-License-Identifier: Apache-2.0 */
/* Permissions against a plain array of counts. */
#include "nat/filter.h"
#include "test.h"

enum { CAPACITY = 60, MAPPINGS = 8, REMOTES = 6, REALMS = 2, STEPS = 30000 };

static void
test_model(void)
{
	static unsigned count[MAPPINGS][REALMS][REMOTES];
	uint64_t seed = test_seed();
	size_t size = table_memsize(CAPACITY, sizeof(struct permission), 1);
	void *memory = aligned_alloc(64, size);
	memset(memory, 0, size);
	struct filter f = {.seed = seed};
	table_init(&f.t, memory, CAPACITY, sizeof(struct permission), 1);
	unsigned live = 0, refused = 0;
	for (unsigned step = 0; step < STEPS; step++) {
		uint32_t m = (uint32_t)(test_random(&seed) % MAPPINGS);
		uint8_t realm = (uint8_t)(test_random(&seed) % REALMS);
		be32 remote = (be32)(test_random(&seed) % REMOTES);
		unsigned *n = &count[m][realm][remote];
		CU_ASSERT_EQUAL_FATAL(filter_is_permitted(&f, m, realm, remote), *n != 0);
		if (test_random(&seed) % 100 < 55) {
			bool fits = *n != 0 || live < CAPACITY;
			CU_ASSERT_EQUAL_FATAL(filter_permit(&f, m, realm, remote), fits);
			live += fits && *n == 0;
			*n += fits;
			refused += !fits;
		} else if (*n != 0) {
			filter_revoke(&f, m, realm, remote);
			live -= --*n == 0;
		}
		CU_ASSERT_EQUAL(f.t.used, live);
	}
	CU_ASSERT(refused > 0);
	free(memory);
}

static const struct test_case cases[] = {
	{"permissions against counts", test_model},
};
TEST_MAIN("nat_filter", cases)
