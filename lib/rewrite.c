/* SPDX-License-Identifier: Apache-2.0 */
/* Rewriting off the hit path: either family, tuples in the long form. */
#include "rewrite.h"

void
rewrite_pkt(const struct pkt *p, const struct tuple *other)
{
	if (p->family == FAMILY_V4) {
		struct tuple4 t4 = tuple_to4(other);
		rewrite_pkt4(p, &t4);
	} else {
		struct tuple6 t6 = tuple_to6(other);
		rewrite_pkt6(p, &t6);
	}
}

void
rewrite_addresses(const struct pkt *p, const struct tuple *to)
{
	if (p->family == FAMILY_V4)
		rewrite_addresses4(pkt_ip4(p), to->src.w[0], to->dst.w[0], p->loops == 0);
	else
		rewrite_addresses6(pkt_ip6(p), &to->src, &to->dst, p->loops == 0);
}
