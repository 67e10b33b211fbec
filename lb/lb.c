/* SPDX-License-Identifier: Apache-2.0 */
/* The balancer's answers to the engine. */
#include "lb.h"

#include <errno.h>

#include "admit.h"
#include "asker.h"
#include "choice.h"
#include "lb_image.h"
#include "lb_local.h"
#include "lb_syn.h"
#include "lb_view.h"
#include "lb_way.h"
#include "lib/mem.h"
#include "lib/synproxy.h"
#include "lib/tally.h"

enum { CODE_HOST = 1, CODE_PORT = 3 };
static_assert((int)REALM_NAMED + LB_MAX_PER_PACKET <= 255, "each backend of a service has a name");

struct lb {
	struct policy_env env;
	struct lb_locals locals;
	struct choice choice;
	struct lb_limits *limits;
	const struct lb_view *view; /* of the generation of the last reload */
	struct lb_syn syn[LB_SYN_SLOTS];
};

static const struct lb_view *
view_of(const struct generation *g)
{
	return g->view[POLICY_LB];
}

static int
view_create(struct generation *g, unsigned number)
{
	if (number != POLICY_LB)
		return -EINVAL;
	struct lb_view *v = lb_view_create(g->image, &g->steer);
	if (v == NULL)
		return -ENOMEM;
	const struct generation *old = g->previous;
	const struct lb_view *was = old != NULL ? view_of(old) : NULL;
	int rc = lb_tables_take(&v->tables, g->source, was != NULL ? old->image : NULL,
	                        was != NULL ? &was->tables : NULL);
	if (rc == 0)
		rc = lb_ways_create(v, g->image, old);
	if (rc != 0) {
		lb_view_destroy(v);
		return rc;
	}
	g->view[number] = v;
	g->way = v->way;
	g->n_ways = v->n_ways;
	g->way_index = v->way_index;
	return 0;
}

static void
view_destroy(struct generation *g, unsigned number)
{
	lb_view_destroy(g->view[number]);
	g->view[number] = NULL;
	g->way = NULL;
	g->n_ways = 0;
	g->way_index = (struct way_index){0};
}

static bool
route_is(const struct miss *m, enum route_kind kind)
{
	return m->route != NULL && m->route->kind == kind;
}

/* Does a nat-mode backend answer a client? What it sends to a pool address is of NAT's flows. */
static bool
is_reply(const struct miss *m)
{
	const struct lb_view *v = view_of(m->gen);
	return (v->endpoint_ports & lb_port_bit(m->tuple.sport)) != 0 && m->tuple.realm == 0 &&
	       !route_is(m, ROUTE_POOL) && lb_view_endpoint(v, &m->tuple);
}

/* Transports without ports that are known (ESP, GRE, …) are not balanced. */
static bool
has_ports(const struct tuple *t)
{
	return t->proto == IPPROTO_L4_TCP || t->proto == IPPROTO_L4_UDP ||
	       t->proto == IPPROTO_L4_ICMP || t->proto == IPPROTO_L4_ICMP6;
}

static int
home(const struct generation *g, const struct miss *m)
{
	const struct tuple *t = &m->tuple;
	if (!has_ports(t))
		return HOME_NOT_MINE;
	if (route_is(m, ROUTE_SERVICE))
		return steer_worker(&g->steer, &t->src, t->family);
	if (route_is(m, ROUTE_LB_LOCAL))
		return steer_worker_port(&g->steer, &t->dst, t->family,
		                         __builtin_bswap16(t->dport));
	if (is_reply(m))
		return steer_worker(&g->steer, &t->dst, t->family);
	return HOME_NOT_MINE;
}

static enum verdict
refuse(struct flow_spec *spec, enum drop_reason reason, uint8_t code)
{
	spec->drop = (uint8_t)reason;
	spec->code = code;
	return VERDICT_UNREACHABLE;
}

/* The service has no backend for a new flow. */
static enum verdict
none(const struct img_lb_service *s, uint8_t proto, struct flow_spec *spec)
{
	refuse(spec, DROP_LB_NO_BACKEND, CODE_HOST);
	if (s->when_none == LB_NONE_DROP)
		return VERDICT_DROP;
	return proto == IPPROTO_L4_TCP ? VERDICT_RESET : VERDICT_UNREACHABLE;
}

