/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random packets, whole, damaged and cut, from all sides, on one to three workers: after every turn
 * the accounting identity holds (world_poll), in the end no buffer is missing, what was sent is
 * what was counted, and what was sent is right in all its checksums if it came in so.
 */
#include "enginetest.h"

enum { ROUNDS = 4000 };

static uint64_t seed;

static unsigned
pick(unsigned n)
{
	return (unsigned)(test_random(&seed) % n);
}

static struct frame
random_frame(uint8_t *nic)
{
	static const char *inside[] = {"10.0.0.10", "10.0.0.11", "10.0.0.77", "10.5.0.10"};
	static const char *outside[] = {"8.8.8.8", "192.0.2.1", "192.0.2.7", "198.51.100.1",
	                                "198.51.100.9", "203.0.113.1", "198.18.0.10", "10.0.0.1",
	                                "10.0.0.77", "224.0.0.1"};
	static const char *v6[] = {"2001:db8:1::10", "2001:db8:2::10", "2001:db8:3::10",
	                           "2001:db8:1::1", "fe80::1"};
	static const uint8_t protos[] = {6, 17, 1};
	static const uint16_t ports[] = {2000, 2001, 2002, 3000, 3001, 3002, 7001, 7002, 9};
	*nic = (uint8_t)(1 + pick(4));
	uint8_t proto = protos[pick(3)];
	bool from_in = *nic == WORLD_IN || *nic == WORLD_VIN, is_v6 = pick(4) == 0;
	const char *src = is_v6 ? v6[pick(5)] : from_in ? inside[pick(4)] : outside[pick(10)];
	const char *dst = is_v6 ? v6[pick(5)] : outside[pick(10)];
	if (is_v6 && proto == 1)
		proto = 58;
	struct frame f = world_frame(src, ports[pick(9)], dst, ports[pick(9)], proto);
	f.tcp_flags = (uint8_t)(1u << pick(6));
	f.ttl = (uint8_t)(pick(8) == 0 ? 1 : 64);
	f.payload_size = (uint16_t)(pick(6) == 0 ? pick(1400) & ~7u : pick(64));
	f.no_udp_csum = pick(5) == 0;
	f.id = (uint16_t)pick(4);
	f.frag = pick(3) == 0 ? 0x4000 : 0;
	if (pick(6) == 0)
		f.frag = (uint16_t)(0x2000 * pick(2) | pick(3) * 100);
	if (pick(5) == 0)
		f.icmp_type = (uint8_t)(is_v6 ? 128 + pick(8) : pick(13));
	if (!is_v6 && pick(8) == 0)
		f.options = 8;
	return f;
}

/* Sometimes an error about something that may have been sent. */
static size_t
random_error(uint8_t *frame, const struct frame *f)
{
	uint8_t quote[FRAME_MAX];
	struct frame inner = *f, outer = *f;
	inner.src = f->dst;
	inner.dst = f->src;
	inner.sport = f->dport;
	inner.dport = f->sport;
	inner.frag = 0;
	size_t n = frame_ip(quote, &inner);
	if (n > 48 && pick(2) == 0)
		n = 28 + pick(20);
	outer.icmp_type = f->family == 4 ? 3 : 1;
	outer.no_udp_csum = 0;
	return frame_error(frame, &outer, quote, n, 1400);
}

static void
random_arrive(struct world *w)
{
	uint8_t frame[FRAME_MAX], nic;
	struct frame f = random_frame(&nic);
	f.vlan = be16toh(w->gen->nic[nic].vlan_be);
	memcpy(f.dmac, w->gen->nic[nic].mac, 6);
	size_t n = pick(8) == 0 ? random_error(frame, &f) : frame_make(frame, &f);
	if (pick(10) == 0)
		frame[pick((unsigned)n)] = (uint8_t)test_random(&seed);
	if (pick(20) == 0)
		n = pick((unsigned)n);
	if (n < 2000)
		nic_mem_put(&w->devs[w->gen->nic[nic].dev], (uint16_t)pick(w->n_workers), frame,
		            (uint32_t)n);
}

