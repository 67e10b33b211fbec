/* SPDX-License-Identifier: Apache-2.0 */
/* ICMP errors: read the quoted packet, find its flow, translate both. */
#include "icmp_error.h"

#include "csum.h"
#include "encap.h"
#include "flow_index.h"
#include "hop.h"
#include "miss.h"
#include "miss.h"
#include "parse.h"
#include "rewrite.h"
#include "routed.h"
#include "shifted.h"
#include "told.h"
#include "tx.h"
#include "way_index.h"

enum {
	OPT_END = 0, OPT_NOP = 1, OPT_RECORD = 7, OPT_TIME = 68, OPT_LOOSE = 131, OPT_STRICT = 137,
	ICMP4_LENGTH = 5, /* RFC 4884: of the quoted datagram, in words */
	FRAG_NEEDED = 4, ICMP6_TOO_BIG = 2,
};

/* The quoted packet. */
struct inner {
	uint8_t *l3, *l4;
	uint32_t l4_size;    /* bytes of the transport header and what follows that are there */
	struct tuple tuple;  /* as quoted: a packet that we sent */
};

/* The checksum of an ICMP message, as stored or 0 when the field is part of what is summed. */
static be16
message_csum(const struct pkt *p)
{
	uint32_t size = (uint32_t)p->l3_len - p->l4;
	uint64_t sum = csum_add(0, p->l3 + p->l4, size);
	if (p->family == FAMILY_V6)
		sum = csum_add_pseudo6(sum, p->l3 + 8, IPPROTO_L4_ICMP6, size);
	return (be16)~csum_fold(sum);
}

/* Bytes of the quoted packet: RFC 4884 says where it ends if something follows. */
static uint32_t
quoted_size(const struct pkt *p)
{
	const uint8_t *icmp = p->l3 + p->l4;
	uint32_t size = (uint32_t)p->l3_len - p->l4 - ICMP_LEN;
	uint32_t given = p->family == FAMILY_V4 ? icmp[ICMP4_LENGTH] * 4u : icmp[4] * 8u;
	bool has_length = p->family == FAMILY_V4 || icmp[0] == ICMP6_UNREACHABLE || icmp[0] == 3;
	return has_length && given >= 128 && given < size ? given : size;
}

/* Is more than the IPv4 header needed to know the flow? */
static bool
has_ports4(uint8_t proto)
{
	return proto == IPPROTO_L4_TCP || proto == IPPROTO_L4_UDP || proto == IPPROTO_L4_ICMP;
}

/* => protocol of the quoted packet and where its transport header is; false: broken. */
static bool
inner_ip4(struct inner *in, uint32_t size)
{
	const struct ip4 *h = (const struct ip4 *)in->l3;
	if (size < IP4_LEN)
		return false;
	uint32_t header = (h->version_ihl & 15) * 4u;
	if (h->version_ihl >> 4 != 4 || header < IP4_LEN || header > size)
		return false;
	if (size - header < 8 && has_ports4(h->proto))
		return false;
	if (!csum_ip4_is_right(h, header) || (h->frag & htobe16(IP4_OFFSET)) != 0)
		return false;
	in->l4 = in->l3 + header;
	in->l4_size = size - header;
	in->tuple = (struct tuple){.src = addr_from_v4(h->src), .dst = addr_from_v4(h->dst),
	                           .family = FAMILY_V4, .proto = h->proto};
	return true;
}

static bool
inner_ip6(struct inner *in, uint32_t size)
{
	const struct ip6 *h = (const struct ip6 *)in->l3;
	if (size < IP6_LEN + 8 || in->l3[0] >> 4 != 6)
		return false;
	struct chain6 c = parse_chain6(in->l3, size);
	if (!c.ok || c.off + 8u > size)
		return false;
	if (c.frag != 0 && (load16(in->l3 + c.frag + 2) & htobe16(0xfff8)) != 0)
		return false;
	in->l4 = in->l3 + c.off;
	in->l4_size = size - c.off;
	in->tuple = (struct tuple){.src = h->src, .dst = h->dst, .family = FAMILY_V6,
	                           .proto = c.next};
	return true;
}

/* Ports or identifier. => 0, or the reason for which there are none. */
static unsigned
inner_ports(struct inner *in)
{
	struct tuple *t = &in->tuple;
	if (t->proto == IPPROTO_L4_TCP || t->proto == IPPROTO_L4_UDP) {
		t->sport = load16(in->l4);
		t->dport = load16(in->l4 + 2);
		return 0;
	}
	bool v4 = t->family == FAMILY_V4;
	if (t->proto != (v4 ? IPPROTO_L4_ICMP : IPPROTO_L4_ICMP6))
		return v4 && t->proto != 0 ? 0 : DROP_ICMP_NO_FLOW; /* by addresses alone */
	if (in->l4[0] == (v4 ? ICMP4_REQUEST : ICMP6_REQUEST))
		t->sport = load16(in->l4 + ICMP_ID);
	else if (in->l4[0] == (v4 ? ICMP4_REPLY : ICMP6_REPLY))
		t->dport = load16(in->l4 + ICMP_ID);
	else
		return DROP_ICMP_INNER;
	return 0;
}

