/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The thread of a log writer: syncs the segment in use, finishes segments (index,
 *            compression), deletes old ones; keeps configurations beside them.
 * Invariant  1. Of a segment there is at every moment a whole copy: the plain file goes when the
 *               compressed one is synced under its name.
 *            2. Jobs run in the order in which they were given.
 *            3. A disk that hangs costs a bounded number of descriptors and indexes: a segment
 *               beyond it is left as a crash would leave it, counted, and finished by a later keep.
 * Owner      Jobs own what they are given (descriptors, indexes).
 * Limits     LOG_JOBS_FINISHING segments that wait to be finished; one sync; a keep behind each;
 *            a configuration.
 */
#ifndef MR_LOG_JOBS_H
#define MR_LOG_JOBS_H

#include "writer.h"

enum { LOG_JOBS_FINISHING = 4 };

struct log_jobs *log_jobs_create(int folder, const struct log_writer_conf *conf);
/* log_jobs_destroy: after everything that was given is done. */
void log_jobs_destroy(struct log_jobs *j);
void log_jobs_settle(struct log_jobs *j);
struct log_troubles log_jobs_troubles(struct log_jobs *j);

/* log_jobs_sync: fd is closed then. */
void log_jobs_sync(struct log_jobs *j, int fd);
/* log_jobs_finish: fd is closed; the index is taken over. */
void log_jobs_finish(struct log_jobs *j, const char *stem, int fd, struct log_index *index);
/*
 * log_jobs_keep: of segments with a number below limit delete what is too old or too much, and
 * finish what a crash or a full disk left unfinished.
 */
void log_jobs_keep(struct log_jobs *j, uint64_t limit, uint64_t now_ns);
/* log_jobs_document: see writer.h. */
void log_jobs_document(struct log_jobs *j, const struct log_document *d);
bool log_jobs_documented(struct log_jobs *j, int *rc);

#endif
