/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No shared line is written on the hit path: while a worker forwards packets of known flows, all
 * that workers share is read-only, and what belongs to the other worker is not there at all.
 */
#include <sys/mman.h>

#include "ctl/dataplane/plane_image.h"
#include "lib/frag.h"
#include "lib/pipeline.h"
#include "lib/tcp.h"
#include "tests/plane_world.h"
#include "tests/test.h"

enum { PAGE = 4096, WORKERS = 2, SUBSCRIBERS = 48, ROUNDS = 3 };

static_assert(sizeof(struct stats) % PAGE == 0, "contexts are pages of their own");
static_assert(_Alignof(struct pkt) == 64 && sizeof(struct pkt) % 64 == 0, "records of packets");
static_assert(sizeof(struct rte_rcu_qsbr_cnt) == 64, "each worker's report is a line of its own");
static_assert(sizeof(struct flow4) == 64 && sizeof(struct flow6) == 128, "flows are whole lines");
static_assert(sizeof(struct generation) >= PAGE, "a generation begins with a page of its own");

static struct world w __attribute__((aligned(PAGE)));

/* What is written by one worker, by page. Tables come from mem_alloc, which gives whole pages. */
static void
protect(const void *p, size_t size, int prot)
{
	size_t whole = (size + PAGE - 1) / PAGE * PAGE;
	CU_ASSERT_EQUAL((uintptr_t)p % PAGE, 0);
	CU_ASSERT_EQUAL(mprotect((void *)(uintptr_t)p, whole, prot), 0);
}

static void
protect_worker(unsigned i, int prot)
{
	struct worker *other = w.plane.worker[i];
	const struct stats_segment *s = w.plane.shared.stats;
	protect(other->pipe, sizeof(struct pipeline), prot);
	protect(other->frags, frag_memsize(), prot);
	protect(other->flows.index.bucket, index_size(other->flows.index.buckets), prot);
	protect(other->flows.v4, (other->flows.capacity4 + 1) * sizeof(struct flow4), prot);
	protect(other->flows.v6, (other->flows.capacity6 + 1) * sizeof(struct flow6), prot);
	protect(other->tally.index.bucket, PAGE, prot);
	for (unsigned p = 0; p < PLANE_POLICIES; p++)
		protect(other->policy[p].state, PAGE, prot);
	protect(stats_context(s, 1 + i), sizeof(struct stats), prot);
	protect(stats_backends(s, 1 + i), s->backend_stride, prot);
	protect(other, sizeof(*other), prot);
}

static void
unprotect_worker(unsigned i)
{
	protect(w.plane.worker[i], sizeof(struct worker), PROT_READ | PROT_WRITE);
	protect_worker(i, PROT_READ | PROT_WRITE);
}

static void
protect_shared(int prot)
{
	const struct stats_segment *s = w.plane.shared.stats;
	protect(&w.plane, sizeof(struct plane) / PAGE * PAGE, prot); /* shared, devices */
	protect(w.plane.gen, sizeof(struct generation) / PAGE * PAGE, prot);
	protect(w.plane.shared.nexthops.entry, nexthop_memsize(), prot);
	protect(s, s->stats_offset, prot);
	protect(stats_context(s, 0), sizeof(struct stats), prot); /* the slow path's */
}

enum { DATAGRAM, SEGMENT, CLIENT4, CLIENT6, KINDS };

static void
source_of(unsigned i, char text[32])
{
	snprintf(text, 32, i % KINDS == CLIENT6 ? "2001:db8:a::%x" : "100.64.1.%u", i + 2);
}

static unsigned
home_of(unsigned i)
{
	char src[32];
	source_of(i, src);
	union addr a = world_addr(src);
	return steer_worker(&w.plane.gen->steer, &a,
	                    i % KINDS == CLIENT6 ? FAMILY_V6 : FAMILY_V4);
}

