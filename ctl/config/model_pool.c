/* SPDX-License-Identifier: Apache-2.0 */
/* What a pool gives: its addresses and ports without those that are left out. */
#include <stdlib.h>

#include "model.h"
#include "model_pcp.h"
#include "model_pool.h"
#include "option.h"

void
pool_cut_read(struct pool_cut *cut, const json_t *pool)
{
	const json_t *list = json_object_get(pool, "exclude");
	cut->n = 0;
	cut->ends = json_is_true(json_object_get(pool, "exclude_ends"));
	for (size_t i = 0; i < json_array_size(list) && cut->n < POOL_MAX_CUTS; i++) {
		struct pool_run *r = &cut->run[cut->n++];
		range4_parse(json_string_value(json_array_get(list, i)), &r->first, &r->last);
	}
}

/* entry_read: an entry of `addresses`, without the ends of a prefix where they are left out. */
static struct pool_run
entry_read(const struct pool_cut *cut, const char *text)
{
	enum { HAS_ENDS = 4 }; /* addresses of the least prefix that has any between its ends */
	struct pool_run r;
	range4_parse(text, &r.first, &r.last);
	if (cut->ends && strchr(text, '/') != NULL && r.last - r.first + 1 >= HAS_ENDS) {
		r.first++;
		r.last--;
	}
	return r;
}

/* run_next: the first addresses of all after *run, which begins as zeros, that are not cut. */
static bool
run_next(const struct pool_cut *cut, struct pool_run all, struct pool_run *run)
{
	uint64_t at = run->last == 0 ? all.first : run->last + 1ull;
	for (unsigned i = 0; i < cut->n;) {
		bool inside = cut->run[i].first <= at && at <= cut->run[i].last;
		if (inside)
			at = cut->run[i].last + 1ull;
		i = inside ? 0 : i + 1; /* from the first on again: they are in no order */
	}
	if (at > all.last)
		return false;
	*run = (struct pool_run){(uint32_t)at, all.last};
	for (unsigned i = 0; i < cut->n; i++)
		if (cut->run[i].first > at && cut->run[i].first <= run->last)
			run->last = cut->run[i].first - 1;
	return true;
}

bool
pool_run_next(const struct pool_cut *cut, const char *entry, struct pool_run *run)
{
	return run_next(cut, entry_read(cut, entry), run);
}

uint64_t
pool_cut_count(const struct pool_cut *cut, uint32_t first, uint32_t last)
{
	uint64_t n = (uint64_t)last - first + 1;
	struct pool_run run = {0};
	while (run_next(cut, (struct pool_run){first, last}, &run))
		n -= (uint64_t)run.last - run.first + 1;
	return n;
}

static int
hole_compare(const void *x, const void *y)
{
	const struct img_nat_hole *a = x, *b = y;
	return (a->first > b->first) - (a->first < b->first);
}

/* As far as it is in the pool's range. => 1, or 0: it is not. */
static unsigned
hole_cut(const struct img_nat_pool *p, struct img_nat_hole *h)
{
	if (h->first < p->port_first)
		h->first = p->port_first;
	if (h->last > p->port_last)
		h->last = p->port_last;
	return h->first <= h->last;
}

/*
 * holes_read: those of the list, and where ports are given on request those of the protocol that
 * asks for them (RFC 6887, 11.3). => how many.
 */
static unsigned
holes_read(const struct model *m, const json_t *list, const struct img_nat_pool *p,
           struct img_nat_hole hole[NAT_MAX_HOLES])
{
	enum { PCP_CLIENT = 5350, PCP_SERVER = 5351 };
	unsigned n = 0;
	for (size_t i = 0; i < json_array_size(list) && n < NAT_MAX_HOLES - 1; i++) {
		ports_parse(json_string_value(json_array_get(list, i)), &hole[n].first,
		            &hole[n].last);
		n += hole_cut(p, &hole[n]);
	}
	if (pcp_is_wanted(m)) {
		hole[n] = (struct img_nat_hole){PCP_CLIENT, PCP_SERVER};
		n += hole_cut(p, &hole[n]);
	}
	qsort(hole, n, sizeof(hole[0]), hole_compare);
	return n;
}

/* Is a port of the pool left? holes: ascending and apart. */
static bool
ports_left(const struct model *m, const struct img_nat_pool *p)
{
	uint32_t n = p->port_last - p->port_first + 1u;
	for (uint32_t i = 0; i < p->holes; i++) {
		const struct img_nat_hole *h = rows_at(&m->holes, p->first_hole + i);
		n -= h->last - h->first + 1u;
	}
	return n != 0;
}

void
pool_holes(struct model *m, const json_t *pool, size_t i, struct img_nat_pool *p)
{
	struct img_nat_hole hole[NAT_MAX_HOLES], *last = NULL;
	struct config_path path;
	unsigned n = holes_read(m, json_object_get(pool, "exclude_ports"), p, hole);
	p->first_hole = (uint32_t)m->holes.n;
	for (unsigned j = 0; j < n; j++) {
		if (last != NULL && hole[j].first <= last->last + 1u) {
			if (hole[j].last > last->last)
				last->last = hole[j].last;
			continue;
		}
		if ((last = rows_add(m, &m->holes)) == NULL)
			return;
		*last = hole[j];
	}
	p->holes = (uint32_t)m->holes.n - p->first_hole;
	path_make(&path, "nat.pools[%zu].exclude_ports", i);
	if (p->port_first <= p->port_last && !ports_left(m, p))
		config_error_add(m->errs, path.text, "leaves no port of the pool; expected one at "
		                 "least");
}
