/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What tests ask an index that the engine does not.
 * Owner      Test programs.
 */
#ifndef MR_INDEX_KIT_H
#define MR_INDEX_KIT_H

#include "lib/index.h"
#include "tests/test.h"

static inline uint64_t
index_entries(struct index x)
{
	uint64_t n = 0;
	for (uint32_t b = 0; b < x.buckets; b++)
		for (unsigned s = 0; s < INDEX_SLOTS; s++)
			n += x.bucket[b].tag[s] != 0;
	return n;
}

static inline bool
index_is_empty(struct index x)
{
	uint64_t overflow = 0;
	for (uint32_t b = 0; b < x.buckets; b++)
		overflow += x.bucket[b].overflow;
	return overflow == 0 && index_entries(x) == 0;
}

/* Is the reference among the candidates of the hash, in the first `steps` buckets of its path? */
static inline bool
index_has_near(struct index x, uint64_t hash, uint32_t ref, uint32_t steps)
{
	struct index_search s;
	for (uint32_t r = index_first(&s, x, hash); r != 0; r = index_next(&s))
		if (r == ref)
			return s.passed < steps;
	return false;
}

static inline bool
index_has(struct index x, uint64_t hash, uint32_t ref)
{
	return index_has_near(x, hash, ref, UINT32_MAX);
}

#endif
