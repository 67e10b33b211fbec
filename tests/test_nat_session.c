/* SPDX-License-Identifier: Apache-2.0 */
/* Records of single flows, where a rule asks for them. */
#include "nat_world.h"

#define SERVER ip(198, 51, 100, 1)
#define QUIET ip(100, 64, 0, 7)
#define WATCHED ip(100, 65, 0, 9)
enum { UDP = IPPROTO_L4_UDP, TCP = IPPROTO_L4_TCP };

static struct nat_world *w;
static struct flow_spec spec;
static struct world_flow out, in, other;

/* Sessions of 100.65.0.0/16 are logged, those of the others are not. */
static void
begin(void)
{
	w = world_new();
	world_pool(w, 1024, 2047, 64, 4);
	world_address(w, 0, ip(203, 0, 113, 1));
	world_rule(w, ip(100, 65, 0, 0), 16, W_INSIDE, NAT_FILTER_EIF, 0)->log_sessions = 1;
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
	world_apply(w);
}

static struct record
next_record(void)
{
	struct record r = {.event = 0};
	record_take(&w->ring[0], &r, 1);
	return r;
}

static void
expect(struct record r, uint8_t event, uint8_t proto, be32 far, unsigned far_port)
{
	CU_ASSERT(r.event == event && r.proto == proto && r.far == far && r.far_port == far_port);
	CU_ASSERT(r.subscriber == WATCHED && r.external == ip(203, 0, 113, 1) && r.realm == 1);
	CU_ASSERT(r.inside_port == 5000 && r.port_first == r.port_last && r.port_first >= 1024);
	CU_ASSERT_EQUAL(r.time_ns, w->ms * 1000000u);
}

/* Both flows of a mapping, the one that a stranger opened too; counts from inside come first. */
static void
test_both_directions(void)
{
	begin();
	world_out(w, UDP, WATCHED, 5000, SERVER, 53, &spec, &out);
	expect(next_record(), RECORD_SESSION_CREATE, UDP, SERVER, 53);
	world_in(w, UDP, ip(192, 0, 2, 8), 777, spec.reply.dst.w[0], spec.reply.dport, &spec, &in);
	expect(next_record(), RECORD_SESSION_CREATE, UDP, ip(192, 0, 2, 8), 777);
	w->ms += 1000;
	flow_count(&out.f, 0, 100);
	flow_count(&out.f, 0, 50);
	out.f.flags |= FLOW_ANSWERED;
	flow_count(&out.f, 1, 7);
	world_end(w, &out);
	struct record r = next_record();
	expect(r, RECORD_SESSION_DELETE, UDP, SERVER, 53);
	CU_ASSERT(r.packets_out == 2 && r.bytes_out == 150 && r.packets_in == 1 && r.bytes_in == 7);
	flow_count(&in.f, 0, 9);
	world_end(w, &in);
	r = next_record();
	expect(r, RECORD_SESSION_DELETE, UDP, ip(192, 0, 2, 8), 777);
	CU_ASSERT(r.packets_out == 0 && r.bytes_out == 0 && r.packets_in == 1 && r.bytes_in == 9);
	CU_ASSERT_EQUAL(next_record().event, 0);
	world_free(w);
}

static void
test_by_rule(void)
{
	begin();
	world_out(w, TCP, QUIET, 5000, SERVER, 80, &spec, &other);
	world_end(w, &other);
	CU_ASSERT_EQUAL(next_record().event, 0);
	world_out(w, TCP, WATCHED, 5000, SERVER, 80, &spec, &out);
	expect(next_record(), RECORD_SESSION_CREATE, TCP, SERVER, 80);
	world_free(w);
}

/* A flow that did not come to be ends with nothing carried. */
static void
test_undone(void)
{
	begin();
	struct miss m = world_miss(w, W_INSIDE, UDP, WATCHED, port(5000), SERVER, port(53));
	CU_ASSERT_EQUAL(world_open(w, &m, &spec, &out), VERDICT_OPEN);
	expect(next_record(), RECORD_SESSION_CREATE, UDP, SERVER, 53);
	nat_policy.undo(w->state[0], &m, &spec);
	struct record r = next_record();
	expect(r, RECORD_SESSION_DELETE, UDP, SERVER, 53);
	CU_ASSERT(r.packets_out == 0 && r.packets_in == 0 && r.bytes_out == 0 && r.bytes_in == 0);
	world_free(w);
}

static const struct test_case cases[] = {
	{"both directions", test_both_directions},
	{"by rule", test_by_rule},
	{"undone", test_undone},
};
TEST_MAIN("nat_session", cases)
