/* SPDX-License-Identifier: Apache-2.0 */
/* Subscribers ask for mappings: requests read, judged, and answered in place. */
#include "nat/pcp.h"

#include "lib/wire.h"
#include "nat/lease.h"
#include "nat/ranges.h"

enum { VERSION = 2, RESPONSE = 0x80, OP_ANNOUNCE = 0, OP_MAP = 1 };
enum { OPTION_PREFER_FAILURE = 2, OPTION_OPTIONAL = 128, OPTION_HEADER = 4 };
enum { SHORT_ERROR_S = 30, LONG_ERROR_S = 1800 };
/* Places in a message: header, then those of MAP. */
enum { AT_OPCODE = 1, AT_RESULT = 3, AT_LIFETIME = 4, AT_CLIENT = 8, AT_EPOCH = 8, AT_ZERO = 12,
       AT_NONCE = 24, AT_PROTO = 36, AT_INSIDE_PORT = 40, AT_PORT = 42, AT_ADDRESS = 44,
       MAP_END = PCP_HEADER + PCP_MAP };

/* A request, as far as it is understood. */
struct request {
	struct nat *n;
	const struct miss *m;
	uint8_t *data;
	uint32_t size;
	bool prefers_failure;
	uint32_t lifetime; /* of the answer */
};

static uint32_t
error_lifetime(enum pcp_result r)
{
	bool is_short = r == PCP_NETWORK_FAILURE || r == PCP_NO_RESOURCES ||
	                r == PCP_USER_EX_QUOTA;
	return is_short ? SHORT_ERROR_S : LONG_ERROR_S;
}

/* The rule that decides about a subscriber's mappings, wherever he sends. miss: see as_sent. */
static const struct img_nat_rule *
rule_of(const struct nat_rules *r, const struct miss *miss)
{
	const struct img_nat_rule *rule = rules_match(r, miss);
	return rule != NULL && rule->action == NAT_TRANSLATE && rule->pcp ? rule : NULL;
}

/* A first packet of an inside endpoint, to nowhere: what the mapping is made for. */
static struct miss
as_sent(const struct miss *m, uint8_t proto, be16 port)
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
	struct miss q = as_sent(m, t->proto, t->sport);
	const struct img_nat_rule *rule = rule_of(r, &q);
	if (rule == NULL)
		return HOME_NOT_MINE;
	return r->has_ranges ? ranges_home(g, rule, t) :
	                       steer_worker(&g->steer, &t->src, FAMILY_V4);
}

static void
address_put(uint8_t *at, be32 address)
{
	memset(at, 0, 10);
	memset(at + 10, 0xff, 2);
	store32(at + 12, address);
}

static bool
address_is(const uint8_t *at, be32 address)
{
	uint8_t mapped[16];
	address_put(mapped, address);
	return memcmp(at, mapped, sizeof(mapped)) == 0;
}

/* What was granted: an external endpoint, for so long. */
static enum pcp_result
granted(struct request *q, be32 address, be16 port, uint32_t lifetime)
{
	store16(q->data + AT_PORT, port);
	address_put(q->data + AT_ADDRESS, address);
	q->lifetime = lifetime;
	return PCP_SUCCESS;
}

/* Is it what the client would rather have nothing than something else for? Zeros: anything. */
static bool
is_acceptable(const struct request *q, be32 address, be16 port)
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
map_static(struct request *q, uint64_t outside, bool is_end)
{
	be32 address = static_address(outside);
	be16 port = static_port(outside);
	if (is_end)
		return PCP_NOT_AUTHORIZED;
	if (!is_acceptable(q, address, port))
		return PCP_CANNOT_PROVIDE_EXTERNAL;
	return granted(q, address, port, UINT32_MAX);
}

static enum pcp_result
refusal(uint8_t drop)
{
	bool is_quota = drop == DROP_NAT_LIMIT || drop == DROP_NAT_FLOW_LIMIT ||
	                drop == DROP_NAT_FLOW_RATE;
	return is_quota ? PCP_USER_EX_QUOTA : PCP_NO_RESOURCES;
}

