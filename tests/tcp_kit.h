/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       One TCP connection through a world of one worker (probe.h), a segment at a time; its
 *            policy is asked for another connection on its tuple when it is over, or is not.
 * Owner      One test program.
 */
#ifndef MR_TCP_KIT_H
#define MR_TCP_KIT_H

#include "probe.h"

static struct policy_ops kit_ops;

/* kit_opens_again: what lib/again.h asks of the policy. */
static inline void
kit_opens_again(struct world *w, bool opens_again)
{
	struct policy *p = &w->worker[0]->policy[0];
	kit_ops = *p->ops;
	kit_ops.opens_again = opens_again;
	p->ops = &kit_ops;
}

/* out, in: a segment of the connection from inside and from outside, which arrives. */
static inline void
out(struct world *w, uint8_t flags)
{
	struct frame f = world_frame("10.0.0.10", 2000, "8.8.8.8", 80, 6);
	f.tcp_flags = flags;
	probe_arrive(w, WORLD_IN, f);
	CU_ASSERT_TRUE(probe_take(w, 1));
}

static inline void
in(struct world *w, uint8_t flags)
{
	struct frame f = world_frame("8.8.8.8", 80, "198.51.100.1", 3000, 6);
	f.tcp_flags = flags;
	probe_arrive(w, WORLD_OUT, f);
	CU_ASSERT_TRUE(probe_take(w, 0));
}

#endif
