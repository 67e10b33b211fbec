/* SPDX-License-Identifier: Apache-2.0 */
/* The check of the CGNAT sections: everything that the policy later uses without a test. */
#include "nat/nat_image.h"

#include <errno.h>
#include <stdlib.h>

#include "nat/deterministic.h"
#include "nat/static.h"

struct check {
	const struct img_plane *plane;
	const struct img_nat_conf *conf;
	const struct img_nat_pool *pools;
	const struct img_nat_address *addresses;
	const struct img_nat_rule *rules;
	const struct img_nat_ports *ports;
	const struct img_nat_hole *holes;
	const struct img_nat_inside *insides;
	const struct img_route *routes;
	uint32_t n_plane, n_conf, n_pools;
	uint32_t n_addresses, n_rules, n_ports, n_holes, n_insides, n_routes, n_nics, n_timers;
	char *err;
	size_t err_size;
};

/* What is wrong, as a sentence. => -EINVAL. */
#define wrong(c, ...) image_refuse((c)->err, (c)->err_size, __VA_ARGS__)

static int
check_sizes(const struct check *c, const struct image_header *h)
{
	static const struct {
		uint32_t kind;
		size_t row_size;
		const char *name;
	} sections[] = {
		{IMG_PLANE, sizeof(struct img_plane), "plane"},
		{IMG_NICS, sizeof(struct img_nic), "interfaces"},
		{IMG_ROUTES, sizeof(struct img_route), "routes"},
		{IMG_TIMERS, sizeof(struct timer_set), "timers"},
		{IMG_NAT_CONF, sizeof(struct img_nat_conf), "NAT settings"},
		{IMG_NAT_POOLS, sizeof(struct img_nat_pool), "pools"},
		{IMG_NAT_ADDRESSES, sizeof(struct img_nat_address), "pool addresses"},
		{IMG_NAT_RULES, sizeof(struct img_nat_rule), "NAT rules"},
		{IMG_NAT_PORTS, sizeof(struct img_nat_ports), "NAT port timeouts"},
		{IMG_NAT_HOLES, sizeof(struct img_nat_hole), "excluded ports"},
		{IMG_NAT_INSIDE, sizeof(struct img_nat_inside), "inside addresses"},
		{IMG_NAT_STATICS, sizeof(struct img_nat_static), "static mappings"},
		{IMG_NAT_STATICS_OUT, sizeof(uint32_t), "static mappings by their outside"},
	};
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (!image_section_is(h, sections[i].kind, sections[i].row_size))
			return wrong(c, "section of %s has rows of another size", sections[i].name);
	return 0;
}

static void
load(struct check *c, const struct image_header *h)
{
	c->plane = image_rows(h, IMG_PLANE, &c->n_plane);
	c->conf = image_rows(h, IMG_NAT_CONF, &c->n_conf);
	c->pools = image_rows(h, IMG_NAT_POOLS, &c->n_pools);
	c->addresses = image_rows(h, IMG_NAT_ADDRESSES, &c->n_addresses);
	c->rules = image_rows(h, IMG_NAT_RULES, &c->n_rules);
	c->ports = image_rows(h, IMG_NAT_PORTS, &c->n_ports);
	c->holes = image_rows(h, IMG_NAT_HOLES, &c->n_holes);
	c->insides = image_rows(h, IMG_NAT_INSIDE, &c->n_insides);
	c->routes = image_rows(h, IMG_ROUTES, &c->n_routes);
	image_rows(h, IMG_NICS, &c->n_nics);
	image_rows(h, IMG_TIMERS, &c->n_timers);
}

static int
check_counts(const struct check *c)
{
	if (c->n_plane != 1)
		return wrong(c, "image has %u planes, expected 1", c->n_plane);
	if (c->n_conf > 1)
		return wrong(c, "image has %u rows of NAT settings, expected 1", c->n_conf);
	if (c->n_pools > NAT_MAX_POOLS)
		return wrong(c, "%u pools, at most %u", c->n_pools, (unsigned)NAT_MAX_POOLS);
	if (c->n_rules > NAT_MAX_RULES)
		return wrong(c, "%u NAT rules, at most %u", c->n_rules, (unsigned)NAT_MAX_RULES);
	if (c->n_ports > NAT_MAX_PORTS)
		return wrong(c, "%u NAT port timeouts, at most %u", c->n_ports,
		             (unsigned)NAT_MAX_PORTS);
	if (c->n_addresses > c->plane->pool_addresses)
		return wrong(c, "%u pool addresses, capacity is %u", c->n_addresses,
		             c->plane->pool_addresses);
	return 0;
}

