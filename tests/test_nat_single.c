/* SPDX-License-Identifier: Apache-2.0 */
/* Ports one by one: each free one is found, none is given twice, none is kept from anybody. */
#include "nat_world.h"

#include "nat/single.h"

#define SERVER ip(198, 51, 100, 1)
enum { UDP = IPPROTO_L4_UDP, TCP = IPPROTO_L4_TCP, FIRST = 2000, MOST = 4096, HOSTS = 40 };

static struct nat_world *w;
static struct flow_spec spec;
static struct world_flow flow[MOST];

static void
begin(unsigned ports, unsigned addresses, uint8_t flags)
{
	w = world_new();
	w->conf.quarantine_ms = 0;
	w->conf.log = NAT_LOG_BLOCKS;
	world_pool(w, FIRST, FIRST + ports - 1, NAT_MIN_BLOCK, 4);
	w->pool[0].flags = NAT_SINGLE | flags;
	for (unsigned i = 0; i < addresses; i++)
		world_address(w, 0, ip(203, 0, 113, 1 + i));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
}

static bool
come(unsigned i, uint8_t proto, unsigned host, unsigned sport)
{
	return world_out(w, proto, ip_add(ip(100, 64, 0, 0), host), sport, SERVER, 80, &spec,
	                 &flow[i]) == VERDICT_OPEN;
}

static unsigned
port_of(unsigned i)
{
	return __builtin_bswap16(flow[i].t[1].dport);
}

static unsigned
address_of(unsigned i)
{
	return (__builtin_bswap32(flow[i].t[1].dst.w[0]) & 0xff) - 1;
}

/* To 100 % and back, on any number of workers: each port of each protocol exactly once. */
static void
fill(unsigned workers, unsigned addresses, bool split)
{
	enum { PORTS = 300 };
	static uint8_t seen[2][4][65536];
	begin(PORTS, addresses, 0);
	w->plane.workers = (uint16_t)workers;
	w->plane.steer_split_blocks = split;
	w->plane.steer_block_shift = 4;
	world_hole(w, 0, FIRST + 7, FIRST + 9);
	world_hole(w, 0, FIRST + 64, FIRST + 130);
	world_static(w, static_key(1, ip(100, 64, 9, 9), TCP, port(80)),
	             static_key(0, ip(203, 0, 113, 1), TCP, port(FIRST + 33)), 1);
	world_apply(w);
	unsigned usable = PORTS - 3 - 67;
	for (unsigned round = 0; round < 3; round++) {
		unsigned n = 0;
		memset(seen, 0, sizeof(seen));
		for (unsigned proto = 0; proto < 2; proto++)
			for (unsigned host = 0; host < 400; host++)
				for (unsigned k = 0; n < MOST; k++, n++)
					if (!come(n, proto == 0 ? TCP : UDP, host, 5000 + k))
						break;
					else
						seen[proto][address_of(n)][port_of(n)]++;
		CU_ASSERT_EQUAL(spec.drop, DROP_NAT_NO_PORT);
		/* A port that is static for TCP is left alone for all protocols. */
		CU_ASSERT_EQUAL(n, 2 * (addresses * usable - 1));
		for (unsigned p = 0; p < 2 * 4 * 65536; p++)
			CU_ASSERT_FATAL((&seen[0][0][0])[p] <= 1);
		for (unsigned a = 0; a < addresses; a++) {
			CU_ASSERT(!seen[0][a][FIRST + 8] && !seen[1][a][FIRST + 100]);
			CU_ASSERT(!seen[0][a][FIRST - 1] && !seen[0][a][FIRST + PORTS]);
		}
		CU_ASSERT(!seen[0][0][FIRST + 33] && !seen[1][0][FIRST + 33]);
		for (unsigned i = 0; i < n; i++)
			world_end(w, &flow[i]);
		for (unsigned i = 0; i < workers; i++) {
			const struct nat *nat = w->state[i];
			CU_ASSERT(nat->pool.slots.used == 0 && nat->pool.blocks.used == 0);
			CU_ASSERT_EQUAL(nat->subscribers.t.used, 0);
		}
	}
	world_free(w);
}

