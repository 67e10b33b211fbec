/* SPDX-License-Identifier: Apache-2.0 */
/* Which address and which block a subscriber gets. */
#include "nat/pool.h"

#include "lib/prefetch.h"
#include "nat/bits.h"
#include "nat/ranges.h"
#include "nat/single.h"

enum { BLOCK_TRIES = 4 };

/* A search for a block of one address. slot is 0 while nothing of the address is held. */
struct search {
	const struct pool *p;
	const struct steer *steer;
	const struct img_nat_pool *pool;
	union addr address;
	uint32_t slot;
	uint32_t lowest, n; /* block numbers */
};

static bool
is_free(const struct search *s, uint32_t number)
{
	struct pool_span span = rules_span(s->pool, number);
	uint16_t home = steer_worker_port(s->steer, &s->address, FAMILY_V4, (uint16_t)span.first);
	if (home != s->p->worker || rules_usable(s->p->rules, s->pool, span) == 0 ||
	    statics_hold(&s->p->rules->statics, s->address.w[0], (uint16_t)span.first,
	                 (uint16_t)span.last))
		return false;
	return s->slot == 0 || pool_is_clear(s->p, s->slot, span);
}

static uint32_t
free_blocks(const struct search *s)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < s->n; i++)
		n += is_free(s, s->lowest + i);
	return n;
}

/* The block that is wanted, if one is and it is free; or the lowest, where they go in turn. */
static uint32_t
search_wanted(const struct search *s)
{
	if ((s->pool->flags & NAT_KEEP_PORT) != 0 || s->p->is_asked) {
		uint32_t wanted = s->p->wanted / s->pool->block_size - s->lowest;
		if (wanted < s->n && is_free(s, s->lowest + wanted))
			return s->lowest + wanted;
	}
	for (uint32_t i = 0; (s->pool->flags & NAT_BLOCKS_IN_TURN) != 0 && i < s->n; i++)
		if (is_free(s, s->lowest + i))
			return s->lowest + i;
	return UINT32_MAX;
}

/* The block that was drawn ahead, if it is free: as good as any that is drawn now. */
static uint32_t
search_drawn(const struct search *s)
{
	uint32_t number = (uint16_t)s->p->drawn / s->pool->block_size;
	if (s->slot == 0 || s->p->drawn >> 32 != s->slot || number - s->lowest >= s->n)
		return UINT32_MAX;
	return is_free(s, number) ? number : UINT32_MAX;
}

static uint32_t
search_draws(const struct search *s, uint64_t *random)
{
	for (unsigned i = 0; i < BLOCK_TRIES; i++) {
		uint32_t number = s->lowest + random_below(random, s->n);
		if (is_free(s, number))
			return number;
	}
	return UINT32_MAX;
}

/* A free block, each with equal chance. => its number, UINT32_MAX when there is none. */
static uint32_t
search_block(const struct search *s, uint64_t *random)
{
	uint32_t found = search_wanted(s);
	if (found == UINT32_MAX)
		found = search_drawn(s);
	if (found == UINT32_MAX)
		found = search_draws(s, random);
	if (found != UINT32_MAX)
		return found;
	uint32_t n = free_blocks(s);
	if (n == 0)
		return UINT32_MAX;
	uint32_t r = random_below(random, n);
	for (uint32_t number = s->lowest;; number++)
		if (is_free(s, number) && r-- == 0)
			return number;
}

/* Would enough be left of an address for what was promised, if `need` more blocks are as good as
 * given? need is 0 for who was promised his. */
static bool
is_left(const struct search *s, uint32_t need)
{
	uint32_t promised = s->slot != 0 ? pool_slot_at(s->p, s->slot)->promised : 0;
	if (need == 0 || (promised == 0 && need == 1))
		return true;
	return free_blocks(s) >= promised + need;
}

static struct search
search_of(const struct pool *p, const struct generation *g, const struct img_nat_address *a,
          uint32_t slot)
{
	const struct img_nat_pool *pool = &rules_of(g)->pools[a->pool];
	unsigned shift = (unsigned)__builtin_ctz(pool->block_size);
	uint32_t lowest = det_dynamic(pool) >> shift;
	return (struct search){
		.p = p, .steer = &g->steer, .pool = pool, .slot = slot,
		.address = addr_from_v4(a->address), .lowest = lowest,
		.n = (pool->port_last >> shift) - lowest + 1u,
	};
}

static uint32_t
take_of_address(struct pool *p, const struct generation *g, const struct img_nat_address *a,
                uint32_t need, uint64_t *random)
{
	const struct img_nat_pool *pool = &rules_of(g)->pools[a->pool];
	bool is_single = (pool->flags & NAT_SINGLE) != 0;
	uint8_t full = is_single ? 1 << p->wanted_proto : FULL_OF_BLOCKS;
	if (a->drain || a->id >= p->n_ids || (p->is_full[a->id] & full) != 0)
		return 0;
	uint32_t slot = pool_find_id(p, a);
	if (is_single)
		return single_has(p, &g->steer, a, random) ? pool_share(p, a) : 0;
	struct search s = search_of(p, g, a, slot);
	if (!is_left(&s, need))
		return 0;
	uint32_t number = s.n != 0 ? search_block(&s, random) : UINT32_MAX;
	if (number == UINT32_MAX) {
		p->is_full[a->id] |= FULL_OF_BLOCKS;
		return 0;
	}
	return pool_hold(p, a, rules_span(pool, number));
}

