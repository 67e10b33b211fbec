/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and blocks: what is held, given back and kept over generations; offsets. */
#include "nat_world.h"

static uint64_t seed = 1;

static struct nat_world *
small(uint16_t workers, bool split)
{
	struct nat_world *w = world_new();
	w->plane.workers = workers;
	w->plane.steer_split_blocks = split;
	w->plane.steer_block_shift = split ? 8 : 0;
	world_pool(w, 1000, 3000, 256, 4);
	world_address(w, 0, ip(203, 0, 113, 1));
	world_apply(w);
	return w;
}

/* Every block of the range once and nothing twice; ports at the edges belong to partial blocks. */
static unsigned
take_all(struct nat_world *w, struct pool *p, uint8_t seen[65536])
{
	unsigned n = 0;
	uint32_t number;
	while ((number = pool_take_first(p, w->gen, 0, 1, ip(100, 64, 0, 1), &seed)) != 0) {
		const struct block *b = block_at(p, number);
		for (unsigned i = 0; i < b->ports; i++)
			CU_ASSERT_EQUAL_FATAL(seen[b->first + i]++, 0);
		n++;
	}
	return n;
}

static void
give_all(struct pool *p)
{
	for (uint32_t number = 1; number <= p->blocks.high; number++)
		if (block_at(p, number)->ports != 0)
			pool_give(p, number);
	CU_ASSERT_EQUAL(p->blocks.used, 0);
	CU_ASSERT_EQUAL(p->slots.used, 0);
}

static void
test_exhaustion(void)
{
	for (uint16_t workers = 1; workers <= W_WORKERS; workers++) {
		struct nat_world *w = small(workers, workers > 1);
		for (unsigned round = 0; round < 3; round++) {
			static uint8_t seen[65536];
			memset(seen, 0, sizeof(seen));
			unsigned blocks = 0;
			for (unsigned i = 0; i < workers; i++)
				blocks += take_all(w, &((struct nat *)w->state[i])->pool, seen);
			CU_ASSERT_EQUAL(blocks, 3000 / 256 - 1000 / 256 + 1);
			for (unsigned p = 0; p < 65536; p++)
				CU_ASSERT_EQUAL(seen[p], p >= 1000 && p <= 3000);
			for (unsigned i = 0; i < workers; i++)
				give_all(&((struct nat *)w->state[i])->pool);
		}
		world_free(w);
	}
}

/* A worker's own ports have places of their own, inside its rows. */
static void
test_offsets(void)
{
	for (uint16_t workers = 1; workers <= W_WORKERS; workers++) {
		struct nat_world *w = small(workers, true);
		union addr a = addr_from_v4(ip(203, 0, 113, 1));
		for (unsigned i = 0; i < workers; i++) {
			const struct pool *p = &((struct nat *)w->state[i])->pool;
			static uint8_t seen[65536];
			memset(seen, 0, sizeof(seen));
			for (unsigned port = 0; port < 65536; port++) {
				if (steer_worker_port(&w->gen->steer, &a, 4, (uint16_t)port) != i)
					continue;
				uint32_t at = pool_offset(p, (uint16_t)port);
				CU_ASSERT_FATAL(at < p->row_words * 64 && seen[at]++ == 0);
			}
		}
		world_free(w);
	}
}

/* Blocks of another size after a reload do not overlap those that are held. */
static void
test_block_size_changes(void)
{
	struct nat_world *w = small(1, false);
	struct pool *p = &world_nat(w)->pool;
	static uint8_t seen[65536];
	memset(seen, 0, sizeof(seen));
	for (unsigned size = 256; size >= 16; size /= 2) {
		w->pool[0].block_size = (uint16_t)size;
		world_apply(w);
		for (unsigned i = 0; i < 2; i++) {
			uint32_t number = pool_take_first(p, w->gen, 0, 1, ip(1, 2, 3, 4), &seed);
			CU_ASSERT_NOT_EQUAL_FATAL(number, 0);
			for (unsigned j = 0; j < block_at(p, number)->ports; j++)
				CU_ASSERT_EQUAL_FATAL(seen[block_at(p, number)->first + j]++, 0);
		}
	}
	w->pool[0].block_size = 512;
	world_apply(w);
	take_all(w, p, seen);
	world_free(w);
}