/* => 0, or why the error cannot be used. */
static unsigned
inner_parse(const struct pkt *p, struct inner *in)
{
	if (message_csum(p) != 0)
		return DROP_ICMP_CHECKSUM;
	in->l3 = p->l3 + p->l4 + ICMP_LEN;
	uint32_t size = quoted_size(p);
	if (!(p->family == FAMILY_V4 ? inner_ip4(in, size) : inner_ip6(in, size)))
		return DROP_ICMP_INNER;
	/* It has to be sent to who sent what it quotes. */
	union addr dst = pkt_dst(p);
	if (!addr_equal(&dst, &in->tuple.src))
		return DROP_ICMP_INNER;
	return inner_ports(in);
}

static void
inner_rewrite(const struct inner *in, const struct tuple *to)
{
	const struct tuple *t = &in->tuple;
	uint64_t diff;
	if (t->family == FAMILY_V4)
		diff = rewrite_addresses4((struct ip4 *)in->l3, to->src.w[0], to->dst.w[0], false);
	else
		diff = rewrite_addresses6((struct ip6 *)in->l3, &to->src, &to->dst, false);
	if (t->family == FAMILY_V4 && !has_ports4(t->proto))
		return;
	rewrite_l4(in->l4, t->proto, in->l4_size, ports_load(&t->sport), ports_load(&to->sport),
	           diff);
}

void
icmp_hide_options(struct ip4 *h)
{
	uint8_t *o = (uint8_t *)h;
	unsigned header = (h->version_ihl & 15) * 4u, i = IP4_LEN;
	while (i < header && o[i] != OPT_END) {
		unsigned size = o[i] == OPT_NOP ? 1 : i + 1 < header ? o[i + 1] : 0;
		if (size == 0 || i + size > header)
			break;
		if (o[i] == OPT_RECORD || o[i] == OPT_LOOSE || o[i] == OPT_STRICT ||
		    o[i] == OPT_TIME)
			memset(o + i, OPT_NOP, size);
		i += size;
	}
	if (header != IP4_LEN)
		csum_ip4_seal(h);
}

/* An extension may name addresses and labels of the inside (RFC 5837, RFC 4950): it is cut off. */
static void
hide_extension(struct pkt *p)
{
	uint32_t size = p->l4 + ICMP_LEN + quoted_size(p);
	p->l3[p->l4 + ICMP4_LENGTH] = 0;
	if (size == p->l3_len)
		return;
	p->l3_len = (uint16_t)size;
	pkt_ip4(p)->total = htobe16(p->l3_len);
	csum_ip4_seal(pkt_ip4(p));
}

/* What else an error says of the network that it comes from. */
static void
hide(struct pkt *p, const struct inner *in)
{
	if (p->family != FAMILY_V4)
		return;
	icmp_hide_options((struct ip4 *)in->l3);
	icmp_hide_options(pkt_ip4(p));
	hide_extension(p);
}

/* Who says it, to the other side: a router of the inside by its own address there, if it has one,
 * else as the end whose packets they are (RFC 5508 REQ-5). */
static union addr
hidden_source(const struct worker *w, const struct pkt *p, const struct policy_ops *ops,
              const union addr *end)
{
	union addr src = pkt_src(p), own;
	bool has_own = ops->alias != NULL && ops->alias(w->gen, p->realm, &src, p->family, &own);
	return has_own ? own : *end;
}

/*
 * Packets that `in` quotes met an obstacle; whoever sends them, as the tuple `to`, is told.
 * hides: but not from where; whose flow it is.
 */
static void
translate(struct worker *w, struct pkt *p, const struct inner *in, const struct tuple *to,
          const struct policy_ops *hides)
{
	struct hop hop = hop_find(w, to->realm, &to->src, p->family);
	if (!hop_admit(w, p, hop))
		return;
	union addr src = pkt_src(p);
	struct tuple outer = {.src = src, .dst = to->src};
	if (addr_equal(&src, &in->tuple.dst))
		outer.src = to->dst;
	else if (hides != NULL)
		outer.src = hidden_source(w, p, hides, &to->dst);
	inner_rewrite(in, to);
	rewrite_addresses(p, &outer);
	if (hides != NULL)
		hide(p, in);
	store16(p->l3 + p->l4 + ICMP_CSUM, 0);
	store16(p->l3 + p->l4 + ICMP_CSUM, message_csum(p));
	hop_send(w, p, hop);
}

/* An error with a source of ours is its endpoint's, about what a client behind us has sent it, or
 * forged. */
static bool
is_forged(const struct worker *w, const struct pkt *p, const struct flow *f, unsigned d)
{
	return p->stage == STAGE_ANSWER &&
	       (d == 0 || (f->flags & FLOW_WAY) == 0 || !encap_is_from_owner(w, p, f->owner));
}

