/* SPDX-License-Identifier: Apache-2.0 */
/* A walk over the flows for those that are to be ended by request. */
#include "cut.h"

#include "walk.h"

static bool
is_done(const struct shared *s, const struct worker *w)
{
	uint64_t number = atomic_load_explicit(&s->cut.number, memory_order_relaxed);
	return atomic_load_explicit(&w->cutting.done, memory_order_acquire) == number;
}

uint64_t
cut_post(struct shared *s, struct worker *const *workers, uint8_t policy, uint64_t generation,
         const void *what, size_t size)
{
	assert(size <= sizeof(s->cut.what));
	for (unsigned i = 0; i < s->n_workers; i++)
		if (!is_done(s, workers[i]))
			return 0;
	s->cut.policy = policy;
	s->cut.generation = generation;
	memcpy(s->cut.what, what, size);
	uint64_t number = atomic_load_explicit(&s->cut.number, memory_order_relaxed) + 1;
	atomic_store_explicit(&s->cut.number, number, memory_order_release);
	return number;
}

uint32_t
cut_busy(const struct shared *s, struct worker *const *workers, uint64_t *flows)
{
	uint64_t number = atomic_load_explicit(&s->cut.number, memory_order_relaxed);
	uint32_t busy = 0;
	*flows = 0;
	for (unsigned i = 0; i < s->n_workers; i++) {
		const struct cutting *c = &workers[i]->cutting;
		busy += !is_done(s, workers[i]);
		if (atomic_load_explicit(&c->number, memory_order_acquire) == number)
			*flows += atomic_load_explicit(&c->flows, memory_order_relaxed);
	}
	return busy;
}

bool
cut_is_short(const struct shared *s, struct worker *const *workers)
{
	bool is = false;
	for (unsigned i = 0; i < s->n_workers; i++)
		is |= atomic_load_explicit(&workers[i]->cutting.is_short, memory_order_relaxed);
	return is;
}

/* Do the numbers in what is wanted mean the same here? */
static bool
is_meant(const struct worker *w)
{
	return w->gen == NULL || w->gen->number == w->shared->cut.generation;
}

static void
pick_up(struct worker *w, uint64_t number)
{
	const struct cut_order *cut = &w->shared->cut;
	struct cutting *c = &w->cutting;
	walk_begin(w, &c->walk);
	c->beside = 0;
	c->beside_over = cut->policy >= w->n_policies || w->policy[cut->policy].ops->cut == NULL;
	atomic_store_explicit(&c->flows, 0, memory_order_relaxed);
	atomic_store_explicit(&c->is_short, 0, memory_order_relaxed);
	atomic_store_explicit(&c->number, number, memory_order_release);
}

static bool
is_chosen(const struct worker *w, struct flow *f)
{
	const struct cut_order *cut = &w->shared->cut;
	const struct policy *p = &w->policy[f->policy];
	return f->policy == cut->policy && p->ops->chosen != NULL &&
	       p->ops->chosen(p->state, f, cut->what);
}

static void
go_on(struct worker *w, uint32_t steps)
{
	const struct cut_order *cut = &w->shared->cut;
	struct cutting *c = &w->cutting;
	if (!c->beside_over) {
		const struct policy *p = &w->policy[cut->policy];
		c->beside_over = p->ops->cut(p->state, cut->what, &c->beside, steps);
	}
	uint64_t flows = atomic_load_explicit(&c->flows, memory_order_relaxed) +
	                 walk_on(w, &c->walk, steps, is_chosen);
	atomic_store_explicit(&c->flows, flows, memory_order_relaxed);
	if (walk_is_over(&c->walk) && c->beside_over)
		atomic_store_explicit(&c->done, c->number, memory_order_release);
}

void
cut_turn(struct worker *w, uint32_t steps)
{
	uint64_t number = atomic_load_explicit(&w->shared->cut.number, memory_order_acquire);
	if (__builtin_expect(number == w->cutting.done, 1))
		return;
	if (number != w->cutting.number)
		pick_up(w, number);
	if (is_meant(w)) {
		go_on(w, steps);
		return;
	}
	atomic_store_explicit(&w->cutting.is_short, 1, memory_order_relaxed);
	atomic_store_explicit(&w->cutting.done, number, memory_order_release);
}
