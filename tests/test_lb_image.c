/* SPDX-License-Identifier: Apache-2.0 */
/* lb_image_check: each rule refuses what breaks it; what passes can be used without harm. */
#include "lb_world.h"

static char err[256];

static int
check(struct lb_world *w)
{
	world_image(w);
	err[0] = 0;
	return lb_image_check(w->image, err, sizeof(err));
}

#define BAD(change, words)                                                                     \
	do {                                                                                   \
		struct lb_world *w = world_new();                                              \
		world_tables(w);                                                               \
		change;                                                                        \
		CU_ASSERT_NOT_EQUAL(check(w), 0);                                              \
		if (strstr(err, words) == NULL)                                                \
			printf("  \"%s\" lacks \"%s\"\n", err, words);                         \
		CU_ASSERT_PTR_NOT_NULL(strstr(err, words));                                    \
		world_free(w);                                                                 \
	} while (0)

static void
test_good(void)
{
	struct lb_world *w = world_new();
	world_tables(w);
	CU_ASSERT_EQUAL(check(w), 0);
	CU_ASSERT_EQUAL(err[0], 0);
	world_free(w);
}

/* An image without a balancer is fine. */
static void
test_absent(void)
{
	struct image_builder b;
	size_t size;
	image_build_begin(&b, 1);
	struct image_header *h = image_build_end(&b, &size);
	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	CU_ASSERT_EQUAL(lb_image_check(h, err, sizeof(err)), 0);
	free(h);
}

static void
test_services(void)
{
	BAD(memset(w->service[1].name, 'a', IMAGE_NAME), "bad name");
	BAD(w->service[1].name[0] = '/', "bad name");
	BAD(w->service[1].name[0] = 0, "bad name");
	BAD(w->service[1].family = 5, "bad address");
	BAD(w->service[0].address.w[2] = 1, "bad address");
	BAD(w->service[0].port = 0, "bad address or port");
	BAD(w->service[2].proto = 1, "neither TCP nor UDP");
	BAD(w->service[0].port_last = htons(79), "bad address or port");
	BAD(w->service[0].plen = 33, "bad address or port");
	BAD(w->service[5].plen = 129, "bad address or port");
	BAD(w->service[0].plen = 24, "bad address or port");
	BAD(w->service[5].plen = 64, "bad address or port");
	BAD((w->service[1].port = w->service[1].port_last = w->service[0].port), "not in order");
	BAD((w->service[4].port = w->service[4].port_last = htons(500)), "not in order");
	BAD(w->service[3].address.w[0] = htonl(0xc0000200), "not in order");
	BAD(w->service[1].mode = LB_MODE_MAX, "mode");
	BAD(w->service[1].timers = 2, "timer set");
	BAD(w->service[1].dead = LB_FATES, "without a backend");
	BAD(w->service[1].over = LB_FATES, "without a backend");
	BAD(w->service[1].when_none = LB_NONES, "without a backend");
	BAD(w->service[5].backends = UINT32_MAX, "out of range");
	BAD(w->service[5].first_backend = UINT32_MAX, "out of range");
	BAD(w->service[5].backends = 2, "out of range");
	BAD(w->service[5].first_backend = 8, "not in the range");
	BAD(w->service[5].locals = UINT32_MAX, "local addresses out of range");
	BAD(w->service[5].first_local = UINT32_MAX, "local addresses out of range");
	BAD(w->service[5].locals = 0, "without a local address");
	BAD(w->service[5].first_local = 1, "other family");
	BAD(w->service[5].slots = W_TABLES, "slot table");
	BAD(w->service[5].slots = UINT32_MAX - 1, "slot table");
	BAD(w->service[5].choice.scheduler = LB_SCHEDULERS, "scheduler, hash");
	BAD(w->service[5].choice.hash = LB_HASHES, "scheduler, hash");
	BAD(w->service[5].choice.per_packet = 2, "scheduler, hash");
	BAD(w->service[5].choice.scheduler = LB_SOURCE_HASH, "does not hash the source");
	BAD(w->service[5].choice.per_packet = 1, "per packet, but not UDP");
	BAD((w->service[W_UDP].choice.per_packet = 1, w->backend[5].max_flows = 9), "has a limit");
	BAD((w->service[0].choice.persistence_s = 9, w->service[0].choice.mask = 33), "33 bits");
	BAD((w->service[5].choice.persistence_s = 9, w->service[5].choice.mask = 129), "129 bits");
	BAD(w->service[0].choice.persistence_s = 9, "0 bits");
	BAD((w->service[0].choice.persistence_s = 9, w->service[0].choice.mask = 31,
	     w->service[0].choice.scheduler = LB_TWO_CHOICES), "cannot agree");
	BAD((w->service[0].choice.persistence_s = 700000, w->service[0].choice.mask = 1),
	    "of 700000 s");
	BAD((w->service[0].choice.persistence_s = 9, w->service[0].choice.mask = 24,
	     w->plane.persistence = 0), "is persistent, lb.capacity.persistence is 0");
	BAD(w->service[0].stateless = 2, "cannot do without flows");
	BAD(w->service[W_FULLNAT].stateless = 1, "cannot do without flows");
	BAD((w->service[0].stateless = 1, w->service[0].choice.scheduler = LB_ROUND_ROBIN),
	    "cannot do without flows");
	BAD((w->service[0].stateless = 1, w->service[0].syn_mode = LB_SYN_ALWAYS), "SYN proxy");
	BAD((w->service[0].stateless = 1, w->service[0].plen = 31,
	     w->service[0].address.b[3] &= 0xfe), "a prefix cannot do without flows");
	BAD(w->slots[7] = 3, "names backend 3 of 3");
	BAD(w->slots[W_TABLES * MAGLEV_SIZE - 1] = 0xfffe, "names backend");
}

