/* SPDX-License-Identifier: Apache-2.0 */
/* A device that promised to steer: what it brings to the wrong worker is counted, no more. */
#include "lib/steer_watch.h"

#include "tests/plane_world.h"
#include "tests/test.h"

static struct world w;

static uint64_t
missteered(unsigned dev, uint64_t *mishashed)
{
	uint64_t n;
	plane_missteered(&w.plane, (uint16_t)dev, &n, mishashed);
	return n;
}

/* A datagram arrives on the queue that is not its home's. */
static void
put_wrong(unsigned dev, struct frame *f, unsigned home)
{
	CU_ASSERT(nic_mem_put(&w.plane.devs[dev], (uint16_t)!home, f->d, f->size));
	world_run(&w);
}

static unsigned
home(const char *address)
{
	union addr a = world_addr(address);
	return steer_worker(&w.plane.gen->steer, &a, FAMILY_V4);
}

static void
promises(void)
{
	struct frame f;
	uint64_t hashed;
	world_open(&w, WORLD_JSON, true);
	frame_udp(&f, &w, INSIDE, "100.64.1.1", "8.8.8.8", 1000, 53);
	put_wrong(0, &f, home("100.64.1.1"));
	CU_ASSERT_EQUAL(missteered(0, &hashed), 0); /* nothing was promised */
	w.plane.devs[0].steered = 1 << STEER_SUBSCRIBER;
	put_wrong(0, &f, home("100.64.1.1"));
	/* By chance the destination may have the same home: then it is not certain. */
	uint64_t certain = home("8.8.8.8") != home("100.64.1.1");
	CU_ASSERT_EQUAL(missteered(0, &hashed), certain);
	CU_ASSERT_EQUAL(hashed, 0);
	CU_ASSERT(nic_mem_put(&w.plane.devs[0], (uint16_t)home("100.64.1.1"), f.d, f.size));
	world_run(&w);
	CU_ASSERT_EQUAL(missteered(0, &hashed), certain);
	world_flush(&w);
	world_close(&w);
}

/* Of the kinds of traffic, only the promised one counts. */
static void
kinds(void)
{
	struct frame f;
	uint64_t hashed, before;
	world_open(&w, WORLD_JSON, true);
	w.plane.devs[1].steered = 1 << STEER_POOL;
	for (unsigned i = 0; i < 40; i++) {
		char src[32];
		snprintf(src, sizeof(src), "9.9.%u.9", i);
		before = missteered(1, &hashed);
		frame_udp(&f, &w, OUTSIDE, src, "203.0.113.2", 53, 2000 + i);
		put_wrong(1, &f, home("203.0.113.2"));
		bool certain = home(src) != home("203.0.113.2");
		CU_ASSERT_EQUAL(missteered(1, &hashed) - before, certain);
		before += certain;
		frame_udp(&f, &w, OUTSIDE, src, "192.0.2.10", 53, 80);
		put_wrong(1, &f, home(src));
		CU_ASSERT_EQUAL(missteered(1, &hashed), before); /* a client: not promised */
	}
	CU_ASSERT(missteered(1, &hashed) > 5);
	world_flush(&w);
	world_close(&w);
}

static void
queues_that_are_not_there(void)
{
	struct frame f;
	uint64_t hashed;
	world_open(&w, WORLD_JSON, true);
	w.plane.devs[0].steered = 0xff;
	w.plane.devs[0].rx_queues = 1; /* all that arrives is worker 0's to pass on */
	for (unsigned i = 0; i < 20; i++) {
		frame_udp(&f, &w, INSIDE, "100.64.1.1", "8.8.8.8", 1000 + i, 53);
		CU_ASSERT(nic_mem_put(&w.plane.devs[0], 0, f.d, f.size));
	}
	world_run(&w);
	CU_ASSERT_EQUAL(missteered(0, &hashed), 0);
	world_flush(&w);
	world_close(&w);
}

static void
put_echo(struct frame *f, const char *src)
{
	uint8_t *icmp = frame_ip(f, &w, INSIDE, src, "8.8.8.8", 1, 8);
	icmp[0] = 8;
	put16(icmp + 4, 1000);
	frame_seal(f);
}

/* What a rule for the pool address may have taken, has no ports, or is hashed by few NICs. */
static void
not_judged(void)
{
	struct frame f;
	uint64_t hashed, before, apart = 0;
	world_open(&w, WORLD_JSON, true);
	w.plane.devs[0].steered = 0xff;
	for (unsigned i = 1; i < 40; i++) {
		char src[32];
		snprintf(src, sizeof(src), "100.64.1.%u", i);
		before = missteered(0, &hashed);
		frame_udp(&f, &w, INSIDE, src, "203.0.113.2", 1000, 53); /* hairpin */
		put_wrong(0, &f, home(src));
		frame_udp(&f, &w, INSIDE, src, "8.8.8.8", 1000, 53);
		frame_l3(&f)[6] = 0x20; /* the first of several pieces */
		frame_seal(&f);
		put_wrong(0, &f, home(src));
		frame_udp(&f, &w, INSIDE, src, "8.8.8.8", 1000, 53);
		memmove(f.d + 38, f.d + 34, f.size - 34);
		memcpy(f.d + 34, "\1\1\1\1", 4); /* options that mean nothing */
		f.size += 4;
		f.d[14] = 0x46;
		put16(f.d + 16, f.size - 14);
		frame_seal(&f);
		put_wrong(0, &f, home(src));
		put_echo(&f, src);
		put_wrong(0, &f, home(src));
		CU_ASSERT_EQUAL(missteered(0, &hashed), before);
		frame_udp(&f, &w, INSIDE, src, "8.8.8.8", 1000, 53); /* as it should be */
		put_wrong(0, &f, home(src));
		apart += home(src) != home("8.8.8.8");
		CU_ASSERT_EQUAL(missteered(0, &hashed), apart);
	}
	CU_ASSERT(apart > 5);
	world_flush(&w);
	world_close(&w);
}

static const struct test_case cases[] = {
	{"promises", promises},
	{"kinds", kinds},
	{"not judged", not_judged},
	{"queues that are not there", queues_that_are_not_there},
};
TEST_MAIN("steer_watch", cases)
