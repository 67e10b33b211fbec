/* SPDX-License-Identifier: Apache-2.0 */
/* TCP segments from nothing. */
#include "segment.h"

static void
write_ip4(uint8_t *l3, const struct tuple *t, uint32_t size)
{
	struct ip4 *h = (struct ip4 *)l3;
	*h = (struct ip4){.version_ihl = 0x45, .total = htobe16((uint16_t)size),
		.frag = htobe16(IP4_DF), .ttl = SEGMENT_TTL, .proto = IPPROTO_L4_TCP,
		.src = t->src.w[0], .dst = t->dst.w[0]};
	csum_ip4_seal(h);
}

static void
write_ip6(uint8_t *l3, const struct tuple *t, uint32_t size)
{
	struct ip6 *h = (struct ip6 *)l3;
	*h = (struct ip6){.version_class_flow = htobe32(6u << 28),
		.payload = htobe16((uint16_t)(size - IP6_LEN)), .next = IPPROTO_L4_TCP,
		.hops = SEGMENT_TTL, .src = t->src, .dst = t->dst};
}

/* Options as most stacks order them; each begins where its fields are aligned. */
static unsigned
write_options(uint8_t *at, const struct segment *s)
{
	uint8_t *o = at;
	if (s->mss != 0) {
		*o++ = OPTION_MSS;
		*o++ = 4;
		store16(o, htobe16(s->mss));
		o += 2;
	}
	if (s->sack_ok || s->has_time) {
		*o++ = s->sack_ok ? OPTION_SACK_OK : OPTION_NOP;
		*o++ = s->sack_ok ? 2 : OPTION_NOP;
		*o++ = s->has_time ? OPTION_TIME : OPTION_NOP;
		*o++ = s->has_time ? TIME_OPTION : OPTION_NOP;
	}
	if (s->has_time) {
		store32(o, htobe32(s->time));
		store32(o + 4, htobe32(s->echo));
		o += 8;
	}
	if (s->scale <= TCP_MAX_SCALE) {
		*o++ = OPTION_NOP;
		*o++ = OPTION_SCALE;
		*o++ = 3;
		*o++ = s->scale;
	}
	memcpy(o, s->option, s->n_option);
	return (unsigned)(o + s->n_option - at);
}

static void
record(struct pkt *p, const struct tuple *t)
{
	p->proto = IPPROTO_L4_TCP;
	p->family = t->family;
	p->flags = 0;
	p->frag = 0;
	p->ident = 0;
	p->l4 = t->family == FAMILY_V4 ? IP4_LEN : IP6_LEN;
	if (t->family == FAMILY_V4)
		p->key.t4 = (struct tuple4){t->src.w[0], t->dst.w[0], t->sport, t->dport};
	else
		p->key.t6 = (struct tuple6){t->src, t->dst, t->sport, t->dport};
}

void
segment_write(struct pkt *p, const struct tuple *t, const struct segment *s)
{
	record(p, t);
	uint8_t *h = p->l3 + p->l4;
	unsigned header = TCP_LEN + write_options(h + TCP_LEN, s);
	uint32_t size = p->l4 + header + s->n_payload;
	store16(h, t->sport);
	store16(h + 2, t->dport);
	store32(h + TCP_SEQ, htobe32(s->seq));
	store32(h + TCP_ACKNO, htobe32(s->ack));
	h[TCP_OFFSET] = (uint8_t)(header / 4 << 4);
	h[TCP_FLAGS] = s->flags;
	store16(h + TCP_WINDOW, htobe16(s->window));
	store32(h + TCP_SUM, 0);
	memcpy(h + header, s->payload, s->n_payload);
	if (t->family == FAMILY_V4)
		write_ip4(p->l3, t, size);
	else
		write_ip6(p->l3, t, size);
	p->l3_len = (uint16_t)size;
	p->m->data_len = (uint16_t)(p->l3 - buf_data(p->m) + size);
	p->m->pkt_len = p->m->data_len;
	tcp_seal(p);
}
