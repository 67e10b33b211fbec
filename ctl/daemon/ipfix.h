/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Log records as IPFIX messages with the templates of RFC 8158, made by libfixbuf.
 * Layout     Observation domains: worker number + 1 for its records; 0 for what the daemon says
 *            itself (interim records, names of pools and realms).
 * Invariant  1. A message has records of one domain only, without a gap between them; its sequence
 *               number is that of the worker's first record in it, less one, modulo 2^32. So what
 *               was lost anywhere before the collector is seen as RFC 7011 section 10.3.2 has it.
 *            2. ipfix_add takes a record, or says that the message must go first.
 *            3. What a number of a pool or realm is called is told before the first record that has
 *               it, and again when a realm's number has become another one's.
 * Owner      One sink.
 * Limits     IPFIX_MESSAGE bytes a message: a datagram that no link has to divide.
 * See        RFC 7011, RFC 8158; docs/log.md, "IPFIX".
 */
#ifndef MR_DAEMON_IPFIX_H
#define MR_DAEMON_IPFIX_H

#include "ctl/log/index.h"
#include "lib/image.h"

enum { IPFIX_MESSAGE = 1400, IPFIX_DOMAINS = 1 + LOG_WORKERS };

struct ipfix;

struct ipfix *ipfix_create(void);
void ipfix_destroy(struct ipfix *x);
/* ipfix_restart: a new connection, or time to tell templates and names again. */
void ipfix_restart(struct ipfix *x);

enum ipfix_took { IPFIX_TOOK, IPFIX_FULL, IPFIX_FAILED };
/* ipfix_add: records that IPFIX has nothing for (gaps, beginnings) are taken and left out. */
enum ipfix_took ipfix_add(struct ipfix *x, const struct record *rec, uint32_t pool,
                          const struct log_names *names);
/* ipfix_message: end the message. => its bytes, 0: there is none. */
size_t ipfix_message(struct ipfix *x, uint32_t now_s, const void **data);
/* ipfix_unsent: the last message did not go: domain 0 counts its records when they do. */
void ipfix_unsent(struct ipfix *x);
/* ipfix_renumber: a stream that begins: domain 0 counts from 0 (RFC 7011 section 3.1). */
void ipfix_renumber(struct ipfix *x);
/* ipfix_drop: forget what has not been ended. */
void ipfix_drop(struct ipfix *x);
/* ipfix_error: the library's last, as text. */
const char *ipfix_error(const struct ipfix *x);

#endif
