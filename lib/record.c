/* SPDX-License-Identifier: Apache-2.0 */
/* The log rings: one producer, one consumer, in memory that two processes share. */
#include "record.h"

#include <stddef.h>

enum { RECORD_MAGIC = 0x4d524c31 /* "MRL1" */, RECORD_VERSION = 1 };
static_assert((RECORD_RING & (RECORD_RING - 1)) == 0, "slot = count mod RECORD_RING by a mask");

uint64_t
record_segment_size(uint32_t rings)
{
	return sizeof(struct record_segment) + (uint64_t)rings * sizeof(struct record_ring);
}

void
record_segment_init(struct record_segment *s, uint32_t rings)
{
	for (uint32_t i = 0; i < rings; i++) {
		atomic_init(&s->ring[i].head, 0);
		atomic_init(&s->ring[i].tail, 0);
	}
	s->rings = rings;
	s->size = record_segment_size(rings);
	s->version = RECORD_VERSION;
	s->magic = RECORD_MAGIC;
}

/*
 * A tail ahead of head (a reader gone wrong) makes the difference huge: full until put right.
 */
bool
record_put(struct record_ring *r, const struct record *rec)
{
	uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	/* Acquire: the reader's copy of the slot is done before it is written again. */
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);
	if (head - tail >= RECORD_RING)
		return false;
	r->slot[head & (RECORD_RING - 1)] = *rec;
	/* Release: the record is whole before head passes it. */
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
	return true;
}

uint32_t
record_take(struct record_ring *r, struct record *out, uint32_t n)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	uint64_t head = atomic_load_explicit(&r->head, memory_order_acquire);
	/* A ring that says more than it can hold starts again at its head. */
	if (head - tail > RECORD_RING)
		tail = head;
	uint32_t taken = 0;
	for (; taken < n && tail != head; taken++, tail++)
		out[taken] = r->slot[tail & (RECORD_RING - 1)];
	atomic_store_explicit(&r->tail, tail, memory_order_release);
	return taken;
}

const char *
record_event_name(unsigned event)
{
	switch (event) {
	case RECORD_ADDRESSES_EXHAUSTED: return "addresses_exhausted";
	case RECORD_MAPPING_CREATE: return "mapping_create";
	case RECORD_MAPPING_DELETE: return "mapping_delete";
	case RECORD_PORTS_EXHAUSTED: return "ports_exhausted";
	case RECORD_QUOTA_EXCEEDED: return "quota_exceeded";
	case RECORD_BLOCK_CREATE: return "block_create";
	case RECORD_BLOCK_DELETE: return "block_delete";
	default: return "?";
	}
}