static void
put_tcp(uint8_t *l4, unsigned sport, unsigned dport, unsigned flags)
{
	put16(l4, sport);
	put16(l4 + 2, dport);
	l4[12] = 0x50;
	l4[13] = (uint8_t)flags;
	put16(l4 + 14, 1000);
}

/* By turns: a datagram, a segment, and clients of services, who are in the same network. */
static void
put_out(unsigned i, unsigned flags)
{
	static const char *const to[KINDS] = {"8.8.8.8", "8.8.8.8", "192.0.2.10", "2001:db8:2::10"};
	unsigned kind = i % KINDS;
	struct frame f;
	char src[32];
	source_of(i, src);
	if (kind == DATAGRAM)
		frame_udp(&f, &w, INSIDE, src, to[kind], 1000 + i, 53);
	else
		put_tcp(frame_ip(&f, &w, INSIDE, src, to[kind], 6, 20), 1000 + i, 80, flags);
	frame_seal(&f);
	CU_ASSERT(nic_mem_put(&w.plane.devs[0], (uint16_t)home_of(i), f.d, f.size));
}

static void
swap(uint8_t *a, uint8_t *b, size_t n)
{
	uint8_t t[16];
	memcpy(t, a, n);
	memcpy(a, b, n);
	memcpy(b, t, n);
}

static void
put_answer(const struct frame *sent, unsigned home, unsigned flags)
{
	struct frame f = *sent;
	uint8_t *ip = frame_l3(&f), *l4 = frame_l4(&f);
	bool v6 = ip[0] >> 4 == 6;
	swap(f.d, f.d + 6, 6);
	swap(ip + (v6 ? 8 : 12), ip + (v6 ? 24 : 16), v6 ? 16 : 4);
	swap(l4, l4 + 2, 2);
	if (ip[v6 ? 6 : 9] == 6)
		l4[13] = (uint8_t)flags;
	frame_seal(&f);
	CU_ASSERT(nic_mem_put(&w.plane.devs[1], (uint16_t)home, f.d, f.size));
}

/* One worker's flows, both ways, with the rest of the machine out of reach. */
static void
hits(unsigned worker, const struct frame sent[SUBSCRIBERS])
{
	struct stats *s = w.plane.worker[worker]->stats;
	uint64_t forwarded = s->forwarded, handed = s->handed_off, opened = s->flows_opened;
	unsigned n = 0;
	for (unsigned i = 0; i < SUBSCRIBERS; i++) {
		if (home_of(i) != worker)
			continue;
		put_out(i, TCP_ACK);
		put_answer(&sent[i], worker, TCP_ACK);
		n += 2;
	}
	CU_ASSERT(n > 8);
	w.now += 1000;
	struct worker *self = w.plane.worker[worker];
	protect_worker(!worker, PROT_NONE);
	protect_shared(PROT_READ);
	worker_poll(self, w.now);
	worker_poll(self, w.now);
	protect_shared(PROT_READ | PROT_WRITE);
	unprotect_worker(!worker);
	CU_ASSERT_EQUAL(s->forwarded - forwarded, n);
	CU_ASSERT_EQUAL(s->handed_off, handed);
	CU_ASSERT_EQUAL(s->flows_opened, opened);
}

static void
hits_write_nothing_shared(void)
{
	static struct frame sent[SUBSCRIBERS];
	world_open(&w, WORLD_JSON, true);
	for (unsigned i = 0; i < SUBSCRIBERS; i++) {
		put_out(i, TCP_SYN);
		world_run(&w);
		CU_ASSERT_FATAL(world_take(&w, 1, &sent[i]));
		put_answer(&sent[i], home_of(i), TCP_SYN | TCP_ACK);
		world_run(&w);
	}
	world_flush(&w);
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned worker = 0; worker < WORKERS; worker++)
			hits(worker, sent);
	world_flush(&w);
	world_close(&w);
}

static const struct test_case cases[] = {
	{"hits write nothing shared", hits_write_nothing_shared},
};
TEST_MAIN("layout", cases)
