/* SPDX-License-Identifier: Apache-2.0 */
/* Flows that end: a chunk of them, stage by stage. */
#include "ending.h"

#include "flow_index.h"
#include "shifted.h"
#include "tally.h"

struct leaving {
	const struct flow *f;
	const struct policy_ops *ops;
	void *state;
	struct tuple t[2];
	uint64_t hint[HINTS];
};

static inline void
collect(const struct worker *w, flow_ref ref, struct leaving *l)
{
	l->f = flow_head(&w->flows, ref);
	l->ops = w->policy[l->f->policy].ops;
	l->state = w->policy[l->f->policy].state;
	flow_tuple_to(&w->flows, ref, 0, &l->t[0]);
	flow_tuple_to(&w->flows, ref, 1, &l->t[1]);
	memset(l->hint, 0, sizeof(l->hint));
}

void
flows_ended(struct worker *w, const flow_ref *ref, unsigned n)
{
	struct leaving all[EXPIRE_CHUNK];
	struct leaving *asked[EXPIRE_CHUNK];
	unsigned n_asked = 0;
	for (unsigned i = 0; i < n; i++) {
		collect(w, ref[i], &all[i]);
		if (all[i].ops->parting != NULL)
			asked[n_asked++] = &all[i];
	}
	for (unsigned stage = 0; stage < PARTING_STAGES && n_asked != 0; stage++) {
		for (unsigned i = 0; i < n_asked; i++) {
			struct leaving *l = asked[i];
			l->ops->parting(l->state, l->f, l->t, l->hint, stage);
		}
	}
	for (unsigned i = 0; i < n; i++) {
		const struct leaving *l = &all[i];
		if (l->ops->ended != NULL)
			l->ops->ended(l->state, l->f, l->t, l->hint, w->now_ms);
		if ((l->f->flags & FLOW_SHIFT) != 0)
			shifted_ended(w, ref[i]);
		tally_end(&w->tally, l->f);
	}
	w->stats->flows_ended += n;
}

void
flows_end(struct worker *w, const flow_ref *ref, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		index_prefetch(&w->flows, flow_hash(&w->flows, ref[i], 0));
		index_prefetch(&w->flows, flow_hash(&w->flows, ref[i], 1));
	}
	flows_ended(w, ref, n);
	for (unsigned i = 0; i < n; i++)
		flow_remove(&w->flows, ref[i]);
}
