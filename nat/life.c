/* SPDX-License-Identifier: Apache-2.0 */
/* The life of mappings, blocks and subscribers: made together, ended together, logged. */
#include "nat/state.h"

/* Blocks that are due go before an open, so that it does not matter when the last tick was. */
enum { RELEASE_BEFORE_OPEN = 64 };

static void
log_block(struct nat *n, enum record_event event, const struct block *b)
{
	const struct subscriber *s = subscriber_at(&n->subscribers, b->subscriber);
	const struct pool_slot *slot = pool_slot_at(&n->pool, b->slot);
	if (n->log_level == NAT_LOG_NONE)
		return;
	struct record rec = {
		.subscriber = s->address, .external = slot->address, .port_first = b->first,
		.port_last = (uint16_t)(b->first + b->ports - 1), .event = event,
		.realm = s->realm, .pool = slot->pool,
	};
	log_put(&n->log, &rec, &n->clock);
}

static void
log_mapping(struct nat *n, enum record_event event, const struct mapping *m)
{
	const struct subscriber *s = subscriber_at(&n->subscribers, m->subscriber);
	const struct pool_slot *slot = pool_slot_at(&n->pool, s->slot);
	if (n->log_level != NAT_LOG_MAPPINGS)
		return;
	struct record rec = {
		.subscriber = s->address, .external = slot->address, .port_first = m->port,
		.port_last = m->port, .inside_port = __builtin_bswap16(m->inside_port),
		.event = event, .proto = m->proto, .realm = s->realm, .pool = slot->pool,
	};
	log_put(&n->log, &rec, &n->clock);
}

static void
log_refusal(struct nat *n, enum record_event event, const struct wish *w, be32 external)
{
	struct record rec = {
		.subscriber = w->address, .external = external, .event = event,
		.proto = event == RECORD_ADDRESSES_EXHAUSTED ? 0 : w->proto, .realm = w->realm,
		.pool = w->rule->pool,
	};
	if (n->log_level != NAT_LOG_NONE)
		log_exhausted(&n->log, &rec, &n->clock);
}

static void
gauges(struct nat *n)
{
	n->stats->mappings = n->mappings.t.used;
	n->stats->subscribers = n->subscribers.t.used;
	n->stats->blocks = n->pool.blocks.used;
}

static void
block_join(struct nat *n, uint32_t subscriber, uint32_t number)
{
	struct subscriber *s = subscriber_at(&n->subscribers, subscriber);
	struct block *b = block_at(&n->pool, number);
	b->subscriber = subscriber;
	uint32_t *at = &s->block;
	while (*at != 0)
		at = &block_at(&n->pool, *at)->next;
	*at = number;
	s->blocks++;
	s->slot = b->slot;
	log_block(n, RECORD_BLOCK_CREATE, b);
}

/* A block leaves its subscriber, who goes with the last one. */
static void
block_release(struct nat *n, uint32_t number)
{
	struct block *b = block_at(&n->pool, number);
	uint32_t subscriber = b->subscriber;
	struct subscriber *s = subscriber_at(&n->subscribers, subscriber);
	log_block(n, RECORD_BLOCK_DELETE, b);
	uint32_t *at = &s->block;
	while (*at != number)
		at = &block_at(&n->pool, *at)->next;
	*at = b->next;
	pool_give(&n->pool, number);
	if (--s->blocks == 0)
		subscriber_del(&n->subscribers, subscriber);
}

void
life_release(struct nat *n, uint32_t max)
{
	for (uint32_t i = 0; i < max; i++) {
		uint32_t number = pool_idle_due(&n->pool, &n->clock);
		if (number == 0)
			break;
		block_release(n, number);
	}
	gauges(n);
}

/*
 * The current subscriber, if its pool address still serves it. When a reload has drained, removed
 * or moved that address the subscriber is retired with what it has, and a new one begins.
 */
static uint32_t
subscriber_current(struct nat *n, const struct wish *w)
{
	uint32_t number = subscriber_find(&n->subscribers, w->address, w->realm);
	if (number == 0)
		return 0;
	struct subscriber *s = subscriber_at(&n->subscribers, number);
	if (s->checked == n->reloads)
		return number;
	const struct pool_slot *slot = pool_slot_at(&n->pool, s->slot);
	if (slot->is_usable && slot->pool == w->rule->pool) {
		s->checked = n->reloads;
		return number;
	}
	subscriber_retire(&n->subscribers, number);
	return 0;
}

