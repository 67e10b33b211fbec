/* SPDX-License-Identifier: Apache-2.0 */
/* Health beside the configuration: what results, requests and documents make of it in the image. */
#include "api_world.h"
#include "ctl/api/health.h"
#include "ctl/config/config.h"
#include "lb/maglev.h"

static const uint64_t SECOND = 1000000000;
static uint64_t now = 1700000000ull * 1000000000;

static uint64_t
test_clock(void *ctx)
{
	return now;
}

/* document: service web with so many backends from 10.0.0.1 on, checked; and others unchecked. */
static void
document(char *out, size_t size, unsigned n, const char *more)
{
	size_t at = (size_t)snprintf(out, size, "{\"config\":{\"nics\":[{\"name\":\"in\","
	                             "\"device\":\"d\",\"addresses\":[\"10.1.0.1/24\"]}],\"lb\":{"
	                             "\"checks\":[{\"name\":\"c\",\"rise\":1,\"fall\":2%s}],"
	                             "\"services\":[{\"name\":\"free\",\"address\":\"192.0.2.2\","
	                             "\"port\":80,\"backends\":[{\"address\":\"10.0.1.1\"}]},"
	                             "{\"name\":\"web\",\"address\":\"192.0.2.1\",\"port\":80,"
	                             "\"check\":\"c\",\"backends\":[", more);
	for (unsigned i = 1; i <= n; i++)
		at += (size_t)snprintf(out + at, size - at, "%s{\"address\":\"10.0.0.%u\"}",
		                       i > 1 ? "," : "", i);
	snprintf(out + at, size - at, "]}]}}}");
}

static void
apply(unsigned n, const char *more)
{
	char text[4096];
	document(text, sizeof(text), n, more);
	done("config.apply", text);
}

static void
begin_checked(unsigned n)
{
	begin_empty();
	api_set_clock(api, test_clock, NULL);
	apply(n, "");
}

/* target: backend number i of web, whose row follows that of free's only one or precedes it. */
static struct health_target *
target(unsigned i)
{
	struct health *h = api_health(api);
	for (size_t k = 0; k < h->n; k++)
		if (strcmp(h->target[k]->conf.service, "web") == 0 &&
		    h->target[k]->conf.address.b[3] == i)
			return h->target[k];
	return NULL;
}

static void
result(unsigned i, bool good)
{
	now += SECOND;
	health_result(api_health(api), target(i), good, good ? "connected" : "connect: refused",
	              1500000, now);
}

static int
refresh(void)
{
	char err[256];
	return api_health_apply(api, err, sizeof(err));
}

static unsigned
state_of(unsigned i)
{
	return backend_row(target(i)->conf.row)->state;
}

static const uint16_t *
slots(void)
{
	uint32_t n;
	const struct img_lb_service *s = image_rows(plane.image, IMG_LB_SERVICES, &n);
	for (uint32_t i = 0; i < n; i++)
		if (strcmp(s[i].name, "web") == 0)
			return plane.table[s[i].id];
	return NULL;
}

static void
test_down_and_up(void)
{
	enum { N = 10 };
	begin_checked(N);
	uint16_t *before = malloc(MAGLEV_SIZE * sizeof(*before));
	memcpy(before, slots(), MAGLEV_SIZE * sizeof(*before));
	uint64_t generation = plane.image->generation;
	unsigned moved = 0, there = 0;
	for (unsigned i = 1; i <= N; i++)
		result(i, true);
	CU_ASSERT(refresh() == 0 && plane.applied == 1); /* nobody changed for traffic */
	result(3, false);
	CU_ASSERT(refresh() == 0 && state_of(3) == LB_READY);
	result(3, false);
	CU_ASSERT(refresh() == 1 && state_of(3) == LB_DOWN && state_of(2) == LB_READY);
	CU_ASSERT(plane.image->generation == generation + 1 && plane.applied == 2);
	for (unsigned k = 0; k < MAGLEV_SIZE; k++) {
		CU_ASSERT_FATAL(slots()[k] != 2);
		there += before[k] == 2;
		moved += before[k] != 2 && before[k] != slots()[k];
	}
	CU_ASSERT(moved < there); /* Maglev's disruption: few of the others' slots */
	CU_ASSERT(refresh() == 0 && plane.applied == 2);
	result(3, true);
	CU_ASSERT(refresh() == 1 && state_of(3) == LB_READY);
	CU_ASSERT(memcmp(before, slots(), MAGLEV_SIZE * sizeof(*before)) == 0);
	free(before);
	end();
}

