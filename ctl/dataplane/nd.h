/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Neighbour discovery, both ways: solicitations for our addresses are answered,
 *            advertisements resolve next hops. No router advertisements are sent or believed.
 * Invariant  1. Nothing but a packet with hop limit 255, code 0, a right checksum and options of
 *               a length above zero is believed (RFC 4861, 7.1).
 *            2. A sender is remembered as in ARP.
 * See        RFC 4861, sections 4.3, 4.4, 7; RFC 4862, 5.4.
 */
#ifndef MR_ND_H
#define MR_ND_H

#include "slow.h"

enum { ICMP6_NEIGHBOUR_SOLICIT = 135, ICMP6_NEIGHBOUR_ADVERT = 136 };

/* nd_input: an ICMPv6 packet of type 135 or 136. => enum slow_end or a drop reason. */
int nd_input(struct slow *s, const struct packet *p);
/* nd_solicit: ask for target; to one station, or to its solicited-node group when mac is NULL. */
void nd_solicit(struct slow *s, uint8_t nic, const union addr *target, const uint8_t *mac);
/* nd_announce: tell all that address is here. */
void nd_announce(struct slow *s, uint8_t nic, const union addr *address);

#endif
