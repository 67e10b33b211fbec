/* SPDX-License-Identifier: Apache-2.0 */
/* Events at thresholds: once for each crossing, high first, of pools, tables and subscribers. */
#include "nat/threshold.h"
#include "nat_world.h"

#define SERVER ip(198, 51, 100, 1)
enum { UDP = IPPROTO_L4_UDP, FLOWS = 512 };

static struct nat_world *w;
static struct flow_spec spec;
static struct world_flow flow[FLOWS];

/* Ten blocks of 16 ports on one address, high at 80 percent, low at 50. */
static void
begin(void)
{
	w = world_new();
	w->conf.log = NAT_LOG_BLOCKS;
	w->conf.quarantine_ms = 0;
	world_pool(w, 1024, 1183, 16, 1);
	w->pool[0].high = 80;
	w->pool[0].low = 50;
	world_address(w, 0, ip(203, 0, 113, 1));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
	world_apply(w);
}

static void
come(unsigned subscriber, unsigned sport)
{
	enum verdict v = world_out(w, UDP, ip_add(ip(100, 64, 0, 0), subscriber), sport, SERVER,
	                           80, &spec, &flow[sport]);
	CU_ASSERT_EQUAL(v, VERDICT_OPEN);
}

/* The next threshold record, or one without a threshold. */
static struct record
said(void)
{
	struct record r;
	while (record_take(&w->ring[0], &r, 1) == 1)
		if (r.event == RECORD_THRESHOLD)
			return r;
	return (struct record){0};
}

static bool
has_said(uint8_t kind, uint64_t used, uint64_t limit)
{
	struct record r = said();
	return r.threshold == kind && r.used == used && r.limit == limit;
}

static void
test_pool(void)
{
	begin();
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 7; i++)
			come(i, 1 + i);
		CU_ASSERT_EQUAL(said().threshold, 0);
		for (unsigned i = 7; i < 10; i++)
			come(i, 1 + i);
		CU_ASSERT(has_said(THRESHOLD_POOL_HIGH, 8, 8));
		CU_ASSERT_EQUAL(said().threshold, 0);
		for (unsigned i = 0; i < 4; i++)
			world_end(w, &flow[1 + i]);
		for (unsigned i = 0; i < 4; i++) /* up and down between the marks */
			come(i, 1 + i);
		for (unsigned i = 0; i < 4; i++)
			world_end(w, &flow[1 + i]);
		CU_ASSERT_EQUAL(said().threshold, 0);
		for (unsigned i = 4; i < 10; i++)
			world_end(w, &flow[1 + i]);
		struct record r = said();
		CU_ASSERT(r.threshold == THRESHOLD_POOL_LOW && r.used == 5 && r.limit == 5);
		CU_ASSERT(r.pool == 0 && r.subscriber == 0);
		CU_ASSERT_EQUAL(said().threshold, 0);
	}
	world_free(w);
}

/* Other generations: the same again says nothing, fewer addresses and other marks do. */
static void
test_reload(void)
{
	begin();
	world_address(w, 0, ip(203, 0, 113, 2));
	world_apply(w);
	for (unsigned i = 0; i < 16; i++)
		come(i, 1 + i);
	CU_ASSERT(has_said(THRESHOLD_POOL_HIGH, 16, 16));
	world_apply(w);
	CU_ASSERT_EQUAL(said().threshold, 0);
	w->address[1].drain = 1; /* its blocks are neither used nor there to be used */
	world_apply(w);
	uint32_t held = world_nat(w)->pool.use[0].held;
	CU_ASSERT(held <= 10 && world_nat(w)->pool.use[0].total == 10);
	CU_ASSERT_EQUAL(said().threshold, held <= 5 ? THRESHOLD_POOL_LOW : 0);
	w->address[1].drain = 0;
	w->pool[0].high = 0;
	world_apply(w);
	CU_ASSERT_EQUAL(said().threshold, 0);
	w->pool[0].high = 10;
	w->pool[0].low = 0;
	world_apply(w);
	CU_ASSERT(has_said(THRESHOLD_POOL_HIGH, 16, 2));
	snprintf(w->pool[0].name, sizeof(w->pool[0].name), "another");
	world_apply(w);
	CU_ASSERT(has_said(THRESHOLD_POOL_HIGH, 16, 2));
	for (unsigned i = 0; i < 16; i++)
		world_end(w, &flow[1 + i]);
	CU_ASSERT(has_said(THRESHOLD_POOL_LOW, 0, 0));
	world_free(w);
}

