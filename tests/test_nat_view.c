/* SPDX-License-Identifier: Apache-2.0 */
/* Listings: every row once by any page size, filters, pools over workers. */
#include "nat_world.h"

#define SERVER ip(198, 51, 100, 1)
enum { FLOWS = 120, UDP = IPPROTO_L4_UDP, TCP = IPPROTO_L4_TCP };

static struct nat_world *w;
static struct world_flow flow[FLOWS];

static void
begin(uint16_t workers, bool split)
{
	struct flow_spec spec;
	w = world_new();
	w->plane.workers = workers;
	w->plane.steer_class_bits = split ? 0 : 2;
	w->plane.steer_split_blocks = split;
	w->plane.steer_block_shift = 6;
	world_pool(w, 1024, 65535, 64, 4);
	for (unsigned i = 0; i < 8; i++)
		world_address(w, 0, ip(203, 0, 113, 8 + i));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
	world_apply(w);
	for (unsigned i = 0; i < FLOWS; i++)
		CU_ASSERT_EQUAL_FATAL(world_out(w, i % 2 ? UDP : TCP, ip(100, 64, 0, i / 3),
		                                1000 + i, SERVER, 80, &spec, &flow[i]),
		                      VERDICT_OPEN);
}

static void
mappings_case(uint32_t page)
{
	struct cmd_filter all = {.family = 0};
	struct cmd_mapping rows[FLOWS];
	uint8_t seen[FLOWS] = {0};
	uint64_t cursor = 0;
	unsigned total = 0;
	do {
		uint32_t n = nat_view_mappings(w->state, w->plane.workers, &all, &cursor, rows,
		                               page);
		CU_ASSERT_FATAL(n <= page);
		for (uint32_t i = 0; i < n; i++) {
			unsigned k = __builtin_bswap16(rows[i].inside_port) - 1000u;
			CU_ASSERT_FATAL(k < FLOWS && !seen[k]++);
			CU_ASSERT_EQUAL(rows[i].inside, flow[k].t[0].src.w[0]);
			CU_ASSERT_EQUAL(rows[i].external, flow[k].t[1].dst.w[0]);
			CU_ASSERT_EQUAL(rows[i].external_port, flow[k].t[1].dport);
			CU_ASSERT(rows[i].flows == 1 && rows[i].realm == 1 && rows[i].pool == 0);
			CU_ASSERT_EQUAL(rows[i].worker, flow[k].worker);
		}
		total += n;
	} while (cursor != 0);
	CU_ASSERT_EQUAL(total, FLOWS);
}

static void
test_mappings(void)
{
	static const uint32_t page[] = {1, 7, FLOWS};
	for (uint16_t workers = 1; workers <= 3; workers++) {
		begin(workers, false);
		for (unsigned i = 0; i < 3; i++)
			mappings_case(page[i]);
		world_free(w);
	}
}

/* Between the pages every odd mapping ends, here and there, and another is made in its place. */
static void
churn(uint64_t *seed)
{
	static unsigned other = 20000;
	struct flow_spec spec;
	for (unsigned n = 0; n < 20; n++) {
		unsigned k = random_below(seed, FLOWS / 2) * 2 + 1;
		be32 host = flow[k].t[0].src.w[0];
		world_end(w, &flow[k]);
		CU_ASSERT_EQUAL_FATAL(world_out(w, UDP, host, other++, SERVER, 80, &spec, &flow[k]),
		                      VERDICT_OPEN);
	}
}

/* A listing while mappings come and go: none is shown twice, and what stood throughout once. */
static void
test_churn(void)
{
	struct cmd_filter all = {.family = 0};
	static uint8_t seen[65536];
	uint64_t seed = test_seed();
	for (uint32_t page = 1; page <= 16; page *= 2) {
		uint64_t cursor = 0;
		unsigned standing = 0;
		begin(2, false);
		memset(seen, 0, sizeof(seen));
		do {
			struct cmd_mapping rows[16];
			uint32_t n = nat_view_mappings(w->state, 2, &all, &cursor, rows, page);
			for (uint32_t i = 0; i < n; i++) {
				unsigned k = __builtin_bswap16(rows[i].inside_port);
				CU_ASSERT_FATAL(!seen[k]++);
				standing += k < 1000 + FLOWS && k % 2 == 0;
			}
			churn(&seed);
		} while (cursor != 0);
		CU_ASSERT_EQUAL(standing, FLOWS / 2);
		world_free(w);
	}
}

