/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       ARP, both ways: requests for our addresses are answered, replies resolve next hops.
 * Invariant  1. A sender is remembered when it asks for an address of ours, or when it is already
 *               known or awaited; a gratuitous ARP alone makes no entry.
 *            2. Nobody is answered who asks about its own address.
 * See        RFC 826, RFC 5227.
 */
#ifndef MR_ARP_H
#define MR_ARP_H

#include "slow.h"

/* arp_input: a punted ARP frame. => enum slow_end or a drop reason. */
int arp_input(struct slow *s, struct rte_mbuf *m);
/* arp_request: ask for target; to one station, or to all when mac is NULL. */
void arp_request(struct slow *s, uint8_t nic, const union addr *target, const uint8_t *mac);
/* arp_announce: tell all that address is here. */
void arp_announce(struct slow *s, uint8_t nic, const union addr *address);

#endif
