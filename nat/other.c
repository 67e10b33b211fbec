/* SPDX-License-Identifier: Apache-2.0 */
/* Flows of other protocols, one inside host a remote host at a time. */
#include "nat/other.h"

#include "nat/answer.h"
#include "nat/lane.h"
#include "nat/unmapped.h"

/* Does a static mapping have a protocol of an address? */
static bool
is_static(const struct nat_rules *r, be32 external, uint8_t proto)
{
	uint64_t inside;
	return r->statics.n != 0 &&
	       static_in(&r->statics, static_key(0, external, proto, 0), &inside) != NULL;
}

static int
home_of(const struct generation *g, be32 external)
{
	union addr u = addr_from_v4(external);
	return steer_worker_port(&g->steer, &u, FAMILY_V4, 0);
}

/*
 * The address of a subscriber's deterministic range, or NULL; and where the subscriber's pairs are
 * at home: whatever addresses drain, come or go, those that there are are found there.
 */
static const struct img_nat_address *
range_of(const struct generation *g, const struct img_nat_rule *rule, const struct tuple *t,
         int *home)
{
	const struct nat_rules *r = rules_of(g);
	struct det_range range;
	if (det_forward(&r->pools[rule->pool], r->insides, t->realm, t->src.w[0], &range) &&
	    !is_static(r, r->addresses[range.row].address, t->proto)) {
		*home = home_of(g, r->addresses[range.row].address);
		return &r->addresses[range.row];
	}
	*home = r->is_split ? home_of(g, 0) : steer_worker(&g->steer, &t->src, FAMILY_V4);
	return NULL;
}

/* The first of rows first..first+n-1 in order[], from a place on, that gives a protocol and whose
 * replies come home; or NULL. */
static const struct img_nat_address *
first_giving(const struct generation *g, uint32_t first, uint32_t n, const struct tuple *t,
             int home)
{
	const struct nat_rules *r = rules_of(g);
	be32 subscriber = t->src.w[0];
	uint32_t at = n != 0 ? rules_place(subscriber, n) : 0;
	for (uint32_t i = 0; i < n; i++) {
		const struct img_nat_address *a = &r->addresses[r->order[first + at]];
		if (!a->drain && home_of(g, a->address) == home &&
		    !is_static(r, a->address, t->proto))
			return a;
		if (++at == n)
			at = 0;
	}
	return NULL;
}

/* The pool address of a subscriber by its own address and the protocol alone, or NULL. */
static const struct img_nat_address *
address_of(const struct generation *g, const struct img_nat_rule *rule, const struct tuple *t)
{
	int home;
	const struct nat_rules *r = rules_of(g);
	const struct img_nat_address *a = range_of(g, rule, t, &home);
	if (a != NULL)
		return a;
	const uint32_t *all = &r->class_first[rule->pool * r->n_classes];
	const uint32_t *own = all + steer_class(&g->steer, &t->src, FAMILY_V4);
	a = first_giving(g, own[0], own[1] - own[0], t, home);
	return a != NULL ? a : first_giving(g, all[0], all[r->n_classes] - all[0], t, home);
}

int
other_home(const struct generation *g, const struct miss *m)
{
	const struct nat_rules *r = rules_of(g);
	const struct img_nat_rule *rule = r->has_others ? rules_match(r, m) : NULL;
	if (rule != NULL && rule->other == NAT_OTHER_DROP)
		return HOME_NOT_MINE;
	if (rule == NULL)
		return r->has_others && is_pool_route(m->route) ?
			home_of(g, m->tuple.dst.w[0]) : HOME_NOT_MINE;
	int home;
	range_of(g, rule, &m->tuple, &home);
	return home;
}

/* The address that the subscriber's mappings have, if replies to it come here; else 0. */
static be32
paired(const struct nat *n, const struct miss *m, const struct img_nat_rule *rule)
{
	const struct tuple *t = &m->tuple;
	uint32_t number = subscriber_find(&n->subscribers, t->src.w[0],
	                                  lane_side(n, rule, t->realm));
	if (number == 0)
		return 0;
	const struct pool_slot *slot = pool_slot_at(&n->pool, subscriber_at(&n->subscribers,
	                                                                    number)->slot);
	bool is_here = slot->is_usable && rules_serves(rule, slot->pool) &&
	               home_of(m->gen, slot->address) == n->worker &&
	               !is_static(rules_of(m->gen), slot->address, t->proto);
	return is_here ? slot->address : 0;
}

