/* SPDX-License-Identifier: Apache-2.0 */
/* The document against the option table. */
#include "walk.h"

#include <stdio.h>
#include <string.h>

#include "errors.h"
#include "forms.h"
#include "near.h"
#include "option.h"

struct walk {
	struct config_errors *errs;
	json_t *bad; /* or NULL: paths of wrong values */
	struct config_path path;
};

static void walk_value(struct walk *w, const struct config_option *o, const json_t *value);

static void
walk_mark(struct walk *w, const struct config_path *path)
{
	if (w->bad != NULL)
		json_object_set_new(w->bad, path->text, json_true());
}

static void
walk_wrong(struct walk *w, const struct config_option *o, const json_t *value)
{
	char got[80], expected[128];
	option_expected(o, expected, sizeof(expected));
	walk_mark(w, &w->path);
	value_text(value, got, sizeof(got));
	if (o->type == CONFIG_ARRAY && !json_is_object(value))
		config_error_add(w->errs, w->path.text, "%s; expected %s: [%s]", got, expected,
		                 got);
	else
		config_error_add(w->errs, w->path.text, "%s; expected %s", got, expected);
}

/* key_begins: the next row after o whose key goes on where this one ends: tcp, tcp_closing. */
static const struct config_option *
key_begins(const struct config_option *parent, const struct config_option *o, const char *key)
{
	size_t n = strlen(key);
	while ((o = option_child_next(parent, o)) != NULL)
		if (strncmp(option_key(o), key, n) == 0 && option_key(o)[n] == '_')
			return o;
	return NULL;
}

/* key_near: the one row whose key is like this one, or NULL. */
static const struct config_option *
key_near(const struct config_option *parent, const char *key)
{
	const struct config_option *o = key_begins(parent, NULL, key), *near = NULL;
	unsigned best = NEAR_MAX + 1;
	if (o != NULL)
		return key_begins(parent, o, key) == NULL ? o : NULL;
	while ((o = option_child_next(parent, o)) != NULL) {
		unsigned d = near_distance(key, option_key(o));
		near = d < best ? o : near;
		best = d < best ? d : best;
	}
	return near;
}

const struct config_option *
walk_meant(const struct config_option *parent, const json_t *object, const char *key)
{
	const struct config_option *o = option_child(parent, key);
	struct config_errors ignored = {0};
	struct walk w = {.errs = &ignored};
	if (o != NULL || option_ignored(parent, key))
		return o;
	o = key_near(parent, key);
	if (o == NULL || json_object_get(object, option_key(o)) != NULL)
		return NULL;
	walk_value(&w, o, json_object_get(object, key));
	return ignored.n == 0 ? o : NULL;
}

static void
walk_unknown(struct walk *w, const struct config_option *parent, const char *key)
{
	const struct config_option *o = NULL, *near = key_near(parent, key);
	bool some = key_begins(parent, NULL, key) != NULL;
	char keys[200] = "";
	size_t n = 0;
	if (near != NULL) {
		config_error_add(w->errs, w->path.text, "unknown key; did you mean \"%s\"?",
		                 option_key(near));
		return;
	}
	while ((o = some ? key_begins(parent, o, key) : option_child_next(parent, o)) != NULL &&
	       n < sizeof(keys))
		n += (size_t)snprintf(keys + n, sizeof(keys) - n, "%s%s", n == 0 ? "" : ", ",
		                      option_key(o));
	config_error_add(w->errs, w->path.text, some ? "unknown key; did you mean one of %s?"
	                 : "unknown key; expected one of %s", keys);
}

/* object_means: has it the key, be it misspelt? */
static bool
object_means(const struct config_option *o, const json_t *value, const struct config_option *child)
{
	const char *key;
	json_t *v;
	if (json_object_get(value, option_key(child)) != NULL)
		return true;
	json_object_foreach((json_t *)value, key, v)
		if (walk_meant(o, value, key) == child)
			return true;
	return false;
}

static void
walk_object(struct walk *w, const struct config_option *o, const json_t *value)
{
	const char *key;
	json_t *v;
	char expected[128];
	json_object_foreach((json_t *)value, key, v) {
		const struct config_option *child = option_child(o, key);
		size_t length = path_key(&w->path, key);
		if (child != NULL)
			walk_value(w, child, v);
		else if (!option_ignored(o, key))
			walk_unknown(w, o, key);
		path_cut(&w->path, length);
	}
	for (const struct config_option *c = NULL; (c = option_child_next(o, c)) != NULL;) {
		if (!(c->flags & CONFIG_REQUIRED) || object_means(o, value, c))
			continue;
		size_t length = path_key(&w->path, option_key(c));
		option_expected(c, expected, sizeof(expected));
		walk_mark(w, &w->path);
		config_error_add(w->errs, w->path.text, "missing; expected %s", expected);
		path_cut(&w->path, length);
	}
}

