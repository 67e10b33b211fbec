/* SPDX-License-Identifier: Apache-2.0 */
/* Drains with a deadline and slow starts, over a clock moved by hand, as the image has them. */
#include "api_time.h"
#include "ctl/api/health.h"
#include "lb/state.h"

static void
apply(const char *members, const char *backends)
{
	apply_web("", members, backends);
}

#define TWO "{\"address\":\"10.0.0.1\"},{\"address\":\"10.0.0.2\"}"
static const char one[] = "{\"service\":\"web\",\"address\":\"10.0.0.1\"}";

static void
begin_at(const char *members, const char *backends)
{
	begin_web("", members, backends);
}

static void
flows(unsigned row, uint64_t live)
{
	struct stats_backend *b = &stats_backends(plane.stats, 1)[backend_row(row)->id];
	b->opened = 1000;
	b->ended = 1000 - live;
}

static void
test_deadline(void)
{
	static const char drain[] =
		"{\"service\":\"web\",\"address\":\"10.0.0.1\",\"deadline\":30}";
	begin_at("", TWO);
	done("backend.drain", drain);
	CU_ASSERT_EQUAL(backend_row(0)->state, LB_DRAIN);
	CU_ASSERT_EQUAL(pass(29), 0);
	CU_ASSERT_EQUAL(backend_row(0)->state, LB_DRAIN);
	CU_ASSERT_EQUAL(pass(1), 1);
	CU_ASSERT_EQUAL(backend_row(0)->state, LB_OVER);
	CU_ASSERT_EQUAL(pass(100), 0);
	done("backend.ready", one);
	CU_ASSERT_EQUAL(backend_row(0)->state, LB_READY);
	json_t *doc = result_of("config.get", "{}");
	CU_ASSERT_PTR_NULL(at(doc, "config.lb.services.0.backends.0.deadline"));
	CU_ASSERT_STRING_EQUAL(text(doc, "config.lb.services.0.backends.0.state"), "ready");
	json_decref(doc);
	done("backend.drain", drain); /* a drain of its own, with a time of its own */
	CU_ASSERT_EQUAL(pass(29), 0);
	CU_ASSERT_EQUAL(pass(1), 1);
	end();
}

/* The service's deadline is for all, a backend's own is before it, and 0 is none. */
static void
test_deadlines(void)
{
	begin_at("\"drain\":{\"deadline\":10,\"then\":\"move\"},",
	         "{\"address\":\"10.0.0.1\",\"state\":\"drain\"},"
	         "{\"address\":\"10.0.0.2\",\"state\":\"drain\",\"deadline\":20},"
	         "{\"address\":\"10.0.0.3\",\"state\":\"drain\",\"deadline\":0}");
	uint32_t n;
	const struct img_lb_service *s = image_rows(plane.image, IMG_LB_SERVICES, &n);
	CU_ASSERT(s->over == LB_FATE_MOVE && s->dead == LB_FATE_MOVE);
	CU_ASSERT_EQUAL(pass(10), 1);
	CU_ASSERT(backend_row(0)->state == LB_OVER && backend_row(1)->state == LB_DRAIN);
	CU_ASSERT_EQUAL(pass(10), 1);
	CU_ASSERT(backend_row(1)->state == LB_OVER && backend_row(2)->state == LB_DRAIN);
	CU_ASSERT_EQUAL(pass(3000), 0);
	end();
}

/* Flows left, and when they are gone if they go on as they did: 10 a second. */
static void
test_estimate(void)
{
	static const char drain[] =
		"{\"service\":\"web\",\"address\":\"10.0.0.1\",\"deadline\":300}";
	begin_at("", TWO);
	json_t *r = result_of("backend.show", one);
	CU_ASSERT(json_is_null(at(r, "backend.drain")));
	json_decref(r);
	flows(0, 900);
	done("backend.drain", drain);
	turn();
	r = result_of("backend.show", one);
	CU_ASSERT_EQUAL(number(r, "backend.drain.flows_left"), 900);
	CU_ASSERT(json_is_null(at(r, "backend.drain.expected_end"))); /* nothing is known yet */
	json_decref(r);
	for (unsigned i = 1; i <= 20; i++) {
		flows(0, 900 - 10 * i);
		pass(1);
	}
	r = result_of("backend.show", one);
	CU_ASSERT_EQUAL(number(r, "backend.drain.flows_left"), 700);
	double from = json_number_value(at(r, "backend.drain.since"));
	CU_ASSERT(from == (double)BEGIN / 1e9);
	CU_ASSERT(json_number_value(at(r, "backend.drain.deadline")) == from + 300);
	double expected = json_number_value(at(r, "backend.drain.expected_end"));
	CU_ASSERT(expected > from + 85 && expected < from + 95);
	json_decref(r);
	pass(70); /* nothing ends any more: the last minute says so */
	r = result_of("backend.show", one);
	CU_ASSERT(json_is_null(at(r, "backend.drain.expected_end")));
	json_decref(r);
	end();
}