static uint32_t
count(const struct cmd_filter *f)
{
	struct cmd_mapping rows[FLOWS];
	uint64_t cursor = 0;
	return nat_view_mappings(w->state, w->plane.workers, f, &cursor, rows, FLOWS);
}

static void
test_filters(void)
{
	begin(2, false);
	CU_ASSERT_EQUAL(count(&(struct cmd_filter){.proto = UDP}), FLOWS / 2);
	CU_ASSERT_EQUAL(count(&(struct cmd_filter){.src = addr_from_v4(ip(100, 64, 0, 5))}), 3);
	CU_ASSERT_EQUAL(count(&(struct cmd_filter){.any = addr_from_v4(ip(100, 64, 0, 5))}), 3);
	CU_ASSERT_EQUAL(count(&(struct cmd_filter){.dst = addr_from_v4(ip(100, 64, 0, 5))}), 0);
	CU_ASSERT(count(&(struct cmd_filter){.dst = flow[0].t[1].dst}) >= 3);
	CU_ASSERT_EQUAL(count(&(struct cmd_filter){.sport = port(1010)}), 1);
	CU_ASSERT_EQUAL(count(&(struct cmd_filter){.family = FAMILY_V6}), 0);
	CU_ASSERT(count(&(struct cmd_filter){.any_port = flow[9].t[1].dport}) >= 1);
	uint32_t first = count(&(struct cmd_filter){.worker = 1});
	uint32_t second = count(&(struct cmd_filter){.worker = 2});
	CU_ASSERT(first > 0 && second > 0 && first + second == FLOWS);
	CU_ASSERT_EQUAL(count(&(struct cmd_filter){.worker = 3}), 0);
	world_free(w);
}

static void
test_subscribers(void)
{
	struct cmd_filter all = {.family = 0};
	struct cmd_subscriber rows[FLOWS];
	begin(2, true);
	for (uint32_t page = 1; page <= FLOWS; page *= 3) {
		uint64_t cursor = 0;
		uint8_t seen[FLOWS] = {0};
		do {
			uint32_t n = nat_view_subscribers(w->state, 2, &all, &cursor, rows, page);
			for (uint32_t i = 0; i < n; i++) {
				unsigned k = __builtin_bswap32(rows[i].address) & 255;
				CU_ASSERT_FATAL(k < FLOWS / 3 && !seen[k]++);
				CU_ASSERT_EQUAL(rows[i].external, flow[3 * k].t[1].dst.w[0]);
				CU_ASSERT(rows[i].mappings == 3 && rows[i].blocks == 1);
				CU_ASSERT(rows[i].block_last[0] == rows[i].block_first[0] + 63);
				CU_ASSERT_EQUAL(rows[i].realm, 1);
				unsigned p = __builtin_bswap16(flow[3 * k].t[1].dport);
				CU_ASSERT_EQUAL(p / 64 * 64, rows[i].block_first[0]);
			}
		} while (cursor != 0);
		for (unsigned k = 0; k < FLOWS / 3; k++)
			CU_ASSERT_EQUAL(seen[k], 1);
	}
	world_free(w);
}

static void
pools_case(uint16_t workers, bool split)
{
	struct cmd_pool_address rows[8], row;
	begin(workers, split);
	world_end(w, &flow[0]);
	world_end(w, &flow[1]);
	world_end(w, &flow[2]);
	uint64_t cursor = 0;
	CU_ASSERT_EQUAL_FATAL(nat_view_pools(w->state, workers, w->gen, &cursor, rows, 8), 8);
	CU_ASSERT_EQUAL(cursor, 0);
	uint32_t used = 0, idle = 0, ports[3] = {0};
	for (unsigned i = 0; i < 8; i++) {
		CU_ASSERT_EQUAL(nat_view_pools(w->state, workers, w->gen, &cursor, &row, 1), 1);
		CU_ASSERT_EQUAL(memcmp(&row, &rows[i], sizeof(row)), 0);
		CU_ASSERT(row.address == w->address[i].address && row.id == i && row.pool == 0);
		CU_ASSERT_EQUAL(row.blocks, 64512 / 64);
		union addr a = addr_from_v4(row.address);
		CU_ASSERT_EQUAL(row.worker, split ? 0xffff : steer_worker(&w->gen->steer, &a, 4));
		used += row.blocks_used;
		idle += row.blocks_quarantined;
		for (unsigned p = 0; p < 3; p++)
			ports[p] += row.ports_used[p];
	}
	CU_ASSERT_EQUAL(cursor, 0);
	CU_ASSERT(used == FLOWS / 3 - 1 && idle == 1);
	CU_ASSERT(ports[0] == FLOWS / 2 - 2 && ports[1] == FLOWS / 2 - 1 && ports[2] == 0);
	world_free(w);
}