/* Many changes make one generation; only the image's document says what is configured. */
static void
test_coalesced(void)
{
	begin_checked(50);
	for (unsigned i = 1; i <= 50; i++)
		result(i, false);
	CU_ASSERT(refresh() == 1 && plane.applied == 2);
	for (unsigned i = 1; i <= 50; i++)
		CU_ASSERT(state_of(i) == LB_DOWN);
	json_t *doc = config_of_image(plane.image);
	CU_ASSERT(json_equal(doc, (json_t *)api_document(api)));
	json_decref(doc);
	json_t *r = result_of("health.events", "{}");
	CU_ASSERT(json_array_size(at(r, "events")) == 50 && number(r, "next") == 50);
	CU_ASSERT_STRING_EQUAL(text(r, "events.0.was"), "unchecked");
	CU_ASSERT_STRING_EQUAL(text(r, "events.0.health"), "down");
	CU_ASSERT_STRING_EQUAL(text(r, "events.0.reason"), "connect: refused");
	json_decref(r);
	end();
}

/* Another document keeps what is known of backends that stay, in its very first generation. */
static void
test_other_document(void)
{
	begin_checked(3);
	result(1, true);
	result(2, false);
	refresh();
	struct health_target *one = target(1), *two = target(2);
	uint64_t since = two->state.since_ns;
	apply(5, ",\"interval_ms\":1000");
	CU_ASSERT(target(1) == one && target(2) == two && two->state.since_ns == since);
	CU_ASSERT(two->conf.check->interval_ms == 1000);
	CU_ASSERT(state_of(2) == LB_DOWN && state_of(1) == LB_READY && plane.applied == 3);
	CU_ASSERT(target(5)->state.verdict == HEALTH_UNCHECKED && state_of(5) == LB_READY);
	CU_ASSERT(refresh() == 0);
	apply(1, "");
	CU_ASSERT(target(2) == NULL && target(1) == one);
	apply(2, "");
	CU_ASSERT(target(2)->state.verdict == HEALTH_UNCHECKED);
	end();
}

/* What is refused, by the compiler or by the data plane, changes nothing. */
static void
test_refused(void)
{
	char params[4096];
	begin_checked(3);
	result(2, false);
	refresh();
	struct health_target *two = target(2);
	struct checks *set = api_health(api)->set;
	plane.refuse = "no room";
	document(params, sizeof(params), 1, "");
	CU_ASSERT(error_of("config.apply", params, "no room") == -32003);
	CU_ASSERT(target(2) == two && two->state.verdict == HEALTH_DOWN && target(3) != NULL);
	CU_ASSERT(api_health(api)->set == set);
	CU_ASSERT(error_of("backend.up", "{\"service\":\"web\",\"address\":\"10.0.0.2\"}",
	                   "no room") == -32003);
	CU_ASSERT(two->forced == HEALTH_AUTO);
	result(3, false);
	CU_ASSERT(refresh() < 0 && api_health(api)->dirty);
	plane.refuse = NULL;
	CU_ASSERT(refresh() == 1 && state_of(3) == LB_DOWN);
	json_t *dry = json_loads(params, 0, NULL);
	json_object_set_new(dry, "dry_run", json_true());
	char *line = json_dumps(dry, 0);
	done("config.apply", line);
	CU_ASSERT(target(2) == two);
	free(line);
	json_decref(dry);
	end();
}