static unsigned
percent(unsigned row)
{
	const struct img_lb_backend *b = backend_row(row);
	return lb_state_share(b) * 10;
}

/* Slots of the table that row 1 has, of 1000. */
static unsigned
share(void)
{
	uint32_t n, has = 0;
	const struct img_lb_service *s = image_rows(plane.image, IMG_LB_SERVICES, &n);
	for (uint32_t i = 0; i < MAGLEV_SIZE; i++)
		has += plane.table[s->id][i] == 1;
	return has * 1000 / MAGLEV_SIZE;
}

/* Ten steps, of equal length: 10 % at once, all after 9/10 of the time. */
static void
test_slow_start(void)
{
	begin_at("\"slow_start\":20,", "{\"address\":\"10.0.0.1\"}");
	CU_ASSERT_EQUAL(pass(30), 0); /* a new service: nobody to spare */
	CU_ASSERT_EQUAL(percent(0), 100);
	apply("\"slow_start\":20,", TWO);
	for (unsigned second = 0; second < 30; second++) {
		unsigned step = second / 2 < 10 ? second / 2 + 1 : 10;
		unsigned want = 1000 * step / (10 + step);
		CU_ASSERT_EQUAL(percent(0), 100);
		CU_ASSERT_EQUAL(percent(1), 10 * step);
		CU_ASSERT(share() + 3 > want && share() < want + 3);
		json_t *r = result_of("backend.list", "{}");
		CU_ASSERT_EQUAL(json_is_null(at(r, "backends.1.slow_start")), second >= 18);
		if (second < 18)
			CU_ASSERT_EQUAL(number(r, "backends.1.slow_start.percent"), 10 * step);
		json_decref(r);
		pass(1);
	}
	end();
}

/* After drain, maintenance and being down it starts slowly, too; and not when nothing happened. */
static void
test_ready_again(void)
{
	static const char *const out[][2] = {{"backend.drain", "backend.ready"},
		{"backend.maint", "backend.ready"}, {"backend.down", "backend.auto"}};
	begin_at("\"slow_start\":10,", TWO);
	for (unsigned i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(percent(0), 100);
		done(out[i][0], one);
		CU_ASSERT_EQUAL(percent(0), 0);
		pass(5);
		done(out[i][1], one);
		CU_ASSERT_EQUAL(percent(0), 10);
		CU_ASSERT_EQUAL(pass(4), 4);
		CU_ASSERT_EQUAL(percent(0), 50);
		done("backend.weight",
		     "{\"service\":\"web\",\"address\":\"10.0.0.2\",\"weight\":2}");
		CU_ASSERT_EQUAL(percent(0), 50); /* another document: it goes on */
		done("backend.weight",
		     "{\"service\":\"web\",\"address\":\"10.0.0.2\",\"weight\":1}");
		CU_ASSERT_EQUAL(pass(20), 5);
	}
	end();
}

/* A clock that is set back makes neither longer than it was to be from then on. */
static void
test_clock_set_back(void)
{
	static const char drain[] =
		"{\"service\":\"web\",\"address\":\"10.0.0.1\",\"deadline\":30}";
	static const char second[] = "{\"service\":\"web\",\"address\":\"10.0.0.2\"}";
	begin_at("\"slow_start\":20,", TWO);
	done("backend.drain", drain);
	done("backend.down", second);
	done("backend.auto", second);
	pass(10);
	CU_ASSERT_EQUAL(percent(1), 60);
	now -= 3600 * SECOND;
	turn();
	CU_ASSERT_EQUAL(percent(1), 10);
	pass(20);
	CU_ASSERT(percent(1) == 100 && backend_row(0)->state == LB_DRAIN);
	CU_ASSERT_EQUAL(api_health(api)->target[0]->samples.n, 5); /* every 5 s, since then */
	pass(10);
	CU_ASSERT_EQUAL(backend_row(0)->state, LB_OVER);
	end();
}

/* A document that is refused leaves no trace of a drain. */
static void
test_refused(void)
{
	static const char drain[] =
		"{\"service\":\"web\",\"address\":\"10.0.0.1\",\"deadline\":30}";
	begin_at("", TWO);
	plane.refuse = "not today";
	json_decref(call("backend.drain", drain));
	plane.refuse = NULL;
	CU_ASSERT_EQUAL(api_health(api)->target[0]->course.drain_ns, 0);
	pass(20);
	done("backend.drain", drain);
	CU_ASSERT_EQUAL(pass(29), 0); /* from when it was taken on */
	CU_ASSERT_EQUAL(pass(1), 1);
	end();
}

