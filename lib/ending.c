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

/* Index lines, back to back: a core walks for several addresses at once. */
static void
ask_index(const struct worker *w, const uint64_t (*hash)[2], unsigned n, unsigned dir)
{
	for (unsigned i = 0; i < n; i++)
		index_prefetch(&w->flows, hash[i][dir]);
}

/*
 * By policy: each stage is one call for all of its flows. What is asked for in one comes while the
 * index lines of a direction are asked for.
 */
static_assert(PARTING_STAGES > 2, "after a stage for each direction there is one more");
static void
part(struct worker *w, struct leaving *all, const uint64_t (*hash)[2], unsigned n)
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
		if (stage < 2)
			ask_index(w, hash, n, stage);
	}
}

void
flows_ended(struct worker *w, const flow_ref *ref, const uint64_t (*hash)[2], unsigned n)
{
	struct leaving all[EXPIRE_CHUNK];
	for (unsigned i = 0; i < n; i++)
		all[i] = (struct leaving){
			.f = flow_head(&w->flows, ref[i]),
			.family = (ref[i] & FLOW_REF_V6) != 0 ? FAMILY_V6 : FAMILY_V4,
		};
	part(w, all, hash, n);
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
	uint64_t hash[EXPIRE_CHUNK][2];
	for (unsigned i = 0; i < n; i++)
		for (unsigned dir = 0; dir < 2; dir++)
			hash[i][dir] = flow_hash(&w->flows, ref[i], dir);
	flows_ended(w, ref, hash, n);
	for (unsigned i = 0; i < n; i++)
		flow_remove(&w->flows, ref[i]);
}
