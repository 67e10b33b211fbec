/* SPDX-License-Identifier: Apache-2.0 */
/* Queues between the data plane's rings and whoever keeps the records. */
#include "log_bus.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nat/nat_image.h"

enum {
	PUMP_EVERY = 256, /* of a queue that is half full while many records come */
	START_ROOM = 3,   /* a gap, a beginning, and what is missing since */
};
#define NS_A_MS 1000000ull

uint16_t
log_bus_pool_named(struct log_bus *b, const char *name)
{
	uint32_t i;
	for (i = 0; i < b->pools; i++)
		if (strcmp(b->pool[i], name) == 0)
			return (uint16_t)i;
	if (i == LOG_POOLS || name[0] == '\0')
		return LOG_POOLS;
	snprintf(b->pool[b->pools++], IMAGE_NAME, "%s", name);
	return (uint16_t)i;
}

uint16_t
log_bus_pool(struct log_bus *b, const struct image_header *h, uint16_t row)
{
	uint32_t n = 0;
	const struct img_nat_pool *p = h != NULL ? image_rows(h, IMG_NAT_POOLS, &n) : NULL;
	return row < n ? log_bus_pool_named(b, p[row].name) : LOG_POOLS;
}

void
log_bus_realms(struct log_bus *b, const struct image_header *h)
{
	uint32_t n = 0;
	const struct img_realm *r = h != NULL ? image_rows(h, IMG_REALMS, &n) : NULL;
	for (uint32_t i = 1; i < n && i < IMG_MAX_REALMS; i++)
		if (r[i].name[0] != '\0')
			memcpy(b->realm[i], r[i].name, IMAGE_NAME);
}

static bool
queue_put(struct log_sink *s, const struct record *rec)
{
	if (s->head - s->tail == s->room)
		return false;
	s->queue[s->head++ % s->room] = *rec;
	return true;
}

/* sink_put: with the gap before it, if there is one; both find room or neither. => did they? */
static bool
sink_put(struct log_sink *s, const struct record *rec)
{
	struct record gap = {.event = RECORD_GAP, .worker = RECORD_DAEMON, .pool = LOG_POOLS,
	                     .time_ns = rec->time_ns, .since_ns = s->unreported_ns,
	                     .lost = s->unreported};
	if (s->head - s->tail + (s->unreported != 0) >= s->room)
		return false;
	if (s->unreported != 0)
		queue_put(s, &gap);
	s->unreported = 0;
	return queue_put(s, rec);
}

static void
sink_lose(struct log_sink *s, const struct record *rec)
{
	if (s->unreported++ == 0)
		s->unreported_ns = rec->time_ns;
	s->lost++;
}

/* sink_start: tell a sink that has not heard of it that the data plane began with nothing. => has
 * it heard? It waits for room, and records wait for it: what comes later ends nothing of before. */
static bool
sink_start(struct log_sink *s)
{
	struct record start = {.event = RECORD_START, .worker = RECORD_DAEMON, .pool = LOG_POOLS,
	                       .time_ns = s->bus->start_ms * NS_A_MS,
	                       .since_ns = s->bus->before_ns};
	if (s->bus->start_ms == 0 || s->start_ms == s->bus->start_ms)
		return true;
	struct record gap = {.event = RECORD_GAP, .worker = RECORD_DAEMON, .pool = LOG_POOLS,
	                     .time_ns = s->bus->now_ns, .since_ns = start.time_ns};
	if (s->head - s->tail + START_ROOM > s->room)
		return false;
	sink_put(s, &start);
	if (s->ops->is_searched && s->bus->gone != 0)
		sink_put(s, &gap);
	s->start_ms = s->bus->start_ms;
	return true;
}

/* sink_lacks: what came while it was away is a gap. It is said when there is room. */
static void
sink_lacks(struct log_sink *s)
{
	struct record gap = {.event = RECORD_GAP, .worker = RECORD_DAEMON, .pool = LOG_POOLS,
	                     .time_ns = s->bus->now_ns, .since_ns = s->lacks_ns,
	                     .lost = s->lacks};
	if (s->lacks != 0 && sink_put(s, &gap))
		s->lacks = 0;
}

void
log_bus_put(struct log_bus *b, const struct record *rec)
{
	for (struct log_sink *s = b->first; s != NULL; s = s->next) {
		if (!sink_start(s) || !sink_put(s, rec))
			sink_lose(s, rec);
		if (s->head - s->tail >= s->room / 2 && s->head % PUMP_EVERY == 0)
			s->ops->pump(s, b->now_ns);
	}
}

void
log_bus_pump(struct log_bus *b, uint64_t now_ns)
{
	b->now_ns = now_ns;
	for (struct log_sink *s = b->first; s != NULL; s = s->next) {
		sink_start(s);
		sink_lacks(s);
		s->ops->pump(s, now_ns);
	}
}

