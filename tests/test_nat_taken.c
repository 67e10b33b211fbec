/* SPDX-License-Identifier: Apache-2.0 */
/* taken.h: leases that a configuration takes away, and where their mappings go. */
#include "pcp_kit.h"

#define ANOTHER ip(203, 0, 113, 2)

/* Two addresses; HOST is on `had`, and `left` is the other one. */
static be32 had, left;

static void
begin_two(uint8_t filtering)
{
	begin(filtering);
	world_address(w, 0, ANOTHER);
	world_apply(w);
	listen();
	CU_ASSERT_EQUAL(world_out(w, UDP, HOST, 1, SERVER, 53, &spec, &flow), VERDICT_OPEN);
	had = spec.reply.dst.w[0];
	left = had == PUBLIC ? ANOTHER : PUBLIC;
	world_end(w, &flow);
}

/* An address is no longer in the pool. */
static void
remove_address(be32 address)
{
	if (w->address[0].address == address)
		w->address[0] = w->address[1];
	w->n_addresses--;
	world_apply(w);
}

/* => how many were told, in time for all three. */
static unsigned
told(void)
{
	return told_in(800);
}

static enum verdict
arrives(be32 remote, be32 at, unsigned to)
{
	struct miss m = world_miss(w, W_OUTSIDE, UDP, remote, port(9), at, port((uint16_t)to));
	enum verdict v = nat_policy.open(w->state[0], &m, &spec);
	if (v == VERDICT_OPEN)
		nat_policy.undo(w->state[0], &m, &spec);
	return v;
}

/* A rule that no longer lets its subscribers ask: what they have asked for ends. */
static void
test_forbidden(void)
{
	begin(NAT_FILTER_EIF);
	listen();
	CU_ASSERT_EQUAL(map(UDP, 5000, HOUR, 1), PCP_SUCCESS);
	unsigned there = external();
	CU_ASSERT_EQUAL(peer_size(peer_request(UDP, 5001, SERVER, 1, 600, 2)), PCP_SUCCESS);
	world_apply(w);
	CU_ASSERT_EQUAL(told(), 0);
	w->rule[0].pcp = 0;
	world_apply(w);
	CU_ASSERT_EQUAL(told(), 6);
	CU_ASSERT_EQUAL(w->stats[0].leases, 0);
	CU_ASSERT_EQUAL(heard.d[1], 0x80 | PEER);
	CU_ASSERT_EQUAL(arrives(SERVER, PUBLIC, there), VERDICT_DROP);
	world_free(w);
}

/* A static mapping of hosts behind another interface is not that of who asks by this one. */
static void
test_static_elsewhere(void)
{
	begin_static();
	listen();
	w->statics[0].nic = W_OTHER;
	world_apply(w);
	CU_ASSERT_EQUAL(map(TCP, 80, HOUR, 1), PCP_SUCCESS);
	CU_ASSERT(external() != 8080 && lifetime() == HOUR);
	CU_ASSERT_EQUAL(told(), 0);
	CU_ASSERT_EQUAL(w->stats[0].leases, 1);
	w->statics[0].nic = W_INSIDE;
	world_apply(w);
	CU_ASSERT_EQUAL(told(), 3);
	CU_ASSERT(load16(heard.d + 42) == port(8080) && w->stats[0].leases == 0);
	world_free(w);
}

/* What a server has asked for is its own as long as it may ask, whatever the rule says. */
static void
test_third(void)
{
	begin_with_third();
	w->rule[0].pcp = 0;
	third_maps();
	world_apply(w);
	CU_ASSERT(told() == 0 && w->stats[0].leases == 1);
	w->conf.asker[0].source = ip(192, 0, 2, 9);
	world_apply(w);
	CU_ASSERT(told() == 3 && w->stats[0].leases == 0);
	CU_ASSERT(heard.s.dst == THIRD && load32(heard.d + 4) == 0);
	world_free(w);
}

