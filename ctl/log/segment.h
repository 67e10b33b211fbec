/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The files of a log directory: their names, which there are, reading one.
 * Layout     A segment's stem is nat-<UTC time>-<number>; beside "<stem>.jsonl" (being written, or
 *            left so by a crash) or "<stem>.jsonl.gz" stands "<stem>.idx" once it is complete.
 * Invariant  1. Stems sort in the order in which they were begun.
 *            2. A line that is no record, and one without an end, is counted and skipped.
 * Owner      Values; the directory may be written by another process meanwhile.
 * See        docs/log.md, "Segments".
 */
#ifndef MR_LOG_SEGMENT_H
#define MR_LOG_SEGMENT_H

#include "index.h"

enum { LOG_STEM = 48, LOG_NAME = 64, LOG_STEM_NUMBERS = 100000000 };

struct log_file {
	char stem[LOG_STEM];
	bool has_plain, has_gz, has_index;
	uint64_t bytes; /* of all its files */
};

struct log_list {
	struct log_file *file; /* sorted by stem */
	size_t n;
};

/* log_stem: of the segment begun at this moment; number tells those of one second apart. */
void log_stem(char out[LOG_STEM], uint64_t now_ns, uint64_t number);
/* log_stem_ms: that moment, of a stem. log_stem_number: => false when it is no stem. */
uint64_t log_stem_ms(const char *stem);
bool log_stem_number(const char *stem, uint64_t *number);
/* log_name: of the segment ("jsonl", "jsonl.gz") or its index ("idx"). */
void log_name(char out[LOG_NAME], const char *stem, const char *suffix);

/*
 * log_list_make: what is there, an index that was left alone included. => 0 or -errno;
 * log_list_free is due after 0.
 */
int log_list_make(struct log_list *l, int folder);
void log_list_free(struct log_list *l);

/* log_segment_read: every record of a segment, plain or compressed, into an index. => 0 or -errno,
 * -EBADMSG when the compressed data are damaged (what could be read is in the index). */
int log_segment_read(struct log_index *ix, int folder, const char *name);
/* log_segment_open: the index of a segment; read from the segment when there is none (or a bad
 * one). => 0 or -errno. */
int log_segment_open(struct log_index *ix, int folder, const struct log_file *f);
/* log_segment_open_for: so that it is good for what concerns an address. */
int log_segment_open_for(struct log_index *ix, int folder, const struct log_file *f, be32 external);

#endif