struct log_sink *
log_bus_find(const struct log_bus *b, const char *kind, const char *name)
{
	struct log_sink *s = b->first;
	while (s != NULL && (strcmp(s->ops->kind, kind) != 0 || strcmp(s->name, name) != 0))
		s = s->next;
	return s;
}

static json_t *
sink_json(const struct log_sink *s)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:i, s:o, s:o}", "name",
		s->name, "kind", s->ops->kind, "target", s->target, "up", s->is_up, "sent",
		(json_int_t)s->sent, "lost", (json_int_t)s->lost, "pending",
		(json_int_t)(s->head - s->tail), "queue", (int)s->room, "error",
		s->error[0] != '\0' ? json_string(s->error) : json_null(), "error_time",
		s->error[0] != '\0' ? json_real((double)(s->error_ns / 1000) / 1e6) : json_null());
	if (s->ops->add != NULL)
		s->ops->add(s, o);
	return o;
}

json_t *
log_bus_json(const struct log_bus *b)
{
	json_t *list = json_array();
	for (const struct log_sink *s = b->first; s != NULL; s = s->next)
		json_array_append_new(list, sink_json(s));
	return list;
}

int
log_sink_init(struct log_sink *s, struct log_bus *b, const struct log_sink_ops *ops,
              const char *name, const json_t *conf, uint32_t room)
{
	memset(s, 0, sizeof(*s));
	s->queue = malloc((size_t)room * sizeof(*s->queue));
	if (s->queue == NULL)
		return -ENOMEM;
	s->room = room;
	s->ops = ops;
	s->bus = b;
	s->conf = json_deep_copy(conf);
	snprintf(s->name, sizeof(s->name), "%s", name);
	struct log_sink **at = &b->first;
	while (*at != NULL)
		at = &(*at)->next;
	*at = s;
	return 0;
}

void
log_sink_fini(struct log_sink *s)
{
	struct log_sink **at = &s->bus->first;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	json_decref(s->conf);
	free(s->queue);
}

struct log_left
log_sink_leave(const struct log_sink *s)
{
	struct log_left l = {
		.ops = s->ops, .n = s->head - s->tail, .sent = s->sent, .lost = s->lost,
		.unreported = s->unreported, .unreported_ns = s->unreported_ns,
		.start_ms = s->start_ms,
	};
	memcpy(l.name, s->name, sizeof(l.name));
	l.record = l.n != 0 ? malloc(l.n * sizeof(*l.record)) : NULL;
	for (uint64_t i = 0; i < l.n && l.record != NULL; i++)
		l.record[i] = s->queue[(s->tail + i) % s->room];
	return l;
}

void
log_sink_inherit(struct log_sink *s, struct log_left *l)
{
	s->sent += l->sent;
	s->lost += l->lost;
	if (!s->ops->is_searched) /* that one looks what it has */
		s->start_ms = l->start_ms;
	for (uint64_t i = 0; i < l->n; i++) {
		struct record gone = {.time_ns = s->bus->now_ns};
		if (l->record != NULL && l->record[i].sequence != 0 && s->lacks != 0)
			s->lacks--; /* it is told that one */
		if (l->record == NULL || !sink_put(s, &l->record[i]))
			sink_lose(s, l->record != NULL ? &l->record[i] : &gone);
	}
	if (l->unreported != 0 && s->unreported == 0)
		s->unreported_ns = l->unreported_ns;
	s->unreported += l->unreported;
	free(l->record);
	l->record = NULL;
	l->ops = NULL;
}

const struct record *
log_sink_next(const struct log_sink *s)
{
	return s->taken != s->head ? &s->queue[s->taken % s->room] : NULL;
}

void
log_sink_take(struct log_sink *s)
{
	s->taken++;
}

void
log_sink_arrived(struct log_sink *s)
{
	s->sent += s->taken - s->tail;
	s->tail = s->taken;
}

void
log_sink_again(struct log_sink *s)
{
	s->taken = s->tail;
}

const struct log_names *
log_sink_names(const struct log_sink *s, const struct record *rec, struct log_names *names)
{
	static const char none[IMAGE_NAME];
	bool is_named = rec->realm < IMG_MAX_REALMS && rec->event != RECORD_START;
	memcpy(names->pool, rec->pool < s->bus->pools ? s->bus->pool[rec->pool] : none,
	       sizeof(names->pool));
	memcpy(names->realm, is_named ? s->bus->realm[rec->realm] : none, sizeof(names->realm));
	return names;
}

void
log_sink_fail(struct log_sink *s, uint64_t now_ns, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(s->error, sizeof(s->error), fmt, ap);
	va_end(ap);
	s->error_ns = now_ns;
}
