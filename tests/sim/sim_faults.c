/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What NICs do beside the book: tables of other sizes, rules that are refused in the middle,
 * resets, hashes of another kind, headers that are not hashed; and workers that do not keep up.
 * Whatever it is, each flow has one home and no packet is lost uncounted.
 */
#include <stdio.h>

#include <rte_mbuf.h>

#include "sim_scene.h"
#include "tests/test.h"

enum { FLOWS = 3000, ROOM = 40000, PEER = 0x77, HOT = 6000 };


static const struct sim_scene six = {{NULL, NULL}, 0, NULL, "nat", {20, 30}};

static struct sim_world w;

static void
opened(const struct sim_model *in, const struct sim_model *out, const struct sim_model *farm,
       unsigned workers, const struct sim_scene *scene)
{
	sim_scene_open(&w, in, out, farm, workers, ROOM, scene);
}

/* FLOWS flows there and back; => hand-offs after next hops are known. */
static uint64_t
to_and_fro(const struct sim_kind *kind)
{
	uint64_t handoffs = sim_scene_flows(&w, kind, FLOWS);
	CU_ASSERT_EQUAL(sim_world_live(&w), FLOWS);
	CU_ASSERT_EQUAL(sim_world_opened(&w), FLOWS);
	CU_ASSERT_EQUAL(sim_world_drops(&w), 0);
	return handoffs;
}

/* Both devices have another size of table each time. */
static void
tables_of_all_sizes(void)
{
	static const uint16_t size[] = {64, 128, 256, 512, 1024, 2048};
	static const unsigned workers[] = {3, 5, 16};
	for (unsigned i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		struct sim_model a = plain, b = plain;
		a.reta_size = size[i];
		b.reta_size = size[(i + 2) % 6];
		for (unsigned k = 0; k < 3; k++) {
			opened(&a, &b, &plain, workers[k], &many);
			CU_ASSERT_EQUAL(to_and_fro(&nat_kind), 0);
			CU_ASSERT_EQUAL(w.plane.steering[SIM_OUTSIDE].strength, 1);
			sim_world_close(&w);
		}
	}
}

/* All are found good, but of 1536 the device makes 1000. */
static void
refused_in_the_middle(void)
{
	struct sim_model full = ruled;
	full.max_rules = 1000;
	opened(&plain, &ruled, &plain, 16, &single);
	CU_ASSERT_EQUAL(to_and_fro(&single_kind), 0);
	uint32_t wanted = w.plane.steering[SIM_OUTSIDE].rules;
	sim_world_close(&w);
	opened(&plain, &dumb, &plain, 16, &single);
	uint64_t without = to_and_fro(&single_kind);
	sim_world_close(&w);
	opened(&plain, &full, &plain, 16, &single);
	uint64_t some = to_and_fro(&single_kind);
	const struct cmd_steering *s = &w.plane.steering[SIM_OUTSIDE];
	CU_ASSERT(s->strength == 3 && s->rules == 1000 && s->refused == wanted - 1000);
	CU_ASSERT_PTR_NOT_NULL(strstr(s->reason, "the device refuses"));
	CU_ASSERT_PTR_NOT_NULL(strstr(s->reason, "no room"));
	CU_ASSERT(some > 0 && some < without); /* those that it made still serve */
	CU_ASSERT_EQUAL(devices_watch(w.devices), -1); /* which it said: no lie */
	sim_world_close(&w);
}

static uint64_t
frames_by_rule(void)
{
	return w.nic[SIM_OUTSIDE]->by_rule;
}

