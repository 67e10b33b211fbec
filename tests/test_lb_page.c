/* SPDX-License-Identifier: Apache-2.0 */
/* Listings of the balancer in pages: nothing twice, nothing missing, whatever changes meanwhile. */
#include "api_world.h"
#include "ctl/api/lb_live.h"
#include "ctl/api/lb_page.h"

enum { SERVICES = 12, MANY = 2500, ROUNDS = 2000, PAGES_MAX = 5000 };

static uint64_t now;

static uint64_t
clock_now(void *ctx)
{
	return now;
}

static json_t *
service_json(unsigned i, unsigned backends)
{
	char name[16], address[32];
	json_t *list = json_array();
	for (unsigned k = 0; k < backends; k++) {
		snprintf(address, sizeof(address), "10.%u.%u.%u", i, k / 200, 1 + k % 200);
		json_array_append_new(list, json_pack("{s:s}", "address", address));
	}
	snprintf(name, sizeof(name), "s%u", i);
	snprintf(address, sizeof(address), "192.0.2.%u", i + 1);
	return json_pack("{s:s, s:s, s:i, s:o}", "name", name, "address", address, "port", 80,
	                 "backends", list);
}

static void
begin_services(json_t *services)
{
	json_t *request = json_pack("{s:s, s:i, s:s, s:{s:{s:[{s:s, s:s, s:[s]}], s:{s:o}}}}",
		"jsonrpc", "2.0", "id", 1, "method", "config.apply", "params", "config", "nics",
		"name", "in", "device", "d", "addresses", "10.255.0.1/24", "lb", "services",
		services);
	begin_empty();
	now = 1700000000000000000u;
	api_set_clock(api, clock_now, NULL);
	json_t *r = api_call(api, request);
	CU_ASSERT_FATAL(json_object_get(r, "result") != NULL);
	json_decref(r);
	json_decref(request);
}

/* begin_some: services with 0, 1, 2, ... backends, some of whose handshakes took their time. */
static void
begin_some(void)
{
	json_t *services = json_array();
	for (unsigned i = 0; i < SERVICES; i++)
		json_array_append_new(services, service_json(i, i % 5));
	begin_services(services);
	for (unsigned i = 0; backend_row(i) != NULL; i++) {
		struct stats_backend *b = &stats_backends(plane.stats, 1 + i % 2)
			[backend_row(i)->id];
		*b = (struct stats_backend){.opened = 10 + i, .answered = i};
		b->waited[i % STATS_WAITS] = i;
		b->waited[(i + 3) % STATS_WAITS] = 1;
	}
}

/* page: of a method, after a cursor (NULL: the first). */
static json_t *
page(const char *method, const char *service, unsigned limit, const char *cursor)
{
	char params[160], of[64] = "", on[64] = "";
	bool is_show = strcmp(method, "service.show") == 0;
	if (service != NULL)
		snprintf(of, sizeof(of), "\"%s\":\"%s\",", is_show ? "name" : "service", service);
	if (cursor != NULL)
		snprintf(on, sizeof(on), ",\"cursor\":\"%s\"", cursor);
	snprintf(params, sizeof(params), "{%s\"limit\":%u%s}", of, limit, on);
	return result_of(method, params);
}

/* add_page: what is shown, row by row; a service that goes on becomes one again. */
static void
add_page(json_t *all, const json_t *one)
{
	const char *key;
	json_t *v, *row;
	size_t i;
	json_object_foreach((json_t *)one, key, v) {
		if (!json_is_array(v))
			continue;
		if (json_object_get(all, key) == NULL)
			json_object_set_new(all, key, json_array());
		json_t *list = json_object_get(all, key);
		json_array_foreach(v, i, row) {
			json_t *last = json_array_get(list, json_array_size(list) - 1);
			if (json_is_array(json_object_get(row, "backends")) &&
			    json_equal(json_object_get(last, "name"),
			               json_object_get(row, "name"))) {
				CU_ASSERT(json_object_get(row, "opened") == NULL);
				json_array_extend(json_object_get(last, "backends"),
				                  json_object_get(row, "backends"));
			} else {
				json_array_append(list, row);
			}
		}
	}
}

