/* SPDX-License-Identifier: Apache-2.0 */
/* From chain to subscriber, block, mapping and port, each asked for before it is read. */
#include "nat/warm.h"

#include "lib/prefetch.h"
#include "nat/bits.h"
#include "nat/unmapped.h"

/* Ports drawn for one flow, at most: of a block of which few are left, or many are drawn. */
enum { WARM_TRIES = 12 };

/* Of a miss: outbound, of a newcomer, inbound. */
enum side { SIDE_NONE, SIDE_OUT, SIDE_NEW, SIDE_IN };

static void
ask_mapping(const struct nat *n, uint32_t number)
{
	prefetch_write(mapping_at(&n->mappings, number));
}

/* The head of the subscriber's chain. */
static void
out_chain(struct nat *n, struct miss *m)
{
	const struct tuple *t = &m->tuple;
	uint64_t hash = subscriber_hash(&n->subscribers, t->src.w[0], t->realm);
	m->hint[HINT_FOUND] = hash;
	prefetch_read(table_head(&n->subscribers.t, hash));
}

static void
out_subscriber(struct nat *n, struct miss *m)
{
	uint32_t first = table_first(&n->subscribers.t, m->hint[HINT_FOUND]);
	m->hint[HINT_FOUND] = first;
	prefetch_write(subscriber_at(&n->subscribers, first));
}

/* Where the subscriber's mapping would be found. */
static void
ask_inside(struct nat *n, struct miss *m, uint32_t subscriber)
{
	const struct tuple *t = &m->tuple;
	uint64_t hash = mapping_hash(&n->mappings, false, subscriber, nat_proto(t->proto),
	                             t->sport);
	m->hint[HINT_SUBSCRIBER] = subscriber;
	m->hint[HINT_FOUND] = hash;
	index_ask(n->mappings.index, hash);
}

/* A flow of somebody who has nothing yet. */
static __attribute__((noinline)) void
out_newcomer(struct nat *n, struct miss *m)
{
	const struct newcomer *c = newcomer_of(&n->newcomers, &n->subscribers, &n->pool, m,
	                                       &n->random);
	m->hint[HINT_WAY] = SIDE_NONE;
	if (c == NULL || c->subscriber == 0)
		return;
	m->hint[HINT_WAY] = SIDE_NEW;
	m->hint[HINT_NEWCOMER] = (uint64_t)(c - n->newcomers.row);
	ask_inside(n, m, c->subscriber);
}

/* The subscriber's line has come: where its mappings and its first block are. */
static void
out_inside(struct nat *n, struct miss *m)
{
	const struct tuple *t = &m->tuple;
	uint32_t number = subscriber_from(&n->subscribers, (uint32_t)m->hint[HINT_FOUND],
	                                  t->src.w[0], t->realm);
	if (number == 0) {
		out_newcomer(n, m);
		return;
	}
	ask_inside(n, m, number);
	prefetch_write(block_at(&n->pool, subscriber_at(&n->subscribers, number)->block));
}

/* Ports that a subscriber has on a pool address, or will have. */
struct ports {
	uint32_t slot;
	uint16_t first, n;
};

static uint16_t
draw(struct nat *n, struct ports p)
{
	return (uint16_t)(p.first + random_below(&n->random, p.n));
}

/* A port for a mapping that there will be. */
static void
ask_port(struct nat *n, struct miss *m, struct ports p)
{
	uint16_t port = draw(n, p);
	m->hint[HINT_PORT] = port;
	prefetch_write(pool_word(&n->pool, p.slot, nat_proto(m->tuple.proto), port));
}

/* The mapping that there may be; or a port for the one that there will be. */
static void
out_mapping(struct nat *n, struct miss *m)
{
	struct index_search s;
	uint32_t number = (uint32_t)m->hint[HINT_SUBSCRIBER];
	uint32_t ref = index_first(&s, n->mappings.index, m->hint[HINT_FOUND]);
	if (ref != 0) {
		ask_mapping(n, ref >> 1);
		return;
	}
	enum nat_proto proto = nat_proto(m->tuple.proto);
	uint32_t block = subscriber_at(&n->subscribers, number)->block;
	const struct block *b = block_at(&n->pool, block);
	while (block != 0 && b->taken[proto] == b->usable)
		b = block_at(&n->pool, block = b->next);
	if (block == 0 || b->flags != 0) /* else open() has wishes */
		return;
	m->hint[HINT_BLOCK] = block;
	prefetch_write(pool_slot_at(&n->pool, b->slot));
	ask_port(n, m, (struct ports){b->slot, b->first, b->ports});
}

