/* SPDX-License-Identifier: Apache-2.0 */
/* What opcodes of the Port Control Protocol have in common: who asks, for what, what he gets. */
#include "nat/pcp_request.h"

#include "nat/ranges.h"

const struct img_nat_rule *
pcp_rule(const struct nat_rules *r, const struct miss *sent, bool is_third)
{
	const struct img_nat_rule *rule = rules_match(r, sent);
	bool may = rule != NULL && rule->action == NAT_TRANSLATE && (rule->pcp || is_third);
	return may ? rule : NULL;
}

struct miss
pcp_sent(const struct miss *m, uint8_t proto, be16 port)
{
	struct miss q = *m;
	q.tuple.dst = (union addr){.w = {0}};
	q.tuple.proto = proto;
	q.tuple.sport = port;
	q.tuple.dport = 0;
	memset(q.hint, 0, sizeof(q.hint));
	return q;
}

void
pcp_sent_to(struct miss *sent, struct lease_remote *peer)
{
	sent->tuple.dst = addr_from_v4(peer->address);
	sent->tuple.dport = peer->port;
	sent->route = route_from(sent->gen, sent->tuple.realm, &sent->tuple.dst, FAMILY_V4);
	peer->realm = route_realm(sent->gen, sent->route);
}

bool
pcp_is_at_home(const struct nat *n, const struct wish *w)
{
	const struct generation *g = w->miss->gen;
	return !rules_of(g)->has_ranges ||
	       ranges_home(g, w->rule, &w->miss->tuple) == (int)n->worker;
}

struct wish
pcp_wish(const struct pcp_request *q, const struct miss *sent)
{
	be32 external;
	bool is_v4 = pcp_address_get(q->data + AT_ADDRESS, &external);
	return (struct wish){
		.external = is_v4 ? external : 0,
		.miss = sent, .rule = pcp_rule(rules_of(q->m->gen), sent, q->is_third),
		.proto = (uint8_t)nat_proto(sent->tuple.proto),
		.port = be16toh(load16(q->data + AT_PORT)),
	};
}

uint32_t
pcp_seconds(const struct pcp_request *q)
{
	const struct img_nat_conf *conf = &rules_of(q->m->gen)->conf;
	uint32_t s = be32toh(load32(q->data + AT_LIFETIME));
	if (s == 0)
		return 0;
	s = s < conf->pcp_min_s ? conf->pcp_min_s : s;
	return s > conf->pcp_max_s ? conf->pcp_max_s : s;
}

bool
pcp_suits(const struct pcp_request *q, be32 address, be16 port)
{
	static const uint8_t none[16];
	const uint8_t *at = q->data + AT_ADDRESS;
	be16 wanted = load16(q->data + AT_PORT);
	be32 suggested;
	bool is_v4 = pcp_address_get(at, &suggested);
	bool is_any = memcmp(at, none, sizeof(none)) == 0 || (is_v4 && suggested == 0);
	return (is_any || (is_v4 && suggested == address)) && (wanted == 0 || wanted == port);
}

bool
pcp_static(const struct pcp_request *q, uint64_t *outside)
{
	const struct tuple *t = &q->m->tuple;
	uint64_t key = static_key(t->realm, t->src.w[0], q->data[AT_PROTO],
	                          load16(q->data + AT_INSIDE_PORT));
	const struct img_nat_static *fixed =
		static_out(&rules_of(q->m->gen)->statics, key, outside);
	return fixed != NULL && (fixed->nic == NIC_NONE || fixed->nic == q->m->nic);
}

bool
pcp_holds(struct pcp_request *q, const struct lease *l)
{
	if (memcmp(l->nonce, q->data + AT_NONCE, LEASE_NONCE) == 0)
		return true;
	q->lifetime = lease_left(q->n, l);
	return false;
}

void
pcp_know(const struct pcp_request *q, struct lease *l)
{
	const struct tuple *t = &q->from->tuple;
	l->client = (struct lease_client){
		.address = t->src.w[0], .server = t->dst.w[0], .port = t->sport,
		.nic = q->from->nic, .realm = t->realm & (IMG_MAX_REALMS - 1),
		.is_third = q->is_third, .prefers_failure = q->prefers_failure,
	};
}

enum pcp_result
pcp_granted(struct pcp_request *q, be32 address, be16 port, uint32_t lifetime)
{
	store16(q->data + AT_PORT, port);
	pcp_address_put(q->data + AT_ADDRESS, address);
	q->lifetime = lifetime;
	return PCP_SUCCESS;
}

enum pcp_result
pcp_granted_mapping(struct pcp_request *q, uint32_t number, uint32_t lifetime)
{
	const struct mapping *map = mapping_at(&q->n->mappings, number);
	return pcp_granted(q, life_external(q->n, map), htobe16(map->port), lifetime);
}

enum pcp_result
pcp_nothing(struct pcp_request *q)
{
	q->lifetime = 0;
	return PCP_SUCCESS;
}

enum pcp_result
pcp_refusal(uint8_t drop)
{
	bool is_quota = drop == DROP_NAT_LIMIT || drop == DROP_NAT_FLOW_LIMIT ||
	                drop == DROP_NAT_FLOW_RATE;
	return is_quota ? PCP_USER_EX_QUOTA : PCP_NO_RESOURCES;
}

enum pcp_result
pcp_leave(struct nat *n, uint32_t number, enum pcp_result r)
{
	if (mapping_at(&n->mappings, number)->flows == 0)
		life_end(n, number, false, NULL);
	return r;
}