/* A new subscriber with its first block. */
static uint32_t
subscriber_make(struct nat *n, const struct wish *w, uint8_t *drop)
{
	*drop = DROP_NAT_TABLE_FULL;
	if (n->subscribers.t.used == n->subscribers.t.capacity)
		return 0;
	uint32_t block = pool_take_first(&n->pool, w->gen, w->rule->pool, w->address, &n->random);
	if (block == 0) {
		*drop = DROP_NAT_NO_PORT;
		log_refusal(n, RECORD_ADDRESSES_EXHAUSTED, w, 0);
		return 0;
	}
	uint32_t number = subscriber_add(&n->subscribers, w->address, w->realm);
	subscriber_at(&n->subscribers, number)->checked = n->reloads;
	block_join(n, number, block);
	return number;
}

/* A port of block first or of those that follow it. */
static bool
port_of_held(struct nat *n, uint32_t first, uint32_t mapping)
{
	struct mapping *m = mapping_at(&n->mappings, mapping);
	for (uint32_t b = first; b != 0; b = block_at(&n->pool, b)->next) {
		m->port = pool_take_port(&n->pool, b, nat_proto(m->proto), mapping, &n->clock,
		                         &n->random);
		m->block = b;
		if (m->port != 0)
			return true;
	}
	return false;
}

/* A port for a mapping that has none yet, from a new block if need be. */
static bool
port_take(struct nat *n, const struct wish *w, uint32_t mapping, uint8_t *drop)
{
	uint32_t number = mapping_at(&n->mappings, mapping)->subscriber;
	struct subscriber *s = subscriber_at(&n->subscribers, number);
	be32 external = pool_slot_at(&n->pool, s->slot)->address;
	if (port_of_held(n, s->block, mapping))
		return true;
	if (s->blocks >= rules_of(w->gen)->pools[w->rule->pool].max_blocks) {
		*drop = DROP_NAT_LIMIT;
		log_refusal(n, RECORD_QUOTA_EXCEEDED, w, external);
		return false;
	}
	uint32_t block = pool_take_more(&n->pool, w->gen, s->slot, &n->random);
	if (block == 0) {
		*drop = DROP_NAT_NO_PORT;
		log_refusal(n, RECORD_PORTS_EXHAUSTED, w, external);
		return false;
	}
	block_join(n, number, block);
	return port_of_held(n, block, mapping);
}

static uint32_t
mapping_make(struct nat *n, const struct wish *w, uint32_t subscriber, uint8_t *drop)
{
	struct subscriber *s = subscriber_at(&n->subscribers, subscriber);
	if (w->rule->max_mappings != 0 && s->mappings >= w->rule->max_mappings) {
		*drop = DROP_NAT_LIMIT;
		log_refusal(n, RECORD_QUOTA_EXCEEDED, w, pool_slot_at(&n->pool, s->slot)->address);
		return 0;
	}
	uint32_t number = mapping_add(&n->mappings, subscriber, w->proto, w->port);
	if (!port_take(n, w, number, drop)) {
		mapping_del(&n->mappings, number);
		return 0;
	}
	struct mapping *m = mapping_at(&n->mappings, number);
	m->filtering = w->rule->filtering;
	s->mappings++;
	n->stats->mappings_created++;
	log_mapping(n, RECORD_MAPPING_CREATE, m);
	return number;
}

uint32_t
life_find_or_make(struct nat *n, const struct wish *w, uint8_t *drop)
{
	life_release(n, RELEASE_BEFORE_OPEN);
	uint32_t subscriber = subscriber_current(n, w);
	uint32_t mapping = 0;
	if (subscriber != 0)
		mapping = mapping_find(&n->mappings, subscriber, w->proto, w->port);
	if (mapping != 0)
		return mapping;
	if (n->mappings.t.used == n->mappings.t.capacity) {
		*drop = DROP_NAT_TABLE_FULL;
		return 0;
	}
	if (subscriber == 0)
		subscriber = subscriber_make(n, w, drop);
	if (subscriber != 0)
		mapping = mapping_make(n, w, subscriber, drop);
	gauges(n);
	return mapping;
}

void
life_end_if_unused(struct nat *n, uint32_t mapping, uint32_t quarantine_ms)
{
	struct mapping *m = mapping_at(&n->mappings, mapping);
	if (m->flows != 0)
		return;
	struct subscriber *s = subscriber_at(&n->subscribers, m->subscriber);
	uint32_t mark = quarantine_ms != 0 ? clock_mark(&n->clock, quarantine_ms) : 0;
	log_mapping(n, RECORD_MAPPING_DELETE, m);
	pool_give_port(&n->pool, m->block, nat_proto(m->proto), m->port, mark, &n->clock);
	s->mappings--;
	mapping_del(&n->mappings, mapping);
	n->stats->mappings_freed++;
	gauges(n);
}
