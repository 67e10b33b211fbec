/* SPDX-License-Identifier: Apache-2.0 */
/* Ports that are asked for: of the blocks that are there, or of one more. */
#include "nat/asked.h"

#include "nat/threshold.h"
#include "nat/want.h"

/* Of block first and those that follow it. */
static bool
take_held(struct nat *n, const struct wish *w, uint32_t first, struct mapping *m)
{
	uint32_t block = 0;
	bool is_single = block_is_share(block_at(&n->pool, first));
	if (is_single && nat_log_is_full(n))
		return false;
	m->port = want_this(&n->pool, first, (struct want){m->proto, w->port}, &block);
	m->block = block & BLOCK_MASK;
	if (is_single && m->port != 0)
		threshold_pool(n, pool_slot_at(&n->pool, block_at(&n->pool, block)->slot)->pool);
	return m->port != 0;
}

/* May a port of a share be given? One that has become static, or is left out, may not. */
static bool
is_given(const struct nat *n, const struct block *b, uint16_t port)
{
	const struct nat_rules *r = rules_of(n->gen);
	const struct pool_slot *slot = pool_slot_at(&n->pool, b->slot);
	if (!slot->is_usable || statics_hold(&r->statics, slot->address, port, port))
		return false;
	const struct img_nat_pool *pool = &r->pools[slot->pool];
	return port >= pool->port_first && port <= pool->port_last &&
	       rules_usable(r, pool, (struct pool_span){port, port}) != 0;
}

/* Of the same blocks one that rests after the same endpoint's mapping: it is no stranger to it. */
static bool
take_rested(struct nat *n, const struct wish *w, uint32_t first, struct mapping *m)
{
	for (uint32_t i = first; i != 0; i = block_at(&n->pool, i)->next) {
		const struct block *b = block_at(&n->pool, i);
		uint32_t place = w->port - (uint32_t)b->first;
		struct quarantined q = {.block = i, .proto = m->proto, .place = place & 0xffff};
		if (place >= b->ports)
			continue;
		if (block_is_share(b) && (nat_log_is_full(n) || !is_given(n, b, w->port)))
			continue;
		if (!rest_recall(n, q, m->inside_port))
			continue;
		pool_remap(&n->pool, i, m->proto);
		m->port = w->port;
		m->block = i & BLOCK_MASK;
		m->asked = 1; /* or nobody would know whose it was, if it ends at once */
		return true;
	}
	return false;
}

/*
 * One more block, for the port: it may be the one that he had before a restart, when his other
 * flows came first and got another block.
 */
static uint32_t
block_with(struct nat *n, const struct wish *w, uint32_t subscriber)
{
	const struct subscriber *s = subscriber_at(&n->subscribers, subscriber);
	const struct pool_slot *slot = pool_slot_at(&n->pool, s->slot);
	const struct img_nat_pool *pool = &rules_of(w->miss->gen)->pools[slot->pool];
	if (w->external != slot->address || s->blocks >= pool->max_blocks ||
	    n->clock.ms < n->gives_from || nat_log_is_full(n))
		return 0;
	uint32_t block = pool_take_with(&n->pool, w->miss->gen, s->slot, w->port);
	if (block != 0)
		life_join(n, subscriber, block);
	return block;
}

bool
asked_take(struct nat *n, const struct wish *w, uint32_t subscriber, struct mapping *m)
{
	uint32_t first = subscriber_at(&n->subscribers, subscriber)->block;
	if (take_held(n, w, first, m) || take_rested(n, w, first, m))
		return true;
	uint32_t block = block_with(n, w, subscriber);
	return block != 0 && take_held(n, w, block, m);
}
