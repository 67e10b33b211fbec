/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The log records of one worker: blocks, mappings, exhaustion.
 * Invariant  1. sequence grows by one for every record made; one that finds no room is counted.
 *            2. Of each kind of exhaustion one record a second at most (RFC 8158 section 5.2).
 *            3. Destinations are not logged (RFC 6888 REQ-12).
 * Limits     Where the log refuses, LOG_RESERVE slots of the ring are for ends.
 * Owner      One worker.
 */
#ifndef MR_NAT_LOG_H
#define MR_NAT_LOG_H

#include "lib/policy.h"
#include "nat/clock.h"

struct nat_recorder {
	struct record_ring *ring; /* NULL: nobody listens */
	struct stats *stats;
	uint64_t sequence;
	uint64_t quiet_until_ms[RECORD_QUOTA_EXCEEDED + 1]; /* by event of exhaustion */
	uint8_t worker;
	uint8_t refuses;          /* nothing that must be logged begins without room for it */
};

/* What is kept free for the ends of what has begun: these records cannot be refused. */
enum { LOG_RESERVE = RECORD_RING / 2 };

/* log_has_room: may something begin that must be logged? */
static inline bool
log_has_room(const struct nat_recorder *l)
{
	return !l->refuses || (l->ring != NULL && record_room(l->ring) > LOG_RESERVE);
}

/* log_put: with time, sequence and worker filled in. */
void log_put(struct nat_recorder *l, struct record *rec, const struct nat_clock *now);
/* log_exhausted: the same for an event of exhaustion, unless one was put within the second. */
void log_exhausted(struct nat_recorder *l, struct record *rec, const struct nat_clock *now);

#endif
