/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Says when a pool's blocks here, a subscriber's mappings, or all mappings or all
 *            subscribers of this worker become many, and when they are few again.
 * Layout     A pool's marks (nat/marks.h) stand beside its count of held blocks (struct pool_use,
 *            nat/pool.h), those of the tables in struct nat. A subscriber has one bit.
 * Invariant  1. Of each of them high and low follow each other, and high is first.
 *            2. A generation that does not change a pool's name, size or marks says nothing, nor
 *               does one that does not change the marks of a table.
 * Owner      One worker; of a pool and of the tables it knows its own part, which is what can run
 *            out.
 * Limits     THRESHOLDS_SECOND events of subscribers a second, beyond which they are said later.
 * See        RFC 8158 sections 5.2, 5.6.
 */
#ifndef MR_NAT_THRESHOLD_H
#define MR_NAT_THRESHOLD_H

#include "nat/state.h"

enum { THRESHOLDS_SECOND = 100 };

/* threshold_reload: after pool_reload. */
void threshold_reload(struct nat *n);

/* threshold_crossed: a mark of the pool is crossed: say so, and wait for the other one. */
void threshold_crossed(struct nat *n, uint16_t pool);
/* threshold_pool: after a block of the pool was taken or given back. */
static inline void
threshold_pool(struct nat *n, uint16_t pool)
{
	if (pool < NAT_MAX_POOLS &&
	    marks_cross(&n->pool.use[pool].marks, n->pool.use[pool].held))
		threshold_crossed(n, pool);
}

/* threshold_mappings, threshold_subscribers: after one came or went. */
void threshold_mappings_crossed(struct nat *n);
static inline void
threshold_mappings(struct nat *n)
{
	if (marks_cross(&n->mapping_marks, n->mappings.t.used))
		threshold_mappings_crossed(n);
}

void threshold_subscribers_crossed(struct nat *n);
static inline void
threshold_subscribers(struct nat *n)
{
	if (marks_cross(&n->subscriber_marks, n->subscribers.t.used))
		threshold_subscribers_crossed(n);
}

/* threshold_more: a subscriber has a mapping more, under a rule with a threshold. */
void threshold_more(struct nat *n, uint32_t subscriber, const struct img_nat_rule *rule);
/* threshold_less: one that has many has a mapping less. */
void threshold_less(struct nat *n, uint32_t subscriber);

#endif
