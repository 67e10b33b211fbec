/* SPDX-License-Identifier: Apache-2.0 */
/* update.h: what clients are told of mappings that were taken from them (RFC 6887, 14.2). */
#include "pcp_kit.h"

#define OTHER ip(198, 51, 100, 2)

/* An operator ends what a filter wants. */
static void
clear(struct cmd_nat_filter what)
{
	uint32_t at = 0;
	CU_ASSERT_TRUE(nat_policy.cut(w->state[0], &what, &at, UINT32_MAX));
}

static void
clear_host(void)
{
	clear((struct cmd_nat_filter){.inside = HOST, .inside_mask = UINT32_MAX});
}

/* As an answer would be, to where the last one went; three times, and no more. */
static void
test_cleared(void)
{
	begin(NAT_FILTER_EIF);
	listen();
	CU_ASSERT_EQUAL(map(TCP, 80, HOUR, 7), PCP_SUCCESS);
	unsigned there = external();
	world_tick(w, 5000);
	clear_host();
	CU_ASSERT(w->stats[0].leases == 0 && heard.n == 0);
	CU_ASSERT_EQUAL(told_in(1), 1);
	CU_ASSERT_TRUE(is_told(MAP, TCP, 80, 7, PUBLIC, there, 0, PCP_SUCCESS));
	CU_ASSERT(heard.s.size == 60 && heard.s.src == OWN && heard.s.dst == HOST);
	CU_ASSERT(heard.s.sport == port(5351) && heard.s.dport == port(40000));
	CU_ASSERT_EQUAL(heard.s.realm, 1);
	CU_ASSERT_EQUAL(told_in(249), 0);
	CU_ASSERT_EQUAL(told_in(1), 1);
	CU_ASSERT_EQUAL(told_in(499), 0);
	CU_ASSERT_EQUAL(told_in(1), 1);
	CU_ASSERT_TRUE(is_told(MAP, TCP, 80, 7, PUBLIC, there, 0, PCP_SUCCESS));
	CU_ASSERT_EQUAL(told_in(3000), 0);
	CU_ASSERT_EQUAL(w->stats[0].pcp_updates, 3);
	/* Of what its client gives up, and of what is over, nothing is told. */
	CU_ASSERT_EQUAL(map(TCP, 80, HOUR, 7), PCP_SUCCESS);
	CU_ASSERT_EQUAL(map(TCP, 80, 0, 7), PCP_SUCCESS);
	CU_ASSERT_EQUAL(map(TCP, 80, 120, 7), PCP_SUCCESS);
	world_tick(w, 121 * 1000);
	CU_ASSERT(told_in(1000) == 0 && w->stats[0].leases == 0);
	world_free(w);
}

/* Where he asked from last is where he is told, of both kinds. */
static void
test_where(void)
{
	begin(NAT_FILTER_EIF);
	listen();
	CU_ASSERT_EQUAL(map(UDP, 5000, HOUR, 1), PCP_SUCCESS);
	CU_ASSERT_EQUAL(peer_size(peer_request(UDP, 5001, SERVER, 1, 600, 1)), PCP_SUCCESS);
	struct miss m = world_miss(w, W_INSIDE, UDP, HOST, port(40001), OTHER, port(PCP_PORT));
	request(HOST, UDP, 5000, HOUR, 1);
	CU_ASSERT_EQUAL(nat_policy.serve(w->state[0], &m, data, 60, ROOM), 60);
	clear_host();
	world_nat(w)->updates.put--;
	CU_ASSERT_EQUAL(told_in(1), 1);
	CU_ASSERT(heard.s.dport == port(40001) && heard.s.src == OTHER);
	world_nat(w)->updates.put++;
	CU_ASSERT_EQUAL(told_in(1), 1);
	CU_ASSERT(heard.s.dport == port(40000) && heard.s.src == OWN);
	CU_ASSERT_EQUAL(peer_size(peer_request(UDP, 5001, SERVER, 1, 600, 1)), PCP_SUCCESS);
	peer_request(UDP, 5001, SERVER, 1, 0, 1);
	CU_ASSERT_EQUAL(nat_policy.serve(w->state[0], &m, data, 80, ROOM), 80);
	CU_ASSERT_EQUAL(told_in(2000), 4);
	clear_host();
	CU_ASSERT_EQUAL(told_in(1), 1);
	CU_ASSERT(heard.s.dport == port(40001) && heard.s.size == 80);
	world_free(w);
}

