/* SPDX-License-Identifier: Apache-2.0 */
/* ANNOUNCE of the Port Control Protocol that nobody has asked for. */
#include "pcp_announce.h"

#include "lib/csum.h"
#include "nat/pcp_request.h"
#include "out.h"
#include "slow.h"

#define FIRST_PAUSE_NS ((uint64_t)250000000)
#define NS ((uint64_t)1000000000)
enum { VERSION = 2, ANSWER = 0x80, LINK_TTL = 1, UDP_SIZE = UDP_LEN + PCP_HEADER };

void
pcp_announce_reload(struct slow *s)
{
	s->pcp.look_ns = s->now_ns + FIRST_PAUSE_NS; /* workers have taken it up by then */
	s->pcp.due_ns = s->pcp.epoch_ns != 0 ? s->pcp.due_ns : UINT64_MAX;
}

static const struct nat_rules *
rules_that_serve(const struct slow *s)
{
	const struct nat_rules *r = s->gen != NULL ? rules_of(s->gen) : NULL;
	return r != NULL && r->has_pcp ? r : NULL;
}

/* The interface of a rule's subscribers, or NIC_NONE. */
static uint8_t
nic_of(const struct generation *g, const struct img_nat_rule *r)
{
	union addr source = addr_from_v4(r->source);
	if (r->action != NAT_TRANSLATE || !r->pcp)
		return NIC_NONE;
	if (r->nic != NIC_NONE)
		return r->nic;
	return route_nic(route_find(g, r->realm != 0 ? r->realm - 1 : 0, &source, FAMILY_V4));
}

static void
send_from(struct slow *s, uint8_t nic, const union addr *from)
{
	static const uint8_t mac[6] = {0x01, 0, 0x5e, 0, 0, 0x01};
	union addr all = addr_from_v4(htobe32(0xe0000001));
	struct rte_mbuf *m = out_alloc(s, nic);
	if (m == NULL)
		return;
	uint8_t *l3 = buf_data(m);
	uint8_t *udp = l3 + packet_ip_write(l3, FAMILY_V4, from, &all, IPPROTO_L4_UDP, LINK_TTL, 0,
	                                    UDP_SIZE);
	memset(udp, 0, UDP_SIZE);
	store16(udp, htobe16(PCP_PORT));
	store16(udp + 2, htobe16(PCP_CLIENT_PORT));
	store16(udp + 4, htobe16(UDP_SIZE));
	uint8_t *d = udp + UDP_LEN;
	d[0] = VERSION;
	d[AT_OPCODE] = ANSWER | OP_ANNOUNCE;
	uint64_t since = s->now_ns > s->pcp.epoch_ns ? s->now_ns - s->pcp.epoch_ns : 0;
	store32(d + AT_EPOCH, htobe32((uint32_t)(since / NS)));
	uint64_t sum = csum_add_pseudo4(csum_add(0, udp, UDP_SIZE), from->w[0], all.w[0],
	                                IPPROTO_L4_UDP, UDP_SIZE);
	be16 check = (be16)~csum_fold(sum);
	store16(udp + 6, check != 0 ? check : 0xffff);
	m->data_len = IP4_LEN + UDP_SIZE;
	out_made(s, m, nic, mac, ETHER_IP4);
}

/* From all our addresses of these interfaces, since a client listens to the one that it asks. */
static uint32_t
send_all(struct slow *s, const struct nat_rules *r)
{
	const struct generation *g = s->gen;
	bool serves[MAX_NICS] = {false};
	uint32_t n = 0;
	for (uint32_t i = 0; i < r->n_rules; i++)
		serves[nic_of(g, &r->rules[i])] = true;
	for (uint32_t i = 0; i < g->n_addresses; i++) {
		const struct img_address *a = &g->addresses[i];
		if (a->family != FAMILY_V4 || a->nic == NIC_NONE || !serves[a->nic])
			continue;
		send_from(s, a->nic, &a->address);
		n++;
	}
	return n;
}

uint64_t
pcp_announce_due(const struct slow *s)
{
	const struct pcp_announce *a = &s->pcp;
	if (s->derive_mac || rules_that_serve(s) == NULL)
		return UINT64_MAX;
	return a->look_ns < a->due_ns ? a->look_ns : a->due_ns;
}

/* The oldest of the workers': a new one is told when the last of them has begun it. 0: not yet. */
static uint64_t
epoch_of_all(const struct slow *s)
{
	uint64_t oldest_ns = UINT64_MAX;
	for (uint32_t i = 1; i <= s->shared->n_workers; i++) {
		uint64_t ns = stats_context(s->shared->stats, i)->pcp_epoch_ns;
		oldest_ns = ns < oldest_ns ? ns : oldest_ns;
	}
	return oldest_ns;
}

static void
look(struct slow *s)
{
	struct pcp_announce *a = &s->pcp;
	uint64_t epoch_ns = epoch_of_all(s);
	a->look_ns = s->now_ns + (epoch_ns != 0 ? NS : FIRST_PAUSE_NS);
	if (epoch_ns == a->epoch_ns)
		return;
	a->epoch_ns = epoch_ns;
	a->due_ns = s->now_ns;
	a->sent = 0;
}

uint32_t
pcp_announce_tick(struct slow *s)
{
	struct pcp_announce *a = &s->pcp;
	if (s->now_ns < pcp_announce_due(s))
		return 0;
	if (s->now_ns >= a->look_ns)
		look(s);
	if (s->now_ns < a->due_ns)
		return 0;
	uint64_t pause_ns = FIRST_PAUSE_NS << a->sent++;
	a->due_ns = a->sent < PCP_ANNOUNCEMENTS ? s->now_ns + pause_ns : UINT64_MAX;
	return send_all(s, rules_that_serve(s));
}
