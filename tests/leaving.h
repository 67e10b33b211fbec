/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The end of a flow that stands in no table: its head and its tuples.
 * Owner      The test.
 */
#ifndef MR_TEST_LEAVING_H
#define MR_TEST_LEAVING_H

#include "lib/policy.h"

union leaving_flow {
	struct flow4 v4;
	struct flow6 v6;
};

/* leaving_from: *at is the flow, as the engine would have it. */
static inline struct leaving
leaving_from(union leaving_flow *at, const struct flow *f, const struct tuple t[2])
{
	bool is_v6 = t[0].family == FAMILY_V6;
	struct flow *head = is_v6 ? &at->v6.f : &at->v4.f;
	*head = *f;
	head->proto = t[0].proto;
	for (unsigned dir = 0; dir < 2; dir++) {
		head->realm[dir] = t[dir].realm;
		if (is_v6)
			at->v6.tuple[dir] = tuple_to6(&t[dir]);
		else
			at->v4.tuple[dir] = tuple_to4(&t[dir]);
	}
	return (struct leaving){.f = head, .family = t[0].family};
}

/* leaving_end: last words to a policy that was not asked before. */
static inline void
leaving_end(const struct policy_ops *ops, void *state, const struct flow *f,
            const struct tuple t[2], uint32_t now_ms)
{
	union leaving_flow at;
	struct leaving l = leaving_from(&at, f, t);
	ops->ended(state, &l, now_ms);
}

#endif
