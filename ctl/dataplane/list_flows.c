/* SPDX-License-Identifier: Apache-2.0 */
/* The flow listing: snapshots of workers' flow tables, filtered. */
#include "flow_walk.h"

#include <endian.h>

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

static void
take(struct page *pg, const struct snapshot *s)
{
	if (!is_wanted(pg->filter, s))
		return;
	struct cmd_flow row = {
		.tuple = {s->tuple[0], s->tuple[1]}, .policy = s->f.policy, .state = s->f.state,
		.flags = s->f.flags, .worker = s->worker, .owner = s->f.owner,
		.idle_ms = s->idle_ms, .left_ms = s->left_ms,
		.packets = {s->sum.packets[0], s->sum.packets[1]},
		.bytes = {s->sum.bytes[0], s->sum.bytes[1]},
	};
	page_add(pg, &row);
}

void
list_flows(struct page *pg)
{
	flow_walk(pg, take);
}
