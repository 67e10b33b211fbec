/* SPDX-License-Identifier: Apache-2.0 */
/* New connections under a guard: what is asked first, and what becomes of them beyond a bound. */
#include "lb/admit.h"

#include "lb_world.h"

static struct lb_world *w;
static struct lb_view *view;
static struct lb_guard *guard;
static struct lb_limits *limits;
static struct img_lb_range4 range[2] = {{0xc6336401, 0xc6336403}, {0xc6336406, 0xc6336406}};
static struct lb_lists lists = {.n = 2, .list = {{.range4 = range, .n4 = 1},
	{.range4 = range + 1, .n4 = 1}}};

/* The balancer of lb_world with a guard of service W_NAT that limits nothing yet. */
static void
setup(void)
{
	static uint16_t guard_of[W_SERVICES];
	static struct lb_guard one;
	w = world_new();
	world_build(w, 1, false);
	one = (struct lb_guard){.half = UINT32_MAX, .flows = UINT32_MAX, .allow = LB_NO_LIST,
		.deny = LB_NO_LIST, .is_stateless = true};
	guard_of[W_NAT] = 1;
	view = w->gen->view[POLICY_LB];
	lb_lists_destroy(view->lists);
	view->lists = &lists;
	view->guard = guard = &one;
	view->guard_of = guard_of;
	limits = lb_limits_create(100, 1, -1);
}

/* The image is the test's own. */
static struct img_lb_service *
service_of_view(void)
{
	return (struct img_lb_service *)(uintptr_t)&view->services[W_NAT];
}

static void
teardown(void)
{
	view->lists = NULL;
	lb_limits_destroy(limits);
	world_free(w);
}

/* => the verdict, or the reason of the drop behind 100. */
static unsigned
ask(uint32_t client, uint8_t event)
{
	struct flow_spec spec = {.drop = DROP_LOOP};
	struct miss m = world_event(w, W_NAT, client, event);
	const struct img_lb_service *s = lb_view_service(view, &m.tuple);
	if (lb_is_denied(view, guard, &m.tuple))
		return 100u + DROP_LB_DENIED;
	enum verdict v = lb_admit(limits, s, guard, &m, &spec);
	return v == VERDICT_DROP ? 100u + spec.drop : v;
}

/* Clients 1 to 3 are on list 0, client 6 on list 1. */
static void
test_lists(void)
{
	setup();
	guard->allow = 0;
	CU_ASSERT_EQUAL(ask(1, EV_OPEN), VERDICT_OPEN);
	CU_ASSERT_EQUAL(ask(4, EV_OPEN), 100 + DROP_LB_DENIED);
	guard->deny = 0;
	CU_ASSERT_EQUAL(ask(1, EV_OPEN), 100 + DROP_LB_DENIED);
	guard->allow = LB_NO_LIST;
	CU_ASSERT_EQUAL(ask(2, EV_OPEN), 100 + DROP_LB_DENIED);
	CU_ASSERT_EQUAL(ask(4, EV_OPEN), VERDICT_OPEN);
	guard->deny = 1;
	CU_ASSERT_EQUAL(ask(2, EV_OPEN), VERDICT_OPEN);
	CU_ASSERT_EQUAL(ask(6, EV_OTHER), 100 + DROP_LB_DENIED);
	teardown();
}

static void
test_overflow(void)
{
	setup();
	guard->is_bounded = true;
	guard->half = 2;
	struct lb_gauge *g = &limits->gauge[w->service[W_NAT].id];
	CU_ASSERT_EQUAL(ask(1, EV_OPEN), VERDICT_OPEN);
	g->half = g->flows = 2;
	CU_ASSERT_EQUAL(ask(1, EV_OPEN), VERDICT_STATELESS);
	CU_ASSERT_EQUAL(ask(1, EV_OTHER), VERDICT_OPEN);
	g->half = g->flows = 4;
	CU_ASSERT_EQUAL(ask(1, EV_OTHER), VERDICT_STATELESS);
	guard->is_stateless = false;
	CU_ASSERT_EQUAL(ask(1, EV_OPEN), 100 + DROP_LB_OVERFLOW);
	guard->is_stateless = true;
	struct miss m = world_event(w, W_NAT, 1, EV_OPEN);
	struct flow_spec spec = {.drop = DROP_LOOP};
	const struct img_lb_service *s = lb_view_service(view, &m.tuple);
	m.has_frag = true;
	CU_ASSERT_EQUAL(lb_admit(limits, s, guard, &m, &spec), VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_LB_OVERFLOW);
	m.has_frag = false;
	m.tuple.realm = 3; /* an answer would not find back */
	CU_ASSERT_EQUAL(lb_admit(limits, s, guard, &m, &spec), VERDICT_DROP);
	m.tuple.realm = 0;
	CU_ASSERT_EQUAL(lb_admit(limits, s, guard, &m, &spec), VERDICT_STATELESS);
	spec.is_answered = true; /* shaken hands with us: not half-open, but a flow */
	CU_ASSERT_EQUAL(lb_admit(limits, s, guard, &m, &spec), VERDICT_OPEN);
	guard->flows = 4;
	CU_ASSERT_EQUAL(lb_admit(limits, s, guard, &m, &spec), VERDICT_DROP);
	teardown();
}

