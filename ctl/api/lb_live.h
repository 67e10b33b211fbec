/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What the flows that live now come to, by backend. The data plane counts packets in
 *            the flow, and for the backend when the flow ends: so what has not ended is added up
 *            when somebody asks, by a walk over the flow tables.
 * Invariant  1. There is one walk, a part of it a page. Who asks while it is under way goes on with
 *               it; its sums are those of all pages that follow.
 *            2. Its sums are of the rows of one image; with another one it begins anew.
 * Owner      One thread; of an API, until it ends.
 * Limits     The walk is no moment in time: a flow that ends or begins meanwhile may be missing.
 *            10 M flows are 77 commands. LB_WALK_LEFT_NS without anybody who goes on, and it was
 *            left; LB_WALK_KEPT_NS after its end its sums are old.
 * See        lib/command.h, CMD_BACKENDS.
 */
#ifndef MR_API_LB_LIVE_H
#define MR_API_LB_LIVE_H

#include "lb_rows.h"

#define LB_WALK_LEFT_NS 2000000000ull
#define LB_WALK_KEPT_NS 60000000000ull

struct lb_live {
	uint64_t flows, active, packets[2], bytes[2];
};

/* What a page wants of the walk. */
enum lb_walk_part {
	LB_WALK_BEGIN, /* sums of now; a part of the walk for it */
	LB_WALK_ON,    /* those of the page before */
	LB_WALK_WHOLE, /* sums of now, at once */
};

/* lb_live_get: by row of the backend, until the next call. => NULL and err; or without it: the
 * walk goes on. */
const struct lb_live *lb_live_get(struct api *api, const struct lb_rows *v, enum lb_walk_part part,
                                  struct rpc_error *err);
void lb_walk_destroy(struct lb_walk *w);

#endif
