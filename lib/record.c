/* SPDX-License-Identifier: Apache-2.0 */
/* The log rings: one producer, one consumer, in memory that two processes share. */
#include "record.h"

#include <stddef.h>
#include <string.h>

enum { RECORD_MAGIC = 0x4d524c31 /* "MRL1" */, RECORD_VERSION = 2 };
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
		atomic_init(&s->ring[i].lost, 0);
	}
	atomic_init(&s->ahead_ns, 0);
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
	if (head - tail >= RECORD_RING) {
		uint64_t lost = atomic_load_explicit(&r->lost, memory_order_relaxed);
		atomic_store_explicit(&r->lost, lost + 1, memory_order_release);
		return false;
	}
	r->slot[head & (RECORD_RING - 1)] = *rec;
	/* Release: the record is whole before head passes it. */
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
	return true;
}

uint64_t
record_room(const struct record_ring *r)
{
	uint64_t used = atomic_load_explicit(&r->head, memory_order_relaxed) -
	                atomic_load_explicit(&r->tail, memory_order_relaxed);
	return used < RECORD_RING ? RECORD_RING - used : 0;
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

static const char *const event_names[] = {
	[RECORD_ADDRESSES_EXHAUSTED] = "addresses_exhausted",
	[RECORD_SESSION_CREATE] = "session_create",
	[RECORD_SESSION_DELETE] = "session_delete",
	[RECORD_MAPPING_CREATE] = "mapping_create",
	[RECORD_MAPPING_DELETE] = "mapping_delete",
	[RECORD_PORTS_EXHAUSTED] = "ports_exhausted",
	[RECORD_QUOTA_EXCEEDED] = "quota_exceeded",
	[RECORD_ADDRESS_CREATE] = "address_create",
	[RECORD_ADDRESS_DELETE] = "address_delete",
	[RECORD_BLOCK_CREATE] = "block_create",
	[RECORD_BLOCK_DELETE] = "block_delete",
	[RECORD_THRESHOLD] = "threshold",
	[RECORD_BLOCK_INTERIM] = "block_interim",
	[RECORD_GAP] = "gap",
	[RECORD_START] = "start",
	[RECORD_RANGES] = "ranges",
	[RECORD_CLOCK] = "clock",
};
enum { EVENTS = sizeof(event_names) / sizeof(event_names[0]) };

const char *
record_event_name(unsigned event)
{
	return event < EVENTS && event_names[event] != NULL ? event_names[event] : "?";
}

unsigned
record_event_number(const char *name, size_t size)
{
	for (unsigned i = 0; i < EVENTS; i++)
		if (event_names[i] != NULL && strlen(event_names[i]) == size &&
		    memcmp(event_names[i], name, size) == 0)
			return i;
	return 0;
}
