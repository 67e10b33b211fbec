/* SPDX-License-Identifier: Apache-2.0 */
/* Options of requests: for whom, whom a mapping lets in, and that another port is none. */
#include "nat/pcp_request.h"

/* An option FILTER: a prefix of 128 bits, of which an IPv4 one has the last 32. */
enum { FILTER_SIZE = OPTION_HEADER + 20, AT_BITS = 5, AT_FILTER_PORT = 6, AT_PREFIX = 8,
       MAPPED_BITS = 96, ALL_BITS = 128 };

void
pcp_address_put(uint8_t *at, be32 address)
{
	memset(at, 0, 10);
	memset(at + 10, 0xff, 2);
	store32(at + 12, address);
}

bool
pcp_address_get(const uint8_t *at, be32 *address)
{
	static const uint8_t mapped[12] = {[10] = 0xff, 0xff};
	*address = load32(at + 12);
	return memcmp(at, mapped, sizeof(mapped)) == 0;
}

uint32_t
pcp_option_size(const uint8_t *o, uint32_t room)
{
	uint32_t size = (OPTION_HEADER + be16toh(load16(o + 2)) + 3u) & ~3u;
	return size <= room ? size : 0;
}

/* Of a port that is suggested, and not where one is given up. PEER has it by itself (12.1). */
static enum pcp_result
prefer_failure(struct pcp_request *q, uint32_t length)
{
	if (q->data[AT_OPCODE] == OP_PEER)
		return PCP_MALFORMED_REQUEST;
	if (q->prefers_failure || length != 0 || load16(q->data + AT_PORT) == 0 ||
	    load32(q->data + AT_LIFETIME) == 0)
		return PCP_MALFORMED_OPTION;
	q->prefers_failure = true;
	return PCP_SUCCESS;
}

/* Bits 0: all filters before it go, with those of the mapping. */
static enum pcp_result
filter(struct pcp_request *q, const uint8_t *o, uint32_t length)
{
	struct lease_remote r = {.port = load16(o + AT_FILTER_PORT)};
	if (q->data[AT_OPCODE] != OP_MAP || length != FILTER_SIZE - OPTION_HEADER ||
	    load32(q->data + AT_LIFETIME) == 0)
		return PCP_MALFORMED_OPTION;
	if (o[AT_BITS] == 0) {
		q->n_filters = 0;
		q->filters_anew = true;
		q->has_excess = false;
		return PCP_SUCCESS;
	}
	if (!pcp_address_get(o + AT_PREFIX, &r.address) || o[AT_BITS] < MAPPED_BITS ||
	    o[AT_BITS] > ALL_BITS)
		return PCP_MALFORMED_OPTION;
	r.bits = o[AT_BITS] - MAPPED_BITS;
	r.address &= lease_mask(r.bits);
	if (q->n_filters < LEASE_FILTERS)
		q->filters[q->n_filters++] = r;
	else
		q->has_excess = true;
	return PCP_SUCCESS;
}

uint32_t
pcp_filter_write(uint8_t *o, const struct lease_remote *r)
{
	memset(o, 0, FILTER_SIZE);
	o[0] = FILTER;
	o[3] = FILTER_SIZE - OPTION_HEADER;
	o[AT_BITS] = (uint8_t)(r->bits + MAPPED_BITS);
	store16(o + AT_FILTER_PORT, r->port);
	pcp_address_put(o + AT_PREFIX, r->address);
	return FILTER_SIZE;
}

/* Does each end where there is another, or the message? */
static bool
are_whole(const struct pcp_request *q, uint32_t at)
{
	uint32_t size;
	for (; at < q->size; at += size)
		if ((size = pcp_option_size(q->data + at, q->size - at)) == 0)
			return false;
	return true;
}

static enum pcp_result
take(struct pcp_request *q, const uint8_t *o)
{
	uint32_t length = be16toh(load16(o + 2));
	if (o[0] >= OPTIONAL)
		return PCP_SUCCESS;
	if (o[0] == THIRD_PARTY)
		return pcp_third_party(q, o);
	if (o[0] != PREFER_FAILURE && o[0] != FILTER)
		return PCP_UNSUPP_OPTION;
	if (q->data[AT_OPCODE] == OP_ANNOUNCE)
		return PCP_MALFORMED_OPTION;
	return o[0] == FILTER ? filter(q, o, length) : prefer_failure(q, length);
}

enum pcp_result
pcp_options(struct pcp_request *q, uint32_t at)
{
	enum pcp_result r = PCP_SUCCESS;
	if (!are_whole(q, at))
		return PCP_MALFORMED_OPTION;
	for (; at < q->size && r == PCP_SUCCESS; at += pcp_option_size(q->data + at, q->size - at))
		r = take(q, q->data + at);
	if (q->is_third)
		q->m = &q->third;
	return r == PCP_SUCCESS && q->has_excess ? PCP_EXCESSIVE_REMOTE_PEERS : r;
}

uint32_t
pcp_options_keep(const struct pcp_request *q, uint32_t at)
{
	uint32_t end = at, size;
	for (; at < q->size; at += size) {
		uint8_t *o = q->data + at;
		size = pcp_option_size(o, q->size - at);
		assert(size != 0 && "it was read before");
		if (o[0] >= OPTIONAL)
			continue;
		o[1] = 0;
		if (o[0] == FILTER)
			o[OPTION_HEADER] = 0; /* reserved too */
		memmove(q->data + end, o, size);
		end += size;
	}
	return end;
}
