/* SPDX-License-Identifier: Apache-2.0 */
/* The Maglev table: its invariants as stated in lb/maglev.h, and the published disruption. */
#include "lb/maglev.h"

#include <errno.h>
#include <time.h>

#include "test.h"

enum { MANY = 4096 };

static uint16_t table[2][MAGLEV_SIZE];
static struct maglev_backend backend[MANY];
static uint32_t count[MANY];

static void
backends_make(size_t n, uint32_t weight)
{
	for (size_t i = 0; i < n; i++) {
		union addr a = addr_from_v4(__builtin_bswap32(0x0a000000u + (uint32_t)i));
		backend[i] = (struct maglev_backend){maglev_key(&a, FAMILY_V4, 0x5000), weight};
	}
}

/* slots_count: slots of each backend; every slot names one of n. */
static void
slots_count(const uint16_t *slots, size_t n)
{
	memset(count, 0, sizeof(count));
	for (uint32_t i = 0; i < MAGLEV_SIZE; i++) {
		CU_ASSERT_FATAL(slots[i] < n);
		count[slots[i]]++;
	}
}

static void
test_even(void)
{
	static const size_t sizes[] = {1, 2, 3, 5, 7, 10, 100, 400, 1000, MANY};
	for (size_t k = 0; k < sizeof(sizes) / sizeof(*sizes); k++) {
		size_t n = sizes[k];
		backends_make(n, 7);
		CU_ASSERT_EQUAL_FATAL(maglev_build(backend, n, table[0]), 0);
		slots_count(table[0], n);
		for (size_t i = 0; i < n; i++) {
			CU_ASSERT(count[i] >= MAGLEV_SIZE / n);
			CU_ASSERT(count[i] <= MAGLEV_SIZE / n + 1);
		}
	}
}

static void
test_order(void)
{
	enum { N = 50 };
	uint64_t seed = test_seed();
	backends_make(N, 0);
	for (size_t i = 0; i < N; i++)
		backend[i].weight = (uint32_t)(test_random(&seed) % 5);
	CU_ASSERT_EQUAL_FATAL(maglev_build(backend, N, table[0]), 0);
	struct maglev_backend shuffled[N];
	uint16_t was[N];
	for (uint16_t i = 0; i < N; i++)
		was[i] = i;
	for (size_t i = N - 1; i > 0; i--) {
		size_t j = test_random(&seed) % (i + 1);
		uint16_t w = was[i];
		was[i] = was[j];
		was[j] = w;
	}
	for (size_t i = 0; i < N; i++)
		shuffled[i] = backend[was[i]];
	CU_ASSERT_EQUAL_FATAL(maglev_build(shuffled, N, table[1]), 0);
	for (uint32_t i = 0; i < MAGLEV_SIZE; i++)
		CU_ASSERT_FATAL(was[table[1][i]] == table[0][i]);
}

static void
test_weights(void)
{
	static const uint32_t weight[] = {1, 2, 3, 4, 0, 10, 10};
	enum { N = sizeof(weight) / sizeof(*weight), SUM = 30 };
	backends_make(N, 0);
	for (size_t i = 0; i < N; i++)
		backend[i].weight = weight[i];
	CU_ASSERT_EQUAL_FATAL(maglev_build(backend, N, table[0]), 0);
	slots_count(table[0], N);
	for (size_t i = 0; i < N; i++) {
		double share = (double)MAGLEV_SIZE * weight[i] / SUM;
		CU_ASSERT(count[i] >= share - 2 && count[i] <= share + 2);
	}
	CU_ASSERT_EQUAL(count[4], 0);
	CU_ASSERT(count[5] + 1 >= count[6] && count[6] + 1 >= count[5]);
}

/* No starvation: one giant among dwarfs, and more weight in all than there are slots. */
static void
test_extremes(void)
{
	backends_make(MANY, 1);
	backend[17].weight = 65535;
	CU_ASSERT_EQUAL_FATAL(maglev_build(backend, MANY, table[0]), 0);
	slots_count(table[0], MANY);
	for (size_t i = 0; i < MANY; i++)
		CU_ASSERT(count[i] >= 1);
	CU_ASSERT_EQUAL(count[17], MAGLEV_SIZE - (MANY - 1));
	for (size_t i = 0; i < MANY; i++)
		backend[i].weight = i % 2 ? 65535 : 1;
	CU_ASSERT_EQUAL_FATAL(maglev_build(backend, MANY, table[0]), 0);
	slots_count(table[0], MANY);
	for (size_t i = 0; i < MANY; i++)
		CU_ASSERT(count[i] >= 1);
}

