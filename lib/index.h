/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       An open-addressed index from hashes to references of 32 bits, that keeps no keys:
 *            whoever asks verifies the candidates.
 * Layout     A bucket is one cache line: ten tags of 16 bits, ten references, and the number of
 *            entries whose path went on from here. Any even number of buckets will do. The home
 *            bucket comes from the hash's upper half, the tag is its lowest bits, the last one set.
 *            The path of an entry goes on to its home's buddy, the other bucket of the same pair
 *            (the adjacent line, which the processor fetches along), then through the pairs that
 *            follow, round the end.
 * Invariant  1. An entry stands in the first bucket of its path that had a free slot when it came.
 *            2. overflow = number of entries that stand further on in their path. So a search ends
 *               at the first bucket whose overflow is 0, and removal leaves no tombstone.
 *            3. A slot is empty exactly when its tag is 0.
 * Owner      One worker.
 * Limits     INDEX_MAX_PROBES buckets a search; an entry that would need more is not taken.
 * See        docs/design.md, "The tables".
 */
#ifndef MR_INDEX_H
#define MR_INDEX_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <immintrin.h>

#include "prefetch.h"

enum { INDEX_SLOTS = 10, INDEX_MAX_PROBES = 64 };

struct index_bucket {
	uint16_t tag[INDEX_SLOTS];
	uint32_t ref[INDEX_SLOTS];
	uint32_t overflow;
} __attribute__((aligned(64)));
static_assert(sizeof(struct index_bucket) == 64, "an index bucket is one cache line");

struct index {
	struct index_bucket *bucket; /* NULL: there is none */
	uint32_t buckets;
};

static inline uint16_t
index_tag(uint64_t hash)
{
	return (uint16_t)(hash | 1);
}

static inline uint32_t
index_home(struct index x, uint64_t hash)
{
	return (uint32_t)((hash >> 32) * x.buckets >> 32);
}

/* index_step: the bucket number `passed` in the path from home. => passed <= buckets. */
static inline uint32_t
index_step(struct index x, uint32_t home, uint32_t passed)
{
	uint32_t i = home + (passed & ~1u);
	return (i < x.buckets ? i : i - x.buckets) ^ (passed & 1);
}

/* index_probes: the longest path there can be. */
static inline uint32_t
index_probes(struct index x)
{
	return x.buckets < INDEX_MAX_PROBES ? x.buckets : INDEX_MAX_PROBES;
}

/*
 * index_slots: the slots that have this tag (0: the empty ones), as a set of bits, one a slot.
 * index_slot: the first slot of a set that is not empty; s & (s - 1) is the rest.
 */
#ifdef __AVX2__
static inline unsigned
index_slots(const struct index_bucket *b, uint16_t tag)
{
	__m256i tags = _mm256_load_si256((const __m256i *)(const void *)b);
	__m256i same = _mm256_cmpeq_epi16(tags, _mm256_set1_epi16((short)tag));
	return (unsigned)_mm256_movemask_epi8(same) & 0x55555;
}

enum { INDEX_LAST_SLOT = 1 << 18 };
static inline unsigned
index_slot(unsigned slots)
{
	return (unsigned)__builtin_ctz(slots) / 2;
}
#else
static inline unsigned
index_slots(const struct index_bucket *b, uint16_t tag)
{
	const __m128i *line = (const __m128i *)(const void *)b, want = _mm_set1_epi16((short)tag);
	__m128i low = _mm_cmpeq_epi16(_mm_load_si128(line), want);
	__m128i high = _mm_cmpeq_epi16(_mm_load_si128(line + 1), want);
	return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(low, high)) & 0x3ff;
}

enum { INDEX_LAST_SLOT = 1 << 9 };
static inline unsigned
index_slot(unsigned slots)
{
	return (unsigned)__builtin_ctz(slots);
}
#endif

/* index_ask: the home line of a hash. index_ask_once: for one look at it, soon. */
static inline void
index_ask(struct index x, uint64_t hash)
{
	prefetch_read(&x.bucket[index_home(x, hash)]);
}

static inline void
index_ask_once(struct index x, uint64_t hash)
{
	prefetch_once(&x.bucket[index_home(x, hash)]);
}

/* index_ask_on: the home bucket has come: the next of the path too, if a search goes on there. */
static inline void
index_ask_on(struct index x, uint64_t hash)
{
	uint32_t home = index_home(x, hash);
	prefetch_read(&x.bucket[home ^ (x.bucket[home].overflow != 0)]);
}

/* A search: the candidates of a hash, one after another. */
struct index_search {
	struct index x;
	uint32_t home, passed;
	unsigned slots; /* of this bucket, still to come */
	uint16_t tag;
};

/* index_next: the next reference that has the tag, 0 when there is none. */
static inline uint32_t
index_next(struct index_search *s)
{
	const struct index_bucket *b = &s->x.bucket[index_step(s->x, s->home, s->passed)];
	while (s->slots == 0) {
		if (b->overflow == 0 || ++s->passed == index_probes(s->x))
			return 0;
		b = &s->x.bucket[index_step(s->x, s->home, s->passed)];
		s->slots = index_slots(b, s->tag);
	}
	unsigned slot = index_slot(s->slots);
	s->slots &= s->slots - 1;
	return b->ref[slot];
}

/* index_first: begin a search. */
static inline uint32_t
index_first(struct index_search *s, struct index x, uint64_t hash)
{
	uint32_t home = index_home(x, hash);
	uint16_t tag = index_tag(hash);
	*s = (struct index_search){
		.x = x, .home = home, .slots = index_slots(&x.bucket[home], tag), .tag = tag,
	};
	if (s->slots == 0 && x.bucket[home].overflow == 0)
		return 0;
	return index_next(s);
}

/* index_buckets: how many for so many entries, `pair_load` of the 20 slots of a pair filled. */
uint32_t index_buckets(uint64_t entries, unsigned pair_load);
/* index_size: bytes of so many buckets. */
static inline size_t
index_size(uint32_t buckets)
{
	return (size_t)buckets * sizeof(struct index_bucket);
}

/* index_add_far, index_del_far: the same as those below, wherever the entry stands or will. */
bool index_add_far(struct index x, uint64_t hash, uint32_t ref);
bool index_del_far(struct index x, uint64_t hash, uint32_t ref);

/* index_set: what a slot holds; tag 0 and reference 0 for nothing. */
static inline void
index_set(struct index_bucket *b, unsigned slot, uint16_t tag, uint32_t ref)
{
	b->tag[slot] = tag;
	b->ref[slot] = ref;
}

/* index_add: into the first free slot of its path. => false when there is none. */
static inline bool
index_add(struct index x, uint64_t hash, uint32_t ref)
{
	struct index_bucket *b = &x.bucket[index_home(x, hash)];
	unsigned empty = index_slots(b, 0);
	if (__builtin_expect(empty == 0, 0))
		return index_add_far(x, hash, ref);
	index_set(b, index_slot(empty), index_tag(hash), ref);
	return true;
}

/* index_del: => false when it is not there. */
static inline bool
index_del(struct index x, uint64_t hash, uint32_t ref)
{
	struct index_bucket *b = &x.bucket[index_home(x, hash)];
	unsigned slots = index_slots(b, index_tag(hash));
	if (__builtin_expect(slots == 0 || b->ref[index_slot(slots)] != ref, 0))
		return index_del_far(x, hash, ref);
	index_set(b, index_slot(slots), 0, 0);
	return true;
}

#endif
