/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's memory and its turn: clock, generation, rings, devices, expiry, quiescent report. */
#include "worker.h"

#include "cut.h"
#include "encap.h"
#include "ending.h"
#include "final.h"
#include "frag.h"
#include "ident.h"
#include "mem.h"
#include "pipeline.h"
#include "purge.h"
#include "syn.h"
#include "synproxy.h"
#include "tx.h"
#include "walk.h"

static const uint64_t NS_PER_MS = 1000000;

/* A worker's share of a capacity. */
static uint32_t
share_of(uint32_t capacity, uint16_t workers)
{
	return (uint32_t)(((uint64_t)capacity + workers - 1) / workers);
}

/* A worker's share of the shifted flows, a little more than its part: hashes are not even. */
static uint32_t
shifts_of(const struct img_plane *plane)
{
	uint32_t share = share_of(plane->shifts, plane->workers);
	return plane->shifts == 0 || plane->workers == 1 ? share : share + share / 8 + 1;
}

static uint32_t
flows_of(const struct img_plane *plane)
{
	return share_of(plane->flows_v4, plane->workers) +
	       share_of(plane->flows_v6, plane->workers);
}

size_t
worker_flows_memsize(const struct img_plane *plane)
{
	return plane->workers * flow_table_memsize(share_of(plane->flows_v4, plane->workers),
	                                           share_of(plane->flows_v6, plane->workers));
}

size_t
worker_memsize(const struct img_plane *plane)
{
	size_t own = sizeof(struct worker) + sizeof(struct pipeline) + frag_memsize() +
	             sizeof(struct syn_table);
	own += shift_memsize(shifts_of(plane)) + tally_memsize(flows_of(plane));
	return plane->workers * own + worker_flows_memsize(plane);
}

static void
tx_init(struct worker *w)
{
	const struct shared *s = w->shared;
	for (unsigned i = 0; i < s->n_devs; i++) {
		struct tx_buf *t = &w->pipe->tx[i];
		uint16_t queues = s->devs[i].tx_queues;
		t->dev = &s->devs[i];
		t->queue = w->id < queues ? w->id : TX_NO_QUEUE;
		t->via = queues != 0 ? w->id % queues : w->id;
	}
}

/* => false when the machine has too little. */
static bool
shifts_create(struct worker *w, const struct img_plane *plane, int node)
{
	uint32_t n = shifts_of(plane);
	void *mem = n != 0 ? mem_alloc(shift_memsize(n), node) : NULL;
	if (mem != NULL)
		shift_init(&w->shifts, mem, n);
	return n == 0 || mem != NULL;
}

/* => the same. */
static bool
tally_create(struct worker *w, const struct img_plane *plane, int node)
{
	void *mem = mem_alloc(tally_memsize(flows_of(plane)), node);
	if (mem != NULL)
		tally_init(&w->tally, mem, flows_of(plane));
	return mem != NULL;
}

struct worker *
worker_create(struct shared *s, uint16_t id, const struct img_plane *plane, int node)
{
	struct worker *w = mem_alloc(sizeof(*w), node);
	if (w == NULL)
		return NULL;
	w->id = id;
	w->shared = s;
	w->stats = stats_context(s->stats, 1u + id);
	w->pipe = mem_alloc(sizeof(*w->pipe), node);
	w->frags = mem_alloc(frag_memsize(), node);
	w->syns = mem_alloc(sizeof(*w->syns), node);
	int r = flow_room_open(&w->room, &w->flows, share_of(plane->flows_v4, plane->workers),
	                       share_of(plane->flows_v6, plane->workers),
	                       share_of(FLOWS_MOST, plane->workers), s->seed, node);
	if (w->pipe == NULL || w->frags == NULL || w->syns == NULL || r != 0 ||
	    !shifts_create(w, plane, node) || !tally_create(w, plane, node)) {
		worker_destroy(w);
		return NULL;
	}
	frag_init(w->frags, s->seed);
	cookies_init(&w->cookies, s->secret);
	tx_init(w);
	ident_init(w);
	if (s->qsbr != NULL) {
		rte_rcu_qsbr_thread_register(s->qsbr, id);
		rte_rcu_qsbr_thread_online(s->qsbr, id);
	}
	return w;
}

