/* SPDX-License-Identifier: Apache-2.0 */
/* RSTs that have to wait for a MAC address. */
#include "reset_make.h"

#include "icmp_make.h"
#include "lib/reset.h"
#include "out.h"
#include "own.h"

void
reset_make(struct slow *s, const struct packet *p)
{
	union addr hop;
	bool looped = buf_meta(p->m)->loops != 0; /* as icmp_make.c has it */
	uint8_t realm = s->gen->nic[buf_meta(p->m)->nic % MAX_NICS].realm;
	uint8_t nic = looped ? own_first(s->gen, p->family) :
	              out_route(s, realm, &p->src, p->family, &hop);
	if (p->proto != IPPROTO_L4_TCP || p->l4_size < TCP_LEN || nic == NIC_NONE ||
	    !icmp_may_answer(s, p) || !ratelimit_take(&s->icmp, s->now_ns))
		return;
	struct rte_mbuf *m = out_alloc(s, nic);
	if (m == NULL)
		return;
	struct tuple t = {.src = p->src, .dst = p->dst, .sport = load16(p->l4),
		.dport = load16(p->l4 + 2), .family = p->family, .proto = p->proto};
	reset_answer(m, &t, p->l4, p->l4_size);
	if (looped)
		out_loop(s, m, nic, p->family);
	else
		out_packet(s, m, p->family, &p->src);
}
