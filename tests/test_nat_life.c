/* SPDX-License-Identifier: Apache-2.0 */
/* Mappings, blocks and subscribers in time: quarantine, limits, drained addresses, records. */
#include "nat_world.h"

#define SERVER ip(198, 51, 100, 1)
#define SUBSCRIBER ip(100, 64, 0, 7)
enum { UDP = IPPROTO_L4_UDP, TCP = IPPROTO_L4_TCP };

static struct nat_world *w;
static struct flow_spec spec;
static struct world_flow flow[200], other;

static void
begin(unsigned ports, unsigned block, unsigned max_blocks, unsigned addresses)
{
	w = world_new();
	world_pool(w, 1024, 1023 + ports, block, max_blocks);
	for (unsigned i = 0; i < addresses; i++)
		world_address(w, 0, ip(203, 0, 113, 1 + i));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
}

static enum verdict
open_port(be32 src, unsigned sport, struct world_flow *f)
{
	return world_out(w, UDP, src, sport, SERVER, 80, &spec, f);
}

/* All ports of all blocks, then the limit; after the quarantine all of them again. */
static void
test_every_port(void)
{
	begin(160, 32, 5, 1);
	world_apply(w);
	for (unsigned round = 0; round < 3; round++) {
		static uint8_t seen[65536];
		memset(seen, 0, sizeof(seen));
		for (unsigned i = 0; i < 160; i++) {
			CU_ASSERT_EQUAL_FATAL(open_port(SUBSCRIBER, 1 + i, &flow[i]), VERDICT_OPEN);
			unsigned p = __builtin_bswap16(spec.reply.dport) - 1024u;
			CU_ASSERT_FATAL(p < 160 && !seen[p]);
			seen[p] = 1;
		}
		CU_ASSERT_EQUAL(open_port(SUBSCRIBER, 999, &other), VERDICT_UNREACHABLE);
		CU_ASSERT_EQUAL(spec.drop, DROP_NAT_LIMIT);
		CU_ASSERT_EQUAL(spec.code, 1);
		for (unsigned i = 0; i < 160; i++)
			world_end(w, &flow[i]);
		CU_ASSERT_EQUAL(open_port(SUBSCRIBER, 999, &other), VERDICT_UNREACHABLE);
		world_tick(w, 119999);
		CU_ASSERT_EQUAL(open_port(SUBSCRIBER, 999, &other), VERDICT_UNREACHABLE);
		world_tick(w, 257);
	}
	for (unsigned i = 0; i < 3; i++) /* a tick frees so many ports and no more */
		world_tick(w, 0);
	CU_ASSERT_EQUAL(w->stats[0].subscribers, 0);
	world_free(w);
}

/* A block stays with its subscriber while idle, and goes only after the quarantine. */
static void
test_idle_block(void)
{
	begin(64, 64, 1, 1);
	world_apply(w);
	for (unsigned i = 0; i < 20; i++) {
		CU_ASSERT_EQUAL(open_port(SUBSCRIBER, 5000, &flow[0]), VERDICT_OPEN);
		world_end(w, &flow[0]);
		world_tick(w, 60000);
		CU_ASSERT_EQUAL(w->stats[0].blocks, 1);
	}
	CU_ASSERT_EQUAL(open_port(ip_add(SUBSCRIBER, 1), 5000, &flow[0]), VERDICT_UNREACHABLE);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_NO_PORT);
	w->ms += 60257; /* no tick: the open itself sees that the block is due */
	CU_ASSERT_EQUAL(open_port(ip_add(SUBSCRIBER, 1), 5000, &flow[0]), VERDICT_OPEN);
	CU_ASSERT_EQUAL(w->stats[0].subscribers, 1);
	world_free(w);
}

static void
test_no_quarantine(void)
{
	begin(16, 16, 1, 1);
	w->conf.quarantine_ms = 0;
	world_apply(w);
	for (unsigned i = 0; i < 100; i++) {
		CU_ASSERT_EQUAL(open_port(ip_add(SUBSCRIBER, i), 5000, &flow[0]), VERDICT_OPEN);
		world_end(w, &flow[0]);
	}
	world_free(w);
}

