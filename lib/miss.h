/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A packet without a flow: is it ours, whose is it, and may it open one?
 * Invariant  1. A packet is handed to a home at most once for each time it enters: if it then still
 *               has another home (generations differ between workers), it is dropped as LOOP.
 *            2. RST never opens a flow.
 *            3. Nothing that arrives from outside opens a flow from an address of ours.
 * Owner      The worker.
 * See        lib/policy.h; docs/design.md, "Policies".
 */
#ifndef MR_MISS_H
#define MR_MISS_H

#include "pipeline.h"

void miss_fill(const struct worker *w, const struct pkt *p, struct miss *m);

/* miss_home: the first policy's answer that is not HOME_NOT_MINE. */
int miss_home(const struct worker *w, const struct miss *m);

/* miss_is_local: would the slow path answer for this destination? (interface address, or echo to
 * a service address) */
bool miss_is_local(const struct pkt *p, const struct img_route *route);

/*
 * miss_is_forged: did it arrive from a device with an address of ours as its source (RFC 1812,
 * 5.3.7), or the broadcast address of a network of ours? What other workers hand over was asked
 * there, and a hairpin may have one.
 */
bool miss_is_forged(const struct worker *w, const struct pkt *p);

/* miss_open: the reference of a new flow, or 0 when the packet has ended. */
flow_ref miss_open(struct worker *w, struct pkt *p);

#endif