/* The flow to a backend: as the client sees it where nothing is translated, else from its own. */
static void
spec_fill(struct flow_spec *spec, const struct tuple *t, const struct img_lb_service *s,
          const struct img_lb_backend *b)
{
	bool is_way = lb_mode_is_way(s->mode);
	spec->owner = b->id;
	spec->timers = s->timers;
	spec->reply = (struct tuple){.src = is_way ? t->dst : b->address,
		.sport = is_way || b->port == 0 ? t->dport : b->port,
		.dst = t->src, .dport = t->sport, .family = t->family, .proto = t->proto};
	spec->taken = s->mode == LB_MODE_NAT ? DROP_LB_PORT_TAKEN : 0;
	spec->flags = is_way ? FLOW_REFRESH_0 | FLOW_WAY :
		FLOW_REFRESH_0 | FLOW_REFRESH_1 | FLOW_HIDE_1;
}

/* Echo that is not answered comes by here, is_mute(), and replies that nobody asked for. */
static enum verdict
refuse_echo(const struct miss *m, struct flow_spec *spec)
{
	bool asks = m->tuple.dport == 0; /* a reply has its identifier there */
	bool is_down = asks && m->gen->plane->service_echo == IMG_ECHO_HEALTHY;
	return verdict_drop(spec, is_down ? DROP_LB_NO_BACKEND : DROP_LOCAL_UNWANTED);
}

static enum verdict
answer(const struct img_lb_service *s, struct flow_spec *spec)
{
	spec->offer = (struct syn_offer){.mss = s->syn_mss, .scale = s->syn_scale,
		.sack = (s->syn_flags & LB_SYN_SACK) != 0,
		.time = (s->syn_flags & LB_SYN_TIME) != 0};
	return VERDICT_ANSWER;
}

/*
 * The SYN proxy's word on the first packet of a connection. => VERDICT_PASS: it says nothing
 * against opening; spec->is_answered if the client has shaken hands with us.
 */
static enum verdict
syn_proxy(struct lb *lb, const struct img_lb_service *s, const struct miss *m,
          struct flow_spec *spec)
{
	if (m->event == EV_OPEN)
		return lb_syn_gives(lb->syn, s, lb->env.n_workers, m->now_ns) ?
			answer(s, spec) : VERDICT_PASS;
	if (lb_syn_takes(lb->syn, s, m->now_ns)) {
		spec->is_answered = synproxy_check(lb->env.cookies, m, &spec->cookie);
		lb->env.stats->cookies_good += spec->is_answered;
		lb->env.stats->cookies_bad += !spec->is_answered;
		answer(s, spec);
	}
	if (spec->is_answered || !lb_syn_is_on(lb->syn, s, m->now_ns))
		return VERDICT_PASS;
	return verdict_drop(spec, DROP_LB_COOKIE);
}

static const struct img_lb_backend *
quic_backend(const struct lb_view *v, const struct img_lb_service *s, const struct pkt *p)
{
	uint32_t at = p->l4 + (uint32_t)UDP_LEN;
	return lb_view_quic(v, s, p->l3 + at, p->l3_len - at);
}

/* What few services have: is there something before the choice of a backend? */
static inline bool
is_special(const struct img_lb_service *s)
{
	return (s->syn_mode | s->tell | s->quics) != 0;
}

/* => VERDICT_PASS: a backend may be chosen. */
static __attribute__((noinline)) enum verdict
special(struct lb *lb, const struct img_lb_service *s, const struct miss *m,
        struct flow_spec *spec)
{
	spec->is_answered = false;
	if (s->syn_mode != LB_SYN_OFF) {
		enum verdict said = syn_proxy(lb, s, m, spec);
		if (said != VERDICT_PASS)
			return said;
	}
	/* Whose beginning was not seen cannot be told of any more, and may not tell of itself. */
	bool is_begin = m->event == EV_OPEN || m->tuple.proto == IPPROTO_L4_UDP;
	if (s->tell != TELL_NONE && !is_begin && !spec->is_answered)
		return verdict_drop(spec, DROP_TCP_NOT_SYN);
	spec->tell = s->tell;
	spec->toa_kind = s->toa_kind;
	return VERDICT_PASS;
}

/* The backend of a new flow: as its connection ID says (QUIC), or as the service chooses. */
static inline const struct img_lb_backend *
backend_for(struct lb *lb, const struct lb_view *v, const struct img_lb_service *s,
            const struct miss *m, enum verdict verdict, uint8_t *drop)
{
	const struct img_lb_backend *b = s->quics != 0 ? quic_backend(v, s, m->pkt) : NULL;
	if (b == NULL && verdict == VERDICT_STATELESS)
		return choice_peek(&lb->choice, v, s, &m->tuple, m->now_ms, drop);
	if (b == NULL)
		return choice_take(&lb->choice, v, s, &m->tuple, m->now_ms, drop);
	if (verdict != VERDICT_STATELESS)
		choice_note(&lb->choice, b);
	lb->env.stats->quic_routed++;
	return b;
}

