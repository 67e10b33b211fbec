/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Catches a device that steers otherwise than it promised (dev.steered): counts packets
 *            that have to be handed to their home although the device was to bring them there.
 * Invariant  1. Called for packets that leave for another worker, so never on a hit.
 *            2. Counts only what is certain: TCP and UDP, unfragmented, of one kind of traffic; a
 *               packet that may be of two kinds is not judged.
 * Owner      The worker; counters are its own.
 * Limits     While a new pool address is on its way into the device some packets count that are no
 *            lie: readers judge by STEER_WATCH_LIES.
 * See        docs/design.md, "Steering".
 */
#ifndef MR_STEER_WATCH_H
#define MR_STEER_WATCH_H

#include "pkt.h"
#include "worker.h"

enum { STEER_WATCH_LIES = 64 /* packets of a device, after which it is said */ };

/* steer_watch: p was received here, and its home is another worker. */
void steer_watch(struct worker *w, const struct pkt *p, const struct miss *m, uint16_t home);

#endif
