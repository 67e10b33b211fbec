/* SPDX-License-Identifier: Apache-2.0 */
/* pcp.h: requests in the order in which they are judged, mappings made, kept and given up. */
#include "pcp_kit.h"

static struct world_flow other;

/* Who outside speaks first is let in, whatever the rule's filtering. */
static void
test_inbound(void)
{
	begin(NAT_FILTER_APDF);
	CU_ASSERT_EQUAL(map(TCP, 80, HOUR, 1), PCP_SUCCESS);
	CU_ASSERT_EQUAL(lifetime(), HOUR);
	CU_ASSERT_EQUAL(load32(data + 56), PUBLIC);
	CU_ASSERT(data[53] == 0 && data[54] == 0xff && data[55] == 0xff);
	unsigned there = external();
	CU_ASSERT(there >= 1024);
	CU_ASSERT_EQUAL_FATAL(world_in(w, TCP, SERVER, 99, PUBLIC, port(there), &spec, &flow),
	                      VERDICT_OPEN);
	CU_ASSERT(spec.reply.src.w[0] == HOST && spec.reply.sport == port(80));
	CU_ASSERT_EQUAL(world_in(w, UDP, SERVER, 99, PUBLIC, port(there), &spec, &other),
	                VERDICT_DROP); /* no sibling of another protocol */
	/* The host's own packets have the same mapping. */
	CU_ASSERT_EQUAL(world_out(w, TCP, HOST, 80, SERVER, 1, &spec, &other), VERDICT_OPEN);
	CU_ASSERT_EQUAL(spec.reply.dport, port(there));
	world_end(w, &flow);
	world_end(w, &other);
	CU_ASSERT_EQUAL(world_nat(w)->mappings.t.used, 1);
	/* Given up: nothing is left. */
	CU_ASSERT_EQUAL(map(TCP, 80, 0, 1), PCP_SUCCESS);
	CU_ASSERT_EQUAL(lifetime(), 0);
	CU_ASSERT(world_nat(w)->mappings.t.used == 0 && world_nat(w)->subscribers.t.used == 0);
	CU_ASSERT_EQUAL(world_in(w, TCP, SERVER, 99, PUBLIC, port(there), &spec, &flow),
	                VERDICT_DROP);
	CU_ASSERT_EQUAL(map(TCP, 80, 0, 1), PCP_SUCCESS); /* again: it is as wanted */
	world_free(w);
}

/* A lease on the mapping of live flows: its port; who ends it leaves the flows what they have. */
static void
test_existing(void)
{
	begin(NAT_FILTER_APDF);
	CU_ASSERT_EQUAL(world_out(w, UDP, HOST, 5000, SERVER, 53, &spec, &flow), VERDICT_OPEN);
	be16 there = spec.reply.dport;
	CU_ASSERT_EQUAL(world_in(w, UDP, SERVER, 99, PUBLIC, there, &spec, &other), VERDICT_DROP);
	request(HOST, UDP, 5000, HOUR, 1);
	store16(data + 42, port(5)); /* only a hint */
	CU_ASSERT_EQUAL(map_size(HOST, 60), PCP_SUCCESS);
	CU_ASSERT_EQUAL(port(external()), there);
	CU_ASSERT_EQUAL(world_in(w, UDP, SERVER, 99, PUBLIC, there, &spec, &other), VERDICT_OPEN);
	world_end(w, &other);
	CU_ASSERT_EQUAL(map(UDP, 5000, 0, 1), PCP_SUCCESS);
	CU_ASSERT_EQUAL(world_nat(w)->mappings.t.used, 1);
	CU_ASSERT_EQUAL(world_in(w, UDP, SERVER, 99, PUBLIC, there, &spec, &other), VERDICT_DROP);
	world_end(w, &flow);
	CU_ASSERT_EQUAL(world_nat(w)->mappings.t.used, 0);
	world_free(w);
}

