/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What deterministic pools give to whom, for the log: whoever has only the log can say
 *            whose a port was, without a record of each (RFC 7422 section 2.4).
 * Layout     A record for each run of subscribers that are neighbours in a pool address: first and
 *            last of them, first and last of their ports, and how many each has.
 * Invariant  1. All is said at each change of the document, and again after a day.
 * Owner      One thread.
 * Limits     RANGES_TURN addresses a call, so that sinks keep up.
 */
#ifndef MR_DAEMON_LOG_RANGES_H
#define MR_DAEMON_LOG_RANGES_H

#include "lib/image.h"
#include "lib/record.h"

enum { RANGES_TURN = 64, RANGES_DAY_S = 86400 };

struct log_ranges {
	uint64_t changes;  /* of the document that was said */
	uint64_t said_ns;  /* 0: nothing yet */
	uint32_t row;      /* of the pool addresses: where to go on */
	bool is_going;
};

/* log_ranges_walk: go on; fn gets records of RECORD_RANGES whose pool is a row of the image. */
void log_ranges_walk(struct log_ranges *r, const struct image_header *h, uint64_t changes,
                     uint64_t now_ns, void (*fn)(void *arg, const struct record *rec), void *arg);

#endif
