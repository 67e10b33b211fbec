/* SPDX-License-Identifier: Apache-2.0 */
/* Packets without a flow: asked of the policies in their order. */
#include "miss.h"

#include "clash.h"
#include "hop.h"
#include "named.h"
#include "reset.h"
#include "routed.h"
#include "serve.h"
#include "shifted.h"
#include "stateless.h"
#include "steer_watch.h"
#include "syn.h"
#include "synproxy.h"
#include "told.h"
#include "tx.h"

static inline void
fill(const struct worker *w, const struct pkt *p, struct miss *m)
{
	pkt_tuple_to(p, &m->tuple);
	m->gen = w->gen;
	m->route = route_from(w->gen, p->realm, &m->tuple.dst, p->family);
	m->back = route_back(w->gen, p->realm, &m->tuple.src, p->family);
	m->now_ms = w->now_ms;
	m->now_ns = w->now_ns;
	m->nic = p->nic;
	m->event = p->event;
	m->has_frag = (p->flags & PKT_FIRST) != 0;
	m->is_flowless = pkt_is_flowless(p);
	m->pkt = p;
	memset(m->hint, 0, sizeof(m->hint));
}

void
miss_fill(const struct worker *w, const struct pkt *p, struct miss *m)
{
	fill(w, p, m);
}

int
miss_home(const struct worker *w, const struct miss *m)
{
	for (unsigned i = 0; i < w->n_policies; i++) {
		int home = w->policy[i].ops->home(w->gen, m);
		if (home != HOME_NOT_MINE)
			return home;
	}
	return HOME_NOT_MINE;
}

/* Echo to a service address: is there a policy that wants it left unanswered? */
static bool
is_mute(const struct worker *w, const struct pkt *p)
{
	union addr dst = pkt_dst(p);
	for (unsigned i = 0; i < w->n_policies; i++) {
		const struct policy_ops *ops = w->policy[i].ops;
		if (ops->is_mute != NULL && ops->is_mute(w->gen, &dst, p->family))
			return true;
	}
	return false;
}

bool
miss_is_untouched(const struct worker *w, const struct miss *m, int *home)
{
	for (unsigned i = 0; i < w->n_policies; i++) {
		const struct policy_ops *ops = w->policy[i].ops;
		*home = ops->home(w->gen, m);
		if (*home != HOME_NOT_MINE)
			return *home == HOME_ROUTE ||
			       (ops->is_untouched && (*home < 0 || *home == w->id));
	}
	return false;
}

static inline bool
is_local(const struct worker *w, const struct pkt *p, const struct img_route *route)
{
	if (route == NULL)
		return false;
	if (route->kind == ROUTE_LOCAL || (p->flags & PKT_REQUEST) == 0)
		return route->kind == ROUTE_LOCAL;
	return (route->kind == ROUTE_SERVICE && !is_mute(w, p)) ||
	       (route->kind == ROUTE_POOL && route->arg != IMG_NO_POOL && w->gen->plane->pool_echo);
}

bool
miss_is_local(const struct worker *w, const struct pkt *p, const struct img_route *route)
{
	return is_local(w, p, route);
}

/* Kinds of addresses that nobody outside can have. */
enum {
	OURS = 1u << ROUTE_LOCAL | 1u << ROUTE_SERVICE | 1u << ROUTE_POOL | 1u << ROUTE_LB_LOCAL |
	       1u << ROUTE_BROADCAST,
};

static bool
is_forged(const struct pkt *p, const struct img_route *back)
{
	bool is_new = p->cause == HANDOFF_MAX;
	bool has_stage = p->cause == HANDOFF_STRAY || p->cause == HANDOFF_FRAGMENT ||
	                 p->cause == HANDOFF_ICMP;
	bool is_answer = has_stage && p->stage == STAGE_ANSWER;
	return (is_new || is_answer) && back != NULL && (OURS >> back->kind & 1) != 0;
}

/*
 * Where backends answer clients themselves, some clients may stand behind us too: the answer is not
 * forged if there is its flow, which is the client's worker's to say (lib/encap.h).
 */
static bool
may_answer(const struct worker *w, const struct pkt *p, struct judged *j)
{
	const struct tuple *t = &j->m.tuple;
	if (w->gen->n_ways == 0 || p->cause != HANDOFF_MAX || j->m.back->kind != ROUTE_SERVICE)
		return false;
	j->home = steer_worker(&w->gen->steer, &t->dst, t->family);
	return j->home != w->id;
}

bool
miss_is_forged(const struct worker *w, const struct pkt *p)
{
	union addr src = pkt_src(p);
	return is_forged(p, route_back(w->gen, p->realm, &src, p->family));
}

