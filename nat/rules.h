/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What a generation says about address translation, arranged for misses: rules as masks,
 *            rows of addresses by stable id, the addresses of a pool by class.
 * Layout     One allocation; kept in generation.view[POLICY_NAT].
 * Invariant  1. row_of_id[id] - 1 is the row of the address with that id; 0: it is not here.
 *            2. order[class_first(pool, class)..] are the rows of the pool's addresses of a class,
 *               ascending; the classes of a pool follow each other.
 * Owner      Constant after rules_create.
 */
#ifndef MR_NAT_RULES_H
#define MR_NAT_RULES_H

#include "lib/policy.h"
#include "nat/deterministic.h"
#include "nat/static.h"

struct rule_match {
	be32 prefix, mask;
	uint16_t row;
	uint8_t nic; /* NIC_NONE: the row has to be read */
};

struct nat_rules {
	struct img_nat_conf conf;
	const struct img_nat_pool *pools;
	const struct img_nat_address *addresses;
	const struct img_nat_rule *rules;
	const struct img_nat_ports *ports;
	const struct img_nat_hole *holes;
	uint32_t n_pools, n_addresses, n_rules, n_ids, n_ports, n_passes;
	uint32_t n_classes, n_workers;
	struct rule_match *match;  /* n_rules */
	uint32_t *row_of_id;       /* n_ids */
	uint32_t *order;           /* n_addresses */
	uint32_t *class_first;     /* n_pools * n_classes + 1 */
	uint32_t *blocks;          /* n_pools * n_workers: see rules_blocks */
	const struct img_nat_inside *insides;
	struct statics statics;
	uint64_t extras;           /* mark of what else may cut: static mappings, deterministic
	                            * pools, rules for other protocols */
	uint64_t outside;          /* mark of the addresses that give, RFC 6887, 8.5 */
	bool has_ranges;           /* there are deterministic pools */
	bool has_singles;          /* a pool gives its ports one by one */
	bool is_split;             /* ports of an address are divided between workers */
	bool has_others;           /* a rule lets other protocols out */
	bool has_pcp;              /* a rule's subscribers may ask for mappings */
	uint32_t *pool_blocks;     /* the same of all addresses that give */
	uint64_t *given;           /* see rules_given */
	uint32_t *given_first;     /* n_pools: word in given, UINT32_MAX: it has blocks */
	uint32_t given_words;      /* of a row, as pool.row_words */
	uint32_t n_given;          /* words in all */
	size_t size;               /* of the allocation */
};

int rules_create(struct generation *g, unsigned number);
void rules_destroy(struct generation *g, unsigned number);

static inline const struct nat_rules *
rules_of(const struct generation *g)
{
	return g->view[POLICY_NAT];
}

/* rules_address: the row of an external address that is a pool's, or NULL. */
static inline const struct img_nat_address *
rules_address(const struct generation *g, be32 external)
{
	const struct nat_rules *r = rules_of(g);
	union addr a4 = addr_from_v4(external);
	const struct img_route *route = route_find(g, 0, &a4, FAMILY_V4);
	if (route == NULL || route->kind != ROUTE_POOL || route->arg >= r->n_addresses)
		return NULL;
	const struct img_nat_address *a = &r->addresses[route->arg];
	return a->address == external ? a : NULL;
}

/*
 * rules_blocks: blocks with a port to give that a worker has of each address of a pool, or of those
 * that are at home there, where addresses are not divided between workers.
 */
static inline uint32_t
rules_blocks(const struct nat_rules *r, uint32_t pool, uint16_t worker)
{
	return r->blocks[(size_t)pool * r->n_workers + worker];
}

/*
 * rules_given: for a pool whose ports are given one by one, the ports that a worker may give of an
 * address at home there: a bit each, where pool_offset (nat/pool.h) says.
 */
static inline const uint64_t *
rules_given(const struct nat_rules *r, uint32_t pool, uint16_t worker)
{
	uint32_t of = r->is_split ? worker : 0;
	return r->given + r->given_first[pool] + (size_t)of * r->given_words;
}

