/* SPDX-License-Identifier: Apache-2.0 */
/* Segments of JSON lines as a sink. */
#include "log_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/log/archive.h"
#include "ctl/log/writer.h"

#define NS_A_SECOND 1000000000ull
#define NS_A_MS 1000000ull

/* Configurations that wait for the disk. */
enum { DOCUMENTS = 16 };
struct document {
	json_t *doc;
	uint64_t from_ns; /* in force */
	struct archive_since since; /* it may have been, or others that are not kept */
};

struct files {
	struct log_sink sink;
	struct log_writer writer;
	struct log_writer_conf conf;
	struct log_resume resume;
	uint64_t tried_ns, torn, left;
	struct document document[DOCUMENTS]; /* not kept yet, the oldest first */
	unsigned documents;
	json_t *latest;         /* that came */
	bool keeps;             /* the writer's thread is at the first one */
	bool is_kept;           /* one was: since then each is kept as it comes */
};

static uint64_t
number(const json_t *conf, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(conf, key));
}

static void
conf_take(struct log_writer_conf *c, const json_t *conf)
{
	const char *directory = json_string_value(json_object_get(conf, "directory"));
	snprintf(c->directory, sizeof(c->directory), "%s", directory);
	c->rotate_bytes = number(conf, "rotate_bytes");
	c->rotate_seconds = number(conf, "rotate_seconds");
	c->keep_days = number(conf, "keep_days");
	c->keep_bytes = number(conf, "keep_bytes");
	c->sync_seconds = number(conf, "sync_seconds");
	c->gzip = strcmp(json_string_value(json_object_get(conf, "compress")), "gzip") == 0;
}

/* goes_on: a log whose first segments were deleted names no beginning if none was in what is kept:
 * then it is of one data plane, which began before that. */
static void
goes_on(struct files *f, uint64_t start_ms)
{
	struct log_resume *r = &f->resume;
	if (start_ms != 0 && r->start_ms == 0 && r->first_ms != 0 && start_ms <= r->first_ms)
		r->start_ms = f->sink.start_ms = start_ms;
}

/* lack: what the data plane has said, as long as the bus knows, and neither log nor queue have. */
static void
lack(struct files *f)
{
	struct log_sink *s = &f->sink;
	uint64_t known = s->unreported;
	for (unsigned w = 0; w < LOG_WORKERS; w++)
		known += f->resume.sequence[w];
	for (uint64_t i = s->tail; i != s->head; i++)
		known += s->queue[i % s->room].sequence != 0;
	if (s->bus->start_ms == 0 || s->start_ms != s->bus->start_ms || s->bus->gone <= known)
		return;
	s->lacks = s->bus->gone - known;
	s->lacks_ns = f->resume.least_ms * NS_A_MS;
}

static void
files_open(struct files *f, uint64_t now_ns)
{
	f->tried_ns = now_ns;
	int rc = log_writer_open(&f->writer, &f->conf, now_ns);
	if (rc == 0)
		rc = log_resume_read(&f->resume, f->writer.folder);
	f->sink.is_up = rc == 0;
	if (rc == 0) {
		f->sink.start_ms = f->resume.start_ms;
		goes_on(f, f->sink.bus->start_ms);
		lack(f);
	} else {
		log_sink_fail(&f->sink, now_ns, "%s: %s", f->conf.directory, strerror(-rc));
	}
}

static char *
document_text(void *doc)
{
	return json_dumps(doc, JSON_INDENT(1));
}

/* document_give: number i of those that wait, to the writer's thread: beside the log, where it
 * stays as long as segments of its time. The first may have been in force since the log ended. */