/* disruption: slots that moved although their backend stayed, when `gone` of n leaves; as 0..1. */
static double
disruption(size_t n, size_t gone)
{
	uint32_t moved = 0;
	backends_make(n, 1);
	CU_ASSERT_EQUAL_FATAL(maglev_build(backend, n, table[0]), 0);
	backend[gone].weight = 0;
	CU_ASSERT_EQUAL_FATAL(maglev_build(backend, n, table[1]), 0);
	for (uint32_t i = 0; i < MAGLEV_SIZE; i++)
		moved += table[0][i] != gone && table[0][i] != table[1][i];
	return (double)moved / MAGLEV_SIZE;
}

static void
test_disruption(void)
{
	static const struct { size_t n; double most; } rows[] = {
		{2, 0.0001}, {3, 0.005}, {5, 0.005}, {10, 0.01}, {100, 0.015}, {400, 0.015},
		{1000, 0.015},
	};
	for (size_t k = 0; k < sizeof(rows) / sizeof(*rows); k++) {
		double worst = 0;
		for (size_t gone = 0; gone < rows[k].n && gone < 5; gone++) {
			double d = disruption(rows[k].n, gone);
			worst = d > worst ? d : worst;
		}
		printf("  %zu: %.2f %%", rows[k].n, 100 * worst);
		CU_ASSERT(worst <= rows[k].most);
	}
}

/* What a change moves, and what it has to: the slots that backends have fewer. In slots. */
static uint32_t
moved_beyond_need(size_t n, uint32_t *least)
{
	static uint32_t before[MANY];
	uint32_t moved = 0;
	slots_count(table[0], n);
	memcpy(before, count, sizeof(before));
	slots_count(table[1], n);
	*least = 0;
	for (size_t i = 0; i < n; i++)
		*least += before[i] > count[i] ? before[i] - count[i] : 0;
	for (uint32_t i = 0; i < MAGLEV_SIZE; i++)
		moved += table[0][i] != table[1][i];
	CU_ASSERT_FATAL(moved >= *least);
	return moved - *least;
}

/* Random sets and weights; one is added, one removed, one has another weight: 2 % at most move
 * beside the slots that must, and on average much less. */
static void
test_changes(void)
{
	enum { CHANGES = 60 };
	uint64_t seed = test_seed();
	uint32_t worst = 0, least;
	double sum = 0, must = 0;
	for (unsigned k = 0; k < CHANGES; k++) {
		static const size_t sizes[] = {2, 5, 10, 50, 200, 1000};
		size_t n = sizes[k % 6], i = test_random(&seed) % n;
		uint32_t most = k % 2 ? 3 : 100;
		backends_make(n, 0);
		for (size_t j = 0; j < n; j++)
			backend[j].weight = 1 + (uint32_t)(test_random(&seed) % most);
		uint32_t was = backend[i].weight;
		if (k % 3 == 0) /* it comes; read the other way, it goes */
			backend[i].weight = 0;
		CU_ASSERT_EQUAL_FATAL(maglev_build(backend, n, table[0]), 0);
		backend[i].weight = k % 3 == 0 ? was : 1 + (uint32_t)(test_random(&seed) % most);
		CU_ASSERT_EQUAL_FATAL(maglev_build(backend, n, table[1]), 0);
		uint32_t beyond = moved_beyond_need(n, &least);
		worst = beyond > worst ? beyond : worst;
		sum += beyond;
		must += least;
	}
	printf("  had to: %.2f %%; beside: %.2f %%, at most %.2f %%", must / CHANGES / 655.37,
	       sum / CHANGES / 655.37, worst / 655.37);
	CU_ASSERT(worst <= MAGLEV_SIZE / 50);
	CU_ASSERT(sum / CHANGES <= MAGLEV_SIZE / 200);
}

/* One more for the heaviest of many is a small change, and moves little. */
static void
test_heaviest(void)
{
	uint32_t least;
	backends_make(1000, 0);
	for (size_t i = 0; i < 1000; i++)
		backend[i].weight = 1 + (uint32_t)(i * 7919 % 100);
	CU_ASSERT_EQUAL_FATAL(maglev_build(backend, 1000, table[0]), 0);
	for (size_t i = 0; i < 1000; i++)
		backend[i].weight += backend[i].weight == 100;
	CU_ASSERT_EQUAL_FATAL(maglev_build(backend, 1000, table[1]), 0);
	CU_ASSERT(moved_beyond_need(1000, &least) < MAGLEV_SIZE / 100);
	for (size_t i = 0; i < 1000; i++)
		backend[i].weight *= 3; /* the same shares */
	CU_ASSERT_EQUAL_FATAL(maglev_build(backend, 1000, table[0]), 0);
	CU_ASSERT_EQUAL(memcmp(table[0], table[1], sizeof(table[0])), 0);
}

