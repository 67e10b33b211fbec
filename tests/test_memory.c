/* SPDX-License-Identifier: Apache-2.0 */
/* What an image takes, refusals that say so, and flow tables that grow under traffic. */
#include "test.h"

#include <errno.h>

#include "ctl/dataplane/memory.h"
#include "plane_world.h"

enum { FLOWS = 120, SMALL = 64, LARGE = 5000 };

/* WORLD_JSON with something else in it. => good until the next call. */
static const char *
with(const char *was, const char *now)
{
	static char json[8192];
	const char *at = strstr(WORLD_JSON, was);
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	snprintf(json, sizeof(json), "%.*s%s%s", (int)(at - WORLD_JSON), WORLD_JSON, now,
	         at + strlen(was));
	return json;
}

static const char *
with_flows(unsigned v4, unsigned v6)
{
	char now[64];
	snprintf(now, sizeof(now), "{\"ipv4\": %u, \"ipv6\": %u}", v4, v6);
	return with("{\"ipv4\": 1000, \"ipv6\": 500}", now);
}

/* A packet of flow i, from the inside. => was it forwarded? *port: its translated source. */
static bool
send_one(struct world *w, unsigned i, unsigned *port)
{
	struct frame f;
	char from[32];
	snprintf(from, sizeof(from), "100.64.0.%u", 10 + i % 8);
	frame_udp(&f, w, INSIDE, from, "8.8.8.8", 2000 + i, 53);
	world_put(w, 0, &f);
	world_turn_workers(w);
	world_turn_workers(w);
	if (!world_take(w, 1, &f))
		return false;
	CU_ASSERT(frame_is_sound(&f));
	*port = get16(frame_l4(&f));
	return true;
}

static uint64_t
sum_of(const struct world *w, size_t offset)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i <= w->plane.n_workers; i++)
		sum += *(const uint64_t *)(const void *)
			((const uint8_t *)stats_context(w->plane.shared.stats, i) + offset);
	return sum;
}
#define SUM(w, field) sum_of(w, offsetof(struct stats, field))

/* Every packet of every established flow, in every turn of a growth, keeps its translation. */
static void
nothing_is_lost_while_tables_grow(void)
{
	struct world w;
	unsigned port[FLOWS], now, established = 0, sent = 0;
	world_open(&w, with_flows(SMALL, SMALL), true);
	send_one(&w, 0, &port[0]);
	world_run(&w); /* the next hop has come */
	world_flush(&w);
	for (unsigned i = 0; i < FLOWS; i++)
		established += (port[i] = 0, send_one(&w, i, &port[i]));
	world_run(&w); /* what is refused may be told so by the slow path, and counted there */
	CU_ASSERT(established >= SMALL / 2 && established <= SMALL);
	CU_ASSERT(SUM(&w, dropped[DROP_FLOW_TABLE_FULL]) >= FLOWS - established);
	uint64_t drops = SUM(&w, dropped[DROP_FLOW_TABLE_FULL]), opened = SUM(&w, flows_opened);
	for (unsigned size = SMALL * 2; size < LARGE; size *= 2) {
		CU_ASSERT_EQUAL_FATAL(world_apply(&w, with_flows(size, size)), 0);
		for (unsigned i = 0; i < FLOWS; i++) {
			if (port[i] == 0)
				continue;
			CU_ASSERT(send_one(&w, i, &now) && now == port[i]);
			sent++;
		}
		world_run(&w);
		CU_ASSERT_EQUAL(plane_grow_settle(&w.plane), 0);
		CU_ASSERT(SUM(&w, capacity_v4) == size && SUM(&w, capacity_v6) == size);
	}
	CU_ASSERT_EQUAL(sent, established * 6);
	CU_ASSERT_EQUAL(SUM(&w, dropped[DROP_FLOW_TABLE_FULL]), drops);
	CU_ASSERT_EQUAL(SUM(&w, flows_opened), opened);
	for (unsigned i = 0; i < FLOWS; i++)
		CU_ASSERT(send_one(&w, i, &now) && (port[i] == 0 || now == port[i]));
	CU_ASSERT_EQUAL(SUM(&w, flows_opened), FLOWS);
	world_run(&w);
	world_close(&w);
}

/* As long as a worker has not finished, there is no second growth; other changes go on. */
static void
one_growth_at_a_time(void)
{
	struct world w;
	world_open(&w, with_flows(SMALL, SMALL), true);
	world_run(&w);
	CU_ASSERT_EQUAL(world_apply(&w, with_flows(LARGE, SMALL)), 0);
	worker_poll(w.plane.worker[0], w.now);
	CU_ASSERT_EQUAL(world_apply(&w, with_flows(LARGE, LARGE)), -EAGAIN);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.err, "workers.flows"));
	CU_ASSERT_EQUAL(world_apply(&w, with_flows(LARGE, SMALL)), 0);
	world_run(&w);
	CU_ASSERT_EQUAL(world_apply(&w, with_flows(LARGE, LARGE)), 0);
	world_close(&w); /* in the middle of it */
	CU_ASSERT_EQUAL(mem_usage().ordinary, 0);
}

