/* SPDX-License-Identifier: Apache-2.0 */
/* The check of the image: rows that are wrong are refused; what passes can be run. */
#include <errno.h>

#include "nat_world.h"

static struct nat_world *w;

static void
begin(void)
{
	w = world_new();
	w->plane.steer_class_bits = 1;
	world_pool(w, 1024, 65535, 512, 4);
	world_pool(w, 2000, 2999, 64, 1);
	world_address(w, 0, ip(203, 0, 113, 1));
	world_address(w, 0, ip(203, 0, 113, 2));
	world_address(w, 1, ip(203, 0, 113, 9));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
	world_rule(w, ip(10, 0, 0, 0), 8, NIC_NONE, NAT_FILTER_ADF, 1)->max_mappings = 7;
	w->rule[1].fallbacks = 2;
	w->pool[0].high = w->conf.mappings_high = 90;
	w->conf.subscribers_high = 80;
	w->pool[0].reserve = 2;
	w->rule[0].high = 3;
	w->rule[0].low = 2;
	w->rule[0].flow_cost = 10;
	w->rule[0].flow_burst = 10;
	w->conf.askers = 2;
	w->conf.asker[0] = (struct img_nat_asker){.source = ip(192, 0, 2, 8), .plen = 30,
		.nic = W_OUTSIDE, .realm = 1};
	w->conf.asker[1] = (struct img_nat_asker){.source = ip(192, 0, 2, 1), .plen = 32,
		.nic = W_OTHER};
	world_hole(w, 0, 1024, 1030);
	world_hole(w, 0, 5060, 5061);
	world_hole(w, 1, 2000, 2000);
	w->ports = (struct img_nat_ports){53, 54, IPPROTO_L4_UDP, 1, {0}};
	world_image(w);
}

static int
check(void)
{
	char err[256] = "";
	int r = nat_image_check(w->image, err, sizeof(err));
	CU_ASSERT(r == 0 || r == -EINVAL);
	CU_ASSERT_EQUAL(r == 0, err[0] == 0);
	return r;
}

static void *
rows(uint32_t kind)
{
	uint32_t n;
	return (void *)(uintptr_t)image_rows(w->image, kind, &n);
}

/* One field of one row changed: refused, and accepted again when it is put back. */
#define REFUSED(kind, type, row, field, value)                                                 \
	do {                                                                                   \
		struct type *r_ = (struct type *)rows(kind) + (row);                           \
		struct type saved_ = *r_;                                                      \
		r_->field = (value);                                                           \
		CU_ASSERT_EQUAL(check(), -EINVAL);                                             \
		*r_ = saved_;                                                                  \
		CU_ASSERT_EQUAL(check(), 0);                                                   \
	} while (0)

