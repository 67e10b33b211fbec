/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service's bounds against a list of its flows: which connection gets one, which is forwarded
 * without, and where to, whatever is opened in one burst, fails to be made, ends or settles.
 */
#include "lb_world.h"
#include "leaving.h"

enum { ROUNDS = 4000, MANY = 64, HALF = 20, FLOWS = 45, BURST_MAX = 32 };

struct known {
	struct flow4 flow;
	struct tuple tuple[2];
	bool half;
};

static struct lb_world *w;
static struct lb_view *view;
static void *lb;
static struct lb_guard guard;
static uint16_t guard_of[W_SERVICES];
static uint64_t rnd;
static struct known flow[2 * MANY];
static uint32_t n_flows, n_half;

static uint32_t
below(uint32_t n)
{
	return (uint32_t)(test_random(&rnd) % n);
}

static void
setup(uint8_t mode, bool sticky)
{
	guard = (struct lb_guard){.half = HALF, .flows = FLOWS, .allow = LB_NO_LIST,
		.deny = LB_NO_LIST, .is_bounded = true, .is_stateless = true};
	w = world_new();
	w->service[W_NAT].choice.persistence_s = sticky ? 100 : 0;
	w->service[W_NAT].choice.mask = 32;
	for (unsigned i = 0; lb_mode_is_way(mode) && i < w->service[W_NAT].backends; i++)
		w->backend[i].port = w->service[W_NAT].port;
	if (lb_mode_is_way(mode))
		world_way(w, W_NAT, mode);
	world_build(w, 1, false);
	view = w->gen->view[POLICY_LB];
	view->guard = &guard;
	memset(guard_of, 0, sizeof(guard_of));
	guard_of[W_NAT] = 1;
	view->guard_of = guard_of;
	lb = world_policy(w, 0);
	n_flows = n_half = 0;
	rnd = 77;
}

static void
teardown(void)
{
	lb_destroy(lb);
	world_free(w);
}

static void
made(const struct miss *m, const struct flow_spec *spec)
{
	struct known *f = &flow[n_flows++];
	*f = (struct known){.half = (spec->flags & FLOW_HALF) != 0,
		.tuple = {m->tuple, spec->reply},
		.flow.f = {.owner = spec->owner, .flags = spec->flags, .proto = 6}};
	n_half += f->half;
	lb_policy.opened(lb, m, spec);
}

static void
settle(struct known *f)
{
	if (!f->half)
		return;
	f->flow.f.flags &= (uint8_t)~FLOW_HALF;
	lb_policy.settled(lb, &f->flow.f);
	f->half = false;
	n_half--;
}

static void
end(uint32_t i)
{
	leaving_end(&lb_policy, lb, &flow[i].flow.f, flow[i].tuple, 0);
	n_half -= flow[i].half;
	flow[i] = flow[--n_flows];
}

/* A burst of packets: all are asked for before the first flow is made, as in the engine. */
static void
burst(void)
{
	struct miss m[BURST_MAX];
	struct flow_spec spec[BURST_MAX];
	bool opens[BURST_MAX];
	uint32_t n = 1 + below(BURST_MAX), asked = n_flows, half = n_half;
	for (uint32_t i = 0; i < n; i++) {
		bool third = below(3) == 0;
		m[i] = world_event(w, W_NAT, below(1u << 16), third ? EV_OTHER : EV_OPEN);
		spec[i] = (struct flow_spec){.drop = DROP_LOOP};
		opens[i] = asked < FLOWS && half < (uint32_t)HALF << third;
		CU_ASSERT_EQUAL_FATAL(lb_policy.open(lb, &m[i], &spec[i]),
		                      opens[i] ? VERDICT_OPEN : VERDICT_STATELESS);
		asked += opens[i];
		half += opens[i];
		CU_ASSERT_EQUAL((spec[i].flags & FLOW_HALF) != 0, opens[i]);
	}
	for (uint32_t i = 0; i < n; i++) {
		if (!opens[i])
			continue;
		if (below(4) == 0) /* the reply is another flow's */
			lb_policy.other(lb, &m[i], &spec[i]);
		CU_ASSERT((spec[i].flags & FLOW_HALF) != 0);
		if (below(10) == 0)
			lb_policy.undo(lb, &m[i], &spec[i]);
		else
			made(&m[i], &spec[i]);
	}
	CU_ASSERT(n_flows <= FLOWS && n_half <= 2 * HALF);
}

/* Nobody may be over a bound, and nobody is refused who is not. */
static void
run(uint8_t mode)
{
	uint32_t most = 0, most_half = 0;
	setup(mode, false);
	for (unsigned i = 0; i < ROUNDS; i++) {
		burst();
		most = n_flows > most ? n_flows : most;
		most_half = n_half > most_half ? n_half : most_half;
		for (uint32_t k = below(8); k > 0 && n_flows != 0; k--)
			settle(&flow[below(n_flows)]);
		for (uint32_t k = below(16); k > 0 && n_flows != 0; k--)
			end(below(n_flows));
		uint64_t shown = 0;
		for (unsigned b = 0; b < w->service[W_NAT].backends; b++)
			shown += w->counters[w->backend[b].id].half;
		CU_ASSERT_EQUAL_FATAL(shown, n_half);
	}
	CU_ASSERT_EQUAL(most, FLOWS);
	CU_ASSERT(most_half > HALF);
	teardown();
}

