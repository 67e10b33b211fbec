/* SPDX-License-Identifier: Apache-2.0 */
/* The life of mappings, blocks and subscribers: made together, ended together, logged. */
#include "nat/asked.h"
#include "nat/lane.h"
#include "nat/limit.h"
#include "nat/ranges.h"
#include "nat/single.h"
#include "nat/threshold.h"
#include "nat/want.h"
#include "nat/warm.h"

/*
 * Ports that are due go before an open, so that it does not matter when the last tick was; and two
 * for each that comes, so that the quarantine is never behind.
 */
enum { RELEASE_BEFORE_OPEN = 64, RELEASE_BEFORE_PUT = 2 };

static void
log_block(struct nat *n, enum record_event event, const struct block *b)
{
	if (n->log_level == NAT_LOG_NONE || b->is_range || block_is_share(b))
		return;
	const struct subscriber *s = subscriber_at(&n->subscribers, b->subscriber);
	const struct pool_slot *slot = pool_slot_at(&n->pool, b->slot);
	struct record rec = {
		.subscriber = s->address, .external = slot->address, .port_first = b->first,
		.port_last = (uint16_t)(b->first + b->ports - 1), .event = event,
		.realm = subscriber_realm(s), .pool = slot->pool,
	};
	log_put(&n->log, &rec, &n->clock);
}

/*
 * A block comes to its subscriber, or goes: so does the address, with the first and the last block
 * of it. As of blocks, of ranges the configuration says whose they are.
 */
static void
log_address(struct nat *n, enum record_event event, uint32_t number)
{
	const struct block *b = block_at(&n->pool, number);
	if (!n->log_addresses || b->is_range)
		return;
	const struct subscriber *s = subscriber_at(&n->subscribers, b->subscriber);
	for (uint32_t i = s->block; i != 0; i = block_at(&n->pool, i)->next) {
		const struct block *other = block_at(&n->pool, i);
		if (i != number && other->slot == b->slot && !other->is_range)
			return;
	}
	const struct pool_slot *slot = pool_slot_at(&n->pool, b->slot);
	struct record rec = {
		.subscriber = s->address, .external = slot->address, .event = event,
		.realm = subscriber_realm(s), .pool = slot->pool,
	};
	log_put(&n->log, &rec, &n->clock);
}

static __attribute__((noinline)) void
mapping_put(struct nat *n, enum record_event event, const struct mapping *m)
{
	if (n->log_level == NAT_LOG_BLOCKS && !block_is_share(mapping_block(&n->mappings, m)))
		return;
	const struct subscriber *s = life_subscriber(n, m);
	const struct pool_slot *slot = pool_slot_at(&n->pool,
	                                            mapping_block(&n->mappings, m)->slot);
	struct record rec = {
		.subscriber = s->address, .external = slot->address, .port_first = m->port,
		.port_last = m->port, .inside_port = __builtin_bswap16(m->inside_port),
		.event = event, .proto = nat_ip_proto(m->proto), .realm = subscriber_realm(s),
		.pool = slot->pool,
	};
	log_put(&n->log, &rec, &n->clock);
}

/* Where there are no blocks to be logged, mappings are. */
static inline void
log_mapping(struct nat *n, enum record_event event, const struct mapping *m)
{
	if (n->logs_mappings)
		mapping_put(n, event, m);
}

/* Blocks of its reserve that a subscriber does not have yet. */
static uint32_t
promised_to(const struct subscriber *s)
{
	return s->reserve > s->blocks && s->blocks != 0 ? (uint32_t)(s->reserve - s->blocks) : 0;
}

/* A subscriber has got or given a block: what its address owes it is another number. */
static void
promise(struct nat *n, const struct subscriber *s, uint32_t before)
{
	if (s->reserve != 0)
		pool_slot_at(&n->pool, s->slot)->promised += promised_to(s) - before;
}

/* Its oldest block may be another address's now (soft pairing), which owes it what is left. */
static void
slot_follow(struct nat *n, struct subscriber *s)
{
	uint32_t slot = block_at(&n->pool, s->block)->slot;
	pool_slot_at(&n->pool, s->slot)->promised -= promised_to(s);
	s->slot = slot & SLOT_MASK;
	pool_slot_at(&n->pool, s->slot)->promised += promised_to(s);
}