static void
test_fill(void)
{
	fill(1, 1, false);
	fill(1, 3, false);
	fill(3, 1, true);
	fill(4, 2, true);
}

/* Random life with quarantine, wishes and static ports, against a table of who has what. */
static void
life(uint8_t flags, uint32_t quarantine_ms)
{
	enum { PORTS = 160, ADDRESSES = 3, LIVE = 1200, SPACE = 1 << 16 };
	static int owner[2][ADDRESSES][SPACE];
	static struct { unsigned host, sport, proto, live; } has[LIVE];
	unsigned count[2][ADDRESSES] = {{0}}, at_home[HOSTS] = {0}, refused = 0;
	uint8_t home[HOSTS];
	uint64_t seed = test_seed();
	memset(owner, 0xff, sizeof(owner));
	memset(has, 0, sizeof(has));
	begin(PORTS, ADDRESSES, flags);
	w->conf.quarantine_ms = quarantine_ms;
	world_apply(w);
	for (unsigned step = 0; step < 60000; step++) {
		unsigned i = (unsigned)(test_random(&seed) % LIVE), host = i % HOSTS;
		unsigned proto = i / HOSTS % 2, sport = 1024 + i;
		if (step % 64 == 0)
			world_tick(w, 1000);
		if (has[i].live) {
			if (step % 20000 < 14000 && i % 4 != 0)
				continue;
			owner[proto][address_of(i)][port_of(i)] = -1;
			count[proto][address_of(i)]--;
			at_home[host]--;
			world_end(w, &flow[i]);
			has[i].live = 0;
			continue;
		}
		if (!come(i, proto == 0 ? TCP : UDP, host, sport)) {
			refused++;
			CU_ASSERT_EQUAL_FATAL(spec.drop, DROP_NAT_NO_PORT);
			for (unsigned a = 0; a < ADDRESSES && quarantine_ms == 0; a++)
				if (at_home[host] == 0 || home[host] == a)
					CU_ASSERT_EQUAL_FATAL(count[proto][a], PORTS);
			continue;
		}
		unsigned a = address_of(i), p = port_of(i);
		CU_ASSERT_FATAL(p >= FIRST && p < FIRST + PORTS);
		CU_ASSERT_EQUAL_FATAL(owner[proto][a][p], -1);
		CU_ASSERT_FATAL(at_home[host] == 0 || home[host] == a);
		owner[proto][a][p] = (int)i;
		count[proto][a]++;
		if (at_home[host]++ == 0)
			home[host] = (uint8_t)a;
		has[i].live = 1;
	}
	CU_ASSERT(refused > 100);
	for (unsigned i = 0; i < LIVE; i++)
		if (has[i].live)
			world_end(w, &flow[i]);
	for (unsigned i = 0; i < 200; i++)
		world_tick(w, quarantine_ms + 1000);
	CU_ASSERT_EQUAL(world_nat(w)->pool.slots.used, 0);
	CU_ASSERT_EQUAL(world_nat(w)->subscribers.t.used, 0);
	CU_ASSERT_EQUAL(world_nat(w)->pool.use[0].held, 0);
	world_free(w);
}

static void
test_life(void)
{
	life(0, 0);
	life(NAT_KEEP_PARITY, 0);
	life(NAT_PORTS_IN_TURN | NAT_KEEP_PORT, 0);
}

/* With a quarantine nobody's port comes back before its time, and all do after it. */
static void
test_quarantine(void)
{
	begin(64, 1, 0);
	w->conf.quarantine_ms = 120000;
	world_apply(w);
	for (unsigned i = 0; i < 64; i++)
		CU_ASSERT_TRUE(come(i, UDP, i % 4, 5000 + i));
	for (unsigned i = 0; i < 64; i++)
		world_end(w, &flow[i]);
	world_tick(w, 119000);
	CU_ASSERT_FALSE(come(0, UDP, 9, 5000));
	CU_ASSERT_TRUE(come(64, TCP, 9, 5000));
	world_tick(w, 2000);
	for (unsigned i = 0; i < 64; i++)
		CU_ASSERT_TRUE(come(i, UDP, i % 4, 5000 + i));
	world_free(w);
	life(0, 3000);
}

