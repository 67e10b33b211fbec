/* SPDX-License-Identifier: Apache-2.0 */
/* The CGNAT policy: whose a packet is, and what the other tuple of a new flow is. */
#include "nat/nat.h"

#include <errno.h>

#include "lib/mem.h"
#include "nat/answer.h"
#include "nat/drain.h"
#include "nat/epoch.h"
#include "nat/nat_filter.h"
#include "nat/other.h"
#include "nat/ranges.h"
#include "nat/pass.h"
#include "nat/pcp.h"
#include "nat/session.h"
#include "nat/lane.h"
#include "nat/limit.h"
#include "nat/threshold.h"
#include "nat/unmapped.h"
#include "nat/warm.h"

enum { TICK_RELEASES = 64, TICK_LEASES = 128 };

/* Sizes of the parts, in the order in which they stand in memory. */
struct sizes {
	uint32_t mappings, subscribers, permissions, quarantined, leases;
	size_t head, mapping, subscriber, filter, pool, refusals, quarantine, lease, update, rest;
};

static struct sizes
sizes_of(const struct policy_env *env)
{
	struct sizes s = {
		.mappings = img_share(env->plane->mappings, env->n_workers),
		.subscribers = img_share(env->plane->subscribers, env->n_workers),
		.permissions = img_share(env->plane->permissions, env->n_workers),
		.quarantined = img_share(env->plane->quarantine, env->n_workers),
		.leases = img_share(env->plane->leases, env->n_workers),
	};
	struct pool_share of = {s.subscribers, s.mappings};
	s.head = (sizeof(struct nat) + 63) & ~(size_t)63;
	s.mapping = mapping_memsize(s.mappings);
	s.subscriber = table_memsize(s.subscribers, sizeof(struct subscriber), 1);
	s.filter = table_memsize(s.permissions, sizeof(struct permission), 1);
	s.pool = pool_memsize(env, of);
	s.lease = table_memsize(s.leases, sizeof(struct lease), 1);
	s.rest = table_memsize(s.leases, sizeof(struct rest), 1);
	s.refusals = sizeof(struct refusals);
	s.update = s.leases != 0 ? UPDATE_MAX * sizeof(struct update) : 0;
	s.quarantine = (size_t)s.quarantined * sizeof(struct quarantined);
	return s;
}

size_t
nat_memsize(const struct policy_env *env)
{
	struct sizes s = sizes_of(env);
	return s.head + s.mapping + s.subscriber + s.filter + s.pool + s.lease + s.rest +
	       s.refusals + s.quarantine + s.update;
}

void *
nat_create(const struct policy_env *env)
{
	struct sizes s = sizes_of(env);
	struct pool_share of = {s.subscribers, s.mappings};
	size_t size = nat_memsize(env);
	uint8_t *at = mem_alloc(size, env->node);
	if (at == NULL)
		return NULL;
	struct nat *n = (struct nat *)(void *)at;
	mapping_init(&n->mappings, at += s.head, s.mappings, env->seed, &n->pool.blocks);
	table_init(&n->subscribers.t, at += s.mapping, s.subscribers, sizeof(struct subscriber), 1);
	table_init(&n->filter.t, at += s.subscriber, s.permissions, sizeof(struct permission), 1);
	pool_init(&n->pool, at += s.filter, env, of);
	table_init(&n->leases.t, at += s.pool, s.leases, sizeof(struct lease), 1);
	table_init(&n->rests.t, at += s.lease, s.leases, sizeof(struct rest), 1);
	n->refusals = (void *)(at += s.rest);
	n->quarantine = (struct quarantine){(void *)(at += s.refusals), s.quarantined, 0, 0};
	n->updates.entry = (void *)(at += (size_t)s.quarantined * sizeof(struct quarantined));
	n->updates.capacity = s.update != 0 ? UPDATE_MAX : 0;
	n->subscribers.seed = n->filter.seed = n->leases.seed = n->rests.seed =
		env->seed;
	n->random = mix64(env->seed ^ 0x9e3779b97f4a7c15u, env->worker * 2u + 0xd6e8feb86659fd93u);
	n->log = (struct nat_recorder){
		.ring = env->records, .stats = env->stats, .worker = (uint8_t)env->worker,
	};
	n->stats = env->stats;
	n->tally = env->tally;
	n->say = env->say;
	n->whose = env->whose;
	n->worker = env->worker;
	n->size = size;
	return n;
}

