/* SPDX-License-Identifier: Apache-2.0 */
/* Other protocols: addresses, homes, refusals, records. The pair itself: nat/other-pair. */
#include "nat/other.h"
#include "nat/unmapped.h"
#include "nat_world.h"

#define SERVER ip(198, 51, 100, 1)
#define HOST ip(100, 64, 0, 7)
enum { UDP = IPPROTO_L4_UDP, GRE = 47, HOSTS = 40 };

static struct nat_world *w;
static struct flow_spec spec;
static struct world_flow flow;

static void
begin(uint16_t workers, uint8_t class_bits, uint8_t other)
{
	w = world_new();
	w->plane.workers = workers;
	w->plane.steer_class_bits = class_bits;
	w->plane.steer_split_blocks = 1u << class_bits < workers;
	w->plane.steer_block_shift = 9;
	w->conf.log = NAT_LOG_BLOCKS;
	world_pool(w, 1024, 65535, 512, 4);
	for (unsigned i = 0; i < 4; i++)
		world_address(w, 0, ip(203, 0, 113, 8 + i));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0)->other = other;
	world_apply(w);
}

/* Replies come home by themselves, with and without divided ports, on any number of workers. */
static void
test_homes(void)
{
	static const struct { uint16_t workers; uint8_t bits; } shapes[] = {{1, 0}, {4, 2}, {4, 1}};
	for (unsigned k = 0; k < 3; k++) {
		begin(shapes[k].workers, shapes[k].bits, NAT_OTHER_PAIR);
		for (unsigned i = 0; i < HOSTS; i++) {
			struct miss out = world_miss(w, W_INSIDE, GRE, ip_add(HOST, i), 0, SERVER,
			                             0);
			int home = nat_policy.home(w->gen, &out);
			CU_ASSERT_EQUAL_FATAL(world_open(w, &out, &spec, &flow), VERDICT_OPEN);
			CU_ASSERT_EQUAL(spec.owner, OWNER_PAIR);
			CU_ASSERT_EQUAL(spec.taken, DROP_NAT_PAIR_TAKEN);
			CU_ASSERT(spec.reply.sport == 0 && spec.reply.dport == 0);
			CU_ASSERT_EQUAL(spec.reply.realm, 0);
			struct miss in = world_miss(w, W_OUTSIDE, GRE, SERVER, 0,
			                            spec.reply.dst.w[0], 0);
			CU_ASSERT_EQUAL(nat_policy.home(w->gen, &in), home);
		}
		world_free(w);
	}
}

/* Addresses drain, one after the other, and all: who has a pair is at home where it is. */
static void
test_homes_stay(void)
{
	static const struct { uint16_t workers; uint8_t bits; } shapes[] =
		{{1, 0}, {4, 2}, {4, 1}, {3, 1}};
	for (unsigned k = 0; k < 4; k++) {
		int home[HOSTS];
		unsigned refused = 0;
		begin(shapes[k].workers, shapes[k].bits, NAT_OTHER_PAIR);
		for (unsigned drained = 0; drained <= 4; drained++) {
			for (unsigned i = 0; i < HOSTS; i++) {
				struct miss out = world_miss(w, W_INSIDE, GRE, ip_add(HOST, i), 0,
				                             SERVER, 0);
				int at = nat_policy.home(w->gen, &out);
				home[i] = drained == 0 ? at : home[i];
				CU_ASSERT_EQUAL_FATAL(at, home[i]);
				if (world_open(w, &out, &spec, &flow) != VERDICT_OPEN) {
					refused++;
					continue;
				}
				struct miss in = world_miss(w, W_OUTSIDE, GRE, SERVER, 0,
				                            spec.reply.dst.w[0], 0);
				CU_ASSERT_EQUAL(nat_policy.home(w->gen, &in), at);
			}
			CU_ASSERT(refused == 0 || drained != 0);
			if (drained < 4)
				w->address[drained].drain = 1;
			world_apply(w);
		}
		CU_ASSERT(refused >= HOSTS);
		world_free(w);
	}
}

/* RFC 4787 REQ-2, as far as it goes: the address of the subscriber's mappings. */
static void
test_paired(void)
{
	begin(1, 0, NAT_OTHER_PAIR);
	for (unsigned i = 0; i < HOSTS; i++) {
		world_out(w, UDP, ip_add(HOST, i), 5000, SERVER, 53, &spec, &flow);
		be32 external = spec.reply.dst.w[0];
		world_out(w, GRE, ip_add(HOST, i), 0, SERVER, 0, &spec, &flow);
		CU_ASSERT_EQUAL(spec.reply.dst.w[0], external);
	}
	/* Not of one that gives nothing any more. */
	for (unsigned i = 0; i < 3; i++)
		w->address[i].drain = 1;
	world_apply(w);
	for (unsigned i = 0; i < HOSTS; i++) {
		world_out(w, GRE, ip_add(HOST, i), 0, SERVER, 0, &spec, &flow);
		CU_ASSERT_EQUAL(spec.reply.dst.w[0], w->address[3].address);
	}
	w->address[3].drain = 1;
	world_apply(w);
	CU_ASSERT_EQUAL(world_out(w, GRE, HOST, 0, SERVER, 0, &spec, &flow), VERDICT_UNREACHABLE);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_NO_PORT);
	world_free(w);
}

