/* SPDX-License-Identifier: Apache-2.0 */
/* RSTs in and out of the window of a connection: by numbers, and through the pipeline. */
#include "lib/window.h"

#include "probe.h"

enum { SYN = 2, RST = 4, ACK = 16, KB64 = 1 << 16 };

/* A connection: what each end has sent, and acknowledges. */
struct talk {
	struct world *w;
	uint32_t seq[2];
};

static void
say(const struct talk *t, unsigned d, uint8_t flags, uint32_t seq, uint32_t ack)
{
	struct frame f = d == 0 ? world_frame("10.0.0.10", 2000, "8.8.8.8", 80, 6) :
	                          world_frame("8.8.8.8", 80, "198.51.100.1", 3000, 6);
	f.tcp_flags = flags;
	f.seq = seq;
	f.ack = ack;
	probe_arrive(t->w, d == 0 ? WORLD_IN : WORLD_OUT, f);
	CU_ASSERT_TRUE(probe_take(t->w, !d)); /* whatever it is, it crosses */
}

static struct talk
talk_of(uint32_t seq0, uint32_t seq1)
{
	struct talk t = {.w = probe_simple(), .seq = {seq0, seq1}};
	pkt_arrivals(t.w->gen->arrival, false, true);
	say(&t, 0, SYN, seq0 - 1, 0);
	say(&t, 1, SYN | ACK, seq1 - 1, seq0);
	return t;
}

static unsigned
state_of(const struct talk *t)
{
	return t->w->worker[0]->flows.v4[1].f.state;
}

/* A RST so far from what its receiver expects: is it believed? */
static void
reset_case(uint32_t seq0, uint32_t seq1, unsigned d, int64_t off, bool is_believed)
{
	struct talk t = talk_of(seq0, seq1);
	say(&t, 0, ACK, seq0, seq1);
	say(&t, d, RST, t.seq[d] + (uint32_t)off, 0);
	CU_ASSERT_EQUAL(state_of(&t), is_believed ? CONN_TCP_TRANS : CONN_TCP_EST);
	CU_ASSERT_EQUAL(t.w->worker[0]->stats->resets_doubted, !is_believed);
	world_destroy(t.w);
}

static void
test_offsets(void)
{
	static const uint32_t first[] = {0x12345678, 0xfffffff0, 0x00010000, 0x8000ffff, 1000};
	for (unsigned i = 0; i < 5; i++)
		for (unsigned d = 0; d < 2; d++) {
			uint32_t a = first[i], b = first[(i + 1) % 5];
			reset_case(a, b, d, 0, true);
			reset_case(a, b, d, 1460, true);
			reset_case(a, b, d, WINDOW_AHEAD * KB64, true);
			reset_case(a, b, d, -1460, true);
			reset_case(a, b, d, (WINDOW_AHEAD + 1) * KB64, false);
			reset_case(a, b, d, -2 * KB64, false);
			reset_case(a, b, d, 0x7fffffff, false);
		}
}

/* The window moves with what is acknowledged; the RST's own number for it moves nothing of it. */
static void
test_moves(void)
{
	struct talk t = talk_of(1000000, 2000000);
	say(&t, 0, ACK, 1000000, 2000000);
	say(&t, 0, ACK, 1000000, 2000000 + 100 * KB64);
	say(&t, 1, RST | ACK, 2000000, 0xdeadbeef);
	CU_ASSERT_EQUAL(state_of(&t), CONN_TCP_EST);
	say(&t, 1, RST | ACK, 2000000, 0xdeadbeef);
	CU_ASSERT_EQUAL(state_of(&t), CONN_TCP_EST);
	say(&t, 1, RST | ACK, 2000000 + 100 * KB64, 1000000);
	CU_ASSERT_EQUAL(state_of(&t), CONN_TCP_TRANS);
	CU_ASSERT_EQUAL(t.w->worker[0]->stats->resets_doubted, 2);
	world_destroy(t.w);
}

