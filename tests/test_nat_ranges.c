/* SPDX-License-Identifier: Apache-2.0 */
/* The policy with deterministic pools: exactly what forward says, homes, overflow, changes. */
#include "nat/ranges.h"
#include "nat_world.h"

#define SERVER ip(198, 51, 100, 1)
#define HOST ip(100, 64, 0, 0)
enum { UDP = IPPROTO_L4_UDP, HOSTS = 12, RANGE = 64, FIRST = 1024, ADDRESSES = 4 };

static struct nat_world *w;
static struct flow_spec spec;
static struct world_flow flow;

/* 12 hosts on 4 addresses: 3 ranges of 64 ports each, 64 ports for dynamic blocks. */
static void
begin(uint16_t workers)
{
	w = world_new();
	w->plane.workers = workers;
	w->plane.steer_class_bits = workers > 1 ? 2 : 0;
	w->conf.quarantine_ms = 0;
	w->conf.log = NAT_LOG_BLOCKS;
	world_pool(w, FIRST, FIRST + 4 * RANGE - 1, 32, 3);
	for (unsigned i = 0; i < ADDRESSES; i++)
		world_address(w, 0, ip(203, 0, 113, 8 + i));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
	w->pool[0].insides = 1;
	w->pool[0].inside_realm = 1;
	w->pool[0].range_ports = RANGE;
	w->pool[0].range_hosts = HOSTS / ADDRESSES;
	w->inside = (struct img_nat_inside){0x64400000, 0x64400000 + HOSTS - 1, 0};
}

/* All ports of a host, taken until it is refused. => how many, and whether all are in its range. */
static unsigned
take_all(unsigned host, unsigned *in_range)
{
	struct det_range r;
	unsigned n = 0;
	CU_ASSERT_FATAL(det_forward(&w->pool[0], &w->inside, 1, ip_add(HOST, host), &r));
	*in_range = 0;
	while (world_out(w, UDP, ip_add(HOST, host), 2000 + n, SERVER, 53, &spec, &flow) ==
	       VERDICT_OPEN) {
		unsigned p = __builtin_bswap16(spec.reply.dport);
		CU_ASSERT_EQUAL(spec.reply.dst.w[0], w->address[r.row].address);
		*in_range += r.first <= p && p <= r.last;
		n++;
	}
	return n;
}

/* Two blocks of overflow for the first who asks on each address; its range, whole, for each. */
static void
test_ports(void)
{
	for (uint16_t workers = 1; workers <= 4; workers += 3) {
		begin(workers);
		world_apply(w);
		for (unsigned i = 0; i < HOSTS; i++) {
			unsigned in_range, n = take_all(i, &in_range);
			CU_ASSERT_EQUAL(in_range, RANGE);
			CU_ASSERT_EQUAL(n, i % 3 == 0 ? 2 * RANGE : RANGE);
			CU_ASSERT_EQUAL(spec.drop, i % 3 == 0 ? DROP_NAT_LIMIT : DROP_NAT_NO_PORT);
		}
		/* Only the overflow is logged: two blocks an address, and what was refused. */
		uint64_t blocks = 0;
		struct record rec;
		for (unsigned i = 0; i < workers; i++)
			while (record_take(&w->ring[i], &rec, 1) == 1) {
				blocks += rec.event == RECORD_BLOCK_CREATE;
				CU_ASSERT(rec.event != RECORD_BLOCK_CREATE ||
				          rec.port_first >= FIRST + 3 * RANGE);
			}
		CU_ASSERT_EQUAL(blocks, 2 * ADDRESSES);
		world_free(w);
	}
}

/* A host is at home where its pool address is, so that replies come there by themselves. */
static void
test_homes(void)
{
	begin(4);
	world_apply(w);
	for (unsigned i = 0; i < HOSTS; i++) {
		struct miss out = world_miss(w, W_INSIDE, UDP, ip_add(HOST, i), port(5000), SERVER,
		                             port(53));
		int home = nat_policy.home(w->gen, &out);
		CU_ASSERT_EQUAL(world_open(w, &out, &spec, &flow), VERDICT_OPEN);
		struct miss in = world_miss(w, W_OUTSIDE, UDP, SERVER, port(53),
		                            spec.reply.dst.w[0], spec.reply.dport);
		CU_ASSERT_EQUAL(nat_policy.home(w->gen, &in), home);
	}
	world_free(w);
}