static void
new_mapping(struct nat *n, struct miss *m)
{
	struct newcomer *c = &n->newcomers.row[m->hint[HINT_NEWCOMER]];
	const struct foreseen *b = &c->block;
	index_ask_on(n->mappings.index, m->hint[HINT_FOUND]);
	if (!c->is_drawn && b->slot != 0)
		c->is_drawn = pool_draw(&n->pool, m->gen, &c->block, &n->random);
	if (b->slot != 0)
		ask_port(n, m, (struct ports){b->slot, b->first, b->ports});
}

/* Was this port drawn for another flow of the burst? (or one that looks the same) Now it was. */
static bool
is_drawn_before(struct nat *n, struct ports p, uint16_t port)
{
	uint32_t key = p.slot * 0x9e3779b1u + port;
	uint64_t *word = &n->drawn[key / 64 % DRAWN_WORDS], bit = 1ull << (key & 63);
	bool was = (*word & bit) != 0;
	*word |= bit;
	return was;
}

/* Is that port free? If not, another one: open() will take it, so its line is the right one. */
static void
ask_external(struct nat *n, struct miss *m, struct ports p)
{
	enum nat_proto proto = nat_proto(m->tuple.proto);
	const uint64_t *row = pool_taken(&n->pool, p.slot, proto);
	uint32_t at = pool_offset(&n->pool, p.first);
	uint16_t port = (uint16_t)m->hint[HINT_PORT];
	m->hint[HINT_PORT] = 0;
	for (unsigned tries = 0;
	     bit_is_set(row, at + port - p.first) || is_drawn_before(n, p, port); tries++) {
		if (tries == WARM_TRIES)
			return;
		port = draw(n, p);
	}
	uint64_t hash = mapping_hash(&n->mappings, true, p.slot, proto, port);
	m->hint[HINT_PORT] = (uint64_t)p.slot << 32 | port;
	m->hint[HINT_EXTERNAL] = hash;
	index_ask(n->mappings.index, hash);
}

static void
out_external(struct nat *n, struct miss *m)
{
	const struct block *b = block_at(&n->pool, (uint32_t)m->hint[HINT_BLOCK]);
	if (m->hint[HINT_PORT] != 0)
		ask_external(n, m, (struct ports){b->slot, b->first, b->ports});
}

static void
new_external(struct nat *n, struct miss *m)
{
	const struct foreseen *b = &n->newcomers.row[m->hint[HINT_NEWCOMER]].block;
	if (m->hint[HINT_PORT] != 0)
		ask_external(n, m, (struct ports){b->slot, b->first, b->ports});
}

static void
in_index(struct nat *n, struct miss *m)
{
	const struct nat_rules *r = rules_of(m->gen);
	uint32_t row = m->route->arg < r->n_addresses ? m->route->arg : 0;
	uint32_t slot = r->n_addresses != 0 ? pool_find_id(&n->pool, &r->addresses[row]) : 0;
	uint16_t port = __builtin_bswap16(m->tuple.dport);
	uint64_t hash = mapping_hash(&n->mappings, true, slot, nat_proto(m->tuple.proto), port);
	m->hint[HINT_FOUND] = hash;
	index_ask(n->mappings.index, hash);
}

static void
in_mapping(struct nat *n, struct miss *m)
{
	struct index_search s;
	uint32_t ref = index_first(&s, n->mappings.index, m->hint[HINT_FOUND]);
	m->hint[HINT_FOUND] = ref >> 1;
	ask_mapping(n, ref >> 1);
}

static const struct mapping *
found(const struct nat *n, const struct miss *m)
{
	return mapping_at(&n->mappings, (uint32_t)m->hint[HINT_FOUND]);
}

static void
in_block(struct nat *n, struct miss *m)
{
	prefetch_read(mapping_block(&n->mappings, found(n, m)));
}

static void
in_subscriber(struct nat *n, struct miss *m)
{
	prefetch_read(life_subscriber(n, found(n, m)));
}

static enum side
side_of(const struct miss *m)
{
	if (m->tuple.family != FAMILY_V4 || nat_proto(m->tuple.proto) == NAT_PROTOS)
		return SIDE_NONE;
	bool is_pool = m->route != NULL && m->route->kind == ROUTE_POOL;
	return is_pool && m->tuple.realm == 0 ? SIDE_IN : SIDE_OUT;
}