void
nat_destroy(void *state)
{
	struct nat *n = state;
	if (n != NULL)
		mem_free(n, n->size);
}

/*
 * After a start nobody knows which ports were in use before it, so all of them are in quarantine
 * (RFC 6888 REQ-8), where that is wanted.
 */
static void
start_wait(struct nat *n)
{
	uint64_t from = n->began_ms != 0 ? n->began_ms + n->quarantine_ms : UINT64_MAX;
	n->gives_from = rules_of(n->gen)->conf.start_waits ? from : 0;
	bool is_known = n->gives_from != UINT64_MAX && n->gives_from > n->clock.ms;
	n->stats->ports_from_ns = is_known ?
		n->clock.ns + (n->gives_from - n->clock.ms) * 1000000u : 0;
}

/* The first time that it is told what time it is. */
static __attribute__((noinline)) void
begin(struct nat *n)
{
	n->began_ms = n->clock.ms != 0 ? n->clock.ms : 1;
	epoch_begin(n);
	if (n->gen != NULL)
		start_wait(n);
}

static __attribute__((noinline)) void
nat_reload(void *state, const struct generation *g)
{
	struct nat *n = state;
	const struct nat_rules *r = rules_of(g);
	n->gen = g;
	n->gen_number = g->number;
	n->reloads++;
	n->quarantine_ms = r->conf.quarantine_ms;
	start_wait(n);
	n->log_level = r->conf.log;
	n->log_addresses = r->conf.log_addresses && r->conf.log != NAT_LOG_NONE;
	n->logs_mappings = n->log_level == NAT_LOG_MAPPINGS ||
	                   (n->log_level == NAT_LOG_BLOCKS &&
	                    (r->has_singles || pool_has_shares(&n->pool)));
	n->log.refuses = r->conf.log_refuses;
	n->inbound_refresh = r->conf.inbound_refresh;
	pool_reload(&n->pool, g);
	n->has_changed = n->extras != r->extras;
	n->extras = r->extras;
	epoch_reload(n, r);
	lease_reload(n);
	threshold_reload(n);
	lane_reload(n);
	drain_reload(n);
}

/* Generation and time of a packet. */
static inline void
catch_up(struct nat *n, const struct miss *m)
{
	if (n->gen != m->gen || n->gen_number != m->gen->number)
		nat_reload(n, m->gen);
	clock_set(&n->clock, m->now_ms, m->now_ns);
}

static int
nat_home(const struct generation *g, const struct miss *m)
{
	const struct tuple *t = &m->tuple;
	if (t->family != FAMILY_V4)
		return HOME_NOT_MINE;
	if (rules_of(g)->statics.n != 0) {
		int home = unmapped_home(rules_of(g), m);
		if (home != HOME_NOT_MINE)
			return home;
	}
	if (m->is_flowless || nat_proto(t->proto) == NAT_PROTOS)
		return pass_home(g, m);
	const struct img_nat_rule *rule = rules_match(rules_of(g), m);
	if (rule != NULL && rules_of(g)->has_ranges && rule->action == NAT_TRANSLATE)
		return ranges_home(g, rule, t);
	if (rule != NULL)
		return steer_worker(&g->steer, &t->src, FAMILY_V4);
	if (is_pool_route(m->route))
		return steer_worker_port(&g->steer, &t->dst, FAMILY_V4,
		                         __builtin_bswap16(t->dport));
	return pass_home_back(g, m);
}

/* The mapping is used by one more flow from inside, to a host of a realm. => false: no
 * room to permit it. */
static bool
hold_outbound(struct nat *n, uint32_t number, uint8_t realm, be32 remote)
{
	struct mapping *m = mapping_at(&n->mappings, number);
	if (m->filtering == NAT_FILTER_ADF && !filter_permit(&n->filter, number, realm, remote))
		return false;
	m->flows++;
	m->out_flows++;
	life_subscriber(n, m)->flows++;
	return true;
}

