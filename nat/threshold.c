/* SPDX-License-Identifier: Apache-2.0 */
/* Events at thresholds, of pools, of tables and of subscribers. */
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

/* What has marks: a pool's blocks here, or a table of the worker. */
struct marked {
	struct marks *marks;
	uint32_t used, total;
	uint8_t high, low;           /* percent of total */
	uint8_t kind_high, kind_low; /* enum record_threshold */
	uint16_t pool;
};

static struct marked
pool_of(struct nat *n, uint16_t pool)
{
	struct pool_use *u = &n->pool.use[pool];
	const struct img_nat_pool *p = &n->pool.rules->pools[pool];
	return (struct marked){
		.marks = &u->marks, .used = u->held, .total = u->total, .high = p->high,
		.low = p->low, .kind_high = THRESHOLD_POOL_HIGH, .kind_low = THRESHOLD_POOL_LOW,
		.pool = pool,
	};
}

static struct marked
mappings_of(struct nat *n)
{
	const struct img_nat_conf *c = &n->pool.rules->conf;
	return (struct marked){
		.marks = &n->mapping_marks, .used = n->mappings.t.used,
		.total = n->mappings.t.capacity, .high = c->mappings_high, .low = c->mappings_low,
		.kind_high = THRESHOLD_MAPPINGS_HIGH, .kind_low = THRESHOLD_MAPPINGS_LOW,
		.pool = POOL_NONE,
	};
}

static struct marked
subscribers_of(struct nat *n)
{
	const struct img_nat_conf *c = &n->pool.rules->conf;
	return (struct marked){
		.marks = &n->subscriber_marks, .used = n->subscribers.t.used,
		.total = n->subscribers.t.capacity, .high = c->subscribers_high,
		.low = c->subscribers_low, .kind_high = THRESHOLD_SUBSCRIBERS_HIGH,
		.kind_low = THRESHOLD_SUBSCRIBERS_LOW, .pool = POOL_NONE,
	};
}

static void
crossed(struct nat *n, struct marked k)
{
	struct record rec = {.pool = k.pool};
	bool rises = !k.marks->is_high;
	put(n, &rec, rises ? k.kind_high : k.kind_low, k.used, marks_limit(k.marks));
	marks_set(k.marks, k.total, k.high, k.low, rises);
}

static void
reload(struct nat *n, struct marked k, bool is_known)
{
	marks_set(k.marks, k.total, k.high, k.low,
	          is_known && k.high != 0 && k.marks->is_high);
	if (marks_cross(k.marks, k.used))
		crossed(n, k);
}

void
threshold_crossed(struct nat *n, uint16_t pool)
{
	crossed(n, pool_of(n, pool));
}

void
threshold_mappings_crossed(struct nat *n)
{
	crossed(n, mappings_of(n));
}

void
threshold_subscribers_crossed(struct nat *n)
{
	crossed(n, subscribers_of(n));
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
		bool is_known = u->name == name;
		u->name = name;
		reload(n, pool_of(n, (uint16_t)i), is_known);
	}
	for (uint32_t i = r->n_pools; i < NAT_MAX_POOLS; i++)
		n->pool.use[i].name = 0;
	reload(n, mappings_of(n), true);
	reload(n, subscribers_of(n), true);
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
