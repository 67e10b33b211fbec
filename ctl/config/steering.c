/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Into how many classes (2^k) addresses are divided: so that every pool, and every list of local
 * addresses, has one in every class. Fixed while millrace runs, so the previous number is kept as
 * long as it holds. Fewer classes than workers: addresses are shared and port blocks divided.
 */
#include <stdio.h>

#include "lib/steer.h"
#include "model.h"

enum { DEFAULT_SHIFT = 9 };

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

/* split_pools: divided blocks must be of one size, and each worker must have one. */
static void
split_pools(struct model *m)
{
	struct config_path path;
	const struct img_nat_pool *first = m->pools.n == 0 ? NULL : rows_at(&m->pools, 0);
	m->plane.steer_block_shift = DEFAULT_SHIFT;
	if (first != NULL && first->block_size != 0)
		m->plane.steer_block_shift = (uint8_t)__builtin_ctz(first->block_size);
	for (size_t i = 0; i < m->pools.n; i++) {
		const struct img_nat_pool *p = rows_at(&m->pools, i);
		unsigned blocks = (p->port_last + 1u - p->port_first) / p->block_size;
		path_make(&path, "nat.pools[%zu].block_size", i);
		if (p->block_size != first->block_size)
			config_error_add(m->errs, path.text, "is %u, that of nat.pools[0] is %u; "
			                 "expected one size, since addresses are too few for %u "
			                 "workers and blocks are divided among them", p->block_size,
			                 first->block_size, m->plane.workers);
		else if (blocks < m->plane.workers)
			config_error_add(m->errs, path.text, "makes %u blocks of the ports; "
			                 "expected one for each of %u workers at least", blocks,
			                 m->plane.workers);
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
	unsigned bits = locals_bits(m, pools_bits(m, classes_wanted(m)));
	if (n == 1 && old->steer_class_bits < bits)
		bits = old->steer_class_bits;
	m->plane.steer_class_bits = (uint8_t)bits;
	m->plane.steer_split_blocks = (1u << bits) < m->plane.workers;
	if (m->plane.steer_split_blocks && m->errs->n == 0) {
		split_pools(m);
		split_locals(m);
	}
	steering_classes(m);
}
