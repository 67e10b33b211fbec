/* SPDX-License-Identifier: Apache-2.0 */
/* Records of what was refused, to whom. */
#include "nat/refusal.h"

#include "nat/state.h"

enum { POOL_EVERY_MS = 1000 };

static const uint8_t events[] = {
	[REFUSED_ADDRESS] = RECORD_ADDRESSES_EXHAUSTED, [REFUSED_BLOCK] = RECORD_PORTS_EXHAUSTED,
	[REFUSED_PORTS] = RECORD_QUOTA_EXCEEDED, [REFUSED_MAPPINGS] = RECORD_QUOTA_EXCEEDED,
	[REFUSED_FLOWS] = RECORD_QUOTA_EXCEEDED, [REFUSED_RATE] = RECORD_QUOTA_EXCEEDED,
};

/* A subscriber is one in each pool (nat/lane.h). */
static uint64_t
hash_of(const struct nat *n, const struct refusal *r)
{
	uint64_t who = (uint64_t)r->realm << 32 | r->subscriber;
	uint64_t what = (uint64_t)r->kind << 16 | r->pool;
	return mix64(who ^ n->subscribers.seed, what ^ 0x9e3779b97f4a7c15u);
}

/* Where a name goes: the entry of its set that is over first. => NULL: it was named lately. */
static struct refusal_named *
place_of(struct refusals *t, uint64_t hash, uint32_t now_s)
{
	struct refusal_named *set = t->set[(hash >> 32) % REFUSAL_SETS], *oldest = set;
	for (unsigned i = 0; i < REFUSAL_WAYS; i++) {
		if (set[i].tag == (uint32_t)hash && set[i].until_s > now_s)
			return NULL;
		if (set[i].until_s < oldest->until_s)
			oldest = &set[i];
	}
	return oldest;
}

static bool
subscriber_is_due(struct nat *n, const struct refusal *r)
{
	uint32_t now_s = (uint32_t)(n->clock.ms / 1000);
	uint64_t hash = hash_of(n, r);
	struct refusal_named *at = place_of(n->refusals, hash, now_s);
	if (at == NULL)
		return false;
	if (!log_pace_take(&n->refusal_pace, &n->clock, REFUSALS_SECOND)) {
		n->stats->refusals_unsaid++;
		return false;
	}
	*at = (struct refusal_named){(uint32_t)hash, now_s + REFUSAL_EVERY_S};
	return true;
}

static bool
pool_is_due(struct nat *n, uint16_t pool)
{
	uint64_t *until = &n->refusals->quiet_until_ms[pool % NAT_MAX_POOLS];
	if (n->clock.ms < *until)
		return false;
	*until = n->clock.ms + POOL_EVERY_MS;
	return true;
}

void
refusal_say(struct nat *n, const struct refusal *r)
{
	if (n->log_level == NAT_LOG_NONE)
		return;
	if (r->kind == REFUSED_ADDRESS ? !pool_is_due(n, r->pool) : !subscriber_is_due(n, r))
		return;
	struct record rec = {
		.subscriber = r->subscriber, .external = r->external, .event = events[r->kind],
		.limit = r->limit, .proto = r->proto, .realm = r->realm, .pool = r->pool,
	};
	log_put(&n->log, &rec, &n->clock);
}
