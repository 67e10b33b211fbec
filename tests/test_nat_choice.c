/* SPDX-License-Identifier: Apache-2.0 */
/* Which address: of the subscriber's class first, then the next, then any other of ours. */
#include "nat_world.h"

static uint64_t seed = 7;

static struct nat_world *
classes(void)
{
	struct nat_world *w = world_new();
	w->plane.steer_class_bits = 2;
	world_pool(w, 1024, 1151, 64, 1); /* two blocks an address */
	for (unsigned i = 0; i < 16; i++)
		world_address(w, 0, ip(203, 0, 113, 16 + i));
	world_apply(w);
	return w;
}

static uint16_t
class_of(const struct nat_world *w, be32 address)
{
	union addr a = addr_from_v4(address);
	return steer_class(&w->gen->steer, &a, FAMILY_V4);
}

static be32
take(struct nat_world *w, be32 subscriber)
{
	struct pool *p = &world_nat(w)->pool;
	uint32_t number = pool_take_first(p, w->gen, 0, 1, subscriber, &seed);
	return number == 0 ? 0 : pool_slot_at(p, block_at(p, number)->slot)->address;
}

static void
test_class_first(void)
{
	struct nat_world *w = classes();
	be32 sub = ip(100, 64, 1, 9), last = 0;
	unsigned changes = 0;
	/* Four addresses of the class, two blocks each, before any other class. */
	for (unsigned i = 0; i < 8; i++) {
		be32 x = take(w, sub);
		CU_ASSERT_EQUAL(class_of(w, x), class_of(w, sub));
		changes += x != last;
		last = x;
	}
	CU_ASSERT_EQUAL(changes, 4);
	for (unsigned i = 0; i < 24; i++)
		CU_ASSERT_NOT_EQUAL(class_of(w, take(w, sub)), class_of(w, sub));
	CU_ASSERT_EQUAL(take(w, sub), 0);
	CU_ASSERT_EQUAL(take(w, ip(100, 64, 1, 10)), 0);
	world_free(w);
}

/* Neighbouring subscribers spread over all addresses. */
static void
test_spread(void)
{
	struct nat_world *w = classes();
	uint32_t used[16] = {0};
	for (unsigned i = 0; i < 4096; i++) {
		struct pool *p = &world_nat(w)->pool;
		be32 sub = ip_add(ip(100, 64, 0, 0), i);
		uint32_t number = pool_take_first(p, w->gen, 0, 1, sub, &seed);
		const struct pool_slot *slot = pool_slot_at(p, block_at(p, number)->slot);
		used[__builtin_bswap32(slot->address) & 15]++;
		pool_give(p, number);
	}
	for (unsigned i = 0; i < 16; i++)
		CU_ASSERT(used[i] > 150 && used[i] < 370);
	world_free(w);
}

static void
test_drain(void)
{
	struct nat_world *w = classes();
	be32 sub = ip(100, 64, 1, 9), x = take(w, sub);
	for (uint32_t i = 0; i < w->n_addresses; i++)
		w->address[i].drain = w->address[i].address == x;
	world_apply(w);
	for (unsigned i = 0; i < 30; i++) {
		be32 y = take(w, sub);
		CU_ASSERT(y != 0 && y != x);
	}
	CU_ASSERT_EQUAL(take(w, sub), 0);
	for (uint32_t i = 0; i < w->n_addresses; i++)
		w->address[i].drain = 0;
	world_apply(w);
	CU_ASSERT_EQUAL(take(w, sub), x);
	CU_ASSERT_EQUAL(take(w, sub), 0);
	world_free(w);
}

/* On several workers each takes only what comes home to it, and together they take all. */
static void
test_workers(void)
{
	struct nat_world *w = world_new();
	w->plane.workers = 3;
	w->plane.steer_class_bits = 2;
	world_pool(w, 1024, 1151, 64, 1);
	for (unsigned i = 0; i < 16; i++)
		world_address(w, 0, ip(203, 0, 113, 16 + i));
	world_apply(w);
	unsigned n = 0;
	for (unsigned i = 0; i < 3; i++) {
		struct pool *p = &((struct nat *)w->state[i])->pool;
		uint32_t number;
		while ((number = pool_take_first(p, w->gen, 0, 1, ip(100, 64, 0, 1), &seed)) != 0) {
			const struct block *b = block_at(p, number);
			union addr a = addr_from_v4(pool_slot_at(p, b->slot)->address);
			CU_ASSERT_EQUAL(steer_worker_port(&w->gen->steer, &a, 4, b->first), i);
			n++;
		}
	}
	CU_ASSERT_EQUAL(n, 32);
	world_free(w);
}

static const struct test_case cases[] = {
	{"class first", test_class_first},
	{"spread", test_spread},
	{"drain", test_drain},
	{"workers", test_workers},
};
TEST_MAIN("nat_choice", cases)
