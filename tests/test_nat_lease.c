/* SPDX-License-Identifier: Apache-2.0 */
/* lease.h: leases against a model that keeps a list, and those that a cut has chosen. */
#include "nat/lease.h"
#include "nat_world.h"

#define SERVER ip(198, 51, 100, 1)
enum { UDP = IPPROTO_L4_UDP, HOSTS = 12, STEPS = 20000, MAX_S = 100 };

static struct nat_world *w;
static struct flow_spec spec;

static void
begin(void)
{
	w = world_new();
	w->conf.quarantine_ms = 0;
	w->plane.leases = HOSTS - 2;
	world_pool(w, 1024, 65535, 512, 2);
	world_address(w, 0, ip(203, 0, 113, 1));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
	world_apply(w);
	world_tick(w, 0);
}

/* What the model knows of a host's one mapping. */
struct host {
	struct world_flow flow;
	bool has_flow, has_lease;
	uint64_t until_ms;
	uint32_t mapping;
};

static void
toggle_flow(struct host *h, unsigned i)
{
	if (h->has_flow)
		world_end(w, &h->flow);
	else
		CU_ASSERT_EQUAL_FATAL(world_out(w, UDP, ip(100, 64, 0, i), 5000, SERVER, 53, &spec,
		                                &h->flow), VERDICT_OPEN);
	h->has_flow = !h->has_flow;
	h->mapping = h->flow.f.owner;
}

static unsigned
count(const struct host *host, bool leases)
{
	unsigned n = 0;
	for (unsigned i = 0; i < HOSTS; i++)
		n += host[i].has_lease || (!leases && host[i].has_flow);
	return n;
}

static void
toggle_lease(struct host *host, struct host *h, uint64_t *seed)
{
	static const uint8_t nonce[LEASE_NONCE] = {1};
	struct nat *n = world_nat(w);
	uint32_t seconds = 1 + random_below(seed, MAX_S);
	struct lease *l = h->mapping != 0 && (h->has_flow || h->has_lease) ?
		lease_find(&n->leases, h->mapping) : NULL;
	CU_ASSERT_EQUAL_FATAL(l != NULL, h->has_lease);
	if (l != NULL && random_below(seed, 2) == 0) {
		lease_end(n, l);
		h->has_lease = false;
	} else if (l != NULL) {
		lease_extend(n, l, seconds);
		h->until_ms = w->ms / 1000 * 1000 + seconds * 1000;
	} else if (h->has_flow) {
		bool has_room = count(host, true) < w->plane.leases;
		CU_ASSERT_EQUAL_FATAL(lease_make(n, h->mapping, nonce, seconds), has_room);
		h->has_lease = has_room;
		h->until_ms = w->ms / 1000 * 1000 + seconds * 1000;
	}
}

/* A mapping is there while it has a flow or a lease; a lease lasts as long as it was given. */
static void
test_model(void)
{
	struct host host[HOSTS] = {{.has_flow = false}};
	uint64_t seed = test_seed();
	begin();
	w->ms = START_MS / 1000 * 1000; /* whole seconds, so that the model can round */
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned i = random_below(&seed, HOSTS);
		if (random_below(&seed, 3) == 0)
			toggle_flow(&host[i], i);
		else
			toggle_lease(host, &host[i], &seed);
		world_tick(w, 500);
		for (unsigned k = 0; k < HOSTS; k++)
			if (host[k].has_lease && (world_nat(w)->clock.ms - (1ull << 32)) / 1000 >=
			                         host[k].until_ms / 1000)
				host[k].has_lease = false;
		CU_ASSERT_EQUAL_FATAL(world_nat(w)->leases.t.used, count(host, true));
		CU_ASSERT_EQUAL_FATAL(world_nat(w)->mappings.t.used, count(host, false));
		CU_ASSERT_EQUAL_FATAL(w->stats[0].leases, count(host, true));
	}
	world_free(w);
}