/* Back to how it was, when a mapping was made that is not wanted after all. */
static enum pcp_result
leave(struct nat *n, uint32_t number, enum pcp_result r)
{
	if (mapping_at(&n->mappings, number)->flows == 0)
		life_end(n, number, false, NULL);
	return r;
}

/* A mapping that nobody holds yet, if it is what the client wants. */
static enum pcp_result
hold(struct request *q, uint32_t number, const struct img_nat_rule *rule, uint32_t seconds)
{
	struct nat *n = q->n;
	struct mapping *map = mapping_at(&n->mappings, number);
	if (!is_acceptable(q, life_external(n, map), htobe16(map->port)))
		return leave(n, number, PCP_CANNOT_PROVIDE_EXTERNAL);
	if (!lease_make(n, number, q->data + AT_NONCE, seconds))
		return leave(n, number, PCP_NO_RESOURCES);
	map->timers = rule->timers;
	return granted(q, life_external(n, map), htobe16(map->port), seconds);
}

/* One that somebody holds: only he extends or ends it. seconds 0: end it. */
static enum pcp_result
change(struct request *q, struct lease *l, uint32_t seconds)
{
	struct nat *n = q->n;
	const struct mapping *map = mapping_at(&n->mappings, l->mapping);
	if (memcmp(l->nonce, q->data + AT_NONCE, LEASE_NONCE) != 0) {
		q->lifetime = lease_left(n, l->mapping);
		return PCP_NOT_AUTHORIZED;
	}
	if (seconds == 0) {
		lease_end(n, l);
		q->lifetime = 0;
		return PCP_SUCCESS;
	}
	if (!is_acceptable(q, life_external(n, map), htobe16(map->port)))
		return PCP_CANNOT_PROVIDE_EXTERNAL;
	lease_extend(n, l, seconds);
	return granted(q, life_external(n, map), htobe16(map->port), seconds);
}

static enum pcp_result
map_end(struct request *q, const struct wish *w)
{
	uint32_t number = life_find(q->n, w);
	struct lease *l = number != 0 ? lease_find(&q->n->leases, number) : NULL;
	q->lifetime = 0;
	return l != NULL ? change(q, l, 0) : PCP_SUCCESS;
}

static enum pcp_result
map_make(struct request *q, const struct wish *w)
{
	const struct img_nat_conf *conf = &rules_of(q->m->gen)->conf;
	uint32_t seconds = be32toh(load32(q->data + AT_LIFETIME)), number;
	uint8_t drop = DROP_NAT_NO_PORT;
	seconds = seconds < conf->pcp_min_s ? conf->pcp_min_s : seconds;
	seconds = seconds > conf->pcp_max_s ? conf->pcp_max_s : seconds;
	number = life_find(q->n, w);
	struct lease *l = number != 0 ? lease_find(&q->n->leases, number) : NULL;
	if (l != NULL)
		return change(q, l, seconds);
	number = life_find_or_make(q->n, w, &drop);
	return number != 0 ? hold(q, number, w->rule, seconds) : refusal(drop);
}

static bool
is_map_good(const struct request *q, enum pcp_result *r)
{
	uint8_t proto = q->data[AT_PROTO];
	be16 port = load16(q->data + AT_INSIDE_PORT);
	*r = proto == 0 && port != 0 ? PCP_MALFORMED_REQUEST : PCP_UNSUPP_PROTOCOL;
	return (proto == IPPROTO_L4_TCP || proto == IPPROTO_L4_UDP) && port != 0;
}

