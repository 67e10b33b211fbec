/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing a backend. */
#include "choice.h"

#include "state.h"

/* One flow that is being chosen for. */
struct asker {
	struct choice *c;
	const struct lb_view *v;
	const struct img_lb_service *s;
	const struct img_lb_backend *backends; /* of the service */
	const uint16_t *slots;
	uint32_t slot; /* of what was chosen */
	bool was_full; /* somebody was passed over for that */
};

static uint32_t
slot_after(uint32_t slot)
{
	return slot + 1 < MAGLEV_SIZE ? slot + 1 : 0;
}

static bool
has_room(struct asker *a, const struct img_lb_backend *b)
{
	if (a->c->live[b->id] < a->v->limit[b - a->v->backends])
		return true;
	a->was_full = true;
	return false;
}

static bool
takes(struct asker *a, const struct img_lb_backend *b)
{
	return b->state == LB_READY && b->weight != 0 && has_room(a, b);
}

/* at_slot: the slot's backend, if it takes new flows. */
static const struct img_lb_backend *
at_slot(struct asker *a, uint32_t slot)
{
	if (a->slots[slot] == LB_NO_BACKEND)
		return NULL;
	const struct img_lb_backend *b = &a->backends[a->slots[slot]];
	if (!takes(a, b))
		return NULL;
	a->slot = slot;
	return b;
}

/* any_row: whoever takes new flows, from a row on that the slot says; if nobody does, remember. */
static const struct img_lb_backend *
any_row(struct asker *a, uint32_t slot)
{
	uint32_t n = a->s->backends, row = a->slots[slot] < n ? a->slots[slot] : 0;
	for (uint32_t i = 0; i < n; i++) {
		if (takes(a, &a->backends[row]))
			return &a->backends[row];
		row = row + 1 < n ? row + 1 : 0;
	}
	a->c->in_vain[a->s - a->v->services] =
		a->was_full ? DROP_LB_BACKENDS_FULL : DROP_LB_NO_BACKEND;
	return NULL;
}

/* from_slot: the first from this slot on that takes new flows. */
static const struct img_lb_backend *
from_slot(struct asker *a, uint32_t slot)
{
	uint32_t at = slot;
	for (unsigned i = 0; i < CHOICE_PROBES; i++, at = slot_after(at)) {
		const struct img_lb_backend *b = at_slot(a, at);
		if (b != NULL)
			return b;
	}
	a->slot = at;
	return any_row(a, slot);
}

/* is_lighter: x, rather than y? By flows a weight, as if it had one more. */
static bool
is_lighter(const struct choice *c, const struct img_lb_backend *x, const struct img_lb_backend *y)
{
	return ((uint64_t)c->live[x->id] + 1) * lb_state_share(y) <
	       ((uint64_t)c->live[y->id] + 1) * lb_state_share(x);
}

static const struct img_lb_backend *
two_choices(struct asker *a, const uint32_t slot[2])
{
	const struct img_lb_backend *x = at_slot(a, slot[0]);
	const struct img_lb_backend *y = at_slot(a, slot[1]);
	if (x == NULL && y == NULL)
		return from_slot(a, slot_after(slot[0]));
	return x == NULL || (y != NULL && is_lighter(a->c, y, x)) ? y : x;
}

static const struct img_lb_backend *
lightest(struct asker *a, uint32_t slot)
{
	const struct img_lb_backend *best = NULL;
	uint32_t at = slot, best_slot = slot;
	for (unsigned i = 0; i < CHOICE_CANDIDATES; i++, at = slot_after(at)) {
		const struct img_lb_backend *b = at_slot(a, at);
		if (b == NULL || (best != NULL && !is_lighter(a->c, b, best)))
			continue;
		best = b;
		best_slot = at;
	}
	if (best == NULL)
		return from_slot(a, at);
	a->slot = best_slot;
	return best;
}

