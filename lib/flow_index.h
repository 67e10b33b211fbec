/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The flow table's index. Its reading side comes in pieces that a burst can be led
 *            through: index_prefetch -> index_match, flow_prefetch -> flow_is4, and flow_find4 for
 *            what did not match at once.
 * Invariant  1. While the table has an old index too, an entry is in one of the two. What is not
 *               found in the new one is looked for in the old one; nothing is added to that.
 * Owner      The worker of the table.
 * See        lib/index.h, lib/flow.h, lib/flow_grow.h; docs/design.md, "The hit path".
 */
#ifndef MR_FLOW_INDEX_H
#define MR_FLOW_INDEX_H

#include "flow.h"
#include "prefetch.h"

static inline void
index_prefetch(const struct flow_table *t, uint64_t hash)
{
	index_ask(t->index, hash);
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
	const struct index_bucket *b = &t->index.bucket[index_home(t->index, hash)];
	unsigned slots = index_slots(b, index_tag(hash));
	if (__builtin_expect(slots != 0, 1))
		return b->ref[index_slot(slots)];
	return b->overflow == 0 && t->old.bucket == NULL ? 0 : index_match_on(t, hash);
}

/* index_match_flat: the same of the first bucket alone, and without a branch. */
static inline flow_ref
index_match_flat(const struct flow_table *t, uint64_t hash)
{
	const struct index_bucket *b = &t->index.bucket[index_home(t->index, hash)];
	unsigned slots = index_slots(b, index_tag(hash));
	return b->ref[index_slot(slots | INDEX_LAST_SLOT)] & -(flow_ref)(slots != 0);
}

/*
 * index_has_more: may a tag that the first bucket has not stand in those that follow? Without a
 * branch either: where it may, the line of the first of them, the other of the pair, is asked for.
 */
static inline bool
index_has_more(const struct flow_table *t, uint64_t hash, bool is_missed)
{
	uint32_t home = index_home(t->index, hash);
	bool has = is_missed & (t->index.bucket[home].overflow != 0);
	prefetch_read(&t->index.bucket[home ^ has]);
	return has | (is_missed & (t->old.bucket != NULL));
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

/* flow_tuple_to: as flow_tuple, written where it is to stand. */
static inline void
flow_tuple_to(const struct flow_table *t, flow_ref ref, unsigned dir, struct tuple *to)
{
	const struct flow *f = flow_head(t, ref);
	if ((ref & FLOW_REF_V6) != 0)
		tuple_of6(to, &flow_ptr6(t, ref)->tuple[dir], f->proto, f->realm[dir]);
	else
		tuple_of4(to, &flow_ptr4(t, ref)->tuple[dir], f->proto, f->realm[dir]);
}

/* flow_source: of the tuple of the reference's direction. */
static inline union addr
flow_source(const struct flow_table *t, flow_ref ref)
{
	if ((ref & FLOW_REF_V6) != 0)
		return flow_ptr6(t, ref)->tuple[ref & 1].src;
	return addr_from_v4(flow_ptr4(t, ref)->tuple[ref & 1].src);
}

/* flow_prefetch: all lines of a candidate. => Also good for reference 0. */
static inline void
flow_prefetch(const struct flow_table *t, flow_ref ref)
{
	const char *p = (const char *)flow_head(t, ref);
	prefetch_read(p);
	if ((ref & FLOW_REF_V6) != 0)
		prefetch_read(p + 64);
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
