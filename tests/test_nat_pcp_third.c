/* SPDX-License-Identifier: Apache-2.0 */
/* pcp_third: who is listed asks for subscribers, nobody else does. */
#include "pcp_kit.h"

#define SERVER_OF_OURS ip(192, 0, 2, 10)

static void
begin_third(uint16_t workers)
{
	w = world_new();
	w->plane.workers = workers;
	w->plane.leases = 256;
	w->plane.steer_split_blocks = workers > 1;
	w->plane.steer_block_shift = 9;
	w->is_routed = true;
	w->conf.quarantine_ms = 0;
	w->conf.pcp_min_s = 120;
	w->conf.pcp_max_s = 24 * HOUR;
	w->conf.askers = 1;
	w->conf.asker[0] = (struct img_nat_asker){
		.source = ip(192, 0, 2, 8), .plen = 30, .nic = W_OUTSIDE, .realm = 1,
	};
	world_pool(w, 1024, 65535, 512, 2);
	for (uint32_t i = 0; i < 8; i++)
		world_address(w, 0, ip_add(PUBLIC, i));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_APDF, 0);
	world_apply(w);
	world_tick(w, 0);
}

/* Sent by an address on an interface; 255: there is no answer. => result. */
static unsigned
sent_by(be32 source, uint8_t nic, uint32_t size)
{
	struct miss m = world_miss(w, nic, UDP, source, port(40000), OWN, port(PCP_PORT));
	int home = nat_policy.serves(w->gen, &m, data, size);
	CU_ASSERT_FATAL(home >= 0);
	uint32_t got = nat_policy.serve(w->state[home], &m, data, size, ROOM);
	CU_ASSERT(got == 0 || got == size);
	return got == 0 ? 255 : data[3];
}

static unsigned
map_for(be32 third, uint8_t proto, unsigned inside, unsigned seconds, uint8_t nonce)
{
	uint32_t size = request(SERVER_OF_OURS, proto, inside, seconds, nonce);
	return sent_by(SERVER_OF_OURS, W_OUTSIDE, with_third(size, third));
}

/* It is the subscriber's mapping: his rule, though he may not ask himself, his port, his limits. */
static void
test_made(void)
{
	begin_third(1);
	w->rule[0].max_mappings = 2;
	world_apply(w);
	CU_ASSERT_EQUAL(map_for(HOST, TCP, 80, HOUR, 1), PCP_SUCCESS);
	CU_ASSERT(lifetime() == HOUR && data[60] == 1 && data[63] == 16);
	CU_ASSERT_EQUAL(load32(data + 76), HOST);
	unsigned there = external();
	be32 public = load32(data + 56);
	CU_ASSERT_EQUAL_FATAL(world_in(w, TCP, SERVER, 99, public, port((uint16_t)there), &spec,
	                               &flow), VERDICT_OPEN);
	CU_ASSERT(spec.reply.src.w[0] == HOST && spec.reply.sport == port(80));
	CU_ASSERT_EQUAL(spec.reply.realm, 1);
	world_end(w, &flow);
	CU_ASSERT_EQUAL(world_out(w, TCP, HOST, 80, SERVER, 1, &spec, &flow), VERDICT_OPEN);
	CU_ASSERT_EQUAL(spec.reply.dport, port((uint16_t)there));
	world_end(w, &flow);
	CU_ASSERT_EQUAL(map_for(HOST, TCP, 81, HOUR, 1), PCP_SUCCESS);
	CU_ASSERT_EQUAL(map_for(HOST, TCP, 82, HOUR, 1), PCP_USER_EX_QUOTA);
	CU_ASSERT_EQUAL(map_for(ip_add(HOST, 1), TCP, 82, HOUR, 1), PCP_SUCCESS);
	CU_ASSERT_EQUAL(world_nat(w)->subscribers.t.used, 2);
	/* The nonce decides for both; who has it ends it. */
	w->rule[0].pcp = 1;
	world_apply(w);
	CU_ASSERT_EQUAL(map(TCP, 80, 0, 2), PCP_NOT_AUTHORIZED);
	CU_ASSERT_EQUAL(map_for(HOST, TCP, 80, 0, 2), PCP_NOT_AUTHORIZED);
	CU_ASSERT_EQUAL(map_for(HOST, TCP, 80, 0, 1), PCP_SUCCESS);
	CU_ASSERT_EQUAL(lifetime(), 0);
	CU_ASSERT_EQUAL(map_for(HOST, TCP, 80, 0, 1), PCP_SUCCESS);
	CU_ASSERT_EQUAL(map_for(HOST, TCP, 0, 0, 1), PCP_SUCCESS); /* all ports: there is none */
	CU_ASSERT_EQUAL(map(TCP, 81, 0, 1), PCP_SUCCESS);
	CU_ASSERT_EQUAL(world_nat(w)->mappings.t.used, 1);
	world_free(w);
}

