/* SPDX-License-Identifier: Apache-2.0 */
/* Flows of static mappings, opened from either side. */
#include "nat/unmapped.h"

#include "nat/answer.h"
#include "nat/other.h"
#include "nat/ranges.h"

/* From inside: the row, and the endpoint that it is to be outside; or NULL. */
static const struct img_nat_static *
leaving(const struct nat_rules *r, const struct miss *m, uint64_t *outside)
{
	const struct tuple *t = &m->tuple;
	if (m->nic == NIC_NONE)
		return NULL;
	uint64_t key = static_key(t->realm, t->src.w[0], t->proto, t->sport);
	const struct img_nat_static *s = static_out(&r->statics, key, outside);
	return s != NULL && (s->nic == NIC_NONE || s->nic == m->nic) ? s : NULL;
}

/*
 * From outside: the same the other way round. What a rule lets out goes out first, and then comes
 * as if from outside (RFC 4787 REQ-9).
 */
static const struct img_nat_static *
arriving(const struct nat_rules *r, const struct miss *m, uint64_t *inside)
{
	const struct tuple *t = &m->tuple;
	if (!is_pool_route(m->route) || rules_match(r, m) != NULL || is_foreign(m))
		return NULL;
	return static_in(&r->statics, static_key(0, t->dst.w[0], t->proto, t->dport), inside);
}

int
unmapped_home(const struct nat_rules *r, const struct miss *m)
{
	uint64_t to;
	if (leaving(r, m, &to) != NULL)
		return steer_worker(&m->gen->steer, &m->tuple.src, FAMILY_V4);
	if (arriving(r, m, &to) == NULL)
		return HOME_NOT_MINE;
	union addr inside = addr_from_v4(static_address(to));
	return steer_worker(&m->gen->steer, &inside, FAMILY_V4);
}

/* An echo reply that nobody asked for. */
static bool
is_reply(const struct tuple *t)
{
	return t->proto == IPPROTO_L4_ICMP && t->dport != 0;
}

static enum verdict
open_leaving(const struct nat *n, const struct miss *m, uint64_t outside, struct flow_spec *spec)
{
	static const struct img_nat_rule defaults;
	const struct tuple *t = &m->tuple;
	if (is_reply(t))
		return verdict_drop(spec, DROP_NO_POLICY);
	spec->reply = (struct tuple){
		.src = t->dst, .dst = addr_from_v4(static_address(outside)), .sport = t->dport,
		.dport = static_port(outside), .family = FAMILY_V4, .proto = t->proto,
		.realm = route_realm(m->gen, m->route),
	};
	spec->timers = rules_timers(rules_of(m->gen), &defaults, t);
	spec->flags = FLOW_HIDE_0 | refresh_flags(n, t->proto, FLOW_REFRESH_0, FLOW_REFRESH_1);
	spec->owner = OWNER_STATIC;
	return VERDICT_OPEN;
}

static enum verdict
open_arriving(const struct nat *n, const struct miss *m, const struct img_nat_static *s,
              uint64_t inside, struct flow_spec *spec)
{
	const struct tuple *t = &m->tuple;
	if (is_reply(t))
		return verdict_drop(spec, DROP_NAT_NO_MAPPING);
	if (t->proto == IPPROTO_L4_TCP && m->event != EV_OPEN)
		return verdict_drop(spec, DROP_TCP_NOT_SYN);
	if (!s->inbound)
		return refuse_inbound(m, spec, DROP_NAT_FILTERED);
	spec->reply = tuple_invert(t);
	spec->reply.src = addr_from_v4(static_address(inside));
	spec->reply.sport = static_port(inside);
	spec->reply.realm = static_realm(inside);
	spec->flags = FLOW_INBOUND | FLOW_HIDE_1 |
	              refresh_flags(n, t->proto, FLOW_REFRESH_1, FLOW_REFRESH_0);
	spec->owner = OWNER_STATIC;
	return VERDICT_OPEN;
}

enum verdict
unmapped_open(const struct nat *n, const struct miss *m, struct flow_spec *spec)
{
	uint64_t to;
	const struct nat_rules *r = rules_of(m->gen);
	const struct img_nat_static *s = leaving(r, m, &to);
	if (s != NULL)
		return open_leaving(n, m, to, spec);
	s = arriving(r, m, &to);
	return s != NULL ? open_arriving(n, m, s, to, spec) : VERDICT_PASS;
}

/* Both ends of a flow as the static mappings know them. */
static void
ends(const struct flow *f, const struct tuple4 t[2], uint64_t *inside, uint64_t *outside)
{
	if ((f->flags & FLOW_INBOUND) != 0) {
		*inside = static_key(f->realm[1], t[1].src, f->proto, t[1].sport);
		*outside = static_key(0, t[0].dst, f->proto, t[0].dport);
	} else {
		*inside = static_key(f->realm[0], t[0].src, f->proto, t[0].sport);
		*outside = static_key(0, t[1].dst, f->proto, t[1].dport);
	}
}

struct nat_facts
unmapped_facts(const struct flow *f, const struct tuple4 t[2])
{
	uint64_t inside, outside;
	ends(f, t, &inside, &outside);
	uint16_t port = (uint16_t)outside;
	return (struct nat_facts){
		.inside = static_address(inside), .external = static_address(outside),
		.inside_port = (uint16_t)inside, .port_first = port, .port_last = port,
		.pool = POOL_NONE, .proto = f->proto, .realm = static_realm(inside),
	};
}

/* Is the port of a mapping where the ranges of its pool let it be? */
static bool
is_in_place(const struct nat *n, uint32_t number)
{
	const struct mapping *m = mapping_at(&n->mappings, number);
	const struct block *b = mapping_block(&n->mappings, m);
	const struct pool_slot *slot = pool_slot_at(&n->pool, b->slot);
	return slot->pool == POOL_NONE || ranges_explain(rules_of(n->gen), slot->pool,
		life_subscriber(n, m), slot->address, b);
}

bool
unmapped_is_stale(const struct nat *n, const struct flow *f, const struct tuple4 t[2])
{
	const struct statics *s = &rules_of(n->gen)->statics;
	uint64_t inside, outside, to;
	ends(f, t, &inside, &outside);
	if (f->owner == OWNER_PASS)
		return false;
	if (f->owner == OWNER_PAIR)
		return other_is_stale(n->gen, f, t);
	if (owner_is_mapping(f->owner))
		return static_in(s, outside, &to) != NULL || static_out(s, inside, &to) != NULL ||
		       !is_in_place(n, f->owner);
	const struct img_nat_static *row = static_out(s, inside, &to);
	return row == NULL || to != outside || ((f->flags & FLOW_INBOUND) != 0 && !row->inbound);
}

bool
unmapped_alias(const struct generation *g, uint8_t realm, const union addr *inside, uint8_t family,
               union addr *outside)
{
	const struct statics *s = &rules_of(g)->statics;
	uint64_t to, key = static_key(realm, inside->w[0], IPPROTO_L4_ICMP, 0);
	const struct img_nat_static *r = family == FAMILY_V4 ? static_out(s, key, &to) : NULL;
	if (r == NULL || r->inside_last - r->inside_first < STATIC_WHOLE - 1)
		return false;
	*outside = addr_from_v4(static_address(to));
	return true;
}
