/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints moved by intervals: a binary search on either side; and the check of their rows. */
#include "nat/static.h"

struct statics
statics_of(const struct image_header *h)
{
	uint32_t n_out;
	struct statics s = {0};
	s.row = image_rows(h, IMG_NAT_STATICS, &s.n);
	s.out = image_rows(h, IMG_NAT_STATICS_OUT, &n_out);
	return s;
}

const struct img_nat_static *
static_out(const struct statics *s, uint64_t inside, uint64_t *outside)
{
	uint32_t low = 0, high = s->n;
	while (low < high) { /* the first that begins behind it */
		uint32_t mid = (low + high) / 2;
		if (s->row[mid].inside_first <= inside)
			low = mid + 1;
		else
			high = mid;
	}
	const struct img_nat_static *r = low != 0 ? &s->row[low - 1] : NULL;
	if (r == NULL || inside > r->inside_last)
		return NULL;
	*outside = r->outside_first + (inside - r->inside_first);
	return r;
}

/* The last row that begins at an outside endpoint or before it, or NULL. */
static const struct img_nat_static *
last_before(const struct statics *s, uint64_t outside)
{
	uint32_t low = 0, high = s->n;
	while (low < high) {
		uint32_t mid = (low + high) / 2;
		if (s->row[s->out[mid]].outside_first <= outside)
			low = mid + 1;
		else
			high = mid;
	}
	return low != 0 ? &s->row[s->out[low - 1]] : NULL;
}

const struct img_nat_static *
static_in(const struct statics *s, uint64_t outside, uint64_t *inside)
{
	const struct img_nat_static *r = last_before(s, outside);
	if (r == NULL || outside > static_outside_last(r))
		return NULL;
	*inside = r->inside_first + (outside - r->outside_first);
	return r;
}

bool
statics_hold(const struct statics *s, be32 address, uint16_t first, uint16_t last)
{
	static const uint8_t protos[] = {1, 6, 17};
	if (s->n == 0)
		return false;
	for (unsigned i = 0; i < sizeof(protos); i++) {
		uint64_t from = static_key(0, address, protos[i], htobe16(first));
		const struct img_nat_static *r = last_before(s, from + (last - first));
		if (r != NULL && static_outside_last(r) >= from)
			return true;
	}
	return false;
}

#define ADDRESS_END (((uint64_t)1 << STATIC_ADDRESS_SHIFT) - 1)

/* Whole addresses, or ports of one protocol of one address. */
static bool
is_form(uint64_t first, uint64_t last)
{
	bool whole = (first & ADDRESS_END) == 0 && (last & ADDRESS_END) == ADDRESS_END;
	return whole || first >> STATIC_PORT_BITS == last >> STATIC_PORT_BITS;
}

static const char *
row_fault(const struct img_nat_static *r, uint32_t n_nics)
{
	uint64_t size = r->inside_last - r->inside_first;
	if (r->inside_first > r->inside_last || r->outside_first > UINT64_MAX - size)
		return "is no interval";
	if (static_realm(r->inside_first) != static_realm(r->inside_last) ||
	    static_realm(static_outside_last(r)) != 0)
		return "reaches into another realm";
	if (!is_form(r->inside_first, r->inside_last) ||
	    !is_form(r->outside_first, static_outside_last(r)) ||
	    static_proto(r->inside_first) != static_proto(r->outside_first))
		return "is neither of whole addresses nor of ports of one protocol";
	if (static_address(r->inside_first) == 0 || static_address(r->outside_first) == 0)
		return "has address 0";
	if ((r->nic != 0 && r->nic >= n_nics) || r->inbound > 1)
		return "interface or switch is out of range";
	return NULL;
}

const char *
statics_check(const struct image_header *h, uint32_t n_nics, uint32_t *row)
{
	uint32_t n, n_out;
	const struct img_nat_static *r = image_rows(h, IMG_NAT_STATICS, &n);
	const uint32_t *out = image_rows(h, IMG_NAT_STATICS_OUT, &n_out);
	*row = n;
	if (n != n_out || n > NAT_MAX_STATICS)
		return "are too many, or not as many by either side";
	for (*row = 0; *row < n; ++*row) {
		const char *fault = row_fault(&r[*row], n_nics);
		if (fault != NULL)
			return fault;
		if (*row != 0 && r[*row - 1].inside_last >= r[*row].inside_first)
			return "overlaps the one before it inside";
	}
	for (*row = 0; *row < n; ++*row) {
		if (out[*row] >= n)
			return "does not exist, outside";
		if (*row != 0 && static_outside_last(&r[out[*row - 1]]) >=
		                 r[out[*row]].outside_first)
			return "overlaps the one before it outside";
	}
	return NULL;
}
