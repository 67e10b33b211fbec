/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Ranges of deterministic pools as blocks: given to whose they are, kept from others.
 * Invariant  1. A block with is_range set is the range that det_forward gives its subscriber, under
 *               the generation in which it was taken; others are in the dynamic part of the pool.
 *            2. A subscriber with a range is at home where its pool address is.
 * Owner      One worker.
 * See        nat/deterministic.h.
 */
#ifndef MR_NAT_RANGES_H
#define MR_NAT_RANGES_H

#include "nat/pool.h"
#include "nat/subscriber.h"

/* ranges_home: the worker of a subscriber of a rule, who sent a packet. */
int ranges_home(const struct generation *g, const struct img_nat_rule *rule,
                const struct tuple *sent);

/*
 * ranges_take: the range of a subscriber, if it has one (*has). => block number; 0: it is not free,
 * since others hold ports of it still.
 */
uint32_t ranges_take(struct pool *p, const struct generation *g, uint16_t pool, uint8_t realm,
                     be32 subscriber, bool *has);

/* ranges_explain: does the generation give such a block to the subscriber of a pool? */
bool ranges_explain(const struct nat_rules *r, uint16_t pool, const struct subscriber *s,
                    be32 external, const struct block *b);

#endif
