/* SPDX-License-Identifier: Apache-2.0 */
/* pcp_peer: connections that outlast silence. */
#include "pcp_kit.h"

#define OTHER ip(198, 51, 100, 2)

static unsigned
peer(uint8_t proto, unsigned inside, be32 remote, unsigned at, unsigned seconds, uint8_t nonce)
{
	return peer_size(peer_request(proto, inside, remote, at, seconds, nonce));
}

/* What comes from outside to PUBLIC:to. */
static enum verdict
arrives(uint8_t proto, be32 remote, unsigned from, unsigned to, uint8_t event)
{
	struct miss m = world_miss(w, W_OUTSIDE, proto, remote, port((uint16_t)from), PUBLIC,
	                           port((uint16_t)to));
	m.event = event;
	enum verdict v = nat_policy.open(w->state[0], &m, &spec);
	if (v == VERDICT_OPEN)
		nat_policy.undo(w->state[0], &m, &spec);
	return v;
}

/* Before any packet: the mapping is there, for the peer and nobody else, as long as it said. */
static void
test_made(void)
{
	begin(NAT_FILTER_APDF);
	peer_request(UDP, 4500, SERVER, 4501, HOUR, 1);
	data[37] = data[62] = data[63] = 9;
	CU_ASSERT_EQUAL(peer_size(80), PCP_SUCCESS);
	CU_ASSERT(lifetime() == HOUR && load32(data + 56) == PUBLIC && external() >= 1024);
	CU_ASSERT(load16(data + 60) == port(4501) && load32(data + 76) == SERVER);
	CU_ASSERT(load16(data + 62) == 0 && data[37] == 0); /* reserved, whatever was sent */
	unsigned there = external();
	CU_ASSERT_EQUAL(arrives(UDP, SERVER, 4501, there, 0), VERDICT_OPEN);
	CU_ASSERT(spec.reply.src.w[0] == HOST && spec.reply.sport == port(4500));
	CU_ASSERT_EQUAL(arrives(UDP, SERVER, 4502, there, 0), VERDICT_DROP);
	CU_ASSERT_EQUAL(arrives(UDP, OTHER, 4501, there, 0), VERDICT_DROP);
	CU_ASSERT_EQUAL(world_out(w, UDP, HOST, 4500, SERVER, 4501, &spec, &flow), VERDICT_OPEN);
	CU_ASSERT_EQUAL(spec.reply.dport, port((uint16_t)there));
	world_end(w, &flow);
	CU_ASSERT_EQUAL(world_nat(w)->mappings.t.used, 1);
	world_tick(w, (HOUR - 1) * 1000);
	CU_ASSERT_EQUAL(arrives(UDP, SERVER, 4501, there, 0), VERDICT_OPEN);
	world_tick(w, 2 * 1000);
	CU_ASSERT_EQUAL(arrives(UDP, SERVER, 4501, there, 0), VERDICT_DROP);
	CU_ASSERT(world_nat(w)->mappings.t.used == 0 && w->stats[0].leases == 0);
	world_free(w);
}