/* The port that is suggested, if it can be; with PREFER_FAILURE that one or none. */
static void
test_suggested(void)
{
	begin(NAT_FILTER_EIF);
	CU_ASSERT_EQUAL(map(UDP, 5000, HOUR, 1), PCP_SUCCESS);
	unsigned first = external(), block = first / 512 * 512, next = block + (first + 1) % 512;
	request(HOST, UDP, 5001, HOUR, 1);
	store16(data + 42, port(next));
	CU_ASSERT_EQUAL(map_size(HOST, 60), PCP_SUCCESS);
	CU_ASSERT_EQUAL(external(), next);
	/* Taken already: another, or none. */
	request(HOST, UDP, 5002, HOUR, 1);
	store16(data + 42, port(next));
	CU_ASSERT_EQUAL(map_size(HOST, 60), PCP_SUCCESS);
	CU_ASSERT_NOT_EQUAL(external(), next);
	CU_ASSERT_EQUAL(map(UDP, 5002, 0, 1), PCP_SUCCESS);
	uint32_t used = world_nat(w)->mappings.t.used;
	request(HOST, UDP, 5002, HOUR, 1);
	store16(data + 42, port(next));
	data[60] = 2; /* PREFER_FAILURE */
	CU_ASSERT_EQUAL(map_size(HOST, 64), PCP_CANNOT_PROVIDE_EXTERNAL);
	CU_ASSERT_EQUAL(lifetime(), 1800);
	CU_ASSERT_EQUAL(world_nat(w)->mappings.t.used, used);
	request(HOST, UDP, 5002, HOUR, 1);
	store16(data + 42, port(block + (first + 2) % 512));
	data[60] = 2;
	CU_ASSERT_EQUAL(map_size(HOST, 64), PCP_SUCCESS);
	CU_ASSERT_EQUAL(external(), block + (first + 2) % 512);
	CU_ASSERT(data[60] == 2 && data[61] == 0 && data[62] == 0 && data[63] == 0);
	world_free(w);
}

/* Only who made it changes it: the nonce tells. */
static void
test_nonce(void)
{
	begin(NAT_FILTER_EIF);
	CU_ASSERT_EQUAL(map(UDP, 5000, 1000, 1), PCP_SUCCESS);
	unsigned there = external();
	world_tick(w, 400 * 1000);
	CU_ASSERT_EQUAL(map(UDP, 5000, 5000, 2), PCP_NOT_AUTHORIZED);
	CU_ASSERT_EQUAL(lifetime(), 600);
	CU_ASSERT_EQUAL(map(UDP, 5000, 0, 2), PCP_NOT_AUTHORIZED);
	CU_ASSERT_EQUAL(map(UDP, 5000, 1000, 1), PCP_SUCCESS);
	CU_ASSERT(lifetime() == 1000 && external() == there);
	world_free(w);
}

/* Between the bounds; at its end it is gone, and not before. */
static void
test_lifetime(void)
{
	begin(NAT_FILTER_EIF);
	CU_ASSERT_EQUAL(map(UDP, 5000, 1, 1), PCP_SUCCESS);
	CU_ASSERT_EQUAL(lifetime(), 120);
	CU_ASSERT_EQUAL(map(UDP, 5001, 1u << 31, 1), PCP_SUCCESS);
	CU_ASSERT_EQUAL(lifetime(), 24 * HOUR);
	world_tick(w, 119 * 1000);
	CU_ASSERT_EQUAL(world_nat(w)->mappings.t.used, 2);
	uint32_t leases;
	CU_ASSERT_EQUAL(lease_last(w->state[0], 1, &leases), 1);
	world_tick(w, 2 * 1000);
	CU_ASSERT_EQUAL(world_nat(w)->mappings.t.used, 1);
	CU_ASSERT_EQUAL(w->stats[0].leases, 1);
	world_free(w);
}