/* paged: all pages; *pages of them. */
static json_t *
paged(const char *method, const char *service, unsigned limit, unsigned *pages)
{
	json_t *all = json_object();
	char cursor[32] = "";
	*pages = 0;
	do {
		json_t *r = page(method, service, limit, *pages != 0 ? cursor : NULL);
		add_page(all, r);
		const char *next = json_string_value(json_object_get(r, "cursor"));
		CU_ASSERT(next != NULL || json_is_null(json_object_get(r, "cursor")));
		snprintf(cursor, sizeof(cursor), "%s", next != NULL ? next : "");
		json_decref(r);
		++*pages;
	} while (cursor[0] != '\0' && *pages < PAGES_MAX);
	CU_ASSERT(*pages < PAGES_MAX);
	return all;
}

static const struct { const char *method, *service; unsigned rows; } listings[] = {
	{"service.list", NULL, SERVICES}, {"service.show", "s4", 4}, {"service.show", "s0", 0},
	{"backend.list", NULL, 21}, {"backend.list", "s3", 3}, {"backend.list", "s5", 0},
	{"lb.list", NULL, 21}, {"lb.list", "s4", 4}, {"lb.list", "s5", 0},
	{"lb.handshakes", NULL, 21}, {"lb.handshakes", "s9", 4}, {"lb.spread", NULL, SERVICES},
	{"lb.spread", "s9", 4}, {"lb.table", "s9", 4},
};
enum { LISTINGS = sizeof(listings) / sizeof(listings[0]) };

/* Pages of any size together say what one says, and get on by a row at least. */
static void
test_together(void)
{
	begin_some();
	for (unsigned i = 0; i < LISTINGS; i++) {
		unsigned pages;
		const char *method = listings[i].method, *service = listings[i].service;
		json_t *whole = paged(method, service, 1000, &pages);
		CU_ASSERT_EQUAL(pages, 1);
		for (unsigned limit = 1; limit < 30; limit++) {
			json_t *all = paged(method, service, limit, &pages);
			CU_ASSERT(json_equal(all, whole));
			if (!json_equal(all, whole))
				printf("\n%s by %u\n", method, limit);
			CU_ASSERT(pages <= listings[i].rows + SERVICES + 1);
			CU_ASSERT(limit > 1 || listings[i].rows < 2 ||
			          pages >= listings[i].rows);
			json_decref(all);
		}
		json_decref(whole);
	}
	end();
}

static unsigned
backends_of(const json_t *result)
{
	return (unsigned)json_array_size(json_object_get(result, "backends"));
}

/* Who says no limit has as many as a page may have: up to there it comes whole, as it ever did. */
static void
test_no_limit(void)
{
	static const struct { unsigned backends, shown; } rows[] = {{1000, 1000}, {1001, 1000}};
	for (unsigned i = 0; i < 2; i++) {
		json_t *services = json_array();
		json_array_append_new(services, service_json(1, rows[i].backends));
		begin_services(services);
		json_t *r = result_of("backend.list", "{}"), *s = result_of("service.show",
			"{\"name\":\"s1\"}");
		CU_ASSERT_EQUAL(backends_of(r), rows[i].shown);
		CU_ASSERT_EQUAL(backends_of(s), rows[i].shown);
		CU_ASSERT_EQUAL(number(s, "service.backends"), rows[i].backends);
		CU_ASSERT(json_is_null(at(r, "cursor")) == (rows[i].shown == rows[i].backends));
		json_decref(r);
		json_decref(s);
		end();
	}
}

/* names_add: of a page of backends, to an array. */
static void
names_add(json_t *names, const json_t *r)
{
	json_t *b;
	size_t i;
	json_array_foreach(json_object_get(r, "backends"), i, b)
		json_array_append_new(names, json_sprintf("%s %s", text(b, "service"),
		                                          text(b, "address")));
}

static json_t *
names_now(void)
{
	json_t *names = json_array(), *r = result_of("backend.list", "{}");
	names_add(names, r);
	json_decref(r);
	return names;
}

/* names_paged: pages of so many rows, of which `first` are read before something changes. */
static json_t *
names_paged(unsigned limit, unsigned first, const char *method, const char *params)
{
	json_t *names = json_array(), *r = page("backend.list", NULL, limit, NULL);
	char cursor[32] = "";
	names_add(names, r);
	for (unsigned n = 1; json_is_string(at(r, "cursor")); n++) {
		snprintf(cursor, sizeof(cursor), "%s", text(r, "cursor"));
		json_decref(r);
		if (n == first)
			done(method, params);
		r = page("backend.list", NULL, limit, cursor);
		names_add(names, r);
	}
	json_decref(r);
	return names;
}

