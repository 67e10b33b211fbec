/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steering together with something else: tables that grow while generations change, rules refused
 * by a later generation, a NIC that lies for one family, VLANs and realms, tunnels, hairpin, a port
 * that comes back otherwise, one that is pulled out. Each flow keeps its home, no packet is lost.
 */
#include <stdio.h>

#include <rte_mbuf.h>

#include "ctl/dataplane/memory.h"
#include "sim_scene.h"
#include "tests/test.h"

enum { FLOWS = 3000, ROOM = 40000, WORKERS = 4, STEPS = 4 };

static const struct sim_model able = {
	.name = "sim_able", .rss_types = TYPES_ALL, .key_size = 40, .reta_size = 128,
	.max_queues = SIM_QUEUES, .rule_queue = 1, .rule_port = 1, .rule_sparse = 1,
	.rule_icmp = 1, .rule_rss = 1};


static struct sim_world w;

static void
opened(const struct sim_model *in, const struct sim_model *out, const struct sim_model *farm,
       unsigned workers, unsigned room, const struct sim_scene *scene)
{
	sim_scene_open(&w, in, out, farm, workers, room, scene);
}

static uint64_t
to_and_fro(const struct sim_kind *kind, unsigned n)
{
	return sim_scene_flows(&w, kind, n);
}

static void
all_live(unsigned n)
{
	CU_ASSERT_EQUAL(sim_world_live(&w), n);
	CU_ASSERT_EQUAL(sim_world_opened(&w), n);
	CU_ASSERT_EQUAL(sim_world_drops(&w), 0);
}

static bool
is_growing(void)
{
	return plane_grow_settle(&w.plane) != 0;
}

/*
 * Each step is another pool and twice the room in one configuration; flows are opened and go on
 * while workers move their indexes, a turn at a time, and until all have ended.
 */
static void
growth_with_another_generation(void)
{
	unsigned room = 2 * FLOWS, n = FLOWS, during = 0;
	opened(&plain, &plain, &plain, WORKERS, room, &many);
	CU_ASSERT_EQUAL(to_and_fro(&nat_kind, n), 0);
	for (unsigned step = 1; step <= STEPS; step++) {
		uint64_t handoffs = sim_world_handoffs(&w);
		sim_world_change(&w, room *= 2, sim_scene_text(&many, step % 2));
		for (unsigned i = 0; i < FLOWS; i += SIM_WARM) {
			during += is_growing();
			CU_ASSERT_EQUAL(sim_world_flows(&w, &nat_kind, i, i + SIM_WARM, 3),
			                SIM_WARM * 4);
			CU_ASSERT_EQUAL(sim_world_flows(&w, &nat_kind, n, n + SIM_WARM, 1),
			                SIM_WARM * 2);
			n += SIM_WARM;
		}
		while (is_growing())
			sim_world_turn(&w);
		CU_ASSERT_EQUAL(sim_world_flows(&w, &nat_kind, 0, n, 3), n * 4);
		CU_ASSERT_EQUAL(sim_world_handoffs(&w), handoffs);
		all_live(n);
	}
	CU_ASSERT(during > STEPS && n > 2 * FLOWS); /* more than there was room for */
	sim_world_close(&w);
}

/* The first configuration's rules find room, some of the second's do not, the third's do again. */
static void
refused_by_a_later_generation(void)
{
	struct sim_model full = ruled;
	opened(&plain, &full, &plain, WORKERS, ROOM, &single);
	const struct cmd_steering *s = &w.plane.steering[SIM_OUTSIDE];
	CU_ASSERT_EQUAL(to_and_fro(&single_kind, FLOWS), 0);
	uint32_t rules = w.nic[SIM_OUTSIDE]->n_rules;
	full.max_rules = rules + rules / 2; /* the second wants twice as many */
	CU_ASSERT(s->strength == 2 && s->rules == rules && s->refused == 0);
	sim_world_apply(&w, ROOM, sim_scene_text(&single, 1));
	CU_ASSERT_EQUAL(s->strength, 3);
	CU_ASSERT(s->rules > rules / 2 && s->rules <= full.max_rules && s->refused > 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(s->reason, "no room"));
	/* Established ones are those of the first address, whose rules stay. */
	CU_ASSERT_EQUAL(to_and_fro(&single_kind, FLOWS), 0);
	all_live(FLOWS);
	full.max_rules = 0;
	sim_world_apply(&w, ROOM, sim_scene_text(&single, 0));
	CU_ASSERT(s->strength == 2 && s->rules == rules && s->refused == 0);
	CU_ASSERT_EQUAL(to_and_fro(&single_kind, FLOWS), 0);
	all_live(FLOWS);
	CU_ASSERT_EQUAL(devices_watch(w.devices), -1);
	sim_world_close(&w);
}

