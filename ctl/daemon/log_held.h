/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The port blocks that are held now, as far as the records say, so that long-lived ones
 *            can be logged again: a search then need not go back to when they were given out.
 * Layout     A hash table, half full at most, by external address and first port.
 * Invariant  1. A block is in it from its create (or interim) record to its delete record.
 *            2. In `interval` every block is looked at twice at least, and said again when that
 *               long nothing was said of it.
 *            3. What was said before a gap may have ended in it: it is not said again.
 * Owner      One thread.
 * Limits     Where memory runs out, a block is not said again; that is counted.
 */
#ifndef MR_DAEMON_LOG_HELD_H
#define MR_DAEMON_LOG_HELD_H

#include "lib/record.h"

struct held_block {
	uint64_t since_ns;
	uint64_t said_ns;   /* when it was said last; 0: the slot is free */
	be32 external, subscriber;
	uint16_t port_first, port_last, pool;
	uint8_t realm, worker;
};
static_assert(sizeof(struct held_block) == 32, "a million blocks take 64 MB at most");

struct log_held {
	struct held_block *slot;
	size_t slots, used, hand;
	uint64_t missed;    /* blocks that found no memory */
	uint64_t walked_ns; /* when log_held_walk went on last */
	uint64_t doubt_ns[UINT8_MAX + 1]; /* of each worker: what was said until then is in doubt */
};

void log_held_fini(struct log_held *h);
/* log_held_clear: a data plane began with nothing. */
void log_held_clear(struct log_held *h);
/* log_held_see: any record; its pool is kept as it is. */
void log_held_see(struct log_held *h, const struct record *rec);
/* log_held_walk: go on; fn gets what is due, as records of RECORD_BLOCK_INTERIM. */
void log_held_walk(struct log_held *h, uint64_t now_ns, uint64_t interval_ns,
                   void (*fn)(void *arg, const struct record *rec), void *arg);

#endif
