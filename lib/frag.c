/* SPDX-License-Identifier: Apache-2.0 */
/* Fragments follow their first one: the table of datagrams and the buffers that wait. */
#include "frag.h"

#include "encap.h"
#include "hop.h"
#include "icmp_error.h"
#include "ident.h"
#include "miss.h"
#include "parse.h"
#include "rewrite.h"
#include "routed.h"
#include "told.h"
#include "tx.h"

struct frag_key { /* what the fragments of a datagram have in common */
	union addr src, dst;
	uint32_t id;
	uint8_t family, proto, realm, zero;
};
static_assert(sizeof(struct frag_key) == 40, "five words to hash");

enum frag_state {
	FRAG_EMPTY,
	FRAG_WAITING, /* first fragment not seen: others are held */
	FRAG_FLOW,    /* it belongs to a flow here */
	FRAG_AWAY,    /* it belongs to a flow of worker `home` */
	FRAG_ROUTED,  /* the first fragment went its way without a flow: so do the others */
	FRAG_ENDED,   /* the first fragment was not forwarded: the others are not */
};

struct frag_entry {
	struct frag_key key;
	struct tuple tuple; /* of the first fragment */
	flow_ref ref;
	uint32_t until_ms;
	uint16_t home;
	uint16_t held_first, held_last, held;
	be16 ident;            /* that all get; 0: they keep theirs */
	uint16_t newer, older; /* neighbours among the waiting, 1 + entry number */
	uint8_t state;         /* enum frag_state */
};

struct frag_held {
	struct rte_mbuf *m; /* buf_meta: nic, loops, cause */
	uint16_t next;      /* of the same datagram, or free; 0 ends */
	uint16_t share;     /* whose of frag_table.share it counts for */
};

struct frag_table {
	uint64_t seed;
	uint16_t oldest, newest; /* waiting entries, 1 + number */
	uint16_t free;           /* held buffers' slots; 0 is none */
	uint16_t share[FRAG_SHARES]; /* buffers held, by the hash of their source */
	struct frag_entry entry[FRAG_SETS * FRAG_WAYS];
	struct frag_held held[FRAG_HELD_MAX + 1];
};

size_t
frag_memsize(void)
{
	return sizeof(struct frag_table);
}

void
frag_init(struct frag_table *t, uint64_t seed)
{
	t->seed = seed;
	for (uint16_t i = 1; i < FRAG_HELD_MAX; i++)
		t->held[i].next = i + 1;
	t->free = 1;
}

static uint64_t
key_hash(const struct frag_table *t, const struct frag_key *key)
{
	uint64_t v[5];
	memcpy(v, key, sizeof(v));
	uint64_t h = mix64(v[0] ^ t->seed, v[1] ^ 0x9e3779b97f4a7c15u);
	h ^= mix64(v[2] ^ t->seed ^ 0xa0761d6478bd642fu, v[3] ^ 0xe7037ed1a0b428dbu);
	return mix64(h ^ v[4], t->seed ^ 0xd6e8feb86659fd93u);
}

static struct frag_key
key_of(const struct pkt *p)
{
	return (struct frag_key){
		.src = pkt_src(p), .dst = pkt_dst(p),
		.id = p->family == FAMILY_V4 ? pkt_ip4(p)->id : load32(p->l3 + p->frag + 4),
		.family = p->family, .proto = p->proto, .realm = p->realm,
	};
}

static uint16_t
share_of(const struct frag_table *t, const struct frag_key *key)
{
	uint64_t h = mix64(key->src.q[0] ^ t->seed, key->src.q[1] ^ 0x9e3779b97f4a7c15u);
	h = mix64(h ^ key->realm, t->seed ^ 0xd6e8feb86659fd93u); /* neighbours come apart */
	return (uint16_t)((h >> 32) % FRAG_SHARES);
}

/* The bound that one more buffer would go beyond, of its source or of all; 0: it may be held. */
static uint32_t
bound_of(const struct frag_table *t, const struct frag_key *key)
{
	if (t->share[share_of(t, key)] >= FRAG_HELD_SOURCE)
		return FRAG_HELD_SOURCE;
	return t->free == 0 ? FRAG_HELD_MAX : 0;
}

static bool
is_past(uint32_t until_ms, uint32_t now_ms)
{
	return (int32_t)(now_ms - until_ms) > 0;
}

static struct frag_entry *
set_of(struct frag_table *t, uint64_t hash)
{
	return &t->entry[(hash % FRAG_SETS) * FRAG_WAYS];
}