/* Where a device may mask any bits of a port, an address takes as many rules as there are workers,
 * if that is a power of two. */
static void
masks_within_a_port(void)
{
	static const struct {
		unsigned workers, rules;
	} rows[] = {{2, 6}, {4, 12}, {8, 24}, {3, 384 / 2}, {6, 768 / 2}};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		opened(&plain, &able, &plain, rows[i].workers, ROOM, &single);
		CU_ASSERT_EQUAL(w.nic[SIM_OUTSIDE]->n_rules, rows[i].rules);
		CU_ASSERT_EQUAL(to_and_fro(&single_kind, FLOWS), 0);
		all_live(FLOWS);
		sim_world_close(&w);
	}
}

/* An echo's answer has an identifier where a segment has ports: rules for ICMP bring it home. */
static void
echoes(void)
{
	enum { ECHOES = 300 };
	opened(&plain, &ruled, &plain, WORKERS, ROOM, &single);
	CU_ASSERT_EQUAL(to_and_fro(&single_kind, SIM_WARM), 0);
	uint64_t moves = sim_world_handoffs(&w), by_rule = w.nic[SIM_OUTSIDE]->by_rule;
	for (unsigned i = 0; i < 2 * ECHOES; i++) {
		struct frame f = {.ttl = 64, .smac = {0x52, 0x54, 0, 0, 0, 0x77}};
		uint8_t bytes[FRAME_MAX];
		struct rte_mbuf *m[2];
		struct frame_view v;
		single_kind.first(&f, i % ECHOES);
		f.proto = 1;
		f.icmp_type = 8;
		f.dport = (uint16_t)i;
		memcpy(f.dmac, w.plane.devs[SIM_INSIDE].mac, 6);
		sim_world_put(&w, SIM_INSIDE, bytes, frame_make(bytes, &f));
		sim_world_turn(&w);
		unsigned n = sim_nic_take(w.nic[SIM_OUTSIDE], m, 2);
		CU_ASSERT_FATAL(n == 1 && frame_view(&v, rte_pktmbuf_mtod(m[0], uint8_t *),
		                                     m[0]->data_len));
		struct frame back = v.f;
		back.src = v.f.dst;
		back.dst = v.f.src;
		back.icmp_type = back.payload_size = 0;
		memcpy(back.dmac, w.plane.devs[SIM_OUTSIDE].mac, 6);
		rte_pktmbuf_free_bulk(m, n);
		sim_world_put(&w, SIM_OUTSIDE, bytes, frame_make(bytes, &back));
		sim_world_turn(&w);
		CU_ASSERT_EQUAL(sim_world_drain(&w, SIM_INSIDE), 1);
	}
	CU_ASSERT_EQUAL(sim_world_handoffs(&w), moves);
	CU_ASSERT_EQUAL(w.nic[SIM_OUTSIDE]->by_rule - by_rule, 2 * ECHOES);
	all_live(SIM_WARM + ECHOES);
	sim_world_close(&w);
}

/* Hashes IPv4 as it was told and IPv6 as it likes: found, and IPv4 pays nothing. */
static void
lies_for_one_family(void)
{
	const struct sim_scene both = {{NULL, NULL}, 0, "nat", "nat", {20, 30}};
	struct sim_model liar = plain;
	liar.lies_v6 = 1;
	opened(&plain, &liar, &able, WORKERS, ROOM, &both);
	CU_ASSERT_EQUAL(to_and_fro(&client4_kind, FLOWS), 0);
	CU_ASSERT_EQUAL(devices_watch(w.devices), -1);
	uint64_t astray = to_and_fro(&client6_kind, FLOWS);
	CU_ASSERT(astray > FLOWS && astray < 3 * FLOWS); /* 3 of 4, of two packets in */
	CU_ASSERT_EQUAL(devices_watch(w.devices), SIM_OUTSIDE);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.plane.steering[SIM_OUTSIDE].cost, "its hashes are not"));
	CU_ASSERT_EQUAL(w.plane.steering[SIM_FARM].lies, 0);
	CU_ASSERT_EQUAL(to_and_fro(&client4_kind, FLOWS), 0);
	all_live(2 * FLOWS);
	sim_world_close(&w);
}

