/* SPDX-License-Identifier: Apache-2.0 */
/* The balancer as the engine sees it: homes, reply tuples, verdicts, counters. */
#include "lb_world.h"
#include "leaving.h"

static struct lb_world *w;
static void *lb;

static void
setup(uint16_t workers, bool split, uint16_t worker)
{
	w = world_new();
	world_build(w, workers, split);
	lb = world_policy(w, worker);
}

static void
teardown(void)
{
	lb_destroy(lb);
	world_free(w);
}

static const struct img_lb_backend *
backend_of(uint32_t owner)
{
	for (unsigned i = 0; i < W_BACKENDS; i++)
		if (w->backend[i].id == owner)
			return &w->backend[i];
	return NULL;
}

/* spec_is_good: a reply tuple from a backend of the service. */
static void
spec_is_good(const struct flow_spec *spec, const struct miss *m, unsigned row)
{
	const struct img_lb_backend *b = backend_of(spec->owner);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	CU_ASSERT_EQUAL(b->service, row);
	CU_ASSERT_TRUE(addr_equal(&spec->reply.src, &b->address));
	CU_ASSERT_EQUAL(spec->reply.sport, b->port);
	CU_ASSERT_EQUAL(spec->reply.family, m->tuple.family);
	CU_ASSERT_EQUAL(spec->reply.proto, m->tuple.proto);
	CU_ASSERT_EQUAL(spec->reply.realm, 0);
	CU_ASSERT_EQUAL(spec->reply.zero, 0);
	CU_ASSERT_EQUAL(spec->timers, 1);
}

static void
test_nat(void)
{
	static const unsigned rows[] = {W_NAT, W_UDP, W_NAT6};
	setup(1, false, 0);
	for (uint32_t n = 0; n < 300; n++) {
		struct flow_spec spec = {.owner = 0};
		struct miss m = world_client(w, rows[n % 3], n);
		m.tuple.realm = n & 1;
		CU_ASSERT_EQUAL_FATAL(lb_policy.open(lb, &m, &spec), VERDICT_OPEN);
		spec_is_good(&spec, &m, rows[n % 3]);
		CU_ASSERT_TRUE(addr_equal(&spec.reply.dst, &m.tuple.src));
		CU_ASSERT_EQUAL(spec.reply.dport, m.tuple.sport);
		CU_ASSERT_EQUAL(spec.flags, FLOW_REFRESH_0 | FLOW_REFRESH_1 | FLOW_HIDE_1);
	}
	teardown();
}

static void
test_fullnat(void)
{
	static const unsigned rows[] = {W_FULLNAT, W_FULLNAT6};
	setup(1, false, 0);
	for (uint32_t n = 0; n < 100; n++) {
		struct flow_spec spec = {.owner = 0};
		struct miss m = world_client(w, rows[n % 2], n);
		CU_ASSERT_EQUAL_FATAL(lb_policy.open(lb, &m, &spec), VERDICT_OPEN);
		spec_is_good(&spec, &m, rows[n % 2]);
		struct tuple back = tuple_invert(&spec.reply);
		bool ours = false;
		for (unsigned i = 0; i < W_LOCALS; i++)
			ours |= addr_equal(&back.src, &w->local[i].address);
		CU_ASSERT_TRUE(ours);
		CU_ASSERT_EQUAL(spec.flags,
		                FLOW_REFRESH_0 | FLOW_REFRESH_1 | FLOW_HIDE_0 | FLOW_HIDE_1);
	}
	teardown();
}

