/* SPDX-License-Identifier: Apache-2.0 */
/* A walk over the flows after a generation, asking their policies. */
#include "purge.h"

#include "reset.h"
#include "walk.h"

static bool
is_wanted(const struct worker *w)
{
	if ((w->realms & ~w->gen->realms) != 0)
		return true;
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
	if (is_wanted(w) || !walk_is_over(&w->purge))
		walk_begin(w, &w->purge);
	w->realms = w->gen->realms;
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
}
