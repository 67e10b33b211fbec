/* SPDX-License-Identifier: Apache-2.0 */
/* Records of what was refused, to whom. */
#include "nat/refusal.h"

#include "nat/state.h"

enum { SHARED_EVERY_MS = 1000 };

/* What a kind is in the log: that which is a quota, and of what. */
static const struct { uint8_t event, quota; } said[REFUSED_KINDS] = {
	[REFUSED_ADDRESS] = {RECORD_ADDRESSES_EXHAUSTED, 0},
	[REFUSED_BLOCK] = {RECORD_PORTS_EXHAUSTED, 0},
	[REFUSED_PORTS] = {RECORD_QUOTA_EXCEEDED, QUOTA_PORTS},
	[REFUSED_MAPPINGS] = {RECORD_QUOTA_EXCEEDED, QUOTA_MAPPINGS},
	[REFUSED_FLOWS] = {RECORD_QUOTA_EXCEEDED, QUOTA_FLOWS},
	[REFUSED_RATE] = {RECORD_QUOTA_EXCEEDED, QUOTA_FLOW_RATE},
	[REFUSED_FRAGMENTS] = {RECORD_QUOTA_EXCEEDED, QUOTA_FRAGMENTS},
	[REFUSED_MAPPING_TABLE] = {RECORD_QUOTA_EXCEEDED, QUOTA_MAPPING_TABLE},
	[REFUSED_SUBSCRIBER_TABLE] = {RECORD_QUOTA_EXCEEDED, QUOTA_SUBSCRIBER_TABLE},
	[REFUSED_PERMISSION_TABLE] = {RECORD_QUOTA_EXCEEDED, QUOTA_PERMISSION_TABLE},
	[REFUSED_FLOW_TABLE] = {RECORD_QUOTA_EXCEEDED, QUOTA_FLOW_TABLE},
	[REFUSED_FRAGMENT_TABLE] = {RECORD_QUOTA_EXCEEDED, QUOTA_FRAGMENT_TABLE},
};

/* A subscriber is one in each pool (nat/lane.h); ports are exhausted by protocol (RFC 8158). */
static uint64_t
hash_of(const struct nat *n, const struct refusal *r)
{
	uint64_t who = (uint64_t)r->realm << 32 | r->subscriber;
	uint64_t proto = r->kind == REFUSED_BLOCK ? r->proto : 0;
	uint64_t what = proto << 32 | (uint64_t)r->kind << 16 | r->pool;
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

/* Room for one more? Where a full log refuses blocks the rest of it is for ends. pace: or NULL. */
static bool
may_say(struct nat *n, struct log_pace *pace)
{
	bool may = log_has_room(&n->log) &&
	           (pace == NULL || log_pace_take(pace, &n->clock, REFUSALS_SECOND));
	n->stats->refusals_unsaid += !may;
	return may;
}

static bool
subscriber_is_due(struct nat *n, const struct refusal *r)
{
	uint32_t now_s = (uint32_t)(n->clock.ms / 1000);
	uint64_t hash = hash_of(n, r);
	struct refusal_named *at = place_of(n->refusals, hash, now_s);
	if (at == NULL || !may_say(n, &n->refusal_pace))
		return false;
	*at = (struct refusal_named){(uint32_t)hash, now_s + REFUSAL_EVERY_S};
	return true;
}

static bool
shared_is_due(struct nat *n, uint64_t *quiet_ms)
{
	if (n->clock.ms < *quiet_ms || !may_say(n, NULL))
		return false;
	*quiet_ms = n->clock.ms + SHARED_EVERY_MS;
	return true;
}

static bool
is_due(struct nat *n, const struct refusal *r)
{
	if (r->kind == REFUSED_ADDRESS)
		return shared_is_due(n, &n->refusals->pool_quiet_ms[r->pool % NAT_MAX_POOLS]);
	if (r->kind >= REFUSED_MAPPING_TABLE)
		return shared_is_due(n, &n->refusals->quiet_ms[r->kind]);
	return subscriber_is_due(n, r);
}

void
refusal_say(struct nat *n, const struct refusal *r)
{
	if (n->log_level == NAT_LOG_NONE || !is_due(n, r))
		return;
	struct record rec = {
		.subscriber = r->subscriber, .external = r->external,
		.event = said[r->kind].event, .quota = said[r->kind].quota, .limit = r->limit,
		.proto = r->proto, .realm = r->realm, .pool = r->pool,
	};
	log_put(&n->log, &rec, &n->clock);
}

void
refusal_of(struct nat *n, enum refusal_kind kind, const struct wish *w,
           const struct pool_slot *slot, uint64_t limit)
{
	if (n->log_level == NAT_LOG_NONE) /* not even filled in: a flood comes this way */
		return;
	refusal_say(n, &(struct refusal){
		.kind = (uint8_t)kind, .subscriber = wish_address(w), .limit = limit,
		.external = slot != NULL ? slot->address : 0,
		.pool = slot != NULL ? slot->pool : w->rule->pool,
		.proto = slot != NULL ? nat_ip_proto(w->proto) : 0, .realm = w->miss->tuple.realm,
	});
}

void
refusal_of_fragment(struct nat *n, const struct miss *m, uint32_t limit, bool of_all)
{
	const struct img_nat_rule *rule = rules_match(rules_of(m->gen), m);
	if (rule == NULL || rule->action != NAT_TRANSLATE)
		return;
	refusal_say(n, &(struct refusal){
		.kind = of_all ? REFUSED_FRAGMENT_TABLE : REFUSED_FRAGMENTS, .limit = limit,
		.subscriber = m->tuple.src.w[0], .pool = rule->pool, .realm = m->tuple.realm,
		.proto = m->tuple.proto,
	});
}

bool
refusal_of_flow(struct nat *n, const struct miss *m, unsigned drop, uint8_t *code)
{
	const struct nat_rules *r = rules_of(m->gen);
	const struct img_nat_rule *rule = rules_match(r, m);
	bool is_full = drop == DROP_FLOW_TABLE_FULL;
	if (rule == NULL || (!is_full && drop != DROP_NAT_PAIR_TAKEN))
		return false;
	*code = r->conf.refusal;
	if (rule->action == NAT_TRANSLATE)
		refusal_say(n, &(struct refusal){
			.kind = is_full ? REFUSED_FLOW_TABLE : REFUSED_ADDRESS,
			.limit = is_full ? n->stats->capacity_v4 : 0,
			.subscriber = m->tuple.src.w[0], .pool = rule->pool,
			.realm = m->tuple.realm,
		});
	return true;
}
