/* SPDX-License-Identifier: Apache-2.0 */
/* Devices, interfaces and their own addresses. */
#include <stdio.h>

#include "model.h"
#include "options.h"

/* dev_name: "net_tap0" of "net_tap0,iface=a": two devices cannot share it. */
static size_t
dev_name(const char *device)
{
	return strcspn(device, ",");
}

static bool
dev_is_wanted(const struct model *m, const char *device)
{
	const json_t *nics = json_object_get(m->doc, "nics"), *nic;
	size_t i;
	json_array_foreach((json_t *)nics, i, nic)
		if (strcmp(get_text(nic, "device"), device) == 0)
			return true;
	return false;
}

static int
dev_find(const struct model *m, const char *device)
{
	for (size_t i = 0; i < m->devs.n; i++)
		if (strcmp(((struct img_dev *)rows_at(&m->devs, i))->device, device) == 0)
			return (int)i;
	return -1;
}

static int
dev_add(struct model *m, const char *device)
{
	struct img_dev *d = rows_add(m, &m->devs);
	if (d == NULL)
		return 0;
	snprintf(d->device, sizeof(d->device), "%s", device);
	return (int)m->devs.n - 1;
}

/* devs_keep: the previous image's devices in their order, if all of them are wanted still. */
static void
devs_keep(struct model *m)
{
	uint32_t n = 0;
	const struct img_dev *d = NULL;
	if (m->previous != NULL)
		d = image_rows(m->previous, IMG_DEVS, &n);
	for (uint32_t i = 0; i < n; i++)
		if (!dev_is_wanted(m, d[i].device))
			return;
	for (uint32_t i = 0; i < n; i++)
		dev_add(m, d[i].device);
}

static uint8_t
dev_of(struct model *m, const char *device, size_t i)
{
	struct config_path path;
	int found = dev_find(m, device);
	if (found >= 0)
		return (uint8_t)found;
	path_make(&path, "nics[%zu].device", i);
	size_t n = dev_name(device);
	for (size_t d = 0; d < m->devs.n; d++) {
		const char *other = ((struct img_dev *)rows_at(&m->devs, d))->device;
		if (dev_name(other) == n && strncmp(device, other, n) == 0)
			config_error_add(m->errs, path.text, "has the name of another device "
			                 "(%.60s) but other arguments; expected the same text for "
			                 "the same device", other);
	}
	if (m->devs.n == CONFIG_MAX_DEVS) {
		config_error_add(m->errs, path.text, "is device number %d; there may be %d",
		                 CONFIG_MAX_DEVS + 1, CONFIG_MAX_DEVS);
		return 0;
	}
	return (uint8_t)dev_add(m, device);
}

static const json_t *
nic_named(const struct model *m, const char *name)
{
	const json_t *nics = json_object_get(m->doc, "nics"), *nic;
	size_t i;
	json_array_foreach((json_t *)nics, i, nic)
		if (strcmp(get_text(nic, "name"), name) == 0)
			return nic;
	return NULL;
}

static bool
nic_is_free(const struct model *m, const struct img_nic *old, uint32_t n_old, uint32_t row)
{
	const struct img_nic *nic = rows_at(&m->nics, row);
	if (nic->name[0] != '\0')
		return false;
	return row >= n_old || old[row].name[0] == '\0';
}

/*
 * nics_number: names into rows: one row for each number there can be. Who has a number in the
 * previous image keeps it; new ones get a number that was free there too, if any is.
 */
static void
nics_number(struct model *m)
{
	uint32_t n_old = 0, row;
	const struct img_nic *old = m->previous == NULL ? NULL
		: image_rows(m->previous, IMG_NICS, &n_old);
	const json_t *nics = json_object_get(m->doc, "nics"), *nic;
	size_t i;
	for (i = 0; i <= CONFIG_MAX_NICS; i++)
		if (rows_add(m, &m->nics) == NULL)
			return;
	for (row = 1; row < n_old && row <= CONFIG_MAX_NICS; row++)
		if (old[row].name[0] != '\0' && nic_named(m, old[row].name) != NULL)
			memcpy(((struct img_nic *)rows_at(&m->nics, row))->name, old[row].name,
			       IMAGE_NAME);
	json_array_foreach((json_t *)nics, i, nic) {
		const char *name = get_text(nic, "name");
		if (nic_find(m, name, NULL) != 0)
			continue;
		for (row = 1; row <= CONFIG_MAX_NICS && !nic_is_free(m, old, n_old, row);)
			row++;
		for (unsigned any = 1; row > CONFIG_MAX_NICS; any++)
			if (nic_is_free(m, old, 0, any))
				row = any;
		snprintf(((struct img_nic *)rows_at(&m->nics, row))->name, IMAGE_NAME, "%s", name);
	}
}

