/* SPDX-License-Identifier: Apache-2.0 */
/* ctl/dataplane/pcp_announce.h: who is told that what he has asked for may be lost, and when. */
#include "test.h"

#include "lib/cut.h"
#include "plane_world.h"

#define NAT_OF(addresses, rule)                                                               \
	"{" WORLD_WORKERS "," WORLD_NICS "," WORLD_ROUTES ",\"nat\": {\"pools\": [{\"name\": "   \
	"\"public\", \"addresses\": [" addresses "], \"block_size\": 64}], \"rules\": [{"       \
	"\"name\": \"homes\", " rule "\"source\": \"100.64.0.0/10\", \"pool\": \"public\"}], " \
	"\"capacity\": {\"mappings\": 1000, \"subscribers\": 100, \"pool_addresses\": 64, "     \
	"\"leases\": 100}}}"
#define BEFORE "\"203.0.113.0\""
#define AFTER "\"203.0.113.1\""

/* What is told on a device: how often, and the last epoch. */
static unsigned
told(struct world *w, unsigned dev, uint32_t *epoch)
{
	struct frame f;
	unsigned n = 0;
	while (world_take(w, dev, &f)) {
		uint8_t *l3 = frame_l3(&f), *udp = l3 + 20;
		if (get16(l3 - 2) != ETHER_IP4 || l3[9] != IPPROTO_L4_UDP)
			continue;
		static const uint8_t mac[6] = {1, 0, 0x5e, 0, 0, 1};
		union addr from = world_addr("100.64.0.1"), to = world_addr("224.0.0.1");
		CU_ASSERT(memcmp(f.d, mac, 6) == 0 && l3[8] == 1);
		CU_ASSERT(memcmp(l3 + 12, &from, 4) == 0 && memcmp(l3 + 16, &to, 4) == 0);
		CU_ASSERT(get16(udp) == 5351 && get16(udp + 2) == 5350 && get16(udp + 4) == 32);
		CU_ASSERT_TRUE(frame_is_sound(&f));
		static const uint8_t answer[8] = {2, 0x80};
		CU_ASSERT_EQUAL(memcmp(udp + 8, answer, sizeof(answer)), 0);
		*epoch = (uint32_t)get16(udp + 16) << 16 | get16(udp + 18);
		n++;
	}
	return n;
}

/* Seconds go by in steps. => how many were told on device 0; none on the other. */
static unsigned
wait(struct world *w, unsigned seconds, uint32_t *epoch)
{
	unsigned n = 0;
	uint32_t other;
	for (unsigned i = 0; i < seconds * 8; i++) {
		world_wait(w, SECOND / 8);
		n += told(w, 0, epoch);
		CU_ASSERT_EQUAL(told(w, 1, &other), 0);
	}
	return n;
}

/* After a start: ten times, each pause twice the one before, and then no more. */
static void
test_start(void)
{
	struct world w;
	uint32_t epoch = 99;
	world_open(&w, NAT_OF(BEFORE, "\"nic\": \"inside\", \"pcp\": true, "), false);
	CU_ASSERT_EQUAL(wait(&w, 1, &epoch), 3); /* after 0.25, 0.5 and 1 second */
	CU_ASSERT(epoch <= 1);
	CU_ASSERT_EQUAL(wait(&w, 2, &epoch), 1);
	CU_ASSERT(epoch >= 1 && epoch <= 2);
	CU_ASSERT_EQUAL(wait(&w, 61, &epoch), 5);
	CU_ASSERT(epoch >= 63 && epoch <= 64);
	CU_ASSERT_EQUAL(wait(&w, 70, &epoch), 1);
	CU_ASSERT_EQUAL(wait(&w, 200, &epoch), 0);
	/* A configuration with the same addresses loses nothing; with others it does. */
	CU_ASSERT_EQUAL(world_apply(&w, NAT_OF(BEFORE, "\"nic\": \"inside\", \"pcp\": true, "
	                                       "\"max_mappings\": 7, ")), 0);
	CU_ASSERT_EQUAL(wait(&w, 2, &epoch), 0);
	CU_ASSERT_EQUAL(world_apply(&w, NAT_OF(AFTER, "\"nic\": \"inside\", \"pcp\": true, ")), 0);
	CU_ASSERT_EQUAL(wait(&w, 3, &epoch), 4);
	CU_ASSERT(epoch >= 1 && epoch <= 2);
	/* A reload between two does not make their pause shorter. */
	CU_ASSERT_EQUAL(world_apply(&w, NAT_OF(AFTER, "\"nic\": \"inside\", \"pcp\": true, "
	                                       "\"max_mappings\": 7, ")), 0);
	CU_ASSERT_EQUAL(wait(&w, 1, &epoch) + wait(&w, 1, &epoch), 1);
	CU_ASSERT(epoch >= 3 && epoch <= 4);
	world_close(&w);
}

/* All that was asked for is cleared: announced when both workers are through, and not before. */
static void
test_workers(void)
{
	struct world w;
	uint32_t epoch = 99;
	const struct cmd_nat_filter any = {.proto = 0};
	world_open(&w, NAT_OF(BEFORE, "\"nic\": \"inside\", \"pcp\": true, "), false);
	CU_ASSERT_EQUAL(wait(&w, 200, &epoch), 10);
	struct worker *of[2] = {w.plane.worker[0], w.plane.worker[1]};
	CU_ASSERT_NOT_EQUAL(cut_post(&w.plane.shared, of, POLICY_NAT, w.plane.gen->number, &any,
	                             sizeof(any)), 0);
	worker_poll(of[0], w.now);
	for (unsigned i = 0; i < 3; i++) {
		w.now += SECOND;
		worker_poll(of[0], w.now);
		plane_poll(&w.plane, w.now);
		worker_poll(of[0], w.now);
		CU_ASSERT_EQUAL(told(&w, 0, &epoch), 0);
	}
	CU_ASSERT_EQUAL(wait(&w, 3, &epoch), 4);
	CU_ASSERT(epoch >= 1 && epoch <= 5);
	world_close(&w);
}

/* A rule without an interface: the one that its subscribers are reached by. Without pcp: none. */
static void
test_where(void)
{
	struct world w;
	uint32_t epoch;
	world_open(&w, NAT_OF(BEFORE, "\"pcp\": true, "), false);
	CU_ASSERT_EQUAL(wait(&w, 1, &epoch), 3);
	world_close(&w);
	world_open(&w, NAT_OF(BEFORE, "\"nic\": \"inside\", "), false);
	CU_ASSERT_EQUAL(wait(&w, 3, &epoch), 0);
	CU_ASSERT_EQUAL(plane_next_timer(&w.plane), UINT64_MAX);
	world_close(&w);
	world_open(&w, NAT_OF(BEFORE, "\"nic\": \"inside\", \"pcp\": true, "), true);
	CU_ASSERT_EQUAL(wait(&w, 3, &epoch), 0); /* replay says nothing unasked */
	world_close(&w);
}

static const struct test_case all[] = {
	{"after a start, and other addresses", test_start},
	{"of all workers", test_workers},
	{"where", test_where},
};
TEST_MAIN("pcp_announce", all)
