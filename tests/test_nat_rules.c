/* SPDX-License-Identifier: Apache-2.0 */
/* Derived tables: the match of rules, rows by id, addresses by class. */
#include "nat_world.h"

static const struct img_nat_rule *
match(const struct nat_world *w, uint8_t nic, be32 src)
{
	struct miss m = world_miss(w, nic, IPPROTO_L4_UDP, src, port(1), ip(9, 9, 9, 9), port(2));
	return rules_match(rules_of(w->gen), &m);
}

static unsigned
row(const struct nat_world *w, const struct img_nat_rule *r)
{
	return r == NULL ? 99 : (unsigned)(r - rules_of(w->gen)->rules);
}

static void
test_match(void)
{
	struct nat_world *w = world_new();
	world_pool(w, 1024, 2047, 64, 1);
	world_address(w, 0, ip(10, 1, 1, 1));
	world_rule(w, ip(10, 1, 2, 3), 32, W_INSIDE, NAT_FILTER_EIF, 0);
	world_rule(w, ip(10, 1, 2, 0), 24, W_OTHER, NAT_FILTER_EIF, 0);
	world_rule(w, ip(10, 1, 0, 0), 16, NIC_NONE, NAT_FILTER_EIF, 0);
	world_rule(w, 0, 0, W_INSIDE, NAT_FILTER_EIF, 0);
	world_apply(w);
	CU_ASSERT_EQUAL(row(w, match(w, W_INSIDE, ip(10, 1, 2, 3))), 0);
	CU_ASSERT_EQUAL(row(w, match(w, W_INSIDE, ip(10, 1, 2, 4))), 2);
	CU_ASSERT_EQUAL(row(w, match(w, W_OTHER, ip(10, 1, 2, 3))), 1);
	CU_ASSERT_EQUAL(row(w, match(w, W_OUTSIDE, ip(10, 1, 2, 3))), 2);
	CU_ASSERT_EQUAL(row(w, match(w, W_OUTSIDE, ip(10, 2, 0, 0))), 99);
	CU_ASSERT_EQUAL(row(w, match(w, W_INSIDE, ip(10, 2, 0, 0))), 3);
	/* Our own pool address is no subscriber, unless a rule names the interface. */
	CU_ASSERT_EQUAL(row(w, match(w, W_OUTSIDE, ip(10, 1, 1, 1))), 99);
	CU_ASSERT_EQUAL(row(w, match(w, W_INSIDE, ip(10, 1, 1, 1))), 3);
	CU_ASSERT_EQUAL(row(w, match(w, NIC_NONE, ip(10, 1, 2, 3))), 99);
	world_free(w);
}

/* A rule of a realm is for what comes from there, by whichever interface, and for nobody else. */
static void
test_realms(void)
{
	struct nat_world *w = world_new();
	world_pool(w, 1024, 2047, 64, 1);
	world_address(w, 0, ip(10, 1, 1, 1));
	world_rule(w, ip(10, 1, 2, 0), 24, NIC_NONE, NAT_FILTER_EIF, 0)->realm = 1 + 2;
	world_rule(w, ip(10, 1, 2, 0), 24, NIC_NONE, NAT_FILTER_EIF, 0)->realm = 1 + 0;
	world_rule(w, ip(10, 1, 0, 0), 16, NIC_NONE, NAT_FILTER_EIF, 0)->realm = 1 + 1;
	world_apply(w);
	CU_ASSERT_EQUAL(row(w, match(w, W_OTHER, ip(10, 1, 2, 3))), 0);
	CU_ASSERT_EQUAL(row(w, match(w, W_OUTSIDE, ip(10, 1, 2, 3))), 1);
	CU_ASSERT_EQUAL(row(w, match(w, W_INSIDE, ip(10, 1, 2, 3))), 2);
	CU_ASSERT_EQUAL(row(w, match(w, W_OTHER, ip(10, 1, 3, 3))), 99);
	CU_ASSERT_EQUAL(row(w, match(w, W_OUTSIDE, ip(10, 1, 3, 3))), 99);
	world_free(w);
}

static void
test_classes(void)
{
	struct nat_world *w = world_new();
	w->plane.steer_class_bits = 2;
	for (uint16_t p = 0; p < 3; p++) {
		world_pool(w, 1024, 2047, 64, 1);
		for (unsigned i = 0; i < 8u + p; i++)
			world_address(w, p, ip(10, 1, p, 8 + i));
	}
	w->address[3].id = 60;
	world_apply(w);
	const struct nat_rules *r = rules_of(w->gen);
	uint8_t seen[W_ADDRESSES] = {0};
	for (uint32_t pc = 0; pc < 3 * 4; pc++)
		for (uint32_t i = r->class_first[pc]; i < r->class_first[pc + 1]; i++) {
			const struct img_nat_address *a = &r->addresses[r->order[i]];
			CU_ASSERT(a->pool == pc / 4 && a->class == pc % 4);
			CU_ASSERT(!seen[r->order[i]]);
			seen[r->order[i]] = 1;
		}
	for (uint32_t i = 0; i < w->n_addresses; i++) {
		CU_ASSERT_EQUAL(seen[i], 1);
		CU_ASSERT_EQUAL(r->row_of_id[r->addresses[i].id], i + 1);
	}
	CU_ASSERT_EQUAL(r->row_of_id[3], 0);
	CU_ASSERT_EQUAL(r->row_of_id[63], 0);
	world_free(w);
}

/* An image without translation gives tables that say no. */
static void
test_empty(void)
{
	struct nat_world *w = world_new();
	world_apply(w);
	CU_ASSERT_EQUAL(row(w, match(w, W_INSIDE, ip(10, 1, 2, 3))), 99);
	world_free(w);
}

static const struct test_case cases[] = {
	{"first match, interface, pool addresses", test_match},
	{"realms", test_realms},
	{"rows by id and class", test_classes},
	{"no translation", test_empty},
};
TEST_MAIN("nat_rules", cases)
