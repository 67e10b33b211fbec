/* SPDX-License-Identifier: Apache-2.0 */
/* The index by itself: paths, all slots of small ones, and a full one against a plain list. */
#include "lib/index.h"
#include "tests/index_kit.h"

enum { MOST_BUCKETS = 66, MOST_ENTRIES = MOST_BUCKETS * INDEX_SLOTS };

static struct index_bucket bucket[MOST_BUCKETS];

/* The hash with this home and tag in an index of so many buckets. */
static uint64_t
hash_of(uint32_t home, uint32_t buckets, uint16_t tag)
{
	return ((((uint64_t)home << 32) + buckets - 1) / buckets) << 32 | tag;
}

/* A path begins at home, goes on to its buddy, and meets every bucket once. */
static void
paths(void)
{
	for (uint32_t n = 2; n <= MOST_BUCKETS; n += 2)
		for (uint32_t home = 0; home < n; home++) {
			struct index x = {bucket, n};
			uint8_t seen[MOST_BUCKETS] = {0};
			CU_ASSERT_EQUAL(index_home(x, hash_of(home, n, 7)), home);
			CU_ASSERT_EQUAL(index_step(x, home, 0), home);
			CU_ASSERT_EQUAL(index_step(x, home, 1), home ^ 1);
			for (uint32_t i = 0; i < n; i++)
				CU_ASSERT_EQUAL_FATAL(seen[index_step(x, home, i)]++, 0);
		}
}

/* Every slot is found by its tag, alone and among others; references are never taken for tags. */
static void
slots(void)
{
	struct index_bucket b;
	for (unsigned i = 0; i < INDEX_SLOTS; i++) {
		memset(&b, 0xab, sizeof(b));
		memset(b.tag, 0, sizeof(b.tag));
		CU_ASSERT_EQUAL(index_slots(&b, 0xabab), 0);
		b.tag[i] = 0xabab;
		CU_ASSERT_EQUAL(index_slot(index_slots(&b, 0xabab)), i);
		unsigned n = 0;
		for (unsigned s = index_slots(&b, 0); s != 0; s &= s - 1)
			n += b.tag[index_slot(s)] == 0;
		CU_ASSERT_EQUAL(n, INDEX_SLOTS - 1);
	}
}

/* All slots taken, then given back in any order; every other round all have few homes. */
static void
all_slots_once(void)
{
	static uint64_t hash[MOST_ENTRIES];
	static uint8_t gone[MOST_ENTRIES];
	uint64_t rng = test_seed();
	for (unsigned round = 0; round < 200; round++) {
		uint32_t n = 2 * (1 + (uint32_t)(test_random(&rng) % 12)), all = n * INDEX_SLOTS;
		struct index x = {bucket, n};
		for (uint32_t i = 0; i < all; i++) {
			hash[i] = test_random(&rng);
			hash[i] = round % 2 ? hash[i] : hash_of(hash[i] % 2, n, hash[i] % 3);
			CU_ASSERT(index_add(x, hash[i], i + 1));
		}
		CU_ASSERT(!index_add(x, test_random(&rng), 9999));
		CU_ASSERT_EQUAL(index_entries(x), all);
		memset(gone, 0, sizeof(gone));
		for (uint32_t left = all; left > 0;) {
			uint32_t i = (uint32_t)(test_random(&rng) % all);
			CU_ASSERT_EQUAL(index_has(x, hash[i], i + 1), !gone[i]);
			CU_ASSERT_EQUAL(index_del(x, hash[i], i + 1), !gone[i]);
			left -= !gone[i];
			gone[i] = 1;
		}
		CU_ASSERT_FATAL(index_is_empty(x));
	}
}

/* More entries than INDEX_MAX_PROBES buckets hold, all of one home: refused, nothing is left. */
static void
too_far(void)
{
	struct index x = {bucket, MOST_BUCKETS};
	uint32_t most = INDEX_MAX_PROBES * INDEX_SLOTS;
	for (uint32_t i = 0; i < most; i++)
		CU_ASSERT_FATAL(index_add(x, hash_of(5, MOST_BUCKETS, 3), i + 1));
	CU_ASSERT(!index_add(x, hash_of(5, MOST_BUCKETS, 3), most + 1));
	CU_ASSERT(!index_has(x, hash_of(5, MOST_BUCKETS, 3), most + 1));
	for (uint32_t i = 0; i < most; i++)
		CU_ASSERT(index_del(x, hash_of(5, MOST_BUCKETS, 3), i + 1));
	CU_ASSERT(index_is_empty(x));
}

/* Random life at the designed load: who is in is found, in few steps, who is not is not. */
static void
against_list(void)
{
	enum { ENTRIES = 7000, STEPS = 200000 };
	static uint64_t hash[ENTRIES];
	static uint8_t in[ENTRIES];
	uint64_t rng = test_seed(), far = 0, live = 0;
	uint32_t n = index_buckets(ENTRIES, 14);
	struct index x = {aligned_alloc(64, index_size(n)), n};
	CU_ASSERT_EQUAL(n, 1000);
	memset(x.bucket, 0, index_size(n));
	for (uint32_t step = 0; step < STEPS; step++) {
		uint32_t i = (uint32_t)(test_random(&rng) % ENTRIES);
		CU_ASSERT_EQUAL_FATAL(in[i] && index_has(x, hash[i], i + 1), in[i]);
		if (in[i] && test_random(&rng) % 8 == 0) {
			CU_ASSERT_FATAL(index_del(x, hash[i], i + 1));
			in[i] = 0;
		} else if (!in[i]) {
			hash[i] = test_random(&rng);
			CU_ASSERT_FATAL(index_add(x, hash[i], i + 1));
			in[i] = 1;
		}
	}
	for (uint32_t i = 0; i < ENTRIES; i++) {
		far += in[i] && !index_has_near(x, hash[i], i + 1, 2);
		live += in[i];
	}
	CU_ASSERT_EQUAL(index_entries(x), live);
	CU_ASSERT(live > ENTRIES * 3 / 4 && far < live / 20);
	for (uint32_t i = 0; i < ENTRIES; i++)
		CU_ASSERT(!in[i] || index_del(x, hash[i], i + 1));
	CU_ASSERT(index_is_empty(x));
	free(x.bucket);
}

static void
sizes(void)
{
	CU_ASSERT_EQUAL(index_buckets(0, 14), 2);
	CU_ASSERT_EQUAL(index_buckets(14, 14), 2);
	CU_ASSERT_EQUAL(index_buckets(15, 14), 4);
	CU_ASSERT_EQUAL(index_buckets(1400000000, 14), 200000000);
}

static const struct test_case cases[] = {
	{"paths", paths},
	{"slots", slots},
	{"all slots once", all_slots_once},
	{"too far", too_far},
	{"against a list", against_list},
	{"sizes", sizes},
};

TEST_MAIN("index", cases)