/* Held is what the slots say, whatever comes and goes over generations. */
static void
test_count(void)
{
	uint64_t seed = test_seed();
	bool live[FLOWS] = {false};
	begin();
	world_address(w, 0, ip(203, 0, 113, 2));
	world_address(w, 0, ip(203, 0, 113, 3));
	world_apply(w);
	for (unsigned step = 0; step < 4000; step++) {
		unsigned i = 1 + (unsigned)(test_random(&seed) % 60);
		if (live[i])
			world_end(w, &flow[i]);
		live[i] = !live[i] && world_out(w, UDP, ip_add(ip(100, 64, 0, 0), i / 2), i,
		                                SERVER, 80, &spec, &flow[i]) == VERDICT_OPEN;
		if (step % 97 == 0) {
			w->address[step % 3].drain ^= 1;
			world_apply(w);
		}
		const struct pool *p = &world_nat(w)->pool;
		uint32_t held = 0;
		for (uint32_t s = 1; s <= p->slots.high; s++)
			held += pool_slot_at(p, s)->is_usable ? pool_slot_at(p, s)->blocks : 0;
		CU_ASSERT_EQUAL_FATAL(p->use[0].held, held);
	}
	world_free(w);
}

/* Room for 100 mappings, high at 80 percent and low at 50, and for 20 subscribers, 50 and 25. */
static void
begin_tables(void)
{
	w = world_new();
	w->plane.mappings = 100;
	w->plane.subscribers = 20;
	w->conf = (struct img_nat_conf){.log = NAT_LOG_BLOCKS, .refusal = NAT_REFUSE_HOST,
		.mappings_high = 80, .mappings_low = 50,
		.subscribers_high = 50, .subscribers_low = 25};
	world_pool(w, 1024, 65535, 64, 1);
	world_address(w, 0, ip(203, 0, 113, 1));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
	world_apply(w);
}

/* Mappings from one number to another, of twelve subscribers in turn. */
static void
come_some(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		come(i % 12, 1 + i);
}

static void
end_some(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		world_end(w, &flow[1 + i]);
}

static void
test_tables(void)
{
	begin_tables();
	for (unsigned round = 0; round < 3; round++) {
		come_some(0, 79);
		CU_ASSERT(has_said(THRESHOLD_SUBSCRIBERS_HIGH, 10, 10));
		CU_ASSERT_EQUAL(said().threshold, 0);
		come_some(79, 80);
		struct record r = said();
		CU_ASSERT(r.threshold == THRESHOLD_MAPPINGS_HIGH && r.used == 80);
		CU_ASSERT(r.limit == 80 && r.pool == POOL_NONE && r.subscriber == 0);
		come_some(80, 90);
		end_some(0, 39);
		come_some(0, 30); /* up and down between the marks */
		end_some(0, 30);
		CU_ASSERT_EQUAL(said().threshold, 0);
		end_some(39, 40);
		CU_ASSERT(has_said(THRESHOLD_MAPPINGS_LOW, 50, 50));
		end_some(40, 84);
		CU_ASSERT_EQUAL(said().threshold, 0);
		end_some(84, 85);
		r = said();
		CU_ASSERT(r.threshold == THRESHOLD_SUBSCRIBERS_LOW && r.used == 5);
		CU_ASSERT(r.limit == 5 && r.pool == POOL_NONE);
		end_some(85, 90);
		CU_ASSERT_EQUAL(said().threshold, 0);
	}
	world_free(w);
}

/* Of tables: the same marks again say nothing, none neither, and others if they are crossed. */
static void
test_tables_reload(void)
{
	begin_tables();
	come_some(0, 85);
	CU_ASSERT(has_said(THRESHOLD_SUBSCRIBERS_HIGH, 10, 10));
	CU_ASSERT(has_said(THRESHOLD_MAPPINGS_HIGH, 80, 80));
	world_apply(w);
	w->conf.subscribers_high = 0;
	world_apply(w);
	CU_ASSERT_EQUAL(said().threshold, 0);
	w->conf.subscribers_high = 30;
	w->conf.mappings_high = 95;
	w->conf.mappings_low = 90;
	world_apply(w);
	CU_ASSERT(has_said(THRESHOLD_MAPPINGS_LOW, 85, 90));
	CU_ASSERT(has_said(THRESHOLD_SUBSCRIBERS_HIGH, 12, 6));
	CU_ASSERT_EQUAL(said().threshold, 0);
	w->conf.mappings_high = w->conf.subscribers_high = 0;
	w->conf.mappings_low = w->conf.subscribers_low = 0;
	world_apply(w);
	end_some(0, 85);
	come_some(0, 100);
	CU_ASSERT_EQUAL(said().threshold, 0);
	world_free(w);
}