/* Its address is removed: the mapping is on another one, with its port, time, nonce and filters. */
static void
test_moved(void)
{
	begin_two(NAT_FILTER_EIF);
	uint32_t size = request(HOST, UDP, 5000, HOUR, 1);
	CU_ASSERT_EQUAL(map_size(HOST, with_filter(size, SERVER, 128, 0)), PCP_SUCCESS);
	unsigned there = external();
	world_tick(w, 100 * 1000);
	remove_address(had);
	CU_ASSERT_EQUAL(told(), 3);
	uint32_t seconds = be32toh(load32(heard.d + 4)); /* of the last one, which is later */
	CU_ASSERT(seconds == HOUR - 100 || seconds == HOUR - 101);
	CU_ASSERT_TRUE(is_told(MAP, UDP, 5000, 1, left, there, seconds, PCP_SUCCESS));
	static const uint8_t option[20] = {3, 0, 0, 20, 0, 128, 0, 0, [18] = 0xff, 0xff};
	CU_ASSERT(heard.s.size == 84 && memcmp(heard.d + 60, option, 20) == 0);
	CU_ASSERT_EQUAL(load32(heard.d + 80), SERVER);
	CU_ASSERT_EQUAL(w->stats[0].leases, 2);
	CU_ASSERT_EQUAL(arrives(SERVER, left, there), VERDICT_OPEN);
	CU_ASSERT(spec.reply.src.w[0] == HOST && spec.reply.sport == port(5000));
	CU_ASSERT_EQUAL(arrives(ip(9, 9, 9, 9), left, there), VERDICT_DROP);
	CU_ASSERT_EQUAL(map(UDP, 5000, HOUR, 1), PCP_SUCCESS);
	CU_ASSERT(load32(data + 56) == left && external() == there);
	world_free(w);
}

/* What cannot move: peers, what is to be the same or nothing, and where there is no other. */
static void
test_unmoved(void)
{
	begin_two(NAT_FILTER_EIF);
	CU_ASSERT_EQUAL(peer_size(peer_request(UDP, 5000, SERVER, 1, 600, 2)), PCP_SUCCESS);
	unsigned there = external();
	remove_address(had);
	CU_ASSERT_EQUAL(told(), 3);
	CU_ASSERT_TRUE(is_told(PEER, UDP, 5000, 2, had, there, 0, PCP_SUCCESS));
	CU_ASSERT_EQUAL(w->stats[0].leases, 0);
	world_free(w);
	begin_two(NAT_FILTER_EIF);
	uint8_t *o = data + request(HOST, UDP, 5000, HOUR, 1);
	store16(data + 42, port(20007));
	o[0] = 2; /* PREFER_FAILURE */
	unsigned result = map_size(HOST, 64);
	there = external();
	CU_ASSERT_EQUAL(result, there == 20007 ? PCP_SUCCESS : PCP_CANNOT_PROVIDE_EXTERNAL);
	if (result != PCP_SUCCESS) { /* of his block then */
		CU_ASSERT_EQUAL(map(UDP, 5000, HOUR, 1), PCP_SUCCESS);
		there = external();
		o = data + request(HOST, UDP, 5000, HOUR, 1);
		store16(data + 42, port((uint16_t)there));
		o[0] = 2;
		CU_ASSERT_EQUAL(map_size(HOST, 64), PCP_SUCCESS);
	}
	remove_address(had);
	CU_ASSERT_EQUAL(told(), 3);
	CU_ASSERT_TRUE(is_told(MAP, UDP, 5000, 1, had, there, 1800, PCP_CANNOT_PROVIDE_EXTERNAL));
	CU_ASSERT_EQUAL(map(UDP, 5000, HOUR, 1), PCP_SUCCESS);
	there = external();
	w->address[0].drain = 1;
	w->conf.drain_ms = 60000;
	world_apply(w);
	CU_ASSERT(told() == 0 && w->stats[0].leases == 1);
	world_tick(w, 60000);
	CU_ASSERT(w->stats[0].leases == 1); /* until it is seen that a deadline has passed */
	CU_ASSERT_TRUE(nat_policy.lapsed(w->state[0]));
	CU_ASSERT_EQUAL(told(), 3);
	CU_ASSERT_TRUE(is_told(MAP, UDP, 5000, 1, left, there, 0, PCP_SUCCESS));
	CU_ASSERT(w->stats[0].leases == 0 && world_nat(w)->mappings.t.used == 0);
	world_free(w);
}

/* An address that drains is his until its drain is over; who asks meanwhile has another by then. */
static void
test_drained(void)
{
	for (unsigned asks = 0; asks < 2; asks++) {
		begin_two(NAT_FILTER_EIF);
		CU_ASSERT_EQUAL(map(UDP, 5000, HOUR, 1), PCP_SUCCESS);
		unsigned there = external();
		w->address[had == w->address[0].address ? 0 : 1].drain = 1;
		w->conf.drain_ms = 60000;
		world_apply(w);
		CU_ASSERT(told() == 0 && arrives(SERVER, had, there) == VERDICT_OPEN);
		CU_ASSERT_EQUAL(asks != 0 ? map(UDP, 5000, HOUR, 1) : PCP_SUCCESS, PCP_SUCCESS);
		world_tick(w, 60000);
		CU_ASSERT_TRUE(nat_policy.lapsed(w->state[0]));
		CU_ASSERT_EQUAL(told(), asks != 0 ? 0 : 3);
		CU_ASSERT(asks != 0 || load32(heard.d + 56) == left);
		CU_ASSERT_EQUAL(arrives(SERVER, had, there), VERDICT_DROP);
		there = asks != 0 ? external() : be16toh(load16(heard.d + 42));
		CU_ASSERT(arrives(SERVER, left, there) == VERDICT_OPEN && w->stats[0].leases == 1);
		world_free(w);
	}
}

