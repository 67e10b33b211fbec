/* SPDX-License-Identifier: Apache-2.0 */
/* Next-hop resolution: asked, held, sent, given up, kept true; through the production workers. */
#include "test.h"

#include "ctl/dataplane/neighbour.h"
#include "ctl/dataplane/slow.h"
#include "plane_world.h"

#define GATEWAY "198.51.100.1"

/* A subscriber's datagram to somewhere: NAT opens a flow, the next hop is to be found. */
static void
send_to(struct world *w, const char *dst, unsigned sport)
{
	struct frame f;
	frame_udp(&f, w, INSIDE, "100.64.0.9", dst, sport, 53);
	world_put(w, 0, &f);
}

/* The next frame out of the outside device is an ARP request for target, to mac. */
static void
expect_request(struct world *w, const char *target, const uint8_t mac[6])
{
	struct frame f;
	union addr from = world_addr("198.51.100.2"), t = world_addr(target);
	CU_ASSERT_FATAL(world_take(w, 1, &f));
	uint8_t *a = frame_l3(&f);
	CU_ASSERT(memcmp(f.d, mac, 6) == 0 && get16(f.d + 14) == 7 && get16(f.d + 16) == ETHER_ARP);
	CU_ASSERT(get16(a + 6) == 1 && memcmp(a + 14, &from, 4) == 0 && memcmp(a + 24, &t, 4) == 0);
}

static void
answer(struct world *w, const char *from)
{
	struct frame f;
	frame_arp(&f, w, OUTSIDE, 2, from, "198.51.100.2");
	world_put(w, 1, &f);
	world_run(w);
}

static void
open_quiet(struct world *w)
{
	world_open(w, WORLD_JSON, false);
	world_wait(w, SECOND);
	world_flush(w);
}

static void
packets_wait_for_the_answer(void)
{
	struct world w;
	struct frame f;
	open_quiet(&w);
	for (unsigned i = 0; i < 3; i++)
		send_to(&w, "8.8.8.8", 1000 + i);
	world_run(&w);
	expect_request(&w, GATEWAY, world_all);
	CU_ASSERT_FALSE(world_take(&w, 1, &f));
	CU_ASSERT_EQUAL(world_slow(&w)->held, 3);
	CU_ASSERT_EQUAL(world_slow(&w)->nic[INSIDE].held, 3);
	CU_ASSERT_EQUAL(plane_next_timer(&w.plane), w.now + SECOND);
	answer(&w, GATEWAY);
	CU_ASSERT_EQUAL(world_slow(&w)->held, 0);
	for (unsigned i = 0; i < 3; i++) {
		CU_ASSERT_FATAL(world_take(&w, 1, &f));
		uint8_t *ip = frame_l3(&f);
		CU_ASSERT(memcmp(f.d, world_peer, 6) == 0 && frame_is_sound(&f) && ip[8] == 63);
		CU_ASSERT(ip[12] == 203 && ip[14] == 113); /* translated before it waited */
	}
	send_to(&w, "8.8.8.8", 1000);
	world_run(&w);
	CU_ASSERT(world_take(&w, 1, &f) && memcmp(f.d, world_peer, 6) == 0);
	CU_ASSERT_EQUAL(world_slow(&w)->handoff[HANDOFF_TX], 3); /* this one did not come by */
	world_close(&w);
}

static void
silence_is_given_up_on(void)
{
	struct world w;
	open_quiet(&w);
	send_to(&w, "8.8.8.8", 1000);
	world_run(&w);
	for (unsigned i = 0; i < NEIGHBOUR_TRIES; i++) {
		expect_request(&w, GATEWAY, world_all);
		CU_ASSERT_EQUAL(world_slow(&w)->dropped[DROP_NO_NEIGHBOUR], 0);
		world_wait(&w, SECOND - 1);
		CU_ASSERT_EQUAL(world_flush(&w), 0);
		world_wait(&w, 1);
	}
	CU_ASSERT_EQUAL(world_slow(&w)->dropped[DROP_NO_NEIGHBOUR], 1);
	world_flush(&w);
	send_to(&w, "8.8.8.8", 1000);
	world_run(&w); /* absent for a while: dropped at once */
	CU_ASSERT_EQUAL(world_slow(&w)->dropped[DROP_NO_NEIGHBOUR], 2);
	world_wait(&w, NEIGHBOUR_ABSENT_NS);
	world_flush(&w);
	send_to(&w, "8.8.8.8", 1000);
	world_run(&w);
	expect_request(&w, GATEWAY, world_all);
	answer(&w, GATEWAY);
	CU_ASSERT_EQUAL(world_flush(&w), 1);
	world_close(&w);
}

