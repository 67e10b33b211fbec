/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The flow table's index. Its reading side comes in pieces that a burst can be led
 *            through: index_prefetch -> index_match, flow_prefetch -> flow_is4, and flow_find4 for
 *            what did not match at once.
 * Layout     Bucket number: low bits of the hash. Tag: its high 16 bits, 0 made 1. An entry that
 *            finds its bucket full goes on by a step that its tag gives (odd, so that it meets
 *            every bucket), and each bucket it passes counts it in `overflow`.
 * Invariant  1. An entry stands in the first buckets of its path that had a free slot when it came.
 *            2. overflow = number of entries that stand further on in their path. So a lookup ends
 *               at the first bucket whose overflow is 0, and removal leaves no tombstone.
 *            3. While the table has an old index too, an entry is in one of the two. What is not
 *               found in the new one is looked for in the old one; nothing is added to that.
 * Owner      The worker of the table.
 * Limits     INDEX_MAX_PROBES buckets a lookup; an entry that would need more is not taken.
 * See        lib/flow.h, lib/flow_grow.h; docs/design.md, "The hit path".
 */
#ifndef MR_FLOW_INDEX_H
#define MR_FLOW_INDEX_H

#include <emmintrin.h>

#include "flow.h"
#include "prefetch.h"

enum { INDEX_SLOTS = 8, INDEX_MAX_PROBES = 64 };

/* One array of buckets. */
struct index_view {
	struct index_bucket *bucket;
	uint32_t mask;
};

/* index_now, index_old: the table's own, and the one that it grows out of (bucket NULL: none). */
static inline struct index_view
index_now(const struct flow_table *t)
{
	return (struct index_view){t->bucket, t->bucket_mask};
}

static inline struct index_view
index_old(const struct flow_table *t)
{
	return (struct index_view){t->old_bucket, t->old_mask};
}

static inline uint16_t
index_tag(uint64_t hash)
{
	uint16_t tag = (uint16_t)(hash >> 16);
	return tag != 0 ? tag : 1;
}

/* index_next: the bucket after this one in the path of a tag. */
static inline uint32_t
index_next(struct index_view x, uint32_t bucket, uint16_t tag)
{
	return (bucket + (tag | 1u)) & x.mask;
}

/* index_probes: the longest path there can be. */
static inline uint32_t
index_probes(struct index_view x)
{
	return x.mask < INDEX_MAX_PROBES ? x.mask + 1 : INDEX_MAX_PROBES;
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
index_prefetch(const struct flow_table *t, uint64_t hash)
{
	prefetch_read(&t->bucket[(uint32_t)hash & t->bucket_mask]);
}

/* index_match_on: as index_match, when the first bucket has no such tag but entries further on, or
 * when the table is growing. */
flow_ref index_match_on(const struct flow_table *t, uint64_t hash);

/*
 * index_match: the first candidate by its tag. => 0: surely not in the table. Another reference
 * still has to be verified, and where it is a false one flow_find4 or flow_find6 decides.
 */
static inline flow_ref
index_match(const struct flow_table *t, uint64_t hash)
{
	const struct index_bucket *b = &t->bucket[(uint32_t)hash & t->bucket_mask];
	__m128i tags = _mm_load_si128((const __m128i *)(const void *)b->tag);
	__m128i same = _mm_cmpeq_epi16(tags, _mm_set1_epi16((short)index_tag(hash)));
	unsigned bytes = (unsigned)_mm_movemask_epi8(same);
	if (__builtin_expect(bytes != 0, 1))
		return b->ref[__builtin_ctz(bytes) / 2];
	return b->overflow == 0 && t->old_bucket == NULL ? 0 : index_match_on(t, hash);
}

/* index_add: into the first free slot of its path. => false when there is none. */
bool index_add(struct index_view x, uint64_t hash, flow_ref ref);
/* index_del: => false when it is not there. */
bool index_del(struct index_view x, uint64_t hash, flow_ref ref);

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

/* flow_hash: of the tuple of direction `dir`, as the index knows it. */
static inline uint64_t
flow_hash(const struct flow_table *t, flow_ref ref, unsigned dir)
{
	const struct flow *f = flow_head(t, ref);
	if ((ref & FLOW_REF_V6) != 0)
		return tuple6_hash(&flow_ptr6(t, ref)->tuple[dir], f->proto, f->realm[dir],
		                   t->seed);
	return tuple4_hash(&flow_ptr4(t, ref)->tuple[dir], f->proto, f->realm[dir], t->seed);
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
	return tuple4_equal(&fl->tuple[ref & 1], key) &&
	       ((fl->f.proto ^ proto) | (fl->f.realm[ref & 1] ^ realm)) == 0;
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
                    uint8_t realm, uint64_t hash);
flow_ref flow_find6(const struct flow_table *t, const struct tuple6 *key, uint8_t proto,
                    uint8_t realm, uint64_t hash);

#endif
