/* SPDX-License-Identifier: Apache-2.0 */
/* pcp_map: what may be ended, and what is the same as ended. */
#include "pcp_kit.h"

/* Given up again and again: of what is not there no less than of what never can be. */
static void
test_nothing(void)
{
	begin(NAT_FILTER_EIF);
	static const struct { uint8_t proto; unsigned inside, end, make; } cases[] = {
		{TCP, 80, PCP_SUCCESS, PCP_SUCCESS},
		{TCP, 0, PCP_SUCCESS, PCP_UNSUPP_PROTOCOL},  /* all ports */
		{0, 0, PCP_SUCCESS, PCP_UNSUPP_PROTOCOL},    /* all protocols */
		{132, 80, PCP_SUCCESS, PCP_UNSUPP_PROTOCOL}, /* SCTP */
		{47, 0, PCP_SUCCESS, PCP_UNSUPP_PROTOCOL},
		{0, 80, PCP_MALFORMED_REQUEST, PCP_MALFORMED_REQUEST},
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CU_ASSERT_EQUAL(map(cases[i].proto, cases[i].inside, 0, 1), cases[i].end);
		CU_ASSERT_EQUAL(lifetime(), cases[i].end == PCP_SUCCESS ? 0 : 1800);
		CU_ASSERT_EQUAL(world_nat(w)->mappings.t.used, 0);
		CU_ASSERT_EQUAL(map(cases[i].proto, cases[i].inside, HOUR, 1), cases[i].make);
		if (cases[i].make == PCP_SUCCESS)
			CU_ASSERT_EQUAL(map(cases[i].proto, cases[i].inside, 0, 1), PCP_SUCCESS);
	}
	/* What was suggested stands in the answer (15.1). */
	request(HOST, TCP, 80, 0, 1);
	store16(data + 42, port(99));
	CU_ASSERT(map_size(HOST, 60) == PCP_SUCCESS && external() == 99);
	world_free(w);
}

/* A mapping of flows, or of PEER, is not MAP's to end (15.1). */
static void
test_others(void)
{
	begin(NAT_FILTER_EIF);
	CU_ASSERT_EQUAL(world_out(w, UDP, HOST, 5000, SERVER, 53, &spec, &flow), VERDICT_OPEN);
	CU_ASSERT_EQUAL(map(UDP, 5000, 0, 1), PCP_NOT_AUTHORIZED);
	CU_ASSERT_EQUAL(lifetime(), 1800);
	CU_ASSERT_EQUAL(peer_size(peer_request(UDP, 6000, SERVER, 1, HOUR, 1)), PCP_SUCCESS);
	CU_ASSERT_EQUAL(map(UDP, 6000, 0, 1), PCP_NOT_AUTHORIZED);
	CU_ASSERT(w->stats[0].leases == 1 && world_nat(w)->mappings.t.used == 2);
	/* Its own it ends, and the flows go on. */
	CU_ASSERT_EQUAL(map(UDP, 5000, HOUR, 1), PCP_SUCCESS);
	CU_ASSERT_EQUAL(map(UDP, 5000, 120, 1), PCP_SUCCESS); /* and shortens */
	CU_ASSERT_EQUAL(lifetime(), 120);
	CU_ASSERT_EQUAL(map(UDP, 5000, 0, 1), PCP_SUCCESS);
	CU_ASSERT(w->stats[0].leases == 1 && world_nat(w)->mappings.t.used == 2);
	world_end(w, &flow);
	world_free(w);
}

static const struct test_case all[] = {
	{"nothing to end", test_nothing},
	{"what others have made", test_others},
};
TEST_MAIN("nat_pcp_map", all)