/* The subscriber is told in its own terms, though what waited was translated already. */
static void
silence_is_told_to_the_sender(void)
{
	struct world w;
	struct frame f;
	open_quiet(&w);
	frame_arp(&f, &w, INSIDE, 1, "100.64.0.9", "100.64.0.1");
	world_put(&w, 0, &f);
	world_run(&w);
	world_flush(&w);
	send_to(&w, "8.8.8.8", 1000);
	for (unsigned i = 0; i < 1 + NEIGHBOUR_TRIES; i++)
		world_wait(&w, SECOND);
	CU_ASSERT_FATAL(world_take(&w, 0, &f));
	union addr to = world_addr("100.64.0.9"), far = world_addr("8.8.8.8");
	uint8_t *e = frame_l4(&f);
	CU_ASSERT(frame_is_sound(&f) && e[0] == 3 && e[1] == 1);
	CU_ASSERT(memcmp(frame_l3(&f) + 16, &to, 4) == 0);
	CU_ASSERT(memcmp(e + 8 + 12, &to, 4) == 0 && memcmp(e + 8 + 16, &far, 4) == 0);
	CU_ASSERT(get16(e + 28) == 1000 && get16(e + 30) == 53);
	send_to(&w, "8.8.8.8", 1001); /* and again while it is absent */
	world_run(&w);
	CU_ASSERT(world_take(&w, 0, &f) && frame_l4(&f)[0] == 3);
	world_close(&w);
}

static void
queues_are_bounded(void)
{
	struct world w;
	open_quiet(&w);
	for (unsigned i = 0; i < NEIGHBOUR_QUEUE + 4; i++)
		send_to(&w, "8.8.8.8", 1000 + i);
	world_run(&w);
	CU_ASSERT_EQUAL(world_slow(&w)->held, NEIGHBOUR_QUEUE);
	CU_ASSERT_EQUAL(world_slow(&w)->dropped[DROP_NEIGHBOUR_QUEUE], 4);
	world_close(&w); /* held buffers come back */
}

/* A packet made here straight into the table: what an address scan of a connected network does. */
static int
output_to(struct world *w, uint32_t host)
{
	struct slow *s = w->plane.slow;
	struct rte_mbuf *m = w->plane.devs[0].ops->alloc(&w->plane.devs[0]);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	m->data_len = 20;
	union addr a = addr_from_v4(htonl(0x64400000 + host));
	*buf_meta(m) = (struct buf_meta){.nic = INSIDE};
	int r = neighbour_output(s, m, INSIDE, FAMILY_V4, &a, true);
	if (r != SLOW_TAKEN)
		w->plane.devs[0].ops->free(&m, 1);
	return r;
}

/* Rows of those that are asked for. */
static unsigned
listed(struct world *w)
{
	struct cmd_neighbour row;
	unsigned n = 0;
	bool end = false;
	for (uint32_t i = 0; !end; i++)
		n += neighbour_row(w->plane.slow, i, &row, &end) && row.state == 2;
	return n;
}

static void
a_scan_fills_only_its_own_table(void)
{
	struct world w;
	open_quiet(&w);
	for (uint32_t i = 0; i < NEIGHBOUR_AWAITED + 10; i++) {
		CU_ASSERT_EQUAL(output_to(&w, 16 + i),
		                i < NEIGHBOUR_AWAITED ? SLOW_TAKEN : DROP_NEIGHBOUR_QUEUE);
		if (i % 16 == 0)
			world_run(&w);
		world_flush(&w);
	}
	world_run(&w);
	CU_ASSERT_EQUAL(w.plane.shared.nexthops.count, NEXTHOP_FIRST);
	CU_ASSERT_EQUAL(listed(&w), NEIGHBOUR_AWAITED);
	for (unsigned i = 0; i < NEIGHBOUR_TRIES; i++) {
		w.now += SECOND;
		for (unsigned turn = 0; turn < 2 * NEIGHBOUR_AWAITED / NEIGHBOUR_PROBES; turn++) {
			world_run(&w);
			world_flush(&w);
		}
	}
	CU_ASSERT_EQUAL(world_slow(&w)->generated_lost, NEIGHBOUR_AWAITED);
	CU_ASSERT_EQUAL(output_to(&w, 9000), SLOW_TAKEN); /* the absent make room */
	world_run(&w);
	world_close(&w);
}

