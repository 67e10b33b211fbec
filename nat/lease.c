/* SPDX-License-Identifier: Apache-2.0 */
/* Mappings that are kept on request. */
#include "nat/lease.h"

#include <errno.h>

#include "nat/taken.h"

/* A listing follows so much of a chain, since the worker may change it meanwhile. */
enum { VIEW_CHAIN = 64, MS = 1000, SPARE_BITS = 2, UNTIL_MASK = (1 << 30) - 1 };
/* What looking at the configuration costs, in entries that are only looked at for their time. */
enum { CHECK_COST = 4 };

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

/* The entries of a mapping: the one behind `number` in its chain, 0: the first. => 0: no more. */
static uint32_t
next_of(const struct leases *l, uint32_t mapping, uint32_t number)
{
	uint32_t n = number == 0 ? table_first(&l->t, hash_of(l, mapping)) :
	                           table_next(&l->t, number);
	while (n != 0 && at(l, n)->mapping != mapping)
		n = table_next(&l->t, n);
	return n;
}

static uint32_t
count_of(const struct leases *l, uint32_t mapping, enum lease_kind kind)
{
	uint32_t count = 0;
	for (uint32_t i = next_of(l, mapping, 0); i != 0; i = next_of(l, mapping, i))
		count += at(l, i)->kind == kind;
	return count;
}

struct lease *
lease_find(const struct leases *l, uint32_t mapping)
{
	uint32_t i = next_of(l, mapping, 0);
	while (i != 0 && at(l, i)->kind != LEASE_MAP)
		i = next_of(l, mapping, i);
	return i != 0 ? at(l, i) : NULL;
}

struct lease *
lease_find_peer(const struct leases *l, uint32_t mapping, const struct lease_remote *peer)
{
	for (uint32_t i = next_of(l, mapping, 0); i != 0; i = next_of(l, mapping, i)) {
		struct lease *e = at(l, i);
		if (e->kind == LEASE_PEER && e->remote.address == peer->address &&
		    e->remote.port == peer->port && e->remote.realm == peer->realm)
			return e;
	}
	return NULL;
}

static uint32_t
seconds_now(const struct nat *n)
{
	return (uint32_t)(n->clock.ms / MS);
}

/* Seconds until it is over, or less than 1. */
static int32_t
seconds_left(const struct nat *n, const struct lease *l)
{
	uint32_t left = (l->until_s - seconds_now(n)) << SPARE_BITS;
	return (int32_t)left / (1 << SPARE_BITS);
}

uint32_t
lease_left(const struct nat *n, const struct lease *l)
{
	int32_t left = seconds_left(n, l);
	return left > 0 ? (uint32_t)left : 0;
}

uint32_t
lease_last(const struct nat *n, uint32_t mapping, uint32_t *count)
{
	const struct leases *l = &n->leases;
	const struct mapping *m = mapping_at(&n->mappings, mapping);
	uint32_t last = 0, number;
	*count = 0;
	if (!m->leased && !m->peered)
		return 0;
	number = table_first(&l->t, hash_of(l, mapping));
	for (uint32_t i = 0; number != 0 && i < VIEW_CHAIN; i++) {
		const struct lease *e = at(l, number);
		if (e->mapping == mapping && e->kind != LEASE_FILTER) {
			uint32_t left = lease_left(n, e);
			last = left > last ? left : last;
			++*count;
		}
		number = table_next(&l->t, number);
	}
	return last;
}

bool
lease_has_room(const struct leases *l, uint32_t entries)
{
	return l->t.capacity - l->t.used >= entries;
}

/* A new entry. => its number, 0: full. */
static uint32_t
add(struct nat *n, uint32_t mapping, const struct lease *from)
{
	uint32_t number = table_take(&n->leases.t);
	if (number == 0)
		return 0;
	struct lease *l = at(&n->leases, number);
	*l = *from;
	l->next = 0;
	l->mapping = mapping;
	table_link(&n->leases.t, number, hash_of(&n->leases, mapping));
	n->stats->leases = n->leases.t.used;
	return number;
}

