/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy against a model that only remembers what it saw: lists of live flows and of external
 * endpoints that were freed. It does not choose ports; it judges every choice and every refusal.
 */
#include "nat_world.h"
#include "tests/index_kit.h"

/* How tight a run is. */
static struct {
	unsigned mappings, blocks, pool, quarantine;
} limit;

enum { FLOWS = 600, SUBSCRIBERS = 24, PORTS = 12, REMOTES = 6, STEPS = 20000, FREED = 20000,
       QUARANTINE_MS = 60000, MARK_MS = 256, RANGE_FIRST = 1993, RANGE_LAST = 2099, BLOCK = 16,
       MAX_POOL = 6 };

struct model_flow {
	struct world_flow flow;
	be32 inside, external, remote;
	be16 inside_port, external_port;
	uint8_t proto;
	bool live, outbound, answered;
};

struct freed {
	be32 external;
	be16 port;
	uint8_t proto;
	uint64_t ms;
};

static struct nat_world *w;
static struct model_flow flow[FLOWS];
static struct freed freed[FREED];
static unsigned n_freed;
static uint8_t filtering;
static uint64_t seed;
static unsigned refused[3]; /* mapping limit, block limit, pool */

static unsigned
dice(unsigned n)
{
	return (unsigned)(test_random(&seed) % n);
}

static const struct model_flow *
find_inside(be32 address, be16 inside_port, uint8_t proto)
{
	for (unsigned i = 0; i < FLOWS; i++)
		if (flow[i].live && flow[i].inside == address && flow[i].proto == proto &&
		    flow[i].inside_port == inside_port)
			return &flow[i];
	return NULL;
}

static const struct model_flow *
find_external(be32 address, be16 external_port, uint8_t proto)
{
	for (unsigned i = 0; i < FLOWS; i++)
		if (flow[i].live && flow[i].external == address && flow[i].proto == proto &&
		    flow[i].external_port == external_port)
			return &flow[i];
	return NULL;
}

static bool
is_first_of_mapping(unsigned i)
{
	return find_external(flow[i].external, flow[i].external_port, flow[i].proto) == &flow[i];
}

static unsigned
count_mappings(be32 inside)
{
	unsigned n = 0;
	for (unsigned i = 0; i < FLOWS; i++)
		n += flow[i].live && (inside == 0 || flow[i].inside == inside) &&
		     is_first_of_mapping(i);
	return n;
}

static int
spare_flow(void)
{
	for (int i = 0; i < FLOWS; i++)
		if (!flow[i].live)
			return i;
	return -1;
}

/* Is a port that was freed still in quarantine? The last ones are, as many as there is room for. */
static bool
is_quarantined(unsigned i, unsigned slack_ms)
{
	return n_freed - i <= limit.quarantine && w->ms - freed[i].ms < QUARANTINE_MS + slack_ms;
}

/* A new external endpoint: nobody has it, it is not in quarantine, it is in range and paired. */
static void
judge_new(const struct model_flow *f)
{
	unsigned p = __builtin_bswap16(f->external_port);
	uint32_t offset = __builtin_bswap32(f->external) - 0xcb007100;
	CU_ASSERT_FATAL(p >= RANGE_FIRST && p <= RANGE_LAST && offset < limit.pool);
	CU_ASSERT_PTR_NULL_FATAL(find_external(f->external, f->external_port, f->proto));
	for (unsigned i = 0; i < n_freed; i++)
		if (freed[i].external == f->external && freed[i].port == f->external_port &&
		    freed[i].proto == f->proto)
			CU_ASSERT_FATAL(!is_quarantined(i, 0));
	for (unsigned i = 0; i < FLOWS; i++)
		if (flow[i].live && flow[i].inside == f->inside)
			CU_ASSERT_EQUAL_FATAL(flow[i].external, f->external);
	CU_ASSERT_FATAL(limit.mappings == 0 || count_mappings(f->inside) < limit.mappings);
}

