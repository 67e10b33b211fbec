/* SPDX-License-Identifier: Apache-2.0 */
/* The flow listing: snapshots of workers' flow tables, filtered. */
#include "command_exec.h"

#include <endian.h>

/* A flow as it stood at one moment. */
struct snapshot {
	struct flow f;
	struct tuple tuple[2];
};

/* Copies an entry that its worker may be writing. => false when it never stood still. */
static bool
read_whole(void *to, const void *from, size_t size)
{
	uint8_t again[sizeof(struct flow6)];
	for (unsigned i = 0; i < COMMAND_READS; i++) {
		memcpy(to, from, size);
		atomic_thread_fence(memory_order_seq_cst);
		memcpy(again, from, size);
		if (memcmp(to, again, size) == 0)
			return true;
	}
	return false;
}

static bool
snapshot4(const struct flow_table *t, uint32_t i, struct snapshot *s)
{
	struct flow4 e;
	if (!read_whole(&e, &t->v4[i], sizeof(e)) || e.f.state == CONN_FREE)
		return false;
	s->f = e.f;
	for (unsigned d = 0; d < 2; d++)
		s->tuple[d] = (struct tuple){
			.src = addr_from_v4(e.tuple[d].src), .dst = addr_from_v4(e.tuple[d].dst),
			.sport = e.tuple[d].sport, .dport = e.tuple[d].dport, .family = FAMILY_V4,
			.proto = e.f.proto, .realm = e.f.realm[d],
		};
	return true;
}

static bool
snapshot6(const struct flow_table *t, uint32_t i, struct snapshot *s)
{
	struct flow6 e;
	if (!read_whole(&e, &t->v6[i], sizeof(e)) || e.f.state == CONN_FREE)
		return false;
	s->f = e.f;
	for (unsigned d = 0; d < 2; d++)
		s->tuple[d] = (struct tuple){
			.src = e.tuple[d].src, .dst = e.tuple[d].dst, .sport = e.tuple[d].sport,
			.dport = e.tuple[d].dport, .family = FAMILY_V6, .proto = e.f.proto,
			.realm = e.f.realm[d],
		};
	return true;
}

static bool
addr_wanted(const union addr *want, const union addr *have)
{
	return (want->q[0] | want->q[1]) == 0 || addr_equal(want, have);
}

static bool
any_addr_wanted(const union addr *want, const struct tuple t[2])
{
	return addr_wanted(want, &t[0].src) || addr_wanted(want, &t[0].dst) ||
	       addr_wanted(want, &t[1].src) || addr_wanted(want, &t[1].dst);
}

static bool
any_port_wanted(be16 want, const struct tuple t[2])
{
	return want == 0 || want == t[0].sport || want == t[0].dport || want == t[1].sport ||
	       want == t[1].dport;
}

/* The destination: an address or prefix, a port or several. */
static bool
dst_wanted(const struct cmd_filter *c, const struct tuple *t)
{
	unsigned bits = addr_bits(t->family), plen = c->dst_wide < bits ? bits - c->dst_wide : 0;
	uint16_t port = be16toh(t->dport), first = be16toh(c->dport);
	uint16_t last = c->dport_last != 0 ? be16toh(c->dport_last) : first;
	return (c->dport == 0 || (port >= first && port <= last)) &&
	       ((c->dst.q[0] | c->dst.q[1]) == 0 || addr_in_prefix(&t->dst, &c->dst, plen));
}

static bool
is_wanted(const struct cmd_filter *c, const struct snapshot *s)
{
	const struct tuple *t = s->tuple;
	return (c->family == 0 || c->family == t->family) &&
	       (c->proto == 0 || c->proto == t->proto) &&
	       (c->policy == 0 || c->policy == s->f.policy + 1) &&
	       (c->state == 0 || c->state == s->f.state) &&
	       (c->owner == 0 || c->owner == s->f.owner + 1) &&
	       (c->sport == 0 || c->sport == t->sport) && dst_wanted(c, t) &&
	       addr_wanted(&c->src, &t->src) &&
	       any_addr_wanted(&c->any, t) && any_port_wanted(c->any_port, t);
}

/* => false when the flow is idle beyond its time: it is over, only not yet swept. */
static bool
row_make(const struct page *pg, const struct snapshot *s, uint8_t worker, struct cmd_flow *row)
{
	const struct generation *g = pg->plane->gen;
	uint32_t idle = pg->now_ms - s->f.seen_ms;
	if ((int32_t)idle < 0)
		idle = 0; /* the worker's clock is ahead of ours by a moment */
	uint32_t whole = s->f.timers < g->n_timers ?
	                 g->timers[s->f.timers].idle_ms[s->f.state & 15] : 0;
	if (idle > whole)
		return false;
	*row = (struct cmd_flow){
		.tuple = {s->tuple[0], s->tuple[1]}, .policy = s->f.policy, .state = s->f.state,
		.flags = s->f.flags, .worker = worker, .owner = s->f.owner, .idle_ms = idle,
		.left_ms = whole - idle,
		.packets = {flow_packets(&s->f, 0), flow_packets(&s->f, 1)},
		.bytes = {flow_bytes(&s->f, 0), flow_bytes(&s->f, 1)},
	};
	return true;
}

/* Where IPv6 entries begin in a cursor, however large the tables become meanwhile. */
#define FIRST6 (1u << 30)

/* One worker from table entry i on (IPv4 entries, then IPv6 ones). => the entry to go on at, or 0
 * when this worker has no more. */
static uint32_t
list_worker(struct page *pg, uint16_t worker, uint32_t i, uint32_t *steps)
{
	const struct flow_table *t = &pg->plane->worker[worker]->flows;
	uint32_t end4 = t->high4 < t->capacity4 ? t->high4 : t->capacity4;
	uint32_t end6 = t->high6 < t->capacity6 ? t->high6 : t->capacity6;
	for (;; i++, ++*steps) {
		if (i > end4 && i < FIRST6)
			i = FIRST6 + 1;
		if (i > FIRST6 + end6)
			return 0;
		if (*steps == COMMAND_STEPS || pg->count == pg->room)
			return i;
		struct snapshot s;
		struct cmd_flow row;
		bool found = i < FIRST6 ? snapshot4(t, i, &s) : snapshot6(t, i - FIRST6, &s);
		if (found && is_wanted(pg->filter, &s) && row_make(pg, &s, (uint8_t)worker, &row))
			page_add(pg, &row);
	}
}

void
list_flows(struct page *pg)
{
	uint16_t only = pg->filter->worker;
	uint32_t steps = 0, i = (uint32_t)pg->cursor;
	for (uint64_t w = pg->cursor >> 32; w < pg->plane->n_workers; w++, i = 0) {
		if (only != 0 && only != w + 1)
			continue;
		i = list_worker(pg, (uint16_t)w, i != 0 ? i : 1, &steps);
		if (i != 0) {
			pg->next = w << 32 | i;
			return;
		}
	}
}
