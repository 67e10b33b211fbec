/* SPDX-License-Identifier: Apache-2.0 */
/* The listings of address translation: nat/ makes the rows, here is the page. */
#include "command_exec.h"
#include "nat/nat.h"

static uint32_t
nat_states(const struct plane *p, void *states[MAX_WORKERS])
{
	for (uint32_t i = 0; i < p->n_workers; i++)
		states[i] = p->worker[i]->policy[POLICY_NAT].state;
	return p->n_workers;
}

static void *
rows_of(const struct page *pg)
{
	return pg->counts ? NULL : pg->out;
}

void
list_mappings(struct page *pg)
{
	void *states[MAX_WORKERS];
	uint32_t n = nat_states(pg->plane, states);
	pg->next = pg->cursor;
	pg->count = nat_view_mappings(states, n, pg->filter, &pg->next, rows_of(pg), pg->room);
}

void
list_subscribers(struct page *pg)
{
	void *states[MAX_WORKERS];
	uint32_t n = nat_states(pg->plane, states);
	pg->next = pg->cursor;
	pg->count = nat_view_subscribers(states, n, pg->filter, &pg->next, rows_of(pg), pg->room);
}

void
list_blocks(struct page *pg)
{
	void *states[MAX_WORKERS];
	uint32_t n = nat_states(pg->plane, states);
	pg->next = pg->cursor;
	pg->count = nat_view_blocks(states, n, pg->filter, &pg->next, rows_of(pg), pg->room);
}

void
list_pools(struct page *pg)
{
	void *states[MAX_WORKERS];
	uint32_t n = nat_states(pg->plane, states);
	pg->next = pg->cursor;
	pg->count = nat_view_pools(states, n, pg->plane->gen, &pg->next, (void *)pg->out, pg->room);
}
