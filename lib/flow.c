/* SPDX-License-Identifier: Apache-2.0 */
/* The flow table: slabs with free lists, the index over both directions, and expiry. */
#include "flow.h"

#include <assert.h>

#include "drop.h"
#include "flow_index.h"

enum { PREFETCH_AHEAD = 32 };

size_t
flow_table_memsize(uint32_t capacity4, uint32_t capacity6)
{
	return index_size(flow_table_buckets(capacity4, capacity6)) +
	       ((size_t)capacity4 + 1) * sizeof(struct flow4) +
	       ((size_t)capacity6 + 1) * sizeof(struct flow6);
}

void
flow_table_init(struct flow_table *t, void *mem, uint32_t capacity4, uint32_t capacity6,
                uint64_t seed)
{
	uint32_t buckets = flow_table_buckets(capacity4, capacity6);
	*t = (struct flow_table){
		.index = {mem, buckets}, .seed = seed,
		.capacity4 = capacity4, .capacity6 = capacity6,
	};
	t->v4 = (struct flow4 *)(void *)(t->index.bucket + buckets);
	t->v6 = (struct flow6 *)(void *)(t->v4 + capacity4 + 1);
}

static flow_ref
find_hashed(const struct flow_table *t, const struct tuple *key, uint64_t hash)
{
	if (key->family == FAMILY_V4) {
		struct tuple4 t4 = tuple_to4(key);
		return flow_find4(t, &t4, key->proto, key->realm, hash);
	}
	struct tuple6 t6 = tuple_to6(key);
	return flow_find6(t, &t6, key->proto, key->realm, hash);
}

flow_ref
flow_find(const struct flow_table *t, const struct tuple *key)
{
	return find_hashed(t, key, tuple_hash(key, t->seed));
}

/* Out of the index that it is in. */
static inline void
unindex(struct flow_table *t, uint64_t hash, flow_ref ref)
{
	bool was = index_del(t->index, hash, ref);
	if (!was && t->old.bucket != NULL) {
		was = index_del(t->old, hash, ref);
		t->old_left -= was;
	}
	assert(was && "a flow in use has both its tuples in the index");
	(void)was;
}

/* The number of a free entry, or 0: from the free list, else one that was never used. */
static inline uint32_t
number_peek(const struct flow_table *t, bool v6)
{
	uint32_t head = v6 ? t->free6 : t->free4;
	uint32_t high = v6 ? t->high6 : t->high4;
	uint32_t capacity = v6 ? t->capacity6 : t->capacity4;
	if (head != 0)
		return head;
	return high < capacity ? high + 1 : 0;
}

static inline flow_ref
ref_of(uint32_t number, bool v6)
{
	return number << 1 | (v6 ? FLOW_REF_V6 : 0);
}

static inline void
number_take(struct flow_table *t, bool v6, struct flow *f)
{
	uint32_t *head = v6 ? &t->free6 : &t->free4;
	if (*head != 0)
		*head = f->owner;
	else
		(*(v6 ? &t->high6 : &t->high4))++;
	(*(v6 ? &t->used6 : &t->used4))++;
}

static void
number_give(struct flow_table *t, flow_ref ref, struct flow *f)
{
	bool v6 = (ref & FLOW_REF_V6) != 0;
	uint32_t *head = v6 ? &t->free6 : &t->free4;
	f->state = CONN_FREE;
	f->proto = 0;
	f->owner = *head;
	*head = flow_number(ref);
	(*(v6 ? &t->used6 : &t->used4))--;
}

static uint8_t
first_state(uint8_t proto)
{
	return proto == IPPROTO_L4_TCP   ? CONN_TCP_SYN
	       : proto == IPPROTO_L4_UDP ? CONN_UDP_NEW
	                                 : CONN_ICMP;
}