/* All flows are there still, and no packet of them changes workers. */
static void
as_before_the_reset(uint32_t rules)
{
	uint64_t handoffs = sim_world_handoffs(&w), by_rule = frames_by_rule();
	CU_ASSERT_EQUAL(w.nic[SIM_OUTSIDE]->n_rules, rules);
	CU_ASSERT_EQUAL(sim_world_flows(&w, &single_kind, 0, FLOWS, 3), FLOWS * 4);
	CU_ASSERT_EQUAL(sim_world_live(&w), FLOWS);
	CU_ASSERT_EQUAL(sim_world_opened(&w), FLOWS);
	CU_ASSERT_EQUAL(sim_world_handoffs(&w), handoffs);
	CU_ASSERT(frames_by_rule() > by_rule);
}

static void
reset_by_the_host(void)
{
	char err[256] = "";
	opened(&ruled, &ruled, &plain, 4, &single);
	to_and_fro(&single_kind);
	uint32_t rules = w.nic[SIM_OUTSIDE]->n_rules;
	CU_ASSERT(rules > 100 && !devices_ail(w.devices));
	sim_nic_fail(w.nic[SIM_INSIDE]);
	sim_nic_fail(w.nic[SIM_OUTSIDE]);
	CU_ASSERT_EQUAL(sim_world_flows(&w, &single_kind, 0, SIM_WARM, 1), 0);
	CU_ASSERT_EQUAL(w.nic[SIM_OUTSIDE]->n_rules, 0);
	CU_ASSERT(devices_ail(w.devices));
	CU_ASSERT_EQUAL(devices_revive(w.devices, w.plane.gen, err, sizeof(err)), 2);
	CU_ASSERT(!devices_ail(w.devices) && err[0] == '\0');
	CU_ASSERT(w.nic[SIM_INSIDE]->resets == 1 && w.nic[SIM_FARM]->resets == 0);
	as_before_the_reset(rules);
	/* And a configuration after it finds the device as it should be. */
	sim_world_apply(&w, ROOM, sim_scene_text(&single, 1));
	CU_ASSERT(w.nic[SIM_OUTSIDE]->n_rules > rules);
	as_before_the_reset(w.nic[SIM_OUTSIDE]->n_rules);
	sim_world_close(&w);
}

/* One whose reset fails is tried again, and the others go on. */
static void
reset_that_fails(void)
{
	char err[256] = "";
	struct sim_model broken = plain;
	broken.no_reset = 1;
	opened(&plain, &plain, &broken, 2, &many);
	to_and_fro(&nat_kind);
	sim_nic_fail(w.nic[SIM_FARM]);
	for (unsigned i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(devices_revive(w.devices, w.plane.gen, err, sizeof(err)), 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(err, "it does not take a reset"));
		CU_ASSERT(devices_ail(w.devices));
	}
	CU_ASSERT_EQUAL(sim_world_flows(&w, &nat_kind, 0, FLOWS, 3), FLOWS * 4);
	broken.no_reset = 0;
	CU_ASSERT_EQUAL(devices_revive(w.devices, w.plane.gen, err, sizeof(err)), 1);
	sim_world_close(&w);
}

/* The same hash in both directions, whatever the key: some drivers make it the default. */
static void
symmetric_hash(void)
{
	struct sim_model both = plain;
	both.symmetric = 1;
	opened(&both, &plain, &plain, 4, &many);
	CU_ASSERT(to_and_fro(&nat_kind) > 0);
	CU_ASSERT_EQUAL(devices_watch(w.devices), SIM_INSIDE);
	CU_ASSERT_EQUAL(w.plane.steering[SIM_INSIDE].lies, 1);
	CU_ASSERT_EQUAL(w.plane.steering[SIM_OUTSIDE].lies, 0);
	sim_world_close(&w);
}

/* Hashes as it was told, and looks the hash up in a table of its own: just that is said. */
static void
table_of_its_own(void)
{
	struct sim_model own = plain;
	uint64_t missteered, mishashed;
	own.lies_table = 1;
	opened(&plain, &own, &plain, 4, &many);
	CU_ASSERT(to_and_fro(&nat_kind) > 0);
	CU_ASSERT_EQUAL(devices_watch(w.devices), SIM_OUTSIDE);
	plane_missteered(&w.plane, SIM_OUTSIDE, &missteered, &mishashed);
	CU_ASSERT(missteered > FLOWS && mishashed == 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.plane.steering[SIM_OUTSIDE].cost, "looks up its table"));
	CU_ASSERT_EQUAL(w.plane.steering[SIM_INSIDE].lies, 0);
	sim_world_close(&w);
}