static void
test_mapping_limit(void)
{
	begin(512, 64, 4, 1);
	w->rule[0].max_mappings = 10;
	world_apply(w);
	for (unsigned i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(world_out(w, i % 2 ? UDP : TCP, SUBSCRIBER, 1 + i, SERVER, 80,
		                          &spec, &flow[i]), VERDICT_OPEN);
	CU_ASSERT_EQUAL(open_port(SUBSCRIBER, 100, &other), VERDICT_UNREACHABLE);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_LIMIT);
	/* What exists goes on serving (RFC 6888 REQ-11), others are not concerned. */
	CU_ASSERT_EQUAL(world_out(w, UDP, SUBSCRIBER, 2, SERVER, 81, &spec, &other), VERDICT_OPEN);
	CU_ASSERT_EQUAL(open_port(ip_add(SUBSCRIBER, 1), 100, &other), VERDICT_OPEN);
	world_end(w, &flow[0]);
	CU_ASSERT_EQUAL(open_port(SUBSCRIBER, 100, &other), VERDICT_OPEN);
	world_free(w);
}

static void
test_tables_full(void)
{
	begin(512, 64, 4, 1);
	w->plane.mappings = w->plane.permissions = 5;
	w->plane.subscribers = 3;
	w->rule[0].filtering = NAT_FILTER_ADF;
	world_apply(w);
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(open_port(ip_add(SUBSCRIBER, i), 100, &flow[i]), VERDICT_OPEN);
	CU_ASSERT_EQUAL(open_port(ip_add(SUBSCRIBER, 3), 100, &other), VERDICT_UNREACHABLE);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_TABLE_FULL);
	CU_ASSERT_EQUAL(open_port(SUBSCRIBER, 101, &flow[3]), VERDICT_OPEN);
	CU_ASSERT_EQUAL(world_out(w, UDP, SUBSCRIBER, 100, ip_add(SERVER, 1), 80, &spec, &flow[4]),
	                VERDICT_OPEN);
	/* Five permissions are in use: no new one, neither for an old nor for a new mapping. */
	CU_ASSERT_EQUAL(world_out(w, UDP, SUBSCRIBER, 100, ip_add(SERVER, 2), 80, &spec, &other),
	                VERDICT_UNREACHABLE);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_TABLE_FULL);
	CU_ASSERT_EQUAL(open_port(SUBSCRIBER, 102, &other), VERDICT_UNREACHABLE);
	CU_ASSERT_EQUAL(w->stats[0].mappings, 4);
	world_end(w, &flow[4]);
	CU_ASSERT_EQUAL(open_port(SUBSCRIBER, 102, &other), VERDICT_OPEN);
	CU_ASSERT_EQUAL(open_port(SUBSCRIBER, 103, &other), VERDICT_UNREACHABLE);
	world_free(w);
}

/* Drained or removed: what flows goes on, new flows of the subscriber get another address. */
static void
leave_case(bool remove)
{
	begin(512, 64, 4, 4);
	world_apply(w);
	CU_ASSERT_EQUAL(open_port(SUBSCRIBER, 100, &flow[0]), VERDICT_OPEN);
	be32 old = spec.reply.dst.w[0];
	be16 old_port = spec.reply.dport;
	for (uint32_t i = 0; i < w->n_addresses; i++)
		if (w->address[i].address == old && remove)
			w->address[i--] = w->address[--w->n_addresses];
		else if (w->address[i].address == old)
			w->address[i].drain = 1;
	world_apply(w);
	CU_ASSERT_EQUAL(open_port(SUBSCRIBER, 100, &flow[1]), VERDICT_OPEN);
	be32 fresh = spec.reply.dst.w[0];
	CU_ASSERT(fresh != old && spec.owner != flow[0].f.owner);
	CU_ASSERT_EQUAL(w->stats[0].subscribers, 2);
	CU_ASSERT_EQUAL(open_port(SUBSCRIBER, 101, &flow[2]), VERDICT_OPEN);
	CU_ASSERT_EQUAL(spec.reply.dst.w[0], fresh);
	enum verdict v = world_in(w, UDP, SERVER, 81, old, old_port, &spec, &other);
	CU_ASSERT_EQUAL(v, remove ? VERDICT_PASS : VERDICT_OPEN);
	if (v == VERDICT_OPEN)
		world_end(w, &other);
	CU_ASSERT_EQUAL(w->stats[0].subscribers, 2);
	world_end(w, &flow[0]);
	world_tick(w, 120257);
	CU_ASSERT_EQUAL(w->stats[0].subscribers, 1);
	world_end(w, &flow[1]);
	world_end(w, &flow[2]);
	world_tick(w, 120257);
	CU_ASSERT_EQUAL(w->stats[0].subscribers, 0);
	CU_ASSERT_EQUAL(w->stats[0].blocks, 0);
	world_free(w);
}