static inline struct flow *
fill(struct flow_table *t, flow_ref ref, const struct tuple *orig, const struct tuple *reply)
{
	struct flow *f = flow_head(t, ref);
	*f = (struct flow){
		.proto = orig->proto, .realm = {orig->realm, reply->realm},
		.state = first_state(orig->proto),
	};
	if ((ref & FLOW_REF_V6) != 0) {
		flow_ptr6(t, ref)->tuple[0] = tuple_to6(orig);
		flow_ptr6(t, ref)->tuple[1] = tuple_to6(reply);
	} else {
		flow_ptr4(t, ref)->tuple[0] = tuple_to4(orig);
		flow_ptr4(t, ref)->tuple[1] = tuple_to4(reply);
	}
	return f;
}

/* Is the tuple in the table? b: its home bucket. */
static inline bool
is_taken(const struct flow_table *t, const struct index_bucket *b, const struct tuple *key,
         uint64_t hash)
{
	bool may_be = index_slots(b, index_tag(hash)) != 0 || b->overflow != 0 ||
	              t->old.bucket != NULL;
	return __builtin_expect(may_be, 0) && find_hashed(t, key, hash) != 0;
}

/* Are the two the same key, which have the same hash? */
static inline bool
is_same(const struct tuple *a, const struct tuple *b, const uint64_t hash[2])
{
	return hash[0] == hash[1] && addr_equal(&a->src, &b->src) && addr_equal(&a->dst, &b->dst) &&
	       a->sport == b->sport && a->dport == b->dport && a->realm == b->realm;
}

struct flow *
flow_open(struct flow_table *t, const struct tuple *orig, const struct tuple *reply, flow_ref *ref,
          uint8_t *drop)
{
	const uint64_t hash[2] = {tuple_hash(orig, t->seed), tuple_hash(reply, t->seed)};
	index_prefetch(t, hash[0]);
	index_prefetch(t, hash[1]);
	return flow_open_hashed(t, orig, reply, hash, ref, drop);
}

struct flow *
flow_open_hashed(struct flow_table *t, const struct tuple *orig, const struct tuple *reply,
                 const uint64_t hash[2], flow_ref *ref, uint8_t *drop)
{
	assert(orig->family == reply->family && orig->proto == reply->proto);
	bool v6 = orig->family == FAMILY_V6;
	uint32_t number = number_peek(t, v6);
	flow_ref r = ref_of(number, v6);
	*drop = DROP_FLOW_TABLE_FULL;
	if (number == 0)
		return NULL;
	const struct index x = t->index;
	const uint64_t h0 = hash[0], h1 = hash[1];
	if (is_same(orig, reply, hash) ||
	    is_taken(t, &x.bucket[index_home(x, h0)], orig, h0) ||
	    is_taken(t, &x.bucket[index_home(x, h1)], reply, h1)) {
		*drop = DROP_FLOW_COLLISION;
		return NULL;
	}
	if (!index_add(x, h0, r))
		return NULL;
	if (!index_add(x, h1, r | 1)) {
		index_del(x, h0, r);
		return NULL;
	}
	number_take(t, v6, flow_head(t, r));
	flow_prefetch(t, ref_of(number_peek(t, v6), v6)); /* of the next one to open */
	*ref = r;
	return fill(t, r, orig, reply);
}

static void
remove_hashed(struct flow_table *t, flow_ref ref, const uint64_t hash[2])
{
	struct flow *f = flow_head(t, ref);
	assert(f->state != CONN_FREE);
	unindex(t, hash[0], ref & ~1u);
	unindex(t, hash[1], ref | 1u);
	number_give(t, ref, f);
}

void
flow_remove(struct flow_table *t, flow_ref ref)
{
	uint64_t hash[2] = {flow_hash(t, ref, 0), flow_hash(t, ref, 1)};
	remove_hashed(t, ref, hash);
}

struct flow *
flow_get(const struct flow_table *t, flow_ref ref)
{
	return flow_head(t, ref);
}

struct tuple
flow_tuple(const struct flow_table *t, flow_ref ref, unsigned dir)
{
	struct tuple r;
	flow_tuple_to(t, ref, dir, &r);
	return r;
}