bool
miss_is_answer(const struct worker *w, struct pkt *p)
{
	enum { NEVER = PKT_OTHER | PKT_TTL | PKT_LINK_LOCAL };
	union addr src = pkt_src(p);
	const struct img_route *back = route_back(w->gen, p->realm, &src, p->family);
	if (w->gen->n_ways == 0 || (p->flags & NEVER) != 0 || back->kind != ROUTE_SERVICE ||
	    (p->flags & (PKT_FIRST | PKT_LATER | PKT_ERROR)) == 0)
		return false;
	p->stage = STAGE_ANSWER;
	return true;
}

/* Can it go where it is to go? Asked before a policy spends anything on it. */
static bool
is_routed(const struct miss *m)
{
	return m->route != NULL && m->route->kind != ROUTE_UNREACHABLE;
}

/* It opens nothing, but may pass where nothing has to be opened. */
static enum miss_fate
fate_of_none(const struct policy_ops *ops, const struct miss *m)
{
	if (ops->is_untouched)
		return FATE_ROUTE;
	return m->event == EV_RST && ops->bears_full && is_routed(m) ? FATE_OPEN : FATE_NOT_SYN;
}

/* Which policy from this one on claims it? */
static enum miss_fate
claimed(const struct worker *w, struct judged *j, unsigned from)
{
	for (unsigned i = from; i < w->n_policies; i++) {
		int home = w->policy[i].ops->home(w->gen, &j->m);
		if (home == HOME_NOT_MINE)
			continue;
		j->policy = (uint8_t)i;
		j->home = (uint16_t)home;
		if (home == HOME_ROUTE)
			return FATE_ROUTE;
		if (home >= 0 && home != w->id)
			return FATE_AWAY;
		if (conn_opens_none(j->m.event))
			return fate_of_none(w->policy[i].ops, &j->m);
		return is_routed(&j->m) ? FATE_OPEN : FATE_NO_ROUTE;
	}
	return FATE_STRAY;
}

void
miss_judge(const struct worker *w, const struct pkt *p, struct judged *j)
{
	fill(w, p, &j->m);
	const struct img_route *route = j->m.route;
	if (is_forged(p, j->m.back))
		j->fate = may_answer(w, p, j) ? FATE_ANSWER : FATE_FORGED;
	else if (route != NULL && route->kind == ROUTE_BROADCAST)
		j->fate = FATE_BROADCAST;
	else if (is_local(w, p, route))
		j->fate = FATE_LOCAL;
	else
		j->fate = (uint8_t)claimed(w, j, 0);
}

static bool
is_echo(const struct tuple *t)
{
	return t->proto == (t->family == FAMILY_V4 ? IPPROTO_L4_ICMP : IPPROTO_L4_ICMP6);
}

static uint8_t
first_state(const struct miss *m, uint8_t flags)
{
	bool one = (flags & FLOW_WAY) != 0;
	if (m->tuple.proto == IPPROTO_L4_TCP && m->event == EV_OPEN)
		return one ? CONN_ONE_SYN : CONN_TCP_SYN;
	if (m->tuple.proto == IPPROTO_L4_TCP)
		return one ? CONN_ONE_MID : CONN_TCP_MID;
	if (m->tuple.proto == IPPROTO_L4_UDP) /* a one-sided flow is not seen to be answered */
		return one ? CONN_UDP_BOTH : CONN_UDP_NEW;
	return is_echo(&m->tuple) ? CONN_ICMP : CONN_OTHER;
}

/* Both directions' next hops, as far as they are known: their routes have been found already. */
static void
learn_hops(const struct worker *w, struct flow *f, const struct judged *j,
           const struct tuple *reply)
{
	const struct miss *m = &j->m;
	uint8_t family = m->tuple.family;
	f->route_gen = w->gen->route_gen;
	if ((f->flags & FLOW_WAY) != 0) {
		f->nexthop[0] = f->nexthop[1] = NEXTHOP_WAY;
		return;
	}
	const struct img_route *route = addr_equal(&reply->src, &m->tuple.dst) ?
		m->route : route_find(w->gen, reply->realm, &reply->src, family);
	f->nexthop[0] = told_is(f) ? NEXTHOP_NONE : hop_id(w, route, &reply->src, family);
	f->nexthop[1] = hop_id(w, m->back, &m->tuple.src, family);
}

static void
undo(const struct worker *w, const struct judged *j, const struct flow_spec *spec)
{
	const struct policy *pol = &w->policy[j->policy];
	if (pol->ops->undo != NULL)
		pol->ops->undo(pol->state, &j->m, spec);
}

/* May one more be told? What is beyond is a flood: the ring to who tells is for others as well. */
static bool
may_tell(struct worker *w)
{
	if (w->told_ms != w->now_ms) {
		w->told_ms = w->now_ms;
		w->told = 0;
	}
	return w->told++ < TOLD_EACH_MS;
}

