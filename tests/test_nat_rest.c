/* SPDX-License-Identifier: Apache-2.0 */
/* rest.h: a port that rests goes back to who had asked for it, to nobody else before. */
#include "pcp_kit.h"

enum { REST_MS = 120000, FIRST = 1024, PORTS = 16, HOSTS = 4 };

/* A mapping of an inside port with a port suggested. => the one that it has. */
static unsigned
ask(unsigned inside, unsigned suggested)
{
	request(HOST, UDP, inside, HOUR, 1);
	store16(data + 42, port((uint16_t)suggested));
	CU_ASSERT_EQUAL_FATAL(map_size(HOST, 60), PCP_SUCCESS);
	return external();
}

static void
give_up(unsigned inside)
{
	CU_ASSERT_EQUAL_FATAL(map(UDP, inside, 0, 1), PCP_SUCCESS);
}

/* One address, whose ports are given one by one or in blocks. */
static void
begin_small(uint8_t flags)
{
	w = world_new();
	w->conf.quarantine_ms = REST_MS;
	w->conf.pcp_min_s = 120;
	w->conf.pcp_max_s = 24 * HOUR;
	world_pool(w, FIRST, FIRST + PORTS - 1, PORTS, 1);
	w->pool[0].flags = flags;
	world_address(w, 0, PUBLIC);
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0)->pcp = 1;
	world_apply(w);
	world_tick(w, 0);
}

static void
begin_resting(void)
{
	begin(NAT_FILTER_EIF);
	w->conf.quarantine_ms = REST_MS;
	world_apply(w);
}

static bool
is_in_block(const struct nat *n, unsigned at)
{
	const struct block *b = block_at(&n->pool, 1);
	return at - b->first < b->ports;
}

/* Before its time to its own endpoint, not to another of the same host; and then it rests anew. */
static void
test_own(void)
{
	begin_resting();
	unsigned there = ask(5000, 0);
	CU_ASSERT_TRUE(is_in_block(world_nat(w), there));
	give_up(5000);
	world_tick(w, 1000);
	CU_ASSERT_NOT_EQUAL(ask(5001, there), there);
	CU_ASSERT_EQUAL(ask(5000, there), there);
	CU_ASSERT(w->stats[0].mappings == 2 && w->stats[0].blocks == 1);
	/* The time of the first rest is over: nothing changes. */
	world_tick(w, REST_MS + 1000);
	CU_ASSERT_NOT_EQUAL(ask(5002, there), there);
	CU_ASSERT_EQUAL(ask(5000, 0), there);
	CU_ASSERT_EQUAL(world_nat(w)->rests.t.used, 0);
	give_up(5000);
	world_tick(w, REST_MS - 1000);
	CU_ASSERT_NOT_EQUAL(ask(5003, there), there);
	world_tick(w, 2000);
	CU_ASSERT_EQUAL(ask(5004, there), there); /* everybody's */
	world_free(w);
}

/* Given up and taken back within one time: what was in the quarantine before frees nothing. */
static void
test_twice(void)
{
	begin_resting();
	unsigned there = ask(5000, 0);
	for (unsigned i = 0; i < 3; i++) {
		give_up(5000);
		world_tick(w, 10000);
		CU_ASSERT_EQUAL(ask(5000, there), there);
	}
	CU_ASSERT(world_nat(w)->quarantine.count == 3 && world_nat(w)->rests.t.used == 1);
	world_tick(w, 10000);
	give_up(5000); /* at 40 s; the others were at 0, 10 and 20 */
	world_tick(w, REST_MS - 5000);
	CU_ASSERT_EQUAL(world_nat(w)->quarantine.count, 1);
	CU_ASSERT_NOT_EQUAL(ask(5001, there), there);
	CU_ASSERT_EQUAL(w->stats[0].blocks, 1);
	world_tick(w, 6000);
	CU_ASSERT(world_nat(w)->quarantine.count == 0 && world_nat(w)->rests.t.used == 0);
	CU_ASSERT_EQUAL(ask(5002, there), there);
	world_free(w);
}

/* Who asks and gives up again and again has the port back so many times and no more: else he would
 * push the ports of others out of the quarantine before their time. */
