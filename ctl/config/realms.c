/* SPDX-License-Identifier: Apache-2.0 */
/* Realms: address spaces by name, with numbers that stay while the name does. */
#include <stdio.h>

#include "model.h"

static const char outside[] = "outside";

static struct img_realm *
realm_at(const struct model *m, size_t i)
{
	return rows_at(&m->realms, i);
}

/* The realm of that name in the document, or NULL. */
static const json_t *
wanted(const struct model *m, const char *name)
{
	const json_t *realms = json_object_get(m->doc, "realms"), *realm;
	size_t i;
	json_array_foreach((json_t *)realms, i, realm)
		if (strcmp(get_text(realm, "name"), name) == 0)
			return realm;
	return NULL;
}

static bool
is_free(const struct model *m, size_t i)
{
	return realm_at(m, i)->name[0] == '\0';
}

/* given: the names of all numbers that the running data plane has known, in force or gone. */
static json_t *
given(const struct model *m)
{
	return json_object_get(m->ids.made, "realms");
}

/* given_name: whose number it is or was, or NULL. */
static const char *
given_name(const struct model *m, size_t number)
{
	char key[24];
	snprintf(key, sizeof(key), "%zu", number);
	return json_string_value(json_object_get(given(m), key));
}

static void
given_set(struct model *m, size_t number, const char *name)
{
	char key[24];
	snprintf(key, sizeof(key), "%zu", number);
	json_object_set_new(given(m), key, json_string(name));
}

/* given_load: what the previous image says; one of an older version only what is in force. */
static void
given_load(struct model *m, const struct img_realm *old, uint32_t n_old)
{
	const json_t *before = json_object_get(m->ids.old, "realms");
	json_object_set_new(m->ids.made, "realms", json_is_object(before) ? json_copy(
		(json_t *)before) : json_object());
	for (uint32_t i = 1; i < n_old && i < IMG_MAX_REALMS; i++)
		if (old[i].name[0] != '\0')
			given_set(m, i, old[i].name);
}

/* A number that nobody has, nor had; where all had an owner, that of one that is gone longer than
 * by this change. */
static size_t
number_free(const struct model *m, const struct img_realm *old, uint32_t n_old)
{
	for (size_t i = 1; i < IMG_MAX_REALMS; i++)
		if (is_free(m, i) && given_name(m, i) == NULL)
			return i;
	for (size_t i = 1; i < IMG_MAX_REALMS; i++)
		if (is_free(m, i) && (i >= n_old || old[i].name[0] == '\0'))
			return i;
	for (size_t i = 1; i < IMG_MAX_REALMS; i++)
		if (is_free(m, i))
			return i;
	return 0;
}

static int
realm_number(const struct model *m, const char *name)
{
	for (size_t i = 0; i < m->realms.n; i++)
		if (strcmp(realm_at(m, i)->name, name) == 0)
			return (int)i;
	return -1;
}

static void
realm_name(struct model *m, size_t number, const char *name)
{
	snprintf(realm_at(m, number)->name, IMAGE_NAME, "%s", name);
	given_set(m, number, name);
}

/* Those with a number of their own have it before anybody else. What the data plane and its log
 * still know by a number must not become another one's. */
static void
realms_numbered(struct model *m, const json_t *realms)
{
	const json_t *realm;
	size_t i;
	json_array_foreach((json_t *)realms, i, realm) {
		struct config_path path;
		size_t number = (size_t)get_int(realm, "number");
		if (number == 0)
			continue;
		path_make(&path, "realms[%zu].number", i);
		const char *name = get_text(realm, "name"), *before = given_name(m, number);
		if (is_free(m, number) && (before == NULL || strcmp(before, name) == 0))
			realm_name(m, number, name);
		else if (is_free(m, number))
			config_error_add(m->errs, path.text, "%zu is that of realm \"%s\" in the "
			                 "running millrace and in its log; expected another one, "
			                 "or a restart", number, before);
		else
			config_error_add(m->errs, path.text, "%zu is that of realm \"%s\"; "
			                 "expected another one", number,
			                 realm_at(m, number)->name);
	}
}

