/* SPDX-License-Identifier: Apache-2.0 */
/* Rates, and backends that are lowered by handshakes that fail: over a clock moved by hand. */
#include "api_time.h"
#include "ctl/api/health.h"

/* The machine as somebody would write it who has all the time: what it did is in a list. */
struct slow {
	enum passive_change change[4000];
	uint64_t at[4000];
	unsigned n;
};

static bool
slow_is_down(const struct slow *m)
{
	return m->n != 0 && m->change[m->n - 1] == PASSIVE_FELL;
}

static enum passive_change
slow_step(struct slow *m, const struct passive_rule *r, uint64_t failed, uint64_t of, bool spare,
          uint64_t t)
{
	enum passive_change c = PASSIVE_SAME;
	if (slow_is_down(m)) {
		double down_s = ((double)t - (double)m->at[m->n - 1]) / 1e9;
		if (r->failures == 0 || !spare || down_s >= r->hold_s || down_s < 0)
			c = PASSIVE_ROSE;
	} else if (spare && r->failures > 0 && failed >= r->failures && of > 0 &&
	           100.0 * (double)failed / (double)of >= r->share) {
		c = PASSIVE_FELL;
	}
	if (c != PASSIVE_SAME) {
		m->change[m->n] = c;
		m->at[m->n++] = t;
	}
	return c;
}

static void
test_machine(void)
{
	uint64_t rng = test_seed();
	unsigned falls = 0, rises = 0;
	for (unsigned round = 0; round < 200; round++) {
		static struct slow m;
		struct passive_state s = {0};
		struct passive_rule r = {.failures = (uint32_t)(test_random(&rng) % 6),
			.share = 1 + (uint32_t)(test_random(&rng) % 100), .window_s = 10,
			.hold_s = 1 + (uint32_t)(test_random(&rng) % 20)};
		uint64_t t = BEGIN;
		m.n = 0;
		for (unsigned i = 0; i < 300; i++) {
			uint64_t failed = test_random(&rng) % 10;
			uint64_t of = failed + test_random(&rng) % 20;
			bool spare = test_random(&rng) % 8 != 0;
			if (test_random(&rng) % 100 == 0)
				t -= 5 * SECOND; /* a clock is set */
			if (test_random(&rng) % 100 == 0)
				r.failures = (uint32_t)(test_random(&rng) % 6);
			enum passive_change c = passive_step(&s, &r, failed, of, spare, t);
			CU_ASSERT_EQUAL(c, slow_step(&m, &r, failed, of, spare, t));
			CU_ASSERT_EQUAL(s.down_ns != 0, slow_is_down(&m));
			CU_ASSERT(c != PASSIVE_FELL || (s.failed == failed && s.of == of));
			falls += c == PASSIVE_FELL;
			rises += c == PASSIVE_ROSE;
			t += SECOND;
		}
	}
	CU_ASSERT(falls > 500 && rises > 500);
}

#define THREE "{\"address\":\"10.0.0.1\"},{\"address\":\"10.0.0.2\"},{\"address\":\"10.0.0.3\"}"

static const char check[] = "\"checks\":[{\"name\":\"c\",\"fall\":1,\"rise\":1}],";

static void
apply(const char *members, const char *backends)
{
	apply_web(check, members, backends);
}

static void
begin_at(const char *members, const char *backends)
{
	begin_web(check, members, backends);
}

static struct stats_backend *
counters(unsigned row)
{
	return &stats_backends(plane.stats, 1 + row % 2)[backend_row(row)->id];
}

static const char *
reason(unsigned event)
{
	const struct health *h = api_health(api);
	return event < h->events ? h->event[event].reason : "(none)";
}

static uint8_t
state(unsigned row)
{
	return backend_row(row)->state;
}

