/* SPDX-License-Identifier: Apache-2.0 */
/* Rings to records, and to gaps. */
#include "log_source.h"

#include <string.h>

enum { TAKE = 256 };
#define NS_A_MS 1000000ull

void
log_source_begin(struct log_source *s, uint64_t start_ns, const struct log_resume *resume)
{
	uint64_t start_ms = start_ns / NS_A_MS;
	bool knows_another = s->start_ms != 0 || (resume != NULL && resume->start_ms != 0);
	if (s->start_ms == start_ms)
		return;
	memset(s->floor_ns, 0, sizeof(s->floor_ns));
	bool resumed = s->start_ms == 0 && resume != NULL && resume->start_ms == start_ms;
	s->start_ms = start_ms;
	for (unsigned w = 0; w < LOG_WORKERS; w++) {
		s->last_ns[w] = start_ns;
		s->next[w] = knows_another;
		if (resumed && resume->sequence[w] != 0) {
			s->next[w] = resume->sequence[w] + 1;
			s->last_ns[w] = resume->worker_ms[w] * NS_A_MS;
		}
	}
}

static void
gap(struct log_source *s, unsigned worker, uint64_t lost, uint64_t time_ns, log_source_fn *fn,
    void *arg)
{
	struct record rec = {.event = RECORD_GAP, .worker = (uint8_t)worker, .lost = lost,
	                     .time_ns = time_ns, .since_ns = s->last_ns[worker]};
	s->gaps++;
	s->lost += lost;
	fn(arg, &rec, 1);
}

void
log_source_shift(struct log_source *s, int64_t shift_ns, bool is_set)
{
	const int64_t least = (int64_t)(SOURCE_SHIFT_MS * NS_A_MS);
	s->shift_ns = shift_ns >= least || shift_ns <= -least ? shift_ns : 0;
	if (is_set)
		memset(s->floor_ns, 0, sizeof(s->floor_ns));
}

/* timed: the record's time by the system's clock. */
static void
timed(struct log_source *s, unsigned worker, struct record *rec)
{
	uint64_t *floor = &s->floor_ns[worker];
	rec->time_ns += (uint64_t)s->shift_ns;
	if (rec->time_ns < *floor)
		rec->time_ns = *floor;
	*floor = rec->time_ns;
}

/* one: pass a record on, behind the gap before it. Sequence 0: of a data plane without any. */
static void
one(struct log_source *s, unsigned worker, const struct record *rec, log_source_fn *fn, void *arg)
{
	uint64_t *next = &s->next[worker];
	if (*next != 0 && rec->sequence > *next)
		gap(s, worker, rec->sequence - *next, rec->time_ns, fn, arg);
	if (rec->sequence != 0)
		*next = rec->sequence + 1;
	s->last_ns[worker] = rec->time_ns;
	fn(arg, rec, 1);
}

static void
drain_ring(struct log_source *s, unsigned worker, struct record_ring *r, uint64_t now_ns,
           log_source_fn *fn, void *arg)
{
	struct record rec[TAKE];
	uint32_t n, taken = 0;
	uint64_t lost;
	do {
		lost = atomic_load_explicit(&r->lost, memory_order_acquire);
		n = record_take(r, rec, TAKE);
		for (uint32_t i = 0; i < n; i++) {
			timed(s, worker, &rec[i]);
			one(s, worker, &rec[i], fn, arg);
		}
		taken += n;
	} while (n != 0 && taken < SOURCE_TURN);
	if (n != 0)
		return;
	/* Empty: what was put and what was lost before is all that was made. */
	uint64_t made = atomic_load_explicit(&r->tail, memory_order_relaxed) + lost;
	if (s->next[worker] != 0 && made >= s->next[worker])
		gap(s, worker, made + 1 - s->next[worker], now_ns, fn, arg);
	if (made + 1 > s->next[worker])
		s->next[worker] = made + 1;
}

uint64_t
log_source_gone(struct record_segment *seg)
{
	uint64_t gone = 0;
	for (uint32_t i = 0; i < seg->rings && i < LOG_WORKERS; i++)
		gone += atomic_load_explicit(&seg->ring[i].tail, memory_order_relaxed) +
		        atomic_load_explicit(&seg->ring[i].lost, memory_order_acquire);
	return gone;
}

void
log_source_drain(struct log_source *s, struct record_segment *seg, uint64_t now_ns,
                 log_source_fn *fn, void *arg)
{
	for (uint32_t i = 0; seg != NULL && i < seg->rings && i < LOG_WORKERS; i++)
		drain_ring(s, i, &seg->ring[i], now_ns, fn, arg);
}