static enum pcp_result
map(struct request *q)
{
	const struct nat_rules *rules = rules_of(q->m->gen);
	uint8_t proto = q->data[AT_PROTO];
	be16 port = load16(q->data + AT_INSIDE_PORT);
	bool is_end = load32(q->data + AT_LIFETIME) == 0;
	enum pcp_result r;
	uint64_t outside;
	if (!is_map_good(q, &r))
		return r;
	struct miss sent = as_sent(q->m, proto, port);
	const struct tuple *t = &sent.tuple;
	const struct img_nat_static *fixed = static_out(&rules->statics,
		static_key(t->realm, t->src.w[0], proto, port), &outside);
	if (fixed != NULL && (fixed->nic == NIC_NONE || fixed->nic == q->m->nic))
		return map_static(q, outside, is_end);
	struct wish w = {
		.miss = &sent, .rule = rule_of(rules, &sent), .proto = (uint8_t)nat_proto(proto),
		.port = be16toh(load16(q->data + AT_PORT)),
	};
	if (w.rule == NULL)
		return PCP_NOT_AUTHORIZED;
	return is_end ? map_end(q, &w) : map_make(q, &w);
}

/* Options, which begin at `at`. */
static enum pcp_result
options(struct request *q, uint32_t at)
{
	while (at < q->size) {
		const uint8_t *o = q->data + at;
		uint32_t length = OPTION_HEADER + be16toh(load16(o + 2));
		uint32_t padded = (length + 3) & ~3u;
		if (padded > q->size - at)
			return PCP_MALFORMED_OPTION;
		at += padded;
		if (o[0] >= OPTION_OPTIONAL)
			continue;
		if (o[0] != OPTION_PREFER_FAILURE)
			return PCP_UNSUPP_OPTION;
		if (q->prefers_failure || length != OPTION_HEADER ||
		    q->data[AT_OPCODE] != OP_MAP)
			return PCP_MALFORMED_OPTION;
		q->prefers_failure = true;
	}
	return PCP_SUCCESS;
}

/* In the order of RFC 6887, 8.2 and 8.3. */
static enum pcp_result
judge(struct request *q)
{
	uint8_t opcode = q->data[AT_OPCODE];
	uint32_t end = opcode == OP_MAP ? (uint32_t)MAP_END : (uint32_t)PCP_HEADER;
	if (q->size > PCP_MAX || q->size % 4 != 0)
		return PCP_MALFORMED_REQUEST;
	if (opcode != OP_ANNOUNCE && opcode != OP_MAP)
		return PCP_UNSUPP_OPCODE;
	if (q->size < end)
		return PCP_MALFORMED_REQUEST;
	if (!address_is(q->data + AT_CLIENT, q->m->tuple.src.w[0]))
		return PCP_ADDRESS_MISMATCH;
	enum pcp_result r = options(q, end);
	return r == PCP_SUCCESS && opcode == OP_MAP ? map(q) : r;
}

/* What was granted goes back with those options that were understood. => octets. */
static uint32_t
grant_size(const struct request *q)
{
	if (q->data[AT_OPCODE] == OP_ANNOUNCE)
		return PCP_HEADER;
	if (!q->prefers_failure)
		return MAP_END;
	store32(q->data + MAP_END, htobe32((uint32_t)OPTION_PREFER_FAILURE << 24));
	return MAP_END + OPTION_HEADER;
}

/* An answer of so many octets, of which the header is written here. */
static uint32_t
answer(struct request *q, enum pcp_result r, uint32_t size)
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
	struct request q = {.n = n, .m = m, .data = data, .size = size, .lifetime = LONG_ERROR_S};
	if (size < 2 || (data[AT_OPCODE] & RESPONSE) != 0 || room < PCP_HEADER)
		return 0;
	if (data[0] != VERSION)
		return answer(&q, PCP_UNSUPP_VERSION, PCP_HEADER);
	if (size < PCP_HEADER)
		return 0;
	uint32_t most = size < PCP_MAX ? size & ~3u : PCP_MAX;
	q.lifetime = UINT32_MAX;
	enum pcp_result r = judge(&q);
	if (r == PCP_SUCCESS && data[AT_OPCODE] == OP_ANNOUNCE)
		q.lifetime = 0;
	else if (r != PCP_SUCCESS && q.lifetime == UINT32_MAX)
		q.lifetime = error_lifetime(r);
	return answer(&q, r, r == PCP_SUCCESS ? grant_size(&q) : most);
}