__attribute__((noinline)) void
life_join(struct nat *n, uint32_t subscriber, uint32_t number)
{
	struct subscriber *s = subscriber_at(&n->subscribers, subscriber);
	struct block *b = block_at(&n->pool, number);
	b->subscriber = subscriber;
	uint32_t last = s->block;
	while (last != 0 && block_at(&n->pool, last)->next != 0)
		last = block_at(&n->pool, last)->next;
	if (last == 0)
		s->block = number & BLOCK_MASK;
	else
		block_at(&n->pool, last)->next = number;
	uint32_t before = promised_to(s);
	if (s->blocks++ == 0)
		s->slot = b->slot & SLOT_MASK;
	promise(n, s, before);
	n->stats->blocks = n->pool.blocks.used;
	log_address(n, RECORD_ADDRESS_CREATE, number);
	log_block(n, RECORD_BLOCK_CREATE, b);
	threshold_pool(n, pool_slot_at(&n->pool, b->slot)->pool);
}

/* A block leaves its subscriber, who goes with the last one. */
static __attribute__((noinline)) void
block_release(struct nat *n, uint32_t number)
{
	struct block *b = block_at(&n->pool, number);
	uint32_t subscriber = b->subscriber;
	struct subscriber *s = subscriber_at(&n->subscribers, subscriber);
	log_block(n, RECORD_BLOCK_DELETE, b);
	log_address(n, RECORD_ADDRESS_DELETE, number);
	uint16_t pool = pool_slot_at(&n->pool, b->slot)->pool;
	uint32_t before_it = promised_to(s);
	s->blocks--;
	promise(n, s, before_it);
	if (s->block == number) {
		s->block = b->next & BLOCK_MASK;
	} else {
		uint32_t before = s->block;
		while (block_at(&n->pool, before)->next != number)
			before = block_at(&n->pool, before)->next;
		block_at(&n->pool, before)->next = b->next;
	}
	if (s->blocks != 0)
		slot_follow(n, s);
	pool_give(&n->pool, number);
	n->stats->blocks = n->pool.blocks.used;
	if (s->blocks == 0)
		subscriber_del(&n->subscribers, subscriber);
	n->stats->subscribers = n->subscribers.t.used;
	threshold_pool(n, pool);
	threshold_subscribers(n);
}

/*
 * A block without ports in use, or a share with one less. A range stays while its subscriber has
 * others: he would not get it again, and it is what the configuration explains him by.
 */
static __attribute__((noinline)) void
block_idle(struct nat *n, uint32_t number)
{
	const struct block *b = block_at(&n->pool, number);
	const struct subscriber *s = subscriber_at(&n->subscribers, b->subscriber);
	if (block_is_share(b))
		threshold_pool(n, pool_slot_at(&n->pool, b->slot)->pool);
	if (!block_is_unused(b) || (b->is_range && s->blocks > 1))
		return;
	bool is_last = s->blocks == 1;
	block_release(n, number);
	if (!is_last && s->blocks == 1 && block_is_unused(block_at(&n->pool, s->block)))
		block_release(n, s->block);
}

/* A port that nobody has any more; its block goes with the last one. */
static inline void
port_free(struct nat *n, uint32_t block, enum nat_proto proto, uint32_t place)
{
	if (pool_free(&n->pool, block, proto, place))
		block_idle(n, block);
}

static void
release_oldest(struct nat *n)
{
	struct quarantined e = quarantine_take(&n->quarantine);
	if (n->rests.t.used == 0 || rest_end(n, e))
		port_free(n, e.block, e.proto, e.place);
}

void
life_release_due(struct nat *n, uint32_t max)
{
	while (max-- > 0 && quarantine_is_due(&n->quarantine, n->quarantine_ms, n->clock.ms))
		release_oldest(n);
}