/* Is every block of the address held by somebody? */
static bool
is_address_full(be32 address)
{
	struct cmd_pool_address row[MAX_POOL];
	uint64_t cursor = 0;
	uint32_t n = nat_view_pools(w->state, 1, w->gen, &cursor, row, MAX_POOL);
	CU_ASSERT_EQUAL_FATAL(n, limit.pool);
	bool full = true;
	for (uint32_t i = 0; i < n; i++)
		if (address == 0 || row[i].address == address)
			full &= row[i].blocks_used + row[i].blocks_quarantined == row[i].blocks;
	return full;
}

/* Mapped, or freed less than the quarantine ago. */
static bool
is_port_taken(be32 address, unsigned p, uint8_t proto)
{
	if (find_external(address, port(p), proto) != NULL)
		return true;
	for (unsigned i = 0; i < n_freed; i++)
		if (freed[i].external == address && freed[i].port == port(p) &&
		    freed[i].proto == proto && is_quarantined(i, MARK_MS))
			return true;
	return false;
}

static bool
are_ports_taken(const struct cmd_subscriber *s, uint8_t proto)
{
	for (unsigned b = 0; b < s->blocks; b++)
		for (unsigned p = s->block_first[b]; p / BLOCK == s->block_first[b] / BLOCK; p++)
			if (p <= RANGE_LAST && !is_port_taken(s->external, p, proto))
				return false;
	return true;
}

/* A refusal is right when the subscriber is at a limit, or no port and no block is free. */
static void
judge_refusal(const struct model_flow *f, enum verdict v, const struct flow_spec *spec)
{
	struct cmd_filter mine = {.src = addr_from_v4(f->inside)};
	struct cmd_subscriber s = {.blocks = 0};
	uint64_t cursor = 0;
	uint32_t known = nat_view_subscribers(w->state, 1, &mine, &cursor, &s, 1);
	CU_ASSERT_EQUAL(v, VERDICT_UNREACHABLE);
	CU_ASSERT_EQUAL(spec->code, 1);
	bool at_limit = limit.mappings != 0 && count_mappings(f->inside) == limit.mappings;
	refused[at_limit ? 0 : spec->drop == DROP_NAT_LIMIT ? 1 : 2]++;
	if (at_limit) {
		CU_ASSERT_EQUAL(spec->drop, DROP_NAT_LIMIT);
		return;
	}
	CU_ASSERT_TRUE(known == 0 || are_ports_taken(&s, f->proto));
	if (spec->drop == DROP_NAT_LIMIT) {
		CU_ASSERT_EQUAL(s.blocks, limit.blocks);
		return;
	}
	CU_ASSERT_EQUAL(spec->drop, DROP_NAT_NO_PORT);
	CU_ASSERT_TRUE(is_address_full(known != 0 ? s.external : 0));
}

static void
step_outbound(void)
{
	static const uint8_t protos[] = {IPPROTO_L4_TCP, IPPROTO_L4_UDP, IPPROTO_L4_ICMP};
	struct flow_spec spec;
	int at = spare_flow();
	if (at < 0)
		return;
	struct model_flow f = {
		.inside = ip(100, 64, 0, dice(SUBSCRIBERS)),
		.remote = ip(198, 51, 100, dice(REMOTES)),
		.inside_port = port(4000 + dice(PORTS)), .proto = protos[dice(3)], .outbound = true,
		.live = true,
	};
	const struct model_flow *same = find_inside(f.inside, f.inside_port, f.proto);
	struct miss m = world_miss(w, W_INSIDE, f.proto, f.inside, f.inside_port, f.remote,
	                           f.proto == IPPROTO_L4_ICMP ? 0 : port(1 + dice(60000)));
	for (unsigned stage = 0; stage < WARM_STAGES && dice(2); stage++)
		nat_policy.warm(w->state[0], (struct miss *[]){&m}, 1, stage);
	enum verdict v = world_open(w, &m, &spec, &f.flow);
	if (v != VERDICT_OPEN) {
		CU_ASSERT_PTR_NULL_FATAL(same);
		judge_refusal(&f, v, &spec);
		return;
	}
	f.external = spec.reply.dst.w[0];
	f.external_port = spec.reply.dport;
	if (same != NULL) {
		CU_ASSERT_FATAL(same->external == f.external &&
		                same->external_port == f.external_port);
	} else {
		judge_new(&f);
	}
	flow[at] = f;
}

