/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The table of a service: which backends take new flows, in which share. Schedulers
 *            differ in how they go through it.
 * Layout     MAGLEV_SIZE slots: a Maglev table where the place is a hash (`maglev`, `source-hash`,
 *            `two-choices`), an order by turns where it is counted on (`round-robin`,
 *            `least-connections`).
 * Invariant  1. The table depends on the kind of scheduler and the set of (address, port, weight)
 *               of backends that take new flows alone.
 *            2. A backend that takes no new flows (lb_state_share) has no slot.
 * See        lb/maglev.h, lb/choice.h. No DPDK header here: the compiler includes this.
 */
#ifndef MR_LB_TABLE_H
#define MR_LB_TABLE_H

#include "lb_image.h"
#include "state.h"

/* lb_table_is_order: is the scheduler's table an order by turns? */
static inline bool
lb_table_is_order(uint8_t scheduler)
{
	return scheduler == LB_ROUND_ROBIN || scheduler == LB_LEAST_CONNECTIONS;
}

/* lb_table_make: the table of a service with these backends. => 0 or as maglev_build. */
int lb_table_make(const struct img_lb_service *s, const struct img_lb_backend *backends,
                  uint16_t *slots);

/* lb_table_digest: of all that the table is made of: where two are equal, tables are. */
uint64_t lb_table_digest(const struct img_lb_service *s, const struct img_lb_backend *backends);

#endif