static const struct img_lb_backend *
schedule(struct asker *a, const struct tuple *t)
{
	uint32_t *cursor = &a->c->cursor[a->s - a->v->services];
	const struct img_lb_backend *b;
	uint32_t slot[2];
	switch ((enum lb_scheduler)a->s->choice.scheduler) {
	case LB_ROUND_ROBIN:
		b = from_slot(a, *cursor);
		*cursor = slot_after(a->slot);
		return b;
	case LB_LEAST_CONNECTIONS:
		b = lightest(a, *cursor);
		*cursor = slot_after(a->slot);
		return b;
	case LB_TWO_CHOICES:
		lb_place_slots(a->s, t, slot);
		return two_choices(a, slot);
	case LB_MAGLEV:
	case LB_SOURCE_HASH:
	case LB_SCHEDULERS:
		break;
	}
	lb_place_slots(a->s, t, slot);
	return from_slot(a, slot[0]);
}

/* persistent: the entry's backend, if it may have the flow. *keep: not, but the entry stays. */
static const struct img_lb_backend *
persistent(struct asker *a, const struct sticky_entry *e, bool *keep)
{
	const struct img_lb_backend *b = lb_view_by_id(a->v, e->backend);
	if (b == NULL || b->service != a->s - a->v->services || !lb_state_keeps_clients(b))
		return NULL;
	if (has_room(a, b))
		return b;
	*keep = true;
	return NULL;
}

/* unless_in_vain: nothing is asked as long as it is known that nobody takes anything. */
static const struct img_lb_backend *
unless_in_vain(struct asker *a, const struct tuple *t)
{
	return a->c->in_vain[a->s - a->v->services] == 0 ? schedule(a, t) : NULL;
}

static const struct img_lb_backend *
choose_persistent(struct asker *a, const struct tuple *t, uint32_t now_ms)
{
	const struct img_lb_choice *how = &a->s->choice;
	struct sticky *sticky = &a->c->sticky;
	struct sticky_key key = sticky_key_make(a->s->id, &t->src, t->family, how->mask);
	struct sticky_entry *e = sticky_find(sticky, &key, now_ms);
	const struct img_lb_backend *b = NULL;
	bool keep = false;
	if (e != NULL)
		b = persistent(a, e, &keep);
	if (b != NULL || keep)
		e->end_ms = now_ms + how->persistence_s * 1000;
	if (b != NULL)
		return b;
	b = unless_in_vain(a, t);
	if (b != NULL && !keep && !sticky_set(sticky, &key, b->id, now_ms, how->persistence_s))
		a->c->stats->persistence_full++;
	a->c->stats->persistence = sticky->used;
	return b;
}

static struct asker
asker_of(struct choice *c, const struct lb_view *v, const struct img_lb_service *s)
{
	return (struct asker){.c = c, .v = v, .s = s, .backends = v->backends + s->first_backend,
		.slots = lb_tables_slots(&v->tables, (uint32_t)(s - v->services))};
}

const struct img_lb_backend *
choice_peek(struct choice *c, const struct lb_view *v, const struct img_lb_service *s,
            const struct tuple *t, uint32_t now_ms, uint8_t *drop)
{
	struct asker a = asker_of(c, v, s);
	const struct sticky_entry *e = NULL;
	const struct img_lb_backend *b = NULL;
	bool keep;
	if (s->choice.persistence_s != 0) {
		struct sticky_key key = sticky_key_make(s->id, &t->src, t->family, s->choice.mask);
		e = sticky_find(&c->sticky, &key, now_ms);
	}
	if (e != NULL)
		b = persistent(&a, e, &keep);
	if (b == NULL)
		b = unless_in_vain(&a, t);
	if (b == NULL)
		*drop = c->in_vain[s - v->services];
	return b;
}