static void
test_flood(void)
{
	w = world_new();
	w->plane.quarantine = 64;
	w->conf.quarantine_ms = REST_MS;
	w->conf.pcp_min_s = 120;
	w->conf.pcp_max_s = 24 * HOUR;
	world_pool(w, FIRST, FIRST + 2 * PORTS - 1, PORTS, 1);
	world_address(w, 0, PUBLIC);
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0)->pcp = 1;
	world_apply(w);
	world_tick(w, 0);
	unsigned there = ask(5000, 0), back = 0;
	for (unsigned i = 0; i < 200; i++) {
		give_up(5000);
		request(HOST, UDP, 5000, HOUR, 1);
		store16(data + 42, port((uint16_t)there));
		if (map_size(HOST, 60) == PCP_SUCCESS)
			back += external() == there;
	}
	CU_ASSERT_EQUAL(back, REST_STALE);
	CU_ASSERT(w->stats[0].quarantine_early == 0 && world_nat(w)->quarantine.count <= 64);
	world_free(w);
}

/* Ports of flows that nobody has asked for rest for all, as does what a lease made of a flow's is
 * not: after a command it is there for who asks again. */
static void
test_flows(void)
{
	begin_resting();
	CU_ASSERT_EQUAL(world_out(w, UDP, HOST, 5000, SERVER, 53, &spec, &flow), VERDICT_OPEN);
	unsigned there = be16toh(spec.reply.dport);
	world_end(w, &flow);
	CU_ASSERT_NOT_EQUAL(ask(5000, there), there);
	CU_ASSERT_EQUAL(world_out(w, UDP, HOST, 6000, SERVER, 53, &spec, &flow), VERDICT_OPEN);
	there = be16toh(spec.reply.dport);
	CU_ASSERT_EQUAL(ask(6000, 0), there);
	struct cmd_nat_filter any = {.proto = 0};
	uint32_t at = 0;
	CU_ASSERT_TRUE(nat_policy.cut(w->state[0], &any, &at, UINT32_MAX));
	world_end(w, &flow);
	CU_ASSERT_EQUAL(w->stats[0].mappings, 0);
	CU_ASSERT_EQUAL(ask(6000, there), there);
	world_free(w);
}

/* A lease that finds no room: the port that was taken back for it rests on. */
static void
test_no_room(void)
{
	begin_resting();
	w->plane.leases = 16;
	unsigned there = ask(5000, 0);
	give_up(5000);
	for (unsigned i = 0; i < 16; i++)
		ask(6000 + i, 0);
	request(HOST, UDP, 5000, HOUR, 1);
	store16(data + 42, port((uint16_t)there));
	CU_ASSERT_EQUAL(map_size(HOST, 60), PCP_NO_RESOURCES);
	give_up(6000);
	CU_ASSERT_NOT_EQUAL(ask(5001, there), there);
	give_up(5001);
	CU_ASSERT_EQUAL(ask(5000, there), there);
	world_free(w);
}

/* What the log says of mappings: one that ends, and one that begins, of the same subscriber. */
static void
test_logged(void)
{
	struct record rec[4];
	begin_resting();
	w->conf.log = NAT_LOG_MAPPINGS;
	world_apply(w);
	unsigned there = ask(5000, 0);
	give_up(5000);
	world_tick(w, 1000);
	ask(5000, there);
	static const uint8_t events[] = {RECORD_BLOCK_CREATE, RECORD_MAPPING_CREATE,
	                                 RECORD_MAPPING_DELETE, RECORD_MAPPING_CREATE};
	CU_ASSERT_EQUAL_FATAL(record_take(&w->ring[0], rec, 4), 4);
	for (unsigned i = 0; i < 4; i++)
		CU_ASSERT(rec[i].event == events[i] && rec[i].subscriber == HOST);
	CU_ASSERT(rec[2].port_first == there && rec[3].port_first == there);
	CU_ASSERT_EQUAL(rec[3].inside_port, 5000);
	world_free(w);
}

/* Where ports are given one by one: what the configuration gives no more while it rests is no
 * port to have again; nor is one whose record would be lost. */
