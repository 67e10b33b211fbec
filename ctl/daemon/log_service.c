/* SPDX-License-Identifier: Apache-2.0 */
/* The document's sinks, made and ended as it changes; records on their way to them. */
#include "log_service.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/config/config.h"
#include "ctl/log/archive.h"
#include "log_clock.h"
#include "log_files.h"
#include "log_held.h"
#include "log_ipfix.h"
#include "log_ranges.h"
#include "log_syslog.h"
#include "nat/nat_image.h"
#include "system_clock.h"

#define NS_A_SECOND 1000000000ull
#define NS_A_MS 1000000ull
enum { FLUSH_TURNS = 50, FLUSH_STEP_MS = 10 };

struct log_service {
	struct log_bus bus;
	struct log_source source;
	struct log_clock clock;
	struct log_held held;
	struct log_ranges ranges;
	uint64_t heard_ns;     /* when the data plane's rings were read last; 0: never */
	uint64_t interim_ns;   /* 0: held blocks are not said again */
	struct api *api;
	uint64_t changes;      /* of the document that the sinks are made from */
	uint64_t configured_ns; /* when that came */
	bool was_silent;       /* the image that was found logs nothing, and no gap says so yet */
	uint64_t said_ns;      /* error_ns of the last error that was told */
	struct log_feed feed;
	const struct image_header *image;
	char trouble[512];
};

struct log_service *
log_service_create(struct event_base *base, struct api *api, const struct log_feed *feed)
{
	struct log_service *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->bus.base = base;
	s->api = api;
	s->changes = UINT64_MAX;
	s->feed = *feed;
	return s;
}

/* flush: what waits for a collector that is there may still go, for a moment. */
static void
flush(struct log_service *s)
{
	for (unsigned i = 0; i < FLUSH_TURNS; i++) {
		bool waits = false;
		log_bus_pump(&s->bus, now_ns());
		event_base_loop(s->bus.base, EVLOOP_NONBLOCK);
		for (const struct log_sink *k = s->bus.first; k != NULL; k = k->next)
			waits |= k->is_up && k->head != k->tail;
		if (!waits)
			return;
		poll(NULL, 0, FLUSH_STEP_MS);
	}
}

void
log_service_destroy(struct log_service *s)
{
	if (s == NULL)
		return;
	flush(s);
	while (s->bus.first != NULL)
		s->bus.first->ops->destroy(s->bus.first);
	log_held_fini(&s->held);
	free(s);
}

/* Kinds of sinks: which part of `log` each is made from. */
struct kind {
	const struct log_sink_ops *ops;
	bool is_list; /* or one object, named as the kind */
	struct log_sink *(*create)(struct log_bus *b, const json_t *conf, uint32_t room,
	                           uint64_t now_ns);
};

static const struct kind kinds[] = {
	{&log_files_ops, false, log_files_create},
	{&log_syslog_ops, true, log_syslog_create},
	{&log_ipfix_ops, true, log_ipfix_create},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* part_named: the part of `log` that a sink is made from, or NULL. */
static const json_t *
part_named(const json_t *log, const struct kind *k, const char *name)
{
	const json_t *part = json_object_get(log, k->ops->kind), *o;
	size_t i;
	if (!k->is_list)
		return json_object_get(part, "directory") != NULL ? part : NULL;
	json_array_foreach((json_t *)part, i, o)
		if (strcmp(json_string_value(json_object_get(o, "name")), name) == 0)
			return o;
	return NULL;
}

/* The sinks that are made anew. What finds no place here counts as what it has not sent. */
enum { LEFT_MAX = 64 };

static void
end_changed(struct log_service *s, const struct kind *k, const json_t *log, uint32_t room,
            struct log_left left[LEFT_MAX], unsigned *n)
{
	for (struct log_sink *sink = s->bus.first, *next; sink != NULL; sink = next) {
		next = sink->next;
		if (sink->ops != k->ops)
			continue;
		const json_t *conf = part_named(log, k, sink->name);
		if (conf != NULL && sink->room == room && json_equal(conf, sink->conf))
			continue;
		if (conf != NULL && *n < LEFT_MAX)
			left[(*n)++] = log_sink_leave(sink);
		sink->ops->destroy(sink);
	}
}

static void
begin_new(struct log_service *s, const struct kind *k, const json_t *log, uint32_t room)
{
	const json_t *part = json_object_get(log, k->ops->kind), *o;
	size_t i;
	if (!k->is_list) {
		if (part_named(log, k, k->ops->kind) != NULL &&
		    log_bus_find(&s->bus, k->ops->kind, k->ops->kind) == NULL)
			k->create(&s->bus, part, room, now_ns());
		return;
	}
	json_array_foreach((json_t *)part, i, o)
		if (log_bus_find(&s->bus, k->ops->kind,
		                 json_string_value(json_object_get(o, "name"))) == NULL)
			k->create(&s->bus, o, room, now_ns());
}

/* inherit: to those in the place of others. What belongs to nobody any more goes. */
static void
inherit(struct log_service *s, struct log_left *left, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct log_sink *sink = log_bus_find(&s->bus, left[i].ops->kind, left[i].name);
		if (sink != NULL)
			log_sink_inherit(sink, &left[i]);
		free(left[i].record);
	}
}

