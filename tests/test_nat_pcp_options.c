/* SPDX-License-Identifier: Apache-2.0 */
/* pcp_options: FILTER, by itself, together, and beyond the bounds. */
#include "pcp_kit.h"

#define OTHER ip(198, 51, 100, 2)
#define FAR ip(192, 0, 2, 9)

static unsigned there;
static struct world_flow other;

/* May it speak to the mapping? What it opens ends at once. */
static bool
lets(be32 remote, unsigned from)
{
	enum verdict v = world_in(w, UDP, remote, from, PUBLIC, port((uint16_t)there), &spec,
	                          &other);
	if (v == VERDICT_OPEN)
		world_end(w, &other);
	else
		CU_ASSERT_EQUAL(spec.drop, DROP_NAT_FILTERED);
	return v == VERDICT_OPEN;
}

static uint32_t
ask_for(unsigned inside)
{
	return request(HOST, UDP, inside, HOUR, 1);
}

/* One endpoint, then a network beside it; a request without filters leaves them; none: all. */
static void
filters_of(uint8_t filtering)
{
	begin(filtering);
	CU_ASSERT_EQUAL(map_size(HOST, with_filter(ask_for(5000), SERVER, 128, 99)), PCP_SUCCESS);
	CU_ASSERT(data[60] == 3 && data[63] == 20 && data[65] == 128);
	there = external();
	CU_ASSERT(lets(SERVER, 99) && !lets(SERVER, 98) && !lets(OTHER, 99) && !lets(FAR, 99));
	CU_ASSERT_EQUAL(map_size(HOST, with_filter(ask_for(5000), ip(192, 0, 2, 77), 96 + 24, 0)),
	                PCP_SUCCESS); /* bits beyond the prefix do not count */
	CU_ASSERT_EQUAL(external(), there);
	CU_ASSERT(lets(SERVER, 99) && !lets(OTHER, 99) && lets(FAR, 99) && lets(FAR, 1));
	CU_ASSERT_EQUAL(map(UDP, 5000, HOUR, 1), PCP_SUCCESS);
	CU_ASSERT(lets(SERVER, 99) && !lets(OTHER, 99) && lets(FAR, 99));
	/* Those of before go, and then there is another. */
	uint32_t size = with_filter(ask_for(5000), 0, 0, 0);
	CU_ASSERT_EQUAL(map_size(HOST, with_filter(size, OTHER, 128, 0)), PCP_SUCCESS);
	CU_ASSERT(!lets(SERVER, 99) && lets(OTHER, 99) && !lets(FAR, 99));
	CU_ASSERT_EQUAL(w->stats[0].leases, 2);
	CU_ASSERT_EQUAL(map_size(HOST, with_filter(ask_for(5000), 0, 0, 0)), PCP_SUCCESS);
	CU_ASSERT(lets(SERVER, 99) && lets(OTHER, 99) && lets(FAR, 99));
	CU_ASSERT_EQUAL(w->stats[0].leases, 1);
	world_free(w);
}

static void
test_filters(void)
{
	filters_of(NAT_FILTER_EIF);
	filters_of(NAT_FILTER_APDF);
}

/* The host's own connections are not filtered; where the rule admits by address, those too. */
static void
test_own(void)
{
	begin(NAT_FILTER_ADF);
	CU_ASSERT_EQUAL(map_size(HOST, with_filter(ask_for(5000), OTHER, 128, 0)), PCP_SUCCESS);
	there = external();
	CU_ASSERT(!lets(SERVER, 53));
	CU_ASSERT_EQUAL(world_out(w, UDP, HOST, 5000, SERVER, 53, &spec, &flow), VERDICT_OPEN);
	CU_ASSERT(lets(SERVER, 54) && !lets(FAR, 54) && lets(OTHER, 54));
	/* With the lease the filters go, and what was before it holds. */
	CU_ASSERT_EQUAL(map(UDP, 5000, 0, 1), PCP_SUCCESS);
	CU_ASSERT(lets(SERVER, 54) && !lets(OTHER, 54) && w->stats[0].leases == 0);
	world_end(w, &flow);
	CU_ASSERT_EQUAL(world_nat(w)->mappings.t.used, 0);
	world_free(w);
}

