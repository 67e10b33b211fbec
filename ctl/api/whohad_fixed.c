/* SPDX-License-Identifier: Apache-2.0 */
/* nat.whohad: what a configuration says without a log, that of now or one of before. */
#include <stdlib.h>
#include <string.h>

#include "ctl/config/config.h"
#include "ctl/log/archive.h"
#include "internal.h"

#define NS_A_MS 1000000ull

/* remove_note: a sentence that is not true any more. */
static void
remove_note(json_t *result, const char *text)
{
	json_t *notes = json_object_get(result, "notes");
	for (size_t i = json_array_size(notes); i-- > 0;) {
		const json_t *note = json_object_get(json_array_get(notes, i), "text");
		if (strcmp(json_string_value(note), text) == 0)
			json_array_remove(notes, i);
	}
}

static void
note_add(json_t *result, const char *text)
{
	remove_note(result, text);
	json_array_append_new(json_object_get(result, "notes"), json_pack("{s:s}", "text", text));
}

/* Does a row of the configuration speak of the protocol? Ranges are of translated ports. */
static bool
is_fixed_for(const json_t *row, const struct whohad_query *q)
{
	char name[API_NAME];
	const char *of = json_string_value(json_object_get(row, "protocol"));
	const char *kind = json_string_value(json_object_get(row, "kind"));
	if (of == NULL)
		return false;
	if (q->proto == 0)
		return true;
	if (strcmp(of, "any") != 0)
		return strcmp(of, name_protocol(q->proto, name)) == 0;
	return strcmp(kind, "deterministic") != 0 || whohad_of_blocks(q);
}

/* fixed_rows: what an image says of the port, as answers. */
static json_t *
fixed_rows(const struct whohad_query *q, const struct image_header *h, uint64_t from_ms)
{
	json_t *fixed = h != NULL ? api_nat_reverse(h, q->external, q->port) : NULL, *row;
	json_t *rows = json_array();
	size_t i;
	json_array_foreach(json_object_get(fixed, "answers"), i, row) {
		if (!is_fixed_for(row, q))
			continue;
		json_object_update_new(row, json_pack("{s:n, s:n, s:s, s:s}", "from", "to",
			"end", "held", "source", "configuration"));
		if (from_ms != 0)
			json_object_set_new(row, "configuration_from",
			                    name_time(from_ms * NS_A_MS));
		json_array_append(rows, row);
	}
	json_decref(fixed);
	return rows;
}

/* realm_of: its name; "": the outside; NULL: not known. */
static const char *
realm_of(const json_t *row)
{
	const json_t *name = json_object_get(row, "realm_name");
	bool is_outside = json_integer_value(json_object_get(row, "realm")) == 0;
	return name != NULL ? json_string_value(name) : is_outside ? "" : NULL;
}

/* is_other: is it another subscriber's? A number is a realm's only within one data plane. */
static bool
is_other(const json_t *a, const json_t *b)
{
	const char *x = realm_of(a), *y = realm_of(b);
	return x == NULL || y == NULL || strcmp(x, y) != 0 ||
	       !json_equal(json_object_get(a, "subscriber"), json_object_get(b, "subscriber"));
}

/*
 * contradict: a block of the log's around a port that the configuration gives to another one: it is
 * older than that, and that port of it is his no more. A static mapping, if certain, is who had it.
 */
static void
contradict(json_t *result, json_t *row)
{
	json_t *answers = json_object_get(result, "answers"), *a;
	bool is_static = strcmp(json_string_value(json_object_get(row, "kind")), "static") == 0;
	size_t i;
	json_array_foreach(answers, i, a) {
		const char *source = json_string_value(json_object_get(a, "source"));
		if (strcmp(source, "configuration") == 0 || !is_other(a, row))
			continue;
		json_object_set_new(a, "certain", json_false());
		note_add(result, "the configuration gives that port to another one than a block "
		         "that is older than it");
		if (is_static && json_is_true(json_object_get(row, "certain")))
			continue;
		json_object_set_new(row, "certain", json_false());
		json_object_set_new(result, "ambiguous", json_true());
	}
}

/* loosen: mappings of its subscriber within a range whose begin no record says: others of his may
 * have had the port before, while they were not logged. The range tells who. */
static void
loosen(json_t *result, const json_t *row)
{
	json_t *answers = json_object_get(result, "answers"), *a;
	size_t i;
	if (strcmp(json_string_value(json_object_get(row, "kind")), "deterministic") != 0)
		return;
	json_array_foreach(answers, i, a)
		if (!is_other(a, row) && json_is_null(json_object_get(a, "from")) &&
		    strcmp(json_string_value(json_object_get(a, "kind")), "mapping") == 0)
			json_object_set_new(a, "certain", json_false());
}

static void
rows_add(json_t *result, const json_t *rows, bool is_certain)
{
	json_t *answers = json_object_get(result, "answers"), *row;
	size_t i;
	json_array_foreach((json_t *)rows, i, row) {
		json_object_set_new(row, "certain", json_boolean(is_certain));
		contradict(result, row);
		loosen(result, row);
		json_array_append(answers, row);
		remove_note(result, "nobody had it");
	}
}