static enum verdict
open_outbound(struct nat *n, const struct miss *m, const struct img_nat_rule *rule,
              struct flow_spec *spec)
{
	const struct tuple *t = &m->tuple;
	if (t->proto == IPPROTO_L4_ICMP && t->dport != 0)
		return verdict_drop(spec, DROP_NO_POLICY); /* an echo reply that nobody asked for */
	if (m->event == EV_SYN)
		return verdict_drop(spec, DROP_TCP_NOT_SYN); /* the answer to no SYN */
	struct wish w = {.miss = m, .rule = rule, .proto = (uint8_t)nat_proto(t->proto)};
	spec->code = rules_of(m->gen)->conf.refusal;
	uint32_t number = life_find_or_make(n, &w, &spec->drop);
	if (number == 0)
		return VERDICT_UNREACHABLE;
	struct mapping *map = mapping_at(&n->mappings, number);
	uint8_t realm = route_realm(m->gen, m->route);
	if (!hold_outbound(n, number, realm, t->dst.w[0])) {
		if (map->flows == 0)
			life_end(n, number, false, NULL);
		spec->drop = DROP_NAT_TABLE_FULL;
		refusal_of(n, REFUSED_PERMISSION_TABLE, &w, NULL, n->filter.t.capacity);
		return VERDICT_UNREACHABLE;
	}
	spec->reply = (struct tuple){
		.src = t->dst, .dst = addr_from_v4(life_external(n, map)), .sport = t->dport,
		.dport = __builtin_bswap16(map->port), .family = FAMILY_V4, .proto = t->proto,
		.realm = realm,
	};
	spec->owner = number;
	spec->timers = rules_timers(rules_of(m->gen), rule, t);
	spec->flags = FLOW_HIDE_0 |
	              refresh_flags(n, t->proto, FLOW_REFRESH_0, FLOW_REFRESH_1);
	map->timers = rule->timers; /* an octet: after the words round it were read */
	if (map->sessions)
		session_began(n, map, &t->dst, t->dport);
	return VERDICT_OPEN;
}

/* The mapping behind an external endpoint of this generation, or 0. */
static uint32_t
find_external(const struct nat *n, const struct miss *m)
{
	const struct nat_rules *r = rules_of(m->gen);
	if (m->route->arg >= r->n_addresses)
		return 0;
	const struct img_nat_address *a = &r->addresses[m->route->arg];
	uint32_t slot = a->address == m->tuple.dst.w[0] ? pool_find_id(&n->pool, a) : 0;
	if (slot == 0)
		return 0;
	uint16_t port = __builtin_bswap16(m->tuple.dport);
	if (steer_worker_port(&m->gen->steer, &m->tuple.dst, FAMILY_V4, port) != n->worker)
		return 0;
	return mapping_find_external(&n->mappings, slot, nat_proto(m->tuple.proto), port);
}

/* May who sends this speak first? Inbound traffic alone does not keep a mapping open. */
static bool
is_admitted(const struct nat *n, uint32_t number, const struct tuple *t)
{
	const struct mapping *m = mapping_at(&n->mappings, number);
	be32 remote = t->src.w[0];
	if (m->proto == NAT_ICMP || m->out_flows == 0)
		return false;
	if (m->filtered ? lease_lets(&n->leases, number, remote, t->sport) :
	                  m->leased || m->filtering == NAT_FILTER_EIF)
		return true;
	return m->filtering == NAT_FILTER_ADF &&
	       filter_is_permitted(&n->filter, number, t->realm, remote);
}

/* Is it of a connection that is kept on request? Then it goes on where its flow was idle. */
static bool
is_of_peer(const struct nat *n, uint32_t number, const struct tuple *t)
{
	const struct lease_remote peer = {.address = t->src.w[0], .port = t->sport,
	                                  .realm = t->realm};
	return mapping_at(&n->mappings, number)->peered &&
	       lease_find_peer(&n->leases, number, &peer) != NULL;
}