static void
test_pools(void)
{
	begin();
	CU_ASSERT_EQUAL_FATAL(check(), 0);
	REFUSED(IMG_NAT_CONF, img_nat_conf, 0, start_waits, 2);
	REFUSED(IMG_NAT_CONF, img_nat_conf, 0, drain_ms, NAT_MAX_DRAIN_MS + 1);
	REFUSED(IMG_NAT_CONF, img_nat_conf, 0, mappings_high, 101);
	REFUSED(IMG_NAT_CONF, img_nat_conf, 0, mappings_low, 90);
	REFUSED(IMG_NAT_CONF, img_nat_conf, 0, subscribers_high, 101);
	REFUSED(IMG_NAT_CONF, img_nat_conf, 0, subscribers_low, 80);
	REFUSED(IMG_NAT_CONF, img_nat_conf, 0, log, 3);
	REFUSED(IMG_NAT_CONF, img_nat_conf, 0, inbound_refresh, 2);
	REFUSED(IMG_NAT_CONF, img_nat_conf, 0, answer_syn, 2);
	REFUSED(IMG_NAT_CONF, img_nat_conf, 0, log_addresses, 2);
	REFUSED(IMG_NAT_CONF, img_nat_conf, 0, refusal, 0);
	REFUSED(IMG_NAT_CONF, img_nat_conf, 0, refusal, 3);
	REFUSED(IMG_NAT_PORTS, img_nat_ports, 0, first, 55);
	REFUSED(IMG_NAT_PORTS, img_nat_ports, 0, proto, 1);
	REFUSED(IMG_NAT_PORTS, img_nat_ports, 0, timers, 2);
	REFUSED(IMG_NAT_CONF, img_nat_conf, 0, quarantine_ms, NAT_MAX_QUARANTINE_MS + 1);
	REFUSED(IMG_NAT_CONF, img_nat_conf, 0, askers, NAT_MAX_ASKERS + 1);
	REFUSED(IMG_NAT_CONF, img_nat_conf, 0, asker[0].plen, 28);
	REFUSED(IMG_NAT_CONF, img_nat_conf, 0, asker[0].plen, 33);
	REFUSED(IMG_NAT_CONF, img_nat_conf, 0, asker[1].nic, NIC_NONE);
	REFUSED(IMG_NAT_CONF, img_nat_conf, 0, asker[1].nic, 4);
	REFUSED(IMG_NAT_CONF, img_nat_conf, 0, asker[1].realm, IMG_MAX_REALMS);
	REFUSED(IMG_PLANE, img_plane, 0, leases, 0);
	REFUSED(IMG_NAT_POOLS, img_nat_pool, 0, port_first, 0);
	REFUSED(IMG_NAT_POOLS, img_nat_pool, 1, port_last, 1999);
	REFUSED(IMG_NAT_POOLS, img_nat_pool, 0, block_size, 0);
	REFUSED(IMG_NAT_POOLS, img_nat_pool, 0, block_size, 8);
	REFUSED(IMG_NAT_POOLS, img_nat_pool, 0, block_size, 513);
	REFUSED(IMG_NAT_POOLS, img_nat_pool, 1, block_size, 1024);
	REFUSED(IMG_NAT_POOLS, img_nat_pool, 0, max_blocks, 0);
	REFUSED(IMG_NAT_POOLS, img_nat_pool, 0, max_blocks, NAT_MAX_BLOCKS + 1);
	REFUSED(IMG_NAT_POOLS, img_nat_pool, 1, first_address, 3);
	REFUSED(IMG_NAT_POOLS, img_nat_pool, 1, first_address, UINT32_MAX);
	REFUSED(IMG_NAT_POOLS, img_nat_pool, 1, addresses, UINT32_MAX);
	REFUSED(IMG_NAT_POOLS, img_nat_pool, 0, addresses, 1);
	REFUSED(IMG_NAT_POOLS, img_nat_pool, 0, high, 101);
	REFUSED(IMG_NAT_POOLS, img_nat_pool, 0, low, 90);
	REFUSED(IMG_NAT_POOLS, img_nat_pool, 0, flags, NAT_POOL_FLAGS + 1);
	REFUSED(IMG_NAT_POOLS, img_nat_pool, 0, reserve, 5);
	REFUSED(IMG_NAT_POOLS, img_nat_pool, 0, flags, NAT_PAIR_SOFT);
	REFUSED(IMG_NAT_POOLS, img_nat_pool, 0, holes, 4);
	REFUSED(IMG_NAT_POOLS, img_nat_pool, 1, holes, NAT_MAX_HOLES + 1);
	REFUSED(IMG_NAT_POOLS, img_nat_pool, 1, first_hole, UINT32_MAX);
	REFUSED(IMG_NAT_HOLES, img_nat_hole, 0, first, 1023);
	REFUSED(IMG_NAT_HOLES, img_nat_hole, 0, last, 1023);
	REFUSED(IMG_NAT_HOLES, img_nat_hole, 1, first, 1030);
	REFUSED(IMG_NAT_HOLES, img_nat_hole, 2, last, 3000);
	struct img_nat_pool *p = rows(IMG_NAT_POOLS);
	memset(p->name, 'a', sizeof(p->name));
	CU_ASSERT_EQUAL(check(), -EINVAL);
	world_free(w);
}