/* Any beginning of the order has each backend's share, but for two; everyone is in it early. */
static void
test_turns(void)
{
	enum { N = 30 };
	uint64_t seed = test_seed(), weights = 0;
	uint32_t had[N] = {0};
	backends_make(N, 0);
	for (size_t i = 0; i < N; i++) {
		backend[i].weight = (uint32_t)(test_random(&seed) % 8);
		weights += backend[i].weight;
	}
	CU_ASSERT_EQUAL_FATAL(maglev_order(backend, N, table[0]), 0);
	for (uint32_t k = 1; k <= MAGLEV_SIZE; k++) {
		had[table[0][k - 1]]++;
		for (size_t i = 0; i < N; i++) {
			double share = (double)k * backend[i].weight / (double)weights;
			CU_ASSERT_FATAL(had[i] < share + 2 && had[i] > share - 2);
			CU_ASSERT_FATAL(k < N || (had[i] == 0) == (backend[i].weight == 0));
		}
	}
	backends_make(MANY, 1);
	backend[17].weight = 65535;
	CU_ASSERT_EQUAL_FATAL(maglev_order(backend, MANY, table[0]), 0);
	slots_count(table[0], MANY);
	for (size_t i = 0; i < MANY; i++)
		CU_ASSERT_FATAL(count[i] >= 1);
}

/* A backend of weight 0 and one that is not there leave the same table. */
static void
test_drained_is_gone(void)
{
	enum { N = 20 };
	backends_make(N, 3);
	backend[N - 1].weight = 0;
	CU_ASSERT_EQUAL_FATAL(maglev_build(backend, N, table[0]), 0);
	CU_ASSERT_EQUAL_FATAL(maglev_build(backend, N - 1, table[1]), 0);
	CU_ASSERT_EQUAL(memcmp(table[0], table[1], sizeof(table[0])), 0);
}

static void
test_refused(void)
{
	CU_ASSERT_EQUAL(maglev_build(backend, 0, table[0]), 0);
	for (uint32_t i = 0; i < MAGLEV_SIZE; i++)
		CU_ASSERT_FATAL(table[0][i] == LB_NO_BACKEND);
	backends_make(3, 0);
	CU_ASSERT_EQUAL(maglev_build(backend, 3, table[0]), 0);
	CU_ASSERT_EQUAL(table[0][0], LB_NO_BACKEND);
	CU_ASSERT_EQUAL(table[0][MAGLEV_SIZE - 1], LB_NO_BACKEND);
	backend[1].weight = 65536;
	CU_ASSERT_EQUAL(maglev_build(backend, 3, table[0]), -EINVAL);
	backends_make(3, 1);
	backend[2].key = backend[0].key;
	CU_ASSERT_EQUAL(maglev_build(backend, 3, table[0]), -EINVAL);
	CU_ASSERT_EQUAL(maglev_build(backend, MAGLEV_MAX_BACKENDS + 1, table[0]), -EINVAL);
}

/* Another build, another day: the table is part of what instances agree upon. */
static void
test_constant(void)
{
	uint64_t sum = 0;
	backends_make(10, 1);
	CU_ASSERT_EQUAL(maglev_build(backend, 10, table[0]), 0);
	for (uint32_t i = 0; i < MAGLEV_SIZE; i++)
		sum = sum * 31 + table[0][i];
	printf("  %llx", (unsigned long long)sum);
	CU_ASSERT_EQUAL(sum, 0xac25fabd46ff6e6cu);
	CU_ASSERT_EQUAL(maglev_slot(0), 0);
	CU_ASSERT_EQUAL(maglev_slot(UINT32_MAX), MAGLEV_SIZE - 1);
}

static void
test_time(void)
{
	struct timespec a, b;
	backends_make(1000, 1);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	CU_ASSERT_EQUAL(maglev_build(backend, 1000, table[0]), 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	double ms = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
	printf("  1000 backends: %.1f ms", ms);
	CU_ASSERT(ms < 2000); /* generous: sanitizers, a busy machine */
}

static const struct test_case cases[] = {
	{"equal weights differ by one slot at most", test_even},
	{"the order of backends does not matter", test_order},
	{"weights are proportions", test_weights},
	{"nobody starves", test_extremes},
	{"few slots move without need", test_disruption},
	{"a change moves what it must and little more", test_changes},
	{"one more for the heaviest", test_heaviest},
	{"turns are in proportion at any time", test_turns},
	{"weight 0 is the same as gone", test_drained_is_gone},
	{"bad input is refused", test_refused},
	{"the table is the same everywhere", test_constant},
	{"built in time", test_time},
};

TEST_MAIN("maglev", cases)