void
api_whohad_fixed(json_t *result, const struct whohad_query *q, const struct image_header *h,
                 bool is_certain)
{
	json_t *rows = fixed_rows(q, h, 0);
	rows_add(result, rows, is_certain);
	json_decref(rows);
}

/* archived_image: compiled without the balancer, which has no say. => NULL: it cannot be. */
static struct image_header *
archived_image(int folder, const struct archived *a, bool *has_log)
{
	struct config_errors errs = {0};
	size_t size;
	char *text = archive_read(folder, a, &size);
	json_t *doc = text != NULL ? config_parse(text, size, &errs) : NULL;
	*has_log = json_object_get(json_object_get(json_object_get(doc, "log"), "files"),
	                           "directory") != NULL;
	json_object_del(doc, "lb");
	struct image_header *h = doc != NULL ? config_compile(doc, NULL, 1, &size, &errs) : NULL;
	json_decref(doc);
	free(text);
	return h;
}

/* archived_rows: => NULL when it cannot be read. */
static json_t *
archived_rows(int folder, const struct whohad_query *q, const struct archived *a, bool *has_log)
{
	struct image_header *h = archived_image(folder, a, has_log);
	json_t *rows = h != NULL ? fixed_rows(q, h, a->from_ms) : NULL;
	free(h);
	return rows;
}

static bool
is_same_row(const json_t *a, const json_t *b)
{
	return !is_other(a, b) &&
	       json_equal(json_object_get(a, "protocol"), json_object_get(b, "protocol"));
}

/* is_same_rows: do two configurations say the same of the port? */
static bool
is_same_rows(const json_t *a, const json_t *b)
{
	json_t *row;
	size_t i;
	if (json_array_size(a) != json_array_size(b))
		return false;
	json_array_foreach((json_t *)a, i, row)
		if (!is_same_row(row, json_array_get(b, i)))
			return false;
	return true;
}

/* is_listed: does a row say the same as one of a list? */
static bool
is_listed(const json_t *list, const json_t *row)
{
	json_t *one;
	size_t i;
	json_array_foreach((json_t *)list, i, one)
		if (is_same_row(one, row))
			return true;
	return false;
}

/* What the configurations of a moment say of a port. */
struct said {
	json_t *rows;      /* of the one in force when it began */
	json_t *more;      /* what others say beside that */
	bool is_doubtful;  /* they do not all say the same */
	bool is_unknown;   /* one cannot be read */
	bool has_log;
};

/*
 * said_next: what those after it say, where they may have been in force already: the clock was set
 * back over the moment, or they came within it.
 */
static void
said_next(struct said *s, const struct whohad_archive *w, const struct whohad_query *q,
          const struct archived *a)
{
	uint64_t until_ms = q->until_ms > q->at_ms ? q->until_ms : q->at_ms, after = a->from_ms;
	struct archived next;
	bool has_log;
	unsigned n = 1;
	for (; archive_next(w->folder, after, until_ms + ARCHIVE_LATE_MS, &next) == 0;
	     after = next.from_ms) {
		if (n++ == WHOHAD_CONFIGURATIONS) {
			s->is_unknown = s->is_doubtful = true;
			return;
		}
		json_t *rows = archived_rows(w->folder, q, &next, &has_log), *row;
		size_t i;
		s->is_unknown |= rows == NULL;
		s->is_doubtful |= rows == NULL || !is_same_rows(s->rows, rows);
		json_array_foreach(rows, i, row)
			if (!is_listed(s->rows, row) && !is_listed(s->more, row))
				json_array_append(s->more, row);
		json_decref(rows);
	}
}

/*
 * The newest one in the directory may have been replaced without a word, unless it is in use: it
 * counts as long as the log goes on. One without a log says nothing of what came after.
 */
bool
api_whohad_then(json_t *result, const struct whohad_query *q, const struct whohad_archive *w)
{
	struct archived a;
	struct said s = {.rows = NULL};
	if (w->folder < 0 || archive_find(w->folder, q->at_ms, &a) != 0)
		return false;
	s.rows = archived_rows(w->folder, q, &a, &s.has_log);
	if (s.rows == NULL) {
		json_object_set_new(result, "complete", json_false());
		return false;
	}
	s.more = json_array();
	said_next(&s, w, q, &a);
	bool is_known = s.has_log && !s.is_doubtful && !w->is_in_doubt &&
	                (a.until_ms != 0 || w->is_in_use || q->at_ms <= w->log_last_ms);
	if (s.is_doubtful)
		json_object_set_new(result, "ambiguous", json_true());
	if (s.is_unknown)
		json_object_set_new(result, "complete", json_false());
	rows_add(result, s.rows, is_known);
	rows_add(result, s.more, false);
	json_decref(s.rows);
	json_decref(s.more);
	return true;
}
