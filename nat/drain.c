/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines of addresses that drain. */
#include "nat/drain.h"

#define NEVER UINT64_MAX

/* When what is left on an address ends. */
static uint64_t
end_of(const struct nat *n, uint32_t id)
{
	uint32_t ms = n->pool.rules->conf.drain_ms;
	uint64_t since = n->pool.drained_ms[id];
	return since != 0 && ms != 0 ? since + ms : NEVER;
}

static bool
is_over(const struct nat *n, uint32_t id)
{
	return n->clock.ms >= end_of(n, id);
}

/* Does an id stand for an address that gives nothing, and has or may have something left? */
static bool
drains(const struct pool *p, uint32_t id)
{
	const struct nat_rules *r = p->rules;
	uint32_t row = id < r->n_ids ? r->row_of_id[id] : 0, slot = p->slot_of_id[id];
	if (slot != 0)
		return !pool_slot_at(p, slot)->is_usable;
	return row != 0 && r->addresses[row - 1].drain;
}

/* May there be something on the address? Pairs stand in flows only. */
static bool
has_rest(const struct pool *p, uint32_t id)
{
	return p->slot_of_id[id] != 0 || p->rules->has_others;
}

static void
next_due(struct nat *n)
{
	n->drain_due = NEVER;
	for (uint32_t id = 0; id < n->pool.n_ids; id++) {
		uint64_t end = end_of(n, id);
		if (end > n->clock.ms && end < n->drain_due)
			n->drain_due = end;
		n->has_drained |= end <= n->clock.ms && has_rest(&n->pool, id);
	}
}

void
drain_reload(struct nat *n)
{
	uint64_t now = n->clock.ms != 0 ? n->clock.ms : 1;
	for (uint32_t id = 0; id < n->pool.n_ids; id++) {
		uint64_t *since = &n->pool.drained_ms[id];
		if (!drains(&n->pool, id))
			*since = 0;
		else if (*since == 0)
			*since = now;
	}
	n->has_drained = false;
	next_due(n);
}

bool
drain_is_over(const struct nat *n, const struct pool_slot *slot)
{
	return n->has_drained && !slot->is_usable && is_over(n, slot->id);
}

bool
drain_ends(const struct nat *n, be32 external)
{
	const struct img_nat_address *a = n->has_drained ? rules_address(n->gen, external) : NULL;
	return a != NULL && a->id < n->pool.n_ids && a->drain && is_over(n, a->id);
}

bool
drain_lapsed(struct nat *n)
{
	if (n->clock.ms < n->drain_due)
		return false;
	next_due(n);
	return n->has_drained;
}
