/* SPDX-License-Identifier: Apache-2.0 */
/* Stable numbers over many generations, against what the documents say of them. */
#include <string.h>

#include "ctl/config/ids.h"
#include "test.h"

enum { LIMIT = 16, KEYS = 40 };

/* An image that has nothing but ids. */
static struct image_header *
image_with(json_t *ids)
{
	struct image_builder b;
	size_t size;
	char *text = json_dumps(ids, JSON_COMPACT);
	image_build_begin(&b, 1);
	image_build_rows(&b, IMG_IDS, text, 1, strlen(text));
	free(text);
	return image_build_end(&b, &size);
}

/* One generation: the wanted keys into id[] (-1: none). => its image. */
static struct image_header *
generation(const struct image_header *previous, const bool *wanted, int *id)
{
	struct ids ids;
	struct id_space s;
	CU_ASSERT_FATAL(ids_init(&ids, previous) && id_space_init(&s, &ids, "x", LIMIT));
	for (int k = 0; k < KEYS; k++) {
		char key[16];
		uint32_t n = 0;
		snprintf(key, sizeof(key), "k%d", k);
		id[k] = wanted[k] && id_space_take(&s, key, &n) ? (int)n : -1;
	}
	id_space_fini(&s);
	struct image_header *h = image_with(ids.made);
	ids_fini(&ids);
	return h;
}

static void
compare_generations(const bool *wanted, const int *id, const int *old)
{
	int owner[LIMIT], old_owner[LIMIT];
	for (int n = 0; n < LIMIT; n++)
		owner[n] = old_owner[n] = -1;
	for (int k = 0; k < KEYS; k++)
		if (old[k] >= 0)
			old_owner[old[k]] = k;
	for (int k = 0; k < KEYS; k++) {
		if (old[k] >= 0 && wanted[k])
			CU_ASSERT_EQUAL(id[k], old[k]);
		if (id[k] < 0)
			continue;
		CU_ASSERT_FATAL(id[k] < LIMIT);
		CU_ASSERT(owner[id[k]] == -1);
		CU_ASSERT(old_owner[id[k]] == -1 || old_owner[id[k]] == k);
		owner[id[k]] = k;
	}
}

/* Who has a number keeps it; a new one gets a number nobody has or had; none only when full. */
static void
test_generations(void)
{
	uint64_t seed = test_seed();
	struct image_header *h = NULL;
	int old[KEYS], id[KEYS];
	memset(old, -1, sizeof(old));
	for (unsigned round = 0; round < 2000; round++) {
		bool wanted[KEYS];
		unsigned want = 0, denied = 0, taken = 0;
		for (int k = 0; k < KEYS; k++) {
			bool was = old[k] >= 0;
			wanted[k] = test_random(&seed) % 100 < (was ? 80 : 10);
			want += wanted[k];
			taken += was || wanted[k];
		}
		struct image_header *next = generation(h, wanted, id);
		compare_generations(wanted, id, old);
		for (int k = 0; k < KEYS; k++)
			denied += wanted[k] && id[k] < 0;
		CU_ASSERT_EQUAL(denied, taken > LIMIT ? taken - LIMIT : 0);
		free(h);
		h = next;
		memcpy(old, id, sizeof(old));
	}
	free(h);
}

/* A number that was given up rests until all others have been given out. */
static void
test_rest(void)
{
	struct image_header *h = NULL;
	bool wanted[KEYS] = {false};
	int id[KEYS];
	for (int k = 0; k < LIMIT + 1; k++) {
		wanted[k] = true;
		if (k > 0)
			wanted[k - 1] = false;
		struct image_header *next = generation(h, wanted, id);
		free(h);
		h = next;
		CU_ASSERT_EQUAL(id[k], k % LIMIT);
	}
	free(h);
}

/* Ids that nobody sane wrote are as good as none. */
static void
test_hostile(void)
{
	static const char *const texts[] = {
		"", "[]", "{", "{\"x\":[]}", "{\"x\":{\"k0\":-1}}", "{\"x\":{\"k0\":16}}",
		"{\"x\":{\"k0\":1.5}}", "{\"x\":{\"k0\":\"1\"}}", "{\"next\":3,\"x\":5}",
		"{\"next\":{\"x\":99},\"x\":{}}", "{\"next\":{\"x\":-3}}",
		"{\"x\":{\"k0\":1,\"k1\":1}}",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct image_builder b;
		size_t size;
		bool wanted[KEYS] = {true, true, true};
		int id[KEYS];
		image_build_begin(&b, 1);
		image_build_rows(&b, IMG_IDS, texts[i], 1, strlen(texts[i]));
		struct image_header *h = image_build_end(&b, &size);
		CU_ASSERT_PTR_NOT_NULL_FATAL(h);
		free(generation(h, wanted, id));
		for (int k = 0; k < 3; k++)
			CU_ASSERT(id[k] >= 0 && id[k] < LIMIT && id[k] != id[(k + 1) % 3]);
		free(h);
	}
}

/* When all is taken, one of the previous image's that is not wanted will do, and changes hands. */
static void
test_stale(void)
{
	struct image_header *h = NULL;
	bool wanted[KEYS] = {false};
	int id[KEYS];
	for (int k = 0; k < LIMIT; k++)
		wanted[k] = true;
	h = generation(NULL, wanted, id);
	struct ids ids;
	struct id_space s;
	uint32_t n = 0, again = 0;
	CU_ASSERT_FATAL(ids_init(&ids, h) && id_space_init(&s, &ids, "x", LIMIT));
	CU_ASSERT(!id_space_take(&s, "new", &n));
	CU_ASSERT(id_space_take_stale(&s, "new", &n) && n == 0);
	CU_ASSERT(id_space_take_stale(&s, "k0", &again) && again == 1);
	for (int k = 2; k < LIMIT; k++) {
		char key[16];
		snprintf(key, sizeof(key), "k%d", k);
		CU_ASSERT(id_space_take_stale(&s, key, &n) && n == (uint32_t)k);
	}
	CU_ASSERT(!id_space_take_stale(&s, "k1", &n));
	id_space_fini(&s);
	ids_fini(&ids);
	free(h);
}

static const struct test_case cases[] = {
	{"many generations", test_generations},
	{"a number rests", test_rest},
	{"hostile ids", test_hostile},
	{"stale numbers change hands", test_stale},
};
TEST_MAIN("config_ids", cases)
