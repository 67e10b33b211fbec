/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that a pool can be asked for at once, nearly full: kept ports, parity, a reserve, ports that
 * are left out, quarantine, addresses that drain, wishes that change. A plain table of every port
 * judges each choice and each refusal: a port is found if and only if there is one that the
 * subscriber may have.
 */
#include "nat_world.h"

enum { ADDRESSES = 7, GIVING = 4, BLOCK = 16, BLOCKS = 6, FIRST = 1024, PORTS = BLOCK * BLOCKS,
       HOLE_FIRST = 1042, HOLE_LAST = 1047, SUBSCRIBERS = 14, RESERVE = 2, MOST = 3,
       PROTOS = 2, STEPS = 60000, QUARANTINE_MS = 3000, SLACK_MS = 600, ROWS = 64,
       LIVES = 6 };

static const uint8_t protos[PROTOS] = {IPPROTO_L4_TCP, IPPROTO_L4_UDP};

struct one { /* an inside endpoint */
	struct world_flow flow;
	uint16_t address, port; /* of the pool, from 0 */
	bool is_live;
};

struct external {
	bool is_taken, was_taken;
	uint64_t freed_ms;
};

static struct nat_world *w;
static struct one one[SUBSCRIBERS][PROTOS][PORTS];
static struct external external[ADDRESSES][PROTOS][PORTS];
static bool gives[ADDRESSES];
static struct cmd_subscriber row[ROWS];
static uint32_t rows;
static uint64_t seed;
static struct { unsigned kept, even, others, grown, newcomers, limit, none, newcomers_none; } met;

static unsigned
dice(unsigned n)
{
	return (unsigned)(test_random(&seed) % n);
}

static be32
address_of(unsigned a)
{
	return ip(203, 0, 113, 1 + a);
}

static unsigned
number_of(be32 address)
{
	return __builtin_bswap32(address) - __builtin_bswap32(address_of(0));
}

static bool
is_hole(unsigned p)
{
	return FIRST + p >= HOLE_FIRST && FIRST + p <= HOLE_LAST;
}

static bool
is_in_use(unsigned a, unsigned proto, unsigned p, unsigned slack_ms)
{
	const struct external *x = &external[a][proto][p];
	return x->is_taken || (x->was_taken && w->ms - x->freed_ms < QUARANTINE_MS + slack_ms);
}

/* is_free: certainly, and to be given out. */
static bool
is_free(unsigned a, unsigned proto, unsigned p)
{
	return !is_hole(p) && !is_in_use(a, proto, p, SLACK_MS);
}

/* view: when all that is due has left the quarantine, which a packet may do as well. */
static void
view(void)
{
	struct cmd_filter all = {.family = 0};
	uint64_t cursor = 0;
	for (uint32_t left = UINT32_MAX; left > world_nat(w)->quarantine.count;) {
		left = world_nat(w)->quarantine.count;
		world_tick(w, 0);
	}
	rows = nat_view_subscribers(w->state, 1, &all, &cursor, row, ROWS);
	CU_ASSERT_EQUAL_FATAL(cursor, 0);
}

/* row_of: what a subscriber has on an address that gives, NULL: he is a newcomer. */
static const struct cmd_subscriber *
row_of(unsigned s)
{
	const struct cmd_subscriber *found = NULL;
	for (uint32_t i = 0; i < rows; i++) {
		if (row[i].address != ip(100, 64, 0, s) || !gives[number_of(row[i].external)])
			continue;
		CU_ASSERT_PTR_NULL_FATAL(found);
		found = &row[i];
	}
	return found;
}

static bool
is_held(unsigned a, unsigned block)
{
	for (uint32_t i = 0; i < rows; i++)
		for (unsigned b = 0; b < row[i].blocks; b++)
			if (number_of(row[i].external) == a &&
			    row[i].block_first[b] - (unsigned)FIRST == block * BLOCK)
				return true;
	return false;
}

/* blocks_free: of an address, held by nobody and with nothing in quarantine. */
static unsigned
blocks_free(unsigned a)
{
	unsigned n = 0;
	for (unsigned b = 0; b < BLOCKS; b++)
		n += !is_held(a, b);
	return n;
}

/* owed: of the reserve of those that have blocks of the address. */
static unsigned
owed(unsigned a)
{
	unsigned n = 0;
	for (uint32_t i = 0; i < rows; i++)
		if (number_of(row[i].external) == a && row[i].blocks < RESERVE)
			n += RESERVE - row[i].blocks;
	return n;
}

/* may_have: is there a block of the address for one that has so many of it? */
static bool
may_have(unsigned a, unsigned blocks)
{
	if (!gives[a])
		return false;
	if (blocks == 0)
		return blocks_free(a) >= owed(a) + RESERVE;
	return blocks_free(a) > (blocks < RESERVE ? 0 : owed(a));
}

