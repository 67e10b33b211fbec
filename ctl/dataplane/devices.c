/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices of DPDK under a plane. A device is configured with the key that the configuration
 * implies; once it runs it is asked which flow rules it takes, and then the choice is made anew.
 */
#include "devices.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/nic_ethdev.h"
#include "lib/nic_steer.h"
#include "lib/steer_watch.h"
#include "machine.h"
#include "steer_plan.h"
#include "steer_say.h"

struct device {
	struct steer_offer offer;
	struct steer_plan plan;      /* in force */
	struct nic_steer rules;
	uint8_t hashes_by;           /* enum steer_key that the device was given last */
	bool has_table;              /* ours; it stays the same */
	bool gone;                   /* that it was pulled out has been said */
	int rss_status;              /* of giving it key and table, the last that was refused */
};

struct devices {
	struct plane *plane;
	uint16_t n; /* that are started */
	struct device dev[MAX_DEVS];
};

/* What the configuration wants of a device, given what it offers. */
static void
plan(struct devices *ds, const struct generation *g, unsigned i)
{
	struct steer_arrivals a;
	steer_arrivals_find(&a, g);
	steer_plan_make(&ds->dev[i].plan, g, &a, i, &ds->dev[i].offer);
}

/*
 * Key and table, as far as they changed: some drivers stop and start the device for it. => false:
 * refused, and the offer is less now: the key stays as it is, or there is no RSS of ours.
 */
static bool
rss_apply(struct device *dev, const struct dev *d)
{
	struct steer_setup *s = &dev->plan.setup;
	int r = 0;
	if (s->key == STEER_KEY_NONE)
		return true;
	if (s->key != dev->hashes_by)
		r = nic_steer_hash(d, s);
	bool key_stays = r != 0 && dev->hashes_by != STEER_KEY_NONE;
	if (r == 0) {
		dev->hashes_by = s->key;
		r = dev->has_table ? 0 : nic_steer_reta(d, s);
		dev->has_table = r == 0;
	}
	if (key_stays)
		dev->offer.only_key = dev->hashes_by;
	else if (r != 0)
		dev->offer.key_size = 0;
	if (r != 0)
		dev->rss_status = r;
	return r == 0;
}

/* What the plan says into the device; what came of it into the report. */
static void
steer(struct devices *ds, const struct generation *g, unsigned i)
{
	struct device *dev = &ds->dev[i];
	struct dev *d = &ds->plane->devs[i];
	struct cmd_steering *report = &ds->plane->steering[i];
	do
		plan(ds, g, i);
	while (!rss_apply(dev, d)); /* twice at most: the key, the table */
	nic_steer_rules(d, &dev->rules, &dev->plan.setup);
	steer_plan_refused(&dev->plan, dev->rules.refused_traffic);
	struct steer_result r = {
		.rules = dev->rules.n, .refused = dev->rules.refused, .refusal = dev->rules.refusal,
		.rss_error = dev->rss_status != 0 ? strerror(-dev->rss_status) : NULL};
	steer_say(report, &dev->plan, &dev->offer, &r, g->plane->workers);
	memcpy(report->device, d->name, sizeof(report->device));
	atomic_store_explicit(&d->steered, dev->plan.by_rss | dev->plan.by_rules,
	                      memory_order_relaxed);
}

/* => what it offers is known; a table that it can be given counts for where homes are. */
static int
device_open(struct devices *ds, const struct img_dev *row, uint16_t i, uint16_t workers, char *err,
            size_t err_size)
{
	struct device *dev = &ds->dev[i];
	struct dev *d = &ds->plane->devs[i];
	int r = nic_ethdev_open(d, i, row->device, workers, err, err_size);
	if (r != 0)
		return r;
	nic_steer_offer(d, &dev->offer);
	d->reta_bits = steer_offer_reta_bits(&dev->offer, workers);
	return 0;
}

/* buffers 0: it was started before, and has asked for a reset. */
static int
device_start(struct devices *ds, const struct generation *g, uint16_t i, uint32_t buffers,
             char *err, size_t err_size)
{
	struct device *dev = &ds->dev[i];
	struct dev *d = &ds->plane->devs[i];
	const struct steer_setup *s = &dev->plan.setup;
	plan(ds, g, i);
	struct nic_rss rss = {
		.types = dev->offer.rss_types, .key_size = s->key_size,
		.key = s->key != STEER_KEY_NONE ? s->key_bytes : NULL};
	int r = buffers != 0 ?
		nic_ethdev_start(d, machine_mtu(g->image, i), buffers, &rss, err, err_size) :
		nic_ethdev_revive(d, &rss, err, err_size);
	if (r != 0)
		return r;
	dev->hashes_by = rss.key_taken ? s->key : STEER_KEY_NONE;
	dev->has_table = false;
	nic_steer_rules_begin(d, &dev->rules);
	nic_steer_probe(d, &dev->offer);
	steer(ds, g, i);
	return 0;
}

