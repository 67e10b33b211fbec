/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stages of a hit one by one, made of the worker's own functions: a turn that goes as far as a
 * certain stage, for each stage, over the same packets. What a stage costs is what its turn costs
 * more than the one before. Times within one turn would not say that: the core works on several
 * stages at once. The last row is the worker itself, with what it does between bursts.
 */
#include "cases.h"
#include "lib/flow_index.h"
#include "lib/parse_plain.h"
#include "lib/rewrite.h"
#include "lib/tx.h"

enum stage { PARSE, INDEX, FLOW, TOUCH, REWRITE, SEND, WORKER, STAGES };

static const char *const names[STAGES] = {
	[PARSE] = "parse", [INDEX] = "index", [FLOW] = "flow",
	[TOUCH] = "touch", [REWRITE] = "rewrite", [SEND] = "send", [WORKER] = "worker",
};

static enum stage last;  /* that a turn goes to */
static uint64_t reached; /* packets that got through it */

/* Parsed and hashed, which is one function; the index line is prefetched if that is wanted. */
static unsigned
parse_all(struct worker *w, const struct dev *d, unsigned n, bool ask)
{
	const struct plain_burst plain = plain_burst_of(w->gen, d, w->flows.seed);
	unsigned parsed = 0;
	for (unsigned i = 0; i < n; i++) {
		struct pkt *p = &w->pipe->pkt[i];
		p->m = w->pipe->bufs[i];
		parsed += parse_plain(p, &plain);
		if (ask)
			index_prefetch(&w->flows, p->hash);
	}
	return parsed;
}

static unsigned
match_all(struct worker *w, unsigned n, bool ask)
{
	unsigned found = 0;
	for (unsigned i = 0; i < n; i++) {
		struct pkt *p = &w->pipe->pkt[i];
		p->ref = index_match(&w->flows, p->hash);
		found += p->ref != 0;
		if (ask)
			flow_prefetch(&w->flows, p->ref);
	}
	return found;
}

static struct flow4 *
flow_of(const struct worker *w, const struct pkt *p)
{
	return flow_ptr4(&w->flows, p->ref);
}

static unsigned
verify_all(struct worker *w, unsigned n)
{
	unsigned found = 0;
	for (unsigned i = 0; i < n; i++) {
		struct pkt *p = &w->pipe->pkt[i];
		if (!flow_is4(&w->flows, p->ref, &p->key.t4, p->proto, p->realm))
			p->ref = flow_find4(&w->flows, &p->key.t4, p->proto, p->realm, p->hash);
		found += p->ref != 0 &&
		         !flow_is_idle(&flow_of(w, p)->f, w->pipe->timers, w->now_ms);
	}
	return found;
}

static void
touch_all(struct worker *w, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct pkt *p = &w->pipe->pkt[i];
		struct flow *f = &flow_of(w, p)->f;
		f->state = conn_next[f->state][p->ref & 1][p->event];
		pipeline_count(w, f, p->ref & 1, p);
	}
}

static void
rewrite_all(struct worker *w, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct pkt *p = &w->pipe->pkt[i];
		rewrite_pkt4(p, &flow_of(w, p)->tuple[~p->ref & 1]);
	}
}

static void
send_all(struct worker *w, unsigned n)
{
	const struct nexthop_table *hops = &w->shared->nexthops;
	for (unsigned i = 0; i < n; i++) {
		struct pkt *p = &w->pipe->pkt[i];
		uint16_t id = flow_of(w, p)->f.nexthop[p->ref & 1];
		tx_pkt(w, p, ETHER_IP4, hops->entry[id].nic, nexthop_word(hops, id));
	}
}

/* A burst as far as `last`. => packets that are as they should be there. */
static unsigned
burst_run(struct worker *w, const struct dev *d, unsigned n)
{
	unsigned good = parse_all(w, d, n, last >= INDEX);
	if (last == PARSE || good != n)
		return good;
	good = match_all(w, n, last >= FLOW);
	if (last == INDEX)
		return good;
	good = verify_all(w, n);
	if (last == FLOW || good != n)
		return good;
	touch_all(w, n);
	if (last >= REWRITE)
		rewrite_all(w, n);
	if (last >= SEND)
		send_all(w, n);
	return n;
}

static uint32_t
stages_turn(struct worker *w, uint64_t now_ns)
{
	uint32_t total = 0;
	w->now_ns = now_ns;
	w->now_ms = (uint32_t)(now_ns / 1000000);
	for (unsigned i = 0; i < w->shared->n_devs; i++) {
		struct dev *d = &w->shared->devs[i];
		uint16_t n = d->ops->rx(d, w->id, w->pipe->bufs, BURST);
		w->stats->received += n;
		reached += burst_run(w, d, n);
		total += n;
	}
	if (last == SEND)
		tx_flush(w);
	return total;
}

/* Rounds of packets as far as a stage, always the same ones in a group. */
static void
stage_run(struct bench *b, enum stage stage, struct timing *t)
{
	last = stage;
	for (unsigned i = 0; i < b->rounds; i++) {
		for (unsigned k = 0; k < RIG_PACKETS; k++)
			bench_put_hit(b, k);
		uint64_t ticks = rig_run_with(b->rig, 0,
		                              stage == WORKER ? worker_poll : stages_turn);
		timing_add(t, ticks, RIG_PACKETS);
	}
}

/* What a stage's turn takes more than the one before it. */
static void
row_less(struct result *row, const struct result *before)
{
	row->ns -= before->ns;
	row->ns_min -= before->ns_min;
	row->f -= before->f;
	row->f_min -= before->f_min;
}

static void
rows_fill(struct bench *b, struct timing *t, struct result *out)
{
	struct result before = {0};
	const char *name = out->name;
	for (unsigned s = 0; s < STAGES; s++) {
		struct result row = {.name = name, .part = names[s], .flows = b->flows};
		result_time(&row, &t[s], b->tick_ns);
		struct result all = row;
		row.cumulative_ns = all.ns;
		if (s != WORKER)
			row_less(&row, &before);
		before = all;
		out[s] = row;
	}
}

void
case_parts(struct bench *b, struct result *out)
{
	struct timing t[STAGES];
	uint64_t packets = (uint64_t)TIMING_GROUPS * b->rounds * RIG_PACKETS;
	uint64_t sent = rig_sent(b->rig);
	for (unsigned s = 0; s < STAGES; s++)
		t[s] = timing_of(b->machine, packets);
	reached = 0;
	for (unsigned g = 0; g < TIMING_GROUPS; g++) {
		uint64_t rnd = b->rnd;
		for (unsigned s = 0; s < STAGES; s++) {
			b->rnd = rnd;
			stage_run(b, s, &t[s]);
		}
	}
	rows_fill(b, t, out);
	bench_expect(&out[WORKER], "packets through their stages", reached, WORKER * packets);
	bench_expect(&out[WORKER], "sent", rig_sent(b->rig) - sent, 2 * packets);
}
