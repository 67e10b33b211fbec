/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What a filter asks of a mapping, a block, a subscriber, a pool address or a log
 *            record: the same for listings, counts, cuts and the log. No DPDK header here.
 * Invariant  What a thing does not have (facts of zero) is not asked of it: a block has no
 *            protocol, so a filter by protocol takes blocks of all.
 * See        lib/command.h for the filter; ctl/api/nat_filter.h for its text.
 */
#ifndef MR_NAT_NAT_FILTER_H
#define MR_NAT_NAT_FILTER_H

#include "lib/command.h"

struct nat_facts {
	be32 inside, external;            /* 0: none */
	uint16_t inside_port;             /* host order; 0: none */
	uint16_t port_first, port_last;   /* external; port_last 0: none */
	uint16_t pool;
	uint8_t proto;                    /* 0: none */
	uint8_t realm, worker;
};

static inline bool
nat_ranges_meet(uint16_t first, uint16_t last, uint16_t from, uint16_t to)
{
	return last == 0 || to == 0 || (from <= last && to >= first);
}

/* nat_filter_is_all: does it want everything? */
static inline bool
nat_filter_is_all(const struct cmd_nat_filter *f)
{
	return (f->inside_mask | f->external_mask | f->inside_last | f->port_last | f->pool |
	        f->realm | f->worker | f->proto) == 0;
}

static inline bool
nat_filter_wants(const struct cmd_nat_filter *f, const struct nat_facts *x)
{
	return ((x->inside ^ f->inside) & f->inside_mask) == 0 &&
	       (x->external == 0 || ((x->external ^ f->external) & f->external_mask) == 0) &&
	       nat_ranges_meet(f->inside_first, f->inside_last, x->inside_port, x->inside_port) &&
	       nat_ranges_meet(f->port_first, f->port_last, x->port_first, x->port_last) &&
	       (f->pool == 0 || f->pool == x->pool + 1u) &&
	       (f->realm == 0 || f->realm == x->realm + 1u) &&
	       (f->worker == 0 || f->worker == x->worker + 1u) &&
	       (f->proto == 0 || x->proto == 0 || f->proto == x->proto);
}

#endif
