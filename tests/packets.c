/* SPDX-License-Identifier: Apache-2.0 */
/* Making and reading frames for tests, byte by byte. */
#include "packets.h"

#include <arpa/inet.h>

static void
put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static unsigned
get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

union addr
addr4(const char *text)
{
	union addr a = {.q = {0, 0}};
	inet_pton(AF_INET, text, a.b);
	return a;
}

union addr
addr6(const char *text)
{
	union addr a = {.q = {0, 0}};
	inet_pton(AF_INET6, text, a.b);
	return a;
}

uint16_t
sum16(const uint8_t *data, size_t size, uint32_t start)
{
	uint32_t sum = start;
	for (size_t i = 0; i < size; i++) {
		sum += i % 2 == 0 ? (uint32_t)data[i] << 8 : data[i];
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)~sum;
}

/* The pseudo-header as a start for sum16. */
static uint32_t
pseudo(const uint8_t *l3, uint8_t proto, size_t size)
{
	bool v4 = l3[0] >> 4 == 4;
	if (v4 && proto == 1)
		return 0;
	uint16_t addresses = (uint16_t)~sum16(v4 ? l3 + 12 : l3 + 8, v4 ? 8 : 32, 0);
	return addresses + proto + (uint32_t)size;
}

static size_t
l4_header(uint8_t proto)
{
	return proto == 6 ? 20 : 8;
}

static size_t
csum_at(uint8_t proto)
{
	return proto == 6 ? 16 : proto == 17 ? 6 : 2;
}

static void
l4_seal(uint8_t *l3, uint8_t *l4, uint8_t proto, size_t size)
{
	put16(l4 + csum_at(proto), 0);
	uint16_t sum = sum16(l4, size, pseudo(l3, proto, size));
	put16(l4 + csum_at(proto), proto == 17 && sum == 0 ? 0xffff : sum);
}

static void
payload_put(uint8_t *at, const struct frame *f)
{
	const uint8_t *given = f->payload;
	for (unsigned i = 0; i < f->payload_size; i++)
		at[i] = given != NULL ? given[i] : (uint8_t)(i * 7 + 3);
}

static size_t
l4_make(uint8_t *l3, uint8_t *l4, const struct frame *f)
{
	size_t header = l4_header(f->proto), size = header + f->payload_size;
	memset(l4, 0, header);
	payload_put(l4 + header, f);
	if (f->proto == 6 || f->proto == 17) {
		put16(l4, f->sport);
		put16(l4 + 2, f->dport);
	} else {
		l4[0] = f->icmp_type;
		l4[1] = f->icmp_code;
		put16(l4 + 4, f->sport);
		put16(l4 + 6, f->dport);
	}
	if (f->proto == 6) {
		l4[12] = 5 << 4;
		l4[13] = f->tcp_flags;
		put16(l4 + 4, f->seq >> 16);
		put16(l4 + 6, f->seq & 0xffff);
		put16(l4 + 8, f->ack >> 16);
		put16(l4 + 10, f->ack & 0xffff);
		put16(l4 + 14, 65535);
	}
	if (f->proto == 17)
		put16(l4 + 4, (unsigned)size);
	if (f->proto != 17 || !f->no_udp_csum)
		l4_seal(l3, l4, f->proto, size);
	return size;
}

static size_t
ip4_make(uint8_t *l3, const struct frame *f)
{
	size_t header = 20u + f->options;
	l3[0] = (uint8_t)(0x40 | header / 4);
	l3[1] = f->tos;
	put16(l3 + 4, f->id);
	put16(l3 + 6, f->frag);
	l3[8] = f->ttl != 0 ? f->ttl : 64;
	l3[9] = f->proto;
	memcpy(l3 + 12, f->src.b, 4);
	memcpy(l3 + 16, f->dst.b, 4);
	memset(l3 + 20, 1, f->options);
	size_t size = header + l4_make(l3, l3 + header, f);
	put16(l3 + 2, (unsigned)size);
	put16(l3 + 10, 0);
	put16(l3 + 10, sum16(l3, header, 0));
	return size;
}

static size_t
ip6_make(uint8_t *l3, const struct frame *f)
{
	memset(l3, 0, 40);
	l3[0] = (uint8_t)(0x60 | f->tos >> 4);
	l3[1] = (uint8_t)(f->tos << 4);
	l3[6] = f->proto;
	l3[7] = f->ttl != 0 ? f->ttl : 64;
	memcpy(l3 + 8, f->src.b, 16);
	memcpy(l3 + 24, f->dst.b, 16);
	size_t size = l4_make(l3, l3 + 40, f);
	put16(l3 + 4, (unsigned)size);
	return 40 + size;
}

size_t
frame_ip(uint8_t *out, const struct frame *f)
{
	return f->family == 4 ? ip4_make(out, f) : ip6_make(out, f);
}

static size_t
l2_make(uint8_t *out, const struct frame *f)
{
	memcpy(out, f->dmac, 6);
	memcpy(out + 6, f->smac, 6);
	size_t n = 12;
	if (f->vlan != 0) {
		put16(out + n, 0x8100);
		put16(out + n + 2, f->vlan);
		n += 4;
	}
	put16(out + n, f->family == 4 ? 0x0800 : 0x86dd);
	return n + 2;
}

size_t
frame_make(uint8_t *out, const struct frame *f)
{
	size_t l2 = l2_make(out, f);
	return l2 + frame_ip(out + l2, f);
}

size_t
frame_error(uint8_t *out, const struct frame *f, const uint8_t *quoted, size_t n, uint32_t word)
{
	struct frame e = *f;
	e.proto = f->family == 4 ? 1 : 58;
	e.sport = (uint16_t)(word >> 16);
	e.dport = (uint16_t)word;
	e.payload = quoted;
	e.payload_size = (uint16_t)n;
	return frame_make(out, &e);
}

