/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines of addresses that drain. */
#include "nat/drain.h"

#define NEVER UINT64_MAX

/* When what is left on an address that has drained since then ends. */
static uint64_t
end_of(const struct nat *n, uint64_t since)
{
	uint32_t ms = n->pool.rules->conf.drain_ms;
	return since != 0 && ms != 0 ? since + ms : NEVER;
}

static bool
is_over(const struct nat *n, uint64_t since)
{
	return n->clock.ms >= end_of(n, since);
}

/* Does an id stand for an address that gives nothing? */
static bool
drains(const struct nat_rules *r, uint32_t id)
{
	uint32_t row = id < r->n_ids ? r->row_of_id[id] : 0;
	return row != 0 && r->addresses[row - 1].drain;
}

/* One more that ends, now or later, and that something may be left on. */
static void
due_add(struct nat *n, uint64_t since)
{
	uint64_t end = end_of(n, since);
	if (end > n->clock.ms && end < n->drain_due)
		n->drain_due = end;
	n->has_drained |= end <= n->clock.ms;
}

/* Pairs stand in flows only, so there may be some on any address. */
static void
next_due(struct nat *n)
{
	n->drain_due = NEVER;
	for (uint32_t id = 0; id < n->pool.n_ids && n->pool.rules->has_others; id++)
		due_add(n, n->pool.drained_ms[id]);
	for (uint32_t i = 1; i <= n->pool.slots.high; i++)
		due_add(n, pool_slot_at(&n->pool, i)->drained_ms);
}

static void
since_set(const struct nat *n, bool is_drained, uint64_t *since)
{
	if (!is_drained)
		*since = 0;
	else if (*since == 0)
		*since = n->clock.ms != 0 ? n->clock.ms : 1;
}

void
drain_reload(struct nat *n)
{
	for (uint32_t id = 0; id < n->pool.n_ids; id++)
		since_set(n, drains(n->pool.rules, id), &n->pool.drained_ms[id]);
	for (uint32_t i = 1; i <= n->pool.slots.high; i++) {
		struct pool_slot *slot = pool_slot_at(&n->pool, i);
		if (slot->blocks != 0)
			since_set(n, !slot->is_usable, &slot->drained_ms);
	}
	n->has_drained = false;
	next_due(n);
}

bool
drain_is_over(const struct nat *n, const struct pool_slot *slot)
{
	return n->has_drained && !slot->is_usable && is_over(n, slot->drained_ms);
}

bool
drain_ends(const struct nat *n, be32 external)
{
	const struct img_nat_address *a = n->has_drained ? rules_address(n->gen, external) : NULL;
	return a != NULL && a->id < n->pool.n_ids && a->drain &&
	       is_over(n, n->pool.drained_ms[a->id]);
}

bool
drain_lapsed(struct nat *n)
{
	if (n->clock.ms < n->drain_due)
		return false;
	next_due(n);
	return n->has_drained;
}
