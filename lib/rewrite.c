/* SPDX-License-Identifier: Apache-2.0 */
/* Rewriting off the hit path: addresses, and what other transports sum of them. */
#include "rewrite.h"

/* What sums its addresses, with the checksum where UDP has it (RFC 3828, RFC 4340 section 5.1). */
enum { PROTO_DCCP = 33, PROTO_UDPLITE = 136, OTHER_CSUM = 6 };

void
rewrite_other4(const struct pkt *p, const struct tuple4 *other)
{
	uint64_t diff = rewrite_addresses4(pkt_ip4(p), other->dst, other->src, p->loops == 0);
	uint8_t *csum = p->l3 + p->l4 + OTHER_CSUM;
	if (p->l3_len < p->l4 + OTHER_CSUM + 2)
		return;
	if (p->proto == PROTO_UDPLITE)
		store16(csum, csum_apply_udp(load16(csum), diff));
	else if (p->proto == PROTO_DCCP)
		store16(csum, csum_apply(load16(csum), diff));
}

void
rewrite_addresses(const struct pkt *p, const struct tuple *to)
{
	if (p->family == FAMILY_V4)
		rewrite_addresses4(pkt_ip4(p), to->src.w[0], to->dst.w[0], p->loops == 0);
	else
		rewrite_addresses6(pkt_ip6(p), &to->src, &to->dst, p->loops == 0);
}

void
rewrite_length(uint8_t *l3, uint8_t family, uint32_t length)
{
	be16 size = htobe16((uint16_t)length);
	if (family == FAMILY_V6) {
		((struct ip6 *)l3)->payload = size;
		return;
	}
	struct ip4 *h = (struct ip4 *)l3;
	h->csum = csum_apply(h->csum, csum_diff16(h->total, size));
	h->total = size;
}

void
rewrite_size(struct pkt *p, uint32_t l3_len)
{
	p->l3_len = (uint16_t)l3_len;
	p->m->data_len = (uint16_t)(p->l3 - buf_data(p->m) + l3_len);
	p->m->pkt_len = p->m->data_len;
	rewrite_length(p->l3, p->family, p->family == FAMILY_V6 ? l3_len - IP6_LEN : l3_len);
}
