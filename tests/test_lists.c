/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of prefixes: membership against a slow and obvious model, and a million of them in time. */
#include <arpa/inet.h>
#include <time.h>

#include "lb/lists.h"
#include "test.h"

enum { MILLION = 1000000, ASKED = 20000 };

static uint64_t rnd;

static uint32_t
below(uint32_t n)
{
	return (uint32_t)(test_random(&rnd) % n);
}

struct made {
	struct image_header *image;
	struct lb_lists *lists;
};

/* An image with these lists and nothing else. */
static struct made
make(const struct img_lb_list *list, uint32_t n, const struct img_lb_range4 *r4, uint32_t n4,
     const struct img_lb_range6 *r6, uint32_t n6)
{
	struct image_builder b;
	struct made m;
	char err[128] = "";
	size_t size;
	image_build_begin(&b, 1);
	image_build_rows(&b, IMG_LB_LISTS, list, sizeof(*list), n);
	image_build_rows(&b, IMG_LB_RANGES4, r4, sizeof(*r4), n4);
	image_build_rows(&b, IMG_LB_RANGES6, r6, sizeof(*r6), n6);
	m.image = image_build_end(&b, &size);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m.image);
	CU_ASSERT_EQUAL_FATAL(lb_guard_check(m.image, err, sizeof(err)), 0);
	m.lists = lb_lists_create(m.image);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m.lists);
	return m;
}

static void
unmake(struct made m)
{
	lb_lists_destroy(m.lists);
	free(m.image);
}

static bool
model4(const struct img_lb_range4 *r, uint32_t n, uint32_t a)
{
	for (uint32_t i = 0; i < n; i++)
		if (a >= r[i].first && a <= r[i].last)
			return true;
	return false;
}

static bool
model6(const struct img_lb_range6 *r, uint32_t n, const union addr *a)
{
	for (uint32_t i = 0; i < n; i++)
		if (memcmp(a->b, r[i].first.b, 16) >= 0 && memcmp(a->b, r[i].last.b, 16) <= 0)
			return true;
	return false;
}

/* Ranges that ascend and do not touch; steps of many sizes, so that some span whole /16. */
static uint32_t
ranges4(struct img_lb_range4 *r, uint32_t n, uint64_t at)
{
	uint32_t k = 0;
	for (; k < n && at <= UINT32_MAX; k++) {
		uint64_t last = at + below(1u << below(20));
		r[k] = (struct img_lb_range4){(uint32_t)at,
			(uint32_t)(last < UINT32_MAX ? last : UINT32_MAX)};
		at = last + 2 + below(1u << below(20));
	}
	return k;
}

static union addr
addr6(uint64_t high, uint64_t low)
{
	return (union addr){.q = {__builtin_bswap64(high), __builtin_bswap64(low)}};
}

/* Many with one upper half, which only the lower one tells apart. */
static uint32_t
ranges6(struct img_lb_range6 *r, uint32_t n)
{
	uint64_t high = 0x20010db800000000u, low = 0;
	for (uint32_t k = 0; k < n; k++) {
		uint64_t next = high + (below(3) == 0 ? below(4) : 0);
		low = next != high ? below(9) : low + 2 + below(9);
		high = next;
		r[k].first = addr6(high, low);
		low += below(5);
		if (below(40) == 0)
			high += 1 + below(3);
		r[k].last = addr6(high, low);
	}
	return n;
}

static void
ask4(const struct lb_list *l, const struct img_lb_range4 *r, uint32_t n, uint32_t a)
{
	union addr address = addr_from_v4(htonl(a));
	CU_ASSERT_EQUAL_FATAL(lb_list_has(l, &address, FAMILY_V4), model4(r, n, a));
}

static void
test_model4(void)
{
	static struct img_lb_range4 r[3000];
	rnd = test_seed();
	for (unsigned round = 0; round < 12; round++) {
		uint32_t want = round < 4 ? round : 1 + below(3000);
		uint32_t n = ranges4(r, want, round == 5 ? 0 : below(1u << 31));
		struct img_lb_list list = {.name = "l", .n4 = n};
		struct made m = make(&list, 1, r, n, NULL, 0);
		for (uint32_t i = 0; i < n; i++)
			for (uint32_t k = 0; k < 4; k++)
				ask4(&m.lists->list[0], r, n,
				     k < 2 ? r[i].first - k : r[i].last + k - 2);
		for (uint32_t i = 0; i < 500; i++)
			ask4(&m.lists->list[0], r, n, (uint32_t)test_random(&rnd));
		ask4(&m.lists->list[0], r, n, 0);
		ask4(&m.lists->list[0], r, n, UINT32_MAX);
		unmake(m);
	}
}

