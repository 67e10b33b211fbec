/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, ports and MAC addresses between text and numbers. */
#include "addrtext.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
addr_parse(const char *s, union addr *a, uint8_t *family)
{
	memset(a, 0, sizeof(*a));
	*family = strchr(s, ':') != NULL ? FAMILY_V6 : FAMILY_V4;
	if (*family == FAMILY_V6)
		return inet_pton(AF_INET6, s, a->b) == 1;
	be32 v4;
	if (inet_pton(AF_INET, s, &v4) != 1)
		return false;
	*a = addr_from_v4(v4);
	return true;
}

/* text_number: decimal without sign, spaces or leading zeros, up to max. */
static bool
text_number(const char *s, size_t n, uint32_t max, uint32_t *value)
{
	if (n == 0 || n > 9 || (n > 1 && s[0] == '0'))
		return false;
	*value = 0;
	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)s[i]))
			return false;
		*value = *value * 10 + (uint32_t)(s[i] - '0');
	}
	return *value <= max;
}

/* text_head: copy what stands before the separator. => what follows it, or NULL. */
static const char *
text_head(const char *s, char separator, char *head, size_t size)
{
	const char *end = strchr(s, separator);
	if (end == NULL || (size_t)(end - s) >= size)
		return NULL;
	memcpy(head, s, (size_t)(end - s));
	head[end - s] = '\0';
	return end + 1;
}

bool
prefix_parse(const char *s, struct prefix *p)
{
	char head[ADDR_TEXT];
	uint32_t plen;
	const char *tail = text_head(s, '/', head, sizeof(head));
	if (tail == NULL || !addr_parse(head, &p->address, &p->family))
		return false;
	if (!text_number(tail, strlen(tail), addr_bits(p->family), &plen))
		return false;
	p->plen = (uint8_t)plen;
	return true;
}

bool
network_parse(const char *s, struct prefix *p)
{
	if (strchr(s, '/') != NULL)
		return prefix_parse(s, p);
	if (!addr_parse(s, &p->address, &p->family))
		return false;
	p->plen = (uint8_t)addr_bits(p->family);
	return true;
}

/* range_halves: what stands before and behind "-" and the spaces around it. => behind, or NULL. */
static const char *
range_halves(const char *s, char *head, size_t size)
{
	const char *tail = text_head(s, '-', head, size);
	if (tail == NULL)
		return NULL;
	for (size_t n = strlen(head); n > 0 && head[n - 1] == ' '; n--)
		head[n - 1] = '\0';
	return tail + strspn(tail, " ");
}

bool
range4_read(const char *s, uint32_t *first, uint32_t *last)
{
	char head[ADDR_TEXT];
	struct prefix p;
	union addr a, b;
	uint8_t family, family_b;
	const char *tail = range_halves(s, head, sizeof(head));
	if (tail != NULL) {
		if (!addr_parse(head, &a, &family) || !addr_parse(tail, &b, &family_b))
			return false;
		*first = host_from_v4(&a);
		*last = host_from_v4(&b);
		return family == FAMILY_V4 && family_b == FAMILY_V4;
	}
	if (!network_parse(s, &p) || p.family != FAMILY_V4)
		return false;
	a = prefix_last(&p);
	*first = host_from_v4(&p.address);
	*last = host_from_v4(&a);
	return true;
}

bool
range4_parse(const char *s, uint32_t *first, uint32_t *last)
{
	return range4_read(s, first, last) && *first <= *last;
}

bool
ports_read(const char *s, uint16_t *first, uint16_t *last)
{
	char head[ADDR_TEXT];
	uint32_t a, b;
	const char *tail = range_halves(s, head, sizeof(head));
	if (tail == NULL || !text_number(head, strlen(head), 65535, &a) ||
	    !text_number(tail, strlen(tail), 65535, &b) || a == 0 || b == 0)
		return false;
	*first = (uint16_t)a;
	*last = (uint16_t)b;
	return true;
}

bool
ports_parse(const char *s, uint16_t *first, uint16_t *last)
{
	return ports_read(s, first, last) && *first <= *last;
}

bool
mac_parse(const char *s, uint8_t mac[6])
{
	if (strlen(s) != 17 || (s[2] != ':' && s[2] != '-'))
		return false;
	for (unsigned i = 0; i < 17; i++)
		if (i % 3 == 2 ? s[i] != s[2] : !isxdigit((unsigned char)s[i]))
			return false;
	for (unsigned i = 0; i < 6; i++) {
		char byte[3] = {s[3 * i], s[3 * i + 1], '\0'};
		mac[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	return true;
}

const char *
addr_put(char out[ADDR_TEXT], const union addr *a, uint8_t family)
{
	inet_ntop(family == FAMILY_V4 ? AF_INET : AF_INET6, a->b, out, ADDR_TEXT);
	return out;
}

const char *
prefix_put(char out[ADDR_TEXT], const struct prefix *p)
{
	addr_put(out, &p->address, p->family);
	size_t n = strlen(out);
	snprintf(out + n, ADDR_TEXT - n, "/%u", p->plen);
	return out;
}

/* prefix_mask: of byte i of an address. */
static uint8_t
prefix_mask(const struct prefix *p, unsigned i)
{
	unsigned from = i * 8;
	if (p->plen >= from + 8)
		return 0xff;
	return p->plen <= from ? 0 : (uint8_t)(0xff00u >> (p->plen - from));
}

struct prefix
prefix_network(const struct prefix *p)
{
	struct prefix r = *p;
	for (unsigned i = 0; i < sizeof(r.address.b); i++)
		r.address.b[i] &= prefix_mask(p, i);
	return r;
}

union addr
prefix_last(const struct prefix *p)
{
	union addr a = p->address;
	for (unsigned i = 0; i < addr_bits(p->family) / 8; i++)
		a.b[i] |= (uint8_t)~prefix_mask(p, i);
	return a;
}

bool
addr_is_link_local(const union addr *a, uint8_t family)
{
	if (family == FAMILY_V4)
		return a->b[0] == 169 && a->b[1] == 254;
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

bool
addr_is_unicast(const union addr *a, uint8_t family)
{
	static const uint8_t zero[15], mapped[12] = {[10] = 0xff, [11] = 0xff};
	if (family == FAMILY_V4)
		return a->b[0] != 0 && a->b[0] != 127 && a->b[0] < 224;
	if (a->b[0] == 0xff || memcmp(a->b, mapped, sizeof(mapped)) == 0)
		return false;
	return memcmp(a->b, zero, sizeof(zero)) != 0 || a->b[15] > 1;
}

uint32_t
host_from_v4(const union addr *a)
{
	return ntohl(a->w[0]);
}

union addr
v4_from_host(uint32_t host)
{
	return addr_from_v4(htonl(host));
}
