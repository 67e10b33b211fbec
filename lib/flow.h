/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The flow table of one worker: a slab of flows for each family and one index over the
 *            tuples of both directions.
 * Layout     struct flow4 is one cache line, struct flow6 two: 40 bytes of state (struct flow),
 *            then tuple[0] (as the initiator sends) and tuple[1] (as the responder sends). A free
 *            entry has proto 0, which no tuple has, so that it is never taken for a hit. A flow
 *            reference is 32 bits: bit 31 family (1 = IPv6), bits 30..1 flow number, bit 0 the
 *            direction. Number 0 is never used, so reference 0 and 1 are none.
 *            The index (lib/index.h) is sized for FLOW_PAIR_LOAD of the 20 slots of a pair.
 * Invariant  1. A flow in use has both its tuples in the index, each under its own direction.
 *            2. No two flows share a tuple (with protocol and realm).
 *            3. flow.state is CONN_FREE exactly when the entry is on the free list.
 *            4. used4 + free4 = capacity4, the same for IPv6.
 *            5. Nothing of direction 1 is counted before FLOW_ANSWERED is set (flow_bytes,
 *               flow_packets), which is when counts[1] stops being the time of opening.
 * Owner      The worker, alone, writes. The main lcore reads snapshots for listings.
 * Lifetime   A flow pointer is good until the owning worker next calls flow_expire or flow_end.
 * Limits     flow_open says NULL when the capacity is used up; nothing is evicted (RFC 6888,
 *            REQ-11d). The capacity can be raised: lib/flow_grow.h.
 * See        docs/design.md, "The tables".
 */
#ifndef MR_FLOW_H
#define MR_FLOW_H

#include <stddef.h>

#include "conn.h"
#include "index.h"
#include "tuple.h"

enum flow_flag {
	FLOW_REFRESH_0 = 1 << 0, /* packets of direction 0 keep the flow alive */
	FLOW_REFRESH_1 = 1 << 1, /* packets of direction 1 do */
	FLOW_HIDE_0 = 1 << 2,    /* direction 0, ICMP errors too, leaves with an address of ours,
	                          * which others share */
	FLOW_HIDE_1 = 1 << 3,
	FLOW_ANSWERED = 1 << 4,  /* direction 1 has been seen; the policy has been told */
	FLOW_INBOUND = 1 << 5,   /* opened from the outside (NAT) */
	FLOW_HALF = 1 << 5,      /* of policies with settled(): half-open, counted (lib/half.h) */
	FLOW_WAY = 1 << 6,       /* untranslated, to its owner by generation.way; one-sided */
	FLOW_SHIFT = 1 << 7,     /* TCP whose numbers are not the ends' own: lib/shifted.h; UDP
	                          * whose responder is told of the initiator: lib/told.h */
};

struct flow {
	uint8_t proto;
	uint8_t policy;   /* number of the policy that opened it */
	uint8_t realm[2]; /* of the interface each direction arrives on */
	uint8_t state;    /* enum conn_state */
	uint8_t flags;    /* enum flow_flag */
	uint8_t timers;   /* number of its timer set in the generation */
	uint8_t route_gen; /* low byte of the route generation that nexthop[] was found under */
	uint32_t seen_ms; /* last packet that refreshed it; wraps, compare by difference */
	uint32_t owner;   /* the policy's: subscriber number or backend id */
	/* A direction's: 40 bits of octets, above them 24 of packets, since lib/tally.h last took
	 * them. The second one is when the flow was opened, in ns, as long as it has not been
	 * answered. */
	uint64_t counts[2];
	be16 acked[2];    /* TCP: upper half of what a direction last acknowledged: lib/window.h */
	uint16_t nexthop[2]; /* of packets of each direction; 0: not known yet */
};
static_assert(sizeof(struct flow) == 40, "head of both flow layouts");

struct flow4 {
	struct flow f;
	struct tuple4 tuple[2];
} __attribute__((aligned(64)));
static_assert(sizeof(struct flow4) == 64, "an IPv4 flow is one cache line");

struct flow6 {
	struct flow f;
	struct tuple6 tuple[2];
} __attribute__((aligned(64)));
static_assert(sizeof(struct flow6) == 128, "an IPv6 flow is two cache lines");

typedef uint32_t flow_ref;
#define FLOW_REF_V6 0x80000000u

enum { FLOW_BYTES_BITS = 40 };

/* flow_bytes, flow_packets: what a direction has carried since it was last taken (tally_totals:
 * in all). => below 2^40 octets, 2^24 packets. */
static inline uint64_t
flow_bytes(const struct flow *f, unsigned dir)
{
	if (dir != 0 && (f->flags & FLOW_ANSWERED) == 0)
		return 0;
	return f->counts[dir] & (((uint64_t)1 << FLOW_BYTES_BITS) - 1);
}