static void
test_backends(void)
{
	BAD(w->backend[0].service = W_SERVICES, "is none");
	BAD(w->backend[0].service = 1, "not in the range");
	BAD(w->backend[0].family = FAMILY_V6, "bad address or family");
	BAD(w->backend[0].address.w[0] = 0, "bad address or family");
	BAD(w->backend[0].state = LB_STATES, "bad state or weight");
	BAD(w->backend[0].withheld = LB_TENTHS, "bad state or weight");
	BAD(w->backend[0].weight = LB_MAX_WEIGHT + 1, "bad state or weight");
	BAD(w->backend[0].id = LB_MAX_IDS, "too big or there twice");
	BAD(w->backend[0].id = w->backend[9].id, "too big or there twice");
	BAD(w->service[3].backends = 0, "services have");
}

static void
test_locals(void)
{
	BAD(w->local[2].family = 0, "bad address");
	BAD(w->local[0].port_first = 0, "bad port range");
	BAD(w->local[0].port_last = W_PORT_FIRST - 1, "bad port range");
	BAD(w->local[0].class = 1, "class");
	BAD(w->route[W_SERVICES].arg = W_LOCALS, "is none");
	BAD(w->route[W_SERVICES].arg = 1, "not of local address");
	BAD(w->route[W_SERVICES].prefix.b[3] ^= 1, "not of local address");
}

static void
test_row_sizes(void)
{
	static const uint32_t kinds[] = {IMG_LB_SERVICES, IMG_LB_BACKENDS, IMG_LB_SLOTS,
	                                 IMG_LB_LOCALS};
	for (unsigned i = 0; i < 4; i++) {
		uint8_t rows[3 * 4] = {0};
		struct image_builder b;
		size_t size;
		image_build_begin(&b, 1);
		image_build_rows(&b, kinds[i], rows, 3, 4);
		struct image_header *h = image_build_end(&b, &size);
		CU_ASSERT_PTR_NOT_NULL_FATAL(h);
		CU_ASSERT_NOT_EQUAL(lb_image_check(h, err, sizeof(err)), 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(err, "another size"));
		free(h);
	}
}

static void
test_broken_tables(void)
{
	struct lb_world *w = world_new();
	struct image_builder b;
	size_t size;
	image_build_begin(&b, 1);
	image_build_rows(&b, IMG_LB_SLOTS, w->slots, 2, MAGLEV_SIZE + 1);
	struct image_header *h = image_build_end(&b, &size);
	CU_ASSERT_NOT_EQUAL(lb_image_check(h, err, sizeof(err)), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "whole number of tables"));
	free(h);
	world_free(w);
}

/* use: what a worker would do with the image, for the sanitizers to watch. */
static void
use(struct lb_world *w)
{
	w->gen->image = w->gen->source = w->image;
	CU_ASSERT_EQUAL_FATAL(lb_policy.view_create(w->gen, POLICY_LB), 0);
	void *lb = world_policy(w, 0);
	for (uint32_t n = 0; n < 64; n++) {
		struct miss m = world_client(w, n % W_SERVICES, n);
		struct flow_spec spec;
		if (lb_policy.home(w->gen, &m) == HOME_NOT_MINE)
			continue;
		if (lb_policy.open(lb, &m, &spec) == VERDICT_OPEN)
			lb_policy.opened(lb, &m, &spec);
	}
	lb_destroy(lb);
	lb_policy.view_destroy(w->gen, POLICY_LB);
}

/* Random bytes in random rows: refused, or harmless. */
static void
test_mutation(void)
{
	uint64_t seed = test_seed();
	struct lb_world *w = world_new();
	static uint8_t was[sizeof(*w)];
	size_t rows = offsetof(struct lb_world, route) - offsetof(struct lb_world, service);
	unsigned passed = 0;
	world_build(w, 1, false);
	lb_policy.view_destroy(w->gen, POLICY_LB);
	for (unsigned i = 0; i < 3000; i++) {
		memcpy(was, w->service, rows);
		for (unsigned k = test_random(&seed) % 3; k < 3; k++) {
			uint8_t *at = (uint8_t *)w->service + test_random(&seed) % rows;
			*at = (uint8_t)(*at + (test_random(&seed) & 1 ? 1 : test_random(&seed)));
		}
		uint16_t *slot = &w->slots[test_random(&seed) % (W_TABLES * MAGLEV_SIZE)];
		uint16_t whole = *slot;
		*slot ^= i % 10 == 0;
		if (check(w) == 0) {
			use(w);
			passed++;
		}
		memcpy(w->service, was, rows);
		*slot = whole;
	}
	printf("  %u of 3000 passed", passed);
	CU_ASSERT(passed > 100 && passed < 2900);
	world_free(w);
}

static const struct test_case cases[] = {
	{"a good image passes", test_good},
	{"no balancer at all passes", test_absent},
	{"services", test_services},
	{"backends", test_backends},
	{"local addresses", test_locals},
	{"row sizes", test_row_sizes},
	{"a table cut short", test_broken_tables},
	{"what passes does no harm", test_mutation},
};

TEST_MAIN("lb_image", cases)