/* The last few free ports are as likely as each other. */
static void
test_uniform(void)
{
	enum { PORTS = 2048, LEFT = 8, ROUNDS = 8000 };
	static const unsigned left[LEFT] = {0, 1, 2, 700, 701, 1500, 1501, 2047};
	unsigned times[LEFT] = {0};
	begin(PORTS, 1, NAT_PORTS_IN_TURN);
	world_apply(w);
	for (unsigned i = 0; i < PORTS; i++)
		CU_ASSERT_TRUE_FATAL(come(i, UDP, 0, 5000 + i));
	w->pool[0].flags = NAT_SINGLE;
	world_apply(w);
	struct nat *n = world_nat(w);
	struct subscriber *s = subscriber_at(&n->subscribers, 1);
	block_at(&n->pool, s->block)->flags = NAT_SINGLE;
	for (unsigned i = 0; i < LEFT; i++)
		world_end(w, &flow[left[i]]);
	for (unsigned i = 0; i < ROUNDS; i++) {
		CU_ASSERT_TRUE_FATAL(come(PORTS, UDP, 0, 20000));
		unsigned k = 0;
		while (k < LEFT && FIRST + left[k] != port_of(PORTS))
			k++;
		CU_ASSERT_FATAL(k < LEFT);
		times[k]++;
		world_end(w, &flow[PORTS]);
	}
	for (unsigned k = 0; k < LEFT; k++)
		CU_ASSERT(times[k] > ROUNDS / LEFT * 85 / 100 &&
		          times[k] < ROUNDS / LEFT * 115 / 100);
	world_free(w);
}

/* The very port that is asked for, if nobody has it and the pool gives it. */
static void
test_this(void)
{
	begin(64, 1, 0);
	world_hole(w, 0, FIRST + 20, FIRST + 20);
	world_apply(w);
	CU_ASSERT_TRUE(come(0, UDP, 0, 5000));
	struct nat *n = world_nat(w);
	uint32_t share = subscriber_at(&n->subscribers, 1)->block, block = 0;
	for (unsigned i = 0; i < 64; i++) {
		struct want this = {NAT_UDP, (uint16_t)(FIRST + i)};
		bool is_free = i != 20 && FIRST + i != port_of(0);
		CU_ASSERT_EQUAL(want_this(&n->pool, share, this, &block),
		                is_free ? FIRST + i : 0);
		CU_ASSERT_EQUAL(want_this(&n->pool, share, this, &block), 0);
	}
	CU_ASSERT_EQUAL(want_this(&n->pool, share, (struct want){NAT_UDP, FIRST - 1}, &block), 0);
	CU_ASSERT_EQUAL(n->pool.use[0].held, 63);
	CU_ASSERT_FALSE(come(1, UDP, 0, 5001));
	world_free(w);
}

static void
test_wishes(void)
{
	begin(64, 1, NAT_KEEP_PORT | NAT_KEEP_PARITY);
	world_apply(w);
	CU_ASSERT_TRUE(come(0, UDP, 0, FIRST + 5));
	CU_ASSERT_EQUAL(port_of(0), FIRST + 5);
	CU_ASSERT_TRUE(come(1, UDP, 1, FIRST + 5));
	CU_ASSERT(port_of(1) != FIRST + 5 && port_of(1) % 2 == 1);
	unsigned n = 2;
	for (; come(n, UDP, 2, 10000 + 2 * n); n++)
		CU_ASSERT(n >= 34 || port_of(n) % 2 == 0);
	CU_ASSERT_EQUAL(n, 64);
	CU_ASSERT_EQUAL(w->stats[0].ports_not_kept, 63);
	world_free(w);
	begin(64, 1, NAT_PORTS_IN_TURN);
	world_apply(w);
	for (unsigned i = 0; i < 64; i++) {
		CU_ASSERT_TRUE(come(i, UDP, 0, 5000 + i));
		CU_ASSERT_EQUAL(port_of(i), FIRST + i);
	}
	world_end(w, &flow[10]);
	CU_ASSERT_TRUE(come(10, UDP, 0, 9000));
	CU_ASSERT_EQUAL(port_of(10), FIRST + 10);
	world_free(w);
}