/* Filters end with their lease when that ends by time, and are cut with it. */
static void
test_end(void)
{
	begin(NAT_FILTER_EIF);
	request(HOST, UDP, 5000, 120, 1);
	CU_ASSERT_EQUAL(map_size(HOST, with_filter(60, OTHER, 128, 0)), PCP_SUCCESS);
	request(HOST, UDP, 5001, HOUR, 1);
	CU_ASSERT_EQUAL(map_size(HOST, with_filter(60, OTHER, 128, 0)), PCP_SUCCESS);
	CU_ASSERT_EQUAL(w->stats[0].leases, 4);
	world_tick(w, 121 * 1000);
	CU_ASSERT(w->stats[0].leases == 2 && world_nat(w)->mappings.t.used == 1);
	struct cmd_nat_filter what = {.inside = HOST, .inside_mask = UINT32_MAX};
	uint32_t at = 0;
	while (!nat_policy.cut(w->state[0], &what, &at, 1))
		;
	CU_ASSERT(w->stats[0].leases == 0 && world_nat(w)->mappings.t.used == 0);
	world_free(w);
}

/* So many of a mapping; the same one twice is one. What is refused changes nothing. */
static void
test_bounds(void)
{
	begin(NAT_FILTER_EIF);
	w->plane.leases = 16;
	uint32_t size = ask_for(5000);
	for (unsigned i = 0; i < LEASE_FILTERS + 1; i++)
		size = with_filter(size, OTHER, 128, 1000 + i);
	CU_ASSERT_EQUAL(map_size(HOST, size), PCP_EXCESSIVE_REMOTE_PEERS);
	CU_ASSERT_EQUAL(world_nat(w)->mappings.t.used, 0);
	size = ask_for(5000); /* as many as a mapping may have: more than the table's 16 with it */
	for (unsigned i = 0; i < LEASE_FILTERS; i++)
		size = with_filter(size, OTHER, 128, 1000 + i);
	CU_ASSERT_EQUAL(map_size(HOST, size), PCP_NO_RESOURCES);
	CU_ASSERT(world_nat(w)->mappings.t.used == 0 && w->stats[0].leases == 0);
	size = ask_for(5000);
	for (unsigned i = 0; i < 12; i++)
		size = with_filter(size, OTHER, 128, 1000 + i / 2);
	CU_ASSERT_EQUAL(map_size(HOST, size), PCP_SUCCESS);
	CU_ASSERT_EQUAL(w->stats[0].leases, 7);
	for (unsigned i = 0; i < 3; i++) /* asked for again, and again: as it is */
		CU_ASSERT_EQUAL(map_size(HOST, with_filter(ask_for(5000), OTHER, 128, 1003)),
		                PCP_SUCCESS);
	CU_ASSERT_EQUAL(w->stats[0].leases, 7);
	size = ask_for(5000);
	for (unsigned i = 0; i < 11; i++)
		size = with_filter(size, FAR, 128, 1000 + i);
	CU_ASSERT_EQUAL(map_size(HOST, size), PCP_EXCESSIVE_REMOTE_PEERS);
	size = ask_for(5000);
	for (unsigned i = 0; i < 10; i++)
		size = with_filter(size, FAR, 128, 1000 + i);
	CU_ASSERT_EQUAL(map_size(HOST, size), PCP_NO_RESOURCES);
	CU_ASSERT_EQUAL(lifetime(), 30);
	there = external();
	CU_ASSERT_EQUAL(w->stats[0].leases, 7);
	size = with_filter(ask_for(5000), 0, 0, 0); /* those that go make room */
	for (unsigned i = 0; i < 15; i++)
		size = with_filter(size, FAR, 128, 1000 + i);
	CU_ASSERT_EQUAL(map_size(HOST, size), PCP_SUCCESS);
	CU_ASSERT_EQUAL(w->stats[0].leases, 16);
	there = external();
	CU_ASSERT(lets(FAR, 1014) && !lets(FAR, 1015) && !lets(OTHER, 1000));
	/* A stranger to the nonce adds none. */
	request(HOST, UDP, 5000, HOUR, 2);
	CU_ASSERT_EQUAL(map_size(HOST, with_filter(60, 0, 0, 0)), PCP_NOT_AUTHORIZED);
	CU_ASSERT(w->stats[0].leases == 16 && !lets(OTHER, 1000));
	world_free(w);
}

