/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table layouts against each other: one driver over small tables of their own (layout_tables.h).
 * Each has an entry a direction of a flow, all have as many slots, so that at a load all hold the
 * same flows; the flow is a line of 64 bytes, verified and written.
 */
#include <rte_cycles.h>

#include "cases.h"
#include "layout_tables.h"
#include "lib/mem.h"
#include "lib/prefetch.h"

enum { LAYOUTS = 3, LOADS = 5, PATH_MOST = 4096 };
static const double loads[LOADS] = {0.5, 0.6, 0.7, 0.8, 0.85};

struct flow_line {
	uint64_t hits;
	struct tuple4 tuple[2];
	uint64_t rest[4];
} __attribute__((aligned(64)));
static_assert(sizeof(struct flow_line) == 64, "a flow is a line");

struct table {
	union line *line;
	uint64_t lines;
	uint64_t further; /* lookups that took another line than the first */
};

static uint64_t
mix(uint64_t x)
{
	return bench_random(&x);
}

static struct tuple4
key_of(uint64_t flow, unsigned dir)
{
	uint64_t a = mix(2 * flow + dir), b = mix(a);
	return (struct tuple4){(uint32_t)a, (uint32_t)(a >> 32), (uint16_t)b, (uint16_t)(b >> 16)};
}

#define INLINE static inline __attribute__((always_inline))

/* All of a lookup, a line after the other, every candidate verified. */
static __attribute__((noinline)) uint32_t
find_slowly(const struct layout *y, struct table *t, const struct flow_line *flows, uint64_t hash,
            const struct tuple4 *key)
{
	for (unsigned step = 0; step < PATH_MOST; step++) {
		const union line *l = &t->line[y->path(t->lines, hash, step)];
		for (unsigned m = y->same(l, hash, key); m != 0; m &= m - 1) {
			uint32_t ref = y->ref(l, (unsigned)__builtin_ctz(m) >> y->shift);
			if (tuple4_equal(&flows[ref >> 1].tuple[ref & 1], key)) {
				t->further += step != 0;
				return ref;
			}
		}
		if (!y->more(l))
			break;
	}
	return 0;
}

/* The first candidate of the first line that has one. => 0: none. */
INLINE uint32_t
candidate(const struct layout *y, struct table *t, uint64_t hash, const struct tuple4 *key)
{
	for (unsigned step = 0; step < PATH_MOST; step++) {
		const union line *l = &t->line[y->path(t->lines, hash, step)];
		unsigned m = y->same(l, hash, key);
		t->further += step == 1;
		if (__builtin_expect(m != 0, 1))
			return y->ref(l, (unsigned)__builtin_ctz(m) >> y->shift);
		if (!y->more(l))
			break;
	}
	return 0;
}

/* => how many of a burst were found. */
INLINE unsigned
burst_find(const struct layout *y, struct table *t, struct flow_line *flows,
           const struct tuple4 *key)
{
	uint64_t hash[BURST];
	uint32_t ref[BURST];
	unsigned found = 0;
	for (unsigned k = 0; k < BURST; k++) {
		hash[k] = key_hash(&key[k]);
		prefetch_read(&t->line[y->path(t->lines, hash[k], 0)]);
	}
	for (unsigned k = 0; k < BURST; k++) {
		ref[k] = candidate(y, t, hash[k], &key[k]);
		prefetch_write(&flows[ref[k] >> 1]);
	}
	for (unsigned k = 0; k < BURST; k++) {
		if (!tuple4_equal(&flows[ref[k] >> 1].tuple[ref[k] & 1], &key[k]))
			ref[k] = find_slowly(y, t, flows, hash[k], &key[k]);
		flows[ref[k] >> 1].hits++;
		found += ref[k] != 0;
	}
	return found;
}

/* One driver, compiled for each layout. */
static __attribute__((noinline)) unsigned
burst8(struct table *t, struct flow_line *flows, const struct tuple4 *key)
{
	return burst_find(&layout_tags8, t, flows, key);
}

static __attribute__((noinline)) unsigned
burst10(struct table *t, struct flow_line *flows, const struct tuple4 *key)
{
	return burst_find(&layout_tags10, t, flows, key);
}

static __attribute__((noinline)) unsigned
burst_inline(struct table *t, struct flow_line *flows, const struct tuple4 *key)
{
	return burst_find(&layout_inline, t, flows, key);
}

static const struct {
	const struct layout *layout;
	unsigned (*burst)(struct table *t, struct flow_line *flows, const struct tuple4 *key);
} layouts[LAYOUTS] = {
	{&layout_tags8, burst8}, {&layout_tags10, burst10}, {&layout_inline, burst_inline},
};

/* Slots of each table: of tags8 a power of two of lines, such that so many flows load it to between
 * 0.46 and 0.92. */
static uint64_t
slots_of(uint64_t flows)
{
	uint64_t slots = 8 * SLOTS8;
	while (2.0 * (double)flows > 0.92 * (double)slots)
		slots *= 2;
	return slots;
}

/* An even number, so that every line of tags10 has its neighbour. */
static uint64_t
lines_of(const struct layout *y, uint64_t flows)
{
	return slots_of(flows) / y->slots & ~(uint64_t)1;
}