/* The log hears of a subscriber that may not have one more flow of this mapping. */
static __attribute__((noinline)) void
refuse_flow(struct nat *n, const struct mapping *m, enum refusal_kind kind, uint64_t limit)
{
	const struct subscriber *s = life_subscriber(n, m);
	const struct pool_slot *slot = life_slot(n, m);
	refusal_say(n, &(struct refusal){
		.kind = (uint8_t)kind, .subscriber = s->address, .external = slot->address,
		.pool = slot->pool, .realm = subscriber_realm(s), .proto = nat_ip_proto(m->proto),
		.limit = limit,
	});
}

static enum verdict
open_inbound(struct nat *n, const struct miss *m, struct flow_spec *spec)
{
	const struct tuple *t = &m->tuple;
	if (is_foreign(m))
		return verdict_drop(spec, DROP_NO_POLICY);
	uint32_t number = find_external(n, m);
	if (number == 0)
		return refuse_inbound(m, spec, DROP_NAT_NO_MAPPING);
	bool of_peer = is_of_peer(n, number, t);
	if (t->proto == IPPROTO_L4_TCP && m->event != EV_OPEN && !of_peer)
		return verdict_drop(spec, DROP_TCP_NOT_SYN);
	if (!of_peer && !is_admitted(n, number, t))
		return refuse_inbound(m, spec, DROP_NAT_FILTERED);
	struct mapping *map = mapping_at(&n->mappings, number);
	struct subscriber *s = life_subscriber(n, map);
	if (n->has_drained && drain_is_over(n, life_slot(n, map)))
		return refuse_inbound(m, spec, DROP_NAT_NO_MAPPING);
	if (!limit_inbound(n, s)) {
		refuse_flow(n, map, REFUSED_FLOWS, limit_rule(n, s)->max_flows);
		return verdict_drop(spec, DROP_NAT_FLOW_LIMIT);
	}
	map->flows++;
	s->flows++;
	spec->reply = tuple_invert(t);
	spec->reply.src = addr_from_v4(s->address);
	spec->reply.sport = map->inside_port;
	spec->reply.realm = subscriber_realm(s);
	spec->owner = number;
	spec->timers = map->timers < m->gen->n_timers ? map->timers : 0;
	spec->flags = FLOW_INBOUND | FLOW_HIDE_1 |
	              refresh_flags(n, t->proto, FLOW_REFRESH_1, FLOW_REFRESH_0);
	if (map->sessions)
		session_began(n, map, &t->src, t->sport);
	return VERDICT_OPEN;
}

/* Of other protocols: translated, an answer to what passed, or dropped. */
static enum verdict
open_other(struct nat *n, const struct miss *m, struct flow_spec *spec)
{
	const struct nat_rules *r = rules_of(m->gen);
	if (other_home(m->gen, m) != HOME_NOT_MINE)
		return other_open(n, m, spec);
	const struct img_nat_rule *rule = rules_match_back(r, m);
	return rule != NULL ? pass_open(r, m, rule, true, spec) :
	                      verdict_drop(spec, DROP_IP_PROTOCOL);
}

static enum verdict
nat_open(void *state, const struct miss *m, struct flow_spec *spec)
{
	struct nat *n = state;
	if (m->tuple.family != FAMILY_V4)
		return VERDICT_PASS;
	catch_up(n, m);
	const struct nat_rules *rules = rules_of(m->gen);
	if (rules->statics.n != 0) {
		enum verdict v = unmapped_open(n, m, spec);
		if (v != VERDICT_PASS)
			return v;
	}
	const struct img_nat_rule *rule = rules_match(rules, m);
	if (nat_proto(m->tuple.proto) == NAT_PROTOS && (rule == NULL || rule->action != NAT_PASS))
		return open_other(n, m, spec);
	if (rule != NULL)
		return rule->action == NAT_PASS ? pass_open(rules, m, rule, false, spec) :
		                                  open_outbound(n, m, rule, spec);
	if (is_pool_route(m->route))
		return open_inbound(n, m, spec);
	rule = rules_match_back(rules, m);
	return rule != NULL ? pass_open(rules, m, rule, true, spec) : VERDICT_PASS;
}

