/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Addresses, prefixes, ranges, ports and MAC addresses between text and numbers.
 * Invariant  1. A function that says false leaves no meaning in its results.
 *            2. Text is read to its end: nothing may follow.
 * Owner      Values, no state.
 * Limits     ADDR_TEXT bytes hold any address, prefix or range that *_put writes.
 */
#ifndef MR_CONFIG_ADDRTEXT_H
#define MR_CONFIG_ADDRTEXT_H

#include <stddef.h>

#include "lib/addr.h"

enum { ADDR_TEXT = 64 };

struct prefix {
	union addr address;
	uint8_t family, plen;
};

/* addr_parse: IPv4 or IPv6 by its form. */
bool addr_parse(const char *s, union addr *a, uint8_t *family);
/* prefix_parse: address/length; bits beyond the length may be set. */
bool prefix_parse(const char *s, struct prefix *p);
/* network_parse: the same, or an address alone, which is a network of one. */
bool network_parse(const char *s, struct prefix *p);
/*
 * range4_parse: address, prefix or first-last. => first and last in host order; spaces may stand
 * around "-". range4_read: the same, first may be behind last.
 */
bool range4_parse(const char *s, uint32_t *first, uint32_t *last);
bool range4_read(const char *s, uint32_t *first, uint32_t *last);
/* ports_parse: first-last, 1..65535, host order. ports_read: first may be behind last. */
bool ports_parse(const char *s, uint16_t *first, uint16_t *last);
bool ports_read(const char *s, uint16_t *first, uint16_t *last);
/* mac_parse: six bytes in hexadecimal with colons or dashes. */
bool mac_parse(const char *s, uint8_t mac[6]);

/* addr_put, prefix_put: into ADDR_TEXT bytes; => out. */
const char *addr_put(char out[ADDR_TEXT], const union addr *a, uint8_t family);
const char *prefix_put(char out[ADDR_TEXT], const struct prefix *p);

/* prefix_network: the same prefix with the bits beyond its length zero. */
struct prefix prefix_network(const struct prefix *p);
/* prefix_last: the highest address inside. */
union addr prefix_last(const struct prefix *p);
static inline bool
prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->family == b->family && a->plen == b->plen && addr_equal(&a->address, &b->address);
}

/* addr_is_unicast: may a host have it? Not multicast, loopback, broadcast, unspecified, mapped. */
bool addr_is_unicast(const union addr *a, uint8_t family);
bool addr_is_link_local(const union addr *a, uint8_t family);
static inline int
addr_compare(const union addr *a, const union addr *b)
{
	return memcmp(a->b, b->b, sizeof(a->b));
}

/* host_from_v4, v4_from_host: an IPv4 address as a number. */
uint32_t host_from_v4(const union addr *a);
union addr v4_from_host(uint32_t host);

#endif
