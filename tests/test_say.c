/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams that a policy sends unasked: by route, from an address of ours, or not at all. */
#include "lib/say.h"

#include <arpa/inet.h>

#include "lib/csum.h"
#include "lib/tx.h"
#include "probe.h"

static struct world *w;

static void
say_to(const char *from, const char *to)
{
	static const uint8_t data[5] = "hello";
	say(w->worker[0], &(struct spoken){.src = addr4(from).w[0], .dst = addr4(to).w[0],
		.sport = htons(5351), .dport = htons(2), .size = sizeof(data), .data = data});
	tx_flush(w->worker[0]);
}

static void
test_sent(void)
{
	w = probe_simple();
	world_poll(w);
	say_to("192.0.2.1", "8.8.8.8");
	CU_ASSERT_TRUE(probe_take(w, 1));
	CU_ASSERT_TRUE(probe_is_to("8.8.8.8", 2) && probe_view.f.payload_size == 5);
	CU_ASSERT(WORLD_SUM(w, generated) == 1 && WORLD_SUM(w, forwarded) == 0);
	world_destroy(w);
}

/* Where a MAC address is to be found first the slow path does, and counts are whole. */
static void
test_asked_for(void)
{
	w = probe_simple();
	world_poll(w);
	say_to("192.0.2.1", "192.0.2.99");
	probe_expect_punt(w, PUNT_NEIGHBOUR, DROP_NO_NEIGHBOUR, WORLD_OUT);
	CU_ASSERT(probe_is_from("192.0.2.1", 5351) && probe_is_to("192.0.2.99", 2));
	CU_ASSERT(probe_view.ip_csum_right && probe_view.l4_csum_right);
	CU_ASSERT(WORLD_SUM(w, received) == 1 && WORLD_SUM(w, handed_off) == 1);
	world_poll(w);
	world_destroy(w);
}

/* No address of ours, or none in this realm; to a pool's or a service's address, to nowhere. */
static void
test_lost(void)
{
	w = probe_simple();
	world_poll(w);
	say_to("192.0.2.2", "8.8.8.8");
	say_to("198.51.100.1", "8.8.8.8");
	say_to("192.0.2.1", "198.51.100.1");
	say_to("192.0.2.1", "192.0.2.1");
	CU_ASSERT_FALSE(probe_take(w, 1));
	CU_ASSERT_EQUAL(WORLD_SUM(w, generated_lost), 4);
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"sent", test_sent},
	{"whose MAC address is not known", test_asked_for},
	{"lost", test_lost},
};
TEST_MAIN("say", cases)