static void
document_give(struct files *f, unsigned i, uint64_t now_ns)
{
	uint64_t days_ms = f->conf.keep_days * 86400u * 1000u, now_ms = now_ns / NS_A_MS;
	const struct document *of = &f->document[i];
	struct log_document d = {
		.text = document_text, .arg = of->doc, .now_ns = of->from_ns, .since = of->since,
		.keep_ms = days_ms != 0 && days_ms < now_ms ? now_ms - days_ms : 0,
	};
	if (i == 0 && !f->is_kept)
		d.since.ns = f->resume.last_ms * NS_A_MS;
	log_writer_document(&f->writer, &d);
}

/* documents_turn: one after the other; one that fails is tried again, before those that follow. */
static void
documents_turn(struct files *f, uint64_t now_ns)
{
	int rc;
	if (f->keeps) {
		if (!log_writer_documented(&f->writer, &rc))
			return;
		f->keeps = false;
		if (rc < 0) {
			log_sink_fail(&f->sink, now_ns, "keeping the configuration: %s",
			              strerror(-rc));
		} else {
			json_decref(f->document[0].doc);
			memmove(f->document, f->document + 1,
			        --f->documents * sizeof(f->document[0]));
			f->is_kept = true;
		}
	}
	if (f->documents == 0)
		return;
	document_give(f, 0, now_ns);
	f->keeps = true;
}

static void
troubles(struct files *f, uint64_t now_ns)
{
	struct log_troubles t = log_writer_troubles(&f->writer);
	f->torn += t.torn;
	if (t.torn != 0)
		log_sink_fail(&f->sink, now_ns, "%llu lines of older segments are no records; "
		              "they are skipped", (unsigned long long)t.torn);
	f->left += t.left;
	if (t.left != 0)
		log_sink_fail(&f->sink, now_ns, "%s: the disk does not answer; %llu segments are "
		              "finished when it does", f->conf.directory,
		              (unsigned long long)t.left);
	if (t.error != 0)
		log_sink_fail(&f->sink, now_ns, "finishing a segment: %s", strerror(-t.error));
}

static void
files_pump(struct log_sink *s, uint64_t now_ns)
{
	struct files *f = (struct files *)s;
	const struct record *rec;
	struct log_names names;
	int rc = 0;
	if (f->writer.folder < 0 && now_ns - f->tried_ns >= LOG_FILES_RETRY_S * NS_A_SECOND)
		files_open(f, now_ns);
	if (f->writer.folder < 0)
		return;
	documents_turn(f, now_ns);
	while (rc == 0 && (rec = log_sink_next(s)) != NULL) {
		rc = log_writer_put(&f->writer, rec, log_sink_names(s, rec, &names), now_ns);
		if (rc == 0)
			log_sink_take(s);
	}
	int tick = log_writer_tick(&f->writer, now_ns);
	if (f->writer.buffered == 0) /* else they have not left this process */
		log_sink_arrived(s);
	rc = rc != 0 ? rc : tick;
	s->is_up = rc == 0;
	if (rc != 0)
		log_sink_fail(s, now_ns, "%s: %s", f->conf.directory, strerror(-rc));
	troubles(f, now_ns);
}

static void
files_add(const struct log_sink *s, json_t *o)
{
	const struct files *f = (const struct files *)s;
	json_object_set_new(o, "segment", json_string(f->writer.fd >= 0 ? f->writer.stem : ""));
	json_object_set_new(o, "torn", json_integer((json_int_t)f->torn));
	json_object_set_new(o, "left", json_integer((json_int_t)f->left));
}

static void
files_destroy(struct log_sink *s)
{
	struct files *f = (struct files *)s;
	int rc;
	if (f->keeps && log_writer_documented(&f->writer, &rc))
		f->keeps = rc >= 0; /* one that failed has a last try */
	for (unsigned i = f->keeps; i < f->documents && f->writer.folder >= 0; i++)
		document_give(f, i, f->document[i].from_ns);
	if (f->writer.folder >= 0)
		log_writer_close(&f->writer, f->writer.begun_ns);
	while (f->documents > 0)
		json_decref(f->document[--f->documents].doc);
	json_decref(f->latest);
	log_sink_fini(s);
	free(f);
}

