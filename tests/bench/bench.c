/* SPDX-License-Identifier: Apache-2.0 */
/* What the cases share: a plane with its flows, batches of packets, checks. See cases.h. */
#include <stdio.h>

#include "cases.h"
#include "lib/mem.h"

enum { POOL_PORTS = 64512, POOL_BLOCK = 128, PER_SUBSCRIBER = 100, SHARED_PREFIX = 20,
       ESTABLISHED_S = 7440, BOUND_FROM = 1000000, BATCHES_LEAST = 8 };

static size_t
memory_now(void)
{
	struct mem_usage u = mem_usage();
	return u.huge_1g + u.huge_2m + u.ordinary;
}

/* The smallest pool whose ports are a third more than the flows. */
static unsigned
pool_prefix(uint64_t flows)
{
	unsigned n = 30;
	while (n > 20 && ((uint64_t)1 << (32 - n)) * POOL_PORTS < flows + flows / 3)
		n--;
	return n;
}

static unsigned subscribers;

void
bench_share(unsigned n)
{
	subscribers = n;
}

/* Flows of an inside address. */
static uint64_t
per_subscriber(const struct bench_case *c, uint64_t flows)
{
	if (c->per_subscriber != 0)
		return c->per_subscriber;
	return subscribers == 0 ? PER_SUBSCRIBER : (flows + subscribers - 1) / subscribers;
}

struct rig_options
bench_rig_options(const struct bench_case *c, uint64_t flows)
{
	uint64_t capacity = flows + flows * c->slack / 100 + (c->guard ? RIG_HALF_OPEN : 0);
	unsigned prefix = subscribers != 0 ? SHARED_PREFIX : pool_prefix(capacity);
	if (c->blocks)
		capacity += ((uint64_t)1 << (32 - prefix)) * (POOL_PORTS / POOL_BLOCK);
	return (struct rig_options){
		.flows = capacity, .workers = c->workers, .pool_prefix = prefix,
		.backends = c->backends,
		.idle_s = c->idle_s != 0 ? c->idle_s : ESTABLISHED_S,
		.subscribers = (unsigned)(capacity / per_subscriber(c, flows) + 70000),
		.mode = c->mode,
		.v6 = c->kind == TRAFFIC_LB6,
		.guard = c->guard,
	};
}

void
bench_memory(const struct bench *b, struct result *out)
{
	uint64_t most = MEMORY_FLOW_MAX * b->rig_options.flows;
	out->room = b->rig_options.flows;
	out->bytes_per_flow = (double)b->memory / (double)out->room;
	if (b->flows >= BOUND_FROM && !b->rig_options.v6 && subscribers == 0 && b->need.sum > most)
		bench_expect(out, "bytes of tables", b->need.sum, most);
}

void
bench_memory_parts(const struct bench *b, struct result *out)
{
	const struct img_plane *plane = b->rig->plane.gen->plane;
	const uint64_t *need = b->need.part;
	double slab = (double)plane->flows_v4 * sizeof(struct flow4) +
	              (double)plane->flows_v6 * sizeof(struct flow6);
	double tables = (double)need[MEMORY_FLOWS_V4] + (double)need[MEMORY_FLOWS_V6];
	double part[BENCH_MEMORY_PARTS] = {
		[BENCH_FLOWS] = slab, [BENCH_INDEX] = tables - slab,
		[BENCH_NAT] = (double)need[MEMORY_NAT], [BENCH_LB] = (double)need[MEMORY_LB],
		[BENCH_OTHER] = (double)need[MEMORY_OTHER],
		[BENCH_REST] = (double)b->memory - (double)b->need.sum,
	};
	for (unsigned i = 0; i < BENCH_MEMORY_PARTS; i++)
		out->memory[i] = part[i] / (double)b->rig_options.flows;
}

/* Tables that did not find huge pages, where others do, are not what is to be measured. */
static void
pages_warn(const char *name, const struct mem_usage *before, size_t made_huge)
{
	struct mem_usage now = mem_usage();
	size_t ordinary = now.ordinary - before->ordinary, made = mem_made_huge() - made_huge;
	ordinary = made < ordinary ? ordinary - made : 0;
	if (mem_huge_used() && ordinary > (size_t)64 << 20)
		fprintf(stderr, "millrace-bench: %s: %zu MB of the tables are on ordinary pages, "
		        "too few huge pages are free\n", name, ordinary >> 20);
}

