/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       One log record as a line of JSON, and back.
 * Invariant  1. What log_line_put writes, log_line_parse reads as the same record, times to the
 *               microsecond.
 *            2. log_line_parse takes lines of anybody: it says false and reads no further than it
 *               is told.
 * Owner      Values, no state.
 * Limits     LOG_LINE bytes a line, its end included.
 * See        docs/log.md, "What a record says".
 */
#ifndef MR_LOG_LINE_H
#define MR_LOG_LINE_H

#include "lib/image.h"
#include "lib/record.h"

enum { LOG_LINE = 576 };

/* The names at that time of what a record has numbers of; empty: none. */
struct log_names {
	char pool[IMAGE_NAME], realm[IMAGE_NAME];
};

/* log_line_put: with "\n". names: or NULL. => bytes. */
size_t log_line_put(char out[LOG_LINE], const struct record *rec, const struct log_names *names);
/* log_line_parse: one line without its end. */
bool log_line_parse(const char *line, size_t size, struct record *rec, struct log_names *names);

/* What a record of this event has. */
bool log_event_is_assignment(unsigned event); /* somebody had an external address and ports */
bool log_event_is_session(unsigned event);
bool log_event_is_of_all(unsigned event); /* gap, beginning, step of the clock: of every address */
bool log_event_has_since(const struct record *rec);
bool log_event_has_subscriber(const struct record *rec); /* not of a pool or table */
/* log_threshold_name: of an enum record_threshold. */
const char *log_threshold_name(unsigned threshold);
/* log_quota_name: of an enum record_quota; NULL: of none. */
const char *log_quota_name(unsigned quota);
/* log_proto_name: tcp, udp, icmp or a number; log_proto_parse: => -1 when it is none. */
const char *log_proto_name(unsigned proto, char out[8]);
int log_proto_parse(const char *s, size_t size);

#endif
