/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Misses of a burst: what comes out is, flow by flow, what comes out when the same packets arrive
 * one at a time; a full table is not asked for more than it can take.
 */
#include "probe.h"

#include "lib/miss.h"

enum { GROUPS = 400, MOST = 120, OUTPUTS = 8 * MOST };

static uint64_t seed;

static unsigned
pick(unsigned n)
{
	return (unsigned)(test_random(&seed) % n);
}

/* VIN stands outside here, so that both directions of a flow arrive in one burst. */
static struct world *
one_armed(struct world_options o)
{
	struct world *w = probe_world(o);
	w->gen->nic[WORLD_VIN].realm = 0;
	world_mac(w, WORLD_VIN, 4, addr4("10.5.0.10"));
	return w;
}

/* Few flows, so that packets of one come often together; hosts share ports if they may collide. */
static struct frame
random_frame(uint8_t *nic, uint16_t id, bool collide)
{
	static const uint8_t protos[] = {6, 17, 1};
	static const uint8_t flags[] = {2, 16, 4, 17};
	unsigned host = pick(2);
	struct frame f;
	*nic = pick(2) == 0 ? WORLD_IN : WORLD_VIN;
	uint8_t proto = protos[pick(8) % 3];
	uint16_t port = (uint16_t)(2000 + pick(4) + 10 * host * !collide);
	if (*nic == WORLD_IN)
		f = world_frame(host ? "10.0.0.11" : "10.0.0.10", port,
		                pick(6) == 0 ? "203.0.113.1" : "10.5.0.10", 53, proto);
	else
		f = world_frame("10.5.0.10", 53, "198.51.100.1",
		                (uint16_t)(pick(4) == 0 ? 7000 + pick(3) : port + 1000u), proto);
	f.tcp_flags = flags[pick(4)];
	f.id = id;
	f.frag = 0x4000; /* DF, so that it keeps it */
	return f;
}

struct output {
	struct tuple t;
	uint16_t id, dev;
};

static int
output_compare(const void *pa, const void *pb)
{
	const struct output *a = pa, *b = pb;
	int by_tuple = memcmp(&a->t, &b->t, sizeof(a->t));
	return by_tuple != 0 ? by_tuple : a->dev - b->dev;
}

/* All that was sent, flow by flow, each in its order. */
static unsigned
take_all(struct world *w, struct output *out)
{
	unsigned n = 0;
	for (uint16_t dev = 0; dev < 2; dev++) {
		while (probe_take(w, (uint8_t)dev) && n < OUTPUTS) {
			const struct frame *f = &probe_view.f;
			struct output o = {.id = f->id, .dev = dev,
				.t = {.src = f->src, .dst = f->dst, .sport = f->sport,
				      .dport = f->dport, .proto = f->proto}};
			unsigned i = n++;
			for (; i > 0 && output_compare(&out[i - 1], &o) > 0; i--)
				out[i] = out[i - 1];
			out[i] = o;
		}
	}
	return n;
}

static void
check_equal(struct world *a, struct world *b)
{
	static struct output out[2][OUTPUTS];
	unsigned n = take_all(a, out[0]);
	CU_ASSERT_EQUAL_FATAL(n, take_all(b, out[1]));
	CU_ASSERT_EQUAL(memcmp(out[0], out[1], n * sizeof(out[0][0])), 0);
	for (unsigned r = 0; r < DROP_MAX; r++)
		CU_ASSERT_EQUAL(world_dropped(a, r), world_dropped(b, r));
	CU_ASSERT_EQUAL(a->opened, b->opened);
	CU_ASSERT_EQUAL(a->answered, b->answered);
	world_drain(a);
	world_drain(b);
}

static void
compare(struct world_options o, bool collide)
{
	struct world *together = one_armed(o), *alone = one_armed(o);
	uint16_t id = 0;
	for (unsigned g = 0; g < GROUPS; g++) {
		for (unsigned n = 1 + pick(MOST); n > 0; n--) {
			uint8_t nic;
			struct frame f = random_frame(&nic, ++id, collide);
			world_send(together, nic, &f);
			world_send(alone, nic, &f);
			world_poll(alone);
		}
		world_poll(together);
		check_equal(together, alone);
		uint64_t ms = collide ? 0 : pick(20) == 0 ? 70000 : pick(4000);
		world_advance(together, ms);
		world_advance(alone, ms);
	}
	CU_ASSERT(together->opened > (collide ? 10 : 100));
	CU_ASSERT_EQUAL(collide, together->undone > 0);
	world_destroy(together);
	world_destroy(alone);
}

static void
test_as_alone(void)
{
	seed = test_seed();
	compare((struct world_options){.workers = 1}, false);
	compare((struct world_options){.workers = 1}, true);
	compare((struct world_options){.workers = 2, .queues = 1}, false);
}

static struct policy_ops ops;
static unsigned warmed[WARM_STAGES], asked, cold;

/* Every stage comes over all misses of a burst, and all before the first open. */
static void
warm(void *state, struct miss *const *all, unsigned n, unsigned stage)
{
	CU_ASSERT_EQUAL(asked, 0);
	for (unsigned i = 0; i < n; i++) {
		CU_ASSERT_EQUAL(all[i]->hint[0], stage);
		CU_ASSERT(stage == 0 || warmed[stage - 1] > warmed[stage]);
		all[i]->hint[0]++;
		warmed[stage]++;
	}
}

static enum verdict (*plain_open)(void *, const struct miss *, struct flow_spec *);

static enum verdict
counted_open(void *state, const struct miss *m, struct flow_spec *spec)
{
	asked++;
	cold += m->hint[0] != WARM_STAGES;
	return plain_open(state, m, spec);
}

static struct world *
watched(struct world_options o)
{
	struct world *w = probe_world(o);
	ops = *w->worker[0]->policy[0].ops;
	plain_open = ops.open;
	ops.warm = warm;
	ops.open = counted_open;
	w->worker[0]->policy[0].ops = &ops;
	memset(warmed, 0, sizeof(warmed));
	asked = cold = 0;
	return w;
}

static void
put(struct world *w, unsigned from, unsigned n)
{
	for (unsigned i = from; i < from + n; i++) {
		struct frame f = world_frame("10.0.0.10", (uint16_t)(2000 + i), "8.8.8.8", 53, 17);
		world_send(w, WORLD_IN, &f);
	}
	world_poll(w);
}

static void
test_stages(void)
{
	struct world *w = watched((struct world_options){.workers = 1});
	put(w, 0, 20);
	for (unsigned s = 0; s < WARM_STAGES; s++)
		CU_ASSERT_EQUAL(warmed[s], 20);
	CU_ASSERT_EQUAL(asked, 20);
	CU_ASSERT(cold < 4); /* whose hash looks like another's */
	put(w, 0, 20); /* hits */
	CU_ASSERT_EQUAL(warmed[0], 20);
	world_destroy(w);
}

/* Twelve for a table of eight: the policy is asked for eight, later for none. */
static void
test_full(void)
{
	struct world *w = watched((struct world_options){.flows = 8});
	put(w, 0, 12);
	CU_ASSERT_EQUAL(asked, 8);
	CU_ASSERT_EQUAL(w->opened, 8);
	CU_ASSERT_EQUAL(w->undone, 0);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_FLOW_TABLE_FULL), 4);
	put(w, 20, 12);
	CU_ASSERT_EQUAL(asked, 8);
	CU_ASSERT_EQUAL(warmed[0], 12);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_FLOW_TABLE_FULL), 16);
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"as one at a time", test_as_alone},
	{"stages", test_stages},
	{"a full table", test_full},
};
TEST_MAIN("miss_burst", cases)