static inline uint32_t
flow_packets(const struct flow *f, unsigned dir)
{
	if (dir != 0 && (f->flags & FLOW_ANSWERED) == 0)
		return 0;
	return (uint32_t)(f->counts[dir] >> FLOW_BYTES_BITS);
}

/* flow_opened_ns: of a flow that has not been answered. */
static inline uint64_t
flow_opened_ns(const struct flow *f)
{
	return f->counts[1];
}

/* flow_count: one packet more, of 65535 octets at most. => the packets have run over (2^24 of them
 * have fewer than 2^40 octets, which cannot have): tally_take, at once. */
static inline bool
flow_count(struct flow *f, unsigned dir, uint32_t bytes)
{
	uint64_t one = ((uint64_t)1 << FLOW_BYTES_BITS) + bytes;
	return __builtin_add_overflow(f->counts[dir], one, &f->counts[dir]);
}

enum { FLOW_PAIR_LOAD = 14 };

struct flow_table {
	struct index index;
	uint64_t seed;
	struct flow4 *v4;
	struct flow6 *v6;
	uint32_t capacity4, capacity6;
	uint32_t used4, used6;
	uint32_t high4, high6;   /* numbers above were never used: expiry need not look there */
	uint32_t free4, free6;   /* heads of the free lists, linked through flow.owner */
	uint32_t hand4, hand6;   /* where expiry goes on */
	struct index old;        /* the index it grows out of; no buckets: it does not */
	uint32_t old_at;         /* where moving goes on */
	uint64_t old_left;       /* entries there */
};

/* flow_table_buckets: of the index, for so many flows. */
static inline uint32_t
flow_table_buckets(uint32_t capacity4, uint32_t capacity6)
{
	return index_buckets(2 * ((uint64_t)capacity4 + capacity6), FLOW_PAIR_LOAD);
}
/* flow_table_memsize: bytes that flow_table_init wants for so many flows. */
size_t flow_table_memsize(uint32_t capacity4, uint32_t capacity6);
/* flow_table_init: => mem is zeroed, 64-byte aligned, flow_table_memsize bytes. */
void flow_table_init(struct flow_table *t, void *mem, uint32_t capacity4, uint32_t capacity6,
                     uint64_t seed);

/* flow_find: the reference whose tuple is t, or 0. Slow, one at a time: for misses and tests. */
flow_ref flow_find(const struct flow_table *t, const struct tuple *key);

/*
 * flow_open: a new flow with both tuples, not yet refreshed or counted.
 * => NULL and *drop set (FLOW_TABLE_FULL, FLOW_COLLISION). The caller fills the rest of the head.
 */
struct flow *flow_open(struct flow_table *t, const struct tuple *orig, const struct tuple *reply,
                       flow_ref *ref, uint8_t *drop);

/* flow_open_hashed: the same, when the hashes of both tuples are known. */
struct flow *flow_open_hashed(struct flow_table *t, const struct tuple *orig,
                              const struct tuple *reply, const uint64_t hash[2], flow_ref *ref,
                              uint8_t *drop);

/* flow_table_left: how many more flows of a family it can take. */
static inline uint32_t
flow_table_left(const struct flow_table *t, uint8_t family)
{
	return family == FAMILY_V4 ? t->capacity4 - t->used4 : t->capacity6 - t->used6;
}

/* flow_remove: out of the index, back to the free list. => The policy has been told already. */
void flow_remove(struct flow_table *t, flow_ref ref);

/* flow_get: the flow of a reference (any direction). flow_tuple: its tuple of direction dir. */
struct flow *flow_get(const struct flow_table *t, flow_ref ref);
struct tuple flow_tuple(const struct flow_table *t, flow_ref ref, unsigned dir);

/*
 * flow_expire: walk at most max_steps entries on from the hand; call ended(arg, ref, hash, n) for
 * those that have been idle for longer than their timers, 1 <= n <= EXPIRE_CHUNK at a time, with
 * the hashes of their tuples, whose index lines it is to ask for; then remove them.
 * => how many entries were looked at.
 */
enum { EXPIRE_CHUNK = 32 };
typedef void (*flows_ended_fn)(void *arg, const flow_ref *ref, const uint64_t (*hash)[2],
                               uint32_t n);
uint32_t flow_expire(struct flow_table *t, const struct timer_set *timers, uint32_t now_ms,
                     uint32_t max_steps, flows_ended_fn ended, void *arg);

static inline bool
flow_is_idle(const struct flow *f, const struct timer_set *timers, uint32_t now_ms)
{
	uint32_t idle_ms = now_ms - f->seen_ms;
	return idle_ms > timers[f->timers].idle_ms[f->state & 15] && (int32_t)idle_ms >= 0;
}

#endif