uint8_t
nic_find(struct model *m, const char *name, const char *path)
{
	for (size_t i = 1; i < m->nics.n; i++)
		if (strcmp(((struct img_nic *)rows_at(&m->nics, i))->name, name) == 0)
			return (uint8_t)i;
	if (path != NULL && (m->pruned == NULL || !m->pruned->nics))
		config_error_add(m->errs, path, "there is no interface \"%s\"; expected the name "
		                 "of one in nics", name);
	return 0;
}

static void
nic_addresses(struct model *m, const json_t *nic, uint8_t row, size_t i)
{
	const json_t *addresses = json_object_get(nic, "addresses");
	int mtu = (int)get_int(nic, "mtu");
	bool v6 = false;
	for (size_t j = 0; j < json_array_size(addresses); j++) {
		struct prefix p;
		struct img_address *a = rows_add(m, &m->addresses);
		if (a == NULL || !prefix_parse(json_string_value(json_array_get(addresses, j)), &p))
			return;
		*a = (struct img_address){p.address, p.family, p.plen, row, {0}};
		struct prefix net = prefix_network(&p);
		struct origin origin = {ORIGIN_NIC, (uint32_t)i, (uint32_t)j};
		claim_nic(m, nic_realm(m, row), &p.address, p.family, i, j);
		route_host(m, ROUTE_LOCAL, &p.address, p.family, row, origin);
		if (p.plen != addr_bits(p.family))
			route_add(m, ROUTE_CONNECTED, &net, row, origin);
		route_broadcast(m, &net, row, origin);
		v6 |= p.family == FAMILY_V6;
	}
	struct config_path path;
	path_make(&path, "nics[%zu].mtu", i);
	if (v6 && mtu < 1280)
		config_error_add(m->errs, path.text, "%d is too small for IPv6; expected 1280 at "
		                 "least", mtu);
}

/* nic_mss: the lower of the number that is given and, if wanted, what the MTU has room for. */
static uint16_t
nic_mss(const json_t *nic, const char *key, uint16_t headers)
{
	const json_t *clamp = json_object_get(nic, "mss_clamp");
	int64_t fits = get_int(nic, "mtu") - headers, given = get_int(clamp, key);
	if (!json_is_true(json_object_get(clamp, "auto")))
		return (uint16_t)given;
	return (uint16_t)(given != 0 && given < fits ? given : fits);
}

static void
nic_fill(struct model *m, const json_t *nic, size_t i)
{
	struct config_path path;
	uint8_t row = nic_find(m, get_text(nic, "name"), NULL);
	struct img_nic *n = rows_at(&m->nics, row);
	const char *mac = get_text(nic, "mac");
	n->dev = dev_of(m, get_text(nic, "device"), i);
	n->vlan = (uint16_t)get_int(nic, "vlan");
	path_make(&path, "nics[%zu]", i);
	n->realm = realm_of(m, nic, path.text, 0);
	n->mtu = (uint16_t)get_int(nic, "mtu");
	n->mss[0] = nic_mss(nic, "ipv4", 40);
	n->mss[1] = nic_mss(nic, "ipv6", 60);
	if (mac != NULL && mac_parse(mac, n->mac))
		n->flags |= IMG_NIC_MAC;
	for (size_t j = 0; j < i; j++) {
		const json_t *other = json_array_get(json_object_get(m->doc, "nics"), j);
		if (strcmp(get_text(other, "device"), get_text(nic, "device")) != 0 ||
		    get_int(other, "vlan") != n->vlan)
			continue;
		path_make(&path, "nics[%zu].vlan", i);
		config_error_add(m->errs, path.text, "nics[%zu] has VLAN %u of this device "
		                 "already; expected each VLAN of a device once (0 is untagged)", j,
		                 n->vlan);
		break;
	}
	nic_addresses(m, nic, row, i);
}

void
model_nics(struct model *m)
{
	const json_t *nics = json_object_get(m->doc, "nics");
	devs_keep(m);
	nics_number(m);
	for (size_t i = 0; i < json_array_size(nics) && !m->failed; i++)
		nic_fill(m, json_array_get(nics, i), i);
	const struct img_nic *rows = m->nics.data;
	while (m->nics.n > 1 && rows[m->nics.n - 1].name[0] == '\0')
		m->nics.n--;
}
