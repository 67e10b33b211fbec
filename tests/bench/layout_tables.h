/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Three layouts of a table from 12-byte tuples to references, for case_layouts: what of
 *            them differs, in functions that its one driver is compiled with.
 * Layout     tags8   8 tags, 8 references and an overflow count a line; a power of two of lines;
 *                    what finds its line full goes on by a step of its own
 *            tags10  10 tags and 10 references a line; any number of lines (multiply and shift);
 *                    what finds its line full goes to the neighbour in the same 128 bytes, then to
 *                    the next two
 *            inline  two entries of 32 bytes a line that hold the key itself; lines as of tags10
 * Limits     Nothing is ever removed, and the lookups are of keys that are there.
 */
#ifndef MR_BENCH_LAYOUT_TABLES_H
#define MR_BENCH_LAYOUT_TABLES_H

#include <emmintrin.h>

#include "lib/tuple.h"

enum { SLOTS8 = 8, SLOTS10 = 10, SLOTS_INLINE = 2 };

struct line8 {
	uint16_t tag[SLOTS8];
	uint32_t ref[SLOTS8], passed, spare[3];
} __attribute__((aligned(64)));
struct line10 {
	uint16_t tag[SLOTS10];
	uint32_t ref[SLOTS10], passed;
} __attribute__((aligned(64)));
struct entry {
	struct tuple4 key;
	uint32_t ref, spare[4];
};
struct line_inline {
	struct entry entry[SLOTS_INLINE];
} __attribute__((aligned(64)));
static_assert(sizeof(struct line8) == 64 && sizeof(struct line10) == 64 &&
              sizeof(struct line_inline) == 64, "all are lines");

union line {
	struct line8 l8;
	struct line10 l10;
	struct line_inline li;
};

/* A reference is the number of the flow, from 1, and the direction in bit 0. */
struct layout {
	const char *name;
	unsigned slots;
	uint64_t (*path)(uint64_t lines, uint64_t hash, unsigned step);
	/* Bits of slots that can be this key's (bit >> shift is the slot); a slot's reference. */
	unsigned (*same)(const union line *l, uint64_t hash, const struct tuple4 *key);
	uint32_t (*ref)(const union line *l, unsigned slot);
	unsigned shift;
	bool (*more)(const union line *l);   /* can there be entries further on? */
	bool (*put)(union line *l, uint64_t hash, const struct tuple4 *key, uint32_t ref);
};

static inline uint64_t
key_hash(const struct tuple4 *k)
{
	uint64_t a = ((uint64_t)k->src << 32 | k->dst) * 0xff51afd7ed558ccdu;
	a = ((a ^ a >> 32) + ((uint32_t)k->sport << 16 | k->dport)) * 0xc4ceb9fe1a85ec53u;
	return a ^ a >> 32;
}

static inline uint16_t
tag_of(uint64_t hash)
{
	return (uint16_t)(hash >> 16) != 0 ? (uint16_t)(hash >> 16) : 1;
}

/* Two bits for each of eight tags that is the one. */
static inline unsigned
tags_same(const uint16_t *tags, uint16_t tag)
{
	__m128i t = _mm_loadu_si128((const __m128i *)(const void *)tags);
	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi16(t, _mm_set1_epi16((short)tag)));
}

static inline uint64_t
path8(uint64_t lines, uint64_t hash, unsigned step)
{
	return ((hash >> 32) + step * (uint64_t)(tag_of(hash) | 1)) & (lines - 1);
}

static inline unsigned
same8(const union line *l, uint64_t hash, const struct tuple4 *key)
{
	return tags_same(l->l8.tag, tag_of(hash));
}

static inline uint32_t
ref8(const union line *l, unsigned slot)
{
	return l->l8.ref[slot];
}

static inline bool
more8(const union line *l)
{
	return l->l8.passed != 0;
}

static bool
put8(union line *l, uint64_t hash, const struct tuple4 *key, uint32_t ref)
{
	unsigned empty = tags_same(l->l8.tag, 0);
	if (empty == 0) {
		l->l8.passed++;
		return false;
	}
	l->l8.tag[__builtin_ctz(empty) / 2] = tag_of(hash);
	l->l8.ref[__builtin_ctz(empty) / 2] = ref;
	return true;
}

static inline uint64_t
path_pairs(uint64_t lines, uint64_t hash, unsigned step)
{
	uint64_t home = (hash >> 32) * lines >> 32, at = home ^ (step & 1);
	if (__builtin_expect(step < 2, 1))
		return at;
	return (at + (step & ~1u)) % lines;
}

/* The last two tags, and the first reference behind them, are a load of their own. */
static inline unsigned
tags10_same(const struct line10 *l, uint16_t tag)
{
	__m128i t = _mm_loadl_epi64((const __m128i *)(const void *)(l->tag + 8));
	__m128i same = _mm_cmpeq_epi16(t, _mm_set1_epi16((short)tag));
	return tags_same(l->tag, tag) | ((unsigned)_mm_movemask_epi8(same) & 15) << 16;
}

static inline unsigned
same10(const union line *l, uint64_t hash, const struct tuple4 *key)
{
	return tags10_same(&l->l10, tag_of(hash));
}

static inline uint32_t
ref10(const union line *l, unsigned slot)
{
	return l->l10.ref[slot];
}

static inline bool
more10(const union line *l)
{
	return l->l10.passed != 0;
}

static bool
put10(union line *l, uint64_t hash, const struct tuple4 *key, uint32_t ref)
{
	unsigned empty = tags10_same(&l->l10, 0);
	if (empty == 0) {
		l->l10.passed++;
		return false;
	}
	l->l10.tag[__builtin_ctz(empty) / 2] = tag_of(hash);
	l->l10.ref[__builtin_ctz(empty) / 2] = ref;
	return true;
}

static inline unsigned
same_inline(const union line *l, uint64_t hash, const struct tuple4 *key)
{
	return (unsigned)tuple4_equal(&l->li.entry[0].key, key) |
	       (unsigned)tuple4_equal(&l->li.entry[1].key, key) << 1;
}

static inline uint32_t
ref_inline(const union line *l, unsigned slot)
{
	return l->li.entry[slot].ref;
}

static inline bool
more_inline(const union line *l)
{
	return l->li.entry[SLOTS_INLINE - 1].ref != 0;
}

static bool
put_inline(union line *l, uint64_t hash, const struct tuple4 *key, uint32_t ref)
{
	for (unsigned i = 0; i < SLOTS_INLINE; i++) {
		if (l->li.entry[i].ref != 0)
			continue;
		l->li.entry[i] = (struct entry){.key = *key, .ref = ref};
		return true;
	}
	return false;
}

static const struct layout layout_tags8 = {
	"tags8", SLOTS8, path8, same8, ref8, 1, more8, put8,
};
static const struct layout layout_tags10 = {
	"tags10", SLOTS10, path_pairs, same10, ref10, 1, more10, put10,
};
static const struct layout layout_inline = {
	"inline", SLOTS_INLINE, path_pairs, same_inline, ref_inline, 0, more_inline, put_inline,
};

#endif
