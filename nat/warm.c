/* SPDX-License-Identifier: Apache-2.0 */
/* From chain to subscriber, block, mapping and port, each asked for before it is read. */
#include "nat/warm.h"

#include "lib/prefetch.h"
#include "nat/bits.h"
#include "nat/state.h"

static void
ask_mapping(const struct nat *n, uint32_t number)
{
	prefetch_write(mapping_at(&n->mappings, number));
}

/* The place in the row of a port of a block. */
static void
ask_port(const struct nat *n, const struct block *b, enum nat_proto proto, uint16_t port)
{
	const uint64_t *row = pool_taken(&n->pool, b->slot, proto);
	prefetch_write(&row[pool_offset(&n->pool, port) / 64]);
	index_ask(n->mappings.index, mapping_hash(&n->mappings, true, b->slot, proto, port));
}

/* The subscriber's line has come: where its mappings and its first block are. */
static void
ask_inside(const struct nat *n, struct miss *m, unsigned proto)
{
	const struct tuple *t = &m->tuple;
	uint32_t number = subscriber_find(&n->subscribers, t->src.w[0], t->realm);
	m->hint[HINT_SUBSCRIBER] = number;
	if (number == 0)
		return;
	index_ask(n->mappings.index, mapping_hash(&n->mappings, false, number, proto, t->sport));
	prefetch_write(block_at(&n->pool, subscriber_at(&n->subscribers, number)->block));
}

/* The mapping that there may be; or a port for the one that there will be. */
static void
ask_or_draw(struct nat *n, struct miss *m, unsigned proto)
{
	struct index_search s;
	uint32_t number = m->hint[HINT_SUBSCRIBER];
	if (number == 0)
		return;
	uint64_t hash = mapping_hash(&n->mappings, false, number, proto, m->tuple.sport);
	uint32_t ref = index_first(&s, n->mappings.index, hash);
	if (ref != 0) {
		ask_mapping(n, ref >> 1);
		return;
	}
	const struct block *b = block_at(&n->pool, subscriber_at(&n->subscribers, number)->block);
	if (b->taken[proto] == b->ports)
		return;
	uint16_t port = (uint16_t)(b->first + random_below(&n->ahead, b->ports));
	m->hint[HINT_PORT] = port;
	ask_port(n, b, proto, port);
	ask_mapping(n, table_peek(&n->mappings.t));
}

static void
warm_outbound(struct nat *n, struct miss *m, unsigned proto, unsigned stage)
{
	const struct tuple *t = &m->tuple;
	if (stage == 0) {
		n->ahead = n->random;
		subscriber_ask_chain(&n->subscribers, t->src.w[0], t->realm);
	} else if (stage == 1) {
		subscriber_ask(&n->subscribers, t->src.w[0], t->realm);
	} else if (stage == 2) {
		ask_inside(n, m, proto);
	} else if (stage == 3) {
		ask_or_draw(n, m, proto);
	}
}

static uint64_t
external_hash(const struct nat *n, const struct miss *m, unsigned proto)
{
	const struct nat_rules *r = rules_of(m->gen);
	uint32_t row = m->route->arg < r->n_addresses ? m->route->arg : 0;
	uint32_t slot = r->n_addresses != 0 ? pool_find_id(&n->pool, &r->addresses[row]) : 0;
	uint16_t port = __builtin_bswap16(m->tuple.dport);
	return mapping_hash(&n->mappings, true, slot, proto, port);
}

/* Inbound: the index line, the mapping, its block, its subscriber. */
static void
warm_inbound(const struct nat *n, struct miss *m, unsigned proto, unsigned stage)
{
	struct index_search s;
	const struct mapping *map = mapping_at(&n->mappings, m->hint[HINT_MAPPING]);
	if (stage == 0) {
		index_ask(n->mappings.index, external_hash(n, m, proto));
	} else if (stage == 1) {
		uint64_t hash = external_hash(n, m, proto);
		m->hint[HINT_MAPPING] = index_first(&s, n->mappings.index, hash) >> 1;
		ask_mapping(n, m->hint[HINT_MAPPING]);
	} else if (m->hint[HINT_MAPPING] != 0 && stage == 2) {
		prefetch_read(mapping_block(&n->mappings, map));
	} else if (m->hint[HINT_MAPPING] != 0 && stage == 3) {
		prefetch_read(life_subscriber(n, map));
	}
}

void
warm_open(void *state, struct miss *m, unsigned stage)
{
	struct nat *n = state;
	unsigned proto = nat_proto(m->tuple.proto);
	if (m->tuple.family != FAMILY_V4 || proto == NAT_PROTOS)
		return;
	if (m->route != NULL && m->route->kind == ROUTE_POOL && m->tuple.realm == 0)
		warm_inbound(n, m, proto, stage);
	else
		warm_outbound(n, m, proto, stage);
}

/* What the end of a mapping's last flow takes. */
static void
ask_end(const struct nat *n, const struct mapping *m)
{
	const struct block *b = mapping_block(&n->mappings, m);
	prefetch_write(subscriber_at(&n->subscribers, b->subscriber));
	index_ask(n->mappings.index, mapping_hash(&n->mappings, false, b->subscriber, m->proto,
	                                          m->inside_port));
	ask_port(n, b, m->proto, m->port);
}

void
warm_ended(void *state, const struct flow *f, const struct tuple t[2], uint32_t hint[4],
           unsigned stage)
{
	const struct nat *n = state;
	const struct mapping *m = mapping_at(&n->mappings, f->owner);
	if (stage == 0)
		ask_mapping(n, f->owner);
	else if (stage == 1 && m->flows == 1)
		prefetch_write(mapping_block(&n->mappings, m));
	else if (stage == 2 && m->flows == 1)
		ask_end(n, m);
}
