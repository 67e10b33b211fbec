/* SPDX-License-Identifier: Apache-2.0 */
/* Listings for people, read from the tables of running workers. */
#include "nat/nat.h"

#include "nat/nat_filter.h"
#include "nat/state.h"

/* Entries that are looked at for one page, which may be short then: others wait meanwhile. */
enum { VIEW_STEPS = 1 << 16 };

static_assert(sizeof(((struct cmd_subscriber *)0)->block_first) / sizeof(uint16_t) ==
              NAT_MAX_BLOCKS, "a row has room for every block");

/* A cursor is worker << 32 | number of the last entry looked at. */
struct walk {
	uint32_t worker, number, steps;
};

static struct walk
walk_from(uint64_t cursor)
{
	return (struct walk){.worker = (uint32_t)(cursor >> 32), .number = (uint32_t)cursor};
}

/* May one more entry be looked at? */
static bool
walk_goes_on(struct walk *w, uint32_t n_states)
{
	return w->worker < n_states && w->steps++ < VIEW_STEPS;
}

static uint64_t
walk_cursor(struct walk w, uint32_t n_states)
{
	return w.worker < n_states ? (uint64_t)w.worker << 32 | w.number : 0;
}

/* The next worker's first entry, when those up to high have been looked at. */
static bool
walk_is_past(struct walk *w, uint32_t high)
{
	if (w->number < high)
		return false;
	w->worker++;
	w->number = 0;
	return true;
}

static bool
is_wanted_worker(const struct cmd_filter *f, uint32_t worker)
{
	return (f->worker == 0 || f->worker == worker + 1) &&
	       (f->nat.worker == 0 || f->nat.worker == worker + 1);
}

/* Does an inside and an external address match the filter's src, dst and any? */
static bool
is_wanted_pair(const struct cmd_filter *f, be32 inside, be32 external)
{
	if (f->family == FAMILY_V6)
		return false;
	return (f->src.w[0] == 0 || f->src.w[0] == inside) &&
	       (f->dst.w[0] == 0 || f->dst.w[0] == external) &&
	       (f->any.w[0] == 0 || f->any.w[0] == inside || f->any.w[0] == external);
}

static bool
is_wanted_mapping(const struct cmd_filter *f, const struct cmd_mapping *m)
{
	struct nat_facts x = {
		.inside = m->inside, .external = m->external, .pool = (uint16_t)m->pool,
		.inside_port = __builtin_bswap16(m->inside_port),
		.port_first = __builtin_bswap16(m->external_port),
		.port_last = __builtin_bswap16(m->external_port), .proto = m->proto,
		.realm = m->realm, .worker = m->worker,
	};
	return nat_filter_wants(&f->nat, &x) && is_wanted_pair(f, m->inside, m->external) &&
	       (f->proto == 0 || f->proto == m->proto) &&
	       (f->sport == 0 || f->sport == m->inside_port) &&
	       (f->dport == 0 || f->dport == m->external_port) &&
	       (f->any_port == 0 || f->any_port == m->inside_port ||
	        f->any_port == m->external_port);
}

/* The worker may have freed m or its block meanwhile: what they say is a number at any rate. */
static struct cmd_mapping
mapping_row(const struct nat *n, const struct mapping *m)
{
	uint32_t number = m->block <= n->pool.blocks.capacity ? m->block : 0;
	struct block b = *block_at(&n->pool, number);
	const struct subscriber *s = subscriber_at(&n->subscribers, b.subscriber);
	const struct pool_slot *slot = pool_slot_at(&n->pool, b.slot);
	return (struct cmd_mapping){
		.inside = s->address, .external = slot->address, .inside_port = m->inside_port,
		.external_port = __builtin_bswap16(m->port), .proto = nat_ip_proto(m->proto),
		.realm = subscriber_realm(s), .worker = (uint8_t)n->worker,
		.flows = m->flows, .pool = slot->pool,
	};
}

/*
 * The one external endpoint that a filter asks for. => its address, 0: it does not ask for one, and
 * all mappings have to be looked at.
 */
static be32
endpoint_of(const struct cmd_filter *f, uint16_t *port)
{
	be32 address = f->nat.external_mask == UINT32_MAX ? f->nat.external : f->dst.w[0];
	*port = __builtin_bswap16(f->dport);
	if (f->nat.port_last != 0 && f->nat.port_first == f->nat.port_last)
		*port = f->nat.port_first;
	return *port != 0 ? address : 0;
}

