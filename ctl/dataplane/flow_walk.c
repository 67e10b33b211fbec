/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over the flow tables of workers that go on writing them. */
#include "flow_walk.h"

#include "lib/final.h"

typedef void take_fn(struct page *pg, const struct snapshot *s);

/* Copies an entry that its worker may be writing. => false when it never stood still. */
static bool
read_whole(void *to, const void *from, size_t size)
{
	uint8_t again[sizeof(struct flow6)];
	for (unsigned i = 0; i < COMMAND_READS; i++) {
		memcpy(to, from, size);
		atomic_thread_fence(memory_order_seq_cst);
		memcpy(again, from, size);
		if (memcmp(to, again, size) == 0)
			return true;
	}
	return false;
}

static bool
snapshot4(const struct flow_table *t, uint32_t i, struct snapshot *s)
{
	struct flow4 e;
	if (!read_whole(&e, &t->v4[i], sizeof(e)) || e.f.state == CONN_FREE)
		return false;
	s->f = e.f;
	for (unsigned d = 0; d < 2; d++)
		s->tuple[d] = (struct tuple){
			.src = addr_from_v4(e.tuple[d].src), .dst = addr_from_v4(e.tuple[d].dst),
			.sport = e.tuple[d].sport, .dport = e.tuple[d].dport, .family = FAMILY_V4,
			.proto = e.f.proto, .realm = e.f.realm[d],
		};
	return true;
}

static bool
snapshot6(const struct flow_table *t, uint32_t i, struct snapshot *s)
{
	struct flow6 e;
	if (!read_whole(&e, &t->v6[i], sizeof(e)) || e.f.state == CONN_FREE)
		return false;
	s->f = e.f;
	for (unsigned d = 0; d < 2; d++)
		s->tuple[d] = (struct tuple){
			.src = e.tuple[d].src, .dst = e.tuple[d].dst, .sport = e.tuple[d].sport,
			.dport = e.tuple[d].dport, .family = FAMILY_V6, .proto = e.f.proto,
			.realm = e.f.realm[d],
		};
	return true;
}

/* => false when the flow is idle beyond its time: it is over, only not yet swept. */
static bool
is_alive(const struct page *pg, struct snapshot *s)
{
	const struct generation *g = pg->plane->gen;
	uint32_t idle = pg->now_ms - s->f.seen_ms;
	if ((int32_t)idle < 0)
		idle = 0; /* the worker's clock is ahead of ours by a moment */
	uint32_t whole = final_idle_ms(g->timers, g->n_timers, &s->f);
	s->idle_ms = idle;
	s->left_ms = whole - idle;
	return idle <= whole;
}

/* Where IPv6 entries begin in a cursor, however large the tables become meanwhile. */
#define FIRST6 (1u << 30)

static const struct flow *
entry(const struct flow_table *t, uint32_t i)
{
	return i < FIRST6 ? &t->v4[i].f : &t->v6[i - FIRST6].f;
}

/* One worker from table entry i on (IPv4 entries, then IPv6 ones). => the entry to go on at, or 0
 * when this worker has no more. */
static uint32_t
walk_worker(struct page *pg, uint16_t worker, uint32_t i, uint32_t *steps, take_fn *take)
{
	const struct tally *tally = &pg->plane->worker[worker]->tally;
	const struct flow_table *t = &pg->plane->worker[worker]->flows;
	uint32_t end4 = t->high4 < t->capacity4 ? t->high4 : t->capacity4;
	uint32_t end6 = t->high6 < t->capacity6 ? t->high6 : t->capacity6;
	for (;; i++, ++*steps) {
		if (i > end4 && i < FIRST6)
			i = FIRST6 + 1;
		if (i > FIRST6 + end6)
			return 0;
		if (*steps == COMMAND_STEPS || pg->count == pg->room)
			return i;
		struct snapshot s;
		bool found = i < FIRST6 ? snapshot4(t, i, &s) : snapshot6(t, i - FIRST6, &s);
		s.worker = (uint8_t)worker;
		if (!found || !is_alive(pg, &s))
			continue;
		s.sum = tally_totals(tally, entry(t, i), &s.f);
		take(pg, &s);
	}
}

void
flow_walk(struct page *pg, take_fn *take)
{
	uint16_t only = pg->filter->worker;
	uint32_t steps = 0, i = (uint32_t)pg->cursor;
	for (uint64_t w = pg->cursor >> 32; w < pg->plane->n_workers; w++, i = 0) {
		if (only != 0 && only != w + 1)
			continue;
		i = walk_worker(pg, (uint16_t)w, i != 0 ? i : 1, &steps, take);
		if (i != 0) {
			pg->next = w << 32 | i;
			return;
		}
	}
}
