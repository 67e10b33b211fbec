/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Which addresses are ours, and which of them to speak from.
 * Invariant  An interface's link-local IPv6 address (fe80::/64 and the EUI-64 of its MAC) is ours
 *            without being configured.
 * Owner      Pure functions of a generation.
 */
#ifndef MR_OWN_H
#define MR_OWN_H

#include "lib/generation.h"

/* own_kind: is this an address that we answer for on nic? => enum route_kind, or 0. Interface
 * addresses on their own interface only; service, pool and balancer addresses on every one. */
unsigned own_kind(const struct generation *g, uint8_t nic, uint8_t family, const union addr *a);

/* own_link_local: the link-local IPv6 address of an interface (RFC 4291, appendix A). */
union addr own_link_local(const struct gen_nic *n);

/* own_source: our address on nic, best one whose prefix holds `to`, else any of the interface, for
 * IPv6 also the link-local one. => false when there is none. */
bool own_source(const struct generation *g, uint8_t nic, uint8_t family, const union addr *to,
                union addr *out);

/* own_any: an address of ours for an error: of the interface of arrival, else of another one of its
 * realm, else of the outside. */
bool own_any(const struct generation *g, uint8_t nic, uint8_t family, union addr *out);

/* own_first: an interface that has an address of the family, or NIC_NONE. */
uint8_t own_first(const struct generation *g, uint8_t family);

/* own_link: the interface of a realm whose connected prefix holds an address, or NIC_NONE. */
uint8_t own_link(const struct generation *g, uint8_t realm, uint8_t family, const union addr *a);

/* own_is_broadcast: is this IPv4 address the broadcast of a link of a realm, or of any network? */
bool own_is_broadcast(const struct generation *g, uint8_t realm, const union addr *a);

static inline bool
addr_is_link_local(const union addr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

#endif
