/* SPDX-License-Identifier: Apache-2.0 */
/* Stable numbers: kept from the previous image, given out in a circle. */
#include "ids.h"

#include <stdlib.h>
#include <string.h>

enum { IDS_FREE, IDS_OLD, IDS_NEW };

bool
ids_init(struct ids *ids, const struct image_header *previous)
{
	uint32_t n = 0;
	const char *text = previous == NULL ? NULL : image_rows(previous, IMG_IDS, &n);
	ids->old = text == NULL ? NULL : json_loadb(text, n, 0, NULL);
	if (!json_is_object(ids->old)) {
		json_decref(ids->old);
		ids->old = json_object();
	}
	ids->made = json_object();
	json_object_set_new(ids->made, "next", json_object());
	return ids->old != NULL && json_object_get(ids->made, "next") != NULL;
}

void
ids_fini(struct ids *ids)
{
	json_decref(ids->old);
	json_decref(ids->made);
}

/* space_load: what the previous image says, but for numbers that cannot be. */
static void
space_load(struct id_space *s, const json_t *old)
{
	const char *key;
	json_t *v;
	json_object_foreach((json_t *)old, key, v) {
		json_int_t id = json_integer_value(v);
		if (!json_is_integer(v) || id < 0 || id >= s->limit || s->taken[id] != IDS_FREE)
			continue;
		s->taken[id] = IDS_OLD;
		json_object_set(s->old, key, v);
	}
}

bool
id_space_init(struct id_space *s, struct ids *ids, const char *kind, uint32_t limit)
{
	*s = (struct id_space){.ids = ids, .kind = kind, .limit = limit};
	s->taken = calloc(limit, 1);
	s->old = json_object();
	s->made = json_object();
	if (s->taken == NULL || s->old == NULL || s->made == NULL)
		return false;
	space_load(s, json_object_get(ids->old, kind));
	const json_t *nexts = json_object_get(ids->old, "next");
	json_int_t next = json_integer_value(json_object_get(nexts, kind));
	s->next = next > 0 && next < limit ? (uint32_t)next : 0;
	return true;
}

static void
space_give(struct id_space *s, const char *key, uint32_t id)
{
	s->taken[id] = IDS_NEW;
	json_object_set_new(s->made, key, json_integer(id));
}

/* space_seek: a number from next on that is not taken more than `most` says. */
static bool
space_seek(struct id_space *s, uint8_t most, uint32_t *id)
{
	for (uint32_t i = 0; i < s->limit; i++) {
		uint32_t at = (s->next + i) % s->limit;
		if (s->taken[at] > most)
			continue;
		s->next = (at + 1) % s->limit;
		*id = at;
		return true;
	}
	return false;
}

bool
id_space_take(struct id_space *s, const char *key, uint32_t *id)
{
	const json_t *known = json_object_get(s->made, key);
	if (known == NULL)
		known = json_object_get(s->old, key);
	if (known != NULL)
		*id = (uint32_t)json_integer_value(known);
	else if (!space_seek(s, IDS_FREE, id))
		return false;
	space_give(s, key, *id);
	return true;
}

/* space_forget: the key that had this number must not come back to it. */
static void
space_forget(struct id_space *s, uint32_t id)
{
	const char *key;
	json_t *v;
	void *next;
	json_object_foreach_safe(s->old, next, key, v)
		if (json_integer_value(v) == id)
			json_object_del(s->old, key);
}

bool
id_space_take_stale(struct id_space *s, const char *key, uint32_t *id)
{
	if (id_space_take(s, key, id))
		return true;
	if (!space_seek(s, IDS_OLD, id))
		return false;
	space_forget(s, *id);
	space_give(s, key, *id);
	return true;
}

void
id_space_fini(struct id_space *s)
{
	if (s->made != NULL) {
		json_object_set_new(json_object_get(s->ids->made, "next"), s->kind,
		                    json_integer(s->next));
		json_object_set(s->ids->made, s->kind, s->made);
	}
	json_decref(s->old);
	json_decref(s->made);
	free(s->taken);
	memset(s, 0, sizeof(*s));
}
