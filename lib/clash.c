/* SPDX-License-Identifier: Apache-2.0 */
/* Two flows that want one reply's tuple. */
#include "clash.h"

#include "ending.h"

/* Is it the first packet of a connection, as far as anybody can tell? */
static bool
begins(const struct judged *j, const struct flow_spec *spec)
{
	return j->m.event == EV_OPEN || spec->is_answered;
}

static bool
yields(const struct worker *w, const struct judged *j, const struct flow_spec *spec, flow_ref ref)
{
	const struct flow *f = flow_get(&w->flows, ref);
	if (flow_is_idle(f, w->pipe->timers, w->now_ms))
		return true;
	return f->policy == j->policy && w->policy[j->policy].ops->opens_again &&
	       conn_is_over(f->state) && begins(j, spec);
}

bool
clash_solve(struct worker *w, const struct judged *j, struct flow_spec *spec, uint64_t *reply_hash)
{
	const struct policy *pol = &w->policy[j->policy];
	flow_ref ref = flow_find(&w->flows, &spec->reply);
	if (ref != 0 && yields(w, j, spec, ref)) {
		flows_end(w, &ref, 1);
		return true;
	}
	if (spec->name != 0 || pol->ops->other == NULL || !pol->ops->other(pol->state, &j->m, spec))
		return false;
	*reply_hash = tuple_hash(&spec->reply, w->flows.seed);
	return true;
}