/* Soft pairing goes on at another address, as often as max_blocks says. */
static void
test_soft(void)
{
	begin(32, 3, NAT_PAIR_SOFT);
	w->pool[0].max_blocks = 2;
	world_apply(w);
	unsigned n = 0;
	while (come(n, UDP, 0, 5000 + n))
		n++;
	CU_ASSERT_EQUAL(n, 64);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_LIMIT);
	while (come(n, UDP, 1, 5000 + n))
		n++;
	CU_ASSERT_EQUAL(n, 96);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_NO_PORT);
	world_free(w);
}

/* A pool changes from blocks to single ports and back: what lives goes on, no port has two. */
static void
test_change(void)
{
	enum { ROUNDS = 12, EACH = 60 };
	static int owner[2][65536];
	memset(owner, 0xff, sizeof(owner));
	begin(256, 2, 0);
	unsigned n = 0;
	for (unsigned round = 0; round < ROUNDS; round++) {
		w->pool[0].flags = round % 2 == 0 ? 0 : NAT_SINGLE;
		world_apply(w);
		for (unsigned k = 0; k < EACH; k++) {
			if (!come(n, UDP, round * 7 + k % 7, 5000 + k))
				continue;
			CU_ASSERT_EQUAL_FATAL(owner[address_of(n)][port_of(n)], -1);
			owner[address_of(n)][port_of(n)] = (int)n;
			n++;
		}
		for (unsigned i = round % 3; i < n; i += 3)
			if (flow[i].f.proto != 0) {
				owner[address_of(i)][port_of(i)] = -1;
				world_end(w, &flow[i]);
				flow[i].f.proto = 0;
			}
	}
	CU_ASSERT(n > 5 * EACH);
	for (unsigned i = 0; i < n; i++)
		if (flow[i].f.proto != 0)
			world_end(w, &flow[i]);
	CU_ASSERT_EQUAL(world_nat(w)->pool.slots.used, 0);
	world_free(w);
}

/* An address that shares had kept from giving blocks gives them when they are gone. */
static void
test_blocks_again(void)
{
	begin(64, 1, 0);
	world_apply(w);
	for (unsigned i = 0; i < 64; i++)
		CU_ASSERT_TRUE(come(i, UDP, i, 5000));
	w->pool[0].flags = 0;
	world_apply(w);
	CU_ASSERT_FALSE(come(64, TCP, 99, 5000));
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_NO_PORT);
	CU_ASSERT_EQUAL(world_nat(w)->pool.is_full[0], FULL_OF_BLOCKS);
	for (unsigned p = FIRST; p < FIRST + 16; p++)
		for (unsigned i = 0; i < 64; i++)
			if (port_of(i) == p)
				world_end(w, &flow[i]);
	CU_ASSERT_TRUE(come(64, TCP, 99, 5000));
	CU_ASSERT(port_of(64) >= FIRST && port_of(64) < FIRST + 16);
	CU_ASSERT_FALSE(come(65, TCP, 98, 5000));
	world_free(w);
}

static unsigned
records(uint16_t event)
{
	struct record r;
	unsigned n = 0;
	while (record_take(&w->ring[0], &r, 1) == 1)
		n += r.event == event;
	return n;
}

