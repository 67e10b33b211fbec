/* SPDX-License-Identifier: Apache-2.0 */
/* pcp_request.h: what is suggested, for both opcodes. */
#include "pcp_kit.h"

static unsigned was;

/* The request in data, with this suggestion: last octets of an address, v4 or not. => result. */
static unsigned
suggest(bool is_peer, uint8_t first, uint8_t mark, be32 address, unsigned at)
{
	uint32_t size = is_peer ? peer_request(UDP, 5000, SERVER, 1, HOUR, 1) :
	                          request(HOST, UDP, 5000, HOUR, 1);
	store16(data + 42, port((uint16_t)at));
	data[44] = first;
	data[54] = data[55] = mark;
	store32(data + 56, address);
	if (is_peer)
		return peer_size(size);
	data[size] = 2; /* PREFER_FAILURE */
	return map_size(HOST, size + 4);
}

/*
 * A new mapping is as suggested or is not made: PEER by itself, MAP where it is asked for. Zeros of
 * either family are no wish; an address of IPv6 that ends in zeros is one, and none of ours.
 */
static void
test_suits(void)
{
	static const struct { uint8_t first, mark; be32 address; uint8_t result; } cases[] = {
		{0, 0, 0, PCP_SUCCESS},
		{0, 0xff, 0, PCP_SUCCESS},
		{0x20, 0, 0, PCP_CANNOT_PROVIDE_EXTERNAL},
		{0x20, 0xff, 0, PCP_CANNOT_PROVIDE_EXTERNAL},
		{0, 0, 0x01000000, PCP_CANNOT_PROVIDE_EXTERNAL},
		{0, 0xff, 0x01000000, PCP_CANNOT_PROVIDE_EXTERNAL},
	};
	for (unsigned is_peer = 0; is_peer < 2; is_peer++) {
		begin(NAT_FILTER_EIF);
		CU_ASSERT_EQUAL(map(UDP, 4999, HOUR, 1), PCP_SUCCESS);
		was = external();
		unsigned next = was / 512 * 512 + (was + 1) % 512;
		for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			unsigned r = suggest(is_peer != 0, cases[i].first, cases[i].mark,
			                     cases[i].address, next);
			CU_ASSERT_EQUAL(r, cases[i].result);
			bool is = r == PCP_SUCCESS;
			CU_ASSERT_EQUAL(world_nat(w)->mappings.t.used, is ? 2 : 1);
			CU_ASSERT(!is || external() == next);
			struct cmd_nat_filter what = {.inside = HOST, .inside_mask = UINT32_MAX,
				.port_first = (uint16_t)next, .port_last = (uint16_t)next};
			uint32_t at = 0;
			while (is && !nat_policy.cut(w->state[0], &what, &at, 1))
				;
		}
		CU_ASSERT_EQUAL(suggest(is_peer != 0, 0, 0xff, PUBLIC, next), PCP_SUCCESS);
		CU_ASSERT_EQUAL(external(), next);
		world_free(w);
	}
}

static const struct test_case all[] = {
	{"as suggested", test_suits},
};
TEST_MAIN("nat_pcp_request", all)