enum verdict
other_open(struct nat *n, const struct miss *m, struct flow_spec *spec)
{
	const struct tuple *t = &m->tuple;
	const struct img_nat_rule *rule = rules_match(rules_of(m->gen), m);
	if (rule == NULL)
		return verdict_drop(spec, DROP_NAT_NO_MAPPING);
	be32 external = paired(n, m, rule);
	const struct img_nat_address *a = address_of(m->gen, rule, t);
	if (external == 0 && a != NULL)
		external = a->address;
	spec->code = rules_of(m->gen)->conf.refusal;
	spec->drop = DROP_NAT_NO_PORT;
	if (external == 0) {
		struct wish w = {.miss = m, .rule = rule};
		refusal_of(n, REFUSED_ADDRESS, &w, NULL, 0);
		return VERDICT_UNREACHABLE;
	}
	spec->drop = DROP_NAT_LOG_FULL;
	if (nat_log_is_full(n))
		return VERDICT_UNREACHABLE;
	spec->reply = tuple_invert(t);
	spec->reply.dst = addr_from_v4(external);
	spec->reply.realm = route_realm(m->gen, m->route);
	spec->owner = OWNER_PAIR;
	spec->taken = DROP_NAT_PAIR_TAKEN;
	spec->timers = rule->timers;
	spec->flags = FLOW_HIDE_0 | FLOW_REFRESH_0 | FLOW_REFRESH_1;
	return VERDICT_OPEN;
}

/* Would a rule let a flow pass untouched that it is met by? */
static bool
is_passed(const struct img_nat_rule *rule, const struct flow *f, be32 destination)
{
	return rule->action == NAT_PASS && rule->first == 0 &&
	       (rule->proto == 0 || rule->proto == f->proto) &&
	       rules_is_toward(rule, destination);
}

/* May a flow have met this rule? Its interface is not known any more, but for the realm. */
static bool
is_met(const struct generation *g, const struct img_nat_rule *rule, const struct flow *f,
       const struct tuple4 *t)
{
	unsigned plen = rule->plen;
	uint32_t other = __builtin_bswap32(t->src ^ rule->source);
	if (plen != 0 && other >> (32 - plen) != 0)
		return false;
	if (rule->nic != NIC_NONE &&
	    (rule->nic >= g->n_nics || g->nics[rule->nic].realm != f->realm[0]))
		return false;
	if (rule->realm != 0 && rule->realm - 1 != f->realm[0])
		return false;
	return rule->action == NAT_TRANSLATE ? rules_is_toward(rule, t->dst) :
	                                       is_passed(rule, f, t->dst);
}

bool
other_is_stale(const struct generation *g, const struct flow *f, const struct tuple4 t[2])
{
	const struct nat_rules *r = rules_of(g);
	const struct img_nat_address *a = rules_address(g, t[1].dst);
	if (a == NULL || is_static(r, a->address, f->proto))
		return true;
	for (uint32_t i = 0; i < r->n_rules; i++) {
		const struct img_nat_rule *rule = &r->rules[i];
		if (!is_met(g, rule, f, &t[0]))
			continue;
		if (rule->action == NAT_TRANSLATE && rule->other != NAT_OTHER_DROP &&
		    rules_serves(rule, a->pool))
			return false;
		if (rule->nic == NIC_NONE)
			return true;
	}
	return true;
}

void
other_log(struct nat *n, enum record_event event, const struct tuple *inside,
          const struct tuple *outside)
{
	if (n->log_level == NAT_LOG_NONE)
		return;
	struct record rec = {
		.subscriber = inside->src.w[0], .external = outside->dst.w[0],
		.far = inside->dst.w[0], .event = event, .proto = inside->proto,
		.realm = inside->realm, .pool = POOL_NONE,
	};
	const struct img_nat_address *a = rules_address(n->gen, rec.external);
	if (a != NULL)
		rec.pool = a->pool;
	log_put(&n->log, &rec, &n->clock);
}
