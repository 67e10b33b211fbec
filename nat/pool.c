/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and blocks: what is held, and which ports are taken. */
#include "nat/pool.h"

#include "nat/bits.h"
#include "nat/quarantine.h"
#include "nat/single.h"

enum { PORT_SPACE = 65536, BLOCKS_SUBSCRIBER = 2, MAPPINGS_BLOCK = 32 };

/* The part of the table sizes that depends on how addresses are shared between workers. */
struct shape {
	uint32_t ids, slots, slot_ports, blocks;
	uint32_t split_inverse;
};

static struct shape
shape_of(const struct policy_env *env, struct pool_share share)
{
	const struct img_plane *plane = env->plane;
	uint32_t n = env->n_workers, ids = plane->pool_addresses;
	struct shape s = {.ids = ids, .slots = ids, .slot_ports = PORT_SPACE};
	if (n > 1 && plane->steer_split_blocks) {
		uint32_t units = PORT_SPACE >> plane->steer_block_shift;
		uint32_t ports = (units + n - 1) / n << plane->steer_block_shift;
		s.slot_ports = (ports + NAT_MIN_BLOCK - 1) & ~(uint32_t)(NAT_MIN_BLOCK - 1);
		s.split_inverse = (uint32_t)((((uint64_t)1 << 32) + n - 1) / n);
	} else if (n > 1) {
		uint32_t own = ids / n + 1;
		s.slots = own + own / 4 + 32;
	}
	if (s.slots > ids)
		s.slots = ids;
	uint64_t by_ports = (uint64_t)s.slots * (s.slot_ports / NAT_MIN_BLOCK);
	uint64_t by_holders = (uint64_t)share.subscribers * BLOCKS_SUBSCRIBER +
	                      share.mappings / MAPPINGS_BLOCK;
	uint64_t blocks = by_ports < by_holders ? by_ports : by_holders, most = 1u << BLOCK_BITS;
	s.blocks = (uint32_t)(blocks < most ? blocks : most - 1);
	return s;
}

