/* SPDX-License-Identifier: Apache-2.0 */
/* Routing without translation: identity flows, and packets that have none. */
#include "routed.h"

#include "hop.h"
#include "mem.h"
#include "miss.h"
#include "mss.h"
#include "rewrite.h"
#include "tx.h"

struct routed {
	struct stats *stats;
};

void *
routed_create(const struct policy_env *env)
{
	struct routed *r = mem_alloc(sizeof(*r), env->node);
	if (r != NULL)
		r->stats = env->stats;
	return r;
}

void
routed_destroy(void *state)
{
	if (state != NULL)
		mem_free(state, sizeof(struct routed));
}

static int
check(const struct image_header *h, char *err, size_t err_size)
{
	return 0; /* what it wants of an image is in the core sections */
}

static int
view_create(struct generation *g, unsigned number)
{
	return 0;
}

static void
view_destroy(struct generation *g, unsigned number)
{
}

/* An address of ours, or the broadcast address of a network of ours. */
static bool
is_ours(const struct img_route *route)
{
	return route != NULL && route->kind != ROUTE_UNREACHABLE && !route_leads(route);
}

static int
home(const struct generation *g, const struct miss *m)
{
	unsigned family = m->tuple.family == FAMILY_V6;
	if ((g->plane->routes_unclaimed >> family & 1) == 0 || m->nic == NIC_NONE ||
	    is_ours(m->route))
		return HOME_NOT_MINE;
	if (m->is_flowless)
		return HOME_ROUTE;
	if (!g->has_realms)
		return HOME_ANY;
	return steer_worker(&g->steer, m->tuple.realm != 0 ? &m->tuple.src : &m->tuple.dst,
	                    m->tuple.family);
}

static enum verdict
open(void *state, const struct miss *m, struct flow_spec *spec)
{
	struct routed *r = state;
	spec->reply = tuple_invert(&m->tuple);
	spec->reply.realm = route_realm(m->gen, m->route);
	spec->flags = FLOW_REFRESH_0 | FLOW_REFRESH_1;
	r->stats->flows_routed++;
	return VERDICT_OPEN;
}

static void
undo(void *state, const struct miss *m, const struct flow_spec *spec)
{
	struct routed *r = state;
	r->stats->flows_routed--;
}

static void
ended(void *state, const struct leaving *l, uint32_t now_ms)
{
}

const struct policy_ops routed_policy = {
	.name = "route",
	.is_untouched = true,
	.check = check,
	.view_create = view_create,
	.view_destroy = view_destroy,
	.home = home,
	.open = open,
	.undo = undo,
	.ended = ended,
};

void
routed_send(struct worker *w, struct pkt *p)
{
	struct tuple same = {.src = pkt_src(p), .dst = pkt_dst(p)};
	const struct img_route *route = route_from(w->gen, p->realm, &same.dst, p->family);
	struct hop hop = hop_on(w, route, &same.dst, p->family);
	if (hop.kind == HOP_LOOP) {
		pkt_drop(w, p, DROP_NO_POLICY);
		return;
	}
	if (!hop_admit(w, p, hop))
		return;
	if (conn_is_syn(p->event))
		mss_clamp_pkt(w, p, hop);
	p->is_routed = 1;
	rewrite_addresses(p, &same);
	hop_send(w, p, hop);
}

void
routed_flowless(struct worker *w, struct pkt *p)
{
	struct miss m;
	int home;
	miss_fill(w, p, &m);
	m.tuple.sport = m.tuple.dport = 0;
	if (miss_is_untouched(w, &m, &home))
		routed_send(w, p);
	else
		pkt_drop(w, p, pkt_is_icmp(p) ? DROP_ICMP_TYPE : DROP_IP_PROTOCOL);
}