/* What is refused changes nothing: in the order of RFC 6887, 8.2, 8.3 and 11.3. */
static void
test_order(void)
{
	begin(NAT_FILTER_EIF);
	request(HOST, UDP, 5000, HOUR, 1);
	CU_ASSERT_EQUAL(ask_from(HOST, 1), 0);
	data[1] |= 0x80;
	CU_ASSERT_EQUAL(ask_from(HOST, 60), 0);
	for (unsigned version = 0; version < 5; version++) {
		if (version == 2)
			continue;
		request(HOST, UDP, 5000, HOUR, 1);
		data[0] = (uint8_t)version;
		CU_ASSERT_EQUAL(ask_from(HOST, 2), PCP_HEADER);
		CU_ASSERT(data[0] == 2 && data[1] == 0x81 && data[3] == PCP_UNSUPP_VERSION);
		CU_ASSERT(lifetime() == 1800 && load32(data + 20) == 0); /* no more was sent */
		request(HOST, UDP, 5000, HOUR, 7);
		data[0] = (uint8_t)version;
		CU_ASSERT_EQUAL(ask_from(HOST, 60), 60); /* the whole of it comes back */
		CU_ASSERT(data[24] == 7 && load32(data + 20) == HOST);
	}
	request(HOST, UDP, 5000, HOUR, 1);
	CU_ASSERT_EQUAL(ask_from(HOST, 23), 0);
	struct { uint32_t size, answer; uint8_t at, value, result; } cases[] = {
		{61, 64, 0, 2, PCP_MALFORMED_REQUEST},
		{1097, 1100, 0, 2, PCP_MALFORMED_REQUEST},
		{56, 56, 0, 2, PCP_MALFORMED_REQUEST},
		{1104, 1100, 0, 2, PCP_MALFORMED_REQUEST},
		{60, 60, 1, 3, PCP_UNSUPP_OPCODE},
		{76, 76, 1, 2, PCP_MALFORMED_REQUEST},
		{60, 60, 23, 9, PCP_ADDRESS_MISMATCH},
		{60, 60, 17, 1, PCP_ADDRESS_MISMATCH},
		{64, 64, 60, 1, PCP_UNSUPP_OPTION},
		{64, 64, 60, 127, PCP_UNSUPP_OPTION},
		{64, 64, 63, 1, PCP_MALFORMED_OPTION},
		{68, 68, 60, 130, PCP_UNSUPP_OPTION}, /* the one behind it is of code 0 */
		{68, 68, 67, 1, PCP_MALFORMED_OPTION}, /* first the whole has to have a form */
		{60, 60, 36, 0, PCP_MALFORMED_REQUEST},
		{60, 60, 36, 132, PCP_UNSUPP_PROTOCOL},
		{60, 60, 36, 1, PCP_UNSUPP_PROTOCOL},
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		request(HOST, UDP, 5000, HOUR, 1);
		data[cases[i].at] = cases[i].value;
		memset(data + cases[i].size, 0xaa, 3);
		CU_ASSERT_EQUAL(ask_from(HOST, cases[i].size), cases[i].answer);
		CU_ASSERT_EQUAL(data[3], cases[i].result);
		CU_ASSERT((data[1] & 0x80) != 0 && lifetime() == 1800);
		for (uint32_t at = cases[i].size; at < cases[i].answer; at++)
			CU_ASSERT_EQUAL(data[at], 0);
		/* The client's address stands there still if not all was understood. */
		bool is_left = data[3] == PCP_MALFORMED_REQUEST || data[3] == PCP_UNSUPP_OPCODE ||
		               data[3] == PCP_MALFORMED_OPTION;
		CU_ASSERT_EQUAL(load32(data + 20), is_left ? HOST : 0);
	}
	request(HOST, UDP, 0, HOUR, 1);
	CU_ASSERT_EQUAL(map_size(HOST, 60), PCP_UNSUPP_PROTOCOL);
	CU_ASSERT(world_nat(w)->mappings.t.used == 0 && w->stats[0].leases == 0);
	CU_ASSERT_EQUAL(w->stats[0].pcp_requests, w->stats[0].pcp_refused);
	world_free(w);
}

/* Options that may be ignored are, and are not in the answer. */
static void
test_options(void)
{
	begin(NAT_FILTER_EIF);
	request(HOST, UDP, 5000, HOUR, 1);
	data[60] = 130;
	data[63] = 5; /* and padding */
	CU_ASSERT_EQUAL(ask_from(HOST, 72), 60);
	CU_ASSERT_EQUAL(data[3], PCP_SUCCESS);
	request(HOST, UDP, 5000, HOUR, 1);
	data[60] = data[64] = 2;
	CU_ASSERT_EQUAL(map_size(HOST, 68), PCP_MALFORMED_OPTION);
	/* Of every length: each option ends where the request ends, or is malformed. */
	for (unsigned i = 0; i < 2000; i++) {
		uint32_t size = 60 + 4 * (i % 50);
		request(HOST, UDP, 6000, HOUR, 1);
		for (uint32_t at = 60; at < size; at++)
			data[at] = (uint8_t)(mix64(i, at) % 3 == 0 ? mix64(at, i) : 0);
		uint32_t got = ask_from(HOST, size);
		CU_ASSERT(got <= size && got >= 60 && data[3] <= PCP_ADDRESS_MISMATCH);
	}
	world_free(w);
}

/* Epoch: seconds since the state was new. */
static void
test_announce(void)
{
	begin(NAT_FILTER_EIF);
	world_tick(w, 77 * 1000);
	request(HOST, UDP, 5000, HOUR, 1);
	data[1] = 0;
	CU_ASSERT_EQUAL(ask_from(HOST, PCP_HEADER), PCP_HEADER);
	CU_ASSERT(data[1] == 0x80 && data[3] == PCP_SUCCESS && lifetime() == 0);
	CU_ASSERT_EQUAL(be32toh(load32(data + 8)), 77);
	world_free(w);
}

static uint32_t
epoch(void)
{
	request(HOST, UDP, 5000, HOUR, 1);
	data[1] = 0;
	ask_from(HOST, PCP_HEADER);
	return be32toh(load32(data + 8));
}