bool
bench_open(struct bench *b, const struct bench_case *c, struct machine *m, uint64_t flows,
           unsigned rounds)
{
	*b = (struct bench){
		.flows = flows, .rnd = 7, .rounds = rounds, .tick_ns = m->tick_ns, .machine = m,
	};
	if (c->workers == 0)
		return true;
	struct rig_options ro = b->rig_options = bench_rig_options(c, flows);
	struct mem_usage before = mem_usage();
	size_t memory = memory_now(), made_huge = mem_made_huge();
	b->rig = rig_create(&ro, m);
	if (b->rig == NULL || !rig_need(&ro, &b->need))
		return false;
	b->memory = memory_now() - memory;
	pages_warn(c->name, &before, made_huge);
	b->traffic = traffic_create(c->kind, flows, per_subscriber(c, flows));
	if (b->traffic == NULL)
		fprintf(stderr, "millrace-bench: no memory to make %llu flows\n",
		        (unsigned long long)flows);
	return b->traffic != NULL;
}

void
bench_close(struct bench *b)
{
	traffic_destroy(b->traffic);
	if (b->rig != NULL)
		rig_destroy(b->rig);
}

unsigned
bench_home(const struct bench *b, uint64_t i)
{
	return b->rig->plane.n_workers == 1 ? 0 : traffic_home(b->traffic, b->rig, i);
}

uint64_t
bench_run_all(struct bench *b)
{
	uint64_t ticks = 0;
	for (unsigned w = 0; w < b->rig->plane.n_workers; w++)
		ticks += rig_run(b->rig, w);
	return ticks;
}

unsigned
bench_batch_size(uint64_t at, uint64_t total)
{
	uint64_t most = total / BATCHES_LEAST < BATCH ? total / BATCHES_LEAST + 1 : BATCH;
	return (unsigned)(total - at < most ? total - at : most);
}

uint64_t
bench_batch(struct bench *b, uint64_t from, unsigned n, unsigned dir, uint8_t flags, bool learn)
{
	struct rig *r = b->rig;
	for (unsigned k = 0; k < n; k++) {
		struct rte_mbuf *m = rig_buffer(r, k);
		unsigned dev = traffic_packet(b->traffic, from + k, dir, flags, m);
		rig_put(r, dev, bench_home(b, from + k), m);
	}
	uint64_t ticks = bench_run_all(b);
	for (unsigned k = 0; learn && k < n; k++)
		traffic_learn(b->traffic, from + k, rig_buffer_at(r, k));
	return ticks;
}

bool
bench_fill(struct bench *b, struct timing *t)
{
	uint64_t before = rig_sent(b->rig);
	b->rig->counted = t != NULL;
	unsigned n;
	for (uint64_t i = 0; i < b->flows; i += n) {
		n = bench_batch_size(i, b->flows);
		uint64_t ticks = bench_batch(b, i, n, 0, TCP_SYN, true);
		if (t != NULL)
			timing_add(t, ticks, n);
	}
	b->rig->counted = false;
	unsigned dir = b->traffic->kind != TRAFFIC_ONE;
	uint8_t flags = dir != 0 ? TCP_SYN | TCP_ACK : TCP_ACK;
	for (uint64_t i = 0; i < b->flows; i += n) {
		n = bench_batch_size(i, b->flows);
		bench_batch(b, i, n, dir, flags, false);
	}
	return rig_sent(b->rig) - before == 2 * b->flows;
}

void
bench_put_hit(struct bench *b, unsigned k)
{
	uint64_t x = bench_random(&b->rnd), i = bench_below(x, b->flows);
	unsigned dir = b->traffic->kind != TRAFFIC_ONE ? x & 1 : 0;
	struct rte_mbuf *m = rig_buffer(b->rig, k);
	rig_put(b->rig, traffic_packet(b->traffic, i, dir, TCP_ACK, m), bench_home(b, i), m);
}

void
result_time(struct result *out, struct timing *t, double tick_ns)
{
	out->ns = timing_median(t) * tick_ns;
	out->ns_min = timing_min(t) * tick_ns;
	out->f = timing_f(t);
	out->f_min = timing_f_min(t);
	out->units = t->done;
}

void
bench_expect(struct result *out, const char *what, uint64_t got, uint64_t want)
{
	if (got == want || out->failed)
		return;
	out->failed = true;
	snprintf(out->note, sizeof(out->note), "%s: %llu, expected %llu", what,
	         (unsigned long long)got, (unsigned long long)want);
}
