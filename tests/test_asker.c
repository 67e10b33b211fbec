/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of health checks that ask for a service's address: whose they are, and what becomes of
 * them. Numbers are those of the invariants in lb/asker.h. */
#include "lb/asker.h"

#include "lb_world.h"

static struct lb_world *w;
static void *lb;

/* W_NAT in tunnels, W_NAT6 by DSCP; the daemon's machine is 10.7.0.1 and 2001:db8:7::1. */
static void
setup(void)
{
	w = world_new();
	world_way(w, W_NAT, LB_MODE_GUE);
	world_way(w, W_UDP, LB_MODE_DSR);
	world_way(w, W_NAT6, LB_MODE_L3DSR);
	w->asker[0] = (struct img_lb_asker){world_addr("10.7.0.1", 4), FAMILY_V4, {0}};
	w->asker[1] = (struct img_lb_asker){world_addr("2001:db8:7::1", 6), FAMILY_V6, {0}};
	w->n_askers = 2;
	world_build(w, 1, false);
	lb = world_policy(w, 0);
}

static void
teardown(void)
{
	lb_destroy(lb);
	world_free(w);
}

/* asks: the packet of a check of the backend at this place. */
static struct miss
asks(unsigned row, unsigned place, uint8_t event)
{
	struct miss m = world_event(w, row, 1, event);
	m.tuple.src = w->asker[m.tuple.family == FAMILY_V6].address;
	m.tuple.sport = htons((uint16_t)(LB_ASKER_PORT + place));
	return m;
}

/* 1: state, weight and table do not matter, nor does it to them. */
static void
test_backends(void)
{
	static const unsigned rows[] = {W_NAT, W_UDP, W_NAT6};
	static const uint8_t events[] = {EV_OPEN, EV_OTHER, EV_FIN, EV_RST};
	for (unsigned state = 0; state < LB_STATES; state++) {
		setup();
		for (unsigned i = 0; i < W_BACKENDS; i++) {
			w->backend[i].state = (uint8_t)state;
			w->backend[i].weight = i % 2;
		}
		world_build(w, 1, false);
		for (unsigned i = 0; i < 3 * 4 * 3; i++) {
			const struct img_lb_service *s = &w->service[rows[i % 3]];
			unsigned place = i / 12;
			struct flow_spec spec = {0}, guess = {0};
			struct miss m = asks(rows[i % 3], place, events[i / 3 % 4]);
			if (place >= s->backends)
				continue;
			uint32_t id = w->backend[s->first_backend + place].id;
			CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_STATELESS);
			CU_ASSERT(spec.owner == id && spec.flags == (FLOW_REFRESH_0 | FLOW_WAY));
			CU_ASSERT(lb_policy.guess(lb, &m, &guess) && guess.owner == id);
			CU_ASSERT(w->counters[id].opened == 0 && w->counters[id].stateless == 0);
		}
		teardown();
	}
}

/* 1: no guard, and no full table, keeps a check out; a fragment has nothing to follow it. */
static void
test_unhindered(void)
{
	setup();
	struct flow_spec spec = {0};
	struct miss m = asks(W_NAT, 2, EV_OPEN);
	m.is_full = true;
	CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_STATELESS);
	m.has_frag = true;
	CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_LB_OVERFLOW);
	teardown();
}

/* 2: packets that only look like it are a client's. */
static void
test_others(void)
{
	setup();
	struct lb_view *v = w->gen->view[POLICY_LB];
	struct flow_spec spec = {0};
	struct miss m = asks(W_NAT, 0, EV_OPEN);
	CU_ASSERT(lb_asker_backend(v, lb_view_service(v, &m.tuple), &m.tuple) == v->backends);
	m.tuple.src.b[3]++;
	CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_OPEN);
	m = asks(W_NAT, 3, EV_OPEN); /* it has 3 */
	CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_OPEN);
	m.tuple.sport = htons(LB_ASKER_PORT - 1);
	CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_OPEN);
	m = asks(W_NAT, 0, EV_OPEN);
	m.tuple.realm = 1;
	CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_OPEN);
	m = asks(W_FULLNAT, 0, EV_OPEN); /* whose backends have addresses of their own */
	CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_OPEN);
	w->n_askers = 0;
	world_build(w, 1, false);
	m = asks(W_NAT, 0, EV_OPEN);
	CU_ASSERT_EQUAL(lb_policy.open(lb, &m, &spec), VERDICT_OPEN);
	teardown();
}

static const struct test_case cases[] = {
	{"each backend can be asked", test_backends},
	{"nothing keeps a check out", test_unhindered},
	{"others are clients", test_others},
};

TEST_MAIN("asker", cases)