/* A flow that cannot be: dropped, and who wanted it is told where the policy says so. */
static void
refuse(struct worker *w, const struct pkt *p, const struct judged *j, unsigned drop)
{
	const struct policy *pol = &w->policy[j->policy];
	uint8_t code;
	if (pol->ops->refused != NULL && may_tell(w) &&
	    pol->ops->refused(pol->state, &j->m, drop, &code))
		pkt_punt(w, p, PUNT_UNREACHABLE, drop, code);
	else
		pkt_drop(w, p, drop);
}

/* No flow, after a policy has said that there may be one. => 0. */
static flow_ref
unmake(struct worker *w, const struct pkt *p, const struct judged *j, const struct flow_spec *spec,
       unsigned drop)
{
	undo(w, j, spec);
	refuse(w, p, j, drop);
	return 0;
}

/* Its place in table and index; where the reply's tuple is another flow's, until one is free. */
static struct flow *
place(struct worker *w, const struct judged *j, struct flow_spec *spec, const struct tuple *orig,
      uint64_t hash[2], flow_ref *ref, uint8_t *drop)
{
	struct flow *f = flow_open_hashed(&w->flows, orig, &spec->reply, hash, ref, drop);
	for (unsigned i = 0; f == NULL && *drop == DROP_FLOW_COLLISION && i < CLASH_TRIES; i++) {
		if (!clash_solve(w, j, spec, &hash[1]))
			break;
		f = flow_open_hashed(&w->flows, orig, &spec->reply, hash, ref, drop);
	}
	return f;
}

static flow_ref
make(struct worker *w, struct pkt *p, const struct judged *j, struct flow_spec *spec,
     const struct tuple *orig, uint64_t hash[2])
{
	const struct policy *pol = &w->policy[j->policy];
	uint8_t drop;
	flow_ref ref;
	bool is_shifted = shifted_is_wanted(spec);
	if (is_shifted && shift_left(&w->shifts) == 0)
		return unmake(w, p, j, spec, DROP_LB_NO_SHIFT);
	struct flow *f = place(w, j, spec, orig, hash, &ref, &drop);
	if (f == NULL)
		return unmake(w, p, j, spec,
		              drop == DROP_FLOW_COLLISION && spec->taken != 0 ?
		              spec->taken : drop);
	f->policy = j->policy;
	f->owner = spec->owner;
	f->flags = spec->flags;
	f->timers = spec->timers % MAX_TIMER_SETS;
	f->state = first_state(&j->m, spec->flags);
	f->seen_ms = w->now_ms;
	f->counts[1] = w->now_ns;
	if (is_shifted)
		shifted_add(w, p, ref, spec);
	else
		learn_hops(w, f, j, &spec->reply);
	w->stats->flows_opened++;
	if (w->syns->held != 0)
		syn_forget(w, hash[1]);
	if (pol->ops->opened != NULL)
		pol->ops->opened(pol->state, &j->m, spec);
	pkt_decided(p);
	return ref;
}

static flow_ref
make_named(struct worker *w, struct pkt *p, const struct judged *j, struct flow_spec *spec,
           uint64_t reply_hash)
{
	struct tuple name = j->m.tuple;
	name.realm = spec->name;
	flow_ref ref = named_find(w, j, spec, &name);
	if (ref != 0) {
		undo(w, j, spec);
		return ref;
	}
	return make(w, p, j, spec, &name,
	            (uint64_t[]){tuple_hash(&name, w->flows.seed), reply_hash});
}

flow_ref
miss_make(struct worker *w, struct pkt *p, const struct judged *j, struct flow_spec *spec,
          uint64_t reply_hash)
{
	if (spec->name != 0)
		return make_named(w, p, j, spec, reply_hash);
	return make(w, p, j, spec, &j->m.tuple, (uint64_t[]){p->hash, reply_hash});
}

/* To another worker, if it has not come from there. */
static void
to_home(struct worker *w, struct pkt *p, const struct miss *m, uint16_t home)
{
	if (p->cause == HANDOFF_HOME || p->cause == HANDOFF_FRAGMENT) {
		pkt_drop(w, p, DROP_LOOP);
		return;
	}
	if (p->cause == HANDOFF_MAX)
		steer_watch(w, p, m, home);
	pkt_handoff(w, p, home, HANDOFF_HOME);
}

/*
 * No policy claims the packet. Its flow may have been opened under a generation in which one did
 * (a backend, a rule, a pool address is gone since): ask the workers that can be its home in turn,
 * those of its destination and of its source. Fragments have a meeting of their own (frag.h).
 */
