/* SPDX-License-Identifier: Apache-2.0 */
/* A walk over the flows after a generation, asking their policies. */
#include "purge.h"

#include "flow_index.h"
#include "pipeline.h"

static bool
is_wanted(const struct worker *w)
{
	for (unsigned i = 0; i < w->n_policies; i++) {
		const struct policy *p = &w->policy[i];
		if (p->ops->stale != NULL && p->ops->stale(p->state, NULL))
			return true;
	}
	return false;
}

void
purge_start(struct worker *w)
{
	w->purge = (struct purge){0};
	if (is_wanted(w))
		w->purge = (struct purge){.end4 = w->flows.high4, .end6 = w->flows.high6};
}

static void
look(struct worker *w, flow_ref ref)
{
	const struct flow *f = flow_head(&w->flows, ref);
	if (f->state == CONN_FREE)
		return;
	const struct policy *p = &w->policy[f->policy];
	if (p->ops->stale == NULL || !p->ops->stale(p->state, f))
		return;
	flow_ended(w, ref);
	flow_remove(&w->flows, ref);
}

void
purge_turn(struct worker *w, uint32_t steps)
{
	struct purge *u = &w->purge;
	for (; steps > 0 && u->at4 < u->end4; steps--)
		look(w, ++u->at4 << 1);
	for (; steps > 0 && u->at6 < u->end6; steps--)
		look(w, ++u->at6 << 1 | FLOW_REF_V6);
}
