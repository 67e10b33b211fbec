/* SPDX-License-Identifier: Apache-2.0 */
/* Opcode MAP: an inside endpoint has an external one, whoever outside speaks first. */
#include "nat/pcp_request.h"

#include <errno.h>

/* Has he said that he would rather have nothing than something else? Then is it that? */
static bool
is_acceptable(const struct pcp_request *q, be32 address, be16 port)
{
	return !q->prefers_failure || pcp_suits(q, address, port);
}

static bool
is_acceptable_mapping(const struct pcp_request *q, uint32_t number)
{
	const struct mapping *map = mapping_at(&q->n->mappings, number);
	return is_acceptable(q, life_external(q->n, map), htobe16(map->port));
}

/* A static mapping is there for good, and only the configuration changes it. */
static enum pcp_result
map_static(struct pcp_request *q, uint64_t outside, bool is_end)
{
	be32 address = static_address(outside);
	be16 port = static_port(outside);
	if (is_end || q->n_filters != 0)
		return PCP_NOT_AUTHORIZED;
	if (!is_acceptable(q, address, port))
		return PCP_CANNOT_PROVIDE_EXTERNAL;
	return pcp_granted(q, address, port, UINT32_MAX);
}

/* A mapping that nobody holds yet, if it is what the client wants. */
static enum pcp_result
hold(struct pcp_request *q, uint32_t number, const struct img_nat_rule *rule, uint32_t seconds)
{
	struct nat *n = q->n;
	if (!is_acceptable_mapping(q, number))
		return pcp_leave(n, number, PCP_CANNOT_PROVIDE_EXTERNAL);
	if (!lease_has_room(&n->leases, 1 + q->n_filters) ||
	    !lease_make(n, number, q->data + AT_NONCE, seconds))
		return pcp_leave(n, number, PCP_NO_RESOURCES);
	pcp_know(q, lease_find(&n->leases, number));
	int err = lease_filter(n, number, q->filters, q->n_filters, true);
	assert(err == 0 && "there is room for as many as a request has");
	(void)err;
	mapping_at(&n->mappings, number)->timers = rule->timers;
	return pcp_granted_mapping(q, number, seconds);
}

/* One that somebody holds: only he extends or shortens it. */
static enum pcp_result
renew(struct pcp_request *q, struct lease *l, uint32_t seconds)
{
	struct nat *n = q->n;
	uint32_t number = l->mapping;
	if (!pcp_holds(q, l))
		return PCP_NOT_AUTHORIZED;
	if (!is_acceptable_mapping(q, number))
		return PCP_CANNOT_PROVIDE_EXTERNAL;
	int err = lease_filter(n, number, q->filters, q->n_filters, q->filters_anew);
	if (err != 0)
		return err == EDQUOT ? PCP_EXCESSIVE_REMOTE_PEERS : PCP_NO_RESOURCES;
	lease_extend(n, l, seconds);
	pcp_know(q, l);
	return pcp_granted_mapping(q, number, seconds);
}

/*
 * RFC 6887, 15.1: what is not there is ended already; what is, but is none that was made by MAP (of
 * flows, of PEER), is not MAP's to end.
 */
static enum pcp_result
map_end(struct pcp_request *q, const struct wish *w)
{
	uint32_t number = life_find(q->n, w);
	struct lease *l = number != 0 ? lease_find(&q->n->leases, number) : NULL;
	if (number == 0)
		return pcp_nothing(q);
	if (l == NULL || !pcp_holds(q, l))
		return PCP_NOT_AUTHORIZED;
	lease_end(q->n, l);
	return pcp_nothing(q);
}

static enum pcp_result
map_make(struct pcp_request *q, const struct wish *w)
{
	uint32_t seconds = pcp_seconds(q), number = life_find(q->n, w);
	uint8_t drop = DROP_NAT_NO_PORT;
	struct lease *l = number != 0 ? lease_find(&q->n->leases, number) : NULL;
	if (l != NULL)
		return renew(q, l, seconds);
	number = life_find_or_make(q->n, w, &drop);
	return number != 0 ? hold(q, number, w->rule, seconds) : pcp_refusal(drop);
}

/* All ports, all protocols, and protocols without ports are never mapped: there is none to end. */
static enum pcp_result
map_other(struct pcp_request *q, uint8_t proto, be16 port, bool is_end)
{
	if (proto == 0 && port != 0)
		return PCP_MALFORMED_REQUEST;
	return is_end ? pcp_nothing(q) : PCP_UNSUPP_PROTOCOL;
}

enum pcp_result
pcp_map(struct pcp_request *q)
{
	uint8_t proto = q->data[AT_PROTO];
	be16 port = load16(q->data + AT_INSIDE_PORT);
	bool is_end = load32(q->data + AT_LIFETIME) == 0;
	uint64_t outside;
	if ((proto != IPPROTO_L4_TCP && proto != IPPROTO_L4_UDP) || port == 0)
		return map_other(q, proto, port, is_end);
	if (pcp_static(q, &outside))
		return map_static(q, outside, is_end);
	struct miss sent = pcp_sent(q->m, proto, port);
	struct wish w = pcp_wish(q, &sent);
	if (w.rule == NULL)
		return PCP_NOT_AUTHORIZED;
	return is_end ? map_end(q, &w) : map_make(q, &w);
}