/* Who has no range gets dynamic blocks, and they are logged. */
static void
test_stranger(void)
{
	begin(1);
	world_apply(w);
	CU_ASSERT_EQUAL_FATAL(world_out(w, UDP, ip(100, 64, 9, 9), 5000, SERVER, 53, &spec, &flow),
	                      VERDICT_OPEN);
	CU_ASSERT(__builtin_bswap16(spec.reply.dport) >= FIRST + 3 * RANGE);
	CU_ASSERT_EQUAL(w->stats[0].log_records, 1);
	world_free(w);
}

static bool
is_stale(const struct world_flow *f)
{
	struct flow4 f4 = {.f = f->f};
	f4.tuple[0] = tuple_to4(&f->t[0]);
	f4.tuple[1] = tuple_to4(&f->t[1]);
	return nat_policy.stale(w->state[0], &f4.f);
}

/* Ranges move when an address is added: those are cut, and each goes on where forward says. */
static void
test_moved(void)
{
	struct world_flow flows[HOSTS];
	begin(1);
	world_apply(w);
	for (unsigned i = 0; i < HOSTS; i++)
		CU_ASSERT_EQUAL_FATAL(world_out(w, UDP, ip_add(HOST, i), 5000, SERVER, 53, &spec,
		                                &flows[i]), VERDICT_OPEN);
	world_apply(w);
	CU_ASSERT_FALSE(nat_policy.stale(w->state[0], NULL));
	world_address(w, 0, ip(203, 0, 113, 20));
	world_address(w, 0, ip(203, 0, 113, 21));
	w->pool[0].range_hosts = 2;
	world_apply(w);
	CU_ASSERT_TRUE(nat_policy.stale(w->state[0], NULL));
	for (unsigned i = 0; i < HOSTS; i++) {
		CU_ASSERT_EQUAL(is_stale(&flows[i]), i >= 2);
		if (i >= 2)
			world_end(w, &flows[i]);
	}
	for (unsigned i = 0; i < HOSTS; i++) {
		unsigned in_range, left = i < 2; /* the first two have a port of theirs already */
		take_all(i, &in_range);
		CU_ASSERT_EQUAL(in_range, RANGE - left);
	}
	world_free(w);
}

/* Who has overflow keeps the range, unused as it may be; both go with the last port. */
static void
test_kept(void)
{
	struct world_flow of[RANGE + 1], more;
	struct det_range r;
	begin(1);
	world_apply(w);
	CU_ASSERT_FATAL(det_forward(&w->pool[0], &w->inside, 1, HOST, &r));
	for (unsigned i = 0; i <= RANGE; i++)
		CU_ASSERT_EQUAL_FATAL(world_out(w, UDP, HOST, 2000 + i, SERVER, 53, &spec, &of[i]),
		                      VERDICT_OPEN);
	be16 overflow = spec.reply.dport;
	CU_ASSERT(__builtin_bswap16(overflow) > r.last);
	for (unsigned i = 0; i < RANGE; i++)
		world_end(w, &of[i]);
	CU_ASSERT_EQUAL(w->stats[0].blocks, 2);
	/* A reload finds the subscriber where it was: one mapping for one endpoint. */
	world_apply(w);
	world_out(w, UDP, HOST, 2000 + RANGE, ip_add(SERVER, 1), 53, &spec, &more);
	CU_ASSERT_EQUAL(spec.reply.dport, overflow);
	CU_ASSERT_EQUAL(w->stats[0].mappings, 1);
	world_end(w, &more);
	world_out(w, UDP, HOST, 3000, SERVER, 53, &spec, &more);
	CU_ASSERT(__builtin_bswap16(spec.reply.dport) >= r.first);
	CU_ASSERT(__builtin_bswap16(spec.reply.dport) <= r.last);
	/* Whichever is the last. */
	world_end(w, &of[RANGE]);
	CU_ASSERT_EQUAL(w->stats[0].blocks, 1);
	world_end(w, &more);
	CU_ASSERT(w->stats[0].blocks == 0 && w->stats[0].subscribers == 0);
	for (unsigned i = 0; i <= RANGE; i++)
		world_out(w, UDP, HOST, 2000 + i, SERVER, 53, &spec, &of[i]);
	for (unsigned i = 0; i <= RANGE; i++)
		world_end(w, &of[i]);
	CU_ASSERT(w->stats[0].blocks == 0 && w->stats[0].subscribers == 0);
	world_free(w);
}

static const struct test_case cases[] = {
	{"exactly the ports that forward says", test_ports},
	{"homes", test_homes},
	{"without a range", test_stranger},
	{"ranges that move", test_moved},
	{"a range beside overflow", test_kept},
};
TEST_MAIN("nat_ranges", cases)
