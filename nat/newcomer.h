/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Inside addresses that a burst brings for the first time: which subscriber each will
 *            be, and the block that it will get first, as far as that can be told before it opens
 *            a flow. So what its flows of the same burst will read can be asked for too.
 * Layout     A row for each address and realm, in the order of their packets; only for the steps of
 *            one burst. Numbers are those that the free list will give, in that order.
 * Invariant  1. It is a guess, and nothing is taken: whoever opens looks for himself. One that is
 *               wrong costs waiting for memory, no more.
 *            2. Only the plain case is guessed: a rule of lane 0 whose pool has blocks and no
 *               wishes, of an address that has a slot here.
 * Owner      One worker.
 * Limits     BURST of them: each has a packet at least.
 */
#ifndef MR_NAT_NEWCOMER_H
#define MR_NAT_NEWCOMER_H

#include "lib/policy.h"
#include "nat/pool.h"
#include "nat/subscriber.h"

struct newcomer {
	struct foreseen block; /* slot 0: it cannot be told */
	be32 address;
	uint32_t subscriber;   /* the number that it will have, 0: it cannot be told */
	uint8_t realm;
	bool is_drawn;         /* the block is free as well */
};

struct newcomers {
	uint32_t n;
	uint32_t entry; /* the one that the last will have, of the table of blocks */
	struct newcomer row[BURST];
};

/* newcomer_of: the one that m is of, which no subscriber is known for. => NULL: no room. */
struct newcomer *newcomer_of(struct newcomers *all, struct subscriber_table *s, struct pool *p,
                             const struct miss *m, uint64_t *random);

#endif