/* is_percents: marks that can be crossed by turns, or none. */
static bool
is_percents(uint8_t high, uint8_t low)
{
	return high <= 100 && (high == 0 || low < high);
}

static int
check_conf(const struct check *c)
{
	if (c->n_conf == 0)
		return 0;
	if (c->conf->log > NAT_LOG_MAPPINGS || c->conf->inbound_refresh > 1 ||
	    c->conf->log_refuses > 1 || c->conf->answer_syn > 1 || c->conf->log_addresses > 1)
		return wrong(c, "NAT settings: a word or a switch is out of range");
	if (c->conf->refusal != NAT_REFUSE_HOST && c->conf->refusal != NAT_REFUSE_PROHIBITED)
		return wrong(c, "NAT settings: ICMP code %u for refusals", c->conf->refusal);
	if (c->conf->quarantine_ms > NAT_MAX_QUARANTINE_MS)
		return wrong(c, "NAT settings: quarantine of %u ms, at most %u",
		             c->conf->quarantine_ms, (unsigned)NAT_MAX_QUARANTINE_MS);
	if (c->conf->start_waits > 1)
		return wrong(c, "NAT settings: start_waits is out of range");
	if (!is_percents(c->conf->mappings_high, c->conf->mappings_low))
		return wrong(c, "NAT settings: thresholds of %u and %u percent of the mappings",
		             c->conf->mappings_high, c->conf->mappings_low);
	if (!is_percents(c->conf->subscribers_high, c->conf->subscribers_low))
		return wrong(c, "NAT settings: thresholds of %u and %u percent of the subscribers",
		             c->conf->subscribers_high, c->conf->subscribers_low);
	if (c->conf->drain_ms > NAT_MAX_DRAIN_MS)
		return wrong(c, "NAT settings: a drain of %u ms, at most %u", c->conf->drain_ms,
		             (unsigned)NAT_MAX_DRAIN_MS);
	if (c->conf->quarantine_ms != 0 && c->plane->quarantine == 0)
		return wrong(c, "nat.quarantine is set, nat.capacity.quarantine is 0");
	if (c->conf->pcp_min_s > c->conf->pcp_max_s || c->conf->pcp_max_s > NAT_MAX_LEASE_S)
		return wrong(c, "NAT settings: leases of %u to %u s", c->conf->pcp_min_s,
		             c->conf->pcp_max_s);
	return 0;
}

static bool
is_name(const char name[IMAGE_NAME])
{
	return memchr(name, 0, IMAGE_NAME) != NULL;
}

static int
check_pool(const struct check *c, uint32_t i)
{
	const struct img_nat_pool *p = &c->pools[i];
	uint32_t size = p->block_size;
	if (!is_name(p->name))
		return wrong(c, "pool %u: name has no end", i);
	if (p->port_first == 0 || p->port_first > p->port_last)
		return wrong(c, "pool %u: ports %u to %u are no range", i, p->port_first,
		             p->port_last);
	if (size < NAT_MIN_BLOCK || (size & (size - 1)) != 0 ||
	    size > (uint32_t)p->port_last - p->port_first + 1)
		return wrong(c, "pool %u: block size %u is no power of two that fits", i, size);
	if (p->max_blocks == 0 || p->max_blocks > NAT_MAX_BLOCKS)
		return wrong(c, "pool %u: max_blocks %u, expected 1 to %u", i, p->max_blocks,
		             (unsigned)NAT_MAX_BLOCKS);
	if ((uint64_t)p->first_address + p->addresses > c->n_addresses)
		return wrong(c, "pool %u: its addresses are not in the image", i);
	if (c->plane->steer_split_blocks &&
	    (c->plane->steer_block_shift > 15 || size > 1u << c->plane->steer_block_shift))
		return wrong(c, "pool %u: blocks are larger than the unit that is divided", i);
	if (!is_percents(p->high, p->low))
		return wrong(c, "pool %u: thresholds of %u and %u percent", i, p->high, p->low);
	if ((p->flags & NAT_SINGLE) != 0 &&
	    (p->reserve != 0 || p->range_ports != 0 || p->max_blocks > NAT_MAX_SHARES))
		return wrong(c, "pool %u: ports one by one with a reserve of %u, ranges of %u or "
		             "%u addresses", i, p->reserve, p->range_ports, p->max_blocks);
	if (p->flags > NAT_POOL_FLAGS || p->reserve > p->max_blocks ||
	    p->reserve > NAT_MAX_RESERVE ||
	    (p->reserve != 0 && ((p->flags & NAT_PAIR_SOFT) != 0 || p->range_ports != 0)))
		return wrong(c, "pool %u: flags %u or a reserve of %u cannot be", i, p->flags,
		             p->reserve);
	return 0;
}

