/* SPDX-License-Identifier: Apache-2.0 */
/* The flow table's index: its writing side, and what is looked for in the old one. */
#include "flow_index.h"

/* The first reference in the path of a hash that has its tag, or 0. */
static flow_ref
match_in(struct index_view x, uint64_t hash)
{
	uint16_t tag = index_tag(hash);
	uint32_t i = (uint32_t)hash & x.mask;
	for (uint32_t left = index_probes(x); left > 0; left--) {
		const struct index_bucket *b = &x.bucket[i];
		unsigned slots = index_slots_of(b, tag);
		if (slots != 0)
			return b->ref[__builtin_ctz(slots)];
		if (b->overflow == 0)
			return 0;
		i = index_next(x, i, tag);
	}
	return 0;
}

flow_ref
index_match_on(const struct flow_table *t, uint64_t hash)
{
	flow_ref ref = match_in(index_now(t), hash);
	return ref != 0 || t->old_bucket == NULL ? ref : match_in(index_old(t), hash);
}

/* Take back what `passed` steps along the path from the hash's bucket have counted. */
static void
overflow_undo(struct index_view x, uint64_t hash, uint32_t passed)
{
	uint16_t tag = index_tag(hash);
	for (uint32_t i = (uint32_t)hash & x.mask; passed > 0; passed--) {
		x.bucket[i].overflow--;
		i = index_next(x, i, tag);
	}
}

bool
index_add(struct index_view x, uint64_t hash, flow_ref ref)
{
	uint16_t tag = index_tag(hash);
	uint32_t i = (uint32_t)hash & x.mask;
	for (uint32_t passed = 0; passed < index_probes(x); passed++) {
		struct index_bucket *b = &x.bucket[i];
		unsigned empty = index_slots_of(b, 0);
		if (empty != 0) {
			unsigned s = (unsigned)__builtin_ctz(empty);
			b->ref[s] = ref;
			b->tag[s] = tag;
			return true;
		}
		b->overflow++;
		i = index_next(x, i, tag);
	}
	overflow_undo(x, hash, index_probes(x));
	return false;
}

bool
index_del(struct index_view x, uint64_t hash, flow_ref ref)
{
	uint16_t tag = index_tag(hash);
	uint32_t i = (uint32_t)hash & x.mask;
	for (uint32_t passed = 0; passed < index_probes(x); passed++) {
		struct index_bucket *b = &x.bucket[i];
		for (unsigned s = index_slots_of(b, tag); s != 0; s &= s - 1) {
			unsigned slot = (unsigned)__builtin_ctz(s);
			if (b->ref[slot] != ref)
				continue;
			b->tag[slot] = 0;
			b->ref[slot] = 0;
			overflow_undo(x, hash, passed);
			return true;
		}
		if (b->overflow == 0)
			return false;
		i = index_next(x, i, tag);
	}
	return false;
}