static void
test_leave(void)
{
	leave_case(false);
	leave_case(true);
}

/* A reload that changes nothing about the address changes nothing for its subscribers. */
static void
test_reload_keeps(void)
{
	begin(512, 64, 4, 4);
	world_apply(w);
	open_port(SUBSCRIBER, 100, &flow[0]);
	struct tuple first = spec.reply;
	struct img_nat_address moved = w->address[0];
	for (unsigned i = 0; i < 3; i++)
		w->address[i] = w->address[i + 1];
	w->address[3] = moved;
	world_apply(w);
	CU_ASSERT_EQUAL(world_out(w, UDP, SUBSCRIBER, 100, SERVER, 81, &spec, &flow[1]),
	                VERDICT_OPEN);
	CU_ASSERT(spec.reply.dst.w[0] == first.dst.w[0] && spec.reply.dport == first.dport);
	CU_ASSERT_EQUAL(world_in(w, UDP, SERVER, 82, first.dst.w[0], first.dport, &spec, &flow[2]),
	                VERDICT_OPEN);
	world_free(w);
}

/* The oldest record that nobody has taken, or one without an event. */
static struct record
next_record(void)
{
	struct record r = {.event = 0};
	record_take(&w->ring[0], &r, 1);
	return r;
}

static void
test_records(void)
{
	begin(32, 32, 1, 1);
	w->conf.log = NAT_LOG_MAPPINGS;
	world_apply(w);
	open_port(SUBSCRIBER, 5000, &flow[0]);
	uint16_t p = __builtin_bswap16(spec.reply.dport);
	struct record r = next_record();
	CU_ASSERT(r.event == RECORD_BLOCK_CREATE && r.subscriber == SUBSCRIBER && r.realm == 1);
	CU_ASSERT(r.external == ip(203, 0, 113, 1) && r.port_first == 1024 && r.port_last == 1055);
	CU_ASSERT_EQUAL(r.time_ns, w->ms * 1000000u);
	r = next_record();
	CU_ASSERT(r.event == RECORD_MAPPING_CREATE && r.port_first == p && r.port_last == p);
	CU_ASSERT(r.inside_port == 5000 && r.proto == UDP && r.sequence == 2);
	open_port(ip_add(SUBSCRIBER, 1), 5000, &other);
	open_port(ip_add(SUBSCRIBER, 2), 5000, &other);
	CU_ASSERT_EQUAL(next_record().event, RECORD_ADDRESSES_EXHAUSTED);
	w->ms += 70000;
	world_end(w, &flow[0]);
	r = next_record();
	CU_ASSERT(r.event == RECORD_MAPPING_DELETE && r.port_first == p && r.inside_port == 5000);
	CU_ASSERT_EQUAL(r.time_ns, w->ms * 1000000u);
	CU_ASSERT_EQUAL(next_record().event, 0);
	world_tick(w, 120257);
	r = next_record();
	CU_ASSERT(r.event == RECORD_BLOCK_DELETE && r.subscriber == SUBSCRIBER);
	CU_ASSERT(r.external == ip(203, 0, 113, 1) && r.port_first == 1024 && r.port_last == 1055);
	CU_ASSERT_EQUAL(next_record().event, 0);
	CU_ASSERT_EQUAL(w->stats[0].log_records, 5);
	world_free(w);
}