/* Excluded ports: within the pool's, ascending, apart. */
static int
check_holes(const struct check *c, uint32_t i)
{
	const struct img_nat_pool *p = &c->pools[i];
	uint32_t from = p->port_first;
	if ((uint64_t)p->first_hole + p->holes > c->n_holes || p->holes > NAT_MAX_HOLES)
		return wrong(c, "pool %u: its excluded ports are not in the image", i);
	for (uint32_t j = 0; j < p->holes; j++) {
		const struct img_nat_hole *h = &c->holes[p->first_hole + j];
		if (h->first < from || h->last < h->first || h->last > p->port_last)
			return wrong(c, "pool %u: excluded ports %u to %u are out of order", i,
			             h->first, h->last);
		from = h->last + 1u;
	}
	return 0;
}

static int
check_ranges(const struct check *c, uint32_t i)
{
	const struct img_nat_pool *p = &c->pools[i];
	const char *fault = p->inside_realm < IMG_MAX_REALMS ?
		det_check(p, c->insides, c->n_insides) : "inside addresses are in no realm";
	if (fault != NULL)
		return wrong(c, "pool %u: %s", i, fault);
	if (det_is(p) && (p->holes != 0 || c->plane->steer_split_blocks))
		return wrong(c, "pool %u: ranges where ports are left out or divided", i);
	return 0;
}

static int
check_address(const struct check *c, uint32_t i)
{
	const struct img_nat_address *a = &c->addresses[i];
	if (a->pool >= c->n_pools)
		return wrong(c, "pool address %u: pool %u does not exist", i, a->pool);
	const struct img_nat_pool *p = &c->pools[a->pool];
	if (i < p->first_address || i - p->first_address >= p->addresses)
		return wrong(c, "pool address %u: not among those of its pool", i);
	if (a->id >= c->plane->pool_addresses)
		return wrong(c, "pool address %u: id %u is beyond the capacity", i, a->id);
	if (c->plane->steer_class_bits > 9 || a->class >= 1u << c->plane->steer_class_bits)
		return wrong(c, "pool address %u: class %u does not exist", i, a->class);
	if (a->address == 0 || a->drain > 1)
		return wrong(c, "pool address %u: address or drain is out of range", i);
	return 0;
}

static bool
is_prefix(be32 address, uint8_t plen)
{
	return plen <= 32 &&
	       (plen == 32 || (__builtin_bswap32(address) & (0xffffffffu >> plen)) == 0);
}

static int
check_askers(const struct check *c)
{
	uint32_t n = c->n_conf != 0 ? c->conf->askers : 0;
	if (n > NAT_MAX_ASKERS || (n != 0 && c->plane->leases == 0))
		return wrong(c, "NAT settings: %u third parties, or nat.capacity.leases is 0", n);
	for (uint32_t i = 0; i < n; i++) {
		const struct img_nat_asker *a = &c->conf->asker[i];
		if (!is_prefix(a->source, a->plen))
			return wrong(c, "third party %u: source is no prefix", i);
		if (a->nic == 0 || a->nic >= c->n_nics)
			return wrong(c, "third party %u: interface %u does not exist", i, a->nic);
		if (a->realm >= IMG_MAX_REALMS)
			return wrong(c, "third party %u: realm %u does not exist", i, a->realm);
	}
	return 0;
}

