/* SPDX-License-Identifier: Apache-2.0 */
/* The flow table's index: what is not found at once. */
#include "flow_index.h"

flow_ref
index_match_on(const struct flow_table *t, uint64_t hash)
{
	struct index_search s;
	flow_ref ref = index_first(&s, t->index, hash);
	return ref != 0 || t->old.bucket == NULL ? ref : index_first(&s, t->old, hash);
}

static inline flow_ref
find4_in(const struct flow_table *t, struct index x, const struct tuple4 *key, uint8_t proto,
         uint8_t realm, uint64_t hash)
{
	struct index_search s;
	flow_ref ref = index_first(&s, x, hash);
	while (ref != 0 && !flow_is4(t, ref, key, proto, realm))
		ref = index_next(&s);
	return ref;
}

flow_ref
flow_find4(const struct flow_table *t, const struct tuple4 *key, uint8_t proto, uint8_t realm,
           uint64_t hash)
{
	flow_ref ref = find4_in(t, t->index, key, proto, realm, hash);
	if (ref != 0 || t->old.bucket == NULL)
		return ref;
	return find4_in(t, t->old, key, proto, realm, hash);
}

static inline flow_ref
find6_in(const struct flow_table *t, struct index x, const struct tuple6 *key, uint8_t proto,
         uint8_t realm, uint64_t hash)
{
	struct index_search s;
	flow_ref ref = index_first(&s, x, hash);
	while (ref != 0 && !flow_is6(t, ref, key, proto, realm))
		ref = index_next(&s);
	return ref;
}

flow_ref
flow_find6(const struct flow_table *t, const struct tuple6 *key, uint8_t proto, uint8_t realm,
           uint64_t hash)
{
	flow_ref ref = find6_in(t, t->index, key, proto, realm, hash);
	if (ref != 0 || t->old.bucket == NULL)
		return ref;
	return find6_in(t, t->old, key, proto, realm, hash);
}