/* A port whose mapping has ended, into the quarantine. => false: it is free, there is none. */
static inline bool
port_retire(struct nat *n, uint32_t block, enum nat_proto proto, uint32_t place)
{
	struct quarantine *q = &n->quarantine;
	if (n->quarantine_ms == 0 || q->capacity == 0) {
		port_free(n, block, proto, place);
		return false;
	}
	life_release(n, RELEASE_BEFORE_PUT);
	if (q->count == q->capacity) {
		release_oldest(n);
		n->stats->quarantine_early++;
	}
	struct quarantined e = {.block = block, .proto = proto, .place = place};
	quarantine_put(q, e, n->clock.ms);
	return true;
}

/* One that is no longer found gets nothing more, so nothing is kept for it. */
static void
retire(struct nat *n, uint32_t number)
{
	struct subscriber *s = subscriber_at(&n->subscribers, number);
	pool_slot_at(&n->pool, s->slot)->promised -= promised_to(s);
	n->pool.epoch += promised_to(s) != 0;
	s->reserve = 0;
	subscriber_retire(&n->subscribers, number);
}

/*
 * Does the generation still give a block to its subscriber under this rule? Its address may be gone
 * or draining, and its ports a static mapping's, or a deterministic range of somebody else.
 */
static bool
is_own(const struct nat *n, const struct subscriber *s, const struct img_nat_rule *rule,
       const struct block *b)
{
	const struct nat_rules *r = rules_of(n->gen);
	const struct pool_slot *slot = pool_slot_at(&n->pool, b->slot);
	uint16_t last = (uint16_t)(b->first + b->ports - 1);
	if (!slot->is_usable || !rules_serves(rule, slot->pool) ||
	    ((b->flags ^ r->pools[slot->pool].flags) & NAT_SINGLE) != 0)
		return false;
	return (block_is_share(b) ||
	        !statics_hold(&r->statics, slot->address, b->first, last)) &&
	       ranges_explain(r, slot->pool, s, slot->address, b);
}

/* Are all its blocks its own, and is its range among them if it has one? */
static bool
is_served(const struct nat *n, const struct subscriber *s, const struct img_nat_rule *rule)
{
	const struct nat_rules *r = rules_of(n->gen);
	struct det_range range;
	for (uint32_t b = s->block; b != 0; b = block_at(&n->pool, b)->next)
		if (!is_own(n, s, rule, block_at(&n->pool, b)))
			return false;
	bool has = det_forward(&r->pools[rule->pool], r->insides, subscriber_realm(s), s->address,
	                       &range);
	return !has || block_at(&n->pool, s->block)->is_range != 0;
}

/*
 * The current subscriber, if its pool address still serves it. When a reload has drained, removed
 * or moved that address the subscriber is retired with what it has, and a new one begins.
 */
static uint32_t
subscriber_current(struct nat *n, const struct wish *w)
{
	uint32_t number = (uint32_t)w->miss->hint[HINT_SUBSCRIBER];
	uint32_t side = lane_side(n, w->rule, w->miss->tuple.realm);
	if (!subscriber_is(&n->subscribers, number, wish_address(w), side))
		number = subscriber_find(&n->subscribers, wish_address(w), side);
	if (number == 0)
		return 0;
	struct subscriber *s = subscriber_at(&n->subscribers, number);
	if (s->checked == n->reloads)
		return number;
	if (is_served(n, s, w->rule)) {
		pool_renew(&n->pool, s->block);
		s->checked = n->reloads;
		s->is_limited = 0;
		return number;
	}
	retire(n, number);
	return 0;
}

/* may_begin: a block is not given out when its records would be lost and the log refuses that. */
static bool
may_begin(const struct nat *n, uint8_t *drop)
{
	if (!nat_log_is_full(n))
		return true;
	*drop = DROP_NAT_LOG_FULL;
	return false;
}

/* May it get a block that somebody may have had before the start? A range is always the same's. */
static bool
is_too_early(const struct nat *n, const struct wish *w, uint8_t *drop)
{
	const struct nat_rules *r = rules_of(w->miss->gen);
	struct det_range range;
	if (n->clock.ms >= n->gives_from)
		return false;
	*drop = DROP_NAT_START;
	return !det_forward(&r->pools[w->rule->pool], r->insides, w->miss->tuple.realm,
	                    wish_address(w), &range);
}