/* At the level of blocks each mapping is logged, since there are no blocks. */
static void
test_log(void)
{
	begin(64, 1, 0);
	world_apply(w);
	CU_ASSERT_TRUE(come(0, UDP, 0, 5000) && come(1, UDP, 0, 5001) && come(2, UDP, 0, 5001));
	CU_ASSERT_EQUAL(w->stats[0].log_records, 2);
	CU_ASSERT_EQUAL(records(RECORD_MAPPING_CREATE), 2);
	for (unsigned i = 0; i < 3; i++)
		world_end(w, &flow[i]);
	CU_ASSERT_EQUAL(w->stats[0].log_records, 4);
	CU_ASSERT_EQUAL(records(RECORD_MAPPING_DELETE), 2);
	/* Also of what lives on when the pool has blocks. */
	CU_ASSERT_TRUE(come(0, UDP, 0, 5000));
	w->pool[0].flags = 0;
	world_apply(w);
	CU_ASSERT_EQUAL(records(RECORD_MAPPING_CREATE), 1);
	world_end(w, &flow[0]);
	CU_ASSERT_EQUAL(records(RECORD_MAPPING_DELETE), 1);
	/* And refused where it must be logged and cannot. */
	w->pool[0].flags = NAT_SINGLE;
	w->conf.log_refuses = 1;
	world_apply(w);
	unsigned n = 0;
	while (n < 40 && come(n, UDP, 0, 6000 + n))
		n++;
	CU_ASSERT_EQUAL(n, 40);
	while (record_room(&w->ring[0]) > LOG_RESERVE)
		record_put(&w->ring[0], &(struct record){.event = RECORD_START});
	CU_ASSERT_FALSE(come(n, UDP, 0, 6000 + n));
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_LOG_FULL);
	CU_ASSERT_TRUE(come(n, UDP, 0, 6000));
	world_free(w);
}

/* Beside a pool without blocks, mappings of one that has them are not logged at their level. */
static void
test_log_of_both(void)
{
	begin(64, 1, 0);
	world_pool(w, FIRST, FIRST + 63, 64, 1);
	world_address(w, 1, ip(203, 0, 113, 9));
	world_rule(w, ip(10, 0, 0, 0), 8, W_INSIDE, NAT_FILTER_EIF, 1);
	world_apply(w);
	CU_ASSERT_EQUAL(world_out(w, UDP, ip(10, 0, 0, 1), 5000, SERVER, 80, &spec, &flow[1]),
	                VERDICT_OPEN);
	CU_ASSERT_TRUE(come(0, UDP, 0, 5000));
	CU_ASSERT_EQUAL(w->stats[0].log_records, 2); /* a block, a mapping */
	CU_ASSERT_EQUAL(records(RECORD_MAPPING_CREATE), 1);
	world_end(w, &flow[1]);
	CU_ASSERT_EQUAL(records(RECORD_MAPPING_DELETE), 0);
	world_end(w, &flow[0]);
	CU_ASSERT_EQUAL(records(RECORD_MAPPING_DELETE), 1);
	world_free(w);
}

/* The record of a newcomer's address takes the last room: nothing is left of him. */
static void
test_log_newcomer(void)
{
	begin(100, 1, 0);
	w->conf.log_addresses = 1;
	w->conf.log_refuses = 1;
	world_apply(w);
	CU_ASSERT_TRUE(come(0, UDP, 0, 5000));
	while (record_room(&w->ring[0]) > LOG_RESERVE + 1)
		record_put(&w->ring[0], &(struct record){.event = RECORD_START});
	CU_ASSERT_FALSE(come(1, UDP, 1, 5000));
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_LOG_FULL);
	const struct nat *n = world_nat(w);
	CU_ASSERT(n->subscribers.t.used == 1 && n->pool.blocks.used == 1);
	CU_ASSERT_EQUAL(w->stats[0].subscribers, 1);
	world_end(w, &flow[0]);
	CU_ASSERT(n->subscribers.t.used == 0 && n->pool.slots.used == 0);
	world_free(w);
}