/* Whose worker asks for HOST + i. => its number. */
static int
home_of(unsigned i, uint32_t *size)
{
	be32 host = ip_add(HOST, i);
	*size = request(host, UDP, 5000, HOUR, 1);
	struct miss m = world_miss(w, W_INSIDE, UDP, host, port(40000), OWN, port(PCP_PORT));
	return nat_policy.serves(w->gen, &m, data, *size);
}

/*
 * The pool is deterministic now, and of other addresses: where that makes a subscriber another
 * worker's his mapping is not made where he is not, and he is told to ask.
 */
static void
test_elsewhere(void)
{
	enum { HOSTS = 12, BEFORE = 32, AFTER = 4, WORKERS = 4 };
	int home[HOSTS];
	uint32_t size, stayed = 0, leases = 0;
	w = world_new();
	w->plane.workers = WORKERS;
	w->plane.steer_class_bits = 2;
	w->plane.leases = 64;
	w->conf.pcp_min_s = 120;
	w->conf.pcp_max_s = HOUR;
	world_pool(w, 1024, 1024 + 4 * 64 - 1, 32, 3);
	for (unsigned i = 0; i < BEFORE; i++)
		world_address(w, 0, ip_add(PUBLIC, 10 + i));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0)->pcp = 1;
	world_apply(w);
	world_tick(w, 0);
	for (unsigned i = 0; i < HOSTS; i++) {
		home[i] = home_of(i, &size);
		CU_ASSERT_FATAL(home[i] >= 0);
		struct miss m = world_miss(w, W_INSIDE, UDP, ip_add(HOST, i), port(40000), OWN,
		                           port(PCP_PORT));
		CU_ASSERT_EQUAL(nat_policy.serve(w->state[home[i]], &m, data, size, ROOM), size);
		CU_ASSERT_EQUAL_FATAL(data[3], PCP_SUCCESS);
	}
	w->n_addresses = 0;
	for (unsigned i = 0; i < AFTER; i++) {
		world_address(w, 0, ip_add(PUBLIC, i));
		w->address[i].id = BEFORE + i;
	}
	w->pool[0].insides = w->pool[0].inside_realm = 1;
	w->pool[0].range_ports = 64;
	w->pool[0].range_hosts = HOSTS / AFTER;
	uint32_t first = be32toh(HOST);
	w->inside = (struct img_nat_inside){first, first + HOSTS - 1, 0};
	world_apply(w);
	for (unsigned i = 0; i < WORKERS; i++)
		((struct nat *)w->state[i])->say = hear;
	CU_ASSERT_EQUAL(told(), 3 * HOSTS);
	for (unsigned i = 0; i < HOSTS; i++)
		stayed += home[i] == home_of(i, &size);
	for (unsigned i = 0; i < WORKERS; i++)
		leases += (uint32_t)w->stats[i].leases;
	CU_ASSERT(leases == stayed && stayed > 0 && stayed < HOSTS);
	world_free(w);
}

/* Its inside endpoint is a static mapping's now: that is told, without end. */
static void
test_static(void)
{
	begin(NAT_FILTER_EIF);
	listen();
	CU_ASSERT_EQUAL(map(TCP, 80, HOUR, 1), PCP_SUCCESS);
	world_static(w, static_key(1, HOST, TCP, port(80)),
	             static_key(0, PUBLIC, TCP, port(8080)), 1);
	world_apply(w);
	CU_ASSERT(told() == 3 && w->stats[0].leases == 0);
	CU_ASSERT_TRUE(is_told(MAP, TCP, 80, 1, PUBLIC, 8080, UINT32_MAX, PCP_SUCCESS));
	world_free(w);
}

enum { FLOWS = 8 };