/* A daemon that starts anew goes on with both. */
static void
test_daemon_anew(void)
{
	static const char drain[] =
		"{\"service\":\"web\",\"address\":\"10.0.0.1\",\"deadline\":30}";
	static const char second[] = "{\"service\":\"web\",\"address\":\"10.0.0.2\"}";
	char err[256];
	begin_at("\"slow_start\":30,", TWO ",{\"address\":\"10.0.0.3\"}");
	done("backend.drain", drain);
	done("backend.down", second);
	done("backend.auto", second);
	pass(10);
	CU_ASSERT_EQUAL(percent(1), 40);
	uint64_t changes = api_health(api)->changes;
	CU_ASSERT(changes != 0);
	json_t *saved = health_save(api_health(api));
	api_destroy(api);
	struct plane_link link = fake_link(&plane);
	api = api_create(&link);
	api_set_clock(api, test_clock, NULL);
	health_load(api_health(api), saved);
	json_decref(saved);
	CU_ASSERT_EQUAL(api_link_changed(api, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(turn(), 0);
	CU_ASSERT(percent(1) == 40 && percent(2) == 100 && backend_row(0)->state == LB_DRAIN);
	CU_ASSERT_EQUAL(pass(19), 6);
	CU_ASSERT_EQUAL(backend_row(0)->state, LB_DRAIN);
	CU_ASSERT_EQUAL(pass(1), 1);
	CU_ASSERT_EQUAL(backend_row(0)->state, LB_OVER);
	end();
}

/* Groups and use-all follow health: in the image, and in what is shown. */
static void
test_groups(void)
{
	begin_at("\"when_none\":\"use-all\",",
	         TWO ",{\"address\":\"10.0.0.3\",\"priority\":1}");
	CU_ASSERT(backend_row(0)->state == LB_READY && backend_row(2)->state == LB_STANDBY);
	done("backend.drain", one);
	CU_ASSERT(backend_row(2)->state == LB_STANDBY);
	done("backend.maint", "{\"service\":\"web\",\"address\":\"10.0.0.2\"}");
	CU_ASSERT(backend_row(1)->state == LB_MAINT && backend_row(2)->state == LB_READY);
	json_t *r = result_of("backend.list", "{}");
	CU_ASSERT_STRING_EQUAL(text(r, "backends.1.state"), "maint");
	CU_ASSERT_STRING_EQUAL(text(r, "backends.2.serves_as"), "ready");
	json_decref(r);
	done("backend.ready", one);
	CU_ASSERT(backend_row(0)->state == LB_READY && backend_row(2)->state == LB_STANDBY);
	r = result_of("backend.show", "{\"service\":\"web\",\"address\":\"10.0.0.3\"}");
	CU_ASSERT_STRING_EQUAL(text(r, "backend.state"), "ready");
	CU_ASSERT_STRING_EQUAL(text(r, "backend.serves_as"), "standby");
	json_decref(r);
	done("backend.down", one); /* by request: use-all does not take it */
	done("backend.maint", "{\"service\":\"web\",\"address\":\"10.0.0.3\"}");
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT(backend_row(i)->state == LB_MAINT);
	end();
}

/* use-all: all checks fail, so all are used; the first that works again is alone. */
static void
test_use_all(void)
{
	begin_empty();
	now = BEGIN;
	api_set_clock(api, test_clock, NULL);
	done("config.apply", "{\"config\":{\"nics\":[{\"name\":\"in\",\"device\":\"d\","
	     "\"addresses\":[\"10.1.0.1/24\"]}],\"lb\":{\"checks\":[{\"name\":\"c\",\"fall\":1,"
	     "\"rise\":1}],\"services\":[{\"name\":\"web\",\"address\":\"192.0.2.1\","
	     "\"port\":80,\"check\":\"c\",\"when_none\":\"use-all\",\"backends\":[" TWO
	     ",{\"address\":\"10.0.0.3\",\"state\":\"drain\"}]}]}}}");
	struct health *h = api_health(api);
	for (unsigned i = 0; i < 3; i++)
		health_result(h, h->target[i], false, "refused", 1, now);
	turn();
	CU_ASSERT(backend_row(0)->state == LB_READY && backend_row(1)->state == LB_READY);
	CU_ASSERT_EQUAL(backend_row(2)->state, LB_DOWN); /* draining and dead: not taken */
	json_t *r = result_of("backend.list", "{}");
	CU_ASSERT_STRING_EQUAL(text(r, "backends.0.health"), "down");
	CU_ASSERT_STRING_EQUAL(text(r, "backends.0.serves_as"), "ready");
	json_decref(r);
	health_result(h, h->target[1], true, "connected", 1, now);
	turn();
	CU_ASSERT(backend_row(0)->state == LB_DOWN && backend_row(1)->state == LB_READY);
	end();
}

static const struct test_case cases[] = {
	{"a deadline", test_deadline},
	{"deadlines of service and backend", test_deadlines},
	{"what is left, and until when", test_estimate},
	{"a slow start", test_slow_start},
	{"ready again", test_ready_again},
	{"a clock that is set back", test_clock_set_back},
	{"a document that is refused", test_refused},
	{"a daemon starts anew", test_daemon_anew},
	{"groups", test_groups},
	{"use all", test_use_all},
};
TEST_MAIN("drain", cases)