static void
stray(struct worker *w, struct pkt *p, const struct miss *m)
{
	const struct steer *s = &w->gen->steer;
	const struct tuple *t = &m->tuple;
	const uint16_t home[] = {
		steer_worker(s, &t->dst, t->family),
		steer_worker_port(s, &t->dst, t->family, __builtin_bswap16(t->dport)),
		steer_worker(s, &t->src, t->family),
	};
	if ((p->flags & PKT_OTHER) != 0) {
		pkt_drop(w, p, DROP_IP_PROTOCOL);
		return;
	}
	enum { HOMES = sizeof(home) / sizeof(home[0]) };
	static_assert((int)HOMES <= (int)STAGE_ANSWER, "stages of their own");
	unsigned n = HOMES;
	unsigned i = p->cause == HANDOFF_STRAY ? p->stage + 1u : 0;
	while (i < n && home[i] == w->id)
		i++;
	if (i >= n || m->event == EV_OPEN || m->has_frag || p->loops != 0) {
		pkt_drop(w, p, DROP_NO_POLICY);
		return;
	}
	p->stage = (uint8_t)i;
	pkt_handoff(w, p, home[i], HANDOFF_STRAY);
}

/* To an address of ours: a policy answers, or the slow path does. */
static void
local(struct worker *w, struct pkt *p, const struct miss *m)
{
	int home;
	const struct policy *pol = serve_find(w, p, m, &home);
	if (pol == NULL)
		pkt_punt(w, p, PUNT_LOCAL, DROP_LOCAL_UNWANTED, 0);
	else if (home != w->id)
		to_home(w, p, m, (uint16_t)home);
	else
		serve_answer(w, p, pol, m);
}

/* The end of a packet that opens nothing. */
static void
end(struct worker *w, struct pkt *p, const struct judged *j)
{
	switch ((enum miss_fate)j->fate) {
	case FATE_FORGED:
		pkt_drop(w, p, DROP_IP_SOURCE);
		return;
	case FATE_BROADCAST:
		pkt_drop(w, p, DROP_IP_DESTINATION);
		return;
	case FATE_LOCAL:
		local(w, p, &j->m);
		return;
	case FATE_AWAY:
		to_home(w, p, &j->m, j->home);
		return;
	case FATE_ANSWER:
		p->stage = STAGE_ANSWER;
		pkt_handoff(w, p, j->home, HANDOFF_STRAY);
		return;
	case FATE_ROUTE:
		routed_send(w, p);
		return;
	case FATE_NOT_SYN:
		pkt_drop(w, p, DROP_TCP_NOT_SYN);
		return;
	case FATE_NO_ROUTE:
		pkt_punt(w, p, PUNT_NO_ROUTE, DROP_NO_ROUTE, 0);
		return;
	case FATE_STRAY:
	case FATE_OPEN: /* nobody took it in the end */
		stray(w, p, &j->m);
		return;
	}
}

bool
miss_ask(struct worker *w, struct pkt *p, struct judged *j, struct flow_spec *spec, bool has_room)
{
	while (j->fate == FATE_OPEN) {
		const struct policy *pol = &w->policy[j->policy];
		if (!has_room && pol->ops->is_untouched) {
			j->fate = FATE_ROUTE;
			break;
		}
		if (!has_room && !pol->ops->bears_full) {
			refuse(w, p, j, DROP_FLOW_TABLE_FULL);
			return false;
		}
		*spec = (struct flow_spec){.drop = DROP_NO_POLICY};
		j->m.is_full = !has_room;
		switch (pol->ops->open(pol->state, &j->m, spec)) {
		case VERDICT_OPEN:
			return true;
		case VERDICT_DROP:
			pkt_drop(w, p, spec->drop);
			return false;
		case VERDICT_HOLD:
			syn_hold(w, p, spec->drop);
			return false;
		case VERDICT_ANSWER:
			synproxy_answer(w, p, &spec->offer);
			return false;
		case VERDICT_STATELESS:
			stateless_send(w, p, spec);
			return false;
		case VERDICT_UNREACHABLE:
			pkt_punt(w, p, PUNT_UNREACHABLE, spec->drop, spec->code);
			return false;
		case VERDICT_RESET:
			reset_refuse(w, p, spec->drop);
			return false;
		case VERDICT_PASS:
			j->fate = (uint8_t)claimed(w, j, j->policy + 1u);
		}
	}
	end(w, p, j);
	return false;
}

flow_ref
miss_open(struct worker *w, struct pkt *p)
{
	struct judged j;
	struct flow_spec spec;
	miss_judge(w, p, &j);
	if (!miss_ask(w, p, &j, &spec, flow_table_left(&w->flows, p->family) > 0))
		return 0;
	return miss_make(w, p, &j, &spec, tuple_hash(&spec.reply, w->flows.seed));
}
