/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Option THIRD_PARTY: who is listed asks for subscribers. What he asks for is judged as if the
 * subscriber had: his rule, his blocks, his limits, his worker.
 */
#include "nat/pcp_request.h"

const struct img_nat_asker *
pcp_asker(const struct nat_rules *r, const struct miss *m)
{
	for (uint32_t i = 0; i < r->conf.askers; i++) {
		const struct img_nat_asker *a = &r->conf.asker[i];
		if (a->nic == m->nic && m->tuple.family == FAMILY_V4 &&
		    (m->tuple.src.w[0] & lease_mask(a->plen)) == a->source)
			return a;
	}
	return NULL;
}

bool
pcp_third_find(const uint8_t *data, uint32_t size, be32 *address)
{
	bool is_peer = size > AT_OPCODE && data[AT_OPCODE] == OP_PEER;
	uint32_t at = PCP_HEADER + (is_peer ? PCP_PEER : PCP_MAP), step;
	for (; at < size && size % 4 == 0; at += step) {
		step = pcp_option_size(data + at, size - at);
		if (step == 0)
			return false;
		if (data[at] == THIRD_PARTY && step == THIRD_PARTY_SIZE)
			return pcp_address_get(data + at + OPTION_HEADER, address);
	}
	return false;
}

struct miss
pcp_third(const struct miss *m, const struct img_nat_asker *a, be32 address)
{
	struct miss of = *m;
	of.tuple.src = addr_from_v4(address);
	of.tuple.realm = a->realm;
	of.back = route_find(m->gen, a->realm, &of.tuple.src, FAMILY_V4);
	of.nic = route_nic(of.back); /* none: then no rule is his */
	memset(of.hint, 0, sizeof(of.hint));
	return of;
}

uint32_t
pcp_third_write(uint8_t *o, be32 address)
{
	memset(o, 0, OPTION_HEADER);
	o[0] = THIRD_PARTY;
	o[3] = THIRD_PARTY_SIZE - OPTION_HEADER;
	pcp_address_put(o + OPTION_HEADER, address);
	return THIRD_PARTY_SIZE;
}

enum pcp_result
pcp_third_party(struct pcp_request *q, const uint8_t *o)
{
	be32 address;
	if (q->asker == NULL)
		return PCP_UNSUPP_OPTION;
	if (q->data[AT_OPCODE] == OP_ANNOUNCE || q->is_third ||
	    be16toh(load16(o + 2)) != THIRD_PARTY_SIZE - OPTION_HEADER)
		return PCP_MALFORMED_OPTION;
	if (!pcp_address_get(o + OPTION_HEADER, &address))
		return PCP_NOT_AUTHORIZED; /* of IPv6: nobody whom we translate */
	if (address == q->m->tuple.src.w[0])
		return PCP_MALFORMED_REQUEST;
	q->is_third = true;
	q->third = pcp_third(q->m, q->asker, address);
	return PCP_SUCCESS;
}