/* Who has asked again meanwhile is told what he has by then, and not that he has nothing. */
static void
test_again(void)
{
	begin(NAT_FILTER_EIF);
	listen();
	CU_ASSERT_EQUAL(map(UDP, 5000, HOUR, 7), PCP_SUCCESS);
	clear_host();
	CU_ASSERT_EQUAL(told_in(1), 1);
	CU_ASSERT_EQUAL(map(UDP, 5000, 600, 7), PCP_SUCCESS);
	unsigned there = external();
	CU_ASSERT_EQUAL(told_in(250), 1);
	CU_ASSERT_TRUE(is_told(MAP, UDP, 5000, 7, PUBLIC, there, 600, PCP_SUCCESS));
	/* With another nonce it is another's: the first has nothing. */
	CU_ASSERT_EQUAL(map(UDP, 5000, 0, 7), PCP_SUCCESS);
	CU_ASSERT_EQUAL(map(UDP, 5000, 600, 8), PCP_SUCCESS);
	CU_ASSERT_EQUAL(told_in(500), 1);
	CU_ASSERT_EQUAL(be32toh(load32(heard.d + 4)), 0);
	world_free(w);
}

/* Each peer of an endpoint is a mapping of its own to its client: its nonce, its remote end. */
static void
test_peers(void)
{
	begin(NAT_FILTER_APDF);
	listen();
	CU_ASSERT_EQUAL(peer_size(peer_request(UDP, 5000, SERVER, 1, 600, 1)), PCP_SUCCESS);
	unsigned there = external();
	CU_ASSERT_EQUAL(peer_size(peer_request(UDP, 5000, OTHER, 2, 600, 2)), PCP_SUCCESS);
	CU_ASSERT_EQUAL(map(UDP, 5000, 600, 3), PCP_SUCCESS);
	clear_host();
	static const struct { uint8_t opcode, nonce; unsigned at; } all[] = {
		{PEER, 1, 1}, {PEER, 2, 2}, {MAP, 3, 0},
	};
	unsigned seen = 0;
	for (unsigned i = 0; i < 3; i++) {
		struct nat *n = world_nat(w);
		n->updates.put -= 2 - i; /* one at a time */
		CU_ASSERT_EQUAL(told_in(1), 1);
		n->updates.put += 2 - i;
		for (unsigned k = 0; k < 3; k++) {
			if (!is_told(all[k].opcode, UDP, 5000, all[k].nonce, PUBLIC, there, 0, 0))
				continue;
			seen |= 1u << k;
			bool is_peer = all[k].opcode == PEER;
			CU_ASSERT_EQUAL(heard.s.size, is_peer ? 80 : 60);
			be32 remote = k == 0 ? SERVER : OTHER;
			CU_ASSERT(!is_peer || (load16(heard.d + 60) == port(all[k].at) &&
			                       load32(heard.d + 76) == remote &&
			                       load16(heard.d + 74) == 0xffff));
		}
	}
	CU_ASSERT_EQUAL(seen, 7);
	world_free(w);
}

/* Filters are MAP's (RFC 6887, 13.3): of a peer that was asked for again none are told. */
static void
test_no_filters(void)
{
	begin(NAT_FILTER_EIF);
	listen();
	CU_ASSERT_EQUAL(peer_size(peer_request(UDP, 5000, SERVER, 1, 600, 1)), PCP_SUCCESS);
	clear_host();
	CU_ASSERT_EQUAL(told_in(1), 1);
	CU_ASSERT_EQUAL(peer_size(peer_request(UDP, 5000, SERVER, 1, 600, 1)), PCP_SUCCESS);
	uint32_t size = with_filter(request(HOST, UDP, 5000, 600, 2), OTHER, 128, 9);
	CU_ASSERT_EQUAL(map_size(HOST, size), PCP_SUCCESS);
	CU_ASSERT_EQUAL(told_in(250), 1);
	CU_ASSERT(heard.d[1] == (0x80 | PEER) && be32toh(load32(heard.d + 4)) == 600);
	CU_ASSERT_EQUAL(heard.s.size, 80);
	world_free(w);
}

/* Who asked by an interface that is another realm's now: nobody there is told of him. */
static void
test_realm(void)
{
	begin(NAT_FILTER_EIF);
	listen();
	CU_ASSERT_EQUAL(map(UDP, 5000, HOUR, 1), PCP_SUCCESS);
	w->gen->nic[W_INSIDE].realm = 2;
	clear_host();
	CU_ASSERT_EQUAL(told_in(1), 1);
	CU_ASSERT(heard.s.realm == 1 && heard.s.dst == HOST);
	world_free(w);
}

/* A server that has asked for another is told itself, and for whom that was. */
static void
test_third(void)
{
	begin_with_third();
	third_maps();
	unsigned there = external();
	clear_host();
	CU_ASSERT_EQUAL(told_in(1), 1);
	CU_ASSERT_TRUE(is_told(MAP, UDP, 5000, 1, PUBLIC, there, 0, PCP_SUCCESS));
	CU_ASSERT(heard.s.size == 80 && heard.s.dst == THIRD && heard.s.dport == port(1234));
	CU_ASSERT(heard.s.src == SERVER && heard.s.realm == 0);
	static const uint8_t option[16] = {1, 0, 0, 16, [14] = 0xff, 0xff};
	CU_ASSERT(memcmp(heard.d + 60, option, 16) == 0 && load32(heard.d + 76) == HOST);
	world_free(w);
}