static unsigned
times_in(const json_t *names, const json_t *name)
{
	unsigned n = 0;
	for (size_t i = 0; i < json_array_size(names); i++)
		n += json_equal(json_array_get(names, i), name);
	return n;
}

/* shown_once: what is there before and after, wherever the page ended at which it changed. */
static void
shown_once(unsigned limit, unsigned first, const char *method, const char *params)
{
	json_t *name;
	size_t i;
	begin_some();
	json_t *before = names_now(), *names = names_paged(limit, first, method, params);
	json_t *after = names_now();
	CU_ASSERT(!json_equal(before, after) || strcmp(method, "backend.weight") == 0);
	json_array_foreach(before, i, name) {
		if (times_in(after, name) == 0 || times_in(names, name) == 1)
			continue;
		CU_FAIL("not shown once");
		printf("\n%s, pages of %u, after %u, %s\n", json_string_value(name), limit, first,
		       params);
	}
	json_decref(before);
	json_decref(after);
	json_decref(names);
	end();
}

/* Ids say where to go on; where what they name has gone, what came up to its place. */
static void
test_changes(void)
{
	static const struct { const char *method, *params; } changes[] = {
		{"backend.weight", "{\"service\":\"s4\",\"address\":\"10.4.0.1\",\"weight\":7}"},
		{"service.remove", "{\"name\":\"s1\"}"}, {"service.remove", "{\"name\":\"s2\"}"},
		{"service.remove", "{\"name\":\"s4\"}"}, {"service.remove", "{\"name\":\"s11\"}"},
		{"backend.remove", "{\"service\":\"s4\",\"address\":\"10.4.0.1\"}"},
		{"backend.remove", "{\"service\":\"s4\",\"address\":\"10.4.0.2\"}"},
		{"backend.remove", "{\"service\":\"s4\",\"address\":\"10.4.0.4\"}"},
		{"backend.add", "{\"service\":\"s4\",\"backend\":{\"address\":\"10.0.0.9\"}}"},
		{"service.add", "{\"service\":{\"name\":\"new\",\"address\":\"192.0.1.1\","
		 "\"port\":80,\"backends\":[{\"address\":\"10.9.9.9\"}]}}"},
	};
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		for (unsigned limit = 1; limit < 5; limit++)
			for (unsigned first = 1; first * limit < 12; first += test_part())
				shown_once(limit, first, changes[i].method, changes[i].params);
}

/* What a client makes up is a place like any other. */
static void
test_made_up(void)
{
	uint64_t seed = test_seed();
	begin_some();
	for (unsigned i = 0; i < ROUNDS / test_part(); i++) {
		char cursor[32];
		uint64_t any = test_random(&seed) >> test_random(&seed) % 64;
		unsigned k = (unsigned)(test_random(&seed) % LISTINGS);
		snprintf(cursor, sizeof(cursor), "%llu", (unsigned long long)any);
		json_decref(page(listings[k].method, listings[k].service, 1 + i % 9, cursor));
	}
	CU_ASSERT_EQUAL(error_of("backend.list", "{\"cursor\":\"x\"}", "cursor: wanted"), -32602);
	CU_ASSERT_EQUAL(error_of("backend.list", "{\"limit\":1001}", "limit: wanted"), -32602);
	end();
}

/* What is summed up costs rows, so no page takes as long as all together. */
static void
test_costs(void)
{
	json_t *services = json_array();
	for (unsigned i = 0; i < 4; i++)
		json_array_append_new(services, service_json(i, MANY));
	begin_services(services);
	plane.stats->contexts = 65; /* sums cost more; nobody reads what is not there */
	struct lb_page p;
	struct rpc_error err = {0};
	json_t *params = json_object();
	CU_ASSERT_FATAL(lb_page_begin(api, params, &p, &err) == 0);
	uint32_t sums = lb_page_sums(&p, lb_page_service(&p));
	CU_ASSERT_EQUAL(sums, 1 + MANY * 65 / LB_PAGE_SUMS);
	lb_page_spend(&p, sums);
	CU_ASSERT_EQUAL(p.left, 1000 - sums);
	lb_page_spend(&p, 1000);
	CU_ASSERT(p.left == 0 && lb_page_backend(&p) == NULL);
	lb_page_done(&p);
	CU_ASSERT(lb_page_service(&p) == NULL && p.service == 1);
	plane.stats->contexts = 1 + FAKE_WORKERS;
	json_decref(params);
	end();
}

