/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The daemon's log: from the data plane's rings to the sinks that the document asks for.
 * Invariant  1. A sink whose part of the document did not change keeps its queue and connection.
 * Owner      One thread.
 * See        docs/log.md.
 */
#ifndef MR_DAEMON_LOG_SERVICE_H
#define MR_DAEMON_LOG_SERVICE_H

#include <event2/event.h>

#include "ctl/api/api.h"
#include "log_source.h"

struct log_service;

/* Who uses it: gets every record as well, and calls log_service_drain when drain is called. */
struct log_feed {
	log_source_fn *records;
	void (*drain)(void *arg);
	void *arg;
};

struct log_service *log_service_create(struct event_base *base, struct api *api,
                                       const struct log_feed *feed);
void log_service_destroy(struct log_service *s);
/*
 * log_service_drain: make the sinks those of the document in force, then pass on what the rings
 * hold (NULL: no data plane; then start_ns does not matter). image: the one that runs, and when it
 * was given (0: by nobody here).
 */
void log_service_drain(struct log_service *s, struct record_segment *rings, uint64_t start_ns,
                       const struct image_header *image, uint64_t given_ns);
/* log_service_found: a data plane is there, and an image that somebody gave it before. If that logs
 * nothing nobody knows who had what until now, whatever image comes next. */
void log_service_found(struct log_service *s, const struct image_header *image);
/* log_service_link: for the API. */
struct log_link log_service_link(struct log_service *s);
/* log_service_trouble: the newest error of a sink since the last call, or NULL. */
const char *log_service_trouble(struct log_service *s);

#endif
