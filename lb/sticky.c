/* SPDX-License-Identifier: Apache-2.0 */
/* The table of persistence. */
#include "sticky.h"

#include <errno.h>

#include "lib/mem.h"
#include "lib/tuple.h"

static uint32_t
slots_for(uint32_t capacity)
{
	uint32_t size = 16;
	while (size / 2 < capacity && size < 1u << 31)
		size *= 2;
	return capacity == 0 ? 0 : size;
}

size_t
sticky_memsize(uint32_t capacity)
{
	return slots_for(capacity) * sizeof(struct sticky_entry);
}

int
sticky_init(struct sticky *t, uint32_t capacity, uint64_t seed, int node)
{
	*t = (struct sticky){.capacity = capacity, .mask = slots_for(capacity) - 1,
		.seed = mix64(seed ^ 0xe7037ed1a0b428dbu, 0x9e3779b97f4a7c15u)};
	if (capacity == 0)
		return 0;
	t->slot = mem_alloc(sticky_memsize(capacity), node);
	return t->slot != NULL ? 0 : -ENOMEM;
}

void
sticky_fini(struct sticky *t)
{
	if (t->slot != NULL)
		mem_free(t->slot, ((size_t)t->mask + 1) * sizeof(*t->slot));
}

struct sticky_key
sticky_key_make(uint32_t service, const union addr *source, uint8_t family, uint8_t mask)
{
	struct sticky_key k = {.source = *source, .service = service, .family = family};
	for (unsigned i = 0; i < sizeof(k.source.b); i++) {
		unsigned first = i * 8;
		if (first >= mask)
			k.source.b[i] = 0;
		else if (mask - first < 8)
			k.source.b[i] &= (uint8_t)(0xff00u >> (mask - first));
	}
	return k;
}

static bool
key_equal(const struct sticky_key *a, const struct sticky_key *b)
{
	return a->service == b->service && a->family == b->family &&
	       addr_equal(&a->source, &b->source);
}

static uint32_t
key_slot(const struct sticky *t, const struct sticky_key *k)
{
	uint64_t h = mix64(k->source.q[0] ^ t->seed, k->source.q[1] ^ 0xa0761d6478bd642fu);
	h = mix64(h ^ k->service, t->seed ^ k->family ^ 0xd6e8feb86659fd93u);
	return (uint32_t)(h ^ h >> 32) & t->mask;
}

/* slot_of: where the key is, or the free slot at which the search for it ends. */
static uint32_t
slot_of(const struct sticky *t, const struct sticky_key *key)
{
	uint32_t i = key_slot(t, key);
	while (t->slot[i].key.family != 0 && !key_equal(&t->slot[i].key, key))
		i = (i + 1) & t->mask;
	return i;
}

/* slot_free: what was passed over on the way to later slots moves up. */
static void
slot_free(struct sticky *t, uint32_t hole)
{
	for (uint32_t i = (hole + 1) & t->mask; t->slot[i].key.family != 0;
	     i = (i + 1) & t->mask) {
		uint32_t wanted = key_slot(t, &t->slot[i].key);
		if (((i - wanted) & t->mask) < ((i - hole) & t->mask))
			continue;
		t->slot[hole] = t->slot[i];
		hole = i;
	}
	t->slot[hole].key.family = 0;
	t->used--;
}

static bool
is_over(const struct sticky_entry *e, uint32_t now_ms)
{
	return (int32_t)(e->end_ms - now_ms) <= 0;
}

/* sweep: the hand goes on; where it frees a slot another entry may stand then. */
static void
sweep(struct sticky *t, uint32_t now_ms)
{
	for (unsigned i = 0; i < STICKY_SWEEP; i++) {
		const struct sticky_entry *e = &t->slot[t->hand];
		if (e->key.family != 0 && is_over(e, now_ms))
			slot_free(t, t->hand);
		else
			t->hand = (t->hand + 1) & t->mask;
	}
}

struct sticky_entry *
sticky_find(struct sticky *t, const struct sticky_key *key, uint32_t now_ms)
{
	if (t->capacity == 0)
		return NULL;
	uint32_t i = slot_of(t, key);
	if (t->slot[i].key.family == 0)
		return NULL;
	if (!is_over(&t->slot[i], now_ms))
		return &t->slot[i];
	slot_free(t, i);
	return NULL;
}

bool
sticky_set(struct sticky *t, const struct sticky_key *key, uint32_t backend, uint32_t now_ms,
           uint32_t timeout_s)
{
	if (t->capacity == 0)
		return false;
	uint32_t i = slot_of(t, key);
	if (t->slot[i].key.family == 0) {
		sweep(t, now_ms);
		if (t->used >= t->capacity)
			return false;
		i = slot_of(t, key);
		t->used++;
	}
	t->slot[i] = (struct sticky_entry){.key = *key, .backend = backend,
		.end_ms = now_ms + timeout_s * 1000};
	return true;
}