/* An IPv6 client whose packets carry destination options, behind a NIC that hashes no such. */
static void
extension_headers(void)
{
	static const uint8_t options[8] = {6, 0, 1, 4};
	struct sim_model simple = plain;
	uint8_t made[FRAME_MAX], frame[FRAME_MAX];
	simple.no_extensions = 1;
	opened(&plain, &simple, &plain, 4, &six);
	CU_ASSERT_EQUAL(to_and_fro(&client6_kind), 0);
	uint64_t opened_before = sim_world_opened(&w), moves = sim_world_handoffs(&w);
	for (unsigned i = 0; i < FLOWS; i += 2) {
		struct frame f = {.ttl = 64, .smac = {0x52, 0x54, 0, 0, 0, PEER}};
		memcpy(f.dmac, w.plane.devs[SIM_OUTSIDE].mac, 6);
		client6_kind.first(&f, i);
		size_t size = frame_make(made, &f), head = 14 + 40;
		memcpy(frame, made, head);
		memcpy(frame + head, options, sizeof(options));
		memcpy(frame + head + sizeof(options), made + head, size - head);
		frame[14 + 6] = 60;
		frame[14 + 5] = (uint8_t)(frame[14 + 5] + sizeof(options));
		sim_world_put(&w, SIM_OUTSIDE, frame, size + sizeof(options));
		if (i % SIM_BATCH == 0)
			sim_world_turn(&w);
	}
	sim_world_turn(&w);
	CU_ASSERT(w.nic[SIM_OUTSIDE]->by_default >= FLOWS / 2);
	CU_ASSERT(sim_world_handoffs(&w) - moves > FLOWS / 4);
	CU_ASSERT_EQUAL(sim_world_opened(&w), opened_before); /* they found their flows */
	CU_ASSERT_EQUAL(sim_world_drops(&w), 0);
	CU_ASSERT_EQUAL(devices_watch(w.devices), -1); /* nobody promised to hash those */
	sim_world_close(&w);
}

enum { CUTS = 3, CUT_SIZE = 400, DATAGRAM = 8 + 1100 };

/* A datagram arrives in pieces, the last one first if so wanted. */
static void
put_pieces(unsigned dev, struct frame *f, bool backwards)
{
	uint8_t whole[FRAME_MAX], piece[FRAME_MAX];
	f->proto = 17;
	f->payload_size = DATAGRAM - 8;
	f->ttl = 64;
	memset(f->smac, PEER, 6);
	f->smac[0] = 2;
	memcpy(f->dmac, w.plane.devs[dev].mac, 6);
	(void)frame_make(whole, f);
	for (unsigned i = 0; i < CUTS; i++) {
		unsigned at = (backwards ? CUTS - 1 - i : i) * CUT_SIZE;
		bool last = at + CUT_SIZE >= DATAGRAM;
		sim_world_put(&w, dev, piece, frame_cut(piece, whole, at, last ?
		                                        DATAGRAM - at : CUT_SIZE, last));
	}
	sim_world_turn(&w);
}

/* => all pieces of it left by a device; the first one's addresses and ports. */
static bool
took_pieces(unsigned dev, struct frame *f)
{
	struct rte_mbuf *m[BURST];
	unsigned n = sim_nic_take(w.nic[dev], m, BURST), first = 0;
	for (unsigned i = 0; i < n; i++) {
		struct frame_view v;
		if (frame_view(&v, rte_pktmbuf_mtod(m[i], uint8_t *), m[i]->data_len) &&
		    (v.f.frag & 0x1fff) == 0) {
			*f = v.f;
			first++;
		}
	}
	rte_pktmbuf_free_bulk(m, n);
	return n == CUTS && first == 1;
}

