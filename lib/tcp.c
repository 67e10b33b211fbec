/* SPDX-License-Identifier: Apache-2.0 */
/* TCP segments in packets: options, fields, checksums. */
#include "tcp.h"

bool
tcp_of(const struct pkt *p, struct tcp *t)
{
	if (p->proto != IPPROTO_L4_TCP || p->l4 + (uint32_t)TCP_LEN > p->l3_len)
		return false;
	t->h = p->l3 + p->l4;
	t->header = (t->h[TCP_OFFSET] >> 4) * 4u;
	if (t->header < TCP_LEN || p->l4 + t->header > p->l3_len)
		return false;
	t->payload = p->l3_len - p->l4 - t->header;
	return true;
}

static void
option_note(struct tcp_options *o, uint8_t kind, uint8_t size, uint8_t at)
{
	if (kind == OPTION_MSS && size == 4)
		o->mss = at;
	else if (kind == OPTION_SCALE && size == 3)
		o->scale = at;
	else if (kind == OPTION_SACK_OK && size == 2)
		o->sack_ok = at;
	else if (kind == OPTION_TIME && size == TIME_OPTION)
		o->time = at;
	else if (kind == OPTION_SACK && size >= 10 && size % 8 == 2) {
		o->sack = (uint8_t)(at + 2);
		o->blocks = size / 8;
	}
}

void
tcp_options_read(const uint8_t *h, uint32_t header, struct tcp_options *o)
{
	*o = (struct tcp_options){0};
	uint32_t size;
	for (uint32_t i = TCP_LEN; (size = tcp_option_size(h, header, i)) != 0; i += size)
		option_note(o, h[i], (uint8_t)size, (uint8_t)i);
}

/* A difference of words that stand at an odd offset counts with its octets changed about. */
static uint64_t
diff_at(unsigned at, uint64_t diff)
{
	uint16_t folded = csum_fold(diff);
	return at % 2 != 0 ? __builtin_bswap16(folded) : folded;
}

void
tcp_put32(uint8_t *h, unsigned at, uint32_t value, uint64_t *diff)
{
	be32 before = load32(h + at), after = htobe32(value);
	store32(h + at, after);
	*diff += diff_at(at, csum_diff32(before, after));
}

void
tcp_put16(uint8_t *h, unsigned at, uint16_t value, uint64_t *diff)
{
	be16 before = load16(h + at), after = htobe16(value);
	store16(h + at, after);
	*diff += diff_at(at, csum_diff16(before, after));
}

static uint64_t
sum_of(const struct pkt *p)
{
	uint32_t size = (uint32_t)p->l3_len - p->l4;
	uint64_t sum = csum_add(0, p->l3 + p->l4, size);
	if (p->family == FAMILY_V4)
		return csum_add_pseudo4(sum, pkt_ip4(p)->src, pkt_ip4(p)->dst, IPPROTO_L4_TCP,
		                        (uint16_t)size);
	return csum_add_pseudo6(sum, &pkt_ip6(p)->src, IPPROTO_L4_TCP, size);
}

bool
tcp_is_right(const struct pkt *p)
{
	return csum_fold(sum_of(p)) == 0xffff;
}

void
tcp_seal(const struct pkt *p)
{
	uint8_t *sum = p->l3 + p->l4 + TCP_SUM;
	store16(sum, 0);
	store16(sum, (be16)~csum_fold(sum_of(p)));
}