static void
test_refused(void)
{
	begin(1, 0, NAT_OTHER_PAIR);
	CU_ASSERT_EQUAL(world_in(w, GRE, SERVER, 0, ip(203, 0, 113, 8), 0, &spec, &flow),
	                VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_NO_MAPPING);
	world_free(w);
	begin(1, 0, NAT_OTHER_DROP);
	CU_ASSERT_EQUAL(world_out(w, GRE, HOST, 0, SERVER, 0, &spec, &flow), VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_IP_PROTOCOL);
	CU_ASSERT_EQUAL(world_in(w, GRE, SERVER, 0, ip(203, 0, 113, 8), 0, &spec, &flow),
	                VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_IP_PROTOCOL);
	/* Each by his own rule. */
	world_rule(w, ip(10, 0, 0, 0), 8, W_INSIDE, NAT_FILTER_EIF, 0)->other = NAT_OTHER_PAIR;
	world_apply(w);
	CU_ASSERT_EQUAL(world_out(w, GRE, HOST, 0, SERVER, 0, &spec, &flow), VERDICT_DROP);
	CU_ASSERT_EQUAL(spec.drop, DROP_IP_PROTOCOL);
	CU_ASSERT_EQUAL(world_out(w, GRE, ip(10, 0, 0, 1), 0, SERVER, 0, &spec, &flow),
	                VERDICT_OPEN);
	world_free(w);
}

/* Who had the address for the protocol is logged with blocks, since no block says so. */
static void
test_records(void)
{
	struct record rec[3];
	begin(1, 0, NAT_OTHER_PAIR);
	struct miss m = world_miss(w, W_INSIDE, GRE, HOST, 0, SERVER, 0);
	CU_ASSERT_EQUAL_FATAL(world_open(w, &m, &spec, &flow), VERDICT_OPEN);
	CU_ASSERT_EQUAL(record_take(&w->ring[0], rec, 3), 0);
	nat_policy.opened(w->state[0], &m, &spec);
	world_answer(w, &flow);
	world_end(w, &flow);
	CU_ASSERT_EQUAL_FATAL(record_take(&w->ring[0], rec, 3), 2);
	CU_ASSERT_EQUAL(rec[0].event, RECORD_MAPPING_CREATE);
	CU_ASSERT_EQUAL(rec[1].event, RECORD_MAPPING_DELETE);
	for (unsigned i = 0; i < 2; i++)
		CU_ASSERT(rec[i].subscriber == HOST && rec[i].proto == GRE && rec[i].realm == 1 &&
		          rec[i].external == spec.reply.dst.w[0] && rec[i].pool == 0 &&
		          rec[i].port_first == 0 && rec[i].far == SERVER);
	/* One that was never made leaves nothing. */
	world_open(w, &m, &spec, &flow);
	nat_policy.undo(w->state[0], &m, &spec);
	CU_ASSERT_EQUAL(record_take(&w->ring[0], rec, 3), 0);
	world_free(w);
}

/* The flow as a filter or a new generation is asked about it. */
static struct flow4
as_kept(const struct world_flow *f)
{
	struct flow4 f4 = {.f = f->f};
	f4.f.realm[0] = f->t[0].realm;
	f4.f.realm[1] = f->t[1].realm;
	f4.tuple[0] = tuple_to4(&f->t[0]);
	f4.tuple[1] = tuple_to4(&f->t[1]);
	return f4;
}

static bool
is_chosen(struct cmd_nat_filter what)
{
	struct flow4 f4 = as_kept(&flow);
	return nat_policy.chosen(w->state[0], &f4.f, &what);
}

/* What is asked of ports never ends a pair, which has none; its pool is that of its address. */
static void
test_chosen(void)
{
	begin(1, 0, NAT_OTHER_PAIR);
	CU_ASSERT_EQUAL_FATAL(world_out(w, GRE, HOST, 0, SERVER, 0, &spec, &flow), VERDICT_OPEN);
	CU_ASSERT_TRUE(is_chosen((struct cmd_nat_filter){.inside = HOST, .inside_mask = ~0u}));
	CU_ASSERT_TRUE(is_chosen((struct cmd_nat_filter){.pool = 1}));
	CU_ASSERT_FALSE(is_chosen((struct cmd_nat_filter){.pool = 2}));
	CU_ASSERT_FALSE(is_chosen((struct cmd_nat_filter){.port_first = 80, .port_last = 80}));
	CU_ASSERT_FALSE(is_chosen((struct cmd_nat_filter){.inside_first = 80, .inside_last = 80}));
	world_free(w);
}