/* Lengths, prefixes and families that are none; of a static mapping nobody is kept out. */
static void
test_malformed(void)
{
	begin(NAT_FILTER_EIF);
	static const struct { uint8_t at, value; } cases[] = {
		{60 + 3, 16}, {60 + 3, 24}, {60 + 5, 95}, {60 + 5, 1}, {60 + 5, 129},
		{60 + 8, 0x20}, {60 + 19, 0},
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t size = with_filter(ask_for(5000), OTHER, 128, 1);
		data[cases[i].at] = cases[i].value;
		CU_ASSERT_EQUAL(map_size(HOST, size), PCP_MALFORMED_OPTION);
	}
	request(HOST, UDP, 5000, 0, 1);
	CU_ASSERT_EQUAL(map_size(HOST, with_filter(60, OTHER, 128, 0)), PCP_MALFORMED_OPTION);
	CU_ASSERT(world_nat(w)->mappings.t.used == 0 && w->stats[0].leases == 0);
	world_static(w, static_key(1, HOST, UDP, port(5000)),
	             static_key(0, PUBLIC, UDP, port(8080)), 1);
	world_apply(w);
	CU_ASSERT_EQUAL(map_size(HOST, with_filter(ask_for(5000), OTHER, 128, 0)),
	                PCP_NOT_AUTHORIZED);
	CU_ASSERT_EQUAL(map_size(HOST, with_filter(ask_for(5000), 0, 0, 0)), PCP_SUCCESS);
	world_free(w);
}

/* The answer has the options that were understood, in their order, without those between them. */
static void
test_answer(void)
{
	begin(NAT_FILTER_EIF);
	CU_ASSERT_EQUAL(map(UDP, 5000, HOUR, 1), PCP_SUCCESS);
	there = external();
	uint32_t size = with_filter(ask_for(5000), SERVER, 128, 5);
	store16(data + 42, port((uint16_t)there)); /* PREFER_FAILURE wants one */
	data[64] = data[37] = data[39] = 9; /* reserved, as data[size + 1] below */
	memset(data + size, 0, 8);
	data[size] = 200; /* may be ignored */
	data[size + 3] = 3;
	size = with_filter(size + 8, OTHER, 120, 6);
	memset(data + size, 0, 4);
	data[size] = 2;
	data[size + 1] = 9;
	CU_ASSERT_EQUAL(ask_from(HOST, size + 4), 60 + 24 + 24 + 4);
	CU_ASSERT_EQUAL(data[3], PCP_SUCCESS);
	CU_ASSERT(data[60] == 3 && data[65] == 128 && load32(data + 80) == SERVER);
	CU_ASSERT(data[84] == 3 && data[89] == 120 && load32(data + 104) == OTHER);
	CU_ASSERT(data[108] == 2 && data[109] == 0 && data[111] == 0);
	CU_ASSERT(data[64] == 0 && data[37] == 0 && data[39] == 0);
	world_free(w);
}