static __attribute__((noinline)) uint32_t
first_block(struct nat *n, const struct wish *w, uint16_t pool)
{
	n->pool.is_asked = w->port != 0;
	n->pool.wanted = n->pool.is_asked ? w->port : __builtin_bswap16(w->miss->tuple.sport);
	n->pool.wanted_proto = w->proto;
	n->pool.drawn = w->miss->hint[HINT_PORT];
	return pool_take_first(&n->pool, w->miss->gen, pool, w->miss->tuple.realm, wish_address(w),
	                       &n->random);
}

/* A table of the worker is full. => 0 and *drop. */
static __attribute__((noinline)) uint32_t
no_room(struct nat *n, enum refusal_kind kind, const struct wish *w, uint64_t limit, uint8_t *drop)
{
	*drop = DROP_NAT_TABLE_FULL;
	refusal_of(n, kind, w, NULL, limit);
	return 0;
}

/* A new subscriber with its first block. */
static uint32_t
subscriber_make(struct nat *n, const struct wish *w, uint8_t *drop)
{
	if (n->subscribers.t.used == n->subscribers.t.capacity)
		return no_room(n, REFUSED_SUBSCRIBER_TABLE, w, n->subscribers.t.capacity, drop);
	if (!may_begin(n, drop) || is_too_early(n, w, drop))
		return 0;
	uint16_t pool = w->rule->pool;
	uint32_t block = first_block(n, w, pool);
	for (uint32_t i = 0; block == 0 && i < w->rule->fallbacks; i++)
		block = first_block(n, w, pool = w->rule->fallback[i]);
	if (block == 0) {
		*drop = DROP_NAT_NO_PORT;
		refusal_of(n, REFUSED_ADDRESS, w, NULL, 0);
		return 0;
	}
	uint32_t number = subscriber_add(&n->subscribers, wish_address(w),
	                                 lane_side(n, w->rule, w->miss->tuple.realm));
	struct subscriber *s = subscriber_at(&n->subscribers, number);
	s->checked = n->reloads;
	s->reserve = rules_of(w->miss->gen)->pools[pool].reserve & NAT_MAX_RESERVE;
	n->stats->subscribers = n->subscribers.t.used;
	life_join(n, number, block);
	threshold_subscribers(n);
	return number;
}

/* A port of block first or of those that follow it, into m. */
static bool
port_of_held(struct nat *n, uint32_t first, uint16_t hint, struct mapping *m)
{
	for (uint32_t b = first; b != 0; b = block_at(&n->pool, b)->next) {
		m->block = b;
		if ((m->port = pool_take_port(&n->pool, b, m->proto, hint, &n->random)) != 0)
			return true;
	}
	return false;
}

/* One more block, if the subscriber may have it and there is one. => its number, or 0 and *drop. */
static __attribute__((noinline)) uint32_t
block_more(struct nat *n, const struct wish *w, uint32_t subscriber, uint8_t *drop)
{
	const struct generation *g = w->miss->gen;
	struct subscriber *s = subscriber_at(&n->subscribers, subscriber);
	const struct pool_slot *slot = pool_slot_at(&n->pool, s->slot);
	assert(slot->pool < rules_of(g)->n_pools && "a current subscriber is served");
	const struct img_nat_pool *pool = &rules_of(g)->pools[slot->pool];
	bool is_soft = (pool->flags & NAT_PAIR_SOFT) != 0;
	if (s->blocks >= pool->max_blocks && (is_soft || (pool->flags & NAT_SINGLE) == 0)) {
		*drop = DROP_NAT_LIMIT;
		refusal_of(n, REFUSED_PORTS, w, slot,
		            (uint64_t)pool->max_blocks * pool->block_size);
		return 0;
	}
	*drop = DROP_NAT_START;
	if (n->clock.ms < n->gives_from || !may_begin(n, drop))
		return 0;
	n->pool.is_asked = false;
	n->pool.wanted = __builtin_bswap16(w->miss->tuple.sport);
	uint32_t block = pool_take_more(&n->pool, g, s->slot, s->blocks < s->reserve, &n->random);
	if (block == 0 && is_soft)
		block = first_block(n, w, slot->pool);
	if (block == 0) {
		*drop = DROP_NAT_NO_PORT;
		refusal_of(n, REFUSED_BLOCK, w, slot, 0);
		return 0;
	}
	life_join(n, subscriber, block);
	return block;
}

