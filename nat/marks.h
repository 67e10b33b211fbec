/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Two marks of a count, which are crossed by turns: the high one, then the low one.
 * Invariant  The one that cannot be crossed next is out of reach.
 * Owner      One worker.
 * See        nat/threshold.h, which says when.
 */
#ifndef MR_NAT_MARKS_H
#define MR_NAT_MARKS_H

#include <stdbool.h>
#include <stdint.h>

struct marks {
	uint32_t high, low; /* crossed: the count is high or more, or less than low */
	bool is_high;       /* high was crossed last */
};

static inline bool
marks_cross(const struct marks *m, uint32_t count)
{
	return count >= m->high || count < m->low;
}

/* marks_set: in percent of total; high 0: none is crossed ever. */
static inline void
marks_set(struct marks *m, uint32_t total, uint8_t high, uint8_t low, bool is_high)
{
	uint32_t rise = (uint32_t)(((uint64_t)total * high + 99) / 100);
	uint32_t fall = (uint32_t)((uint64_t)total * low / 100);
	m->is_high = is_high;
	m->high = high == 0 || is_high ? UINT32_MAX : rise != 0 ? rise : 1;
	m->low = is_high ? fall + 1 : 0;
}

/* marks_limit: what is crossed, in words of who set it. => marks_cross. */
static inline uint32_t
marks_limit(const struct marks *m)
{
	return m->is_high ? m->low - 1 : m->high;
}

#endif