/* A source that is refused takes nothing from the service; segments of connections that are
 * forwarded without a flow take nothing at all. */
static void
test_rates(void)
{
	setup();
	guard->rate = (struct lb_rate){1000, 4000};
	guard->source = (struct lb_rate){1000, 2000};
	guard->source_plen = 32;
	CU_ASSERT_EQUAL(ask(1, EV_OPEN), VERDICT_OPEN);
	CU_ASSERT_EQUAL(ask(1, EV_OPEN), VERDICT_OPEN);
	for (unsigned i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(ask(1, EV_OPEN), 100 + DROP_LB_RATE_SOURCE);
	CU_ASSERT_EQUAL(ask(2, EV_OPEN), VERDICT_OPEN);
	guard->is_bounded = true;
	guard->half = 0;
	for (unsigned i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(ask(3, EV_OTHER), VERDICT_STATELESS);
	CU_ASSERT_EQUAL(ask(3, EV_OPEN), VERDICT_STATELESS); /* SYNs do */
	CU_ASSERT_EQUAL(ask(4, EV_OPEN), 100 + DROP_LB_RATE_SERVICE);
	teardown();
}

/* Both ways of a connection without a flow meet: what the answer becomes is what was asked. */
static void
test_reply(void)
{
	struct flow_spec spec;
	setup();
	for (uint32_t n = 0; n < 50; n++) {
		struct miss m = world_event(w, W_NAT, n, EV_OPEN);
		const struct img_lb_backend *b = &w->backend[n % 3];
		struct tuple t = {.src = b->address, .sport = b->port, .dst = m.tuple.src,
			.dport = m.tuple.sport, .family = FAMILY_V4, .proto = 6};
		struct miss back = world_miss(w, &t);
		guard->is_bounded = false;
		CU_ASSERT_EQUAL(lb_admit_reply(view, limits, &back, &spec), VERDICT_DROP);
		CU_ASSERT_EQUAL(spec.drop, DROP_NO_POLICY);
		CU_ASSERT_FALSE(lb_guess_reply(view, limits, &back, &spec));
		guard->is_bounded = true;
		spec = (struct flow_spec){.drop = DROP_LOOP};
		CU_ASSERT_EQUAL_FATAL(lb_admit_reply(view, limits, &back, &spec),
		                      VERDICT_STATELESS);
		struct tuple sent = tuple_invert(&spec.reply);
		CU_ASSERT_TRUE(addr_equal(&sent.src, &m.tuple.dst));
		CU_ASSERT_TRUE(addr_equal(&sent.dst, &m.tuple.src));
		CU_ASSERT_EQUAL(sent.sport, m.tuple.dport);
		CU_ASSERT_EQUAL(sent.dport, m.tuple.sport);
		CU_ASSERT_EQUAL(spec.owner, b->id);
		struct flow_spec guessed = {.drop = DROP_LOOP};
		CU_ASSERT_TRUE(lb_guess_reply(view, limits, &back, &guessed));
		CU_ASSERT_EQUAL(memcmp(&guessed, &spec, sizeof(spec)), 0);
	}
	teardown();
}

/* A full table is a bound of every service that can do without flows. */
static void
test_full(void)
{
	struct flow_spec spec = {.drop = DROP_LOOP};
	setup();
	struct img_lb_service *s = service_of_view();
	struct miss m = world_event(w, W_NAT, 1, EV_OPEN);
	struct tuple t = {.src = w->backend[0].address, .sport = w->backend[0].port,
		.dst = m.tuple.src, .dport = m.tuple.sport, .family = FAMILY_V4, .proto = 6};
	struct miss back = world_miss(w, &t);
	m.is_full = true;
	CU_ASSERT_EQUAL(lb_admit(limits, s, NULL, &m, &spec), VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_FLOW_TABLE_FULL);
	s->stateless = 1;
	CU_ASSERT_EQUAL(lb_admit_reply(view, limits, &back, &spec), VERDICT_DROP);
	CU_ASSERT_FALSE(lb_guess_reply(view, limits, &back, &spec));
	CU_ASSERT_EQUAL(lb_admit(limits, s, NULL, &m, &spec), VERDICT_STATELESS);
	back.now_ms = m.now_ms + LB_FULL_MS - 1;
	CU_ASSERT_EQUAL(lb_admit_reply(view, limits, &back, &spec), VERDICT_STATELESS);
	struct flow_spec guessed = spec;
	guessed.owner = UINT32_MAX;
	CU_ASSERT_TRUE(lb_guess_reply(view, limits, &back, &guessed));
	CU_ASSERT_EQUAL(memcmp(&guessed, &spec, sizeof(spec)), 0);
	s->stateless = 0; /* it would have dropped what found no room */
	CU_ASSERT_FALSE(lb_guess_reply(view, limits, &back, &guessed));
	s->stateless = 1;
	back.now_ms++;
	CU_ASSERT_FALSE(lb_guess_reply(view, limits, &back, &guessed));
	CU_ASSERT_EQUAL(lb_admit_reply(view, limits, &back, &spec), VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_NO_POLICY);
	back.event = EV_RST;
	CU_ASSERT_EQUAL(lb_admit_reply(view, limits, &back, &spec), VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_TCP_NOT_SYN);
	m.has_frag = true;
	CU_ASSERT_EQUAL(lb_admit(limits, s, guard, &m, &spec), VERDICT_DROP);
	m.has_frag = false;
	spec.is_answered = true;
	CU_ASSERT_EQUAL(lb_admit(limits, s, guard, &m, &spec), VERDICT_DROP);
	spec.is_answered = false;
	guard->rate = (struct lb_rate){1000, 1000}; /* rates hold, of SYNs */
	CU_ASSERT_EQUAL(lb_admit(limits, s, guard, &m, &spec), VERDICT_STATELESS);
	CU_ASSERT_EQUAL(lb_admit(limits, s, guard, &m, &spec), VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_LB_RATE_SERVICE);
	m.event = EV_OTHER;
	CU_ASSERT_EQUAL(lb_admit(limits, s, guard, &m, &spec), VERDICT_STATELESS);
	teardown();
}

/* A client's RST passes where its SYN may have passed without a flow, and nowhere else. */
static void
test_rst(void)
{
	setup();
	struct img_lb_service *s = service_of_view();
	struct miss m = world_event(w, W_NAT, 1, EV_RST);
	struct flow_spec spec = {.drop = DROP_LOOP};
	guard->is_bounded = true;
	guard->half = 2;
	struct lb_gauge *g = &limits->gauge[s->id];
	g->half = g->flows = 1;
	CU_ASSERT_FALSE(lb_admit_rst(limits, s, guard, &m));
	g->half = g->flows = 2;
	CU_ASSERT_TRUE(lb_admit_rst(limits, s, guard, &m));
	guard->is_stateless = false;
	CU_ASSERT_FALSE(lb_admit_rst(limits, s, guard, &m));
	s->stateless = 1;
	CU_ASSERT_FALSE(lb_admit_rst(limits, s, NULL, &m));
	m.is_full = true;
	CU_ASSERT_TRUE(lb_admit_rst(limits, s, NULL, &m));
	struct miss syn = m;
	syn.event = EV_OPEN;
	CU_ASSERT_EQUAL(lb_admit(limits, s, NULL, &syn, &spec), VERDICT_STATELESS);
	m.is_full = false;
	CU_ASSERT_TRUE(lb_admit_rst(limits, s, NULL, &m));
	m.has_frag = true;
	CU_ASSERT_FALSE(lb_admit_rst(limits, s, NULL, &m));
	teardown();
}

static const struct test_case cases[] = {
	{"lists are asked first", test_lists},
	{"beyond a bound", test_overflow},
	{"rates", test_rates},
	{"answers without a flow", test_reply},
	{"a full table", test_full},
	{"RSTs without a flow", test_rst},
};

TEST_MAIN("admit", cases)