/* A connection of TCP whose flow was idle goes on from either side; a stranger's does not. */
static void
test_tcp(void)
{
	begin(NAT_FILTER_EIF);
	CU_ASSERT_EQUAL(world_out(w, TCP, HOST, 30000, SERVER, 22, &spec, &flow), VERDICT_OPEN);
	unsigned there = be16toh(spec.reply.dport);
	peer_request(TCP, 30000, SERVER, 22, HOUR, 1);
	store16(data + 42, port(7)); /* of a mapping that is there a suggestion is ignored */
	CU_ASSERT_EQUAL(peer_size(80), PCP_SUCCESS);
	CU_ASSERT_EQUAL(external(), there);
	world_end(w, &flow); /* idle */
	CU_ASSERT_EQUAL(world_nat(w)->mappings.t.used, 1);
	CU_ASSERT_EQUAL(arrives(TCP, SERVER, 22, there, EV_OTHER), VERDICT_OPEN);
	CU_ASSERT_EQUAL(arrives(TCP, SERVER, 23, there, EV_OTHER), VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_TCP_NOT_SYN);
	CU_ASSERT_EQUAL(arrives(TCP, OTHER, 22, there, EV_OPEN), VERDICT_OPEN);
	CU_ASSERT_EQUAL(world_out(w, TCP, HOST, 30000, SERVER, 22, &spec, &flow), VERDICT_OPEN);
	CU_ASSERT_EQUAL(spec.reply.dport, port((uint16_t)there));
	world_end(w, &flow);
	/* Its own nonce extends it; nobody shortens or ends it: what is left is told. */
	CU_ASSERT_EQUAL(peer(TCP, 30000, SERVER, 22, 0, 2), PCP_NOT_AUTHORIZED);
	CU_ASSERT_EQUAL(lifetime(), HOUR);
	CU_ASSERT_EQUAL(peer(TCP, 30000, SERVER, 22, HOUR, 2), PCP_NOT_AUTHORIZED);
	CU_ASSERT_EQUAL(peer(TCP, 30000, SERVER, 22, 600, 1), PCP_SUCCESS);
	CU_ASSERT(lifetime() == HOUR && external() == there);
	world_tick(w, 100 * 1000);
	CU_ASSERT_EQUAL(peer(TCP, 30000, SERVER, 22, 0, 1), PCP_SUCCESS);
	CU_ASSERT(lifetime() == HOUR - 100 && external() == there);
	CU_ASSERT_EQUAL(peer(TCP, 30000, SERVER, 22, HOUR, 1), PCP_SUCCESS);
	CU_ASSERT_EQUAL(lifetime(), HOUR);
	world_tick(w, HOUR * 1000 + 1000);
	CU_ASSERT(w->stats[0].leases == 0 && world_nat(w)->mappings.t.used == 0);
	/* 0 seconds of what is not there make nothing. */
	CU_ASSERT_EQUAL(peer(TCP, 30000, SERVER, 22, 0, 1), PCP_SUCCESS);
	CU_ASSERT(lifetime() == 0 && world_nat(w)->mappings.t.used == 0);
	/* And of what is there by its flows tell where it is. */
	CU_ASSERT_EQUAL(world_out(w, TCP, HOST, 30000, SERVER, 22, &spec, &flow), VERDICT_OPEN);
	CU_ASSERT_EQUAL(peer(TCP, 30000, SERVER, 22, 0, 1), PCP_SUCCESS);
	CU_ASSERT(port((uint16_t)external()) == spec.reply.dport && load32(data + 56) == PUBLIC);
	CU_ASSERT(lifetime() == 0 && w->stats[0].leases == 0);
	world_end(w, &flow);
	world_free(w);
}

/* Several peers of one endpoint, and a MAP of it: one mapping, each with a time of its own. */
static void
test_together(void)
{
	begin(NAT_FILTER_APDF);
	uint32_t leases;
	CU_ASSERT_EQUAL(peer(UDP, 5000, SERVER, 1, 600, 1), PCP_SUCCESS);
	unsigned there = external();
	CU_ASSERT_EQUAL(peer(UDP, 5000, OTHER, 1, 1200, 2), PCP_SUCCESS);
	CU_ASSERT_EQUAL(external(), there);
	CU_ASSERT_EQUAL(map(UDP, 5000, 1800, 3), PCP_SUCCESS);
	CU_ASSERT_EQUAL(external(), there);
	CU_ASSERT_EQUAL(lease_last(world_nat(w), 1, &leases), 1800);
	CU_ASSERT_EQUAL(leases, 3);
	CU_ASSERT_EQUAL(arrives(UDP, ip(9, 9, 9, 9), 1, there, 0), VERDICT_OPEN);
	CU_ASSERT_EQUAL(map(UDP, 5000, 0, 3), PCP_SUCCESS);
	CU_ASSERT_EQUAL(arrives(UDP, ip(9, 9, 9, 9), 1, there, 0), VERDICT_DROP);
	CU_ASSERT_EQUAL(arrives(UDP, SERVER, 1, there, 0), VERDICT_OPEN);
	world_tick(w, 601 * 1000);
	CU_ASSERT_EQUAL(arrives(UDP, SERVER, 1, there, 0), VERDICT_DROP);
	CU_ASSERT_EQUAL(arrives(UDP, OTHER, 1, there, 0), VERDICT_OPEN);
	CU_ASSERT_EQUAL(lease_last(world_nat(w), 1, &leases), 599);
	CU_ASSERT(leases == 1 && w->stats[0].leases == 1);
	world_tick(w, 600 * 1000);
	CU_ASSERT_EQUAL(world_nat(w)->mappings.t.used, 0);
	world_free(w);
}