/*
 * One flow less. from_inside: it was counted as such.
 * was_seen: packets may have gone out from the mapping's port. hash: see life_end.
 */
static void
let_go(struct nat *n, uint32_t number, bool from_inside, bool was_seen, const uint64_t *hash)
{
	struct mapping *m = mapping_at(&n->mappings, number);
	assert(m->flows != 0 && (!from_inside || m->out_flows != 0));
	life_subscriber(n, m)->flows--;
	if (m->flows == 1) { /* its counts go with it */
		life_end(n, number, was_seen, hash);
		return;
	}
	m->flows--;
	m->out_flows -= from_inside;
}

/* The port was never seen outside if its mapping goes with this flow: no quarantine. */
static void
nat_undo(void *state, const struct miss *m, const struct flow_spec *spec)
{
	struct nat *n = state;
	bool is_outbound = (spec->flags & FLOW_INBOUND) == 0;
	if (!owner_is_mapping(spec->owner))
		return;
	if (mapping_at(&n->mappings, spec->owner)->sessions)
		session_ended(state, spec->owner, NULL, &m->tuple, is_outbound);
	if (is_outbound && mapping_at(&n->mappings, spec->owner)->filtering == NAT_FILTER_ADF)
		filter_revoke(&n->filter, spec->owner, spec->reply.realm, spec->reply.src.w[0]);
	let_go(n, spec->owner, is_outbound, false, NULL);
}

static void
nat_opened(void *state, const struct miss *m, const struct flow_spec *spec)
{
	if (spec->owner == OWNER_PAIR)
		other_log(state, RECORD_MAPPING_CREATE, &m->tuple, &spec->reply);
}

/*
 * An inbound flow that the inside has answered. Not by RST, though: that must not keep a mapping
 * open (RFC 7857 section 7), so such a flow goes on without what its inside end says.
 */
static inline bool
is_taken_up(const struct flow *f)
{
	enum { BOTH = FLOW_ANSWERED | FLOW_REFRESH_1 };
	return (f->flags & BOTH) == BOTH;
}

static void
nat_answered(void *state, struct flow *f, unsigned event, uint64_t waited_ns)
{
	struct nat *n = state;
	if ((f->flags & FLOW_INBOUND) == 0 || !owner_is_mapping(f->owner))
		return;
	if (event == EV_RST)
		f->flags &= (uint8_t)~FLOW_REFRESH_1;
	else
		mapping_at(&n->mappings, f->owner)->out_flows++;
}

static __attribute__((noinline)) void
ended_other(struct nat *n, const struct leaving *l)
{
	struct tuple first = leaving_tuple(l, 0), reply = leaving_tuple(l, 1);
	other_log(n, RECORD_MAPPING_DELETE, &first, &reply);
}

static __attribute__((noinline)) void
ended_session(struct nat *n, const struct leaving *l, bool is_outbound)
{
	struct tuple first = leaving_tuple(l, 0);
	session_ended(n, l->f->owner, l->f, &first, is_outbound);
}

static __attribute__((noinline)) void
ended_permission(struct nat *n, const struct leaving *l)
{
	struct tuple reply = leaving_tuple(l, 1);
	filter_revoke(&n->filter, l->f->owner, reply.realm, reply.src.w[0]);
}

static void
nat_ended(void *state, const struct leaving *l, uint32_t now_ms)
{
	struct nat *n = state;
	const struct flow *f = l->f;
	clock_set_ms(&n->clock, now_ms);
	if (!owner_is_mapping(f->owner)) {
		if (f->owner == OWNER_PAIR)
			ended_other(n, l);
		return;
	}
	bool is_outbound = (f->flags & FLOW_INBOUND) == 0;
	bool from_inside = is_outbound || is_taken_up(f);
	if (mapping_at(&n->mappings, f->owner)->sessions)
		ended_session(n, l, is_outbound);
	if (is_outbound && mapping_at(&n->mappings, f->owner)->filtering == NAT_FILTER_ADF)
		ended_permission(n, l);
	let_go(n, f->owner, from_inside, true, l->hint[PARTING_EXTERNAL] != 0 ? l->hint : NULL);
}