/* The same where the pool has wishes. */
static __attribute__((noinline)) bool
port_wanted(struct nat *n, const struct wish *w, uint32_t number, struct mapping *m,
            uint8_t *drop)
{
	struct want want = {m->proto, __builtin_bswap16(m->inside_port)};
	uint32_t first = subscriber_at(&n->subscribers, number)->block, block = 0;
	bool kept, is_single = block_is_share(block_at(&n->pool, first));
	if (is_single && !may_begin(n, drop))
		return false;
	while ((m->port = want_port(&n->pool, first, want, &n->random, &block, &kept)) == 0) {
		first = block_more(n, w, number, drop);
		if (first == 0)
			return false;
	}
	m->block = block & BLOCK_MASK;
	n->stats->ports_not_kept += !kept;
	if (is_single)
		threshold_pool(n, pool_slot_at(&n->pool, block_at(&n->pool, block)->slot)->pool);
	return true;
}

/* A port for a mapping that has none yet, from a new block if need be. */
static bool
port_take(struct nat *n, const struct wish *w, uint32_t number, struct mapping *m, uint8_t *drop)
{
	uint32_t block = subscriber_at(&n->subscribers, number)->block;
	uint16_t hint = (uint16_t)w->miss->hint[HINT_PORT];
	if (w->port != 0 && asked_take(n, w, number, m))
		return true;
	if (block_at(&n->pool, block)->flags != 0)
		return port_wanted(n, w, number, m, drop);
	while (!port_of_held(n, block, hint, m)) {
		block = block_more(n, w, number, drop);
		if (block == 0)
			return false;
		hint = 0;
	}
	return true;
}

/* What a mapping holds of its block, back. */
static inline __attribute__((always_inline)) void
port_leave(struct nat *n, const struct mapping *m, bool was_seen)
{
	uint32_t place = m->port - (uint32_t)mapping_block(&n->mappings, m)->first;
	pool_unmap(&n->pool, m->block, m->proto);
	if (!was_seen && !m->asked)
		port_free(n, m->block, m->proto, place);
	else if (port_retire(n, m->block, m->proto, place) && m->asked)
		rest_begin(n, m);
}

/* The same for a mapping that did not come to be. */
static __attribute__((noinline)) void
port_untake(struct nat *n, const struct mapping *m)
{
	port_leave(n, m, false);
}

static uint32_t
mapping_make(struct nat *n, const struct wish *w, uint32_t subscriber, uint64_t hash,
             uint8_t *drop)
{
	struct subscriber *s = subscriber_at(&n->subscribers, subscriber);
	struct mapping m = {
		.inside_port = w->miss->tuple.sport, .proto = w->proto,
		.filtering = w->rule->filtering, .sessions = w->rule->log_sessions,
	};
	if (w->rule->max_mappings != 0 && s->mappings >= w->rule->max_mappings) {
		*drop = DROP_NAT_LIMIT;
		refusal_of(n, REFUSED_MAPPINGS, w, pool_slot_at(&n->pool, s->slot),
		            w->rule->max_mappings);
		return 0;
	}
	if (!port_take(n, w, subscriber, &m, drop)) {
		if (s->mappings == 0 && s->blocks == 1) /* nobody would ever take it from him */
			block_idle(n, s->block);
		return 0;
	}
	uint64_t both[2] = {hash, warm_external(&n->mappings, w->miss->hint, &m)};
	uint32_t number = mapping_add(&n->mappings, &m, both);
	if (number == 0) {
		port_untake(n, &m);
		return no_room(n, REFUSED_MAPPING_TABLE, w, n->mappings.t.capacity, drop);
	}
	s->mappings++;
	n->stats->mappings_created++;
	n->stats->mappings = n->mappings.t.used;
	log_mapping(n, RECORD_MAPPING_CREATE, &m);
	threshold_mappings(n);
	if (w->rule->high != 0)
		threshold_more(n, subscriber, w->rule);
	return number;
}