/* PREFER_FAILURE is of a port that is suggested, once, for MAP, and not to give one up. */
static void
test_prefer(void)
{
	begin(NAT_FILTER_EIF);
	CU_ASSERT_EQUAL(map(UDP, 5000, HOUR, 1), PCP_SUCCESS);
	be16 at = port((uint16_t)external());
	static const struct { uint8_t of[4]; unsigned seconds; uint8_t result; } cases[] = {
		{{2, 0, 0, 0}, HOUR, PCP_SUCCESS}, {{2, 0, 0, 0}, 0, PCP_MALFORMED_OPTION},
		{{2, 0, 0, 4}, HOUR, PCP_MALFORMED_OPTION},
		{{3, 0, 0, 0}, HOUR, PCP_MALFORMED_OPTION},
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		request(HOST, UDP, 5000, cases[i].seconds, 1);
		store16(data + 42, at);
		memcpy(data + 60, cases[i].of, 4);
		CU_ASSERT_EQUAL(map_size(HOST, 64 + cases[i].of[3]), cases[i].result);
	}
	ask_for(5000);
	data[60] = 2; /* no port is suggested, only the address that it has */
	data[54] = data[55] = 0xff;
	store32(data + 56, PUBLIC);
	CU_ASSERT_EQUAL(map_size(HOST, 64), PCP_MALFORMED_OPTION);
	ask_for(5000);
	data[60] = data[64] = 2;
	store16(data + 42, at);
	CU_ASSERT_EQUAL(map_size(HOST, 68), PCP_MALFORMED_OPTION);
	peer_request(UDP, 5000, SERVER, 1, HOUR, 1);
	data[80] = 2;
	CU_ASSERT_EQUAL(peer_size(84), PCP_MALFORMED_REQUEST);
	ask_for(5000);
	data[1] = 0;
	data[24] = 2;
	CU_ASSERT(ask_from(HOST, 28) == 28 && data[3] == PCP_MALFORMED_OPTION);
	CU_ASSERT_EQUAL(w->stats[0].leases, 1);
	world_free(w);
}

/* PORT_SET (RFC 7753) behind `size` octets: so many ports from the inside port on. => octets. */
static uint32_t
with_set(uint32_t size, unsigned ports, unsigned first)
{
	uint8_t *o = data + size;
	memset(o, 0, 12);
	o[0] = 130;
	o[3] = 5;
	store16(o + 4, htobe16((uint16_t)ports));
	store16(o + 6, port((uint16_t)first));
	o[8] = 1; /* parity is to be kept */
	return size + 12;
}

/* Who asks for a set is given one port of it, and told so: no PORT_SET is in the answer. */
static void
test_set(void)
{
	begin(NAT_FILTER_EIF);
	uint32_t size = with_filter(with_set(ask_for(5000), 16, 5000), SERVER, 128, 0);
	CU_ASSERT_EQUAL(ask_from(HOST, size), 60 + 24);
	CU_ASSERT(data[3] == PCP_SUCCESS && lifetime() == HOUR && external() != 0);
	CU_ASSERT(data[60] == 3 && load32(data + 80) == SERVER);
	CU_ASSERT_EQUAL(world_nat(w)->mappings.t.used, 1);
	CU_ASSERT_EQUAL(ask_from(HOST, with_set(ask_for(5001), 16, 5000)), 60);
	CU_ASSERT(data[3] == PCP_SUCCESS && world_nat(w)->mappings.t.used == 2);
	CU_ASSERT_EQUAL(ask_from(HOST, with_set(request(HOST, UDP, 5000, 0, 1), 16, 5000)), 60);
	CU_ASSERT(data[3] == PCP_SUCCESS && world_nat(w)->mappings.t.used == 1);
	world_free(w);
}

static const struct test_case all[] = {
	{"filters", test_filters},
	{"own connections", test_own},
	{"filters end with their lease", test_end},
	{"bounds", test_bounds},
	{"malformed filters", test_malformed},
	{"what the answer has", test_answer},
	{"prefer failure", test_prefer},
	{"a set of ports", test_set},
};
TEST_MAIN("nat_pcp_options", all)
