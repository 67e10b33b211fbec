/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Writing a log directory: lines into the segment in use, which is rotated by size and
 *            age, then indexed, compressed, and kept for so long.
 * Invariant  1. A segment holds whole lines, whatever fails: a write that stops half way is cut
 *               back. After a crash its last line may be torn; readers skip it.
 *            2. What log_writer_put took is written, or kept until it can be; it takes nothing when
 *               the buffer is full.
 *            3. The calling thread writes to the page cache only. Syncing, sorting, compressing and
 *               deleting is the work of a thread of the writer's own.
 *            4. Segments that a crash left unfinished are finished when the directory is opened.
 * Owner      One thread calls; one writer a directory.
 * Limits     LOG_BUFFER bytes wait for the disk.
 * See        docs/log.md, "Segments".
 */
#ifndef MR_LOG_WRITER_H
#define MR_LOG_WRITER_H

#include "archive.h"
#include "segment.h"

enum { LOG_BUFFER = 1 << 18, LOG_PATH = 256 };

struct log_writer_conf {
	char directory[LOG_PATH];
	uint64_t rotate_bytes, rotate_seconds;
	uint64_t keep_days, keep_bytes; /* 0: without this limit */
	uint64_t sync_seconds;
	bool gzip;
};

struct log_jobs; /* jobs.c */

struct log_writer {
	struct log_writer_conf conf;
	int folder;             /* -1: not open */
	int fd;                 /* segment in use, or -1: begun with the next record */
	char stem[LOG_STEM];
	struct log_index index; /* of the segment in use */
	uint64_t next_number, begun_ns, synced_ns, kept_ns;
	uint64_t written;       /* bytes of the segment in the file */
	uint64_t records;       /* ever taken */
	size_t buffered;
	char buffer[LOG_BUFFER + LOG_LINE];
	struct log_jobs *jobs;
};

/* log_writer_open: => 0, or -errno; log_writer_close finishes the segment in use. */
int log_writer_open(struct log_writer *w, const struct log_writer_conf *conf, uint64_t now_ns);
void log_writer_close(struct log_writer *w, uint64_t now_ns);
/* log_writer_put: => 0, or -errno when there is no room for it now. */
int log_writer_put(struct log_writer *w, const struct record *rec, const struct log_names *names,
                   uint64_t now_ns);
/* log_writer_tick: write what waits, sync and rotate when it is time. => 0 or -errno. */
int log_writer_tick(struct log_writer *w, uint64_t now_ns);

/* What the writer's thread has met since it was asked last: */
struct log_troubles {
	uint64_t torn;          /* lines that were no records in segments of before */
	uint64_t left;          /* segments that it had no time for: the disk does not answer */
	int error;              /* -errno of the last job that failed, or 0 */
};
struct log_troubles log_writer_troubles(struct log_writer *w);
/* log_writer_settle: wait until the thread has nothing to do. */
void log_writer_settle(struct log_writer *w);

/*
 * log_writer_document: keep a configuration (archive.h) beside the segments, in the thread, and
 * delete those that were no longer in force at keep_ms (0: none), nor since there are segments.
 * text is called there once, for malloc'ed text (NULL: no memory), of arg, which is the thread's
 * then. One at a time: log_writer_documented: => false while the thread is at it; its rc, once.
 */
struct log_document {
	char *(*text)(void *arg);
	void *arg;
	uint64_t now_ns;
	struct archive_since since;
	uint64_t keep_ms;
};
void log_writer_document(struct log_writer *w, const struct log_document *d);
bool log_writer_documented(struct log_writer *w, int *rc);

#endif
