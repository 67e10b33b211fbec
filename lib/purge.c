/* SPDX-License-Identifier: Apache-2.0 */
/* A walk over the flows after a generation, asking their policies. */
#include "purge.h"

#include "ending.h"
#include "flow_index.h"
#include "reset.h"

enum { AHEAD = 16 };

static bool
is_wanted(const struct worker *w)
{
	for (unsigned i = 0; i < w->n_policies; i++) {
		const struct policy *p = &w->policy[i];
		if (p->ops->stale != NULL && p->ops->stale(p->state, NULL) != STALE_NOT)
			return true;
	}
	return false;
}

void
purge_start(struct worker *w)
{
	bool goes_on = w->purge.at4 < w->purge.end4 || w->purge.at6 < w->purge.end6;
	w->purge = (struct purge){0};
	if (is_wanted(w) || goes_on)
		w->purge = (struct purge){.end4 = w->flows.high4, .end6 = w->flows.high6};
}

/* Is it one that ends now? One that is to be reset waits for its next packet. */
static bool
is_ended(const struct worker *w, flow_ref ref)
{
	struct flow *f = flow_head(&w->flows, ref);
	if (f->state == CONN_FREE)
		return false;
	const struct policy *p = &w->policy[f->policy];
	enum stale s = p->ops->stale == NULL ? STALE_NOT : p->ops->stale(p->state, f);
	if (s == STALE_RESET && f->proto == IPPROTO_L4_TCP)
		reset_mark(f, w->now_ms);
	return s == STALE_ENDS || (s == STALE_RESET && f->proto != IPPROTO_L4_TCP);
}

/* The next entry, of either slab; 0 at the end. */
static flow_ref
next(struct worker *w)
{
	struct purge *u = &w->purge;
	if (u->at4 < u->end4) {
		prefetch_read(&w->flows.v4[u->at4 + AHEAD]);
		return ++u->at4 << 1;
	}
	if (u->at6 < u->end6)
		return ++u->at6 << 1 | FLOW_REF_V6;
	return 0;
}

void
purge_turn(struct worker *w, uint32_t steps)
{
	flow_ref stale[EXPIRE_CHUNK], ref;
	unsigned n = 0;
	for (; steps > 0 && (ref = next(w)) != 0; steps--) {
		if (!is_ended(w, ref))
			continue;
		stale[n++] = ref;
		if (n == EXPIRE_CHUNK) {
			flows_end(w, stale, n);
			n = 0;
		}
	}
	if (n != 0)
		flows_end(w, stale, n);
}