enum { NORTH = 110, SOUTH = 120, OUT = 200 };

static void
realm_nics(const struct sim_world *world, char *text)
{
	static const char *const realm[2] = {"north", "south"};
	static const int vlan[2] = {NORTH, SOUTH};
	sim_text(text, "\"realms\": [{\"name\": \"north\"}, {\"name\": \"south\"}], \"nics\": [");
	for (unsigned i = 0; i < 2; i++)
		sim_text(text, "{\"name\": \"%s\", \"device\": \"%s\", \"vlan\": %d, \"realm\": "
		         "\"%s\", \"addresses\": [\"100.64.0.1/24\"]}, ", realm[i],
		         world->nic[SIM_INSIDE]->name, vlan[i], realm[i]);
	sim_text(text, "{\"name\": \"outside\", \"device\": \"%s\", \"vlan\": %d, \"addresses\": "
	         "[\"198.51.100.2/24\"]}, {\"name\": \"farm\", \"device\": \"%s\", \"addresses\": "
	         "[\"10.1.0.1/16\"]}], ", world->nic[SIM_OUTSIDE]->name, OUT,
	         world->nic[SIM_FARM]->name);
	sim_text(text, "\"routes\": [{\"prefix\": \"0.0.0.0/0\", \"via\": \"198.51.100.1\"}, "
	         "{\"prefix\": \"10.64.0.0/16\", \"via\": \"100.64.0.9\", \"nic\": \"north\"}, "
	         "{\"prefix\": \"10.64.0.0/16\", \"via\": \"100.64.0.9\", \"nic\": \"south\"}]");
}

static const char *
realm_policy(bool more)
{
	static char text[SIM_JSON];
	text[0] = '\0';
	sim_text(text, "\"nat\": {\"pools\": [{\"name\": \"n\", \"block_size\": 64, "
	         "\"max_blocks\": 8, \"addresses\": [\"203.0.113.5\"%s]}, {\"name\": \"s\", "
	         "\"block_size\": 64, \"max_blocks\": 8, \"addresses\": [\"203.0.113.9\"]}], ",
	         more ? ", \"203.0.113.6\"" : "");
	sim_text(text, "\"rules\": [{\"name\": \"n\", \"realm\": \"north\", \"source\": "
	         "\"10.64.0.0/16\", \"pool\": \"n\"}, {\"name\": \"s\", \"realm\": \"south\", "
	         "\"source\": \"10.64.0.0/16\", \"pool\": \"s\"}], \"capacity\": {\"mappings\": "
	         "50000, \"subscribers\": 4000, \"pool_addresses\": 600}}");
	return text;
}

/* 400 subscribers, the same addresses in both realms. */
static void
first_of_realm(struct frame *f, unsigned i)
{
	f->family = FAMILY_V4;
	f->src = addr_from_v4(__builtin_bswap32(0x0a400000 + i % 400 * 5));
	f->dst = addr_from_v4(__builtin_bswap32(0x08080000 + i / 4000));
	f->proto = i % 2 ? 17 : 6;
	f->tcp_flags = 2;
	f->sport = (uint16_t)(2000 + i / 400 % 10);
	f->dport = 53;
}

static void
first_north(struct frame *f, unsigned i)
{
	first_of_realm(f, i);
	f->vlan = NORTH;
}

static void
first_south(struct frame *f, unsigned i)
{
	first_of_realm(f, i);
	f->vlan = SOUTH;
}

static const struct sim_kind north_kind = {"north", first_north, SIM_INSIDE, SIM_OUTSIDE};
static const struct sim_kind south_kind = {"south", first_south, SIM_INSIDE, SIM_OUTSIDE};