/* The mapping of an external port by the index, which the worker changes meanwhile, or 0. */
static uint32_t
endpoint_mapping(const struct nat *n, uint32_t slot, unsigned proto, uint16_t port)
{
	const struct mapping_table *t = &n->mappings;
	struct index_search s;
	uint32_t ref = index_first(&s, t->index, mapping_hash(t, true, slot, proto, port));
	for (; ref != 0; ref = index_next(&s)) {
		struct mapping m = *mapping_at(t, ref >> 1);
		uint32_t block = m.block <= n->pool.blocks.capacity ? m.block : 0;
		if ((ref & 1) != 0 && m.port == port && m.proto == proto &&
		    block_at(&n->pool, block)->slot == slot)
			break;
	}
	return ref >> 1;
}

/*
 * The next number to look at: each mapping; or where one endpoint is asked for each slot with each
 * protocol, of which that of another address has none. => 0: none there.
 */
static uint32_t
mapping_step(const struct nat *n, struct walk *w, be32 address, uint16_t port)
{
	uint32_t at = w->number++;
	if (address == 0)
		return w->number;
	uint32_t slot = at / NAT_PROTOS + 1;
	if (pool_slot_at(&n->pool, slot)->address != address)
		return 0;
	return endpoint_mapping(n, slot, at % NAT_PROTOS, port);
}

uint32_t
nat_view_mappings(void *const *states, uint32_t n_states, const struct cmd_filter *filter,
                  uint64_t *cursor, struct cmd_mapping *out, uint32_t room)
{
	struct walk w = walk_from(*cursor);
	uint32_t filled = 0;
	uint16_t port;
	be32 address = endpoint_of(filter, &port);
	while (filled < room && walk_goes_on(&w, n_states)) {
		const struct nat *n = states[w.worker];
		uint32_t high = address == 0 ? n->mappings.t.high :
		                               n->pool.slots.high * NAT_PROTOS;
		if (walk_is_past(&w, is_wanted_worker(filter, w.worker) ? high : 0))
			continue;
		uint32_t number = mapping_step(n, &w, address, port);
		struct mapping m = *mapping_at(&n->mappings, number);
		if (number == 0 || m.flows == 0)
			continue;
		struct cmd_mapping row = mapping_row(n, &m);
		if (!is_wanted_mapping(filter, &row))
			continue;
		uint32_t leases;
		row.lease_s = lease_last(n, number, &leases);
		row.flows -= leases < row.flows ? leases : row.flows;
		if (out != NULL)
			out[filled] = row;
		filled++;
	}
	*cursor = walk_cursor(w, n_states);
	return filled;
}

/* Is it of another address than the one that is asked for? Then nothing else need be read. */
static bool
is_elsewhere(const struct cmd_filter *f, const struct nat *n, uint32_t slot)
{
	return ((pool_slot_at(&n->pool, slot)->address ^ f->nat.external) &
	        f->nat.external_mask) != 0;
}

static struct cmd_subscriber
subscriber_row(const struct nat *n, const struct subscriber *s)
{
	const struct pool_slot *slot = pool_slot_at(&n->pool, s->slot);
	struct cmd_subscriber row = {
		.address = s->address, .external = slot->address, .realm = subscriber_realm(s),
		.worker = (uint8_t)n->worker, .pool = slot->pool, .mappings = s->mappings,
		.flows = s->flows,
	};
	uint32_t b = s->block;
	for (unsigned i = 0; b != 0 && i < NAT_MAX_BLOCKS; i++) {
		const struct block *block = block_at(&n->pool, b);
		b = block->next;
		if (block_is_share(block))
			continue;
		if (block->slot != s->slot) {
			row.elsewhere++;
			continue;
		}
		row.block_first[row.blocks] = block->first;
		row.block_last[row.blocks++] = (uint16_t)(block->first + block->ports - 1);
	}
	return row;
}

/* By one of its blocks, where ports are asked for. */
static bool
is_wanted_subscriber(const struct cmd_filter *f, const struct cmd_subscriber *s)
{
	struct nat_facts x = {
		.inside = s->address, .external = s->external, .pool = s->pool, .realm = s->realm,
		.worker = s->worker,
	};
	bool wanted = f->nat.port_last == 0 && nat_filter_wants(&f->nat, &x);
	for (unsigned i = 0; i < s->blocks && !wanted; i++) {
		x.port_first = s->block_first[i];
		x.port_last = s->block_last[i];
		wanted = nat_filter_wants(&f->nat, &x);
	}
	return wanted && is_wanted_pair(f, s->address, s->external);
}

