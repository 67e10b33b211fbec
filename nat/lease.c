/* SPDX-License-Identifier: Apache-2.0 */
/* Mappings that are kept on request. */
#include "nat/lease.h"

#include "nat/drain.h"

/* A listing follows so much of a chain, since the worker may change it meanwhile. */
enum { VIEW_CHAIN = 64, MS = 1000 };

static uint64_t
hash_of(const struct leases *l, uint32_t mapping)
{
	return mix64(mapping ^ l->seed, 0x8ebc6af09c88c6e3u);
}

static struct lease *
at(const struct leases *l, uint32_t number)
{
	return table_at(&l->t, number);
}

static uint32_t
find(const struct leases *l, uint32_t mapping, uint32_t most)
{
	uint32_t n = table_first(&l->t, hash_of(l, mapping));
	for (uint32_t i = 0; n != 0 && i < most; i++, n = table_next(&l->t, n))
		if (at(l, n)->mapping == mapping)
			return n;
	return 0;
}

struct lease *
lease_find(const struct leases *l, uint32_t mapping)
{
	uint32_t n = find(l, mapping, UINT32_MAX);
	return n != 0 ? at(l, n) : NULL;
}

static uint32_t
seconds_now(const struct nat *n)
{
	return (uint32_t)(n->clock.ms / MS);
}

uint32_t
lease_left(const struct nat *n, uint32_t mapping)
{
	uint32_t number = mapping_at(&n->mappings, mapping)->leased ?
		find(&n->leases, mapping, VIEW_CHAIN) : 0;
	uint32_t left = number != 0 ? at(&n->leases, number)->until_s - seconds_now(n) : 0;
	return (int32_t)left > 0 ? left : 0;
}

bool
lease_make(struct nat *n, uint32_t mapping, const uint8_t nonce[LEASE_NONCE], uint32_t seconds)
{
	uint32_t number = table_take(&n->leases.t);
	if (number == 0)
		return false;
	struct lease *l = at(&n->leases, number);
	struct mapping *m = mapping_at(&n->mappings, mapping);
	l->mapping = mapping;
	memcpy(l->nonce, nonce, LEASE_NONCE);
	table_link(&n->leases.t, number, hash_of(&n->leases, mapping));
	lease_extend(n, l, seconds);
	m->leased = 1;
	m->flows++;
	m->out_flows++;
	n->stats->leases = n->leases.t.used;
	return true;
}

void
lease_extend(const struct nat *n, struct lease *l, uint32_t seconds)
{
	l->until_s = seconds_now(n) + seconds;
}

void
lease_end(struct nat *n, struct lease *l)
{
	uint32_t mapping = l->mapping, number = find(&n->leases, mapping, UINT32_MAX);
	struct mapping *m = mapping_at(&n->mappings, mapping);
	assert(at(&n->leases, number) == l && m->leased);
	table_unlink(&n->leases.t, number, hash_of(&n->leases, mapping));
	table_give(&n->leases.t, number);
	n->stats->leases = n->leases.t.used;
	m->leased = 0;
	m->flows--;
	m->out_flows--;
	if (m->flows == 0)
		life_end(n, mapping, true, NULL);
}

/* Is it over, because it has lasted as long as it was to, or its address drains no longer? */
static bool
is_over(const struct nat *n, const struct lease *l)
{
	return (int32_t)(l->until_s - seconds_now(n)) <= 0 ||
	       drain_is_over(n, life_slot(n, mapping_at(&n->mappings, l->mapping)));
}

static bool
is_cut(const struct nat *n, const struct lease *l, const struct cmd_nat_filter *what)
{
	struct nat_facts x = life_facts(n, mapping_at(&n->mappings, l->mapping));
	return nat_filter_wants(what, &x);
}

/* Has its inside endpoint become a static mapping's? Its flows have ended for the same reason. */
static bool
is_static_now(const struct nat *n, const struct lease *l)
{
	const struct statics *s = &rules_of(n->gen)->statics;
	uint64_t outside;
	if (s->n == 0)
		return false;
	struct nat_facts x = life_facts(n, mapping_at(&n->mappings, l->mapping));
	uint64_t key = static_key((uint8_t)x.realm, x.inside, x.proto, htobe16(x.inside_port));
	return static_out(s, key, &outside) != NULL;
}

void
lease_turn(struct nat *n, uint32_t steps)
{
	struct leases *l = &n->leases;
	if (l->turned_ms == (uint32_t)n->clock.ms)
		return;
	l->turned_ms = (uint32_t)n->clock.ms;
	for (; l->t.used != 0 && steps > 0; steps--) {
		l->hand = l->hand < l->t.high ? l->hand + 1 : 1;
		struct lease *e = at(l, l->hand);
		if (e->mapping != 0 && (is_over(n, e) || is_static_now(n, e)))
			lease_end(n, e);
	}
}

bool
lease_cut(struct nat *n, const struct cmd_nat_filter *what, uint32_t *at_last, uint32_t steps)
{
	struct leases *l = &n->leases;
	for (; steps > 0 && *at_last < l->t.high; steps--) {
		struct lease *e = at(l, ++*at_last);
		if (e->mapping != 0 && is_cut(n, e, what))
			lease_end(n, e);
	}
	return *at_last >= l->t.high;
}