static void
del(struct nat *n, uint32_t mapping, uint32_t number)
{
	table_unlink(&n->leases.t, number, hash_of(&n->leases, mapping));
	table_give(&n->leases.t, number);
	n->stats->leases = n->leases.t.used;
}

/* One that holds its mapping. => false: full. */
static bool
hold(struct nat *n, uint32_t mapping, struct lease *from, const uint8_t nonce[LEASE_NONCE],
     uint32_t seconds)
{
	struct mapping *m = mapping_at(&n->mappings, mapping);
	memcpy(from->nonce, nonce, LEASE_NONCE);
	lease_extend(n, from, seconds);
	if (add(n, mapping, from) == 0)
		return false;
	m->asked = 1;
	m->flows++;
	m->out_flows++;
	return true;
}

bool
lease_make(struct nat *n, uint32_t mapping, const uint8_t nonce[LEASE_NONCE], uint32_t seconds)
{
	struct lease l = {.kind = LEASE_MAP};
	if (!hold(n, mapping, &l, nonce, seconds))
		return false;
	mapping_at(&n->mappings, mapping)->leased = 1;
	return true;
}

int
lease_make_peer(struct nat *n, uint32_t mapping, const struct lease_remote *peer,
                const uint8_t nonce[LEASE_NONCE], uint32_t seconds)
{
	struct lease l = {.kind = LEASE_PEER, .remote = *peer};
	if (count_of(&n->leases, mapping, LEASE_PEER) >= LEASE_PEERS)
		return EDQUOT;
	if (!hold(n, mapping, &l, nonce, seconds))
		return ENOSPC;
	mapping_at(&n->mappings, mapping)->peered = 1;
	return 0;
}

static void
filters_end(struct nat *n, uint32_t mapping)
{
	uint32_t i = next_of(&n->leases, mapping, 0);
	while (i != 0) {
		uint32_t next = next_of(&n->leases, mapping, i);
		if (at(&n->leases, i)->kind == LEASE_FILTER)
			del(n, mapping, i);
		i = next;
	}
	mapping_at(&n->mappings, mapping)->filtered = 0;
}

static bool
is_same(const struct lease_remote *a, const struct lease_remote *b)
{
	return a->address == b->address && a->port == b->port && a->bits == b->bits;
}

static bool
has_filter(const struct leases *l, uint32_t mapping, const struct lease_remote *r)
{
	for (uint32_t i = next_of(l, mapping, 0); i != 0; i = next_of(l, mapping, i))
		if (at(l, i)->kind == LEASE_FILTER && is_same(&at(l, i)->remote, r))
			return true;
	return false;
}

/* Is one of them the same as one before it, or, unless these go, one that the mapping has? */
static bool
is_repeated(const struct leases *l, uint32_t mapping, const struct lease_remote *r, uint32_t i,
            bool instead)
{
	for (uint32_t k = 0; k < i; k++)
		if (is_same(&r[k], &r[i]))
			return true;
	return !instead && has_filter(l, mapping, &r[i]);
}

int
lease_filter(struct nat *n, uint32_t mapping, const struct lease_remote *r, uint32_t count,
             bool instead)
{
	struct leases *l = &n->leases;
	uint32_t were = count_of(l, mapping, LEASE_FILTER), more = 0;
	for (uint32_t i = 0; i < count; i++)
		more += !is_repeated(l, mapping, r, i, instead);
	if ((instead ? 0 : were) + more > LEASE_FILTERS)
		return EDQUOT;
	if (l->t.capacity - l->t.used + (instead ? were : 0) < more)
		return ENOSPC;
	if (instead)
		filters_end(n, mapping);
	for (uint32_t i = 0; i < count; i++) {
		struct lease e = {.kind = LEASE_FILTER, .remote = r[i]};
		if (!has_filter(l, mapping, &r[i]))
			add(n, mapping, &e);
	}
	if (count != 0)
		mapping_at(&n->mappings, mapping)->filtered = 1;
	return 0;
}

