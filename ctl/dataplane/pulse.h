/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Sees whether workers turn: each publishes its clock in every turn, and one whose clock
 *            stands is stuck, or gets no time from the system.
 * Invariant  A worker is told of once when it stops, and once when it goes on.
 * Owner      The main lcore, once a second.
 * Limits     PULSE_LATE_NS: an idle worker sleeps far shorter.
 */
#ifndef MR_PULSE_H
#define MR_PULSE_H

#include "lib/nic.h"
#include "lib/stats.h"

#define PULSE_LATE_NS ((uint64_t)2000000000)

struct pulse {
	uint64_t late; /* bits of workers that were told of */
};

/* pulse_watch: now is of the workers' clock. => bits of workers whose state has changed; those of
 * them that are in p->late stand still since. */
uint64_t pulse_watch(struct pulse *p, const struct stats_segment *stats, unsigned workers,
                     uint64_t now_ns);

#endif
