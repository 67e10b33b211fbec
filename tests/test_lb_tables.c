/* SPDX-License-Identifier: Apache-2.0 */
/* Tables that outlive generations, against a plain copy of what each service should have. */
#include "lb/tables.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/mem.h"
#include "test.h"

enum { SERVICES = 40, STEPS = 200 };

static struct img_lb_service row[SERVICES];
static uint16_t mark[SERVICES]; /* each slot of a service's table */

/* image: of n services; those that change are sent, the others kept. */
static struct image_header *
image(unsigned n, const bool *sent)
{
	struct image_builder b;
	size_t size;
	unsigned tables = 0;
	for (unsigned i = 0; i < n; i++)
		row[i].slots = sent[i] ? tables++ : LB_SLOTS_KEPT;
	uint16_t *slots = malloc((tables + 1) * MAGLEV_SIZE * sizeof(*slots));
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; sent[i] && k < MAGLEV_SIZE; k++)
			slots[row[i].slots * MAGLEV_SIZE + k] = mark[i];
	image_build_begin(&b, 1);
	image_build_rows(&b, IMG_LB_SERVICES, row, sizeof(row[0]), n);
	image_build_rows(&b, IMG_LB_SLOTS, slots, sizeof(*slots), tables * MAGLEV_SIZE);
	free(slots);
	return image_build_end(&b, &size);
}

static void
rows_make(void)
{
	mem_use_huge(0);
	for (unsigned i = 0; i < SERVICES; i++) {
		row[i] = (struct img_lb_service){.id = i, .backends = 2, .table = i};
		mark[i] = (uint16_t)i;
	}
}

/* marks_are: every table begins and ends with what it should. */
static bool
marks_are(const struct lb_tables *t, const uint16_t *want)
{
	for (unsigned i = 0; i < t->n; i++) {
		const uint16_t *slot = lb_tables_slots(t, i);
		if (slot[0] != want[i] || slot[MAGLEV_SIZE - 1] != want[i])
			return false;
	}
	return true;
}

/* Random changes, two generations at a time: neither sees the other's; memory does not grow. */
static void
test_changes(void)
{
	uint64_t seed = test_seed();
	bool sent[SERVICES];
	struct lb_tables old = {0}, next;
	size_t before = mem_usage().ordinary, most = 0;
	rows_make();
	memset(sent, true, sizeof(sent));
	struct image_header *h = image(SERVICES, sent);
	CU_ASSERT_EQUAL_FATAL(lb_tables_take(&old, h, NULL, NULL), 0);
	for (unsigned step = 0; step < STEPS; step++) {
		uint16_t was[SERVICES];
		memcpy(was, mark, sizeof(was));
		for (unsigned i = 0; i < SERVICES; i++) {
			sent[i] = test_random(&seed) % 10 == 0;
			mark[i] = (uint16_t)(mark[i] + sent[i]);
			row[i].table += sent[i];
		}
		struct image_header *h_next = image(SERVICES, sent);
		CU_ASSERT_EQUAL_FATAL(lb_tables_take(&next, h_next, h, &old), 0);
		CU_ASSERT_FATAL(marks_are(&old, was) && marks_are(&next, mark));
		lb_tables_drop(&old);
		free(h);
		CU_ASSERT_FATAL(marks_are(&next, mark));
		old = next;
		h = h_next;
		most = lb_tables_memory(&old) > most ? lb_tables_memory(&old) : most;
	}
	CU_ASSERT(most <= 2 * SERVICES * sizeof(struct lb_table));
	lb_tables_drop(&old);
	CU_ASSERT_EQUAL(mem_usage().ordinary, before); /* all was given back */
	free(h);
}

/* What does not run cannot be kept: another service, other backends, nothing at all. */
static void
test_stale(void)
{
	static const bool none[SERVICES];
	bool sent[SERVICES];
	struct lb_tables old, next;
	rows_make();
	memset(sent, true, sizeof(sent));
	struct image_header *h = image(SERVICES - 1, sent), *bad;
	CU_ASSERT_EQUAL_FATAL(lb_tables_take(&old, h, NULL, NULL), 0);
	bad = image(SERVICES, none);
	CU_ASSERT_EQUAL(lb_tables_take(&next, bad, h, &old), -ESTALE);
	lb_tables_drop(&next);
	CU_ASSERT_EQUAL(lb_tables_take(&next, bad, NULL, NULL), -ESTALE);
	lb_tables_drop(&next);
	free(bad);
	for (unsigned kind = 0; kind < 4; kind++) {
		rows_make();
		row[7].backends += kind == 1;
		row[7].table += kind == 2;
		row[7].id += kind == 3 ? LB_MAX_SERVICE_IDS : 0;
		bad = image(SERVICES - 1, none);
		CU_ASSERT_EQUAL(lb_tables_take(&next, bad, h, &old), kind == 0 ? 0 : -ESTALE);
		lb_tables_drop(&next);
		free(bad);
	}
	rows_make();
	CU_ASSERT(marks_are(&old, mark));
	lb_tables_drop(&old);
	free(h);
}

static const struct test_case cases[] = {
	{"random changes", test_changes},
	{"what does not run", test_stale},
};
TEST_MAIN("lb_tables", cases)
