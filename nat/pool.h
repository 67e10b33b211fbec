/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       One worker's part of the pool addresses: which blocks are held, which ports are taken.
 * Layout     An address of which this worker holds a block has a slot: for each protocol a row of
 *            bits, one a port, and a row with a bit for each granule of NAT_MIN_BLOCK ports that
 *            is in a held block. When blocks are divided between workers (steer.split_blocks) a
 *            slot has the worker's own ports only, closed up.
 * Invariant  1. A granule is in one held block at most: blocks of different sizes never overlap.
 *            2. A slot is in use exactly while its address has a held block here.
 *            3. Only blocks whose home is this worker are taken.
 *            4. State stays with the address when generations change, and an address has one slot,
 *               whatever its id: one that was removed and comes back has another id, but has not
 *               forgotten what it gave. A slot whose address is in no pool has the id n_ids.
 * Owner      One worker; the main lcore reads slots for listings.
 * Limits     pool_addresses ids, fewer than 2^SLOT_BITS (nat/subscriber.h). Slots: all of them on
 *            one worker or with divided blocks; else the worker's share and a quarter more, after
 *            which further addresses cannot be used here.
 *            Blocks: two for each subscriber and one for each 32 mappings, as far as the slots have
 *            ports for them; beyond, none is free.
 * See        docs/design.md, "Steering"; RFC 4787 REQ-2, RFC 7857 section 4.
 */
#ifndef MR_NAT_POOL_H
#define MR_NAT_POOL_H

#include "nat/block.h"
#include "nat/marks.h"
#include "nat/rules.h"
#include "nat/table.h"

enum { POOL_NONE = 0xffff, GRANULE_SHIFT = 4 };
static_assert(1 << GRANULE_SHIFT == NAT_MIN_BLOCK, "a block is whole granules");

enum pool_full { FULL_OF_BLOCKS = 1 << NAT_PROTOS }; /* below: of ports of a protocol */

struct pool_slot {
	uint32_t next;          /* free list */
	be32 address;
	uint32_t id;
	uint32_t blocks, idle;  /* held; of them without a mapping */
	uint32_t ports_used[NAT_PROTOS];
	uint16_t pool;          /* row in this generation, POOL_NONE when the address is gone */
	uint8_t is_usable;      /* gives new blocks and mappings */
	uint8_t zero;
	uint32_t promised;      /* blocks that its subscribers may still have of their reserve */
	uint32_t shares;        /* of blocks */
	uint32_t single[NAT_PROTOS]; /* ports taken of them */
	uint64_t drained_ms;  /* nat/drain.h */
};
static_assert(sizeof(struct pool_slot) == 64, "a slot is one cache line");

/*
 * The blocks of a pool on this worker, of addresses that give, and marks to cross. Where ports are
 * given one by one: its ports, those of the protocol that has the most.
 */
struct pool_use {
	uint32_t held, total;
	uint32_t single[NAT_PROTOS];
	struct marks marks;   /* of held */
	uint64_t name;        /* hash of the pool's name */
	uint8_t lane;         /* of rules that stand apart, nat/lane.h; 0: none */
};

struct pool {
	struct table slots;     /* struct pool_slot */
	struct table blocks;    /* struct block */
	uint64_t *taken;        /* slots * NAT_PROTOS * row_words */
	uint64_t *held;         /* slots * held_words */
	uint32_t *slot_of_id;   /* n_ids, and one that nobody asks for */
	uint8_t *is_full;       /* the same: of enum pool_full: nothing free when last looked */
	uint64_t *drained_ms;   /* n_ids, nat/drain.h */
	const struct nat_rules *rules; /* of the generation in force here */
	uint32_t n_ids;
	uint32_t row_words, held_words;
	uint32_t epoch;         /* grows when a block may have become free */
	struct pool_use use[NAT_MAX_POOLS];
	uint32_t full_epoch[NAT_MAX_POOLS][NAT_PROTOS]; /* when a pool had nothing left */
	uint32_t split_inverse; /* 2^32 / workers, rounded up; 0: not divided */
	uint16_t worker;
	uint16_t wanted;        /* port that the next block should have, if the pool keeps ports */
	uint8_t wanted_proto;   /* enum nat_proto of what the next block, or share, is for */
	bool is_asked;          /* `wanted` is asked for, whether the pool keeps ports or not */
	uint8_t shift;
	uint64_t drawn;         /* slot << 32 | port, of a block drawn ahead to be the next; or 0 */
};