/* A packet without a flow, to the backend that its connection goes to. */
static enum verdict
pass_without(struct lb *lb, const struct img_lb_service *s, const struct img_lb_backend *b,
             const struct tuple *t, struct flow_spec *spec)
{
	spec_fill(spec, t, s, b);
	lb->env.backends[b->id].stateless++;
	return VERDICT_STATELESS;
}

/* A client's RST without a flow: it opens none, but may end what is forwarded without. */
static enum verdict
pass_rst(struct lb *lb, const struct img_lb_service *s, const struct lb_guard *g,
         const struct miss *m, struct flow_spec *spec)
{
	const struct img_lb_backend *b = NULL;
	uint8_t why;
	if (lb_admit_rst(lb->limits, s, g, m))
		b = choice_peek(&lb->choice, view_of(m->gen), s, &m->tuple, m->now_ms, &why);
	return b == NULL ? verdict_drop(spec, DROP_TCP_NOT_SYN) :
	       pass_without(lb, s, b, &m->tuple, spec);
}

/* A packet of a health check, to the backend that is asked. */
static enum verdict
ask(const struct img_lb_service *s, const struct img_lb_backend *b, const struct miss *m,
    struct flow_spec *spec)
{
	if (m->has_frag)
		return verdict_drop(spec, DROP_LB_OVERFLOW);
	spec_fill(spec, &m->tuple, s, b);
	return VERDICT_STATELESS;
}

static enum verdict
open_service(struct lb *lb, const struct miss *m, struct flow_spec *spec)
{
	const struct lb_view *v = view_of(m->gen);
	const struct tuple *t = &m->tuple;
	const struct img_lb_service *s = lb_view_service(v, t);
	if (s == NULL && m->event == EV_RST)
		return verdict_drop(spec, DROP_TCP_NOT_SYN);
	if (s == NULL && (t->proto == IPPROTO_L4_ICMP || t->proto == IPPROTO_L4_ICMP6))
		return refuse_echo(m, spec);
	if (s == NULL)
		return refuse(spec, DROP_LB_NO_SERVICE, CODE_PORT);
	if (m->event == EV_SYN)
		return verdict_drop(spec, DROP_TCP_NOT_SYN); /* clients answer no SYN */
	const struct img_lb_backend *asked = lb_asker_backend(v, s, t);
	if (asked != NULL)
		return ask(s, asked, m, spec);
	/* Names of its flows stand where their realm would. */
	if (s->choice.per_packet && t->realm != 0)
		return refuse(spec, DROP_LB_NO_SERVICE, CODE_PORT);
	if (m->is_full && !s->stateless)
		return verdict_drop(spec, m->event == EV_RST ? DROP_TCP_NOT_SYN :
		                                               DROP_FLOW_TABLE_FULL);
	const struct lb_guard *g = lb_view_guard(v, s);
	if (g != NULL && lb_is_denied(v, g, t))
		return verdict_drop(spec, DROP_LB_DENIED);
	if (m->event == EV_RST)
		return pass_rst(lb, s, g, m, spec);
	enum verdict said = is_special(s) ? special(lb, s, m, spec) : VERDICT_PASS;
	if (said != VERDICT_PASS)
		return said;
	enum verdict verdict = g == NULL && !m->is_full ? VERDICT_OPEN :
		lb_admit(lb->limits, s, g, m, spec);
	if (verdict == VERDICT_DROP)
		return verdict;
	uint8_t drop = DROP_LB_NO_BACKEND;
	const struct img_lb_backend *b = backend_for(lb, v, s, m, verdict, &drop);
	if (b == NULL)
		return drop == DROP_LB_NO_BACKEND ? none(s, t->proto, spec) :
		       refuse(spec, drop, CODE_HOST);
	if (verdict == VERDICT_STATELESS)
		return pass_without(lb, s, b, t, spec);
	spec_fill(spec, t, s, b);
	if (is_special(s) && (spec->tell != TELL_NONE || spec->is_answered))
		spec->flags |= FLOW_SHIFT;
	if (s->choice.per_packet)
		spec->name = (uint8_t)(REALM_NAMED + (b - v->backends - s->first_backend));
	/* Whether a datagram is answered is not seen where answers go past us; who brings a cookie
	 * back has shaken hands. */
	if (g != NULL && g->half != UINT32_MAX && !spec->is_answered &&
	    (t->proto == IPPROTO_L4_TCP || !lb_mode_is_way(s->mode)))
		spec->flags |= FLOW_HALF;
	if (s->mode == LB_MODE_FULLNAT) {
		spec->flags |= FLOW_HIDE_0;
		if (!lb_local_take(&lb->locals, v, s, &t->src, &spec->reply)) {
			choice_undo(&lb->choice, v, b->id);
			lb->env.backends[b->id].no_port +=
				lb->env.backends[b->id].no_port != UINT32_MAX;
			return refuse(spec, DROP_LB_NO_LOCAL_PORT, CODE_HOST);
		}
	}
	lb_gauge_take(lb->limits, s->id, b->id, (spec->flags & FLOW_HALF) != 0);
	return VERDICT_OPEN;
}

