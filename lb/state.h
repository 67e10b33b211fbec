/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Which backends of a service take new flows, and how many in proportion: by state,
 *            group, and while they start slowly.
 * Invariant  1. Who has been settled and is LB_READY with a weight takes new flows; nobody else
 *               does. So whoever chooses asks for that alone.
 *            2. Healthy is: ready, with a weight. Groups are used from priority 0 on until they
 *               have min_healthy healthy backends together; the healthy of other groups stand by.
 *            3. use-all: where nobody is healthy, those that only checks hold back are ready. Who
 *               is in drain or maintenance by request stays so.
 *            4. Settling again changes nothing, but for what invariant 3 has made ready: so begin
 *               from the states that are wanted.
 * Owner      Whoever makes an image: the compiler, and the daemon when health changes.
 * See        docs/lb.md, "States of a backend". No DPDK header here: the compiler includes this.
 */
#ifndef MR_LB_STATE_H
#define MR_LB_STATE_H

#include "lb/maglev.h"

/* lb_state_settle: rows of a service, in the states that are wanted, to those that are used. */
void lb_state_settle(const struct img_lb_service *s, struct img_lb_backend *rows);

/* lb_state_share: what a settled backend gets of new flows, in proportion; 0: none. */
static inline uint32_t
lb_state_share(const struct img_lb_backend *b)
{
	return b->state == LB_READY ? b->weight * (uint32_t)(LB_TENTHS - b->withheld) : 0;
}

/* lb_state_of: by its word in the configuration; `down` is the old one for `maint`. */
enum lb_backend_state lb_state_of(const char *word);

/* lb_state_keeps_clients: do new flows of clients that persistence leads to it still go there? */
static inline bool
lb_state_keeps_clients(const struct img_lb_backend *b)
{
	return b->state == LB_READY || b->state == LB_DRAIN;
}

/* lb_state_players: n settled rows as the table is made of them. */
void lb_state_players(const struct img_lb_backend *rows, uint32_t n, struct maglev_backend *out);

#endif
