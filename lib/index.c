/* SPDX-License-Identifier: Apache-2.0 */
/* An index of hashes: what goes beyond the home bucket. */
#include "index.h"

uint32_t
index_buckets(uint64_t entries, unsigned pair_load)
{
	assert(pair_load != 0 && pair_load <= 2 * INDEX_SLOTS);
	uint64_t pairs = (entries + pair_load - 1) / pair_load;
	assert(pairs < UINT32_MAX / 2);
	return pairs == 0 ? 2 : (uint32_t)pairs * 2;
}

/* Take back what the first `passed` steps along the path from home have counted. */
static void
overflow_undo(struct index x, uint32_t home, uint32_t passed)
{
	while (passed-- > 0)
		x.bucket[index_step(x, home, passed)].overflow--;
}

bool
index_add_far(struct index x, uint64_t hash, uint32_t ref)
{
	uint32_t home = index_home(x, hash), probes = index_probes(x);
	for (uint32_t passed = 0; passed < probes; passed++) {
		struct index_bucket *b = &x.bucket[index_step(x, home, passed)];
		unsigned empty = index_slots(b, 0);
		if (empty != 0) {
			index_set(b, index_slot(empty), index_tag(hash), ref);
			return true;
		}
		b->overflow++;
	}
	overflow_undo(x, home, probes);
	return false;
}

bool
index_del_far(struct index x, uint64_t hash, uint32_t ref)
{
	uint32_t home = index_home(x, hash);
	uint16_t tag = index_tag(hash);
	for (uint32_t passed = 0; passed < index_probes(x); passed++) {
		struct index_bucket *b = &x.bucket[index_step(x, home, passed)];
		for (unsigned s = index_slots(b, tag); s != 0; s &= s - 1) {
			unsigned slot = index_slot(s);
			if (b->ref[slot] != ref)
				continue;
			index_set(b, slot, 0, 0);
			overflow_undo(x, home, passed);
			return true;
		}
		if (b->overflow == 0)
			return false;
	}
	return false;
}
