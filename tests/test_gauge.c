/* SPDX-License-Identifier: Apache-2.0 */
/* Rates and bounds: what one worker lets in, of a service and of a source. */
#include <arpa/inet.h>

#include "lb/gauge.h"
#include "test.h"

enum { SERVICE = 7, SOURCES = 1000 };

static struct lb_limits *l;
static const uint64_t S = 1000000000;

static struct tuple
from(uint32_t address)
{
	return (struct tuple){.src = addr_from_v4(htonl(address)), .family = FAMILY_V4};
}

static struct tuple
from6(uint64_t high, uint64_t low)
{
	return (struct tuple){.src = {.q = {__builtin_bswap64(high), __builtin_bswap64(low)}},
		.family = FAMILY_V6};
}

static struct lb_guard
guard(struct img_lb_guard row, unsigned workers)
{
	row.allow = row.deny = LB_NO_LIST;
	return lb_guard_of(&row, row.source_plen > 32 ? FAMILY_V6 : FAMILY_V4, workers);
}

/* A burst, then one for each interval, at any offset of the clock. */
static void
test_service_rate(void)
{
	struct lb_guard g = guard((struct img_lb_guard){.rate = 100, .burst = 5}, 1);
	l = lb_limits_create(0, 1, -1);
	for (uint64_t at = 3 * S; at < 9 * S; at += 3 * S) {
		unsigned n = 0;
		for (unsigned i = 0; i < 20; i++)
			n += lb_service_admit(l, &g, SERVICE, at);
		CU_ASSERT_EQUAL(n, 5);
		for (unsigned ms = 1; ms <= 1000; ms++)
			n += lb_service_admit(l, &g, SERVICE, at + ms * (S / 1000));
		CU_ASSERT_EQUAL(n, 105);
	}
	CU_ASSERT_TRUE(lb_service_admit(l, &g, SERVICE + 1, 9 * S));
	lb_limits_destroy(l);
}

/* The shares of workers make up the limit, and not more than one each in excess. */
static void
test_shares(void)
{
	for (unsigned workers = 1; workers <= 16; workers++) {
		struct lb_guard g = guard((struct img_lb_guard){.rate = 1000, .burst = 100,
			.half_open = 50, .flows = 33}, workers);
		uint64_t rate = S * workers / g.rate.interval_ns;
		uint64_t burst = g.rate.depth_ns / g.rate.interval_ns * workers;
		CU_ASSERT(rate >= 999 && rate <= 1000 + workers);
		CU_ASSERT(burst >= 100 && burst < 100 + workers);
		CU_ASSERT(g.half * workers >= 50 && g.half * workers < 50 + workers);
		CU_ASSERT(g.flows * workers >= 33 && g.flows * workers < 33 + workers);
	}
	struct lb_guard none = guard((struct img_lb_guard){.rate = 0}, 3);
	CU_ASSERT(none.half == UINT32_MAX && none.flows == UINT32_MAX && !none.is_bounded);
	l = lb_limits_create(0, 1, -1);
	for (unsigned i = 0; i < 1000; i++)
		CU_ASSERT_TRUE_FATAL(lb_service_admit(l, &none, SERVICE, S));
	lb_limits_destroy(l);
}

/* A prefix has one bucket, whatever its hosts do; other prefixes and services have theirs. */
static void
test_sources(void)
{
	struct lb_guard g = guard((struct img_lb_guard){.source_rate = 10, .source_burst = 10,
		.source_plen = 24}, 1);
	unsigned n = 0;
	l = lb_limits_create(SOURCES, 1, -1);
	for (uint32_t i = 0; i < 256; i++) {
		struct tuple t = from(0x0a000000 + i);
		n += lb_source_admit(l, &g, SERVICE, &t, S);
	}
	CU_ASSERT_EQUAL(n, 10);
	struct tuple next = from(0x0a000100), first = from(0x0a000001);
	CU_ASSERT_TRUE(lb_source_admit(l, &g, SERVICE, &next, S));
	CU_ASSERT_TRUE(lb_source_admit(l, &g, SERVICE + 1, &first, S));
	CU_ASSERT_FALSE(lb_source_admit(l, &g, SERVICE, &first, S));
	CU_ASSERT_TRUE(lb_source_admit(l, &g, SERVICE, &first, S + S / 10));
	CU_ASSERT_FALSE(lb_source_admit(l, &g, SERVICE, &first, S + S / 10));
	lb_limits_destroy(l);
}