static void
test_refusals(void)
{
	struct flow_spec spec;
	setup(1, false, 0);
	struct miss m = world_client(w, W_NAT, 1);
	m.tuple.dport = htons(81);
	CU_ASSERT_EQUAL(lb_policy.home(w->gen, &m), 0);
	CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_UNREACHABLE);
	CU_ASSERT_EQUAL(spec.drop, DROP_LB_NO_SERVICE);
	CU_ASSERT_EQUAL(spec.code, 3);
	m = world_client(w, W_EMPTY, 1);
	CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_RESET);
	CU_ASSERT_EQUAL(spec.drop, DROP_LB_NO_BACKEND);
	w->backend[5].state = LB_DOWN;
	world_build(w, 1, false);
	m = world_client(w, W_UDP, 1);
	CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_UNREACHABLE);
	CU_ASSERT_EQUAL(spec.drop, DROP_LB_NO_BACKEND);
	CU_ASSERT_EQUAL(spec.code, 1);
	w->service[W_UDP].when_none = w->service[W_EMPTY].when_none = LB_NONE_DROP;
	world_build(w, 1, false);
	static const unsigned rows[] = {W_UDP, W_EMPTY};
	for (unsigned i = 0; i < 2; i++) {
		m = world_client(w, rows[i], 1);
		CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_DROP);
		CU_ASSERT_EQUAL(spec.drop, DROP_LB_NO_BACKEND);
	}
	teardown();
}

/* A backend's own packets: replies to nothing are dropped, what it opens itself is not ours. */
static void
test_backend_speaks(void)
{
	struct flow_spec spec = {.drop = DROP_LOOP};
	setup(4, false, 0);
	struct tuple t = {.src = w->backend[0].address, .sport = w->backend[0].port,
		.dst = world_addr("203.0.113.9", FAMILY_V4), .dport = htons(1234),
		.family = FAMILY_V4, .proto = 6};
	struct miss m = world_miss(w, &t);
	CU_ASSERT_EQUAL(lb_policy.home(w->gen, &m),
	                steer_worker(&w->gen->steer, &t.dst, FAMILY_V4));
	CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_NO_POLICY);
	m.tuple.sport = htons(40000);
	CU_ASSERT_EQUAL(lb_policy.home(w->gen, &m), HOME_NOT_MINE);
	CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_PASS);
	m.tuple.src = w->backend[3].address; /* fullnat: answers to us, never past us */
	m.tuple.sport = w->backend[3].port;
	CU_ASSERT_EQUAL(lb_policy.home(w->gen, &m), HOME_NOT_MINE);
	m.tuple = t; /* to a translated address: the answer to a subscriber, and NAT's */
	struct img_route pool = {.kind = ROUTE_POOL};
	m.route = &pool;
	CU_ASSERT_EQUAL(lb_policy.home(w->gen, &m), HOME_NOT_MINE);
	CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_PASS);
	m.tuple.src = w->backend[3].address;
	m.tuple.dst = w->local[0].address;
	m = world_miss(w, &m.tuple);
	CU_ASSERT_NOT_EQUAL(lb_policy.home(w->gen, &m), HOME_NOT_MINE);
	CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_DROP);
	teardown();
}

/* Whatever the number of workers: both directions of a flow have one home, and one backend. */
static void
test_homes(void)
{
	static const unsigned rows[] = {W_NAT, W_UDP, W_NAT6, W_FULLNAT, W_FULLNAT6};
	for (uint16_t workers = 1; workers <= 5; workers++) {
		setup(workers, true, 0);
		for (uint32_t n = 0; n < 200; n++) {
			struct flow_spec spec;
			struct miss m = world_client(w, rows[n % 5], n);
			int home = lb_policy.home(w->gen, &m);
			CU_ASSERT_FATAL(home >= 0 && home < workers);
			lb_destroy(lb);
			lb = world_policy(w, (uint16_t)home);
			CU_ASSERT_EQUAL_FATAL(lb_policy.open(lb, &m, &spec), VERDICT_OPEN);
			struct miss back = world_miss(w, &spec.reply);
			CU_ASSERT_EQUAL(lb_policy.home(w->gen, &back), home);
		}
		teardown();
	}
}

static void
end(const struct miss *m, const struct flow_spec *spec, struct flow f)
{
	struct tuple t[2] = {m->tuple, spec->reply};
	f.owner = spec->owner;
	f.flags |= spec->flags;
	leaving_end(&lb_policy, lb, &f, t, 0);
}