/*
 * To its backend the connection would be another one of the client's, to another service or port:
 * it goes to one to which it is not. Others take no packets of a QUIC connection.
 */
static bool
other(void *state, const struct miss *m, struct flow_spec *spec)
{
	struct lb *lb = state;
	const struct lb_view *v = view_of(m->gen);
	const struct img_lb_service *s = lb_view_service(v, &m->tuple);
	if (s == NULL || s->mode != LB_MODE_NAT || s->quics != 0)
		return false;
	const struct img_lb_backend *b = choice_beside(&lb->choice, v, s, spec->owner);
	if (b == NULL)
		return false;
	uint8_t kept = spec->flags & (FLOW_HALF | FLOW_SHIFT);
	spec_fill(spec, &m->tuple, s, b);
	spec->flags |= kept;
	lb_gauge_move(lb->limits, s->id, b->id);
	return true;
}

static enum verdict
open_flow(void *state, const struct miss *m, struct flow_spec *spec)
{
	struct lb *lb = state;
	if (route_is(m, ROUTE_SERVICE))
		return open_service(lb, m, spec);
	if (!route_is(m, ROUTE_LB_LOCAL) && !is_reply(m))
		return VERDICT_PASS;
	if (!route_is(m, ROUTE_LB_LOCAL))
		return lb_admit_reply(view_of(m->gen), lb->limits, m, spec);
	/* a reply to nothing */
	return verdict_drop(spec, m->event == EV_RST ? DROP_TCP_NOT_SYN : DROP_NO_POLICY);
}

/* The local port of a fullnat flow is chosen at random: nobody can say which. */
static bool
guess(const void *state, const struct miss *m, struct flow_spec *spec)
{
	const struct lb *lb = state;
	const struct lb_view *v = view_of(m->gen);
	if (!route_is(m, ROUTE_SERVICE))
		return is_reply(m) && lb_guess_reply(v, lb->limits, m, spec);
	const struct img_lb_service *s = lb_view_service(v, &m->tuple);
	const struct img_lb_backend *b = s != NULL ? lb_asker_backend(v, s, &m->tuple) : NULL;
	if (b == NULL && s != NULL && s->mode != LB_MODE_FULLNAT)
		b = choice_guess(v, s, &m->tuple);
	if (b == NULL)
		return false;
	spec_fill(spec, &m->tuple, s, b);
	return true;
}

static bool
is_mute(const struct generation *g, const union addr *dst, uint8_t family)
{
	uint8_t echo = g->plane->service_echo;
	return echo == IMG_ECHO_NEVER ||
	       (echo == IMG_ECHO_HEALTHY && !lb_view_is_live(view_of(g), dst, family));
}

static void
opened(void *state, const struct miss *m, const struct flow_spec *spec)
{
	struct lb *lb = state;
	lb->env.backends[spec->owner].opened++;
	lb->env.backends[spec->owner].half += (spec->flags & FLOW_HALF) != 0;
}

/* One half-open flow less. */
static void
settled(void *state, const struct flow *f)
{
	struct lb *lb = state;
	lb->env.backends[f->owner].half--;
	lb_gauge_of(lb->limits, f->owner)->half--;
}

/* What becomes of a handshake that we see both sides of. Other first answers than SYN and RST say
 * nothing of it. */
static void
answered(void *state, struct flow *f, unsigned event, uint64_t waited_ns)
{
	struct lb *lb = state;
	struct stats_backend *b = &lb->env.backends[f->owner];
	if (f->state != CONN_TCP_SYN)
		return;
	if (event == EV_RST)
		b->refused++;
	if (event != EV_SYN && event != EV_OPEN)
		return;
	b->answered++;
	b->waited[stats_wait(waited_ns)]++;
}

static bool
is_unanswered(const struct flow *f, uint32_t now_ms)
{
	return f->state == CONN_TCP_SYN && (f->flags & FLOW_ANSWERED) == 0 &&
	       (int32_t)(now_ms - f->seen_ms) >= LB_PATIENCE_MS;
}