uint32_t
lease_filters(const struct leases *l, uint32_t mapping, struct lease_remote r[LEASE_FILTERS])
{
	uint32_t n = 0;
	for (uint32_t i = next_of(l, mapping, 0); i != 0; i = next_of(l, mapping, i))
		if (at(l, i)->kind == LEASE_FILTER && n < LEASE_FILTERS)
			r[n++] = at(l, i)->remote;
	return n;
}

bool
lease_lets(const struct leases *l, uint32_t mapping, be32 address, be16 port)
{
	for (uint32_t i = next_of(l, mapping, 0); i != 0; i = next_of(l, mapping, i)) {
		const struct lease_remote *r = &at(l, i)->remote;
		if (at(l, i)->kind == LEASE_FILTER && (r->port == 0 || r->port == port) &&
		    (address & lease_mask(r->bits)) == r->address)
			return true;
	}
	return false;
}

void
lease_extend(const struct nat *n, struct lease *l, uint32_t seconds)
{
	l->until_s = (seconds_now(n) + seconds) & UNTIL_MASK;
}

void
lease_end(struct nat *n, struct lease *l)
{
	uint32_t mapping = l->mapping;
	bool is_map = l->kind == LEASE_MAP;
	struct mapping *m = mapping_at(&n->mappings, mapping);
	assert(l->kind != LEASE_FILTER && (is_map ? m->leased : m->peered));
	del(n, mapping, (uint32_t)(l - at(&n->leases, 0)));
	if (is_map) {
		m->leased = 0;
		filters_end(n, mapping);
	} else {
		m->peered = count_of(&n->leases, mapping, LEASE_PEER) != 0;
	}
	m->flows--;
	m->out_flows--;
	if (m->flows == 0)
		life_end(n, mapping, true, NULL);
}

/* Is it one that ends by itself? Filters go with what they are of. */
static bool
is_holding(const struct lease *l)
{
	return l->mapping != 0 && l->kind != LEASE_FILTER;
}

static bool
is_cut(const struct nat *n, const struct lease *l, const struct cmd_nat_filter *what)
{
	struct nat_facts x = life_facts(n, mapping_at(&n->mappings, l->mapping));
	return nat_filter_wants(what, &x);
}

/* => false: it is to end, and its client cannot be told yet. */
static bool
look_at(struct nat *n, struct lease *l)
{
	if (!is_holding(l))
		return true;
	if (seconds_left(n, l) <= 0) {
		lease_end(n, l);
		return true;
	}
	enum taken why = taken_why(n, l, n->leases.unchecked != 0);
	if (why == TAKEN_NOT)
		return true;
	if (!update_has_room(&n->updates))
		return false;
	taken_end(n, l, why);
	return true;
}

void
lease_reload(struct nat *n)
{
	n->leases.unchecked = n->leases.t.high;
}

void
lease_turn(struct nat *n, uint32_t steps)
{
	struct leases *l = &n->leases;
	if (l->turned_ms == (uint32_t)n->clock.ms)
		return;
	l->turned_ms = (uint32_t)n->clock.ms;
	update_turn(n);
	steps = l->unchecked != 0 ? (steps + CHECK_COST - 1) / CHECK_COST : steps;
	for (; l->t.used != 0 && steps > 0; steps--) {
		uint32_t next = l->hand < l->t.high ? l->hand + 1 : 1;
		if (!look_at(n, at(l, next)))
			return;
		l->hand = next;
		l->unchecked -= l->unchecked != 0;
	}
}

bool
lease_cut(struct nat *n, const struct cmd_nat_filter *what, bool told, uint32_t *at_last,
          uint32_t steps)
{
	struct leases *l = &n->leases;
	for (; steps > 0 && *at_last < l->t.high; steps--, ++*at_last) {
		struct lease *e = at(l, *at_last + 1);
		if (!is_holding(e) || !is_cut(n, e, what))
			continue;
		if (!told)
			lease_end(n, e);
		else if (update_has_room(&n->updates))
			taken_end(n, e, TAKEN_CLEARED);
		else
			return false;
	}
	return *at_last >= l->t.high;
}