struct nat_facts
life_facts(const struct nat *n, const struct mapping *m)
{
	const struct block *b = mapping_block(&n->mappings, m);
	const struct subscriber *s = subscriber_at(&n->subscribers, b->subscriber);
	const struct pool_slot *slot = pool_slot_at(&n->pool, b->slot);
	return (struct nat_facts){
		.inside = s->address, .external = slot->address,
		.inside_port = __builtin_bswap16(m->inside_port), .port_first = m->port,
		.port_last = m->port, .pool = slot->pool, .proto = nat_ip_proto(m->proto),
		.realm = subscriber_realm(s), .worker = (uint8_t)n->worker,
	};
}

static uint64_t
inside_hash(const struct nat *n, uint32_t subscriber, const struct wish *w)
{
	const struct miss *m = w->miss;
	if (subscriber == m->hint[HINT_SUBSCRIBER])
		return m->hint[HINT_FOUND];
	return mapping_hash(&n->mappings, false, subscriber, w->proto, m->tuple.sport);
}

/* A subscriber that is not known yet, or no longer. */
static __attribute__((noinline)) uint32_t
newcomer(struct nat *n, const struct wish *w, uint8_t *drop)
{
	if (n->mappings.t.used == n->mappings.t.capacity)
		return no_room(n, REFUSED_MAPPING_TABLE, w, n->mappings.t.capacity, drop);
	return subscriber_make(n, w, drop);
}

static __attribute__((noinline)) void
log_limit(struct nat *n, const struct wish *w, uint32_t subscriber, uint8_t drop)
{
	const struct subscriber *s = subscriber_at(&n->subscribers, subscriber);
	bool is_rate = drop == DROP_NAT_FLOW_RATE;
	refusal_of(n, is_rate ? REFUSED_RATE : REFUSED_FLOWS, w, pool_slot_at(&n->pool, s->slot),
	            is_rate ? 0 : w->rule->max_flows);
}

uint32_t
life_find_or_make(struct nat *n, const struct wish *w, uint8_t *drop)
{
	life_release(n, RELEASE_BEFORE_OPEN);
	uint32_t subscriber = subscriber_current(n, w);
	if (subscriber == 0 && (subscriber = newcomer(n, w, drop)) == 0)
		return 0;
	if (limit_is_set(w->rule) && !limit_outbound(n, subscriber, w, drop)) {
		log_limit(n, w, subscriber, *drop);
		return 0;
	}
	uint64_t hash = inside_hash(n, subscriber, w);
	uint32_t mapping = mapping_find(&n->mappings, hash, subscriber, w->proto,
	                                w->miss->tuple.sport);
	return mapping != 0 ? mapping : mapping_make(n, w, subscriber, hash, drop);
}

uint32_t
life_find(struct nat *n, const struct wish *w)
{
	uint32_t subscriber = subscriber_current(n, w);
	if (subscriber == 0)
		return 0;
	return mapping_find(&n->mappings, inside_hash(n, subscriber, w), subscriber, w->proto,
	                    w->miss->tuple.sport);
}

void
life_end(struct nat *n, uint32_t mapping, bool was_seen, const uint64_t *hash)
{
	struct mapping m = *mapping_at(&n->mappings, mapping);
	uint32_t subscriber = mapping_block(&n->mappings, &m)->subscriber;
	log_mapping(n, RECORD_MAPPING_DELETE, &m);
	struct subscriber *s = subscriber_at(&n->subscribers, subscriber);
	s->mappings--;
	if (s->is_high)
		threshold_less(n, subscriber);
	uint64_t own[2];
	if (hash == NULL) {
		own[0] = mapping_hash_inside(&n->mappings, &m);
		own[1] = mapping_hash_external(&n->mappings, &m);
		hash = own;
	}
	mapping_del(&n->mappings, mapping, hash);
	n->stats->mappings_freed++;
	n->stats->mappings = n->mappings.t.used;
	threshold_mappings(n);
	port_leave(n, &m, was_seen);
}