/* An id that comes to stand for another address: each has a slot of its own. */
static void
test_id_reused(void)
{
	struct nat_world *w = small(1, false);
	struct pool *p = &world_nat(w)->pool;
	uint32_t held = pool_take_first(p, w->gen, 0, 1, ip(1, 2, 3, 4), &seed);
	uint32_t slot = block_at(p, held)->slot;
	w->address[0].address = ip(203, 0, 113, 2);
	world_apply(w);
	const struct img_nat_address *a = rules_of(w->gen)->addresses;
	CU_ASSERT_EQUAL(pool_slot_at(p, slot)->pool, POOL_NONE);
	CU_ASSERT_EQUAL(pool_slot_at(p, slot)->is_usable, 0);
	CU_ASSERT_EQUAL(pool_find_id(p, &a[0]), 0);
	CU_ASSERT_EQUAL(pool_take_more(p, w->gen, slot, false, &seed), 0);
	uint32_t second = pool_take_first(p, w->gen, 0, 1, ip(1, 2, 3, 4), &seed);
	CU_ASSERT_NOT_EQUAL_FATAL(second, 0);
	CU_ASSERT_EQUAL(pool_slot_at(p, block_at(p, second)->slot)->address, a[0].address);
	pool_give(p, held);
	CU_ASSERT_EQUAL(pool_find_id(p, &a[0]), block_at(p, second)->slot);
	pool_give(p, second);
	CU_ASSERT_TRUE(pool_find_id(p, &a[0]) == 0 && p->slots.used == 0);
	world_free(w);
}

/* An address that was removed and comes back by another id knows which blocks it has given. */
static void
test_address_back(void)
{
	struct nat_world *w = small(1, false);
	struct pool *p = &world_nat(w)->pool;
	static uint8_t seen[65536];
	memset(seen, 0, sizeof(seen));
	take_all(w, p, seen);
	uint32_t used = p->slots.used, blocks = p->blocks.used;
	struct img_nat_address was = w->address[0];
	for (unsigned i = 0; i < 3; i++) {
		w->address[0].address = ip(203, 0, 113, 2);
		w->address[0].id = was.id + 1 + i;
		world_apply(w);
		CU_ASSERT_EQUAL(pool_find_id(p, &rules_of(w->gen)->addresses[0]), 0);
		w->address[0].address = was.address;
		w->address[0].id = was.id + 2 + i; /* where the other one was next, or not */
		world_apply(w);
		uint32_t slot = pool_find_id(p, &rules_of(w->gen)->addresses[0]);
		CU_ASSERT_TRUE(slot != 0 && pool_slot_at(p, slot)->is_usable);
		CU_ASSERT_EQUAL(pool_take_first(p, w->gen, 0, 1, ip(1, 2, 3, 4), &seed), 0);
		CU_ASSERT_TRUE(p->slots.used == used && p->blocks.used == blocks);
	}
	give_all(p);
	CU_ASSERT_TRUE(p->slots.used == 0 && p->blocks.used == 0);
	world_free(w);
}

/* Two addresses that change their ids for each other's keep their slots. */
static void
test_ids_swapped(void)
{
	struct nat_world *w = small(1, false);
	struct pool *p = &world_nat(w)->pool;
	static uint8_t seen[2][65536];
	memset(seen, 0, sizeof(seen));
	take_all(w, p, seen[0]);
	world_address(w, 0, ip(203, 0, 113, 2));
	world_apply(w);
	take_all(w, p, seen[1]);
	const struct img_nat_address *a = rules_of(w->gen)->addresses;
	uint32_t slot[2] = {pool_find_id(p, &a[0]), pool_find_id(p, &a[1])};
	CU_ASSERT_TRUE(slot[0] != 0 && slot[1] != 0 && slot[0] != slot[1]);
	w->address[0].id = 1;
	w->address[1].id = 0;
	world_apply(w);
	a = rules_of(w->gen)->addresses;
	CU_ASSERT_TRUE(pool_find_id(p, &a[0]) == slot[0] && pool_find_id(p, &a[1]) == slot[1]);
	CU_ASSERT_EQUAL(pool_take_first(p, w->gen, 0, 1, ip(1, 2, 3, 4), &seed), 0);
	give_all(p);
	world_free(w);
}

