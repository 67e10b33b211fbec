/* SPDX-License-Identifier: Apache-2.0 */
/* Deterministic pools: who has a range, how many share an address, how many ports that leaves. */
#include "model.h"
#include "nat/deterministic.h"

enum { DEFAULT_OVERFLOW = 1 };

/* insides_read: the inside addresses as rows. => how many addresses, 0 with an error. */
static uint64_t
insides_read(struct model *m, const json_t *list, size_t pool, struct img_nat_pool *p)
{
	uint64_t before = 0;
	struct config_path path;
	p->first_inside = (uint32_t)m->insides.n;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));
		struct img_nat_inside *in = rows_add(m, &m->insides);
		if (in == NULL)
			return 0;
		range4_parse(text, &in->first, &in->last);
		in->before = (uint32_t)before;
		before += (uint64_t)in->last - in->first + 1;
		for (uint32_t k = 0; k < p->insides; k++) {
			const struct img_nat_inside *other = rows_at(&m->insides,
			                                             p->first_inside + k);
			if (other->first > in->last || in->first > other->last)
				continue;
			path_make(&path, "nat.pools[%zu].deterministic.inside[%zu]", pool, i);
			config_error_add(m->errs, path.text, "%.50s overlaps "
			                 "nat.pools[%zu].deterministic.inside[%u]; an address has "
			                 "one range", text, pool, k);
			return 0;
		}
		p->insides++;
	}
	return before;
}

/* ranges_realm: whose addresses they are. */
static uint8_t
ranges_realm(struct model *m, const json_t *o, size_t i)
{
	struct config_path path;
	path_make(&path, "nat.pools[%zu].deterministic", i);
	uint8_t realm = realm_of(m, o, path.text, 0);
	path_key(&path, "realm");
	if (get_text(o, "realm") == NULL && json_array_size(json_object_get(m->doc, "realms")) != 0)
		config_error_add(m->errs, path.text, "missing; expected the realm that the "
		                 "addresses are in, since there are several");
	return realm;
}

/* ranges_shape: RFC 7422 section 2.1: ports / (C + D), in whole granules. */
static void
ranges_shape(struct model *m, const json_t *o, size_t pool, struct img_nat_pool *p, uint64_t hosts)
{
	struct config_path path;
	uint64_t share = p->addresses == 0 ? 0 : (hosts + p->addresses - 1) / p->addresses;
	uint64_t overflow = DEFAULT_OVERFLOW;
	if (json_object_get(o, "overflow") != NULL)
		overflow = (uint64_t)get_int(o, "overflow");
	uint64_t ports = p->port_last - p->port_first + 1u;
	const json_t *given = json_object_get(o, "range_ports");
	uint64_t each = share == 0 ? 0 : ports / (share + overflow);
	if (given != NULL)
		each = (uint64_t)json_integer_value(given);
	if (each > NAT_MAX_RANGE)
		each = NAT_MAX_RANGE;
	each -= each % NAT_MIN_BLOCK;
	path_make(&path, "nat.pools[%zu].deterministic.%s", pool,
	          given != NULL ? "range_ports" : "inside");
	if (each == 0 || each * share > ports) {
		uint64_t left = each == 0 ? 0 : ports / share;
		config_error_add(m->errs, path.text, "has %llu addresses, %llu for each of the "
		                 "pool, which leaves %llu of its %llu ports for a range; expected "
		                 "16 at least", (unsigned long long)hosts,
		                 (unsigned long long)share, (unsigned long long)left,
		                 (unsigned long long)ports);
		return;
	}
	p->range_ports = (uint16_t)each;
	p->range_hosts = (uint16_t)share;
}

/* ranges_idle: what says something of ranges that there are not. */
static void
ranges_idle(struct model *m, const json_t *o, size_t i)
{
	static const char *const keys[] = {"overflow", "range_ports", "realm"};
	struct config_path path;
	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
		path_make(&path, "nat.pools[%zu].deterministic.%s", i, keys[k]);
		if (json_object_get(o, keys[k]) != NULL)
			config_error_add(m->errs, path.text, "stands alone; expected `inside` "
			                 "beside it");
	}
}

/* ranges_alone: what does not go together with ranges. */
static void
ranges_alone(struct model *m, const json_t *pool, size_t i, const struct img_nat_pool *p)
{
	static const char *const keys[] = {"exclude_ports", "drain"};
	struct config_path path;
	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
		path_make(&path, "nat.pools[%zu].%s", i, keys[k]);
		if (det_is(p) && json_array_size(json_object_get(pool, keys[k])) != 0)
			config_error_add(m->errs, path.text, "is of no use in a deterministic "
			                 "pool, whose ranges are where they are; expected other "
			                 "`ports` or `addresses`");
	}
	path_make(&path, "nat.pools[%zu].ports", i);
	if (det_is(p) && p->holes != 0 && json_array_size(json_object_get(pool, keys[0])) == 0)
		config_error_add(m->errs, path.text, "has the ports of PCP (5350-5351), which stay "
		                 "free where ports are given on request, but ranges leave none "
		                 "out; expected ports without them");
}

void
model_ranges(struct model *m)
{
	const json_t *pools = model_get(m, "nat", "pools");
	for (size_t i = 0; i < m->pools.n && !m->failed; i++) {
		struct img_nat_pool *p = rows_at(&m->pools, i);
		const json_t *pool = json_array_get(pools, i);
		const json_t *o = json_object_get(pool, "deterministic");
		const json_t *list = json_object_get(o, "inside");
		if (json_array_size(list) == 0)
			ranges_idle(m, o, i);
		if (json_array_size(list) == 0 || p->addresses == 0 ||
		    p->port_first > p->port_last)
			continue; /* not so, or other errors stand for it */
		uint64_t hosts = insides_read(m, list, i, p);
		if (hosts == 0)
			continue;
		p->inside_realm = ranges_realm(m, o, i);
		ranges_shape(m, o, i, p, hosts);
		ranges_alone(m, pool, i, p);
	}
}