/* The error goes against the direction of the flow reference, which is that of its answers. */
static void
translate_of_flow(struct worker *w, struct pkt *p, const struct inner *in, flow_ref ref)
{
	const struct flow *f = flow_get(&w->flows, ref);
	unsigned d = ref & 1;
	struct tuple here = flow_tuple(&w->flows, ref, d), to = flow_tuple(&w->flows, ref, !d);
	if (is_forged(w, p, f, d)) {
		pkt_drop(w, p, DROP_IP_SOURCE);
		return;
	}
	if (told_is(f)) {
		if (d == 1)
			told_quote(w, p, ref, in->l4, in->l4_size);
	} else if ((f->flags & FLOW_SHIFT) != 0) {
		shifted_quote(w, ref, !d, in->l4, in->l4_size);
	}
	if (d == 0 && (f->flags & FLOW_WAY) != 0)
		encap_to(w, p, f->owner, tuple_hash(&here, w->flows.seed));
	else
		translate(w, p, in, &to, (f->flags & (FLOW_HIDE_0 << d)) != 0 ?
		          w->policy[f->policy].ops : NULL);
}

/*
 * Nobody here has seen the flow: an error about an answer of it may have come by another box than
 * its packets do (RFC 7690). Whoever would get the flow if it were opened now, gets the error.
 */
static void
translate_by_guess(struct worker *w, struct pkt *p, const struct inner *in, const struct miss *m)
{
	struct flow_spec spec = {.owner = 0};
	for (unsigned i = 0; i < w->n_policies; i++) {
		const struct policy_ops *ops = w->policy[i].ops;
		if (ops->guess == NULL || !ops->guess(w->policy[i].state, m, &spec))
			continue;
		if ((spec.flags & FLOW_WAY) != 0)
			encap_to(w, p, spec.owner, tuple_hash(&m->tuple, w->flows.seed));
		else
			translate(w, p, in, &spec.reply,
			          (spec.flags & FLOW_HIDE_0) != 0 ? ops : NULL);
		return;
	}
	pkt_drop(w, p, DROP_ICMP_NO_FLOW);
}

/* No flow here: the worker that is home to packets of the flow may have it, or none is needed. */
static void
seek_home(struct worker *w, struct pkt *p, const struct inner *in, const struct tuple *arriving)
{
	struct miss m = {.tuple = *arriving, .gen = w->gen, .now_ms = w->now_ms,
	                 .now_ns = w->now_ns, .nic = p->nic};
	m.route = route_from(w->gen, p->realm, &arriving->dst, arriving->family);
	m.back = route_back(w->gen, p->realm, &arriving->src, arriving->family);
	bool is_answer = p->stage == STAGE_ANSWER;
	int home = HOME_NOT_MINE;
	if (!is_answer && miss_is_untouched(w, &m, &home)) {
		routed_send(w, p);
		return;
	}
	/* Of a packet that went on as it had come, to a service: its client's worker knows it. */
	if (w->gen->n_ways != 0 && m.back != NULL && m.back->kind == ROUTE_SERVICE)
		home = steer_worker(&w->gen->steer, &arriving->dst, arriving->family);
	if (home >= 0 && home != w->id && p->cause != HANDOFF_ICMP)
		pkt_handoff(w, p, (uint16_t)home, HANDOFF_ICMP);
	else if (is_answer)
		pkt_drop(w, p, DROP_IP_SOURCE);
	else
		translate_by_guess(w, p, in, &m);
}

/* Was an outer packet of ours too big for a router on its way? */
static bool
is_of_way(const struct worker *w, const struct pkt *p, const struct inner *in)
{
	const uint8_t *icmp = p->l3 + p->l4;
	bool is_v4 = p->family == FAMILY_V4;
	bool is_too_big = is_v4 ? icmp[0] == ICMP4_UNREACHABLE && icmp[1] == FRAG_NEEDED :
	                          icmp[0] == ICMP6_TOO_BIG;
	return is_too_big && p->realm == 0 &&
	       way_by_outer(w->gen, in->l3, quoted_size(p)) != NULL;
}

void
icmp_error_handle(struct worker *w, struct pkt *p)
{
	struct inner in;
	unsigned reason = inner_parse(p, &in);
	if (reason == 0 || reason == DROP_ICMP_NO_FLOW) {
		if (is_of_way(w, p, &in)) {
			pkt_punt(w, p, PUNT_WAY_MTU, DROP_ICMP_NO_FLOW, 0);
			return;
		}
	}
	if (reason != 0) {
		pkt_drop(w, p, reason);
		return;
	}
	struct tuple arriving = tuple_invert(&in.tuple);
	arriving.realm = p->realm;
	flow_ref ref = flow_find(&w->flows, &arriving);
	if (ref == 0 || flow_is_idle(flow_get(&w->flows, ref), w->pipe->timers, w->now_ms))
		seek_home(w, p, &in, &arriving);
	else
		translate_of_flow(w, p, &in, ref);
}