/* keep: it has that number, if it is wanted and has none. */
static void
keep(struct model *m, size_t number, const char *name)
{
	if (name[0] != '\0' && is_free(m, number) && wanted(m, name) != NULL &&
	    realm_number(m, name) < 0)
		realm_name(m, number, name);
}

/* realms_kept: who is there has its number, and then who was there before and comes back. */
static void
realms_kept(struct model *m, const struct img_realm *old, uint32_t n_old)
{
	for (uint32_t i = 1; i < n_old && i < IMG_MAX_REALMS; i++)
		keep(m, i, old[i].name);
	for (size_t i = 1; i < IMG_MAX_REALMS; i++)
		if (given_name(m, i) != NULL)
			keep(m, i, given_name(m, i));
}

void
model_realms(struct model *m)
{
	uint32_t n_old = 0;
	const struct img_realm *old = m->previous == NULL ? NULL :
		image_rows(m->previous, IMG_REALMS, &n_old);
	const json_t *realms = json_object_get(m->doc, "realms");
	for (size_t i = 0; i < IMG_MAX_REALMS; i++)
		if (rows_add(m, &m->realms) == NULL)
			return;
	memcpy(realm_at(m, 0)->name, outside, sizeof(outside));
	given_load(m, old, n_old);
	realms_numbered(m, realms);
	realms_kept(m, old, n_old);
	for (size_t i = 0; i < json_array_size(realms); i++) {
		struct config_path path;
		const char *name = get_text(json_array_get(realms, i), "name");
		path_make(&path, "realms[%zu].name", i);
		if (strcmp(name, outside) == 0)
			config_error_add(m->errs, path.text, "\"%s\" is there without being named; "
			                 "expected another name", outside);
		else if (realm_number(m, name) < 0)
			realm_name(m, number_free(m, old, n_old), name);
	}
	while (m->realms.n > 1 && m->realms.n > n_old && is_free(m, m->realms.n - 1))
		m->realms.n--;
}

void
config_number_realms(json_t *doc, const struct image_header *h)
{
	uint32_t n = 0;
	const struct img_realm *r = h != NULL ? image_rows(h, IMG_REALMS, &n) : NULL;
	json_t *realm;
	size_t i;
	json_array_foreach(json_object_get(doc, "realms"), i, realm) {
		const char *name = get_text(realm, "name");
		for (uint32_t k = 1; k < n && get_int(realm, "number") == 0; k++)
			if (strcmp(r[k].name, name) == 0)
				json_object_set_new(realm, "number", json_integer(k));
	}
}

/* One that may be among what is wrong with the realms: it has a number, so that nothing else is
 * said of whoever is in it. */
static uint8_t
realm_lost(struct model *m, const char *name, uint8_t fallback)
{
	struct img_realm *r = m->realms.n < IMG_MAX_REALMS ? rows_add(m, &m->realms) : NULL;
	if (r == NULL)
		return fallback;
	snprintf(r->name, IMAGE_NAME, "%s", name);
	return (uint8_t)(m->realms.n - 1);
}

uint8_t
realm_of(struct model *m, const json_t *object, const char *base, uint8_t fallback)
{
	struct config_path path;
	const char *name = get_text(object, "realm");
	if (name == NULL)
		return fallback;
	int found = realm_number(m, name);
	if (found >= 0)
		return (uint8_t)found;
	if (m->pruned != NULL && m->pruned->realms)
		return realm_lost(m, name, fallback);
	if (base != NULL) {
		path_make(&path, "%s.realm", base);
		config_error_add(m->errs, path.text, "there is no realm \"%s\"; expected the name "
		                 "of one in realms, or \"%s\"", name, outside);
	}
	return fallback;
}

uint8_t
nic_realm(const struct model *m, uint8_t nic)
{
	return ((struct img_nic *)rows_at(&m->nics, nic))->realm;
}