/* RFC 8158 section 5.6.9: an address comes with the first block of it and goes with the last. */
static void
test_address_records(void)
{
	struct record r;
	begin(32, 16, 2, 1);
	w->conf.log_addresses = 1;
	w->conf.log = NAT_LOG_BLOCKS;
	world_apply(w);
	for (unsigned i = 0; i < 20; i++)
		open_port(SUBSCRIBER, 1 + i, &flow[i]);
	r = next_record();
	CU_ASSERT(r.event == RECORD_ADDRESS_CREATE && r.subscriber == SUBSCRIBER && r.realm == 1);
	CU_ASSERT(r.external == ip(203, 0, 113, 1) && r.port_first == 0 && r.port_last == 0);
	CU_ASSERT_EQUAL(next_record().event, RECORD_BLOCK_CREATE);
	CU_ASSERT_EQUAL(next_record().event, RECORD_BLOCK_CREATE);
	CU_ASSERT_EQUAL(next_record().event, 0);
	for (unsigned i = 0; i < 20; i++)
		world_end(w, &flow[i]);
	world_tick(w, 120257);
	CU_ASSERT_EQUAL(next_record().event, RECORD_BLOCK_DELETE);
	CU_ASSERT_EQUAL(next_record().event, RECORD_BLOCK_DELETE);
	r = next_record();
	CU_ASSERT(r.event == RECORD_ADDRESS_DELETE && r.subscriber == SUBSCRIBER);
	CU_ASSERT_EQUAL(r.external, ip(203, 0, 113, 1));
	CU_ASSERT_EQUAL(next_record().event, 0);
	w->conf.log = NAT_LOG_NONE;
	world_apply(w);
	open_port(SUBSCRIBER, 1, &flow[0]);
	CU_ASSERT_EQUAL(next_record().event, 0);
	world_free(w);
}

static void
test_record_levels(void)
{
	static const unsigned expected[] = {[NAT_LOG_NONE] = 0, [NAT_LOG_BLOCKS] = 2,
		[NAT_LOG_MAPPINGS] = 22};
	for (uint8_t level = NAT_LOG_NONE; level <= NAT_LOG_MAPPINGS; level++) {
		begin(32, 32, 1, 1);
		w->conf.log = level;
		world_apply(w);
		for (unsigned i = 0; i < 10; i++)
			open_port(SUBSCRIBER, 1 + i, &flow[i]);
		for (unsigned i = 0; i < 10; i++)
			world_end(w, &flow[i]);
		world_tick(w, 120257);
		CU_ASSERT_EQUAL(w->stats[0].log_records, expected[level]);
		world_free(w);
	}
}

/* An overloaded log that refuses: what exists goes on, no block is given out. */
static void
test_log_full(void)
{
	struct record r = {.event = RECORD_MAPPING_CREATE};
	for (unsigned refuses = 0; refuses < 2; refuses++) {
		begin(160, 32, 5, 2);
		w->conf.log = NAT_LOG_BLOCKS;
		w->conf.log_refuses = (uint8_t)refuses;
		world_apply(w);
		CU_ASSERT_EQUAL(open_port(SUBSCRIBER, 1, &flow[0]), VERDICT_OPEN);
		while (record_room(&w->ring[0]) > LOG_RESERVE)
			record_put(&w->ring[0], &r);
		CU_ASSERT_EQUAL(open_port(SUBSCRIBER, 2, &flow[1]), VERDICT_OPEN);
		bool opened = open_port(ip_add(SUBSCRIBER, 1), 1, &other) == VERDICT_OPEN;
		CU_ASSERT_EQUAL(opened, !refuses);
		CU_ASSERT(opened || spec.drop == DROP_NAT_LOG_FULL);
		record_take(&w->ring[0], &r, 1);
		record_take(&w->ring[0], &r, 1);
		CU_ASSERT_EQUAL(open_port(ip_add(SUBSCRIBER, 2), 1, &other), VERDICT_OPEN);
		CU_ASSERT_EQUAL(atomic_load(&w->ring[0].lost), 0);
		world_free(w);
	}
}

static const struct test_case cases[] = {
	{"every port once, then the limit, then again", test_every_port},
	{"an idle block", test_idle_block},
	{"no quarantine", test_no_quarantine},
	{"limit of mappings", test_mapping_limit},
	{"full tables", test_tables_full},
	{"drained and removed addresses", test_leave},
	{"a reload keeps what it does not change", test_reload_keeps},
	{"records", test_records},
	{"addresses in the log", test_address_records},
	{"levels of logging", test_record_levels},
	{"a log that refuses", test_log_full},
};
TEST_MAIN("nat_life", cases)
