/* SPDX-License-Identifier: Apache-2.0 */
/* Ways by their outer headers. */
#include "way_index.h"

#include "tuple.h"
#include "wire.h"

static uint32_t
hash(const union addr *to)
{
	uint64_t h = mix64(to->q[0] ^ 0x9fb21c651e98df25u, to->q[1] ^ 0x2d358dccaa6c78a5u);
	return (uint32_t)(h >> 32);
}

/* What an outer header says. */
struct outer {
	union addr src, dst;
	uint8_t family, proto;
	be16 port; /* that it is sent to, WAY_GUE */
};

/* l4: octets that stand behind the IP header. => false: it is none of ours. */
static bool
outer_read(struct outer *o, const uint8_t *l3, uint32_t size)
{
	uint32_t header = IP6_LEN;
	*o = (struct outer){.family = l3[0] >> 4 == 4 ? FAMILY_V4 : FAMILY_V6};
	if (o->family == FAMILY_V4) {
		const struct ip4 *h = (const struct ip4 *)l3;
		o->src = addr_from_v4(h->src);
		o->dst = addr_from_v4(h->dst);
		o->proto = h->proto;
		header = (h->version_ihl & 15) * 4u;
	} else {
		const struct ip6 *h = (const struct ip6 *)l3;
		o->src = h->src;
		o->dst = h->dst;
		o->proto = h->next;
	}
	if (header + 4 > size)
		return false;
	if (o->proto == IPPROTO_L4_UDP)
		o->port = load16(l3 + header + 2);
	return true;
}

static bool
outer_is(const struct outer *o, const struct way *y)
{
	struct outer own;
	if (y->overhead == 0 || y->family != o->family || !addr_equal(&y->to, &o->dst) ||
	    !outer_read(&own, y->header, y->overhead + 4u))
		return false;
	return own.proto == o->proto && own.port == o->port &&
	       (o->src.q[0] & ~y->spread.q[0]) == own.src.q[0] &&
	       (o->src.q[1] & ~y->spread.q[1]) == own.src.q[1];
}

uint32_t
way_index_slots(uint32_t n)
{
	uint32_t slots = 2;
	while (slots < 2 * n)
		slots *= 2;
	return slots;
}

static const struct way *
find(const struct way_index *x, const struct way *ways, const struct outer *o)
{
	uint32_t i = hash(&o->dst) & x->mask;
	for (; x->slot[i] != 0; i = (i + 1) & x->mask)
		if (outer_is(o, &ways[x->slot[i] - 1]))
			return &ways[x->slot[i] - 1];
	return NULL;
}

void
way_index_fill(struct way_index *x, const struct way *ways, uint32_t n)
{
	struct outer o;
	for (uint32_t row = 0; row < n; row++) {
		const struct way *y = &ways[row];
		if (y->kind == WAY_NONE || y->overhead == 0 ||
		    !outer_read(&o, y->header, y->overhead + 4u) || find(x, ways, &o) != NULL)
			continue;
		uint32_t i = hash(&y->to) & x->mask;
		while (x->slot[i] != 0)
			i = (i + 1) & x->mask;
		x->slot[i] = row + 1;
	}
}

const struct way *
way_by_outer(const struct generation *g, const uint8_t *l3, uint32_t size)
{
	struct outer o;
	return g->way_index.slot != NULL && outer_read(&o, l3, size) ?
		find(&g->way_index, g->way, &o) : NULL;
}
