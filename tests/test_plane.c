/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, applying, refusing, retiring and closing a whole data plane. */
#include "test.h"

#include <errno.h>

#include "plane_world.h"

static void
what_is_opened_is_closed(void)
{
	struct world w;
	size_t before = mem_usage().ordinary;
	for (unsigned i = 0; i < 3; i++) {
		world_open(&w, WORLD_JSON, false);
		CU_ASSERT(w.plane.n_workers == 2 && w.plane.gen->number == 1);
		CU_ASSERT_EQUAL(world_slow(&w)->generation, 1);
		world_run(&w);
		CU_ASSERT_EQUAL(stats_context(w.plane.shared.stats, 2)->generation, 1);
		world_close(&w);
	}
	CU_ASSERT_EQUAL(mem_usage().ordinary, before);
}

static void
shared_segments_are_memfds(void)
{
	struct world w;
	world_open(&w, WORLD_JSON, false);
	struct plane p = {.n_devs = 2};
	memcpy(p.devs, w.plane.devs, sizeof(p.devs));
	CU_ASSERT_EQUAL_FATAL(plane_open(&p, w.image, 1, true, w.now, w.err, sizeof(w.err)), 0);
	CU_ASSERT(p.stats_fd >= 0 && p.records_fd >= 0 && w.plane.stats_fd == -1);
	CU_ASSERT_EQUAL(stats_segment_check(p.shared.stats, p.shared.stats->size), 0);
	CU_ASSERT_EQUAL(p.shared.stats->contexts, 3);
	plane_close(&p);
	CU_ASSERT_EQUAL(p.stats_fd, -1);
	world_close(&w);
}

static void
a_bad_first_image_opens_nothing(void)
{
	struct world w;
	world_open(&w, WORLD_JSON, false);
	struct plane p = {.n_devs = 1};
	memcpy(p.devs, w.plane.devs, sizeof(p.devs));
	CU_ASSERT_EQUAL(plane_open(&p, w.image, 1, false, w.now, w.err, sizeof(w.err)), -ENOMEM);
	CU_ASSERT_PTR_NULL(p.gen); /* its second device is missing */
	((uint8_t *)w.image)[w.image_size - 1] ^= 1;
	CU_ASSERT_EQUAL(plane_open(&p, w.image, 1, false, w.now, w.err, sizeof(w.err)), -EINVAL);
	CU_ASSERT(strlen(w.err) > 0);
	world_close(&w);
}

static void
changes_apply_whole(void)
{
	struct world w;
	struct frame f;
	world_open(&w, WORLD_JSON, true);
	frame_udp(&f, &w, INSIDE, "100.64.0.9", "100.64.0.1", 1, 2);
	world_put(&w, 0, &f);
	world_run(&w);
	CU_ASSERT_EQUAL(world_flush(&w), 1);
	CU_ASSERT_EQUAL(world_apply(&w, "{" WORLD_WORKERS ", \"nics\": [{\"name\": \"inside\", "
	                "\"device\": \"net_a\", \"addresses\": [\"100.64.0.2/10\"]}, {\"name\": "
	                "\"outside\", \"device\": \"net_b\", \"addresses\": "
	                "[\"198.51.100.2/24\"]}],"
	                WORLD_NAT "}"), 0);
	CU_ASSERT_EQUAL(w.plane.gen->number, 2);
	frame_udp(&f, &w, INSIDE, "100.64.0.9", "100.64.0.2", 1, 2);
	world_put(&w, 0, &f);
	world_run(&w);
	CU_ASSERT_EQUAL(world_flush(&w), 1);
	CU_ASSERT_EQUAL(stats_context(w.plane.shared.stats, 1)->generation, 2);
	world_close(&w);
}

#define LB_CAPACITY(name) {"\"lb\": {", "\"lb\": {\"capacity\": {\"" name "\": 7}, ", \
	"lb.capacity." name}
/* A document that differs from WORLD_JSON in one setting, and how the refusal names it. */
static const struct {
	const char *find, *replace, *named;
} fixed[] = {
	{"\"count\": 2", "\"count\": 1", "workers.count"},
	{"\"cores\": [0, 1]", "\"cores\": [1, 0]", "workers.cores"},
	{"\"main_core\": 0", "\"main_core\": 1", "workers.main_core"},
	{"\"ipv4\": 1000", "\"ipv4\": 900", "workers.flows.ipv4"},
	{"\"ipv6\": 500", "\"ipv6\": 400", "workers.flows.ipv6"},
	{"\"buffers\": 1024", "\"buffers\": 2048", "workers.buffers"},
	{"\"mappings\": 1000", "\"mappings\": 2000", "nat.capacity.mappings"},
	{"\"subscribers\": 100", "\"subscribers\": 200", "nat.capacity.subscribers"},
	{"\"mappings\": 1000", "\"mappings\": 1000, \"permissions\": 7",
	 "nat.capacity.permissions"},
	{"\"mappings\": 1000", "\"mappings\": 1000, \"quarantine\": 7", "nat.capacity.quarantine"},
	{"\"pool_addresses\": 64", "\"pool_addresses\": 65", "nat.capacity.pool_addresses"},
	{"\"mappings\": 1000", "\"mappings\": 1000, \"leases\": 7", "nat.capacity.leases"},
	LB_CAPACITY("endpoints"),
	LB_CAPACITY("shifts"),
	LB_CAPACITY("sources"),
	LB_CAPACITY("persistence"),
	/* Too few addresses for a class each. */
	{"203.0.113.0/30", "203.0.113.0", "nat.pools (too few addresses or other block sizes"},
	{"\"net_a\"", "\"net_c\"", "nics"},
	{"\"device\": \"net_a\"", "\"device\": \"net_a\", \"mtu\": 4000", "nics: mtu"},
};