static bool
is_usable(const struct frag_entry *e, uint32_t now_ms)
{
	if (e->state == FRAG_EMPTY)
		return false;
	return e->state == FRAG_WAITING || !is_past(e->until_ms, now_ms);
}

static struct frag_entry *
entry_find(struct frag_table *t, const struct frag_key *key, uint64_t hash, uint32_t now_ms)
{
	struct frag_entry *set = set_of(t, hash);
	for (unsigned i = 0; i < FRAG_WAYS; i++) {
		if (is_usable(&set[i], now_ms) && memcmp(&set[i].key, key, sizeof(*key)) == 0)
			return &set[i];
	}
	return NULL;
}

/* A free entry; with push, else the known one that ends first. */
static struct frag_entry *
entry_add(struct frag_table *t, const struct frag_key *key, uint64_t hash, uint32_t now_ms,
          bool push)
{
	struct frag_entry *set = set_of(t, hash), *best = NULL;
	for (unsigned i = 0; i < FRAG_WAYS; i++) {
		struct frag_entry *e = &set[i];
		if (!is_usable(e, now_ms)) {
			best = e;
			break;
		}
		if (push && e->state != FRAG_WAITING &&
		    (best == NULL || (int32_t)(e->until_ms - best->until_ms) < 0))
			best = e;
	}
	if (best != NULL)
		*best = (struct frag_entry){.key = *key};
	return best;
}

static uint16_t
number_of(const struct frag_table *t, const struct frag_entry *e)
{
	return (uint16_t)(1 + (e - t->entry));
}

static void
waiting_add(struct frag_table *t, struct frag_entry *e, uint32_t now_ms)
{
	e->state = FRAG_WAITING;
	e->until_ms = now_ms + FRAG_WAIT_MS;
	e->older = t->newest;
	if (t->newest != 0)
		t->entry[t->newest - 1].newer = number_of(t, e);
	else
		t->oldest = number_of(t, e);
	t->newest = number_of(t, e);
}

static void
waiting_del(struct frag_table *t, struct frag_entry *e)
{
	if (e->older != 0)
		t->entry[e->older - 1].newer = e->newer;
	else
		t->oldest = e->newer;
	if (e->newer != 0)
		t->entry[e->newer - 1].older = e->older;
	else
		t->newest = e->older;
	e->newer = e->older = 0;
}

/* Beyond a bound: whoever knows the source may say so. */
static void
refuse(struct worker *w, const struct pkt *p, uint32_t bound)
{
	struct miss m = {
		.tuple = {.src = pkt_src(p), .dst = pkt_dst(p), .family = p->family,
			.proto = p->proto, .realm = p->realm},
		.gen = w->gen, .now_ms = w->now_ms, .now_ns = w->now_ns, .nic = p->nic,
	};
	m.route = route_from(w->gen, p->realm, &m.tuple.dst, p->family);
	m.back = route_back(w->gen, p->realm, &m.tuple.src, p->family);
	for (unsigned i = 0; i < w->n_policies; i++) {
		const struct policy *pol = &w->policy[i];
		if (pol->ops->crowded != NULL)
			pol->ops->crowded(pol->state, &m, bound, bound == FRAG_HELD_MAX);
	}
	pkt_drop(w, p, DROP_FRAG_FULL);
}

static void
hold(struct worker *w, struct frag_entry *e, const struct pkt *p)
{
	struct frag_table *t = w->frags;
	uint16_t n = t->free;
	uint32_t bound = e->held == FRAG_HELD_EACH ? FRAG_HELD_EACH : bound_of(t, &e->key);
	if (bound != 0) {
		refuse(w, p, bound);
		return;
	}
	t->free = t->held[n].next;
	t->held[n] = (struct frag_held){.m = p->m, .share = share_of(t, &e->key)};
	t->share[t->held[n].share]++;
	*buf_meta(p->m) = (struct buf_meta){.cause = p->cause, .nic = p->nic, .loops = p->loops,
		.arg = p->stage};
	if (e->held++ == 0)
		e->held_first = n;
	else
		t->held[e->held_last].next = n;
	e->held_last = n;
	w->stats->held++;
	w->stats->nic[p->nic].held++;
}

