/* SPDX-License-Identifier: Apache-2.0 */
/* Packets without a flow: asked of the policies in their order. */
#include "miss.h"

#include "steer_watch.h"
#include "tx.h"

void
miss_fill(const struct worker *w, const struct pkt *p, struct miss *m)
{
	*m = (struct miss){
		.tuple = pkt_tuple(p), .gen = w->gen, .now_ms = w->now_ms, .now_ns = w->now_ns,
		.nic = p->nic, .event = p->event, .has_frag = (p->flags & PKT_FIRST) != 0,
	};
	m->route = route_find(w->gen, &m->tuple.dst, m->tuple.family);
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

bool
miss_is_local(const struct pkt *p, const struct img_route *route)
{
	return route != NULL &&
	       (route->kind == ROUTE_LOCAL ||
	        (route->kind == ROUTE_SERVICE && (p->flags & PKT_REQUEST) != 0));
}

bool
miss_is_forged(const struct worker *w, const struct pkt *p)
{
	if (p->cause != HANDOFF_MAX)
		return false;
	union addr src = pkt_src(p);
	const struct img_route *r = route_find(w->gen, &src, p->family);
	return r != NULL && (r->kind == ROUTE_LOCAL || r->kind == ROUTE_SERVICE ||
	                     r->kind == ROUTE_POOL || r->kind == ROUTE_LB_LOCAL ||
	                     r->kind == ROUTE_BROADCAST);
}

static uint8_t
first_state(const struct miss *m)
{
	if (m->tuple.proto == IPPROTO_L4_TCP)
		return m->event == EV_SYN ? CONN_TCP_SYN : CONN_TCP_MID;
	return m->tuple.proto == IPPROTO_L4_UDP ? CONN_UDP_NEW : CONN_ICMP;
}

static flow_ref
flow_make(struct worker *w, struct pkt *p, const struct miss *m, struct flow_spec *spec,
          unsigned policy)
{
	const struct policy *pol = &w->policy[policy];
	uint8_t drop;
	flow_ref ref;
	struct flow *f = flow_open(&w->flows, &m->tuple, &spec->reply, &ref, &drop);
	if (f == NULL) {
		if (pol->ops->undo != NULL)
			pol->ops->undo(pol->state, m, spec);
		pkt_drop(w, p, drop);
		return 0;
	}
	f->policy = (uint8_t)policy;
	f->owner = spec->owner;
	f->flags = spec->flags;
	f->timers = spec->timers % MAX_TIMER_SETS;
	f->state = first_state(m);
	f->seen_ms = w->now_ms;
	f->route_gen = w->gen->route_gen;
	w->stats->flows_opened++;
	if (pol->ops->opened != NULL)
		pol->ops->opened(pol->state, m, spec);
	return ref;
}

/* What a policy that owns the packet says. => VERDICT_PASS: nothing. */
static enum verdict
ask(struct worker *w, struct pkt *p, const struct miss *m, unsigned policy, flow_ref *ref)
{
	const struct policy *pol = &w->policy[policy];
	struct flow_spec spec = {.drop = DROP_NO_POLICY};
	enum verdict v = pol->ops->open(pol->state, m, &spec);
	if (v == VERDICT_OPEN)
		*ref = flow_make(w, p, m, &spec, policy);
	else if (v == VERDICT_DROP)
		pkt_drop(w, p, spec.drop);
	else if (v == VERDICT_UNREACHABLE)
		pkt_punt(w, p, PUNT_UNREACHABLE, spec.drop, spec.code);
	return v;
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
	unsigned n = sizeof(home) / sizeof(home[0]);
	unsigned i = p->cause == HANDOFF_STRAY ? p->stage + 1u : 0;
	while (i < n && home[i] == w->id)
		i++;
	if (i >= n || m->event == EV_SYN || m->has_frag || p->loops != 0) {
		pkt_drop(w, p, DROP_NO_POLICY);
		return;
	}
	p->stage = (uint8_t)i;
	pkt_handoff(w, p, home[i], HANDOFF_STRAY);
}

/* Can it go where it is to go? Asked before a policy spends anything on it. */
static bool
is_routed(const struct miss *m)
{
	return m->route != NULL && m->route->kind != ROUTE_UNREACHABLE;
}

static flow_ref
claim(struct worker *w, struct pkt *p, const struct miss *m)
{
	flow_ref ref = 0;
	for (unsigned i = 0; i < w->n_policies; i++) {
		int home = w->policy[i].ops->home(w->gen, m);
		if (home == HOME_NOT_MINE)
			continue;
		if (home >= 0 && home != w->id) {
			to_home(w, p, m, (uint16_t)home);
			return 0;
		}
		if (m->event == EV_RST) {
			pkt_drop(w, p, DROP_TCP_NOT_SYN);
			return 0;
		}
		if (!is_routed(m)) {
			pkt_punt(w, p, PUNT_NO_ROUTE, DROP_NO_ROUTE, 0);
			return 0;
		}
		if (ask(w, p, m, i, &ref) != VERDICT_PASS)
			return ref;
	}
	stray(w, p, m);
	return 0;
}

flow_ref
miss_open(struct worker *w, struct pkt *p)
{
	struct miss m;
	if (miss_is_forged(w, p)) {
		pkt_drop(w, p, DROP_IP_SOURCE);
		return 0;
	}
	miss_fill(w, p, &m);
	if (m.route != NULL && m.route->kind == ROUTE_BROADCAST) {
		pkt_drop(w, p, DROP_IP_DESTINATION);
		return 0;
	}
	if (miss_is_local(p, m.route)) {
		pkt_punt(w, p, PUNT_LOCAL, DROP_LOCAL_UNWANTED, 0);
		return 0;
	}
	return claim(w, p, &m);
}