static void
edit(char *out, size_t size, const char *find, const char *replace)
{
	const char *at = strstr(WORLD_JSON, find);
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	snprintf(out, size, "%.*s%s%s", (int)(at - WORLD_JSON), WORLD_JSON, replace,
	         at + strlen(find));
	if (strcmp(find, "\"count\": 2") == 0) { /* one worker has one core */
		char *cores = strstr(out, "[0, 1]");
		memcpy(cores, "[0]   ", 6);
	}
}

static void
what_is_fixed_at_start_is_refused(void)
{
	struct world w;
	static char json[8192];
	world_open(&w, WORLD_JSON, false);
	for (unsigned i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		edit(json, sizeof(json), fixed[i].find, fixed[i].replace);
		CU_ASSERT_EQUAL(world_apply(&w, json), -EBUSY);
		CU_ASSERT_PTR_NOT_NULL(strstr(w.err, "needs a restart of millrace"));
		CU_ASSERT_PTR_NOT_NULL(strstr(w.err, fixed[i].named));
		CU_ASSERT(w.plane.gen->number == 1 && w.plane.n_retired == 0);
	}
	edit(json, sizeof(json), "\"icmp_rate\": 10", "\"icmp_rate\": 11");
	CU_ASSERT_EQUAL(world_apply(&w, json), 0);
	world_run(&w);
	world_close(&w);
}

static void
hostile_images_change_nothing(void)
{
	struct world w;
	world_open(&w, WORLD_JSON, false);
	uint64_t state = test_seed();
	uint8_t *bad = malloc(w.image_size);
	for (unsigned i = 0; i < 300; i++) {
		memcpy(bad, w.image, w.image_size);
		bad[test_random(&state) % w.image_size] ^= (uint8_t)(1u << test_random(&state) % 8);
		CU_ASSERT_EQUAL(plane_apply(&w.plane, bad, w.image_size, w.now, w.err,
		                            sizeof(w.err)),
		                -EINVAL);
		size_t cut = test_random(&state) % w.image_size;
		CU_ASSERT_EQUAL(plane_apply(&w.plane, w.image, cut, w.now, w.err, sizeof(w.err)),
		                -EINVAL);
	}
	free(bad);
	CU_ASSERT(w.plane.gen->number == 1 && w.plane.n_retired == 0);
	world_close(&w);
}

/* Memory goes back when every worker has passed, not before; there is an end to waiting ones. */
static void
generations_retire_when_workers_pass(void)
{
	struct world w;
	world_open(&w, WORLD_JSON, false);
	world_run(&w);
	for (unsigned i = 0; i < MAX_RETIRED; i++) {
		CU_ASSERT_EQUAL(world_apply(&w, WORLD_JSON), 0);
		plane_poll(&w.plane, w.now);
		CU_ASSERT_EQUAL(w.plane.n_retired, i + 1);
	}
	CU_ASSERT_EQUAL(world_apply(&w, WORLD_JSON), -EAGAIN);
	worker_poll(w.plane.worker[0], w.now);
	plane_poll(&w.plane, w.now);
	CU_ASSERT_EQUAL(w.plane.n_retired, MAX_RETIRED); /* the other one has not passed */
	worker_poll(w.plane.worker[1], w.now);
	plane_poll(&w.plane, w.now);
	CU_ASSERT_EQUAL(w.plane.n_retired, 0);
	CU_ASSERT_EQUAL(world_apply(&w, WORLD_JSON), 0);
	CU_ASSERT_EQUAL(w.plane.gen->number, 2 + MAX_RETIRED);
	world_run(&w);
	world_close(&w);
}

static void
flows_outlive_generations(void)
{
	struct world w;
	struct frame f, first;
	world_open(&w, WORLD_JSON, true);
	for (unsigned i = 0; i < 3; i++) {
		frame_udp(&f, &w, INSIDE, "100.64.0.9", "8.8.8.8", 1000, 53);
		world_put(&w, 0, &f);
		world_run(&w);
		CU_ASSERT_FATAL(world_take(&w, 1, &f));
		if (i == 0)
			first = f;
		CU_ASSERT(memcmp(frame_l3(&f) + 12, frame_l3(&first) + 12, 12) == 0);
		CU_ASSERT_EQUAL(world_apply(&w, WORLD_JSON), 0);
	}
	CU_ASSERT_EQUAL(stats_context(w.plane.shared.stats, 1)->flows_opened +
	                stats_context(w.plane.shared.stats, 2)->flows_opened, 1);
	world_run(&w);
	world_close(&w);
}

static const struct test_case cases[] = {
	{"what is opened is closed", what_is_opened_is_closed},
	{"shared segments are memfds", shared_segments_are_memfds},
	{"a bad first image opens nothing", a_bad_first_image_opens_nothing},
	{"changes apply whole", changes_apply_whole},
	{"what is fixed at start is refused", what_is_fixed_at_start_is_refused},
	{"hostile images change nothing", hostile_images_change_nothing},
	{"generations retire when workers pass", generations_retire_when_workers_pass},
	{"flows outlive generations", flows_outlive_generations},
};

TEST_MAIN("plane", cases)
