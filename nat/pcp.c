/* SPDX-License-Identifier: Apache-2.0 */
/* Subscribers ask for mappings: requests read, judged, and answered in place. */
#include "nat/pcp_request.h"

#include "nat/ranges.h"

enum { VERSION = 2 };
enum { SHORT_ERROR_S = 30, LONG_ERROR_S = 1800 };

/* Where the part of an opcode ends. */
static const uint32_t ends[PCP_OPCODES] = {
	[OP_ANNOUNCE] = PCP_HEADER, [OP_MAP] = PCP_HEADER + PCP_MAP,
	[OP_PEER] = PCP_HEADER + PCP_PEER,
};

uint32_t
pcp_error_lifetime(uint8_t r)
{
	if (r == PCP_SUCCESS)
		return 0;
	bool is_short = r == PCP_NETWORK_FAILURE || r == PCP_NO_RESOURCES ||
	                r == PCP_USER_EX_QUOTA;
	return is_short ? SHORT_ERROR_S : LONG_ERROR_S;
}

/*
 * A subscriber whose rule has no `pcp` is told, as by any host, that nobody listens; who is none
 * (he sends on another interface, or from outside) is silently ignored (RFC 6887, 8.2).
 */
int
pcp_home(const struct generation *g, const struct miss *m, const uint8_t *data, uint32_t size)
{
	const struct nat_rules *r = rules_of(g);
	const struct tuple *t = &m->tuple;
	be32 third;
	if (!r->has_pcp || t->proto != IPPROTO_L4_UDP || t->dport != htobe16(PCP_PORT))
		return HOME_NOT_MINE;
	const struct img_nat_asker *a = pcp_asker(r, m);
	struct miss q = *m;
	if (a != NULL && pcp_third_find(data, size, &third))
		q = pcp_third(m, a, third);
	q = pcp_sent(&q, t->proto, t->sport);
	const struct img_nat_rule *rule = rules_match(r, &q);
	bool is_subscriber = rule != NULL && rule->action == NAT_TRANSLATE;
	if (is_subscriber && !rule->pcp && a == NULL)
		return HOME_NOT_MINE;
	return is_subscriber && r->has_ranges ? ranges_home(g, rule, &q.tuple) :
	                                        steer_worker(&g->steer, &q.tuple.src, FAMILY_V4);
}

/* In the order of RFC 6887, 8.2. */
static enum pcp_result
judge(struct pcp_request *q)
{
	uint8_t opcode = q->data[AT_OPCODE];
	be32 client;
	if (q->size > PCP_MAX || q->size % 4 != 0)
		return PCP_MALFORMED_REQUEST;
	if (opcode >= PCP_OPCODES)
		return PCP_UNSUPP_OPCODE;
	if (q->size < ends[opcode])
		return PCP_MALFORMED_REQUEST;
	if (!pcp_address_get(q->data + AT_CLIENT, &client) || client != q->m->tuple.src.w[0])
		return PCP_ADDRESS_MISMATCH;
	enum pcp_result r = pcp_options(q, ends[opcode]);
	if (r != PCP_SUCCESS)
		return r;
	if (opcode == OP_ANNOUNCE)
		return pcp_nothing(q);
	return opcode == OP_MAP ? pcp_map(q) : pcp_peer(q);
}

void
pcp_header_write(const struct nat *n, uint8_t *d, uint8_t result, uint32_t lifetime)
{
	d[0] = VERSION;
	d[AT_RESULT - 1] = 0;
	d[AT_RESULT] = result;
	store32(d + AT_LIFETIME, htobe32(lifetime));
	store32(d + AT_EPOCH, htobe32((uint32_t)((n->clock.ms - n->epoch_ms) / 1000)));
}

/* An answer of so many octets, of which the header is written here. */
static uint32_t
answer(struct pcp_request *q, enum pcp_result r, uint32_t size)
{
	struct nat *n = q->n;
	uint8_t *d = q->data;
	bool is_understood = r != PCP_UNSUPP_VERSION && r != PCP_UNSUPP_OPCODE &&
	                     r != PCP_MALFORMED_REQUEST && r != PCP_MALFORMED_OPTION;
	pcp_header_write(n, d, (uint8_t)r, q->lifetime);
	d[AT_OPCODE] |= PCP_RESPONSE;
	if (is_understood) /* else what stands there of the client's address is left (7.2) */
		memset(d + AT_ZERO, 0, PCP_HEADER - AT_ZERO);
	n->stats->pcp_requests++;
	n->stats->pcp_refused += r != PCP_SUCCESS;
	return size;
}

/* What was asked for, with its options, and zeros where something is reserved. => octets. */
static uint32_t
granted(struct pcp_request *q)
{
	uint8_t *d = q->data, opcode = d[AT_OPCODE];
	if (opcode != OP_ANNOUNCE)
		memset(d + AT_PROTO + 1, 0, AT_INSIDE_PORT - AT_PROTO - 1);
	if (opcode == OP_PEER)
		memset(d + AT_PEER_PORT + 2, 0, AT_PEER - AT_PEER_PORT - 2);
	return answer(q, PCP_SUCCESS, pcp_options_keep(q, ends[opcode]));
}

/* The request as it came, filled up to words, or as much of it as a message may have. => octets. */
static uint32_t
refused(struct pcp_request *q, enum pcp_result r, uint32_t room)
{
	uint32_t size = q->size < PCP_MAX ? (q->size + 3u) & ~3u : PCP_MAX;
	size = size < PCP_HEADER ? PCP_HEADER : size;
	if (size > room)
		return 0;
	if (size > q->size)
		memset(q->data + q->size, 0, size - q->size);
	return answer(q, r, size);
}

uint32_t
pcp_answer(struct nat *n, const struct miss *m, uint8_t *data, uint32_t size, uint32_t room)
{
	const struct nat_rules *rules = rules_of(m->gen);
	struct pcp_request q = {
		.n = n, .from = m, .m = m, .data = data, .size = size, .lifetime = LONG_ERROR_S,
		.asker = pcp_asker(rules, m),
	};
	struct miss sent = pcp_sent(m, m->tuple.proto, m->tuple.sport);
	if (size < 2 || (data[AT_OPCODE] & PCP_RESPONSE) != 0 ||
	    (q.asker == NULL && pcp_rule(rules, &sent, false) == NULL))
		return 0;
	if (data[0] != VERSION)
		return refused(&q, PCP_UNSUPP_VERSION, room);
	if (size < PCP_HEADER)
		return 0;
	q.lifetime = UINT32_MAX;
	enum pcp_result r = judge(&q);
	if (r == PCP_SUCCESS)
		return granted(&q);
	if (q.lifetime == UINT32_MAX)
		q.lifetime = pcp_error_lifetime((uint8_t)r);
	return refused(&q, r, room);
}