/* It begins anew with outside addresses that come or go (8.5), and with no other change. */
static void
test_epoch(void)
{
	begin(NAT_FILTER_EIF);
	world_tick(w, 50 * 1000);
	w->conf.pcp_min_s = 100;
	world_apply(w);
	CU_ASSERT_EQUAL(epoch(), 50);
	world_address(w, 0, ip_add(PUBLIC, 1));
	world_apply(w);
	CU_ASSERT_EQUAL(epoch(), 0);
	world_tick(w, 30 * 1000);
	CU_ASSERT_EQUAL(epoch(), 30);
	w->address[0].drain = 1;
	world_apply(w);
	world_tick(w, 5 * 1000);
	CU_ASSERT_EQUAL(epoch(), 5);
	world_free(w);
}

/* Static mappings answer for ever and are not ended. */
static void
test_static(void)
{
	begin_static();
	CU_ASSERT_EQUAL(map(TCP, 80, HOUR, 1), PCP_SUCCESS);
	CU_ASSERT(lifetime() == UINT32_MAX && external() == 8080 && load32(data + 56) == PUBLIC);
	CU_ASSERT_EQUAL(map(TCP, 80, 0, 1), PCP_NOT_AUTHORIZED);
	CU_ASSERT_EQUAL(w->stats[0].leases, 0);
	world_free(w);
}

/* Limits are those of any mapping; a full table is said. */
static void
test_limits(void)
{
	begin(NAT_FILTER_EIF);
	w->rule[0].max_mappings = 3;
	world_apply(w);
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(map(UDP, 5000 + i, HOUR, 1), PCP_SUCCESS);
	CU_ASSERT_EQUAL(map(UDP, 5003, HOUR, 1), PCP_USER_EX_QUOTA);
	CU_ASSERT_EQUAL(lifetime(), 30);
	w->rule[0].max_mappings = 0;
	world_apply(w);
	for (unsigned i = 3; i < 16; i++)
		CU_ASSERT_EQUAL(map(UDP, 5000 + i, HOUR, 1), PCP_SUCCESS);
	CU_ASSERT_EQUAL(map(UDP, 6000, HOUR, 1), PCP_NO_RESOURCES);
	CU_ASSERT_EQUAL(world_nat(w)->mappings.t.used, 16);
	world_free(w);
}

static int
served(uint8_t nic, be32 source, unsigned at)
{
	struct miss m = world_miss(w, nic, UDP, source, port(1), OWN, port((uint16_t)at));
	return nat_policy.serves(w->gen, &m, data, 0);
}

/* Who is no subscriber is not answered; who is one, but may not ask, by somebody else. */
static void
test_home(void)
{
	begin(NAT_FILTER_EIF);
	static const struct { uint8_t nic; be32 source; } strangers[] = {
		{W_INSIDE, 0x09090909}, {W_OUTSIDE, 0}, {W_OTHER, 0},
	};
	for (unsigned i = 0; i < 3; i++) {
		be32 source = strangers[i].source != 0 ? strangers[i].source : HOST;
		CU_ASSERT_EQUAL(served(strangers[i].nic, source, PCP_PORT), 0);
		struct miss m = world_miss(w, strangers[i].nic, UDP, source, port(1), OWN,
		                           port(PCP_PORT));
		uint32_t size = request(source, UDP, 5000, HOUR, 1);
		CU_ASSERT_EQUAL(nat_policy.serve(w->state[0], &m, data, size, ROOM), 0);
		request(source, UDP, 5000, HOUR, 1);
		data[0] = 0;
		CU_ASSERT_EQUAL(nat_policy.serve(w->state[0], &m, data, 2, ROOM), 0);
	}
	CU_ASSERT(world_nat(w)->mappings.t.used == 0 && w->stats[0].pcp_requests == 0);
	CU_ASSERT_EQUAL(served(W_INSIDE, HOST, PCP_PORT), 0);
	CU_ASSERT_EQUAL(served(W_INSIDE, HOST, 5350), HOME_NOT_MINE);
	world_rule(w, ip(100, 64, 0, 0), 10, W_OTHER, NAT_FILTER_EIF, 0);
	world_apply(w);
	CU_ASSERT_EQUAL(served(W_OTHER, HOST, PCP_PORT), HOME_NOT_MINE);
	w->rule[0].pcp = 0;
	world_apply(w);
	CU_ASSERT_EQUAL(served(W_INSIDE, HOST, PCP_PORT), HOME_NOT_MINE);
	world_free(w);
}

static const struct test_case all[] = {
	{"who outside speaks first", test_inbound},
	{"mappings that are there", test_existing},
	{"suggested ports", test_suggested},
	{"nonces", test_nonce},
	{"lifetimes", test_lifetime},
	{"order of refusals", test_order},
	{"options", test_options},
	{"announce and epoch", test_announce},
	{"epoch of outside addresses", test_epoch},
	{"static mappings", test_static},
	{"limits", test_limits},
	{"who may ask", test_home},
};
TEST_MAIN("nat_pcp", all)
