/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of ports by arithmetic. */
#include "nat/deterministic.h"

#include <endian.h>

/* The number of an inside address. => UINT32_MAX: it is none of the pool's. */
static uint32_t
number_of(const struct img_nat_pool *pool, const struct img_nat_inside *inside, uint32_t host)
{
	for (uint32_t i = 0; i < pool->insides; i++) {
		const struct img_nat_inside *in = &inside[pool->first_inside + i];
		if (in->first <= host && host <= in->last)
			return in->before + (host - in->first);
	}
	return UINT32_MAX;
}

bool
det_forward(const struct img_nat_pool *pool, const struct img_nat_inside *inside, uint8_t realm,
            be32 address, struct det_range *out)
{
	if (!det_is(pool) || realm != pool->inside_realm)
		return false;
	uint32_t number = number_of(pool, inside, be32toh(address));
	if (number == UINT32_MAX)
		return false;
	uint32_t row = number / pool->range_hosts, place = number % pool->range_hosts;
	out->row = pool->first_address + row;
	out->first = pool->port_first + place * pool->range_ports;
	out->last = out->first + pool->range_ports - 1;
	return true;
}

bool
det_reverse(const struct img_nat_pool *pool, const struct img_nat_inside *inside, uint32_t row,
            uint16_t port, be32 *address)
{
	if (!det_is(pool) || port < pool->port_first || port >= det_dynamic(pool) ||
	    row < pool->first_address || row - pool->first_address >= pool->addresses)
		return false;
	uint32_t place = (port - (uint32_t)pool->port_first) / pool->range_ports;
	uint32_t number = (row - pool->first_address) * pool->range_hosts + place;
	for (uint32_t i = 0; i < pool->insides; i++) {
		const struct img_nat_inside *in = &inside[pool->first_inside + i];
		if (number < in->before || number - in->before > in->last - in->first)
			continue;
		*address = htobe32(in->first + (number - in->before));
		return true;
	}
	return false;
}

/* The rows of inside addresses: numbered without a gap, no address twice. */
static const char *
insides_fault(const struct img_nat_pool *pool, const struct img_nat_inside *inside)
{
	uint64_t before = 0;
	for (uint32_t i = 0; i < pool->insides; i++) {
		const struct img_nat_inside *in = &inside[pool->first_inside + i];
		if (in->first > in->last || in->before != before)
			return "inside addresses are not numbered";
		before += (uint64_t)in->last - in->first + 1;
		for (uint32_t j = 0; j < i; j++)
			if (inside[pool->first_inside + j].first <= in->last &&
			    in->first <= inside[pool->first_inside + j].last)
				return "an inside address has two ranges";
		if (before > (uint64_t)pool->range_hosts * pool->addresses)
			return "more inside addresses than ranges";
	}
	return NULL;
}

const char *
det_check(const struct img_nat_pool *pool, const struct img_nat_inside *inside, uint32_t n_inside)
{
	if (!det_is(pool))
		return pool->insides == 0 && pool->range_hosts == 0 ? NULL : "ranges of no ports";
	if (pool->insides == 0 || pool->insides > NAT_MAX_INSIDES ||
	    (uint64_t)pool->first_inside + pool->insides > n_inside)
		return "inside addresses are not in the image";
	if (pool->range_ports % NAT_MIN_BLOCK != 0 || pool->range_ports > NAT_MAX_RANGE ||
	    pool->port_first % NAT_MIN_BLOCK != 0)
		return "ranges are not of whole granules";
	if (pool->range_hosts == 0 || det_dynamic(pool) > pool->port_last + 1u)
		return "ranges do not fit into the ports";
	return insides_fault(pool, inside);
}
