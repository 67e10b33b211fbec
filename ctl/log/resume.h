/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Where a log ends: the data plane that it last heard of, and the last sequence number
 *            of each of its workers, so that a daemon that starts anew sees what it has missed.
 * Owner      Values.
 */
#ifndef MR_LOG_RESUME_H
#define MR_LOG_RESUME_H

#include "segment.h"

struct log_resume {
	uint64_t start_ms;              /* of that data plane; 0: the log names none */
	uint64_t last_ms;
	uint64_t first_ms;              /* where it names none: its first record; 0: it is empty */
	/* Of each worker the last number, and a moment that is not after what it says next. */
	uint64_t sequence[LOG_WORKERS]; /* 0: no record of it */
	uint64_t worker_ms[LOG_WORKERS];
	uint64_t least_ms;              /* the lowest of those; start_ms without any */
};

/* log_resume_read: => 0 or -errno. */
int log_resume_read(struct log_resume *r, int folder);

/*
 * log_resume_blocks: the records of blocks, and gaps, since the last data plane began, at most
 * those of the newest LOG_RESUME_SEGMENTS segments; of one block in the order of the log.
 * pool: its name. => 0 or -errno.
 */
enum { LOG_RESUME_SEGMENTS = 64 };
typedef void log_block_fn(void *arg, const struct record *rec, const char *pool);
int log_resume_blocks(int folder, log_block_fn *fn, void *arg);

#endif