static int
check_pass(const struct check *c, uint32_t i)
{
	const struct img_nat_rule *r = &c->rules[i];
	if (!is_prefix(r->destination, r->destination_plen))
		return wrong(c, "NAT rule %u: destination is no prefix", i);
	if (r->first > r->last)
		return wrong(c, "NAT rule %u: ports %u to %u are no range", i, r->first, r->last);
	if (r->inbound > 1)
		return wrong(c, "NAT rule %u: inbound is out of range", i);
	return 0;
}

/* No more pools of rules that stand apart than there may be. */
static int
check_lanes(const struct check *c)
{
	uint16_t pool[NAT_MAX_LANES];
	uint32_t n = 0, k;
	for (uint32_t i = 0; i < c->n_rules; i++) {
		const struct img_nat_rule *r = &c->rules[i];
		if (r->action != NAT_TRANSLATE || !r->apart)
			continue;
		for (k = 0; k < n && pool[k] != r->pool; k++)
			;
		if (k == NAT_MAX_LANES)
			return wrong(c, "NAT rule %u: more than %u pools stand apart", i, k);
		if (k == n)
			pool[n++] = r->pool;
	}
	return 0;
}

static int
check_rule(const struct check *c, uint32_t i)
{
	const struct img_nat_rule *r = &c->rules[i];
	if (!is_name(r->name))
		return wrong(c, "NAT rule %u: name has no end", i);
	if (!is_prefix(r->source, r->plen))
		return wrong(c, "NAT rule %u: source is no prefix", i);
	if (r->nic != 0 && r->nic >= c->n_nics)
		return wrong(c, "NAT rule %u: interface %u does not exist", i, r->nic);
	if (r->realm > IMG_MAX_REALMS)
		return wrong(c, "NAT rule %u: realm %u does not exist", i, r->realm - 1);
	if (r->filtering > NAT_FILTER_APDF)
		return wrong(c, "NAT rule %u: filtering is out of range", i);
	if (r->filtering == NAT_FILTER_ADF && c->plane->permissions == 0)
		return wrong(c, "NAT rule %u filters by address, nat.capacity.permissions is 0", i);
	if (r->log_sessions > 1 || r->other > NAT_OTHER_PAIR)
		return wrong(c, "NAT rule %u: log_sessions or other is out of range", i);
	if (r->timers >= c->n_timers)
		return wrong(c, "NAT rule %u: timers %u do not exist", i, r->timers);
	if (r->action > NAT_PASS)
		return wrong(c, "NAT rule %u: action %u does not exist", i, r->action);
	if (r->apart > (r->action == NAT_TRANSLATE))
		return wrong(c, "NAT rule %u: apart is out of range", i);
	if (r->action == NAT_PASS)
		return check_pass(c, i);
	if (!is_prefix(r->destination, r->destination_plen))
		return wrong(c, "NAT rule %u: destination is no prefix", i);
	if (r->pool >= c->n_pools)
		return wrong(c, "NAT rule %u: pool %u does not exist", i, r->pool);
	if (r->pcp > 1 || (r->pcp == 1 && c->plane->leases == 0))
		return wrong(c, "NAT rule %u: pcp is out of range, or nat.capacity.leases is 0", i);
	return 0;
}

static int
check_limits(const struct check *c, uint32_t i)
{
	const struct img_nat_rule *r = &c->rules[i];
	if (r->fallbacks > NAT_MAX_FALLBACKS)
		return wrong(c, "NAT rule %u: %u pools to fall back on", i, r->fallbacks);
	if (r->fallbacks != 0 &&
	    (r->pool >= c->n_pools || c->pools[r->pool].range_ports != 0))
		return wrong(c, "NAT rule %u: a deterministic pool has none to fall back on", i);
	for (uint32_t j = 0; j < r->fallbacks; j++)
		if (r->fallback[j] >= c->n_pools || c->pools[r->fallback[j]].range_ports != 0)
			return wrong(c, "NAT rule %u: pool %u does not exist, or is deterministic",
			             i, r->fallback[j]);
	if (r->high != 0 && r->low >= r->high)
		return wrong(c, "NAT rule %u: thresholds of %u and %u mappings", i, r->high,
		             r->low);
	if (r->limited != ((r->high | r->max_flows | r->flow_cost) != 0))
		return wrong(c, "NAT rule %u: limited is %u", i, r->limited);
	if (r->flow_cost != 0 && (r->flow_burst < r->flow_cost || r->flow_burst > 1u << 30))
		return wrong(c, "NAT rule %u: a burst of flows is out of range", i);
	return 0;
}

