/* SPDX-License-Identifier: Apache-2.0 */
/* Next hops off the hit path, hairpin re-entry, and the errors a router owes. */
#include "hop.h"

#include "fragment.h"
#include "miss.h"
#include "parse.h"
#include "tx.h"

struct hop
hop_on(const struct worker *w, const struct img_route *r, const union addr *dst, uint8_t family)
{
	uint16_t id = hop_id(w, r, dst, family);
	if (id == NEXTHOP_LOOP)
		return (struct hop){.kind = HOP_LOOP, .id = id};
	if (!route_leads(r))
		return (struct hop){.kind = HOP_NO_ROUTE};
	return (struct hop){.kind = HOP_NIC, .nic = r->nic, .id = id};
}

struct hop
hop_of(const struct worker *w, uint16_t id)
{
	if (id == NEXTHOP_LOOP)
		return (struct hop){.kind = HOP_LOOP, .id = id};
	return (struct hop){.kind = HOP_NIC, .nic = w->shared->nexthops.entry[id].nic, .id = id};
}

bool
hop_refuse(struct worker *w, const struct pkt *p, enum punt punt, unsigned reason, uint16_t arg)
{
	if ((p->flags & (PKT_LATER | PKT_ERROR)) != 0)
		pkt_drop(w, p, reason);
	else
		pkt_punt(w, p, punt, reason, arg);
	return false;
}

static bool
may_fragment(const struct pkt *p)
{
	return p->family == FAMILY_V4 && (pkt_ip4(p)->frag & htobe16(IP4_DF)) == 0;
}

bool
hop_admit_more(struct worker *w, const struct pkt *p, struct hop hop, unsigned more)
{
	const struct gen_nic *out = &w->gen->nic[hop.nic];
	if (hop.kind == HOP_NO_ROUTE)
		return hop_refuse(w, p, PUNT_NO_ROUTE, DROP_NO_ROUTE, 0);
	if (hop.kind == HOP_LOOP) {
		if (p->loops < MAX_LOOPS)
			return true;
		pkt_drop(w, p, DROP_LOOP);
		return false;
	}
	if (!out->valid) {
		pkt_drop(w, p, DROP_NIC_UNKNOWN);
		return false;
	}
	if (p->l3_len + more > out->mtu && !may_fragment(p))
		return hop_refuse(w, p, PUNT_TOO_BIG, DROP_TOO_BIG, (uint16_t)(out->mtu - more));
	return true;
}

/* A hairpin: to the home of what the packet is now, as if it had come from outside. */
static void
loop(struct worker *w, struct pkt *p)
{
	struct pkt again = {.m = p->m, .nic = NIC_NONE, .loops = (uint8_t)(p->loops + 1)};
	int home = HOME_NOT_MINE;
	if (parse_again(&again, w->gen) == PATH_FLOW) {
		struct miss m;
		miss_fill(w, &again, &m);
		home = miss_home(w, &m);
	}
	pkt_handoff(w, &again, home >= 0 ? (uint16_t)home : w->id, HANDOFF_HAIRPIN);
}

void
hop_send(struct worker *w, struct pkt *p, struct hop hop)
{
	if (hop.kind == HOP_LOOP) {
		loop(w, p);
		return;
	}
	uint64_t word = hop.id != 0 ? nexthop_word(&w->shared->nexthops, hop.id) : 0;
	if (!nexthop_word_is_up(word)) {
		pkt_punt(w, p, PUNT_NEIGHBOUR, DROP_NO_NEIGHBOUR, hop.nic);
		return;
	}
	const struct gen_nic *out = &w->gen->nic[hop.nic];
	uint16_t type = p->family == FAMILY_V4 ? ETHER_IP4 : ETHER_IP6;
	if (p->l3_len <= out->mtu) {
		tx_pkt(w, p, type, hop.nic, word);
		return;
	}
	tx_header(p, out, type, word);
	fragment_frame(w, p->m, (struct tx_way){.nic = hop.nic, .from = p->nic});
}