/* numbered: a copy of the document, with the numbers that realms have in the records. */
static json_t *
numbered(const struct log_service *s, const json_t *doc)
{
	json_t *copy = json_deep_copy(doc);
	if (copy != NULL)
		config_number_realms(copy, s->image);
	return copy;
}

/* keep_document: beside the log; also in the directory that it is about to leave. */
static void
keep_document(struct log_service *s, json_t *doc, uint64_t now, uint64_t given_ns)
{
	struct log_sink *files = log_bus_find(&s->bus, "files", "files");
	if (files != NULL && doc != NULL)
		log_files_document(files, json_incref(doc), now, given_ns);
}

/* late: when the image of a document was given, if longer ago than whoever reads what is kept
 * allows for: the data plane has had it in force since some time after that. */
static uint64_t
late(const struct log_service *s, uint64_t given_ns, uint64_t now)
{
	bool is_of_it = s->image != NULL && given_ns > s->configured_ns && given_ns < now;
	return is_of_it && now - given_ns > ARCHIVE_LATE_MS / 2 * NS_A_MS ? given_ns : 0;
}

/* log_filled: the document's part about the log, with its defaults, in an object. The rest, which
 * may be a thousand times as much, is not looked at. */
static json_t *
log_filled(const json_t *doc)
{
	json_t *log = json_object_get(doc, "log");
	json_t *part = log != NULL ? json_pack("{s:O}", "log", log) : json_object();
	json_t *filled = config_filled(part);
	json_decref(part);
	return filled;
}

static void
configure(struct log_service *s, uint64_t given_ns)
{
	const json_t *doc = api_document(s->api);
	if (doc == NULL || s->changes == api_changes(s->api))
		return;
	s->changes = api_changes(s->api);
	json_t *kept = numbered(s, doc);
	uint64_t now = now_ns(), since_ns = late(s, given_ns, now);
	s->configured_ns = now;
	keep_document(s, kept, now, since_ns);
	json_t *filled = log_filled(doc);
	const json_t *log = json_object_get(filled, "log");
	uint32_t room = (uint32_t)json_integer_value(json_object_get(log, "queue"));
	s->interim_ns = NS_A_SECOND *
	                (uint64_t)json_integer_value(json_object_get(log, "interim_seconds"));
	struct log_left left[LEFT_MAX];
	unsigned n = 0;
	for (unsigned i = 0; i < KINDS && log != NULL; i++) {
		end_changed(s, &kinds[i], log, room, left, &n);
		begin_new(s, &kinds[i], log, room);
	}
	inherit(s, left, n);
	keep_document(s, kept, now, since_ns);
	json_decref(kept);
	json_decref(filled);
}

static void
on_records(void *arg, const struct record *rec, size_t n)
{
	struct log_service *s = arg;
	s->feed.records(s->feed.arg, rec, n);
	for (size_t i = 0; i < n; i++) {
		struct record named = rec[i];
		named.pool = log_bus_pool(&s->bus, s->image, rec[i].pool);
		log_held_see(&s->held, &named);
		log_bus_put(&s->bus, &named);
	}
}

