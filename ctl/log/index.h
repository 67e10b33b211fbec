/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What one segment of the log holds, so that a search need not read the segment: a head
 *            with its times, counts and sequence numbers, and an entry for each record that says
 *            who had an address and ports, or that the log has a gap or a beginning there.
 * Layout     File: struct log_index_head, pairs of names (pool, realm), the entries, a CRC-32 of
 *            the names and one of each LOG_PAGE entries (version 2 had no sums). Entries of a
 *            saved index are sorted by external address, then by line; gaps, beginnings and steps
 *            of the clock have address 0.
 * Invariant  1. log_index_open takes files of anybody: every number is checked before it is used.
 *            2. An index that is not whole is never seen under its name (written aside, renamed).
 *            3. Where lines between two records are none, or a worker's sequence numbers are
 *               missing without a word, it has a gap. One without a time is at the segment's end,
 *               and lasts until the next segment.
 *            4. An index that log_index_check found good says of this address what was saved.
 * Owner      One thread; saved ones may be read by any process.
 * Limits     LOG_NAMES pairs, UINT32_MAX lines.
 * See        docs/log.md, "Segments".
 */
#ifndef MR_LOG_INDEX_H
#define MR_LOG_INDEX_H

#include "line.h"

enum { LOG_WORKERS = 64, LOG_POOLS = 1024, LOG_NAMES = 1024, LOG_PAGE = 64 };

struct log_entry {
	uint64_t time_ms;
	uint64_t sequence;   /* of its worker; interim, gap, start, clock: since when, in ms */
	be32 external;
	be32 subscriber;     /* gap: how many are lost, at most UINT32_MAX */
	uint16_t port_first, port_last, inside_port;
	uint16_t names;      /* of this index; LOG_NAMES: none */
	uint32_t line;       /* of the segment, from 0 */
	uint8_t event, proto, realm, worker;
};
static_assert(sizeof(struct log_entry) == 40, "a million entries are 40 MB");

struct log_index_head {
	char magic[8];
	uint32_t version, crc;           /* CRC-32 of the head with crc 0 */
	uint64_t first_ms, last_ms;      /* lowest and highest time; 0, 0 when empty */
	uint64_t lines, bytes;           /* of the segment's text */
	uint64_t lost;                   /* sum over its gaps */
	uint32_t bad;                    /* lines that are no records, a torn last one among them */
	uint32_t names;
	uint64_t entries;
	/* Of each worker, since the last data plane in it began; 0, 0: none. */
	uint64_t sequence_first[LOG_WORKERS], sequence_last[LOG_WORKERS];
};

struct log_index {
	struct log_index_head head;
	struct log_names *names;
	struct log_entry *entry;
	size_t room;
	uint32_t unread;                 /* bad lines since the last record */
	uint64_t expected[LOG_WORKERS];  /* the next sequence number; 0: any */
	uint64_t said_ms[LOG_WORKERS];   /* the last record of each */
	bool is_sorted;
	const uint32_t *sum;             /* CRCs of a mapped file, or NULL */
	void *map;                       /* of a file, or NULL: own memory */
	size_t map_size;
};

void log_index_init(struct log_index *ix);
void log_index_fini(struct log_index *ix);
/* log_index_add: the next line, of so many bytes; rec NULL: a bad one. => 0 or -ENOMEM. */
int log_index_add(struct log_index *ix, const struct record *rec, const struct log_names *names,
                  size_t bytes);
/* log_index_end: nothing more of this segment can be read; damaged: though there was more. */
int log_index_end(struct log_index *ix, bool damaged);
void log_index_sort(struct log_index *ix);
/* log_index_save: sorted, whole and synced. => 0 or -errno. */
int log_index_save(struct log_index *ix, int folder, const char *name);
/* log_index_open: => 0, -errno, or -EBADMSG when it is no index of ours. */
int log_index_open(struct log_index *ix, int folder, const char *name);
/* log_index_check: is what log_index_find says of an address, or all of it, as it was saved? */
bool log_index_check(const struct log_index *ix, be32 external);
bool log_index_check_all(const struct log_index *ix);
/* log_index_find: entries of an address; of an unsorted index all. => first, *n of them. */
const struct log_entry *log_index_find(const struct log_index *ix, be32 external, size_t *n);
/* log_index_names: => those of an entry, empty ones if it has none. */
const struct log_names *log_index_names(const struct log_index *ix, const struct log_entry *e);

#endif