/* Two realms behind VLANs of one device; pool addresses divided by rules that match a VLAN. */
static void
realms_behind_vlans(void)
{
	const struct sim_model *const models[SIM_DEVICES] = {&plain, &ruled, &plain};
	sim_world_open_on(&w, models, WORKERS, ROOM, realm_policy(false), realm_nics);
	const struct cmd_steering *s = w.plane.steering;
	CU_ASSERT(s[SIM_INSIDE].strength == 1 && s[SIM_OUTSIDE].strength == 2);
	CU_ASSERT_EQUAL(to_and_fro(&north_kind, FLOWS), 0);
	CU_ASSERT_EQUAL(to_and_fro(&south_kind, FLOWS), 0);
	all_live(2 * FLOWS);
	CU_ASSERT(w.nic[SIM_OUTSIDE]->by_rule >= 4 * FLOWS);
	sim_world_apply(&w, ROOM, realm_policy(true));
	CU_ASSERT_EQUAL(to_and_fro(&north_kind, FLOWS), 0);
	CU_ASSERT_EQUAL(to_and_fro(&south_kind, FLOWS), 0);
	all_live(2 * FLOWS);
	CU_ASSERT_EQUAL(devices_watch(w.devices), -1);
	sim_world_close(&w);
}

/* What goes to a backend in a header of its own: one way only, and at home all the same. */
static void
tunnels(void)
{
	static const char *const mode[] = {"ipip", "gre", "gue", "dsr"};
	for (unsigned i = 0; i < sizeof(mode) / sizeof(mode[0]); i++) {
		const struct sim_scene scene = {{NULL, NULL}, 0, mode[i], NULL, {20, 30}};
		opened(&plain, &plain, &plain, WORKERS, ROOM, &scene);
		/* backends' MAC addresses */
		sim_world_flows(&w, &client4_kind, 0, 4 * SIM_WARM, 0);
		uint64_t moves = sim_world_handoffs(&w);
		for (unsigned k = 0; k < 3; k++) {
			CU_ASSERT_EQUAL(sim_world_flows(&w, &client4_kind, 0, FLOWS, 0), FLOWS);
			if (k == 0)
				sim_world_apply(&w, ROOM, sim_scene_text(&scene, 1));
		}
		CU_ASSERT_EQUAL(sim_world_handoffs(&w), moves);
		CU_ASSERT_EQUAL(moves, 0);
		all_live(FLOWS);
		sim_world_close(&w);
	}
}

/* The external endpoint of flow i, as its packet leaves with it. */
static bool
external_of(unsigned i, struct frame *out)
{
	struct rte_mbuf *m[2];
	struct frame_view v;
	sim_world_send(&w, &nat_kind, i);
	sim_world_turn(&w);
	unsigned n = sim_nic_take(w.nic[SIM_OUTSIDE], m, 2);
	bool ok = n == 1 && frame_view(&v, rte_pktmbuf_mtod(m[0], uint8_t *), m[0]->data_len);
	if (ok)
		*out = v.f;
	rte_pktmbuf_free_bulk(m, n);
	return ok;
}

/*
 * A subscriber speaks to another one's external endpoint, who answers. Most have different homes:
 * each packet enters again, by the ring of the other's home, for that reason and no other.
 */
static void
hairpin_across_workers(void)
{
	enum { PAIRS = 400 };
	unsigned apart = 0;
	opened(&plain, &plain, &plain, WORKERS, ROOM, &many);
	CU_ASSERT_EQUAL(to_and_fro(&nat_kind, 2 * PAIRS), 0);
	uint64_t live = sim_world_live(&w), home = sim_world_cause(&w, HANDOFF_HOME);
	for (unsigned i = 0; i < PAIRS; i++) {
		struct frame him = {0}, me = {.ttl = 64, .smac = {0x52, 0x54, 0, 0, 0, 0x77}};
		uint8_t bytes[FRAME_MAX];
		CU_ASSERT_FATAL(external_of(2 * i, &him));
		nat_kind.first(&me, 2 * i + 1);
		apart += steer_worker(&w.plane.gen->steer, &me.src, FAMILY_V4) !=
		         steer_worker(&w.plane.gen->steer, &him.src, FAMILY_V4);
		me.dst = him.src;
		me.dport = him.sport;
		me.proto = him.proto;
		memcpy(me.dmac, w.plane.devs[SIM_INSIDE].mac, 6);
		sim_world_put(&w, SIM_INSIDE, bytes, frame_make(bytes, &me));
		sim_world_turn(&w);
		for (unsigned k = 0; k < 3; k++) /* he answers, I do, he does */
			CU_ASSERT_EQUAL(sim_world_bounce(&w, SIM_INSIDE), 1);
		CU_ASSERT_EQUAL(sim_world_drain(&w, SIM_INSIDE), 1);
		CU_ASSERT_EQUAL(sim_world_drain(&w, SIM_OUTSIDE), 0);
	}
	CU_ASSERT(apart > PAIRS / 2 && apart < PAIRS);
	CU_ASSERT_EQUAL(sim_world_cause(&w, HANDOFF_HAIRPIN), 4 * PAIRS);
	CU_ASSERT_EQUAL(sim_world_cause(&w, HANDOFF_HOME), home);
	CU_ASSERT_EQUAL(sim_world_live(&w), live + 2 * PAIRS); /* mine out, and in to him */
	CU_ASSERT_EQUAL(sim_world_drops(&w), 0);
	sim_world_close(&w);
}

