/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Packets of health checks that ask a backend for the service's address, the way its
 *            traffic comes: whose they are.
 * Layout     The daemon speaks from an address that the configuration names (lb.check_sources), and
 *            from port LB_ASKER_PORT and on: how much more is the backend's place in its service.
 * Invariant  1. Such a packet goes to that backend whatever its state and weight are, and whatever
 *               the service's guards say; no flow comes of it, and it counts for no backend.
 *            2. Only services whose backends see packets as they were sent (lb_mode_is_way) are
 *               asked so; from other ports, and other addresses, packets are anybody's.
 * Owner      Constant, part of a generation.
 * Limits     LB_MAX_ASKERS addresses, looked through for each packet without a flow. Fragments are
 *            not forwarded: a later one would have nothing to follow.
 * See        docs/health.md, "Asking for the service's address"; ctl/daemon/health_probe.h.
 */
#ifndef MR_LB_ASKER_H
#define MR_LB_ASKER_H

#include "lb_view.h"

/* lb_asker_find: as lb_asker_backend, where there are addresses to look through. */
const struct img_lb_backend *lb_asker_find(const struct lb_view *v, const struct img_lb_service *s,
                                           const struct tuple *t);

/* lb_asker_backend: the backend that the packet asks, or NULL: it is none of a check. */
static inline const struct img_lb_backend *
lb_asker_backend(const struct lb_view *v, const struct img_lb_service *s, const struct tuple *t)
{
	return v->n_askers == 0 ? NULL : lb_asker_find(v, s, t);
}

#endif
