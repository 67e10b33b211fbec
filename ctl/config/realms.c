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

static bool
is_wanted(const struct model *m, const char *name)
{
	const json_t *realms = json_object_get(m->doc, "realms"), *realm;
	size_t i;
	json_array_foreach((json_t *)realms, i, realm)
		if (strcmp(get_text(realm, "name"), name) == 0)
			return true;
	return false;
}

/* A number that nobody has, and had not in the previous image if that can be. */
static size_t
number_free(const struct model *m, const struct img_realm *old, uint32_t n_old)
{
	for (size_t i = 1; i < IMG_MAX_REALMS; i++)
		if (realm_at(m, i)->name[0] == '\0' && (i >= n_old || old[i].name[0] == '\0'))
			return i;
	for (size_t i = 1; i < IMG_MAX_REALMS; i++)
		if (realm_at(m, i)->name[0] == '\0')
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
	for (uint32_t i = 1; i < n_old && i < IMG_MAX_REALMS; i++)
		if (old[i].name[0] != '\0' && is_wanted(m, old[i].name))
			*realm_at(m, i) = old[i];
	for (size_t i = 0; i < json_array_size(realms); i++) {
		struct config_path path;
		const char *name = get_text(json_array_get(realms, i), "name");
		path_make(&path, "realms[%zu].name", i);
		if (strcmp(name, outside) == 0)
			config_error_add(m->errs, path.text, "\"%s\" is there without being named; "
			                 "expected another name", outside);
		else if (realm_number(m, name) < 0)
			snprintf(realm_at(m, number_free(m, old, n_old))->name, IMAGE_NAME, "%s",
			         name);
	}
	while (m->realms.n > 1 && realm_at(m, m->realms.n - 1)->name[0] == '\0')
		m->realms.n--;
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
	if (base == NULL)
		return fallback;
	path_make(&path, "%s.realm", base);
	if (m->pruned == NULL || !m->pruned->realms)
		config_error_add(m->errs, path.text, "there is no realm \"%s\"; expected the name "
		                 "of one in realms, or \"%s\"", name, outside);
	return fallback;
}

uint8_t
nic_realm(const struct model *m, uint8_t nic)
{
	return ((struct img_nic *)rows_at(&m->nics, nic))->realm;
}
