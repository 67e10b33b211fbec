/* SPDX-License-Identifier: Apache-2.0 */
/* What the balancer counts of handshakes: how they end, and after what time. */
#include "lb_world.h"
#include "leaving.h"

static struct lb_world *w;
static void *lb;

static void
setup(void)
{
	w = world_new();
	world_build(w, 1, false);
	lb = world_policy(w, 0);
}

static void
teardown(void)
{
	lb_destroy(lb);
	world_free(w);
}

/* place_of: by looking, not by counting bits. */
static unsigned
place_of(uint64_t ns)
{
	unsigned i = 0;
	while (stats_wait_below(i) != 0 && ns >= stats_wait_below(i))
		i++;
	return i;
}

static void
test_places(void)
{
	CU_ASSERT_EQUAL(stats_wait_below(0), 16384);
	CU_ASSERT_EQUAL(stats_wait_below(STATS_WAITS - 2), 1ull << 32);
	CU_ASSERT_EQUAL(stats_wait_below(STATS_WAITS - 1), 0);
	CU_ASSERT_EQUAL(stats_wait(0), 0);
	CU_ASSERT_EQUAL(stats_wait(UINT64_MAX), STATS_WAITS - 1);
	for (unsigned bit = 0; bit < 64; bit++)
		for (int more = -1; more <= 1; more++) {
			uint64_t ns = (1ull << bit) + (uint64_t)(int64_t)more;
			CU_ASSERT_EQUAL(stats_wait(ns), place_of(ns));
		}
}

enum { ANSWERED, REFUSED, UNANSWERED, NOTHING };

/* one: a flow in this state whose first answer is this, or which ends without one. => its fate. */
static unsigned
one(uint8_t state, int event, uint32_t idle_ms)
{
	struct stats_backend *b = &w->counters[500], was = *b;
	struct flow f = {.owner = 500, .state = state, .seen_ms = 77};
	struct tuple t[2] = {{.family = FAMILY_V4}, {.family = FAMILY_V4}};
	if (event >= 0) {
		lb_policy.answered(lb, &f, (unsigned)event, 5000000);
		f.flags = FLOW_ANSWERED;
		f.state = conn_next[state][1][event];
	}
	b->opened++;
	leaving_end(&lb_policy, lb, &f, t, 77 + idle_ms);
	uint64_t counted = b->answered - was.answered + b->refused - was.refused +
	                   b->unanswered - was.unanswered;
	CU_ASSERT(counted <= 1);
	CU_ASSERT_EQUAL(b->waited[place_of(5000000)] - was.waited[place_of(5000000)],
	                b->answered - was.answered);
	if (counted == 0)
		return NOTHING;
	return b->answered != was.answered ? ANSWERED : b->refused != was.refused ? REFUSED :
	       UNANSWERED;
}

static void
test_fates(void)
{
	static const struct {
		uint8_t state;
		int event;
		uint32_t idle_ms;
		unsigned fate;
	} rows[] = {
		{CONN_TCP_SYN, EV_SYN, 5, ANSWERED},
		{CONN_TCP_SYN, EV_OPEN, 5, ANSWERED},  /* both open at once */
		{CONN_TCP_SYN, EV_RST, 5, REFUSED},
		{CONN_TCP_SYN, EV_RST, 60000, REFUSED},
		{CONN_TCP_SYN, EV_OTHER, 60000, NOTHING}, /* of an older connection */
		{CONN_TCP_SYN, EV_FIN, 60000, NOTHING},
		{CONN_TCP_SYN, -1, 60000, UNANSWERED},
		{CONN_TCP_SYN, -1, LB_PATIENCE_MS, UNANSWERED},
		{CONN_TCP_SYN, -1, LB_PATIENCE_MS - 1, NOTHING}, /* not given the time */
		{CONN_TCP_TRANS, -1, 60000, NOTHING},  /* the client gave up */
		{CONN_TCP_TRANS, EV_SYN, 5, NOTHING},
		{CONN_TCP_MID, EV_RST, 5, NOTHING},
		{CONN_TCP_MID, EV_OTHER, 5, NOTHING},
		{CONN_TCP_MID, -1, 60000, NOTHING},
		{CONN_TCP_EST, -1, 60000, NOTHING},
		{CONN_UDP_NEW, EV_OTHER, 5, NOTHING},
		{CONN_UDP_NEW, -1, 60000, NOTHING},
	};
	setup();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CU_ASSERT_EQUAL(one(rows[i].state, rows[i].event, rows[i].idle_ms), rows[i].fate);
	teardown();
}

/* Many handshakes of many lengths: each place has as many as a list of them says. */
static void
test_histogram(void)
{
	uint64_t rng = test_seed(), sum = 0;
	static uint64_t waits[5000];
	setup();
	for (unsigned i = 0; i < 5000; i++) {
		waits[i] = test_random(&rng) >> (20 + test_random(&rng) % 40);
		struct flow f = {.owner = 501, .state = CONN_TCP_SYN};
		lb_policy.answered(lb, &f, EV_SYN, waits[i]);
	}
	for (unsigned place = 0; place < STATS_WAITS; place++) {
		uint64_t from = place == 0 ? 0 : stats_wait_below(place - 1), want = 0;
		uint64_t below = stats_wait_below(place);
		below = below != 0 ? below : UINT64_MAX;
		for (unsigned i = 0; i < 5000; i++)
			want += waits[i] >= from && waits[i] < below;
		CU_ASSERT_EQUAL(w->counters[501].waited[place], want);
		sum += want;
	}
	CU_ASSERT(sum == 5000 && w->counters[501].answered == 5000);
	teardown();
}

/* What only the client's side says: nothing but SYNs, and whether there was more than one. */
static void
test_unfinished(void)
{
	static const struct {
		uint8_t state, flags;
		unsigned packets;
		uint32_t idle_ms;
		unsigned unfinished, repeated;
	} rows[] = {
		{CONN_ONE_SYN, FLOW_WAY, 1, 60000, 1, 0},
		{CONN_ONE_SYN, FLOW_WAY, 3, 60000, 1, 1},
		{CONN_ONE_SYN, FLOW_WAY, 3, LB_PATIENCE_MS - 1, 0, 0},
		{CONN_ONE_SYN, FLOW_HALF | FLOW_ANSWERED, 3, 60000, 1, 0},
		{CONN_ONE_MID, FLOW_WAY, 2, 60000, 0, 0}, /* the client gave up */
		{CONN_ONE_EST, FLOW_WAY, 2, 60000, 0, 0},
		{CONN_ONE_FIN, FLOW_WAY, 2, 60000, 0, 0},
		{CONN_TCP_SYN, 0, 2, 60000, 0, 0},
	};
	setup();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stats_backend *b = &w->counters[500], was = *b;
		struct flow f = {.owner = 500, .state = rows[i].state, .flags = rows[i].flags,
			.proto = 6, .seen_ms = 77};
		struct tuple t[2] = {{.family = FAMILY_V4}, {.family = FAMILY_V4}};
		for (unsigned k = 0; k < rows[i].packets; k++)
			flow_count(&f, 0, 60);
		leaving_end(&lb_policy, lb, &f, t, 77 + rows[i].idle_ms);
		CU_ASSERT_EQUAL(b->unfinished - was.unfinished, rows[i].unfinished);
		CU_ASSERT_EQUAL(b->repeated - was.repeated, rows[i].repeated);
	}
	teardown();
}

static const struct test_case cases[] = {
	{"places of times", test_places},
	{"fates", test_fates},
	{"unfinished", test_unfinished},
	{"a histogram", test_histogram},
};
TEST_MAIN("handshake", cases)
