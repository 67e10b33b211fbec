/* SPDX-License-Identifier: Apache-2.0 */
/* Listings: every record once over any page size, filters against a slow look at all of them. */
#include "test.h"

#include <errno.h>

#include "ctl/dataplane/command_exec.h"
#include "plane_world.h"

enum { FLOWS = 40, MOST = 512 };

static struct cmd_flow flows[MOST];

static struct command
command_of(enum command_kind kind, uint32_t limit)
{
	return (struct command){.magic = COMMAND_MAGIC, .version = COMMAND_VERSION, .kind = kind,
	                        .limit = limit};
}

/* All pages of a listing. => records. */
static unsigned
list_all(struct world *w, struct command c, void *out, size_t record_size)
{
	unsigned n = 0;
	for (unsigned page = 0; page < 10000; page++) {
		struct reply r;
		plane_command(&w->plane, &c, w->now, &r, (uint8_t *)out + n * record_size,
		              (MOST - n) * record_size);
		CU_ASSERT_EQUAL_FATAL(r.status, 0);
		CU_ASSERT(r.kind == c.kind && r.generation == 1 && r.record_size == record_size);
		CU_ASSERT(c.limit == 0 || r.count <= c.limit);
		n += r.count;
		c.cursor = r.cursor;
		if (c.cursor == 0)
			return n;
	}
	CU_FAIL("a listing without end");
	return n;
}

/* Subscribers speak to the internet and, over IPv6, clients to the service. */
static void
open_flows(struct world *w)
{
	struct frame f;
	world_open(w, WORLD_JSON, true);
	for (unsigned i = 0; i < FLOWS; i++) {
		char src[32], dst[32];
		snprintf(src, sizeof(src), "100.64.1.%u", 1 + i % 7);
		snprintf(dst, sizeof(dst), "8.8.8.%u", 1 + i % 3);
		frame_udp(&f, w, INSIDE, src, dst, 1000 + i, 53 + i % 2);
		world_put(w, 0, &f);
		snprintf(src, sizeof(src), "2001:db8:a::%x", 2 + i % 5);
		uint8_t *l4 = frame_ip(&f, w, INSIDE, src, "2001:db8:2::10", 6, 20);
		put16(l4, 3000 + i);
		put16(l4 + 2, 80);
		l4[12] = 5 << 4;
		l4[13] = 2;
		frame_seal(&f);
		world_put(w, 0, &f);
		world_run(w);
		world_flush(w);
	}
}

static void
every_flow_once_whatever_the_page(void)
{
	struct world w;
	open_flows(&w);
	for (uint32_t limit = 0; limit < 90; limit = limit * 2 + 1) {
		unsigned n = list_all(&w, command_of(CMD_FLOWS, limit), flows, sizeof(flows[0]));
		CU_ASSERT_EQUAL(n, 2 * FLOWS);
		uint8_t seen4[FLOWS] = {0}, seen6[FLOWS] = {0};
		for (unsigned i = 0; i < n; i++) {
			const struct cmd_flow *f = &flows[i];
			bool v6 = f->tuple[0].family == FAMILY_V6;
			unsigned port = ntohs(f->tuple[0].sport) - (v6 ? 3000 : 1000);
			CU_ASSERT_FATAL(port < FLOWS);
			CU_ASSERT_EQUAL((v6 ? seen6 : seen4)[port]++, 0);
			CU_ASSERT(f->packets[0] == 1 && f->packets[1] == 0 && f->worker < 2);
			CU_ASSERT(f->idle_ms == 0 && f->left_ms > 0);
			CU_ASSERT_EQUAL(f->policy, v6 ? POLICY_LB : POLICY_NAT);
		}
	}
	world_close(&w);
}

