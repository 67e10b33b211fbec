/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for more flows, and moving the index while packets come. */
#include "flow_grow.h"

#include <assert.h>
#include <errno.h>

#include "flow_index.h"

enum { MOVE_CHUNK = 8 };

static void
index_free(struct index *x)
{
	mem_free(x->bucket, x->bucket != NULL ? index_size(x->buckets) : 0);
	*x = (struct index){0};
}

/* Number 0 is never used, but has its place. */
static size_t
slab_size4(uint32_t capacity)
{
	return ((size_t)capacity + 1) * sizeof(struct flow4);
}

static size_t
slab_size6(uint32_t capacity)
{
	return ((size_t)capacity + 1) * sizeof(struct flow6);
}

static uint32_t
larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* Both slabs. => 0, or -ENOMEM and they are as before. */
static int
slabs_grow(struct flow_room *r, uint32_t capacity4, uint32_t capacity6)
{
	r->before4 = r->v4;
	r->before6 = r->v6;
	if (mem_range_grow(&r->v4, slab_size4(capacity4), r->node) != 0)
		return -ENOMEM;
	if (mem_range_grow(&r->v6, slab_size6(capacity6), r->node) == 0)
		return 0;
	mem_range_undo(&r->v4, &r->before4);
	return -ENOMEM;
}

int
flow_room_open(struct flow_room *r, struct flow_table *t, uint32_t capacity4, uint32_t capacity6,
               uint32_t most, uint64_t seed, int node)
{
	uint32_t buckets = flow_table_buckets(capacity4, capacity6);
	*r = (struct flow_room){
		.capacity4 = capacity4, .capacity6 = capacity6, .buckets = buckets, .node = node,
	};
	*t = (struct flow_table){
		.index.buckets = buckets, .seed = seed, .capacity4 = capacity4,
		.capacity6 = capacity6,
	};
	if (mem_range_init(&r->v4, slab_size4(larger(capacity4, most))) != 0 ||
	    mem_range_init(&r->v6, slab_size6(larger(capacity6, most))) != 0 ||
	    slabs_grow(r, capacity4, capacity6) != 0 ||
	    (t->index.bucket = mem_alloc(index_size(buckets), node)) == NULL) {
		flow_room_close(r, t);
		return -ENOMEM;
	}
	t->v4 = (struct flow4 *)(void *)r->v4.at;
	t->v6 = (struct flow6 *)(void *)r->v6.at;
	return 0;
}

void
flow_room_close(struct flow_room *r, struct flow_table *t)
{
	index_free(&r->offer.index);
	index_free(&t->old);
	index_free(&t->index);
	mem_range_fini(&r->v4);
	mem_range_fini(&r->v6);
	r->offer = (struct flow_offer){0};
	*t = (struct flow_table){0};
}

/* Buckets to allocate for these capacities, or 0 when the index that there is will do. */
static uint32_t
buckets_more(const struct flow_room *r, uint32_t capacity4, uint32_t capacity6)
{
	uint64_t refs = 2 * ((uint64_t)capacity4 + capacity6);
	bool will_do = refs <= FLOW_LOAD_MOST * (uint64_t)r->buckets;
	return will_do ? 0 : flow_table_buckets(capacity4, capacity6);
}

static size_t
beyond(const struct mem_range *r, size_t size)
{
	return size > r->backed ? size - r->backed : 0;
}

size_t
flow_room_more(const struct flow_room *r, uint32_t capacity4, uint32_t capacity6)
{
	return beyond(&r->v4, slab_size4(capacity4)) + beyond(&r->v6, slab_size6(capacity6)) +
	       index_size(buckets_more(r, capacity4, capacity6));
}

int
flow_room_prepare(struct flow_room *r, uint32_t capacity4, uint32_t capacity6)
{
	assert(capacity4 >= r->capacity4 && capacity6 >= r->capacity6);
	if (!flow_room_settle(r))
		return -EAGAIN;
	if (slabs_grow(r, capacity4, capacity6) != 0)
		return -ENOMEM;
	uint32_t buckets = buckets_more(r, capacity4, capacity6);
	r->offer = (struct flow_offer){.capacity4 = capacity4, .capacity6 = capacity6};
	if (buckets == 0)
		return 0;
	r->offer.index = (struct index){mem_alloc(index_size(buckets), r->node), buckets};
	if (r->offer.index.bucket != NULL)
		return 0;
	flow_room_cancel(r);
	return -ENOMEM;
}

