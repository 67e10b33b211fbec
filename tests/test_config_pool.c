/* SPDX-License-Identifier: Apache-2.0 */
/* What a pool of a document becomes: addresses, ports, and how they are given out. */
#include <arpa/inet.h>

#include "config_kit.h"

/* Without what is left out: each in any order, overlapping, beyond the pool. */
static void
test_exclusions(void)
{
	struct image_header *h = compile_after(NULL,
		"'nat':{'pools':[{'name':'p','addresses':['203.0.113.0/28','203.0.113.32/30',"
		"'203.0.113.40-203.0.113.43','203.0.113.48/31','203.0.113.99'],"
		"'exclude':['203.0.113.5-203.0.113.7','203.0.113.6-203.0.113.8','203.0.113.41',"
		"'192.0.2.0/24'],'exclude_ends':true,'drain':['203.0.113.4-203.0.113.9'],"
		"'exclude_ports':['5060-5061','1-1100','5000-5059','6000-6000','65000-65535'],"
		"'ports':'1024-65535'}]}");
	static const uint8_t last[] = {1, 2, 3, 4, 9, 10, 11, 12, 13, 14, 33, 34, 40, 42, 43, 48,
	                               49, 99};
	const struct img_nat_address *a = rows(h, IMG_NAT_ADDRESSES, sizeof(last));
	for (unsigned i = 0; i < sizeof(last); i++) {
		CU_ASSERT_EQUAL(ntohl(a[i].address), 0xcb007100u + last[i]);
		CU_ASSERT_EQUAL(a[i].drain, last[i] == 4 || last[i] == 9);
	}
	static const uint16_t ports[][2] = {{1024, 1100}, {5000, 5061}, {6000, 6000},
	                                    {65000, 65535}};
	const struct img_nat_hole *hole = rows(h, IMG_NAT_HOLES, 4);
	for (unsigned i = 0; i < 4; i++)
		CU_ASSERT(hole[i].first == ports[i][0] && hole[i].last == ports[i][1]);
	free(h);
}

/* An address that a pool leaves out is free for another purpose. */
static void
test_left_out_is_free(void)
{
	struct image_header *h = compile_after(NULL,
		"'nat':{'pools':[{'name':'p','addresses':['203.0.113.0/30'],"
		"'exclude':['203.0.113.2']},{'name':'q','addresses':['203.0.113.2']}]},"
		"'lb':{'services':[]}");
	const struct img_nat_address *a = rows(h, IMG_NAT_ADDRESSES, 4);
	CU_ASSERT(a[3].pool == 1 && ntohl(a[3].address) == 0xcb007102u);
	free(h);
}

static const struct test_case cases[] = {
	{"what a pool leaves out", test_exclusions},
	{"what it leaves out is free", test_left_out_is_free},
};
TEST_MAIN("config_pool", cases)
