/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The sink that sends records to a syslog collector.
 * Invariant  1. sequenceId grows by one for every message, so that the collector sees what was lost
 *               on the way to it.
 * Owner      One thread.
 * See        ctl/log/syslog.h; docs/log.md, "syslog".
 */
#ifndef MR_DAEMON_LOG_SYSLOG_H
#define MR_DAEMON_LOG_SYSLOG_H

#include "log_bus.h"

extern const struct log_sink_ops log_syslog_ops;

/* log_syslog_create: conf is an item of `log.syslog`, filled. => NULL without memory. */
struct log_sink *log_syslog_create(struct log_bus *b, const json_t *conf, uint32_t room,
                                   uint64_t now_ns);

#endif
