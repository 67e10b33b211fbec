/* SPDX-License-Identifier: Apache-2.0 */
/* Flows that end: a chunk of them, stage by stage. */
#include "ending.h"

#include "flow_index.h"
#include "shifted.h"
#include "tally.h"

/* Those of a chunk that a policy asks for memory for. */
struct asked {
	struct leaving *l[EXPIRE_CHUNK];
	unsigned n;
};

/* By policy: each stage is one call for all of its flows. */
static void
part(struct worker *w, struct leaving *all, unsigned n)
{
	struct asked asked[MAX_POLICIES];
	for (unsigned i = 0; i < w->n_policies; i++)
		asked[i].n = 0;
	for (unsigned i = 0; i < n; i++) {
		struct asked *a = &asked[all[i].f->policy];
		a->l[a->n++] = &all[i];
	}
	for (unsigned stage = 0; stage < PARTING_STAGES; stage++) {
		for (unsigned i = 0; i < w->n_policies; i++) {
			const struct policy *pol = &w->policy[i];
			if (asked[i].n != 0 && pol->ops->parting != NULL)
				pol->ops->parting(pol->state, asked[i].l, asked[i].n, stage);
		}
	}
}

void
flows_ended(struct worker *w, const flow_ref *ref, unsigned n)
{
	struct leaving all[EXPIRE_CHUNK];
	for (unsigned i = 0; i < n; i++)
		all[i] = (struct leaving){
			.f = flow_head(&w->flows, ref[i]),
			.family = (ref[i] & FLOW_REF_V6) != 0 ? FAMILY_V6 : FAMILY_V4,
		};
	part(w, all, n);
	for (unsigned i = 0; i < n; i++) {
		const struct leaving *l = &all[i];
		const struct policy *pol = &w->policy[l->f->policy];
		if (pol->ops->ended != NULL)
			pol->ops->ended(pol->state, l, w->now_ms);
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
