/* SPDX-License-Identifier: Apache-2.0 */
/* From chain to subscriber, block, mapping and port, each asked for before it is read. */
#include "nat/warm.h"

#include "lib/prefetch.h"
#include "nat/bits.h"
#include "nat/unmapped.h"

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
	n->ahead = n->random;
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

/* The subscriber's line has come: where its mappings and its first block are. */
static void
out_inside(struct nat *n, struct miss *m)
{
	const struct tuple *t = &m->tuple;
	uint32_t number = subscriber_from(&n->subscribers, (uint32_t)m->hint[HINT_FOUND],
	                                  t->src.w[0], t->realm);
	m->hint[HINT_SUBSCRIBER] = number;
	uint64_t hash = mapping_hash(&n->mappings, false, number, nat_proto(t->proto), t->sport);
	m->hint[HINT_FOUND] = hash;
	index_ask(n->mappings.index, hash);
	prefetch_write(block_at(&n->pool, subscriber_at(&n->subscribers, number)->block));
}

/* The mapping that there may be; or a port for the one that there will be. */
static void
out_mapping(struct nat *n, struct miss *m)
{
	struct index_search s;
	uint32_t number = (uint32_t)m->hint[HINT_SUBSCRIBER];
	if (number == 0)
		return;
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
	uint16_t port = (uint16_t)(b->first + random_below(&n->ahead, b->ports));
	m->hint[HINT_PORT] = port;
	m->hint[HINT_BLOCK] = block;
	prefetch_write(pool_slot_at(&n->pool, b->slot));
	prefetch_write(pool_word(&n->pool, b->slot, proto, port));
}

/* Is that port free? If not, those that open() would draw next: else its line would be another. */
static void
out_port(struct nat *n, struct miss *m)
{
	if (m->hint[HINT_PORT] == 0)
		return;
	const struct block *b = block_at(&n->pool, (uint32_t)m->hint[HINT_BLOCK]);
	enum nat_proto proto = nat_proto(m->tuple.proto);
	const uint64_t *row = pool_taken(&n->pool, b->slot, proto);
	uint32_t at = pool_offset(&n->pool, b->first), port = (uint32_t)m->hint[HINT_PORT];
	uint32_t taken = 0;
	for (; bit_is_set(row, at + port - b->first); taken++) {
		if (taken == PORT_TRIES) {
			m->hint[HINT_PORT] = 0;
			return;
		}
		port = b->first + random_below(&n->ahead, b->ports);
	}
	uint64_t hash = mapping_hash(&n->mappings, true, b->slot, proto, (uint16_t)port);
	m->hint[HINT_PORT] = (uint64_t)b->slot << 32 | taken << 16 | port;
	m->hint[HINT_EXTERNAL] = hash;
	index_ask(n->mappings.index, hash);
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

enum side { SIDE_NONE, SIDE_OUT, SIDE_IN };

static enum side
side_of(const struct miss *m)
{
	if (m->tuple.family != FAMILY_V4 || nat_proto(m->tuple.proto) == NAT_PROTOS)
		return SIDE_NONE;
	bool is_pool = m->route != NULL && m->route->kind == ROUTE_POOL;
	return is_pool && m->tuple.realm == 0 ? SIDE_IN : SIDE_OUT;
}

typedef void (*step)(struct nat *n, struct miss *m);

/* A step of each side; both are known where this is called, so there is no call. */
static inline __attribute__((always_inline)) void
each(struct nat *n, struct miss *const *all, unsigned count, step out, step in)
{
	for (unsigned i = 0; i < count; i++) {
		struct miss *m = all[i];
		if (m->hint[HINT_WAY] == SIDE_OUT)
			out(n, m);
		else if (m->hint[HINT_WAY] == SIDE_IN && in != NULL)
			in(n, m);
	}
}

void
warm_open(void *state, struct miss *const *all, unsigned count, unsigned stage)
{
	switch (stage) {
	case 0:
		for (unsigned i = 0; i < count; i++)
			all[i]->hint[HINT_WAY] = side_of(all[i]);
		each(state, all, count, out_chain, in_index);
		return;
	case 1:
		each(state, all, count, out_subscriber, in_mapping);
		return;
	case 2:
		each(state, all, count, out_inside, in_block);
		return;
	case 3:
		each(state, all, count, out_mapping, in_subscriber);
		return;
	default:
		each(state, all, count, out_port, NULL);
	}
}

/* What the end of a mapping's last flow takes. */
static void
ask_end(const struct nat *n, const struct mapping *m, uint64_t hint[HINTS])
{
	const struct block *b = mapping_block(&n->mappings, m);
	enum nat_proto proto = m->proto;
	prefetch_write(subscriber_at(&n->subscribers, b->subscriber));
	prefetch_write(pool_slot_at(&n->pool, b->slot));
	prefetch_write(pool_word(&n->pool, b->slot, proto, m->port));
	hint[PARTING_INSIDE] = mapping_hash_inside(&n->mappings, m);
	hint[PARTING_EXTERNAL] = mapping_hash_external(&n->mappings, m);
	index_ask(n->mappings.index, hint[PARTING_INSIDE]);
	index_ask(n->mappings.index, hint[PARTING_EXTERNAL]);
}

/* Of the flows that have a mapping: it, its block, and the rest. */
static inline __attribute__((always_inline)) void
part_one(const struct nat *n, struct leaving *l, unsigned stage)
{
	const struct mapping *m = mapping_at(&n->mappings, l->f->owner);
	if (!owner_is_mapping(l->f->owner))
		return;
	if (stage == 0)
		prefetch_write(m);
	else if (stage == 1)
		prefetch_write(mapping_block(&n->mappings, m));
	else if (m->flows == 1)
		ask_end(n, m, l->hint);
	else
		prefetch_write(life_subscriber(n, m));
}

/* The stage is known where this is called, so that the loop does not ask for it. */
static inline __attribute__((always_inline)) void
part(const struct nat *n, struct leaving *const *all, unsigned count, unsigned stage)
{
	for (unsigned i = 0; i < count; i++)
		part_one(n, all[i], stage);
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