static void
test_counters(void)
{
	struct flow_spec spec;
	setup(1, false, 0);
	for (uint32_t n = 0; n < 60; n++) {
		struct miss m = world_client(w, n % 2 ? W_UDP : W_FULLNAT6, n);
		CU_ASSERT_EQUAL_FATAL(lb_policy.open(lb, &m, &spec), VERDICT_OPEN);
		lb_policy.opened(lb, &m, &spec);
		if (n % 4 < 2)
			end(&m, &spec, (struct flow){.flags = FLOW_ANSWERED, .counts = {
				(3ull << FLOW_BYTES_BITS) + 100,
				(2ull << FLOW_BYTES_BITS) + (1ull << 32) + 7}});
	}
	for (unsigned id = 505; id <= 509; id += 4) {
		const struct stats_backend *b = &w->counters[id];
		CU_ASSERT_EQUAL(b->opened, 30);
		CU_ASSERT_EQUAL(b->ended, 15);
		CU_ASSERT_EQUAL(b->packets[0], 45);
		CU_ASSERT_EQUAL(b->packets[1], 30);
		CU_ASSERT_EQUAL(b->bytes[0], 1500);
		CU_ASSERT_EQUAL(b->bytes[1], 15 * ((1ull << 32) + 7));
	}
	teardown();
}

/* Every local port of the one backend, then no more; what ends or is undone is free again. */
static void
test_fullnat_exhaustion(void)
{
	struct flow_spec spec[W_PORTS], more;
	struct miss m[W_PORTS];
	setup(1, false, 0);
	for (uint32_t n = 0; n < W_PORTS; n++) {
		m[n] = world_client(w, W_FULLNAT6, n);
		CU_ASSERT_EQUAL_FATAL(lb_policy.open(lb, &m[n], &spec[n]), VERDICT_OPEN);
		for (uint32_t i = 0; i < n; i++)
			CU_ASSERT_NOT_EQUAL_FATAL(spec[i].reply.dport, spec[n].reply.dport);
		lb_policy.opened(lb, &m[n], &spec[n]);
	}
	struct miss late = world_client(w, W_FULLNAT6, W_PORTS);
	CU_ASSERT_EQUAL(lb_policy.open(lb, &late, &more), VERDICT_UNREACHABLE);
	CU_ASSERT_EQUAL(more.drop, DROP_LB_NO_LOCAL_PORT);
	CU_ASSERT_EQUAL(w->counters[w->backend[9].id].no_port, 1);
	end(&m[5], &spec[5], (struct flow){.proto = 6});
	CU_ASSERT_EQUAL(lb_policy.open(lb, &late, &more), VERDICT_OPEN);
	CU_ASSERT_EQUAL(more.reply.dport, spec[5].reply.dport);
	lb_policy.undo(lb, &late, &more);
	CU_ASSERT_EQUAL(lb_policy.open(lb, &late, &more), VERDICT_OPEN);
	CU_ASSERT_EQUAL(lb_policy.open(lb, &late, &more), VERDICT_UNREACHABLE);
	CU_ASSERT_EQUAL(w->counters[509].opened, W_PORTS);
	CU_ASSERT_EQUAL(w->counters[509].ended, 1);
	teardown();
}

