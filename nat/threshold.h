/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Says when a pool's blocks here, or a subscriber's mappings, become many, and when
 *            they are few again.
 * Layout     A pool's marks stand beside its count of held blocks (struct pool_use, nat/pool.h);
 *            the one that cannot be crossed next is out of reach. A subscriber has one bit.
 * Invariant  1. Of a pool, and of a subscriber, high and low follow each other, and high is first.
 *            2. A generation that does not change a pool's name, size or marks says nothing.
 * Owner      One worker; of a pool it knows its own part, which is what can run out.
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
	if (pool < NAT_MAX_POOLS && pool_use_crosses(&n->pool.use[pool]))
		threshold_crossed(n, pool);
}

/* threshold_more: a subscriber has a mapping more, under a rule with a threshold. */
void threshold_more(struct nat *n, uint32_t subscriber, const struct img_nat_rule *rule);
/* threshold_less: one that has many has a mapping less. */
void threshold_less(struct nat *n, uint32_t subscriber);

#endif