void
worker_destroy(struct worker *w)
{
	if (w == NULL)
		return;
	if (w->shared->qsbr != NULL && w->pipe != NULL) {
		rte_rcu_qsbr_thread_offline(w->shared->qsbr, w->id);
		rte_rcu_qsbr_thread_unregister(w->shared->qsbr, w->id);
	}
	if (w->frags != NULL) {
		frag_fini(w);
		mem_free(w->frags, frag_memsize());
	}
	if (w->syns != NULL) {
		syn_fini(w);
		mem_free(w->syns, sizeof(*w->syns));
	}
	if (w->shifts.line != NULL)
		mem_free(w->shifts.line, shift_memsize(w->shifts.capacity));
	if (w->tally.line != NULL)
		mem_free(w->tally.index.bucket, w->tally.size);
	flow_room_close(&w->room, &w->flows);
	if (w->pipe != NULL)
		mem_free(w->pipe, sizeof(*w->pipe));
	mem_free(w, sizeof(*w));
}

int
worker_grow_prepare(struct worker *w, const struct img_plane *plane)
{
	return flow_room_prepare(&w->room, share_of(plane->flows_v4, plane->workers),
	                         share_of(plane->flows_v6, plane->workers));
}

size_t
worker_grow_memsize(const struct worker *w, const struct img_plane *plane)
{
	return flow_room_more(&w->room, share_of(plane->flows_v4, plane->workers),
	                      share_of(plane->flows_v6, plane->workers));
}

int
worker_policy_add(struct worker *w, const struct policy_ops *ops, void *state)
{
	if (w->n_policies == MAX_POLICIES)
		return -1;
	w->policy[w->n_policies] = (struct policy){.ops = ops, .state = state};
	return (int)w->n_policies++;
}

/* What the pipeline keeps of a generation: timers for every number, a nic for every device. */
static void
generation_derive(struct worker *w, const struct generation *g)
{
	struct pipeline *pipe = w->pipe;
	for (uint32_t i = 0; i < MAX_TIMER_SETS; i++) {
		if (g->n_timers != 0)
			pipe->timers[i] = g->timers[i < g->n_timers ? i : 0];
		pipe->timers[FINAL_BIT | i] = final_timers(&pipe->timers[i]);
	}
	memset(pipe->dev_nic, NIC_NONE, sizeof(pipe->dev_nic));
	for (unsigned i = MAX_NICS - 1; i > NIC_NONE; i--) {
		if (g->nic[i].valid)
			pipe->dev_nic[g->nic[i].dev] = (uint8_t)i;
	}
}

static void
generation_pick_up(struct worker *w)
{
	const struct generation *g = atomic_load_explicit(&w->shared->gen, memory_order_acquire);
	if (g == NULL || (g == w->gen && g->number == w->pipe->gen_number))
		return;
	generation_derive(w, g);
	memset(w->pipe->route_hop, 0, sizeof(w->pipe->route_hop));
	w->gen = g;
	w->pipe->gen_number = g->number;
	w->stats->generation = g->number;
	for (unsigned i = 0; i < w->n_policies; i++) {
		if (w->policy[i].ops->reload != NULL)
			w->policy[i].ops->reload(w->policy[i].state, g);
	}
	purge_start(w);
}

static uint32_t
take_over(struct worker *w)
{
	struct rte_mbuf **bufs = w->pipe->bufs;
	struct rte_ring *in = w->shared->in[w->id];
	uint32_t total = 0;
	for (unsigned i = 0; i < TAKE_BURSTS; i++) {
		unsigned n = rte_ring_dequeue_burst(in, (void **)bufs, BURST, NULL);
		if (n == 0)
			break;
		pipeline_take_over(w, bufs, (uint16_t)n);
		total += n;
	}
	return total;
}