static void
filters_pick_what_they_say(void)
{
	static struct cmd_flow all[MOST];
	struct world w;
	open_flows(&w);
	unsigned n = list_all(&w, command_of(CMD_FLOWS, 0), all, sizeof(all[0]));
	for (unsigned field = 0; field < 9; field++) {
		struct command c = command_of(CMD_FLOWS, 3);
		struct cmd_filter *cf = &c.filter;
		const struct cmd_flow *like = &all[n / 3];
		cf->family = field == 0 ? like->tuple[0].family : 0;
		cf->proto = field == 1 ? like->tuple[0].proto : 0;
		cf->policy = field == 2 ? (uint8_t)(like->policy + 1) : 0;
		cf->state = field == 3 ? like->state : 0;
		cf->sport = field == 4 ? like->tuple[0].sport : 0;
		cf->dport = field == 5 ? like->tuple[0].dport : 0;
		cf->worker = field == 6 ? (uint16_t)(like->worker + 1) : 0;
		if (field == 7)
			cf->src = like->tuple[0].src;
		if (field == 8)
			cf->any = like->tuple[1].dst; /* the pool address, or the client */
		unsigned wanted = 0;
		for (unsigned i = 0; i < n; i++) {
			const struct tuple *t = all[i].tuple, *l = like->tuple;
			const bool is[] = {t->family == l->family, t->proto == l->proto,
			                   all[i].policy == like->policy,
			                   all[i].state == like->state,
			                   t->sport == l->sport, t->dport == l->dport,
			                   all[i].worker == like->worker,
			                   addr_equal(&t->src, &l->src),
			                   addr_equal(&t[0].src, &l[1].dst) ||
			                   addr_equal(&t[1].dst, &l[1].dst)};
			wanted += is[field];
		}
		CU_ASSERT(wanted > 0 && wanted <= n);
		CU_ASSERT_EQUAL(list_all(&w, c, flows, sizeof(flows[0])), wanted);
	}
	world_close(&w);
}

/* Sums by backend, whatever the page, of all workers and of one, are those of the flow listing. */
static void
backends_add_up(void)
{
	static struct cmd_backend rows[MOST];
	struct world w;
	open_flows(&w);
	unsigned n = list_all(&w, command_of(CMD_FLOWS, 0), flows, sizeof(flows[0]));
	for (unsigned k = 0; k < 24; k++) {
		static const uint32_t limits[] = {0, 1, 2, 3, 5, 100};
		struct command c = command_of(CMD_BACKENDS, limits[k % 6]);
		c.filter.worker = (uint16_t)(k / 6 % 3);
		c.filter.owner = k / 18 != 0 ? flows[n - 1].owner + 1 : 0;
		uint64_t want[4] = {0}, got[4] = {0};
		for (unsigned i = 0; i < n; i++) {
			const struct cmd_flow *f = &flows[i];
			if (f->policy != POLICY_LB ||
			    (c.filter.worker != 0 && c.filter.worker != f->worker + 1) ||
			    (c.filter.owner != 0 && c.filter.owner != f->owner + 1))
				continue;
			want[0]++;
			want[1] += f->packets[0];
			want[2] += f->bytes[0];
			want[3] += f->owner;
		}
		unsigned m = list_all(&w, c, rows, sizeof(rows[0]));
		for (unsigned i = 0; i < m; i++) {
			CU_ASSERT(rows[i].flows != 0 && rows[i].active == 0); /* SYNs alone */
			CU_ASSERT(rows[i].packets[1] == 0 && rows[i].bytes[1] == 0);
			got[0] += rows[i].flows;
			got[1] += rows[i].packets[0];
			got[2] += rows[i].bytes[0];
			got[3] += rows[i].owner * rows[i].flows;
		}
		CU_ASSERT_EQUAL(memcmp(want, got, sizeof(want)), 0);
		CU_ASSERT(want[0] != 0 || c.filter.worker != 0);
		CU_ASSERT(limits[k % 6] != 0 || m <= 4); /* a backend has one row of a page */
	}
	world_close(&w);
}

static void
idle_flows_are_over(void)
{
	struct world w;
	open_flows(&w);
	w.now += 24 * 3600 * SECOND; /* nobody has swept yet */
	CU_ASSERT_EQUAL(list_all(&w, command_of(CMD_FLOWS, 0), flows, sizeof(flows[0])), 0);
	world_close(&w);
}

static void
translation_is_listed(void)
{
	static struct cmd_mapping mappings[MOST];
	static struct cmd_subscriber subscribers[MOST];
	static struct cmd_pool_address pools[MOST];
	struct world w;
	open_flows(&w);
	for (uint32_t limit = 1; limit < 60; limit = limit * 3) {
		CU_ASSERT_EQUAL(list_all(&w, command_of(CMD_MAPPINGS, limit), mappings,
		                         sizeof(mappings[0])), FLOWS);
		CU_ASSERT_EQUAL(list_all(&w, command_of(CMD_SUBSCRIBERS, limit), subscribers,
		                         sizeof(subscribers[0])), 7);
		CU_ASSERT_EQUAL(list_all(&w, command_of(CMD_POOLS, limit), pools, sizeof(pools[0])),
		                4);
	}
	world_close(&w);
}

/* Pages of a count, which has no rows. => their sum. */
static unsigned
count_all(struct world *w, struct command c)
{
	unsigned n = 0;
	c.flags = CMD_COUNT;
	do {
		struct reply r;
		plane_command(&w->plane, &c, w->now, &r, NULL, 0x10000);
		CU_ASSERT(r.status == 0 && r.record_size == 0);
		n += r.count;
		c.cursor = r.cursor;
	} while (c.cursor != 0);
	return n;
}