static void
test_forced(void)
{
	static const char one[] = "{\"service\":\"web\",\"address\":\"10.0.0.1\"}";
	static const char free_one[] = "{\"service\":\"free\",\"address\":\"10.0.1.1\"}";
	begin_checked(2);
	result(1, false);
	refresh();
	json_t *r = result_of("backend.up", one);
	CU_ASSERT(json_is_true(at(r, "changed")) &&
	          number(r, "generation") == (long long)plane.image->generation);
	json_decref(r);
	CU_ASSERT(state_of(1) == LB_READY);
	result(1, false); /* checks go on, and change nothing */
	CU_ASSERT(refresh() == 0 && state_of(1) == LB_READY);
	done("backend.down", one);
	CU_ASSERT(state_of(1) == LB_MAINT);
	done("backend.auto", one);
	CU_ASSERT(state_of(1) == LB_DOWN); /* as its check says */
	r = result_of("backend.down", free_one);
	CU_ASSERT(json_is_true(at(r, "changed")));
	json_decref(r);
	r = result_of("backend.list", "{\"service\":\"free\"}");
	CU_ASSERT_STRING_EQUAL(text(r, "backends.0.state"), "ready");
	CU_ASSERT_STRING_EQUAL(text(r, "backends.0.health"), "forced-down");
	json_decref(r);
	done("backend.drain", free_one); /* a document later it is still forced */
	CU_ASSERT(backend_row(1)->state == LB_MAINT || backend_row(2)->state == LB_MAINT);
	CU_ASSERT(error_of("backend.up", "{\"service\":\"web\",\"address\":\"10.0.0.9\"}",
	                   "no backend 10.0.0.9") == -32002);
	CU_ASSERT(error_of("backend.up", "{\"service\":\"wob\",\"address\":\"10.0.0.9\"}",
	                   "no service") == -32002);
	r = result_of("health.events", "{\"since\":1}");
	CU_ASSERT_STRING_EQUAL(text(r, "events.0.health"), "forced-up");
	CU_ASSERT_STRING_EQUAL(text(r, "events.0.was"), "down");
	CU_ASSERT_STRING_EQUAL(text(r, "events.0.reason"), "by request");
	long long next = json_integer_value(json_object_get(r, "next"));
	json_decref(r);
	char since[48];
	snprintf(since, sizeof(since), "{\"since\":%lld}", next);
	r = result_of("health.events", since);
	CU_ASSERT(json_array_size(json_object_get(r, "events")) == 0);
	json_decref(r);
	/* What a daemon before this one counted goes further. */
	snprintf(since, sizeof(since), "{\"since\":%lld}", next + 1);
	r = result_of("health.events", since);
	CU_ASSERT(number(r, "events.0.number") == 0 && number(r, "next") == next);
	json_decref(r);
	end();
}

