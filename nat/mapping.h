/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Mappings: an inside endpoint (subscriber, protocol, port or echo identifier) and its
 *            external port on the subscriber's pool address; found by either.
 * Layout     16 bytes, four a cache line: subscriber and address stand in the block. A reference
 *            in the index is number << 1 | 1 under the external key, number << 1 under the inside
 *            key.
 * Invariant  1. An inside endpoint of a current subscriber has one mapping at most, whatever the
 *               destination (RFC 4787 REQ-1), a mapping of its own for each protocol (RFC 7857 5).
 *            2. flows is the number of live flows that use it, at least 1; out_flows of them were
 *               opened or answered from inside.
 *            3. A mapping with a block is in the index under both its keys.
 * Owner      One worker; the main lcore may read entries up to t.high for listings.
 * Lifetime   From the first flow to the end of the last.
 * Limits     mapping_add says 0 when the table is full.
 */
#ifndef MR_NAT_MAPPING_H
#define MR_NAT_MAPPING_H

#include "lib/index.h"
#include "nat/block.h"
#include "nat/nat_image.h"
#include "nat/quarantine.h"
#include "nat/table.h"

enum { MAPPING_PAIR_LOAD = 15, FLOWS_BITS = 28 };

struct mapping {
	uint32_t block : BLOCK_BITS; /* 0: free; then this word links the free list */
	uint32_t timers : 6;   /* of the rule that last opened a flow with it */
	uint32_t asked : 1;    /* it was asked for at some time: nat/rest.h */
	be16 inside_port;      /* or ICMP identifier */
	uint16_t port;         /* external, host order */
	uint32_t flows : FLOWS_BITS;
	uint32_t proto : 2;     /* enum nat_proto */
	uint32_t filtering : 2; /* enum nat_filtering, for life (RFC 4787 REQ-11) */
	uint32_t out_flows : FLOWS_BITS;
	uint32_t sessions : 1; /* its flows are logged */
	uint32_t leased : 1;   /* kept on request: whoever is outside may speak first */
	uint32_t filtered : 1; /* but only whom the request named, nat/lease.h */
	uint32_t peered : 1;   /* kept on request for a remote endpoint */
};
static_assert(sizeof(struct mapping) == 16, "four mappings a cache line");

struct mapping_table {
	struct table t;
	struct index index;
	const struct table *blocks; /* struct block: of whom a mapping is */
	uint64_t seed;
};

/* The subscriber or the slot, the protocol, and the port, as a key's hash. */
static inline uint64_t
mapping_hash(const struct mapping_table *m, bool external, uint32_t whose, unsigned proto,
             uint16_t port)
{
	uint64_t key = (uint64_t)whose << 32 | (uint64_t)external << 18 | proto << 16 | port;
	return mix64(mix64(key ^ m->seed, 0xa0761d6478bd642fu) ^ m->seed, 0xe7037ed1a0b428dbu);
}

static inline struct mapping *
mapping_at(const struct mapping_table *m, uint32_t number)
{
	return (struct mapping *)(void *)m->t.entry + number;
}

static inline const struct block *
mapping_block(const struct mapping_table *m, const struct mapping *p)
{
	return (const struct block *)(const void *)m->blocks->entry + p->block;
}

size_t mapping_memsize(uint32_t capacity);
/* mapping_init: => mem is zeroed, 64-byte aligned, mapping_memsize bytes. */
void mapping_init(struct mapping_table *m, void *mem, uint32_t capacity, uint64_t seed,
                  const struct table *blocks);

/* mapping_find: of an inside endpoint with its hash, or 0. */
static inline uint32_t
mapping_find(const struct mapping_table *m, uint64_t hash, uint32_t subscriber, unsigned proto,
             be16 inside_port)
{
	struct index_search s;
	uint32_t ref = index_first(&s, m->index, hash);
	for (; ref != 0; ref = index_next(&s)) {
		const struct mapping *p = mapping_at(m, ref >> 1);
		if ((ref & 1) == 0 && p->inside_port == inside_port && p->proto == proto &&
		    mapping_block(m, p)->subscriber == subscriber)
			break;
	}
	return ref >> 1;
}

/* mapping_find_external: of a port of a slot's address, or 0. */
uint32_t mapping_find_external(const struct mapping_table *m, uint32_t slot, unsigned proto,
                               uint16_t port);

/* mapping_hash_inside, mapping_hash_external: of a mapping's two keys. */
static inline uint64_t
mapping_hash_inside(const struct mapping_table *m, const struct mapping *p)
{
	return mapping_hash(m, false, mapping_block(m, p)->subscriber, p->proto, p->inside_port);
}

static inline uint64_t
mapping_hash_external(const struct mapping_table *m, const struct mapping *p)
{
	return mapping_hash(m, true, mapping_block(m, p)->slot, p->proto, p->port);
}

/* mapping_add: hash: of its inside and its external key. => 0 when full. */
static inline uint32_t
mapping_add(struct mapping_table *m, const struct mapping *from, const uint64_t hash[2])
{
	uint32_t n = table_take(&m->t);
	if (n == 0)
		return 0;
	prefetch_write(mapping_at(m, m->t.free)); /* of the next one */
	if (!index_add(m->index, hash[0], n << 1)) {
		table_push(&m->t, n);
		return 0;
	}
	if (!index_add(m->index, hash[1], n << 1 | 1)) {
		index_del(m->index, hash[0], n << 1);
		table_push(&m->t, n);
		return 0;
	}
	*mapping_at(m, n) = *from;
	return n;
}

/* mapping_del: hash: of its inside and its external key. */
static inline void
mapping_del(struct mapping_table *m, uint32_t number, const uint64_t hash[2])
{
	bool was = index_del(m->index, hash[0], number << 1) &&
	           index_del(m->index, hash[1], number << 1 | 1);
	assert(was && "a mapping is in the index under both its keys");
	(void)was;
	*mapping_at(m, number) = (struct mapping){0};
	table_push(&m->t, number);
}

#endif