/* Thresholds speak of ports, of the protocol that has the most. */
static void
test_thresholds(void)
{
	begin(100, 1, 0);
	w->pool[0].high = 80;
	w->pool[0].low = 50;
	world_apply(w);
	for (unsigned i = 0; i < 79; i++)
		CU_ASSERT_TRUE(come(i, UDP, i % 5, 5000 + i) &&
		               come(1000 + i, TCP, i % 5, 5000 + i));
	while (records(RECORD_THRESHOLD) > 0)
		CU_FAIL("too early");
	CU_ASSERT_TRUE(come(79, UDP, 0, 6000));
	CU_ASSERT_EQUAL(records(RECORD_THRESHOLD), 1);
	for (unsigned i = 0; i < 30; i++)
		world_end(w, &flow[i]);
	CU_ASSERT_EQUAL(records(RECORD_THRESHOLD), 0); /* TCP still has 79 */
	for (unsigned i = 0; i < 29; i++)
		world_end(w, &flow[1000 + i]);
	CU_ASSERT_EQUAL(records(RECORD_THRESHOLD), 1);
	world_free(w);
}

/* A full pool is known to be full: nobody looks again before something is free. */
static void
test_full_is_known(void)
{
	begin(64, 1, 0);
	world_apply(w);
	for (unsigned i = 0; i < 64; i++)
		CU_ASSERT_TRUE(come(i, UDP, 0, 5000 + i));
	CU_ASSERT_FALSE(come(64, UDP, 0, 9000) || come(64, UDP, 1, 9000));
	struct nat *n = world_nat(w);
	CU_ASSERT_EQUAL(n->pool.is_full[0], 1 << NAT_UDP);
	uint64_t before = n->random;
	CU_ASSERT_FALSE(come(64, UDP, 0, 9000) || come(64, UDP, 1, 9000));
	CU_ASSERT_EQUAL(n->random, before);
	CU_ASSERT_TRUE(come(64, TCP, 1, 9000));
	world_end(w, &flow[7]);
	CU_ASSERT_TRUE(come(7, UDP, 1, 9000));
	world_free(w);
}

/* Numbers drawn since the generator was there: each is one step of it. */
static uint64_t
drawn_since(uint64_t before)
{
	return (world_nat(w)->random - before) * 0xf1de83e19937733du;
}

/* One port is left of very many, over and over: a bounded number of draws finds it. */
static void
bounded(uint8_t flags, unsigned most)
{
	enum { PORTS = 2048 };
	uint64_t seed = test_seed();
	begin(PORTS, 1, 0);
	w->pool[0].flags = flags;
	w->pool[0].block_size = PORTS / 2;
	w->pool[0].port_first = PORTS;
	w->pool[0].port_last = 2 * PORTS - 1;
	world_apply(w);
	for (unsigned i = 0; i < PORTS; i++)
		CU_ASSERT_TRUE_FATAL(come(i, UDP, 0, 5000 + i));
	for (unsigned round = 0; round < 500; round++) {
		unsigned i = (unsigned)(test_random(&seed) % PORTS), was = port_of(i);
		world_end(w, &flow[i]);
		uint64_t before = world_nat(w)->random;
		CU_ASSERT_TRUE_FATAL(come(i, UDP, 0, 5000 + i));
		CU_ASSERT_EQUAL(port_of(i), was);
		CU_ASSERT(drawn_since(before) > 0 && drawn_since(before) <= most);
	}
	world_free(w);
}

static void
test_bounded(void)
{
	bounded(NAT_SINGLE, SINGLE_TRIES + 1);
	bounded(0, 1 + 3 + 1); /* nat/block.h */
}

static const struct test_case cases[] = {
	{"a newcomer and a full log", test_log_newcomer},
	{"each port exactly once, on all workers", test_fill},
	{"random life", test_life},
	{"quarantine", test_quarantine},
	{"uniform among the last", test_uniform},
	{"that very port", test_this},
	{"wishes", test_wishes},
	{"soft pairing", test_soft},
	{"from blocks to ports and back", test_change},
	{"blocks where shares were", test_blocks_again},
	{"the log", test_log},
	{"the log, beside blocks", test_log_of_both},
	{"thresholds", test_thresholds},
	{"a full pool is known", test_full_is_known},
	{"a bounded search for the last port", test_bounded},
};
TEST_MAIN("nat_single", cases)