/* Who is in drain and dies is down, not in maintenance that nobody asked for; use-all leaves it. */
static void
test_dead_in_drain(void)
{
	static const char two[] = "{\"service\":\"web\",\"address\":\"10.0.0.2\"}";
	begin_checked(2);
	done("backend.drain", two);
	CU_ASSERT_EQUAL(state_of(2), LB_DRAIN);
	result(2, false);
	CU_ASSERT(refresh() == 1 && state_of(2) == LB_DOWN && state_of(1) == LB_READY);
	json_t *r = result_of("backend.show", two);
	CU_ASSERT_STRING_EQUAL(text(r, "backend.state"), "drain");
	CU_ASSERT_STRING_EQUAL(text(r, "backend.health"), "down");
	CU_ASSERT_STRING_EQUAL(text(r, "backend.serves_as"), "down");
	json_decref(r);
	r = result_of("lb.list", "{\"service\":\"web\"}");
	CU_ASSERT_STRING_EQUAL(text(r, "services.0.backends.1.state"), "down");
	json_decref(r);
	result(2, true);
	CU_ASSERT(refresh() == 1 && state_of(2) == LB_DRAIN);
	done("backend.down", two); /* both by request: that is maintenance */
	CU_ASSERT_EQUAL(state_of(2), LB_MAINT);
	done("backend.auto", two);
	json_t *doc = json_deep_copy(api_document(api));
	json_object_set_new((json_t *)at(doc, "lb.services.1"), "when_none",
	                    json_string("use-all"));
	json_t *params = json_pack("{s:o}", "config", doc);
	char *line = json_dumps(params, 0);
	done("config.apply", line);
	json_decref(params);
	free(line);
	result(1, false);
	result(2, false);
	result(2, false);
	CU_ASSERT(refresh() == 1 && state_of(2) == LB_DOWN);
	result(1, false); /* nobody is left */
	CU_ASSERT(refresh() == 0 && target(1)->state.verdict == HEALTH_DOWN);
	CU_ASSERT(state_of(1) == LB_READY && state_of(2) == LB_DOWN);
	end();
}

/* A daemon that starts anew goes on with what it knew, and gives the data plane nothing. */
static void
test_restart(void)
{
	char err[256];
	begin_checked(4);
	for (unsigned k = 0; k < 9; k++)
		result(1, k % 2 == 0);
	result(2, false);
	result(3, true);
	done("backend.down", "{\"service\":\"web\",\"address\":\"10.0.0.4\"}");
	CU_ASSERT(refresh() == 0);
	struct health_state was = target(1)->state;
	json_t *saved = health_save(api_health(api));
	char *file = json_dumps(saved, 0);
	json_decref(saved);
	unsigned applied = plane.applied;
	api_destroy(api);
	struct plane_link link = fake_link(&plane);
	api = api_create(&link);
	saved = json_loads(file, 0, NULL);
	health_load(api_health(api), saved);
	CU_ASSERT(api_link_changed(api, err, sizeof(err)) == 0);
	CU_ASSERT(refresh() == 0 && plane.applied == applied);
	CU_ASSERT(target(1)->state.verdict == was.verdict && target(1)->state.falls == was.falls);
	CU_ASSERT(target(1)->state.since_ns == was.since_ns);
	CU_ASSERT(state_of(2) == LB_DOWN && target(2)->state.verdict == HEALTH_DOWN);
	CU_ASSERT(target(2)->checked_ns != 0);
	CU_ASSERT_STRING_EQUAL(health_word(target(3)), "up");
	CU_ASSERT_STRING_EQUAL(health_word(target(4)), "forced-down");
	CU_ASSERT(api_health(api)->events == 0);
	json_decref(saved);
	free(file);
	end();
}

/* Files that are no such state, or hold nonsense, are as good as none. */
static void
test_bad_file(void)
{
	static const char *const files[] = {
		"3", "{}", "{\"version\":2,\"backends\":{}}", "{\"version\":1,\"backends\":7}",
		"{\"version\":1,\"backends\":{\"tcp 192.0.2.1:80 10.0.0.1:80\":7}}",
		"{\"version\":1,\"backends\":{\"tcp 192.0.2.1:80 10.0.0.1:80\":{\"verdict\":\"x\","
		"\"forced\":1,\"held\":true,\"since\":-1,\"falls\":[1,2,3,4,5,6,7,8,9,10,11,12]}}}",
	};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		json_t *saved = json_loads(files[i], JSON_DECODE_ANY, NULL);
		begin_empty();
		health_load(api_health(api), saved);
		apply(2, "");
		CU_ASSERT(target(1)->state.verdict == HEALTH_UNCHECKED && !target(1)->state.held);
		CU_ASSERT(target(1)->state.falls <= CHECK_MAX_FALLS && target(1)->forced == 0);
		json_decref(saved);
		end();
	}
}