static void
test_pools(void)
{
	for (uint16_t workers = 1; workers <= 3; workers++) {
		pools_case(workers, false);
		pools_case(workers, true);
	}
}

/* A cursor of an enemy ends the listing or goes on in bounds. */
static void
test_wild_cursor(void)
{
	struct cmd_filter all = {.family = 0}, one = {.family = 0};
	struct cmd_mapping m;
	struct cmd_subscriber s;
	struct cmd_block b;
	struct cmd_pool_address p;
	uint64_t seed = test_seed();
	begin(2, false);
	one.dst = flow[0].t[1].dst;
	one.dport = flow[0].t[1].dport;
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t wild = test_random(&seed) >> (i % 64), cursor = wild;
		CU_ASSERT(nat_view_mappings(w->state, 2, &all, &cursor, &m, 1) <= 1);
		cursor = wild;
		CU_ASSERT(nat_view_mappings(w->state, 2, &one, &cursor, &m, 1) <= 1);
		cursor = wild;
		CU_ASSERT(nat_view_blocks(w->state, 2, &all, &cursor, &b, 1) <= 1);
		cursor = wild;
		CU_ASSERT(nat_view_subscribers(w->state, 2, &all, &cursor, &s, 1) <= 1);
		cursor = wild;
		CU_ASSERT(nat_view_pools(w->state, 2, w->gen, &cursor, &p, 1) <= 1);
	}
	world_free(w);
}

/* A block that the pool's ports clip does not reach into the next one, whoever has that. */
static void
test_clipped(void)
{
	struct cmd_filter all = {.family = 0};
	struct cmd_subscriber row;
	struct flow_spec spec;
	struct world_flow one;
	uint64_t cursor = 0;
	w = world_new();
	world_pool(w, 1000, 1087, 64, 2);
	world_address(w, 0, ip(203, 0, 113, 8));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
	world_apply(w);
	for (unsigned i = 0; i < 88; i++)
		CU_ASSERT_EQUAL_FATAL(world_out(w, UDP, ip(100, 64, 0, 1), 1000 + i, SERVER, 80,
		                                &spec, &one), VERDICT_OPEN);
	CU_ASSERT_EQUAL_FATAL(nat_view_subscribers(w->state, 1, &all, &cursor, &row, 1), 1);
	CU_ASSERT_EQUAL_FATAL(row.blocks, 2);
	unsigned low = row.block_first[0] == 1000 ? 0 : 1;
	CU_ASSERT(row.block_first[low] == 1000 && row.block_last[low] == 1023);
	CU_ASSERT(row.block_first[!low] == 1024 && row.block_last[!low] == 1087);
	world_free(w);
}

/*
 * A table of a million: each page looks at 65536 entries at most, whatever the filter finds, so
 * that nobody waits longer for one; all pages together see each entry.
 */
static void
test_million(void)
{
	enum { MILLION = 1000000, STEPS = 65536 };
	struct cmd_filter none = {.nat.port_first = 1, .nat.port_last = 1}, all = {.family = 0};
	struct flow_spec spec;
	uint64_t cursor = 0;
	w = world_new();
	w->plane.mappings = MILLION;
	world_pool(w, 1024, 65535, 64, 4);
	world_address(w, 0, ip(203, 0, 113, 8));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
	world_apply(w);
	CU_ASSERT_EQUAL_FATAL(world_out(w, UDP, ip(100, 64, 0, 1), 1000, SERVER, 80, &spec,
	                                &flow[0]), VERDICT_OPEN);
	struct nat *n = w->state[0];
	CU_ASSERT_FATAL(n->mappings.t.capacity >= MILLION);
	*mapping_at(&n->mappings, MILLION) = *mapping_at(&n->mappings, 1);
	n->mappings.t.high = MILLION;
	for (unsigned round = 0; round < 2; round++) {
		struct cmd_mapping rows[4];
		unsigned pages = 0, found = 0;
		do {
			uint64_t before = cursor;
			found += nat_view_mappings(w->state, 1, round == 0 ? &none : &all, &cursor,
			                           round == 0 ? NULL : rows, 4);
			CU_ASSERT_FATAL(cursor == 0 || cursor - before <= STEPS);
			pages++;
		} while (cursor != 0);
		CU_ASSERT(pages > MILLION / STEPS && pages < MILLION / STEPS + 4);
		CU_ASSERT_EQUAL(found, round == 0 ? 0 : 2);
	}
	n->mappings.t.high = 1;
	world_free(w);
}