/* PEER, filters and static mappings, for others too. */
static void
test_kinds(void)
{
	begin_third(1);
	world_static(w, static_key(1, HOST, TCP, port(80)),
	             static_key(0, PUBLIC, TCP, port(8080)), 1);
	world_apply(w);
	uint32_t size = peer_request(UDP, 5000, SERVER, 1, HOUR, 1);
	store32(data + 20, SERVER_OF_OURS);
	CU_ASSERT_EQUAL(sent_by(SERVER_OF_OURS, W_OUTSIDE, with_third(size, HOST)), PCP_SUCCESS);
	CU_ASSERT(lifetime() == HOUR && load32(data + 96) == HOST);
	be32 public = load32(data + 56);
	be16 there = port((uint16_t)external());
	CU_ASSERT_EQUAL(world_in(w, UDP, SERVER, 1, public, there, &spec, &flow), VERDICT_OPEN);
	world_end(w, &flow);
	CU_ASSERT_EQUAL(world_in(w, UDP, SERVER, 2, public, there, &spec, &flow), VERDICT_DROP);
	size = with_filter(request(SERVER_OF_OURS, UDP, 5001, HOUR, 1), SERVER, 128, 7);
	CU_ASSERT_EQUAL(sent_by(SERVER_OF_OURS, W_OUTSIDE, with_third(size, HOST)), PCP_SUCCESS);
	there = port((uint16_t)external());
	CU_ASSERT_EQUAL(world_in(w, UDP, SERVER, 7, public, there, &spec, &flow), VERDICT_OPEN);
	world_end(w, &flow);
	CU_ASSERT_EQUAL(world_in(w, UDP, SERVER, 8, public, there, &spec, &flow), VERDICT_DROP);
	CU_ASSERT_EQUAL(map_for(HOST, TCP, 80, HOUR, 1), PCP_SUCCESS);
	CU_ASSERT(external() == 8080 && lifetime() == UINT32_MAX);
	CU_ASSERT_EQUAL(map_for(HOST, TCP, 80, 0, 1), PCP_NOT_AUTHORIZED);
	world_free(w);
}

