/* SPDX-License-Identifier: Apache-2.0 */
/* Mappings: found by either endpoint, each by its own only. */
#include "nat/mapping.h"
#include "test.h"

enum { SUBSCRIBERS = 5, PORTS = 40, CAPACITY = SUBSCRIBERS * NAT_PROTOS * PORTS };

static struct mapping_table table;
static struct block blocks[SUBSCRIBERS + 1];
static const struct table block_table = {.entry = (uint8_t *)blocks};

/* Subscriber s has block s on slot s % 3 + 1; inside and external port differ. */
static struct mapping
row(uint32_t s, unsigned proto, unsigned i)
{
	return (struct mapping){
		.block = s, .proto = proto, .inside_port = (be16)i,
		.port = (uint16_t)(1000 + s * 100 + i), .flows = 1,
	};
}

static uint64_t
hash(const struct mapping *m)
{
	return mapping_hash(&table, false, m->block, m->proto, m->inside_port);
}

static uint32_t
add(const struct mapping *m)
{
	return mapping_add(&table, m, (uint64_t[]){hash(m), mapping_hash_external(&table, m)});
}

static uint32_t
find(const struct mapping *m)
{
	uint32_t n = mapping_find(&table, hash(m), m->block, m->proto, m->inside_port);
	uint32_t slot = blocks[m->block].slot;
	CU_ASSERT_EQUAL(mapping_find_external(&table, slot, m->proto, m->port), n);
	return n;
}

static void
test_find(void)
{
	size_t size = mapping_memsize(CAPACITY);
	void *memory = aligned_alloc(64, size);
	uint32_t number[SUBSCRIBERS + 1][NAT_PROTOS][PORTS];
	memset(memory, 0, size);
	mapping_init(&table, memory, CAPACITY, test_seed(), &block_table);
	for (uint32_t s = 1; s <= SUBSCRIBERS; s++)
		blocks[s] = (struct block){.subscriber = s, .slot = s % 3 + 1};
	for (unsigned k = 0; k < CAPACITY; k++) {
		uint32_t s = k % SUBSCRIBERS + 1, p = k / SUBSCRIBERS % NAT_PROTOS;
		struct mapping m = row(s, p, k / SUBSCRIBERS / NAT_PROTOS);
		CU_ASSERT_EQUAL(find(&m), 0);
		number[s][p][m.inside_port] = add(&m);
		CU_ASSERT_EQUAL(find(&m), number[s][p][m.inside_port]);
	}
	CU_ASSERT_EQUAL(table.t.used, CAPACITY);
	struct mapping more = row(1, 0, PORTS);
	CU_ASSERT_EQUAL(add(&more), 0);
	for (unsigned i = 0; i < PORTS; i++) {
		struct mapping m = row(2, 1, i);
		uint64_t both[] = {hash(&m), mapping_hash_external(&table, &m)};
		mapping_del(&table, number[2][1][i], both);
	}
	for (uint32_t s = 1; s <= SUBSCRIBERS; s++)
		for (unsigned p = 0; p < NAT_PROTOS; p++)
			for (unsigned i = 0; i < PORTS; i++) {
				struct mapping m = row(s, p, i);
				bool gone = s == 2 && p == 1;
				CU_ASSERT_EQUAL(find(&m), gone ? 0 : number[s][p][i]);
			}
	free(memory);
}

/* A fifth of a full table's bytes is the index's share, and no more. */
static void
test_size(void)
{
	CU_ASSERT(mapping_memsize(1000000) < 16 * 1000000 + 17.1 * 1000000);
}

static const struct test_case cases[] = {
	{"find", test_find},
	{"size", test_size},
};
TEST_MAIN("nat_mapping", cases)
