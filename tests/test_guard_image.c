/* SPDX-License-Identifier: Apache-2.0 */
/* lb_guard_check: each rule refuses what breaks it. */
#include "lb/guard_image.h"

#include "test.h"

static char err[256];

struct rows {
	struct img_plane plane;
	struct img_lb_service service[2];
	struct img_lb_guard guard[2];
	struct img_lb_list list[2];
	struct img_lb_range4 range4[3];
	struct img_lb_range6 range6[3];
	size_t guard_size;
};

static void
rows_good(struct rows *r)
{
	*r = (struct rows){.plane = {.sources = 10}, .guard_size = sizeof(r->guard[0])};
	r->service[0].family = FAMILY_V4;
	r->service[1].family = FAMILY_V6;
	for (unsigned i = 0; i < 2; i++)
		r->guard[i] = (struct img_lb_guard){.service = i, .allow = LB_NO_LIST, .deny = 1,
			.source_plen = 32, .source_rate = 1, .overflow = LB_OVERFLOW_STATELESS};
	r->list[0] = (struct img_lb_list){.name = "a", .n4 = 1, .n6 = 2};
	r->list[1] = (struct img_lb_list){.name = "b", .first4 = 1, .n4 = 2, .first6 = 2, .n6 = 1};
	for (uint8_t i = 0; i < 3; i++) {
		r->range4[i] = (struct img_lb_range4){10u * i, 10u * i + 5};
		r->range6[i].first.b[15] = (uint8_t)(10 * i);
		r->range6[i].last.b[15] = (uint8_t)(10 * i + 5);
	}
}

static int
check(const struct rows *r)
{
	struct image_builder b;
	size_t size;
	image_build_begin(&b, 1);
	image_build_rows(&b, IMG_PLANE, &r->plane, sizeof(r->plane), 1);
	image_build_rows(&b, IMG_LB_SERVICES, r->service, sizeof(r->service[0]), 2);
	image_build_rows(&b, IMG_LB_GUARDS, r->guard, r->guard_size, 2);
	image_build_rows(&b, IMG_LB_LISTS, r->list, sizeof(r->list[0]), 2);
	image_build_rows(&b, IMG_LB_RANGES4, r->range4, sizeof(r->range4[0]), 3);
	image_build_rows(&b, IMG_LB_RANGES6, r->range6, sizeof(r->range6[0]), 3);
	struct image_header *h = image_build_end(&b, &size);
	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	err[0] = 0;
	int rc = lb_guard_check(h, err, sizeof(err));
	free(h);
	return rc;
}

#define BAD(change, words)                                                                     \
	do {                                                                                   \
		struct rows r;                                                                 \
		rows_good(&r);                                                                 \
		change;                                                                        \
		CU_ASSERT_NOT_EQUAL(check(&r), 0);                                             \
		if (strstr(err, words) == NULL)                                                \
			printf("  \"%s\" lacks \"%s\"\n", err, words);                         \
		CU_ASSERT_PTR_NOT_NULL(strstr(err, words));                                    \
	} while (0)

static void
test_good(void)
{
	struct rows r;
	rows_good(&r);
	CU_ASSERT_EQUAL(check(&r), 0);
	r.guard[0].source_rate = 0;
	r.guard[1].source_rate = 0;
	r.plane.sources = 0;
	CU_ASSERT_EQUAL(check(&r), 0);
}

static void
test_guards(void)
{
	BAD(r.guard_size--, "rows of another size");
	BAD(r.guard[1].service = 2, "service 2 is none");
	BAD(r.guard[1].service = 0, "not in order");
	BAD(r.guard[0].allow = 2, "list 2 or 1 is none");
	BAD(r.guard[0].deny = 0xfffe, "is none");
	BAD(r.guard[0].source_plen = 33, "prefix length 33");
	BAD(r.guard[1].source_plen = 129, "prefix length 129");
	BAD(r.guard[0].overflow = 2, "overflow 2");
	BAD(r.service[0].mode = LB_MODE_FULLNAT, "cannot do without flows");
	BAD(r.service[1].choice.scheduler = LB_TWO_CHOICES, "scheduler 2 cannot");
	BAD(r.service[0].choice.per_packet = 1; r.guard[0].flows = 1,
	    "bounds flows of single datagrams");
	BAD(r.service[0].tell = TELL_TOA; r.guard[0].half_open = 1, "told of");
	BAD(r.plane.sources = 0, "lb.capacity.sources is 0");
}

static void
test_lists(void)
{
	BAD(r.list[0].name[0] = 0, "bad name");
	BAD(r.list[0].n4 = 4, "out of range");
	BAD(r.list[1].first4 = UINT32_MAX, "out of range");
	BAD(r.list[1].n6 = 2, "out of range");
	BAD(r.list[1].first6 = UINT32_MAX, "out of range");
	BAD(r.range4[0].last = 0; r.range4[0].first = 1, "IPv4 range 0 is not in order");
	BAD(r.range4[2].first = 15, "IPv4 range 1 is not in order");
	BAD(r.range6[0].first.b[0] = 1, "IPv6 range 0 is not in order");
	BAD(r.range6[1].first.b[15] = 5, "IPv6 range 1 is not in order");
}

static const struct test_case cases[] = {
	{"a good image passes", test_good},
	{"guards", test_guards},
	{"lists", test_lists},
};

TEST_MAIN("guard_image", cases)
