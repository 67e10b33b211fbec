/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opcode PEER: an inside endpoint and a remote one keep speaking, however long they are silent. The
 * flow itself has the idle time that all have: what is kept is its mapping, and that the remote
 * endpoint is let in, as it was by the flow.
 */
#include "nat/pcp_request.h"

#include <errno.h>

#include "lib/parse_plain.h"

/* What a subscriber may have a connection with: an address of a host, and a port. */
static bool
is_remote(be32 address, be16 port)
{
	uint8_t first = (uint8_t)(be32toh(address) >> 24);
	return port != 0 && !is_martian4_first(first);
}

/*
 * PEER neither shortens nor ends what is kept (RFC 6887, 12.1): what is left is told where it is
 * more than what is asked for.
 */
static enum pcp_result
extend(struct pcp_request *q, struct lease *l, uint32_t seconds)
{
	uint32_t left = lease_left(q->n, l);
	if (!pcp_holds(q, l))
		return PCP_NOT_AUTHORIZED;
	if (seconds > left)
		lease_extend(q->n, l, seconds);
	pcp_know(q, l);
	return pcp_granted_mapping(q, l->mapping, seconds > left ? seconds : left);
}

static enum pcp_result
make(struct pcp_request *q, const struct wish *w, const struct lease_remote *peer,
     uint32_t seconds)
{
	struct nat *n = q->n;
	uint8_t drop = DROP_NAT_NO_PORT;
	bool is_new = life_find(n, w) == 0;
	uint32_t number = life_find_or_make(n, w, &drop);
	if (number == 0)
		return pcp_refusal(drop);
	struct mapping *map = mapping_at(&n->mappings, number);
	if (is_new && !pcp_suits(q, life_external(n, map), htobe16(map->port)))
		return pcp_leave(n, number, PCP_CANNOT_PROVIDE_EXTERNAL);
	int err = lease_make_peer(n, number, peer, q->data + AT_NONCE, seconds);
	if (err != 0)
		return pcp_leave(n, number, err == EDQUOT ? PCP_USER_EX_QUOTA : PCP_NO_RESOURCES);
	pcp_know(q, lease_find_peer(&n->leases, number, peer));
	if (is_new)
		map->timers = w->rule->timers;
	return pcp_granted_mapping(q, number, seconds);
}

static enum pcp_result
peer_of(struct pcp_request *q, const struct lease_remote *peer)
{
	struct miss sent = pcp_sent(q->m, q->data[AT_PROTO], load16(q->data + AT_INSIDE_PORT));
	struct lease_remote in = *peer;
	pcp_sent_to(&sent, &in);
	struct wish w = pcp_wish(q, &sent);
	uint32_t seconds = pcp_seconds(q);
	if (w.rule == NULL)
		return PCP_NOT_AUTHORIZED;
	if (!pcp_is_at_home(q->n, &w))
		return PCP_NO_RESOURCES;
	uint32_t number = life_find(q->n, &w);
	struct lease *l = number != 0 ? lease_find_peer(&q->n->leases, number, &in) : NULL;
	if (l != NULL)
		return extend(q, l, seconds);
	if (seconds != 0)
		return make(q, &w, &in, seconds);
	return number != 0 ? pcp_granted_mapping(q, number, 0) : pcp_nothing(q);
}

enum pcp_result
pcp_peer(struct pcp_request *q)
{
	uint8_t proto = q->data[AT_PROTO];
	struct lease_remote peer = {.port = load16(q->data + AT_PEER_PORT)};
	uint64_t outside;
	if (proto == 0 || load16(q->data + AT_INSIDE_PORT) == 0 ||
	    !pcp_address_get(q->data + AT_PEER, &peer.address) ||
	    !is_remote(peer.address, peer.port))
		return PCP_MALFORMED_REQUEST;
	if (proto != IPPROTO_L4_TCP && proto != IPPROTO_L4_UDP)
		return PCP_UNSUPP_PROTOCOL;
	if (!pcp_static(q, &outside))
		return peer_of(q, &peer);
	return pcp_granted(q, static_address(outside), static_port(outside), UINT32_MAX);
}