static void
on_block(void *arg, const struct record *rec, const char *pool)
{
	struct log_service *s = arg;
	struct record named = *rec;
	named.pool = log_bus_pool_named(&s->bus, pool);
	log_held_see(&s->held, &named);
}

static void
on_ranges(void *arg, const struct record *rec)
{
	struct log_service *s = arg;
	struct record named = *rec;
	named.pool = log_bus_pool(&s->bus, s->image, rec->pool);
	log_bus_put(&s->bus, &named);
}

static void
on_interim(void *arg, const struct record *rec)
{
	struct log_service *s = arg;
	log_bus_put(&s->bus, rec);
}

/* clock_say: it was set. Said to every sink, before what has the new time. */
static void
clock_say(struct log_service *s, uint64_t would_ns, uint64_t now)
{
	struct record rec = {.event = RECORD_CLOCK, .worker = RECORD_DAEMON, .pool = LOG_POOLS,
	                     .time_ns = now, .since_ns = would_ns};
	on_records(s, &rec, 1);
}

/* clock_look: what the workers' clock, which follows slowly, lacks; and whether it was set now. */
static void
clock_look(struct log_service *s, const struct record_segment *rings, uint64_t now)
{
	uint64_t would, boot = clock_ns(CLOCK_BOOTTIME);
	int64_t ahead = atomic_load_explicit(&rings->ahead_ns, memory_order_relaxed);
	bool is_set = log_clock_look(&s->clock, now, boot, &would);
	if (ahead == 0)
		return;
	log_source_shift(&s->source, ahead + (int64_t)(now - boot), is_set);
	if (is_set)
		clock_say(s, would, now);
}

/* unheard: nobody was here when the data plane that the log knows ended: what it said last is lost,
 * and nobody knows how much that is. */
static void
unheard(struct log_service *s, const struct log_resume *resume)
{
	struct record gap = {.event = RECORD_GAP, .worker = RECORD_DAEMON, .pool = LOG_POOLS,
	                     .time_ns = s->source.start_ms * NS_A_MS,
	                     .since_ns = resume->least_ms * NS_A_MS};
	s->source.gaps++;
	on_records(s, &gap, 1);
}

/* begin_source: a data plane that is new to us, or one that an earlier daemon has logged. */
static void
begin_source(struct log_service *s, uint64_t start_ns, uint64_t now, bool is_clocked)
{
	struct log_sink *files = log_bus_find(&s->bus, "files", "files");
	const struct log_resume *resume = files != NULL ?
	                                  log_files_resume(files, start_ns / NS_A_MS) : NULL;
	uint64_t before = s->source.start_ms;
	log_source_begin(&s->source, start_ns, resume);
	if (s->source.start_ms == before)
		return;
	s->bus.before_ns = s->heard_ns;
	if (before == 0 && resume != NULL && resume->start_ms != 0 &&
	    resume->start_ms != s->source.start_ms) {
		unheard(s, resume);
		s->bus.before_ns = resume->last_ms * NS_A_MS;
	}
	s->bus.start_ms = s->source.start_ms;
	log_held_clear(&s->held);
	if (resume == NULL || resume->start_ms != s->source.start_ms)
		return;
	log_files_blocks(files, on_block, s);
	if (is_clocked && resume->last_ms > now / NS_A_MS + LOG_CLOCK_STEP_MS)
		clock_say(s, resume->last_ms * NS_A_MS, now); /* set back while nobody was here */
}

static bool
is_silent(const struct image_header *h)
{
	uint32_t n = 0;
	const struct img_nat_conf *c = image_rows(h, IMG_NAT_CONF, &n);
	return n != 0 && c->log == NAT_LOG_NONE;
}

/*
 * silence_look: while the data plane is told to log nothing, ports change hands that no record
 * speaks of: a gap says so when that begins, another one when it has ended.
 */
