/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts as JSON, so that a daemon that starts anew goes on with them. */
#include <stdlib.h>
#include <string.h>

#include "health.h"

/* Words in the file, by number. */
static const char *const verdicts[] = {"unchecked", "up", "down"};
static const char *const forces[] = {"auto", "up", "down"};

static int
word_number(const char *const words[3], const char *word)
{
	for (int i = 0; word != NULL && i < 3; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return 0;
}

static json_t *
falls_json(const struct health_state *s)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < s->falls; i++)
		json_array_append_new(list, json_integer((json_int_t)s->fell_ns[i]));
	return list;
}

static json_t *
target_json(const struct health_target *t)
{
	const struct health_state *s = &t->state;
	json_t *o = json_pack("{s:s, s:s, s:I, s:I, s:b}", "verdict", verdicts[s->verdict],
	                      "forced", forces[t->forced], "since", (json_int_t)s->since_ns,
	                      "checked", (json_int_t)t->checked_ns, "held", s->held);
	json_object_set_new(o, "reason", json_string(t->reason));
	if (s->falls != 0)
		json_object_set_new(o, "falls", falls_json(s));
	if (t->course.drain_ns != 0)
		json_object_set_new(o, "drain", json_integer((json_int_t)t->course.drain_ns));
	if (t->course.start_ns != 0)
		json_object_set_new(o, "slow_start", json_integer((json_int_t)t->course.start_ns));
	if (t->passive.down_ns != 0)
		json_object_set_new(o, "passive", json_pack("{s:I, s:I, s:I}", "down",
			(json_int_t)t->passive.down_ns, "failed", (json_int_t)t->passive.failed,
			"of", (json_int_t)t->passive.of));
	return o;
}

json_t *
health_save(const struct health *h)
{
	json_t *all = json_object();
	for (size_t i = 0; i < h->n; i++) {
		const struct health_target *t = h->target[i];
		if (t->state.verdict != HEALTH_UNCHECKED || t->forced != HEALTH_AUTO ||
		    t->course.drain_ns != 0 || t->course.start_ns != 0 || t->passive.down_ns != 0)
			json_object_set_new(all, t->key, target_json(t));
	}
	return json_pack("{s:i, s:o}", "version", 1, "backends", all);
}

void
health_load(struct health *h, const json_t *saved)
{
	json_decref(h->saved);
	h->saved = NULL;
	if (json_integer_value(json_object_get(saved, "version")) == 1)
		h->saved = json_incref(json_object_get(saved, "backends"));
}

static uint64_t
number_of(const json_t *o, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(o, key));
	return n > 0 ? (uint64_t)n : 0;
}

void
health_restore(struct health *h, struct health_target *t)
{
	const json_t *o = json_object_get(h->saved, t->key);
	const json_t *falls = json_object_get(o, "falls");
	const char *reason = json_string_value(json_object_get(o, "reason"));
	if (o == NULL)
		return;
	t->state.verdict = (uint8_t)word_number(verdicts, json_string_value(
		json_object_get(o, "verdict")));
	t->forced = (uint8_t)word_number(forces, json_string_value(json_object_get(o, "forced")));
	t->state.since_ns = number_of(o, "since");
	t->course.drain_ns = number_of(o, "drain");
	t->course.start_ns = number_of(o, "slow_start");
	t->checked_ns = number_of(o, "checked");
	const json_t *passive = json_object_get(o, "passive");
	t->passive = (struct passive_state){number_of(passive, "down"),
		number_of(passive, "failed"), number_of(passive, "of")};
	t->state.held = t->state.verdict == HEALTH_DOWN &&
	                json_is_true(json_object_get(o, "held"));
	for (size_t i = 0; i < json_array_size(falls) && i < CHECK_MAX_FALLS; i++)
		t->state.fell_ns[t->state.falls++] =
			(uint64_t)json_integer_value(json_array_get(falls, i));
	if (reason != NULL)
		snprintf(t->reason, sizeof(t->reason), "%s", reason);
}