/* After a reset the port has a table of another size, as on another host. Homes do not follow it:
 * hand-off does the work, and it is said. */
static void
another_table_after_a_reset(void)
{
	static const uint16_t size[] = {64, 2048};
	for (unsigned i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		char err[256] = "";
		struct sim_model changing = plain;
		opened(&plain, &changing, &plain, WORKERS, ROOM, &many);
		CU_ASSERT_EQUAL(to_and_fro(&nat_kind, FLOWS), 0);
		sim_nic_fail(w.nic[SIM_OUTSIDE]);
		changing.reta_size = size[i];
		CU_ASSERT_EQUAL(devices_revive(w.devices, w.plane.gen, err, sizeof(err)), 1);
		const struct cmd_steering *s = &w.plane.steering[SIM_OUTSIDE];
		uint64_t astray = to_and_fro(&nat_kind, FLOWS);
		CU_ASSERT(astray > FLOWS && astray < 2 * FLOWS); /* 3 of 4, of two packets in */
		CU_ASSERT(s->strength == 3 && strstr(s->reason, "refuses key or table") != NULL);
		all_live(FLOWS);
		CU_ASSERT_EQUAL(devices_watch(w.devices), -1);
		sim_world_close(&w);
	}
}

/* One port is pulled out: said once, and what does not use it goes on, through generations. */
static void
pulled_out(void)
{
	const struct sim_scene scene = {FEW, 64, "nat", NULL, {20, 30}};
	opened(&plain, &ruled, &ruled, WORKERS, ROOM, &scene);
	CU_ASSERT_EQUAL(to_and_fro(&nat_kind, FLOWS), 0);
	CU_ASSERT_EQUAL(devices_watch(w.devices), -1);
	sim_nic_pull(w.nic[SIM_FARM]);
	CU_ASSERT(!devices_ail(w.devices)); /* no reset brings it back */
	CU_ASSERT_EQUAL(devices_watch(w.devices), SIM_FARM);
	CU_ASSERT_EQUAL(devices_watch(w.devices), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.plane.steering[SIM_FARM].cost, "it was pulled out"));
	CU_ASSERT_EQUAL(to_and_fro(&nat_kind, FLOWS), 0);
	sim_world_apply(&w, ROOM, sim_scene_text(&scene, 1));
	CU_ASSERT_EQUAL(devices_watch(w.devices), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.plane.steering[SIM_FARM].cost, "it was pulled out"));
	CU_ASSERT_EQUAL(to_and_fro(&nat_kind, FLOWS), 0);
	all_live(FLOWS);
	sim_world_close(&w);
}

static const struct test_case cases[] = {
	{"growth with another generation", growth_with_another_generation},
	{"refused by a later generation", refused_by_a_later_generation},
	{"masks within a port", masks_within_a_port},
	{"echoes", echoes},
	{"lies for one family", lies_for_one_family},
	{"realms behind VLANs", realms_behind_vlans},
	{"tunnels", tunnels},
	{"hairpin across workers", hairpin_across_workers},
	{"another table after a reset", another_table_after_a_reset},
	{"pulled out", pulled_out},
};

int
main(void)
{
	return sim_main("sim_mixed", cases, sizeof(cases) / sizeof(cases[0]));
}