static void
silence_look(struct log_service *s, const struct image_header *image, uint64_t given_ns,
             uint64_t now)
{
	struct log_sink *files = log_bus_find(&s->bus, "files", "files");
	bool silent = is_silent(image), was = s->bus.silent_ns != 0;
	uint64_t since = was ? s->bus.silent_ns : s->was_silent ? 0 : given_ns;
	if ((silent == was && !s->was_silent) || api_document(s->api) == NULL)
		return;
	s->was_silent = false;
	if (since == 0 && files != NULL) /* nobody was here when it was given */
		since = log_files_resume(files, s->source.start_ms)->last_ms * NS_A_MS;
	since = since != 0 ? since : s->source.start_ms * NS_A_MS;
	struct record gap = {.event = RECORD_GAP, .worker = RECORD_DAEMON, .pool = LOG_POOLS,
	                     .time_ns = now, .since_ns = since < now ? since : now};
	s->bus.silent_ns = silent ? gap.since_ns : 0;
	s->source.gaps++;
	on_records(s, &gap, 1);
}

void
log_service_found(struct log_service *s, const struct image_header *image)
{
	s->was_silent |= image != NULL && s->bus.silent_ns == 0 && is_silent(image);
}

void
log_service_drain(struct log_service *s, struct record_segment *rings, uint64_t start_ns,
                  const struct image_header *image, uint64_t given_ns)
{
	uint64_t now = now_ns();
	if (rings != NULL)
		s->bus.gone = log_source_gone(rings);
	s->image = image;
	configure(s, given_ns);
	log_bus_realms(&s->bus, image);
	if (rings != NULL) {
		begin_source(s, start_ns, now,
		             atomic_load_explicit(&rings->ahead_ns, memory_order_relaxed) != 0);
		s->bus.now_ns = now;
		clock_look(s, rings, now);
		log_source_drain(&s->source, rings, now, on_records, s);
		s->heard_ns = now;
		if (image != NULL)
			silence_look(s, image, given_ns, now);
		if (s->interim_ns != 0)
			log_held_walk(&s->held, now, s->interim_ns, on_interim, s);
		if (image != NULL && s->changes == api_changes(s->api))
			log_ranges_walk(&s->ranges, image, s->changes, now, on_ranges, s);
	}
	log_bus_pump(&s->bus, now);
}

static void
link_drain(void *ctx)
{
	struct log_service *s = ctx;
	s->feed.drain(s->feed.arg);
}

static json_t *
link_sinks(void *ctx)
{
	struct log_service *s = ctx;
	return json_pack("{s:o, s:I, s:I}", "sinks", log_bus_json(&s->bus), "gaps",
	                 (json_int_t)s->source.gaps, "lost", (json_int_t)s->source.lost);
}

static int
link_search(void *ctx, const struct whohad_query *q, struct whohad *out)
{
	struct log_service *s = ctx;
	const struct log_sink *files = log_bus_find(&s->bus, "files", "files");
	return files != NULL ? log_files_search(files, q, out) : -ENOENT;
}

static int
link_folder(void *ctx)
{
	struct log_service *s = ctx;
	const struct log_sink *files = log_bus_find(&s->bus, "files", "files");
	return files != NULL ? log_files_folder(files) : -1;
}

static uint64_t
link_unkept(void *ctx)
{
	struct log_service *s = ctx;
	const struct log_sink *files = log_bus_find(&s->bus, "files", "files");
	return files != NULL ? log_files_unkept_ms(files) : 0;
}

static uint64_t
link_now(void *ctx)
{
	return now_ns();
}

struct log_link
log_service_link(struct log_service *s)
{
	return (struct log_link){s, link_drain, link_sinks, link_search, link_now, link_folder,
	                         link_unkept};
}

const char *
log_service_trouble(struct log_service *s)
{
	const struct log_sink *worst = NULL;
	for (const struct log_sink *k = s->bus.first; k != NULL; k = k->next)
		if (k->error_ns > s->said_ns && (worst == NULL || k->error_ns > worst->error_ns))
			worst = k;
	if (worst == NULL)
		return NULL;
	s->said_ns = worst->error_ns;
	snprintf(s->trouble, sizeof(s->trouble), "log %s %s: %s", worst->ops->kind, worst->name,
	         worst->error);
	return s->trouble;
}
