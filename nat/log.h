/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The log records of one worker.
 * Invariant  1. sequence grows by one for every record made; one that finds no room is counted.
 *            2. Destinations are not logged (RFC 6888 REQ-12).
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

/* Of events that packets can bring about so many a second are put. */
struct log_pace {
	uint64_t until_ms;
	uint32_t put; /* in the second that ends then */
};
/* log_pace_take: is there room for one more in this second? Then it is taken. */
bool log_pace_take(struct log_pace *p, const struct nat_clock *now, uint32_t a_second);

#endif
