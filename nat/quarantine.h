/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Freed ports that are not given out again yet, in the order in which they were freed.
 * Layout     A ring of 8-byte entries: block, protocol, place of the port in the block, and when it
 *            was freed, in units of 128 ms. The duration is not in it: it is asked for at the
 *            end, so that a changed one holds for all that wait.
 * Invariant  1. A port leaves after more than the duration and, asked in time, within 256 ms.
 *            2. Between 1 and NAT_MAX_QUARANTINE_MS the order of time is right whatever the
 *               clock's wrap.
 * Owner      One worker.
 * Limits     nat.capacity.quarantine; when it is full, the oldest goes before its time (nat/life.c
 *            counts it).
 * See        RFC 6888 REQ-8.
 */
#ifndef MR_NAT_QUARANTINE_H
#define MR_NAT_QUARANTINE_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "nat/nat_image.h"

enum { BLOCK_BITS = 25, TIME_BITS = 21, TIME_SHIFT = 7 };
static_assert(((int64_t)1 << (TIME_BITS - 1 + TIME_SHIFT)) > NAT_MAX_QUARANTINE_MS + 3600 * 1000,
              "the longest quarantine is less than half the clock's round, by an hour");

struct quarantined {
	uint64_t block : BLOCK_BITS;
	uint64_t proto : 2;   /* enum nat_proto */
	uint64_t place : 16;  /* port - first port of the block */
	uint64_t freed : TIME_BITS;
};
static_assert(sizeof(struct quarantined) == 8, "eight to a cache line");

struct quarantine {
	struct quarantined *entry;
	uint32_t capacity, head, count;
};

/* quarantine_put: => there is room. */
static inline void
quarantine_put(struct quarantine *q, struct quarantined e, uint64_t now_ms)
{
	assert(q->count < q->capacity);
	uint32_t at = q->head + q->count++;
	e.freed = now_ms >> TIME_SHIFT & ((1u << TIME_BITS) - 1);
	q->entry[at < q->capacity ? at : at - q->capacity] = e;
}

/* quarantine_is_due: has the oldest waited for longer than duration_ms? */
static inline bool
quarantine_is_due(const struct quarantine *q, uint32_t duration_ms, uint64_t now_ms)
{
	enum { LEFT = 32 - TIME_BITS };
	if (q->count == 0)
		return false;
	uint32_t units = (uint32_t)(now_ms >> TIME_SHIFT) - (uint32_t)q->entry[q->head].freed;
	int32_t age = (int32_t)(units << LEFT) >> LEFT;
	return age > (int32_t)((duration_ms + (1u << TIME_SHIFT) - 1) >> TIME_SHIFT);
}

/* quarantine_take: the oldest. => there is one. */
static inline struct quarantined
quarantine_take(struct quarantine *q)
{
	assert(q->count != 0);
	struct quarantined e = q->entry[q->head];
	q->head = q->head + 1 < q->capacity ? q->head + 1 : 0;
	q->count--;
	return e;
}

#endif