static void
rows_are_counted(void)
{
	static struct cmd_block blocks[MOST];
	struct world w;
	open_flows(&w);
	unsigned n = list_all(&w, command_of(CMD_BLOCKS, 2), blocks, sizeof(blocks[0])), ports = 0;
	for (unsigned i = 0; i < n; i++)
		ports += blocks[i].mapped;
	CU_ASSERT(n >= 7 && ports == FLOWS);
	CU_ASSERT_EQUAL(count_all(&w, command_of(CMD_BLOCKS, 0)), n);
	CU_ASSERT_EQUAL(count_all(&w, command_of(CMD_MAPPINGS, 1)), FLOWS);
	CU_ASSERT_EQUAL(count_all(&w, command_of(CMD_SUBSCRIBERS, 0)), 7);
	CU_ASSERT_EQUAL(count_all(&w, command_of(CMD_FLOWS, 0)),
	                list_all(&w, command_of(CMD_FLOWS, 0), flows, sizeof(flows[0])));
	struct command c = command_of(CMD_SUBSCRIBERS, 0);
	c.filter.nat.port_first = c.filter.nat.port_last = blocks[0].first;
	c.filter.nat.external = blocks[0].external;
	c.filter.nat.external_mask = 0xffffffff;
	CU_ASSERT_EQUAL(count_all(&w, c), 1);
	c.kind = CMD_POOLS; /* come whole */
	c.flags = CMD_COUNT;
	CU_ASSERT_EQUAL(command_check(&c, sizeof(c)), -EINVAL);
	world_close(&w);
}

static struct cmd_cut
cut_state(struct world *w)
{
	struct cmd_cut cut;
	CU_ASSERT_EQUAL(list_all(w, command_of(CMD_CUT_SHOW, 0), &cut, sizeof(cut)), 1);
	return cut;
}

/* One subscriber's mappings go, once every worker has walked; the others' and IPv6 stay. */
static void
flows_are_cut(void)
{
	struct world w;
	struct reply r;
	open_flows(&w);
	struct command c = command_of(CMD_MAPPINGS, 0);
	c.filter.nat.inside = htobe32(0x64400103);
	c.filter.nat.inside_mask = 0xffffffff;
	unsigned all = count_all(&w, command_of(CMD_FLOWS, 0)), his = count_all(&w, c);
	CU_ASSERT(his > 0 && his < FLOWS && cut_state(&w).busy == 0);
	c.kind = CMD_CUT;
	c.cursor = 7;
	plane_command(&w.plane, &c, w.now, &r, NULL, 0);
	CU_ASSERT(r.status == -EAGAIN && strlen(r.err) > 0);
	c.cursor = w.plane.gen->number;
	plane_command(&w.plane, &c, w.now, &r, NULL, 0);
	CU_ASSERT(r.status == 0 && r.cursor == 1 && cut_state(&w).busy == w.plane.n_workers);
	plane_command(&w.plane, &c, w.now, &r, NULL, 0);
	CU_ASSERT(r.status == -EBUSY && strlen(r.err) > 0);
	world_run(&w);
	struct cmd_cut cut = cut_state(&w);
	CU_ASSERT(cut.number == 1 && cut.flows == his && cut.busy == 0);
	CU_ASSERT_EQUAL(count_all(&w, command_of(CMD_FLOWS, 0)), all - his);
	c.kind = CMD_MAPPINGS;
	c.cursor = 0;
	CU_ASSERT_EQUAL(count_all(&w, c), 0);
	CU_ASSERT_EQUAL(count_all(&w, command_of(CMD_MAPPINGS, 0)), FLOWS - his);
	c.kind = CMD_CUT;
	c.cursor = w.plane.gen->number;
	plane_command(&w.plane, &c, w.now, &r, NULL, 0);
	CU_ASSERT(r.status == 0 && r.cursor == 2);
	world_run(&w);
	CU_ASSERT(cut_state(&w).flows == 0 && cut_state(&w).busy == 0);
	world_close(&w);
}

static void
interfaces_and_neighbours_are_listed(void)
{
	static struct cmd_nic nics[MOST];
	static struct cmd_neighbour neighbours[MOST];
	struct world w;
	open_flows(&w);
	CU_ASSERT_EQUAL(list_all(&w, command_of(CMD_NICS, 1), nics, sizeof(nics[0])), 3);
	CU_ASSERT(strcmp(nics[1].name, "outside") == 0 && nics[1].vlan == 7 && nics[1].mtu == 1500);
	CU_ASSERT(nics[0].link_up == 1 && nics[0].rx_queues == 2 && nics[0].mac[0] == 2);
	unsigned n = list_all(&w, command_of(CMD_NEIGHBOURS, 1), neighbours, sizeof(neighbours[0]));
	CU_ASSERT_EQUAL(n, 2); /* the gateway and the IPv6 backend */
	CU_ASSERT(neighbours[0].state == 1 && neighbours[0].nic == OUTSIDE);
	world_close(&w);
}

