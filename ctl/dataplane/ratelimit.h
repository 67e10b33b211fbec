/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A token bucket as one number: the time at which it would be full again.
 * Invariant  1. At most `burst` tokens go at one instant, `rate` a second in the long run.
 *            2. A clock that stands still or steps back gives no tokens.
 * Owner      One thread. Time is an argument.
 * Limits     A rate or burst of 0 gives nothing.
 */
#ifndef MR_RATELIMIT_H
#define MR_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct ratelimit {
	uint64_t full_ns;     /* when the bucket is full again */
	uint64_t interval_ns; /* for one token; 0: none at all */
	uint64_t depth_ns;    /* burst * interval */
};

static inline void
ratelimit_set(struct ratelimit *r, uint32_t rate_pps, uint32_t burst)
{
	r->interval_ns = rate_pps != 0 ? (1000000000u + rate_pps - 1) / rate_pps : 0;
	r->depth_ns = r->interval_ns * burst;
}

/* ratelimit_take: one token. => false when there is none. */
static inline bool
ratelimit_take(struct ratelimit *r, uint64_t now_ns)
{
	uint64_t full = r->full_ns > now_ns ? r->full_ns : now_ns;
	if (r->interval_ns == 0 || full + r->interval_ns - now_ns > r->depth_ns)
		return false;
	r->full_ns = full + r->interval_ns;
	return true;
}

#endif
