/* SPDX-License-Identifier: Apache-2.0 */
/* A walk over the flows after a generation, asking their policies. */
#include "purge.h"

#include "reset.h"
#include "walk.h"

/* Flows know the low byte of a number only: that of so long ago has to be told from the next. */
enum { HOPS_OLD = 64 };

static bool
is_wanted(const struct worker *w)
{
	if ((w->realms & ~w->gen->realms) != 0 ||
	    (uint8_t)(w->gen->route_gen - w->hops_aged) >= HOPS_OLD)
		return true;
	for (unsigned i = 0; i < w->n_policies; i++) {
		const struct policy *p = &w->policy[i];
		if (p->ops->stale != NULL && p->ops->stale(p->state, NULL) != STALE_NOT)
			return true;
	}
	return false;
}

static void
begin(struct worker *w)
{
	walk_begin(w, &w->purge);
	w->purge_again = false;
	w->hops_aged = w->gen->route_gen;
}

void
purge_start(struct worker *w)
{
	bool wanted = is_wanted(w);
	w->realms = w->gen->realms;
	if (walk_is_over(&w->purge) && wanted)
		begin(w);
	else
		w->purge_again |= wanted;
}

/* Is no interface of that realm there any more? Its number may be another one's some day. */
static bool
is_gone(const struct worker *w, uint8_t realm)
{
	return realm < IMG_MAX_REALMS && (w->gen->realms >> realm & 1) == 0;
}

/* Is it one that ends now? One that is to be reset waits for its next packet. */
static bool
is_ended(const struct worker *w, struct flow *f)
{
	if (is_gone(w, f->realm[0]) || is_gone(w, f->realm[1]))
		return true;
	if (f->route_gen != w->gen->route_gen) /* what is older stays so, however many come */
		f->route_gen = (uint8_t)(w->gen->route_gen - 1);
	const struct policy *p = &w->policy[f->policy];
	enum stale s = p->ops->stale == NULL ? STALE_NOT : p->ops->stale(p->state, f);
	if (s == STALE_RESET && f->proto == IPPROTO_L4_TCP)
		reset_mark(f, w->now_ms);
	return s == STALE_ENDS || (s == STALE_RESET && f->proto != IPPROTO_L4_TCP);
}

void
purge_turn(struct worker *w, uint32_t steps)
{
	walk_on(w, &w->purge, steps, is_ended);
	if (walk_is_over(&w->purge) && w->purge_again)
		begin(w);
}