const struct img_lb_backend *
choice_take(struct choice *c, const struct lb_view *v, const struct img_lb_service *s,
            const struct tuple *t, uint32_t now_ms, uint8_t *drop)
{
	struct asker a = asker_of(c, v, s);
	const struct img_lb_backend *b = s->choice.persistence_s != 0 ?
		choose_persistent(&a, t, now_ms) : unless_in_vain(&a, t);
	if (b == NULL) {
		*drop = c->in_vain[s - v->services];
		return NULL;
	}
	c->stats->backends_passed += a.was_full;
	c->live[b->id]++;
	return b;
}

const struct img_lb_backend *
choice_guess(const struct lb_view *v, const struct img_lb_service *s, const struct tuple *t)
{
	const struct asker a = asker_of(NULL, v, s);
	uint32_t slot[2];
	if (lb_place_slots(s, t, slot) != 1)
		return NULL;
	uint32_t at = slot[0];
	for (unsigned i = 0; i < CHOICE_PROBES; i++, at = slot_after(at)) {
		const struct img_lb_backend *b = &a.backends[a.slots[at]];
		if (a.slots[at] != LB_NO_BACKEND && b->state == LB_READY && b->weight != 0)
			return b;
	}
	return NULL;
}

const struct img_lb_backend *
choice_beside(struct choice *c, const struct lb_view *v, const struct img_lb_service *s,
              uint32_t backend)
{
	struct asker a = {.c = c, .v = v, .s = s, .backends = v->backends + s->first_backend};
	const struct img_lb_backend *b = lb_view_by_id(v, backend);
	if (b == NULL || b < a.backends || b >= a.backends + s->backends)
		return NULL;
	uint32_t row = (uint32_t)(b - a.backends);
	for (uint32_t i = 1; i < s->backends; i++) {
		row = row + 1 < s->backends ? row + 1 : 0;
		if (!takes(&a, &a.backends[row]))
			continue;
		choice_undo(c, v, backend);
		choice_note(c, &a.backends[row]);
		return &a.backends[row];
	}
	return NULL;
}

void
choice_undo(struct choice *c, const struct lb_view *v, uint32_t backend)
{
	const struct img_lb_backend *b = v != NULL ? lb_view_by_id(v, backend) : NULL;
	c->live[backend % LB_MAX_IDS]--;
	if (b != NULL)
		c->in_vain[b->service] = 0;
}

void
choice_put(struct choice *c, const struct lb_view *v, uint32_t backend, const struct tuple *t,
           uint32_t now_ms)
{
	choice_undo(c, v, backend);
	if (v == NULL || c->sticky.used == 0)
		return;
	const struct img_lb_service *s = lb_view_service(v, t);
	if (s == NULL || s->choice.persistence_s == 0)
		return;
	struct sticky_key key = sticky_key_make(s->id, &t->src, t->family, s->choice.mask);
	struct sticky_entry *e = sticky_find(&c->sticky, &key, now_ms);
	if (e != NULL && e->backend == backend)
		e->end_ms = now_ms + s->choice.persistence_s * 1000;
}

void
choice_reload(struct choice *c)
{
	memset(c->in_vain, 0, sizeof(c->in_vain));
}

/* Entries that a worker has room for. */
static uint32_t
entries_of(const struct policy_env *env)
{
	uint32_t share = env->plane->persistence / env->n_workers;
	return env->plane->persistence == 0 ? 0 : share + 2;
}

size_t
choice_memsize(const struct policy_env *env)
{
	return sticky_memsize(entries_of(env));
}

int
choice_init(struct choice *c, const struct policy_env *env)
{
	c->stats = env->stats;
	/* Each worker begins elsewhere, so that all together begin with all backends. */
	for (uint32_t i = 0; i < LB_MAX_SERVICES; i++)
		c->cursor[i] = (uint32_t)((uint64_t)MAGLEV_SIZE * env->worker / env->n_workers);
	return sticky_init(&c->sticky, entries_of(env), env->seed, env->node);
}

void
choice_fini(struct choice *c)
{
	sticky_fini(&c->sticky);
}