/* Datagrams in pieces of every 18th flow, there and back. => how many. */
static unsigned
datagrams(const struct sim_kind *kind)
{
	unsigned n = 0;
	for (unsigned i = 1; i < FLOWS; i += 18, n++) {
		struct frame f = {.ttl = 64}, out = {0};
		kind->first(&f, i);
		put_pieces(SIM_INSIDE, &f, i % 4 == 1);
		CU_ASSERT(took_pieces(SIM_OUTSIDE, &out));
		struct frame back = {.family = FAMILY_V4, .src = out.dst, .dst = out.src,
		                     .sport = out.dport, .dport = out.sport};
		put_pieces(SIM_OUTSIDE, &back, i % 4 == 1);
		CU_ASSERT(took_pieces(SIM_INSIDE, &out));
		CU_ASSERT(addr_equal(&out.dst, &f.src) && out.dport == f.sport);
	}
	return n;
}

/* Pieces have no ports but the first, and none are hashed: all come home by their addresses. */
static void
fragments_on(const struct sim_model *model)
{
	opened(model, model, &plain, 4, &many);
	CU_ASSERT_EQUAL(to_and_fro(&nat_kind), 0);
	uint64_t moves = sim_world_handoffs(&w);
	unsigned n = datagrams(&nat_kind);
	CU_ASSERT_EQUAL(sim_world_handoffs(&w), moves);
	CU_ASSERT_EQUAL(sim_world_opened(&w), FLOWS + n); /* these are UDP, the others TCP */
	CU_ASSERT_EQUAL(sim_world_drops(&w), 0);
	sim_world_close(&w);
}

/* With a type for all of a family, and with one for each kind of packet, as many drivers have. */
static void
fragments(void)
{
	struct sim_model kinds = plain;
	kinds.rss_types &= ~(RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6);
	fragments_on(&plain);
	fragments_on(&kinds);
}

/* Where workers divide an address's ports no rule matches a piece: handed off, and said why. */
static void
fragments_to_a_divided_address(void)
{
	opened(&plain, &ruled, &plain, 4, &single);
	CU_ASSERT_EQUAL(to_and_fro(&single_kind), 0);
	uint64_t moves = sim_world_handoffs(&w), pieces = sim_world_cause(&w, HANDOFF_FRAGMENT);
	unsigned n = datagrams(&single_kind);
	CU_ASSERT(sim_world_cause(&w, HANDOFF_FRAGMENT) - pieces > n);
	CU_ASSERT_EQUAL(sim_world_handoffs(&w) - moves,
	                sim_world_cause(&w, HANDOFF_FRAGMENT) - pieces);
	CU_ASSERT_EQUAL(sim_world_drops(&w), 0);
	uint64_t missteered, mishashed;
	plane_missteered(&w.plane, SIM_OUTSIDE, &missteered, &mishashed);
	CU_ASSERT_EQUAL(missteered, 0); /* no rule was to bring them */
	sim_world_close(&w);
}

static uint64_t
dropped(unsigned reason)
{
	uint64_t n = 0;
	for (unsigned i = 1; i <= w.workers; i++)
		n += stats_context(w.plane.shared.stats, i)->dropped[reason];
	return n;
}

static unsigned
home_of_flow(unsigned i)
{
	struct frame f = {.ttl = 64};
	nat_kind.first(&f, i);
	return steer_worker(&w.plane.gen->steer, &f.src, FAMILY_V4);
}

static void
put_flow(unsigned i)
{
	struct frame f = {.ttl = 64, .smac = {0x52, 0x54, 0, 0, 0, PEER}};
	uint8_t bytes[FRAME_MAX];
	memcpy(f.dmac, w.plane.devs[SIM_INSIDE].mac, 6);
	nat_kind.first(&f, i);
	sim_world_put(&w, SIM_INSIDE, bytes, frame_make(bytes, &f));
}

