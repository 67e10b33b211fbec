/* SPDX-License-Identifier: Apache-2.0 */
/* What is fixed while millrace runs, and differs between two images. */
#include <stddef.h>
#include <stdio.h>

#include "errors.h"

struct fixed {
	const char *path;
	size_t offset, size;
};

#define FIXED(path, field) {path, offsetof(struct img_plane, field), \
	sizeof(((struct img_plane *)0)->field)}

static const struct fixed fixed[] = {
	FIXED("workers.count", workers),
	FIXED("workers.main_core", main_core),
	FIXED("workers.buffers", buffers),
	FIXED("workers.huge_pages", huge_pages),
	FIXED("nat.capacity.mappings", mappings),
	FIXED("nat.capacity.subscribers", subscribers),
	FIXED("nat.capacity.permissions", permissions),
	FIXED("nat.capacity.quarantine", quarantine),
	FIXED("nat.capacity.leases", leases),
	FIXED("lb.capacity.endpoints", endpoints),
	FIXED("lb.capacity.shifts", shifts),
	FIXED("lb.capacity.sources", sources),
	FIXED("nat.capacity.pool_addresses", pool_addresses),
	FIXED("lb.capacity.persistence", persistence),
};

/* By default these follow from the mappings: nothing that is to be said twice. */
static bool
follows_mappings(const struct fixed *f)
{
	return f->offset == offsetof(struct img_plane, permissions) ||
	       f->offset == offsetof(struct img_plane, quarantine) ||
	       f->offset == offsetof(struct img_plane, leases);
}

static uint32_t
field_value(const struct img_plane *p, const struct fixed *f)
{
	const uint8_t *at = (const uint8_t *)p + f->offset;
	uint32_t v32;
	uint16_t v16;
	memcpy(&v16, at, sizeof(v16));
	if (f->size == 1)
		return *at;
	if (f->size == 2)
		return v16;
	memcpy(&v32, at, sizeof(v32));
	return v32;
}

/* flows_lowered: flow tables grow while millrace runs, they do not shrink. */
static unsigned
flows_lowered(const char *path, uint32_t old, uint32_t new, struct config_errors *errs)
{
	if (new >= old)
		return 0;
	config_error_add(errs, path, "is %u in the running millrace; it can be raised while it "
	                 "runs, but %u needs a restart", old, new);
	return 1;
}

static unsigned
plane_differs(const struct img_plane *a, const struct img_plane *b, struct config_errors *errs)
{
	unsigned count = 0;
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		uint32_t old = field_value(a, &fixed[i]), new = field_value(b, &fixed[i]);
		if (old == new || (follows_mappings(&fixed[i]) && a->mappings != b->mappings))
			continue;
		config_error_add(errs, fixed[i].path, "is %u in the running millrace; %u needs a "
		                 "restart", old, new);
		count++;
	}
	count += flows_lowered("workers.flows.ipv4", a->flows_v4, b->flows_v4, errs);
	count += flows_lowered("workers.flows.ipv6", a->flows_v6, b->flows_v6, errs);
	for (unsigned i = 0; i < 64 && i < a->workers && a->workers == b->workers; i++) {
		if (a->core[i] == b->core[i])
			continue;
		config_error_add(errs, "workers.cores", "worker %u has CPU %u in the running "
		                 "millrace; %u needs a restart", i, a->core[i], b->core[i]);
		return count + 1;
	}
	return count;
}

/* steering_differs: one worker has nothing to divide, and takes any number of classes. */
static unsigned
steering_differs(const struct img_plane *a, const struct img_plane *b, struct config_errors *errs)
{
	if (a->workers != b->workers || a->workers == 1)
		return 0;
	if (a->steer_class_bits != b->steer_class_bits) {
		config_error_add(errs, "nat.pools", "the running millrace divides addresses into "
		                 "%u classes, and some pool (or list of local addresses) has now "
		                 "none in one of them; that needs a restart, or addresses that "
		                 "fill the gap", 1u << a->steer_class_bits);
		return 1;
	}
	if (a->steer_split_blocks && a->steer_block_shift != b->steer_block_shift) {
		config_error_add(errs, "nat.pools", "the running millrace divides ports in blocks "
		                 "of %u; %u needs a restart", 1u << a->steer_block_shift,
		                 1u << b->steer_block_shift);
		return 1;
	}
	return 0;
}

static bool
devs_equal(const struct image_header *a, const struct image_header *b)
{
	uint32_t n, k;
	const struct img_dev *x = image_rows(a, IMG_DEVS, &n), *y = image_rows(b, IMG_DEVS, &k);
	if (n != k)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (strcmp(x[i].device, y[i].device) != 0)
			return false;
	return true;
}

unsigned
config_restart_needed(const struct image_header *running, const struct image_header *next,
                      struct config_errors *errs)
{
	uint32_t n, k;
	const struct img_plane *a = image_rows(running, IMG_PLANE, &n);
	const struct img_plane *b = image_rows(next, IMG_PLANE, &k);
	if (n != 1 || k != 1)
		return 0;
	unsigned count = plane_differs(a, b, errs) + steering_differs(a, b, errs);
	if (devs_equal(running, next))
		return count;
	config_error_add(errs, "nics", "the running millrace has other devices; adding or removing "
	                 "one needs a restart (interfaces on the same devices do not)");
	return count + 1;
}
