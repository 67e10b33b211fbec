/* SPDX-License-Identifier: Apache-2.0 */
/* A walk over the flows for those that are to be ended by request. */
#include "cut.h"

#include "ending.h"
#include "flow_index.h"

enum { AHEAD = 16 };

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

static void
pick_up(struct worker *w, uint64_t number)
{
	struct cutting *c = &w->cutting;
	c->hand = (struct purge){.end4 = w->flows.high4, .end6 = w->flows.high6};
	atomic_store_explicit(&c->flows, 0, memory_order_relaxed);
	atomic_store_explicit(&c->is_short, 0, memory_order_relaxed);
	atomic_store_explicit(&c->number, number, memory_order_release);
}

static bool
is_chosen(const struct worker *w, flow_ref ref)
{
	const struct cut_order *cut = &w->shared->cut;
	const struct flow *f = flow_head(&w->flows, ref);
	if (f->state == CONN_FREE || f->policy != cut->policy)
		return false;
	const struct policy *p = &w->policy[f->policy];
	return p->ops->chosen != NULL && p->ops->chosen(p->state, f, cut->what);
}

/* The next entry, of either slab; 0 at the end. */
static flow_ref
next(struct worker *w)
{
	struct purge *u = &w->cutting.hand;
	if (u->at4 < u->end4) {
		prefetch_read(&w->flows.v4[u->at4 + AHEAD]);
		return ++u->at4 << 1;
	}
	if (u->at6 < u->end6)
		return ++u->at6 << 1 | FLOW_REF_V6;
	return 0;
}

static void
end(struct worker *w, const flow_ref *ref, unsigned n)
{
	if (n == 0)
		return;
	flows_end(w, ref, n);
	uint64_t sum = atomic_load_explicit(&w->cutting.flows, memory_order_relaxed) + n;
	atomic_store_explicit(&w->cutting.flows, sum, memory_order_relaxed);
}

static void
walk(struct worker *w, uint32_t steps)
{
	flow_ref chosen[EXPIRE_CHUNK], ref = 0;
	unsigned n = 0;
	for (; steps > 0 && (ref = next(w)) != 0; steps--) {
		if (!is_chosen(w, ref))
			continue;
		chosen[n++] = ref;
		if (n == EXPIRE_CHUNK) {
			end(w, chosen, n);
			n = 0;
		}
	}
	end(w, chosen, n);
	if (ref == 0 && steps > 0)
		atomic_store_explicit(&w->cutting.done, w->cutting.number, memory_order_release);
}

void
cut_turn(struct worker *w, uint32_t steps)
{
	uint64_t number = atomic_load_explicit(&w->shared->cut.number, memory_order_acquire);
	if (__builtin_expect(number == w->cutting.done, 1))
		return;
	if (number != w->cutting.number)
		pick_up(w, number);
	if (w->gen == NULL || w->gen->number == w->shared->cut.generation) {
		walk(w, steps);
		return;
	}
	atomic_store_explicit(&w->cutting.is_short, 1, memory_order_relaxed);
	atomic_store_explicit(&w->cutting.done, number, memory_order_release);
}