/*
 * What is asked of a flow that has no mapping stands in its tuples. Unlike a block, a flow that has
 * no port is not one of those with a port that was asked for.
 */
static bool
is_chosen_unmapped(const struct nat *n, const struct flow *f, const struct cmd_nat_filter *what)
{
	struct nat_facts own = unmapped_facts(f, ((const struct flow4 *)f)->tuple);
	own.worker = (uint8_t)n->worker;
	if (f->owner == OWNER_PAIR) {
		const struct img_nat_address *a = rules_address(n->gen, own.external);
		own.pool = a != NULL ? a->pool : POOL_NONE;
	}
	if ((what->port_last != 0 && own.port_last == 0) ||
	    (what->inside_last != 0 && own.inside_port == 0))
		return false;
	return nat_filter_wants(what, &own);
}

static bool
nat_chosen(void *state, const struct flow *f, const void *what)
{
	const struct nat *n = state;
	if (f->owner == OWNER_PASS)
		return pass_chosen(what, f, n->worker);
	if (!owner_is_mapping(f->owner))
		return is_chosen_unmapped(n, f, what);
	struct nat_facts x = life_facts(n, mapping_at(&n->mappings, f->owner));
	return nat_filter_wants(what, &x);
}

/* Is it on an address whose drain is over? */
static bool
is_drained(const struct nat *n, const struct flow *f)
{
	if (owner_is_mapping(f->owner))
		return drain_is_over(n, life_slot(n, mapping_at(&n->mappings, f->owner)));
	return f->owner == OWNER_PAIR && drain_ends(n, ((const struct flow4 *)f)->tuple[1].dst);
}

/* Flows of before, when the static mappings are others; and what time has ended. */
static enum stale
nat_stale(void *state, const struct flow *f)
{
	const struct nat *n = state;
	bool is_stale = f == NULL ? n->has_changed || n->has_drained :
	                            is_drained(n, f) ||
	                            unmapped_is_stale(n, f, ((const struct flow4 *)f)->tuple);
	return is_stale ? STALE_ENDS : STALE_NOT;
}

static bool
nat_lapsed(void *state)
{
	return drain_lapsed(state);
}

static void
nat_tick(void *state, uint64_t now_ns)
{
	struct nat *n = state;
	clock_set(&n->clock, (uint32_t)(now_ns / 1000000u), now_ns);
	if (n->began_ms == 0)
		begin(n);
	life_release(n, TICK_RELEASES);
	lease_turn(n, TICK_LEASES);
}

static void
nat_crowded(void *state, const struct miss *m, uint32_t limit, bool of_all)
{
	struct nat *n = state;
	catch_up(n, m);
	refusal_of_fragment(n, m, limit, of_all);
}

static bool
nat_refused(void *state, const struct miss *m, unsigned drop, uint8_t *code)
{
	struct nat *n = state;
	catch_up(n, m);
	return refusal_of_flow(n, m, drop, code);
}

static uint32_t
nat_serve(void *state, const struct miss *m, uint8_t *data, uint32_t size, uint32_t room)
{
	struct nat *n = state;
	catch_up(n, m);
	return pcp_answer(n, m, data, size, room);
}

static bool
nat_cut(void *state, const void *what, uint32_t *at, uint32_t steps)
{
	return epoch_cut(state, what, at, steps);
}

const struct policy_ops nat_policy = {
	.name = "nat",
	.check = nat_image_check,
	.view_create = rules_create,
	.view_destroy = rules_destroy,
	.home = nat_home,
	.warm = warm_open,
	.open = nat_open,
	.opened = nat_opened,
	.serves = pcp_home,
	.serve = nat_serve,
	.undo = nat_undo,
	.alias = unmapped_alias,
	.crowded = nat_crowded,
	.refused = nat_refused,
	.answered = nat_answered,
	.parting = warm_ended,
	.ended = nat_ended,
	.chosen = nat_chosen,
	.cut = nat_cut,
	.stale = nat_stale,
	.lapsed = nat_lapsed,
	.tick = nat_tick,
	.reload = nat_reload,
};
