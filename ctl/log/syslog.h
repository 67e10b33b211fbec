/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Log records as syslog messages: RFC 5424 with structured data, for a datagram or
 *            framed by octet counting (RFC 6587, RFC 5425).
 * Owner      Values, no state.
 * Limits     SYSLOG_MESSAGE bytes a message, its count included.
 * See        docs/log.md, "syslog".
 */
#ifndef MR_LOG_SYSLOG_H
#define MR_LOG_SYSLOG_H

#include "line.h"

enum { SYSLOG_MESSAGE = 1024, SYSLOG_HOST = 64 };

/* What is the same in all messages of a sink. */
struct syslog_sender {
	unsigned facility;
	uint32_t enterprise; /* number behind the "@" of the structured data's name */
	unsigned pid;
	bool framed;
	char host[SYSLOG_HOST];
};

/* syslog_put: number: of the message, from 1. => bytes. */
size_t syslog_put(char out[SYSLOG_MESSAGE], const struct syslog_sender *s, uint64_t number,
                  const struct record *rec, const struct log_names *names);

#endif
