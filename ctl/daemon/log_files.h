/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The sink that writes segments of JSON lines, and searching them.
 * Invariant  1. While the directory cannot be used, records wait in the queue; it is tried again
 *               every LOG_FILES_RETRY_S.
 *            2. Configurations are kept in the order in which they were in force; of more than
 *               wait for the disk the one before the latest is not, and the sink's error says so.
 * Owner      One thread.
 */
#ifndef MR_DAEMON_LOG_FILES_H
#define MR_DAEMON_LOG_FILES_H

#include "ctl/log/resume.h"
#include "ctl/log/whohad.h"
#include "log_bus.h"

enum { LOG_FILES_RETRY_S = 5 };

extern const struct log_sink_ops log_files_ops;

/* log_files_create: conf is `log.files`, filled. => NULL without memory. */
struct log_sink *log_files_create(struct log_bus *b, const json_t *conf, uint32_t room,
                                  uint64_t now_ns);
/* log_files_resume: what was there when the directory was opened. */
const struct log_resume *log_files_resume(struct log_sink *s, uint64_t start_ms);
/* log_files_blocks: see log_resume_blocks. */
void log_files_blocks(const struct log_sink *s, log_block_fn *fn, void *arg);
/* log_files_document: this configuration, which becomes the sink's, is in force; it may have been
 * since it was given (0: it was not before now). It is kept by the writer's thread.
 * log_files_unkept_ms: since when what was in force may not be kept yet; 0: it is.
 * log_files_folder: => -1: not open. */
void log_files_document(struct log_sink *s, json_t *doc, uint64_t now_ns, uint64_t given_ns);
uint64_t log_files_unkept_ms(const struct log_sink *s);
int log_files_folder(const struct log_sink *s);
/* log_files_settle: wait until the writer's thread has nothing to do. */
void log_files_settle(struct log_sink *s);
/* log_files_search: => 0 or -errno. */
int log_files_search(const struct log_sink *s, const struct whohad_query *q, struct whohad *out);

#endif
