/* SPDX-License-Identifier: Apache-2.0 */
/* Events at thresholds, of pools and of subscribers. */
#include "nat/threshold.h"

#include "nat/limit.h"

static void
put(struct nat *n, struct record *rec, uint8_t kind, uint64_t used, uint64_t limit)
{
	if (n->log_level == NAT_LOG_NONE)
		return;
	rec->event = RECORD_THRESHOLD;
	rec->threshold = kind;
	rec->used = used;
	rec->limit = limit;
	log_put(&n->log, rec, &n->clock);
}

/* The marks of a pool, as far as they can be crossed next. */
static void
marks_set(struct pool_use *u, const struct img_nat_pool *pool, bool is_high)
{
	uint64_t high = ((uint64_t)u->total * pool->high + 99) / 100;
	uint64_t low = (uint64_t)u->total * pool->low / 100;
	u->is_high = is_high;
	u->high = pool->high == 0 || is_high ? UINT32_MAX : (uint32_t)(high != 0 ? high : 1);
	u->low = is_high ? (uint32_t)low + 1 : 0;
}

void
threshold_crossed(struct nat *n, uint16_t pool)
{
	struct pool_use *u = &n->pool.use[pool];
	struct record rec = {.pool = pool};
	bool rises = !u->is_high;
	put(n, &rec, rises ? THRESHOLD_POOL_HIGH : THRESHOLD_POOL_LOW, u->held,
	    rises ? u->high : u->low - 1);
	marks_set(u, &n->pool.rules->pools[pool], rises);
}

/* A pool with another name is another pool, of which nothing was said yet. */
static uint64_t
name_hash(const char name[IMAGE_NAME])
{
	uint64_t h = 0, word;
	for (size_t i = 0; i < IMAGE_NAME; i += sizeof(word)) {
		memcpy(&word, name + i, sizeof(word));
		h = mix64(h ^ word, 0xa0761d6478bd642fu);
	}
	return h;
}
static_assert(IMAGE_NAME % sizeof(uint64_t) == 0, "a name is whole words");

void
threshold_reload(struct nat *n)
{
	const struct nat_rules *r = n->pool.rules;
	for (uint32_t i = 0; i < r->n_pools; i++) {
		struct pool_use *u = &n->pool.use[i];
		uint64_t name = name_hash(r->pools[i].name);
		bool is_known = u->name == name && r->pools[i].high != 0;
		u->name = name;
		marks_set(u, &r->pools[i], is_known && u->is_high);
		threshold_pool(n, (uint16_t)i);
	}
	for (uint32_t i = r->n_pools; i < NAT_MAX_POOLS; i++)
		n->pool.use[i].name = 0;
}

/* Room for one more event of a subscriber in this second? */
static bool
may_say(struct nat *n)
{
	return log_pace_take(&n->threshold_pace, &n->clock, THRESHOLDS_SECOND);
}

static void
say_user(struct nat *n, struct subscriber *s, uint8_t kind, uint32_t limit)
{
	const struct pool_slot *slot = pool_slot_at(&n->pool, s->slot);
	struct record rec = {
		.subscriber = s->address, .external = slot->address, .realm = subscriber_realm(s),
		.pool = slot->pool,
	};
	put(n, &rec, kind, s->mappings, limit);
	s->is_high = kind == THRESHOLD_USER_HIGH;
}

void
threshold_more(struct nat *n, uint32_t subscriber, const struct img_nat_rule *rule)
{
	struct subscriber *s = subscriber_at(&n->subscribers, subscriber);
	if (!s->is_high && s->mappings >= rule->high && may_say(n))
		say_user(n, s, THRESHOLD_USER_HIGH, rule->high);
}

/* One that no rule is known of since a reload waits for its next flow, or goes without a word. */
void
threshold_less(struct nat *n, uint32_t subscriber)
{
	struct subscriber *s = subscriber_at(&n->subscribers, subscriber);
	const struct img_nat_rule *rule = limit_rule(n, s);
	if (rule != NULL && s->mappings <= rule->low && may_say(n))
		say_user(n, s, THRESHOLD_USER_LOW, rule->low);
}