/* blocks_of, subscribers_of: what is listed of a prefix of external addresses; each is in it. */
static unsigned
blocks_of(be32 address, be32 mask)
{
	struct cmd_filter f = {.nat.external = address & mask, .nat.external_mask = mask};
	struct cmd_block row;
	uint64_t cursor = 0;
	unsigned n = 0;
	do {
		uint32_t got = nat_view_blocks(w->state, w->plane.workers, &f, &cursor, &row, 1);
		CU_ASSERT(got == 0 || ((row.external ^ address) & mask) == 0);
		n += got;
	} while (cursor != 0);
	return n;
}

static unsigned
subscribers_of(be32 address, be32 mask)
{
	struct cmd_filter f = {.nat.external = address & mask, .nat.external_mask = mask};
	struct cmd_subscriber row;
	uint64_t cursor = 0;
	unsigned n = 0;
	do {
		uint32_t got = nat_view_subscribers(w->state, w->plane.workers, &f, &cursor, &row,
		                                    1);
		CU_ASSERT(got == 0 || ((row.external ^ address) & mask) == 0);
		n += got;
	} while (cursor != 0);
	return n;
}

/* By prefix of the external address: the parts are the whole. */
static void
test_by_address(void)
{
	static const uint32_t masks[] = {UINT32_MAX, 0xfffffffe, 0xfffffffc, 0xfffffff8};
	begin(2, false);
	for (unsigned i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		be32 mask = __builtin_bswap32(masks[i]);
		unsigned blocks = 0, subscribers = 0, step = (unsigned)(~masks[i] + 1);
		for (unsigned a = 0; a < 16; a += step) {
			blocks += blocks_of(ip(203, 0, 113, a), mask);
			subscribers += subscribers_of(ip(203, 0, 113, a), mask);
		}
		CU_ASSERT_EQUAL(blocks, blocks_of(0, 0));
		CU_ASSERT(subscribers == FLOWS / 3 && subscribers == subscribers_of(0, 0));
	}
	CU_ASSERT(blocks_of(ip(203, 0, 113, 1), UINT32_MAX) == 0);
	world_free(w);
}

/* endpoint: the filter of one external endpoint, in either way of saying so. */
static struct cmd_filter
endpoint(be32 address, uint16_t port_number, bool is_of_nat)
{
	struct cmd_filter f = {.family = 0};
	if (!is_of_nat) {
		f.dst.w[0] = address;
		f.dport = port(port_number);
		return f;
	}
	f.nat = (struct cmd_nat_filter){.external = address, .external_mask = UINT32_MAX,
		.port_first = port_number, .port_last = port_number};
	return f;
}

/* Each endpoint is found by it alone, as it is in a walk over all; also a page of one at a time. */
static void
endpoints_case(uint16_t workers, bool split, uint32_t page)
{
	struct cmd_filter all = {.family = 0};
	struct cmd_mapping every[FLOWS], rows[4];
	uint64_t cursor = 0;
	begin(workers, split);
	uint32_t total = nat_view_mappings(w->state, workers, &all, &cursor, every, FLOWS);
	CU_ASSERT_EQUAL_FATAL(total, FLOWS);
	for (unsigned i = 0; i < 2 * FLOWS; i++) {
		const struct cmd_mapping *m = &every[i / 2];
		uint16_t p = __builtin_bswap16(m->external_port);
		struct cmd_filter f = endpoint(m->external, p, i % 2);
		unsigned found = 0, expected = 0;
		for (unsigned k = 0; k < FLOWS; k++)
			expected += every[k].external == m->external &&
			            every[k].external_port == m->external_port;
		cursor = 0;
		do {
			uint32_t n = nat_view_mappings(w->state, workers, &f, &cursor, rows, page);
			for (uint32_t k = 0; k < n; k++)
				CU_ASSERT(rows[k].external == m->external &&
				          rows[k].external_port == m->external_port);
			found += n;
		} while (cursor != 0);
		CU_ASSERT_EQUAL_FATAL(found, expected);
	}
	world_free(w);
}

