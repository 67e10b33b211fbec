/* SPDX-License-Identifier: Apache-2.0 */
/* Images on their way to being a generation. */
#include "plane_image.h"

#include <errno.h>
#include <stdio.h>

#include "lb/lb.h"
#include "lib/routed.h"
#include "nat/nat.h"

const struct policy_row plane_policies[PLANE_POLICIES] = {
	[POLICY_LB] = {&lb_policy, lb_create, lb_destroy},
	[POLICY_NAT] = {&nat_policy, nat_create, nat_destroy},
	[POLICY_ROUTE] = {&routed_policy, routed_create, routed_destroy},
};

int
plane_image_check(const void *image, size_t size, char *err, size_t err_size)
{
	int r = image_check(image, size, err, err_size);
	for (unsigned i = 0; r == 0 && i < PLANE_POLICIES; i++)
		r = plane_policies[i].ops->check(image, err, err_size);
	return r;
}

/* Numbers of struct img_plane that are fixed at start. */
#define FIXED(field, path) {offsetof(struct img_plane, field), \
	                    sizeof(((struct img_plane *)NULL)->field), path}
static const struct {
	size_t offset, size;
	const char *path;
} fixed[] = {
	FIXED(workers, "workers.count"),
	FIXED(main_core, "workers.main_core"),
	FIXED(core, "workers.cores"),
	FIXED(mappings, "nat.capacity.mappings"),
	FIXED(subscribers, "nat.capacity.subscribers"),
	FIXED(permissions, "nat.capacity.permissions"),
	FIXED(quarantine, "nat.capacity.quarantine"),
	FIXED(leases, "nat.capacity.leases"),
	FIXED(endpoints, "lb.capacity.endpoints"),
	FIXED(shifts, "lb.capacity.shifts"),
	FIXED(sources, "lb.capacity.sources"),
	FIXED(pool_addresses, "nat.capacity.pool_addresses"),
	FIXED(persistence, "lb.capacity.persistence"),
	FIXED(buffers, "workers.buffers"),
	FIXED(huge_pages, "workers.huge_pages"),
};

static int
restart_needed(const char *path, char *err, size_t err_size)
{
	snprintf(err, err_size, "needs a restart of millrace: %s", path);
	return -EBUSY;
}

/* Flow tables grow (memory.h), they do not shrink. */
static int
lowered(const char *path, uint32_t now, uint32_t next, char *err, size_t err_size)
{
	snprintf(err, err_size, "needs a restart of millrace: %s from %u to %u (it can be raised "
	         "while millrace runs, not lowered)", path, now, next);
	return -EBUSY;
}

/* With several workers, other steering would take flows and mappings from their owners. */
static bool
steering_is_same(const struct img_plane *a, const struct img_plane *b)
{
	return a->workers == 1 || (a->steer_class_bits == b->steer_class_bits &&
	                           a->steer_split_blocks == b->steer_split_blocks &&
	                           a->steer_block_shift == b->steer_block_shift);
}

/* Buffers and queues were made for the largest frames of the first configuration. */
static bool
mtus_fit(const struct image_header *next, const struct dev *devs, uint16_t n_devs)
{
	uint32_t n;
	const struct img_nic *nics = image_rows(next, IMG_NICS, &n);
	for (uint32_t i = 1; i < n; i++)
		if (nics[i].name[0] != 0 && nics[i].dev < n_devs &&
		    nics[i].mtu > devs[nics[i].dev].mtu_max)
			return false;
	return true;
}

int
plane_image_fits(const struct image_header *running, const struct image_header *next,
                 const struct dev *devs, uint16_t n_devs, char *err, size_t err_size)
{
	uint32_t n, n_next;
	const struct img_plane *a = image_rows(running, IMG_PLANE, &n);
	const struct img_plane *b = image_rows(next, IMG_PLANE, &n);
	for (unsigned i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (memcmp((const uint8_t *)a + fixed[i].offset,
		           (const uint8_t *)b + fixed[i].offset,
		           fixed[i].size) != 0)
			return restart_needed(fixed[i].path, err, err_size);
	if (b->flows_v4 < a->flows_v4)
		return lowered("workers.flows.ipv4", a->flows_v4, b->flows_v4, err, err_size);
	if (b->flows_v6 < a->flows_v6)
		return lowered("workers.flows.ipv6", a->flows_v6, b->flows_v6, err, err_size);
	if (!steering_is_same(a, b))
		return restart_needed("nat.pools (too few addresses or other block sizes for the "
		                      "steering that runs)", err, err_size);
	const struct img_dev *da = image_rows(running, IMG_DEVS, &n);
	const struct img_dev *db = image_rows(next, IMG_DEVS, &n_next);
	if (n != n_next || (n != 0 && memcmp(da, db, n * sizeof(*da)) != 0))
		return restart_needed("nics: device", err, err_size);
	if (!mtus_fit(next, devs, n_devs))
		return restart_needed("nics: mtu (larger than the device was opened for)", err,
		                      err_size);
	return 0;
}

static void
views_destroy(struct generation *g, unsigned n)
{
	while (n-- > 0)
		plane_policies[n].ops->view_destroy(g, n);
}

struct generation *
plane_generation_create(const struct image_header *image, const struct dev *devs, uint16_t n_devs,
                        const struct generation *previous, char *err, size_t err_size)
{
	struct generation *g = generation_create(image, devs, n_devs, previous);
	if (g == NULL) {
		snprintf(err, err_size,
		         "no memory for the configuration, or nics: a device is missing");
		return NULL;
	}
	for (unsigned i = 0; i < PLANE_POLICIES; i++) {
		int rc = plane_policies[i].ops->view_create(g, i);
		if (rc == 0)
			continue;
		snprintf(err, err_size, rc == -ESTALE ? "%s: what is to be kept is not what runs" :
		         "no memory for the tables of %s", plane_policies[i].ops->name);
		views_destroy(g, i);
		generation_destroy(g);
		return NULL;
	}
	g->previous = NULL;
	g->source = NULL;
	return g;
}

void
plane_generation_destroy(struct generation *g)
{
	views_destroy(g, PLANE_POLICIES);
	generation_destroy(g);
}