/* Down by its share of the window, back after the hold; what came before counts no more. */
static void
test_down_and_back(void)
{
	begin_at("\"passive\":{\"failures\":5,\"share\":50,\"window\":10,\"hold\":20},", THREE);
	pass(3);
	counters(0)->answered += 6;
	counters(0)->refused += 5; /* 5 of 11 */
	CU_ASSERT_EQUAL(pass(9), 0);
	CU_ASSERT_EQUAL(pass(3), 0); /* out of the window, good and bad */
	counters(0)->refused += 2;
	counters(0)->unanswered += 2;
	CU_ASSERT_EQUAL(pass(2), 0); /* 4 of 4 are too few */
	counters(0)->unanswered += 1;
	counters(0)->answered += 5;
	CU_ASSERT_EQUAL(pass(1), 1);
	CU_ASSERT_EQUAL(state(0), LB_DOWN);
	CU_ASSERT_STRING_EQUAL(reason(0), "passive: 5 of 10 handshakes failed");
	json_t *r = result_of("health.list", "{}");
	CU_ASSERT_STRING_EQUAL(text(r, "backends.0.health"), "down");
	CU_ASSERT_STRING_EQUAL(text(r, "backends.0.reason"), "passive: 5 of 10 handshakes failed");
	CU_ASSERT(json_number_value(at(r, "backends.0.since")) == (double)now / 1e9);
	json_decref(r);
	counters(0)->unanswered += 50; /* those that were under way */
	CU_ASSERT_EQUAL(pass(19), 0);
	CU_ASSERT_EQUAL(pass(1), 1);
	CU_ASSERT_EQUAL(state(0), LB_READY);
	CU_ASSERT_STRING_EQUAL(reason(1), "passive: held long enough");
	CU_ASSERT_EQUAL(pass(30), 0);
	counters(0)->refused += 5;
	CU_ASSERT_EQUAL(pass(1), 1);
	CU_ASSERT_EQUAL(state(0), LB_DOWN);
	end();
}

/* Never the last one, whoever holds the others: and when the last goes, the others are back. */
static void
test_the_last(void)
{
	static const char second[] = "{\"service\":\"web\",\"address\":\"10.0.0.2\"}";
	begin_at("\"passive\":{\"failures\":1},", THREE);
	pass(1);
	for (unsigned row = 0; row < 3; row++)
		counters(row)->refused += 9;
	CU_ASSERT_EQUAL(pass(1), 1);
	CU_ASSERT(state(0) == LB_DOWN && state(1) == LB_DOWN && state(2) == LB_READY);
	CU_ASSERT_EQUAL(pass(5), 0);
	done("backend.drain", "{\"service\":\"web\",\"address\":\"10.0.0.3\"}");
	turn();
	CU_ASSERT(state(0) == LB_READY || state(1) == LB_READY);
	CU_ASSERT_EQUAL(state(2), LB_DRAIN);
	CU_ASSERT_STRING_EQUAL(reason(2), "passive: no other backend is healthy");
	done("backend.up", second); /* what was forced is before it */
	turn();
	CU_ASSERT_EQUAL(state(1), LB_READY);
	end();
}

/* A backend that a check holds down is none that could spare another. */
static void
test_checks_beside(void)
{
	begin_at("\"check\":\"c\",\"passive\":{\"failures\":1,\"hold\":5},",
	         "{\"address\":\"10.0.0.1\"},{\"address\":\"10.0.0.2\"}");
	struct health *h = api_health(api);
	health_result(h, h->target[1], false, "refused", 1, now);
	health_result(h, h->target[0], true, "connected", 1, now);
	pass(1);
	counters(0)->refused += 9;
	CU_ASSERT_EQUAL(pass(3), 0);
	CU_ASSERT(state(0) == LB_READY && state(1) == LB_DOWN);
	health_result(h, h->target[1], true, "connected", 1, now);
	CU_ASSERT_EQUAL(pass(1), 2); /* it is up; then the other one can go */
	CU_ASSERT(state(0) == LB_DOWN && state(1) == LB_READY);
	health_result(h, h->target[0], false, "refused", 1, now);
	pass(10); /* the hold is over, but its check has failed */
	CU_ASSERT_EQUAL(state(0), LB_DOWN);
	health_result(h, h->target[0], true, "connected", 1, now);
	turn();
	CU_ASSERT_EQUAL(state(0), LB_READY);
	end();
}