static void
no_memory_changes_nothing(void)
{
	struct world w;
	world_open(&w, with_flows(SMALL, SMALL), true);
	world_run(&w);
	size_t before = mem_usage().ordinary;
	w.plane.memory_limit = 1 << 20;
	CU_ASSERT_EQUAL(world_apply(&w, with_flows(1000000, SMALL)), -ENOMEM);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.err, "workers.flows.ipv4: 1000000 flows need "));
	CU_ASSERT_PTR_NOT_NULL(strstr(w.err, " 1 MB are free"));
	CU_ASSERT_EQUAL(world_apply(&w, with_flows(SMALL, 1000000)), -ENOMEM);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.err, "workers.flows.ipv6: 1000000 flows need "));
	CU_ASSERT_EQUAL(mem_usage().ordinary, before);
	CU_ASSERT_EQUAL(w.plane.gen->number, 1);
	CU_ASSERT_EQUAL(world_apply(&w, with_flows(SMALL - 1 + 2, SMALL)), 0);
	world_run(&w);
	world_close(&w);
}

/* Whatever takes most, a refusal names the setting that it follows from, and its value. */
static void
refusals_name_their_setting(const struct img_plane *plane)
{
	static const char *const named[MEMORY_PARTS + 1] = {
		[MEMORY_FLOWS_V4] = "workers.flows.ipv4: 200000 flows need 8.0 GB",
		[MEMORY_FLOWS_V6] = "workers.flows.ipv6: 100000 flows need 8.0 GB",
		[MEMORY_NAT] = "nat.capacity.mappings: 1000 mappings need 8.0 GB",
		[MEMORY_LB] = "lb.capacity.endpoints: 30 local endpoints need 8.0 GB",
		[MEMORY_BUFFERS] = "workers.buffers: 1024 packet buffers need 8.0 GB",
		[MEMORY_OTHER] = "workers.count: 2 workers need 8.0 GB",
		[MEMORY_PARTS] = "lb.capacity.persistence: 31 clients of persistent services need "
		                 "8.0 GB",
	};
	for (unsigned i = 0; i <= MEMORY_PARTS; i++) {
		struct img_plane p = *plane;
		struct memory_need need = {.sum = 9ull << 30};
		char err[256] = "";
		p.endpoints = 30;
		p.persistence = i == MEMORY_PARTS ? 31 : 30;
		need.part[i == MEMORY_PARTS ? MEMORY_LB : i] = 8ull << 30;
		CU_ASSERT_EQUAL(memory_check(&need, &p, 3ull << 30, err, sizeof(err)), -ENOMEM);
		CU_ASSERT_EQUAL(strncmp(err, named[i], strlen(named[i])), 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(err, ", all tables and buffers 9.0 GB; 3.0 GB are "
		                                   "free"));
	}
}

/* What is said to be taken is about what is taken, and too much is refused by its name. */
static void
needs_are_said(void)
{
	struct world w;
	char line[256], err[256];
	world_open(&w, with_flows(200000, 100000), false);
	const struct img_plane *plane = w.plane.gen->plane;
	struct memory_need need = memory_need(w.image, 5 << 20);
	uint64_t tables = need.sum - need.part[MEMORY_BUFFERS];
	CU_ASSERT(mem_usage().ordinary >= tables && mem_usage().ordinary < tables + (64 << 20));
	CU_ASSERT_EQUAL(need.part[MEMORY_BUFFERS], 5 << 20);
	CU_ASSERT(need.part[MEMORY_FLOWS_V4] >= 200000 * 64ull);
	CU_ASSERT(need.part[MEMORY_FLOWS_V6] >= 100000 * 128ull);
	CU_ASSERT_EQUAL(memory_check(&need, plane, need.sum, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(memory_check(&need, plane, need.sum - 1, err, sizeof(err)), -ENOMEM);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "GB are free"));
	refusals_name_their_setting(plane);
	memory_say(&need, 3 << 20, line, sizeof(line));
	CU_ASSERT_PTR_NOT_NULL(strstr(line, "packet buffers 5"));
	CU_ASSERT_PTR_NOT_NULL(strstr(line, "3 MB are free"));
	/* Others on this machine take and give back huge pages meanwhile. */
	uint64_t before = memory_huge_free(), all = memory_free(true), after = memory_huge_free();
	CU_ASSERT(memory_free(false) > 0 && all >= (before < after ? before : after));
	world_close(&w);
}