/* What the slow path does at least: some packets come back as complete frames. */
static void
slow_path(struct world *w, uint64_t *answered)
{
	struct rte_mbuf *m;
	while (rte_ring_dequeue(w->shared.punt, (void **)&m) == 0) {
		if (pick(2) == 0 || m->data_len < 18) {
			w->devs[0].ops->free(&m, 1);
			continue;
		}
		uint8_t nic = (uint8_t)(1 + pick(4));
		*buf_meta(m) = (struct buf_meta){.cause = HANDOFF_TX, .nic = nic, .arg = 1};
		m->port = w->gen->nic[nic].dev;
		*answered += 1;
		CU_ASSERT_EQUAL(rte_ring_enqueue(w->shared.in[pick(w->n_workers)], m), 0);
	}
}

static uint64_t
drain(struct world *w)
{
	uint8_t frame[FRAME_MAX];
	uint64_t n = 0;
	for (uint8_t dev = 0; dev < 2; dev++) {
		while (world_take(w, dev, frame) != 0)
			n++;
	}
	return n;
}

static void
check_nics(const struct world *w, uint64_t answered)
{
	uint64_t rx = 0, tx = 0, generated = 0, dropped = 0, drops = 0;
	for (unsigned i = 0; i < w->n_workers; i++) {
		const struct stats *s = w->worker[i]->stats;
		for (unsigned n = 0; n < STATS_NICS; n++) {
			rx += s->nic[n].rx_packets;
			tx += s->nic[n].tx_packets;
			generated += s->nic[n].generated;
			dropped += s->nic[n].dropped;
		}
		for (unsigned r = 0; r < DROP_MAX; r++)
			drops += s->dropped[r];
	}
	CU_ASSERT_EQUAL(rx, WORLD_SUM(w, received));
	CU_ASSERT_EQUAL(tx, WORLD_SUM(w, forwarded) + WORLD_SUM(w, generated) + answered);
	CU_ASSERT_EQUAL(generated, WORLD_SUM(w, generated));
	CU_ASSERT_EQUAL(dropped, drops);
}

static void
run(struct world_options o)
{
	struct world *w = world_create(o);
	uint64_t answered = 0, sent = 0;
	world_mac(w, WORLD_OUT, 4, addr4("192.0.2.254"));
	world_mac(w, WORLD_IN, 4, addr4("10.0.0.10"));
	world_mac(w, WORLD_VIN, 4, addr4("10.5.0.10"));
	world_mac(w, WORLD_SMALL, 4, addr4("198.18.0.10"));
	world_mac(w, WORLD_OUT, 6, addr6("2001:db8:2::10"));
	for (unsigned i = 0; i < ROUNDS; i++) {
		for (unsigned n = pick(40); n > 0; n--)
			random_arrive(w);
		world_poll(w);
		slow_path(w, &answered);
		world_poll(w);
		sent += drain(w);
		world_advance(w, pick(50) == 0 ? pick(20000) : pick(20));
		if (pick(300) == 0)
			world_regenerate(w);
	}
	world_advance(w, 100000);
	world_poll(w);
	for (unsigned i = 0; i < w->n_workers; i++)
		worker_sweep(w->worker[i], w->now_ns);
	CU_ASSERT_EQUAL(WORLD_SUM(w, held), 0);
	CU_ASSERT_EQUAL(WORLD_SUM(w, flows_opened), WORLD_SUM(w, flows_ended));
	CU_ASSERT_EQUAL(WORLD_SUM(w, flows_v4) + WORLD_SUM(w, flows_v6), 0);
	CU_ASSERT_EQUAL(w->opened, w->ended);
	CU_ASSERT_TRUE(WORLD_SUM(w, forwarded) > 1000);
	check_nics(w, answered);
	CU_ASSERT_EQUAL(sent, WORLD_SUM(w, forwarded) + WORLD_SUM(w, generated) + answered);
	world_destroy(w);
}

static void
test_one(void)
{
	seed = test_seed();
	run((struct world_options){.workers = 1, .flows = 64});
}

static void
test_two(void)
{
	seed = test_seed();
	run((struct world_options){.workers = 2});
}

static void
test_three_one_queue(void)
{
	seed = test_seed();
	run((struct world_options){.workers = 3, .devs_tx = 1});
}

static const struct test_case cases[] = {
	{"one worker, small table", test_one},
	{"two workers", test_two},
	{"three workers, one transmit queue", test_three_one_queue},
};
TEST_MAIN("pipeline_prop", cases)