const struct log_sink_ops log_files_ops = {"files", files_pump, files_add, files_destroy, true};

struct log_sink *
log_files_create(struct log_bus *b, const json_t *conf, uint32_t room, uint64_t now_ns)
{
	struct files *f = calloc(1, sizeof(*f));
	if (f == NULL)
		return NULL;
	if (log_sink_init(&f->sink, b, &log_files_ops, "files", conf, room) != 0) {
		free(f);
		return NULL;
	}
	conf_take(&f->conf, conf);
	snprintf(f->sink.target, sizeof(f->sink.target), "%s", f->conf.directory);
	files_open(f, now_ns);
	return &f->sink;
}

const struct log_resume *
log_files_resume(struct log_sink *s, uint64_t start_ms)
{
	struct files *f = (struct files *)s;
	goes_on(f, start_ms);
	return &f->resume;
}

void
log_files_blocks(const struct log_sink *s, log_block_fn *fn, void *arg)
{
	const struct files *f = (const struct files *)s;
	if (f->writer.folder >= 0)
		log_resume_blocks(f->writer.folder, fn, arg);
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

int
log_files_search(const struct log_sink *s, const struct whohad_query *q, struct whohad *out)
{
	const struct files *f = (const struct files *)s;
	bool is_writing = f->writer.fd >= 0; /* else its last segment is one of the directory */
	struct whohad_live live = {.index = is_writing ? &f->writer.index : NULL,
	                           .stem = f->writer.stem, .waits_ms = UINT64_MAX,
	                           .next_number = f->writer.next_number,
	                           .silent_ms = s->bus->silent_ns / NS_A_MS};
	if (f->writer.folder < 0)
		return -ENOENT;
	/* A disk that is full: the queue holds what no segment says yet, or has lost it. */
	live.waits = s->head - s->taken + s->unreported;
	for (uint64_t i = s->taken; i != s->head; i++)
		live.waits_ms = earlier(live.waits_ms, s->queue[i % s->room].time_ns / NS_A_MS);
	if (s->unreported != 0)
		live.waits_ms = earlier(live.waits_ms, s->unreported_ns / NS_A_MS);
	return whohad_search(q, f->writer.folder, &live, out);
}

void
log_files_document(struct log_sink *s, json_t *doc, uint64_t now_ns, uint64_t given_ns)
{
	struct files *f = (struct files *)s;
	if (f->latest != NULL && json_equal(f->latest, doc)) {
		json_decref(doc);
		return;
	}
	json_decref(f->latest);
	f->latest = json_incref(doc);
	struct archive_since since = {.ns = given_ns};
	if (f->documents == DOCUMENTS) {
		struct document *last = &f->document[--f->documents];
		log_sink_fail(s, now_ns, "%s: the disk does not answer; a configuration is not "
		              "kept", f->conf.directory);
		since.ns = last->since.ns != 0 ? last->since.ns : last->from_ns;
		since.others = true;
		json_decref(last->doc);
	}
	f->document[f->documents++] = (struct document){doc, now_ns, since};
	if (f->writer.folder >= 0)
		documents_turn(f, now_ns);
}

uint64_t
log_files_unkept_ms(const struct log_sink *s)
{
	const struct files *f = (const struct files *)s;
	const struct document *of = &f->document[0];
	uint64_t from_ms = (of->since.ns != 0 ? of->since.ns : of->from_ns) / NS_A_MS;
	if (f->documents == 0)
		return 0;
	return f->is_kept || f->resume.last_ms == 0 ? from_ms : earlier(from_ms, f->resume.last_ms);
}

void
log_files_settle(struct log_sink *s)
{
	log_writer_settle(&((struct files *)s)->writer);
}

int
log_files_folder(const struct log_sink *s)
{
	return ((const struct files *)s)->writer.folder;
}