/* Of a table of millions, most of it in use: one page answers, and does not see the others. */
static void
endpoint_of_many(void)
{
	enum { MANY = 4000000, BLOCKS = 63 };
	struct cmd_mapping rows[4];
	struct flow_spec spec;
	uint64_t cursor = 0;
	w = world_new();
	w->plane.mappings = MANY;
	world_pool(w, 1024, 65535, 1024, 4);
	world_address(w, 0, ip(203, 0, 113, 8));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
	world_apply(w);
	for (unsigned i = 0; i < BLOCKS; i++)
		CU_ASSERT_EQUAL_FATAL(world_out(w, UDP, ip(100, 64, 0, i), 1000, SERVER, 80, &spec,
		                                &flow[i]), VERDICT_OPEN);
	struct nat *n = w->state[0];
	for (uint32_t i = BLOCKS + 1; i <= MANY; i++)
		*mapping_at(&n->mappings, i) = *mapping_at(&n->mappings, 1 + i % BLOCKS);
	n->mappings.t.high = MANY;
	uint16_t p = __builtin_bswap16(spec.reply.dport);
	struct cmd_filter one = endpoint(ip(203, 0, 113, 8), p, true), none = one;
	CU_ASSERT_EQUAL(nat_view_mappings(w->state, 1, &one, &cursor, rows, 4), 1);
	CU_ASSERT(cursor == 0 && rows[0].inside == ip(100, 64, 0, BLOCKS - 1));
	none.nat.external = ip(203, 0, 113, 9);
	CU_ASSERT_EQUAL(nat_view_mappings(w->state, 1, &none, &cursor, rows, 4), 0);
	CU_ASSERT_EQUAL(cursor, 0);
	n->mappings.t.high = BLOCKS;
	world_free(w);
}

static void
test_endpoint(void)
{
	endpoints_case(1, false, 4);
	endpoints_case(3, false, 1);
	endpoints_case(2, true, 4);
	endpoint_of_many();
}

/* Blocks of other addresses are counted; where there are no blocks none are shown. */
static void
test_elsewhere(void)
{
	static const struct cmd_filter all;
	struct cmd_subscriber sub;
	struct cmd_block rows[4];
	struct flow_spec spec;
	uint64_t cursor = 0;
	w = world_new();
	world_pool(w, 1024, 1087, 64, 4);
	for (unsigned i = 0; i < 2; i++)
		world_address(w, 0, ip(203, 0, 113, 8 + i));
	w->pool[0].flags = NAT_PAIR_SOFT;
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
	world_apply(w);
	for (unsigned i = 0; i < 65; i++)
		CU_ASSERT_EQUAL_FATAL(world_out(w, UDP, ip(100, 64, 0, 1), 1000 + i, SERVER, 80,
		                                &spec, &flow[i]), VERDICT_OPEN);
	CU_ASSERT_EQUAL(nat_view_subscribers(w->state, 1, &all, &cursor, &sub, 1), 1);
	CU_ASSERT(sub.blocks == 1 && sub.elsewhere == 1 && sub.mappings == 65);
	cursor = 0;
	CU_ASSERT_EQUAL(nat_view_blocks(w->state, 1, &all, &cursor, rows, 4), 2);
	world_free(w);
	w = world_new();
	world_pool(w, 1024, 1087, NAT_MIN_BLOCK, 4);
	world_address(w, 0, ip(203, 0, 113, 8));
	w->pool[0].flags = NAT_SINGLE;
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
	world_apply(w);
	CU_ASSERT_EQUAL_FATAL(world_out(w, UDP, ip(100, 64, 0, 1), 1000, SERVER, 80, &spec,
	                                &flow[0]), VERDICT_OPEN);
	cursor = 0;
	CU_ASSERT_EQUAL(nat_view_blocks(w->state, 1, &all, &cursor, rows, 4), 0);
	cursor = 0;
	CU_ASSERT_EQUAL(nat_view_subscribers(w->state, 1, &all, &cursor, &sub, 1), 1);
	CU_ASSERT(sub.blocks == 0 && sub.elsewhere == 0 && sub.mappings == 1);
	world_free(w);
}

static const struct test_case cases[] = {
	{"mappings by page", test_mappings},
	{"mappings come and go", test_churn},
	{"filters", test_filters},
	{"subscribers", test_subscribers},
	{"clipped blocks", test_clipped},
	{"pools", test_pools},
	{"blocks elsewhere, and none", test_elsewhere},
	{"by external address", test_by_address},
	{"a million entries", test_million},
	{"one external endpoint", test_endpoint},
	{"wild cursors", test_wild_cursor},
};
TEST_MAIN("nat_view", cases)