/* Flows that were found idle: a chunk, so that the misses of their index lines overlap. */
struct idle {
	uint32_t n;
	flow_ref ref[EXPIRE_CHUNK];
	uint64_t hash[EXPIRE_CHUNK][2];
};

static inline void
idle_note(const struct flow_table *t, struct idle *idle, flow_ref ref)
{
	uint32_t i = idle->n++;
	idle->ref[i] = ref;
	idle->hash[i][0] = flow_hash(t, ref, 0);
	idle->hash[i][1] = flow_hash(t, ref, 1);
}

/* Their buckets are asked for, their policies told, then they are removed. */
static void
idle_end(struct flow_table *t, struct idle *idle, flows_ended_fn ended, void *arg)
{
	if (idle->n != 0)
		ended(arg, idle->ref, idle->hash, idle->n);
	for (uint32_t i = 0; i < idle->n; i++)
		remove_hashed(t, idle->ref[i], idle->hash[i]);
	idle->n = 0;
}

static inline bool
is_ending(const struct flow *f, const struct timer_set *timers, uint32_t now_ms)
{
	return f->state != CONN_FREE && flow_is_idle(f, timers, now_ms);
}

/*
 * On in a slab from the entry after `hand` to `end`, as long as there is room for idle ones.
 * => where the hand is then.
 */
static inline uint32_t
walk4(struct flow_table *t, uint32_t hand, uint32_t end, const struct timer_set *timers,
      uint32_t now_ms, struct idle *idle)
{
	while (hand < end && idle->n < EXPIRE_CHUNK) {
		const struct flow4 *f = &t->v4[++hand];
		prefetch_read(f + PREFETCH_AHEAD);
		if (is_ending(&f->f, timers, now_ms))
			idle_note(t, idle, hand << 1);
	}
	return hand;
}

static inline uint32_t
walk6(struct flow_table *t, uint32_t hand, uint32_t end, const struct timer_set *timers,
      uint32_t now_ms, struct idle *idle)
{
	while (hand < end && idle->n < EXPIRE_CHUNK) {
		const struct flow6 *f = &t->v6[++hand];
		prefetch_read(f + PREFETCH_AHEAD);
		if (is_ending(&f->f, timers, now_ms))
			idle_note(t, idle, hand << 1 | FLOW_REF_V6);
	}
	return hand;
}

static inline uint32_t
smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/*
 * At most `steps` entries on, in one slab: IPv4 slab, then IPv6 slab, then again: a round, in which
 * none comes twice although the IPv4 slab grows behind the hand. => how many were looked at, which
 * is at least one: high4 + high6 and steps are not 0, and there is room.
 */
static uint32_t
walk(struct flow_table *t, uint32_t steps, const struct timer_set *timers, uint32_t now_ms,
     struct idle *idle)
{
	bool is_past4 = t->hand6 != 0 || t->hand4 >= t->high4;
	if (is_past4 && t->hand6 >= t->high6) {
		t->hand4 = t->hand6 = 0;
		is_past4 = t->high4 == 0;
	}
	uint32_t *hand = is_past4 ? &t->hand6 : &t->hand4, from = *hand;
	uint32_t end = from + smaller(steps, (is_past4 ? t->high6 : t->high4) - from);
	*hand = is_past4 ? walk6(t, from, end, timers, now_ms, idle) :
	                   walk4(t, from, end, timers, now_ms, idle);
	return *hand - from;
}

uint32_t
flow_expire(struct flow_table *t, const struct timer_set *timers, uint32_t now_ms,
            uint32_t max_steps, flows_ended_fn ended, void *arg)
{
	uint32_t steps = smaller(max_steps, t->high4 + t->high6);
	struct idle idle;
	idle.n = 0;
	for (uint32_t done = 0; done < steps;) {
		done += walk(t, steps - done, timers, now_ms, &idle);
		if (idle.n == EXPIRE_CHUNK)
			idle_end(t, &idle, ended, arg);
	}
	idle_end(t, &idle, ended, arg);
	return steps;
}
