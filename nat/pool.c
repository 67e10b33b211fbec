/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and blocks: what is held, what is idle, and the direct index. */
#include "nat/pool.h"

enum { PORT_SPACE = 65536 };

/* The part of the table sizes that depends on how addresses are shared between workers. */
struct shape {
	uint32_t ids, slots, slot_ports, blocks;
	uint32_t split_inverse;
};

static struct shape
shape_of(const struct policy_env *env, uint32_t subscribers)
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
		uint32_t share = ids / n + 1;
		s.slots = share + share / 4 + 32;
	}
	if (s.slots > ids)
		s.slots = ids;
	uint64_t by_ports = (uint64_t)s.slots * (s.slot_ports / NAT_MIN_BLOCK);
	uint64_t by_holders = (uint64_t)subscribers * NAT_MAX_BLOCKS;
	uint64_t blocks = by_ports < by_holders ? by_ports : by_holders;
	s.blocks = blocks < MARK_BIT ? (uint32_t)blocks : MARK_BIT - 1;
	return s;
}

static size_t
round64(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

static size_t
port_bytes(const struct shape *s)
{
	return round64((size_t)s->slots * NAT_PROTOS * s->slot_ports * sizeof(uint32_t));
}

static size_t
owner_bytes(const struct shape *s)
{
	return round64((size_t)s->slots * (s->slot_ports >> GRANULE_SHIFT) * sizeof(uint32_t));
}

static size_t
id_bytes(const struct shape *s)
{
	return round64((size_t)s->ids * sizeof(uint32_t));
}

size_t
pool_memsize(const struct policy_env *env, uint32_t subscribers)
{
	struct shape s = shape_of(env, subscribers);
	return table_memsize(s.slots, sizeof(struct pool_slot), 0) +
	       table_memsize(s.blocks, sizeof(struct block), 0) + port_bytes(&s) +
	       owner_bytes(&s) + id_bytes(&s) + round64(s.ids);
}

void
pool_init(struct pool *p, void *mem, const struct policy_env *env, uint32_t subscribers)
{
	struct shape s = shape_of(env, subscribers);
	uint8_t *at = mem;
	memset(p, 0, sizeof(*p));
	table_init(&p->slots, at, s.slots, sizeof(struct pool_slot), 0);
	at += table_memsize(s.slots, sizeof(struct pool_slot), 0);
	table_init(&p->blocks, at, s.blocks, sizeof(struct block), 0);
	at += table_memsize(s.blocks, sizeof(struct block), 0);
	p->port = (uint32_t *)(void *)at;
	at += port_bytes(&s);
	p->owner = (uint32_t *)(void *)at;
	at += owner_bytes(&s);
	p->slot_of_id = (uint32_t *)(void *)at;
	at += id_bytes(&s);
	p->is_full = at;
	p->n_ids = s.ids;
	p->slot_ports = s.slot_ports;
	p->slot_granules = s.slot_ports >> GRANULE_SHIFT;
	p->split_inverse = s.split_inverse;
	p->shift = env->plane->steer_block_shift;
	p->worker = env->worker;
	p->epoch = 1;
}

void
pool_reload(struct pool *p, const struct nat_rules *r)
{
	for (uint32_t i = 1; i <= p->slots.high; i++) {
		struct pool_slot *slot = pool_slot_at(p, i);
		if (slot->blocks == 0)
			continue;
		uint32_t row = slot->id < r->n_ids ? r->row_of_id[slot->id] : 0;
		const struct img_nat_address *a = row != 0 ? &r->addresses[row - 1] : NULL;
		bool is_here = a != NULL && a->address == slot->address;
		slot->pool = is_here ? a->pool : POOL_NONE;
		slot->is_usable = is_here && !a->drain;
	}
	memset(p->is_full, 0, p->n_ids);
	p->epoch++;
}

uint32_t
pool_find_id(const struct pool *p, const struct img_nat_address *a)
{
	uint32_t slot = a->id < p->n_ids ? p->slot_of_id[a->id] : 0;
	return slot != 0 && pool_slot_at(p, slot)->address == a->address ? slot : 0;
}

static void
idle_push(struct pool *p, uint32_t number)
{
	struct block *b = block_at(p, number);
	b->is_idle = 1;
	b->idle_prev = p->idle_tail;
	b->idle_next = 0;
	if (p->idle_tail != 0)
		block_at(p, p->idle_tail)->idle_next = number;
	else
		p->idle_head = number;
	p->idle_tail = number;
	pool_slot_at(p, b->slot)->idle++;
}

static void
idle_remove(struct pool *p, uint32_t number)
{
	struct block *b = block_at(p, number);
	if (b->idle_prev != 0)
		block_at(p, b->idle_prev)->idle_next = b->idle_next;
	else
		p->idle_head = b->idle_next;
	if (b->idle_next != 0)
		block_at(p, b->idle_next)->idle_prev = b->idle_prev;
	else
		p->idle_tail = b->idle_prev;
	b->is_idle = 0;
	b->idle_prev = b->idle_next = 0;
	pool_slot_at(p, b->slot)->idle--;
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

uint32_t
pool_hold(struct pool *p, const struct img_nat_address *a, struct pool_span span)
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
	uint32_t *owner = pool_owner(p, slot, span.first);
	for (uint32_t i = 0; i < span_granules(span); i++)
		owner[i] = number;
	pool_slot_at(p, slot)->blocks++;
	idle_push(p, number);
	return number;
}

void
pool_give(struct pool *p, uint32_t number)
{
	struct block *b = block_at(p, number);
	assert(b->is_idle && block_is_unused(b));
	idle_remove(p, number);
	struct pool_span span = {b->first, (uint32_t)b->first + b->ports - 1};
	uint32_t *owner = pool_owner(p, b->slot, span.first);
	memset(owner, 0, span_granules(span) * sizeof(*owner));
	struct pool_slot *slot = pool_slot_at(p, b->slot);
	p->is_full[slot->id] = 0;
	p->epoch++;
	if (--slot->blocks == 0)
		slot_close(p, b->slot);
	table_give(&p->blocks, number);
}

uint16_t
pool_take_port(struct pool *p, uint32_t number, enum nat_proto proto, uint32_t mapping,
               const struct nat_clock *now, uint64_t *random)
{
	struct block *b = block_at(p, number);
	uint32_t *entry = pool_port(p, b->slot, proto, b->first);
	uint16_t port = block_take_port(b, entry, proto, mapping, now, random);
	if (port == 0)
		return 0;
	if (b->is_idle)
		idle_remove(p, number);
	pool_slot_at(p, b->slot)->ports_used[proto]++;
	return port;
}

void
pool_give_port(struct pool *p, uint32_t number, enum nat_proto proto, uint16_t port,
               uint32_t mark, const struct nat_clock *now)
{
	struct block *b = block_at(p, number);
	block_give_port(b, pool_port(p, b->slot, proto, b->first), proto, port, mark);
	pool_slot_at(p, b->slot)->ports_used[proto]--;
	if (!block_is_unused(b))
		return;
	if (b->until != 0 && mark_is_over(b->until, now))
		b->until = 0;
	idle_push(p, number);
}

uint32_t
pool_idle_due(const struct pool *p, const struct nat_clock *now)
{
	uint32_t n = p->idle_head;
	if (n == 0)
		return 0;
	const struct block *b = block_at(p, n);
	return b->until == 0 || mark_is_over(b->until, now) ? n : 0;
}
