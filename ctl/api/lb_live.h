/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What the flows that live now come to, by backend. The data plane counts packets in
 *            the flow, and for the backend when the flow ends: so what has not ended is added up
 *            when somebody asks, by a walk over the flow tables.
 * Owner      The caller's memory.
 * Limits     The walk is no moment in time: a flow that ends or begins meanwhile may be missing.
 *            10 M flows are 77 commands.
 * See        lib/command.h, CMD_BACKENDS.
 */
#ifndef MR_API_LB_LIVE_H
#define MR_API_LB_LIVE_H

#include "lb_rows.h"

struct lb_live {
	uint64_t flows, active, packets[2], bytes[2];
};

/* lb_live_get: by row of the backend, to be freed. => NULL and err. */
struct lb_live *lb_live_get(struct api *api, const struct lb_rows *v, struct rpc_error *err);

#endif