static bool
is_stale(void)
{
	struct flow4 f4 = as_kept(&flow);
	world_apply(w);
	return nat_policy.stale(w->state[0], NULL) && nat_policy.stale(w->state[0], &f4.f);
}

/* A generation that would not let the pair out ends it; one that would does not. */
static void
test_stale(void)
{
	begin(1, 0, NAT_OTHER_PAIR);
	CU_ASSERT_EQUAL_FATAL(world_out(w, GRE, HOST, 0, SERVER, 0, &spec, &flow), VERDICT_OPEN);
	be32 external = spec.reply.dst.w[0];
	CU_ASSERT_FALSE(is_stale());
	CU_ASSERT_FALSE(nat_policy.stale(w->state[0], NULL));
	w->rule[0].other = NAT_OTHER_DROP;
	CU_ASSERT_TRUE(is_stale());
	w->rule[0].other = NAT_OTHER_PAIR;
	CU_ASSERT_FALSE(is_stale());
	/* A rule before it that lets pass what goes there; or only what goes elsewhere. */
	struct img_nat_rule pass = {.name = "pass", .source = ip(100, 64, 0, 0), .plen = 10,
		.nic = NIC_NONE, .action = NAT_PASS, .destination = SERVER,
		.destination_plen = 32, .last = 65535, .timers = 1};
	w->rule[w->n_rules++] = w->rule[0];
	w->rule[0] = pass;
	CU_ASSERT_TRUE(is_stale());
	w->rule[0].destination = ip_add(SERVER, 1);
	CU_ASSERT_FALSE(is_stale());
	w->rule[0] = w->rule[--w->n_rules];
	w->rule[0].source = ip(100, 128, 0, 0);
	CU_ASSERT_TRUE(is_stale());
	w->rule[0].source = ip(100, 64, 0, 0);
	w->rule[0].nic = W_OTHER;
	CU_ASSERT_TRUE(is_stale());
	w->rule[0].nic = W_INSIDE;
	world_pool(w, 1024, 65535, 512, 4);
	world_address(w, 1, ip(203, 0, 113, 99));
	w->rule[0].pool = 1;
	CU_ASSERT_TRUE(is_stale());
	w->rule[0].pool = 0;
	CU_ASSERT_FALSE(is_stale());
	for (unsigned i = 0; i < 4; i++)
		if (w->address[i].address == external)
			w->address[i].address = ip(203, 0, 113, 77);
	CU_ASSERT_TRUE(is_stale());
	world_free(w);
}

/* What is a static mapping's has no pair, and one that it had ends. */
static void
test_static(void)
{
	begin(1, 0, NAT_OTHER_PAIR);
	world_out(w, UDP, HOST, 5000, SERVER, 53, &spec, &flow);
	be32 external = spec.reply.dst.w[0];
	world_out(w, GRE, HOST, 0, SERVER, 0, &spec, &flow);
	CU_ASSERT_EQUAL_FATAL(spec.reply.dst.w[0], external);
	world_static(w, static_key(1, ip(10, 0, 0, 1), 0, 0), static_key(0, external, 0, 0),
	             1 << 24);
	CU_ASSERT_TRUE(is_stale());
	for (unsigned i = 0; i < HOSTS; i++) {
		enum verdict v = world_out(w, GRE, ip_add(HOST, i), 0, SERVER, 0, &spec, &flow);
		CU_ASSERT_EQUAL_FATAL(v, VERDICT_OPEN);
		CU_ASSERT_NOT_EQUAL(spec.reply.dst.w[0], external);
		struct flow4 f4 = as_kept(&flow);
		CU_ASSERT_FALSE(nat_policy.stale(w->state[0], &f4.f));
	}
	world_free(w);
}

/* No pair begins whose record would be lost, where the log refuses that. */
static void
test_log_full(void)
{
	static const struct record any;
	begin(1, 0, NAT_OTHER_PAIR);
	while (record_put(&w->ring[0], &any))
		;
	CU_ASSERT_EQUAL(world_out(w, GRE, HOST, 0, SERVER, 0, &spec, &flow), VERDICT_OPEN);
	w->conf.log_refuses = 1;
	world_apply(w);
	CU_ASSERT_EQUAL(world_out(w, GRE, HOST, 0, SERVER, 0, &spec, &flow), VERDICT_UNREACHABLE);
	CU_ASSERT_EQUAL(spec.drop, DROP_NAT_LOG_FULL);
	w->conf.log = NAT_LOG_NONE;
	world_apply(w);
	CU_ASSERT_EQUAL(world_out(w, GRE, HOST, 0, SERVER, 0, &spec, &flow), VERDICT_OPEN);
	world_free(w);
}

static const struct test_case cases[] = {
	{"homes", test_homes},
	{"homes stay", test_homes_stay},
	{"the address of its mappings", test_paired},
	{"what is refused", test_refused},
	{"records", test_records},
	{"what a filter chooses", test_chosen},
	{"what a generation cuts", test_stale},
	{"addresses of static mappings", test_static},
	{"a log without room", test_log_full},
};
TEST_MAIN("nat_other", cases)