static size_t
cut4(uint8_t *l3, const uint8_t *ip, size_t from, size_t n, bool last)
{
	size_t header = (ip[0] & 15) * 4u;
	memcpy(l3, ip, header);
	memcpy(l3 + header, ip + header + from, n);
	put16(l3 + 2, (unsigned)(header + n));
	put16(l3 + 6, (unsigned)(from / 8 | (last ? 0 : 0x2000)));
	put16(l3 + 10, 0);
	put16(l3 + 10, sum16(l3, header, 0));
	return header + n;
}

static size_t
cut6(uint8_t *l3, const uint8_t *ip, size_t from, size_t n, bool last)
{
	memcpy(l3, ip, 40);
	memcpy(l3 + 48, ip + 40 + from, n);
	memset(l3 + 40, 0, 8);
	l3[40] = ip[6];
	l3[6] = 44;
	put16(l3 + 42, (unsigned)(from | (last ? 0 : 1)));
	put16(l3 + 44, 0x1234);
	put16(l3 + 46, 0x5678);
	put16(l3 + 4, (unsigned)(8 + n));
	return 48 + n;
}

size_t
frame_cut(uint8_t *out, const uint8_t *frame, size_t from, size_t n, bool last)
{
	size_t l2 = get16(frame + 12) == 0x8100 ? 18 : 14;
	memcpy(out, frame, l2);
	const uint8_t *ip = frame + l2;
	return l2 + (ip[0] >> 4 == 4 ? cut4(out + l2, ip, from, n, last) :
	                               cut6(out + l2, ip, from, n, last));
}

static bool
l4_is_right(const struct frame_view *v, size_t size)
{
	if (v->f.proto == 17 && get16(v->l4 + 6) == 0)
		return true;
	if (v->f.proto != 1 && v->f.proto != 6 && v->f.proto != 17 && v->f.proto != 58)
		return true;
	return sum16(v->l4, size, pseudo(v->l3, v->f.proto, size)) == 0;
}

static void
l4_view(struct frame_view *v, size_t size)
{
	size_t header = l4_header(v->f.proto);
	v->l4_csum_right = (v->f.frag & 0x1fff) != 0;
	if (size < header || v->l4_csum_right)
		return;
	v->f.payload = v->l4 + header;
	v->f.payload_size = (uint16_t)(size - header);
	unsigned at = v->f.proto == 6 || v->f.proto == 17 ? 0 : 4;
	v->f.sport = (uint16_t)get16(v->l4 + at);
	v->f.dport = (uint16_t)get16(v->l4 + at + 2);
	v->f.icmp_type = v->l4[0];
	v->f.icmp_code = v->l4[1];
	if (v->f.proto == 6) {
		v->f.tcp_flags = v->l4[13];
		v->f.seq = (uint32_t)get16(v->l4 + 4) << 16 | (uint32_t)get16(v->l4 + 6);
		v->f.ack = (uint32_t)get16(v->l4 + 8) << 16 | (uint32_t)get16(v->l4 + 10);
	}
	v->l4_csum_right = (v->f.frag & 0x3fff) != 0 || l4_is_right(v, size);
}

static bool
view4(struct frame_view *v, size_t room)
{
	size_t header = room >= 20 ? (v->l3[0] & 15) * 4u : 0;
	v->l3_size = header >= 20 && header <= room ? get16(v->l3 + 2) : 0;
	if (v->l3_size < header || v->l3_size > room || v->l3_size == 0)
		return false;
	v->f.proto = v->l3[9];
	v->f.ttl = v->l3[8];
	v->f.tos = v->l3[1];
	v->f.id = (uint16_t)get16(v->l3 + 4);
	v->f.frag = (uint16_t)get16(v->l3 + 6);
	memcpy(v->f.src.b, v->l3 + 12, 4);
	memcpy(v->f.dst.b, v->l3 + 16, 4);
	v->ip_csum_right = sum16(v->l3, header, 0) == 0;
	v->l4 = v->l3 + header;
	l4_view(v, v->l3_size - header);
	return true;
}

static bool
view6(struct frame_view *v, size_t room)
{
	v->l3_size = room >= 40 ? 40 + get16(v->l3 + 4) : 0;
	if (v->l3_size == 0 || v->l3_size > room)
		return false;
	v->f.proto = v->l3[6];
	v->f.ttl = v->l3[7];
	memcpy(v->f.src.b, v->l3 + 8, 16);
	memcpy(v->f.dst.b, v->l3 + 24, 16);
	v->ip_csum_right = true;
	v->l4 = v->l3 + 40;
	if (v->f.proto == 44 && v->l3_size >= 48) {
		v->f.proto = v->l4[0];
		v->f.frag = (uint16_t)(get16(v->l4 + 2) >> 3 | (v->l4[3] & 1) << 13);
		v->l4 += 8;
	}
	l4_view(v, v->l3_size - (size_t)(v->l4 - v->l3));
	return true;
}

bool
frame_view(struct frame_view *v, const uint8_t *frame, size_t size)
{
	memset(v, 0, sizeof(*v));
	if (size < 18)
		return false;
	memcpy(v->f.dmac, frame, 6);
	memcpy(v->f.smac, frame + 6, 6);
	size_t l2 = 14;
	if (get16(frame + 12) == 0x8100) {
		v->f.vlan = (uint16_t)(get16(frame + 14) & 0xfff);
		l2 = 18;
	}
	unsigned type = get16(frame + l2 - 2);
	v->l3 = frame + l2;
	v->f.family = type == 0x0800 ? 4 : type == 0x86dd ? 6 : 0;
	return v->f.family == 4 ? view4(v, size - l2) : v->f.family == 6 && view6(v, size - l2);
}