/* A listing has a mapping's flows, and how long it is kept; what keeps it is no flow. */
static void
test_listed(void)
{
	static const uint8_t nonce[LEASE_NONCE] = {1};
	static const struct cmd_filter all;
	static struct world_flow flow, again;
	struct cmd_mapping row;
	uint64_t cursor = 0;
	begin();
	world_out(w, UDP, ip(100, 64, 0, 1), 5000, SERVER, 53, &spec, &flow);
	world_out(w, UDP, ip(100, 64, 0, 1), 5000, SERVER, 54, &spec, &again);
	CU_ASSERT_EQUAL(nat_view_mappings(w->state, 1, &all, &cursor, &row, 1), 1);
	CU_ASSERT(row.flows == 2 && row.lease_s == 0);
	CU_ASSERT(lease_make(world_nat(w), flow.f.owner, nonce, 1000));
	world_end(w, &again);
	for (uint32_t flows = 1;; flows--) {
		cursor = 0;
		CU_ASSERT_EQUAL(nat_view_mappings(w->state, 1, &all, &cursor, &row, 1), 1);
		CU_ASSERT(row.flows == flows && row.lease_s == 1000);
		if (flows == 0)
			break;
		world_end(w, &flow);
	}
	world_free(w);
}

/* Those that a filter wants go, whatever flows they have; later ones stay. */
static void
test_cut(void)
{
	static const uint8_t nonce[LEASE_NONCE] = {1};
	static struct world_flow flow[HOSTS];
	begin();
	for (unsigned i = 1; i < 9; i++) {
		world_out(w, UDP, ip(100, 64, 0, i), 5000, SERVER, 53, &spec, &flow[i]);
		CU_ASSERT(lease_make(world_nat(w), flow[i].f.owner, nonce, 1000));
		world_end(w, &flow[i]);
	}
	CU_ASSERT_EQUAL(world_nat(w)->mappings.t.used, 8);
	struct cmd_nat_filter what = {.inside = ip(100, 64, 0, 4),
	                              .inside_mask = ip(255, 255, 255, 252)}; /* 4 to 7 */
	uint32_t at = 0, turns = 1;
	while (!nat_policy.cut(w->state[0], &what, &at, 3))
		turns++;
	CU_ASSERT(turns == 3 && at == 8);
	CU_ASSERT_EQUAL(world_nat(w)->mappings.t.used, 4);
	world_out(w, UDP, ip(100, 64, 0, 5), 5000, SERVER, 53, &spec, &flow[5]);
	CU_ASSERT(lease_make(world_nat(w), flow[5].f.owner, nonce, 1000));
	world_tick(w, 5000);
	CU_ASSERT_EQUAL(world_nat(w)->leases.t.used, 5);
	world_free(w);
}

/* The endpoint that becomes a static mapping's has no other; that of another protocol stays. */
static void
test_static(void)
{
	static const uint8_t nonce[LEASE_NONCE] = {1};
	static struct world_flow flow[3];
	begin();
	for (unsigned i = 1; i < 3; i++) {
		world_out(w, UDP, ip(100, 64, 0, i), 5000, SERVER, 53, &spec, &flow[i]);
		CU_ASSERT(lease_make(world_nat(w), flow[i].f.owner, nonce, 1000));
		world_end(w, &flow[i]);
	}
	world_static(w, static_key(1, ip(100, 64, 0, 1), UDP, port(5000)),
	             static_key(0, ip(203, 0, 113, 1), UDP, port(99)), 1);
	world_static(w, static_key(1, ip(100, 64, 0, 2), IPPROTO_L4_TCP, port(5000)),
	             static_key(0, ip(203, 0, 113, 1), IPPROTO_L4_TCP, port(99)), 1);
	world_apply(w);
	world_tick(w, 1);
	CU_ASSERT_EQUAL(world_nat(w)->leases.t.used, 1);
	uint32_t leases;
	CU_ASSERT_EQUAL(lease_last(world_nat(w), flow[2].f.owner, &leases), 1000);
	world_free(w);
}

static const struct test_case cases[] = {
	{"leases against a list", test_model},
	{"listed", test_listed},
	{"cut", test_cut},
	{"static endpoints", test_static},
};
TEST_MAIN("nat_lease", cases)