static bool
may_begin(void)
{
	for (unsigned a = 0; a < ADDRESSES; a++)
		if (may_have(a, 0))
			return true;
	return false;
}

/* What the blocks of a subscriber have for a wish, for certain. */
struct offer {
	bool port, parity, any;
};

static void
offer_block(struct offer *o, unsigned a, unsigned proto, unsigned block, unsigned wish)
{
	for (unsigned p = block * BLOCK; p < (block + 1) * BLOCK; p++) {
		if (!is_free(a, proto, p))
			continue;
		o->any = true;
		o->parity |= p % 2 == wish % 2;
		o->port |= p == wish;
	}
}

static unsigned
number_of_block(const struct cmd_subscriber *r, unsigned b)
{
	return (r->block_first[b] - (unsigned)FIRST) / BLOCK;
}

static struct offer
offer_of(const struct cmd_subscriber *r, unsigned proto, unsigned wish)
{
	struct offer o = {false, false, false};
	for (unsigned b = 0; r != NULL && b < r->blocks; b++)
		offer_block(&o, number_of(r->external), proto, number_of_block(r, b), wish);
	return o;
}

static bool
has_block(const struct cmd_subscriber *r, unsigned p)
{
	for (unsigned b = 0; r != NULL && b < r->blocks; b++)
		if (number_of_block(r, b) == p / BLOCK)
			return true;
	return false;
}

/* judge_wish: the best of what there was. */
static void
judge_wish(struct offer o, unsigned p, unsigned wish)
{
	uint8_t flags = w->pool[0].flags;
	if ((flags & NAT_KEEP_PORT) != 0 && o.port) {
		CU_ASSERT_EQUAL_FATAL(p, wish);
		met.kept++;
	} else if ((flags & NAT_KEEP_PARITY) != 0 && o.parity) {
		CU_ASSERT_TRUE_FATAL(p % 2 == wish % 2);
		met.even++;
	} else {
		met.others++;
	}
}

static void
judge_new_block(const struct cmd_subscriber *r, unsigned a, unsigned proto, unsigned p,
                unsigned wish)
{
	struct offer of_new = {false, false, false};
	unsigned blocks = r != NULL ? r->blocks : 0;
	CU_ASSERT_FALSE_FATAL(is_held(a, p / BLOCK));
	CU_ASSERT_TRUE_FATAL(blocks < MOST && may_have(a, blocks));
	bool is_first = r == NULL && !is_held(a, wish / BLOCK);
	offer_block(&of_new, a, proto, is_first && (w->pool[0].flags & NAT_KEEP_PORT) != 0 &&
	            !is_hole(wish) ? wish / BLOCK : p / BLOCK, wish);
	judge_wish(of_new, p, wish);
	met.grown += r != NULL;
	met.newcomers += r == NULL;
}

static void
judge_choice(const struct cmd_subscriber *r, unsigned proto, unsigned wish, unsigned a, unsigned p)
{
	struct offer o = offer_of(r, proto, wish);
	CU_ASSERT_FATAL(a < ADDRESSES && p < PORTS && gives[a] && !is_hole(p));
	CU_ASSERT_FALSE_FATAL(is_in_use(a, proto, p, 0));
	CU_ASSERT_FATAL(r == NULL || number_of(r->external) == a);
	if (has_block(r, p)) {
		judge_wish(o, p, wish);
		return;
	}
	CU_ASSERT_FALSE_FATAL(o.any); /* no wish takes another block */
	judge_new_block(r, a, proto, p, wish);
}

static void
judge_refusal(const struct cmd_subscriber *r, unsigned proto, unsigned wish, uint8_t drop)
{
	CU_ASSERT_FALSE_FATAL(offer_of(r, proto, wish).any);
	if (drop == DROP_NAT_LIMIT) {
		CU_ASSERT_FATAL(r != NULL && r->blocks == MOST);
		met.limit++;
		return;
	}
	CU_ASSERT_EQUAL_FATAL(drop, DROP_NAT_NO_PORT);
	CU_ASSERT_FATAL(r != NULL ? r->blocks < MOST &&
	                !may_have(number_of(r->external), r->blocks) : !may_begin());
	met.none += r != NULL;
	met.newcomers_none += r == NULL;
}

