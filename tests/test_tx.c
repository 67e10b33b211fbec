/* SPDX-License-Identifier: Apache-2.0 */
/* The ends of a packet: devices without a queue of ours, full rings and devices. */
#include "probe.h"

/* One transmit queue for two workers. */
static void
test_no_queue(void)
{
	struct world *w = probe_world((struct world_options){.workers = 2, .queues = 1});
	struct frame f = world_frame("10.0.0.10", 2001, "198.18.0.10", 53, 17);
	f.payload_size = 1000;
	probe_arrive(w, WORLD_IN, f);
	CU_ASSERT_TRUE(probe_take(w, 1) && probe_take(w, 1));
	CU_ASSERT_EQUAL(w->worker[1]->stats->handoff[HANDOFF_TX], 1);
	CU_ASSERT_EQUAL(w->worker[0]->stats->forwarded, 1);
	CU_ASSERT_EQUAL(WORLD_SUM(w, generated), 1);
	CU_ASSERT_EQUAL(w->worker[0]->stats->nic[WORLD_SMALL].tx_packets, 2);
	world_destroy(w);
}

static void
test_punt_full(void)
{
	struct world *w = probe_world((struct world_options){.workers = 1});
	for (unsigned i = 0; i < 2; i++) {
		while (rte_ring_free_count(w->shared.punt) > 0)
			rte_ring_enqueue(w->shared.punt, w);
		probe_arrive(w, WORLD_IN, world_frame("10.0.0.10", 1, "10.0.0.1", 1, 1));
	}
	CU_ASSERT_EQUAL(world_dropped(w, DROP_PUNT_FULL), 2);
	void *dummy;
	while (rte_ring_dequeue(w->shared.punt, &dummy) == 0)
		;
	world_destroy(w);
}

static void
test_handoff_full(void)
{
	struct world *w = probe_world((struct world_options){.workers = 2});
	struct frame f = world_frame("10.0.0.10", 2001, "8.8.8.8", 53, 17);
	void *dummy;
	while (rte_ring_free_count(w->shared.in[1]) > 0)
		rte_ring_enqueue(w->shared.in[1], w);
	world_send(w, WORLD_IN, &f);
	worker_poll(w->worker[0], w->now_ns);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_HANDOFF_FULL), 1);
	CU_ASSERT_EQUAL(w->worker[0]->stats->nic[WORLD_IN].dropped, 1);
	CU_ASSERT_EQUAL(w->worker[0]->stats->handed_off, 0);
	while (rte_ring_dequeue(w->shared.in[1], &dummy) == 0)
		;
	world_destroy(w);
}

static uint16_t
tx_one(struct dev *d, uint16_t queue, struct rte_mbuf **bufs, uint16_t n)
{
	d->ops->free(bufs, 1);
	return 1;
}

/* The device takes one frame: of three fragments two are lost, and generated says so. */
static void
test_device_full(void)
{
	struct world *w = probe_simple();
	struct dev_ops ops = *w->devs[1].ops;
	struct frame f = world_frame("10.0.0.10", 2000, "198.18.0.10", 53, 17);
	ops.tx = tx_one;
	w->devs[1].ops = &ops;
	f.payload_size = 1400;
	probe_arrive(w, WORLD_IN, f);
	CU_ASSERT_EQUAL(WORLD_SUM(w, forwarded), 1);
	CU_ASSERT_EQUAL(WORLD_SUM(w, generated), 0);
	CU_ASSERT_EQUAL(WORLD_SUM(w, generated_lost), 2);
	f.payload_size = 10;
	world_send(w, WORLD_IN, &f);
	probe_arrive(w, WORLD_IN, f);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_TX_FULL), 1);
	CU_ASSERT_EQUAL(w->worker[0]->stats->nic[WORLD_IN].dropped, 1);
	CU_ASSERT_EQUAL(w->worker[0]->stats->nic[WORLD_SMALL].tx_packets, 2);
	world_destroy(w);
}

/* A frame of the slow path: made or forwarded, for an interface or for one that is gone. */
static void
test_take_over(void)
{
	for (uint16_t made = 0; made < 2; made++) {
		static const uint8_t nics[] = {WORLD_OUT, 9};
		struct world *w = probe_simple();
		for (unsigned i = 0; i < 2; i++) {
			struct rte_mbuf *m = w->devs[1].ops->alloc(&w->devs[1]);
			m->data_len = 60;
			*buf_meta(m) = (struct buf_meta){
				.cause = HANDOFF_TX, .nic = nics[i], .arg = made,
			};
			rte_ring_enqueue(w->shared.in[0], m);
		}
		world_poll(w);
		CU_ASSERT_EQUAL(WORLD_SUM(w, taken_over), made ? 0 : 2);
		CU_ASSERT_EQUAL(WORLD_SUM(w, forwarded), !made);
		CU_ASSERT_EQUAL(world_dropped(w, DROP_NIC_UNKNOWN), !made);
		CU_ASSERT_EQUAL(WORLD_SUM(w, generated_lost), made);
		CU_ASSERT_EQUAL(w->worker[0]->stats->nic[WORLD_OUT].tx_packets, 1);
		world_destroy(w);
	}
}

static const struct test_case cases[] = {
	{"no transmit queue", test_no_queue},
	{"slow path's ring full", test_punt_full},
	{"worker's ring full", test_handoff_full},
	{"device full", test_device_full},
	{"frames of the slow path", test_take_over},
};
TEST_MAIN("tx", cases)
