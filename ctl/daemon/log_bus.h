/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The bus that every log record passes, and its sinks: a queue each, emptied as fast as
 *            disk or collector take it.
 * Layout     Of a sink's queue the records from tail to taken are on their way (in a socket's
 *            buffer), those from taken to head wait.
 * Invariant  1. sent + lost + pending = records that the bus had for the sink.
 *            2. A full queue loses the newest records; when there is room again, a gap record says
 *               how many, before the next.
 *            3. A sink that stands still keeps nobody else waiting.
 *            4. Each sink hears of the data plane's beginning before its records, and always. One
 *               that is searched hears then that it lacks what was before; and one that was away,
 *               what came meanwhile.
 * Owner      One thread.
 * Limits     log.queue records a sink; LOG_POOLS names of pools.
 * See        docs/log.md, "Sinks".
 */
#ifndef MR_DAEMON_LOG_BUS_H
#define MR_DAEMON_LOG_BUS_H

#include <event2/event.h>
#include <jansson.h>

#include "ctl/log/index.h"
#include "lib/image.h"

struct log_sink;

struct log_sink_ops {
	const char *kind;
	/* pump: take what can go now. Called after records have come, and every tick. */
	void (*pump)(struct log_sink *s, uint64_t now_ns);
	/* add: what log.sinks shows beside the counters. */
	void (*add)(const struct log_sink *s, json_t *o);
	void (*destroy)(struct log_sink *s);
	bool is_searched;        /* what it has not heard of from the beginning is a gap to it */
};

struct log_bus {
	struct log_sink *first;
	struct event_base *base;
	char pool[LOG_POOLS][IMAGE_NAME]; /* names by the numbers that queued records have */
	uint32_t pools;
	char realm[IMG_MAX_REALMS][IMAGE_NAME]; /* the last name of each number; "": none yet */
	uint64_t now_ns;         /* of the last pump */
	uint64_t start_ms;       /* of the data plane whose records come; 0: not known yet */
	uint64_t before_ns;      /* when the one before was heard of last; 0: there was none */
	uint64_t gone;           /* of its records, those that nobody can be told any more */
	uint64_t silent_ns;      /* since when it makes none of who has what, as told; 0: it does */
};

struct log_sink {
	const struct log_sink_ops *ops;
	struct log_bus *bus;
	struct log_sink *next;
	json_t *conf;            /* what it was made from */
	char name[IMAGE_NAME];
	char target[288];
	struct record *queue;
	uint32_t room;
	uint64_t head, taken, tail;
	uint64_t sent, lost;
	uint64_t unreported, unreported_ns; /* lost since the last gap record, and since when */
	uint64_t start_ms;       /* of the data plane that it has heard of */
	uint64_t lacks, lacks_ns; /* its records that nobody can tell it, and since when */
	bool is_up;
	char error[160];         /* the last one, and when */
	uint64_t error_ns;
};

/* log_bus_put: to every sink. The pool of the record is a number of the bus. */
void log_bus_put(struct log_bus *b, const struct record *rec);
/* log_bus_pool: the number of a pool by its row of an image (or NULL); of a name. */
uint16_t log_bus_pool(struct log_bus *b, const struct image_header *h, uint16_t row);
uint16_t log_bus_pool_named(struct log_bus *b, const char *name);
/* log_bus_realms: names of an image (or NULL); one that has gone stays until its number is another
 * one's. */
void log_bus_realms(struct log_bus *b, const struct image_header *h);
void log_bus_pump(struct log_bus *b, uint64_t now_ns);
json_t *log_bus_json(const struct log_bus *b); /* for log.sinks */
struct log_sink *log_bus_find(const struct log_bus *b, const char *kind, const char *name);

/* log_sink_init: into the bus, with a queue. => 0 or -ENOMEM. conf is borrowed. */
int log_sink_init(struct log_sink *s, struct log_bus *b, const struct log_sink_ops *ops,
                  const char *name, const json_t *conf, uint32_t room);
/* log_sink_fini: out of the bus; ops->destroy calls it and frees the rest. */
void log_sink_fini(struct log_sink *s);

/*
 * What a sink leaves to the one in its place, when its part of the document changes: its records
 * that have not arrived, and its counts. log_sink_leave: of one that is about to be destroyed;
 * log_sink_inherit: ends it.
 */
struct log_left {
	const struct log_sink_ops *ops;
	char name[IMAGE_NAME];
	struct record *record;
	uint64_t n, sent, lost, unreported, unreported_ns, start_ms;
};
struct log_left log_sink_leave(const struct log_sink *s);
void log_sink_inherit(struct log_sink *s, struct log_left *left);

/* For pump: the next record (NULL: none), that it is on its way; that all on their way have
 * arrived, or have to be sent again. */
const struct record *log_sink_next(const struct log_sink *s);
void log_sink_take(struct log_sink *s);
void log_sink_arrived(struct log_sink *s);
void log_sink_again(struct log_sink *s);
/* log_sink_names: => names. */
const struct log_names *log_sink_names(const struct log_sink *s, const struct record *rec,
                                       struct log_names *names);
void log_sink_fail(struct log_sink *s, uint64_t now_ns, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