static void
test_sources6(void)
{
	struct lb_guard g = guard((struct img_lb_guard){.source_rate = 1, .source_burst = 3,
		.source_plen = 56}, 1);
	unsigned n = 0;
	l = lb_limits_create(SOURCES, 1, -1);
	for (uint64_t i = 0; i < 100; i++) {
		struct tuple t = from6(0x20010db800000100u + i % 256, i * 77);
		n += lb_source_admit(l, &g, SERVICE, &t, S);
	}
	CU_ASSERT_EQUAL(n, 3);
	struct tuple next = from6(0x20010db800000200u, 1);
	CU_ASSERT_TRUE(lb_source_admit(l, &g, SERVICE, &next, S));
	lb_limits_destroy(l);
}

/*
 * More sources than there is room for: whoever is over his limit is the last to be forgotten, so a
 * few that flood stay refused while thousands come and go.
 */
static void
test_crowd(void)
{
	enum { CROWD = 50000, FLOODERS = 20 };
	struct lb_guard g = guard((struct img_lb_guard){.source_rate = 1, .source_burst = 50,
		.source_plen = 32}, 1);
	unsigned refused = 0, again = 0;
	l = lb_limits_create(SOURCES, 1, -1);
	for (uint32_t i = 0; i < CROWD; i++) {
		struct tuple t = from(0x0b000000 + i);
		refused += !lb_source_admit(l, &g, SERVICE, &t, S + i * 1000ull);
		t = from(0x0c000000 + i % FLOODERS);
		again += lb_source_admit(l, &g, SERVICE, &t, S + i * 1000ull);
	}
	printf("  %u of the flood passed", again);
	CU_ASSERT_EQUAL(refused, 0);
	CU_ASSERT(again >= FLOODERS * 50 && again <= FLOODERS * 60);
	lb_limits_destroy(l);
}

/* Without room for sources there is no limit: an image that wants one is refused. */
static void
test_no_room(void)
{
	struct lb_guard g = guard((struct img_lb_guard){.source_rate = 1, .source_burst = 1,
		.source_plen = 32}, 1);
	struct tuple t = from(1);
	l = lb_limits_create(0, 1, -1);
	for (unsigned i = 0; i < 10; i++)
		CU_ASSERT_TRUE(lb_source_admit(l, &g, SERVICE, &t, S));
	lb_limits_destroy(l);
}

static void
test_bounds(void)
{
	struct lb_guard g = guard((struct img_lb_guard){.half_open = 10, .flows = 30}, 1);
	l = lb_limits_create(0, 1, -1);
	struct lb_gauge *v = &l->gauge[SERVICE];
	v->half = v->flows = 9;
	CU_ASSERT_FALSE(lb_is_over(l, &g, SERVICE, false));
	v->half = v->flows = 10;
	CU_ASSERT_TRUE(lb_is_over(l, &g, SERVICE, false));
	CU_ASSERT_FALSE(lb_is_over(l, &g, SERVICE, true)); /* handshakes may be finished */
	v->half = v->flows = 20;
	CU_ASSERT_TRUE(lb_is_over(l, &g, SERVICE, true));
	v->half = 0;
	v->flows = 30;
	CU_ASSERT_TRUE(lb_is_over(l, &g, SERVICE, false));
	CU_ASSERT_TRUE(lb_is_over(l, &g, SERVICE, true));
	CU_ASSERT_FALSE(lb_is_over(l, &g, SERVICE + 1, false));
	lb_limits_destroy(l);
}

static const struct test_case cases[] = {
	{"the rate of a service", test_service_rate},
	{"shares of workers", test_shares},
	{"the rate of a source prefix", test_sources},
	{"IPv6 source prefixes", test_sources6},
	{"more sources than room", test_crowd},
	{"no room for sources", test_no_room},
	{"bounds", test_bounds},
};

TEST_MAIN("gauge", cases)