static void
test_nat(void)
{
	run(LB_MODE_NAT);
}

static void
test_ways(void)
{
	run(LB_MODE_DSR);
	run(LB_MODE_IPIP);
	run(LB_MODE_GUE);
}

/* Where a SYN without a flow went, in whatever mode: there its third packet opens one. */
static void
third_goes_there(uint8_t mode, bool sticky)
{
	setup(mode, sticky);
	for (uint32_t n = 0; n < 500; n++) {
		struct miss syn = world_event(w, W_NAT, n, EV_OPEN);
		struct miss third = world_event(w, W_NAT, n, EV_OTHER);
		struct flow_spec sent = {.drop = DROP_LOOP}, spec = sent;
		guard.half = 0;
		CU_ASSERT_EQUAL_FATAL(lb_policy.open(lb, &syn, &sent), VERDICT_STATELESS);
		guard.half = HALF;
		CU_ASSERT_EQUAL_FATAL(lb_policy.open(lb, &third, &spec), VERDICT_OPEN);
		CU_ASSERT_EQUAL(spec.owner, sent.owner);
		CU_ASSERT_TRUE(memcmp(&spec.reply, &sent.reply, sizeof(sent.reply)) == 0);
		CU_ASSERT_EQUAL(spec.flags & FLOW_WAY, sent.flags & FLOW_WAY);
		lb_policy.undo(lb, &third, &spec);
	}
	teardown();
}

static void
test_third(void)
{
	static const uint8_t modes[] = {LB_MODE_NAT, LB_MODE_DSR, LB_MODE_L3DSR, LB_MODE_IPIP,
	                                LB_MODE_GRE, LB_MODE_GUE};
	for (unsigned i = 0; i < sizeof(modes); i++)
		third_goes_there(modes[i], false);
	third_goes_there(LB_MODE_NAT, true);
}

/* A backend goes away in between: only connections that went there go elsewhere. */
static void
test_set_changes(void)
{
	uint32_t where[2000], moved = 0;
	setup(LB_MODE_NAT, false);
	guard.half = guard.flows = 0;
	for (uint32_t n = 0; n < 2000; n++) {
		struct miss m = world_event(w, W_NAT, n, EV_OPEN);
		struct flow_spec spec = {.drop = DROP_LOOP};
		CU_ASSERT_EQUAL_FATAL(lb_policy.open(lb, &m, &spec), VERDICT_STATELESS);
		where[n] = spec.owner;
	}
	w->backend[0].state = LB_DOWN;
	view->guard = NULL; /* goes with its generation */
	world_build(w, 1, false);
	view = w->gen->view[POLICY_LB];
	view->guard = &guard;
	view->guard_of = guard_of;
	lb_policy.reload(lb, w->gen);
	for (uint32_t n = 0; n < 2000; n++) {
		struct miss m = world_event(w, W_NAT, n, EV_OTHER);
		struct flow_spec spec = {.drop = DROP_LOOP};
		CU_ASSERT_EQUAL_FATAL(lb_policy.open(lb, &m, &spec), VERDICT_STATELESS);
		CU_ASSERT_NOT_EQUAL(spec.owner, w->backend[0].id);
		moved += spec.owner != where[n] && where[n] != w->backend[0].id;
	}
	CU_ASSERT_EQUAL(moved, 0);
	teardown();
}

/* Who may not is dropped under one reason, before anything is spent or counted. */
static void
test_denied(void)
{
	static struct img_lb_range4 all = {0, UINT32_MAX};
	static struct lb_lists lists;
	setup(LB_MODE_NAT, false);
	struct lb_lists *before = view->lists;
	lists = (struct lb_lists){.n = 1, .list = {{.range4 = &all, .n4 = 1}}};
	view->lists = &lists;
	guard.deny = 0;
	for (uint32_t n = 0; n < 100; n++) {
		struct miss m = world_event(w, W_NAT, n, n & 1 ? EV_OPEN : EV_OTHER);
		struct flow_spec spec = {.drop = DROP_LOOP};
		CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_DROP);
		CU_ASSERT_EQUAL(spec.drop, DROP_LB_DENIED);
	}
	guard.deny = LB_NO_LIST;
	burst(); /* all that there is room for */
	view->lists = before;
	teardown();
}

static const struct test_case cases[] = {
	{"bounds hold exactly, nat", test_nat},
	{"bounds hold exactly, backends that answer themselves", test_ways},
	{"the third packet goes where the SYN went", test_third},
	{"a backend goes in between", test_set_changes},
	{"the denied", test_denied},
};

TEST_MAIN("bound", cases)