/* What this worker's table sizes follow from, beside the configuration's. */
struct pool_share {
	uint32_t subscribers, mappings;
};

size_t pool_memsize(const struct policy_env *env, struct pool_share share);
void pool_init(struct pool *p, void *mem, const struct policy_env *env, struct pool_share share);

/* pool_reload: a new generation: which addresses are in which pool, which still give. */
void pool_reload(struct pool *p, const struct generation *g);

/* pool_is_exhausted: it is known that a pool has no block for a new subscriber. */
static inline bool
pool_is_exhausted(const struct pool *p, uint16_t pool)
{
	return p->full_epoch[pool][p->wanted_proto] == p->epoch;
}

/*
 * pool_take_first: a block of some address of the pool for a new subscriber; pool_take_more: one
 * more of the same slot, promised or not. => block number, 0 when none is free that nobody else was
 * promised.
 */
uint32_t pool_take_first(struct pool *p, const struct generation *g, uint16_t pool, uint8_t realm,
                         be32 subscriber, uint64_t *random);
uint32_t pool_take_more(struct pool *p, const struct generation *g, uint32_t slot,
                        bool is_promised, uint64_t *random);
/*
 * pool_foresee: draw what pool_take_first is to try first, and ask for the memory that says if it
 * is free; pool_draw: it, or another one that is free. => false, slot 0: it cannot be told.
 */
struct foreseen {
	uint32_t slot, row; /* of its address */
	uint32_t number;    /* in the pool's blocks */
	uint16_t first, ports;
};
bool pool_foresee(const struct pool *p, const struct generation *g, uint16_t pool, be32 subscriber,
                  struct foreseen *f, uint64_t *random);
bool pool_draw(const struct pool *p, const struct generation *g, struct foreseen *f,
               uint64_t *random);
/* pool_take_with: one more of the same slot, the one that has a port. => 0: it is not free. */
uint32_t pool_take_with(struct pool *p, const struct generation *g, uint32_t slot, uint16_t port);
/* pool_hold: enter a free block of an address as held. => its number, 0: no room. */
uint32_t pool_hold(struct pool *p, const struct img_nat_address *a, struct pool_span span);
/* pool_renew: ports of a subscriber's blocks are chosen as the generation says, not as when these
 * began. first: of its blocks. */
void pool_renew(struct pool *p, uint32_t first);
/* pool_share: a share of an address whose ports are given one by one. => its number, 0: no room. */
uint32_t pool_share(struct pool *p, const struct img_nat_address *a);
/* pool_has_shares: of any address. */
bool pool_has_shares(const struct pool *p);
/* pool_give: back to the address. => none of the block's ports is taken. */
void pool_give(struct pool *p, uint32_t number);

/* pool_find_id: slot of an address of this generation, 0 when nothing of it is in use here. */
uint32_t pool_find_id(const struct pool *p, const struct img_nat_address *a);

static inline struct pool_slot *
pool_slot_at(const struct pool *p, uint32_t slot)
{
	return (struct pool_slot *)(void *)p->slots.entry + slot;
}

static inline struct block *
block_at(const struct pool *p, uint32_t number)
{
	return (struct block *)(void *)p->blocks.entry + number;
}

/* pool_offset: place of one of this worker's ports in a row. */
static inline uint32_t
pool_offset(const struct pool *p, uint16_t port)
{
	if (p->split_inverse == 0)
		return port;
	uint32_t unit = (uint32_t)((uint64_t)(port >> p->shift) * p->split_inverse >> 32);
	return unit << p->shift | (port & ((1u << p->shift) - 1));
}

/* pool_taken: the row of a protocol, a bit a port. => slot is in use. */
static inline uint64_t *
pool_taken(const struct pool *p, uint32_t slot, enum nat_proto proto)
{
	return &p->taken[((size_t)(slot - 1) * NAT_PROTOS + proto) * p->row_words];
}

/* pool_word: where the bit of a port is. */
static inline const uint64_t *
pool_word(const struct pool *p, uint32_t slot, enum nat_proto proto, uint16_t port)
{
	return &pool_taken(p, slot, proto)[pool_offset(p, port) / 64];
}

