/* SPDX-License-Identifier: Apache-2.0 */
/* How services choose, from the document to the image: what is said, and what follows from it. */
#include "config_kit.h"
#include "lb/lb_table.h"

#define NICS "{'nics':[{'name':'in','device':'d0','addresses':['10.1.0.1/24']}],"

static void
test_rows(void)
{
	struct image_header *h = compile_document(NICS
		"'lb':{'services':["
		"{'name':'a','address':'192.0.2.1','port':80,'scheduler':'least-connections',"
		"'backends':[{'address':'10.1.0.7','max_connections':300}]},"
		"{'name':'b','address':'192.0.2.2','port':80,'scheduler':'source-hash',"
		"'persistence':{'timeout':60,'mask':24}},"
		"{'name':'c','address':'192.0.2.3','port':80,'hash':'source-destination-port'},"
		"{'name':'d','address':'192.0.2.4','port':53,'protocol':'udp',"
		"'scheduler':'round-robin','schedule':'packet','persistence':{'timeout':9}},"
		"{'name':'e','address':'192.0.2.5','port':80,'persistence':{'timeout':9}},"
		"{'name':'f','address':'192.0.2.6','port':80,'scheduler':'two-choices'}]}}", NULL);
	static const struct img_lb_choice want[] = {
		{.scheduler = LB_LEAST_CONNECTIONS},
		{LB_SOURCE_HASH, LB_HASH_SOURCE, 0, 24, 60},
		{.scheduler = LB_MAGLEV, .hash = LB_HASH_SOURCE_PORT},
		{LB_ROUND_ROBIN, LB_HASH_TUPLE, 1, 32, 9},
		{LB_MAGLEV, LB_HASH_SOURCE, 0, 32, 9},
		{.scheduler = LB_TWO_CHOICES},
	};
	const struct img_lb_service *s = rows(h, IMG_LB_SERVICES, 6);
	for (unsigned i = 0; i < 6; i++)
		CU_ASSERT_EQUAL(memcmp(&s[i].choice, &want[i], sizeof(want[i])), 0);
	const struct img_lb_backend *b = rows(h, IMG_LB_BACKENDS, 1);
	CU_ASSERT_EQUAL(b->max_flows, 300);
	free(h);
}

/* Room for persistence is taken with the first service that has it, and kept. */
static void
test_capacity(void)
{
	static const char with[] = NICS "'lb':{'services':[{'name':'a','address':'192.0.2.1',"
		"'port':80,'persistence':{'timeout':9}}]}}";
	struct config_errors errs = {0};
	struct image_header *none = compile_document(NICS "'lb':{'services':[]}}", NULL);
	struct image_header *h = compile_document(with, NULL), *late = compile_document(with, none);
	struct image_header *after = compile_document(NICS "'lb':{'services':[]}}", h);
	const struct img_plane *p = rows(none, IMG_PLANE, 1);
	CU_ASSERT_EQUAL(p->persistence, 0);
	p = rows(h, IMG_PLANE, 1);
	CU_ASSERT_EQUAL(p->persistence, (p->flows_v4 + p->flows_v6) / 4);
	CU_ASSERT_EQUAL(config_restart_needed(h, after, &errs), 0);
	CU_ASSERT_EQUAL(config_restart_needed(none, late, &errs), 1);
	CU_ASSERT_STRING_EQUAL(errs.e[0].path, "lb.capacity.persistence");
	free(none);
	free(h);
	free(late);
	free(after);
}

/* The previous image's table is taken over only if it is of the same form. */
static void
test_table(void)
{
	static const char form[] = NICS "'lb':{'services':[{'name':'a','address':'192.0.2.1',"
		"'port':80,'scheduler':'%s','backends':[{'address':'10.1.0.7'},"
		"{'address':'10.1.0.8','weight':2},{'address':'10.1.0.9','weight':3}]}]}}";
	static uint16_t want[MAGLEV_SIZE];
	struct image_header *previous = NULL;
	static const char *const schedulers[] = {"maglev", "round-robin", "least-connections",
	                                         "two-choices", "source-hash"};
	for (unsigned i = 0; i < 5; i++) {
		char text[1024];
		snprintf(text, sizeof(text), form, schedulers[i]);
		struct image_header *h = compile_document(text, previous);
		const struct img_lb_service *s = rows(h, IMG_LB_SERVICES, 1);
		const struct img_lb_backend *b = rows(h, IMG_LB_BACKENDS, 3);
		CU_ASSERT_EQUAL_FATAL(lb_table_make(s, b, want), 0);
		bool kept = s->slots == LB_SLOTS_KEPT;
		CU_ASSERT_EQUAL(kept, i == 2 || i == 4); /* as the one before */
		if (!kept)
			CU_ASSERT_EQUAL(memcmp(rows(h, IMG_LB_SLOTS, MAGLEV_SIZE), want,
			                       sizeof(want)), 0);
		free(previous);
		previous = h;
	}
	free(previous);
}

static const struct test_case cases[] = {
	{"rows", test_rows},
	{"room for persistence", test_capacity},
	{"tables", test_table},
};

TEST_MAIN("config_choice", cases)