/* Before the initiator has acknowledged anything nobody knows: all are believed. */
static void
test_unknown(void)
{
	struct talk t = talk_of(1000000, 2000000);
	CU_ASSERT_EQUAL(state_of(&t), CONN_TCP_EST);
	say(&t, 1, RST, 0xdeadbeef, 0);
	CU_ASSERT_EQUAL(state_of(&t), CONN_TCP_TRANS);
	world_destroy(t.w);
}

/* A SYN that came twice is answered by SYN-ACK and by RST: it is believed by what it acknowledges,
 * until the initiator has acknowledged something itself. */
static void
test_twice(void)
{
	for (unsigned i = 0; i < 4; i++) {
		struct talk t = talk_of(0x12345678, 0x9abcdef0);
		bool is_acked = i == 2;
		say(&t, 0, SYN, 0x12345677, 0);
		if (is_acked)
			say(&t, 0, ACK, 0x12345678, 0x9abcdef0);
		CU_ASSERT_EQUAL(state_of(&t), CONN_TCP_EST);
		say(&t, 1, i == 3 ? RST : RST | ACK, 0x56789abc,
		    i == 1 ? 0x22345678 : 0x12345678);
		CU_ASSERT_EQUAL(state_of(&t), i == 0 ? CONN_TCP_TRANS : CONN_TCP_EST);
		CU_ASSERT_EQUAL(t.w->worker[0]->stats->resets_doubted, i != 0);
		world_destroy(t.w);
	}
}

/* What is only begun is ended by any RST, also where a SYN came twice and nothing is acknowledged:
 * none of them is doubted. */
static void
test_opening(void)
{
	struct talk t = {.w = probe_simple()};
	say(&t, 0, SYN, 999999, 0);
	say(&t, 0, SYN, 999999, 0);
	say(&t, 1, RST | ACK, 0xdeadbeef, 1000000);
	CU_ASSERT_EQUAL(state_of(&t), CONN_TCP_TRANS);
	say(&t, 1, RST | ACK, 0xdeadbeef, 1000000);
	CU_ASSERT_EQUAL(t.w->worker[0]->stats->resets_doubted, 0);
	world_destroy(t.w);
}

/* One FIN: a RST that is not believed leaves it as it is too. */
static void
test_half_closed(void)
{
	struct talk t = talk_of(1000000, 2000000);
	say(&t, 0, ACK | 1, 1000000, 2000000);
	CU_ASSERT_EQUAL(state_of(&t), CONN_TCP_FIN_I);
	say(&t, 1, RST, 0xdeadbeef, 0);
	CU_ASSERT_EQUAL(state_of(&t), CONN_TCP_FIN_I);
	say(&t, 1, RST, 2000000, 0);
	CU_ASSERT_EQUAL(state_of(&t), CONN_TCP_TRANS);
	world_destroy(t.w);
}

/* Where a RST is final, one that is not believed is not. */
static void
test_final(void)
{
	struct talk t = talk_of(1000000, 2000000);
	((struct img_plane *)(uintptr_t)t.w->gen->plane)->reset_is_final = 1;
	say(&t, 0, ACK, 1000000, 2000000);
	say(&t, 1, RST, 0xdeadbeef, 0);
	CU_ASSERT_EQUAL(t.w->worker[0]->flows.v4[1].f.timers, 0);
	say(&t, 1, RST, 2000000, 0);
	CU_ASSERT_NOT_EQUAL(t.w->worker[0]->flows.v4[1].f.timers, 0);
	world_destroy(t.w);
}

static const struct test_case cases[] = {
	{"by how much", test_offsets},
	{"the window moves", test_moves},
	{"nothing acknowledged", test_unknown},
	{"opening", test_opening},
	{"a SYN that came twice", test_twice},
	{"half-closed", test_half_closed},
	{"final resets", test_final},
};
TEST_MAIN("window", cases)