static uint32_t
receive(struct worker *w)
{
	struct rte_mbuf **bufs = w->pipe->bufs;
	uint32_t total = 0;
	for (unsigned i = 0; i < w->shared->n_devs; i++) {
		struct dev *d = &w->shared->devs[i];
		if (w->id >= d->rx_queues)
			continue;
		uint16_t n = d->ops->rx(d, w->id, bufs, BURST);
		if (n == 0)
			continue;
		pipeline_receive(w, d, bufs, n);
		total += n;
	}
	return total;
}

static void
ended(void *arg, const flow_ref *ref, const uint64_t (*hash)[2], uint32_t n)
{
	flows_ended(arg, ref, hash, n);
}

/* So many steps of the hand that the whole slab is seen in SWEEP_MS; few at a time. */
static void
sweep(struct worker *w)
{
	uint64_t elapsed_ns = w->now_ns - w->swept_ns, round_ns = SWEEP_MS * NS_PER_MS;
	uint64_t entries = w->flows.high4 + w->flows.high6;
	if (elapsed_ns > round_ns)
		elapsed_ns = round_ns;
	uint64_t steps = elapsed_ns * entries / round_ns;
	if (steps == 0 || (steps < LEAST_EXPIRE_STEPS && steps < entries))
		return;
	if (steps > MAX_EXPIRE_STEPS)
		steps = MAX_EXPIRE_STEPS;
	w->swept_ns = w->now_ns;
	flow_expire(&w->flows, w->pipe->timers, w->now_ms, (uint32_t)steps, ended, w);
}

static void
tick(struct worker *w)
{
	bool lapsed = false;
	for (unsigned i = 0; i < w->n_policies; i++) {
		const struct policy *p = &w->policy[i];
		if (p->ops->tick != NULL)
			p->ops->tick(p->state, w->now_ns);
		if (p->ops->lapsed != NULL)
			lapsed |= p->ops->lapsed(p->state);
	}
	if (lapsed)
		purge_start(w);
}

static void
stats_publish(struct worker *w)
{
	w->stats->flows_v4 = w->flows.used4;
	w->stats->flows_v6 = w->flows.used6;
	w->stats->shifts = w->shifts.used;
	w->stats->flow_counts_lost = w->tally.lost;
	w->stats->capacity_v4 = w->flows.capacity4;
	w->stats->capacity_v6 = w->flows.capacity6;
	w->stats->now_ns = w->now_ns;
}

static void
clock_set(struct worker *w, uint64_t now_ns)
{
	w->now_ns = now_ns;
	w->now_ms = (uint32_t)(now_ns / NS_PER_MS);
}

uint32_t
worker_poll(struct worker *w, uint64_t now_ns)
{
	uint32_t n = 0;
	clock_set(w, now_ns);
	generation_pick_up(w);
	flow_grow_turn(&w->room, &w->flows, GROW_TURN);
	if (w->gen != NULL) {
		frag_expire(w);
		syn_expire(w);
		synproxy_turn(w);
		encap_turn(w);
		n = take_over(w);
		n += receive(w);
		sweep(w);
		purge_turn(w, PURGE_TURN);
		cut_turn(w, CUT_TURN);
		tick(w);
		tx_flush(w);
		stats_publish(w);
		w->stats->bursts += n != 0;
		w->stats->idle_polls += n == 0;
	}
	if (w->shared->qsbr != NULL)
		rte_rcu_qsbr_quiescent(w->shared->qsbr, w->id);
	return n;
}

void
worker_purge(struct worker *w)
{
	generation_pick_up(w);
	do
		purge_turn(w, UINT32_MAX);
	while (!walk_is_over(&w->purge));
	cut_turn(w, UINT32_MAX);
}

void
worker_sweep(struct worker *w, uint64_t now_ns)
{
	clock_set(w, now_ns);
	frag_expire(w);
	syn_expire(w);
	synproxy_turn(w);
	flow_expire(&w->flows, w->pipe->timers, w->now_ms, w->flows.high4 + w->flows.high6, ended,
	            w);
	tx_flush(w);
	stats_publish(w);
}