/* What so many NAT flows take, each with a mapping, a hundred a subscriber. => bytes. */
static uint64_t
need_of(unsigned workers, uint64_t flows)
{
	char json[2048], cores[256] = "1";
	size_t size;
	for (unsigned i = 2; i <= workers; i++)
		snprintf(cores + strlen(cores), sizeof(cores) - strlen(cores), ",%u", i);
	/* Ports for a third more than the flows, as the bench has it. */
	unsigned prefix = 32;
	while (prefix > 16 && (64512ull << (32 - prefix)) < flows + flows / 3)
		prefix--;
	snprintf(json, sizeof(json), "{\"workers\": {\"count\": %u, \"cores\": [%s], "
	         "\"main_core\": 0, \"flows\": {\"ipv4\": %llu, \"ipv6\": 64}}, " WORLD_NICS ", "
	         "\"nat\": {\"pools\": [{\"name\": \"p\", \"addresses\": [\"203.0.0.0/%u\"]}], "
	         "\"rules\": [{\"name\": \"r\", \"nic\": \"inside\", "
	         "\"source\": \"10.0.0.0/8\", \"pool\": \"p\"}], "
	         "\"capacity\": {\"mappings\": %llu, \"subscribers\": %llu}}}", workers, cores,
	         (unsigned long long)flows, prefix, (unsigned long long)flows,
	         (unsigned long long)flows / 100);
	void *image = world_compile(json, NULL, 1, &size);
	CU_ASSERT_PTR_NOT_NULL_FATAL(image);
	uint64_t sum = memory_need(image, 0).sum;
	free(image);
	return sum;
}

/*
 * All that grows with flows: tables, index, mappings, ports, blocks, subscribers, quarantine. Where
 * a worker has few flows its room for pool addresses, which has a least size, weighs more.
 */
static void
a_flow_takes_no_more_than_its_bound(void)
{
	static const unsigned workers[] = {1, 2, 8, 30};
	for (unsigned i = 0; i < sizeof(workers) / sizeof(workers[0]); i++) {
		uint64_t fixed = need_of(workers[i], 10000);
		for (uint64_t flows = 1000000; flows <= 100000000; flows *= 10) {
			uint64_t grown = need_of(workers[i], flows) - fixed;
			if (flows / workers[i] < 100000)
				continue;
			CU_ASSERT(grown <= MEMORY_FLOW_MAX * flows);
			CU_ASSERT(grown >= sizeof(struct flow4) * flows);
		}
	}
}

/* => what a plane takes beyond what is reckoned for its tables: it is to be fixed. */
static size_t
rest_of(const char *json)
{
	struct world w;
	world_open(&w, json, false);
	size_t rest = mem_usage().ordinary - memory_need(w.image, 0).sum;
	world_close(&w);
	return rest;
}

static void
what_is_not_reckoned_does_not_grow(void)
{
	static const char *const capacities[][2] = {
		{"\"ipv4\": 1000", "\"ipv4\": 400000"},
		{"\"ipv6\": 500", "\"ipv6\": 200000"},
		{"\"mappings\": 1000", "\"mappings\": 400000"},
		{"\"subscribers\": 100", "\"subscribers\": 100000"},
		{"\"pool_addresses\": 64", "\"pool_addresses\": 300"},
		{"\"pool_addresses\": 64", "\"pool_addresses\": 64, \"quarantine\": 400000"},
		{"\"pool_addresses\": 64", "\"pool_addresses\": 64, \"permissions\": 400000"},
		{"\"lb\": {", "\"lb\": {\"capacity\": {\"endpoints\": 400000}, "},
		{"\"lb\": {", "\"lb\": {\"capacity\": {\"persistence\": 100000}, "},
		{"\"lb\": {", "\"lb\": {\"capacity\": {\"shifts\": 100000}, "},
		{"\"lb\": {", "\"lb\": {\"capacity\": {\"sources\": 900000}, "},
	};
	size_t little = rest_of(WORLD_JSON);
	size_t pages = 64 << 10; /* each table is rounded up to them */
	for (unsigned i = 0; i < sizeof(capacities) / sizeof(capacities[0]); i++) {
		size_t more = rest_of(with(capacities[i][0], capacities[i][1]));
		CU_ASSERT(more < little + pages && little < more + pages);
		if (more >= little + pages || little >= more + pages)
			printf("%s: %zu, was %zu\n", capacities[i][1], more, little);
	}
}

static const struct test_case cases[] = {
	{"nothing is lost while tables grow", nothing_is_lost_while_tables_grow},
	{"one growth at a time", one_growth_at_a_time},
	{"no memory changes nothing", no_memory_changes_nothing},
	{"needs are said", needs_are_said},
	{"a flow takes no more than its bound", a_flow_takes_no_more_than_its_bound},
	{"what is not reckoned does not grow", what_is_not_reckoned_does_not_grow},
};

TEST_MAIN("memory", cases)