static void
test_addresses_and_rules(void)
{
	begin();
	REFUSED(IMG_NAT_ADDRESSES, img_nat_address, 1, pool, 1);
	REFUSED(IMG_NAT_ADDRESSES, img_nat_address, 1, pool, 2);
	REFUSED(IMG_NAT_ADDRESSES, img_nat_address, 1, id, 0);
	REFUSED(IMG_NAT_ADDRESSES, img_nat_address, 1, id, 64);
	REFUSED(IMG_NAT_ADDRESSES, img_nat_address, 1, class, 2);
	REFUSED(IMG_NAT_ADDRESSES, img_nat_address, 1, address, 0);
	REFUSED(IMG_NAT_ADDRESSES, img_nat_address, 1, address, ip(203, 0, 113, 1));
	REFUSED(IMG_NAT_ADDRESSES, img_nat_address, 1, drain, 2);
	REFUSED(IMG_NAT_RULES, img_nat_rule, 0, plen, 33);
	REFUSED(IMG_NAT_RULES, img_nat_rule, 0, plen, 9);
	REFUSED(IMG_NAT_RULES, img_nat_rule, 0, source, ip(100, 64, 0, 1));
	REFUSED(IMG_NAT_RULES, img_nat_rule, 0, nic, 4);
	REFUSED(IMG_NAT_RULES, img_nat_rule, 0, filtering, 3);
	REFUSED(IMG_NAT_RULES, img_nat_rule, 0, log_sessions, 2);
	REFUSED(IMG_NAT_RULES, img_nat_rule, 0, timers, 2);
	REFUSED(IMG_NAT_RULES, img_nat_rule, 0, pool, 2);
	REFUSED(IMG_NAT_RULES, img_nat_rule, 0, action, 2);
	REFUSED(IMG_NAT_RULES, img_nat_rule, 0, high, 2);
	REFUSED(IMG_NAT_RULES, img_nat_rule, 0, fallbacks, NAT_MAX_FALLBACKS + 1);
	REFUSED(IMG_NAT_RULES, img_nat_rule, 1, fallback[1], 2);
	REFUSED(IMG_NAT_RULES, img_nat_rule, 0, flow_burst, 9);
	REFUSED(IMG_NAT_RULES, img_nat_rule, 0, flow_burst, (1u << 30) + 1);
	REFUSED(IMG_ROUTES, img_route, 0, arg, 1);
	REFUSED(IMG_ROUTES, img_route, 0, arg, 3);
	REFUSED(IMG_ROUTES, img_route, 0, plen, 31);
	REFUSED(IMG_ROUTES, img_route, 0, family, FAMILY_V6);
	REFUSED(IMG_PLANE, img_plane, 0, pool_addresses, 2);
	REFUSED(IMG_PLANE, img_plane, 0, steer_split_blocks, 1);
	struct img_nat_rule *r = rows(IMG_NAT_RULES);
	memset(r->name, 'a', sizeof(r->name));
	CU_ASSERT_EQUAL(check(), -EINVAL);
	world_free(w);
}

/* Ports one by one: not with what blocks are needed for. */
static void
test_single(void)
{
	begin();
	struct img_nat_pool *p = rows(IMG_NAT_POOLS);
	p->flags = NAT_SINGLE;
	p->reserve = 0;
	p->max_blocks = NAT_MAX_SHARES;
	CU_ASSERT_EQUAL(check(), 0);
	REFUSED(IMG_NAT_POOLS, img_nat_pool, 0, reserve, 1);
	REFUSED(IMG_NAT_POOLS, img_nat_pool, 0, max_blocks, NAT_MAX_SHARES + 1);
	REFUSED(IMG_NAT_POOLS, img_nat_pool, 0, flags, 64);
	world_free(w);
}

/* Pools by destination, no more of them than there are lanes. */
static void
test_apart(void)
{
	begin();
	struct img_nat_rule *r = rows(IMG_NAT_RULES);
	r->destination = ip(198, 51, 100, 0);
	r->destination_plen = 24;
	r->apart = 1;
	CU_ASSERT_EQUAL(check(), 0);
	REFUSED(IMG_NAT_RULES, img_nat_rule, 0, destination_plen, 33);
	REFUSED(IMG_NAT_RULES, img_nat_rule, 0, destination_plen, 20);
	REFUSED(IMG_NAT_RULES, img_nat_rule, 0, apart, 2);
	REFUSED(IMG_NAT_RULES, img_nat_rule, 0, limited, 2);
	REFUSED(IMG_NAT_RULES, img_nat_rule, 0, action, NAT_PASS);
	world_free(w);
}

/* A rule that lets pass has no pool; what it has instead is looked at. */
static void
test_pass(void)
{
	begin();
	struct img_nat_rule *r = rows(IMG_NAT_RULES);
	*r = (struct img_nat_rule){.name = "pass", .action = NAT_PASS, .pool = 99, .last = 65535,
		.destination = ip(198, 51, 100, 0), .destination_plen = 24};
	CU_ASSERT_EQUAL(check(), 0);
	REFUSED(IMG_NAT_RULES, img_nat_rule, 0, destination_plen, 33);
	REFUSED(IMG_NAT_RULES, img_nat_rule, 0, destination_plen, 20);
	REFUSED(IMG_NAT_RULES, img_nat_rule, 0, inbound, 2);
	r->first = 2;
	REFUSED(IMG_NAT_RULES, img_nat_rule, 0, last, 1);
	world_free(w);
}

