/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Into how many classes (2^k) addresses are divided: so that every pool, and every list of local
 * addresses, has one in every class. Fixed while millrace runs, so the previous number is kept as
 * long as it holds. Fewer classes than workers: addresses are shared and port blocks divided.
 */
#include <stdio.h>

#include "lib/steer.h"
#include "model.h"
#include "nat/deterministic.h"

enum { DEFAULT_SHIFT = 9, LARGEST_SHIFT = 12, SHARES_EACH = 16 };

/* The buckets that a set of addresses occupies. */
struct cover {
	uint8_t bucket[STEER_RETA];
};

static unsigned
cover_bits(const struct cover *c, unsigned most)
{
	for (unsigned k = most; k > 0; k--) {
		bool seen[STEER_RETA] = {false};
		unsigned classes = 0;
		for (unsigned b = 0; b < STEER_RETA; b++) {
			unsigned class = b >> (STEER_RETA_BITS - k);
			classes += c->bucket[b] && !seen[class];
			seen[class] |= c->bucket[b];
		}
		if (classes == 1u << k)
			return k;
	}
	return 0;
}

static unsigned
pools_bits(const struct model *m, unsigned most)
{
	for (size_t i = 0; i < m->pools.n; i++) {
		const struct img_nat_pool *p = rows_at(&m->pools, i);
		struct cover c = {{0}};
		for (uint32_t n = 0; n < p->addresses; n++) {
			const struct img_nat_address *a = rows_at(&m->pool_addresses,
			                                          p->first_address + n);
			union addr address = addr_from_v4(a->address);
			c.bucket[steer_bucket(&address, FAMILY_V4)] = 1;
		}
		most = cover_bits(&c, most);
	}
	return most;
}

static unsigned
locals_bits(const struct model *m, unsigned most)
{
	for (size_t i = 0; i < m->services.n; i++) {
		const struct img_lb_service *s = rows_at(&m->services, i);
		struct cover c = {{0}};
		for (uint32_t n = 0; n < s->locals; n++) {
			const struct img_lb_local *l = rows_at(&m->locals, s->first_local + n);
			c.bucket[steer_bucket(&l->address, l->family)] = 1;
		}
		if (s->locals != 0)
			most = cover_bits(&c, most);
	}
	return most;
}

static unsigned
classes_wanted(const struct model *m)
{
	int64_t classes = get_int(model_get(m, "nat", "capacity"), "classes");
	return (unsigned)__builtin_ctzll((unsigned long long)classes);
}

static bool
range_suffices(const struct model *m, unsigned first, unsigned last, unsigned shift)
{
	return (last >> shift) - (first >> shift) + 1 >= SHARES_EACH * (unsigned)m->plane.workers;
}

/* Would every worker have enough shares of this size everywhere to come out even? */
static bool
shares_suffice(const struct model *m, unsigned shift)
{
	for (size_t i = 0; i < m->pools.n; i++) {
		const struct img_nat_pool *p = rows_at(&m->pools, i);
		if (!range_suffices(m, p->port_first, p->port_last, shift))
			return false;
	}
	for (size_t i = 0; i < m->locals.n; i++) {
		const struct img_lb_local *l = rows_at(&m->locals, i);
		if (!range_suffices(m, l->port_first, l->port_last, shift))
			return false;
	}
	return true;
}

/*
 * split_shift: blocks of the greatest size lie within a share; where there are many of them shares
 * are larger, since a NIC needs a rule for each.
 */
static uint8_t
split_shift(const struct model *m, const struct img_plane *old)
{
	unsigned shift = m->pools.n == 0 ? DEFAULT_SHIFT : 0;
	for (size_t i = 0; i < m->pools.n; i++) {
		const struct img_nat_pool *p = rows_at(&m->pools, i);
		unsigned wanted = (unsigned)__builtin_ctz(p->block_size);
		shift = wanted > shift ? wanted : shift;
	}
	if (old != NULL && old->steer_split_blocks && old->steer_block_shift >= shift)
		return old->steer_block_shift;
	while (shift < LARGEST_SHIFT && shares_suffice(m, shift + 1))
		shift++;
	return (uint8_t)shift;
}

/* split_pools: each worker must have a share of the ports. */
static void
split_pools(struct model *m)
{
	struct config_path path;
	unsigned shift = m->plane.steer_block_shift;
	for (size_t i = 0; i < m->pools.n; i++) {
		const struct img_nat_pool *p = rows_at(&m->pools, i);
		unsigned shares = (p->port_last >> shift) - (p->port_first >> shift) + 1u;
		path_make(&path, "nat.pools[%zu].deterministic", i);
		if (det_is(p))
			config_error_add(m->errs, path.text, "needs addresses that belong to one "
			                 "worker each, but pools have them in %u classes and there "
			                 "are %u workers; expected more addresses in each pool, or "
			                 "one worker", 1u << m->plane.steer_class_bits,
			                 m->plane.workers);
		path_make(&path, "nat.pools[%zu].ports", i);
		if (shares < m->plane.workers)
			config_error_add(m->errs, path.text, "%u-%u gives %u shares of %u ports, "
			                 "the greatest block_size; expected one for each of %u "
			                 "workers at least, since addresses are too few to give "
			                 "each worker its own", p->port_first, p->port_last, shares,
			                 1u << shift, m->plane.workers);
	}
}

static void
split_locals(struct model *m)
{
	unsigned shift = m->plane.steer_block_shift;
	for (size_t i = 0; i < m->locals.n; i++) {
		const struct img_lb_local *l = rows_at(&m->locals, i);
		char text[ADDR_TEXT];
		unsigned blocks = (l->port_last >> shift) - (l->port_first >> shift) + 1u;
		if (blocks < m->plane.workers)
			config_error_add(m->errs, "lb.services", "local_ports of %s reach into %u "
			                 "blocks of %u ports; expected one for each of %u workers "
			                 "at least", addr_put(text, &l->address, l->family), blocks,
			                 1u << shift, m->plane.workers);
	}
}

static void
steering_classes(struct model *m)
{
	struct steer s = {.class_bits = m->plane.steer_class_bits};
	for (size_t i = 0; i < m->pool_addresses.n; i++) {
		struct img_nat_address *a = rows_at(&m->pool_addresses, i);
		union addr address = addr_from_v4(a->address);
		a->class = steer_class(&s, &address, FAMILY_V4);
	}
	for (size_t i = 0; i < m->locals.n; i++) {
		struct img_lb_local *l = rows_at(&m->locals, i);
		l->class = steer_class(&s, &l->address, l->family);
	}
}

void
model_steering(struct model *m)
{
	uint32_t n = 0;
	const struct img_plane *old = m->previous == NULL ? NULL
		: image_rows(m->previous, IMG_PLANE, &n);
	old = n == 1 ? old : NULL;
	unsigned bits = locals_bits(m, pools_bits(m, classes_wanted(m)));
	if (old != NULL && old->steer_class_bits < bits)
		bits = old->steer_class_bits;
	m->plane.steer_class_bits = (uint8_t)bits;
	m->plane.steer_split_blocks = (1u << bits) < m->plane.workers;
	if (m->plane.steer_split_blocks && m->errs->n == 0 && m->pruned == NULL) {
		m->plane.steer_block_shift = split_shift(m, old);
		split_pools(m);
		split_locals(m);
	}
	steering_classes(m);
}
