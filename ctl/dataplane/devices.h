/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The devices of DPDK that a plane runs on: opening them with the steering that its
 *            configuration wants, keeping that up to date, seeing whether they do as promised.
 * Invariant  1. Steering never decides whether a device is used: what it does not take, software
 *               hand-off does.
 *            2. plane.steering says what is in force; dev.steered what the device promised.
 * Owner      The main lcore. EAL has been started.
 * See        lib/nic_ethdev.h, lib/nic_steer.h, steer_plan.h.
 */
#ifndef MR_DEVICES_H
#define MR_DEVICES_H

#include "plane.h"

struct devices; /* what is known of each, beside the plane's */

/*
 * devices_open: all of the image's; plane.devs and plane.n_devs are filled in. buffers: of each.
 * => NULL and a sentence, *status -errno; nothing is left open.
 */
struct devices *devices_open(struct plane *p, const struct image_header *image, uint32_t buffers,
                             int *status, char *err, size_t err_size);
/* devices_unsteer: their rules are taken out, nothing else: when a worker does not end. */
void devices_unsteer(struct devices *d);
/* devices_close: => no worker polls them. d may be NULL. */
void devices_close(struct devices *d);

/* devices_follow: a generation was published: addresses to receive for, rules, keys. */
void devices_follow(struct devices *d, const struct generation *g);

/*
 * devices_ail: does one of them ask for a reset? devices_revive: what asks is reset and given all
 * that it had. => No worker polls meanwhile. => how many are well again; of the last that is not, a
 * sentence in err.
 */
bool devices_ail(const struct devices *d);
unsigned devices_revive(struct devices *d, const struct generation *g, char *err, size_t err_size);

/* devices_watch: links; a device that was found lying is marked, or one that is gone. => its
 * number, once, or -1. */
int devices_watch(struct devices *d);

#endif