/* walked: pages of lb.list, each of which asks the data plane for a part of the walk only. */
static json_t *
walked(unsigned *pages, unsigned *queries)
{
	unsigned before = plane.queried;
	json_t *all = paged("lb.list", NULL, 1000, pages);
	*queries = plane.queried - before;
	return all;
}

/* The sums of flows that live come of a walk in parts, too: once, for all pages. */
static void
test_walk(void)
{
	static struct cmd_backend rows[40000];
	unsigned pages, queries, part = COMMAND_REPLY_MAX / sizeof(rows[0]);
	begin_some();
	now += 3600000000000u;
	for (unsigned i = 0; i < 40000; i++)
		rows[i] = (struct cmd_backend){.owner = backend_row(i % 20)->id, .flows = 1,
		                               .active = i % 2};
	plane.answer[CMD_BACKENDS].rows = rows;
	plane.answer[CMD_BACKENDS].n = 40000;
	plane.answer[CMD_BACKENDS].row_size = sizeof(rows[0]);
	unsigned want = (40000 + part - 1) / part;
	json_t *whole = result_of("lb.list", "{}"), *all = walked(&pages, &queries);
	CU_ASSERT_EQUAL(number(whole, "services.1.backends.0.active") +
	                number(whole, "services.1.backends.0.inactive"), 2000);
	CU_ASSERT(json_equal(json_object_get(all, "services"), json_object_get(whole, "services")));
	CU_ASSERT(queries == want && pages == (want + API_QUERIES - 1) / API_QUERIES);
	json_decref(all);
	/* Who comes while one is under way goes on with it. */
	json_t *first = page("lb.list", NULL, 1000, NULL);
	CU_ASSERT_EQUAL(json_array_size(at(first, "services")), 0);
	all = walked(&pages, &queries);
	CU_ASSERT_EQUAL(queries, want - API_QUERIES);
	CU_ASSERT(json_equal(json_object_get(all, "services"), json_object_get(whole, "services")));
	json_decref(all);
	unsigned before = plane.queried;
	json_t *rest = page("lb.list", NULL, 1000, text(first, "cursor"));
	CU_ASSERT_EQUAL(plane.queried, before); /* the other one has done it */
	CU_ASSERT(json_equal(json_object_get(rest, "services"),
	                     json_object_get(whole, "services")));
	json_decref(rest);
	now += LB_WALK_KEPT_NS;
	rest = page("lb.list", NULL, 1000, text(first, "cursor"));
	CU_ASSERT_EQUAL(plane.queried, before + API_QUERIES); /* its sums were old */
	json_decref(rest);
	now += LB_WALK_LEFT_NS;
	all = walked(&pages, &queries);
	CU_ASSERT_EQUAL(queries, want); /* nobody went on with that one */
	json_decref(all);
	json_decref(first);
	/* Another configuration has other rows: the walk begins anew, the place stays. */
	first = page("lb.list", NULL, 1000, NULL);
	done("service.remove", "{\"name\":\"s0\"}");
	before = plane.queried;
	rest = page("lb.list", NULL, 1000, text(first, "cursor"));
	CU_ASSERT(json_is_string(at(rest, "cursor")) && plane.queried == before + API_QUERIES);
	json_decref(rest);
	json_decref(first);
	plane.gone = true;
	CU_ASSERT_EQUAL(error_of("lb.list", "{\"limit\":5}", "not running"), -32000);
	json_decref(whole);
	end();
}

static const struct test_case cases[] = {
	{"pages together", test_together},
	{"without a limit", test_no_limit},
	{"changes meanwhile", test_changes},
	{"cursors that are made up", test_made_up},
	{"what sums cost", test_costs},
	{"the walk", test_walk},
};
TEST_MAIN("lb_page", cases)
