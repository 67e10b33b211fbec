/* SPDX-License-Identifier: Apache-2.0 */
/* Identifications behind a shared address: given anew where they say something (RFC 6864). */
#include "lib/ident.h"

#include <arpa/inet.h>

#include "probe.h"

enum { DF = 0x4000, SAME = 77, MANY = 3000, PIECE = 1000 };

static struct frame
host_frame(unsigned host, uint16_t sport, uint16_t frag)
{
	struct frame f = world_frame("10.0.0.10", sport, "8.8.8.8", 53, 17);
	f.src.b[3] = (uint8_t)host;
	f.id = SAME;
	f.frag = frag;
	return f;
}

/* Two hosts with one identification, to one server: outside all are different. */
static void
test_differ(void)
{
	static uint8_t seen[65536];
	for (uint16_t workers = 1; workers < 4; workers += 2) {
		struct world *w = probe_world((struct world_options){.workers = workers});
		memset(seen, 0, sizeof(seen));
		for (unsigned i = 0; i < MANY; i++) {
			probe_arrive(w, WORLD_IN, host_frame(10 + i % 2, 2000 + i % 2, 0));
			CU_ASSERT_TRUE_FATAL(probe_take(w, 1));
			/* Workers that divide no ports do not share an address. */
			CU_ASSERT_TRUE(workers > 1 || !seen[probe_view.f.id]);
			CU_ASSERT_NOT_EQUAL(probe_view.f.id, 0);
			seen[probe_view.f.id] = 1;
		}
		world_destroy(w);
	}
}

/* Ports divided among workers: each has a residue class. */
static void
test_workers_differ(void)
{
	static uint8_t seen[65536];
	struct world *w = probe_world((struct world_options){.workers = 3});
	((struct img_plane *)(uintptr_t)w->gen->plane)->steer_split_blocks = 1;
	memset(seen, 0, sizeof(seen));
	for (unsigned i = 0; i < MANY; i++) {
		probe_arrive(w, WORLD_IN, host_frame(10, (uint16_t)(2000 + i % 6), 0));
		CU_ASSERT_TRUE_FATAL(probe_take(w, 1));
		CU_ASSERT_FALSE(seen[probe_view.f.id]);
		seen[probe_view.f.id] = 1;
	}
	world_destroy(w);
}

/* One source of all workers, as a tunnel's: none gives what another gives, or nothing. */
static void
test_shared(void)
{
	static uint8_t giver[65536];
	struct world *w = probe_world((struct world_options){.workers = 3});
	memset(giver, 0, sizeof(giver));
	for (unsigned i = 0; i < 40000; i++) {
		unsigned k = i % 3;
		uint16_t id = ntohs(ident_next(w->worker[k], 0x0a000001, 0x0a000002, 4, true));
		CU_ASSERT_NOT_EQUAL_FATAL(id, 0);
		CU_ASSERT_FATAL(giver[id] == 0 || giver[id] == k + 1);
		giver[id] = (uint8_t)(k + 1);
	}
	world_destroy(w);
}

/* A whole datagram with DF keeps it; so does what comes in, whose source is its own. */
static void
test_kept(void)
{
	struct world *w = probe_simple();
	probe_arrive(w, WORLD_IN, host_frame(10, 2000, DF));
	CU_ASSERT_TRUE(probe_take(w, 1));
	CU_ASSERT_EQUAL(probe_view.f.id, SAME);
	struct frame slow = host_frame(10, 2000, DF); /* the way of those that get another one */
	slow.options = 4;
	probe_arrive(w, WORLD_IN, slow);
	CU_ASSERT_TRUE(probe_take(w, 1));
	CU_ASSERT_EQUAL(probe_view.f.id, SAME);
	struct frame back = world_frame("8.8.8.8", 53, "198.51.100.1", 3000, 17);
	back.id = SAME;
	probe_arrive(w, WORLD_OUT, back);
	CU_ASSERT_TRUE(probe_take(w, 0));
	CU_ASSERT_EQUAL(probe_view.f.id, SAME);
	world_destroy(w);
}

static size_t
datagram(const struct world *w, uint8_t *whole, unsigned host)
{
	struct frame f = host_frame(host, 2000, 0);
	f.payload_size = 3 * PIECE - 8;
	f.sport += host;
	memcpy(f.dmac, w->gen->nic[WORLD_IN].mac, 6);
	return frame_make(whole, &f);
}

static void
piece(struct world *w, const uint8_t *whole, unsigned k)
{
	uint8_t frame[FRAME_MAX];
	size_t size = frame_cut(frame, whole, (size_t)k * PIECE, PIECE, k == 2);
	world_put(w, w->gen->nic[WORLD_IN].dev, frame, size);
	world_poll(w);
}

/* The fragments of a datagram share one, in any order; those of another host have another. */
static void
test_fragments(void)
{
	static uint8_t whole[2][FRAME_MAX + 2048];
	static const uint8_t order[2][3] = {{0, 1, 2}, {2, 0, 1}};
	for (uint16_t workers = 1; workers < 4; workers += 2) {
		struct world *w = probe_world((struct world_options){.workers = workers});
		uint16_t id[2] = {0, 0};
		datagram(w, whole[0], 10);
		datagram(w, whole[1], 11);
		for (unsigned i = 0; i < 3; i++)
			for (unsigned h = 0; h < 2; h++)
				piece(w, whole[h], order[h][i]);
		unsigned n[2] = {0, 0};
		for (unsigned h = 0; probe_take(w, 1); n[h]++) {
			h = id[0] != 0 && probe_view.f.id != id[0];
			if (id[h] == 0)
				id[h] = probe_view.f.id;
			CU_ASSERT_EQUAL(probe_view.f.id, id[h]);
		}
		CU_ASSERT_TRUE(n[0] == 3 && n[1] == 3);
		CU_ASSERT_TRUE(id[0] != 0 && id[1] != 0 && id[0] != id[1]);
		world_destroy(w);
	}
}

static const struct test_case cases[] = {
	{"behind one address all differ", test_differ},
	{"divided ports", test_workers_differ},
	{"one source of all workers", test_shared},
	{"kept", test_kept},
	{"fragments of a datagram share one", test_fragments},
};
TEST_MAIN("ident", cases)