static void
ask6(const struct lb_list *l, const struct img_lb_range6 *r, uint32_t n, union addr a)
{
	CU_ASSERT_EQUAL_FATAL(lb_list_has(l, &a, FAMILY_V6), model6(r, n, &a));
}

static void
test_model6(void)
{
	static struct img_lb_range6 r[5000];
	for (unsigned round = 0; round < 14; round++) {
		static const uint32_t sizes[] = {0, 1, 2, 15, 16, 17, 255, 256, 257, 4097};
		uint32_t n = ranges6(r, round < 10 ? sizes[round] : 1 + below(5000));
		struct img_lb_list list = {.name = "l", .n6 = n};
		struct made m = make(&list, 1, NULL, 0, r, n);
		for (uint32_t i = 0; i < 2000; i++) {
			union addr a = n == 0 ? addr6(1, 1) :
				below(2) != 0 ? r[below(n)].first : r[below(n)].last;
			uint64_t low = __builtin_bswap64(a.q[1]) + below(5) - 2;
			a.q[1] = __builtin_bswap64(low);
			ask6(&m.lists->list[0], r, n, a);
		}
		ask6(&m.lists->list[0], r, n, addr6(0, 0));
		ask6(&m.lists->list[0], r, n, addr6(~0ull, ~0ull));
		unmake(m);
	}
}

/* Several lists in one image: each has its own. */
static void
test_lists(void)
{
	struct img_lb_range4 r4[] = {{10, 20}, {5, 7}};
	struct img_lb_list list[] = {{.name = "a", .n4 = 1}, {.name = "b", .first4 = 1, .n4 = 1}};
	struct made m = make(list, 2, r4, 2, NULL, 0);
	ask4(&m.lists->list[0], r4, 1, 6);
	ask4(&m.lists->list[1], r4 + 1, 1, 6);
	ask4(&m.lists->list[1], r4 + 1, 1, 15);
	unmake(m);
}

static double
seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
ask_many(const struct lb_list *l, uint8_t family, uint32_t *found)
{
	static union addr a[ASKED];
	for (uint32_t i = 0; i < ASKED; i++) {
		if (family == FAMILY_V4)
			a[i] = addr_from_v4((be32)test_random(&rnd));
		else
			a[i] = addr6(0x2001000000000000u + below(1u << 21) * (1ull << 24),
			             test_random(&rnd));
	}
	double begin = seconds();
	for (uint32_t i = 0; i < ASKED; i++)
		*found += lb_list_has(l, &a[i], family);
	return (seconds() - begin) * 1e9 / ASKED;
}

/* A million of each family: laid out in time, in 300 kB and 1 MB; figures by the way. */
static void
test_million(void)
{
	struct img_lb_range4 *r4 = calloc(MILLION, sizeof(*r4));
	struct img_lb_range6 *r6 = calloc(MILLION, sizeof(*r6));
	CU_ASSERT_FATAL(r4 != NULL && r6 != NULL);
	for (uint32_t i = 0; i < MILLION; i++) {
		uint64_t high = 0x2001000000000000u + (uint64_t)i * (1ull << 25);
		r4[i] = (struct img_lb_range4){i * 4294u, i * 4294u + 2000};
		r6[i] = (struct img_lb_range6){addr6(high, 0), addr6(high + 0xffffff, ~0ull)};
	}
	struct img_lb_list list = {.name = "l", .n4 = MILLION, .n6 = MILLION};
	struct made m = make(&list, 1, r4, MILLION, r6, MILLION);
	lb_lists_destroy(m.lists);
	double begin = seconds();
	m.lists = lb_lists_create(m.image);
	double took = seconds() - begin;
	uint32_t found4 = 0, found6 = 0;
	double ns4 = ask_many(&m.lists->list[0], FAMILY_V4, &found4);
	double ns6 = ask_many(&m.lists->list[0], FAMILY_V6, &found6);
	printf("  %.1f ms, %zu kB, %.0f ns IPv4, %.0f ns IPv6 ", took * 1e3,
	       m.lists->size / 1024, ns4, ns6);
	CU_ASSERT(took < 5); /* some 20 ms; one by one against all others it would be an hour */
	CU_ASSERT(m.lists->size < 1400 * 1024);
	CU_ASSERT(found4 > ASKED * 0.42 && found4 < ASKED * 0.51);
	CU_ASSERT(found6 > ASKED * 0.45 && found6 < ASKED * 0.55);
	unmake(m);
	free(r4);
	free(r6);
}

static const struct test_case cases[] = {
	{"IPv4 against the model", test_model4},
	{"IPv6 against the model", test_model6},
	{"several lists", test_lists},
	{"a million prefixes of each family", test_million},
};

TEST_MAIN("lists", cases)