/* Each worker knows its own part, which is what can be full, and says so once. */
static void
test_workers(void)
{
	unsigned count[2] = {0}, times[2] = {0};
	struct record r;
	w = world_new();
	w->plane.workers = 2;
	w->plane.steer_class_bits = 2;
	w->plane.mappings = 199; /* 100 each, rounded up */
	w->conf.log = NAT_LOG_BLOCKS;
	w->conf.mappings_high = 80;
	world_pool(w, 1024, 65535, 64, 1);
	for (unsigned i = 0; i < 16; i++)
		world_address(w, 0, ip(203, 0, 113, 1 + i));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
	world_apply(w);
	for (unsigned i = 0; i < FLOWS - 1 && (count[0] < 90 || count[1] < 90); i++) {
		struct world_flow *f = &flow[1 + i];
		if (world_out(w, UDP, ip_add(ip(100, 64, 0, 0), i % 40), 1 + i, SERVER, 80, &spec,
		              f) != VERDICT_OPEN)
			continue;
		count[f->worker]++;
		while (record_take(&w->ring[f->worker], &r, 1) == 1) {
			if (r.event != RECORD_THRESHOLD)
				continue;
			CU_ASSERT(r.threshold == THRESHOLD_MAPPINGS_HIGH && r.used == 80);
			CU_ASSERT(r.limit == 80 && count[f->worker] == 80);
			CU_ASSERT_EQUAL(r.worker, f->worker);
			times[f->worker]++;
		}
	}
	CU_ASSERT(times[0] == 1 && times[1] == 1);
	world_free(w);
}

static void
test_subscriber(void)
{
	begin();
	w->rule[0].high = 10;
	w->rule[0].low = 4;
	world_apply(w);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 12; i++)
			come(7, 1 + i);
		struct record r = said();
		CU_ASSERT(r.threshold == THRESHOLD_USER_HIGH && r.used == 10 && r.limit == 10);
		CU_ASSERT_EQUAL(r.subscriber, ip(100, 64, 0, 7));
		for (unsigned i = 0; i < 7; i++)
			world_end(w, &flow[1 + i]);
		for (unsigned i = 0; i < 7; i++)
			come(7, 1 + i);
		CU_ASSERT_EQUAL(said().threshold, 0);
		for (unsigned i = 0; i < 11; i++)
			world_end(w, &flow[1 + i]);
		CU_ASSERT(has_said(THRESHOLD_USER_LOW, 4, 4));
		world_end(w, &flow[12]);
		CU_ASSERT_EQUAL(said().threshold, 0);
	}
	world_free(w);
}

/* More subscribers than there may be events in a second: the others are said of later. */
static void
test_bounded(void)
{
	begin();
	w->pool[0] = (struct img_nat_pool){.port_first = 1024, .port_last = 65535,
		.block_size = 16, .max_blocks = 1};
	w->rule[0].high = 1;
	world_apply(w);
	unsigned n = 0;
	for (unsigned i = 0; i < 150; i++)
		come(i, 1 + i);
	while (said().threshold != 0)
		n++;
	CU_ASSERT_EQUAL(n, THRESHOLDS_SECOND);
	world_tick(w, 1000);
	for (unsigned i = 0; i < 150; i++)
		come(i, 200 + i);
	for (n = 0; said().threshold != 0;)
		n++;
	CU_ASSERT_EQUAL(n, 150 - THRESHOLDS_SECOND);
	world_free(w);
}

static void
test_without_log(void)
{
	begin();
	w->conf.log = NAT_LOG_NONE;
	world_apply(w);
	for (unsigned i = 0; i < 10; i++)
		come(i, 1 + i);
	CU_ASSERT_EQUAL(w->stats[0].log_records, 0);
	world_free(w);
}

static const struct test_case cases[] = {
	{"a pool, once for each crossing", test_pool},
	{"over generations", test_reload},
	{"blocks are counted", test_count},
	{"all mappings and all subscribers, once for each crossing", test_tables},
	{"tables over generations", test_tables_reload},
	{"each worker of its own part", test_workers},
	{"a subscriber, once for each crossing", test_subscriber},
	{"so many a second", test_bounded},
	{"no log", test_without_log},
};
TEST_MAIN("nat_threshold", cases)
