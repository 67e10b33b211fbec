/* SPDX-License-Identifier: Apache-2.0 */
/* What is learnt of paths: against a plain list, over time, and while it is read. */
#include "lib/way_mtu.h"

#include <pthread.h>
#include <stdio.h>

#include "test.h"

static struct way_mtus mtus;

static union addr
host(uint32_t n)
{
	return addr_from_v4(0x0a000000 + n * 0x10001);
}

static uint16_t
known(uint32_t n)
{
	union addr a = host(n);
	return way_mtu_of(&mtus, &a, FAMILY_V4);
}

static bool
learn(uint32_t n, uint32_t mtu, uint32_t now_ms)
{
	union addr a = host(n);
	return way_mtu_learn(&mtus, &a, FAMILY_V4, mtu, now_ms);
}

/* Only smaller ones are believed; the same one lives for longer; none is too small. */
static void
test_learn(void)
{
	uint32_t now = UINT32_MAX - 1000; /* the clock goes round meanwhile */
	union addr six = {.q = {1, 2}};
	mtus = (struct way_mtus){.epoch = 0};
	CU_ASSERT_EQUAL(known(1), WAY_MTU_NONE);
	CU_ASSERT_TRUE(learn(1, 1400, now));
	CU_ASSERT_EQUAL(known(1), 1400);
	CU_ASSERT_EQUAL(known(2), WAY_MTU_NONE);
	CU_ASSERT_FALSE(learn(1, 1401, now));
	CU_ASSERT_FALSE(learn(1, 1400, now + 10000));
	CU_ASSERT_TRUE(learn(1, 1300, now + 20000));
	CU_ASSERT_TRUE(learn(1, 68, now + 30000));
	CU_ASSERT_EQUAL(known(1), WAY_MTU_MIN4);
	CU_ASSERT_FALSE(learn(3, 70000, now));
	CU_ASSERT_TRUE(way_mtu_learn(&mtus, &six, FAMILY_V6, 100, now));
	CU_ASSERT_EQUAL(way_mtu_of(&mtus, &six, FAMILY_V6), WAY_MTU_MIN6);
	CU_ASSERT_EQUAL(way_mtu_of(&mtus, &six, FAMILY_V4), WAY_MTU_NONE);
	CU_ASSERT_EQUAL(mtus.epoch, 4);
	CU_ASSERT_EQUAL(mtus.used, 2);
	way_mtu_tick(&mtus, now + WAY_MTU_MS - 1);
	CU_ASSERT_EQUAL(mtus.epoch, 4);
	way_mtu_tick(&mtus, now + WAY_MTU_MS);
	CU_ASSERT_EQUAL(way_mtu_of(&mtus, &six, FAMILY_V6), WAY_MTU_NONE);
	CU_ASSERT_EQUAL(mtus.epoch, 5);
	CU_ASSERT_EQUAL(mtus.due_ms, now + 30000 + WAY_MTU_MS);
	CU_ASSERT_EQUAL(known(1), WAY_MTU_MIN4);
	way_mtu_tick(&mtus, now + 30000 + WAY_MTU_MS);
	CU_ASSERT_EQUAL(known(1), WAY_MTU_NONE);
	CU_ASSERT_EQUAL(mtus.used, 0);
}

/* A plain list of until and MTU: what the table knows is in it. */
static void
test_list(void)
{
	enum { HOSTS = 300, STEPS = 20000 };
	static uint32_t until[HOSTS], mtu[HOSTS];
	uint64_t seed = test_seed();
	uint32_t now = 1;
	mtus = (struct way_mtus){.epoch = 0};
	memset(until, 0, sizeof(until));
	for (unsigned i = 0; i < STEPS; i++) {
		uint32_t n = test_random(&seed) % HOSTS, m = 576 + test_random(&seed) % 1000;
		uint16_t before = known(n);
		now += test_random(&seed) % 2000;
		way_mtu_tick(&mtus, now);
		before = known(n);
		learn(n, m, now);
		if (before == WAY_MTU_NONE || m <= before) {
			until[n] = now + WAY_MTU_MS;
			mtu[n] = m;
		}
		CU_ASSERT_EQUAL_FATAL(known(n), mtu[n]);
		n = test_random(&seed) % HOSTS;
		if (known(n) != WAY_MTU_NONE)
			CU_ASSERT_FATAL(known(n) == mtu[n] && until[n] > now);
	}
	CU_ASSERT(mtus.used > HOSTS / 2);
	way_mtu_tick(&mtus, now + WAY_MTU_MS);
	CU_ASSERT_EQUAL(mtus.used, 0);
}