static size_t
round64(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

static uint32_t
words(uint32_t bits)
{
	return (bits + 63) / 64;
}

static size_t
taken_bytes(const struct shape *s)
{
	return round64((size_t)s->slots * NAT_PROTOS * words(s->slot_ports) * sizeof(uint64_t));
}

static size_t
held_bytes(const struct shape *s)
{
	uint32_t granules = s->slot_ports >> GRANULE_SHIFT;
	return round64((size_t)s->slots * words(granules) * sizeof(uint64_t));
}

static size_t
id_bytes(const struct shape *s)
{
	return round64(((size_t)s->ids + 1) * sizeof(uint32_t));
}

static size_t
drained_bytes(const struct shape *s)
{
	return round64((size_t)s->ids * sizeof(uint64_t));
}

size_t
pool_memsize(const struct policy_env *env, struct pool_share share)
{
	struct shape s = shape_of(env, share);
	return table_memsize(s.slots, sizeof(struct pool_slot), 0) +
	       table_memsize(s.blocks, sizeof(struct block), 0) + taken_bytes(&s) +
	       held_bytes(&s) + id_bytes(&s) + drained_bytes(&s) + round64((size_t)s.ids + 1);
}

void
pool_init(struct pool *p, void *mem, const struct policy_env *env, struct pool_share share)
{
	struct shape s = shape_of(env, share);
	uint8_t *at = mem;
	memset(p, 0, sizeof(*p));
	table_init(&p->slots, at, s.slots, sizeof(struct pool_slot), 0);
	at += table_memsize(s.slots, sizeof(struct pool_slot), 0);
	table_init(&p->blocks, at, s.blocks, sizeof(struct block), 0);
	at += table_memsize(s.blocks, sizeof(struct block), 0);
	p->taken = (uint64_t *)(void *)at;
	at += taken_bytes(&s);
	p->held = (uint64_t *)(void *)at;
	at += held_bytes(&s);
	p->slot_of_id = (uint32_t *)(void *)at;
	at += id_bytes(&s);
	p->drained_ms = (uint64_t *)(void *)at;
	at += drained_bytes(&s);
	p->is_full = at;
	p->n_ids = s.ids;
	p->row_words = words(s.slot_ports);
	p->held_words = words(s.slot_ports >> GRANULE_SHIFT);
	p->split_inverse = s.split_inverse;
	p->shift = env->plane->steer_block_shift;
	p->worker = env->worker;
	p->epoch = 1;
}

/* Bits of ports that the pool leaves out, so that nobody finds them free. */
static __attribute__((noinline)) void
holes_set(struct pool *p, const struct img_nat_pool *pool, uint32_t slot, struct pool_span span)
{
	for (uint32_t i = 0; i < pool->holes; i++) {
		struct pool_span part = rules_hole(p->rules, pool, i, span);
		for (unsigned proto = 0; proto < NAT_PROTOS && part.first <= part.last; proto++)
			bits_set(pool_taken(p, slot, proto), pool_offset(p, (uint16_t)part.first),
			         part.last - part.first + 1);
	}
}

/* All bits of a block that has no port in use: those that are set are of ports left out. */
static __attribute__((noinline)) void
holes_clear(struct pool *p, const struct block *b)
{
	for (unsigned proto = 0; proto < NAT_PROTOS; proto++)
		bits_clear(pool_taken(p, b->slot, proto), pool_offset(p, b->first), b->ports);
}

/* What a block more or less changes of its pool. */
static void
use_add(struct pool *p, const struct pool_slot *slot, uint32_t blocks)
{
	if (slot->is_usable && (p->rules->pools[slot->pool].flags & NAT_SINGLE) == 0)
		p->use[slot->pool].held += blocks;
}

/*
 * slot_row: the row of a slot's address in a generation, by its id or, where that is another's now,
 * by the address. => NULL: it is in no pool.
 */
static const struct img_nat_address *
slot_row(const struct pool_slot *slot, const struct generation *g)
{
	const struct nat_rules *r = rules_of(g);
	uint32_t row = slot->id < r->n_ids ? r->row_of_id[slot->id] : 0;
	if (row != 0 && r->addresses[row - 1].address == slot->address)
		return &r->addresses[row - 1];
	return rules_address(g, slot->address);
}

/* slots_reload: to the ids that their addresses have now. First all leave the old ones. */
static void
slots_reload(struct pool *p, const struct generation *g)
{
	for (uint32_t i = 1; i <= p->slots.high; i++) {
		struct pool_slot *slot = pool_slot_at(p, i);
		const struct img_nat_address *a = slot->blocks != 0 ? slot_row(slot, g) : NULL;
		if (slot->blocks == 0)
			continue;
		if (a == NULL || a->id != slot->id)
			p->slot_of_id[slot->id] = 0;
		slot->pool = a != NULL ? a->pool : POOL_NONE;
		slot->is_usable = a != NULL && !a->drain;
		slot->id = a != NULL ? a->id : p->n_ids;
	}
	for (uint32_t i = 1; i <= p->slots.high; i++)
		if (pool_slot_at(p, i)->blocks != 0)
			p->slot_of_id[pool_slot_at(p, i)->id] = i;
}

void
pool_reload(struct pool *p, const struct generation *g)
{
	const struct nat_rules *r = rules_of(g);
	p->rules = r;
	slots_reload(p, g);
	for (uint32_t i = 0; i < r->n_pools; i++) {
		memset(p->use[i].single, 0, sizeof(p->use[i].single));
		p->use[i].held = 0;
		p->use[i].total = rules_pool_blocks(r, i, p->worker);
	}
	for (uint32_t i = 1; i <= p->slots.high; i++) {
		struct pool_slot *slot = pool_slot_at(p, i);
		if (slot->blocks == 0)
			continue;
		use_add(p, slot, slot->blocks - slot->shares);
		for (unsigned proto = 0; proto < NAT_PROTOS; proto++)
			single_use(p, slot, proto, slot->single[proto]);
	}
	memset(p->is_full, 0, (size_t)p->n_ids + 1);
	p->epoch++;
}

uint32_t
pool_find_id(const struct pool *p, const struct img_nat_address *a)
{
	uint32_t slot = a->id < p->n_ids ? p->slot_of_id[a->id] : 0;
	return slot != 0 && pool_slot_at(p, slot)->address == a->address ? slot : 0;
}

static uint32_t
slot_open(struct pool *p, const struct img_nat_address *a)
{
	uint32_t n = table_take(&p->slots);
	if (n == 0)
		return 0;
	struct pool_slot *slot = pool_slot_at(p, n);
	slot->address = a->address;
	slot->id = a->id;
	slot->pool = a->pool;
	slot->is_usable = 1;
	p->slot_of_id[a->id] = n;
	return n;
}

static void
slot_close(struct pool *p, uint32_t n)
{
	p->slot_of_id[pool_slot_at(p, n)->id] = 0;
	table_give(&p->slots, n);
}

static uint32_t
block_open(struct pool *p, const struct img_nat_address *a, struct pool_span span)
{
	uint32_t slot = pool_find_id(p, a);
	if (slot == 0 && (slot = slot_open(p, a)) == 0)
		return 0;
	uint32_t number = table_take(&p->blocks);
	if (number == 0) {
		if (pool_slot_at(p, slot)->blocks == 0)
			slot_close(p, slot);
		return 0;
	}
	struct block *b = block_at(p, number);
	b->slot = slot;
	b->first = (uint16_t)span.first;
	b->ports = (uint16_t)(span.last - span.first + 1);
	b->usable = b->ports;
	b->flags = p->rules->pools[a->pool].flags & NAT_PORT_FLAGS;
	pool_slot_at(p, slot)->blocks++;
	pool_slot_at(p, slot)->idle++;
	return number;
}

void
pool_renew(struct pool *p, uint32_t first)
{
	for (uint32_t n = first; n != 0; n = block_at(p, n)->next) {
		struct block *b = block_at(p, n);
		b->flags = p->rules->pools[pool_slot_at(p, b->slot)->pool].flags & NAT_PORT_FLAGS;
	}
}

uint32_t
pool_hold(struct pool *p, const struct img_nat_address *a, struct pool_span span)
{
	const struct img_nat_pool *pool = &p->rules->pools[a->pool];
	uint32_t number = block_open(p, a, span);
	if (number == 0)
		return 0;
	struct block *b = block_at(p, number);
	b->usable = (uint16_t)rules_usable(p->rules, pool, span);
	if (b->usable != b->ports)
		holes_set(p, pool, b->slot, span);
	bits_set(pool_held(p, b->slot), pool_granule(p, span.first), span_granules(span));
	use_add(p, pool_slot_at(p, b->slot), 1);
	return number;
}

uint32_t
pool_share(struct pool *p, const struct img_nat_address *a)
{
	uint32_t number = block_open(p, a, (struct pool_span){1, PORT_SPACE - 1});
	if (number != 0)
		pool_slot_at(p, block_at(p, number)->slot)->shares++;
	return number;
}

bool
pool_has_shares(const struct pool *p)
{
	for (uint32_t i = 1; i <= p->slots.high; i++)
		if (pool_slot_at(p, i)->shares != 0)
			return true;
	return false;
}

/* The ports of a block, back to the address. */
static void
span_close(struct pool *p, const struct block *b)
{
	struct pool_span span = {b->first, (uint32_t)b->first + b->ports - 1};
	struct pool_slot *slot = pool_slot_at(p, b->slot);
	bits_clear(pool_held(p, b->slot), pool_granule(p, span.first), span_granules(span));
	if (b->usable != b->ports)
		holes_clear(p, b);
	p->is_full[slot->id] = 0;
	use_add(p, slot, UINT32_MAX);
}

void
pool_give(struct pool *p, uint32_t number)
{
	struct block *b = block_at(p, number);
	assert(b->mapped == 0 && block_is_unused(b));
	struct pool_slot *slot = pool_slot_at(p, b->slot);
	if (block_is_share(b))
		slot->shares--;
	else
		span_close(p, b);
	p->epoch++;
	slot->idle--;
	if (--slot->blocks == 0)
		slot_close(p, b->slot);
	table_give(&p->blocks, number);
}
