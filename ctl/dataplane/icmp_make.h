/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Makes ICMP and ICMPv6 errors about packets that end here.
 * Invariant  No error is about an ICMP error, a fragment that is not the first, a packet to or from
 *            a group, a broadcast or an invalid source (RFC 1812, 4.3.2.7; RFC 5508, REQ-10e;
 *            RFC 4443, 2.4e); all together keep to the configured rate.
 * Limits     IPv4: 576 bytes in all (RFC 1812, 4.3.2.3), IPv6: 1280 (RFC 4443, 2.4c).
 */
#ifndef MR_ICMP_MAKE_H
#define MR_ICMP_MAKE_H

#include "slow.h"

enum { ICMP4_ERROR_MAX = 576, ICMP6_ERROR_MAX = 1280 };

enum { /* Destination Unreachable, codes of IPv4 */
	UNREACH_NET = 0, UNREACH_HOST = 1, UNREACH_PROTOCOL = 2, UNREACH_PORT = 3,
	UNREACH_PROHIBITED = 13,
};

void icmp_make_unreachable(struct slow *s, const struct packet *p, uint8_t code);
void icmp_make_time_exceeded(struct slow *s, const struct packet *p);
void icmp_make_too_big(struct slow *s, const struct packet *p, uint16_t mtu);

/*
 * icmp_make_host_lost: m is a translated packet (data at its IP header) for which nic has no next
 * hop. Its sender knows it by other addresses, so the error enters as if it had arrived on nic,
 * and a worker translates it like any other.
 */
void icmp_make_host_lost(struct slow *s, struct rte_mbuf *m, uint8_t nic);

/* icmp_may_answer: may this packet be answered at all, rate left aside? */
bool icmp_may_answer(const struct slow *s, const struct packet *p);

#endif
