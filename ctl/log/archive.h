/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The configurations that were in force, kept beside the log: what a configuration alone
 *            says (static mappings, deterministic ranges; RFC 7422 section 2.4) can then be
 *            answered for any moment of the log.
 * Layout     A file each, "config-<UTC time>-<milliseconds>.json", named by the moment from which
 *            it was in force. It was until the next one's. One that came when the clock had been
 *            set back has a millisecond more than the newest, and by how much the clock was behind
 *            that: "config-<UTC time>-<milliseconds>-back<milliseconds>.json". So has one that may
 *            have been in force for so long before, when no daemon was there.
 * Invariant  1. A file is whole, not there, or empty: one came that could not be kept.
 *            2. Names sort in the order in which they were in force.
 *            3. What equals the newest is not written again, unless others were between.
 * Owner      One writer a directory; anybody reads.
 * Limits     ARCHIVE_SIZE bytes a file.
 * See        docs/log.md, "Configurations".
 */
#ifndef MR_LOG_ARCHIVE_H
#define MR_LOG_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One is kept a moment after it is in force: the daemon looks every 100 ms. */
enum { ARCHIVE_NAME = 80, ARCHIVE_SIZE = 64 << 20, ARCHIVE_LATE_MS = 300 };

struct archived {
	char name[ARCHIVE_NAME];
	uint64_t from_ms, until_ms; /* in force; until_ms 0: no later one is there */
};

/* What was in force before one, as far as it is not what was kept last: since a moment after ns
 * (0: nothing) it may have been this one; others: or others that nobody keeps. */
struct archive_since {
	uint64_t ns;
	bool others;
};

/* archive_put: in force from now on, or longer. => 1, 0 when it is the newest already, or -errno;
 * then it may be tried again with the same moments. */
int archive_put(int folder, const char *text, size_t size, uint64_t now_ns,
                struct archive_since since);

/* archive_find: the one in force at a moment. => 0, -ENOENT when none is as old, or -errno. */
int archive_find(int folder, uint64_t at_ms, struct archived *out);

/* archive_next: the first one that came after a moment and may have been in force at another one
 * (which the clock showed again, or when no daemon was there). => 0, -ENOENT or -errno. */
int archive_next(int folder, uint64_t after_ms, uint64_t at_ms, struct archived *out);

/* archive_read: => the text, which ends with '\0', for free(); NULL: it cannot be read. */
char *archive_read(int folder, const struct archived *a, size_t *size);

/* archive_keep: delete those that were no longer in force at a moment. => 0 or -errno. */
int archive_keep(int folder, uint64_t from_ms);

#endif
