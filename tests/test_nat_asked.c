/* SPDX-License-Identifier: Apache-2.0 */
/* asked.h: the port that is asked for, from the blocks that are there or one more. */
#include "pcp_kit.h"

/* MAP as a client renews that has lost it: with what it had. => the port that it has now. */
static unsigned
renew(be32 host, unsigned inside, be32 address, unsigned at)
{
	request(host, UDP, inside, HOUR, 1);
	store16(data + 42, port((uint16_t)at));
	data[54] = data[55] = 0xff;
	store32(data + 56, address);
	CU_ASSERT_EQUAL(map_size(host, 60), PCP_SUCCESS);
	return external();
}

/*
 * After a restart who renews has the port that he had, if its block is nobody else's: as a new
 * subscriber, and when his other flows came first. No more blocks than he may have, and none for a
 * port alone.
 */
static void
test_again(void)
{
	be32 neighbour = ip_add(HOST, 1);
	begin(NAT_FILTER_EIF);
	CU_ASSERT_EQUAL(renew(HOST, 5000, PUBLIC, 20007), 20007);
	CU_ASSERT_EQUAL(renew(HOST, 5001, PUBLIC, 20008), 20008);
	CU_ASSERT_EQUAL(w->stats[0].blocks, 1);
	CU_ASSERT_EQUAL(world_out(w, UDP, neighbour, 1, SERVER, 53, &spec, &flow), VERDICT_OPEN);
	unsigned first = be16toh(spec.reply.dport) / 512 * 512;
	unsigned other = first == 30208 ? 40448 : 30208;
	CU_ASSERT_NOT_EQUAL(renew(neighbour, 2, PUBLIC, 20009), 20009); /* HOST's block */
	CU_ASSERT_NOT_EQUAL(renew(neighbour, 3, 0, other + 1), other + 1);
	CU_ASSERT_NOT_EQUAL(renew(neighbour, 4, ip_add(PUBLIC, 1), other + 1), other + 1);
	CU_ASSERT_NOT_EQUAL(renew(neighbour, 5, PUBLIC, 1023), 1023); /* not the pool's */
	CU_ASSERT_EQUAL(w->stats[0].blocks, 2);
	CU_ASSERT_EQUAL(renew(neighbour, 6, PUBLIC, other + 1), other + 1);
	CU_ASSERT_EQUAL(w->stats[0].blocks, 3);
	CU_ASSERT_NOT_EQUAL(renew(neighbour, 7, PUBLIC, 50177), 50177); /* he has two already */
	CU_ASSERT_EQUAL(w->stats[0].blocks, 3);
	world_end(w, &flow);
	world_free(w);
}

/* The same with ports that the pool leaves out. */
static void
test_left_out(void)
{
	begin(NAT_FILTER_EIF);
	world_hole(w, 0, 30300, 30301);
	world_apply(w);
	CU_ASSERT_EQUAL(world_out(w, UDP, HOST, 1, SERVER, 53, &spec, &flow), VERDICT_OPEN);
	bool is_there = be16toh(spec.reply.dport) / 512 == 30300 / 512;
	CU_ASSERT_NOT_EQUAL(renew(HOST, 5000, PUBLIC, 30300), 30300);
	CU_ASSERT_EQUAL(w->stats[0].blocks, 1);
	CU_ASSERT_EQUAL(renew(HOST, 5001, PUBLIC, 30302), 30302);
	CU_ASSERT_EQUAL(w->stats[0].blocks, is_there ? 1 : 2);
	world_end(w, &flow);
	world_free(w);
}

static const struct test_case all[] = {
	{"the port of before", test_again},
	{"ports that are left out", test_left_out},
};
TEST_MAIN("nat_asked", all)
