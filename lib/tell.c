/* SPDX-License-Identifier: Apache-2.0 */
/* TOA and PROXY headers. */
#include "tell.h"

#include <endian.h>

/* Text is written by hand: nothing here may call the C library's formatting on a packet's way. */
struct text {
	uint8_t *at;
};

static void
put_text(struct text *w, const char *s)
{
	while (*s != '\0')
		*w->at++ = (uint8_t)*s++;
}

static void
put_number(struct text *w, unsigned v, unsigned base)
{
	uint8_t digit[8];
	unsigned n = 0;
	do {
		digit[n++] = (uint8_t)"0123456789abcdef"[v % base];
		v /= base;
	} while (v != 0);
	while (n > 0)
		*w->at++ = digit[--n];
}

static void
put_addr4(struct text *w, const union addr *a)
{
	for (unsigned i = 0; i < 4; i++) {
		if (i != 0)
			*w->at++ = '.';
		put_number(w, a->b[i], 10);
	}
}

/* The longest run of zero groups, two at least (RFC 5952 section 4.2). => its first group, or 8. */
static unsigned
zero_run(const union addr *a, unsigned *length)
{
	unsigned best = 8;
	*length = 1;
	for (unsigned i = 0; i < 8; i++) {
		unsigned n = 0;
		while (i + n < 8 && (a->b[2 * (i + n)] | a->b[2 * (i + n) + 1]) == 0)
			n++;
		if (n > *length) {
			best = i;
			*length = n;
		}
	}
	return best;
}

static void
put_addr6(struct text *w, const union addr *a)
{
	unsigned length, zeros = zero_run(a, &length);
	for (unsigned i = 0; i < 8; i++) {
		if (i == zeros) {
			put_text(w, "::");
			i += length - 1;
			continue;
		}
		if (i != 0 && i != zeros + length)
			*w->at++ = ':';
		put_number(w, (unsigned)a->b[2 * i] << 8 | a->b[2 * i + 1], 16);
	}
}

static void
put_addr(struct text *w, const union addr *a, uint8_t family)
{
	*w->at++ = ' ';
	if (family == FAMILY_V4)
		put_addr4(w, a);
	else
		put_addr6(w, a);
}

static unsigned
header1(uint8_t *out, const struct tuple *t)
{
	struct text w = {out};
	put_text(&w, t->family == FAMILY_V4 ? "PROXY TCP4" : "PROXY TCP6");
	put_addr(&w, &t->src, t->family);
	put_addr(&w, &t->dst, t->family);
	*w.at++ = ' ';
	put_number(&w, be16toh(t->sport), 10);
	*w.at++ = ' ';
	put_number(&w, be16toh(t->dport), 10);
	put_text(&w, "\r\n");
	return (unsigned)(w.at - out);
}

static unsigned
header2(uint8_t *out, const struct tuple *t)
{
	static const uint8_t begin[] = {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T',
	                                '\n', 0x21 /* version 2, PROXY */};
	enum { INET4 = 0x10, INET6 = 0x20, STREAM = 1, DATAGRAM = 2, PORTS = 4 };
	bool v4 = t->family == FAMILY_V4;
	unsigned kind = t->proto == IPPROTO_L4_UDP ? DATAGRAM : STREAM;
	unsigned n = sizeof(begin), size = v4 ? 4 : 16;
	memcpy(out, begin, sizeof(begin));
	out[n++] = (uint8_t)((v4 ? INET4 : INET6) | kind);
	out[n++] = 0;
	out[n++] = (uint8_t)(2 * size + PORTS);
	memcpy(out + n, &t->src, size);
	memcpy(out + n + size, &t->dst, size);
	n += 2 * size;
	memcpy(out + n, &t->sport, 2);
	memcpy(out + n + 2, &t->dport, 2);
	return n + PORTS;
}

unsigned
tell_header(uint8_t out[TELL_MAX], enum tell tell, const struct tuple *t)
{
	if (tell == TELL_PROXY1 && t->proto == IPPROTO_L4_TCP)
		return header1(out, t);
	return tell == TELL_PROXY2 ? header2(out, t) : 0;
}

unsigned
tell_pad(uint8_t head[TELL_MAX], unsigned n)
{
	static const uint8_t nothing[] = {0x04 /* PP2_TYPE_NOOP */, 0, 1, 0};
	enum { SIZE = 15 };
	static_assert(TELL_PADDED4 % 8 == 0 && TELL_PADDED6 % 8 == 0, "offsets of fragments");
	memcpy(head + n, nothing, sizeof(nothing));
	head[SIZE] = (uint8_t)(head[SIZE] + sizeof(nothing));
	return n + (unsigned)sizeof(nothing);
}

unsigned
tell_toa(uint8_t out[TELL_TOA_MAX], uint8_t kind, const struct tuple *t)
{
	bool v4 = t->family == FAMILY_V4;
	unsigned size = v4 ? TELL_TOA4 : TELL_TOA6;
	out[0] = kind;
	out[1] = (uint8_t)size;
	memcpy(out + 2, &t->sport, 2);
	memcpy(out + 4, &t->src, size - 4);
	return size;
}