static void
mtus_of_ways_are_listed(void)
{
	static struct cmd_way_mtu rows[MOST];
	struct world w;
	world_open(&w, WORLD_JSON, false);
	uint32_t now_ms = (uint32_t)(w.now / 1000000);
	for (uint32_t i = 0; i < 7; i++) {
		union addr a = addr_from_v4(0x0a000001 + i);
		way_mtu_learn(&w.plane.shared.way_mtus, &a, FAMILY_V4, 1400 + i, now_ms - 1000);
	}
	for (unsigned limit = 0; limit < 8; limit++) {
		uint32_t sum = 0;
		struct command c = command_of(CMD_WAY_MTUS, limit);
		CU_ASSERT_EQUAL_FATAL(list_all(&w, c, rows, sizeof(rows[0])), 7);
		for (unsigned i = 0; i < 7; i++) {
			union addr a = addr_from_v4(0x0a000001 + rows[i].mtu - 1400u);
			CU_ASSERT(addr_equal(&rows[i].address, &a) && rows[i].family == FAMILY_V4);
			CU_ASSERT_EQUAL(rows[i].left_ms, WAY_MTU_MS - 1000);
			sum += rows[i].mtu;
		}
		CU_ASSERT_EQUAL(sum, 7 * 1403);
	}
	world_close(&w);
}

static void
waiting_neighbours_are_listed(void)
{
	static struct cmd_neighbour neighbours[MOST];
	struct world w;
	struct frame f;
	world_open(&w, WORLD_JSON, false);
	frame_udp(&f, &w, INSIDE, "100.64.0.9", "8.8.8.8", 1000, 53);
	world_put(&w, 0, &f);
	world_put(&w, 0, &f);
	world_run(&w);
	unsigned n = list_all(&w, command_of(CMD_NEIGHBOURS, 0), neighbours, sizeof(neighbours[0]));
	CU_ASSERT(n == 1 && neighbours[0].state == 2 && neighbours[0].queued == 2);
	world_close(&w);
}

static void
nonsense_is_refused(void)
{
	struct world w;
	struct reply r;
	uint8_t out[64];
	world_open(&w, WORLD_JSON, true);
	struct command c = command_of(CMD_APPLY, 0);
	c.size = 100000;
	plane_command(&w.plane, &c, w.now, &r, out, sizeof(out));
	CU_ASSERT(r.status == -EINVAL && strlen(r.err) > 0);
	c = command_of(CMD_MAX, 0);
	plane_command(&w.plane, &c, w.now, &r, out, sizeof(out));
	CU_ASSERT_EQUAL(r.status, -EINVAL);
	c = command_of(CMD_FLOWS, 0);
	plane_command(&w.plane, &c, w.now, &r, out, sizeof(out));
	CU_ASSERT_EQUAL(r.status, -EMSGSIZE);
	uint64_t state = test_seed();
	static uint8_t room[4096];
	for (unsigned i = 0; i < 2000; i++) { /* any cursor is survived */
		c = command_of(CMD_FLOWS + (unsigned)(test_random(&state) % 8), 0);
		c.cursor = test_random(&state) >> test_random(&state) % 64;
		plane_command(&w.plane, &c, w.now, &r, room, sizeof(room));
		CU_ASSERT(r.status == 0 && (size_t)r.count * r.record_size <= sizeof(room));
	}
	c = command_of(CMD_HELLO, 0);
	plane_command(&w.plane, &c, w.now, &r, out, sizeof(out));
	CU_ASSERT(r.status == 0 && r.generation == 1 && r.count == 0);
	world_close(&w);
}

static const struct test_case cases[] = {
	{"every flow once, whatever the page", every_flow_once_whatever_the_page},
	{"filters pick what they say", filters_pick_what_they_say},
	{"backends add up", backends_add_up},
	{"idle flows are over", idle_flows_are_over},
	{"translation is listed", translation_is_listed},
	{"rows are counted", rows_are_counted},
	{"flows are cut", flows_are_cut},
	{"interfaces and neighbours are listed", interfaces_and_neighbours_are_listed},
	{"MTUs of ways are listed", mtus_of_ways_are_listed},
	{"waiting neighbours are listed", waiting_neighbours_are_listed},
	{"nonsense is refused", nonsense_is_refused},
};

TEST_MAIN("command_exec", cases)