static bool
is_admitted(const struct model_flow *to, be32 remote)
{
	bool held = false, spoken = false;
	for (unsigned i = 0; i < FLOWS; i++) {
		const struct model_flow *f = &flow[i];
		if (!f->live || f->external != to->external || f->proto != to->proto ||
		    f->external_port != to->external_port)
			continue;
		held |= f->outbound || f->answered;
		spoken |= f->outbound && f->remote == remote;
	}
	return held && to->proto != IPPROTO_L4_ICMP &&
	       (filtering == NAT_FILTER_EIF || (filtering == NAT_FILTER_ADF && spoken));
}

static void
step_inbound(void)
{
	struct flow_spec spec;
	int at = spare_flow();
	if (at < 0)
		return;
	struct model_flow f = {.remote = ip(198, 51, 100, dice(REMOTES)), .live = true,
		.external = ip(203, 0, 113, dice(limit.pool)),
		.external_port = port(RANGE_FIRST + dice(RANGE_LAST - RANGE_FIRST + 1)),
		.proto = dice(2) ? IPPROTO_L4_TCP : IPPROTO_L4_UDP};
	unsigned guess = dice(FLOWS);
	if (flow[guess].live && dice(4) != 0) {
		f.external = flow[guess].external;
		f.external_port = flow[guess].external_port;
		f.proto = flow[guess].proto;
	}
	const struct model_flow *to = find_external(f.external, f.external_port, f.proto);
	enum verdict v = world_in(w, f.proto, f.remote, 1 + dice(60000), f.external,
	                          f.external_port, &spec, &f.flow);
	if (to == NULL || !is_admitted(to, f.remote)) {
		CU_ASSERT_EQUAL_FATAL(v, VERDICT_DROP);
		CU_ASSERT_EQUAL(spec.drop, to == NULL ? DROP_NAT_NO_MAPPING : DROP_NAT_FILTERED);
		return;
	}
	CU_ASSERT_EQUAL_FATAL(v, VERDICT_OPEN);
	CU_ASSERT_FATAL(spec.reply.src.w[0] == to->inside && spec.reply.sport == to->inside_port);
	f.inside = to->inside;
	f.inside_port = to->inside_port;
	flow[at] = f;
}

static void
step_end(unsigned i)
{
	struct model_flow *f = &flow[i];
	if (!f->live)
		return;
	union leaving_flow at;
	struct leaving l = leaving_from(&at, &f->flow.f, f->flow.t), *all[] = {&l};
	for (unsigned stage = 0; stage < PARTING_STAGES; stage++)
		nat_policy.parting(w->state[0], all, 1, stage);
	nat_policy.ended(w->state[0], &l, (uint32_t)w->ms);
	f->live = false;
	if (find_external(f->external, f->external_port, f->proto) == NULL) {
		CU_ASSERT_FATAL(n_freed < FREED);
		freed[n_freed++] = (struct freed){f->external, f->external_port, f->proto, w->ms};
	}
}

static void
step_answer(unsigned i)
{
	if (!flow[i].live || flow[i].answered)
		return;
	world_answer(w, &flow[i].flow);
	flow[i].answered = true;
}

/* The listings and gauges say what the model knows. */
static void
judge_counts(void)
{
	struct cmd_filter all = {.family = 0};
	static struct cmd_mapping rows[FLOWS + 1];
	uint64_t cursor = 0;
	uint32_t n = nat_view_mappings(w->state, 1, &all, &cursor, rows, FLOWS + 1);
	CU_ASSERT_EQUAL(cursor, 0);
	CU_ASSERT_EQUAL(n, count_mappings(0));
	CU_ASSERT_EQUAL(w->stats[0].mappings, n);
	CU_ASSERT_EQUAL(w->stats[0].mappings_created - w->stats[0].mappings_freed, n);
	for (uint32_t i = 0; i < n; i++) {
		const struct model_flow *f = find_external(rows[i].external, rows[i].external_port,
		                                           rows[i].proto);
		CU_ASSERT_PTR_NOT_NULL_FATAL(f);
		CU_ASSERT(f->inside == rows[i].inside && f->inside_port == rows[i].inside_port);
	}
}