static void
test_start_down(void)
{
	begin_empty();
	apply(2, ",\"start\":\"down\"");
	CU_ASSERT(state_of(1) == LB_DOWN && state_of(2) == LB_DOWN);
	result(1, true);
	CU_ASSERT(refresh() == 1 && state_of(1) == LB_READY && state_of(2) == LB_DOWN);
	end();
}

static void
test_list(void)
{
	begin_checked(5);
	result(2, false);
	json_t *r = result_of("health.list", "{\"service\":\"web\",\"limit\":2}");
	CU_ASSERT(json_array_size(at(r, "backends")) == 2 && json_is_string(at(r, "cursor")));
	CU_ASSERT(json_is_null(at(r, "backends.0.checked")));
	CU_ASSERT_STRING_EQUAL(text(r, "backends.0.health"), "unchecked");
	CU_ASSERT_STRING_EQUAL(text(r, "backends.1.health"), "down");
	CU_ASSERT_STRING_EQUAL(text(r, "backends.1.reason"), "connect: refused");
	CU_ASSERT_STRING_EQUAL(text(r, "backends.1.check"), "c");
	CU_ASSERT(json_real_value(at(r, "backends.1.latency_ms")) == 1.5);
	json_decref(r);
	r = result_of("health.list", "{}");
	CU_ASSERT(json_array_size(at(r, "backends")) == 6 && json_is_null(at(r, "cursor")));
	json_decref(r);
	r = result_of("health.list", "{\"service\":\"free\"}");
	CU_ASSERT_STRING_EQUAL(text(r, "backends.0.health"), "none");
	json_decref(r);
	CU_ASSERT(error_of("health.list", "{\"service\":\"wob\"}", "wob") == -32002);
	end();
}

/* Services of IPv6 whose addresses begin alike, with a backend of IPv4: two targets, not one. */
static void
test_across_families(void)
{
	begin_empty();
	api_set_clock(api, test_clock, NULL);
	for (unsigned i = 0; i < 3; i++) {
		char params[1024];
		snprintf(params, sizeof(params), "{\"config\":{\"nics\":[{\"name\":\"in\","
		         "\"device\":\"d\",\"addresses\":[\"10.0.0.254/24\"]}],\"lb\":{"
		         "\"checks\":[{\"name\":\"c\",\"interval_ms\":%u}],\"services\":["
		         "{\"name\":\"a\",\"address\":\"2001:db8:2::25\",\"port\":80,"
		         "\"check\":\"c\",\"mode\":\"ipip\",\"backends\":[{\"address\":"
		         "\"10.0.0.1\"}]},"
		         "{\"name\":\"web\",\"address\":\"2001:db8:2::26\",\"port\":80,"
		         "\"mode\":\"ipip\",\"check\":\"c\",\"backends\":[{\"address\":"
		         "\"10.0.0.1\"}]}]}}}", 1000 + i);
		done("config.apply", params);
		struct health *h = api_health(api);
		CU_ASSERT_FATAL(h->n == 2 && h->target[0] != h->target[1]);
		CU_ASSERT(strcmp(h->target[0]->key, h->target[1]->key) != 0);
	}
	result(1, false);
	CU_ASSERT(refresh() == 1 && state_of(1) == LB_DOWN);
	CU_ASSERT_EQUAL(backend_row(0)->state, LB_READY);
	end();
}

static const struct test_case cases[] = {
	{"down and up", test_down_and_up},
	{"many changes, one generation", test_coalesced},
	{"another document", test_other_document},
	{"what is refused", test_refused},
	{"forced", test_forced},
	{"dead while in drain", test_dead_in_drain},
	{"a daemon starts anew", test_restart},
	{"files that are wrong", test_bad_file},
	{"down until checked", test_start_down},
	{"the list", test_list},
	{"services of one family, backends of the other", test_across_families},
};
TEST_MAIN("health", cases)