static void
test_given(void)
{
	for (unsigned i = 0; i < 4; i++) {
		begin_small(NAT_SINGLE);
		unsigned there = ask(5000, FIRST + 3);
		CU_ASSERT_EQUAL(there, FIRST + 3);
		ask(5001, FIRST + 5);
		give_up(5000);
		if (i == 1)
			world_hole(w, 0, there, there);
		if (i == 2)
			world_static(w, static_key(1, ip(100, 64, 0, 9), UDP, port(80)),
			             static_key(0, PUBLIC, UDP, port((uint16_t)there)), 1);
		if (i == 3) {
			w->pool[0].port_first += PORTS;
			w->pool[0].port_last += PORTS;
		}
		world_apply(w);
		CU_ASSERT_EQUAL(ask(5000, there) == there, i == 0);
		world_free(w);
	}
	begin_small(NAT_SINGLE);
	w->conf.log = NAT_LOG_BLOCKS;
	w->conf.log_refuses = 1;
	world_apply(w);
	ask(5000, FIRST);
	ask(5001, 0);
	give_up(5000);
	static const struct record some = {.event = RECORD_MAPPING_CREATE};
	while (record_put(&w->ring[0], &some))
		;
	request(HOST, UDP, 5000, HOUR, 1);
	store16(data + 42, port(FIRST));
	CU_ASSERT_EQUAL(map_size(HOST, 60), PCP_NO_RESOURCES);
	world_free(w);
}

/* What a port is, as one would write it down. */
struct port_state {
	unsigned mapped;    /* inside port, or 0 */
	unsigned had;       /* rests after this one, or 0 */
	uint64_t until_ms;
};

static void
rest_over(struct port_state *p)
{
	for (unsigned i = 0; i < PORTS; i++)
		if (p[i].mapped == 0 && p[i].had != 0 && w->ms > p[i].until_ms)
			p[i].had = 0;
}

/* One more request, or one given up; what is answered fits what is written down. */
static void
step_at_random(struct port_state *p, uint64_t *seed)
{
	unsigned inside = 5000 + random_below(seed, HOSTS), at = PORTS;
	unsigned wanted = random_below(seed, PORTS);
	for (unsigned i = 0; i < PORTS; i++)
		at = p[i].mapped == inside ? i : at;
	rest_over(p);
	if (at != PORTS && random_below(seed, 2) == 0) {
		give_up(inside);
		p[at] = (struct port_state){0, inside, w->ms + REST_MS + 256};
		return;
	}
	unsigned got = ask(inside, FIRST + wanted) - FIRST;
	CU_ASSERT_FATAL(got < PORTS && (at == PORTS || got == at));
	if (at != PORTS)
		return;
	/* The quarantine may end up to a quarter of a second sooner than is written down. */
	bool rests = p[got].had != 0 && w->ms + 512 < p[got].until_ms;
	bool is_his = got == wanted && p[got].had == inside;
	CU_ASSERT_FATAL(p[got].mapped == 0 && (!rests || is_his));
	bool may = p[wanted].mapped == 0 && (p[wanted].had == 0 || p[wanted].had == inside);
	CU_ASSERT_FATAL(!may || got == wanted);
	p[got] = (struct port_state){.mapped = inside};
}

static void
run_at_random(uint8_t flags)
{
	struct port_state p[PORTS] = {{0, 0, 0}};
	uint64_t seed = test_seed();
	begin_small(flags);
	for (unsigned step = 0; step < 20000; step++) {
		unsigned n = 0;
		rest_over(p);
		for (unsigned i = 0; i < PORTS; i++)
			n += p[i].mapped == 0 && p[i].had == 0;
		if (n > 1)
			step_at_random(p, &seed);
		world_tick(w, random_below(&seed, 20000));
		CU_ASSERT_FATAL(world_nat(w)->rests.t.used <= 16);
	}
	for (unsigned i = 0; i < HOSTS; i++)
		give_up(5000 + i);
	world_tick(w, REST_MS + 1000);
	CU_ASSERT(world_nat(w)->rests.t.used == 0 && world_nat(w)->quarantine.count == 0);
	CU_ASSERT(w->stats[0].blocks == 0 && w->stats[0].mappings == 0);
	world_free(w);
}

static void
test_at_random(void)
{
	run_at_random(0);
	run_at_random(NAT_SINGLE);
}

static const struct test_case all[] = {
	{"to its own endpoint", test_own},
	{"twice within one time", test_twice},
	{"again and again", test_flood},
	{"ports of flows", test_flows},
	{"no room for a lease", test_no_room},
	{"what is logged of it", test_logged},
	{"ports that are not given any more", test_given},
	{"at random", test_at_random},
};
TEST_MAIN("nat_rest", all)
