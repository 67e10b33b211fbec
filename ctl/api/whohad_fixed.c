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

void
api_whohad_fixed(json_t *result, const struct whohad_query *q, const struct image_header *h,
                 bool is_certain, uint64_t from_ms)
{
	json_t *fixed = h != NULL ? api_nat_reverse(h, q->external, q->port) : NULL, *row;
	size_t i;
	json_array_foreach(json_object_get(fixed, "answers"), i, row) {
		if (!is_fixed_for(row, q))
			continue;
		json_object_update_new(row, json_pack("{s:n, s:n, s:s, s:b, s:s}", "from", "to",
			"end", "held", "certain", is_certain, "source", "configuration"));
		if (from_ms != 0)
			json_object_set_new(row, "configuration_from",
			                    name_time(from_ms * NS_A_MS));
		json_array_append(json_object_get(result, "answers"), row);
		remove_note(result, "nobody had it");
	}
	json_decref(fixed);
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

/*
 * The newest one in the directory may have been replaced without a word, unless it is in use: it
 * counts as long as the log goes on. One without a log says nothing of what came after.
 */
bool
api_whohad_then(json_t *result, const struct whohad_query *q, const struct whohad_archive *w)
{
	struct archived a;
	bool has_log;
	if (w->folder < 0 || archive_find(w->folder, q->at_ms, &a) != 0)
		return false;
	struct image_header *h = archived_image(w->folder, &a, &has_log);
	if (h == NULL)
		return false;
	bool is_known = !a.is_twice &&
	                (a.until_ms != 0 || w->is_in_use || q->at_ms <= w->log_last_ms);
	api_whohad_fixed(result, q, h, has_log && is_known, a.from_ms);
	free(h);
	return true;
}
