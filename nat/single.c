/* SPDX-License-Identifier: Apache-2.0 */
/* Ports one by one: a few draws, then the exact choice among all that are free. */
#include "nat/single.h"

#include "nat/bits.h"

#define EVERY UINT64_MAX
#define EVEN 0x5555555555555555u
enum { NOWHERE = UINT32_MAX, WORD_GRANULES = 64 >> GRANULE_SHIFT };

/* The free ports of one address and protocol, by their places in a row. */
struct seek {
	const struct pool *p;
	const uint64_t *given, *taken, *held; /* taken and held NULL: nothing is */
	uint32_t first, last;                 /* places that are drawn from */
	be32 address;
	bool has_statics;
};

static uint16_t
port_at(const struct pool *p, uint32_t place)
{
	uint32_t unit = place >> p->shift, n = p->rules->n_workers;
	if (p->split_inverse == 0)
		return (uint16_t)place;
	return (uint16_t)((unit * n + p->worker) << p->shift | (place & ((1u << p->shift) - 1)));
}

static struct seek
seek_of(const struct pool *p, uint32_t slot, const struct img_nat_address *a, enum nat_proto proto)
{
	const struct nat_rules *r = p->rules;
	const struct img_nat_pool *pool = &r->pools[a->pool];
	struct seek s = {
		.p = p, .given = rules_given(r, a->pool, p->worker), .address = a->address,
		.first = pool_offset(p, pool->port_first), .last = pool_offset(p, pool->port_last),
		.has_statics = statics_hold(&r->statics, a->address, 1, UINT16_MAX),
	};
	if (p->split_inverse != 0) {
		s.first &= ~((1u << p->shift) - 1);
		s.last |= (1u << p->shift) - 1;
	}
	if (slot != 0) {
		s.taken = pool_taken(p, slot, proto);
		s.held = pool_held(p, slot);
	}
	return s;
}

/* Granules as the bits of their ports. */
static uint64_t
spread(uint64_t granules)
{
	uint64_t bits = 0;
	for (unsigned i = 0; i < WORD_GRANULES; i++)
		bits |= (granules >> i & 1) * (0xffffull << (i << GRANULE_SHIFT));
	return bits;
}

/* Those that are static mappings', out of the word of a row. */
static __attribute__((noinline)) uint64_t
without_statics(const struct seek *s, uint32_t word, uint64_t free)
{
	for (uint64_t left = free; left != 0; left &= left - 1) {
		uint32_t bit = (uint32_t)__builtin_ctzll(left);
		uint16_t port = port_at(s->p, word * 64 + bit);
		if (statics_hold(&s->p->rules->statics, s->address, port, port))
			free &= ~((uint64_t)1 << bit);
	}
	return free;
}

static uint64_t
free_in(const struct seek *s, uint32_t word)
{
	uint64_t free = s->given[word];
	if (s->taken != NULL) {
		uint64_t held = s->held[word / 16] >> word % 16 * WORD_GRANULES & 0xf;
		free &= ~s->taken[word];
		if (held != 0)
			free &= ~spread(held);
	}
	return s->has_statics ? without_statics(s, word, free) : free;
}
static_assert(WORD_GRANULES == 4, "a word of a row is four granules");

static bool
is_free(const struct seek *s, uint32_t place)
{
	return (free_in(s, place / 64) >> place % 64 & 1) != 0;
}

/* The r-th free place of those of `among`. => there are more. */
static uint32_t
nth(const struct seek *s, uint64_t among, uint32_t r)
{
	for (uint32_t word = s->first / 64; word <= s->last / 64; word++) {
		uint64_t free = free_in(s, word) & among;
		uint32_t here = (uint32_t)__builtin_popcountll(free);
		if (r >= here) {
			r -= here;
			continue;
		}
		while (r-- > 0)
			free &= free - 1;
		return word * 64 + (uint32_t)__builtin_ctzll(free);
	}
	return NOWHERE;
}

static uint32_t
count(const struct seek *s, uint64_t among)
{
	uint32_t n = 0;
	for (uint32_t word = s->first / 64; word <= s->last / 64; word++)
		n += (uint32_t)__builtin_popcountll(free_in(s, word) & among);
	return n;
}

static uint32_t
draw(const struct seek *s, uint64_t among, uint64_t *random)
{
	for (unsigned i = 0; i < SINGLE_TRIES; i++) {
		uint32_t place = s->first + random_below(random, s->last - s->first + 1);
		if ((among >> place % 64 & 1) != 0 && is_free(s, place))
			return place;
	}
	uint32_t n = count(s, among);
	return n != 0 ? nth(s, among, random_below(random, n)) : NOWHERE;
}

/* The first free place from one on; else the first of all. */
static uint32_t
next(const struct seek *s, uint64_t among, uint32_t from)
{
	for (uint32_t word = from / 64; word <= s->last / 64; word++) {
		uint64_t after = word == from / 64 ? EVERY << from % 64 : EVERY;
		uint64_t free = free_in(s, word) & among & after;
		if (free != 0)
			return word * 64 + (uint32_t)__builtin_ctzll(free);
	}
	return nth(s, among, 0);
}

