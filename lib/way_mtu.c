/* SPDX-License-Identifier: Apache-2.0 */
/* MTUs of paths to endpoints: one writer, many readers. */
#include "way_mtu.h"

#include "tuple.h"

enum { FAMILY_BITS = 8, MTU_BITS = 16 };

static uint64_t
word_of(uint32_t until_ms, uint32_t mtu, uint8_t family)
{
	return (uint64_t)until_ms << 32 | mtu << FAMILY_BITS | family;
}

static uint32_t
until_of(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

static uint16_t
mtu_of(uint64_t word)
{
	return (uint16_t)(word >> FAMILY_BITS);
}

static uint32_t
set_of(const union addr *to)
{
	uint64_t h = mix64(to->q[0] ^ 0x9e3779b97f4a7c15u, to->q[1] ^ 0xd6e8feb86659fd93u);
	return (uint32_t)(h >> 32) % (WAY_MTUS / WAY_MTU_WAYS) * WAY_MTU_WAYS;
}

/* The entry's word, if it is the address's; else 0. */
static uint64_t
read_entry(const struct way_mtu *e, const union addr *to, uint8_t family)
{
	uint64_t word = atomic_load_explicit(&e->word, memory_order_acquire);
	uint64_t q0 = atomic_load_explicit(&e->to[0], memory_order_relaxed);
	uint64_t q1 = atomic_load_explicit(&e->to[1], memory_order_relaxed);
	atomic_thread_fence(memory_order_acquire);
	bool is_whole = word == atomic_load_explicit(&e->word, memory_order_relaxed);
	return is_whole && word != 0 && (uint8_t)word == family && q0 == to->q[0] &&
	       q1 == to->q[1] ? word : 0;
}

static void
write_entry(struct way_mtus *t, struct way_mtu *e, const union addr *to, uint64_t word)
{
	uint64_t old = atomic_load_explicit(&e->word, memory_order_relaxed);
	t->used += (word != 0) - (old != 0);
	atomic_store_explicit(&e->word, 0, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&e->to[0], to->q[0], memory_order_relaxed);
	atomic_store_explicit(&e->to[1], to->q[1], memory_order_relaxed);
	atomic_store_explicit(&e->word, word, memory_order_release);
}

static void
publish(struct way_mtus *t)
{
	uint32_t epoch = atomic_load_explicit(&t->epoch, memory_order_relaxed);
	atomic_store_explicit(&t->epoch, epoch + 1, memory_order_release);
}

/* Its own, an empty one, or the one that ends first. */
static struct way_mtu *
place(struct way_mtus *t, const union addr *to, uint8_t family)
{
	struct way_mtu *set = &t->entry[set_of(to)], *best = set;
	for (unsigned i = 0; i < WAY_MTU_WAYS; i++) {
		if (read_entry(&set[i], to, family) != 0)
			return &set[i];
		uint64_t word = atomic_load_explicit(&set[i].word, memory_order_relaxed);
		uint64_t least = atomic_load_explicit(&best->word, memory_order_relaxed);
		bool is_first = (int32_t)(until_of(word) - until_of(least)) < 0;
		if (least != 0 && (word == 0 || is_first))
			best = &set[i];
	}
	return best;
}

bool
way_mtu_learn(struct way_mtus *t, const union addr *to, uint8_t family, uint32_t mtu,
              uint32_t now_ms)
{
	uint32_t least = family == FAMILY_V4 ? WAY_MTU_MIN4 : WAY_MTU_MIN6;
	struct way_mtu *e = place(t, to, family);
	uint64_t known = read_entry(e, to, family);
	mtu = mtu < least ? least : mtu;
	if (mtu >= WAY_MTU_NONE || (known != 0 && mtu > mtu_of(known)))
		return false;
	if (t->used == 0 || (int32_t)(now_ms + WAY_MTU_MS - t->due_ms) < 0)
		t->due_ms = now_ms + WAY_MTU_MS;
	t->early += known == 0 && atomic_load_explicit(&e->word, memory_order_relaxed) != 0;
	write_entry(t, e, to, word_of(now_ms + WAY_MTU_MS, mtu, family));
	if (known != 0 && mtu == mtu_of(known))
		return false; /* it only lives for longer */
	publish(t);
	return true;
}

void
way_mtu_tick(struct way_mtus *t, uint32_t now_ms)
{
	const union addr nobody = {.q = {0, 0}};
	uint32_t due_ms = now_ms + WAY_MTU_MS, used = t->used;
	if (used == 0 || (int32_t)(now_ms - t->due_ms) < 0)
		return;
	for (unsigned i = 0; i < WAY_MTUS; i++) {
		uint64_t word = atomic_load_explicit(&t->entry[i].word, memory_order_relaxed);
		if (word == 0)
			continue;
		if ((int32_t)(now_ms - until_of(word)) >= 0)
			write_entry(t, &t->entry[i], &nobody, 0);
		else if ((int32_t)(until_of(word) - due_ms) < 0)
			due_ms = until_of(word);
	}
	t->due_ms = due_ms;
	if (t->used != used)
		publish(t);
}

uint16_t
way_mtu_of(const struct way_mtus *t, const union addr *to, uint8_t family)
{
	const struct way_mtu *set = &t->entry[set_of(to)];
	for (unsigned i = 0; i < WAY_MTU_WAYS; i++) {
		uint64_t word = read_entry(&set[i], to, family);
		if (word != 0)
			return mtu_of(word);
	}
	return WAY_MTU_NONE;
}

bool
way_mtu_row(const struct way_mtus *t, uint32_t i, uint32_t now_ms, struct way_mtu_row *row)
{
	const struct way_mtu *e = &t->entry[i];
	uint64_t word = atomic_load_explicit(&e->word, memory_order_relaxed);
	int32_t left = (int32_t)(until_of(word) - now_ms);
	if (word == 0)
		return false;
	*row = (struct way_mtu_row){.family = (uint8_t)word, .mtu = mtu_of(word),
		.left_ms = left > 0 ? (uint32_t)left : 0};
	for (unsigned k = 0; k < 2; k++)
		row->to.q[k] = atomic_load_explicit(&e->to[k], memory_order_relaxed);
	return true;
}

uint32_t
way_mtu_said(uint32_t field, uint32_t size)
{
	static const uint16_t plateau[] = {
		32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68,
	};
	if (field != 0)
		return field;
	for (unsigned i = 0; i < sizeof(plateau) / sizeof(plateau[0]); i++)
		if (plateau[i] < size)
			return plateau[i];
	return 68;
}
