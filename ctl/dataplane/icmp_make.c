/* SPDX-License-Identifier: Apache-2.0 */
/* ICMP errors made here (RFC 792, RFC 1191, RFC 1812, RFC 4443). */
#include "icmp_make.h"

#include "out.h"
#include "own.h"

enum {
	ICMP4_QUENCH = 4, ICMP4_REDIRECT = 5, FRAG_NEEDED = 4,
	ICMP6_TOO_BIG = 2, ICMP6_TIME = 3, ICMP6_INFORMATIONAL = 128,
};

struct error {
	uint8_t type, code;
	bool by_target; /* said by the address spoken to, if it is ours, not by a router */
	uint32_t arg;   /* second word of the message, host order */
};

static bool
is_icmp_error(const struct packet *p)
{
	if (p->proto != IPPROTO_L4_ICMP && p->proto != IPPROTO_L4_ICMP6)
		return false;
	if (p->l4_size == 0)
		return true;
	uint8_t type = p->l4[0];
	if (p->proto == IPPROTO_L4_ICMP6)
		return type < ICMP6_INFORMATIONAL || type == ICMP6_ND_LAST;
	return type == ICMP4_UNREACHABLE || type == ICMP4_QUENCH || type == ICMP4_REDIRECT ||
	       type == ICMP4_TIME || type == ICMP4_PARAM;
}

/* That it arrived in. */
static uint8_t
realm_of(const struct slow *s, const struct packet *p)
{
	return s->gen->nic[buf_meta(p->m)->nic % MAX_NICS].realm;
}

/* A source that is one station's, and a destination that is too. */
static bool
is_between_stations(const struct slow *s, const struct packet *p)
{
	if (p->family == FAMILY_V6) {
		bool unset = (p->src.q[0] | (p->src.q[1] & ~htobe64(1))) == 0;
		return !unset && p->src.b[0] != 0xff && p->dst.b[0] != 0xff;
	}
	return p->src.b[0] != 0 && p->src.b[0] != 127 && p->src.b[0] < 224 && p->dst.b[0] < 224 &&
	       !own_is_broadcast(s->gen, realm_of(s, p), &p->src) &&
	       !own_is_broadcast(s->gen, realm_of(s, p), &p->dst);
}

bool
icmp_may_answer(const struct slow *s, const struct packet *p)
{
	return !p->later && !p->multicast_l2 && !is_icmp_error(p) && is_between_stations(s, p);
}

/* Who says it: the address spoken to, or one of the interface of arrival. */
static bool
error_source(const struct slow *s, const struct packet *p, const struct error *e, union addr *src)
{
	uint8_t nic = buf_meta(p->m)->nic;
	const struct img_route *r =
		e->by_target ? route_from(s->gen, realm_of(s, p), &p->dst, p->family) : NULL;
	bool ours = r != NULL && (r->kind == ROUTE_SERVICE ||
	            (r->kind == ROUTE_LOCAL && r->plen == addr_bits(p->family)));
	if (ours || (e->by_target && own_kind(s->gen, nic, p->family, &p->dst) == ROUTE_LOCAL)) {
		*src = p->dst;
		return true;
	}
	return own_any(s->gen, nic, p->family, src);
}

/* The packet was translated once and came back (a hairpin): its source is an address of ours, and
 * what is said to that has to be translated too. */
static bool
has_looped(const struct packet *p)
{
	return buf_meta(p->m)->loops != 0;
}

static uint8_t
error_nic(const struct slow *s, const struct packet *p)
{
	union addr hop;
	if (has_looped(p))
		return own_first(s->gen, p->family);
	if (p->family == FAMILY_V6 && addr_is_link_local(&p->src))
		return buf_meta(p->m)->nic;
	return out_route(s, realm_of(s, p), &p->src, p->family, &hop);
}