/* Sections of another row size, twice as many settings, none at all. */
static void
test_sections(void)
{
	static const uint32_t kinds[] = {IMG_NAT_CONF, IMG_NAT_POOLS, IMG_NAT_ADDRESSES,
		IMG_NAT_RULES, IMG_NAT_PORTS, IMG_NAT_HOLES,
		IMG_ROUTES, IMG_NICS, IMG_TIMERS, IMG_PLANE};
	begin();
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (uint32_t s = 0; s < w->image->sections; s++) {
			struct image_section *section = &w->image->section[s];
			if (section->kind != kinds[i])
				continue;
			section->row_size--;
			CU_ASSERT_EQUAL(check(), -EINVAL);
			section->row_size++;
			CU_ASSERT_EQUAL(check(), 0);
			section->rows += kinds[i] == IMG_NAT_CONF;
			CU_ASSERT_EQUAL(check(), kinds[i] == IMG_NAT_CONF ? -EINVAL : 0);
			section->rows -= kinds[i] == IMG_NAT_CONF;
		}
	world_free(w);
}

/* Run what passed: derive it, open flows, list. */
static void
run_mutant(void)
{
	struct flow_spec spec;
	struct world_flow flow;
	struct generation g = {.image = w->image, .number = 1};
	uint32_t n;
	g.plane = image_rows(w->image, IMG_PLANE, &n);
	steer_init(&g.steer, 1, g.plane->steer_class_bits, g.plane->steer_split_blocks,
	           g.plane->steer_block_shift);
	CU_ASSERT_EQUAL_FATAL(route_table_init(&g.route[0], NULL, 0), 0);
	CU_ASSERT_EQUAL_FATAL(nat_policy.view_create(&g, POLICY_NAT), 0);
	struct policy_env env = world_env(w, 0);
	env.plane = g.plane;
	w->gen = &g;
	w->state[0] = nat_create(&env);
	nat_policy.reload(w->state[0], &g);
	for (unsigned i = 0; i < 40; i++) {
		be32 src = i % 2 ? ip(100, 64, 0, i) : ip(10, 0, 0, i);
		struct miss m = world_miss(w, W_INSIDE, IPPROTO_L4_UDP, src, port(i + 1),
		                           ip(9, 9, 9, 9), port(80));
		if (world_open(w, &m, &spec, &flow) == VERDICT_OPEN && i % 3 == 0)
			world_end(w, &flow);
	}
	nat_destroy(w->state[0]);
	w->state[0] = NULL;
	nat_policy.view_destroy(&g, POLICY_NAT);
	route_table_fini(&g.route[0]);
	w->gen = NULL;
}

/* Random bytes of the translation sections changed: refused, or it runs. */
static void
test_mutations(void)
{
	static const uint32_t kinds[] = {IMG_NAT_CONF, IMG_NAT_POOLS, IMG_NAT_ADDRESSES,
		IMG_NAT_RULES};
	uint64_t seed = test_seed();
	unsigned passed = 0;
	begin();
	uint8_t *good = malloc(w->size);
	memcpy(good, w->image, w->size);
	for (unsigned i = 0; i < 1500; i++) {
		memcpy(w->image, good, w->size);
		for (unsigned k = 0; k < 1 + i % 3; k++) {
			uint32_t kind = kinds[test_random(&seed) % 4];
			const struct image_section *s = w->image->section;
			while (s->kind != kind)
				s++;
			uint8_t *at = (uint8_t *)w->image + s->offset;
			uint64_t bytes = s->rows * s->row_size;
			at[test_random(&seed) % bytes] = (uint8_t)test_random(&seed);
		}
		if (check() != 0)
			continue;
		passed++;
		run_mutant();
	}
	printf("%u of 1500 passed ", passed);
	CU_ASSERT(passed > 100 && passed < 1400);
	free(good);
	world_free(w);
}

static const struct test_case cases[] = {
	{"settings and pools", test_pools},
	{"addresses, rules, routes", test_addresses_and_rules},
	{"ports one by one", test_single},
	{"pools by destination", test_apart},
	{"rules that let pass", test_pass},
	{"sections", test_sections},
	{"mutations", test_mutations},
};
TEST_MAIN("nat_image", cases)