/* The oldest buffer that an entry holds, or NULL. */
static struct rte_mbuf *
unhold(struct worker *w, struct frag_entry *e)
{
	struct frag_table *t = w->frags;
	uint16_t n = e->held_first;
	if (e->held == 0)
		return NULL;
	struct rte_mbuf *m = t->held[n].m;
	e->held_first = t->held[n].next;
	e->held--;
	t->share[t->held[n].share]--;
	t->held[n].next = t->free;
	t->free = n;
	w->stats->held--;
	w->stats->nic[buf_meta(m)->nic].held--;
	return m;
}

/* A later fragment of a flow: addresses only. It counts for the flow and keeps it alive. */
static void
forward_later(struct worker *w, struct pkt *p, const struct frag_entry *e)
{
	struct flow *f = flow_get(&w->flows, e->ref);
	unsigned d = e->ref & 1;
	bool is_back = (f->flags & FLOW_WAY) != 0 && d != 0;
	if (f->nexthop[d] == NEXTHOP_RESET && !is_back) { /* its first fragment was answered */
		pkt_drop(w, p, DROP_LB_RESET);
		return;
	}
	pipeline_count(w, f, d, p);
	if ((f->flags & FLOW_WAY) != 0) {
		encap_send(w, p, f, d, tuple_hash(&e->tuple, w->flows.seed));
		return;
	}
	struct tuple to = flow_tuple(&w->flows, e->ref, !d);
	to = tuple_invert(&to);
	bool known = f->nexthop[d] != NEXTHOP_NONE && f->route_gen == w->gen->route_gen;
	struct hop hop = known ? hop_of(w, f->nexthop[d]) :
	                         hop_find(w, to.realm, &to.dst, p->family);
	if (!hop_admit(w, p, hop))
		return;
	if (d == 0 && told_is(f) && !told_later(p)) {
		pkt_drop(w, p, DROP_TOO_BIG);
		return;
	}
	if (e->ident != 0)
		ident_write(p->l3, e->ident);
	icmp_hide_way(p, f, d);
	rewrite_addresses(p, &to);
	hop_send(w, p, hop);
}

/* Does the entry's flow still exist? */
static bool
flow_stands(const struct worker *w, const struct frag_entry *e)
{
	if (flow_get(&w->flows, e->ref)->state == CONN_FREE)
		return false;
	struct tuple t = flow_tuple(&w->flows, e->ref, e->ref & 1);
	return memcmp(&t, &e->tuple, sizeof(t)) == 0;
}

static void
follow(struct worker *w, struct pkt *p, struct frag_entry *e)
{
	if (e->state == FRAG_AWAY)
		pkt_handoff(w, p, e->home, HANDOFF_FRAGMENT);
	else if (e->state == FRAG_FLOW && flow_stands(w, e))
		forward_later(w, p, e);
	else if (e->state == FRAG_ROUTED)
		routed_send(w, p);
	else
		pkt_drop(w, p, DROP_FRAG_NO_FIRST);
}

static void
release(struct worker *w, struct frag_entry *e)
{
	struct rte_mbuf *m;
	while ((m = unhold(w, e)) != NULL) {
		const struct buf_meta *meta = buf_meta(m);
		struct pkt p = {
			.m = m, .nic = meta->nic, .loops = meta->loops, .cause = meta->cause,
			.stage = (uint8_t)meta->arg,
		};
		if (parse_again(&p, w->gen) == PATH_ASIDE)
			follow(w, &p, e);
		else
			pkt_drop(w, &p, DROP_FRAG_INVALID);
	}
}

/* Where the flow of a first fragment is at home: a worker, or HOME_ANY for here. */
static int
home_of(struct worker *w, struct pkt *p)
{
	struct miss m;
	if (pipeline_find(w, p) != 0)
		return HOME_ANY;
	if (p->stage == STAGE_ANSWER) {
		union addr client = pkt_dst(p);
		return steer_worker(&w->gen->steer, &client, p->family);
	}
	miss_fill(w, p, &m);
	return miss_is_local(w, p, m.route) ? HOME_ANY : miss_home(w, &m);
}

