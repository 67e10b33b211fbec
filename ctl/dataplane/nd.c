/* SPDX-License-Identifier: Apache-2.0 */
/* Neighbour discovery (RFC 4861). */
#include "nd.h"

#include "out.h"
#include "own.h"

enum {
	OPT_SOURCE_MAC = 1, OPT_TARGET_MAC = 2, OPT_MAX = 16,
	NA_ROUTER = 0x80, NA_SOLICITED = 0x40, NA_OVERRIDE = 0x20,
};

/* Wire form of both messages with their one option of ours. */
struct nd_message {
	uint8_t type, code;
	be16 checksum;
	uint8_t flags, zero[3];
	uint8_t target[16];
	uint8_t opt_type, opt_size, opt_mac[6];
};
static_assert(sizeof(struct nd_message) == 32, "RFC 4861, 4.3 and 4.4, with one option");
enum { ND_FIXED = 24 };

static const union addr all_nodes = {.b = {0xff, 2, [15] = 1}};

static union addr
solicited_node(const union addr *a)
{
	return (union addr){.b = {0xff, 2, [11] = 1, 0xff, a->b[13], a->b[14], a->b[15]}};
}

static void
group_mac(const union addr *group, uint8_t mac[6])
{
	mac[0] = mac[1] = 0x33;
	memcpy(mac + 2, group->b + 12, 4);
}

static void
nd_send(struct slow *s, uint8_t nic, const struct nd_message *what, const union addr *src,
        const union addr *dst, const uint8_t mac[6])
{
	struct rte_mbuf *m = out_alloc(s, nic);
	if (m == NULL)
		return;
	uint8_t *l3 = buf_data(m);
	uint16_t head = packet_ip_write(l3, FAMILY_V6, src, dst, IPPROTO_L4_ICMP6, ND_HOP_LIMIT, 0,
	                                sizeof(*what));
	memcpy(l3 + head, what, sizeof(*what));
	memcpy(l3 + head + ND_FIXED + 2, s->gen->nic[nic].mac, 6);
	packet_l4_seal(l3 + head, sizeof(*what), FAMILY_V6, src, dst, IPPROTO_L4_ICMP6);
	m->data_len = (uint16_t)(head + sizeof(*what));
	out_made(s, m, nic, mac, ETHER_IP6);
}

void
nd_solicit(struct slow *s, uint8_t nic, const union addr *target, const uint8_t *mac)
{
	struct nd_message ns = {.type = ICMP6_NEIGHBOUR_SOLICIT, .opt_type = OPT_SOURCE_MAC,
	                        .opt_size = 1};
	union addr src, dst = *target;
	uint8_t group[6];
	if (mac == NULL) {
		dst = solicited_node(target);
		group_mac(&dst, group);
		mac = group;
	}
	memcpy(ns.target, target, 16);
	own_source(s->gen, nic, FAMILY_V6, target, &src);
	nd_send(s, nic, &ns, &src, &dst, mac);
}

static void
nd_advertise(struct slow *s, uint8_t nic, const union addr *target, const union addr *to,
             const uint8_t mac[6], uint8_t flags)
{
	struct nd_message na = {.type = ICMP6_NEIGHBOUR_ADVERT, .flags = flags,
	                        .opt_type = OPT_TARGET_MAC, .opt_size = 1};
	memcpy(na.target, target, 16);
	nd_send(s, nic, &na, target, to, mac);
}

void
nd_announce(struct slow *s, uint8_t nic, const union addr *address)
{
	uint8_t mac[6];
	group_mac(&all_nodes, mac);
	nd_advertise(s, nic, address, &all_nodes, mac, NA_ROUTER | NA_OVERRIDE);
}

/* Walks the options. => false when one is malformed; *mac is that of the wanted type, or NULL. */
static bool
options_read(const uint8_t *o, unsigned size, uint8_t wanted, const uint8_t **mac)
{
	*mac = NULL;
	for (unsigned i = 0; size != 0; i++) {
		if (size < 8 || o[1] == 0 || o[1] * 8u > size || i == OPT_MAX)
			return false;
		if (o[0] == wanted && *mac == NULL)
			*mac = o + 2;
		size -= o[1] * 8u;
		o += o[1] * 8u;
	}
	return *mac == NULL || ((*mac)[0] & 1) == 0;
}

static bool
addr_is_zero(const union addr *a)
{
	return (a->q[0] | a->q[1]) == 0;
}

static int
solicit_input(struct slow *s, const struct packet *p, uint8_t nic, const union addr *target,
              const uint8_t *mac)
{
	bool probe = addr_is_zero(&p->src); /* duplicate address detection */
	union addr group = solicited_node(target);
	if (probe && (mac != NULL || !addr_equal(&p->dst, &group)))
		return DROP_ND_INVALID;
	if (own_kind(s->gen, nic, FAMILY_V6, target) == 0)
		return p->multicast_l2 ? DROP_L2_MULTICAST : DROP_LOCAL_UNWANTED;
	if (probe) {
		uint8_t all_mac[6];
		group_mac(&all_nodes, all_mac);
		nd_advertise(s, nic, target, &all_nodes, all_mac, NA_ROUTER | NA_OVERRIDE);
		return SLOW_CONSUMED;
	}
	if (mac != NULL)
		neighbour_learn(s, nic, FAMILY_V6, &p->src, mac, true);
	nd_advertise(s, nic, target, &p->src, mac != NULL ? mac : p->l2 + 6,
	             NA_ROUTER | NA_SOLICITED | NA_OVERRIDE);
	return SLOW_CONSUMED;
}

static int
advert_input(struct slow *s, const struct packet *p, uint8_t nic, const union addr *target,
             const uint8_t *mac)
{
	uint8_t flags = p->l4[4];
	if (p->dst.b[0] == 0xff && (flags & NA_SOLICITED) != 0)
		return DROP_ND_INVALID;
	if (own_kind(s->gen, nic, FAMILY_V6, target) != 0)
		return DROP_ND_INVALID; /* somebody else says that our address is his */
	bool may_change = (flags & NA_OVERRIDE) != 0;
	bool known = mac == NULL ? neighbour_confirm(s, nic, FAMILY_V6, target) :
	             (!may_change && neighbour_differs(s, nic, FAMILY_V6, target, mac)) ||
	             neighbour_learn(s, nic, FAMILY_V6, target, mac, false);
	return known ? SLOW_CONSUMED : p->multicast_l2 ? DROP_L2_MULTICAST : DROP_LOCAL_UNWANTED;
}

int
nd_input(struct slow *s, const struct packet *p)
{
	uint8_t nic = buf_meta(p->m)->nic;
	if (p->ttl != ND_HOP_LIMIT || p->l4_size < ND_FIXED || p->l4[1] != 0)
		return DROP_ND_INVALID;
	if (!packet_l4_valid(p))
		return DROP_ICMP_CHECKSUM;
	union addr target;
	memcpy(&target, p->l4 + 8, 16);
	bool solicit = p->l4[0] == ICMP6_NEIGHBOUR_SOLICIT;
	const uint8_t *mac;
	if (target.b[0] == 0xff || p->src.b[0] == 0xff ||
	    !options_read(p->l4 + ND_FIXED, p->l4_size - ND_FIXED,
	                  solicit ? OPT_SOURCE_MAC : OPT_TARGET_MAC, &mac))
		return DROP_ND_INVALID;
	return solicit ? solicit_input(s, p, nic, &target, mac) :
	       advert_input(s, p, nic, &target, mac);
}