/*
 * So many are told a millisecond, and no lease ends whose client cannot be told: a command that
 * wants more than there is room for waits.
 */
static void
test_many(void)
{
	enum { HOSTS = 5, EACH = 500, ALL = HOSTS * EACH };
	begin(NAT_FILTER_EIF);
	world_free(w);
	w = world_new();
	w->conf.quarantine_ms = 0;
	w->conf.pcp_min_s = 120;
	w->conf.pcp_max_s = HOUR;
	w->plane.leases = ALL;
	world_pool(w, 1024, 65535, 512, 2);
	world_address(w, 0, PUBLIC);
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0)->pcp = 1;
	world_apply(w);
	world_tick(w, 0);
	listen();
	for (unsigned i = 0; i < ALL; i++) {
		be32 host = ip_add(HOST, i / EACH);
		CU_ASSERT_EQUAL_FATAL(map_size(host, request(host, UDP, 1000 + i % EACH, HOUR, 1)),
		                      PCP_SUCCESS);
	}
	struct cmd_nat_filter udp = {.proto = UDP};
	uint32_t at = 0;
	CU_ASSERT_FALSE(nat_policy.cut(w->state[0], &udp, &at, UINT32_MAX));
	CU_ASSERT_EQUAL(w->stats[0].leases, ALL - UPDATE_MAX);
	unsigned ms = 0;
	bool is_over = false;
	for (; heard.n < 3 * ALL && ms < 10000; ms++) {
		CU_ASSERT_FATAL(told_in(1) <= UPDATE_TURN);
		is_over = is_over || nat_policy.cut(w->state[0], &udp, &at, 32);
		CU_ASSERT_FATAL(world_nat(w)->updates.put >= ALL - w->stats[0].leases);
	}
	CU_ASSERT(is_over && heard.n == 3 * ALL && w->stats[0].leases == 0);
	CU_ASSERT_EQUAL(told_in(2000), 0);
	world_free(w);
}

/* Of everything nobody is told: that is loss of state, and the epoch begins (8.5), at its end. */
static void
test_all(void)
{
	struct cmd_nat_filter any = {.proto = 0};
	uint32_t at = 0;
	begin(NAT_FILTER_EIF);
	listen();
	CU_ASSERT_EQUAL(map(UDP, 5000, HOUR, 1), PCP_SUCCESS);
	CU_ASSERT_EQUAL(map(UDP, 5001, HOUR, 1), PCP_SUCCESS);
	world_tick(w, 60 * 1000);
	CU_ASSERT_FALSE(nat_policy.cut(w->state[0], &any, &at, 1));
	CU_ASSERT_EQUAL(map(UDP, 5001, HOUR, 1), PCP_SUCCESS);
	CU_ASSERT_EQUAL(be32toh(load32(data + 8)), 60);
	CU_ASSERT_TRUE(nat_policy.cut(w->state[0], &any, &at, 1));
	CU_ASSERT_EQUAL(w->stats[0].leases, 0);
	CU_ASSERT_EQUAL(map(UDP, 5001, HOUR, 1), PCP_SUCCESS);
	CU_ASSERT_EQUAL(be32toh(load32(data + 8)), 0);
	CU_ASSERT(w->stats[0].pcp_epoch_ns == w->ms * 1000000u && told_in(1000) == 0);
	/* One that a generation comes upon has lost some of it. */
	CU_ASSERT_EQUAL(map(UDP, 5000, HOUR, 1), PCP_SUCCESS);
	world_tick(w, 60 * 1000);
	at = 0;
	CU_ASSERT_FALSE(nat_policy.cut(w->state[0], &any, &at, 1));
	world_apply(w);
	CU_ASSERT_EQUAL(w->stats[0].pcp_epoch_ns, w->ms * 1000000u);
	world_tick(w, 60 * 1000);
	world_apply(w);
	CU_ASSERT_NOT_EQUAL(w->stats[0].pcp_epoch_ns, w->ms * 1000000u);
	/* Of one subscriber it is not: the others' state is there. */
	clear_host();
	CU_ASSERT_NOT_EQUAL(w->stats[0].pcp_epoch_ns, w->ms * 1000000u);
	world_free(w);
}

static const struct test_case all[] = {
	{"of a lease that a command ends", test_cleared},
	{"where he asked from last", test_where},
	{"who has asked again", test_again},
	{"peers of one endpoint", test_peers},
	{"filters of a peer", test_no_filters},
	{"an interface of another realm", test_realm},
	{"who has asked for another", test_third},
	{"more than there is room for", test_many},
	{"all of them", test_all},
};
TEST_MAIN("nat_update", all)