/*
 * A port's life: pool_take_port (see block_take_port) maps one, pool_unmap ends that, pool_free
 * makes it free. => pool_free: is there more to do, because the block is unused now, or a share?
 */
static inline uint16_t
pool_take_port(struct pool *p, uint32_t number, enum nat_proto proto, uint16_t hint,
               uint64_t *random)
{
	struct block *b = block_at(p, number);
	struct pool_slot *slot = pool_slot_at(p, b->slot);
	uint64_t *row = pool_taken(p, b->slot, proto);
	bool was_idle = b->mapped == 0;
	uint16_t port = block_take_port(b, row, pool_offset(p, b->first), proto, hint, random);
	if (port == 0)
		return 0;
	slot->idle -= was_idle;
	slot->ports_used[proto]++;
	return port;
}

/* pool_take_place: a port that is known to be free, by its place in the block. */
static inline uint16_t
pool_take_place(struct pool *p, uint32_t number, enum nat_proto proto, uint32_t place)
{
	struct block *b = block_at(p, number);
	struct pool_slot *slot = pool_slot_at(p, b->slot);
	slot->idle -= b->mapped == 0;
	slot->ports_used[proto]++;
	bit_set(pool_taken(p, b->slot, proto), pool_offset(p, (uint16_t)(b->first + place)));
	b->taken[proto]++;
	b->mapped++;
	return (uint16_t)(b->first + place);
}

/* pool_remap: the port of a mapping that has ended, and that was not freed since, is mapped. */
static inline void
pool_remap(struct pool *p, uint32_t number, enum nat_proto proto)
{
	struct block *b = block_at(p, number);
	struct pool_slot *slot = pool_slot_at(p, b->slot);
	slot->idle -= b->mapped++ == 0;
	slot->ports_used[proto]++;
}

static inline void
pool_unmap(struct pool *p, uint32_t number, enum nat_proto proto)
{
	struct block *b = block_at(p, number);
	struct pool_slot *slot = pool_slot_at(p, b->slot);
	assert(b->mapped != 0 && slot->ports_used[proto] != 0);
	slot->idle += --b->mapped == 0;
	slot->ports_used[proto]--;
}

bool pool_free_single(struct pool *p, struct block *b, enum nat_proto proto, uint32_t place);
static inline bool
pool_free(struct pool *p, uint32_t number, enum nat_proto proto, uint32_t place)
{
	struct block *b = block_at(p, number);
	if (__builtin_expect(block_is_share(b), 0))
		return pool_free_single(p, b, proto, place);
	uint64_t *row = pool_taken(p, b->slot, proto);
	uint32_t at = pool_offset(p, b->first) + place;
	assert(b->taken[proto] != 0 && bit_is_set(row, at));
	bit_clear(row, at);
	b->taken[proto]--;
	return block_is_unused(b);
}

/* pool_held: the row of granules; pool_granule: the one of a port. span_granules: how many. */
static inline uint64_t *
pool_held(const struct pool *p, uint32_t slot)
{
	return &p->held[(size_t)(slot - 1) * p->held_words];
}

static inline uint32_t
pool_granule(const struct pool *p, uint32_t port)
{
	return pool_offset(p, (uint16_t)port) >> GRANULE_SHIFT;
}

/* pool_held_word: where the bit of a port's granule is. */
static inline const uint64_t *
pool_held_word(const struct pool *p, uint32_t slot, uint32_t port)
{
	return &pool_held(p, slot)[pool_granule(p, port) / 64];
}

static inline uint32_t
span_granules(struct pool_span s)
{
	return (s.last >> GRANULE_SHIFT) - (s.first >> GRANULE_SHIFT) + 1;
}

/* pool_is_clear: is no port of a span in a held block, or taken by a share? */
static inline bool
pool_is_clear(const struct pool *p, uint32_t slot, struct pool_span span)
{
	if (bits_any(pool_held(p, slot), pool_granule(p, span.first), span_granules(span)))
		return false;
	bool any = false;
	for (unsigned i = 0; i < NAT_PROTOS && pool_slot_at(p, slot)->shares != 0; i++)
		any |= bits_any(pool_taken(p, slot, i), pool_offset(p, (uint16_t)span.first),
		                span.last - span.first + 1);
	return !any;
}

#endif