/* What is shown: each entry once, with the time that it has left. */
static void
test_rows(void)
{
	uint32_t now = UINT32_MAX - 1000, seen = 0;
	struct way_mtu_row row;
	mtus = (struct way_mtus){.epoch = 0};
	for (uint32_t n = 0; n < 8; n++)
		learn(n, 1300 + n, now + n);
	for (uint32_t i = 0; i < WAY_MTUS; i++) {
		if (!way_mtu_row(&mtus, i, now + 5000, &row))
			continue;
		uint32_t n = row.mtu - 1300u;
		union addr a = host(n);
		CU_ASSERT(addr_equal(&row.to, &a) && row.family == FAMILY_V4);
		CU_ASSERT_EQUAL(row.left_ms, WAY_MTU_MS - 5000 + n);
		CU_ASSERT_TRUE(way_mtu_row(&mtus, i, now + WAY_MTU_MS + 9, &row));
		CU_ASSERT_EQUAL(row.left_ms, 0); /* it is over, and nobody has said so yet */
		seen |= 1u << n;
	}
	CU_ASSERT_EQUAL(seen, 0xff);
	CU_ASSERT_EQUAL(mtus.early, 0);
}

/* In a full set the one that ends first gives way, and no more than a set is used. */
static void
test_full(void)
{
	mtus = (struct way_mtus){.epoch = 0};
	for (uint32_t n = 0; n < 20000; n++)
		learn(n, 1000 + n % 400, n);
	CU_ASSERT_EQUAL(mtus.used, WAY_MTUS);
	CU_ASSERT_EQUAL(mtus.early, 20000 - WAY_MTUS);
	CU_ASSERT_EQUAL(known(19999), 1000 + 19999 % 400);
	CU_ASSERT_EQUAL(known(0), WAY_MTU_NONE);
	unsigned late = 0;
	for (uint32_t n = 15000; n < 20000; n++)
		late += known(n) != WAY_MTU_NONE;
	CU_ASSERT_EQUAL(late, WAY_MTUS);
}

static _Atomic bool is_over;

static void *
reader(void *wrong)
{
	while (!atomic_load(&is_over))
		for (uint32_t n = 0; n < 64; n++) {
			uint16_t mtu = known(n);
			if (mtu != WAY_MTU_NONE && mtu % 64 != n)
				++*(unsigned *)wrong;
		}
	return NULL;
}

/* Whoever reads meanwhile never has one address's number for another's. */
static void
test_threads(void)
{
	pthread_t t;
	unsigned wrong = 0;
	mtus = (struct way_mtus){.epoch = 0};
	atomic_store(&is_over, false);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&t, NULL, reader, &wrong), 0);
	for (uint32_t i = 0; i < 200000; i++) {
		learn(i % 64, 640 + i % 64, i * 600);
		way_mtu_tick(&mtus, i * 600);
	}
	atomic_store(&is_over, true);
	pthread_join(t, NULL);
	CU_ASSERT_EQUAL(wrong, 0);
}

static void
test_said(void)
{
	static const struct { uint32_t field, size, mtu; } rows[] = {
		{1400, 1500, 1400}, {0, 1500, 1492}, {0, 1492, 1006}, {0, 1491, 1006},
		{0, 576, 508}, {0, 68, 68}, {0, 20, 68}, {0, 65535, 32000}, {9000, 1500, 9000},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CU_ASSERT_EQUAL(way_mtu_said(rows[i].field, rows[i].size), rows[i].mtu);
}

static const struct test_case cases[] = {
	{"learn and forget", test_learn},
	{"against a list", test_list},
	{"what is shown", test_rows},
	{"a full set", test_full},
	{"read while it is written", test_threads},
	{"what a router says", test_said},
};

TEST_MAIN("way_mtu", cases)