typedef void (*step)(struct nat *n, struct miss *m);

/* A step of each side; all are known where this is called, so there is no call. */
static inline __attribute__((always_inline)) void
each(struct nat *n, struct miss *const *all, unsigned count, step out, step new, step in)
{
	for (unsigned i = 0; i < count; i++) {
		struct miss *m = all[i];
		if (m->hint[HINT_WAY] == SIDE_OUT)
			out(n, m);
		else if (m->hint[HINT_WAY] == SIDE_IN && in != NULL)
			in(n, m);
		else if (m->hint[HINT_WAY] == SIDE_NEW && new != NULL)
			new(n, m);
	}
}

void
warm_open(void *state, struct miss *const *all, unsigned count, unsigned stage)
{
	struct nat *n = state;
	switch (stage) {
	case 0:
		for (unsigned i = 0; i < count; i++)
			all[i]->hint[HINT_WAY] = side_of(all[i]);
		each(n, all, count, out_chain, NULL, in_index);
		return;
	case 1:
		each(n, all, count, out_subscriber, NULL, in_mapping);
		return;
	case 2:
		n->newcomers.n = 0;
		each(n, all, count, out_inside, NULL, in_block);
		return;
	case 3:
		each(n, all, count, out_mapping, new_mapping, in_subscriber);
		return;
	default:
		memset(n->drawn, 0, sizeof(n->drawn));
		each(n, all, count, out_external, new_external, NULL);
	}
}

/* Of a block that may go with the flows that end: and where its subscriber's chain begins, who may
 * go as well. Of the flow's tuples one has his address; in a lane the chain is another one. */
static void
ask_block_end(const struct nat *n, const struct block *b, const struct flow *f)
{
	unsigned dir = (f->flags & FLOW_INBOUND) != 0;
	be32 address = ((const struct flow4 *)f)->tuple[dir].src;
	uint64_t hash = subscriber_hash(&n->subscribers, address, f->realm[dir]);
	prefetch_write(pool_held_word(&n->pool, b->slot, b->first));
	prefetch_write(table_head(&n->subscribers.t, hash));
}

/* What the end of a mapping's last flow takes. block: the last one that was asked for. */
static void
ask_end(const struct nat *n, const struct mapping *m, const struct flow *f, uint32_t *block,
        uint64_t hint[HINTS])
{
	const struct block *b = mapping_block(&n->mappings, m);
	enum nat_proto proto = m->proto;
	prefetch_write(pool_word(&n->pool, b->slot, proto, m->port));
	if (m->block != *block) {
		*block = m->block;
		prefetch_write(subscriber_at(&n->subscribers, b->subscriber));
		prefetch_write(pool_slot_at(&n->pool, b->slot));
		if (b->mapped <= EXPIRE_CHUNK)
			ask_block_end(n, b, f);
	}
	hint[PARTING_INSIDE] = mapping_hash_inside(&n->mappings, m);
	hint[PARTING_EXTERNAL] = mapping_hash_external(&n->mappings, m);
	index_ask(n->mappings.index, hint[PARTING_INSIDE]);
	index_ask(n->mappings.index, hint[PARTING_EXTERNAL]);
}

/* Of the flows that have a mapping: it, its block, and the rest. block: see ask_end. */
static inline __attribute__((always_inline)) void
part_one(const struct nat *n, struct leaving *l, unsigned stage, uint32_t *block)
{
	const struct mapping *m = mapping_at(&n->mappings, l->f->owner);
	if (!owner_is_mapping(l->f->owner))
		return;
	if (stage == 0)
		prefetch_write(m);
	else if (stage == 1)
		prefetch_write(mapping_block(&n->mappings, m));
	else if (m->flows != 1)
		prefetch_write(life_subscriber(n, m));
	else
		ask_end(n, m, l->f, block, l->hint);
}

/* The stage is known where this is called, so that the loop does not ask for it. */
static inline __attribute__((always_inline)) void
part(const struct nat *n, struct leaving *const *all, unsigned count, unsigned stage)
{
	uint32_t block = 0;
	for (unsigned i = 0; i < count; i++)
		part_one(n, all[i], stage, &block);
}

void
warm_ended(void *state, struct leaving *const *all, unsigned count, unsigned stage)
{
	if (stage == 0)
		part(state, all, count, 0);
	else if (stage == 1)
		part(state, all, count, 1);
	else
		part(state, all, count, 2);
}