/* A backend leaves: only its clients move; the counters of those that stay are by stable id. */
static void
test_reload(void)
{
	enum { CLIENTS = 2000 };
	static uint32_t owner[CLIENTS];
	struct flow_spec spec;
	unsigned moved = 0, lost = 0;
	setup(1, false, 0);
	for (uint32_t n = 0; n < CLIENTS; n++) {
		struct miss m = world_client(w, W_NAT, n);
		CU_ASSERT_EQUAL_FATAL(lb_policy.open(lb, &m, &spec), VERDICT_OPEN);
		owner[n] = spec.owner;
	}
	w->backend[1].state = LB_DRAIN;
	world_build(w, 1, false);
	lb_policy.reload(lb, w->gen);
	for (uint32_t n = 0; n < CLIENTS; n++) {
		struct miss m = world_client(w, W_NAT, n);
		CU_ASSERT_EQUAL_FATAL(lb_policy.open(lb, &m, &spec), VERDICT_OPEN);
		CU_ASSERT_NOT_EQUAL(spec.owner, 501);
		lost += owner[n] == 501;
		moved += owner[n] != 501 && owner[n] != spec.owner;
	}
	CU_ASSERT_FALSE(lb_policy.stale(lb, NULL));
	printf("  %u of %u had to move, %u more did", lost, CLIENTS, moved);
	CU_ASSERT(lost > CLIENTS / 4 && moved < CLIENTS / 50);
	teardown();
}

/* Where the backend's side of a connection is taken: each other backend in turn, none that takes
 * nothing; the count of connections goes with it. Only for what is translated to the client. */
static void
test_other(void)
{
	struct flow_spec spec = {.owner = 0};
	setup(1, false, 0);
	w->backend[1].state = LB_DRAIN;
	world_build(w, 1, false);
	struct miss m = world_client(w, W_NAT, 1);
	CU_ASSERT_EQUAL_FATAL(lb_policy.open(lb, &m, &spec), VERDICT_OPEN);
	for (unsigned i = 0; i < 5; i++) {
		uint32_t before = spec.owner;
		CU_ASSERT_TRUE(lb_policy.other(lb, &m, &spec));
		spec_is_good(&spec, &m, W_NAT);
		CU_ASSERT_EQUAL(spec.owner, before == 500 ? 502 : 500);
	}
	lb_policy.undo(lb, &m, &spec);
	w->backend[1].state = LB_READY; /* of one connection each, all of which are to be had */
	for (unsigned i = 0; i < 3; i++)
		w->backend[i].max_flows = 1;
	world_build(w, 1, false);
	lb_policy.reload(lb, w->gen);
	CU_ASSERT_EQUAL_FATAL(lb_policy.open(lb, &m, &spec), VERDICT_OPEN);
	CU_ASSERT_TRUE(lb_policy.other(lb, &m, &spec));
	CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_OPEN);
	CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_OPEN);
	CU_ASSERT_FALSE(lb_policy.other(lb, &m, &spec));
	CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_UNREACHABLE);
	static const unsigned rows[] = {W_UDP, W_FULLNAT}; /* one backend; ports of our own */
	for (unsigned i = 0; i < 2; i++) {
		m = world_client(w, rows[i], 1);
		CU_ASSERT_EQUAL_FATAL(lb_policy.open(lb, &m, &spec), VERDICT_OPEN);
		struct flow_spec was = spec;
		CU_ASSERT_FALSE(lb_policy.other(lb, &m, &spec));
		CU_ASSERT_EQUAL(memcmp(&was, &spec, sizeof(spec)), 0);
	}
	teardown();
}

/* Chosen for packet by packet: each backend has a name of its own among the service's. */
static void
test_per_packet(void)
{
	bool named[8] = {0};
	struct flow_spec spec;
	w = world_new();
	world_backends(w, W_NAT, 0, 3);
	w->service[W_NAT].proto = w->service[W_UDP].proto = 17;
	w->service[W_NAT].choice = (struct img_lb_choice){.scheduler = LB_ROUND_ROBIN,
		.per_packet = 1};
	/* In order: before the other of UDP. */
	w->service[W_NAT].port = w->service[W_NAT].port_last = htons(8);
	w->service[W_FULLNAT].proto = 17;
	w->service[W_FULLNAT].port = w->service[W_FULLNAT].port_last = htons(9);
	world_build(w, 1, false);
	lb = world_policy(w, 0);
	for (uint32_t n = 0; n < 12; n++) {
		struct miss m = world_client(w, W_NAT, 1);
		spec = (struct flow_spec){.owner = 0};
		CU_ASSERT_EQUAL_FATAL(lb_policy.open(lb, &m, &spec), VERDICT_OPEN);
		CU_ASSERT_EQUAL_FATAL(spec.name, REALM_NAMED + spec.owner - 500);
		named[spec.name - REALM_NAMED] = true;
		lb_policy.undo(lb, &m, &spec);
		m = world_client(w, W_UDP, 1);
		spec = (struct flow_spec){.owner = 0};
		CU_ASSERT_EQUAL_FATAL(lb_policy.open(lb, &m, &spec), VERDICT_OPEN);
		CU_ASSERT_EQUAL(spec.name, 0);
	}
	CU_ASSERT(named[0] && named[1] && named[2] && !named[3]);
	/* A name stands where the client's realm would: it must be the outside. */
	struct miss m = world_client(w, W_NAT, 1);
	m.tuple.realm = 1;
	CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_UNREACHABLE);
	CU_ASSERT_EQUAL(spec.drop, DROP_LB_NO_SERVICE);
	teardown();
}