static uint64_t
flows_at(uint64_t flows, double load)
{
	return (uint64_t)(load * (double)slots_of(flows) / 2);
}

static size_t
records_memsize(uint64_t flows)
{
	return (flows_at(flows, loads[LOADS - 1]) + 2) * sizeof(struct flow_line);
}

size_t
layouts_memsize(uint64_t flows)
{
	size_t sum = records_memsize(flows);
	for (unsigned i = 0; i < LAYOUTS; i++)
		sum += lines_of(layouts[i].layout, flows) * sizeof(union line);
	return sum;
}

static bool
table_add(const struct layout *y, struct table *t, uint64_t hash, const struct tuple4 *key,
          uint32_t ref)
{
	for (unsigned step = 0; step < PATH_MOST; step++)
		if (y->put(&t->line[y->path(t->lines, hash, step)], hash, key, ref))
			return true;
	return false;
}

struct world {
	struct table table[LAYOUTS];
	struct flow_line *flows;
	uint64_t n;  /* flows that stand: 1 … n */
};

/* A few flows, both directions, into every table; their lines are asked for first. */
static bool
flows_add(struct world *w, unsigned n)
{
	struct tuple4 key[BURST];
	uint64_t hash[BURST];
	bool good = true;
	for (unsigned k = 0; k < 2 * n; k++) {
		uint64_t flow = w->n + 1 + k / 2;
		w->flows[flow].tuple[k & 1] = key[k] = key_of(flow, k & 1);
		hash[k] = key_hash(&key[k]);
		for (unsigned i = 0; i < LAYOUTS; i++) {
			struct table *t = &w->table[i];
			prefetch_write(&t->line[layouts[i].layout->path(t->lines, hash[k], 0)]);
		}
	}
	for (unsigned i = 0; i < LAYOUTS; i++)
		for (unsigned k = 0; k < 2 * n; k++)
			good &= table_add(layouts[i].layout, &w->table[i], hash[k], &key[k],
			                  (uint32_t)(2 * (w->n + 1) + k));
	w->n += n;
	return good;
}

static bool
flows_fill(struct world *w, uint64_t to)
{
	bool good = true;
	while (good && w->n < to)
		good = flows_add(w, to - w->n < BURST / 2 ? (unsigned)(to - w->n) : BURST / 2);
	return good;
}

/* A group of each layout in turn: what disturbs one disturbs all. */
static uint64_t
tables_time(struct bench *b, struct world *w, struct timing *t)
{
	uint64_t found = 0, bursts = (uint64_t)b->rounds * (RIG_PACKETS / BURST);
	struct tuple4 key[BURST];
	for (unsigned g = 0; g < TIMING_GROUPS * LAYOUTS; g++) {
		unsigned i = g % LAYOUTS;
		for (uint64_t n = 0; n < bursts; n++) {
			for (unsigned k = 0; k < BURST; k++) {
				uint64_t x = bench_random(&b->rnd);
				key[k] = key_of(1 + bench_below(x, w->n), x & 1);
			}
			uint64_t begin = rte_rdtsc();
			found += layouts[i].burst(&w->table[i], w->flows, key);
			timing_add(&t[i], rte_rdtsc() - begin, BURST);
		}
	}
	return found;
}

static void
load_run(struct bench *b, struct world *w, double load, struct result *out)
{
	const char *name = out->name;
	uint64_t want = flows_at(b->flows, load), each;
	bool filled = flows_fill(w, want);
	struct timing t[LAYOUTS];
	each = (uint64_t)TIMING_GROUPS * b->rounds * RIG_PACKETS;
	for (unsigned i = 0; i < LAYOUTS; i++) {
		t[i] = timing_of(b->machine, each);
		w->table[i].further = 0;
	}
	uint64_t found = filled ? tables_time(b, w, t) : 0;
	for (unsigned i = 0; i < LAYOUTS; i++) {
		out[i] = (struct result){.name = name, .part = layouts[i].layout->name,
		                         .flows = w->n, .load = load};
		result_time(&out[i], &t[i], b->tick_ns);
		out[i].second = (double)w->table[i].further / (double)each;
		out[i].bytes_per_flow = (double)sizeof(struct flow_line) +
			(double)(w->table[i].lines * sizeof(union line)) / (double)w->n;
		bench_expect(&out[i], "found, of all layouts", found, LAYOUTS * each);
	}
}

void
case_layouts(struct bench *b, struct result *out)
{
	struct world w = {.flows = mem_alloc(records_memsize(b->flows), -1)};
	bool good = w.flows != NULL;
	const char *name = out->name;
	for (unsigned i = 0; i < LAYOUTS; i++) {
		w.table[i].lines = lines_of(layouts[i].layout, b->flows);
		w.table[i].line = mem_alloc(w.table[i].lines * sizeof(union line), -1);
		good &= w.table[i].line != NULL;
	}
	for (unsigned i = 0; good && i < LOADS; i++) {
		out[i * LAYOUTS].name = name;
		load_run(b, &w, loads[i], &out[i * LAYOUTS]);
	}
	bench_expect(out, "memory for the tables", good, true);
	for (unsigned i = 0; i < LAYOUTS; i++)
		mem_free(w.table[i].line, w.table[i].lines * sizeof(union line));
	mem_free(w.flows, records_memsize(b->flows));
}