void
flow_room_cancel(struct flow_room *r)
{
	index_free(&r->offer.index);
	mem_range_undo(&r->v4, &r->before4);
	mem_range_undo(&r->v6, &r->before6);
	r->offer = (struct flow_offer){0};
}

void
flow_room_offer(struct flow_room *r)
{
	r->capacity4 = r->offer.capacity4;
	r->capacity6 = r->offer.capacity6;
	if (r->offer.index.bucket != NULL)
		r->buckets = r->offer.index.buckets;
	atomic_store_explicit(&r->state, GROW_OFFERED, memory_order_release);
}

bool
flow_room_settle(struct flow_room *r)
{
	uint32_t state = atomic_load_explicit(&r->state, memory_order_acquire);
	if (state != GROW_DONE)
		return state == GROW_NONE;
	index_free(&r->offer.index);
	r->offer = (struct flow_offer){0};
	atomic_store_explicit(&r->state, GROW_NONE, memory_order_relaxed);
	return true;
}

static void
take(struct flow_table *t, struct flow_offer *o)
{
	t->capacity4 = o->capacity4;
	t->capacity6 = o->capacity6;
	if (o->index.bucket == NULL)
		return;
	t->old = t->index;
	t->old_at = 0;
	t->old_left = 2 * ((uint64_t)t->used4 + t->used6);
	t->index = o->index;
	o->index = (struct index){0};
}

/*
 * The next n <= MOVE_CHUNK buckets: their flows are asked for first, then the lines where they are
 * to go, then they are moved. One that finds no place in the new index stays, and is tried again
 * when the round comes to it.
 */
static void
move_chunk(struct flow_table *t, uint32_t n)
{
	flow_ref ref[MOVE_CHUNK * INDEX_SLOTS];
	uint64_t hash[MOVE_CHUNK * INDEX_SLOTS];
	uint32_t found = 0;
	for (uint32_t i = 0; i < n; i++) {
		const struct index_bucket *b = &t->old.bucket[t->old_at];
		t->old_at = t->old_at + 1 < t->old.buckets ? t->old_at + 1 : 0;
		for (unsigned s = 0; s < INDEX_SLOTS; s++) {
			if (b->tag[s] == 0)
				continue;
			ref[found] = b->ref[s];
			flow_prefetch(t, ref[found++]);
		}
	}
	for (uint32_t i = 0; i < found; i++) {
		hash[i] = flow_hash(t, ref[i], ref[i] & 1);
		index_prefetch(t, hash[i]);
	}
	for (uint32_t i = 0; i < found; i++) {
		if (!index_add(t->index, hash[i], ref[i]))
			continue;
		index_del(t->old, hash[i], ref[i]);
		t->old_left--;
	}
}

static void
move(struct flow_table *t, uint32_t buckets)
{
	uint32_t left = buckets < t->old.buckets ? buckets : t->old.buckets;
	while (left > 0 && t->old_left != 0) {
		uint32_t n = left < MOVE_CHUNK ? left : MOVE_CHUNK;
		move_chunk(t, n);
		left -= n;
	}
}

void
flow_grow_turn(struct flow_room *r, struct flow_table *t, uint32_t buckets)
{
	uint32_t state = atomic_load_explicit(&r->state, memory_order_acquire);
	if (state == GROW_NONE || state == GROW_DONE)
		return;
	if (state == GROW_OFFERED) {
		take(t, &r->offer);
		atomic_store_explicit(&r->state, GROW_MOVING, memory_order_relaxed);
	}
	if (t->old.bucket != NULL) {
		move(t, buckets);
		if (t->old_left != 0)
			return;
		r->offer.index = t->old;
		t->old = (struct index){0};
	}
	atomic_store_explicit(&r->state, GROW_DONE, memory_order_release);
}