/*
 * All arrives at worker 0, and worker 1 stands still: what is for it fills its ring, then is
 * dropped under its name; the homes of the others notice nothing. When it goes on, its ring is
 * empty after a bounded number of turns.
 */
static void
home_that_stands_still(void)
{
	unsigned hot = 0, cold = 0, other = 0;
	opened(&dumb, &dumb, &dumb, 4, &many);
	CU_ASSERT(to_and_fro(&nat_kind) > 0);
	w.asleep = 1u << 1;
	for (unsigned i = 0; hot < HOT; i++) {
		unsigned home = home_of_flow(i % FLOWS);
		hot += home == 1;
		cold += home > 1;
		other += home == 0;
		put_flow(i % FLOWS);
		if (i % SIM_BATCH != 0)
			continue;
		sim_world_turn(&w);
		(void)sim_world_drain(&w, SIM_OUTSIDE);
	}
	sim_world_turn(&w);
	CU_ASSERT(cold > HOT && other > HOT / 2);
	uint64_t lost = dropped(DROP_HANDOFF_FULL);
	unsigned waiting = rte_ring_count(w.plane.shared.in[1]);
	CU_ASSERT_EQUAL(waiting, RING_SIZE - 1);
	CU_ASSERT_EQUAL(lost, hot - waiting);
	CU_ASSERT_EQUAL(sim_world_drops(&w), lost);
	unsigned turns = 0;
	for (; rte_ring_count(w.plane.shared.in[1]) != 0; turns++)
		worker_poll(w.plane.worker[1], w.now += 1000);
	CU_ASSERT(turns <= RING_SIZE / (TAKE_BURSTS * BURST));
	w.asleep = 0;
	sim_world_turn(&w);
	while (sim_world_drain(&w, SIM_OUTSIDE) != 0)
		continue;
	CU_ASSERT_EQUAL(sim_world_flows(&w, &nat_kind, 0, FLOWS, 3), FLOWS * 4);
	CU_ASSERT_EQUAL(sim_world_opened(&w), FLOWS);
	CU_ASSERT_EQUAL(sim_world_drops(&w), lost);
	sim_world_close(&w);
}

/* The end comes while rings are full: all buffers go back (sim_world_close closes their pools). */
static void
closed_with_full_rings(void)
{
	opened(&dumb, &dumb, &dumb, 4, &many);
	to_and_fro(&nat_kind);
	w.asleep = ~1ull;
	for (unsigned i = 0; i < FLOWS; i++) {
		put_flow(i);
		if (i % SIM_BATCH == 0)
			sim_world_turn(&w);
	}
	sim_world_turn(&w);
	for (unsigned i = 1; i < 4; i++)
		CU_ASSERT(rte_ring_count(w.plane.shared.in[i]) > FLOWS / 8);
	(void)sim_world_drain(&w, SIM_OUTSIDE);
	unsigned buffers = sim_world_buffers(&w, SIM_INSIDE);
	CU_ASSERT(buffers > FLOWS / 2);
	plane_close(&w.plane);
	CU_ASSERT_EQUAL(sim_world_buffers(&w, SIM_INSIDE), 0);
	sim_world_close(&w);
}

static const struct test_case cases[] = {
	{"tables of all sizes", tables_of_all_sizes},
	{"refused in the middle", refused_in_the_middle},
	{"reset by the host", reset_by_the_host},
	{"reset that fails", reset_that_fails},
	{"symmetric hash", symmetric_hash},
	{"table of its own", table_of_its_own},
	{"extension headers", extension_headers},
	{"fragments", fragments},
	{"fragments to a divided address", fragments_to_a_divided_address},
	{"home that stands still", home_that_stands_still},
	{"closed with full rings", closed_with_full_rings},
};

int
main(void)
{
	return sim_main("sim_faults", cases, sizeof(cases) / sizeof(cases[0]));
}