static void
come(unsigned s, unsigned proto, unsigned wish)
{
	struct flow_spec spec;
	struct one *o = &one[s][proto][wish];
	view();
	const struct cmd_subscriber *r = row_of(s);
	if (world_out(w, protos[proto], ip(100, 64, 0, s), FIRST + wish, ip(198, 51, 100, 1), 80,
	              &spec, &o->flow) != VERDICT_OPEN) {
		judge_refusal(r, proto, wish, spec.drop);
		return;
	}
	o->is_live = true;
	o->address = (uint16_t)number_of(spec.reply.dst.w[0]);
	o->port = (uint16_t)(__builtin_bswap16(spec.reply.dport) - FIRST);
	judge_choice(r, proto, wish, o->address, o->port);
	external[o->address][proto][o->port] = (struct external){true, true, 0};
}

static void
go(struct one *o, unsigned proto)
{
	world_end(w, &o->flow);
	o->is_live = false;
	external[o->address][proto][o->port] = (struct external){false, true, w->ms};
}

static bool
is_empty(unsigned a)
{
	for (unsigned proto = 0; proto < PROTOS; proto++)
		for (unsigned p = 0; p < PORTS; p++)
			if (is_in_use(a, proto, p, SLACK_MS))
				return false;
	return true;
}

/* shuffle: one that gives drains, one that has drained and is empty gives again; other wishes. */
static void
shuffle(void)
{
	static const uint8_t flags[] = {0, NAT_KEEP_PORT, NAT_KEEP_PARITY,
	                                NAT_KEEP_PORT | NAT_KEEP_PARITY};
	unsigned give = dice(ADDRESSES), drain = dice(ADDRESSES);
	if (w->gen != NULL)
		view();
	if (!gives[give] && is_empty(give) && blocks_free(give) == BLOCKS && gives[drain]) {
		gives[give] = true;
		gives[drain] = false;
	}
	for (unsigned a = 0; a < ADDRESSES; a++)
		w->address[a].drain = !gives[a];
	w->pool[0].flags = (uint8_t)(flags[dice(4)] | (dice(4) == 0 ? NAT_PORTS_IN_TURN : 0));
	world_apply(w);
}

static void
begin(void)
{
	memset(one, 0, sizeof(one));
	memset(external, 0, sizeof(external));
	w = world_new();
	w->conf.quarantine_ms = QUARANTINE_MS;
	world_pool(w, FIRST, FIRST + PORTS - 1, BLOCK, MOST);
	w->pool[0].reserve = RESERVE;
	world_hole(w, 0, HOLE_FIRST, HOLE_LAST);
	for (unsigned a = 0; a < ADDRESSES; a++) {
		world_address(w, 0, address_of(a));
		gives[a] = a < GIVING;
	}
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
	shuffle();
}

/* leave: all that a subscriber has ends. */
static void
leave(unsigned s)
{
	for (unsigned proto = 0; proto < PROTOS; proto++)
		for (unsigned i = 0; i < PORTS; i++)
			if (one[s][proto][i].is_live)
				go(&one[s][proto][i], proto);
}

static void
all_gone(void)
{
	for (unsigned s = 0; s < SUBSCRIBERS; s++)
		leave(s);
	for (unsigned i = 0; i < 20; i++)
		world_tick(w, QUARANTINE_MS / 10);
	view();
	const struct nat *n = world_nat(w);
	CU_ASSERT(rows == 0 && n->pool.blocks.used == 0 && n->pool.slots.used == 0);
	CU_ASSERT(n->subscribers.t.used == 0 && n->quarantine.count == 0);
	world_free(w);
}

static void
one_life(void)
{
	begin();
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned s = dice(1 + dice(SUBSCRIBERS)), proto = dice(PROTOS), i = dice(PORTS);
		struct one *o = &one[s][proto][i];
		if (!o->is_live)
			come(s, proto, i);
		else if (dice(3) == 0)
			go(o, proto);
		if (step % 5000 > 4000 ? dice(20) == 0 : dice(400) == 0)
			leave(dice(SUBSCRIBERS));
		if (dice(8) == 0)
			world_tick(w, dice(200));
		if (step % 250 == 0)
			shuffle();
	}
	all_gone();
}

/* In one life of a hundred nobody comes to his limit (seed 213824). */
static void
test_together(void)
{
	uint64_t first = test_seed();
	for (uint64_t life = 0; life < LIVES; life++) {
		seed = first + (life << 32);
		one_life();
	}
	printf("%u kept, %u as even, %u others, %u more blocks, %u newcomers; refused: %u at the "
	       "limit, %u without a block, %u newcomers ", met.kept, met.even, met.others,
	       met.grown, met.newcomers, met.limit, met.none, met.newcomers_none);
	CU_ASSERT(met.kept > 2000 && met.even > 9000 && met.grown > 500 && met.newcomers > 300);
	CU_ASSERT(met.limit > 10 && met.none > 9000 && met.newcomers_none > 1000);
}

static const struct test_case cases[] = {
	{"all wishes at once, nearly full", test_together},
};
TEST_MAIN("nat_together", cases)