static void
world_begin(uint8_t kind)
{
	filtering = kind;
	n_freed = 0;
	memset(flow, 0, sizeof(flow));
	w = world_new();
	w->conf.quarantine_ms = QUARANTINE_MS;
	w->plane.quarantine = limit.quarantine;
	world_pool(w, RANGE_FIRST, RANGE_LAST, BLOCK, limit.blocks);
	for (unsigned i = 0; i < limit.pool; i++)
		world_address(w, 0, ip(203, 0, 113, i));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, kind, 0)->max_mappings = limit.mappings;
	world_apply(w);
}

static void
world_finish(void)
{
	for (unsigned i = 0; i < FLOWS; i++)
		step_end(i);
	judge_counts();
	for (unsigned i = 0; i < 100; i++)
		world_tick(w, QUARANTINE_MS / 50);
	const struct nat *n = world_nat(w);
	CU_ASSERT_EQUAL(w->stats[0].quarantine_early != 0, limit.quarantine < FREED);
	CU_ASSERT_EQUAL(n->quarantine.count, 0);
	CU_ASSERT_EQUAL(index_entries(n->mappings.index), 0);
	CU_ASSERT_EQUAL(n->mappings.t.used, 0);
	CU_ASSERT_EQUAL(n->subscribers.t.used, 0);
	CU_ASSERT_EQUAL(n->filter.t.used, 0);
	CU_ASSERT_EQUAL(n->pool.blocks.used, 0);
	CU_ASSERT_EQUAL(n->pool.slots.used, 0);
	CU_ASSERT_EQUAL(w->stats[0].blocks, 0);
	world_free(w);
}

static void
run(uint8_t kind)
{
	seed = test_seed() + kind;
	world_begin(kind);
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned what = dice(100);
		if (what < 40)
			step_outbound();
		else if (what < 55)
			step_inbound();
		else if (what < 88)
			step_end(dice(FLOWS));
		else if (what < 94)
			step_answer(dice(FLOWS));
		else
			world_tick(w, dice(MARK_MS));
		if (step % 500 == 0)
			judge_counts();
	}
	world_finish();
}

static void
test_mappings_limited(void)
{
	limit.mappings = 9;
	limit.blocks = 3;
	limit.pool = MAX_POOL;
	limit.quarantine = FREED;
	run(NAT_FILTER_EIF);
	run(NAT_FILTER_ADF);
	run(NAT_FILTER_APDF);
}

static void
test_blocks_limited(void)
{
	limit.mappings = 0;
	limit.blocks = 1;
	limit.pool = MAX_POOL;
	run(NAT_FILTER_EIF);
	run(NAT_FILTER_ADF);
}

static void
test_pool_small(void)
{
	limit.mappings = 0;
	limit.blocks = 3;
	limit.pool = 2;
	run(NAT_FILTER_EIF);
	run(NAT_FILTER_ADF);
}

/* Room for few ports in quarantine: those that were freed last stay, the others go early. */
static void
test_quarantine_small(void)
{
	limit.mappings = 0;
	limit.blocks = 3;
	limit.pool = MAX_POOL;
	limit.quarantine = 100;
	run(NAT_FILTER_EIF);
	run(NAT_FILTER_ADF);
}

/* The runs above were tight enough to meet every kind of refusal. */
static void
test_refused(void)
{
	printf("%u at the mapping limit, %u at the block limit, %u without a block ", refused[0],
	       refused[1], refused[2]);
	CU_ASSERT(refused[0] > 0 && refused[1] > 0 && refused[2] > 0);
}

static const struct test_case cases[] = {
	{"random life, mappings limited", test_mappings_limited},
	{"random life, blocks limited", test_blocks_limited},
	{"random life, small pool", test_pool_small},
	{"random life, small quarantine", test_quarantine_small},
	{"refusals of every kind", test_refused},
};
TEST_MAIN("nat_model", cases)