static const struct img_nat_address *
address_of(const struct pool *p, const struct pool_slot *slot)
{
	return &p->rules->addresses[p->rules->row_of_id[slot->id] - 1];
}

bool
single_has(struct pool *p, const struct steer *steer, const struct img_nat_address *a,
           uint64_t *random)
{
	union addr address = addr_from_v4(a->address);
	if (!p->rules->is_split && steer_worker(steer, &address, FAMILY_V4) != p->worker)
		return false;
	struct seek s = seek_of(p, pool_find_id(p, a), a, p->wanted_proto);
	if (draw(&s, EVERY, random) != NOWHERE)
		return true;
	p->is_full[a->id] |= (uint8_t)(1u << p->wanted_proto);
	return false;
}

void
single_use(struct pool *p, const struct pool_slot *slot, enum nat_proto proto, uint32_t more)
{
	if (!slot->is_usable || (p->rules->pools[slot->pool].flags & NAT_SINGLE) == 0)
		return;
	struct pool_use *u = &p->use[slot->pool];
	u->single[proto] += more;
	u->held = 0;
	for (unsigned i = 0; i < NAT_PROTOS; i++)
		u->held = u->single[i] > u->held ? u->single[i] : u->held;
}

/* A place for what is wanted: the very port, one of its parity, any. */
static uint32_t
choose(const struct seek *s, const struct block *b, struct want w, uint64_t *random)
{
	const struct pool *p = s->p;
	uint64_t alike = (w.inside_port & 1) != 0 ? EVEN << 1 : EVEN;
	uint32_t same = pool_offset(p, w.inside_port), place = NOWHERE;
	if ((b->flags & NAT_KEEP_PORT) != 0 && port_at(p, same) == w.inside_port &&
	    is_free(s, same))
		return same;
	bool in_turn = (b->flags & NAT_PORTS_IN_TURN) != 0;
	uint32_t from = pool_offset(p, (uint16_t)(b->first + b->turn));
	from = from < s->first ? s->first : from;
	if ((b->flags & NAT_KEEP_PARITY) != 0)
		place = in_turn ? next(s, alike, from) : draw(s, alike, random);
	if (place == NOWHERE)
		place = in_turn ? next(s, EVERY, from) : draw(s, EVERY, random);
	return place;
}

static uint16_t
give(struct pool *p, uint32_t number, enum nat_proto proto, uint32_t place)
{
	struct block *b = block_at(p, number);
	struct pool_slot *slot = pool_slot_at(p, b->slot);
	uint16_t port = port_at(p, place);
	b->turn = (uint16_t)(port - b->first + 1);
	slot->single[proto]++;
	single_use(p, slot, proto, 1);
	return pool_take_place(p, number, proto, port - (uint32_t)b->first);
}

uint16_t
single_this(struct pool *p, uint32_t number, struct want w)
{
	const struct block *b = block_at(p, number);
	const struct pool_slot *slot = pool_slot_at(p, b->slot);
	if (!slot->is_usable)
		return 0;
	struct seek s = seek_of(p, b->slot, address_of(p, slot), w.proto);
	uint32_t place = pool_offset(p, w.inside_port);
	if (port_at(p, place) != w.inside_port || !is_free(&s, place))
		return 0;
	return give(p, number, w.proto, place);
}

uint16_t
single_take(struct pool *p, uint32_t number, struct want w, uint64_t *random)
{
	struct block *b = block_at(p, number);
	struct pool_slot *slot = pool_slot_at(p, b->slot);
	uint8_t full = (uint8_t)(1u << w.proto);
	if (!slot->is_usable || (p->is_full[slot->id] & full) != 0)
		return 0;
	struct seek s = seek_of(p, b->slot, address_of(p, slot), w.proto);
	uint32_t place = choose(&s, b, w, random);
	if (place == NOWHERE) {
		p->is_full[slot->id] |= full;
		return 0;
	}
	return give(p, number, w.proto, place);
}

/* One of pool.h: for a share there is always more to do. */
bool
pool_free_single(struct pool *p, struct block *b, enum nat_proto proto, uint32_t place)
{
	struct pool_slot *slot = pool_slot_at(p, b->slot);
	uint64_t *row = pool_taken(p, b->slot, proto);
	uint32_t at = pool_offset(p, (uint16_t)(b->first + place));
	uint8_t full = (uint8_t)(1u << proto | FULL_OF_BLOCKS);
	assert(b->taken[proto] != 0 && slot->single[proto] != 0 && bit_is_set(row, at));
	bit_clear(row, at);
	b->taken[proto]--;
	slot->single[proto]--;
	single_use(p, slot, proto, UINT32_MAX);
	p->epoch += (p->is_full[slot->id] & full) != 0;
	p->is_full[slot->id] &= (uint8_t)~full;
	return true;
}