/* => all are open, or none is. */
static int
open_all(struct devices *ds, const struct image_header *image, char *err, size_t err_size)
{
	uint32_t n, one;
	const struct img_dev *rows = image_rows(image, IMG_DEVS, &n);
	const struct img_plane *plane = image_rows(image, IMG_PLANE, &one);
	for (uint16_t i = 0; i < n; i++) {
		int r = device_open(ds, &rows[i], i, plane->workers, err, err_size);
		if (r != 0)
			return r;
		ds->n++;
	}
	return 0;
}

/* Which devices there are is known to a generation that nobody runs; what will arrive, from it. */
static int
start_all(struct devices *ds, const struct image_header *image, uint32_t buffers, char *err,
          size_t err_size)
{
	struct generation *g = generation_create(image, ds->plane->devs, ds->n, NULL);
	int r = 0;
	if (g == NULL) {
		snprintf(err, err_size, "no memory for the configuration");
		return -ENOMEM;
	}
	for (uint16_t i = 0; i < ds->n && r == 0; i++)
		r = device_start(ds, g, i, buffers, err, err_size);
	generation_destroy(g);
	return r;
}

struct devices *
devices_open(struct plane *p, const struct image_header *image, uint32_t buffers, int *status,
             char *err, size_t err_size)
{
	struct devices *ds = calloc(1, sizeof(*ds));
	*status = -ENOMEM;
	if (ds == NULL) {
		snprintf(err, err_size, "no memory for devices");
		return NULL;
	}
	ds->plane = p;
	*status = open_all(ds, image, err, err_size);
	if (*status == 0)
		*status = start_all(ds, image, buffers, err, err_size);
	if (*status != 0) {
		devices_close(ds);
		return NULL;
	}
	p->n_devs = p->n_steering = ds->n;
	return ds;
}

void
devices_unsteer(struct devices *ds)
{
	for (unsigned i = 0; i < ds->n; i++)
		nic_steer_rules_end(&ds->plane->devs[i], &ds->dev[i].rules);
}

void
devices_close(struct devices *ds)
{
	if (ds == NULL)
		return;
	devices_unsteer(ds);
	for (unsigned i = 0; i < ds->n; i++)
		nic_ethdev_close(&ds->plane->devs[i]);
	ds->plane->n_devs = ds->plane->n_steering = 0;
	free(ds);
}

/* Addresses of interfaces that are not their device's own. */
static void
macs_add(struct devices *ds, const struct generation *g)
{
	for (unsigned i = 1; i < g->n_nics; i++)
		if (g->nics[i].name[0] != 0 && (g->nics[i].flags & IMG_NIC_MAC) != 0)
			nic_ethdev_mac_add(&ds->plane->devs[g->nics[i].dev], g->nics[i].mac);
}

void
devices_follow(struct devices *ds, const struct generation *g)
{
	for (unsigned i = 0; i < ds->n; i++)
		steer(ds, g, i);
	macs_add(ds, g);
}

static uint8_t
trouble_of(const struct devices *ds, unsigned i)
{
	return atomic_load_explicit(&ds->plane->devs[i].trouble, memory_order_acquire);
}

bool
devices_ail(const struct devices *ds)
{
	for (unsigned i = 0; i < ds->n; i++)
		if (trouble_of(ds, i) == NIC_RESET)
			return true;
	return false;
}

unsigned
devices_revive(struct devices *ds, const struct generation *g, char *err, size_t err_size)
{
	unsigned well = 0;
	for (uint16_t i = 0; i < ds->n; i++) {
		if (trouble_of(ds, i) != NIC_RESET)
			continue;
		/* What the driver still holds of the rules is of no use any more. */
		nic_steer_rules_begin(&ds->plane->devs[i], &ds->dev[i].rules);
		well += device_start(ds, g, i, 0, err, err_size) == 0;
	}
	macs_add(ds, g);
	return well;
}

int
devices_watch(struct devices *ds)
{
	int found = -1;
	for (unsigned i = 0; i < ds->n; i++) {
		struct cmd_steering *report = &ds->plane->steering[i];
		uint64_t missteered, mishashed;
		ds->plane->devs[i].speed_mbps = nic_ethdev_link(&ds->plane->devs[i]);
		plane_missteered(ds->plane, (uint16_t)i, &missteered, &mishashed);
		if (trouble_of(ds, i) == NIC_GONE) {
			steer_say_gone(report);
			found = ds->dev[i].gone ? found : (int)i;
			ds->dev[i].gone = true;
			continue;
		}
		if (missteered < STEER_WATCH_LIES)
			continue;
		if (!report->lies)
			found = (int)i;
		steer_say_lies(report, missteered, mishashed);
	}
	return found;
}
