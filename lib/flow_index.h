/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The reading side of the flow table's index, in pieces that a burst can be led through:
 *            index_prefetch -> index_match, flow_prefetch -> flow_is4, and flow_find4 for what did
 *            not match at once.
 * Layout     Bucket number: low bits of the hash. Tag: its high 16 bits, 0 made 1. An entry that
 *            finds its bucket full goes on by a step that its tag gives (odd, so that it meets
 *            every bucket), and each bucket it passes counts it in `overflow`.
 * Invariant  1. An entry stands in the first buckets of its path that had a free slot when it came.
 *            2. overflow = number of entries that stand further on in their path. So a lookup ends
 *               at the first bucket whose overflow is 0, and removal leaves no tombstone.
 * Owner      The worker of the table.
 * Limits     INDEX_MAX_PROBES buckets a lookup; an entry that would need more is not taken.
 * See        lib/flow.h; docs/design.md, "The hit path".
 */
#ifndef MR_FLOW_INDEX_H
#define MR_FLOW_INDEX_H

#include <emmintrin.h>

#include "flow.h"
#include "prefetch.h"

enum { INDEX_SLOTS = 8, INDEX_MAX_PROBES = 64 };

static inline uint16_t
index_tag(uint32_t hash)
{
	uint16_t tag = (uint16_t)(hash >> 16);
	return tag != 0 ? tag : 1;
}

/* index_next: the bucket after this one in the path of a tag. */
static inline uint32_t
index_next(const struct flow_table *t, uint32_t bucket, uint16_t tag)
{
	return (bucket + (tag | 1u)) & t->bucket_mask;
}

/* index_probes: the longest path there can be. */
static inline uint32_t
index_probes(const struct flow_table *t)
{
	return t->bucket_mask < INDEX_MAX_PROBES ? t->bucket_mask + 1 : INDEX_MAX_PROBES;
}

/* index_slots_of: bit i is set when slot i has this tag (0: when it is empty). */
static inline unsigned
index_slots_of(const struct index_bucket *b, uint16_t tag)
{
	__m128i tags = _mm_load_si128((const __m128i *)(const void *)b->tag);
	__m128i same = _mm_cmpeq_epi16(tags, _mm_set1_epi16((short)tag));
	return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(same, _mm_setzero_si128()));
}

static inline void
index_prefetch(const struct flow_table *t, uint32_t hash)
{
	prefetch_read(&t->bucket[hash & t->bucket_mask]);
}

/*
 * index_match: the first candidate by its tag. => 0: surely not in the table. Another reference
 * still has to be verified, and where it is a false one flow_find4 or flow_find6 decides.
 */
static inline flow_ref
index_match(const struct flow_table *t, uint32_t hash)
{
	uint16_t tag = index_tag(hash);
	uint32_t i = hash & t->bucket_mask;
	for (uint32_t left = index_probes(t); left > 0; left--) {
		const struct index_bucket *b = &t->bucket[i];
		unsigned slots = index_slots_of(b, tag);
		if (slots != 0)
			return b->ref[__builtin_ctz(slots)];
		if (b->overflow == 0)
			return 0;
		i = index_next(t, i, tag);
	}
	return 0;
}

/* flow_number: index in its family's slab. */
static inline uint32_t
flow_number(flow_ref ref)
{
	return (ref & ~FLOW_REF_V6) >> 1;
}

static inline struct flow4 *
flow_ptr4(const struct flow_table *t, flow_ref ref)
{
	return &t->v4[flow_number(ref)];
}

static inline struct flow6 *
flow_ptr6(const struct flow_table *t, flow_ref ref)
{
	return &t->v6[flow_number(ref)];
}

/* flow_head: as flow_get, inline. */
static inline struct flow *
flow_head(const struct flow_table *t, flow_ref ref)
{
	return (ref & FLOW_REF_V6) != 0 ? &flow_ptr6(t, ref)->f : &flow_ptr4(t, ref)->f;
}

/* flow_prefetch: all lines of a candidate. => Also good for reference 0. */
static inline void
flow_prefetch(const struct flow_table *t, flow_ref ref)
{
	const char *p = (const char *)flow_head(t, ref);
	prefetch_write(p);
	if ((ref & FLOW_REF_V6) != 0)
		prefetch_write(p + 64);
}

/* flow_is4, flow_is6: is the reference (any but 0) that of this tuple? Family, protocol and realm
 * included. */
static inline bool
flow_is4(const struct flow_table *t, flow_ref ref, const struct tuple4 *key, uint8_t proto,
         uint8_t realm)
{
	if ((ref & FLOW_REF_V6) != 0)
		return false;
	const struct flow4 *fl = flow_ptr4(t, ref);
	return tuple4_equal(&fl->tuple[ref & 1], key) && fl->f.proto == proto &&
	       fl->f.realm[ref & 1] == realm;
}

static inline bool
flow_is6(const struct flow_table *t, flow_ref ref, const struct tuple6 *key, uint8_t proto,
         uint8_t realm)
{
	if ((ref & FLOW_REF_V6) == 0)
		return false;
	const struct flow6 *fl = flow_ptr6(t, ref);
	return tuple6_equal(&fl->tuple[ref & 1], key) && fl->f.proto == proto &&
	       fl->f.realm[ref & 1] == realm;
}

/* flow_find4, flow_find6: the verified reference of a tuple with its hash, or 0. */
flow_ref flow_find4(const struct flow_table *t, const struct tuple4 *key, uint8_t proto,
                    uint8_t realm, uint32_t hash);
flow_ref flow_find6(const struct flow_table *t, const struct tuple6 *key, uint8_t proto,
                    uint8_t realm, uint32_t hash);

#endif
