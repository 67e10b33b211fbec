/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Time as the NAT keeps it: the engine's wrapping milliseconds made 64 bits wide, and
 *            31-bit marks of 256 ms that say until when a freed port is not given out again.
 * Invariant  1. A mark made for now + q is over after more than q and at most q + 256 ms.
 *            2. A mark stays over for more than eight years.
 * Owner      Values; a clock belongs to one worker.
 * See        RFC 6888 REQ-8.
 */
#ifndef MR_NAT_CLOCK_H
#define MR_NAT_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum { MARK_SHIFT = 8 };
#define MARK_BIT 0x80000000u

struct nat_clock {
	uint64_t ms; /* low 32 bits are the engine's now_ms; 0: not set yet */
	uint64_t ns; /* the engine's now_ns, to the millisecond at least */
};

/* clock_set: the engine's clock, both ways of it. */
static inline void
clock_set(struct nat_clock *c, uint32_t now_ms, uint64_t now_ns)
{
	if (c->ms == 0)
		c->ms = (uint64_t)1 << 32 | now_ms;
	else
		c->ms += (uint64_t)(int64_t)(int32_t)(now_ms - (uint32_t)c->ms);
	c->ns = now_ns;
}

/* clock_set_ms: the same where only milliseconds are known. */
static inline void
clock_set_ms(struct nat_clock *c, uint32_t now_ms)
{
	int32_t step = (int32_t)(now_ms - (uint32_t)c->ms);
	clock_set(c, now_ms, c->ns + (uint64_t)(int64_t)step * 1000000u);
}

static inline uint32_t
clock_mark(const struct nat_clock *c, uint32_t after_ms)
{
	return MARK_BIT | (uint32_t)(((c->ms + after_ms) >> MARK_SHIFT) + 1);
}

/* mark_is_over: has the moment of mark come? */
static inline bool
mark_is_over(uint32_t mark, const struct nat_clock *c)
{
	return (((uint32_t)(c->ms >> MARK_SHIFT) - mark) & ~MARK_BIT) < MARK_BIT / 2;
}

/* mark_is_before: is a earlier than b? */
static inline bool
mark_is_before(uint32_t a, uint32_t b)
{
	uint32_t d = (b - a) & ~MARK_BIT;
	return d != 0 && d < MARK_BIT / 2;
}

#endif