/* The client has acknowledged nothing: seen where its word alone counts, since answers go past us
 * or the flow is half-open until it comes (lib/half.h). */
static bool
is_unfinished(const struct flow *f, uint32_t now_ms)
{
	return f->state == CONN_ONE_SYN && (int32_t)(now_ms - f->seen_ms) >= LB_PATIENCE_MS;
}

/* undo, ended: only fullnat flows hide their initiator, and only they hold a local port. */
static void
undo(void *state, const struct miss *m, const struct flow_spec *spec)
{
	struct lb *lb = state;
	choice_undo(&lb->choice, view_of(m->gen), spec->owner);
	lb_gauge_put(lb->limits, spec->owner, (spec->flags & FLOW_HALF) != 0);
	if (spec->flags & FLOW_HIDE_0)
		lb_local_put(&lb->locals, &spec->reply);
}

static void
ended(void *state, const struct leaving *l, uint32_t now_ms)
{
	struct lb *lb = state;
	const struct flow *f = l->f;
	struct tuple first = leaving_tuple(l, 0);
	struct stats_backend *b = &lb->env.backends[f->owner];
	b->ended++;
	b->unanswered += is_unanswered(f, now_ms);
	if (is_unfinished(f, now_ms)) {
		b->unfinished++;
		b->repeated += (f->flags & FLOW_WAY) != 0 && flow_packets(f, 0) > 1 &&
			b->repeated != UINT32_MAX;
	}
	b->half -= (f->flags & FLOW_HALF) != 0;
	lb_gauge_put(lb->limits, f->owner, (f->flags & FLOW_HALF) != 0);
	struct flow_totals sum = tally_totals(lb->env.tally, f, f);
	for (unsigned dir = 0; dir < 2; dir++) {
		b->packets[dir] += sum.packets[dir];
		b->bytes[dir] += sum.bytes[dir];
	}
	choice_put(&lb->choice, lb->view, f->owner, &first, now_ms);
	if (f->flags & FLOW_HIDE_0) {
		struct tuple reply = leaving_tuple(l, 1);
		lb_local_put(&lb->locals, &reply);
	}
}

static void
reload(void *state, const struct generation *g)
{
	struct lb *lb = state;
	lb->view = view_of(g);
	lb_locals_reload(&lb->locals);
	choice_reload(&lb->choice);
}

/* Flows of a backend that is dead, or that was to be drained by now. */
static enum stale
stale(void *state, const struct flow *f)
{
	const struct lb *lb = state;
	if (lb->view == NULL)
		return STALE_NOT;
	if (f == NULL)
		return lb->view->n_stale != 0 ? STALE_ENDS : STALE_NOT;
	return lb_view_fate(lb->view, f->owner);
}

/* Local endpoints that a worker has room for. */
static uint32_t
locals_of(const struct policy_env *env)
{
	uint32_t share = env->plane->endpoints / env->n_workers;
	return env->plane->endpoints == 0 ? 0 : share + 2;
}

static uint32_t
sources_of(const struct policy_env *env)
{
	return img_share(env->plane->sources, env->n_workers);
}

size_t
lb_memsize(const struct policy_env *env)
{
	return sizeof(struct lb) + lb_locals_memsize(locals_of(env)) + choice_memsize(env) +
	       lb_limits_memsize(sources_of(env));
}

void *
lb_create(const struct policy_env *env)
{
	struct lb *lb = mem_alloc(sizeof(*lb), env->node);
	if (lb == NULL)
		return NULL;
	lb->env = *env;
	lb->limits = lb_limits_create(sources_of(env), env->seed, env->node);
	if (lb->limits != NULL && choice_init(&lb->choice, env) == 0 &&
	    lb_locals_init(&lb->locals, locals_of(env), env->worker, env->seed, env->node) == 0)
		return lb;
	lb_destroy(lb);
	return NULL;
}

void
lb_destroy(void *state)
{
	struct lb *lb = state;
	if (lb == NULL)
		return;
	lb_locals_fini(&lb->locals);
	choice_fini(&lb->choice);
	lb_limits_destroy(lb->limits);
	mem_free(lb, sizeof(*lb));
}

const struct policy_ops lb_policy = {
	.name = "lb",
	.opens_again = true,
	.bears_full = true,
	.check = lb_image_check,
	.view_create = view_create,
	.view_destroy = view_destroy,
	.home = home,
	.open = open_flow,
	.other = other,
	.guess = guess,
	.is_mute = is_mute,
	.opened = opened,
	.undo = undo,
	.answered = answered,
	.settled = settled,
	.ended = ended,
	.stale = stale,
	.reload = reload,
};