static void
known_ones_are_asked_again(void)
{
	struct world w;
	open_quiet(&w);
	send_to(&w, "8.8.8.8", 1000);
	world_run(&w);
	answer(&w, GATEWAY);
	world_flush(&w);
	for (unsigned round = 0; round < 2; round++) {
		world_wait(&w, NEIGHBOUR_REACHABLE_NS + NEIGHBOUR_STEP_NS);
		expect_request(&w, GATEWAY, world_peer);
		answer(&w, GATEWAY);
		CU_ASSERT_EQUAL(world_flush(&w), 0);
	}
	world_wait(&w, NEIGHBOUR_REACHABLE_NS + NEIGHBOUR_STEP_NS);
	for (unsigned i = 0; i < NEIGHBOUR_TRIES; i++) {
		expect_request(&w, GATEWAY, world_peer);
		world_wait(&w, SECOND);
	}
	uint16_t id = NEXTHOP_FIRST;
	CU_ASSERT_FALSE(nexthop_word_is_up(nexthop_word(&w.plane.shared.nexthops, id)));
	world_flush(&w);
	send_to(&w, "8.8.8.8", 1000); /* dead: asked for anew, by all */
	world_run(&w);
	expect_request(&w, GATEWAY, world_all);
	CU_ASSERT_EQUAL(world_slow(&w)->held, 1);
	answer(&w, GATEWAY);
	CU_ASSERT_EQUAL(world_flush(&w), 1);
	CU_ASSERT_EQUAL(w.plane.shared.nexthops.count, NEXTHOP_FIRST + 1);
	world_close(&w);
}

static void
ipv6_is_found_by_solicitation(void)
{
	struct world w;
	struct frame f;
	open_quiet(&w);
	uint8_t *l4 = frame_ip(&f, &w, OUTSIDE, "2001:db8:1::9", "2001:db8:2::10", 58, 16);
	l4[0] = 128;
	frame_seal(&f);
	world_put(&w, 1, &f); /* echo to the service; the answer has to find its way */
	world_run(&w);
	CU_ASSERT_FATAL(world_take(&w, 1, &f));
	union addr group = world_addr("ff02::1:ff00:9"), target = world_addr("2001:db8:1::9");
	uint8_t *ns = frame_l4(&f);
	CU_ASSERT(frame_is_sound(&f) && ns[0] == 135 && memcmp(ns + 8, &target, 16) == 0);
	CU_ASSERT(memcmp(f.d, "\x33\x33\xff\0\0\x09", 6) == 0);
	CU_ASSERT(memcmp(frame_l3(&f) + 24, &group, 16) == 0 && frame_l3(&f)[7] == 255);
	uint64_t generated = world_slow(&w)->generated;
	l4 = frame_ip(&f, &w, OUTSIDE, "2001:db8:1::9", "2001:db8:1::2", 58, 32);
	l4[0] = 136;
	l4[4] = 0x60;
	memcpy(l4 + 8, &target, 16);
	l4[24] = 2;
	l4[25] = 1;
	memcpy(l4 + 26, world_peer, 6);
	frame_l3(&f)[7] = 255;
	frame_seal(&f);
	world_put(&w, 1, &f);
	world_run(&w);
	CU_ASSERT(world_take(&w, 1, &f) && memcmp(f.d, world_peer, 6) == 0 &&
	          frame_l4(&f)[0] == 129);
	CU_ASSERT_EQUAL(world_slow(&w)->generated - generated, 1);
	CU_ASSERT_EQUAL(world_slow(&w)->held, 0);
	world_close(&w);
}

#define WITH_STATIC(mac) "{" WORLD_WORKERS "," WORLD_NICS "," WORLD_ROUTES "," WORLD_NAT \
	",\"neighbours\": [{\"address\": \"198.51.100.1\", \"mac\": \"" mac "\"}]}"