/* Flows of a backend that is down are stale, those of others and of unknown ones are not. */
static void
test_down(void)
{
	setup(1, false, 0);
	struct flow f = {.owner = 501};
	CU_ASSERT_FALSE(lb_policy.stale(lb, NULL));
	lb_policy.reload(lb, w->gen);
	CU_ASSERT_FALSE(lb_policy.stale(lb, NULL));
	CU_ASSERT_FALSE(lb_policy.stale(lb, &f));
	w->backend[1].state = LB_DOWN;
	world_build(w, 1, false);
	lb_policy.reload(lb, w->gen);
	CU_ASSERT_TRUE(lb_policy.stale(lb, NULL));
	for (f.owner = 0; f.owner < 2 * LB_MAX_IDS; f.owner++)
		CU_ASSERT_EQUAL_FATAL(lb_policy.stale(lb, &f),
		                      f.owner == 501 ? STALE_ENDS : STALE_NOT);
	teardown();
}

/* What becomes of flows: every state of their backend under every choice of the service. */
static void
test_fates(void)
{
	static const enum stale by_fate[LB_FATES] = {[LB_FATE_MOVE] = STALE_ENDS,
		[LB_FATE_RESET] = STALE_RESET, [LB_FATE_STAY] = STALE_NOT};
	setup(1, false, 0);
	struct flow f = {.owner = 501}, other = {.owner = 500};
	for (unsigned i = 0; i < LB_STATES * LB_FATES * LB_FATES; i++) {
		unsigned state = i % LB_STATES, dead = i / LB_STATES % LB_FATES;
		unsigned over = i / LB_STATES / LB_FATES;
		enum stale want = state == LB_DOWN || state == LB_MAINT ? by_fate[dead] :
			state == LB_OVER ? by_fate[over] : STALE_NOT;
		w->backend[1].state = (uint8_t)state;
		w->service[W_NAT].dead = (uint8_t)dead;
		w->service[W_NAT].over = (uint8_t)over;
		world_build(w, 1, false);
		lb_policy.reload(lb, w->gen);
		CU_ASSERT_EQUAL(lb_policy.stale(lb, &f), want);
		CU_ASSERT_EQUAL(lb_policy.stale(lb, &other), STALE_NOT);
		CU_ASSERT_EQUAL(lb_policy.stale(lb, NULL) != STALE_NOT, want != STALE_NOT);
	}
	teardown();
}

static const struct test_case cases[] = {
	{"mode nat", test_nat},
	{"mode fullnat", test_fullnat},
	{"refusals have their reason and code", test_refusals},
	{"packets of backends", test_backend_speaks},
	{"both directions have one home", test_homes},
	{"counters of backends", test_counters},
	{"fullnat runs out of ports", test_fullnat_exhaustion},
	{"a backend is down", test_down},
	{"another backend", test_other},
	{"packet by packet", test_per_packet},
	{"a backend is drained", test_reload},
	{"what becomes of flows", test_fates},
};

TEST_MAIN("lb", cases)