/* A rule that goes takes its verdicts along; a daemon that starts anew keeps them. */
static void
test_rule_and_daemon(void)
{
	char err[256];
	begin_at("\"passive\":{\"failures\":1,\"hold\":30},", THREE);
	pass(1);
	counters(0)->refused += 1;
	pass(1);
	CU_ASSERT_EQUAL(state(0), LB_DOWN);
	json_t *saved = health_save(api_health(api));
	api_destroy(api);
	struct plane_link link = fake_link(&plane);
	api = api_create(&link);
	api_set_clock(api, test_clock, NULL);
	health_load(api_health(api), saved);
	json_decref(saved);
	CU_ASSERT_EQUAL(api_link_changed(api, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(pass(29), 0);
	CU_ASSERT_EQUAL(state(0), LB_DOWN);
	CU_ASSERT_EQUAL(pass(1), 1);
	CU_ASSERT_EQUAL(state(0), LB_READY);
	counters(0)->refused += 1;
	pass(1);
	CU_ASSERT_EQUAL(state(0), LB_DOWN);
	uint64_t events = api_health(api)->events;
	apply("", THREE);
	CU_ASSERT_EQUAL(state(0), LB_READY);
	CU_ASSERT_STRING_EQUAL(reason((unsigned)events), "passive: no longer asked for");
	pass(1);
	CU_ASSERT_EQUAL(api_health(api)->events, events + 1);
	apply("\"passive\":{\"failures\":1,\"hold\":30},", THREE);
	pass(1);
	CU_ASSERT_EQUAL(state(0), LB_READY);
	end();
}

/* Rates against a list of what was counted each second; another data plane begins anew. */
static void
test_rates(void)
{
	static const unsigned spans[] = {1, 10, 60};
	static const char *const names[] = {"services.0.backends.0.rate.1s",
		"services.0.backends.0.rate.10s", "services.0.backends.0.rate.60s"};
	static const char *const all[] = {"services.0.rate.1s", "services.0.rate.10s",
		"services.0.rate.60s"};
	static uint64_t opened[300];
	static struct cmd_backend none;
	uint64_t rng = test_seed(), sum = UINT32_MAX - 500; /* over the carry of what is kept */
	begin_at("", THREE);
	plane.answer[CMD_BACKENDS].rows = &none;
	plane.answer[CMD_BACKENDS].row_size = sizeof(none);
	for (unsigned i = 0; i < 300; i++, now += SECOND) {
		unsigned from = i < 200 ? 0 : 200;
		if (i == 200)
			plane.stats->start_time_ns++;
		sum = i == 200 ? 0 : sum + test_random(&rng) % 100;
		opened[i] = sum;
		counters(0)->opened = sum;
		counters(1)->opened = 2 * (uint64_t)(i - from); /* two a second */
		api_turn(api);
		json_t *r = result_of("lb.list", "{}");
		for (unsigned k = 0; k < 3; k++) {
			const json_t *have = at(r, names[k]);
			if (i < from + spans[k]) {
				CU_ASSERT(json_is_null(have) && json_is_null(at(r, all[k])));
				continue;
			}
			double want = (double)(opened[i] - opened[i - spans[k]]) / spans[k];
			CU_ASSERT_DOUBLE_EQUAL(json_number_value(have), want, 1e-9);
			CU_ASSERT_DOUBLE_EQUAL(json_number_value(at(r, all[k])), want + 2, 1e-9);
		}
		json_decref(r);
	}
	end();
}

static void
test_refused(void)
{
	static const char format[] = "{\"config\":{\"nics\":[{\"name\":\"in\",\"device\":\"d\","
		"\"addresses\":[\"10.1.0.1/24\"]}],\"lb\":{\"services\":[{\"name\":\"web\","
		"\"address\":\"192.0.2.1\",\"port\":80,%s,\"backends\":[" THREE "]}]}}}";
	static const struct { const char *members, *says; } bad[] = {
		{"\"protocol\":\"udp\",\"passive\":{\"failures\":1}", "has no handshakes"},
		{"\"mode\":\"dsr\",\"passive\":{\"failures\":1}", "do not pass through here"},
		{"\"passive\":{\"window\":61}", "passive.window"},
		{"\"passive\":{\"share\":0}", "passive.share"},
		{"\"passive\":{\"hold\":0}", "passive.hold"},
	};
	begin_empty();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char params[2048];
		snprintf(params, sizeof(params), format, bad[i].members);
		CU_ASSERT_EQUAL(error_of("config.apply", params, bad[i].says), -32001);
	}
	end();
}

static const struct test_case cases[] = {
	{"the machine", test_machine},
	{"down and back", test_down_and_back},
	{"the last one", test_the_last},
	{"checks beside it", test_checks_beside},
	{"a rule goes, a daemon starts anew", test_rule_and_daemon},
	{"rates", test_rates},
	{"refused", test_refused},
};
TEST_MAIN("passive", cases)