uint32_t
nat_view_subscribers(void *const *states, uint32_t n_states, const struct cmd_filter *filter,
                     uint64_t *cursor, struct cmd_subscriber *out, uint32_t room)
{
	struct walk w = walk_from(*cursor);
	uint32_t filled = 0;
	while (filled < room && walk_goes_on(&w, n_states)) {
		const struct nat *n = states[w.worker];
		uint32_t high = is_wanted_worker(filter, w.worker) ? n->subscribers.t.high : 0;
		if (walk_is_past(&w, high))
			continue;
		struct subscriber s = *subscriber_at(&n->subscribers, ++w.number);
		if (s.blocks == 0 || is_elsewhere(filter, n, s.slot))
			continue;
		struct cmd_subscriber row = subscriber_row(n, &s);
		if (!is_wanted_subscriber(filter, &row))
			continue;
		if (out != NULL)
			out[filled] = row;
		filled++;
	}
	*cursor = walk_cursor(w, n_states);
	return filled;
}

static struct cmd_block
block_row(const struct nat *n, const struct block *b)
{
	const struct subscriber *s = subscriber_at(&n->subscribers, b->subscriber);
	const struct pool_slot *slot = pool_slot_at(&n->pool, b->slot);
	return (struct cmd_block){
		.subscriber = s->address, .external = slot->address, .first = b->first,
		.ports = b->ports, .usable = b->usable, .mapped = b->mapped, .pool = slot->pool,
		.taken = {b->taken[NAT_TCP], b->taken[NAT_UDP], b->taken[NAT_ICMP]},
		.realm = subscriber_realm(s), .worker = (uint8_t)n->worker,
	};
}

static bool
is_wanted_block(const struct cmd_filter *f, const struct cmd_block *b)
{
	struct nat_facts x = {
		.inside = b->subscriber, .external = b->external, .pool = b->pool,
		.port_first = b->first, .port_last = (uint16_t)(b->first + b->ports - 1),
		.realm = b->realm, .worker = b->worker,
	};
	return nat_filter_wants(&f->nat, &x);
}

uint32_t
nat_view_blocks(void *const *states, uint32_t n_states, const struct cmd_filter *filter,
                uint64_t *cursor, struct cmd_block *out, uint32_t room)
{
	struct walk w = walk_from(*cursor);
	uint32_t filled = 0;
	while (filled < room && walk_goes_on(&w, n_states)) {
		const struct nat *n = states[w.worker];
		uint32_t high = is_wanted_worker(filter, w.worker) ? n->pool.blocks.high : 0;
		if (walk_is_past(&w, high))
			continue;
		struct block b = *block_at(&n->pool, ++w.number);
		if (block_is_unused(&b) || block_is_share(&b) || is_elsewhere(filter, n, b.slot))
			continue;
		struct cmd_block row = block_row(n, &b);
		if (!is_wanted_block(filter, &row))
			continue;
		if (out != NULL)
			out[filled] = row;
		filled++;
	}
	*cursor = walk_cursor(w, n_states);
	return filled;
}

static void
pool_row_add(struct cmd_pool_address *row, const struct nat *n, const struct img_nat_address *a)
{
	uint32_t number = pool_find_id(&n->pool, a);
	if (number == 0)
		return;
	struct pool_slot slot = *pool_slot_at(&n->pool, number);
	if (slot.shares == 0) {
		row->blocks_used += slot.blocks - slot.idle;
		row->blocks_quarantined += slot.idle;
	}
	for (unsigned i = 0; i < NAT_PROTOS; i++)
		row->ports_used[i] += slot.ports_used[i];
}

/* Blocks of an address of the pool, on all workers. */
static uint32_t
blocks_of(const struct nat_rules *r, uint32_t pool, bool is_divided)
{
	uint32_t n = 0;
	if ((r->pools[pool].flags & NAT_SINGLE) != 0)
		return 0;
	for (uint32_t w = 0; w < (is_divided ? r->n_workers : 1); w++)
		n += rules_blocks(r, pool, (uint16_t)w);
	return n;
}

uint32_t
nat_view_pools(void *const *states, uint32_t n_states, const struct generation *g,
               uint64_t *cursor, struct cmd_pool_address *out, uint32_t room)
{
	const struct nat_rules *r = rules_of(g);
	uint64_t at = *cursor;
	uint32_t filled = 0;
	for (; filled < room && at < r->n_addresses; at++) {
		const struct img_nat_address *a = &r->addresses[at];
		union addr address = addr_from_v4(a->address);
		out[filled] = (struct cmd_pool_address){
			.address = a->address, .id = a->id, .pool = a->pool, .worker = 0xffff,
			.blocks = blocks_of(r, a->pool, g->steer.split_blocks),
		};
		if (!g->steer.split_blocks)
			out[filled].worker = steer_worker(&g->steer, &address, FAMILY_V4);
		for (uint32_t i = 0; i < n_states; i++)
			pool_row_add(&out[filled], states[i], a);
		filled++;
	}
	*cursor = at < r->n_addresses ? at : 0;
	return filled;
}