/* walk_name: the item's name must be new among its siblings. */
static void
walk_name(struct walk *w, json_t *names, const json_t *item, size_t i)
{
	const char *name = json_string_value(json_object_get(item, "name"));
	if (name == NULL)
		return;
	const json_t *first = json_object_get(names, name);
	if (first == NULL) {
		json_object_set_new(names, name, json_integer((json_int_t)i));
		return;
	}
	struct config_path path = w->path;
	path_index(&path, i);
	path_key(&path, "name");
	walk_mark(w, &path);
	config_error_add(w->errs, path.text, "\"%.40s\" is the name of %s[%lld] too; names are "
	                 "unique", name, w->path.text, (long long)json_integer_value(first));
}

static void
walk_array(struct walk *w, const struct config_option *o, const json_t *value)
{
	const struct config_option *item = option_item(o);
	size_t n = json_array_size(value);
	char expected[64];
	if (n < (size_t)o->min || n > (size_t)o->max) {
		option_expected(o, expected, sizeof(expected));
		walk_mark(w, &w->path);
		config_error_add(w->errs, w->path.text, "has %zu items; expected %s", n, expected);
		return;
	}
	json_t *names = json_object();
	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_array_get(value, i);
		size_t length = path_index(&w->path, i);
		walk_value(w, item, v);
		path_cut(&w->path, length);
		walk_name(w, names, v, i);
	}
	json_decref(names);
}

bool
walk_int(const json_t *value, int64_t *out)
{
	if (json_is_integer(value)) {
		*out = json_integer_value(value);
		return true;
	}
	double d = json_real_value(value);
	if (!json_is_real(value) || d < -1e15 || d > 1e15 || d != (double)(int64_t)d)
		return false;
	*out = (int64_t)d;
	return true;
}

static void
walk_number(struct walk *w, const struct config_option *o, const json_t *value)
{
	int64_t v;
	if (!walk_int(value, &v) || v < o->min || v > o->max ||
	    (o->type == CONFIG_POWER2 && (v & (v - 1)) != 0))
		walk_wrong(w, o, value);
}

static void
walk_text(struct walk *w, const struct config_option *o, const json_t *value)
{
	char why[160] = "";
	if (!json_is_string(value) || !form_check(o, json_string_value(value), why, sizeof(why)))
		walk_wrong(w, o, value);
	if (why[0] == '\0')
		return;
	walk_mark(w, &w->path);
	config_error_add(w->errs, w->path.text, "%s", why);
}

static void
walk_value(struct walk *w, const struct config_option *o, const json_t *value)
{
	if (o->type == CONFIG_OBJECT && json_is_object(value))
		walk_object(w, o, value);
	else if (o->type == CONFIG_ARRAY && json_is_array(value))
		walk_array(w, o, value);
	else if (o->type == CONFIG_INT || o->type == CONFIG_POWER2)
		walk_number(w, o, value);
	else if (o->type == CONFIG_BOOL ? !json_is_boolean(value) : o->type <= CONFIG_ARRAY)
		walk_wrong(w, o, value);
	else if (o->type != CONFIG_BOOL)
		walk_text(w, o, value);
}

bool
walk_check(const json_t *doc, struct config_errors *errs, json_t *bad)
{
	struct walk w = {.errs = errs, .bad = bad};
	unsigned before = errs->n;
	walk_value(&w, option_root(), doc);
	return errs->n == before && errs->lost == 0;
}

static json_t *fill_value(const struct config_option *o, const json_t *value);

static json_t *
fill_object(const struct config_option *o, const json_t *value)
{
	json_t *out = json_object();
	for (const struct config_option *c = NULL; (c = option_child_next(o, c)) != NULL;) {
		json_t *v = fill_value(c, json_object_get(value, option_key(c)));
		if (v != NULL)
			json_object_set_new(out, option_key(c), v);
	}
	return out;
}

static json_t *
fill_array(const struct config_option *o, const json_t *value)
{
	if (value == NULL && o->min > 0)
		return NULL;
	json_t *out = json_array();
	for (size_t i = 0; i < json_array_size(value); i++)
		json_array_append_new(out, fill_value(option_item(o), json_array_get(value, i)));
	return out;
}

/* fill_value: value may be NULL, absent. => NULL when there is no default either. */
static json_t *
fill_value(const struct config_option *o, const json_t *value)
{
	int64_t number;
	if (o->type == CONFIG_OBJECT)
		return fill_object(o, value);
	if (o->type == CONFIG_ARRAY)
		return fill_array(o, value);
	if (value == NULL)
		return option_default(o);
	if (walk_int(value, &number))
		return json_integer(number);
	return json_copy((json_t *)value);
}

json_t *
walk_fill(const json_t *doc)
{
	return fill_value(option_root(), doc);
}