/* A new mapping is made as suggested or not at all: a connection cannot change its port. */
static void
test_suggested(void)
{
	begin(NAT_FILTER_EIF);
	CU_ASSERT_EQUAL(peer(UDP, 5000, SERVER, 1, HOUR, 1), PCP_SUCCESS);
	unsigned first = external(), next = first / 512 * 512 + (first + 1) % 512;
	peer_request(UDP, 5001, SERVER, 1, HOUR, 1);
	store16(data + 42, port((uint16_t)first));
	CU_ASSERT_EQUAL(peer_size(80), PCP_CANNOT_PROVIDE_EXTERNAL);
	CU_ASSERT(world_nat(w)->mappings.t.used == 1 && w->stats[0].leases == 1);
	peer_request(UDP, 5001, SERVER, 1, HOUR, 1);
	store16(data + 42, port((uint16_t)next));
	data[54] = data[55] = 0xff;
	store32(data + 56, PUBLIC);
	CU_ASSERT_EQUAL(peer_size(80), PCP_SUCCESS);
	CU_ASSERT_EQUAL(external(), next);
	peer_request(UDP, 5002, SERVER, 1, HOUR, 1);
	data[54] = data[55] = 0xff;
	store32(data + 56, ip(203, 0, 113, 9));
	CU_ASSERT_EQUAL(peer_size(80), PCP_CANNOT_PROVIDE_EXTERNAL);
	CU_ASSERT_EQUAL(world_nat(w)->mappings.t.used, 2);
	world_free(w);
}

/* What is refused changes nothing. */
static void
test_refused(void)
{
	begin(NAT_FILTER_EIF);
	static const struct { uint8_t at, value, result; } cases[] = {
		{36, 0, PCP_MALFORMED_REQUEST}, {36, 47, PCP_UNSUPP_PROTOCOL},
		{74, 0, PCP_MALFORMED_REQUEST}, {64, 0x20, PCP_MALFORMED_REQUEST},
		{76, 127, PCP_MALFORMED_REQUEST}, {76, 0, PCP_MALFORMED_REQUEST},
		{76, 224, PCP_MALFORMED_REQUEST}, {76, 255, PCP_MALFORMED_REQUEST},
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		peer_request(UDP, 5000, SERVER, 1, HOUR, 1);
		data[cases[i].at] = cases[i].value;
		CU_ASSERT_EQUAL(peer_size(80), cases[i].result);
	}
	CU_ASSERT_EQUAL(peer(UDP, 0, SERVER, 1, HOUR, 1), PCP_MALFORMED_REQUEST);
	CU_ASSERT_EQUAL(peer(UDP, 5000, SERVER, 0, HOUR, 1), PCP_MALFORMED_REQUEST);
	uint32_t size = peer_request(UDP, 5000, SERVER, 1, HOUR, 1);
	CU_ASSERT_EQUAL(peer_size(with_filter(size, OTHER, 128, 0)), PCP_MALFORMED_OPTION);
	CU_ASSERT(world_nat(w)->mappings.t.used == 0 && w->stats[0].leases == 0);
	for (unsigned i = 0; i < 16; i++)
		CU_ASSERT_EQUAL(peer(UDP, 5000, SERVER, 1 + i, HOUR, 1), PCP_SUCCESS);
	CU_ASSERT_EQUAL(peer(UDP, 5000, SERVER, 99, HOUR, 1), PCP_USER_EX_QUOTA);
	CU_ASSERT_EQUAL(peer(UDP, 5001, SERVER, 1, HOUR, 1), PCP_NO_RESOURCES);
	CU_ASSERT(world_nat(w)->mappings.t.used == 1 && w->stats[0].leases == 16);
	CU_ASSERT_EQUAL(lifetime(), 30);
	world_free(w);
}

/* Static mappings are told as they are. */
static void
test_static(void)
{
	begin_static();
	CU_ASSERT_EQUAL(peer(TCP, 80, SERVER, 1, HOUR, 1), PCP_SUCCESS);
	CU_ASSERT(lifetime() == UINT32_MAX && external() == 8080 && w->stats[0].leases == 0);
	CU_ASSERT_EQUAL(peer(TCP, 80, SERVER, 1, 0, 1), PCP_SUCCESS); /* asks, and ends nothing */
	CU_ASSERT(lifetime() == UINT32_MAX && external() == 8080);
	world_free(w);
}

/*
 * Peers of one inside port by their endpoints, against a list: the external port is the same for
 * all; nonce, time and who is let in are each one's own.
 */
