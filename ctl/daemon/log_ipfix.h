/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The sink that exports records by IPFIX.
 * Invariant  1. Templates and names are told on every connection before their data, and by
 *               UDP again every template_seconds.
 *            2. A datagram that cannot be sent now is made again from its records later.
 * Owner      One thread.
 * See        ipfix.h; docs/log.md, "IPFIX".
 */
#ifndef MR_DAEMON_LOG_IPFIX_H
#define MR_DAEMON_LOG_IPFIX_H

#include "log_bus.h"

extern const struct log_sink_ops log_ipfix_ops;

/* log_ipfix_create: conf is an item of `log.ipfix`, filled. => NULL without memory. */
struct log_sink *log_ipfix_create(struct log_bus *b, const json_t *conf, uint32_t room,
                                  uint64_t now_ns);

#endif
