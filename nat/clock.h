/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Time as the NAT keeps it: the engine's wrapping milliseconds made 64 bits wide.
 * Owner      Values; a clock belongs to one worker.
 */
#ifndef MR_NAT_CLOCK_H
#define MR_NAT_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

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
	if (step != 0)
		clock_set(c, now_ms, c->ns + (uint64_t)(int64_t)step * 1000000u);
}

#endif