/* Somebody asks for a port, for a peer, or gives up; with filters, or not. */
static void
ask_at_random(uint64_t *seed)
{
	be32 host = ip_add(HOST, random_below(seed, 3));
	uint8_t proto = random_below(seed, 2) != 0 ? UDP : TCP;
	unsigned inside = 79 + random_below(seed, 3), to = random_below(seed, 3);
	unsigned seconds = random_below(seed, 3) * 120;
	uint8_t nonce = (uint8_t)(1 + random_below(seed, 2));
	bool is_peer = random_below(seed, 3) == 0;
	uint32_t size = is_peer ?
		peer_request(proto, inside, ip_add(SERVER, to), 53, seconds, nonce) :
		request(host, proto, inside, seconds, nonce);
	store32(data + 20, host);
	store16(data + 42, port((uint16_t)(1024 + random_below(seed, 32))));
	for (unsigned i = random_below(seed, 3); i > 0 && !is_peer && seconds != 0; i--)
		size = with_filter(size, ip_add(SERVER, random_below(seed, 20)), 128, 53);
	struct miss m = world_miss(w, W_INSIDE, UDP, host, port(40000), OWN, port(PCP_PORT));
	if (nat_policy.serves(w->gen, &m, data, size) == 0)
		nat_policy.serve(w->state[0], &m, data, size, ROOM);
}

static void
flow_at_random(uint64_t *seed, struct world_flow f[FLOWS], bool is_open[FLOWS])
{
	unsigned i = random_below(seed, FLOWS);
	if (is_open[i])
		world_end(w, &f[i]);
	is_open[i] = !is_open[i] &&
		world_out(w, UDP, ip_add(HOST, random_below(seed, 3)), 79 + random_below(seed, 3),
		          SERVER, 53, &spec, &f[i]) == VERDICT_OPEN;
}

/* Other addresses, static mappings, rules, a quarantine or none. */
static void
change_at_random(uint64_t *seed)
{
	w->address[0].drain = random_below(seed, 4) == 0;
	w->address[1].drain = random_below(seed, 4) == 0;
	w->n_addresses = 1 + (random_below(seed, 4) != 0);
	w->conf.drain_ms = random_below(seed, 2) * 1000;
	w->conf.quarantine_ms = random_below(seed, 3) * 10000;
	w->rule[0].pcp = random_below(seed, 8) != 0;
	w->n_statics = random_below(seed, 3) == 0;
	w->statics[0].nic = random_below(seed, 2) != 0 ? W_INSIDE : W_OTHER;
	world_apply(w);
}

static void
step_at_random(uint64_t *seed, struct world_flow f[FLOWS], bool is_open[FLOWS])
{
	struct cmd_nat_filter what = {.proto = random_below(seed, 2) != 0 ? UDP : 0};
	uint32_t at = 0, dice = random_below(seed, 100);
	if (dice < 60)
		ask_at_random(seed);
	else if (dice < 80)
		flow_at_random(seed, f, is_open);
	else if (dice < 84)
		change_at_random(seed);
	else if (dice < 86)
		nat_policy.cut(w->state[0], &what, &at, UINT32_MAX);
	else
		world_tick(w, random_below(seed, dice < 95 ? 300 : 40000));
	nat_policy.lapsed(w->state[0]);
	CU_ASSERT_FATAL(heard.n == 0 || heard.s.size <= SPOKEN_MAX);
}

/* Whatever is asked for, taken, moved and given back: in the end nothing is left of it. */
static void
test_at_random(void)
{
	struct world_flow f[FLOWS];
	bool is_open[FLOWS] = {false};
	uint64_t seed = test_seed();
	begin(NAT_FILTER_ADF);
	w->pool[0].port_last = 1024 + 63;
	w->pool[0].block_size = 16;
	world_address(w, 0, ANOTHER);
	world_static(w, static_key(1, HOST, TCP, port(80)),
	             static_key(0, PUBLIC, TCP, port(1030)), 1);
	world_apply(w);
	listen();
	for (unsigned i = 0; i < 30000; i++)
		step_at_random(&seed, f, is_open);
	for (unsigned i = 0; i < FLOWS; i++)
		if (is_open[i])
			world_end(w, &f[i]);
	for (unsigned i = 0; i < 1000; i++)
		world_tick(w, 1000);
	const struct nat *n = world_nat(w);
	CU_ASSERT(n->leases.t.used == 0 && n->mappings.t.used == 0 && n->rests.t.used == 0);
	CU_ASSERT(n->quarantine.count == 0 && n->pool.blocks.used == 0);
	CU_ASSERT(n->subscribers.t.used == 0 && n->filter.t.used == 0);
	CU_ASSERT(n->updates.next[UPDATE_TIMES - 1] == n->updates.put && heard.n > 1000);
	world_free(w);
}

static const struct test_case all[] = {
	{"a rule that does not let ask", test_forbidden},
	{"a server that may not ask", test_third},
	{"an address that is removed", test_moved},
	{"what does not move", test_unmoved},
	{"an address whose drain is over", test_drained},
	{"who is another worker's now", test_elsewhere},
	{"a static mapping", test_static},
	{"a static mapping of another interface", test_static_elsewhere},
	{"at random", test_at_random},
};
TEST_MAIN("nat_taken", all)