/* Ports that the pool leaves out: in a part of a block, in all of one, over the edge of two. */
static const struct {
	uint16_t first, last;
} holes[] = {{1000, 1000}, {1500, 1800}, {2100, 2110}, {2303, 2304}, {2990, 3000}};
enum { HOLES = sizeof(holes) / sizeof(holes[0]) };

static bool
is_left_out(unsigned port)
{
	for (unsigned i = 0; i < HOLES; i++)
		if (holes[i].first <= port && port <= holes[i].last)
			return true;
	return false;
}

/* Every port of a protocol of a held block. */
static void
drain_ports(struct pool *p, uint32_t number, enum nat_proto proto, uint8_t seen[65536])
{
	uint16_t port;
	while ((port = pool_take_port(p, number, proto, 0, &seed)) != 0)
		CU_ASSERT_EQUAL_FATAL(seen[port]++, 0);
}

static void
free_ports(struct pool *p, uint32_t number, enum nat_proto proto)
{
	const struct block *b = block_at(p, number);
	for (uint32_t i = 0; i < b->ports; i++) {
		if (is_left_out(b->first + i))
			continue;
		pool_unmap(p, number, proto);
		pool_free(p, number, proto, i);
	}
}

/* All ports but those that are left out, each once, by protocol; then none; and all over again. */
static void
exhaust_holes(struct nat_world *w)
{
	static uint8_t seen[NAT_PROTOS][65536];
	memset(seen, 0, sizeof(seen));
	for (unsigned i = 0; i < w->plane.workers; i++) {
		struct pool *p = &((struct nat *)w->state[i])->pool;
		while (pool_take_first(p, w->gen, 0, 1, ip(100, 64, 0, 1), &seed) != 0)
			;
		for (uint32_t n = 1; n <= p->blocks.high; n++)
			for (unsigned proto = 0; proto < NAT_PROTOS; proto++)
				drain_ports(p, n, proto, seen[proto]);
		for (uint32_t n = 1; n <= p->blocks.high; n++)
			for (unsigned proto = 0; proto < NAT_PROTOS; proto++)
				free_ports(p, n, proto);
		give_all(p);
		for (size_t word = 0; word < (size_t)NAT_PROTOS * p->row_words; word++)
			CU_ASSERT_EQUAL(p->taken[word], 0);
	}
	for (unsigned port = 0; port < 65536; port++)
		for (unsigned proto = 0; proto < NAT_PROTOS; proto++)
			CU_ASSERT_EQUAL(seen[proto][port],
			                port >= 1000 && port <= 3000 && !is_left_out(port));
}

static void
test_holes(void)
{
	for (uint16_t workers = 1; workers <= W_WORKERS; workers++) {
		struct nat_world *w = small(workers, workers > 1);
		struct cmd_pool_address row;
		uint64_t cursor = 0;
		for (unsigned i = 0; i < HOLES; i++)
			world_hole(w, 0, holes[i].first, holes[i].last);
		world_apply(w);
		for (unsigned round = 0; round < 3; round++)
			exhaust_holes(w);
		nat_view_pools(w->state, workers, w->gen, &cursor, &row, 1);
		CU_ASSERT_EQUAL(row.blocks, 3000 / 256 - 1000 / 256 + 1 - 1);
		world_free(w);
	}
}

static const struct test_case cases[] = {
	{"each block exactly once, on all workers", test_exhaustion},
	{"places of divided ports", test_offsets},
	{"block size changes", test_block_size_changes},
	{"an id for another address", test_id_reused},
	{"an address comes back", test_address_back},
	{"ids change places", test_ids_swapped},
	{"ports that are left out", test_holes},
};
TEST_MAIN("nat_pool", cases)