static void
static_ones_come_from_the_configuration(void)
{
	struct world w;
	struct frame f;
	world_open(&w, WITH_STATIC("02:00:00:00:00:aa"), false);
	world_wait(&w, SECOND);
	world_flush(&w);
	send_to(&w, "8.8.8.8", 1000);
	world_run(&w);
	CU_ASSERT(world_take(&w, 1, &f) && memcmp(f.d, "\2\0\0\0\0\xaa", 6) == 0);
	answer(&w, GATEWAY); /* not believed */
	for (unsigned i = 0; i < 5; i++)
		world_wait(&w, NEIGHBOUR_REACHABLE_NS);
	CU_ASSERT_EQUAL(world_flush(&w), 0); /* and not asked */
	CU_ASSERT_EQUAL(world_apply(&w, WITH_STATIC("02:00:00:00:00:bb")), 0);
	send_to(&w, "8.8.8.8", 1000);
	world_run(&w);
	CU_ASSERT(world_take(&w, 1, &f) && memcmp(f.d, "\2\0\0\0\0\xbb", 6) == 0);
	CU_ASSERT_EQUAL(world_apply(&w, WORLD_JSON), 0);
	world_wait(&w, SECOND);
	world_flush(&w);
	send_to(&w, "8.8.8.8", 1000);
	world_run(&w);
	expect_request(&w, GATEWAY, world_all);
	world_close(&w);
}

static void
who_speaks_is_not_simply_believed(void)
{
	struct world w;
	struct frame f;
	open_quiet(&w);
	struct nexthop_table *t = &w.plane.shared.nexthops;
	frame_arp(&f, &w, OUTSIDE, 1, "198.51.100.8", "198.51.100.8"); /* gratuitous */
	world_put(&w, 1, &f);
	frame_arp(&f, &w, OUTSIDE, 1, "9.9.9.9", "198.51.100.2"); /* not of this link */
	world_put(&w, 1, &f);
	world_run(&w);
	CU_ASSERT_EQUAL(t->count, NEXTHOP_FIRST);
	frame_arp(&f, &w, OUTSIDE, 1, "198.51.100.8", "198.51.100.2");
	world_put(&w, 1, &f);
	world_run(&w);
	CU_ASSERT_EQUAL(t->count, NEXTHOP_FIRST + 1);
	frame_arp(&f, &w, OUTSIDE, 1, "198.51.100.8", "198.51.100.8"); /* known: it has moved */
	frame_l3(&f)[13] = 0x99;
	world_put(&w, 1, &f);
	world_run(&w);
	union addr a = world_addr("198.51.100.8");
	uint64_t word = nexthop_word(t, nexthop_find(t, OUTSIDE, FAMILY_V4, &a));
	CU_ASSERT((word >> 40 & 0xff) == 0x99 && nexthop_word_is_up(word));
	world_close(&w);
}

static void
an_interface_that_changes_forgets(void)
{
	struct world w;
	open_quiet(&w);
	send_to(&w, "8.8.8.8", 1000);
	world_run(&w);
	answer(&w, GATEWAY);
	CU_ASSERT(nexthop_word_is_up(nexthop_word(&w.plane.shared.nexthops, NEXTHOP_FIRST)));
	send_to(&w, "198.51.100.77", 1000);
	world_run(&w);
	CU_ASSERT_EQUAL(world_slow(&w)->held, 1);
	CU_ASSERT_EQUAL(world_apply(&w, "{" WORLD_WORKERS ", \"nics\": ["
	    "{\"name\": \"inside\", \"device\": \"net_a\", \"addresses\": [\"100.64.0.1/10\"]},"
	    "{\"name\": \"outside\", \"device\": \"net_b\", \"vlan\": 9, "
	    "\"addresses\": [\"198.51.100.2/24\"]}]," WORLD_NAT "}"), 0);
	CU_ASSERT_EQUAL(world_slow(&w)->held, 0);
	CU_ASSERT_EQUAL(world_slow(&w)->dropped[DROP_NIC_UNKNOWN], 1);
	CU_ASSERT_FALSE(nexthop_word_is_up(nexthop_word(&w.plane.shared.nexthops, NEXTHOP_FIRST)));
	world_run(&w);
	world_close(&w);
}

static const struct test_case cases[] = {
	{"packets wait for the answer", packets_wait_for_the_answer},
	{"silence is given up on", silence_is_given_up_on},
	{"silence is told to the sender", silence_is_told_to_the_sender},
	{"queues are bounded", queues_are_bounded},
	{"a scan fills only its own table", a_scan_fills_only_its_own_table},
	{"known ones are asked again", known_ones_are_asked_again},
	{"IPv6 is found by solicitation", ipv6_is_found_by_solicitation},
	{"static ones come from the configuration", static_ones_come_from_the_configuration},
	{"who speaks is not simply believed", who_speaks_is_not_simply_believed},
	{"an interface that changes forgets", an_interface_that_changes_forgets},
};

TEST_MAIN("neighbour", cases)