static void
first(struct worker *w, struct pkt *p, const struct frag_key *key, uint64_t hash, bool meeting)
{
	struct frag_table *t = w->frags;
	struct frag_entry *e = entry_find(t, key, hash, w->now_ms);
	struct frag_entry unkept = {.state = FRAG_EMPTY};
	if (e != NULL && e->state == FRAG_WAITING)
		waiting_del(t, e);
	if (e == NULL)
		e = entry_add(t, key, hash, w->now_ms, true);
	if (e == NULL)
		e = &unkept;
	e->until_ms = w->now_ms + FRAG_KNOWN_MS;
	e->tuple = pkt_tuple(p);
	bool is_flowless = pkt_is_flowless(p); /* any worker routes it */
	int home = meeting && !is_flowless ? home_of(w, p) : HOME_ANY;
	if (home >= 0 && home != w->id) {
		e->state = FRAG_AWAY;
		e->home = (uint16_t)home;
		pkt_handoff(w, p, e->home, HANDOFF_FRAGMENT);
	} else {
		e->ref = is_flowless ? 0 : pipeline_forward(w, p);
		if (is_flowless)
			routed_flowless(w, p);
		if (e->ref != 0) /* it may be one of several that the policy chooses from */
			e->tuple = flow_tuple(&w->flows, e->ref, e->ref & 1);
		e->ident = p->ident;
		e->state = e->ref != 0 ? FRAG_FLOW : p->is_routed ? FRAG_ROUTED : FRAG_ENDED;
	}
	release(w, e);
}

static void
later(struct worker *w, struct pkt *p, const struct frag_key *key, uint64_t hash, bool meeting)
{
	struct frag_table *t = w->frags;
	struct frag_entry *e = entry_find(t, key, hash, w->now_ms);
	uint32_t bound = e == NULL && meeting ? bound_of(t, key) : 0;
	if (e == NULL && meeting && bound == 0) {
		e = entry_add(t, key, hash, w->now_ms, false);
		if (e != NULL)
			waiting_add(t, e, w->now_ms);
	}
	if (bound != 0)
		refuse(w, p, bound);
	else if (e == NULL)
		pkt_drop(w, p, meeting ? DROP_FRAG_FULL : DROP_FRAG_NO_FIRST);
	else if (e->state == FRAG_WAITING)
		hold(w, e, p);
	else
		follow(w, p, e);
}

/*
 * Where all fragments of a datagram meet: at home, as far as addresses say it, so that a device
 * which steers by them brings there what is at home there. Where ports decide, anywhere. What the
 * interface of arrival might say is left out: it need not be the same for all of them.
 */
static uint16_t
meeting_of(const struct worker *w, const struct frag_key *key, uint64_t hash)
{
	const struct steer *s = &w->gen->steer;
	if (s->n_workers == 1)
		return 0;
	struct miss m = {
		.tuple = {.src = key->src, .dst = key->dst, .family = key->family,
		          .proto = key->proto, .realm = key->realm},
		.gen = w->gen, .now_ms = w->now_ms, .now_ns = w->now_ns, .has_frag = 1,
		.route = route_from(w->gen, key->realm, &key->dst, key->family),
		.back = route_back(w->gen, key->realm, &key->src, key->family),
	};
	uint8_t kind = m.route != NULL ? m.route->kind : 0;
	if (s->split_blocks && (kind == ROUTE_POOL || kind == ROUTE_LB_LOCAL))
		return (uint16_t)(((hash >> 32) * s->n_workers) >> 32);
	m.nic = m.back != NULL ? m.back->nic : NIC_NONE;
	int home = miss_home(w, &m);
	return home >= 0 ? (uint16_t)home : steer_worker(s, &key->dst, key->family);
}

void
frag_handle(struct worker *w, struct pkt *p)
{
	struct frag_key key = key_of(p);
	uint64_t hash = key_hash(w->frags, &key);
	uint16_t meeting = meeting_of(w, &key, hash);
	if (meeting != w->id && p->cause != HANDOFF_FRAGMENT)
		pkt_handoff(w, p, meeting, HANDOFF_FRAGMENT);
	else if ((p->flags & PKT_FIRST) != 0)
		first(w, p, &key, hash, meeting == w->id);
	else
		later(w, p, &key, hash, meeting == w->id);
}

void
frag_expire(struct worker *w)
{
	struct frag_table *t = w->frags;
	while (t->oldest != 0) {
		struct frag_entry *e = &t->entry[t->oldest - 1];
		struct rte_mbuf *m;
		if (!is_past(e->until_ms, w->now_ms))
			return;
		waiting_del(t, e);
		e->state = FRAG_EMPTY;
		while ((m = unhold(w, e)) != NULL)
			buf_drop(w, m, buf_meta(m)->nic, DROP_FRAG_NO_FIRST);
	}
}

void
frag_fini(struct worker *w)
{
	for (unsigned i = 0; w->frags != NULL && i < FRAG_SETS * FRAG_WAYS; i++) {
		struct rte_mbuf *m;
		while ((m = unhold(w, &w->frags->entry[i])) != NULL)
			w->shared->devs[0].ops->free(&m, 1);
	}
}