/* The message in an empty buffer; data begins at its IP header. */
static void
error_write(struct rte_mbuf *m, const struct packet *p, const struct error *e,
            const union addr *src)
{
	uint8_t proto = p->family == FAMILY_V4 ? IPPROTO_L4_ICMP : IPPROTO_L4_ICMP6;
	uint16_t head = (uint16_t)(packet_ip_size(p->family) + ICMP_LEN);
	uint16_t most = p->family == FAMILY_V4 ? ICMP4_ERROR_MAX : ICMP6_ERROR_MAX;
	uint16_t quote = p->l3_size < most - head ? p->l3_size : (uint16_t)(most - head);
	uint16_t size = (uint16_t)(ICMP_LEN + quote);
	uint8_t *l4 = buf_data(m) + packet_ip_size(p->family);
	packet_ip_write(buf_data(m), p->family, src, &p->src, proto, PACKET_TTL, p->tos & 0xfc,
	                size);
	l4[0] = e->type;
	l4[1] = e->code;
	store32(l4 + 4, htobe32(e->arg));
	memcpy(l4 + ICMP_LEN, p->l3, quote);
	packet_l4_seal(l4, size, p->family, src, &p->src, proto);
	m->data_len = (uint16_t)(head + quote);
}

static void
error_send(struct slow *s, const struct packet *p, const struct error *e)
{
	union addr src;
	uint8_t nic = error_nic(s, p);
	if (nic == NIC_NONE || !icmp_may_answer(s, p) || !error_source(s, p, e, &src) ||
	    !ratelimit_take(&s->icmp, s->now_ns))
		return;
	struct rte_mbuf *m = out_alloc(s, nic);
	if (m == NULL)
		return;
	error_write(m, p, e, &src);
	if (has_looped(p))
		out_loop(s, m, nic, p->family);
	else
		out_packet(s, m, p->family, &p->src);
}

/* The nearest thing that RFC 4443 has for a code of IPv4 (as in RFC 7915, 4.2). */
static struct error
unreachable_v6(const struct packet *p, uint8_t code)
{
	switch (code) {
	case UNREACH_PROTOCOL:
		return (struct error){ICMP6_PARAM, 1, true, p->proto_at};
	case UNREACH_PORT:
		return (struct error){ICMP6_UNREACHABLE, 4, true, 0};
	case UNREACH_HOST:
		return (struct error){ICMP6_UNREACHABLE, 3, true, 0};
	case 9:
	case 10:
	case UNREACH_PROHIBITED:
		return (struct error){ICMP6_UNREACHABLE, 1, true, 0};
	default:
		return (struct error){ICMP6_UNREACHABLE, 0, true, 0};
	}
}

void
icmp_make_unreachable(struct slow *s, const struct packet *p, uint8_t code)
{
	struct error e = p->family == FAMILY_V6 ? unreachable_v6(p, code) :
	                 (struct error){ICMP4_UNREACHABLE, code, true, 0};
	error_send(s, p, &e);
}

void
icmp_make_time_exceeded(struct slow *s, const struct packet *p)
{
	struct error e = {p->family == FAMILY_V6 ? ICMP6_TIME : ICMP4_TIME, 0, false, 0};
	error_send(s, p, &e);
}

void
icmp_make_too_big(struct slow *s, const struct packet *p, uint16_t mtu)
{
	struct error v4 = {ICMP4_UNREACHABLE, FRAG_NEEDED, false, mtu};
	struct error v6 = {ICMP6_TOO_BIG, 0, false, mtu};
	error_send(s, p, p->family == FAMILY_V6 ? &v6 : &v4);
}

void
icmp_make_host_lost(struct slow *s, struct rte_mbuf *m, uint8_t nic)
{
	struct packet p;
	union addr src;
	if (!packet_view_pulled(m, &p) || !icmp_may_answer(s, &p) ||
	    !own_any(s->gen, nic, p.family, &src) || !ratelimit_take(&s->icmp, s->now_ns))
		return;
	struct error v4 = {ICMP4_UNREACHABLE, UNREACH_HOST, false, 0};
	struct error e = p.family == FAMILY_V6 ? unreachable_v6(&p, UNREACH_HOST) : v4;
	struct rte_mbuf *made = out_alloc(s, nic);
	if (made == NULL)
		return;
	error_write(made, &p, &e, &src);
	out_enter(s, made, nic, p.family);
}
