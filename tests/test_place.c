/* SPDX-License-Identifier: Apache-2.0 */
/* Where a connection falls: what is said of it beforehand is what the balancer then does. */
#include "lb_world.h"

static struct lb_world *w;
static void *lb;

static void
begin_with(enum lb_scheduler scheduler, enum lb_hash hash, uint32_t persistence_s, uint8_t mask)
{
	w = world_new();
	for (unsigned row = 0; row < W_SERVICES; row++) {
		struct img_lb_choice *c = &w->service[row].choice;
		c->scheduler = (uint8_t)scheduler;
		c->hash = (uint8_t)hash;
		c->persistence_s = persistence_s;
		c->mask = w->service[row].family == FAMILY_V6 && mask != 0 ? 64 : mask;
	}
	world_build(w, 1, false);
	lb = world_policy(w, 0);
}

static void
finish(void)
{
	lb_destroy(lb);
	world_free(w);
}

/* said: the backend at a slot of a service's table. */
static uint32_t
said(unsigned row, uint32_t slot)
{
	return w->backend[w->service[row].first_backend +
	                  w->slots[(size_t)row * MAGLEV_SIZE + slot]].id;
}

/* Every client, every service with backends: the policy opens on one of the slots' backends. */
static unsigned
agree(unsigned slots)
{
	static const unsigned rows[] = {W_NAT, W_FULLNAT, W_UDP, W_NAT6, W_FULLNAT6};
	unsigned second = 0;
	for (uint32_t n = 0; n < 600; n++) {
		unsigned row = rows[n % 5];
		struct miss m = world_client(w, row, n * 77);
		struct flow_spec spec = {.owner = 0};
		uint32_t slot[2] = {0};
		CU_ASSERT_EQUAL(lb_place_slots(&w->service[row], &m.tuple, slot), slots);
		if (lb_policy.open(lb, &m, &spec) != VERDICT_OPEN)
			continue; /* no local port left */
		bool first = spec.owner == said(row, slot[0]);
		CU_ASSERT(first || (slots == 2 && spec.owner == said(row, slot[1])));
		second += !first;
	}
	return second;
}

static void
test_hashes(void)
{
	static const struct { enum lb_scheduler s; enum lb_hash h; uint32_t p; uint8_t mask; }
	kinds[] = {
		{LB_MAGLEV, LB_HASH_TUPLE, 0, 0}, {LB_MAGLEV, LB_HASH_SOURCE, 0, 0},
		{LB_MAGLEV, LB_HASH_SOURCE_PORT, 0, 0}, {LB_SOURCE_HASH, LB_HASH_SOURCE, 0, 0},
		{LB_MAGLEV, LB_HASH_SOURCE, 300, 24},
	};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		begin_with(kinds[i].s, kinds[i].h, kinds[i].p, kinds[i].mask);
		CU_ASSERT_EQUAL(agree(1), 0);
		finish();
	}
}

static void
test_two(void)
{
	begin_with(LB_TWO_CHOICES, LB_HASH_TUPLE, 0, 0);
	CU_ASSERT(agree(2) > 50);
	finish();
}

static void
test_turns(void)
{
	static const enum lb_scheduler kinds[] = {LB_ROUND_ROBIN, LB_LEAST_CONNECTIONS};
	for (unsigned i = 0; i < 2; i++) {
		begin_with(kinds[i], LB_HASH_TUPLE, 0, 0);
		struct miss m = world_client(w, W_NAT, 1);
		uint32_t slot[2];
		CU_ASSERT_EQUAL(lb_place_slots(&w->service[W_NAT], &m.tuple, slot), 0);
		finish();
	}
}

/* A mask makes one client of a network, and of nothing beyond it. */
static void
test_mask(void)
{
	struct img_lb_service s = {.family = FAMILY_V4,
		.choice = {.persistence_s = 60, .mask = 20, .hash = LB_HASH_SOURCE}};
	struct tuple a = {.src = world_addr("198.18.16.1", FAMILY_V4), .sport = 1, .family = 4};
	struct tuple b = {.src = world_addr("198.18.31.254", FAMILY_V4), .sport = 2, .family = 4};
	struct tuple c = {.src = world_addr("198.18.32.1", FAMILY_V4), .sport = 1, .family = 4};
	CU_ASSERT_EQUAL(lb_place_hash(&s, &a), lb_place_hash(&s, &b));
	CU_ASSERT_NOT_EQUAL(lb_place_hash(&s, &a), lb_place_hash(&s, &c));
}

/* A client takes port after port; 1000 of them are spread over backends as chance would do it: of
 * 36000 clients and numbers of backends none is off by 7 standard deviations. */
static double
farthest(const union addr *a, unsigned step, unsigned backends)
{
	enum { PORTS = 1000 };
	unsigned count[64] = {0};
	double even = (double)PORTS / backends, most = 0;
	for (unsigned i = 0; i < PORTS; i++) {
		uint64_t h = lb_client_hash(a, htons((uint16_t)(32768 + i * step)));
		uint32_t slot = maglev_slot((uint32_t)(h ^ h >> 32));
		count[(uint64_t)slot * backends / MAGLEV_SIZE]++;
	}
	for (unsigned i = 0; i < backends; i++) {
		double off = (count[i] - even) * (count[i] - even) / even;
		most = off > most ? off : most;
	}
	return most;
}

static void
test_ports(void)
{
	double most = 0;
	for (unsigned n = 0; n < 3000; n++)
		for (unsigned k = 0; k < 12; k++) {
			bool v6 = n % 2 != 0;
			union addr a = v6 ? world_addr("2001:db8:c::", FAMILY_V6) :
				world_addr("203.0.113.0", FAMILY_V4);
			a.b[v6 ? 15 : 3] = (uint8_t)n;
			a.b[v6 ? 14 : 2] = (uint8_t)(n >> 8);
			double off = farthest(&a, 1 + k % 2, 2 + k * 3);
			most = off > most ? off : most;
		}
	CU_ASSERT(most < 7 * 7);
}

static const struct test_case cases[] = {
	{"hashes", test_hashes},
	{"two choices", test_two},
	{"turns", test_turns},
	{"a mask", test_mask},
	{"ports one after the other", test_ports},
};
TEST_MAIN("place", cases)
