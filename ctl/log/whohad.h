/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Who had an external address and port at a moment, according to a log directory and
 *            the segment that is being written.
 * Layout     Events of the address and port are folded, in the order of the log, into spans: a
 *            block, a mapping or a session of a subscriber, from, to. Answers are the spans that
 *            hold the moment, or a part of it: one that is told in seconds lasts one. Where the
 *            clock was set back (epochs.h) each time that it showed the moment is asked about, and
 *            all answers are given. Within a search moments are orders.
 * Invariant  1. The search begins at the last segment before the moment that says about the block
 *               (made, still held, given back) or that a data plane began with nothing, and ends
 *               when a later one says so and whoever had it has it no more.
 *            2. An answer is certain only if no record that is missing could make it wrong. So is
 *               silence: something before the moment says that it was free, or the next thing said
 *               is that it was given out, and nothing is missing between.
 *            3. Of several answers that cannot all be true none is certain, and is_ambiguous.
 * Owner      One call.
 * Limits     WHOHAD_ANSWERS, WHOHAD_GAPS; what is beyond is counted.
 * See        docs/log.md, "Who had it".
 */
#ifndef MR_LOG_WHOHAD_H
#define MR_LOG_WHOHAD_H

#include "epochs.h"
#include "segment.h"

enum { WHOHAD_ANSWERS = 16, WHOHAD_GAPS = 64, WHOHAD_RECORDS = 2 };

struct whohad_query {
	be32 external;
	uint16_t port;    /* host order, or ICMP identifier */
	uint8_t proto;    /* 0: any */
	uint64_t at_ms, until_ms; /* the moment; until_ms 0: no longer than that */
	uint64_t known_ms; /* until when the log is known: now, of a daemon; 0: its last record */
};

/* whohad_of_blocks: may a block or range of ports answer? Other protocols have none of them. */
static inline bool
whohad_of_blocks(const struct whohad_query *q)
{
	return q->proto == 0 || q->proto == 1 || q->proto == 6 || q->proto == 17;
}

enum whohad_kind { WHOHAD_BLOCK, WHOHAD_MAPPING, WHOHAD_SESSION };

enum whohad_end {
	WHOHAD_HELD,      /* nothing says that it has ended */
	WHOHAD_RELEASED,
	WHOHAD_REPLACED,  /* its end is missing, but later somebody else had it */
	WHOHAD_RESTARTED, /* a data plane began with nothing */
};

struct whohad_record {
	struct log_entry entry;
	char stem[LOG_STEM]; /* of its segment */
};

struct whohad_answer {
	enum whohad_kind kind;
	enum whohad_end end;
	be32 subscriber;
	uint16_t port_first, port_last, inside_port;
	uint8_t proto, realm, worker;
	bool is_certain;
	bool is_cut;            /* it ended with its block, no record of its own says so */
	uint64_t from_ms;       /* 0: not known, but not before since_ms */
	uint64_t since_ms;
	uint64_t proven_ms;     /* the last record that says that it is held */
	uint64_t to_ms;         /* 0: not ended */
	uint64_t heard_ms;      /* restarted: when its data plane was heard of last; 0: unknown */
	struct log_names names;
	struct whohad_record record[WHOHAD_RECORDS]; /* that it rests on */
	unsigned records;
};

struct whohad_gap {
	uint64_t from_ms, to_ms, lost;
	uint8_t worker;         /* RECORD_DAEMON: lost on the way to the disk */
};

struct whohad {
	struct whohad_answer answer[WHOHAD_ANSWERS];
	unsigned answers, answers_lost;
	struct whohad_gap gap[WHOHAD_GAPS]; /* that could hide something about the moment */
	unsigned gaps, gaps_lost;
	uint64_t log_first_ms, log_last_ms; /* what the log holds; 0, 0: nothing */
	uint64_t bad;           /* lines that are no records in the segments that were opened */
	unsigned segments, opened;
	bool is_complete;       /* no answer is missing */
	bool is_ambiguous;      /* the answers contradict each other */
	bool is_twice;          /* the clock showed the moment several times */
	bool is_leapt;          /* the clock was set forward over the moment */
	bool is_beyond;         /* the moment comes after all that is known */
	bool is_as_now;         /* who has it now has had it since the moment at least */
};

/* The segment in use: its index in memory, or NULL. */
struct whohad_live {
	const struct log_index *index;
	const char *stem;
	uint64_t waits, waits_ms; /* records that are not in it yet, and of when the first is */
	uint64_t next_number;   /* of the segment that comes next; 0: not known */
	uint64_t silent_ms;     /* since when nothing is logged, by configuration; 0: it is */
};

/* whohad_search: folder -1: without a directory. => 0 or -errno. */
int whohad_search(const struct whohad_query *q, int folder, const struct whohad_live *live,
                  struct whohad *out);

/* whohad_fold.c: events one after the other. */
struct whohad_span {
	struct whohad_answer a;
	unsigned depth;         /* sessions that share the mapping */
	bool is_open;
};

enum { WHOHAD_SPANS = 32 };
struct whohad_fold {
	const struct whohad_query *q;
	struct whohad *out;
	struct whohad_span span[WHOHAD_SPANS];
	uint64_t last_ms;       /* of the last event that says that nobody has it; the begin else */
	uint64_t next_ms;       /* of the first event after the moment; 0: none */
	bool is_next_free;      /* which says that nobody had it until then */
	bool is_settled;        /* nothing later can say more about the moment */
};
void whohad_fold_begin(struct whohad_fold *f, const struct whohad_query *q, struct whohad *out,
                       uint64_t begin_ms);
void whohad_fold_event(struct whohad_fold *f, const struct log_entry *e,
                       const struct log_names *names, const char *stem);
void whohad_fold_end(struct whohad_fold *f, bool reaches_back);

/* whohad_gap_add: as far as there is room; what is beyond is counted. */
void whohad_gap_add(struct whohad *out, const struct whohad_gap *gap);

/* whohad_merge.c: what is found of the moment in one epoch, added to that of others. */
void whohad_merge(struct whohad *out, const struct whohad *more);
/* whohad_conflicts: answers that cannot be true together are not certain. */
void whohad_conflicts(struct whohad *out);
/* whohad_plain: orders to what the clock showed. */
void whohad_plain(struct whohad *out);

/* whohad_numbers.c: the sequence numbers of workers, from segment to segment. */
struct whohad_numbers {
	const struct log_index *last[LOG_WORKERS]; /* where each was heard of last, or NULL */
};
/* whohad_numbers_part: => how many gaps that nobody says are before the records of this one. */
unsigned whohad_numbers_part(struct whohad_numbers *n, const struct log_index *ix,
                             struct whohad_gap gap[LOG_WORKERS]);

/* whohad_concerns: does an entry say anything about this address, port and protocol? */
bool whohad_concerns(const struct whohad_query *q, const struct log_entry *e);
/* whohad_decides: what it says about the block makes everything before it irrelevant. */
bool whohad_decides(const struct log_entry *e);

#endif