static int
check_ports(const struct check *c, uint32_t i)
{
	const struct img_nat_ports *p = &c->ports[i];
	if (p->first > p->last)
		return wrong(c, "NAT port timeout %u: %u to %u is no range", i, p->first, p->last);
	if (p->proto != 6 && p->proto != 17)
		return wrong(c, "NAT port timeout %u: protocol %u has no ports", i, p->proto);
	if (p->timers >= c->n_timers)
		return wrong(c, "NAT port timeout %u: timers %u do not exist", i, p->timers);
	return 0;
}

static int
check_route(const struct check *c, uint32_t i)
{
	const struct img_route *r = &c->routes[i];
	if (r->kind != ROUTE_POOL || (r->arg == IMG_NO_POOL && r->family == FAMILY_V4))
		return 0;
	if (r->family != FAMILY_V4 || r->plen != 32 || r->arg >= c->n_addresses ||
	    c->addresses[r->arg].address != r->prefix.w[0])
		return wrong(c, "route %u: does not lead to its pool address", i);
	return 0;
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

/* Are all n numbers different? Sorts them. */
static bool
is_unique(uint32_t *v, uint32_t n)
{
	qsort(v, n, sizeof(*v), compare);
	for (uint32_t i = 1; i < n; i++)
		if (v[i] == v[i - 1])
			return false;
	return true;
}

static int
check_unique(const struct check *c)
{
	int r = 0;
	/* tidy: once a generation, in the compiler and on the main lcore */
	uint32_t *v = calloc((size_t)c->n_addresses + 1, sizeof(*v));
	if (v == NULL)
		return wrong(c, "no memory to compare %u pool addresses", c->n_addresses);
	for (uint32_t i = 0; i < c->n_addresses; i++)
		v[i] = c->addresses[i].id;
	if (!is_unique(v, c->n_addresses))
		r = wrong(c, "two pool addresses have the same id");
	for (uint32_t i = 0; i < c->n_addresses; i++)
		v[i] = c->addresses[i].address;
	if (r == 0 && !is_unique(v, c->n_addresses))
		r = wrong(c, "a pool address occurs twice");
	/* tidy: as above, not on the packet path */
	free(v);
	return r;
}

static int
check_statics(const struct check *c, const struct image_header *h)
{
	uint32_t row;
	const char *fault = statics_check(h, c->n_nics, &row);
	return fault == NULL ? 0 : wrong(c, "static mapping %u: %s", row, fault);
}

static int
check_rows(const struct check *c)
{
	int r = 0;
	for (uint32_t i = 0; r == 0 && i < c->n_pools; i++)
		if ((r = check_pool(c, i)) == 0)
			r = check_holes(c, i);
	for (uint32_t i = 0; r == 0 && i < c->n_pools; i++)
		r = check_ranges(c, i);
	for (uint32_t i = 0; r == 0 && i < c->n_addresses; i++)
		r = check_address(c, i);
	for (uint32_t i = 0; r == 0 && i < c->n_rules; i++)
		if ((r = check_rule(c, i)) == 0)
			r = check_limits(c, i);
	if (r == 0)
		r = check_lanes(c);
	if (r == 0)
		r = check_askers(c);
	for (uint32_t i = 0; r == 0 && i < c->n_ports; i++)
		r = check_ports(c, i);
	for (uint32_t i = 0; r == 0 && i < c->n_routes; i++)
		r = check_route(c, i);
	return r;
}

int
nat_image_check(const struct image_header *h, char *err, size_t err_size)
{
	struct check c = {.err = err, .err_size = err_size};
	int r = check_sizes(&c, h);
	if (r != 0)
		return r;
	load(&c, h);
	r = check_counts(&c);
	if (r == 0)
		r = check_conf(&c);
	if (r == 0)
		r = check_rows(&c);
	if (r == 0)
		r = check_statics(&c, h);
	return r == 0 ? check_unique(&c) : r;
}
