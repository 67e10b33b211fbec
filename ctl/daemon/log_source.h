/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The data plane's log rings, read to their ends, with a gap record wherever sequence
 *            numbers are missing.
 * Invariant  1. After a drain that emptied a ring every record that its worker ever made was passed
 *               on or is in a gap, but those from before the daemon's first look at it.
 *            2. The times of a worker's records do not go back but where the clock was set back.
 * Owner      One thread.
 * Limits     SOURCE_TURN records of a ring in one drain. A difference of the clocks below
 *            SOURCE_SHIFT_MS is left alone.
 * See        lib/record.h, invariants 3 and 4.
 */
#ifndef MR_DAEMON_LOG_SOURCE_H
#define MR_DAEMON_LOG_SOURCE_H

#include "ctl/log/resume.h"

enum { SOURCE_TURN = 1 << 16, SOURCE_SHIFT_MS = 50 };

typedef void log_source_fn(void *arg, const struct record *rec, size_t n);

struct log_source {
	uint64_t start_ms;           /* of the data plane; 0: none seen yet */
	uint64_t next[LOG_WORKERS];  /* sequence number; 0: whatever comes is the first */
	uint64_t last_ns[LOG_WORKERS];
	uint64_t gaps, lost;         /* ever */
	int64_t shift_ns;            /* what the system's clock shows beyond the workers' */
	uint64_t floor_ns[LOG_WORKERS]; /* the last time given since the clock was set */
};

/* log_source_begin: the rings are those of the data plane that started then. resume: what the log
 * on disk ends with, or NULL. */
void log_source_begin(struct log_source *s, uint64_t start_ns, const struct log_resume *resume);
/* log_source_shift: records are from now on given the time that the system's clock shows; is_set:
 * it was set, so that they may go back. */
void log_source_shift(struct log_source *s, int64_t shift_ns, bool is_set);
/* log_source_gone: how many records were taken out of the rings, or lost, until now. */
uint64_t log_source_gone(struct record_segment *seg);
void log_source_drain(struct log_source *s, struct record_segment *seg, uint64_t now_ns,
                      log_source_fn *fn, void *arg);

#endif
