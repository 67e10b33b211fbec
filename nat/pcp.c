/* SPDX-License-Identifier: Apache-2.0 */
/* Subscribers ask for mappings: requests read, judged, and answered in place. */
#include "nat/pcp_request.h"

#include <errno.h>

#include "nat/ranges.h"

enum { VERSION = 2, RESPONSE = 0x80 };
enum { SHORT_ERROR_S = 30, LONG_ERROR_S = 1800 };

/* Where the part of an opcode ends. */
static const uint32_t ends[PCP_OPCODES] = {
	[OP_ANNOUNCE] = PCP_HEADER, [OP_MAP] = PCP_HEADER + PCP_MAP,
	[OP_PEER] = PCP_HEADER + PCP_PEER,
};

static uint32_t
error_lifetime(enum pcp_result r)
{
	bool is_short = r == PCP_NETWORK_FAILURE || r == PCP_NO_RESOURCES ||
	                r == PCP_USER_EX_QUOTA;
	return is_short ? SHORT_ERROR_S : LONG_ERROR_S;
}

/* The rule that decides about a subscriber's mappings, wherever he sends. miss: see pcp_sent. */
static const struct img_nat_rule *
rule_of(const struct nat_rules *r, const struct miss *miss)
{
	const struct img_nat_rule *rule = rules_match(r, miss);
	return rule != NULL && rule->action == NAT_TRANSLATE && rule->pcp ? rule : NULL;
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

int
pcp_home(const struct generation *g, const struct miss *m)
{
	const struct nat_rules *r = rules_of(g);
	const struct tuple *t = &m->tuple;
	if (!r->has_pcp || t->proto != IPPROTO_L4_UDP || t->dport != htobe16(PCP_PORT))
		return HOME_NOT_MINE;
	struct miss q = pcp_sent(m, t->proto, t->sport);
	const struct img_nat_rule *rule = rule_of(r, &q);
	if (rule == NULL)
		return HOME_NOT_MINE;
	return r->has_ranges ? ranges_home(g, rule, t) :
	                       steer_worker(&g->steer, &t->src, FAMILY_V4);
}

static bool
address_is(const uint8_t *at, be32 address)
{
	be32 said;
	return pcp_address_get(at, &said) && said == address;
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

/* Is it what the client would rather have nothing than something else for? Zeros: anything. */
static bool
is_acceptable(const struct pcp_request *q, be32 address, be16 port)
{
	static const uint8_t none[16];
	const uint8_t *want = q->data + AT_ADDRESS;
	be16 wanted = load16(q->data + AT_PORT);
	bool any = address_is(want, 0) || memcmp(want, none, sizeof(none)) == 0;
	return !q->prefers_failure ||
	       ((any || address_is(want, address)) && (wanted == 0 || wanted == port));
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

/* A mapping that nobody holds yet, if it is what the client wants. */
static enum pcp_result
hold(struct pcp_request *q, uint32_t number, const struct img_nat_rule *rule, uint32_t seconds)
{
	struct nat *n = q->n;
	struct mapping *map = mapping_at(&n->mappings, number);
	if (!is_acceptable(q, life_external(n, map), htobe16(map->port)))
		return pcp_leave(n, number, PCP_CANNOT_PROVIDE_EXTERNAL);
	if (!lease_has_room(&n->leases, 1 + q->n_filters) ||
	    !lease_make(n, number, q->data + AT_NONCE, seconds))
		return pcp_leave(n, number, PCP_NO_RESOURCES);
	int err = lease_filter(n, number, q->filters, q->n_filters, true);
	assert(err == 0 && "there is room for as many as a request has");
	(void)err;
	map->timers = rule->timers;
	return pcp_granted_mapping(q, number, seconds);
}

bool
pcp_holds(struct pcp_request *q, const struct lease *l)
{
	if (memcmp(l->nonce, q->data + AT_NONCE, LEASE_NONCE) == 0)
		return true;
	q->lifetime = lease_left(q->n, l);
	return false;
}

/* One that somebody holds: only he extends or ends it. seconds 0: end it. */
static enum pcp_result
change(struct pcp_request *q, struct lease *l, uint32_t seconds)
{
	struct nat *n = q->n;
	uint32_t number = l->mapping;
	const struct mapping *map = mapping_at(&n->mappings, number);
	if (!pcp_holds(q, l))
		return PCP_NOT_AUTHORIZED;
	if (seconds == 0) {
		lease_end(n, l);
		q->lifetime = 0;
		return PCP_SUCCESS;
	}
	if (!is_acceptable(q, life_external(n, map), htobe16(map->port)))
		return PCP_CANNOT_PROVIDE_EXTERNAL;
	int err = lease_filter(n, number, q->filters, q->n_filters, q->filters_anew);
	if (err != 0)
		return err == EDQUOT ? PCP_EXCESSIVE_REMOTE_PEERS : PCP_NO_RESOURCES;
	lease_extend(n, l, seconds);
	return pcp_granted_mapping(q, number, seconds);
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

static enum pcp_result
map_end(struct pcp_request *q, const struct wish *w)
{
	uint32_t number = life_find(q->n, w);
	struct lease *l = number != 0 ? lease_find(&q->n->leases, number) : NULL;
	q->lifetime = 0;
	return l != NULL ? change(q, l, 0) : PCP_SUCCESS;
}

static enum pcp_result
map_make(struct pcp_request *q, const struct wish *w)
{
	uint32_t seconds = pcp_seconds(q), number = life_find(q->n, w);
	uint8_t drop = DROP_NAT_NO_PORT;
	struct lease *l = number != 0 ? lease_find(&q->n->leases, number) : NULL;
	if (l != NULL)
		return change(q, l, seconds);
	number = life_find_or_make(q->n, w, &drop);
	return number != 0 ? hold(q, number, w->rule, seconds) : pcp_refusal(drop);
}

static bool
is_map_good(const struct pcp_request *q, enum pcp_result *r)
{
	uint8_t proto = q->data[AT_PROTO];
	be16 port = load16(q->data + AT_INSIDE_PORT);
	*r = proto == 0 && port != 0 ? PCP_MALFORMED_REQUEST : PCP_UNSUPP_PROTOCOL;
	return (proto == IPPROTO_L4_TCP || proto == IPPROTO_L4_UDP) && port != 0;
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

struct wish
pcp_wish(const struct pcp_request *q, const struct miss *sent)
{
	return (struct wish){
		.miss = sent, .rule = rule_of(rules_of(q->m->gen), sent),
		.proto = (uint8_t)nat_proto(sent->tuple.proto),
		.port = be16toh(load16(q->data + AT_PORT)),
	};
}

static enum pcp_result
map(struct pcp_request *q)
{
	bool is_end = load32(q->data + AT_LIFETIME) == 0;
	enum pcp_result r;
	uint64_t outside;
	if (!is_map_good(q, &r))
		return r;
	if (pcp_static(q, &outside))
		return map_static(q, outside, is_end);
	struct miss sent = pcp_sent(q->m, q->data[AT_PROTO], load16(q->data + AT_INSIDE_PORT));
	struct wish w = pcp_wish(q, &sent);
	if (w.rule == NULL)
		return PCP_NOT_AUTHORIZED;
	return is_end ? map_end(q, &w) : map_make(q, &w);
}

/* In the order of RFC 6887, 8.2 and 8.3. */
static enum pcp_result
judge(struct pcp_request *q)
{
	uint8_t opcode = q->data[AT_OPCODE];
	if (q->size > PCP_MAX || q->size % 4 != 0)
		return PCP_MALFORMED_REQUEST;
	if (opcode >= PCP_OPCODES)
		return PCP_UNSUPP_OPCODE;
	if (q->size < ends[opcode])
		return PCP_MALFORMED_REQUEST;
	if (!address_is(q->data + AT_CLIENT, q->m->tuple.src.w[0]))
		return PCP_ADDRESS_MISMATCH;
	enum pcp_result r = pcp_options(q, ends[opcode]);
	if (r != PCP_SUCCESS || opcode == OP_ANNOUNCE)
		return r;
	return opcode == OP_MAP ? map(q) : pcp_peer(q);
}

/* An answer of so many octets, of which the header is written here. */
static uint32_t
answer(struct pcp_request *q, enum pcp_result r, uint32_t size)
{
	struct nat *n = q->n;
	uint8_t *d = q->data;
	uint32_t epoch = (uint32_t)((n->clock.ms - n->began_ms) / 1000);
	d[0] = VERSION;
	d[AT_OPCODE] |= RESPONSE;
	d[AT_RESULT - 1] = 0;
	d[AT_RESULT] = (uint8_t)r;
	store32(d + AT_LIFETIME, htobe32(q->lifetime));
	store32(d + AT_EPOCH, htobe32(epoch));
	memset(d + AT_ZERO, 0, PCP_HEADER - AT_ZERO);
	n->stats->pcp_requests++;
	n->stats->pcp_refused += r != PCP_SUCCESS;
	return size;
}

uint32_t
pcp_answer(struct nat *n, const struct miss *m, uint8_t *data, uint32_t size, uint32_t room)
{
	struct pcp_request q = {
		.n = n, .m = m, .data = data, .size = size, .lifetime = LONG_ERROR_S,
	};
	if (size < 2 || (data[AT_OPCODE] & RESPONSE) != 0 || room < PCP_HEADER)
		return 0;
	if (data[0] != VERSION)
		return answer(&q, PCP_UNSUPP_VERSION, PCP_HEADER);
	if (size < PCP_HEADER)
		return 0;
	uint32_t most = size < PCP_MAX ? size & ~3u : PCP_MAX;
	q.lifetime = UINT32_MAX;
	enum pcp_result r = judge(&q);
	uint32_t kept = r == PCP_SUCCESS ? pcp_options_keep(&q, ends[data[AT_OPCODE]]) : 0;
	if (r == PCP_SUCCESS && data[AT_OPCODE] == OP_ANNOUNCE)
		q.lifetime = 0;
	else if (r != PCP_SUCCESS && q.lifetime == UINT32_MAX)
		q.lifetime = error_lifetime(r);
	return answer(&q, r, r == PCP_SUCCESS ? kept : most);
}
