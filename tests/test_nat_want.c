/* SPDX-License-Identifier: Apache-2.0 */
/* Ports by wish, against what is free: kept where they can be, found wherever one is. */
#include "nat/want.h"
#include "nat_world.h"

#define SERVER ip(198, 51, 100, 1)
#define SUBSCRIBER ip(100, 64, 0, 7)
enum { UDP = IPPROTO_L4_UDP, FIRST = 1024, PORTS = 192, FLOWS = 256 };

static struct nat_world *w;
static struct flow_spec spec;
static struct world_flow flow[65536];

static void
begin(uint8_t flags)
{
	w = world_new();
	w->conf.quarantine_ms = 0;
	world_pool(w, FIRST, FIRST + PORTS - 1, 64, 4);
	w->pool[0].flags = flags;
	world_address(w, 0, ip(203, 0, 113, 1));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
	world_apply(w);
}

/* The external port of a mapping of an inside port; 0: refused. */
static unsigned
come(unsigned inside)
{
	if (world_out(w, UDP, SUBSCRIBER, inside, SERVER, 80, &spec, &flow[inside]) != VERDICT_OPEN)
		return 0;
	return __builtin_bswap16(spec.reply.dport);
}

/* Blocks and ports in turn: all ports ascend, then those that were freed, after the last one. */
static void
test_in_turn(void)
{
	begin(NAT_PORTS_IN_TURN | NAT_BLOCKS_IN_TURN);
	for (unsigned i = 0; i < PORTS; i++)
		CU_ASSERT_EQUAL(come(5000 + i), FIRST + i);
	CU_ASSERT_EQUAL(come(6000), 0);
	static const unsigned freed[] = {3, 9, 70, 130};
	for (unsigned i = 0; i < 4; i++)
		world_end(w, &flow[5000 + freed[i]]);
	for (unsigned i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(come(6000 + i), FIRST + freed[i]);
	world_end(w, &flow[5000 + 40]);
	CU_ASSERT_EQUAL(come(6004), FIRST + 40);
	world_end(w, &flow[5000 + 20]);
	world_end(w, &flow[5000 + 50]);
	CU_ASSERT_EQUAL(come(6005), FIRST + 50); /* after 40, not the lowest */
	CU_ASSERT_EQUAL(come(6006), FIRST + 20);
	world_free(w);
}

/* The same port, also the first of all, whose block is chosen for it; another when it is taken. */
static void
test_keep_port(void)
{
	begin(NAT_KEEP_PORT);
	CU_ASSERT_EQUAL(come(FIRST + 100), FIRST + 100);
	CU_ASSERT_EQUAL(come(FIRST + 101), FIRST + 101);
	CU_ASSERT_EQUAL(w->stats[0].ports_not_kept, 0);
	unsigned p = come(40000);
	CU_ASSERT(p >= FIRST && p < FIRST + PORTS && p / 64 == (FIRST + 100) / 64);
	CU_ASSERT_EQUAL(w->stats[0].ports_not_kept, 1);
	unsigned same = p == FIRST + 110 ? FIRST + 111 : FIRST + 110;
	CU_ASSERT_EQUAL(come(same), same);
	CU_ASSERT_EQUAL(w->stats[0].ports_not_kept, 1);
	world_free(w);
}

/* Random life: a refusal means that nothing is free; a wish that is not kept, that it cannot be. */
static void
random_life(uint8_t flags)
{
	uint64_t seed = test_seed() + flags, lost = 0;
	static unsigned external[65536];
	static bool taken[65536];
	memset(external, 0, sizeof(external));
	memset(taken, 0, sizeof(taken));
	begin(flags);
	for (unsigned step = 0; step < 30000; step++) {
		unsigned inside = FIRST - 30 + (unsigned)(test_random(&seed) % FLOWS);
		if (external[inside] != 0) {
			world_end(w, &flow[inside]);
			taken[external[inside]] = false;
			external[inside] = 0;
			continue;
		}
		struct cmd_filter all = {.family = 0};
		struct cmd_subscriber s = {.blocks = 0};
		uint64_t cursor = 0;
		nat_view_subscribers(w->state, 1, &all, &cursor, &s, 1);
		unsigned n[2] = {0, 0};
		bool same = false;
		for (unsigned b = 0; b < s.blocks; b++)
			for (unsigned p = s.block_first[b]; p < s.block_first[b] + 64u; p++) {
				n[p & 1] += !taken[p];
				same |= p == inside && !taken[p];
			}
		unsigned got = come(inside);
		if (got == 0) {
			CU_ASSERT_FATAL(n[0] + n[1] == 0 && s.blocks == 3);
			continue;
		}
		CU_ASSERT_FATAL(got >= FIRST && got < FIRST + PORTS && !taken[got]);
		if ((flags & NAT_KEEP_PORT) != 0 && same)
			CU_ASSERT_EQUAL_FATAL(got, inside);
		if ((flags & NAT_KEEP_PARITY) != 0 && n[inside & 1] != 0)
			CU_ASSERT_EQUAL_FATAL(got & 1, inside & 1);
		bool kept = ((flags & NAT_KEEP_PORT) == 0 || got == inside) &&
		            ((flags & NAT_KEEP_PARITY) == 0 || ((got ^ inside) & 1) == 0);
		lost += !kept;
		CU_ASSERT_EQUAL_FATAL(w->stats[0].ports_not_kept, lost);
		taken[got] = true;
		external[inside] = got;
	}
	world_free(w);
}

static void
test_random_life(void)
{
	static const uint8_t flags[] = {
		NAT_PORTS_IN_TURN, NAT_KEEP_PORT, NAT_KEEP_PARITY, NAT_KEEP_PORT | NAT_KEEP_PARITY,
		NAT_KEEP_PARITY | NAT_PORTS_IN_TURN, NAT_PORT_FLAGS,
	};
	for (unsigned i = 0; i < sizeof(flags); i++)
		random_life(flags[i]);
}

/* With parity alone, ports of a parity have equal chances. */
static void
test_uniform(void)
{
	unsigned n[PORTS] = {0};
	begin(NAT_KEEP_PARITY);
	for (unsigned i = 0; i < 6400; i++) {
		unsigned p = come(5001);
		n[p - FIRST]++;
		world_end(w, &flow[5001]);
	}
	for (unsigned i = 0; i < PORTS; i++) /* a block of 64 is drawn each time: 96 odd ports */
		CU_ASSERT(i % 2 == 0 ? n[i] == 0 : n[i] > 30 && n[i] < 120);
	world_free(w);
}

static const struct test_case cases[] = {
	{"in turn", test_in_turn},
	{"the same port", test_keep_port},
	{"random life", test_random_life},
	{"equal chances", test_uniform},
};
TEST_MAIN("nat_want", cases)
