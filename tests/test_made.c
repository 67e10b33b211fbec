/* SPDX-License-Identifier: Apache-2.0 */
/* Packets that a worker makes: sent and counted, or counted as lost. */
#include "lib/made.h"

#include <arpa/inet.h>

#include "lib/segment.h"
#include "lib/tx.h"
#include "probe.h"

static struct hop
hop_to(struct world *w, const char *address)
{
	union addr a = addr4(address);
	return hop_find(w->worker[0], 0, &a, 4);
}

static void
make(struct world *w, struct pkt *q, uint8_t n)
{
	struct tuple t = {.src = addr4("192.0.2.1"), .dst = addr4("8.8.8.8"), .sport = htons(1),
		.dport = htons(2), .family = 4, .proto = 6};
	struct segment s = {.scale = SEGMENT_NO_SCALE, .n_payload = n};
	*q = (struct pkt){.cause = HANDOFF_MAX};
	CU_ASSERT_TRUE_FATAL(made_begin(w->worker[0], q, WORLD_OUT));
	segment_write(q, &t, &s);
}

static void
test_sent(void)
{
	struct world *w = probe_simple();
	struct pkt q;
	world_poll(w);
	make(w, &q, 100);
	made_send(w->worker[0], &q, hop_to(w, "8.8.8.8"));
	tx_flush(w->worker[0]);
	CU_ASSERT_TRUE(probe_take(w, 1));
	CU_ASSERT_TRUE(probe_is_to("8.8.8.8", 2) && probe_view.f.payload_size == 100);
	CU_ASSERT_EQUAL(WORLD_SUM(w, generated), 1);
	CU_ASSERT_EQUAL(WORLD_SUM(w, forwarded), 0);
	CU_ASSERT_EQUAL(w->worker[0]->stats->nic[WORLD_OUT].generated, 1);
	world_destroy(w);
}

/* No next hop; no route at all; no buffer: nothing leaves, nothing leaks. */
static void
test_lost(void)
{
	struct world *w = probe_simple();
	struct pkt q;
	world_poll(w);
	make(w, &q, 0);
	made_send(w->worker[0], &q, hop_to(w, "192.0.2.99"));
	make(w, &q, 0);
	made_send(w->worker[0], &q, hop_to(w, "203.0.113.1"));
	CU_ASSERT_FALSE(made_begin(w->worker[0], &q, NIC_NONE));
	tx_flush(w->worker[0]);
	CU_ASSERT_FALSE(probe_take(w, 1));
	CU_ASSERT_EQUAL(WORLD_SUM(w, generated), 0);
	CU_ASSERT_EQUAL(WORLD_SUM(w, generated_lost), 3);
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"sent", test_sent},
	{"lost", test_lost},
};
TEST_MAIN("made", cases)