static void
test_list(void)
{
	enum { PEERS = 8 };
	struct { uint64_t until_s; uint8_t nonce; } list[PEERS] = {{0, 0}};
	uint64_t seed = test_seed();
	begin(NAT_FILTER_APDF);
	CU_ASSERT_EQUAL(map(UDP, 5000, 24 * HOUR, 9), PCP_SUCCESS);
	unsigned there = external();
	uint32_t size = request(HOST, UDP, 5000, 24 * HOUR, 9);
	CU_ASSERT_EQUAL(map_size(HOST, with_filter(size, ip(9, 9, 9, 9), 128, 0)), PCP_SUCCESS);
	for (unsigned step = 0; step < 5000; step++) {
		unsigned i = random_below(&seed, PEERS), seconds = random_below(&seed, 600);
		uint8_t nonce = (uint8_t)(1 + random_below(&seed, 2));
		uint64_t now_s = world_nat(w)->clock.ms / 1000, left = 0;
		seconds = seconds < 120 ? 0 : seconds;
		if (list[i].until_s > now_s)
			left = list[i].until_s - now_s;
		unsigned r = peer(UDP, 5000, i < 4 ? SERVER : OTHER, 1 + i % 4, seconds, nonce);
		bool is_his = left == 0 || list[i].nonce == nonce;
		CU_ASSERT_EQUAL_FATAL(r, is_his ? PCP_SUCCESS : PCP_NOT_AUTHORIZED);
		CU_ASSERT_EQUAL_FATAL(lifetime(), is_his && seconds > left ? seconds : left);
		CU_ASSERT_FATAL(!is_his || external() == there);
		if (is_his && seconds > left) {
			list[i].until_s = now_s + seconds;
			list[i].nonce = nonce;
		}
		world_tick(w, random_below(&seed, 60000));
		now_s = world_nat(w)->clock.ms / 1000;
		for (unsigned k = 0; k < PEERS; k++) {
			be32 remote = k < 4 ? SERVER : OTHER;
			bool is_in = arrives(UDP, remote, 1 + k % 4, there, 0) == VERDICT_OPEN;
			CU_ASSERT_EQUAL_FATAL(is_in, list[k].until_s > now_s);
		}
		if (step % 100 == 0)
			CU_ASSERT_EQUAL(map(UDP, 5000, 24 * HOUR, 9), PCP_SUCCESS);
	}
	world_free(w);
}

/* Leases of all kinds, made and given up at random: each holds its mapping, nothing else does. */
static void
test_at_random(void)
{
	begin(NAT_FILTER_APDF);
	uint64_t seed = test_seed();
	for (unsigned step = 0; step < 20000; step++) {
		unsigned inside = 5000 + random_below(&seed, 4), at = 1 + random_below(&seed, 3);
		unsigned seconds = random_below(&seed, 3) == 0 ? 0 : 120 + random_below(&seed, 200);
		if (random_below(&seed, 2) == 0) {
			peer(UDP, inside, SERVER, at, seconds, (uint8_t)random_below(&seed, 2));
		} else {
			uint32_t size = request(HOST, UDP, inside, seconds, 1);
			while (seconds != 0 && random_below(&seed, 3) == 0)
				size = with_filter(size, OTHER, 96 + 32 * random_below(&seed, 2),
				                   at++);
			map_size(HOST, size);
		}
		world_tick(w, random_below(&seed, 40000));
		uint32_t holding = 0, flows = 0;
		for (uint32_t i = 1; i <= world_nat(w)->leases.t.high; i++) {
			const struct lease *l = table_at(&world_nat(w)->leases.t, i);
			holding += l->mapping != 0 && l->kind != LEASE_FILTER;
		}
		for (uint32_t i = 1; i <= world_nat(w)->mappings.t.high; i++)
			flows += mapping_at(&world_nat(w)->mappings, i)->flows;
		CU_ASSERT_EQUAL_FATAL(flows, holding);
		CU_ASSERT_EQUAL_FATAL(w->stats[0].leases, world_nat(w)->leases.t.used);
	}
	world_tick(w, 400 * 1000);
	CU_ASSERT(w->stats[0].leases == 0 && world_nat(w)->mappings.t.used == 0);
	world_free(w);
}

static const struct test_case all[] = {
	{"before any packet", test_made},
	{"a connection that was idle", test_tcp},
	{"several of one endpoint", test_together},
	{"peers against a list", test_list},
	{"suggested ports of peers", test_suggested},
	{"refusals of peers", test_refused},
	{"static mappings of peers", test_static},
	{"leases of all kinds at random", test_at_random},
};
TEST_MAIN("nat_pcp_peer", all)