/* rules_pool_blocks: of all addresses of the pool that give. */
static inline uint32_t
rules_pool_blocks(const struct nat_rules *r, uint32_t pool, uint16_t worker)
{
	return r->pool_blocks[(size_t)pool * r->n_workers + worker];
}

/* rules_is_toward: is an address one of the rule's destinations? */
static inline bool
rules_is_toward(const struct img_nat_rule *rule, be32 address)
{
	uint32_t other = __builtin_bswap32(address ^ rule->destination);
	return rule->destination_plen == 0 || other >> (32 - rule->destination_plen) == 0;
}

/* rules_serves: may subscribers of the rule have addresses of the pool? */
static inline bool
rules_serves(const struct img_nat_rule *rule, uint16_t pool)
{
	bool is = pool == rule->pool;
	for (uint32_t i = 0; i < rule->fallbacks; i++)
		is |= pool == rule->fallback[i];
	return is;
}

/* Ports first..last of a block. */
struct pool_span {
	uint32_t first, last;
};

/* rules_span: the block with a number, as far as it is in the pool's ports for dynamic blocks. */
static inline struct pool_span
rules_span(const struct img_nat_pool *pool, uint32_t number)
{
	uint32_t first = number * pool->block_size, last = first + pool->block_size - 1;
	uint32_t dynamic = det_dynamic(pool);
	return (struct pool_span){
		first < dynamic ? dynamic : first,
		last > pool->port_last ? pool->port_last : last,
	};
}

/* rules_place: which of n addresses a subscriber begins to look at: by its own address alone. */
static inline uint32_t
rules_place(be32 subscriber, uint32_t n)
{
	uint32_t hash = (uint32_t)mix64(subscriber ^ 0x6d696c6c72616365u, 0xd6e8feb86659fd93u);
	return (uint32_t)((uint64_t)hash * n >> 32);
}

/* rules_usable: ports of a span that the pool gives. rules_hole: the span's part of hole i. */
uint32_t rules_usable(const struct nat_rules *r, const struct img_nat_pool *pool,
                      struct pool_span span);
static inline struct pool_span
rules_hole(const struct nat_rules *r, const struct img_nat_pool *pool, uint32_t i,
           struct pool_span span)
{
	const struct img_nat_hole *h = &r->holes[pool->first_hole + i];
	return (struct pool_span){
		h->first > span.first ? h->first : span.first,
		h->last < span.last ? h->last : span.last,
	};
}

/* rules_match_any: rules_match from rule c on, where c says more than source and interface. */
const struct img_nat_rule *rules_match_any(const struct nat_rules *r, const struct miss *m,
                                           const struct rule_match *c);

/*
 * rules_match_back: the rule that lets pass what m's destination sends to m's source, or NULL: m is
 * an answer to such a packet, or opens a connection from the other side. Where everything is routed
 * that no rule claims it may be one that says NAT_TRANSLATE and no more: what m's destination sends
 * is translated, by a rule or a static mapping.
 */
const struct img_nat_rule *rules_match_back(const struct nat_rules *r, const struct miss *m);

/* rules_timers: the timer set of a new flow from inside. */
uint8_t rules_timers(const struct nat_rules *r, const struct img_nat_rule *rule,
                     const struct tuple *t);

/* rules_match: first rule that m matches as a subscriber's packet, or NULL; never a hairpin. */
static inline const struct img_nat_rule *
rules_match(const struct nat_rules *r, const struct miss *m)
{
	if (m->nic == NIC_NONE || m->tuple.family != FAMILY_V4)
		return NULL;
	be32 source = m->tuple.src.w[0];
	const struct rule_match *end = r->match + r->n_rules;
	for (const struct rule_match *c = r->match; c != end; c++) {
		if ((source & c->mask) != c->prefix)
			continue;
		if (c->nic == m->nic)
			return &r->rules[c->row];
		if (c->nic == NIC_NONE)
			return rules_match_any(r, m, c);
	}
	return NULL;
}

#endif
