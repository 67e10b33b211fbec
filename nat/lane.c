/* SPDX-License-Identifier: Apache-2.0 */
/* Which pool has which lane. */
#include "nat/lane.h"

/* The lane of a name, 0: none has it. */
static uint8_t
find(const struct nat *n, uint64_t name)
{
	for (uint8_t lane = 1; lane <= NAT_MAX_LANES; lane++)
		if (n->lane_name[lane] == name)
			return lane;
	return 0;
}

/* Lanes that keep their names, as bits; pools of other names have none yet. */
static uint32_t
keep(struct nat *n)
{
	const struct nat_rules *r = n->pool.rules;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < r->n_pools; i++)
		n->pool.use[i].lane = 0;
	for (uint32_t i = 0; i < r->n_rules; i++) {
		struct pool_use *u = &n->pool.use[r->rules[i].pool];
		if (!r->rules[i].apart)
			continue;
		u->lane = find(n, u->name);
		kept |= 1u << u->lane;
	}
	return kept | 1;
}

void
lane_reload(struct nat *n)
{
	const struct nat_rules *r = n->pool.rules;
	uint32_t kept = keep(n);
	for (uint32_t i = 0; i < r->n_rules; i++) {
		struct pool_use *u = &n->pool.use[r->rules[i].pool];
		if (!r->rules[i].apart || u->lane != 0)
			continue;
		u->lane = (uint8_t)__builtin_ctz(~kept);
		assert(u->lane <= NAT_MAX_LANES && "the image was checked");
		kept |= 1u << u->lane;
		n->lane_name[u->lane] = u->name;
	}
}