/* Of rows first..first+n-1 in order[], beginning at a place that depends on the subscriber only. */
static uint32_t
take_of_rows(struct pool *p, const struct generation *g, uint32_t first, uint32_t n,
             be32 subscriber, uint64_t *random)
{
	const struct nat_rules *r = rules_of(g);
	uint32_t at = rules_place(subscriber, n);
	const struct img_nat_pool *pool = n != 0 ? &r->pools[r->addresses[r->order[first]].pool]
	                                         : NULL;
	uint32_t need = n != 0 && pool->reserve != 0 ? pool->reserve : 1;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t row = r->order[first + at];
		uint32_t block = take_of_address(p, g, &r->addresses[row], need, random);
		if (block != 0)
			return block;
		if (++at == n)
			at = 0;
	}
	return 0;
}

/* The addresses of a pool that a subscriber gets one of first: rows *from..*from+n-1 in order[]. */
static uint32_t
own_class(const struct generation *g, uint16_t pool, be32 subscriber, uint32_t *from)
{
	const struct nat_rules *r = rules_of(g);
	union addr a = addr_from_v4(subscriber);
	const uint32_t *first =
		&r->class_first[pool * r->n_classes + steer_class(&g->steer, &a, FAMILY_V4)];
	*from = first[0];
	return first[1] - first[0];
}

uint32_t
pool_take_first(struct pool *p, const struct generation *g, uint16_t pool, uint8_t realm,
                be32 subscriber, uint64_t *random)
{
	const struct nat_rules *r = rules_of(g);
	bool has_range = false;
	uint32_t range = r->has_ranges ?
		ranges_take(p, g, pool, realm, subscriber, &has_range) : 0;
	if (has_range || pool_is_exhausted(p, pool))
		return range;
	uint32_t from, n = own_class(g, pool, subscriber, &from);
	uint32_t block = take_of_rows(p, g, from, n, subscriber, random);
	if (block == 0) {
		const uint32_t *first = &r->class_first[pool * r->n_classes];
		block = take_of_rows(p, g, first[0], first[r->n_classes] - first[0], subscriber,
		                     random);
	}
	if (block == 0)
		p->full_epoch[pool][p->wanted_proto] = p->epoch;
	return block;
}

uint32_t
pool_take_more(struct pool *p, const struct generation *g, uint32_t slot, bool is_promised,
               uint64_t *random)
{
	const struct nat_rules *r = rules_of(g);
	const struct pool_slot *s = pool_slot_at(p, slot);
	p->drawn = 0;
	if (!s->is_usable || (p->is_full[s->id] & FULL_OF_BLOCKS) != 0 ||
	    (r->pools[s->pool].flags & NAT_SINGLE) != 0)
		return 0;
	return take_of_address(p, g, &r->addresses[r->row_of_id[s->id] - 1], !is_promised, random);
}

bool
pool_foresee(const struct pool *p, const struct generation *g, uint16_t pool, be32 subscriber,
             struct foreseen *f, uint64_t *random)
{
	const struct nat_rules *r = rules_of(g);
	uint32_t from, n = own_class(g, pool, subscriber, &from);
	*f = (struct foreseen){0};
	if (p->rules != r || n == 0 || (r->pools[pool].flags & ~NAT_PAIR_SOFT) != 0 ||
	    r->has_ranges)
		return false;
	f->row = r->order[from + rules_place(subscriber, n)];
	const struct img_nat_address *a = &r->addresses[f->row];
	uint32_t slot = a->id < p->n_ids ? p->slot_of_id[a->id] : 0;
	if (slot == 0 || a->drain || p->is_full[a->id] != 0)
		return false;
	struct search s = search_of(p, g, a, slot);
	f->slot = slot;
	f->number = s.lowest + random_below(random, s.n);
	prefetch_write(pool_slot_at(p, slot));
	prefetch_write(pool_held_word(p, slot, rules_span(s.pool, f->number).first));
	return true;
}

bool
pool_draw(const struct pool *p, const struct generation *g, struct foreseen *f, uint64_t *random)
{
	const struct img_nat_address *a = &rules_of(g)->addresses[f->row];
	struct search s = search_of(p, g, a, f->slot);
	bool is_known = pool_find_id(p, a) == f->slot;
	if (is_known && !is_free(&s, f->number))
		f->number = search_draws(&s, random);
	if (!is_known || f->number == UINT32_MAX) {
		f->slot = 0;
		return false;
	}
	struct pool_span span = rules_span(s.pool, f->number);
	f->first = (uint16_t)span.first;
	f->ports = (uint16_t)(span.last - span.first + 1);
	return true;
}

uint32_t
pool_take_with(struct pool *p, const struct generation *g, uint32_t slot, uint16_t port)
{
	const struct nat_rules *r = rules_of(g);
	const struct pool_slot *held = pool_slot_at(p, slot);
	if (!held->is_usable || (r->pools[held->pool].flags & NAT_SINGLE) != 0)
		return 0;
	const struct img_nat_address *a = &r->addresses[r->row_of_id[held->id] - 1];
	struct search s = search_of(p, g, a, slot);
	uint32_t number = port / s.pool->block_size;
	struct pool_span span = rules_span(s.pool, number), this = {port, port};
	if (port < span.first || port > span.last || rules_usable(r, s.pool, this) == 0 ||
	    !is_free(&s, number) || !is_left(&s, 1))
		return 0;
	return pool_hold(p, a, span);
}
