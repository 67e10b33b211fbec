/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of deterministic pools, held as blocks. */
#include "nat/ranges.h"

#include "nat/deterministic.h"

int
ranges_home(const struct generation *g, const struct img_nat_rule *rule, const struct tuple *sent)
{
	const struct nat_rules *r = rules_of(g);
	struct det_range range;
	union addr a = sent->src;
	if (det_forward(&r->pools[rule->pool], r->insides, sent->realm, a.w[0], &range))
		a = addr_from_v4(r->addresses[range.row].address);
	return steer_worker(&g->steer, &a, FAMILY_V4);
}

/* Is no port of it held, or a static mapping's? */
static bool
is_free(const struct pool *p, const struct img_nat_address *a, struct pool_span span)
{
	uint32_t slot = pool_find_id(p, a);
	if (statics_hold(&p->rules->statics, a->address, (uint16_t)span.first,
	                 (uint16_t)span.last))
		return false;
	return slot == 0 || pool_is_clear(p, slot, span);
}

uint32_t
ranges_take(struct pool *p, const struct generation *g, uint16_t pool, uint8_t realm,
            be32 subscriber, bool *has)
{
	const struct nat_rules *r = rules_of(g);
	struct det_range range;
	*has = det_forward(&r->pools[pool], r->insides, realm, subscriber, &range);
	if (!*has)
		return 0;
	const struct img_nat_address *a = &r->addresses[range.row];
	struct pool_span span = {range.first, range.last};
	if (a->drain || a->id >= p->n_ids || !is_free(p, a, span))
		return 0;
	uint32_t number = pool_hold(p, a, span);
	if (number != 0)
		block_at(p, number)->is_range = 1;
	return number;
}

bool
ranges_explain(const struct nat_rules *r, uint16_t pool, const struct subscriber *s, be32 external,
               const struct block *b)
{
	struct det_range range;
	const struct img_nat_pool *p = &r->pools[pool];
	if (!b->is_range)
		return !det_is(p) || b->first >= det_dynamic(p);
	return det_forward(p, r->insides, subscriber_realm(s), s->address, &range) &&
	       range.first == b->first && range.last == b->first + b->ports - 1u &&
	       r->addresses[range.row].address == external;
}
