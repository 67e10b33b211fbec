/* SPDX-License-Identifier: Apache-2.0 */
/* Rewriting off the hit path: addresses alone, of either family. */
#include "rewrite.h"

void
rewrite_addresses(const struct pkt *p, const struct tuple *to)
{
	if (p->family == FAMILY_V4)
		rewrite_addresses4(pkt_ip4(p), to->src.w[0], to->dst.w[0], p->loops == 0);
	else
		rewrite_addresses6(pkt_ip6(p), &to->src, &to->dst, p->loops == 0);
}
