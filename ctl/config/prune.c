/* SPDX-License-Identifier: Apache-2.0 */
/* Documents without what is wrong in form, and errors found in what is left. */
#include "prune.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "errors.h"
#include "option.h"
#include "walk.h"

static json_t *prune_value(struct prune *p, const struct config_option *o, const json_t *value,
                           struct config_path *path);

/* prune_object: => NULL if it has to have a member that is wrong or missing. */
static json_t *
prune_object(struct prune *p, const struct config_option *o, const json_t *value,
             struct config_path *path)
{
	json_t *out = json_object(), *v;
	const char *key;
	json_object_foreach((json_t *)value, key, v) {
		const struct config_option *child = walk_meant(o, value, key);
		size_t length = path_key(path, key);
		json_t *left = child == NULL ? NULL : prune_value(p, child, v, path);
		path_cut(path, length);
		if (left != NULL)
			json_object_set_new(out, option_key(child), left);
	}
	for (const struct config_option *c = NULL; (c = option_child_next(o, c)) != NULL;) {
		if (!(c->flags & CONFIG_REQUIRED) || json_object_get(out, option_key(c)) != NULL)
			continue;
		json_decref(out);
		return NULL;
	}
	return out;
}

static json_t *
prune_array(struct prune *p, const struct config_option *o, const json_t *value,
            struct config_path *path)
{
	json_t *out = json_array(), *kept = json_array();
	for (size_t i = 0; i < json_array_size(value); i++) {
		size_t length = path_index(path, i);
		json_t *left = prune_value(p, option_item(o), json_array_get(value, i), path);
		path_cut(path, length);
		if (left == NULL)
			continue;
		json_array_append_new(out, left);
		json_array_append_new(kept, json_integer((json_int_t)i));
	}
	json_object_set_new(p->kept, path->text, kept);
	return out;
}

static json_t *
prune_value(struct prune *p, const struct config_option *o, const json_t *value,
            struct config_path *path)
{
	if (json_object_get(p->bad, path->text) != NULL)
		return NULL;
	if (o->type == CONFIG_OBJECT)
		return prune_object(p, o, value, path);
	if (o->type == CONFIG_ARRAY)
		return prune_array(p, o, value, path);
	return json_incref((json_t *)value);
}

/* path_bad: is something wrong at or inside this path of the whole document? */
static bool
path_bad(const struct prune *p, const char *path)
{
	size_t n = strlen(path);
	const char *bad;
	json_t *v;
	json_object_foreach((json_t *)p->bad, bad, v)
		if (strncmp(bad, path, n) == 0 && strchr(".[", bad[n]) != NULL)
			return true;
	return false;
}

/* items_lost: does the array have fewer items than in the whole document? */
static bool
items_lost(const struct prune *p, const json_t *list, const char *path)
{
	return json_object_get(p->bad, path) != NULL ||
	       json_array_size(list) != json_array_size(json_object_get(p->kept, path));
}

json_t *
prune_document(struct prune *p, const json_t *doc, const json_t *bad)
{
	struct config_path path = {""};
	const json_t *nics = json_object_get(doc, "nics"), *nic;
	*p = (struct prune){.bad = bad, .kept = json_object()};
	json_t *left = prune_value(p, option_root(), doc, &path);
	size_t i;
	const json_t *nat = json_object_get(doc, "nat");
	p->pools = items_lost(p, json_object_get(nat, "pools"), "nat.pools");
	p->checks = items_lost(p, json_object_get(json_object_get(doc, "lb"), "checks"),
	                       "lb.checks");
	p->realms = items_lost(p, json_object_get(doc, "realms"), "realms");
	p->lists = items_lost(p, json_object_get(json_object_get(doc, "lb"), "lists"), "lb.lists");
	p->nics = items_lost(p, nics, "nics");
	json_array_foreach((json_t *)nics, i, nic) {
		path_make(&path, "nics[%zu].addresses", i);
		p->nics |= items_lost(p, json_object_get(nic, "addresses"), path.text);
	}
	return left;
}

/* path_item: "[3]" behind an array's path: => behind it, and the index in the whole document. */
static const char *
path_item(const struct prune *p, const char *s, struct config_path *path)
{
	char *end;
	size_t i = strtoul(s + 1, &end, 10);
	const json_t *kept = json_object_get(p->kept, path->text);
	if (i < json_array_size(kept))
		i = (size_t)json_integer_value(json_array_get(kept, i));
	path_index(path, i);
	return end + (*end == ']');
}

/* path_translate: a path at the beginning of s, to the whole document's. => what follows it. */
static const char *
path_translate(const struct prune *p, const char *s, struct config_path *path)
{
	path->text[0] = '\0';
	for (;;) {
		char word[sizeof(path->text)];
		size_t n = 0;
		while ((isalnum((unsigned char)s[n]) || s[n] == '_') && n + 1 < sizeof(word)) {
			word[n] = s[n];
			n++;
		}
		word[n] = '\0';
		path_key(path, word);
		s += n;
		while (*s == '[' && isdigit((unsigned char)s[1]))
			s = path_item(p, s, path);
		if (*s != '.' || !islower((unsigned char)s[1]))
			return s;
		s++;
	}
}

/* path_whole: is nothing wrong in the object that an error is reported in? */
static bool
path_whole(const struct prune *p, const struct config_path *path)
{
	struct config_path object = *path;
	char *end = strrchr(object.text, '.');
	if (path_bad(p, path->text))
		return false;
	if (end != NULL)
		*end = '\0';
	return strchr(object.text, '[') == NULL || !path_bad(p, object.text);
}

/* text_translate: all paths in a sentence. => false if something is wrong where one leads to. */
static bool
text_translate(const struct prune *p, const char *s, char *out, size_t size)
{
	static const char *const roots[] = {"realms[", "nics[", "routes[", "neighbours[",
	                                    "nat.pools[", "nat.rules[", "nat.static[",
	                                    "lb.services[", "workers.cores["};
	bool whole = true;
	size_t n = 0;
	while (*s != '\0' && n + 1 < size) {
		struct config_path path;
		bool found = false;
		for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
			found |= strncmp(s, roots[i], strlen(roots[i])) == 0;
		if (!found) {
			out[n++] = *s++;
			continue;
		}
		s = path_translate(p, s, &path);
		whole &= !path_bad(p, path.text);
		n += (size_t)snprintf(out + n, size - n, "%s", path.text);
	}
	out[n < size ? n : size - 1] = '\0';
	return whole;
}

void
prune_errors(const struct prune *p, const struct config_errors *found, struct config_errors *errs)
{
	for (unsigned i = 0; i < found->n; i++) {
		const struct config_error *e = &found->e[i];
		struct config_path path;
		char message[sizeof(e->message)];
		path_translate(p, e->path, &path);
		if (text_translate(p, e->message, message, sizeof(message)) && path_whole(p, &path))
			config_error_add(errs, path.text, "%s", message);
	}
}

void
prune_fini(struct prune *p)
{
	json_decref(p->kept);
}