/* Who is not listed, on another interface, or asks in a form that is none. */
static void
test_refused(void)
{
	begin_third(1);
	w->rule[0].pcp = 1;
	world_apply(w);
	uint32_t size = with_third(request(HOST, TCP, 80, HOUR, 1), ip_add(HOST, 1));
	CU_ASSERT_EQUAL(map_size(HOST, size), PCP_UNSUPP_OPTION);
	be32 neighbour = ip(192, 0, 2, 12);
	size = with_third(request(neighbour, TCP, 80, HOUR, 1), HOST);
	CU_ASSERT_EQUAL(sent_by(neighbour, W_OUTSIDE, size), 255);
	size = with_third(request(SERVER_OF_OURS, TCP, 80, HOUR, 1), HOST);
	CU_ASSERT_EQUAL(sent_by(SERVER_OF_OURS, W_INSIDE, size), 255);
	CU_ASSERT_EQUAL(sent_by(SERVER_OF_OURS, W_OTHER, size), 255);
	CU_ASSERT_EQUAL(map_for(SERVER_OF_OURS, TCP, 80, HOUR, 1), PCP_MALFORMED_REQUEST);
	CU_ASSERT_EQUAL(map_for(ip(9, 9, 9, 9), TCP, 80, HOUR, 1), PCP_NOT_AUTHORIZED);
	CU_ASSERT_EQUAL(map_for(PUBLIC, TCP, 80, HOUR, 1), PCP_NOT_AUTHORIZED);
	static const struct { uint8_t at, value, result; } cases[] = {
		{63, 12, PCP_MALFORMED_OPTION}, {63, 17, PCP_MALFORMED_OPTION},
		{64, 0x20, PCP_NOT_AUTHORIZED}, {20, 9, PCP_ADDRESS_MISMATCH},
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size = with_third(request(SERVER_OF_OURS, TCP, 80, HOUR, 1), HOST);
		data[cases[i].at] = cases[i].value;
		CU_ASSERT_EQUAL(sent_by(SERVER_OF_OURS, W_OUTSIDE, size), cases[i].result);
	}
	size = with_third(request(SERVER_OF_OURS, TCP, 80, HOUR, 1), HOST);
	CU_ASSERT_EQUAL(sent_by(SERVER_OF_OURS, W_OUTSIDE, with_third(size, HOST)),
	                PCP_MALFORMED_OPTION);
	/* For himself he is no subscriber; whether somebody listens, and since when, he may ask. */
	size = request(SERVER_OF_OURS, TCP, 80, HOUR, 1);
	CU_ASSERT_EQUAL(sent_by(SERVER_OF_OURS, W_OUTSIDE, size), PCP_NOT_AUTHORIZED);
	request(SERVER_OF_OURS, TCP, 80, HOUR, 1);
	data[1] = 0;
	CU_ASSERT_EQUAL(sent_by(SERVER_OF_OURS, W_OUTSIDE, PCP_HEADER), PCP_SUCCESS);
	request(SERVER_OF_OURS, TCP, 80, HOUR, 1);
	data[1] = 0;
	CU_ASSERT_EQUAL(sent_by(SERVER_OF_OURS, W_OUTSIDE, with_third(PCP_HEADER, HOST)),
	                PCP_MALFORMED_OPTION);
	CU_ASSERT(world_nat(w)->mappings.t.used == 0 && w->stats[0].leases == 0);
	world_free(w);
}

/* The realm is the row's; a request is the worker's whose the subscriber is. */
static void
test_where(void)
{
	begin_third(4);
	unsigned elsewhere = 0;
	for (uint32_t i = 0; i < 64; i++) {
		be32 third = ip_add(ip(100, 64, 1, 0), i);
		union addr a = addr_from_v4(third);
		uint16_t home = steer_worker(&w->gen->steer, &a, FAMILY_V4);
		uint64_t before = w->stats[home].leases;
		CU_ASSERT_EQUAL(map_for(third, UDP, 5000, HOUR, 1), PCP_SUCCESS);
		CU_ASSERT_EQUAL(w->stats[home].leases, before + 1);
		elsewhere += home != 0;
	}
	CU_ASSERT(elsewhere > 16);
	world_free(w);
	begin_third(1);
	w->conf.asker[0].realm = 2;
	world_apply(w);
	CU_ASSERT_EQUAL(map_for(HOST, UDP, 5000, HOUR, 1), PCP_NOT_AUTHORIZED);
	world_rule(w, ip(100, 64, 0, 0), 10, W_OTHER, NAT_FILTER_EIF, 0);
	world_apply(w);
	CU_ASSERT_EQUAL(map_for(HOST, UDP, 5000, HOUR, 1), PCP_SUCCESS);
	CU_ASSERT_EQUAL(world_in(w, UDP, SERVER, 1, load32(data + 56), port((uint16_t)external()),
	                         &spec, &flow), VERDICT_OPEN);
	CU_ASSERT_EQUAL(spec.reply.realm, 2);
	world_end(w, &flow);
	world_free(w);
}

static const struct test_case all[] = {
	{"made for another", test_made},
	{"peers, filters, static mappings", test_kinds},
	{"who may not", test_refused},
	{"whose it is", test_where},
};
TEST_MAIN("nat_pcp_third", all)
